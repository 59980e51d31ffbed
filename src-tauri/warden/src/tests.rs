//! The engine over the core's fakes: a world with two profiles, an engine whose time runs fast, and a recorder of
//! what faces are told. What a person asks for is in `clicks`, signing in in `rotation`, by itself in `bootstrap`, what others do meanwhile in
//! `outside`, what the engine does unasked in `duties`, when it reads usage in `usage`, being a guest in `guest`, what waits
//! for a yes in `terms`, our own faults in `faults`, sentences in `words`.

mod bootstrap;
mod clicks;
mod duties;
mod faults;
mod guest;
mod outside;
mod rotation;
mod terms;
mod usage;
mod words;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use signalbox_core::board::{Board, LiveState};
use signalbox_core::credential::{AccessToken, RefreshToken};
use signalbox_core::episodes::Announcement;
use signalbox_core::error::{Code, Problem};
use signalbox_core::fakes::World;
use signalbox_core::identity::Account;
use signalbox_core::ports::{Clock, Ports, Provider, ProviderError, RefreshError, Renewal};
use signalbox_core::profile::Alias;
use signalbox_core::register::{self, Consent};
use signalbox_core::time::{MINUTE, Timestamp};
use signalbox_core::usage::Usage;

use super::{Edit, EngineHandle, Event, Faces, Habits, Pace};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

fn alias(text: &str) -> Alias {
    Alias::parse(text).expect("an alias")
}

/// What the faces were told.
#[derive(Debug)]
enum Seen {
    Board(Box<Board>),
    SwitchFailed(Alias, Problem),
    Announced(Announcement),
    Leaving,
    Exit,
}

struct Recorder(Sender<Seen>);

impl Recorder {
    fn tell(&self, seen: Seen) {
        // A test that has seen enough does not listen any more.
        let _ = self.0.send(seen);
    }
}

impl Faces for Recorder {
    fn show(&self, board: &Board) {
        self.tell(Seen::Board(Box::new(board.clone())));
    }
    fn switch_failed(&self, alias: &Alias, problem: &Problem, _now: Timestamp) {
        self.tell(Seen::SwitchFailed(alias.clone(), problem.clone()));
    }
    fn announce(&self, announcement: &Announcement) {
        self.tell(Seen::Announced(announcement.clone()));
    }
    fn leaving(&self) {
        self.tell(Seen::Leaving);
    }
    fn exit(&self) {
        self.tell(Seen::Exit);
    }
}

/// A door that questions to the provider wait at.
#[derive(Default)]
struct Door {
    shut: Mutex<bool>,
    changed: Condvar,
}

impl Door {
    fn set(&self, shut: bool) {
        *self.shut.lock().expect("nobody panics holding it") = shut;
        self.changed.notify_all();
    }
    fn pass(&self) {
        let shut = self.shut.lock().expect("nobody panics holding it");
        let opened = self.changed.wait_timeout_while(shut, PATIENCE, |shut| *shut).expect("nobody panics holding it");
        assert!(!opened.1.timed_out(), "the test forgot the door");
    }
}

/// What can be done to the ports of a test.
#[derive(Clone, Default)]
struct Tricks {
    identify: Arc<Door>,
    usage: Arc<Door>,
    identify_panics: Arc<AtomicBool>,
    usage_fails: Arc<AtomicBool>,
    usage_panics: Arc<AtomicBool>,
    /// Only on the engine's own thread.
    clock_panics: Arc<AtomicBool>,
}

struct TrickyProvider(World, Tricks);

impl Provider for TrickyProvider {
    fn identify(&self, token: &AccessToken) -> Result<Account, ProviderError> {
        self.1.identify.pass();
        assert!(!self.1.identify_panics.swap(false, Ordering::SeqCst), "a planned fault");
        self.0.identify(token)
    }
    fn refresh(&self, token: RefreshToken, scopes: &[String]) -> Result<Renewal, RefreshError> {
        self.0.refresh(token, scopes)
    }
    fn usage(&self, token: &AccessToken) -> Result<Usage, ProviderError> {
        self.1.usage.pass();
        assert!(!self.1.usage_panics.swap(false, Ordering::SeqCst), "a planned fault");
        if self.1.usage_fails.load(Ordering::SeqCst) {
            return Err(ProviderError::Unreachable);
        }
        self.0.usage(token)
    }
    fn time(&self) -> Result<Timestamp, ProviderError> {
        self.0.time()
    }
}

struct TrickyClock(World, Tricks);

impl Clock for TrickyClock {
    fn now(&self) -> Timestamp {
        let here = std::thread::current().name() == Some("engine");
        assert!(!(here && self.1.clock_panics.swap(false, Ordering::SeqCst)), "a planned fault");
        self.0.now()
    }
}

/// An engine over a world with the profiles `work`, which is live, and `personal`.
struct Scene {
    world: World,
    tricks: Tricks,
    engine: EngineHandle,
    seen: Receiver<Seen>,
    logins: [String; 2],
}

fn ports(world: &World, tricks: &Tricks) -> Ports {
    Ports {
        provider: Box::new(TrickyProvider(world.clone(), tricks.clone())),
        clock: Box::new(TrickyClock(world.clone(), tricks.clone())),
        ..world.ports()
    }
}

/// A sense of time in which everything happens soon.
fn fast() -> Pace {
    Pace {
        poll: Duration::from_millis(20),
        tick: Duration::from_millis(20),
        look_again: Duration::from_millis(20),
        calm: Duration::from_millis(10),
        mend_after: Duration::from_millis(60),
        confirm_every: Duration::from_millis(200),
        notice_for: Duration::from_millis(300),
        // Tests move the wall clock as they like.
        slept: Duration::MAX,
        after_wake: Duration::from_millis(20),
        leave_within: PATIENCE,
    }
}

impl Scene {
    /// With an engine whose time runs fast.
    fn begin() -> Self {
        Self::with(Tricks::default())
    }

    fn with(tricks: Tricks) -> Self {
        Self::as_wanted(tricks, |_, _| Habits::alone(fast()))
    }

    /// `prepare` may change the world before the engine starts.
    fn as_wanted(tricks: Tricks, prepare: impl FnOnce(&World, &[String; 2]) -> Habits) -> Self {
        let world = World::new();
        let now = Clock::now(&world);
        let logins = ["personal", "work"].map(|name| {
            let oauth = world.server(|server| server.sign_in(name, "org", now));
            let login = format!(r#"{{"claudeAiOauth":{oauth},"mcpOAuth":{{}}}}"#);
            world.set_live(Some(login.clone()));
            register::add_live(&world.ports(), &alias(name), Consent::Given).expect("a profile");
            login
        });
        let habits = prepare(&world, &logins);
        let (tell, seen) = channel();
        let engine = super::start(Arc::new(ports(&world, &tricks)), Box::new(Recorder(tell)), habits)
            .expect("the engine's threads");
        Self { world, tricks, engine, seen, logins }
    }

    /// Waits for what the faces are told next that `wanted` accepts.
    fn until<T>(&self, what: &str, mut wanted: impl FnMut(Seen) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen.recv_timeout(end.saturating_duration_since(Instant::now()));
            let seen = seen.unwrap_or_else(|_| panic!("waited in vain for {what}"));
            if let Some(found) = wanted(seen) {
                return found;
            }
        }
    }

    fn board(&self, what: &str, mut wanted: impl FnMut(&Board) -> bool) -> Board {
        self.until(what, |seen| match seen {
            Seen::Board(board) if wanted(&board) => Some(*board),
            _ => None,
        })
    }

    /// Until the first look is over, so that a test begins with a quiet engine.
    fn settled(self) -> Self {
        self.board("the first look", |board| matches!(board.live, LiveState::Known { .. }));
        self
    }

    fn use_profile(&self, op: u32, name: &str) {
        self.engine.send(Event::Use { op, alias: alias(name) });
    }
}

fn active(board: &Board) -> Option<&str> {
    board.cards.iter().find(|card| card.active).map(|card| card.alias.as_str())
}

fn active_after_retry(scene: &Scene) -> Option<String> {
    scene.use_profile(2, "personal");
    let board = scene.board("the next switch", |board| board.acked_op == 2);
    active(&board).map(str::to_owned)
}
