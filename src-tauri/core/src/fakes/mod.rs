//! Every port in memory, with a plan of faults: the world in which flows are stopped at any call and shown to lose nothing.
//! Owns the stores, locks, clock and randomness of a pretended machine; the pretended server is in `server`. One
//! conformance suite runs over these and the real adapters, because a fake kinder than the machine is a bug.

mod server;
mod stores;
mod surroundings;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::document::Document;
use crate::ports::{FileName, Ports};
use crate::time::Timestamp;
use crate::usage::Reading;

pub use server::Server;

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
    next_allowed: HashMap<crate::identity::Identity, Timestamp>,
    own_locked: bool,
    /// We hold Claude Code's locks right now.
    live_locked: bool,
    /// When Claude Code's lock folder was last touched; `None`: there is none.
    claude_lock: Option<Timestamp>,
    random: u64,
    calls: Vec<&'static str>,
    plan: Option<(usize, Fault)>,
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
            next_allowed: HashMap::new(),
            own_locked: false,
            live_locked: false,
            claude_lock: None,
            random: 0x5157_0001,
            calls: Vec::new(),
            plan: None,
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

    /// The port calls since the last plan.
    pub fn calls(&self) -> Vec<&'static str> {
        self.lock().calls.clone()
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
        let mut state = self.lock();
        assert!(!(state.live_locked && name.starts_with("provider.")), "{name} while Claude Code's locks are held");
        let at = state.calls.len();
        state.calls.push(name);
        let fault = state.plan.filter(|(planned, _)| *planned == at).map(|(_, fault)| fault);
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
    let Ok(document) = Document::from_text(text) else { return false };
    let Some(oauth) = document.member("claudeAiOauth") else { return false };
    let Ok(mut login) = serde_json::from_str::<serde_json::Value>(oauth) else { return false };
    let Some(token) = login["refreshToken"].as_str().map(str::to_owned) else { return false };
    let now = state.now;
    let Some((access, refresh, expires_at)) = state.server.rotate(&token, now) else { return false };
    login["accessToken"] = access.into();
    login["refreshToken"] = refresh.into();
    login["expiresAt"] = expires_at.ms().into();
    // The real client may format its siblings anew; this one keeps them, so that a test can blame us for every byte.
    let written = document.with_member("claudeAiOauth", Some(&login.to_string())).expect("an object");
    state.live = Some(written.expose().to_owned());
    state.live_version += 1;
    true
}
