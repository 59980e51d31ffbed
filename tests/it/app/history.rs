//! What happened, and going back: the list of recent activity on the board, and undo from a card's menu.

use anyhow::{Result, ensure};
use signalbox_tests::app::Board;
use signalbox_tests::process::until;

use super::play;

/// Waits until a line of the list says `words`, and returns where it stands (from 0, newest first) and who did it.
async fn line(board: &Board, words: &str) -> Result<(usize, String)> {
    let script = "return [...document.querySelectorAll('main li')].map((li) => \
                  [li.querySelector('p').innerText, li.querySelector('.by').innerText])";
    until(&format!("a line that says \"{words}\""), async || {
        let value = board.pages.run(script).await.ok()?;
        let at = value.as_array()?.iter().position(|line| line[0].as_str().is_some_and(|text| text.contains(words)))?;
        Some((at, value[at][1].as_str()?.to_owned()))
    })
    .await
}

#[test]
fn recent_activity_lists_what_happened_and_follows_it() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        let board = scene.app()?.open_board(&scene.desk, &tray).await?;
        board.press_switch("personal").await?;
        board.shows("personal", "active").await?;

        board.pages.click("[data-action=\"activity\"]").await?;
        let (_, by) = line(&board, "Switched from work to personal").await?;
        ensure!(by == "app", "it says that it was {by}");
        scene.stage.signalbox(&["use", "side"])?;
        let (at, by) = line(&board, "Switched from personal to side").await?;
        ensure!(at == 0 && by == "command line", "line {at}, by {by}");

        let text = board.pages.text().await?;
        ensure!(text.contains("Recent activity") && text.contains("Today"), "{text}");
        ensure!(!text.contains("sk-ant"), "a token is on the board");
        board.pages.click("[data-action=\"back\"]").await?;
        board.shows("side", "active").await?;
        board.pages.detach().await
    });
}

#[test]
fn undo_in_a_cards_menu_goes_back_to_the_earlier_sign_in() {
    play(async |scene| {
        let tray = scene.open_app().await?;
        let board = scene.app()?.open_board(&scene.desk, &tray).await?;
        board.shows("work", "active").await?;
        let first = scene.work.login;
        let second = scene.stage.sign_in("work")?.login;
        ensure!(first != second, "it is the same sign-in");
        until("the new sign-in to be saved", async || {
            let saved = scene.stage.home.cred("work").ok()?.fingerprint;
            (saved == scene.stage.newest_fingerprint(second).ok()?).then_some(())
        })
        .await?;

        let menu = ".card[data-alias=\"work\"] [data-action=\"more\"]";
        board.pages.click(menu).await?;
        board.pages.click("[data-action=\"ask-undo\"]").await?;
        board.pages.click("[data-action=\"undo\"]").await?;
        until("the first sign-in to be live again", async || {
            let (access, _) = scene.stage.home.live_pair().ok()?;
            (scene.stage.sim.owner(&access) == Some(first)).then_some(())
        })
        .await?;
        ensure!(scene.stage.live_is("work"), "the server does not accept it");
        until("the card's question to go", async || {
            let open = board.pages.run("return document.querySelectorAll('[role=alertdialog]').length").await.ok()?;
            (open == 0).then_some(())
        })
        .await?;
        ensure!(scene.stage.home.siblings_are_untouched()?, "a sibling changed");
        scene.nothing_is_lost()?;
        board.pages.detach().await
    });
}
