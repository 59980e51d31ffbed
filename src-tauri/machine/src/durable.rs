//! The one way in which Signalbox writes a file: wholly or not at all, and on the disk before anything relies on it.
//! Owns temporary file, fsync, rename, fsync of the folder, and reading with a limit and an owner check. Leaves locks to
//! `locks`, and the question what may be written to the adapters that call it.

use std::fs::{DirBuilder, File, FileTimes, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use signalbox_core::ports::StoreError;

/// The mode of every file that may hold a secret.
pub const PRIVATE_FILE: u32 = 0o600;
/// The mode of every folder that we make.
pub const PRIVATE_FOLDER: u32 = 0o700;

/// How far a modification time is moved on where the clock's step is too coarse to tell two writes apart.
const MTIME_STEP: Duration = Duration::from_millis(5);
/// Two times closer than this may look the same to somebody who counts whole milliseconds.
const MTIME_APART: Duration = Duration::from_millis(1);
/// A modification time further ahead than this comes from a clock that was set back; it is not carried on.
const MTIME_AHEAD_MAX: Duration = Duration::from_secs(1);
/// A temporary file older than this was left by a crash.
const LEFTOVER_AGE: Duration = Duration::from_secs(120);

/// Marks our temporary files, also in Claude Code's folder.
const TEMPORARY: &str = ".signalbox-";

/// What a symbolic link at a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Read what it points to. For files of Claude Code, which people keep in dotfile folders.
    Follow,
    /// Somebody tampered. For our own files.
    Refuse,
}

/// Whether the modification time has to differ from that of the file which is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mtime {
    /// A running Claude Code reads its login again only when the time has changed (`docs/observed.md` §6).
    Changed,
    /// Nobody watches it.
    Any,
}

/// Reads a whole regular file of at most `limit` bytes that belongs to this user. `Ok(None)` only when there is certainly
/// nothing: a link to nowhere is an error.
pub fn read(path: &Path, limit: u64, links: Links) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(mut file) = open(path, links)? else { return Ok(None) };
    let unreadable = |error: io::Error| StoreError::Unreadable { path: path.to_owned(), why: why(&error) };
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        let why = if metadata.is_dir() { "it is a folder" } else { "it is not a regular file" };
        return Err(StoreError::Unreadable { path: path.to_owned(), why: why.to_owned() });
    }
    check_owner(path, &metadata)?;
    let too_large = |bytes| StoreError::TooLarge { path: path.to_owned(), bytes, limit };
    if metadata.len() > limit {
        return Err(too_large(metadata.len()));
    }
    // The right capacity from the start, so that growing leaves no copies of a secret behind.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).map_err(|_| too_large(metadata.len()))?);
    (&mut file).take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(Some(bytes))
}

/// Opens what stands there for reading; `Ok(None)` only when there is certainly nothing. Its owner and its kind are not
/// looked at.
pub(crate) fn open(path: &Path, links: Links) -> Result<Option<File>, StoreError> {
    // Without NONBLOCK a named pipe at the path would hold the program for ever.
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    let refused = |why: String| StoreError::Unreadable { path: path.to_owned(), why };
    match OpenOptions::new().read(true).custom_flags(raw(flags)).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused(why(&error))),
            Ok(_) => Err(refused("it is a symbolic link to something that is not there".to_owned())),
        },
        Err(error) if is_link(path) && links == Links::Refuse => {
            tracing::debug!(%error, "link refused");
            Err(refused("it is a symbolic link".to_owned()))
        }
        Err(error) => Err(refused(why(&error))),
    }
}

/// Puts `bytes` at `path`, wholly or not at all, with exactly `mode`. On an error the old file is untouched, except when
/// the folder could not be synced after the rename.
pub fn replace(path: &Path, bytes: &[u8], mode: u32, mtime: Mtime) -> Result<(), StoreError> {
    let unwritable = |error: io::Error| write_error(path, &error);
    let temporary = Temporary::write(path, bytes, mode)?;
    if mtime == Mtime::Changed
        && let Ok(old) = path.symlink_metadata().and_then(|metadata| metadata.modified())
    {
        temporary.move_mtime_past(old).map_err(unwritable)?;
    }
    temporary.file.sync_all().map_err(unwritable)?;
    std::fs::rename(&temporary.path, path).map_err(unwritable)?;
    temporary.keep();
    sync_folder_of(path)
}

/// As [`replace`], for what may be lost in a power cut: nothing is synced, so it takes no time. Afterwards the file may
/// be the old one, the new one, or empty.
pub fn replace_unsynced(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let temporary = Temporary::write(path, bytes, mode)?;
    std::fs::rename(&temporary.path, path).map_err(|error| write_error(path, &error))?;
    temporary.keep();
    Ok(())
}

/// As [`replace`], but only where nothing is yet. `Ok(false)`: somebody else was first, and theirs stays.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<bool, StoreError> {
    let unwritable = |error: io::Error| write_error(path, &error);
    let temporary = Temporary::write(path, bytes, mode)?;
    temporary.file.sync_all().map_err(unwritable)?;
    // A link, unlike a rename, refuses to take the place of a file. The temporary name goes when it is dropped.
    match std::fs::hard_link(&temporary.path, path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(unwritable(error)),
    }
    drop(temporary);
    sync_folder_of(path)?;
    Ok(true)
}

/// Removes a file and makes that durable. One that does not exist is no error.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder_of(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(write_error(path, &error)),
    }
}

/// Makes a folder that only this user may enter, and those above it, if it does not exist.
pub fn make_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(path);
    made.map_err(|error| write_error(path, &error))?;
    sync_folder_of(path)
}

/// Removes what a crash left of writes in `folder`: temporary files of ours, which may hold a secret.
pub fn remove_leftovers(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(is_temporary);
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if ours && age().is_some_and(|age| age > LEFTOVER_AGE) {
            tracing::info!(path = %entry.path().display(), "removing what an interrupted write left behind");
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether a name is one that [`Temporary`] gives. Exactly so, because the folder may be somebody's home.
fn is_temporary(name: &str) -> bool {
    let parts = name.strip_prefix('.').and_then(|rest| rest.rsplit_once(TEMPORARY));
    parts.is_some_and(|(target, random)| {
        !target.is_empty() && random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Refuses what belongs to somebody else.
pub fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(StoreError::NotOurs { path: path.to_owned() })
}

/// Whether a symbolic link stands at the path.
pub fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
}

/// The error of a write: a full disk is told apart, because a person can do something about it.
pub fn write_error(path: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { path: path.to_owned() },
        _ => StoreError::Unwritable { path: path.to_owned(), why: why(error) },
    }
}

/// An I/O error in words, without the number that the standard library puts behind it.
pub fn why(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let mut chars = text[..end].chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn raw(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

/// Makes what was done to the name of `path` durable.
pub fn sync_folder_of(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems cannot sync a folder, and need not.
        Err(error) if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Err(write_error(path, &error))
        }
        _ => Ok(()),
    }
}

/// A name beside `target` that [`remove_leftovers`] knows for ours; `None` where `target` can be no file.
pub(crate) fn temporary_name(target: &Path, random: [u8; 8]) -> Option<PathBuf> {
    let name = target.file_name()?.to_string_lossy().into_owned();
    let random = u64::from_ne_bytes(random);
    Some(target.with_file_name(format!(".{}{TEMPORARY}{random:016x}", name.trim_start_matches('.'))))
}

/// A file that is being written, beside the one it will replace. Dropping it removes it.
struct Temporary {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Temporary {
    /// Writes the bytes; they are not synced yet.
    fn write(target: &Path, bytes: &[u8], mode: u32) -> Result<Self, StoreError> {
        let unwritable = |error: io::Error| write_error(target, &error);
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| StoreError::NoEntropy)?;
        let path = temporary_name(target, random).ok_or_else(|| unwritable(ErrorKind::IsADirectory.into()))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(PRIVATE_FILE);
        let file = options.open(&path).map_err(unwritable)?;
        let mut temporary = Self { path, file, kept: false };
        temporary.file.write_all(bytes).map_err(unwritable)?;
        // Set after opening, because the umask takes bits away from the mode given there.
        temporary.file.set_permissions(Permissions::from_mode(mode)).map_err(unwritable)?;
        Ok(temporary)
    }

    /// Gives the file a modification time that differs from `old`, and is later unless `old` lies in the future. Ahead of
    /// the clock by some milliseconds, or by one step of a file system which counts in whole seconds.
    fn move_mtime_past(&self, old: SystemTime) -> io::Result<()> {
        let natural = self.file.metadata()?.modified()?;
        let later = natural.duration_since(old).is_ok_and(|gap| gap >= MTIME_APART);
        let clock_set_back = old.duration_since(natural).is_ok_and(|gap| gap > MTIME_AHEAD_MAX);
        if later || clock_set_back {
            return Ok(());
        }
        for step in [MTIME_STEP, Duration::from_secs(1), Duration::from_secs(2)] {
            self.file.set_times(FileTimes::new().set_modified(old + step))?;
            if self.file.metadata()?.modified()? != old {
                break;
            }
        }
        Ok(())
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
