//! Switches that do not happen: what a person is told, and that the old login stays.

use anyhow::ensure;
use provider_sim::{Endpoint, Fault, FaultKind};
use signalbox_tests::app::App;
use signalbox_tests::process::until;

use super::play;

#[test]
fn a_dead_login_is_refused_with_a_notification_and_a_next_step_and_the_old_login_stays_live() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        let board = scene.app()?.open_board(&scene.desk, &tray).await?;
        board.shows("work", "active").await?;
        let pair = scene.stage.home.live_pair()?;
        ensure!(scene.stage.sim.end_login(scene.personal.login), "no such login");

        tray.click("personal").await?;
        let (code, sentence) = board.problem().await?;
        ensure!(code == "loginNeeded" && sentence.contains("personal"), "the board says {code}: {sentence}");
        let notification = until("a notification", async || scene.desk.notifications().pop()).await?;
        ensure!(notification.summary.contains("personal"), "{notification:?}");
        ensure!(!notification.body.is_empty() && !notification.body.contains("sk-ant"), "{notification:?}");
        ensure!(notification.actions.iter().any(|(_, words)| words == "Sign in"), "{notification:?}");

        ensure!(scene.stage.home.live_pair()? == pair, "the live login changed");
        scene.live(&scene.work).await?;
        scene.ticked(&tray, &scene.work).await?;
        board.shows("work", "active").await?;
        board.shows("personal", "parked").await?;
        ensure!(scene.stage.home.siblings_are_untouched()?, "a sibling changed");

        // And it did not get stuck: the next switch works.
        tray.click("side").await?;
        scene.live(&scene.side).await?;
        board.shows("side", "active").await?;
        let told = scene.desk.notifications();
        ensure!(told.len() == 1, "whoever was refused needs no second notification about it: {told:?}");
        board.pages.detach().await
    });
}

#[test]
fn a_server_that_is_down_is_no_reason_to_lose_anything() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        scene.ticked(&tray, &scene.work).await?;
        scene.stage.sim.fault(Fault::standing(Endpoint::Any, FaultKind::Html { status: 503 }));
        tray.click("personal").await?;
        // Whether it refuses or switches without a confirmation: it comes to an end, and the files are whole.
        until("the switch to end", async || {
            let rows = tray.rows().await.ok()?;
            // A click ticks its row by itself, until the app puts the tick where the truth is.
            let ticked: Vec<_> = rows.iter().filter(|row| row.ticked == Some(true)).collect();
            let done = ticked.len() == 1 && ticked[0].names("personal");
            ((done || !scene.desk.notifications().is_empty()) && rows.iter().all(|row| row.enabled)).then_some(())
        })
        .await?;
        scene.stage.sim.clear_faults();
        ensure!(scene.stage.live_is("work") || scene.stage.live_is("personal"), "the live login is neither");
        ensure!(scene.stage.home.siblings_are_untouched()?, "a sibling changed");
        tray.click("side").await?;
        scene.live(&scene.side).await?;
        scene.nothing_is_lost()
    });
}

#[test]
fn a_start_that_fails_says_so_on_the_desktop() {
    play(async |scene| {
        std::fs::write(scene.stage.home.data().join("settings.toml"), "[board\n")?;
        let _app = App::start(&scene.desk, &scene.stage.home)?;
        let notification = until("a notification", async || scene.desk.notifications().pop()).await?;
        ensure!(notification.summary == "Signalbox could not start", "{notification:?}");
        ensure!(notification.body.contains("settings.toml"), "{notification:?}");
        Ok(())
    });
}
