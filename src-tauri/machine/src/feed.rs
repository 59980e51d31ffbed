//! What `signalbox statusline` was told, in `feed/` of the data folder: one small file for each session, replaced with
//! each answer. Owns those files; leaves what of it is news, and whose account a report speaks of, to
//! `signalbox_core::feed`.
//!
//! Writers take no lock and sync nothing: a file that a power cut tore is left out, and the next answer replaces it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use signalbox_core::feed::{Heard, Report, Told};
use signalbox_core::ports::{Feed, Stamp, StoreError};
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Window, WindowKind};

use crate::data_folder;
use crate::durable::{self, Links, PRIVATE_FILE};
use crate::surroundings::Surroundings;

const VERSION: u32 = 1;
/// Two windows and eight numbers take less than half a kilobyte.
const FILE_BYTES_MAX: u64 = 8 * 1024;
/// Of so many sessions the newest reports are kept.
const SESSIONS_MAX: usize = 64;
const SUFFIX: &str = ".json";
/// 16 bytes in hexadecimal digits tell sessions apart.
const HASH_BYTES: usize = 16;

/// The folder of the reports, for one of Claude Code's logins: sessions with another config folder use another login.
pub struct FeedFolder {
    data: PathBuf,
    path: PathBuf,
    login: String,
}

/// The file of a session.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// The login that the session uses, by a hash of its place.
    login: String,
    waited_ms: Vec<i64>,
    report: Option<StoredReport>,
}

#[derive(Serialize, Deserialize)]
struct StoredReport {
    at: Timestamp,
    took_ms: i64,
    windows: Vec<Window>,
}

impl FeedFolder {
    /// Nothing is touched until it is used.
    pub fn new(surroundings: &Surroundings) -> Self {
        let data = surroundings.data_folder();
        let path = data.join("feed");
        Self { data, path, login: login_place(surroundings) }
    }

    /// Keeps what a session tells, if it is news, and gives the report of its last answer. What cannot be kept is
    /// logged and stops nothing.
    pub fn hear(&self, told: &Told, now: Timestamp) -> Option<Report> {
        let file = self.path.join(format!("{}{SUFFIX}", hash(&[&self.login, told.session.as_deref()?])));
        let before = self.read(&file);
        let is_new = before.is_none();
        let before = before.unwrap_or_default();
        let Some(heard) = before.hearing(told, now) else { return before.report };
        if let Err(error) = self.write(&file, &heard, is_new) {
            tracing::debug!(%error, "cannot keep what the statusline was told");
        }
        heard.report
    }

    /// What is remembered in a file; `None` where that makes no sense or is of another login.
    fn read(&self, file: &Path) -> Option<Heard> {
        let bytes = durable::read(file, FILE_BYTES_MAX, Links::Refuse).ok().flatten()?;
        let stored: Stored = serde_json::from_slice(&bytes).ok()?;
        let sane = |window: &Window| {
            window.percent.is_finite() && window.percent >= 0.0 && !matches!(window.kind, WindowKind::Model(_))
        };
        let report = stored.report.map(|StoredReport { at, took_ms, windows }| Report { at, took_ms, windows });
        let sound = report
            .as_ref()
            .is_none_or(|report| report.took_ms > 0 && !report.windows.is_empty() && report.windows.iter().all(sane));
        let ours = stored.version == VERSION && stored.login == self.login && sound;
        ours.then_some(Heard { waited_ms: stored.waited_ms, report })
    }

    fn write(&self, file: &Path, heard: &Heard, is_new: bool) -> Result<(), StoreError> {
        // Without a data folder there is no profile, of which a report could speak.
        if !data_folder::check(&self.data)? {
            return Ok(());
        }
        data_folder::ensure(&self.path)?;
        if is_new {
            self.make_room();
        }
        let report = heard.report.clone().map(|Report { at, took_ms, windows }| StoredReport { at, took_ms, windows });
        let stored = Stored { version: VERSION, login: self.login.clone(), waited_ms: heard.waited_ms.clone(), report };
        let bytes = serde_json::to_vec(&stored).expect("a report is plain data");
        durable::replace_unsynced(file, &bytes, PRIVATE_FILE)
    }

    /// Removes the oldest files, so that one more has its place.
    fn make_room(&self) {
        durable::remove_leftovers(&self.path);
        let modified = |file: PathBuf| Some((file.metadata().ok()?.modified().ok()?, file));
        let mut files: Vec<(SystemTime, PathBuf)> = self.files().into_iter().filter_map(modified).collect();
        files.sort();
        let over = (files.len() + 1).saturating_sub(SESSIONS_MAX);
        for (_, file) in files.into_iter().take(over) {
            let _ = std::fs::remove_file(file);
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let ours = |name: &str| {
            name.strip_suffix(SUFFIX)
                .is_some_and(|hash| hash.len() == 2 * HASH_BYTES && hash.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_str().is_some_and(ours)).map(|entry| entry.path()).collect()
    }
}

impl Feed for FeedFolder {
    fn reports(&self) -> Result<Vec<Report>, StoreError> {
        if !(data_folder::check(&self.data)? && data_folder::check(&self.path)?) {
            return Ok(Vec::new());
        }
        Ok(self.files().iter().filter_map(|file| self.read(file)?.report).collect())
    }

    fn stamp(&self) -> Option<Stamp> {
        // Every report is renamed into the folder.
        let folder = self.path.symlink_metadata().ok()?;
        Some(Stamp(format!("{}.{:09}", folder.mtime(), folder.mtime_nsec())))
    }

    fn forget_before(&self, at: Timestamp) -> Result<(), StoreError> {
        if !(data_folder::check(&self.data)? && data_folder::check(&self.path)?) {
            return Ok(());
        }
        let since_epoch = Duration::from_millis(u64::try_from(at.ms()).unwrap_or_default());
        for file in self.files() {
            let old = match self.read(&file) {
                Some(Heard { report: Some(report), .. }) => report.at < at,
                // Of another login, or damaged: its age says enough.
                _ => {
                    let modified = file.metadata().and_then(|metadata| metadata.modified());
                    modified.is_ok_and(|modified| modified < SystemTime::UNIX_EPOCH + since_epoch)
                }
            };
            match if old { std::fs::remove_file(&file) } else { Ok(()) } {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(durable::write_error(&file, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Tells the logins of Claude Code apart, as it does itself: on a Mac by the name of the Keychain item, else by the
/// folder.
fn login_place(surroundings: &Surroundings) -> String {
    if cfg!(target_os = "macos") {
        let suffix = surroundings.keychain_suffix_input().unwrap_or_default();
        return hash(&[&suffix.to_string_lossy()]);
    }
    let folder = surroundings.credential_dir();
    hash(&[&folder.canonicalize().unwrap_or(folder).to_string_lossy()])
}

fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
}
