//! The pretended Claude Code beside us: the sessions that run, and the delegated engine, whose child goes on when we die. Leaves the
//! sessions that a model moves step by step to the tests.

use crate::account_cache::AccountBlock;
use crate::credential::Fingerprint;
use crate::document::Document;
use crate::history::{Entry, Event};
use crate::ports::{Delegate, DelegateError, Delegated, History, Sessions, StoreError};
use crate::sessions::{Pin, Session};
use crate::time::Timestamp;
use crate::usage::Reading;

use super::stores::unreadable;
use super::surroundings::claude_lock_is_free;
use super::{State, World, rotated};

/// A config folder of the delegated engine.
pub(super) struct Folder {
    text: String,
    running: bool,
}

/// The child refreshes what lies in its folder and ends. On `invalid_grant` it leaves a husk (`docs/observed.md` §5).
fn finish(state: &mut State, key: &Fingerprint) {
    let now = state.now;
    let Some(folder) = state.delegated.get_mut(&key.to_string()) else { return };
    folder.running = false;
    if state.server.down.is_none() {
        folder.text = rotated(&mut state.server, now, &folder.text)
            .unwrap_or_else(|| r#"{"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0}}"#.to_owned());
    }
}

impl World {
    /// A Claude Code process takes its refresh lock, or takes over one that nobody keeps alive. `false`: somebody holds it.
    pub fn claude_locks(&self) -> bool {
        let mut state = self.lock();
        let free = claude_lock_is_free(&state);
        if free {
            state.take_claude_lock();
        }
        free
    }

    /// The process that holds the refresh lock shows that it lives.
    pub fn claude_touches_its_lock(&self) {
        let mut state = self.lock();
        if state.claude_lock.is_some() {
            state.claude_lock = Some(state.now);
        }
    }

    /// The process that holds the refresh lock gives it back.
    pub fn claude_unlocks(&self) {
        self.lock().claude_lock = None;
    }

    /// Whether one of ours holds Claude Code's locks right now.
    pub fn holds_live_lock(&self) -> bool {
        let state = self.lock();
        state.live_locked || state.live_locked_beneath
    }

    /// Lets every child of the delegated engine that still runs come to its end.
    pub fn children_end(&self) {
        let mut state = self.lock();
        let running = state.delegated.iter().filter(|(_, folder)| folder.running);
        for key in running.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            finish(&mut state, &Fingerprint::from_hex(&key).expect("a key"));
        }
    }
}

impl Delegate for World {
    fn run(&self, key: &Fingerprint, login: &Document, _block: Option<&AccountBlock>) -> Result<(), DelegateError> {
        let failed = || DelegateError::NotStarted { why: "a planned fault".to_owned() };
        self.step("delegate.run", failed, |state, torn| {
            // A folder that exists is never written over: it may hold the only copy of a login.
            if state.delegated.contains_key(&key.to_string()) {
                return Err(DelegateError::StillRunning);
            }
            state.delegated.insert(key.to_string(), Folder { text: login.expose().to_owned(), running: true });
            // A torn run is one whose child outlives us.
            if state.server.slow_children {
                return Err(DelegateError::StillRunning);
            }
            if !torn {
                finish(state, key);
            }
            Ok(())
        })
    }

    fn runs(&self) -> Result<Vec<Delegated>, StoreError> {
        self.step("delegate.runs", unreadable, |state, _| {
            let runs = state.delegated.iter().map(|(key, folder)| Delegated {
                key: Fingerprint::from_hex(key).expect("a key"),
                running: folder.running,
            });
            Ok(runs.collect())
        })
    }

    fn stored(&self, key: &Fingerprint) -> Result<Option<Document>, StoreError> {
        self.step("delegate.stored", unreadable, |state, _| {
            let text = state.delegated.get(&key.to_string()).map(|folder| folder.text.clone());
            Ok(text.map(|text| Document::from_text(text).expect("an object")))
        })
    }

    fn usage(&self, _key: &Fingerprint) -> Option<(String, Reading)> {
        None
    }

    fn discard(&self, key: &Fingerprint) -> Result<(), StoreError> {
        self.step("delegate.discard", unreadable, |state, _| {
            let gone = state.delegated.remove(&key.to_string());
            assert!(gone.is_none_or(|folder| !folder.running), "a folder was removed from under its child");
            Ok(())
        })
    }
}

impl Sessions for World {
    fn running(&self) -> Result<Vec<Session>, StoreError> {
        self.step("sessions.running", unreadable, |state, _| Ok(state.sessions.clone()))
    }

    fn pins(&self) -> Vec<Pin> {
        self.lock().pins.clone()
    }
}

impl History for World {
    fn note(&self, at: Timestamp, event: &Event) {
        self.lock().history.push(Entry { at, by: "test".to_owned(), event: event.clone() });
    }

    fn recent(&self, most: usize) -> Result<Vec<Entry>, StoreError> {
        let state = self.lock();
        let from = state.history.len().saturating_sub(most);
        Ok(state.history[from..].to_vec())
    }
}
