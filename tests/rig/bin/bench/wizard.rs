//! The figures of the window that signs in: how soon it is drawn, and how soon everything is as before once a person has changed
//! their mind, in both ways of signing in. What is as before is seen in the files, from outside of the app.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use provider_sim::SimOptions;
use signalbox_tests::app::App;
use signalbox_tests::desk::Desk;
use signalbox_tests::process::{PATIENCE, until};
use signalbox_tests::stage::Stage;
use signalbox_tests::tray::Tray;
use signalbox_tests::wizard::{Browser, Wizard};

use crate::measure::{Times, ms};
use crate::report::{Figure, Report};

const OPENINGS: usize = 12;
const CANCELS: usize = 12;
/// So long the window is left alone before it is looked at: a driver that starts meanwhile would take its processor.
const LEFT_ALONE: Duration = Duration::from_secs(1);
/// Presses the button of the card whose login is due, and returns when, in milliseconds since 1970.
const SIGN_IN: &str = "const button = document.querySelector('.card[data-alias=\"side\"] [data-action=\"sign-in\"]'); \
    const now = performance.timeOrigin + performance.now(); button.click(); return now";
/// Returns when the page began, in milliseconds since 1970, and when its first frame with content was drawn, from there.
const FIRST_PAINT: &str = "const paint = performance.getEntriesByName('first-contentful-paint')[0]; \
    return [performance.timeOrigin, paint ? paint.startTime : null]";
/// Answers the question whether to give the sign-in up, and returns when, in milliseconds since 1970.
const CANCEL: &str = "const button = document.querySelector('[data-action=\"cancel-sign-in\"]'); \
    const now = performance.timeOrigin + performance.now(); button.click(); return now";
/// A Claude Code without `auth login`.
const OLD: &str = "export SIM_CLAUDE_VERSION=1.0.60";

/// All of them.
pub async fn measure(report: &mut Report) -> Result<()> {
    let stage = Stage::new(SimOptions { usage_budget: None, ..SimOptions::default() })?;
    let [_, _, side] = stage.seed_profiles()?;
    // A login that is due, so that the window has something to sign in to.
    ensure!(stage.sim.end_login(side.login), "no such login");
    stage.ask_signalbox(&["refresh", "side"])?;
    let desk = Desk::bare().await?;
    desk.watch_tray().await?;
    let app = App::start(&desk, &stage.home)?;
    let tray = Tray::find(&desk).await?;
    openings(&app, &desk, &tray, report).await?;
    let browser = Browser::of(&stage.home)?;
    let apart = cancels(&stage, &app, &desk, Some(&browser)).await?;
    stage.claude_does_first(OLD)?;
    let set_aside = cancels(&stage, &app, &desk, None).await?;
    for (name, times) in
        [("cancel of a sign-in apart, all as before", apart), ("cancel of a set-aside login, all as before", set_aside)]
    {
        let how = format!("click until the files say so; median of {}; worst {:.0} ms", times.count(), times.worst());
        report.add(Figure { name, value: times.median(), unit: "ms", limit: Some(100.0), how });
    }
    Ok(())
}

async fn openings(app: &App, desk: &Desk, tray: &Tray, report: &mut Report) -> Result<()> {
    let (mut beside, mut alone) = (Vec::new(), Vec::new());
    // The first one of each finds nothing warm, and is not counted.
    for _ in 0..=OPENINGS {
        let clicked = SystemTime::now().duration_since(UNIX_EPOCH)?;
        tray.click("Sign in…").await?;
        tokio::time::sleep(LEFT_ALONE).await;
        let wizard = Wizard::of(app, desk).await?;
        alone.push(painted(&wizard).await? - ms(clicked));
        wizard.closes(app).await?;
    }
    let board = app.open_board(desk, tray).await?.pages;
    let itself = board.client.window().await?;
    let mut board = Some(board);
    for _ in 0..=OPENINGS {
        let pages = board.take().context("no board")?;
        let clicked = pages.run(SIGN_IN).await?.as_f64().context("the page does not say when it was clicked")?;
        tokio::time::sleep(LEFT_ALONE).await;
        pages.window("rotate.html").await?;
        let wizard = Wizard { pages };
        beside.push(painted(&wizard).await? - clicked);
        wizard.is_closed_by_its_button(app).await?;
        wizard.pages.client.switch_to_window(itself.clone()).await?;
        board = Some(wizard.pages);
    }
    let (beside, alone) = (Times::of(beside.split_off(1)), Times::of(alone.split_off(1)));
    report.add(Figure {
        name: "sign-in window, click to first paint",
        value: beside.median(),
        unit: "ms",
        limit: Some(150.0),
        how: format!("from a card of the board; median of {}; p95 {:.0} ms", beside.count(), beside.p95()),
    });
    report.add(Figure {
        name: "the same from the tray, no board open",
        value: alone.median(),
        unit: "ms",
        limit: None,
        how: format!("WebKit starts its processes in it; median; p95 {:.0} ms", alone.p95()),
    });
    Ok(())
}

/// When the window's first frame with content was drawn, in milliseconds since 1970.
async fn painted(wizard: &Wizard) -> Result<f64> {
    wizard.shows("plan").await?;
    // Where nothing is warm it may take longer than it was left alone.
    until("the page's first frame", async || {
        let seen = wizard.pages.run(FIRST_PAINT).await.ok()?;
        Some(seen[0].as_f64()? + seen[1].as_f64()?)
    })
    .await
}

/// Begins and gives up, again and again. `browser`: where the sign-in's page opens, in the way that has one.
async fn cancels(stage: &Stage, app: &App, desk: &Desk, browser: Option<&Browser>) -> Result<Times> {
    let before = std::fs::read(stage.home.store())?;
    let wizard = Wizard::from_tray(app, desk).await?;
    let mut times = Vec::new();
    for _ in 0..CANCELS {
        wizard.press("begin").await?;
        match browser {
            Some(browser) => {
                wizard.shows("browser").await?;
                browser.sent_to().await?;
            }
            None => wizard.shows("terminal").await?,
        }
        wizard.press("cancel").await?;
        wizard.says("Cancel this sign-in?").await?;
        let (store, data, before) = (stage.home.store(), stage.home.data(), before.clone());
        let restored = tokio::task::spawn_blocking(move || {
            let end = Instant::now() + PATIENCE;
            while Instant::now() < end {
                let note = data.join("rotation.json").exists() || data.join("journal.json").exists();
                let folder = std::fs::read_dir(data.join("signin")).is_ok_and(|mut left| left.next().is_some());
                if !note && !folder && std::fs::read(&store).is_ok_and(|now| now == before) {
                    return SystemTime::now().duration_since(UNIX_EPOCH).ok();
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            None
        });
        let clicked = wizard.pages.run(CANCEL).await?.as_f64().context("the page does not say when it was clicked")?;
        let restored = restored.await?.context("it is not as before")?;
        times.push(ms(restored) - clicked);
        wizard.shows("over").await?;
        wizard.press("start-over").await?;
        wizard.shows("plan").await?;
    }
    wizard.closes(app).await?;
    Ok(Times::of(times))
}
