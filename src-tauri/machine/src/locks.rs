//! The locks around a switch (design invariant 2). Owns their order and how long each is waited for: our own lock file
//! first, then Claude Code's `.oauth_refresh.lock`, then its legacy lock. Beside them stand the
//! locks of a single rename, in `rename`. Leaves *when* to lock to the flows.
//!
//! Should Signalbox be killed while it holds Claude Code's locks, their folders stay. The next Signalbox removes them
//! at once, because it can prove that they are our own (`notes`); Claude Code takes them over after some 8 s, because
//! `owner` proves to it that their holder is dead. A lock without proof is taken over after 60 s, by either. The kernel
//! frees our own lock at once.

pub mod folder;
pub(crate) mod holder;
pub mod notes;
mod own;
mod owner;
pub mod rename;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use signalbox_core::ports::{LiveGuard, LiveLock, LockError, Locks, OwnLock, RotationLock};

use crate::data_folder::DataFolder;
use crate::durable;
use crate::surroundings::Surroundings;
use folder::{Contender, FolderLock, Refusal, Terms};
use notes::Notes;
use owner::OwnerRecord;
pub use rename::StorageLock;

/// How long our own lock is waited for: its holder may be asking the provider, and a refresh may take a minute.
pub const OWN_WAIT: Duration = Duration::from_secs(75);
/// How long Claude Code's locks are waited for. Its refresh takes a second or two.
pub const LIVE_WAIT: Duration = Duration::from_secs(12);
/// Claude Code itself takes a refresh lock over after this (`docs/claude-code.md` §E1); earlier would be theft.
pub const LIVE_STALE_AFTER: Duration = Duration::from_secs(60);
/// A holder touches its lock every 5 s. After the machine slept every lock looks old, so an old one is watched for
/// longer than that before it is taken over.
pub const LIVE_WATCHED_FOR: Duration = Duration::from_secs(6);
/// The pause between two tries.
pub const STEP: Duration = Duration::from_millis(25);

/// How long to wait. The default is right for people; tests are less patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest wait for our own lock.
    pub own_wait: Duration,
    /// The terms of Claude Code's two refresh locks.
    pub live: Terms,
}

impl Default for Patience {
    fn default() -> Self {
        let live = Terms { stale_after: LIVE_STALE_AFTER, watched_for: LIVE_WATCHED_FOR, wait: LIVE_WAIT, step: STEP };
        Self { own_wait: OWN_WAIT, live }
    }
}

/// The locks of this machine.
#[derive(Clone, Debug)]
pub struct MachineLocks {
    surroundings: Surroundings,
    data: DataFolder,
    notes: Notes,
    patience: Patience,
}

impl MachineLocks {
    pub fn new(surroundings: &Surroundings, patience: Patience) -> Self {
        let data = DataFolder::new(surroundings.data_folder());
        let notes = Notes::new(&data);
        Self { surroundings: surroundings.clone(), data, notes, patience }
    }

    /// Both of Claude Code's locks, or the one that was refused. When the second is, the first is given back.
    fn try_both(first: &mut Contender, second: &mut Contender) -> Result<Both, (PathBuf, Refusal)> {
        let refresh = first.attempt().map_err(|refusal| (first.path().to_owned(), refusal))?;
        let legacy = second.attempt().map_err(|refusal| (second.path().to_owned(), refusal))?;
        let mut both = Both { owner: None, legacy, refresh, taken_at: SystemTime::now() };
        for (lock, contender) in [(&both.refresh, first), (&both.legacy, second)] {
            if !lock.is_ours() {
                return Err((lock.path().to_owned(), contender.lost()));
            }
        }
        both.owner = OwnerRecord::leave(&both.refresh, &both.legacy);
        Ok(both)
    }
}

/// Claude Code's two locks, released in the order opposite to that in which they were taken, the record of them first:
/// once they are free it may be another's.
struct Both {
    owner: Option<OwnerRecord>,
    legacy: FolderLock,
    refresh: FolderLock,
    /// By the clock that goes on while the machine sleeps.
    taken_at: SystemTime,
}

impl LiveGuard for Both {
    fn is_ours(&self) -> bool {
        let age = SystemTime::now().duration_since(self.taken_at);
        age.is_ok_and(|age| age < LIVE_STALE_AFTER / 2) && self.refresh.is_ours() && self.legacy.is_ours()
    }
}

impl Locks for MachineLocks {
    fn own(&self, purpose: &str) -> Result<OwnLock, LockError> {
        let path = self.data.lock_file();
        let failed = |why: String| LockError::Failed { path: path.clone(), why };
        self.data.ensure().map_err(|error| failed(error.to_string()))?;
        let lock = own::take(&path, purpose, self.patience.own_wait)?;
        self.notes.clear_leftovers(&lock);
        Ok(OwnLock::held(Box::new(lock)))
    }

    fn rotation(&self) -> Result<Option<RotationLock>, LockError> {
        let path = self.data.rotation_lock_file();
        let failed = |why: String| LockError::Failed { path: path.clone(), why };
        self.data.ensure().map_err(|error| failed(error.to_string()))?;
        match own::take(&path, "sign in", Duration::ZERO) {
            Ok(lock) => Ok(Some(RotationLock::held(Box::new(lock)))),
            Err(LockError::Busy { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn live(&self, _own: &OwnLock) -> Result<LiveLock, LockError> {
        let refresh = self.surroundings.refresh_lock();
        let failed = |why: String| LockError::Failed { path: refresh.clone(), why };
        durable::make_folder(&self.surroundings.credential_dir()).map_err(|error| failed(error.to_string()))?;
        let legacy = self.surroundings.legacy_refresh_lock().map_err(|error| failed(durable::why(&error)))?;

        let terms = self.patience.live;
        let contender = |path: PathBuf| {
            let slot = self.notes.slot(&path);
            Contender::new(path, terms, slot)
        };
        let (mut first, mut second) = (contender(refresh), contender(legacy));
        let deadline = Instant::now() + terms.wait;
        loop {
            let (path, refusal) = match Self::try_both(&mut first, &mut second) {
                Ok(both) => return Ok(LiveLock::held(Box::new(both))),
                Err(refused) => refused,
            };
            match refusal {
                Refusal::NotADirectory => return Err(LockError::NotADirectory { path }),
                Refusal::Failed(error) => return Err(LockError::Failed { path, why: durable::why(&error) }),
                Refusal::Held { stale_at } if Instant::now() >= deadline => {
                    return Err(LockError::ClaudeBusy { path, stale_at });
                }
                Refusal::Held { .. } => std::thread::sleep(terms.step),
            }
        }
    }
}

#[cfg(test)]
mod tests;
