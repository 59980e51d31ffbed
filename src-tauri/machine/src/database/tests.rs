//! The usage database: what it keeps, and what it survives.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod earlier;
mod locked;
mod samples;

use std::thread;

use signalbox_core::ports::{Readings as _, Samples as _};
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Reading, Usage, Window, WindowKind};

use super::*;

const NOON: Timestamp = Timestamp::from_ms(1_795_262_400_000);

type Damage = fn(&Path);

fn ada() -> Identity {
    Identity::new("acc-ada", "org-1").unwrap()
}

fn reading(percent: f64) -> Reading {
    let window = |kind, resets_at| Window { kind, percent, resets_at };
    let windows = vec![window(WindowKind::FiveHour, Some(NOON)), window(WindowKind::Model("Opus".to_owned()), None)];
    Reading::answered(Usage { windows, spend: None }, NOON.plus(-1))
}

fn blocked(database: &Database, identity: &Identity) -> Option<Timestamp> {
    database.books(identity, NOON).unwrap().blocked_until
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn drop_table(file: &Path, name: &str) {
    Connection::open(file).unwrap().execute_batch(&format!("DROP TABLE {name}")).unwrap();
}

/// Every question that may be asked of the database.
const EVERYTHING: [fn(&Database); 5] = [
    |database| drop(database.last(&ada()).unwrap()),
    |database| drop(database.books(&ada(), NOON).unwrap()),
    |database| drop(database.since(&ada(), NOON).unwrap()),
    |database| assert_eq!(database.back_off(&ada()).unwrap(), None),
    |database| database.thin(NOON).unwrap(),
];

fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join(FILE)).unwrap()
}

#[test]
fn a_reading_comes_back_as_it_was_stored_for_its_own_identity_only() {
    let folder = folder();
    Database::new(folder.path()).store(&ada(), &reading(41.5)).unwrap();
    let database = Database::new(folder.path());
    assert_eq!(database.last(&ada()).unwrap(), Some(reading(41.5)));
    for (account, organization) in [("acc-ada", "org-2"), ("acc-bob", "org-1")] {
        assert_eq!(database.last(&Identity::new(account, organization).unwrap()).unwrap(), None);
    }
    database.store(&ada(), &reading(7.0)).unwrap();
    assert_eq!(database.last(&ada()).unwrap(), Some(reading(7.0)));
}

#[test]
fn the_later_of_two_next_moments_stays() {
    let folder = folder();
    let database = Database::new(folder.path());
    assert_eq!(blocked(&database, &ada()), None);
    database.block(&ada(), NOON).unwrap();
    Database::new(folder.path()).block(&ada(), NOON.plus(-5)).unwrap();
    assert_eq!(blocked(&database, &ada()), Some(NOON));
    database.block(&ada(), NOON.plus(5)).unwrap();
    assert_eq!(blocked(&database, &ada()), Some(NOON.plus(5)));
}

#[test]
fn a_forgotten_identity_leaves_nothing_and_takes_nobody_with_it() {
    let folder = folder();
    let (database, bob) = (Database::new(folder.path()), Identity::new("acc-bob", "org-1").unwrap());
    for identity in [&ada(), &bob] {
        database.store(identity, &reading(1.0)).unwrap();
        database.block(identity, NOON).unwrap();
        database.claim(identity, NOON, &|_| Ok(())).unwrap().unwrap();
    }
    database.forget(&ada()).unwrap();
    for table in ["reading", "next_allowed", "asked", "series"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE account = 'acc-ada'");
        assert_eq!(raw(folder.path()).query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{table}");
    }
    let rows: i64 = raw(folder.path()).query_row("SELECT count(*) FROM stretch", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 2, "those of the other");
    assert_eq!((database.last(&ada()).unwrap(), blocked(&database, &ada())), (None, None));
    assert_eq!((database.last(&bob).unwrap(), blocked(&database, &bob)), (Some(reading(1.0)), Some(NOON)));
}

#[test]
fn reading_makes_no_file() {
    let folder = folder();
    let database = Database::new(folder.path());
    assert_eq!((database.last(&ada()).unwrap(), blocked(&database, &ada())), (None, None));
    database.forget(&ada()).unwrap();
    assert!(names(folder.path()).is_empty());
    let missing = Database::new(&folder.path().join("missing"));
    assert_eq!(missing.last(&ada()).unwrap(), None);
    assert!(matches!(missing.store(&ada(), &reading(1.0)), Err(StoreError::Unwritable { .. })));
}

#[test]
fn every_file_of_the_database_is_private() {
    let folder = folder();
    let database = Database::new(folder.path());
    database.store(&ada(), &reading(1.0)).unwrap();
    fs::set_permissions(folder.path().join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
    database.last(&ada()).unwrap();
    assert_eq!(names(folder.path()), ["usage.db", "usage.db-shm", "usage.db-wal"]);
    for name in names(folder.path()) {
        assert_eq!(folder.path().join(&name).metadata().unwrap().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_damaged_database_is_put_aside_and_replaced() {
    let damages: [(&str, Damage); 6] = [
        ("foreign bytes", |file| fs::write(file, vec![b'x'; 8192]).unwrap()),
        ("a torn page", |file| {
            let mut bytes = fs::read(file).unwrap();
            bytes[100..].fill(0xa5);
            fs::write(file, bytes).unwrap();
        }),
        ("cut short", |file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..5000]).unwrap();
        }),
        ("no readings", |file| drop_table(file, "reading")),
        ("no samples", |file| drop_table(file, "stretch")),
        ("no books", |file| drop_table(file, "asked")),
    ];
    for (case, damage) in damages {
        let folder = folder();
        Database::new(folder.path()).store(&ada(), &reading(1.0)).unwrap();
        damage(&folder.path().join(FILE));
        let database = Database::new(folder.path());
        for ask in EVERYTHING {
            ask(&database);
        }
        assert_eq!(database.last(&ada()).unwrap(), None, "{case}");
        database.store(&ada(), &reading(2.0)).unwrap();
        assert_eq!(database.since(&ada(), NOON.plus(-9)).unwrap().len(), 2, "{case}");
        assert_eq!(database.last(&ada()).unwrap(), Some(reading(2.0)), "{case}");
        let aside = names(folder.path()).iter().filter(|name| name.starts_with("usage.db.damaged-")).count();
        assert!(aside >= 1, "{case}: {:?}", names(folder.path()));
        assert_eq!(Database::new(folder.path()).last(&ada()).unwrap(), Some(reading(2.0)), "{case}");
    }
}

#[test]
fn a_database_that_somebody_put_aside_is_noticed_at_the_next_call() {
    let folder = folder();
    let (app, cli) = (Database::new(folder.path()), Database::new(folder.path()));
    app.store(&ada(), &reading(1.0)).unwrap();
    let file = app.file_id().unwrap().unwrap();
    cli.move_aside(file, "a test").unwrap();
    app.store(&ada(), &reading(2.0)).unwrap();
    assert_eq!(cli.last(&ada()).unwrap(), Some(reading(2.0)));
    cli.move_aside(file, "a test").unwrap();
    assert_eq!(cli.last(&ada()).unwrap(), Some(reading(2.0)), "a file that is not the damaged one stays");
}

#[test]
fn a_reading_that_makes_no_sense_counts_as_none() {
    let folder = folder();
    let database = Database::new(folder.path());
    database.store(&ada(), &reading(1.0)).unwrap();
    raw(folder.path()).execute("UPDATE reading SET windows_json = '{'", []).unwrap();
    assert_eq!(database.last(&ada()).unwrap(), None);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let folder = folder();
    Database::new(folder.path()).store(&ada(), &reading(1.0)).unwrap();
    raw(folder.path()).pragma_update(None, "user_version", MIGRATIONS.len() + 1).unwrap();
    let database = Database::new(folder.path());
    assert!(matches!(database.last(&ada()), Err(StoreError::FromTheFuture { .. })));
    assert!(matches!(database.store(&ada(), &reading(2.0)), Err(StoreError::FromTheFuture { .. })));
    let kept: i64 = raw(folder.path()).query_row("SELECT count(*) FROM reading", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn a_link_is_refused() {
    let (folder, elsewhere) = (folder(), self::folder());
    std::os::unix::fs::symlink(elsewhere.path().join("victim.db"), folder.path().join(FILE)).unwrap();
    let database = Database::new(folder.path());
    assert!(matches!(database.last(&ada()), Err(StoreError::Unreadable { .. })));
    assert!(database.store(&ada(), &reading(1.0)).is_err());
    assert!(names(elsewhere.path()).is_empty());
}

#[test]
fn many_at_once_lose_nothing_that_was_confirmed() {
    let folder = folder();
    thread::scope(|scope| {
        for writer in 0..8 {
            let path = folder.path();
            scope.spawn(move || {
                let database = Database::new(path);
                let identity = Identity::new(&format!("acc-{writer}"), "org-1").unwrap();
                for round in 0..25 {
                    persist(|| database.store(&identity, &reading(f64::from(round))));
                    persist(|| database.block(&ada(), NOON.plus(writer * 25 + i64::from(round))));
                }
                assert_eq!(database.last(&identity).unwrap(), Some(reading(24.0)));
            });
        }
    });
    assert_eq!(blocked(&Database::new(folder.path()), &ada()), Some(NOON.plus(199)));
    assert!(!names(folder.path()).iter().any(|name| name.contains("damaged")));
}

/// Eight writers may keep one of them waiting for longer than its patience where the disk is slow. Being told so is no loss: it asks
/// again.
fn persist(write: impl Fn() -> Result<(), StoreError>) {
    let begun = Instant::now();
    while let Err(error) = write() {
        assert!(error.to_string().contains("another process keeps it busy"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody got a turn for a minute");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn opening_and_reading_is_quick() {
    let folder = folder();
    Database::new(folder.path()).store(&ada(), &reading(1.0)).unwrap();
    let fastest = (0..40).map(|_| {
        let begun = Instant::now();
        assert!(Database::new(folder.path()).last(&ada()).unwrap().is_some());
        begun.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_millis(3), "{fastest:?}");
}
