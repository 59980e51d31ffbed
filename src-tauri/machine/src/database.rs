//! `usage.db` of the data folder, shared by the app, the CLI and the watch: what usage is, was, and when it may be
//! asked for. Owns the SQLite file: opening it, waiting for others, and starting afresh where it is damaged. Leaves
//! the tables to `schema`, and their rows to `readings` and `samples`.
//!
//! What usage is can be read again from the provider, and what it was is nobody's livelihood. So a damaged database is
//! put aside with a warning, which the doctor repeats, and never stops anything.

mod readings;
mod samples;
mod schema;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use signalbox_core::identity::Identity;
use signalbox_core::ports::{Clock as _, StoreError};

use crate::clock::SystemClock;
use crate::durable::{self, PRIVATE_FILE};

use schema::MIGRATIONS;

const FILE: &str = "usage.db";
/// After the name of a file that was put aside; when that was follows.
const ASIDE: &str = ".damaged-";
/// How long another process may hold the database before we give up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Whoever waited in vain is not kept waiting for each of his questions: for this long ...
const IMPATIENT_FOR: Duration = Duration::from_secs(10);
/// ... others are waited for no longer than this.
const IMPATIENT_TIMEOUT: Duration = Duration::from_millis(20);

/// `usage.db`, opened at the first use. Several processes may use it at once; a clone shares the connection.
#[derive(Clone)]
pub struct Database {
    path: PathBuf,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    open: Option<Open>,
    /// When somebody else's hold was last waited for in vain.
    busy: Option<Instant>,
}

impl Shared {
    fn patience(&self) -> Duration {
        match self.busy {
            Some(busy) if busy.elapsed() < IMPATIENT_FOR => IMPATIENT_TIMEOUT,
            _ => BUSY_TIMEOUT,
        }
    }

    /// Starts the impatience, and does not prolong it.
    fn waited_in_vain(&mut self) {
        if self.patience() == BUSY_TIMEOUT {
            self.busy = Some(Instant::now());
        }
    }
}

struct Open {
    connection: Connection,
    file: FileId,
}

/// Device and inode: tells whether the path still names the file that was opened.
type FileId = (u64, u64);

/// Whether a call needs the database to exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Write,
}

enum Trouble {
    Store(StoreError),
    /// Somebody else holds it.
    Busy,
    /// The bytes are no database of ours.
    Damaged {
        file: FileId,
        why: String,
    },
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Database {
    /// The database in this data folder. Nothing is touched until it is used.
    pub fn new(data_folder: &Path) -> Self {
        Self { path: data_folder.join(FILE), shared: Arc::default() }
    }

    /// The databases of this data folder that were damaged and put aside, the oldest first.
    pub fn put_aside(data_folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(data_folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_one = |name: &String| name.strip_prefix(FILE).is_some_and(|rest| rest.starts_with(ASIDE));
        // The log and its index belong to the file that they are named after.
        let mut names: Vec<_> =
            names.filter(|name| is_one(name) && !name.ends_with("-wal") && !name.ends_with("-shm")).collect();
        names.sort();
        names.into_iter().map(|name| data_folder.join(name)).collect()
    }

    /// Runs statements, opening the database first and starting afresh where it is damaged. `Ok(None)`: there is no
    /// database, and reading makes none.
    fn run<T>(
        &self,
        purpose: Purpose,
        statements: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = String::new();
        // The second round runs on a new database; a third is due only where another process was as quick as we.
        for _ in 0..3 {
            match self.attempt(&mut shared, purpose, &statements) {
                Ok(done) => {
                    shared.busy = None;
                    return Ok(done);
                }
                Err(Trouble::Store(error)) => return Err(error),
                Err(Trouble::Busy) => {
                    shared.waited_in_vain();
                    return Err(self.error(purpose, "another process keeps it busy".to_owned()));
                }
                Err(Trouble::Damaged { file, why }) => {
                    shared.open = None;
                    self.move_aside(file, &why)?;
                    last = why;
                }
            }
        }
        Err(self.error(purpose, last))
    }

    fn attempt<T>(
        &self,
        shared: &mut Shared,
        purpose: Purpose,
        statements: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Trouble> {
        let patience = shared.patience();
        let open = &mut shared.open;
        let mut file = self.file_id()?;
        if file.is_none() && purpose == Purpose::Read {
            *open = None;
            return Ok(None);
        }
        // Another process may have put the file aside, and what is written to it there is lost.
        if open.as_ref().is_some_and(|open| Some(open.file) != file) {
            *open = None;
        }
        if file.is_none() {
            durable::create(&self.path, b"", PRIVATE_FILE)?;
            file = self.file_id()?;
        }
        let file = file.ok_or_else(|| self.error(purpose, "it vanished".to_owned()))?;
        let connection = match open {
            Some(open) => &open.connection,
            None => &open.insert(Open { connection: self.connect(purpose, file, patience)?, file }).connection,
        };
        let outcome = connection.busy_timeout(patience).and_then(|()| statements(connection));
        outcome.map(Some).map_err(|error| self.trouble(purpose, file, &error))
    }

    fn connect(&self, purpose: Purpose, file: FileId, patience: Duration) -> Result<Connection, Trouble> {
        let trouble = |error: rusqlite::Error| self.trouble(purpose, file, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags).map_err(trouble)?;
        connection.busy_timeout(patience).map_err(trouble)?;
        let version = schema::version(&connection).map_err(trouble)?;
        if version > MIGRATIONS.len() {
            return Err(StoreError::FromTheFuture { path: self.path.clone() }.into());
        }
        if version < MIGRATIONS.len() {
            schema::give_back(&connection, version).map_err(trouble)?;
            connection.busy_timeout(patience).map_err(trouble)?;
            schema::write_ahead(&connection).map_err(trouble)?;
            schema::migrate(&mut connection).map_err(trouble)?;
        }
        // With a write-ahead log this still keeps the file whole; a power cut may cost the newest reading, no more.
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(trouble)?;
        Ok(connection)
    }

    /// The file at the path, after making sure that it is ours alone. SQLite opens it later by name; opening it here
    /// would not do, because closing a second handle drops SQLite's locks.
    fn file_id(&self) -> Result<Option<FileId>, StoreError> {
        let unreadable = |why| StoreError::Unreadable { path: self.path.clone(), why };
        let metadata = match self.path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(durable::why(&error))),
        };
        if metadata.is_symlink() {
            return Err(unreadable("it is a symbolic link".to_owned()));
        }
        if !metadata.is_file() {
            return Err(unreadable("it is not a regular file".to_owned()));
        }
        durable::check_owner(&self.path, &metadata)?;
        if metadata.mode() & 0o077 != 0 {
            let private = fs::Permissions::from_mode(PRIVATE_FILE);
            fs::set_permissions(&self.path, private).map_err(|error| durable::write_error(&self.path, &error))?;
        }
        Ok(Some((metadata.dev(), metadata.ino())))
    }

    /// Puts a damaged database aside, unless another process was faster.
    fn move_aside(&self, damaged: FileId, why: &str) -> Result<(), StoreError> {
        if self.file_id()? != Some(damaged) {
            return Ok(());
        }
        let aside = format!("{FILE}{ASIDE}{}", SystemClock.now().ms());
        tracing::warn!(path = %self.path.display(), %aside, why, "the usage database is damaged; starting a new one");
        // The log goes first: beside a new database, SQLite would play it into that.
        for suffix in ["-wal", "-shm", ""] {
            let from = self.path.with_file_name(format!("{FILE}{suffix}"));
            match fs::rename(&from, self.path.with_file_name(format!("{aside}{suffix}"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(durable::write_error(&from, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn trouble(&self, purpose: Purpose, file: FileId, error: &rusqlite::Error) -> Trouble {
        let why = error.to_string();
        match code(error) {
            // `Unknown` is SQLite's plain error. Our statements are fixed, so it says that the tables are not ours.
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => {
                Trouble::Damaged { file, why }
            }
            Some(ErrorCode::DiskFull) => Trouble::Store(StoreError::Full { path: self.path.clone() }),
            // Even reading needs room, for the index of the write-ahead log; SQLite does not say that it had none.
            Some(ErrorCode::SystemIoFailure) if disk_is_full(&self.path) => {
                Trouble::Store(StoreError::Full { path: self.path.clone() })
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::Busy,
            _ => Trouble::Store(self.error(purpose, why)),
        }
    }

    fn error(&self, purpose: Purpose, why: String) -> StoreError {
        let path = self.path.clone();
        match purpose {
            Purpose::Read => StoreError::Unreadable { path, why },
            Purpose::Write => StoreError::Unwritable { path, why },
        }
    }
}

fn key(identity: &Identity) -> (&str, &str) {
    (identity.account(), identity.organization())
}

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    match error {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => Some(error.code),
        _ => None,
    }
}

fn disk_is_full(path: &Path) -> bool {
    path.parent().and_then(|folder| rustix::fs::statvfs(folder).ok()).is_some_and(|disk| disk.f_bavail == 0)
}

#[cfg(test)]
mod tests;
