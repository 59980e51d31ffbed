//! Last-known usage and the moments of the next requests, in `usage.db` of the data folder, shared by the app and the
//! CLI. Owns the SQLite file: its schema, its migrations, and starting afresh where it is damaged. Leaves the decision
//! when to ask to `policy`.
//!
//! Nothing in here cannot be read again from the provider, so a damaged database is put aside with a warning and never
//! stops anything.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};
use signalbox_core::identity::Identity;
use signalbox_core::policy::BackOff;
use signalbox_core::ports::{Clock as _, Readings, StoreError};
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Reading, Usage};

use crate::clock::SystemClock;
use crate::durable::{self, PRIVATE_FILE};

const FILE: &str = "usage.db";
/// How long another process may hold the database before we give up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// How the schema came to be: entry N leads from version N to version N + 1. Released entries are never changed.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE reading (
        account TEXT NOT NULL,
        organization TEXT NOT NULL,
        read_at_ms INTEGER NOT NULL,
        windows_json TEXT NOT NULL,
        PRIMARY KEY (account, organization)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE next_allowed (
        account TEXT NOT NULL,
        organization TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (account, organization)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE back_off (
        account TEXT NOT NULL,
        organization TEXT NOT NULL,
        failures INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        PRIMARY KEY (account, organization)
    ) STRICT, WITHOUT ROWID;
",
];

/// `usage.db`, opened at the first use. Several processes may use it at once.
pub struct Database {
    path: PathBuf,
    open: Mutex<Option<Open>>,
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
        Self { path: data_folder.join(FILE), open: Mutex::new(None) }
    }

    /// Runs statements, opening the database first and starting afresh where it is damaged. `Ok(None)`: there is no
    /// database, and reading makes none.
    fn run<T>(
        &self,
        purpose: Purpose,
        statements: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = String::new();
        // The second round runs on a new database; a third is due only where another process was as quick as we.
        for _ in 0..3 {
            match self.attempt(&mut open, purpose, &statements) {
                Ok(done) => return Ok(done),
                Err(Trouble::Store(error)) => return Err(error),
                Err(Trouble::Damaged { file, why }) => {
                    *open = None;
                    self.move_aside(file, &why)?;
                    last = why;
                }
            }
        }
        Err(self.error(purpose, last))
    }

    fn attempt<T>(
        &self,
        open: &mut Option<Open>,
        purpose: Purpose,
        statements: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Trouble> {
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
        let open = match open {
            Some(open) => open,
            None => open.insert(Open { connection: self.connect(purpose, file)?, file }),
        };
        statements(&open.connection).map(Some).map_err(|error| self.trouble(purpose, file, &error))
    }

    fn connect(&self, purpose: Purpose, file: FileId) -> Result<Connection, Trouble> {
        let trouble = |error: rusqlite::Error| self.trouble(purpose, file, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags).map_err(trouble)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(trouble)?;
        let version = version(&connection).map_err(trouble)?;
        if version > MIGRATIONS.len() {
            return Err(StoreError::FromTheFuture { path: self.path.clone() }.into());
        }
        if version < MIGRATIONS.len() {
            write_ahead(&connection).map_err(trouble)?;
            migrate(&mut connection).map_err(trouble)?;
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
        let aside = format!("{FILE}.damaged-{}", SystemClock.now().ms());
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
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Trouble::Store(self.error(purpose, "another process keeps it busy".to_owned()))
            }
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

impl Readings for Database {
    fn last(&self, identity: &Identity) -> Result<Option<Reading>, StoreError> {
        let row = self.run(Purpose::Read, |connection| {
            let sql = "SELECT read_at_ms, windows_json FROM reading WHERE account = ?1 AND organization = ?2";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
            connection.query_row(sql, key(identity), row).optional()
        })?;
        let Some((read_at_ms, windows)) = row.flatten() else { return Ok(None) };
        match serde_json::from_str(&windows) {
            Ok(windows) => Ok(Some(Reading { usage: Usage { windows }, read_at: Timestamp::from_ms(read_at_ms) })),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "a stored reading makes no sense; left out");
                Ok(None)
            }
        }
    }

    fn store(&self, identity: &Identity, reading: &Reading) -> Result<(), StoreError> {
        let windows = serde_json::to_string(&reading.usage.windows)
            .map_err(|error| self.error(Purpose::Write, error.to_string()))?;
        self.run(Purpose::Write, |connection| {
            let sql = "INSERT INTO reading (account, organization, read_at_ms, windows_json) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT DO UPDATE SET read_at_ms = excluded.read_at_ms, windows_json = excluded.windows_json";
            let (account, organization) = key(identity);
            connection.execute(sql, params![account, organization, reading.read_at.ms(), windows])
        })?;
        Ok(())
    }

    fn next_allowed(&self, identity: &Identity) -> Result<Option<Timestamp>, StoreError> {
        let at = self.run(Purpose::Read, |connection| {
            let sql = "SELECT at_ms FROM next_allowed WHERE account = ?1 AND organization = ?2";
            connection.query_row(sql, key(identity), |row| row.get(0)).optional()
        })?;
        Ok(at.flatten().map(Timestamp::from_ms))
    }

    /// The later of two moments stays, so that the app and the CLI cannot shorten each other's wait.
    fn set_next_allowed(&self, identity: &Identity, at: Timestamp) -> Result<(), StoreError> {
        self.run(Purpose::Write, |connection| {
            let sql = "INSERT INTO next_allowed (account, organization, at_ms) VALUES (?1, ?2, ?3)
                ON CONFLICT DO UPDATE SET at_ms = max(at_ms, excluded.at_ms)";
            let (account, organization) = key(identity);
            connection.execute(sql, params![account, organization, at.ms()])
        })?;
        Ok(())
    }

    fn back_off(&self, identity: &Identity) -> Result<Option<BackOff>, StoreError> {
        let row = self.run(Purpose::Read, |connection| {
            let sql = "SELECT failures, until_ms FROM back_off WHERE account = ?1 AND organization = ?2";
            connection.query_row(sql, key(identity), |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })?;
        Ok(row.flatten().map(|(failures, until)| BackOff { failures, until: Timestamp::from_ms(until) }))
    }

    fn set_back_off(&self, identity: &Identity, back_off: Option<BackOff>) -> Result<(), StoreError> {
        let (account, organization) = key(identity);
        let purpose = if back_off.is_some() { Purpose::Write } else { Purpose::Read };
        self.run(purpose, |connection| match back_off {
            Some(BackOff { failures, until }) => {
                let sql = "INSERT INTO back_off (account, organization, failures, until_ms) VALUES (?1, ?2, ?3, ?4)
                    ON CONFLICT DO UPDATE SET failures = excluded.failures, until_ms = excluded.until_ms";
                connection.execute(sql, params![account, organization, failures, until.ms()])
            }
            None => {
                let sql = "DELETE FROM back_off WHERE account = ?1 AND organization = ?2";
                connection.execute(sql, params![account, organization])
            }
        })?;
        Ok(())
    }

    fn forget(&self, identity: &Identity) -> Result<(), StoreError> {
        let exists = self.file_id()?.is_some();
        if exists {
            self.run(Purpose::Write, |connection| {
                for table in ["reading", "next_allowed", "back_off"] {
                    let sql = format!("DELETE FROM {table} WHERE account = ?1 AND organization = ?2");
                    connection.execute(&sql, key(identity))?;
                }
                Ok(())
            })?;
        }
        Ok(())
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

/// The version of the schema; 0 for a new file.
fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Lets readers go on while somebody writes. The mode stays in the file. Where somebody else is just setting it, SQLite
/// says *busy* at once instead of waiting, and his doing serves as well.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    match connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
        Err(error) if matches!(code(&error), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => Ok(()),
        outcome => outcome,
    }
}

/// Brings the schema up to date, all steps or none. Another process may have done so since the version was read.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    for step in MIGRATIONS.iter().skip(version(&transaction)?) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    transaction.commit()
}

#[cfg(test)]
mod tests;
