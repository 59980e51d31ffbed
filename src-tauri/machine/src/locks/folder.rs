//! One lock in the way of Claude Code (npm's `proper-lockfile`): a folder that exists while the lock is held, and whose
//! modification time tells whether the holder lives (`docs/claude-code.md` §E1). Owns taking, taking over and
//! releasing; leaves which locks there are, and how long they are waited for, to its callers, and what our own dead
//! process left to `notes`.

use std::fs::{File, FileTimes};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use signalbox_core::time::Timestamp;

use super::notes::Slot;
use crate::clock::timestamp;

/// After a takeover: long enough for a rival which judged the same lock to have removed ours.
const SETTLE: Duration = Duration::from_millis(20);

/// The terms on which a lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How old the folder's modification time has to be before the lock may be taken over.
    pub stale_after: Duration,
    /// How long it must have been seen to stand still by us as well.
    pub watched_for: Duration,
    /// The longest wait.
    pub wait: Duration,
    /// The pause between two tries.
    pub step: Duration,
}

/// Why a lock was not to be had at this moment.
#[derive(Debug)]
pub enum Refusal {
    /// Somebody holds it. `stale_at` is when it may be taken over unless it is kept alive.
    Held { stale_at: Timestamp },
    /// A file or a link stands where the folder belongs.
    NotADirectory,
    /// The folder cannot be made or removed.
    Failed(io::Error),
}

/// What tells one lock folder from the next at the same path: a file system may give a new folder the old one's number,
/// but not its time as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    device: u64,
    inode: u64,
    modified: SystemTime,
    /// Nothing changes it afterwards. `None` where the file system does not keep it.
    pub born: Option<SystemTime>,
}

impl Mark {
    /// `Ok(None)` when there is nothing at the path.
    pub fn of(path: &Path) -> Result<Option<Self>, Refusal> {
        let metadata = match path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Refusal::Failed(error)),
        };
        if !metadata.is_dir() {
            return Err(Refusal::NotADirectory);
        }
        let modified = metadata.modified().map_err(Refusal::Failed)?;
        let born = metadata.created().ok();
        Ok(Some(Self { device: metadata.dev(), inode: metadata.ino(), modified, born }))
    }
}

/// One who wants a lock. It remembers what it saw, so that a lock is taken over only after it stood still under its
/// eyes.
#[derive(Debug)]
pub struct Contender {
    path: PathBuf,
    terms: Terms,
    slot: Slot,
    sighted: Option<(Mark, Instant)>,
}

impl Contender {
    /// `slot`: where the lock is noted while it is held.
    pub fn new(path: PathBuf, terms: Terms, slot: Slot) -> Self {
        Self { path, terms, slot, sighted: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock, waiting as long as the terms say.
    pub fn take(&mut self) -> Result<FolderLock, Refusal> {
        let deadline = Instant::now() + self.terms.wait;
        loop {
            match self.attempt() {
                Err(Refusal::Held { .. }) if Instant::now() < deadline => std::thread::sleep(self.terms.step),
                outcome => return outcome,
            }
        }
    }

    /// Tries once.
    pub fn attempt(&mut self) -> Result<FolderLock, Refusal> {
        if let Some(lock) = FolderLock::make(&self.path, &self.slot)? {
            return Ok(lock);
        }
        let Some(mark) = Mark::of(&self.path)? else { return Err(self.lost()) };
        if !self.may_take_over(mark) {
            return Err(self.held(mark.modified));
        }
        // Looked at once more, because in the meantime another may have taken it over.
        if Mark::of(&self.path)? != Some(mark) {
            return Err(self.lost());
        }
        tracing::info!(path = %self.path.display(), "taking over a lock that nobody keeps alive");
        match std::fs::remove_dir(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Refusal::Failed(error)),
            _ => {}
        }
        let Some(lock) = FolderLock::make(&self.path, &self.slot)? else { return Err(self.lost()) };
        std::thread::sleep(SETTLE);
        if lock.is_ours() { Ok(lock) } else { Err(self.lost()) }
    }

    fn may_take_over(&mut self, mark: Mark) -> bool {
        let since = match self.sighted {
            Some((same, since)) if same == mark => since,
            _ => self.sighted.insert((mark, Instant::now())).1,
        };
        // A time in the future has no age: such a lock counts as held, as it does for Claude Code.
        let age = SystemTime::now().duration_since(mark.modified);
        age.is_ok_and(|age| age > self.terms.stale_after) && since.elapsed() >= self.terms.watched_for
    }

    /// A lock that was taken, and taken over by another a moment later.
    pub fn lost(&self) -> Refusal {
        self.held(SystemTime::now())
    }

    fn held(&self, modified: SystemTime) -> Refusal {
        let stale_at = modified.checked_add(self.terms.stale_after).unwrap_or(modified);
        Refusal::Held { stale_at: timestamp(stale_at) }
    }
}

/// A lock that is held. Dropping it releases it, if it still is ours.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    mark: Mark,
    slot: Slot,
}

impl FolderLock {
    /// Makes the folder; `Ok(None)` when something is there already.
    fn make(path: &Path, slot: &Slot) -> Result<Option<Self>, Refusal> {
        match std::fs::create_dir(path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(Refusal::Failed(error)),
        }
        // The time is set by hand, because a file server gives the folder the time of its own clock, and a lock from
        // the future never goes stale for Claude Code.
        let now = FileTimes::new().set_modified(SystemTime::now());
        let mark = File::open(path)
            .and_then(|folder| folder.set_times(now))
            .map_err(Refusal::Failed)
            .and_then(|()| Mark::of(path));
        match mark {
            Ok(Some(mark)) => {
                slot.write(path, mark);
                Ok(Some(Self { path: path.to_owned(), mark, slot: slot.clone() }))
            }
            Ok(None) => Err(Refusal::Failed(ErrorKind::NotFound.into())),
            Err(refusal) => {
                let _ = std::fs::remove_dir(path);
                Err(refusal)
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When the folder was made, as far as the file system tells.
    pub fn born(&self) -> Option<SystemTime> {
        self.mark.born
    }

    /// Whether nobody has taken it over.
    pub fn is_ours(&self) -> bool {
        matches!(Mark::of(&self.path), Ok(Some(mark)) if mark == self.mark)
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        if !self.is_ours() {
            tracing::warn!(path = %self.path.display(), "a lock was taken over while it was held");
        } else if let Err(error) = std::fs::remove_dir(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a lock could not be released");
        }
        // Last: until the folder is gone, the note is what proves whose it is.
        self.slot.erase();
    }
}
