//! The app killed in the middle of a switch, and started again; and told to end in the middle of one.

use anyhow::{Result, ensure};
use provider_sim::{Endpoint, Fault, FaultKind, SimOptions, Terms};
use signalbox_tests::process::until;

use super::{Scene, play, play_with};

/// Kills the app while the server holds back its answer at `endpoint` during a switch to `personal`.
async fn kill_mid_switch(scene: &mut Scene, endpoint: Endpoint) -> Result<()> {
    let tray = scene.open_app().await?;
    scene.ticked(&tray, &scene.work).await?;
    // Once every profile's usage has been read, the next request is the switch's.
    until("a usage reading of each profile", async || {
        let rows = tray.rows().await.ok()?;
        (rows.iter().filter(|row| row.ticked.is_some() && row.label.contains('%')).count() == 3).then_some(())
    })
    .await?;
    let asked = scene.stage.sim.count(endpoint);
    // A caller that is gone meanwhile has changed nothing on the server.
    scene.stage.sim.fault(Fault::standing(endpoint, FaultKind::Delay { ms: 60_000 }));
    tray.click("personal").await?;
    until("the switch to reach the server", async || (scene.stage.sim.count(endpoint) > asked).then_some(())).await?;
    if let Some(app) = &mut scene.app {
        app.running.kill();
    }
    scene.stage.sim.clear_faults();
    Ok(())
}

/// The live login is wholly that of one profile: its pair, its `oauthAccount`, the tick; and every `.cred` is newest.
async fn wholly_one(scene: &mut Scene) -> Result<()> {
    scene.start_app()?;
    let tray = scene.tray().await?;
    let ticked = until("the app to know whose the live login is", async || {
        let rows = tray.rows().await.ok()?;
        let row = rows.into_iter().find(|row| row.ticked == Some(true))?;
        [&scene.work, &scene.personal].into_iter().find(|profile| row.names(&profile.alias))
    })
    .await?;
    scene.live(ticked).await?;
    for profile in [&scene.work, &scene.personal, &scene.side] {
        scene.newest_is_saved(profile).await?;
    }
    scene.nothing_is_lost()?;
    // Nothing is left over that would stop the next switch.
    tray.click("side").await?;
    scene.live(&scene.side).await?;
    scene.nothing_is_lost()
}

#[test]
fn killed_while_the_server_is_asked_who_it_is_it_comes_back_wholly_old_or_wholly_new() {
    play(async |scene| {
        kill_mid_switch(scene, Endpoint::Profile).await?;
        wholly_one(scene).await?;
        ensure!(scene.stage.home.siblings_are_untouched()?, "a sibling changed");
        Ok(())
    });
}

#[test]
fn killed_while_the_target_is_being_refreshed_it_comes_back_wholly_old_or_wholly_new() {
    // Every access token is about to expire, so the switch has to refresh the target's first.
    let terms = Terms { access_life_ms: 120_000, ..Terms::default() };
    play_with(SimOptions { terms, ..SimOptions::default() }, async |scene| {
        kill_mid_switch(scene, Endpoint::Token).await?;
        wholly_one(scene).await?;
        ensure!(scene.stage.home.siblings_are_untouched()?, "a sibling changed");
        Ok(())
    });
}

#[test]
fn told_to_end_in_the_middle_of_a_switch_it_finishes_the_switch_first() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        scene.ticked(&tray, &scene.work).await?;
        scene.stage.sim.fault(Fault::standing(Endpoint::Profile, FaultKind::Delay { ms: 2_000 }));
        let asked = scene.stage.sim.count(Endpoint::Profile);
        tray.click("personal").await?;
        until("the switch to reach the server", async || {
            (scene.stage.sim.count(Endpoint::Profile) > asked).then_some(())
        })
        .await?;
        let pid = scene.app()?.running.pid().to_string();
        // What a system says at logout.
        ensure!(std::process::Command::new("kill").args(["-TERM", &pid]).status()?.success(), "nobody to tell");
        scene.live(&scene.personal).await?;
        until("the app to end", async || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            (stat.is_empty() || stat.contains(") Z ")).then_some(())
        })
        .await?;
        scene.nothing_is_lost()
    });
}
