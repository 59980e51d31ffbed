//! A flow of ours on the stage: what happens before each of its port calls, and what each call did. Owns the rules that
//! hold *while* a flow runs: no spent token is presented or installed while its newer pair is at hand, no live login is
//! renewed, a renewed pair is saved before anything else is done. What must hold afterwards is in `judge`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use signalbox_core::error::{Code, Doing};
use signalbox_core::fakes::{Crash, Fault};
use signalbox_core::flow::FlowError;
use signalbox_core::mend;
use signalbox_core::poll::{self, Urgency};
use signalbox_core::ports::{LiveLogin as _, Ports};
use signalbox_core::register::{self, Consent};
use signalbox_core::sync::{self, Synced};
use signalbox_core::{recover, switch, undo};

use super::books::{Known, Pair, Window};
use super::judge;
use super::stage::{Shared, Stage, Writer, lock};
use super::story::{Beside, Flow, Run};

/// A renewed pair is given up after this many failed writes.
const SAVE_ATTEMPTS: u32 = 4;

/// A flow on its way.
struct Going {
    besides: Vec<(u8, Beside)>,
    at: u8,
    /// Something happened in between, or struck.
    disturbed: bool,
    disk_full: bool,
    /// What rotations of ours bought and is not saved yet.
    unsaved: Vec<Unsaved>,
    /// Calls that failed since the last rotation.
    failed_calls: u32,
    last: Option<(&'static str, Option<Fault>)>,
    /// The pair that was live when we last looked.
    looked: Option<Pair>,
    seen: Seen,
}

/// A pair that we bought.
struct Unsaved {
    pair: Pair,
    /// The server's answer never reached us.
    answer_lost: bool,
}

/// The world right before a call.
struct Seen {
    refreshes: usize,
    reuses: usize,
    stamp: String,
    live: Option<Pair>,
    known: Vec<Known>,
}

impl Seen {
    fn look(stage: &Stage, before: Option<&Self>) -> Self {
        let (refreshes, reuses) = stage.world.server(|server| (server.refreshes, server.reuses));
        let stamp = stage.world.stamp().expect("a stamp").0;
        let live = match before.filter(|before| before.stamp == stamp) {
            Some(before) => before.live,
            None => stage.live_pair(),
        };
        Self { refreshes, reuses, stamp, live, known: stage.known() }
    }
}

impl Stage {
    /// What the last call did, looked at before anybody else acts.
    fn watches(&mut self, going: &mut Going) {
        let before = &going.seen;
        let now = Seen::look(self, Some(before));
        if now.reuses > before.reuses {
            for (old, new) in before.known.iter().zip(&now.known) {
                let known = going.looked == Some(new.newest) || self.is_kept(new.newest);
                if old.alive && !new.alive && known {
                    self.breaks(format!("we presented a spent token, and {:?} was at hand", new.newest));
                }
            }
        }
        if now.refreshes > before.refreshes {
            for (old, new) in before.known.iter().zip(&now.known).filter(|(old, new)| old.newest != new.newest) {
                if before.live.is_some_and(|live| live.login == old.newest.login) {
                    self.breaks(format!("we renewed the live login {:?}", old.newest));
                }
                let struck = matches!(going.last, Some((_, Some(Fault::Torn | Fault::CrashAfter))));
                let answer_lost = struck || self.answers_lost;
                going.unsaved.push(Unsaved { pair: new.newest, answer_lost });
                going.failed_calls = 0;
            }
        } else if let (false, Some((name, _))) = (going.unsaved.is_empty(), going.last) {
            going.unsaved.retain(|bought| self.lives(bought.pair) && !self.is_kept(bought.pair));
            let early = name.starts_with("provider.") || name.ends_with(".replace");
            if let Some(bought) = going.unsaved.iter().find(|bought| early && !bought.answer_lost) {
                self.breaks(format!("{name} came before {:?} was saved", bought.pair));
            }
        }
        if matches!(going.last, Some(("live.read", _))) {
            going.looked = now.live;
        }
        if now.stamp != before.stamp {
            self.written_by = Writer::Us;
            self.judges_installed(before.live, now.live);
        }
        going.seen = now;
    }

    /// What we made live must be the newest pair of its login, unless that is nowhere.
    fn judges_installed(&mut self, replaced: Option<Pair>, installed: Option<Pair>) {
        let Some(installed) = installed else { return };
        let known = self.known()[installed.login].clone();
        let at_hand = replaced == Some(known.newest) || self.is_at_hand(known.newest);
        if known.alive && known.newest != installed && at_hand {
            self.breaks(format!("we installed {installed:?}, which is spent, and {:?} was at hand", known.newest));
        }
    }
}

/// How a flow ended.
pub enum Outcome {
    Done,
    Failed(FlowError),
    Died,
    /// There was no profile for it.
    NotRun,
}

/// Lets a process of ours run a flow, with whatever happens in between.
pub fn run(stage: &Shared, run: &Run) -> Outcome {
    let Run { flow, besides } = run;
    let (world, ports, removed) = {
        let mut stage = lock(stage);
        stage.note(|| format!("ours: {flow:?}"));
        stage.tally.flows += 1;
        (stage.world.clone(), stage.world.ports(), stage.removed_by(*flow))
    };
    let Some(act) = action(&mut lock(stage), *flow) else { return Outcome::NotRun };
    let seen = Seen::look(&lock(stage), None);
    let mut besides = besides.clone();
    besides.sort_by_key(|(at, _)| *at);
    let going = Arc::new(Mutex::new(Going {
        besides,
        at: 0,
        disturbed: false,
        disk_full: false,
        unsaved: Vec::new(),
        failed_calls: 0,
        last: None,
        looked: seen.live,
        seen,
    }));
    let before = world.interject(Some(Box::new({
        let (stage, going) = (Arc::clone(stage), Arc::clone(&going));
        move |_, name| before_call(&stage, &mut going.lock().unwrap_or_else(PoisonError::into_inner), name)
    })));
    lock(stage).under_way += 1;
    let outcome = catch_unwind(AssertUnwindSafe(|| act(&ports)));
    lock(stage).under_way -= 1;
    world.interject(before);
    let mut going = going.lock().unwrap_or_else(PoisonError::into_inner);
    let mut stage = lock(stage);
    stage.watches(&mut going);
    let outcome = stage.ends_flow(*flow, &going, outcome);
    if let Some(account) = removed {
        stage.forgets(&account);
    }
    outcome
}

/// What happens before a port call: first the world is looked at as the last call left it.
fn before_call(stage: &Shared, going: &mut Going, name: &'static str) -> Option<Fault> {
    {
        let mut stage = lock(stage);
        stage.watches(going);
        stage.renames = name.ends_with(".replace");
    }
    let mut strike = None;
    while going.besides.first().is_some_and(|(at, _)| *at <= going.at) {
        let (at, beside) = going.besides.remove(0);
        going.disturbed = true;
        {
            let mut stage = lock(stage);
            stage.tally.interjections += 1;
            stage.note(|| format!("  before call {at}, {name}: {beside:?}"));
        }
        match beside {
            Beside::Strike(fault) => strike = Some(fault),
            Beside::DiskFull => going.disk_full = true,
            Beside::Event(event) => lock(stage).happens(event),
            Beside::Other(flow, fault) => {
                let besides = fault.map(|(at, fault)| (at, Beside::Strike(fault)));
                run(stage, &Run { flow, besides: besides.into_iter().collect() });
            }
        }
    }
    going.at = going.at.saturating_add(1);
    let full = going.disk_full && name == "files.write";
    let strike = strike.or(full.then_some(Fault::Error));
    going.failed_calls += u32::from(strike == Some(Fault::Error));
    going.last = Some((name, strike));
    let mut stage = lock(stage);
    stage.tally.calls += 1;
    going.seen = Seen::look(&stage, Some(&going.seen));
    strike
}

type Action = Box<dyn FnOnce(&Ports) -> Result<Option<Synced>, FlowError>>;

/// The flow as a call; `None` where there is no profile for it.
fn action(stage: &mut Stage, flow: Flow) -> Option<Action> {
    let alias = |at: usize| stage.profile(at).map(|profile| profile.alias);
    Some(match flow {
        Flow::Sync => Box::new(|ports| sync::sync_live(ports).map(Some)),
        Flow::Round => Box::new(|ports| {
            for alias in poll::due(ports, Urgency::Due)? {
                poll::read_usage(ports, &alias, Urgency::Due)?;
            }
            Ok(None)
        }),
        Flow::Refresh(at) => {
            let alias = alias(at)?;
            Box::new(move |ports| poll::read_usage(ports, &alias, Urgency::Forced).map(|_| None))
        }
        Flow::Mend => Box::new(|ports| mend::account_cache(ports).map(|_| None)),
        Flow::Restore => Box::new(|ports| switch::restore(ports).map(|_| None)),
        Flow::Use(at) => {
            let alias = alias(at)?;
            Box::new(move |ports| switch::use_profile(ports, &alias).map(|_| None))
        }
        Flow::Undo(at) => {
            let alias = alias(at)?;
            Box::new(move |ports| undo::undo(ports, &alias).map(|_| None))
        }
        Flow::Add => {
            let alias = stage.new_name("new");
            Box::new(move |ports| register::add_live(ports, &alias, Consent::Given).map(|_| None))
        }
        Flow::Rename(at) => {
            let from = alias(at)?;
            let to = stage.new_name("named");
            Box::new(move |ports| register::rename(ports, &from, &to).map(|()| None))
        }
        Flow::Remove(at) => {
            let alias = alias(at)?;
            Box::new(move |ports| register::remove(ports, &alias).map(|_| None))
        }
        Flow::BringHome => Box::new(|ports| recover::bring_home(ports).map(|()| None)),
        Flow::Recover => Box::new(|ports| recover::recover(ports).map(|_| None)),
    })
}

impl Stage {
    /// The account whose profile is about to be removed.
    fn removed_by(&self, flow: Flow) -> Option<String> {
        let Flow::Remove(at) = flow else { return None };
        Some(self.profile(at)?.identity().account().to_owned())
    }

    /// The living pairs of an account that went with its profile.
    fn forgets(&mut self, account: &str) {
        for login in self.known().into_iter().filter(|login| login.alive) {
            if self.account_of(login.newest.login) == account && !self.lost.contains_key(&login.newest) {
                self.loses(login.newest, Window::Removed);
            }
        }
    }

    /// How a flow ended, and whether it may have ended so.
    fn ends_flow(
        &mut self,
        flow: Flow,
        going: &Going,
        outcome: std::thread::Result<Result<Option<Synced>, FlowError>>,
    ) -> Outcome {
        let outcome = match outcome {
            Ok(Ok(synced)) => {
                self.note(|| {
                    format!("  done {}", synced.as_ref().map(|synced| format!("{synced:?}")).unwrap_or_default())
                });
                if let Some(synced) = synced.filter(|_| !going.disturbed) {
                    judge::synced(self, &synced);
                }
                Outcome::Done
            }
            Ok(Err(error)) => {
                self.note(|| format!("  failed: {error}"));
                if !going.disturbed && error.problem(&Doing::Sync).code == Code::Internal {
                    self.breaks(format!("{flow:?} failed undisturbed: {error}"));
                }
                Outcome::Failed(error)
            }
            Err(panic) if panic.is::<Crash>() => {
                self.note(|| "  died".to_owned());
                self.tally.deaths += 1;
                Outcome::Died
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                self.breaks(format!("{flow:?} panicked: {}", text.unwrap_or_default()));
                Outcome::Died
            }
        };
        for Unsaved { pair, answer_lost } in &going.unsaved {
            if !self.lives(*pair) || self.is_at_hand(*pair) {
                continue;
            }
            if *answer_lost {
                self.loses(*pair, Window::OurAnswerLost);
            } else if matches!(outcome, Outcome::Died) {
                self.loses(*pair, Window::OurDeath);
            } else if going.failed_calls >= SAVE_ATTEMPTS {
                self.loses(*pair, Window::OurDisk);
            } else {
                self.breaks(format!("{flow:?} dropped {pair:?}, which it had bought"));
            }
        }
        outcome
    }
}
