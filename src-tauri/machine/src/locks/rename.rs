//! The locks under which Claude Code replaces one of its files: `.storage-write.lock` and `.claude.json.lock`. Owns
//! their terms and errors. They are held for the milliseconds of a rename only: a Claude Code that cannot store a fresh
//! pair of tokens drops it, and the login with it (`docs/observed.md` §3).

use std::path::Path;
use std::time::Duration;

use signalbox_core::ports::StoreError;

use super::STEP;
use super::folder::{Contender, FolderLock, Refusal, Terms};
use super::notes::Notes;
use crate::durable;

/// `.storage-write.lock`: Claude Code holds it for some 10 ms and takes it over after 15 s (`docs/observed.md` §3).
pub const STORAGE: Terms = Terms {
    stale_after: Duration::from_secs(15),
    watched_for: Duration::ZERO,
    wait: Duration::from_secs(3),
    step: STEP,
};

/// `.claude.json.lock`: stale after 10 s (`docs/observed.md` §3).
pub const ACCOUNT: Terms = Terms {
    stale_after: Duration::from_secs(10),
    watched_for: Duration::ZERO,
    wait: Duration::from_secs(2),
    step: STEP,
};

/// Claude Code's `.storage-write.lock`, held until dropped.
#[derive(Debug)]
pub struct StorageLock {
    _folder: FolderLock,
}

impl StorageLock {
    /// Takes the lock at `path`, waiting for a few seconds at most.
    pub fn take(path: &Path, notes: &Notes) -> Result<Self, StoreError> {
        Ok(Self { _folder: take(path, STORAGE, notes)? })
    }
}

/// Takes the lock at `path` on these terms.
pub(crate) fn take(path: &Path, terms: Terms, notes: &Notes) -> Result<FolderLock, StoreError> {
    let failed = |why: &str| StoreError::Unwritable { path: path.to_owned(), why: why.to_owned() };
    Contender::new(path.to_owned(), terms, notes.slot(path)).take().map_err(|refusal| match refusal {
        Refusal::Held { .. } => failed("Claude Code holds this lock, and does not let go of it"),
        Refusal::NotADirectory => failed("a file stands where Claude Code expects a folder as a lock"),
        Refusal::Failed(error) => durable::write_error(path, &error),
    })
}
