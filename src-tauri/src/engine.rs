//! The one place where the app's state changes. Owns the engine's thread, the closed list of events that reach it, what
//! the app knows and disk does not (`Activity`), and when to look, read and mend. Leaves the blocking work to its
//! workers (`work`), the decisions to `signalbox_core`, and showing the board to the faces.
//!
//! The engine's own thread never blocks: a click is answered with a board that says `switching` before the switch
//! begins, however slow the provider is.

mod handle;
mod notice;
mod outcome;
#[cfg(test)]
mod tests;
mod work;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use signalbox_core::board::{Activity, Board, LiveState, Switching};
use signalbox_core::error::{Doing, Problem};
use signalbox_core::ports::{Ports, Stamp};
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use tokio::sync::oneshot;

pub use handle::EngineHandle;
use notice::Said;
pub use work::Edit;
use work::{AskedBy, Ended, Job, Worker, our_fault};

/// How a change of the list of profiles is answered.
pub type Reply = oneshot::Sender<Result<(), Problem>>;

/// Everything that can happen.
pub enum Event {
    Started,
    Tick,
    /// A person wants this profile. `op` is the page's number for the click; 0 where nobody waits for its end.
    Use {
        op: u32,
        alias: Alias,
    },
    Refresh,
    Edit {
        edit: Edit,
        reply: Reply,
    },
    /// The page wants the board as it is now.
    Show {
        reply: oneshot::Sender<Board>,
    },
    BoardOpened,
    DismissProblem,
    Quit,
    Ended(Ended),
}

/// Those who show what the engine knows. Called from the engine's thread, and never made to wait for.
pub trait Faces: Send {
    fn show(&self, board: &Board);
    fn switch_failed(&self, alias: &Alias, problem: &Problem, now: Timestamp);
    /// The app is going to end; work that must not be interrupted may still take some seconds.
    fn leaving(&self);
    fn exit(&self);
}

/// The engine's sense of time.
#[derive(Clone, Copy)]
pub struct Pace {
    /// How often the live store's stamp is compared and usage that is due is read.
    pub tick: Duration,
    /// How long after a switch a session may still write the old account's `oauthAccount` (`docs/observed.md` §14).
    pub mend_after: Duration,
    /// How often a settled live login is read although its stamp did not change: a Keychain's counts whole seconds, so a
    /// second write within one of them cannot be seen.
    pub confirm_every: Duration,
    /// How long a notice is news.
    pub notice_for: Duration,
    /// How long quitting waits for work in flight. A spent refresh token must not lose its answer.
    pub leave_within: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(10),
            mend_after: Duration::from_secs(5),
            confirm_every: Duration::from_secs(300),
            notice_for: Duration::from_secs(30),
            leave_within: Duration::from_secs(70),
        }
    }
}

/// A look that settled nothing is repeated after one tick, then after two, four and so on, up to this many.
const LOOK_BACKOFF_TICKS_MAX: u32 = 32;

/// Who has to be told about a problem, and what makes it go away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Something that a person asked for.
    Asked,
    /// Usage that a person asked for; a refresh that works ends it.
    Refreshing,
    /// Watching the live login; a look that succeeds ends it.
    Watching,
}

struct Engine {
    ports: Arc<Ports>,
    faces: Box<dyn Faces>,
    pace: Pace,
    /// Recovering, looking, switching, editing: one after the other.
    flows: Worker,
    /// Usage that is due. May take long, and nobody waits for it.
    rounds: Worker,
    /// Usage that somebody waits for.
    asks: Worker,
    leaving: Arc<AtomicBool>,
    activity: Activity,
    /// What the notice in `activity` speaks of.
    said: Option<Said>,
    /// Whose the live login was when that was last known.
    was_live: Option<Alias>,
    cause: Cause,
    /// The last problem that a person waved away; it is not shown again until a look has succeeded.
    dismissed: Option<Problem>,
    last: Option<Board>,
    looking: bool,
    /// The stamp at the last look that settled whose the live login is.
    settled: Option<(Stamp, Instant)>,
    unsettled_looks: u32,
    next_look: Instant,
    next_tick: Instant,
    mend_at: Option<Instant>,
    round_under_way: bool,
    /// Jobs that ask the provider right now.
    asking: u32,
    /// All jobs that have not ended.
    in_flight: u32,
    leave_at: Option<Instant>,
}

/// Starts the engine's thread and its workers.
pub fn start(ports: Arc<Ports>, faces: Box<dyn Faces>, pace: Pace) -> std::io::Result<EngineHandle> {
    let (sender, events) = channel();
    let handle = EngineHandle::new(sender.clone());
    let engine = Engine::new(ports, faces, pace, &sender)?;
    std::thread::Builder::new().name("engine".to_owned()).spawn(move || engine.run(&events))?;
    handle.send(Event::Started);
    Ok(handle)
}

impl Engine {
    fn new(ports: Arc<Ports>, faces: Box<dyn Faces>, pace: Pace, events: &Sender<Event>) -> std::io::Result<Self> {
        let leaving = Arc::new(AtomicBool::new(false));
        let worker = |name| Worker::start(name, Arc::clone(&ports), events.clone(), Arc::clone(&leaving));
        let now = Instant::now();
        let board_time = ports.clock.now();
        Ok(Self {
            flows: worker("flows")?,
            rounds: worker("usage-rounds")?,
            asks: worker("usage-asks")?,
            ports,
            faces,
            pace,
            leaving,
            activity: Activity::of_a_glance(LiveState::Unresolved, board_time),
            said: None,
            was_live: None,
            cause: Cause::Watching,
            dismissed: None,
            last: None,
            looking: false,
            settled: None,
            unsettled_looks: 0,
            next_look: now,
            next_tick: now + pace.tick,
            mend_at: None,
            round_under_way: false,
            asking: 0,
            in_flight: 0,
            leave_at: None,
        })
    }

    fn run(mut self, events: &Receiver<Event>) {
        loop {
            let event = match events.recv_timeout(self.until_next()) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => Event::Tick,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if std::panic::catch_unwind(AssertUnwindSafe(|| self.handle(event))).is_err() {
                self.survive();
            }
            if self.may_leave() {
                self.faces.exit();
                return;
            }
        }
    }

    /// The state is plain data and every event leaves it whole enough to go on with.
    fn survive(&mut self) {
        self.complain(our_fault(&Doing::Show), Cause::Asked);
        if std::panic::catch_unwind(AssertUnwindSafe(|| self.publish())).is_err() {
            tracing::error!("the board could not be published");
        }
    }

    fn until_next(&self) -> Duration {
        let first = [Some(self.next_tick), self.mend_at, self.leave_at].into_iter().flatten().min();
        first.map_or(self.pace.tick, |at| at.saturating_duration_since(Instant::now()))
    }

    fn may_leave(&self) -> bool {
        self.leave_at.is_some_and(|at| self.in_flight == 0 || Instant::now() >= at)
    }

    fn handle(&mut self, event: Event) {
        if matches!(event, Event::Use { .. } | Event::Refresh | Event::Edit { .. }) {
            self.ports.live.ask_again();
        }
        match event {
            Event::Started => {
                self.give(Job::Recover);
                self.look(Look::Anyway);
                self.publish();
            }
            Event::Tick => self.tick(),
            Event::Use { op, alias } => self.begin_use(op, alias),
            Event::Refresh => self.refresh(),
            Event::Edit { edit, reply } => self.give(Job::Edit { edit, reply }),
            Event::Show { reply } => {
                let board = self.publish();
                // A page that was closed meanwhile does not want it any more.
                let _ = reply.send(board);
            }
            Event::BoardOpened => {
                self.look(Look::IfChanged);
                self.begin_round();
                self.publish();
            }
            Event::DismissProblem => {
                self.dismissed = self.activity.problem.take();
                self.publish();
            }
            Event::Quit => self.leave(),
            Event::Ended(ended) => {
                if ended.is_final() {
                    self.in_flight -= 1;
                }
                self.ended(ended);
            }
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.mend_at.is_some_and(|at| now >= at) {
            self.mend_at = None;
            self.give(Job::Mend);
        }
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + self.pace.tick;
        if now >= self.next_look {
            let confirmed = self.settled.as_ref().is_some_and(|(_, at)| now - *at < self.pace.confirm_every);
            self.look(if confirmed { Look::IfChanged } else { Look::Anyway });
        }
        self.begin_round();
        self.forget_old_notice(now);
        // Badges age and windows reset without anything happening.
        self.publish();
    }

    fn give(&mut self, job: Job) {
        if self.leave_at.is_some() {
            return;
        }
        self.in_flight += 1;
        match job {
            Job::Round => self.rounds.give(job),
            Job::Ask { .. } => self.asks.give(job),
            Job::Recover | Job::Look { .. } | Job::Use { .. } | Job::Mend | Job::Edit { .. } => self.flows.give(job),
        }
    }

    fn look(&mut self, how: Look) {
        if self.looking {
            return;
        }
        self.looking = true;
        let known = match how {
            Look::IfChanged => self.settled.as_ref().map(|(stamp, _)| stamp.clone()),
            Look::Anyway => None,
        };
        self.give(Job::Look { known });
    }

    fn begin_round(&mut self) {
        if !self.round_under_way {
            self.round_under_way = true;
            self.give(Job::Round);
        }
    }

    /// Says `switching` to every face before the switch begins.
    fn begin_use(&mut self, op: u32, alias: Alias) {
        // Nothing begins any more, so nothing may claim to have begun.
        if self.leave_at.is_some() {
            return;
        }
        self.activity.switching = Some(Switching { op, alias: alias.clone() });
        self.activity.problem = None;
        self.hush();
        self.publish();
        self.give(Job::Use { op, alias });
    }

    fn refresh(&mut self) {
        self.look(Look::Anyway);
        let aliases = self.last.iter().flat_map(|board| &board.cards).map(|card| card.alias.clone()).collect();
        if !self.activity.refreshing {
            self.ask(aliases, AskedBy::Person);
        }
        self.publish();
    }

    fn ask(&mut self, aliases: Vec<Alias>, by: AskedBy) {
        if !aliases.is_empty() {
            self.asking += 1;
            self.give(Job::Ask { aliases, by });
        }
    }

    fn leave(&mut self) {
        if self.leave_at.is_none() {
            self.leaving.store(true, Ordering::Relaxed);
            self.leave_at = Some(Instant::now() + self.pace.leave_within);
            self.faces.leaving();
        }
    }
}

/// How closely to look at the live store.
#[derive(Clone, Copy)]
enum Look {
    IfChanged,
    Anyway,
}
