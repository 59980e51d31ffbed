//! The pages of the running app through WebKitWebDriver. Attaches to an app that the test has started itself, so that
//! the app's life stays in the test's hands. Knows nothing of what the pages show.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;

use crate::desk::Desk;
use crate::process::{Running, free_port, until};

/// The two variables that open an app's web views to a driver, and the port it listens on.
#[derive(Debug, Clone, Copy)]
pub struct Inspector {
    port: u16,
}

impl Inspector {
    /// Reserves a port.
    ///
    /// # Errors
    /// When loopback has none free.
    pub fn new() -> Result<Self> {
        Ok(Self { port: free_port()? })
    }

    /// Opens `app` to inspection, before it is started.
    pub fn open(self, app: &mut Command) {
        app.env("TAURI_WEBVIEW_AUTOMATION", "true").env("WEBKIT_INSPECTOR_SERVER", format!("127.0.0.1:{}", self.port));
    }
}

/// A driver with one session on one app. One at a time: WebKitGTK allows no more.
pub struct Pages {
    /// The session.
    pub client: Client,
    _driver: Running,
}

impl Pages {
    /// Attaches to an app that has at least one web view alive, or is about to.
    ///
    /// # Errors
    /// When the driver is missing, or the app cannot be attached to.
    pub async fn attach(desk: &Desk, inspector: Inspector) -> Result<Self> {
        until("the app's web inspector", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", inspector.port)).await.ok()
        })
        .await?;
        let port = free_port()?;
        let mut command = desk.command("WebKitWebDriver");
        command.arg(format!("--port={port}")).arg(format!("--target=127.0.0.1:{}", inspector.port));
        let driver = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        until("the web driver", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()).await?;
        let client = ClientBuilder::new(HttpConnector::new())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context("Cannot attach to the app's web view")?;
        Ok(Self { client, _driver: driver })
    }

    /// Chooses the window whose URL contains `part`.
    ///
    /// # Errors
    /// When no such window appears.
    pub async fn window(&self, part: &str) -> Result<()> {
        // The order of the handles is not the order in which the windows were made, so each is asked for its address.
        until(&format!("a window at {part}"), async || {
            for handle in self.client.windows().await.ok()? {
                self.client.switch_to_window(handle).await.ok()?;
                if self.client.current_url().await.ok()?.as_str().contains(part) {
                    return Some(());
                }
            }
            None
        })
        .await
    }

    /// The addresses of all pages. Another page than before may be followed afterwards.
    ///
    /// # Errors
    /// When a page goes meanwhile, or none is left.
    pub async fn addresses(&self) -> Result<Vec<String>> {
        let mut addresses = Vec::new();
        for handle in self.client.windows().await? {
            self.client.switch_to_window(handle).await?;
            addresses.push(self.client.current_url().await?.to_string());
        }
        Ok(addresses)
    }

    /// Runs `script` in the page and returns what it returns.
    ///
    /// # Errors
    /// When the page is gone or the script throws.
    pub async fn run(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// The text of the whole page as a person sees it.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn text(&self) -> Result<String> {
        let value = self.run("return document.body ? document.body.innerText : ''").await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks what `css` selects.
    ///
    /// # Errors
    /// When nothing is selected or it cannot be clicked.
    pub async fn click(&self, css: &str) -> Result<()> {
        // Right after it appeared the window may still be growing to its size, and what is outside cannot be clicked; what
        // still glides to its place would be missed.
        let refusal = std::cell::RefCell::new(None);
        let place = std::cell::Cell::new(None);
        let clicked = until(&format!("a click on {css}"), async || {
            let element = self.client.find(Locator::Css(css)).await.ok()?;
            let now = element.rectangle().await.ok();
            if now.is_none() || place.replace(now) != now {
                return None;
            }
            element.click().await.inspect_err(|error| *refusal.borrow_mut() = Some(format!("{error:?}"))).ok()
        })
        .await;
        clicked.with_context(|| refusal.take().unwrap_or_default())
    }

    /// Ends the session; the app lives on.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn detach(self) -> Result<()> {
        Ok(self.client.close().await?)
    }
}
