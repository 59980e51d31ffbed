//! The pretended rest: locks that a crash leaves behind as a real one would, a clock that stands still, numbers that
//! only look random, and usage readings.

use crate::identity::Identity;
use crate::ports::{Clock, Entropy, LiveLock, LockError, Locks, OwnLock, Readings, StoreError};
use crate::time::{MINUTE, Timestamp};
use crate::usage::Reading;

use super::stores::{unreadable, unwritable};
use super::{State, World};

/// After this long an untouched lock of Claude Code's may be taken over (`docs/observed.md` §3).
const STALE_MS: i64 = MINUTE;

/// Whether Claude Code could take its own lock now: there is no folder, or one that nobody keeps alive.
pub(super) fn claude_lock_is_free(state: &State) -> bool {
    state.claude_lock.is_none_or(|touched| state.now.since(touched) > STALE_MS)
}

impl Locks for World {
    fn own(&self, _purpose: &str) -> Result<OwnLock, LockError> {
        let busy = || LockError::Busy { holder: "pid 1".to_owned() };
        self.step("locks.own", busy, |state, _| {
            if state.own_locked {
                return Err(busy());
            }
            state.own_locked = true;
            Ok(OwnLock::held(Box::new(OwnGuard(self.clone()))))
        })
    }

    fn live(&self, _own: &OwnLock) -> Result<LiveLock, LockError> {
        let path = || "(memory)/.oauth_refresh.lock".into();
        let failed = || LockError::Failed { path: path(), why: "a planned fault".to_owned() };
        self.step("locks.live", failed, |state, _| {
            if let Some(touched) = state.claude_lock.filter(|touched| state.now.since(*touched) <= STALE_MS) {
                return Err(LockError::ClaudeBusy { path: path(), stale_at: touched.plus(STALE_MS) });
            }
            state.claude_lock = Some(state.now);
            state.live_locked = true;
            Ok(LiveLock::held(Box::new(LiveGuard(self.clone()))))
        })
    }
}

struct OwnGuard(World);

impl Drop for OwnGuard {
    fn drop(&mut self) {
        // The kernel releases a dead process's file lock, so a crash frees it too.
        self.0.lock().own_locked = false;
    }
}

struct LiveGuard(World);

impl Drop for LiveGuard {
    fn drop(&mut self) {
        self.0.lock().live_locked = false;
        // Nobody removes the lock folders of a dead process.
        if !std::thread::panicking() {
            self.0.lock().claude_lock = None;
        }
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.lock().now
    }
}

impl Entropy for World {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.step(
            "entropy.fill",
            || StoreError::NoEntropy,
            |state, _| {
                for byte in bytes {
                    state.random = state.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *byte = state.random.to_be_bytes()[0];
                }
                Ok(())
            },
        )
    }
}

impl Readings for World {
    fn last(&self, identity: &Identity) -> Result<Option<Reading>, StoreError> {
        self.step("readings.last", unreadable, |state, _| Ok(state.readings.get(identity).cloned()))
    }

    fn store(&self, identity: &Identity, reading: &Reading) -> Result<(), StoreError> {
        self.step("readings.store", unwritable, |state, _| {
            state.readings.insert(identity.clone(), reading.clone());
            Ok(())
        })
    }

    fn next_allowed(&self, identity: &Identity) -> Result<Option<Timestamp>, StoreError> {
        self.step("readings.next_allowed", unreadable, |state, _| Ok(state.next_allowed.get(identity).copied()))
    }

    fn set_next_allowed(&self, identity: &Identity, at: Timestamp) -> Result<(), StoreError> {
        self.step("readings.set_next_allowed", unwritable, |state, _| {
            let later = state.next_allowed.get(identity).copied().map_or(at, |before| before.max(at));
            state.next_allowed.insert(identity.clone(), later);
            Ok(())
        })
    }

    fn forget(&self, identity: &Identity) -> Result<(), StoreError> {
        self.step("readings.forget", unwritable, |state, _| {
            state.readings.remove(identity);
            state.next_allowed.remove(identity);
            Ok(())
        })
    }
}
