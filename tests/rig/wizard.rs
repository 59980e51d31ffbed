//! The window that signs in, as a person uses it, and the browser that it sends them to. Owns where its page marks what it shows
//! (`data-…` attributes), and a browser that notes where it was sent; knows nothing of what ought to be there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use fantoccini::Locator;

use crate::app::App;
use crate::claude::visit;
use crate::desk::Desk;
use crate::home::Home;
use crate::process::until;
use crate::tray::Tray;
use crate::webdriver::Pages;

/// What the address of its page ends with.
const ADDRESS: &str = "rotate.html";
const PAGE: &str = "return document.querySelector('[data-page]')?.dataset.page ?? ''";
const CTRL_W: &str = "window.dispatchEvent(new KeyboardEvent('keydown', {key: 'w', ctrlKey: true}))";
const CLOSE_SOON: &str =
    "const button = document.querySelector('[data-action=\"close\"]'); setTimeout(() => button.click(), 100)";

/// The window's page.
pub struct Wizard {
    /// Its session.
    pub pages: Pages,
}

impl Wizard {
    /// Follows the window, which is open or about to be.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn of(app: &App, desk: &Desk) -> Result<Self> {
        Ok(Self { pages: app.attach_to(desk, ADDRESS).await? })
    }

    /// Opens it from the tray, for every login that is due.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn from_tray(app: &App, desk: &Desk) -> Result<Self> {
        Tray::find(desk).await?.click("Sign in…").await?;
        Self::of(app, desk).await
    }

    /// Waits until this page of it is drawn.
    ///
    /// # Errors
    /// When it never is; the message has what is there instead.
    pub async fn shows(&self, page: &str) -> Result<()> {
        let shown = until(page, async || (self.pages.run(PAGE).await.ok()? == page).then_some(())).await;
        self.or_what_is_there(shown, page).await
    }

    /// Waits until these words are in it.
    ///
    /// # Errors
    /// When they never are; the message has what is there instead.
    pub async fn says(&self, words: &str) -> Result<()> {
        let said = until(words, async || self.pages.text().await.ok()?.contains(words).then_some(())).await;
        self.or_what_is_there(said, words).await
    }

    async fn or_what_is_there(&self, found: Result<()>, wanted: &str) -> Result<()> {
        if found.is_err() {
            bail!("Waited in vain for `{wanted}`; the window shows:\n{}", self.pages.text().await?);
        }
        Ok(())
    }

    /// Presses a button, once it can be pressed.
    ///
    /// # Errors
    /// When it never can.
    pub async fn press(&self, action: &str) -> Result<()> {
        self.pages.click(&format!("[data-action=\"{action}\"]:enabled")).await
    }

    /// Types into the only field.
    ///
    /// # Errors
    /// When there is none.
    pub async fn types(&self, text: &str) -> Result<()> {
        Ok(self.pages.client.find(Locator::Css("input[type=text]")).await?.send_keys(text).await?)
    }

    /// Closes the window, and nothing but that.
    ///
    /// # Errors
    /// When it stays.
    pub async fn closes(self, app: &App) -> Result<()> {
        // The page may be gone before the driver has an answer.
        let _ = self.pages.run(CTRL_W).await;
        self.is_gone(app).await
    }

    /// Presses the button that closes it: a moment later, because the page may be gone before a driver's own click has returned.
    ///
    /// # Errors
    /// When it stays.
    pub async fn is_closed_by_its_button(&self, app: &App) -> Result<()> {
        self.pages.run(CLOSE_SOON).await?;
        self.is_gone(app).await
    }

    /// The board, which may be open too, or hidden, stays.
    async fn is_gone(&self, app: &App) -> Result<()> {
        until("the window to go", async || {
            let gone = app.web_processes().is_empty()
                || self.pages.addresses().await.ok()?.iter().all(|address| !address.contains(ADDRESS));
            gone.then_some(())
        })
        .await
    }
}

/// The browser of every day, which only notes where it was sent.
pub struct Browser {
    opened: PathBuf,
}

impl Browser {
    /// Puts it into a home, as `xdg-open`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn of(home: &Home) -> Result<Self> {
        let (program, opened) = (home.bin().join("xdg-open"), home.path().join("opened"));
        fs::write(&program, format!("#!/bin/sh\necho \"$1\" >> '{}'\n", opened.display()))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        Ok(Self { opened })
    }

    /// Waits for a page that was opened since this was asked last; the newest one.
    ///
    /// # Errors
    /// When none is.
    pub async fn sent_to(&self) -> Result<String> {
        let page = until("a page in the browser", async || {
            let text = fs::read_to_string(&self.opened).ok()?;
            Some(text.strip_suffix('\n')?.lines().last()?.to_owned())
        })
        .await?;
        fs::remove_file(&self.opened)?;
        Ok(page)
    }

    /// Whether a page was opened that nobody has asked for yet.
    #[must_use]
    pub fn was_sent_anywhere(&self) -> bool {
        self.opened.exists()
    }
}

/// Goes through the pages from this one as a browser does that is signed in, and gives back the text of the last.
///
/// # Errors
/// When a page is none, or the last one is an error.
pub async fn follow(page: String) -> Result<String> {
    let (status, text) = tokio::task::spawn_blocking(move || visit(&page)).await.context("no browser")??;
    ensure!(status == 200, "the last page has status {status}: {text}");
    Ok(text)
}
