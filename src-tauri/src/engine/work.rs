//! The hands of the engine: threads that run the core's blocking flows, one job after the other, and report how each
//! ended. Owns the jobs there are and the net that catches a panic in one. Leaves what an outcome means to the engine:
//! nothing here changes state.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::poll::{self, Polled, Urgency};
use signalbox_core::ports::{Ports, ProviderError, Stamp};
use signalbox_core::profile::Alias;
use signalbox_core::recover::{self, Recovered};
use signalbox_core::register::{self, Consent};
use signalbox_core::switch::{self, Used};
use signalbox_core::sync::{self, Synced};

use super::{Event, Reply};

/// Either the server asked to wait, or it has just not answered and is left alone for a while.
const TOO_EARLY: &str = "it is too early to ask again; the last reading stands";

/// One call of a core flow.
pub enum Job {
    Recover,
    /// Look at the live login, unless its store still has the stamp `known`.
    Look {
        known: Option<Stamp>,
    },
    Use {
        op: u32,
        alias: Alias,
    },
    /// Replace a foreign `oauthAccount` that a running session may have written back after a switch.
    Mend,
    Edit {
        edit: Edit,
        reply: Reply,
    },
    /// Read the usage of whoever is due.
    Round,
    /// Read the usage of these, due or not.
    Ask {
        aliases: Vec<Alias>,
        by: AskedBy,
    },
}

/// Who wants usage that is not due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// Somebody pressed Refresh, and is told when it brings nothing.
    Person,
    /// A profile became active or was added.
    Engine,
}

/// A change of the list of profiles.
#[derive(Debug)]
pub enum Edit {
    Add { alias: Alias, consent: Consent },
    Rename { from: Alias, to: Alias },
    Remove { alias: Alias },
}

/// How a job ended, or that its slow part began.
pub enum Ended {
    Recovered(Result<Recovered, Failure>),
    Looked(Result<Looked, Failure>),
    Used {
        op: u32,
        alias: Alias,
        result: Result<Used, Failure>,
    },
    Mended(Result<bool, Failure>),
    Edited {
        edit: Edit,
        reply: Reply,
        result: Result<(), Failure>,
    },
    /// Somebody was due: the provider is being asked now. Another outcome of the same job follows.
    RoundBegan,
    RoundOver {
        began: bool,
    },
    Asked {
        by: AskedBy,
        problem: Option<Problem>,
    },
}

impl Ended {
    /// Whether the job is over with it.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::RoundBegan)
    }
}

/// What a look at the live store found.
pub struct Looked {
    /// The store's stamp from before it was read, so that a write in between is seen the next time.
    pub stamp: Stamp,
    /// Absent when the stamp was the known one and nothing was read.
    pub synced: Option<Synced>,
}

/// Why a job brought nothing.
pub enum Failure {
    Flow(FlowError),
    /// Our own fault. The panic hook has logged where.
    Panicked,
}

impl Failure {
    /// The failure as faces show it.
    pub fn problem(&self, doing: &Doing) -> Problem {
        match self {
            Self::Flow(error) => error.problem(doing),
            Self::Panicked => our_fault(doing),
        }
    }
}

/// The problem that stands for a fault of Signalbox itself.
pub fn our_fault(doing: &Doing) -> Problem {
    Problem {
        code: Code::Internal,
        message: format!("Cannot {}: Signalbox itself failed", doing.words()),
        next_step: NextStep::ReportBug,
        about: doing.about(),
    }
}

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

impl Worker {
    /// `leaving` makes a round of readings stop between two of them.
    pub fn start(
        name: &str,
        ports: Arc<Ports>,
        ended: Sender<Event>,
        leaving: Arc<AtomicBool>,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || Hands { ports, ended, leaving }.work_off(&queue))?;
        Ok(Self { jobs })
    }

    /// Queues a job. The thread lives as long as the engine that owns this worker.
    pub fn give(&self, job: Job) {
        self.jobs.send(job).expect("a worker's thread ends only with its engine, because every job is caught");
    }
}

struct Hands {
    ports: Arc<Ports>,
    ended: Sender<Event>,
    leaving: Arc<AtomicBool>,
}

impl Hands {
    fn work_off(&self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            let ended = self.run(job);
            self.report(ended);
        }
    }

    fn report(&self, ended: Ended) {
        // Nobody listens any more only when the app is on its way out.
        let _ = self.ended.send(Event::Ended(ended));
    }

    fn run(&self, job: Job) -> Ended {
        let ports = &*self.ports;
        match job {
            Job::Recover => Ended::Recovered(attempt(|| recover::recover(ports))),
            Job::Look { known } => Ended::Looked(attempt(|| look(ports, known.as_ref()))),
            Job::Use { op, alias } => {
                let result = attempt(|| switch::use_profile(ports, &alias));
                Ended::Used { op, alias, result }
            }
            Job::Mend => Ended::Mended(attempt(|| switch::mend_account_cache(ports))),
            Job::Edit { edit, reply } => {
                let result = attempt(|| apply(ports, &edit));
                Ended::Edited { edit, reply, result }
            }
            Job::Round => self.round(),
            Job::Ask { aliases, by } => Ended::Asked { by, problem: self.read_all(&aliases, Urgency::Forced) },
        }
    }

    fn round(&self) -> Ended {
        let due = attempt(|| poll::due(&self.ports)).unwrap_or_else(|failure| {
            log("find out whose usage is due", &failure);
            Vec::new()
        });
        let began = !due.is_empty() && !self.leaving.load(Ordering::Relaxed);
        if began {
            self.report(Ended::RoundBegan);
            // A reading that fails shows in its age; nobody asked for it, so nobody is told.
            let _ = self.read_all(&due, Urgency::Due);
        }
        Ended::RoundOver { began }
    }

    /// Reads one after the other, and gives back the first problem.
    fn read_all(&self, aliases: &[Alias], urgency: Urgency) -> Option<Problem> {
        let mut first = None;
        for alias in aliases {
            if self.leaving.load(Ordering::Relaxed) {
                break;
            }
            let doing = Doing::Refresh(alias.clone());
            let problem = match attempt(|| poll::read_usage(&self.ports, alias, urgency)) {
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
        Polled::Read(_) | Polled::ActiveExpired => return None,
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

fn look(ports: &Ports, known: Option<&Stamp>) -> Result<Looked, FlowError> {
    let stamp = ports.live.stamp()?;
    let synced = if known == Some(&stamp) { None } else { Some(sync::sync_live(ports)?) };
    Ok(Looked { stamp, synced })
}

fn apply(ports: &Ports, edit: &Edit) -> Result<(), FlowError> {
    match edit {
        Edit::Add { alias, consent } => register::add_live(ports, alias, *consent).map(drop),
        Edit::Rename { from, to } => register::rename(ports, from, to).map(drop),
        Edit::Remove { alias } => register::remove(ports, alias).map(drop),
    }
}

/// Writes down a failure that no face shows.
pub fn log(doing: &str, failure: &Failure) {
    match failure {
        Failure::Flow(error) => tracing::info!(%error, "could not {doing}"),
        Failure::Panicked => tracing::error!("Signalbox itself failed to {doing}"),
    }
}
