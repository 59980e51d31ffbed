//! Simulated weeks of one warden: its real engine, whose time runs fast, over a pretended world in which three Claude
//! Code processes work, a person switches several times a day and signs in anew before each login ends. The world's own
//! books are pruned each week, so what grows is the engine's. Never may a spent token be presented by anybody, nor a
//! login be lost.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use signalbox_core::board::Board;
use signalbox_core::episodes::Announcement;
use signalbox_core::error::Problem;
use signalbox_core::ports::LiveLogin as _;
use signalbox_core::profile::Alias;
use signalbox_core::time::{MINUTE, Timestamp};
use signalbox_tests::model::Story;
use signalbox_tests::model::stage::{Keeper, Stage};
use signalbox_tests::model::story::{Act, REGISTERED, Version};
use signalbox_warden::{EngineHandle, Event, Faces, Habits, Pace};

/// A simulated minute takes this long.
const STEP: Duration = Duration::from_millis(1);
/// In simulated minutes.
const DAY: u64 = 24 * 60;
const WEEK: u64 = 7 * DAY;
/// A sign-in lasts thirty days.
const SIGN_IN_EVERY: u64 = 25 * DAY;
/// A look between two steps of the engine may find a pair that is only in its memory.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nobody looks.
struct Nobody;

impl Faces for Nobody {
    fn show(&self, _: &Board) {}
    fn switch_failed(&self, _: &Alias, _: &Problem, _: Timestamp) {}
    fn announce(&self, _: &Announcement) {}
    fn leaving(&self) {}
    fn exit(&self) {}
}

pub fn live() -> Result<()> {
    let story = Story { profiles: 3, sessions: vec![Version::Current; 3], delegated: false, steps: Vec::new() };
    let mut stage = Stage::set(&story, Keeper::Signalbox, false);
    let fast = Duration::from_millis;
    let pace = Pace {
        poll: fast(1),
        tick: fast(3),
        look_again: fast(3),
        calm: fast(1),
        mend_after: fast(2),
        confirm_every: fast(50),
        notice_for: fast(5),
        // Nobody sleeps: the wall clock always outruns this program.
        slept: Duration::MAX,
        after_wake: fast(2),
        leave_within: fast(1_000),
    };
    let habits = Habits { announces: true, restores: true, ..Habits::alone(pace) };
    let ports = Arc::new(stage.world.ports());
    let engine = signalbox_warden::start(ports, Box::new(Nobody), habits).context("no engine")?;
    let mut stamp = stage.world.stamp()?;
    for minute in 1.. {
        stage.advance(MINUTE);
        happens(&mut stage, &engine, minute);
        let now = stage.world.stamp()?;
        if now != stamp {
            stamp = now;
            engine.send(Event::LoginChanged);
        }
        if minute % WEEK == 0 {
            nothing_is_lost(&stage)?;
            stage.world.forget_the_past();
            println!("{}", minute / WEEK);
        }
        thread::sleep(STEP);
    }
    Ok(())
}

/// What happens in this minute.
fn happens(stage: &mut Stage, engine: &EngineHandle, minute: u64) {
    let at = |every: u64, count: usize| usize::try_from(minute / every).unwrap_or_default() % count;
    if minute.is_multiple_of(20) {
        stage.acts(at(20, 3), Act::Work);
    }
    if minute.is_multiple_of(45) {
        stage.acts(at(45, 3), Act::AskProfile);
    }
    if minute % 45 == 3 {
        stage.acts(at(45, 3), Act::AnswerProfile);
    }
    if minute.is_multiple_of(6 * 60) {
        let alias = Alias::parse(REGISTERED[at(6 * 60, 3)]).expect("an alias");
        engine.send(Event::Use { op: 0, alias });
    }
    if minute % SIGN_IN_EVERY / DAY < 3 && minute % DAY == 60 && minute > DAY * 3 {
        let account = REGISTERED[usize::try_from(minute % SIGN_IN_EVERY / DAY).unwrap_or_default()];
        // A person takes a while, in which the warden has seen the last rotation.
        settles(stage);
        stage.signs_in(account);
        stage.shows(Some(account));
    }
}

/// Waits until the live login is saved.
fn settles(stage: &Stage) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && stage.live_pair().is_some_and(|live| stage.lives(live) && !stage.is_kept(live)) {
        thread::sleep(STEP);
    }
}

fn nothing_is_lost(stage: &Stage) -> Result<()> {
    if let Some(broken) = &stage.broken {
        bail!("{broken}");
    }
    let reuses = stage.world.server(|server| server.reuses);
    ensure!(reuses == 0, "a spent token was presented");
    let until = Instant::now() + PATIENCE;
    loop {
        let lost = stage.lost_logins();
        if lost.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < until, "logins {lost:?} live and are nowhere");
        thread::sleep(STEP);
    }
}
