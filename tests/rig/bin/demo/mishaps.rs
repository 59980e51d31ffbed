//! What goes wrong on purpose in the story: a login that died, and the plug pulled in the middle of a switch.

use anyhow::Result;
use provider_sim::{Endpoint, Fault, FaultKind};
use signalbox_tests::app::{App, Board};
use signalbox_tests::process::until;

use crate::cast::Cast;
use crate::headless::{Show, tray_with_rows};
use crate::narrator::Narrator;

/// The server ends personal's login; a click on it must be refused and change nothing.
pub async fn dead_login(show: &Show, board: &Board, cast: &Cast, tell: &mut Narrator) -> Result<()> {
    tell.step("A login dies: the server revokes `personal`. A click on it in the tray.");
    cast.stage.sim.end_login(cast.personal.login);
    show.tray.click("personal").await?;
    let problem = board.problem().await;
    if let Some((_, sentence)) = tell.expect("The board says what is wrong, and what to do next:", problem) {
        for line in sentence.lines().map(str::trim).filter(|line| !line.is_empty()) {
            println!("      {line}");
        }
    }
    let stayed = until("the old login to be whole", async || cast.stage.live_is("work").then_some(())).await;
    tell.expect("Claude Code still has work's login, and the server accepts it.", stayed);
    tell.claim("work and side are untouched by this.", cast.is_alive(&cast.work) && cast.is_alive(&cast.side));
    tell.say("A notification says the same to whoever has the board closed.");
    show.picture("refused", Some(board), tell).await
}

/// The app is killed while the server thinks about a switch to `side`, and started again.
pub async fn pulled_plug(show: &mut Show, cast: &Cast, tell: &mut Narrator) -> Result<()> {
    tell.step("The plug is pulled while a switch to `side` is under way (kill -9), and Signalbox starts again.");
    let sim = &cast.stage.sim;
    let asked = sim.count(Endpoint::Profile);
    sim.fault(Fault::standing(Endpoint::Profile, FaultKind::Delay { ms: 60_000 }));
    show.tray.click("side").await?;
    until("the switch to reach the server", async || (sim.count(Endpoint::Profile) > asked).then_some(())).await?;
    show.app.running.kill();
    sim.clear_faults();
    show.app = App::start(&show.desk, &cast.stage.home)?;
    show.tray = tray_with_rows(&show.desk, cast).await?;
    let whole = until("the live login to be wholly one profile's", async || {
        let live = [&cast.work, &cast.side].into_iter().find(|profile| cast.stage.live_is(&profile.alias))?;
        let same = cast.stage.home.account().ok()?["accountUuid"] == live.account["accountUuid"];
        let ticked = show.tray.ticked().await.ok()?;
        (same && ticked.len() == 1 && ticked[0].starts_with(&live.alias)).then(|| live.alias.clone())
    })
    .await;
    if let Some(alias) = tell.expect("The live login is wholly one profile's: login, account and tick agree.", whole) {
        tell.say(if alias == cast.work.alias {
            "It is work's: the server is asked before anything is touched, so there was nothing half done."
        } else {
            "It is side's: the swap had begun, and the journal said how to finish it."
        });
    }
    tell.claim("Neither work nor side lost its login.", cast.is_alive(&cast.work) && cast.is_alive(&cast.side));
    let board = show.app.open_board(&show.desk, &show.tray).await?;
    board.shows("work", "active").await.or(board.shows("side", "active").await)?;
    show.picture("after-the-crash", Some(&board), tell).await?;
    board.pages.detach().await
}
