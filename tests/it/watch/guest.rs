//! The real app beside a `signalbox watch`: a guest while that one keeps the watch, and the warden once it is gone.
#![cfg(target_os = "linux")]

use std::fs;

use anyhow::{Context as _, Result, ensure};
use provider_sim::LoginState;
use signalbox_tests::app::App;
use signalbox_tests::desk::Desk;
use signalbox_tests::process::until_blocking;

use super::{Watcher, newest_is_saved, rotate, stage};

#[test]
fn the_app_takes_the_watch_over_when_the_other_one_is_killed() -> Result<()> {
    let (stage, [work, ..]) = stage();
    let mut watcher = Watcher::begun(&stage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let desk = runtime.block_on(async {
        let desk = Desk::bare().await?;
        desk.watch_tray().await?;
        anyhow::Ok(desk)
    })?;
    let app = App::start(&desk, &stage.home)?;
    let holder = || fs::read_to_string(stage.home.data().join("watch.lock")).context("there is a lock");
    until_blocking("the app", || stage.home.data().join("app.lock").exists().then_some(()))?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    ensure!(holder()? == format!("pid {}, `signalbox watch`\n", watcher.running.pid()), "{:?}", holder());

    watcher.running.kill();
    let own = format!("pid {}, the app\n", app.running.pid());
    until_blocking("the app to take the watch over", || (holder().ok()? == own).then_some(()))?;
    rotate(&stage, &work)?;
    newest_is_saved(&stage, &work)?;
    ensure!(stage.sim.state(work.login) == Some(LoginState::Alive), "the login is lost");
    let refused = stage.ask_signalbox(&["watch"])?;
    let expected = format!("Cannot keep watch: the app (pid {}) keeps it already\n", app.running.pid());
    ensure!(refused.code == Some(1) && refused.err.starts_with(&expected), "{refused:?}");
    Ok(())
}
