//! The warden: keeps every login alive and true, with or without a screen. Owns the engine's thread, the closed list
//! of events that reach it, what a program knows and disk does not (`Activity`), and when to look, read and mend.
//! Leaves the blocking work to its workers (`work`), the decisions to `signalbox_core`, the machine to
//! `signalbox_machine`, and showing the board to the faces of whoever starts it: the app, or `signalbox watch`.
//!
//! The engine's own thread never waits for the network or a lock: a click is answered with a board that says
//! `switching` before the switch begins, however slow the provider is.

mod bootstrap;
mod duties;
mod habits;
mod handle;
mod job;
mod notice;
mod outcome;
mod rotation;
mod rounds;
mod show;
#[cfg(test)]
mod tests;
mod work;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use signalbox_core::board::{Activity, Board, LiveState, Switching};
use signalbox_core::episodes::Announcement;
use signalbox_core::error::{Doing, Problem};
use signalbox_core::poll::Urgency;
use signalbox_core::ports::Ports;
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use tokio::sync::oneshot;

use bootstrap::Bootstraps;
use duties::{Aftermath, Fault, Look, Looks};
pub use habits::{Habits, Pace, WatchedBy};
pub use handle::EngineHandle;
pub use job::Edit;
use job::{AskedBy, Ended, Job};
use notice::Said;
use rotation::{Guide, TurnReply};
pub use rotation::{Taken, Turn};
use rounds::Rounds;
use work::{Worker, Workers};

/// How a change of the list of profiles is answered.
pub type Reply = oneshot::Sender<Result<(), Problem>>;

/// Everything that can happen.
pub enum Event {
    Started,
    /// The person agreed to what [`Habits::waits`] waits for.
    Agreed,
    Tick,
    /// Somebody wrote Claude Code's login.
    LoginChanged,
    /// Somebody wrote the file with `oauthAccount`.
    AccountChanged,
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
    /// A person takes a step of a guided sign-in.
    Turn {
        turn: Turn,
        reply: TurnReply,
    },
    /// The page wants the board as it is now.
    Show {
        reply: oneshot::Sender<Board>,
    },
    BoardOpened,
    DismissProblem,
    Quit,
    Ended(Box<Ended>),
}

/// Those who show what the engine knows. Called from the engine's thread, and never made to wait for.
pub trait Faces: Send {
    fn show(&self, board: &Board);
    fn switch_failed(&self, alias: &Alias, problem: &Problem, now: Timestamp);
    /// Tells a person something unasked, once. Called only where [`Habits::announces`] is set.
    fn announce(&self, announcement: &Announcement);
    /// The program is going to end; work that must not be interrupted may still take some seconds.
    fn leaving(&self);
    fn exit(&self);
}

/// Who has to be told about a problem, and what makes it go away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Something that a person asked for.
    Asked,
    /// Usage that a person asked for; a refresh that works ends it.
    Refreshing,
    /// Watching the live login; a look that succeeds ends it.
    Watching,
    /// A choice was undone; any other live login ends it.
    Reverted,
}

struct Engine {
    ports: Arc<Ports>,
    faces: Box<dyn Faces>,
    pace: Pace,
    restores: bool,
    watched_by: WatchedBy,
    /// The watch is ours.
    watching: bool,
    /// Recovering, looking, switching, editing: one after the other.
    flows: Worker,
    /// Usage that is due. May take long, and nobody waits for it.
    rounds: Worker,
    /// Usage that somebody waits for.
    asks: Worker,
    /// Finds out what a person has to be told, where there is somebody to tell.
    teller: Option<Worker>,
    telling: bool,
    leaving: Arc<AtomicBool>,
    activity: Activity,
    /// What the notice in `activity` speaks of.
    said: Option<Said>,
    /// Whose the live login was when that was last known.
    was_live: Option<Alias>,
    /// What was live until the list of profiles made that doubtful.
    doubted: Option<Alias>,
    /// What was last written down of the live state, so that only a change is.
    noted: Option<LiveState>,
    cause: Cause,
    /// The last problem that a person waved away; it is not shown again until a look has succeeded.
    dismissed: Option<Problem>,
    last: Option<Board>,
    looks: Looks,
    aftermath: Aftermath,
    fault: Fault,
    guide: Guide,
    bootstraps: Bootstraps,
    /// Starts one more worker.
    workers: Workers,
    next_tick: Instant,
    next_poll: Instant,
    usage: Rounds,
    /// Jobs that ask the provider right now.
    asking: u32,
    /// All jobs that have not ended.
    in_flight: u32,
    leave_at: Option<Instant>,
    /// See [`Habits::waits`].
    waits: bool,
}

/// Starts the engine's thread and its workers.
pub fn start(ports: Arc<Ports>, faces: Box<dyn Faces>, habits: Habits) -> std::io::Result<EngineHandle> {
    let (sender, events) = channel();
    let handle = EngineHandle::new(sender.clone());
    let engine = Engine::new(ports, faces, habits, &sender)?;
    std::thread::Builder::new().name("engine".to_owned()).spawn(move || engine.run(&events))?;
    handle.send(Event::Started);
    Ok(handle)
}

impl Engine {
    fn new(ports: Arc<Ports>, faces: Box<dyn Faces>, habits: Habits, events: &Sender<Event>) -> std::io::Result<Self> {
        let Habits { pace, restores, announces, notices, watched_by, waits } = habits;
        let leaving = Arc::new(AtomicBool::new(false));
        let workers = Workers::new(&ports, events, &leaving, notices);
        let worker = |name| workers.start(name);
        let now = Instant::now();
        let board_time = ports.clock.now();
        Ok(Self {
            flows: worker("flows")?,
            rounds: worker("usage-rounds")?,
            asks: worker("usage-asks")?,
            teller: if announces { Some(worker("teller")?) } else { None },
            telling: false,
            ports,
            faces,
            pace,
            restores,
            watched_by,
            watching: false,
            leaving,
            activity: Activity::of_a_glance(LiveState::Unresolved, board_time),
            said: None,
            was_live: None,
            doubted: None,
            noted: None,
            cause: Cause::Watching,
            dismissed: None,
            last: None,
            looks: Looks::new(now),
            aftermath: Aftermath::default(),
            fault: Fault::default(),
            guide: Guide::default(),
            bootstraps: Bootstraps::default(),
            workers,
            // Whoever has just started it wants to see usage soon.
            next_tick: now + pace.tick.min(pace.look_again),
            next_poll: now + pace.poll,
            usage: Rounds::new(now, board_time),
            asking: 0,
            in_flight: 0,
            leave_at: None,
            waits,
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
        self.faulted(&Doing::Show);
        if std::panic::catch_unwind(AssertUnwindSafe(|| self.publish())).is_err() {
            tracing::error!("the board could not be published");
        }
    }

    fn may_leave(&self) -> bool {
        self.leave_at.is_some_and(|at| self.in_flight == 0 || Instant::now() >= at)
    }

    fn handle(&mut self, event: Event) {
        if matches!(event, Event::Use { .. } | Event::Refresh | Event::Edit { .. } | Event::Turn { .. }) {
            self.ports.live.ask_again();
        }
        match event {
            Event::Started => {
                self.ask_for_the_watch();
                self.give(Job::Recover { after: None });
                self.look(Look::Anyway);
                self.look_at_the_sign_in();
                self.publish();
            }
            Event::Agreed => {
                if std::mem::take(&mut self.waits) {
                    self.handle(Event::Started);
                }
            }
            Event::Tick => self.tick(),
            Event::LoginChanged => self.login_changed(),
            Event::AccountChanged => self.account_changed(),
            Event::Use { op, alias } => self.begin_use(op, alias),
            Event::Refresh => self.refresh(),
            Event::Edit { edit, reply } if self.waits => {
                // A page that was closed meanwhile does not want it any more.
                let _ = reply.send(Err(job::not_agreed(&edit.doing())));
            }
            Event::Edit { edit, reply } => self.give(Job::Edit { edit, reply }),
            Event::Turn { turn, reply } => self.begin_turn(turn, reply),
            Event::Show { reply } => {
                let board = self.publish();
                // A page that was closed meanwhile does not want it any more.
                let _ = reply.send(board);
            }
            Event::BoardOpened => {
                self.look(Look::IfChanged);
                self.begin_round(Urgency::Eager);
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
                self.ended(*ended);
            }
        }
    }

    /// Nothing begins any more, or nothing yet.
    fn is_idle(&self) -> bool {
        self.waits || self.leave_at.is_some()
    }

    fn give(&mut self, job: Job) {
        if self.is_idle() {
            return;
        }
        let worker = match &job {
            Job::Round { .. } => &self.rounds,
            Job::Ask { .. } => &self.asks,
            Job::Tell { .. } => match &self.teller {
                Some(teller) => teller,
                None => return,
            },
            Job::Bootstrap { .. } => match &self.bootstraps.worker {
                Some(worker) => worker,
                None => return,
            },
            Job::Recover { .. }
            | Job::Look { .. }
            | Job::Use { .. }
            | Job::Mend
            | Job::Restore { .. }
            | Job::Edit { .. }
            | Job::Turn { .. }
            | Job::LookAtTheSignIn
            | Job::Note { .. } => &self.flows,
        };
        worker.give(job);
        self.in_flight += 1;
    }

    /// Says `switching` to every face before the switch begins.
    fn begin_use(&mut self, op: u32, alias: Alias) {
        // What does not begin may not claim to have begun.
        if self.is_idle() {
            return;
        }
        self.activity.switching = Some(Switching { op, alias: alias.clone() });
        self.activity.problem = None;
        self.hush();
        self.publish();
        self.give(Job::Use { op, alias });
    }

    fn refresh(&mut self) {
        self.look(Look::Asked);
        let aliases = self.last.iter().flat_map(|board| &board.cards).map(|card| card.alias.clone()).collect();
        if !self.activity.refreshing {
            self.ask(aliases, AskedBy::Person);
        }
        self.publish();
    }

    fn ask(&mut self, aliases: Vec<Alias>, by: AskedBy) {
        if !aliases.is_empty() && !self.is_idle() {
            self.asking += 1;
            self.give(Job::Ask { aliases, by });
        }
    }

    fn leave(&mut self) {
        if self.leave_at.is_none() {
            self.put_the_live_login_back();
            self.end_the_watch();
            self.leaving.store(true, Ordering::Relaxed);
            self.leave_at = Some(Instant::now() + self.pace.leave_within);
            self.faces.leaving();
        }
    }
}
