//! `events.jsonl`: one line of JSON for everything that was done. Owns the file: who may append, when it is rotated, and
//! what a reader makes of a damaged one. Leaves what is worth writing down to the flows, and its words to
//! `signalbox_core::history`.
//!
//! The app, the command line and a watch all write. A line is appended in one write to a file opened for appending, so
//! lines never interleave. A short lock on the file itself keeps a rotation from pulling it away under a writer; a lock
//! that cannot be had delays nobody: the line is appended without it, and only the rotation waits for next time.
//!
//! Nothing is synced to the disk: a history is no login, and a power cut that costs its last lines costs nobody anything.
//! An fsync for each line would make every save of a login wait for the disk once more.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};
use signalbox_core::history::{Entry, Event};
use signalbox_core::ports::{History, StoreError};
use signalbox_core::time::Timestamp;

use crate::data_folder::DataFolder;
use crate::durable::{self, Links, PRIVATE_FILE};

/// The meaning of a line. Grows when a reader of this version would misread a line.
const VERSION: u32 = 1;
/// A file that would grow beyond this is put behind a new one. About 4,000 events.
const ROTATE_BYTES: u64 = 512 * 1024;
/// No line is longer; what is, was not written by us.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// How much of a file's end is read. Twice its usual size, because a file that cannot be locked is not rotated.
const TAIL_BYTES: u64 = 2 * ROTATE_BYTES;
/// How long another writer is waited for. It needs microseconds; longer than this, it was stopped.
const LOCK_WAIT: Duration = Duration::from_millis(250);
const LOCK_STEP: Duration = Duration::from_millis(1);
/// How often the file may be rotated away between opening and locking it.
const ATTEMPTS: u32 = 8;
/// How a token begins (`docs/claude-code.md` §D1). No event carries one; should that ever be wrong, the line stays out.
const TOKEN: &str = "sk-ant-";

/// The history in the data folder.
pub struct EventLog {
    data: DataFolder,
    by: &'static str,
    rotate_bytes: u64,
    complained: AtomicBool,
}

/// A line as it is written.
#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// What every version's line has.
#[derive(Deserialize)]
struct Version {
    v: u32,
    at: Timestamp,
    by: String,
}

impl EventLog {
    /// `by`: the program that writes, as entries name it.
    pub fn new(data: &DataFolder, by: &'static str) -> Self {
        Self { data: data.clone(), by, rotate_bytes: ROTATE_BYTES, complained: AtomicBool::new(false) }
    }

    /// The same with another size at which it is rotated, for tests.
    #[must_use]
    pub fn rotated_at(self, bytes: u64) -> Self {
        Self { rotate_bytes: bytes, ..self }
    }

    fn append(&self, line: &[u8]) -> Result<(), StoreError> {
        self.data.ensure()?;
        let path = self.data.history_file();
        for _ in 0..ATTEMPTS {
            let file = open_to_append(&path)?;
            let locked = lock(&file);
            // Dropping the file gives the lock back, whichever way this ends.
            let unwritable = |error: io::Error| durable::write_error(&path, &error);
            if locked && !is_at(&file, &path) {
                continue;
            }
            let size = file.metadata().map_err(unwritable)?.len();
            if locked && size > 0 && size + line.len() as u64 > self.rotate_bytes {
                match std::fs::rename(&path, self.data.old_history_file()) {
                    Ok(()) => continue,
                    // Better a long history than none.
                    Err(error) => tracing::debug!(%error, "the history cannot be rotated"),
                }
            }
            return write(&file, size, line).map_err(unwritable);
        }
        Err(StoreError::Unwritable { path, why: "it was replaced again and again".to_owned() })
    }

    /// The history's files at one moment, newest first: never the same one twice, though it may be rotated just now.
    fn files(&self) -> Result<Vec<File>, StoreError> {
        if !self.data.is_there()? {
            return Ok(Vec::new());
        }
        for _ in 0..ATTEMPTS {
            let newest = open_to_read(&self.data.history_file())?;
            let older = open_to_read(&self.data.old_history_file())?;
            if let (Some(newest), Some(older)) = (&newest, &older)
                && same_file(newest, older)
            {
                continue;
            }
            return Ok(newest.into_iter().chain(older).collect());
        }
        Ok(Vec::new())
    }

    fn complain(&self, error: &StoreError) {
        if self.complained.swap(true, Ordering::Relaxed) {
            tracing::debug!(%error, "an event was not written down");
        } else {
            tracing::warn!(%error, "an event was not written down; further ones like it are told at level debug");
        }
    }
}

impl History for EventLog {
    fn note(&self, at: Timestamp, event: &Event) {
        let entry = Entry { at, by: self.by.to_owned(), event: event.clone() };
        let Some(line) = line(&entry) else {
            tracing::warn!("an event was left out: it is too long, or looks as if it held a token");
            return;
        };
        match self.append(&line) {
            Ok(()) => self.complained.store(false, Ordering::Relaxed),
            Err(error) => self.complain(&error),
        }
    }

    fn recent(&self, most: usize) -> Result<Vec<Entry>, StoreError> {
        // Newest first while it is gathered.
        let mut entries = Vec::new();
        for file in self.files()? {
            if entries.len() >= most {
                break;
            }
            let unreadable =
                |error: io::Error| StoreError::Unreadable { path: self.data.history_file(), why: durable::why(&error) };
            let text = tail(file).map_err(unreadable)?;
            let lines = text.split(|byte| *byte == b'\n').rev();
            entries.extend(lines.filter_map(entry_of).take(most - entries.len()));
        }
        entries.reverse();
        Ok(entries)
    }
}

/// The line of an entry with the newline at its end; `None` for one that must not be written.
fn line(entry: &Entry) -> Option<Vec<u8>> {
    // `Unknown` stands for what a newer version wrote; this one never writes it.
    let mut line = serde_json::to_string(&Written { v: VERSION, entry }).ok()?;
    line.push('\n');
    (line.len() <= LINE_BYTES_MAX && !line.contains(TOKEN)).then(|| line.into_bytes())
}

/// The entry of a line; `None` if it makes no sense. Of a newer version's line only when and by whom is taken.
fn entry_of(line: &[u8]) -> Option<Entry> {
    if line.len() > LINE_BYTES_MAX {
        return None;
    }
    let Version { v, at, by } = serde_json::from_slice(line).ok()?;
    if v > VERSION {
        return Some(Entry { at, by, event: Event::Unknown });
    }
    serde_json::from_slice(line).ok()
}

/// Appends a line. A crash, or a full disk, may have left half a line at the end: then a newline goes first, so that it
/// costs itself alone.
fn write(mut file: &File, size: u64, line: &[u8]) -> io::Result<()> {
    let mut last = [b'\n'];
    if size > 0 {
        file.read_exact_at(&mut last, size - 1)?;
    }
    if last == *b"\n" {
        return file.write_all(line);
    }
    file.write_all(&[b"\n", line].concat())
}

/// The end of a file, whole lines only.
fn tail(mut file: File) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    let mut text = Vec::new();
    let from = size.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    file.take(TAIL_BYTES).read_to_end(&mut text)?;
    if from > 0 {
        let first = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1);
        text.drain(..first);
    }
    Ok(text)
}

fn open_to_append(path: &Path) -> Result<File, StoreError> {
    let unwritable = |error: io::Error| {
        if durable::is_link(path) {
            let why = "it is a symbolic link".to_owned();
            return StoreError::Unwritable { path: path.to_owned(), why };
        }
        durable::write_error(path, &error)
    };
    let mut options = OpenOptions::new();
    // Readable too, to see how the last line ends. Without NONBLOCK a named pipe at the path would hold the program.
    options.read(true).append(true).create(true).mode(PRIVATE_FILE);
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    let file = options.open(path).map_err(unwritable)?;
    let metadata = checked(path, &file).map_err(|why| match why {
        Refused::Store(error) => error,
        Refused::Why(why) => StoreError::Unwritable { path: path.to_owned(), why },
    })?;
    if metadata.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(PRIVATE_FILE)).map_err(unwritable)?;
    }
    Ok(file)
}

fn open_to_read(path: &Path) -> Result<Option<File>, StoreError> {
    let Some(file) = durable::open(path, Links::Refuse)? else { return Ok(None) };
    match checked(path, &file) {
        Ok(_) => Ok(Some(file)),
        Err(Refused::Store(error)) => Err(error),
        Err(Refused::Why(why)) => Err(StoreError::Unreadable { path: path.to_owned(), why }),
    }
}

/// Why a file is not one of ours.
enum Refused {
    Store(StoreError),
    Why(String),
}

fn checked(path: &Path, file: &File) -> Result<std::fs::Metadata, Refused> {
    let metadata = file.metadata().map_err(|error| Refused::Why(durable::why(&error)))?;
    if !metadata.is_file() {
        return Err(Refused::Why("it is not a regular file".to_owned()));
    }
    durable::check_owner(path, &metadata).map_err(Refused::Store)?;
    Ok(metadata)
}

/// Takes the lock on the file, which is given back when it is dropped. `false`: it cannot be had in time.
fn lock(file: &File) -> bool {
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return true,
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_STEP);
            }
            Err(error) => {
                tracing::debug!(%error, "the history is written without its lock");
                return false;
            }
        }
    }
}

/// Whether the file still stands at the path, and was not rotated away.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(file), Ok(named)) = (file.metadata(), path.symlink_metadata()) else { return false };
    (file.dev(), file.ino()) == (named.dev(), named.ino())
}

fn same_file(one: &File, other: &File) -> bool {
    let (Ok(one), Ok(other)) = (one.metadata(), other.metadata()) else { return false };
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests;
