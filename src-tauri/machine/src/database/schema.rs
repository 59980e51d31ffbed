//! The tables of `usage.db`. Owns how they came to be, and the modes that are written into the file itself. Leaves
//! what the rows mean to `readings` and `samples`.
//!
//! A row of `stretch` is a window that stood still from `first_ms` to `last_ms`; its key is its end, so that asking
//! for all since a moment reads those rows and no other, and a row that grows moves within one page.

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::{IMPATIENT_TIMEOUT, code};

/// How the schema came to be: entry N leads from version N to version N + 1. Released entries are never changed.
pub const MIGRATIONS: &[&str] = &[
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
    "
    ALTER TABLE reading ADD COLUMN asked_at_ms INTEGER;
    ALTER TABLE reading ADD COLUMN spend_json TEXT;
    CREATE TABLE asked (
        account TEXT NOT NULL,
        organization TEXT NOT NULL,
        at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX asked_by ON asked (account, organization, at_ms);
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        account TEXT NOT NULL,
        organization TEXT NOT NULL,
        kind TEXT NOT NULL,
        UNIQUE (account, organization, kind)
    ) STRICT;
    CREATE TABLE stretch (
        series INTEGER NOT NULL,
        last_ms INTEGER NOT NULL,
        first_ms INTEGER NOT NULL,
        percent REAL NOT NULL,
        resets_at_ms INTEGER,
        PRIMARY KEY (series, last_ms)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE upkeep (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        done_at_ms INTEGER NOT NULL,
        as_of_ms INTEGER NOT NULL
    ) STRICT;
",
];

/// Lets the file give back pages that are not needed any more. A new file is told before its first table is made; one
/// of an earlier version, which has few rows, is written anew. Where somebody else is at work in it, it keeps its
/// pages for reuse.
pub fn give_back(connection: &Connection, version: usize) -> rusqlite::Result<()> {
    const INCREMENTAL: i64 = 2;
    let mode: i64 = connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
    if mode == INCREMENTAL {
        return Ok(());
    }
    // This is worth no waiting.
    connection.busy_timeout(IMPATIENT_TIMEOUT)?;
    connection.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
    if version == 0 { Ok(()) } else { unless_busy(connection.execute_batch("VACUUM")) }
}

/// The version of the schema; 0 for a new file.
pub fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Lets readers go on while somebody writes. The mode stays in the file. Where somebody else is just setting it, SQLite
/// says *busy* at once instead of waiting, and his doing serves as well.
pub fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    unless_busy(connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))
}

fn unless_busy(outcome: rusqlite::Result<()>) -> rusqlite::Result<()> {
    match outcome {
        Err(error) if matches!(code(&error), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => Ok(()),
        outcome => outcome,
    }
}

/// Brings the schema up to date, all steps or none. Another process may have done so since the version was read.
pub fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    for step in MIGRATIONS.iter().skip(version(&transaction)?) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    transaction.commit()
}
