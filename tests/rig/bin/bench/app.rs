//! The app's figures, on a private desktop: how soon its icon is there, what it costs at rest, and how fast a click
//! answers while the server is slow.

use std::time::Duration;

use anyhow::{Result, ensure};
use provider_sim::{Endpoint, Fault, FaultKind, SimOptions};
use signalbox_tests::app::App;
use signalbox_tests::desk::Desk;
use signalbox_tests::process::until;
use signalbox_tests::stage::Stage;
use signalbox_tests::tray::Tray;

use crate::measure::{Times, ms, processor_time, resident_mib};
use crate::report::{Figure, Report};

const STARTS: usize = 15;
const CLICKS: usize = 12;
/// After this long the app has read the usage of all profiles and rests.
const SETTLE: Duration = Duration::from_secs(20);

/// All of them. `idle`: how long the resting app is watched.
pub async fn measure(idle: Duration, report: &mut Report) -> Result<()> {
    let stage = Stage::new(SimOptions { usage_budget: None, ..SimOptions::default() })?;
    stage.seed_profiles()?;
    starts(&stage, report).await?;
    rest(&stage, idle, report).await?;
    clicks(&stage, report).await
}

async fn starts(stage: &Stage, report: &mut Report) -> Result<()> {
    let desk = Desk::bare().await?;
    desk.watch_tray().await?;
    let mut times = Vec::new();
    for number in 0..STARTS {
        let app = App::start(&desk, &stage.home)?;
        let shown = until("the icon", async || desk.icon_shown(number)).await?;
        times.push(ms(shown.duration_since(app.started)));
    }
    let times = Times::of(times);
    report.add(Figure {
        name: "app, start to tray icon",
        value: times.median(),
        unit: "ms",
        limit: Some(250.0),
        how: format!("median of {} starts; p95 {:.0} ms", times.count(), times.p95()),
    });
    Ok(())
}

async fn rest(stage: &Stage, idle: Duration, report: &mut Report) -> Result<()> {
    let desk = Desk::bare().await?;
    desk.watch_tray().await?;
    let app = App::start(&desk, &stage.home)?;
    Tray::find(&desk).await?;
    println!("letting the app rest for {} s …", (SETTLE + idle).as_secs());
    tokio::time::sleep(SETTLE).await;
    let pid = app.running.pid();
    let before = processor_time(pid)?;
    tokio::time::sleep(idle).await;
    let used = processor_time(pid)?.saturating_sub(before);
    ensure!(app.web_processes().is_empty(), "a WebView is alive although no board was opened");
    report.add(Figure {
        name: "app at rest, processor",
        value: used.as_secs_f64() / idle.as_secs_f64() * 100.0,
        unit: "%",
        limit: Some(0.1),
        how: format!("{:.1} ms in {} s, all threads, no board open", ms(used), idle.as_secs()),
    });
    report.add(Figure {
        name: "app at rest, memory",
        value: resident_mib(pid)?,
        unit: "MiB",
        limit: None,
        how: "resident set, shared libraries included; no WebView alive".to_owned(),
    });
    Ok(())
}

async fn clicks(stage: &Stage, report: &mut Report) -> Result<()> {
    let desk = Desk::bare().await?;
    desk.watch_tray().await?;
    let app = App::start(&desk, &stage.home)?;
    let tray = Tray::find(&desk).await?;
    let board = app.open_board(&desk, &tray).await?;
    board.shows("work", "active").await?;
    println!("{CLICKS} switches while the server takes 2 s for an answer …");
    stage.sim.fault(Fault::standing(Endpoint::Profile, FaultKind::Delay { ms: 2_000 }));
    for number in 0..CLICKS {
        let alias = if number % 2 == 0 { "personal" } else { "work" };
        board.press_switch(alias).await?;
        board.shows(alias, "active").await?;
        // The card has grown and the page is at rest before the next click, as it is for a person.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let figures = board.click_figures().await?;
    ensure!(figures.len() == CLICKS, "{} clicks were measured, not {CLICKS}", figures.len());
    let times = Times::of(figures);
    report.add(Figure {
        name: "click to the card drawn as switching",
        value: times.median(),
        unit: "ms",
        limit: Some(16.0),
        how: format!("median of {} clicks at 60 frames/s, server at 2 s; p95 {:.0} ms", times.count(), times.p95()),
    });
    board.pages.detach().await
}
