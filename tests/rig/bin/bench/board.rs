//! The board's figures with many profiles, in the app's own WebKitGTK window on a private desktop: how soon it is drawn, what
//! a new board costs in which every card is another, and whether a person who scrolls is kept waiting. The scripts beside
//! this file run in the page and measure there; that page is thrown away afterwards.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use provider_sim::{SimOptions, Usage, Window, WindowKind};
use serde_json::Value;
use signalbox_tests::app::{App, Board};
use signalbox_tests::bulk;
use signalbox_tests::desk::Desk;
use signalbox_tests::stage::Stage;
use signalbox_tests::tray::Tray;

use crate::measure::{Times, ms};
use crate::report::{Figure, Report};

const PROFILES: usize = 50;
const OPENINGS: usize = 9;
/// How long a started app is left alone before its board is opened: it has looked at the live login by then.
const SETTLE: Duration = Duration::from_secs(3);
/// How long a window that was asked for is left alone: it is drawn by then, however long that took.
const DRAWN: Duration = Duration::from_secs(2);
/// Returns when the page began in its new window, in milliseconds since 1970; when its first frame with content was drawn,
/// in milliseconds from there; and the number of cards.
const FIRST_PAINT: &str = "const paint = performance.getEntriesByName('first-contentful-paint')[0]; \
    return [performance.timeOrigin, paint ? paint.startTime : null, document.querySelectorAll('.card').length]";

/// All of them.
pub async fn measure(report: &mut Report) -> Result<()> {
    let stage = Stage::new(SimOptions { usage_budget: None, ..SimOptions::default() })?;
    println!("registering {PROFILES} profiles …");
    bulk::register(&stage, 0, PROFILES)?;
    for number in 0..PROFILES {
        stage.sim.set_usage(&bulk::alias(number), None, usage(&stage, number))?;
    }
    stage.signalbox(&["refresh"])?;
    let (mut waits, mut paints) = (Vec::new(), Vec::new());
    for _ in 0..OPENINGS {
        let (wait, paint) = opening(&stage).await?;
        waits.push(wait);
        paints.push(paint);
    }
    let (waits, paints) = (Times::of(waits), Times::of(paints));
    report.add(Figure {
        name: "board with 50 profiles, first paint",
        value: paints.median(),
        unit: "ms",
        limit: Some(120.0),
        how: format!("since its window has a page; median of {} openings; p95 {:.0} ms", paints.count(), paints.p95()),
    });
    report.add(Figure {
        name: "the same, click to the window having a page",
        value: waits.median(),
        unit: "ms",
        limit: None,
        how: format!("median; WebKit starts its processes in it; p95 {:.0} ms", waits.p95()),
    });
    in_the_page(&stage, report).await
}

/// Three windows, as the larger plans have them, and on each account other numbers.
fn usage(stage: &Stage, number: usize) -> Usage {
    let hour = 3_600_000;
    let now = stage.sim.now_ms();
    let used = |step: usize| u32::try_from(number * step % 100).map_or(0.0, f64::from);
    Usage::of(vec![
        Window::new(WindowKind::FiveHour, used(13), Some(now + 2 * hour)),
        Window::new(WindowKind::SevenDay, used(29), Some(now + 76 * hour)),
        Window::of_model("Opus", used(7), Some(now + 76 * hour)),
    ])
}

/// Opens a new window: from the click on the icon to the page's beginning, and from there to its first frame with content.
async fn opening(stage: &Stage) -> Result<(f64, f64)> {
    let (desk, app, tray) = started(stage).await?;
    let clicked = SystemTime::now().duration_since(UNIX_EPOCH)?;
    tray.activate().await?;
    // Starting a driver and letting it ask would take half of a small machine from the window that is measured.
    tokio::time::sleep(DRAWN).await;
    let board = app.attach(&desk).await?;
    let seen = board.pages.run(FIRST_PAINT).await?;
    ensure!(seen[2] == PROFILES, "{} cards are on the board, not {PROFILES}", seen[2]);
    let begun = seen[0].as_f64().context("the page does not say when it began")?;
    let painted = seen[1].as_f64().context("the page does not say when it was painted")?;
    board.pages.detach().await?;
    Ok((begun - ms(clicked), painted))
}

async fn started(stage: &Stage) -> Result<(Desk, App, Tray)> {
    let desk = Desk::bare().await?;
    desk.watch_tray().await?;
    let app = App::start(&desk, &stage.home)?;
    let tray = Tray::find(&desk).await?;
    tokio::time::sleep(SETTLE).await;
    Ok((desk, app, tray))
}

async fn in_the_page(stage: &Stage, report: &mut Report) -> Result<()> {
    let (desk, app, tray) = started(stage).await?;
    let board = app.open_board(&desk, &tray).await?;
    let [frames, tasks] = lists(&board, include_str!("board_scroll.js")).await?.map(Times::of);
    report.add(Figure {
        name: "board with 50 profiles, scrolling: longest task",
        value: tasks.worst(),
        unit: "ms",
        limit: Some(50.0),
        how: format!("of the page's one thread, in {} frames of 40 px each", frames.count()),
    });
    report.add(Figure {
        name: "the same, longest frame",
        value: frames.worst(),
        unit: "ms",
        limit: None,
        how: format!("the screen's software included; median {:.1} ms, p95 {:.1} ms", frames.median(), frames.p95()),
    });
    let [near, changed, whole, pieces] = lists(&board, include_str!("board_update.js")).await?.map(Times::of);
    let means = |times: &Times| format!("median of {} means of 10; worst {:.1} ms", times.count(), times.worst());
    report.add(Figure {
        name: "board with 50 profiles, all cards new",
        value: near.median(),
        unit: "ms",
        limit: Some(8.0),
        how: format!("until those in sight are drawn: script, styles and layout; {}", means(&near)),
    });
    report.add(Figure {
        name: "the same, until the document is changed",
        value: changed.median(),
        unit: "ms",
        limit: None,
        how: format!("script alone; {}", means(&changed)),
    });
    report.add(Figure {
        name: "the same, the others follow: longest task",
        value: pieces.worst(),
        unit: "ms",
        limit: None,
        how: "while the cards out of sight follow, four in a second; drawing a frame is in it".to_owned(),
    });
    report.add(Figure {
        name: "the same, were all 50 cards in sight",
        value: whole.median(),
        unit: "ms",
        limit: None,
        how: format!("in a list as high as all of them: script, styles and layout; {}", means(&whole)),
    });
    board.pages.detach().await
}

/// What `script` measured in the page, so many things at once, in milliseconds.
async fn lists<const N: usize>(board: &Board, script: &str) -> Result<[Vec<f64>; N]> {
    let value = measured(board, script).await?;
    let lists = (0..N).map(|place| list(&value[place])).collect::<Result<Vec<_>>>()?;
    lists.try_into().ok().context("the page measured something else")
}

async fn measured(board: &Board, script: &str) -> Result<Value> {
    let value = board.pages.client.execute_async(script, Vec::new()).await?;
    // A script that cannot measure says why.
    ensure!(!value.is_string(), "the page says: {value}");
    Ok(value)
}

fn list(value: &Value) -> Result<Vec<f64>> {
    let list = value.as_array().context("the page measured nothing")?;
    Ok(list.iter().filter_map(Value::as_f64).collect())
}
