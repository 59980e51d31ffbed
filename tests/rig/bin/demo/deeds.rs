//! What the warden does while nobody looks: it saves a rotation, notices that a switch was undone, and goes back to an earlier
//! sign-in. Each of them is brought about on purpose here, and checked against the server's books.

use std::time::Duration;

use anyhow::{Context, Result};
use signalbox_tests::app::Board;
use signalbox_tests::claude::{read_credentials, write_credentials};
use signalbox_tests::process::{until, within};
use signalbox_tests::stage::Profile;

use crate::cast::{Cast, short};
use crate::headless::{Show, landed, xdotool};
use crate::narrator::Narrator;

/// How long the two Claude Codes may take for the next rotation.
const NEXT_ROTATION: Duration = Duration::from_secs(60);

/// Claude Code rotates the live login, and nobody does anything.
pub async fn captured(cast: &Cast, tell: &mut Narrator) -> Result<()> {
    tell.step("Claude Code rotates the live login once more. Nobody clicks anything.");
    let saved = cast.stage.home.cred("work")?.fingerprint;
    rotated_and_saved(cast, &cast.work).await?;
    let now = cast.stage.home.cred("work")?.fingerprint;
    tell.claim(
        &format!("Signalbox saw it by itself: work.cred went from {} to {}.", short(&saved), short(&now)),
        saved != now,
    );
    tell.claim("What it saved is the newest pair that the server gave.", cast.newest_is_saved(&cast.work));
    Ok(())
}

/// Right after a rotation that was saved, when the next one is some seconds off.
async fn rotated_and_saved(cast: &Cast, profile: &Profile) -> Result<()> {
    let before = cast.stage.sim.refreshes(profile.login);
    within(NEXT_ROTATION, "a rotation", async || (cast.stage.sim.refreshes(profile.login) > before).then_some(()))
        .await?;
    until("the rotation to be saved", async || cast.newest_is_saved(profile).then_some(())).await
}

/// Something writes the old login back right after a switch.
pub async fn reverted(show: &Show, board: &Board, cast: &Cast, tell: &mut Narrator) -> Result<()> {
    tell.step("A switch to `side`, and right after it an old program writes work's login back.");
    tell.say("Older clients do that: they keep their login in memory, and save it over whatever is there by then.");
    rotated_and_saved(cast, &cast.work).await?;
    let config = cast.stage.home.config();
    let before = read_credentials(&config).context("no live login")?;
    show.press(board, ".card[data-alias=\"side\"] [data-action=\"switch\"]").await?;
    landed(&cast.side, cast, board, tell).await?;
    write_credentials(&config, &before)?;
    tell.claim("By the server's word Claude Code's login is work's again.", cast.stage.live_is("work"));
    let problem =
        until("the board to say so", async || board.problem().await.ok().filter(|(code, _)| code == "reverted")).await;
    if let Some((_, sentence)) = tell.expect("The board says what happened, and offers the way back:", problem) {
        for line in sentence.lines().map(str::trim).filter(|line| !line.is_empty()) {
            println!("      {line}");
        }
    }
    tell.say("Whoever has the board closed gets a notification with the same button.");
    show.picture("undone", Some(board), tell).await?;
    show.press(board, "[data-action=\"restore\"]").await?;
    landed(&cast.side, cast, board, tell).await?;
    tell.claim("All three logins are alive. No spent token was ever presented.", cast.all_alive());
    Ok(())
}

/// A second sign-in took the place of the first; its card's menu leads back.
pub async fn undone(show: &Show, board: &Board, cast: &Cast, tell: &mut Narrator) -> Result<()> {
    tell.step("Somebody signs in to side's account a second time, and wants the first login back.");
    let (sim, home) = (&cast.stage.sim, &cast.stage.home);
    rotated_and_saved(cast, &cast.side).await?;
    let second = cast.stage.sign_in("side")?.login;
    let saved = until("the second sign-in to be saved", async || {
        (home.cred("side").ok()?.fingerprint == cast.stage.newest_fingerprint(second).ok()?).then_some(())
    })
    .await;
    tell.expect("side.cred holds the second sign-in; the first one is kept as an earlier login.", saved);
    show.press(board, ".card[data-alias=\"side\"] [data-action=\"more\"]").await?;
    show.picture("card-menu", Some(board), tell).await?;
    show.press(board, "[data-action=\"ask-undo\"]").await?;
    show.picture("go-back", Some(board), tell).await?;
    show.press(board, "[data-action=\"undo\"]").await?;
    let back = until("the first sign-in", async || {
        let (access, _) = home.live_pair().ok()?;
        (sim.owner(&access) == Some(cast.side.login)).then_some(())
    })
    .await;
    tell.expect("By the server's word Claude Code uses the first sign-in again.", back);
    tell.claim(
        "The second one still lives: it was not signed out, only put behind the first.",
        sim.state(second) == Some(provider_sim::LoginState::Alive),
    );
    tell.claim("All three logins are alive. No spent token was ever presented.", cast.all_alive());
    cast.stage.signalbox(&["use", "work"])?;
    landed(&cast.work, cast, board, tell).await
}

/// The list of all that.
pub async fn activity(show: &Show, board: &Board, tell: &mut Narrator) -> Result<()> {
    tell.step("What was that again? The clock at the top of the board lists it.");
    show.press(board, "[data-action=\"activity\"]").await?;
    let lines = until("the list", async || {
        let script = "return [...document.querySelectorAll('main li p')].map((p) => p.innerText).join('\\n')";
        let text = board.pages.run(script).await.ok()?.as_str()?.to_owned();
        (text.contains("Brought back") && text.contains("brought work back")).then_some(text)
    })
    .await;
    if let Some(text) = tell.expect("It names the undone switch and the earlier login that was brought back:", lines) {
        for line in text.lines().take(6) {
            println!("      {line}");
        }
    }
    show.picture("recent-activity", Some(board), tell).await?;
    xdotool(&show.desk, &["key", "Escape"])?;
    board.shows("work", "active").await
}
