//! What a person is told on the desktop without having asked, and what the buttons of a notification do.

use anyhow::{Context, Result, ensure};
use provider_sim::Account;
use signalbox_tests::app::App;
use signalbox_tests::claude::{read_credentials, write_credentials};
use signalbox_tests::process::until;

use super::{Scene, play};

/// Switches from `work` to `personal`, and then something puts work's login back as it was, as an older client would.
async fn undo_the_switch(scene: &Scene, switch: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let config = scene.stage.home.config();
    let before = read_credentials(&config).context("no live login")?;
    switch().await?;
    scene.live(&scene.personal).await?;
    Ok(write_credentials(&config, &before)?)
}

#[test]
fn a_switch_that_something_undid_is_on_the_board_and_one_click_restores_it() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        let board = scene.app()?.open_board(&scene.desk, &tray).await?;
        board.shows("work", "active").await?;
        undo_the_switch(scene, async || board.press_switch("personal").await).await?;

        let (code, sentence) = board.problem().await?;
        ensure!(code == "reverted", "the board says {code}: {sentence}");
        ensure!(sentence.contains("Switch back to personal"), "{sentence}");
        board.shows("work", "active").await?;
        until("the tray to say that the switch was undone", async || {
            let rows = tray.rows().await.ok()?;
            rows.iter().any(|row| row.names("personal") && row.label.contains("switch undone")).then_some(())
        })
        .await?;

        board.pages.click("[data-action=\"restore\"]").await?;
        scene.live(&scene.personal).await?;
        board.shows("personal", "active").await?;
        until("the strip to go", async || {
            let strips = board.pages.run("return document.querySelectorAll('[data-code]').length").await.ok()?;
            (strips == 0).then_some(())
        })
        .await?;
        scene.nothing_is_lost()?;
        board.pages.detach().await
    });
}

#[test]
fn a_switch_that_something_undid_is_restored_from_its_notification() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        scene.ticked(&tray, &scene.work).await?;
        undo_the_switch(scene, async || tray.click("personal").await).await?;

        let notification = scene.desk.notified("personal was undone").await?;
        scene.ticked(&tray, &scene.work).await?;
        ensure!(!notification.body.contains("sk-ant"), "{notification:?}");
        scene.desk.press(&notification, "Switch back").await?;
        scene.live(&scene.personal).await?;
        scene.ticked(&tray, &scene.personal).await?;
        scene.nothing_is_lost()
    });
}

#[test]
fn signing_out_is_told_and_its_button_leads_to_the_sign_in() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        scene.ticked(&tray, &scene.work).await?;
        std::fs::remove_file(scene.stage.home.store())?;

        let notification = scene.desk.notified("signed out of work").await?;
        scene.desk.press(&notification, "Sign in").await?;
        let wizard = scene.app()?.attach_to(&scene.desk, "rotate.html").await?;
        until("the plan of the sign-in to work", async || {
            let text = wizard.text().await.ok()?;
            text.contains("ada@northwind-research.example").then_some(())
        })
        .await?;
        wizard.detach().await
    });
}

#[test]
fn an_account_that_is_no_profile_is_told_once_also_across_a_new_start() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        scene.ticked(&tray, &scene.work).await?;
        scene.stage.sim.add_account(Account::new("stranger", "eve@example.net"));
        scene.stage.sign_in("stranger")?;

        let notification = scene.desk.notified("eve@example.net is live").await?;
        scene.desk.press(&notification, "Show").await?;
        let board = scene.app()?.attach(&scene.desk).await?;
        board.shows("work", "stranded").await?;
        board.pages.detach().await?;

        scene.app.take().context("no app")?.running.kill();
        scene.app = Some(App::start(&scene.desk, &scene.stage.home)?);
        let tray = scene.tray().await?;
        until("the new app to see the stranger", async || {
            let rows = tray.rows().await.ok()?;
            rows.iter().any(|row| row.names("work") && row.label.contains("another account")).then_some(())
        })
        .await?;
        let told = scene.desk.notifications();
        let of_eve = told.iter().filter(|each| each.summary.contains("eve@example.net")).count();
        ensure!(of_eve == 1, "told {of_eve} times: {told:?}");
        Ok(())
    });
}
