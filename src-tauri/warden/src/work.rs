//! The hands of the engine: threads that run the core's blocking flows, one job after the other, and report how each
//! ended. Owns which flow a job is, and the net that catches a panic in one. Leaves what an outcome means to the
//! engine: nothing here changes state.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use signalbox_core::board::LiveState;
use signalbox_core::bootstrap;
use signalbox_core::episodes::{Notices, Teller};
use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::feed;
use signalbox_core::flow::FlowError;
use signalbox_core::history::{self, Entry};
use signalbox_core::mend;
use signalbox_core::poll::{self, Polled, Urgency};
use signalbox_core::ports::{Ports, ProviderError, Stamp};
use signalbox_core::profile::Alias;
use signalbox_core::recover;
use signalbox_core::register;
use signalbox_core::rotate;
use signalbox_core::switch;
use signalbox_core::sync;
use signalbox_core::time::{DAY, Timestamp};
use signalbox_core::undo;
use signalbox_core::vault;

use super::Event;
use super::job::{Closeness, Done, Edit, Ended, Failure, Found, Job, Looked, log};

/// Either the server asked to wait, or it has just not answered and is left alone for a while.
const TOO_EARLY: &str = "it is too early to ask again; the last reading stands";
/// How many of the newest events are searched for the last one about the live login.
const RECENT: usize = 50;

/// Runs `f`, and turns a panic in it into a failure.
pub fn attempt<T>(f: impl FnOnce() -> Result<T, FlowError>) -> Result<T, Failure> {
    // A flow owns everything it touches; what it shares (files, locks) is made for being interrupted anywhere.
    match std::panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => result.map_err(Failure::Flow),
        Err(_) => Err(Failure::Panicked),
    }
}

/// A thread that works off jobs in order.
pub struct Worker {
    jobs: Sender<Job>,
}

/// What every worker is started with.
pub struct Workers {
    ports: Arc<Ports>,
    ended: Sender<Event>,
    leaving: Arc<AtomicBool>,
    notices: Notices,
}

impl Workers {
    /// `leaving` makes a round of readings stop between two of them.
    pub fn new(ports: &Arc<Ports>, ended: &Sender<Event>, leaving: &Arc<AtomicBool>, notices: Notices) -> Self {
        Self { ports: Arc::clone(ports), ended: ended.clone(), leaving: Arc::clone(leaving), notices }
    }

    pub fn start(&self, name: &str) -> std::io::Result<Worker> {
        let (jobs, queue) = channel();
        let (ports, ended, leaving) = (Arc::clone(&self.ports), self.ended.clone(), Arc::clone(&self.leaving));
        let teller = Teller::new(self.notices.clone());
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || Hands { ports, ended, leaving, teller, thinned_at: None }.work_off(&queue))?;
        Ok(Worker { jobs })
    }
}

impl Worker {
    /// Queues a job. The thread lives as long as the engine that owns this worker.
    pub fn give(&self, job: Job) {
        self.jobs.send(job).expect("a worker's thread ends only with its engine, because every job is caught");
    }
}

struct Hands {
    ports: Arc<Ports>,
    ended: Sender<Event>,
    leaving: Arc<AtomicBool>,
    teller: Teller,
    /// When old samples were last made fewer.
    thinned_at: Option<Timestamp>,
}

impl Hands {
    fn work_off(&mut self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            let ended = self.run(job);
            self.report(ended);
        }
    }

    fn report(&self, ended: Ended) {
        // Nobody listens any more only when the program is on its way out.
        let _ = self.ended.send(Event::Ended(Box::new(ended)));
    }

    /// As [`attempt`]; the engine learns of a fault of our own besides.
    fn attempt<T>(&self, doing: &Doing, f: impl FnOnce(&Ports) -> Result<T, FlowError>) -> Result<T, Failure> {
        let result = attempt(|| f(&self.ports));
        if matches!(result, Err(Failure::Panicked)) {
            self.report(Ended::Faulted(doing.clone()));
        }
        result
    }

    fn run(&mut self, job: Job) -> Ended {
        match job {
            Job::Recover { after } => Ended::Recovered(self.attempt(&Doing::Recover, |ports| {
                if let Some(at) = after {
                    history::note(ports, &history::Event::Failed { at });
                }
                recover::recover(ports)
            })),
            Job::Look { known, closeness, was_live } => Ended::Looked(
                self.attempt(&Doing::Sync, |ports| look(ports, known.as_ref(), closeness, was_live.as_ref())),
            ),
            Job::Use { op, alias } => {
                let doing = Doing::Use(alias.clone());
                let result = self.attempt(&doing, |ports| switch::use_profile(ports, &alias));
                if let Err(failure) = &result {
                    self.note_failed_switch(&alias, &failure.problem(&doing));
                }
                Ended::Used { op, alias, result }
            }
            Job::Mend => Ended::Mended(self.attempt(&Doing::Sync, mend::account_cache)),
            Job::Restore { problem } => {
                let result = self.attempt(&Doing::Sync, switch::restore);
                Ended::Restored { problem, result }
            }
            Job::Edit { edit, reply } => {
                let result = self.attempt(&edit.doing(), |ports| apply(ports, &edit));
                Ended::Edited { edit, reply, result }
            }
            Job::Turn { turn, doing, reply } => {
                let result = self.attempt(&doing, |ports| turn.take(ports));
                Ended::Turned { doing, reply, result }
            }
            Job::Bootstrap { live } => {
                let stop = || self.leaving.load(Ordering::Relaxed);
                Ended::Stepped(self.attempt(&Doing::Watch, |ports| bootstrap::step(ports, &live, &stop)))
            }
            Job::LookAtTheSignIn => Ended::SignInSeen(self.attempt(&Doing::Watch, rotate::look)),
            Job::Round { urgency } => self.round(urgency),
            Job::Ask { aliases, by } => Ended::Asked { by, problem: self.read_all(&aliases, Urgency::Forced) },
            Job::Note { event, unless_told } => {
                let noted = attempt(|| {
                    note(&self.ports, event, unless_told);
                    Ok(())
                });
                if let Err(failure) = noted {
                    log("write down what happened", &failure);
                }
                Ended::Noted
            }
            Job::Tell { board } => {
                let due = attempt(|| Ok(self.teller.due(&self.ports, &board)));
                let announcements = due.unwrap_or_else(|failure| {
                    log("find out what to tell", &failure);
                    Vec::new()
                });
                Ended::Told { announcements, rev: board.rev }
            }
        }
    }

    fn note_failed_switch(&self, to: &Alias, problem: &Problem) {
        // The sentence begins with what could not be done, which the event says itself.
        let why = problem.message.split_once(": ").map_or(problem.message.as_str(), |(_, why)| why).to_owned();
        let failed = history::Event::SwitchFailed { to: to.clone(), why };
        if let Err(failure) = attempt(|| {
            history::note(&self.ports, &failed);
            Ok(())
        }) {
            log("write down that a switch failed", &failure);
        }
    }

    fn round(&mut self, urgency: Urgency) -> Ended {
        // What the statusline told need not be asked for.
        let told = self.attempt(&Doing::Watch, feed::take_in).unwrap_or_else(|failure| {
            log("take in what the statusline told", &failure);
            false
        });
        let due = self.attempt(&Doing::Watch, |ports| poll::due(ports, urgency)).unwrap_or_else(|failure| {
            log("find out whose usage is due", &failure);
            Vec::new()
        });
        let asked = !due.is_empty() && !self.leaving.load(Ordering::Relaxed);
        if asked {
            self.report(Ended::RoundBegan);
            // What waits for the server's word is asked about as often as somebody's usage is.
            if let Err(failure) = self.attempt(&Doing::Sync, recover::bring_home) {
                log("bring a login home that was put aside", &failure);
            }
            // A reading that fails shows in its age; nobody asked for it, so nobody is told.
            let _ = self.read_all(&due, urgency);
        }
        if asked || told {
            self.thin();
        }
        Ended::RoundOver { asked, told }
    }

    /// Makes old samples fewer, once a day, and only while new ones come in.
    fn thin(&mut self) {
        let now = self.ports.clock.now();
        // A clock that was set back makes the last time lie ahead.
        if self.thinned_at.is_some_and(|at| (0..DAY).contains(&now.since(at))) {
            return;
        }
        self.thinned_at = Some(now);
        if let Err(failure) = self.attempt(&Doing::Watch, |ports| Ok(ports.samples.thin(now)?)) {
            log("make room among old samples", &failure);
        }
    }

    /// Reads one after the other, and gives back the first problem.
    fn read_all(&self, aliases: &[Alias], urgency: Urgency) -> Option<Problem> {
        let mut first = None;
        for alias in aliases {
            if self.leaving.load(Ordering::Relaxed) {
                break;
            }
            let doing = Doing::Refresh(alias.clone());
            let problem = match self.attempt(&doing, |ports| poll::read_usage(ports, alias, urgency)) {
                Ok(polled) => no_reading(&polled, &doing),
                Err(failure) => {
                    log(&doing.words(), &failure);
                    Some(failure.problem(&doing))
                }
            };
            first = first.or(problem);
        }
        first
    }
}

/// Why an answer brought no reading, if a person can do something about it. The last reading stands in every case.
fn no_reading(polled: &Polled, doing: &Doing) -> Option<Problem> {
    let (why, next_step) = match polled {
        // Claude Code renews a lapsed login at its next use, and nobody has to do anything.
        Polled::Read(_) | Polled::ActiveExpired | Polled::NotAllowed => return None,
        Polled::NotYet { until } => (TOO_EARLY.to_owned(), NextStep::Wait { until: *until }),
        Polled::Failed(cause @ (ProviderError::Unreachable | ProviderError::TimedOut)) => {
            (cause.to_string(), NextStep::CheckNetwork)
        }
        Polled::Failed(cause) => (cause.to_string(), NextStep::Retry),
    };
    let message = format!("Cannot {}: {why}", doing.words());
    tracing::info!("{message}");
    Some(Problem { code: Code::Provider, message, next_step, about: doing.about() })
}

fn look(
    ports: &Ports,
    known: Option<&Stamp>,
    closeness: Closeness,
    was_live: Option<&Alias>,
) -> Result<Looked, FlowError> {
    let stamp = ports.live.stamp()?;
    if known == Some(&stamp) {
        return Ok(Looked { stamp, found: Found::Nothing, last: None, switched_at: None });
    }
    let found = match closeness {
        Closeness::Sync => Found::Synced(sync::sync_live(ports)?),
        Closeness::Glance => Found::Glanced(sync::glance(ports, &vault::load_roster(ports)?)),
    };
    let live = match &found {
        Found::Synced(synced) => synced.live_state(),
        Found::Glanced(live) => live.clone(),
        Found::Nothing => LiveState::Unresolved,
    };
    let last = match &live {
        LiveState::Known { alias } if Some(alias) != was_live => last_of_live(ports),
        _ => None,
    };
    let switched_at = vault::load_roster(ports)?.last_switch().map(|switch| switch.at);
    Ok(Looked { stamp, found, last, switched_at })
}

/// The newest entry about what is live, by whichever program.
fn last_of_live(ports: &Ports) -> Option<Entry> {
    let recent = ports.history.recent(RECENT).ok()?;
    recent.into_iter().rev().find(|entry| {
        entry.event.leaves_live().is_some()
            || matches!(
                entry.event,
                history::Event::Undone { .. }
                    | history::Event::Added { .. }
                    | history::Event::Foreign { .. }
                    | history::Event::SignedOut { .. }
                    | history::Event::Unreadable
            )
    })
}

/// Writes an event down, the alias of a sign-out from the list of profiles where nobody remembers it.
fn note(ports: &Ports, event: history::Event, unless_told: bool) {
    let event = match event {
        history::Event::SignedOut { alias: None } => {
            let active = vault::load_roster(ports).ok().and_then(|roster| Some(roster.active()?.alias.clone()));
            history::Event::SignedOut { alias: active }
        }
        event => event,
    };
    if !(unless_told && last_of_live(ports).is_some_and(|last| last.event == event)) {
        history::note(ports, &event);
    }
}

fn apply(ports: &Ports, edit: &Edit) -> Result<Done, FlowError> {
    match edit {
        Edit::Add { alias, consent } => register::add_live(ports, alias, *consent).map(|_| Done::Plain),
        Edit::Rename { from, to } => register::rename(ports, from, to).map(|()| Done::Plain),
        Edit::Remove { alias } => register::remove(ports, alias).map(|_| Done::Plain),
        Edit::Reorder { aliases } => register::reorder(ports, aliases).map(|()| Done::Plain),
        Edit::SetView { view } => Ok(ports.preferences.set_view(*view).map(|()| Done::Plain)?),
        Edit::Undo { alias } => undo::undo(ports, alias).map(|undone| Done::Undone(Box::new(undone))),
    }
}
