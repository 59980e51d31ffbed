//! Databases of earlier versions: they are brought up to date with everything that is in them.

use rusqlite::params;
use signalbox_core::policy::BackOff;
use signalbox_core::schedule::Books;

use super::*;

/// A database as that version left it, with a reading of every kind.
fn made_by(version: usize) -> tempfile::TempDir {
    let folder = folder();
    let old = raw(folder.path());
    old.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    for step in &MIGRATIONS[..version] {
        old.execute_batch(step).unwrap();
    }
    old.pragma_update(None, "user_version", version).unwrap();
    let windows = r#"[{"kind":"five_hour","percent":41.5,"resets_at":1795262400000},
        {"kind":{"model":"Opus"},"percent":7.0,"resets_at":null}]"#;
    for (account, read_at) in [("acc-ada", NOON.ms() - 1), ("acc-bob", 7)] {
        old.execute("INSERT INTO reading VALUES (?1, 'org-1', ?2, ?3)", params![account, read_at, windows]).unwrap();
        old.execute("INSERT INTO next_allowed VALUES (?1, 'org-1', ?2)", params![account, read_at + 9]).unwrap();
        if version > 1 {
            old.execute("INSERT INTO back_off VALUES (?1, 'org-1', 3, ?2)", params![account, read_at + 5]).unwrap();
        }
    }
    folder
}

#[test]
fn a_database_of_each_earlier_version_keeps_what_is_in_it() {
    for version in [1, 2] {
        let folder = made_by(version);
        let database = Database::new(folder.path());
        for (account, read_at) in [("acc-ada", NOON.plus(-1)), ("acc-bob", Timestamp::from_ms(7))] {
            let identity = Identity::new(account, "org-1").unwrap();
            let window = |kind, percent, resets_at| Window { kind, percent, resets_at };
            let windows = vec![
                window(WindowKind::FiveHour, 41.5, Some(NOON)),
                window(WindowKind::Model("Opus".to_owned()), 7.0, None),
            ];
            let expected = Reading::answered(Usage { windows, spend: None }, read_at);
            assert_eq!(database.last(&identity).unwrap(), Some(expected), "{version}");
            let books = Books { asked: Vec::new(), blocked_until: Some(read_at.plus(9)) };
            assert_eq!(database.books(&identity, NOON).unwrap(), books, "{version}");
            let back_off = (version > 1).then_some(BackOff { failures: 3, until: read_at.plus(5) });
            assert_eq!(database.back_off(&identity).unwrap(), back_off, "{version}");
            assert_eq!(database.since(&identity, Timestamp::from_ms(0)).unwrap(), [], "{version}");
        }
        database.store(&ada(), &reading(42.0)).unwrap();
        assert_eq!(database.since(&ada(), NOON.plus(-9)).unwrap().len(), 2, "{version}");
        let mode: i64 = raw(folder.path()).pragma_query_value(None, "auto_vacuum", |row| row.get(0)).unwrap();
        assert_eq!(mode, 2, "{version}: it gives pages back");
        assert_eq!(names(folder.path()), ["usage.db", "usage.db-shm", "usage.db-wal"], "{version}");
    }
}

#[test]
fn many_may_open_an_earlier_one_at_once() {
    let folder = made_by(2);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(Database::new(folder.path()).last(&ada()).unwrap().is_some()));
        }
    });
    assert_eq!(schema::version(&raw(folder.path())).unwrap(), MIGRATIONS.len());
}

#[test]
fn an_earlier_one_that_is_damaged_is_put_aside() {
    for version in [1, 2] {
        let folder = made_by(version);
        drop_table(&folder.path().join(FILE), "reading");
        let database = Database::new(folder.path());
        assert_eq!(database.last(&ada()).unwrap(), None, "{version}");
        assert!(names(folder.path()).iter().any(|name| name.contains("damaged")), "{version}");
    }
}
