//! Claude Code's own records of its sessions: `<config>/sessions/<pid>.json` (`docs/claude-code.md` §I1, `docs/observed.md`
//! §9). Owns which files are records and what is read of one. The `.key` files beside them are secrets, and never opened;
//! `pid-<n>.json` is a legacy that Claude Code itself passes over.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use signalbox_core::ports::StoreError;
use signalbox_core::sessions::Session;
use signalbox_core::time::Timestamp;

use super::process;
use crate::durable::{self, Links};

/// A record takes about half a kilobyte.
const RECORD_BYTES_MAX: u64 = 64 * 1024;
/// Records of killed sessions stay for ever, so a folder may hold many; each costs one look at the process table.
const ENTRIES_MAX: usize = 10_000;
/// More sessions than this are not looked into.
const SESSIONS_MAX: usize = 500;

/// What is read of a record; everything else in it is left alone.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record {
    pid: Option<u32>,
    cwd: Option<PathBuf>,
    started_at: Option<i64>,
    proc_start: Option<String>,
    version: Option<String>,
    entrypoint: Option<String>,
}

/// The sessions that run, in the order of their process numbers. None where the folder does not exist.
pub fn running(folder: &Path) -> Result<Vec<Session>, StoreError> {
    let unreadable = |error| StoreError::Unreadable { path: folder.to_owned(), why: durable::why(&error) };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut pids = Vec::new();
    for entry in entries.take(ENTRIES_MAX) {
        pids.extend(pid_of(&entry.map_err(unreadable)?.file_name()));
    }
    pids.sort_unstable();
    let alive = pids.into_iter().filter(|pid| process::exists(*pid)).take(SESSIONS_MAX);
    Ok(alive.filter_map(|pid| session(folder, pid)).collect())
}

/// The process number that a record is named by. Only the one way of writing it counts.
fn pid_of(name: &OsStr) -> Option<u32> {
    let digits = name.to_str()?.strip_suffix(".json")?;
    digits.parse::<u32>().ok().filter(|pid| *pid > 0 && pid.to_string() == digits)
}

/// The session of a process that exists, unless that process is another one by now. One whose record cannot be read counts:
/// it may well run.
fn session(folder: &Path, pid: u32) -> Option<Session> {
    let path = folder.join(format!("{pid}.json"));
    let record = match durable::read(&path, RECORD_BYTES_MAX, Links::Follow) {
        // It ended in this moment.
        Ok(None) => return None,
        Ok(Some(bytes)) => serde_json::from_slice::<Record>(&bytes).ok(),
        Err(_) => None,
    };
    let record = record.filter(|record| record.pid.is_none_or(|said| said == pid)).unwrap_or_default();
    let started_at = record.started_at.map(Timestamp::from_ms);
    process::is_still(pid, record.proc_start.as_deref(), started_at).then_some(Session {
        pid,
        folder: record.cwd,
        started_at,
        version: record.version,
        entrypoint: record.entrypoint,
        pinned_by: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_number_names_a_record() {
        let pid = |name: &str| pid_of(OsStr::new(name));
        assert_eq!(pid("4711.json"), Some(4711));
        for other in [
            "pid-4711.json",
            "4711.0a1b.key",
            "04711.json",
            "+4711.json",
            "0.json",
            "4711",
            "4711.json.tmp",
            "99999999999.json",
        ] {
            assert_eq!(pid(other), None, "{other}");
        }
    }
}
