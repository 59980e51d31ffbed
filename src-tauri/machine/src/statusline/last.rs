//! The last reading, for the moments in which Claude Code tells no usage. Owns a look into the database that never
//! waits, writes nothing and mends nothing; the database itself is `readings`'.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use signalbox_core::identity::Identity;
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Reading, Usage};

/// The last reading of an identity. `None` also where it cannot be had at once.
pub fn reading(data_folder: &Path, identity: &Identity) -> Option<Reading> {
    let file = data_folder.join("usage.db");
    if !file.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = Connection::open_with_flags(file, flags).and_then(|connection| {
        // Unless it is told so, it waits for seconds where the database is locked.
        connection.busy_timeout(Duration::ZERO)?;
        let sql = "SELECT read_at_ms, windows_json FROM reading WHERE account = ?1 AND organization = ?2";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
        connection.query_row(sql, params![identity.account(), identity.organization()], row).optional()
    });
    let (read_at, windows): (i64, String) = match read {
        Ok(row) => row?,
        Err(error) => {
            tracing::debug!(%error, "cannot read the last usage at once");
            return None;
        }
    };
    let usage = Usage { windows: serde_json::from_str(&windows).ok()?, spend: None };
    Some(Reading::answered(usage, Timestamp::from_ms(read_at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Database;
    use signalbox_core::ports::Readings as _;
    use signalbox_core::usage::{Window, WindowKind};

    #[test]
    fn what_the_database_keeps_is_found_and_nothing_is_made_or_mended() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (Identity::new("a", "o").expect("names"), Identity::new("b", "o").expect("names"));
        assert_eq!(reading(folder.path(), &one), None);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "looking makes nothing");
        let window = Window { kind: WindowKind::FiveHour, percent: 12.5, resets_at: Some(Timestamp::from_ms(9)) };
        let stored = Reading::answered(Usage { windows: vec![window], spend: None }, Timestamp::from_ms(7));
        let database = Database::new(folder.path());
        database.store(&one, &stored).expect("stored");
        assert_eq!(reading(folder.path(), &one), Some(stored.clone()), "while it is open");
        drop(database);
        assert_eq!(reading(folder.path(), &one), Some(stored), "while nobody has it open");
        assert_eq!(reading(folder.path(), &other), None);
        std::fs::write(folder.path().join("usage.db"), "no database at all").expect("damaged");
        assert_eq!(reading(folder.path(), &one), None);
    }
}
