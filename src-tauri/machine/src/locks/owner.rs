//! The record that Claude Code leaves beside its refresh lock, written by us for Claude Code: it takes the locks of a
//! dead process over after some 8 s if this record proves the death, instead of after 60 s (`docs/observed.md` §3).
//! Owns the form of the record; our own proof of our own death is in `notes`.
//!
//! Only on Linux, where the members are known: `holder` knows nobody elsewhere. A record that came out wrong is ignored
//! by Claude Code, which then waits.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::folder::FolderLock;
use super::holder::{self, Holder};
use crate::durable::{self, PRIVATE_FILE};

/// No record is longer.
const RECORD_BYTES_MAX: u64 = 4096;

/// What stands in the record, in Claude Code's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    pid: u32,
    proc_start: &'a str,
    pid_domain: String,
    pid_space: String,
    lock_birthtime_ms: f64,
    legacy_lock_birthtime_ms: f64,
}

/// Our record, removed when dropped, if it still is ours.
#[derive(Debug)]
pub struct OwnerRecord {
    path: PathBuf,
    text: String,
}

impl OwnerRecord {
    /// Leaves the record for both locks. `None` where one cannot be made: then the locks are as good as without it.
    pub fn leave(refresh: &FolderLock, legacy: &FolderLock) -> Option<Self> {
        let text = serde_json::to_string(&record(refresh, legacy)?).ok()?;
        let path = beside(refresh.path());
        match put(&path, &text) {
            Ok(()) => Some(Self { path, text }),
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "Claude Code is not told who holds its locks");
                None
            }
        }
    }
}

impl Drop for OwnerRecord {
    fn drop(&mut self) {
        if read(&self.path).as_ref() == Some(&self.text) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes the record of `holder` beside `lock`, if that is whose record it is.
pub fn remove_record_of(holder: &Holder, lock: &Path) {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Who {
        pid: u32,
        proc_start: String,
    }
    let path = beside(lock);
    let who = read(&path).and_then(|text| serde_json::from_str::<Who>(&text).ok());
    if who.is_some_and(|who| who.pid == holder.pid && who.proc_start == holder.started) {
        let _ = std::fs::remove_file(&path);
    }
}

/// `<lock>.owner`
fn beside(lock: &Path) -> PathBuf {
    let mut path = lock.to_owned().into_os_string();
    path.push(".owner");
    path.into()
}

fn record(refresh: &FolderLock, legacy: &FolderLock) -> Option<Record<'static>> {
    let this = Holder::this()?;
    let machine = std::fs::read_to_string("/etc/machine-id").ok().filter(|id| !id.trim().is_empty())?;
    let namespace = holder::namespace()?;
    Some(Record {
        pid: this.pid,
        proc_start: &this.started,
        pid_domain: format!("linux:{}:{namespace}", machine.trim()),
        pid_space: format!("{}#{namespace}", holder::host()?),
        lock_birthtime_ms: birthtime_ms(refresh.born()?)?,
        legacy_lock_birthtime_ms: birthtime_ms(legacy.born()?)?,
    })
}

/// As JavaScript's `birthtimeMs` has it: a double with a fraction, and compared to the last bit.
fn birthtime_ms(born: SystemTime) -> Option<f64> {
    let born = born.duration_since(UNIX_EPOCH).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "that is how the other side reckons")]
    let seconds = born.as_secs() as f64;
    Some(seconds * 1e3 + f64::from(born.subsec_nanos()) / 1e6)
}

/// Temporary file and rename, so that it is read whole or not at all. Not synced: after a power cut nobody believes it.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| std::io::ErrorKind::Other)?;
    let temporary = durable::temporary_name(path, random).ok_or(std::io::ErrorKind::InvalidInput)?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE_FILE)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

fn read(path: &Path) -> Option<String> {
    String::from_utf8(durable::read(path, RECORD_BYTES_MAX, durable::Links::Refuse).ok()??).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_birth_time_is_reckoned_as_claude_code_was_seen_to_reckon_it() {
        let born = UNIX_EPOCH + Duration::new(1_795_307_843, 506_977_800);
        let json = serde_json::to_string(&birthtime_ms(born)).expect("a number");
        assert_eq!(json, "1795307843506.9778");
    }

    #[test]
    fn the_record_has_claude_codes_members_in_claude_codes_order() {
        let record = Record {
            pid: 21966,
            proc_start: "1212902",
            pid_domain: "linux:3d12:pid:[4026531836]".to_owned(),
            pid_space: "vm#pid:[4026531836]".to_owned(),
            lock_birthtime_ms: 1_795_307_843_506.977_8,
            legacy_lock_birthtime_ms: 1_795_307_843_510.5,
        };
        assert_eq!(
            serde_json::to_string(&record).expect("plain data"),
            r#"{"pid":21966,"procStart":"1212902","pidDomain":"linux:3d12:pid:[4026531836]","pidSpace":"vm#pid:[4026531836]","lockBirthtimeMs":1795307843506.9778,"legacyLockBirthtimeMs":1795307843510.5}"#
        );
    }
}
