//! The first run: the app asks before it touches a login, records the answer, and asks no second time.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use signalbox_core::terms::VERSION;
use signalbox_tests::app::{App, Board};
use signalbox_tests::process::until;
use signalbox_tests::wizard::Browser;

use super::{Scene, play};

const SHEET: &str = "return document.querySelector('[data-terms]') !== null";
const QUIT_SOON: &str = "setTimeout(() => document.querySelector('[data-action=\"quit\"]').click(), 100)";
const ESCAPE: &str =
    "window.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true, cancelable: true}))";

fn settings(scene: &Scene) -> String {
    std::fs::read_to_string(scene.stage.home.data().join("settings.toml")).unwrap_or_default()
}

/// What the app itself asked of the server so far.
fn asked(scene: &Scene) -> usize {
    scene.stage.sim.requests().len()
}

async fn shows_the_sheet(board: &Board) -> Result<()> {
    until("the sheet", async || (board.pages.run(SHEET).await.ok()? == true).then_some(())).await
}

#[test]
fn the_first_run_asks_before_anything_is_done_and_never_again() {
    play(async |scene| {
        scene.desk.watch_tray().await?;
        let browser = Browser::of(&scene.stage.home)?;
        let before = asked(scene);
        // It opens its board by itself: nobody would know otherwise why nothing happens.
        scene.app = Some(App::start_as_it_is(&scene.desk, &scene.stage.home)?);
        let tray = scene.tray().await?;
        let board = scene.app()?.attach(&scene.desk).await?;
        shows_the_sheet(&board).await?;
        // The sheet has boxes of its own; none of them is a profile.
        ensure!(board.cards().await?.iter().all(|card| card.alias.is_empty()), "the board is shown beside the sheet");

        board.pages.run(ESCAPE).await?;
        tray.click("personal").await?;
        // Longer than a poll of the live login, which is compared every five seconds.
        tokio::time::sleep(Duration::from_secs(7)).await;
        shows_the_sheet(&board).await?;
        ensure!(scene.stage.live_is("work"), "it switched");
        ensure!(asked(scene) == before, "it asked the server before the person had agreed");
        ensure!(!settings(scene).contains("accepted"), "nobody agreed yet: {}", settings(scene));

        board.pages.click("[data-action=\"legal\"]").await?;
        let page = browser.sent_to().await?;
        ensure!(page == "https://code.claude.com/docs/en/legal-and-compliance", "it opened {page}");

        board.pages.click("[data-action=\"agree\"]").await?;
        board.shows("work", "active").await?;
        let recorded = settings(scene);
        ensure!(recorded.contains(&format!("[terms]\nversion = {VERSION}\naccepted = \"2")), "{recorded}");
        until("the watch to begin", async || (asked(scene) > before).then_some(())).await?;
        board.press_switch("personal").await?;
        board.shows("personal", "active").await?;
        scene.live(&scene.personal).await?;
        board.pages.detach().await?;

        drop(scene.app.take());
        scene.app = Some(App::start_as_it_is(&scene.desk, &scene.stage.home)?);
        let tray = scene.tray().await?;
        let board = scene.app()?.open_board(&scene.desk, &tray).await?;
        board.shows("personal", "active").await?;
        ensure!(board.pages.run(SHEET).await? == false, "it asked a second time");
        board.pages.detach().await
    });
}

#[test]
fn whoever_agreed_to_an_older_text_is_asked_anew_and_may_quit() {
    play(async |scene| {
        scene.desk.watch_tray().await?;
        let older = VERSION - 1;
        let text = format!("[terms]\nversion = {older}\naccepted = \"2026-01-01\"\n");
        std::fs::write(scene.stage.home.data().join("settings.toml"), &text)?;
        scene.app = Some(App::start_as_it_is(&scene.desk, &scene.stage.home)?);
        let board = scene.app()?.attach(&scene.desk).await?;
        shows_the_sheet(&board).await?;
        // The app may be gone before a driver's own click has returned.
        board.pages.run(QUIT_SOON).await?;
        let app = scene.app.as_mut().context("an app")?;
        let pid = app.running.pid();
        until("the app to end", async || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            (stat.is_empty() || stat.contains(") Z ")).then_some(())
        })
        .await?;
        ensure!(settings(scene) == text, "quitting records nothing: {}", settings(scene));
        scene.nothing_is_lost()
    });
}
