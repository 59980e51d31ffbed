//! What every `LiveLogin` promises. Owns the sentences; the adapters and what the tests do behind their backs are in
//! `live_login_rigs`.

use signalbox_core::document::Document;
use signalbox_core::ports::{LiveLock, LiveLogin, Replaced, StoreError};

/// A store, and what other programs do to it.
pub trait Rig: Sync {
    fn store(&self) -> &dyn LiveLogin;
    /// Claude Code's lock, as the store asks for it. The proof alone will do where nobody else is about.
    fn lock(&self) -> LiveLock {
        LiveLock::held(Box::new(()))
    }
    /// Another adapter over the same store, as another process has it.
    fn other(&self) -> &dyn LiveLogin;
    /// Another program stores these bytes.
    fn put(&self, bytes: &[u8]);
    /// The bytes that are stored.
    fn raw(&self) -> Option<Vec<u8>>;
    /// At the next call it cannot be told what is stored, or whether anything is.
    fn make_unreadable(&self);
    /// Lets so much time pass that a clock of any coarseness has moved on.
    fn wait(&self);
}

conformance!([
    nothing_stored_reads_as_none,
    what_was_written_is_read_back_byte_for_byte,
    a_spaced_document_keeps_every_member_and_value,
    what_another_program_stored_is_read_byte_for_byte,
    a_replace_with_an_outdated_expectation_changes_nothing,
    a_replace_that_expects_nothing_leaves_a_login_alone,
    a_replace_that_expects_a_login_does_not_bring_one_back,
    the_document_that_was_just_given_can_be_expected,
    unreadable_is_an_error_and_neither_absent_nor_replaceable,
    the_stamp_changes_with_every_replace_and_not_without,
    the_stamp_changes_when_another_program_writes,
    siblings_survive_a_replace,
    a_large_document_is_kept_whole_or_refused_and_never_cut,
    ten_megabytes_are_an_error_and_not_an_absent_login,
    of_two_replaces_at_once_exactly_one_wins,
    garbage_is_malformed_and_stands_in_no_error,
    garbage_is_not_replaced_as_if_it_were_nothing,
    a_damaged_store_is_put_back,
    a_whole_or_empty_store_is_not_a_damaged_one,
];
    fake = crate::conformance::live_login_rigs::FakeRig::new(),
    file = crate::conformance::live_login_rigs::FileRig::new(),
    keychain = crate::conformance::live_login_rigs::KeychainRig::new(),
);

const OLD: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-old"},"mcpOAuth":{"x|1":{"n":1e400}}}"#;
const NEW: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-new"},"mcpOAuth":{"x|1":{"n":1e400}}}"#;
/// Not a document, with what must never be repeated in it.
const GARBAGE: [&[u8]; 6] = [
    b"",
    b"   \n",
    b"{\"claudeAiOauth\":{\"accessToken\":\"sk-ant-oat01-sim-cut",
    b"sk-ant-oat01-sim-bare",
    b"[\"sk-ant-oat01-sim-list\"]",
    b"\xff\xfe{\"accessToken\":\"sk-ant-oat01-sim-bytes\"}",
];

fn document(text: &str) -> Document {
    Document::from_text(text.to_owned()).expect("an object")
}

/// Stores `text`, where nothing is stored.
#[track_caller]
fn stored(rig: &dyn Rig, text: &str) -> Document {
    let document = document(text);
    assert_eq!(rig.store().replace(&rig.lock(), None, &document), Ok(Replaced::Done));
    document
}

#[track_caller]
fn read(rig: &dyn Rig) -> Option<String> {
    rig.store().read().expect("it is readable").map(|document| document.expose().to_owned())
}

fn nothing_stored_reads_as_none(rig: &dyn Rig) {
    assert_eq!(read(rig), None);
}

fn what_was_written_is_read_back_byte_for_byte(rig: &dyn Rig) {
    let text = r#"{"a":"\u00e9 é 🔑 \\\" ","n":[1e400,1.0,-0],"deep":{"a":{"b":[]}},"z":null}"#;
    stored(rig, text);
    assert_eq!(read(rig).as_deref(), Some(text));
}

fn a_spaced_document_keeps_every_member_and_value(rig: &dyn Rig) {
    let given = stored(rig, "{\n  \"a\" : \"b  c\",\n  \"n\" : 1e400\n}\n");
    let found = rig.store().read().expect("it is readable").expect("it is there");
    assert_eq!(found.compact().expose(), given.compact().expose());
}

fn what_another_program_stored_is_read_byte_for_byte(rig: &dyn Rig) {
    for text in [OLD, "{\n  \"a\" : \"b\"\n}", "{\"é\":\"🔑\"}", "{}"] {
        rig.put(text.as_bytes());
        assert_eq!(read(rig).as_deref(), Some(text));
    }
}

fn a_replace_with_an_outdated_expectation_changes_nothing(rig: &dyn Rig) {
    let old = stored(rig, OLD);
    rig.put(br#"{"somebody":"else"}"#);
    assert_eq!(rig.store().replace(&rig.lock(), Some(&old.digest()), &document(NEW)), Ok(Replaced::Changed));
    assert_eq!(rig.raw().as_deref(), Some(br#"{"somebody":"else"}"#.as_slice()));
}

fn a_replace_that_expects_nothing_leaves_a_login_alone(rig: &dyn Rig) {
    rig.put(OLD.as_bytes());
    assert_eq!(rig.store().replace(&rig.lock(), None, &document(NEW)), Ok(Replaced::Changed));
    assert_eq!(rig.raw().as_deref(), Some(OLD.as_bytes()));
}

fn a_replace_that_expects_a_login_does_not_bring_one_back(rig: &dyn Rig) {
    let gone = document(OLD);
    assert_eq!(rig.store().replace(&rig.lock(), Some(&gone.digest()), &document(NEW)), Ok(Replaced::Changed));
    assert_eq!(rig.raw(), None);
}

fn the_document_that_was_just_given_can_be_expected(rig: &dyn Rig) {
    let spaced = stored(rig, "{ \"a\" :\n 1 }");
    assert_eq!(rig.store().replace(&rig.lock(), Some(&spaced.digest()), &document(NEW)), Ok(Replaced::Done));
    assert_eq!(read(rig).as_deref(), Some(NEW));
}

fn unreadable_is_an_error_and_neither_absent_nor_replaceable(rig: &dyn Rig) {
    let old = stored(rig, OLD);
    rig.make_unreadable();
    let error = rig.store().read().expect_err("it must not be taken for absent");
    assert!(!matches!(error, StoreError::Malformed { .. }), "{error}");
    let lock = rig.lock();
    for expected in [None, Some(&old.digest())] {
        rig.make_unreadable();
        rig.store().replace(&lock, expected, &document(NEW)).expect_err("it must not be written over");
    }
    rig.make_unreadable();
    rig.store().replace_damaged(&lock, &document(NEW)).expect_err("unreadable is not damaged");
}

fn the_stamp_changes_with_every_replace_and_not_without(rig: &dyn Rig) {
    let stamp = || rig.store().stamp().expect("a stamp");
    let mut seen = vec![stamp()];
    let mut expected = None;
    for round in 0..4 {
        let next = document(&format!("{{\"round\":{round}}}"));
        assert_eq!(rig.store().replace(&rig.lock(), expected.as_ref(), &next), Ok(Replaced::Done));
        expected = Some(next.digest());
        let now = stamp();
        assert!(!seen.contains(&now), "round {round} has a stamp that was there before");
        seen.push(now);
    }
    rig.wait();
    let settled = stamp();
    read(rig);
    assert_eq!(rig.store().replace(&rig.lock(), None, &document(NEW)), Ok(Replaced::Changed));
    rig.wait();
    assert_eq!(stamp(), settled, "nothing was changed");
}

fn the_stamp_changes_when_another_program_writes(rig: &dyn Rig) {
    let stamp = || rig.store().stamp().expect("a stamp");
    let absent = stamp();
    rig.put(OLD.as_bytes());
    let first = stamp();
    assert_ne!(first, absent);
    rig.wait();
    let before = stamp();
    rig.put(NEW.as_bytes());
    assert_ne!(stamp(), before);
}

fn siblings_survive_a_replace(rig: &dyn Rig) {
    rig.put(OLD.as_bytes());
    let old = rig.store().read().expect("it is readable").expect("it is there");
    let new = old.with_member("claudeAiOauth", Some(r#"{"accessToken":"sk-ant-oat01-sim-new"}"#)).expect("an object");
    assert_eq!(rig.store().replace(&rig.lock(), Some(&old.digest()), &new), Ok(Replaced::Done));
    assert_eq!(rig.raw().as_deref(), Some(NEW.as_bytes()));
}

fn a_large_document_is_kept_whole_or_refused_and_never_cut(rig: &dyn Rig) {
    let mut before = stored(rig, OLD);
    for bytes in [1_500, 2_000, 2_010, 2_048, 4_096, 24_000, 200_000] {
        let large = document(&format!("{{\"pad\":\"{}\"}}", "x".repeat(bytes - 10)));
        match rig.store().replace(&rig.lock(), Some(&before.digest()), &large) {
            Ok(Replaced::Done) => before = large,
            Err(StoreError::KeychainTooLong { .. }) => {}
            other => panic!("{bytes} bytes: {other:?}"),
        }
        assert_eq!(rig.raw().as_deref(), Some(before.expose().as_bytes()), "{bytes} bytes");
    }
}

fn ten_megabytes_are_an_error_and_not_an_absent_login(rig: &dyn Rig) {
    rig.put(&vec![b'x'; 10 * 1024 * 1024]);
    rig.store().read().expect_err("no login is that long");
    rig.store().replace(&rig.lock(), None, &document(NEW)).expect_err("it must not be taken for absent");
}

fn of_two_replaces_at_once_exactly_one_wins(rig: &dyn Rig) {
    let old = stored(rig, OLD);
    let (lock, start) = (rig.lock(), std::sync::Barrier::new(2));
    let replace = |store: &dyn LiveLogin, text: &str| {
        start.wait();
        store.replace(&lock, Some(&old.digest()), &document(text))
    };
    let (one, two) = (r#"{"winner":1}"#, r#"{"winner":2}"#);
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| replace(rig.store(), one));
        let second = replace(rig.other(), two);
        (first.join().expect("no panic"), second)
    });
    let expected = match (&first, &second) {
        (Ok(Replaced::Done), Ok(Replaced::Changed)) => one,
        (Ok(Replaced::Changed), Ok(Replaced::Done)) => two,
        other => panic!("{other:?}"),
    };
    assert_eq!(read(rig).as_deref(), Some(expected));
}

fn garbage_is_malformed_and_stands_in_no_error(rig: &dyn Rig) {
    for garbage in GARBAGE {
        rig.put(garbage);
        let error = rig.store().read().expect_err("no document");
        assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("sk-ant") && !shown.contains("736b2d616e74"), "{shown}");
    }
}

fn garbage_is_not_replaced_as_if_it_were_nothing(rig: &dyn Rig) {
    for garbage in GARBAGE {
        rig.put(garbage);
        let before = rig.raw();
        let error = rig.store().replace(&rig.lock(), None, &document(NEW)).expect_err("no document");
        assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
        assert_eq!(rig.raw(), before);
    }
}

fn a_damaged_store_is_put_back(rig: &dyn Rig) {
    for garbage in GARBAGE {
        rig.put(garbage);
        assert_eq!(rig.store().replace_damaged(&rig.lock(), &document(NEW)), Ok(()));
        assert_eq!(rig.raw().as_deref(), Some(NEW.as_bytes()));
    }
}

fn a_whole_or_empty_store_is_not_a_damaged_one(rig: &dyn Rig) {
    assert_eq!(rig.store().replace_damaged(&rig.lock(), &document(NEW)), Ok(()));
    assert_eq!(rig.raw(), None, "who signed out stays signed out");
    rig.put(OLD.as_bytes());
    assert_eq!(rig.store().replace_damaged(&rig.lock(), &document(NEW)), Ok(()));
    assert_eq!(rig.raw().as_deref(), Some(OLD.as_bytes()));
}
