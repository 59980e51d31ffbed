//! The pretended rest: locks that a crash leaves behind as a real one would, a clock that stands still, and numbers that
//! only look random.

use crate::ports::{Clock, Entropy, LiveLock, LockError, Locks, OwnLock, RotationLock, StoreError};
use crate::time::{MINUTE, Timestamp};

use super::{State, World};

/// After this long an untouched lock of Claude Code's may be taken over (`docs/observed.md` §3).
const STALE_MS: i64 = MINUTE;

/// Whether Claude Code could take its own lock now: there is no folder, or one that nobody keeps alive.
pub(super) fn claude_lock_is_free(state: &State) -> bool {
    state.claude_lock.is_none_or(|touched| state.now.since(touched) > STALE_MS)
}

impl State {
    /// Somebody takes Claude Code's lock, which is free.
    pub(super) fn take_claude_lock(&mut self) {
        self.claude_lock = Some(self.now);
        self.claude_locks_taken += 1;
    }
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
            state.take_claude_lock();
            state.live_locked = true;
            state.live_locked_on = Some(std::thread::current().id());
            Ok(LiveLock::held(Box::new(LiveGuard(self.clone(), state.claude_locks_taken))))
        })
    }

    fn rotation(&self) -> Result<Option<RotationLock>, LockError> {
        let failed = || LockError::Failed { path: "(memory)/rotation.lock".into(), why: "a planned fault".to_owned() };
        self.step("locks.rotation", failed, |state, _| {
            let free = !std::mem::replace(&mut state.rotation_locked, true);
            Ok(free.then(|| RotationLock::held(Box::new(RotationGuard(self.clone())))))
        })
    }
}

/// The kernel frees it when its process dies.
struct RotationGuard(World);

impl Drop for RotationGuard {
    fn drop(&mut self) {
        self.0.lock().rotation_locked = false;
    }
}

struct OwnGuard(World);

impl Drop for OwnGuard {
    fn drop(&mut self) {
        // The kernel releases a dead process's file lock, so a crash frees it too.
        self.0.lock().own_locked = false;
    }
}

/// The world, and which taking of the lock this is: a stale one may have been taken over.
struct LiveGuard(World, u64);

impl crate::ports::LiveGuard for LiveGuard {
    fn is_ours(&self) -> bool {
        let state = self.0.lock();
        let fresh = state.claude_lock.is_some_and(|touched| state.now.since(touched) <= STALE_MS);
        fresh && state.claude_locks_taken == self.1
    }
}

impl Drop for LiveGuard {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.live_locked = false;
        // Nobody removes the lock folders of a dead process, nor one that is somebody else's by now.
        if !std::thread::panicking() && state.claude_locks_taken == self.1 {
            state.claude_lock = None;
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
