//! Whether the child that works in a folder may still be at work, told from what lies there: after a crash of ours
//! nothing else is left to tell it. Owns the record of the process, `run.json`, and the rule where there is none.
//!
//! **The record** names the process by its number *and* by when it was started, because numbers are given out again,
//! and says on which system it counts: after a restart of the machine, or seen from another container, the number means
//! nothing.
//!
//! **Without a record that counts here** (we died between making the folder and writing the record, or the machine was
//! started anew) a run counts as running until nothing in its folder has been touched for two minutes. That is enough
//! because Claude Code takes its refresh lock, a folder *inside*, before it presents the token, and touches it every
//! 5 s until the new pair is stored (`docs/observed.md` §3): while a token is out, the folder is never quiet for longer.
//! Before that, the child has 0.4 s to go from its start to the lock, and its start was at most milliseconds after we
//! had written the login there. A folder in which no child was ever started is collected two minutes late, which harms
//! nobody. What remains: a machine that goes to sleep within the very second in which we are killed, between two lines
//! of the parent.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use signalbox_core::ports::{Clock as _, StoreError};
use signalbox_core::time::Timestamp;

use crate::clock::SystemClock;
use crate::durable::{self, Links, Mtime, PRIVATE_FILE};
use crate::locks::holder;
use crate::sessions::process;

const RECORD: &str = "run.json";
const RECORD_BYTES_MAX: u64 = 4096;
/// How long nothing must have happened in a folder that cannot tell whose it is.
const QUIET: Duration = Duration::from_secs(120);

/// The process of a run.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Record {
    pid: u32,
    /// When it was started, in the words of this system, where it has any.
    proc_start: Option<String>,
    /// When the record was made.
    noted_at: Timestamp,
    /// The system on which `pid` counts.
    system: String,
}

/// Writes down which process works in the folder.
pub fn note(folder: &Path, pid: u32) -> Result<(), StoreError> {
    let record = Record { pid, proc_start: process::start_of(pid), noted_at: SystemClock.now(), system: system() };
    let record = serde_json::to_vec(&record).expect("plain text and numbers");
    durable::replace(&folder.join(RECORD), &record, PRIVATE_FILE, Mtime::Any)
}

/// Whether the child of this folder may still be at work. In doubt it is: a folder that is taken too early may cost the
/// login.
pub fn is_running(folder: &Path) -> bool {
    record_of(folder).map_or_else(|| !is_quiet(folder), |record| record.is_at_work())
}

/// The number of the child of this folder, if it is on record and still that one: for a signal. It leads a group of
/// this number.
pub fn process_of(folder: &Path) -> Option<u32> {
    record_of(folder).filter(Record::is_at_work).map(|record| record.pid)
}

/// When the child of this folder was started, if it is on record.
pub fn started_at(folder: &Path) -> Option<Timestamp> {
    record_of(folder).map(|record| record.noted_at)
}

impl Record {
    fn is_at_work(&self) -> bool {
        process::is_still(self.pid, self.proc_start.as_deref(), Some(self.noted_at))
    }
}

/// The record of a folder, where there is one that counts on this system.
fn record_of(folder: &Path) -> Option<Record> {
    let bytes = durable::read(&folder.join(RECORD), RECORD_BYTES_MAX, Links::Refuse).ok()??;
    serde_json::from_slice(&bytes).ok().filter(|record: &Record| record.system == system())
}

/// Whether nothing in the folder was touched lately. What cannot be looked at counts as touched.
fn is_quiet(folder: &Path) -> bool {
    // A time in the future is from before the clock was set back; beyond two minutes it says nothing.
    let quiet = |path: &Path| {
        let touched = path.symlink_metadata().and_then(|metadata| metadata.modified());
        touched.is_ok_and(|at| match SystemTime::now().duration_since(at) {
            Ok(age) => age > QUIET,
            Err(ahead) => ahead.duration() > QUIET,
        })
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    quiet(folder) && entries.into_iter().all(|entry| entry.is_ok_and(|entry| quiet(&entry.path())))
}

/// The system on which a process number counts. On macOS a process is told apart by its date, so a restart needs no
/// telling.
fn system() -> String {
    holder::place().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn write(folder: &Path, record: &Record) {
        std::fs::write(folder.join(RECORD), serde_json::to_vec(record).expect("JSON")).expect("written");
    }

    fn age(path: &Path, age: Duration) {
        File::open(path).and_then(|file| file.set_modified(SystemTime::now() - age)).expect("set");
    }

    fn read(folder: &Path) -> Record {
        serde_json::from_slice(&std::fs::read(folder.join(RECORD)).expect("read")).expect("a record")
    }

    #[test]
    fn a_child_runs_until_it_has_ended_even_if_nobody_took_notice() {
        let folder = folder();
        let mut child = Command::new("sleep").arg("60").spawn().expect("started");
        note(folder.path(), child.id()).expect("noted");
        assert!(is_running(folder.path()));
        assert_eq!(process_of(folder.path()), Some(child.id()));
        child.kill().expect("killed");
        // Dead, and not waited for yet.
        let deadline = Instant::now() + Duration::from_secs(60);
        while is_running(folder.path()) {
            assert!(Instant::now() < deadline, "a dead child still counts");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.wait().expect("ended");
        assert!(!is_running(folder.path()));
        assert_eq!(process_of(folder.path()), None);
    }

    #[test]
    fn another_process_with_the_same_number_is_not_the_child() {
        let folder = folder();
        note(folder.path(), std::process::id()).expect("noted");
        assert!(is_running(folder.path()));
        let mut record = read(folder.path());
        record.proc_start = Some("1".to_owned());
        write(folder.path(), &record);
        assert!(!is_running(folder.path()));
    }

    #[test]
    fn a_number_of_another_system_says_nothing_and_the_quiet_of_the_folder_decides() {
        let folder = folder();
        let nobody = Record { pid: 0, proc_start: None, noted_at: SystemClock.now(), system: system() };
        write(folder.path(), &nobody);
        assert!(!is_running(folder.path()), "here the number would say that it is over");
        write(folder.path(), &Record { system: "another start of the machine".to_owned(), ..nobody });
        assert!(is_running(folder.path()));
        age(&folder.path().join(RECORD), 3 * QUIET);
        age(folder.path(), 3 * QUIET);
        assert!(!is_running(folder.path()));
    }

    #[test]
    fn without_a_record_the_folder_has_to_be_quiet_for_two_minutes() {
        let folder = folder();
        let lock = folder.path().join(".oauth_refresh.lock");
        std::fs::create_dir(&lock).expect("made");
        let (long, short) = (Duration::from_secs(130), Duration::from_secs(110));
        for (lock_age, folder_age, running) in
            [(short, long, true), (long, short, true), (Duration::ZERO, long, true), (long, long, false)]
        {
            age(&lock, lock_age);
            age(folder.path(), folder_age);
            assert_eq!(is_running(folder.path()), running, "{lock_age:?}, {folder_age:?}");
        }
    }

    #[test]
    fn times_from_before_the_clock_was_set_back_do_not_count_for_ever() {
        let folder = folder();
        let ahead = SystemTime::now() + Duration::from_secs(86_400);
        File::open(folder.path()).and_then(|file| file.set_modified(ahead)).expect("set");
        assert!(!is_running(folder.path()));
    }

    #[test]
    fn a_record_that_makes_no_sense_is_no_record() {
        let folder = folder();
        std::fs::write(folder.path().join(RECORD), "{\"pid\":").expect("written");
        assert!(is_running(folder.path()));
    }
}
