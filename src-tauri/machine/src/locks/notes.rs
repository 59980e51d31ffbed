//! What we hold of Claude Code's locks, noted in our data folder for as long as we hold it, so that the next Signalbox
//! can tell what a dead one left from what is Claude Code's. Owns that proof and removing such a leftover at once; a
//! folder without proof is waited for like any other (`folder`).
//!
//! A folder is our own leftover when three things hold together. Its note lies in the data folder whose lock we hold
//! ourselves now, so whoever wrote it is not inside any more. The process that the note names is dead. And device,
//! inode, modification time and birth time are the noted ones, so the folder is that very folder and no later one at
//! its path. A note that is missing, torn, of another machine, of an earlier start of this one, or from a file system
//! without birth times proves nothing. Killed between making a folder and noting it, or noted on a full disk, we leave
//! a folder without proof.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::folder::Mark;
use super::holder::Holder;
use super::own::OwnFile;
use super::owner;
use crate::data_folder::DataFolder;
use crate::durable::{self, Links, PRIVATE_FILE, PRIVATE_FOLDER};

/// No note is longer.
const NOTE_BYTES_MAX: u64 = 16 * 1024;

/// One lock that we hold or held.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    path: PathBuf,
    mark: Mark,
    holder: Holder,
}

/// The notes of one data folder.
#[derive(Clone, Debug)]
pub struct Notes {
    folder: PathBuf,
}

/// The place of one lock's note.
#[derive(Clone, Debug)]
pub struct Slot {
    file: PathBuf,
}

impl Notes {
    pub fn new(data: &DataFolder) -> Self {
        Self { folder: data.lock_notes_folder() }
    }

    /// Where the lock at `path` is noted. Locks of one name share it: only one Signalbox at a time holds any.
    pub fn slot(&self, path: &Path) -> Slot {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Slot { file: self.folder.join(format!("{}.json", name.trim_start_matches('.'))) }
    }

    /// Removes the lock folders that a dead process of ours left. Only whoever holds our own lock may judge that.
    pub fn clear_leftovers(&self, _own: &OwnFile) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let file = entry.path();
            match read(&file) {
                Some(note) if !note.holder.is_dead() => {}
                Some(note) => {
                    note.clear();
                    let _ = std::fs::remove_file(file);
                }
                None => {
                    let _ = std::fs::remove_file(file);
                }
            }
        }
    }
}

impl Slot {
    /// Notes a lock that was just taken. Without a note the lock holds as well.
    pub(super) fn write(&self, path: &Path, mark: Mark) {
        let Some(holder) = Holder::this() else { return };
        let note = Note { path: path.to_owned(), mark, holder: holder.clone() };
        if let Err(error) = self.put(&note) {
            tracing::debug!(path = %path.display(), %error, "a lock is held without a note of it");
        }
    }

    /// The lock was released.
    pub fn erase(&self) {
        let _ = std::fs::remove_file(&self.file);
    }

    /// In one write and unsynced: a torn note proves nothing, and after a power cut none does.
    fn put(&self, note: &Note) -> io::Result<()> {
        let bytes = serde_json::to_vec(note)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(PRIVATE_FILE);
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(&self.file).or_else(|error| match self.file.parent() {
            // Not its parents: the data folder is made by whoever takes our own lock.
            Some(folder) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().mode(PRIVATE_FOLDER).create(folder)?;
                options.open(&self.file)
            }
            _ => Err(error),
        });
        file?.write_all(&bytes)
    }
}

impl Note {
    /// Removes the folder, if it still is the very one.
    fn clear(&self) {
        if self.mark.born.is_none() || !self.is_there() {
            return;
        }
        // First, because Claude Code may write its own as soon as the folder is gone.
        owner::remove_record_of(&self.holder, &self.path);
        // Claude Code may have taken it over meanwhile, after waiting its own time.
        if !self.is_there() {
            return;
        }
        match std::fs::remove_dir(&self.path) {
            Ok(()) => {
                let (path, pid) = (self.path.display(), self.holder.pid);
                tracing::info!(%path, pid, "removed a lock of our own dead process");
            }
            Err(error) => tracing::warn!(path = %self.path.display(), %error, "a lock of our own dead process stays"),
        }
    }

    fn is_there(&self) -> bool {
        matches!(Mark::of(&self.path), Ok(Some(mark)) if mark == self.mark)
    }
}

fn read(file: &Path) -> Option<Note> {
    serde_json::from_slice(&durable::read(file, NOTE_BYTES_MAX, Links::Refuse).ok()??).ok()
}
