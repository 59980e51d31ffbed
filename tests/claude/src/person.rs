//! The person at the browser: gets the address that the client opens, or Signalbox for it, and follows it through the provider's pages back
//! to the client. Owns the opener that `BROWSER` names and the way of redirects; the consent itself is the simulator's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Proxy, Url};

use crate::run;
use crate::world::World;

/// A person who waits to be sent to a page.
pub struct Person {
    opener: PathBuf,
    address: PathBuf,
}

/// A page on the way, without what its query held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visited {
    /// Host and path.
    pub place: String,
    /// The status of the answer.
    pub status: u16,
}

impl Person {
    /// Puts the opener into the world's home: it is the browser of every day there, and what `BROWSER` may name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sitting_at(world: &World) -> Result<Self> {
        let opener = world.path("bin/xdg-open");
        // Renamed, so that nobody reads half an address.
        let script =
            "#!/bin/sh\nprintf '%s' \"$1\" > \"$HOME/opened.part\" && mv \"$HOME/opened.part\" \"$HOME/opened\"\n";
        fs::write(&opener, script)?;
        fs::set_permissions(&opener, fs::Permissions::from_mode(0o700))?;
        Ok(Self { opener, address: world.path("opened") })
    }

    /// What belongs into `BROWSER`.
    pub fn opener(&self) -> &Path {
        &self.opener
    }

    /// Waits for the address that the client opens.
    ///
    /// # Errors
    /// When none comes, or it is no address.
    pub fn sent_to(&self) -> Result<Url> {
        let text = run::until("the client opening the browser", || fs::read_to_string(&self.address).ok())?;
        Url::parse(&text).context("Cannot read the address that the client opened")
    }
}

/// Follows an address to its end, through the proxy and back to the client's own port.
///
/// # Errors
/// When a page cannot be reached, or there are too many.
pub fn follow(start: &Url, world: &World) -> Result<Vec<Visited>> {
    let (proxy, authority) = world.way_out();
    let browser = Client::builder()
        .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .redirect(Policy::none())
        .proxy(Proxy::https(proxy)?)
        .tls_certs_only([Certificate::from_pem(authority.as_bytes())?])
        .build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(pages(&browser, start.clone()))
}

async fn pages(browser: &Client, start: Url) -> Result<Vec<Visited>> {
    let (mut next, mut visited) = (Some(start), Vec::new());
    while let Some(page) = next.take() {
        ensure!(visited.len() < 12, "the pages lead in a circle: {visited:?}");
        let place = format!("{}{}", page.host_str().unwrap_or_default(), page.path());
        let answer = browser.get(page.clone()).send().await.with_context(|| format!("Cannot open {place}"))?;
        visited.push(Visited { place, status: answer.status().as_u16() });
        if answer.status().is_redirection() {
            let location = answer.headers().get("location").context("a redirect to nowhere")?;
            next = Some(page.join(location.to_str()?)?);
        }
    }
    Ok(visited)
}
