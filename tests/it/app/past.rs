//! The History window: opened from the board, read as plots and as a table, saved as a file, and gone when it is closed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use signalbox_tests::desk::Desk;
use signalbox_tests::process::until;

use super::play;

const ESCAPE: &str = "dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))";

/// Types as a hand would. Nothing here but the page's own window and its dialog takes keys.
fn xdotool(desk: &Desk, arguments: &[&str]) -> Result<()> {
    let status = desk.command("xdotool").args(arguments).status().context("Cannot type: xdotool is missing")?;
    ensure!(status.success(), "Cannot type: xdotool {}", arguments.join(" "));
    Ok(())
}

/// Answers the system's dialog with a path.
async fn save_as(desk: &Desk, path: &str) -> Result<()> {
    let dialog = until("the dialog that asks where to save", async || {
        let found =
            desk.command("xdotool").args(["search", "--onlyvisible", "--name", "Save History"]).output().ok()?;
        String::from_utf8(found.stdout).ok()?.lines().next().map(str::to_owned)
    })
    .await?;
    // Without a window manager nobody gives a new window the focus.
    xdotool(desk, &["windowfocus", "--sync", &dialog])?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    xdotool(desk, &["key", "ctrl+a"])?;
    xdotool(desk, &["type", "--delay", "4", path])?;
    xdotool(desk, &["key", "Return"])
}

#[test]
fn the_history_window_shows_saves_and_ends_with_its_web_process() {
    play(async |scene| {
        let settings = scene.stage.home.data().join("settings.toml");
        std::fs::write(&settings, "[board]\nkeep_open_s = 1\n")?;
        let tray = scene.open_app().await?;
        let app = scene.app()?;
        let board = app.open_board(&scene.desk, &tray).await?;
        board.shows("work", "active").await?;
        until("a reading on the board", async || {
            let read = "return document.querySelector('.card[data-alias=work] [role=meter]') !== null";
            (board.pages.run(read).await.ok()? == true).then_some(())
        })
        .await?;
        board.pages.click("[data-action=\"history\"]").await?;
        let pages = board.pages;
        // The board may have closed by itself when the other window took the focus.
        let _ = pages.run(ESCAPE).await;
        pages.window("history.html").await?;
        until("the board's web process to end", async || (app.web_processes().len() == 1).then_some(())).await?;

        until("a plot for each great window", async || {
            let script = "return [...document.querySelectorAll('section[data-window]')] \
                .filter((s) => s.querySelector('canvas')?.width > 100).map((s) => s.dataset.window)";
            let drawn = pages.run(script).await.ok()?;
            let drawn: Vec<&str> = drawn.as_array()?.iter().filter_map(|name| name.as_str()).collect();
            (drawn.contains(&"5-hour") && drawn.contains(&"7-day")).then_some(())
        })
        .await?;
        pages.click("[data-action=\"table\"]").await?;
        let table = "return document.querySelector('table[data-window=\"5-hour\"]')?.innerText ?? ''";
        until("a table with a reading of work", async || {
            let text = pages.run(table).await.ok()?;
            let text = text.as_str()?;
            (text.contains("work") && text.contains(" %")).then_some(())
        })
        .await?;
        let text = pages.text().await?;
        ensure!(!text.contains("sk-ant"), "a token is in the window");

        let path = scene.desk.folder().join("past.csv");
        let shown = path.display().to_string();
        pages.click("[data-action=\"csv\"]").await?;
        save_as(&scene.desk, &shown).await?;
        let csv = until("the file", async || std::fs::read_to_string(&path).ok().filter(|csv| !csv.is_empty())).await?;
        ensure!(csv.lines().next() == Some("profile,window,at,percent,resets_at"), "{csv}");
        ensure!(csv.lines().any(|line| line.starts_with("work,5-hour,")), "no reading of work: {csv}");
        until("the window to say where it is", async || {
            pages.text().await.ok()?.contains(&format!("Saved as {shown}")).then_some(())
        })
        .await?;

        pages.click("[data-action=\"plots\"]").await?;
        let picture = scene.desk.folder().join("past.png");
        pages.click("[data-action=\"png\"]").await?;
        save_as(&scene.desk, &picture.display().to_string()).await?;
        let png = until("the picture", async || std::fs::read(&picture).ok().filter(|png| !png.is_empty())).await?;
        ensure!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "it is no PNG");

        // The app looks into its settings when it makes a board.
        std::fs::write(&settings, "[board]\nkeep_open_s = 1\nhides = \"always\"\n")?;
        tray.click("Refresh").await?;
        until("the numbers to be hidden", async || {
            let text = pages.text().await.ok()?;
            (text.contains("Numbers are hidden") && !text.contains(" %")).then_some(())
        })
        .await?;

        // The page is gone before it can say what the key did.
        let _ = pages.run(ESCAPE).await;
        // Nobody can end a session politely whose page is gone.
        drop(pages);
        until("the last web process to end", async || app.web_processes().is_empty().then_some(())).await?;

        ensure!(tray.rows().await?.iter().any(|row| row.label.starts_with("History")), "the menu does not have it");
        tray.click("History\u{2026}").await?;
        until("the window to come back", async || (!app.web_processes().is_empty()).then_some(())).await?;
        scene.nothing_is_lost()
    });
}
