//! Every port in memory, with a plan of faults: the world in which flows are stopped at any call and shown to lose nothing.
//! Owns the stores, locks, clock and randomness of a pretended machine; the pretended server is in `server`. One
//! conformance suite runs over these and the real adapters, because a fake kinder than the machine is a bug.

mod claude;
mod readings;
mod server;
mod signin;
mod stores;
mod surroundings;
mod windows;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bootstrap::Choice;
use crate::document::Document;
use crate::feed::{Heard, Report};
use crate::history::{Entry, Event};
use crate::policy::{BackOff, EngineChoice};
use crate::ports::{FileName, Ports};
use crate::schedule::Books;
use crate::sessions::{Pin, Session};
use crate::stretch::{Stretch, Upkeep};
use crate::terms::Terms;
use crate::time::{HOUR, Timestamp};
use crate::usage::Reading;
use crate::view::View;

pub use server::{Pair, Server};

/// What goes wrong at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and changes nothing.
    Error,
    /// The process dies just before the call.
    CrashBefore,
    /// The process dies just after the call did its work.
    CrashAfter,
    /// The process dies in the middle of a write. Where a write is atomic that is the same as just before.
    Torn,
    /// Claude Code refreshes the live login just before the call, if its lock is free.
    Rotation,
}

/// The panic that stands for the death of the process.
#[derive(Debug)]
pub struct Crash;

/// What happens between two steps of a flow: called before each port call, with its name, while no lock of the world is held, so
/// that others may act, whole flows included. What it answers strikes the call.
pub type Interjection = Box<dyn FnMut(&World, &'static str) -> Option<Fault> + Send>;

/// A machine, its Claude Code and its server, shared by all ports that are made from it.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    now: Timestamp,
    live: Option<String>,
    live_version: u64,
    cache: Option<String>,
    files: HashMap<FileName, Vec<u8>>,
    readings: HashMap<crate::identity::Identity, Reading>,
    samples: HashMap<crate::identity::Identity, Vec<Stretch>>,
    upkeep: Option<Upkeep>,
    books: HashMap<crate::identity::Identity, Books>,
    reports: Vec<Report>,
    /// What is remembered of the sessions that told something, by their names.
    heard: HashMap<String, Heard>,
    view: View,
    terms: Terms,
    bootstrap: Choice,
    windows: windows::Windows,
    back_offs: HashMap<crate::identity::Identity, BackOff>,
    sessions: Vec<Session>,
    pins: Vec<Pin>,
    history: Vec<Entry>,
    engine: EngineChoice,
    /// The config folders of the delegated engine.
    delegated: HashMap<String, claude::Folder>,
    /// The attempts to sign in apart from the live login.
    signins: std::collections::BTreeMap<String, signin::Attempt>,
    /// Who signs in as soon as somebody is asked to.
    signs_in: Option<String>,
    /// The installed Claude Code knows no `auth login`.
    claude_is_old: bool,
    rotation_locked: bool,
    own_locked: bool,
    /// We hold Claude Code's locks right now.
    live_locked: bool,
    /// Where they were taken: another thread of ours may ask the provider meanwhile.
    live_locked_on: Option<std::thread::ThreadId>,
    /// A flow of ours holds them between whose calls others act.
    live_locked_beneath: bool,
    /// When Claude Code's lock folder was last touched; `None`: there is none.
    claude_lock: Option<Timestamp>,
    /// How often it was taken, by anybody.
    claude_locks_taken: u64,
    random: u64,
    calls: Vec<&'static str>,
    plan: Option<(usize, Fault)>,
    interjection: Option<Interjection>,
    pub(crate) server: Server,
}

impl World {
    /// An empty machine at a fixed moment.
    pub fn new() -> Self {
        let state = State {
            now: Timestamp::from_ms(1_800_000_000_000),
            live: None,
            live_version: 0,
            cache: Some(r#"{"numStartups":7}"#.to_owned()),
            files: HashMap::new(),
            readings: HashMap::new(),
            samples: HashMap::new(),
            upkeep: None,
            books: HashMap::new(),
            reports: Vec::new(),
            heard: HashMap::new(),
            view: View::default(),
            terms: Terms::default(),
            bootstrap: Choice::default(),
            windows: windows::Windows::default(),
            back_offs: HashMap::new(),
            sessions: Vec::new(),
            pins: Vec::new(),
            history: Vec::new(),
            engine: EngineChoice::default(),
            delegated: HashMap::new(),
            signins: std::collections::BTreeMap::new(),
            signs_in: None,
            claude_is_old: false,
            rotation_locked: false,
            own_locked: false,
            live_locked: false,
            live_locked_on: None,
            live_locked_beneath: false,
            claude_lock: None,
            claude_locks_taken: 0,
            random: 0x5157_0001,
            calls: Vec::new(),
            plan: None,
            interjection: None,
            server: Server::default(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Ports onto this world; as many as wanted, for as many processes.
    pub fn ports(&self) -> Ports {
        Ports {
            live: Box::new(self.clone()),
            account_cache: Box::new(self.clone()),
            files: Box::new(self.clone()),
            key: Box::new(self.clone()),
            provider: Box::new(self.clone()),
            locks: Box::new(self.clone()),
            clock: Box::new(self.clone()),
            entropy: Box::new(self.clone()),
            readings: Box::new(self.clone()),
            samples: Box::new(self.clone()),
            feed: Box::new(self.clone()),
            preferences: Box::new(self.clone()),
            sessions: Box::new(self.clone()),
            delegate: Box::new(self.clone()),
            signin: Box::new(self.clone()),
            windows: Box::new(self.clone()),
            history: Box::new(self.clone()),
            engine: self.lock().engine,
        }
    }

    /// Forgets the calls so far and lets call number `at` (from 0) go wrong.
    pub fn plan(&self, at: usize, fault: Fault) {
        let mut state = self.lock();
        state.calls.clear();
        state.plan = Some((at, fault));
    }

    /// Forgets the calls so far; nothing goes wrong any more.
    pub fn unplan(&self) {
        let mut state = self.lock();
        state.calls.clear();
        state.plan = None;
    }

    /// Lets somebody act before each port call from now on, and gives back who did until now. It is not called for the port calls
    /// that it makes itself; a flow that it runs may have an interjection of its own.
    pub fn interject(&self, next: Option<Interjection>) -> Option<Interjection> {
        std::mem::replace(&mut self.lock().interjection, next)
    }

    /// The port calls since the last plan.
    pub fn calls(&self) -> Vec<&'static str> {
        self.lock().calls.clone()
    }

    /// Forgets what only a short life can afford to remember: the calls, all but the newest events, tokens of long ago.
    pub fn forget_the_past(&self) {
        const EVENTS: usize = 200;
        let mut state = self.lock();
        state.calls.clear();
        let old = state.history.len().saturating_sub(EVENTS);
        state.history.drain(..old);
        let now = state.now;
        state.server.forget_spent(now);
        for books in state.books.values_mut() {
            books.asked.retain(|at| now.since(*at) < HOUR);
        }
        for samples in state.samples.values_mut() {
            samples.retain(|stretch| now.since(stretch.last) < crate::forecast::LOOKBACK_MS);
        }
    }

    /// What is written down of what happened.
    pub fn history(&self) -> Vec<Event> {
        self.lock().history.iter().map(|entry| entry.event.clone()).collect()
    }

    /// Claude Code sessions that run, and pins that are set.
    pub fn set_sessions(&self, sessions: Vec<Session>, pins: Vec<Pin>) {
        let mut state = self.lock();
        (state.sessions, state.pins) = (sessions, pins);
    }

    /// The engine that ports made from now on renew with.
    pub fn set_engine(&self, engine: EngineChoice) {
        self.lock().engine = engine;
    }

    pub fn advance(&self, ms: i64) {
        let mut state = self.lock();
        state.now = state.now.plus(ms);
    }

    /// The text of the live store.
    pub fn live_text(&self) -> Option<String> {
        self.lock().live.clone()
    }

    /// Another program writes the live store.
    pub fn set_live(&self, text: Option<String>) {
        let mut state = self.lock();
        state.live = text;
        state.live_version += 1;
    }

    /// The text of `.claude.json`.
    pub fn cache_text(&self) -> Option<String> {
        self.lock().cache.clone()
    }

    pub fn set_cache(&self, text: Option<String>) {
        self.lock().cache = text;
    }

    pub fn file(&self, name: &FileName) -> Option<Vec<u8>> {
        self.lock().files.get(name).cloned()
    }

    pub fn set_file(&self, name: FileName, bytes: Option<Vec<u8>>) {
        let mut state = self.lock();
        match bytes {
            Some(bytes) => state.files.insert(name, bytes),
            None => state.files.remove(&name),
        };
    }

    /// Looks at or changes the server.
    pub fn server<T>(&self, look: impl FnOnce(&mut Server) -> T) -> T {
        look(&mut self.lock().server)
    }

    /// Claude Code refreshes the live login now, under its own lock protocol. `false`: the lock was taken, or there was
    /// nothing to refresh.
    pub fn claude_refreshes(&self) -> bool {
        let mut state = self.lock();
        surroundings::claude_lock_is_free(&state) && rotate_live(&mut state)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A crash is a panic, and what it leaves behind is just what is to be looked at.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One port call: counts it, lets the plan strike, does the work.
    pub(crate) fn step<T, E>(
        &self,
        name: &'static str,
        error: impl FnOnce() -> E,
        act: impl FnOnce(&mut State, bool) -> Result<T, E>,
    ) -> Result<T, E> {
        let struck = self.interjected(name);
        let mut state = self.lock();
        let here = state.live_locked && state.live_locked_on == Some(std::thread::current().id());
        assert!(!(here && name.starts_with("provider.")), "{name} while Claude Code's locks are held");
        let at = state.calls.len();
        state.calls.push(name);
        let fault = struck.or(state.plan.filter(|(planned, _)| *planned == at).map(|(_, fault)| fault));
        match fault {
            Some(Fault::Error) => return Err(error()),
            Some(Fault::CrashBefore) => crash(state),
            Some(Fault::Rotation) => {
                if surroundings::claude_lock_is_free(&state) {
                    rotate_live(&mut state);
                }
            }
            Some(Fault::CrashAfter | Fault::Torn) | None => {}
        }
        let result = act(&mut state, fault == Some(Fault::Torn));
        if matches!(fault, Some(Fault::CrashAfter | Fault::Torn)) {
            crash(state);
        }
        result
    }
}

impl World {
    /// Lets the interjection act. What we hold is not held by those who act in between.
    fn interjected(&self, name: &'static str) -> Option<Fault> {
        let mut state = self.lock();
        let mut interjection = state.interjection.take()?;
        let (held, beneath) = (std::mem::replace(&mut state.live_locked, false), state.live_locked_beneath);
        state.live_locked_beneath |= held;
        drop(state);
        let struck = interjection(self, name);
        let mut state = self.lock();
        (state.live_locked, state.live_locked_beneath) = (held, beneath);
        state.interjection = Some(interjection);
        struck
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

fn crash(state: MutexGuard<'_, State>) -> ! {
    drop(state);
    std::panic::panic_any(Crash)
}

/// What Claude Code does when its access token nears expiry: spend the refresh token, write the new pair in place.
fn rotate_live(state: &mut State) -> bool {
    let Some(text) = state.live.clone() else { return false };
    let Some(rotated) = rotated(&mut state.server, state.now, &text) else { return false };
    state.live = Some(rotated);
    state.live_version += 1;
    true
}

/// A credential document with the pair that its refresh token buys.
fn rotated(server: &mut Server, now: Timestamp, text: &str) -> Option<String> {
    let document = Document::from_text(text.to_owned()).ok()?;
    let mut login = serde_json::from_str::<serde_json::Value>(document.member("claudeAiOauth")?).ok()?;
    let token = login["refreshToken"].as_str()?.to_owned();
    let (access, refresh, expires_at) = server.rotate(&token, now)?;
    login["accessToken"] = access.into();
    login["refreshToken"] = refresh.into();
    login["expiresAt"] = expires_at.ms().into();
    // The real client may format its siblings anew; this one keeps them, so that a test can blame us for every byte.
    let written = document.with_member("claudeAiOauth", Some(&login.to_string())).expect("an object");
    Some(written.expose().to_owned())
}
