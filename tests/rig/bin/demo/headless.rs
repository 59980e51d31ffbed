//! The story on a private desktop: a real window manager, panel and notification daemon under Xvfb, clicked by this
//! program, with a picture after every step and every sentence checked against the server. What goes wrong on purpose is
//! in `mishaps.rs`, what the app does unasked in `deeds.rs`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use provider_sim::{Endpoint, Fault, FaultKind};
use signalbox_tests::app::{App, Board};
use signalbox_tests::desk::Desk;
use signalbox_tests::process::{until, within};
use signalbox_tests::stage::Profile;
use signalbox_tests::tray::Tray;

use crate::cast::{Cast, short};
use crate::deeds;
use crate::mishaps;
use crate::narrator::Narrator;

/// Where the panel shows the one tray icon: at its right end, in the middle of its 32 pixels.
const ICON: (i32, i32) = (1264, 16);

/// The desktop with the app on it.
pub struct Show {
    // Ends before the desk that it is on.
    pub app: App,
    pub tray: Tray,
    pub desk: Desk,
    folder: PathBuf,
}

/// Tells it. `false`: a claim did not hold.
pub async fn tell(folder: &Path) -> Result<bool> {
    std::fs::create_dir_all(folder)?;
    remove_old_pictures(folder)?;
    let mut tell = Narrator::begin(
        "Signalbox, shown on logins that are not real. Every step is done by the real programs, and every sentence with a ✓ was \
         checked against the server's own books before it was printed. Tokens appear only as fingerprints.",
    );
    let mut cast = Cast::assemble(folder, &mut tell)?;
    let mut show = open(folder, &cast, &mut tell).await?;
    rotations(folder, &mut cast, &mut tell).await?;
    let board = show.open_board(&mut tell).await?;
    tray_switch(&show, &board, &cast, &mut tell).await?;
    slow_switch(&show, &board, &cast, &mut tell).await?;
    way_back(&show, &board, &cast, &mut tell).await?;
    deeds::captured(&cast, &mut tell).await?;
    deeds::reverted(&show, &board, &cast, &mut tell).await?;
    deeds::undone(&show, &board, &cast, &mut tell).await?;
    deeds::activity(&show, &board, &mut tell).await?;
    mishaps::dead_login(&show, &board, &cast, &mut tell).await?;
    board.pages.detach().await?;
    mishaps::pulled_plug(&mut show, &cast, &mut tell).await?;
    books(&cast, &mut tell);
    tell.say(&format!("Pictures: {}", show.folder.display()));
    Ok(tell.end("That was Signalbox."))
}

fn remove_old_pictures(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        if entry.path().extension().is_some_and(|kind| kind == "png") {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

async fn open(folder: &Path, cast: &Cast, tell: &mut Narrator) -> Result<Show> {
    tell.step("A desktop without a screen, and Signalbox in its panel.");
    tell.say(
        "Xvfb, openbox, xfce4-panel and dunst: a real panel with a real tray, only nobody sees it but the camera.",
    );
    let desk = Desk::furnished().await.context("Cannot set up the desktop")?;
    let wallpaper =
        desk.command("display").args(["-window", "root", "-size", "1280x800", "gradient:#8fb3d9-#c6a5c9"]).status();
    wallpaper.context("Cannot paint the desktop: ImageMagick's `display` is missing")?;
    let app = App::start(&desk, &cast.stage.home)?;
    let tray = tray_with_rows(&desk, cast).await?;
    until("a usage reading of each profile", async || {
        let rows = tray.rows().await.ok()?;
        cast.profiles()
            .iter()
            .all(|p| rows.iter().any(|row| row.names(&p.alias) && row.label.contains('%')))
            .then_some(())
    })
    .await?;
    tell.claim("The icon is there, and its menu lists work, personal and side.", true);
    tell.claim(
        "No WebView is alive while the board is closed: the app is tiny at rest.",
        app.web_processes().is_empty(),
    );
    let show = Show { app, tray, desk, folder: folder.to_path_buf() };
    show.picture("tray", None, tell).await?;
    xdotool(&show.desk, &["mousemove", &ICON.0.to_string(), &ICON.1.to_string(), "click", "3"])?;
    tell.say("A right click opens its menu: a tick at the active profile, and what each one has used.");
    show.picture("menu", None, tell).await?;
    xdotool(&show.desk, &["key", "Escape"])?;
    Ok(show)
}

/// The icon, once its menu knows the profiles.
pub async fn tray_with_rows(desk: &Desk, cast: &Cast) -> Result<Tray> {
    until("the tray icon with the three profiles", async || {
        let tray = Tray::find(desk).await.ok()?;
        let rows = tray.rows().await.ok()?;
        cast.profiles().iter().all(|profile| rows.iter().any(|row| row.names(&profile.alias))).then_some(tray)
    })
    .await
}

impl Show {
    async fn open_board(&self, tell: &mut Narrator) -> Result<Board> {
        tell.step("A left click on the icon, with the mouse, opens the board.");
        xdotool(&self.desk, &["mousemove", &ICON.0.to_string(), &ICON.1.to_string(), "click", "1"])?;
        let board = self.app.attach(&self.desk).await?;
        board.shows("work", "active").await?;
        tell.claim("The board shows three cards, and `work` is the active one.", board.cards().await?.len() == 3);
        xdotool(&self.desk, &["mousemove", "640", "500"])?;
        self.picture("board", Some(&board), tell).await?;
        Ok(board)
    }

    /// Presses a button on the board with the mouse, once it is there: where the page says it is, on the screen.
    pub async fn press(&self, board: &Board, css: &str) -> Result<()> {
        let there = format!("const b = document.querySelector('{css}'); return b !== null && !b.disabled");
        until(&format!("{css} on the board"), async || (board.pages.run(&there).await.ok()? == true).then_some(()))
            .await?;
        board.painted().await?;
        let script = format!(
            "const r = document.querySelector('{css}').getBoundingClientRect(); \
             return [window.screenX + r.x + r.width / 2, window.screenY + r.y + r.height / 2]"
        );
        let at = board.pages.run(&script).await?;
        let pixel = |index: usize| at[index].as_f64().map(|px| format!("{px:.0}")).context("the button is nowhere");
        xdotool(&self.desk, &["mousemove", &pixel(0)?, &pixel(1)?, "click", "1"])
    }

    /// Takes a picture, once everything has been drawn.
    pub async fn picture(&self, what: &str, board: Option<&Board>, tell: &mut Narrator) -> Result<()> {
        if let Some(board) = board {
            // Away from the board, which answers a resting pointer with a tooltip.
            xdotool(&self.desk, &["mousemove", "320", "640"])?;
            board.painted().await?;
        }
        // The panel and the notification daemon draw on their own time, and nothing says when they have.
        tokio::time::sleep(Duration::from_millis(450)).await;
        let name = tell.picture_name(what);
        self.desk.picture(&self.folder.join(&name))?;
        tell.say(&format!("[{name}]"));
        Ok(())
    }
}

async fn rotations(folder: &Path, cast: &mut Cast, tell: &mut Narrator) -> Result<()> {
    tell.step("Two Claude Codes go to work.");
    tell.say(
        "They ask the model, use up the plan, and rotate the login behind everybody's back. Here tokens are short-lived, so that \
         a day's worth of rotations happens while you watch.",
    );
    let (login, sim) = (cast.work.login, cast.stage.sim.clone());
    let (first, refreshes) = (sim.newest(login).context("no login")?, sim.refreshes(login));
    let saved_first = cast.stage.newest_fingerprint(login)?;
    cast.start_sessions(folder)?;
    within(Duration::from_secs(90), "two rotations", async || (sim.refreshes(login) >= refreshes + 2).then_some(()))
        .await?;
    let now = cast.stage.newest_fingerprint(login)?;
    tell.claim(
        &format!("The login was rotated twice: the pair {} became {}.", short(&saved_first), short(&now)),
        saved_first != now,
    );
    tell.claim(
        "The pair that was saved at the beginning is worthless by now. A tool that only copies files would have lost this login.",
        !sim.is_alive(first.refresh()),
    );
    tell.claim("Both Claude Codes shared one login, and nobody presented a spent token.", cast.all_alive());
    Ok(())
}

async fn tray_switch(show: &Show, board: &Board, cast: &Cast, tell: &mut Narrator) -> Result<()> {
    tell.step("One click on `personal` in the tray's menu.");
    tell.say(
        "Signalbox saves what is live now as work's newest login, asks the server whose personal's saved login is, takes Claude \
         Code's own locks for some milliseconds, looks once more, puts personal's in place, and reads it back.",
    );
    let home = &cast.stage.home;
    let clicked = Instant::now();
    show.tray.click("personal").await?;
    landed(&cast.personal, cast, board, tell).await?;
    tell.say(&format!("It took {} ms, and the server's answer is part of that.", clicked.elapsed().as_millis()));
    let (newest, saved) = (cast.stage.newest_fingerprint(cast.work.login)?, home.cred("work")?.fingerprint);
    tell.claim(
        &format!("work's newest pair on the server is {}, and work.cred holds {}.", short(&newest), short(&saved)),
        newest == saved,
    );
    tell.claim(
        "Everything else in Claude Code's files is the same, byte for byte: MCP logins, plugin secrets, settings, members nobody knows.",
        home.siblings_are_untouched()?,
    );
    let (_, asked) = cast.asking();
    let followed = until("the Claude Codes to follow", async || {
        let (account, now) = cast.asking();
        (account.as_deref() == Some("personal") && now >= asked + 3).then_some(())
    })
    .await;
    tell.expect("Both running Claude Codes work as personal now. Nobody restarted them.", followed);
    show.picture("switched", Some(board), tell).await
}

/// The switch to `profile` has landed, by the word of everybody who can tell.
pub async fn landed(profile: &Profile, cast: &Cast, board: &Board, tell: &mut Narrator) -> Result<()> {
    let alias = &profile.alias;
    let live = until("the live login", async || cast.stage.live_is(alias).then_some(())).await;
    tell.expect(&format!("Claude Code's login is {alias}'s, and the server accepts it."), live);
    let account = until("oauthAccount", async || {
        (cast.stage.home.account().ok()?["emailAddress"] == profile.account["emailAddress"]).then_some(())
    })
    .await;
    let email = profile.account["emailAddress"].as_str().unwrap_or_default();
    tell.expect(&format!("Claude Code's `/status` says {email}."), account);
    tell.expect(&format!("The board shows {alias} as the active one."), board.shows(alias, "active").await);
    Ok(())
}

async fn slow_switch(show: &Show, board: &Board, cast: &Cast, tell: &mut Narrator) -> Result<()> {
    tell.step("The server has a slow day: two seconds for an answer. The mouse presses Switch on side's card.");
    cast.stage.sim.fault(Fault::standing(Endpoint::Profile, FaultKind::Delay { ms: 2_000 }));
    show.press(board, ".card[data-alias=\"side\"] [data-action=\"switch\"]").await?;
    let shown = within(Duration::from_millis(1_500), "the card to say switching", async || {
        (board.state_of("side").await.ok()?.as_deref() == Some("switching")).then_some(())
    })
    .await;
    tell.expect("The card says *switching* at once; nothing is waited for to show that.", shown);
    show.picture("switching", Some(board), tell).await?;
    landed(&cast.side, cast, board, tell).await?;
    if let Some(ms) = board.click_figures().await?.last() {
        tell.say(&format!("From the click to the first frame that showed it: {ms:.1} ms, measured in the page."));
    }
    cast.stage.sim.clear_faults();
    tell.claim("personal's newest pair is in personal.cred, rotations and all.", cast.newest_is_saved(&cast.personal));
    show.picture("slow-switch-landed", Some(board), tell).await
}

async fn way_back(show: &Show, board: &Board, cast: &Cast, tell: &mut Narrator) -> Result<()> {
    tell.step("Back to work, this time from the terminal: `signalbox use work`.");
    tell.say(
        "This is the proof. What was saved of `work` is installed again, and only the newest pair can pass the server.",
    );
    let said = cast.stage.signalbox(&["use", "work"])?.out;
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        println!("      {line}");
    }
    landed(&cast.work, cast, board, tell).await?;
    tell.claim("All three logins are alive. No spent token was ever presented.", cast.all_alive());
    show.picture("back-at-work", Some(board), tell).await
}

/// What the server's books say at the end.
fn books(cast: &Cast, tell: &mut Narrator) {
    tell.step("The server's books.");
    for profile in cast.profiles() {
        let refreshes = cast.stage.sim.refreshes(profile.login);
        let state = if cast.is_alive(profile) { "alive" } else { "ended by the server, as arranged" };
        println!("      {:<10} rotated {refreshes:>2} ×, {state}", profile.alias);
    }
    tell.claim(
        "work and side are alive, and each one's newest pair is where it belongs.",
        cast.is_alive(&cast.work) && cast.is_alive(&cast.side),
    );
    tell.say(
        "Why nothing was lost: before a login is replaced, its newest pair is saved; a pair is only saved under a name after the \
         server has said whose it is; and every step is written to a journal first, so that an interrupted one is finished or undone.",
    );
}

/// Moves the mouse and presses its buttons, as a hand would.
pub fn xdotool(desk: &Desk, arguments: &[&str]) -> Result<()> {
    let status =
        desk.command("xdotool").args(arguments).status().context("Cannot move the mouse: xdotool is missing")?;
    anyhow::ensure!(status.success(), "Cannot move the mouse: xdotool {}", arguments.join(" "));
    Ok(())
}
