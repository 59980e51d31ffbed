//! Claude Code's locks as they lie there (`docs/claude-code.md` §E1): left behind, from the future, or no lock at all. Owns
//! finding them, and removing one that nobody touches while it is watched. Leaves taking and releasing locks to `locks`.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use signalbox_core::doctor::{Finding, LOCK_AHEAD_MS, LOCK_LEFT_MS};
use signalbox_core::ports::Ports;

use super::{Mended, Patient};
use crate::clock::timestamp;
use crate::durable::{self, Links};
use crate::sessions::process;
use crate::surroundings::Surroundings;

const OWNER_BYTES_MAX: u64 = 16 * 1024;

pub fn check(patient: Patient<'_>) -> Vec<Finding> {
    paths(patient.surroundings).into_iter().filter_map(|path| look(patient.surroundings, path)).collect()
}

/// The locks of the login and of the file with `oauthAccount`.
fn paths(surroundings: &Surroundings) -> Vec<PathBuf> {
    let mut paths = vec![surroundings.refresh_lock(), surroundings.storage_write_lock(), surroundings.account_lock()];
    // Without a credential folder there is no lock beside it.
    paths.extend(surroundings.legacy_refresh_lock());
    paths
}

fn look(surroundings: &Surroundings, path: PathBuf) -> Option<Finding> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
        Err(error) => {
            let why = format!("{}: {}", path.display(), durable::why(&error));
            return Some(Finding::Unchecked { what: "a lock", why });
        }
    };
    if !metadata.is_dir() {
        return Some(Finding::FileAtLock { path });
    }
    let modified = metadata.modified().ok()?;
    let age_ms = timestamp(SystemTime::now()).since(timestamp(modified));
    if age_ms < -LOCK_AHEAD_MS {
        return Some(Finding::FutureLock { path, ahead_ms: -age_ms });
    }
    (age_ms > LOCK_LEFT_MS && !has_living_owner(surroundings)).then_some(Finding::LeftoverLock { path, age_ms })
}

/// Whether the record that Claude Code leaves beside its refresh locks names a process that runs (`docs/observed.md` §3): one
/// that was stopped for a while will touch its lock again.
fn has_living_owner(surroundings: &Surroundings) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Owner {
        pid: u32,
        proc_start: Option<String>,
    }
    let mut path = surroundings.refresh_lock().into_os_string();
    path.push(".owner");
    let bytes = durable::read(Path::new(&path), OWNER_BYTES_MAX, Links::Follow).ok().flatten();
    let owner = bytes.and_then(|bytes| serde_json::from_slice::<Owner>(&bytes).ok());
    owner.is_some_and(|owner| process::is_still(owner.pid, owner.proc_start.as_deref(), None))
}

/// What tells one lock from the next at the same path.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    modified: (i64, i64),
}

fn mark(path: &Path) -> Option<Mark> {
    let metadata = path.symlink_metadata().ok().filter(std::fs::Metadata::is_dir)?;
    let modified = (metadata.mtime(), metadata.mtime_nsec());
    Some(Mark { device: metadata.dev(), inode: metadata.ino(), modified })
}

/// A lock that was watched.
pub struct Watched {
    path: PathBuf,
    /// `None`: it was gone, or touched.
    still: Option<Mark>,
}

/// Watches the locks among the findings, all at once, and says which of them nobody touched.
pub fn unattended(findings: &[Finding], watched_for: Duration) -> HashMap<PathBuf, Watched> {
    let locks = findings.iter().filter_map(|finding| match finding {
        Finding::LeftoverLock { path, .. } | Finding::FutureLock { path, .. } => Some((path.clone(), mark(path))),
        _ => None,
    });
    let before: Vec<_> = locks.collect();
    if !before.is_empty() {
        std::thread::sleep(watched_for);
    }
    let still = |path: &Path, before: Option<Mark>| before.filter(|before| mark(path) == Some(*before));
    before.into_iter().map(|(path, before)| (path.clone(), Watched { still: still(&path, before), path })).collect()
}

/// Removes a lock that stood still. Only an empty folder goes.
pub fn remove(ports: &Ports, watched: Option<Watched>) -> Mended {
    let not = |why: &str| Mended::Not { why: why.to_owned() };
    let Some(Watched { path, still }) = watched else { return not("it was not watched") };
    let Some(still) = still else {
        return if path.exists() { not("somebody uses it: it was touched while it was watched") } else { Mended::Done };
    };
    // So that no other Signalbox takes it over in this moment.
    let _own = match ports.locks.own("doctor --fix") {
        Ok(own) => own,
        Err(error) => return not(&error.to_string()),
    };
    if mark(&path) != Some(still) {
        return not("somebody uses it: it was touched just now");
    }
    match std::fs::remove_dir(&path) {
        Ok(()) => Mended::Done,
        Err(error) if error.kind() == ErrorKind::NotFound => Mended::Done,
        Err(error) => not(&durable::why(&error)),
    }
}
