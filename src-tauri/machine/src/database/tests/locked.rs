//! Somebody else holds the database and does not let go: what is asked meanwhile fails soon, and never for longer than
//! that.

use super::*;

#[test]
fn a_writer_who_does_not_let_go_is_reported_after_two_seconds() {
    let folder = folder();
    let database = Database::new(folder.path());
    database.store(&ada(), &reading(1.0)).unwrap();
    let other = raw(folder.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let refused = database.store(&ada(), &reading(2.0)).unwrap_err();
    assert!(refused.to_string().contains("another process keeps it busy"), "{refused}");
    assert!((1500..10_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(database.last(&ada()).unwrap(), Some(reading(1.0)), "readers go on meanwhile");
}

#[test]
fn one_who_holds_all_of_it_costs_two_seconds_once_and_not_with_every_question() {
    let folder = folder();
    let database = Database::new(folder.path());
    database.store(&ada(), &reading(1.0)).unwrap();
    let begun = Instant::now();
    {
        // Nobody else has it open at that moment; otherwise it could not be had for oneself.
        let _closed = std::mem::take(&mut *database.shared.lock().unwrap());
    }
    let other = raw(folder.path());
    other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for _ in 0..20 {
        assert!(matches!(database.last(&ada()), Err(StoreError::Unreadable { .. })));
        assert!(matches!(database.since(&ada(), NOON), Err(StoreError::Unreadable { .. })));
        assert!(matches!(database.claim(&ada(), NOON, &|_| Ok(())), Err(StoreError::Unwritable { .. })));
    }
    let took = begun.elapsed().as_millis();
    assert!((1_500..8_000).contains(&took), "{took} ms");
    drop(other);
    assert_eq!(database.last(&ada()).unwrap(), Some(reading(1.0)));
    assert!(database.shared.lock().unwrap().busy.is_none(), "patience is back");
    assert!(!names(folder.path()).iter().any(|name| name.contains("damaged")), "a lock is no damage");
}
