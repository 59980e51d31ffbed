//! What every `AccountCache` promises: the whole of `.claude.json`, replaced only where it is what the caller read, and
//! never made.

use std::path::PathBuf;

use signalbox_core::document::Document;
use signalbox_core::fakes::{Fault, World};
use signalbox_core::ports::{AccountCache, LiveLock, Locks as _, Replaced, StoreError};
use signalbox_machine::account_cache::AccountFile;
use signalbox_machine::surroundings::Surroundings;

/// A `.claude.json`, which does not exist at first.
pub trait Rig: Sync {
    fn store(&self) -> &dyn AccountCache;
    /// Another adapter over the same file, as another process has it.
    fn other(&self) -> &dyn AccountCache;
    /// Claude Code's lock, as the store asks for it.
    fn lock(&self) -> LiveLock;
    /// Claude Code writes the file.
    fn put(&self, text: &str);
    fn raw(&self) -> Option<String>;
    /// At the next call the file cannot be read or written.
    fn make_unreadable(&self);
}

/// The pretended file of the fakes.
pub struct FakeRig(World);

impl FakeRig {
    fn new() -> Self {
        let world = World::new();
        world.set_cache(None);
        Self(world)
    }
}

impl Rig for FakeRig {
    fn store(&self) -> &dyn AccountCache {
        &self.0
    }

    fn other(&self) -> &dyn AccountCache {
        &self.0
    }

    fn lock(&self) -> LiveLock {
        let own = self.0.own("conformance").expect("our own lock is free");
        self.0.live(&own).expect("Claude Code's lock is free")
    }

    fn put(&self, text: &str) {
        self.0.set_cache(Some(text.to_owned()));
    }

    fn raw(&self) -> Option<String> {
        self.0.cache_text()
    }

    fn make_unreadable(&self) {
        self.0.plan(0, Fault::Error);
    }
}

/// A file in a home folder.
pub struct FileRig {
    store: AccountFile,
    path: PathBuf,
    // Removes the folder when dropped.
    _home: tempfile::TempDir,
}

impl FileRig {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let surroundings = Surroundings::at_home(home.path());
        Self { store: AccountFile::new(&surroundings), path: home.path().join(".claude.json"), _home: home }
    }
}

impl Rig for FileRig {
    fn store(&self) -> &dyn AccountCache {
        &self.store
    }

    fn other(&self) -> &dyn AccountCache {
        &self.store
    }

    fn lock(&self) -> LiveLock {
        LiveLock::held(Box::new(()))
    }

    fn put(&self, text: &str) {
        std::fs::write(&self.path, text).expect("it is written");
    }

    fn raw(&self) -> Option<String> {
        std::fs::read_to_string(&self.path).ok()
    }

    /// A folder in its place, because root may read every file.
    fn make_unreadable(&self) {
        if self.path.is_file() {
            std::fs::remove_file(&self.path).expect("it was there");
            std::fs::create_dir(&self.path).expect("a folder");
        }
    }
}

conformance!([
    a_file_that_is_not_there_reads_as_none_and_is_never_made,
    the_file_is_read_byte_for_byte,
    what_was_written_is_read_back_byte_for_byte,
    a_splice_keeps_every_other_byte,
    an_outdated_expectation_changes_nothing,
    of_two_replaces_at_once_exactly_one_wins,
    garbage_is_malformed_stands_in_no_error_and_is_kept,
    unreadable_is_an_error_and_not_absent,
];
    fake = super::FakeRig::new(),
    file = super::FileRig::new(),
);

const OLD: &str =
    "{\n  \"numStartups\" : 41,\n  \"oauthAccount\": {\"emailAddress\":\"a@example.org\"},\n  \"n\": 1e400\n}\n";
const NEW: &str =
    "{\n  \"numStartups\" : 41,\n  \"oauthAccount\": {\"emailAddress\":\"b@example.org\"},\n  \"n\": 1e400\n}\n";

fn document(text: &str) -> Document {
    Document::from_text(text.to_owned()).expect("an object")
}

#[track_caller]
fn read(rig: &dyn Rig) -> Option<String> {
    rig.store().read().expect("it is readable").map(|document| document.expose().to_owned())
}

fn a_file_that_is_not_there_reads_as_none_and_is_never_made(rig: &dyn Rig) {
    assert_eq!(read(rig), None);
    assert_eq!(rig.store().replace(&rig.lock(), &document(OLD).digest(), &document(NEW)), Ok(Replaced::Changed));
    assert_eq!(rig.raw(), None);
}

fn the_file_is_read_byte_for_byte(rig: &dyn Rig) {
    rig.put(OLD);
    assert_eq!(read(rig).as_deref(), Some(OLD));
}

fn what_was_written_is_read_back_byte_for_byte(rig: &dyn Rig) {
    rig.put(OLD);
    assert_eq!(rig.store().replace(&rig.lock(), &document(OLD).digest(), &document(NEW)), Ok(Replaced::Done));
    assert_eq!(rig.raw().as_deref(), Some(NEW));
    assert_eq!(read(rig).as_deref(), Some(NEW));
}

fn a_splice_keeps_every_other_byte(rig: &dyn Rig) {
    rig.put(OLD);
    let old = rig.store().read().expect("it is readable").expect("it is there");
    let new = old.with_member("oauthAccount", Some(r#"{"emailAddress":"b@example.org"}"#)).expect("an object");
    assert_eq!(rig.store().replace(&rig.lock(), &old.digest(), &new), Ok(Replaced::Done));
    assert_eq!(rig.raw().as_deref(), Some(NEW));
}

fn an_outdated_expectation_changes_nothing(rig: &dyn Rig) {
    rig.put(OLD);
    let old = rig.store().read().expect("it is readable").expect("it is there");
    rig.put(r#"{"numStartups":42}"#);
    assert_eq!(rig.store().replace(&rig.lock(), &old.digest(), &document(NEW)), Ok(Replaced::Changed));
    assert_eq!(rig.raw().as_deref(), Some(r#"{"numStartups":42}"#));
}

fn of_two_replaces_at_once_exactly_one_wins(rig: &dyn Rig) {
    rig.put(OLD);
    let (lock, start) = (rig.lock(), std::sync::Barrier::new(2));
    let replace = |store: &dyn AccountCache, text: &str| {
        start.wait();
        store.replace(&lock, &document(OLD).digest(), &document(text))
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
    assert_eq!(rig.raw().as_deref(), Some(expected));
}

fn garbage_is_malformed_stands_in_no_error_and_is_kept(rig: &dyn Rig) {
    for garbage in ["", "{\"oauthAccount\":{\"emailAddress\":\"a@example.or", "[\"a@example.org\"]", "a@example.org"] {
        rig.put(garbage);
        let expected = document(OLD).digest();
        let replaced = rig.store().replace(&rig.lock(), &expected, &document(NEW)).map(|_| ());
        for outcome in [rig.store().read().map(|_| ()), replaced] {
            let error = outcome.expect_err("no document");
            assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("example.or"), "{error}");
        }
        assert_eq!(rig.raw().as_deref(), Some(garbage));
    }
}

fn unreadable_is_an_error_and_not_absent(rig: &dyn Rig) {
    rig.put(OLD);
    let lock = rig.lock();
    rig.make_unreadable();
    let error = rig.store().read().expect_err("it must not be taken for absent");
    assert!(!matches!(error, StoreError::Malformed { .. }), "{error}");
    rig.make_unreadable();
    rig.store().replace(&lock, &document(OLD).digest(), &document(NEW)).expect_err("it must not be written over");
}
