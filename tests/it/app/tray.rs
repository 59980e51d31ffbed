//! Switching from the tray's menu, over D-Bus; and a desktop whose tray comes late.

use std::os::unix::fs::PermissionsExt;

use anyhow::ensure;
use signalbox_tests::process::until;

use super::play;

#[test]
fn a_click_on_a_row_of_the_menu_switches_the_live_login_and_saves_the_outgoing_ones_newest_rotation() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        scene.ticked(&tray, &scene.work).await?;
        let rotated = scene.rotate_by_claude(&scene.work)?;

        tray.click("personal").await?;
        scene.live(&scene.personal).await?;
        scene.ticked(&tray, &scene.personal).await?;
        ensure!(scene.stage.home.siblings_are_untouched()?, "a sibling changed");
        ensure!(scene.stage.home.cred("work")?.fingerprint == rotated, "work's .cred is not its newest rotation");
        let mode = std::fs::metadata(scene.stage.home.store())?.permissions().mode() & 0o777;
        ensure!(mode == 0o600, "the credential file has mode {mode:o}");

        let board = scene.app()?.open_board(&scene.desk, &tray).await?;
        board.shows("personal", "active").await?;
        board.shows("work", "parked").await?;

        // The proof that what was saved is worth something: it is installed again, and the server takes it.
        tray.click("work").await?;
        scene.live(&scene.work).await?;
        board.shows("work", "active").await?;
        scene.nothing_is_lost()?;
        board.pages.detach().await
    });
}

#[test]
fn a_switch_by_the_command_line_is_followed_by_the_tick_and_the_boards_notice() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        scene.ticked(&tray, &scene.work).await?;
        let board = scene.app()?.open_board(&scene.desk, &tray).await?;
        board.press_switch("personal").await?;
        board.shows("personal", "active").await?;
        scene.stage.signalbox(&["use", "side"])?;
        scene.ticked(&tray, &scene.side).await?;
        until("the board to say so", async || {
            let text = board.pages.text().await.ok()?;
            (text.contains("side is live now") && !text.contains("Switched to personal")).then_some(())
        })
        .await?;
        scene.nothing_is_lost()?;
        board.pages.detach().await
    });
}

#[test]
fn an_app_that_started_before_the_tray_shows_its_icon_when_the_tray_comes() {
    play(async |scene| {
        scene.start_app()?;
        let socket = scene.stage.home.data().join("app.sock");
        until("the app to be up", async || socket.exists().then_some(())).await?;
        scene.desk.watch_tray().await?;
        let tray = scene.tray().await?;
        tray.click("personal").await?;
        scene.live(&scene.personal).await?;
        scene.nothing_is_lost()
    });
}
