//! The real app on a private desktop and in a private home: starting it, opening its board, and seeing which processes it
//! has. Knows where the board's page marks what it shows (`data-…` attributes), and nothing of what ought to be there.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::desk::Desk;
use crate::home::Home;
use crate::process::{Running, program, until};
use crate::tray::Tray;
use crate::webdriver::{Inspector, Pages};

/// The page has its data, is visible, and its window has the height that it asked for.
const SETTLED: &str = "const sheet = document.querySelector('.sheet'); \
    return document.body.dataset.ready === 'yes' && document.visibilityState === 'visible' && sheet !== null && \
    Math.ceil(sheet.getBoundingClientRect().height) <= innerHeight";

/// The running app.
pub struct App {
    /// The process.
    pub running: Running,
    /// When it was started.
    pub started: Instant,
    inspector: Inspector,
    log: PathBuf,
}

/// What a card on the board says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardSeen {
    /// Whose card it is.
    pub alias: String,
    /// `active`, `parked` or `switching`.
    pub state: String,
}

impl App {
    /// Starts it for a person who agreed to the terms long ago. Nothing is waited for.
    ///
    /// # Errors
    /// When it has not been built or cannot be started.
    pub fn start(desk: &Desk, home: &Home) -> Result<Self> {
        home.agree_to_terms()?;
        Self::start_as_it_is(desk, home)
    }

    /// Starts it in a home as that is: the first time, it asks about the terms.
    ///
    /// # Errors
    /// When it has not been built or cannot be started.
    pub fn start_as_it_is(desk: &Desk, home: &Home) -> Result<Self> {
        let log = desk.folder().join("app.log");
        let out = File::options().create(true).append(true).open(&log)?;
        let inspector = Inspector::new()?;
        let mut command = desk.command(program("signalbox-app")?);
        command.envs(home.environment()).stdout(out.try_clone()?).stderr(Stdio::from(out));
        inspector.open(&mut command);
        let started = Instant::now();
        Ok(Self { running: Running::start(&mut command)?, started, inspector, log })
    }

    /// What it has said on standard output and error.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its WebKit processes: none while no board was opened.
    #[must_use]
    pub fn web_processes(&self) -> Vec<u32> {
        let parent = self.running.pid().to_string();
        let is_web = |pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let Some((head, fields)) = stat.rsplit_once(')') else { return false };
            let mut fields = fields.split_whitespace();
            let (state, ppid) = (fields.next(), fields.next());
            head.contains("(WebKitWebProces") && ppid == Some(&parent) && state != Some("Z")
        };
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_web).collect()
    }

    /// Opens the board with a click on the tray icon, and attaches to its page.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn open_board(&self, desk: &Desk, tray: &Tray) -> Result<Board> {
        tray.activate().await?;
        self.attach(desk).await
    }

    /// Attaches to a board that is open already.
    ///
    /// # Errors
    /// When there is none.
    pub async fn attach(&self, desk: &Desk) -> Result<Board> {
        let pages = Pages::attach(desk, self.inspector).await?;
        pages.window("tauri://").await?;
        let board = Board { pages };
        until("the board's page, drawn in full", async || (board.pages.run(SETTLED).await.ok()? == true).then_some(()))
            .await?;
        // Nobody can click what was not drawn yet, and the first frame takes the longest.
        board.painted().await?;
        Ok(board)
    }

    /// Follows the window whose page has this in its address.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn attach_to(&self, desk: &Desk, page: &str) -> Result<Pages> {
        let pages = Pages::attach(desk, self.inspector).await?;
        pages.window(page).await?;
        Ok(pages)
    }
}

/// The open board.
pub struct Board {
    /// Its page.
    pub pages: Pages,
}

impl Board {
    /// The cards, top to bottom.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn cards(&self) -> Result<Vec<CardSeen>> {
        let script = "return [...document.querySelectorAll('.card')].map((c) => [c.dataset.alias, c.dataset.state])";
        let value = self.pages.run(script).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = value.as_array().context("no list of cards")?;
        Ok(rows.iter().map(|row| CardSeen { alias: text(&row[0]), state: text(&row[1]) }).collect())
    }

    /// The state of one card; `None`: there is no such card.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn state_of(&self, alias: &str) -> Result<Option<String>> {
        Ok(self.cards().await?.into_iter().find(|card| card.alias == alias).map(|card| card.state))
    }

    /// Waits until the card of `alias` says `state`.
    ///
    /// # Errors
    /// When it does not.
    pub async fn shows(&self, alias: &str, state: &str) -> Result<()> {
        until(&format!("the board to show {alias} {state}"), async || {
            (self.state_of(alias).await.ok()?.as_deref() == Some(state)).then_some(())
        })
        .await
    }

    /// Presses the Switch button of a card.
    ///
    /// # Errors
    /// When there is no such button.
    pub async fn press_switch(&self, alias: &str) -> Result<()> {
        self.pages.click(&format!(".card[data-alias=\"{alias}\"] [data-action=\"switch\"]")).await
    }

    /// The problem strip: its code and its sentence.
    ///
    /// # Errors
    /// When none appears.
    pub async fn problem(&self) -> Result<(String, String)> {
        let script =
            "const p = document.querySelector('[role=alert][data-code]'); return p && [p.dataset.code, p.innerText]";
        until("a problem on the board", async || {
            let value = self.pages.run(script).await.ok()?;
            Some((value.get(0)?.as_str()?.to_owned(), value.get(1)?.as_str()?.to_owned()))
        })
        .await
    }

    /// Waits until two more frames have been drawn: what a picture shows is the frame before.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn painted(&self) -> Result<()> {
        let script = "const done = arguments[arguments.length - 1]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
        self.pages.client.execute_async(script, Vec::new()).await?;
        Ok(())
    }

    /// The times from a click on Switch to the first frame that showed it, in milliseconds.
    ///
    /// # Errors
    /// When the page is gone or does not measure.
    pub async fn click_figures(&self) -> Result<Vec<f64>> {
        let value = self.pages.run("return window.__signalbox.clickToSwitchingMs").await?;
        let figures = value.as_array().context("the page measures nothing")?;
        Ok(figures.iter().filter_map(Value::as_f64).collect())
    }
}
