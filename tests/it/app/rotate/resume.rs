//! The window closed and opened again, and the app killed and started again, in the middle of a sign-in: it goes on where it stood. A live
//! login that was set aside is back after a death.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use provider_sim::{Account, LoginState};
use signalbox_tests::process::{until, until_blocking};
use signalbox_tests::wizard::{Browser, Wizard, follow};

use super::{
    Scene, ends_the_login_of, is_kept, nothing_is_left, play, the_browser_is_signed_in_as, wizard, wizard_from_tray,
};

const ESCAPE: &str = "window.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', cancelable: true}))";

/// Comes back to the sign-in that is under way, from the board.
async fn goes_on(scene: &Scene) -> Result<Wizard> {
    let board = scene.app()?.open_board(&scene.desk, &scene.tray().await?).await?;
    board.pages.click("[data-signing-in=\"side\"] [data-action=\"continue-sign-in\"]").await?;
    // The next click on the icon is to open the board, and not to close it. Whatever the desktop has hidden needs no closing.
    let _ = board.pages.run(ESCAPE).await;
    drop(board);
    wizard(scene).await
}

async fn is_killed_and_started_again(scene: &mut Scene) -> Result<()> {
    scene.app.take().context("no app")?.running.kill();
    scene.start_app()?;
    scene.tray().await?;
    Ok(())
}

#[test]
fn a_window_that_was_closed_goes_on_where_the_sign_in_stands() {
    play(async |scene| {
        let browser = Browser::of(&scene.stage.home)?;
        the_browser_is_signed_in_as(scene, None)?;
        ends_the_login_of(scene, &scene.side)?;
        scene.stage.claude_does_first("while [ -e \"$HOME/holds\" ]; do sleep 0.1; done")?;
        scene.open_app().await?;
        let holds = scene.stage.home.path().join("holds");

        let wizard = wizard_from_tray(scene).await?;
        wizard.shows("plan").await?;
        fs::write(&holds, "")?;
        wizard.press("begin").await?;
        wizard.shows("starting").await?;
        wizard.closes(scene.app()?).await?;
        let wizard = goes_on(scene).await?;
        wizard.shows("starting").await?;
        wizard.closes(scene.app()?).await?;
        fs::remove_file(&holds)?;
        let page = browser.sent_to().await.context("the page opens also when nobody looks")?;

        let wizard = goes_on(scene).await?;
        wizard.shows("browser").await?;
        wizard.says("The page is open in your browser.").await?;
        wizard.press("open-again").await?;
        ensure!(browser.sent_to().await? == page, "it is another sign-in");
        wizard.closes(scene.app()?).await?;

        follow(page).await?;
        for _ in 0..2 {
            let wizard = goes_on(scene).await?;
            wizard.shows("confirm").await?;
            wizard.closes(scene.app()?).await?;
        }
        let wizard = wizard_from_tray(scene).await?;
        wizard.shows("confirm").await?;
        wizard.press("keep").await?;
        wizard.says("“side” is renewed").await?;
        is_kept(scene, "side", "side").await?;
        ensure!(!browser.was_sent_anywhere(), "the page was opened once more");
        wizard.pages.detach().await
    });
}

#[test]
fn a_window_that_was_closed_at_another_account_or_at_the_terminal_goes_on_there() {
    play(async |scene| {
        let browser = Browser::of(&scene.stage.home)?;
        scene.stage.sim.add_account(Account::new("lab", "eve@example.net"));
        the_browser_is_signed_in_as(scene, Some("lab"))?;
        ends_the_login_of(scene, &scene.side)?;
        scene.open_app().await?;
        let wizard = wizard_from_tray(scene).await?;
        wizard.press("begin").await?;
        follow(browser.sent_to().await?).await?;
        wizard.shows("wrong").await?;
        wizard.closes(scene.app()?).await?;
        let wizard = goes_on(scene).await?;
        wizard.shows("wrong").await?;
        wizard.says("eve@example.net").await?;
        wizard.press("keep-as-new").await?;
        wizard.types("lab").await?;
        wizard.press("keep").await?;
        wizard.says("“lab” is a profile now").await?;
        is_kept(scene, "lab", "lab").await?;
        wizard.closes(scene.app()?).await?;

        scene.stage.claude_does_first("export SIM_CLAUDE_VERSION=1.0.60")?;
        let wizard = wizard_from_tray(scene).await?;
        wizard.says("Claude Code is signed out meanwhile").await?;
        wizard.press("begin").await?;
        wizard.shows("terminal").await?;
        wizard.closes(scene.app()?).await?;
        let wizard = goes_on(scene).await?;
        wizard.shows("terminal").await?;
        let login = scene.stage.sign_in("side")?.login;
        wizard.shows("confirm").await?;
        wizard.press("keep").await?;
        wizard.says("“side” is renewed").await?;
        ensure!(is_kept(scene, "side", "side").await? == login, "another login was kept");
        ensure!(scene.stage.live_is("side"), "who signed in there is live");
        ensure!(scene.stage.sim.state(scene.work.login) == Some(LoginState::Alive), "what was live is lost");
        wizard.pages.detach().await
    });
}

#[test]
fn after_a_death_of_the_app_the_same_sign_in_goes_on() {
    play(async |scene| {
        let browser = Browser::of(&scene.stage.home)?;
        the_browser_is_signed_in_as(scene, None)?;
        ends_the_login_of(scene, &scene.side)?;
        let live = fs::read(scene.stage.home.store())?;
        scene.open_app().await?;
        let wizard = wizard_from_tray(scene).await?;
        wizard.press("begin").await?;
        wizard.shows("browser").await?;
        let page = browser.sent_to().await?;
        drop(wizard);
        is_killed_and_started_again(scene).await?;
        let wizard = goes_on(scene).await?;
        wizard.shows("browser").await?;
        follow(page).await?;
        wizard.shows("confirm").await?;
        drop(wizard);
        is_killed_and_started_again(scene).await?;
        let wizard = goes_on(scene).await?;
        wizard.shows("confirm").await?;
        wizard.press("keep").await?;
        wizard.says("“side” is renewed").await?;
        is_kept(scene, "side", "side").await?;
        ensure!(fs::read(scene.stage.home.store())? == live, "the live login changed");
        wizard.pages.detach().await
    });
}

#[test]
fn after_a_death_or_an_end_of_the_app_a_live_login_that_was_set_aside_is_back() {
    play(async |scene| {
        ends_the_login_of(scene, &scene.side)?;
        scene.stage.claude_does_first("export SIM_CLAUDE_VERSION=1.0.60")?;
        let live = fs::read(scene.stage.home.store())?;
        scene.open_app().await?;
        for killed in [true, false] {
            let wizard = wizard_from_tray(scene).await?;
            wizard.press("begin").await?;
            wizard.shows("terminal").await?;
            ensure!(scene.stage.home.live_pair().is_err(), "it was not set aside");
            drop(wizard);
            if killed {
                is_killed_and_started_again(scene).await?;
            } else {
                // It may be gone before the bus has its answer.
                let _ = scene.tray().await?.click("Quit Signalbox").await;
                let mut app = scene.app.take().context("no app")?;
                until_blocking("the app to end", || app.running.ended())?;
            }
            until("the live login to be back", async || {
                (fs::read(scene.stage.home.store()).ok()? == live).then_some(())
            })
            .await?;
            nothing_is_left(scene).await?;
        }
        ensure!(scene.stage.live_is("work"), "the server takes it no more");
        Ok(())
    });
}
