//! What every `Files` promises: our own files by name, each read as it was written, none taken for another.

use std::path::PathBuf;

use signalbox_core::fakes::{Fault, World};
use signalbox_core::ports::{FileName, Files};
use signalbox_core::profile::Alias;
use signalbox_machine::data_folder::DataFolder;

/// A place for files.
pub struct Rig {
    store: Box<dyn Files>,
    /// Another process over the same place.
    other: Box<dyn Files>,
    spoil: Spoil,
}

/// How a file becomes unreadable.
enum Spoil {
    World(World),
    Folder(tempfile::TempDir),
}

impl Rig {
    fn fake() -> Self {
        let world = World::new();
        Self { store: Box::new(world.clone()), other: Box::new(world.clone()), spoil: Spoil::World(world) }
    }

    fn folder() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let open = || Box::new(DataFolder::new(folder.path().join("data")));
        Self { store: open(), other: open(), spoil: Spoil::Folder(folder) }
    }

    /// At the next call, the roster can neither be read nor written.
    fn make_roster_unreadable(&self) {
        match &self.spoil {
            Spoil::World(world) => world.plan(0, Fault::Error),
            // A folder in its place, because root may read every file.
            Spoil::Folder(folder) => {
                let roster: PathBuf = folder.path().join("data/roster.json");
                if roster.is_file() {
                    std::fs::remove_file(&roster).expect("it was there");
                    std::fs::create_dir(&roster).expect("a folder");
                }
            }
        }
    }
}

conformance!([
    what_was_never_written_reads_as_none,
    what_was_written_is_read_back_byte_for_byte,
    the_last_write_counts,
    an_empty_file_is_not_an_absent_one,
    every_name_is_a_file_of_its_own,
    names_that_differ_in_case_alone_are_one_file,
    a_removed_file_reads_as_none,
    removing_what_is_not_there_is_no_error,
    only_saved_and_held_logins_are_listed,
    a_held_file_is_named_by_a_hash_and_nothing_else,
    an_empty_place_lists_nothing,
    unreadable_is_an_error_and_not_absent,
];
    fake = super::Rig::fake(),
    folder = super::Rig::folder(),
);

fn cred(alias: &str) -> FileName {
    FileName::Cred(Alias::parse(alias).expect("an alias"))
}

fn held(fingerprint: &str) -> FileName {
    FileName::Held(fingerprint.to_owned())
}

fn all() -> Vec<FileName> {
    vec![
        FileName::Roster,
        FileName::Journal,
        cred("roster"),
        cred("journal"),
        cred("work.1"),
        held("0a1b"),
        held("0a1c"),
    ]
}

fn what_was_never_written_reads_as_none(rig: &Rig) {
    for name in all() {
        assert_eq!(rig.store.read(&name), Ok(None), "{name:?}");
    }
}

fn what_was_written_is_read_back_byte_for_byte(rig: &Rig) {
    for bytes in [b"\x00\xff\r\n\x1a binary".to_vec(), "é🔑\n".into(), vec![b'x'; 2 * 1024 * 1024]] {
        assert_eq!(rig.store.write(&cred("work"), &bytes), Ok(()));
        assert!(rig.store.read(&cred("work")) == Ok(Some(bytes.clone())), "{} bytes", bytes.len());
        assert!(rig.other.read(&cred("work")) == Ok(Some(bytes.clone())), "{} bytes, by another process", bytes.len());
    }
}

fn the_last_write_counts(rig: &Rig) {
    rig.store.write(&FileName::Roster, b"a longer first text").expect("it is written");
    rig.other.write(&FileName::Roster, b"second").expect("it is written");
    assert_eq!(rig.store.read(&FileName::Roster), Ok(Some(b"second".to_vec())));
}

fn an_empty_file_is_not_an_absent_one(rig: &Rig) {
    rig.store.write(&FileName::Journal, b"").expect("it is written");
    assert_eq!(rig.store.read(&FileName::Journal), Ok(Some(Vec::new())));
}

fn every_name_is_a_file_of_its_own(rig: &Rig) {
    for name in all() {
        rig.store.write(&name, format!("{name:?}").as_bytes()).expect("it is written");
    }
    for name in all() {
        assert_eq!(rig.store.read(&name), Ok(Some(format!("{name:?}").into_bytes())), "{name:?}");
    }
}

/// As on a Mac's file system, so that a roster means the same files wherever it is read.
fn names_that_differ_in_case_alone_are_one_file(rig: &Rig) {
    rig.store.write(&cred("Work"), b"first").expect("it is written");
    rig.store.write(&cred("wORK"), b"second").expect("it is written");
    assert_eq!(rig.store.read(&cred("Work")), Ok(Some(b"second".to_vec())));
    assert_eq!(rig.store.list().map(|names| names.len()), Ok(1));
}

fn a_removed_file_reads_as_none(rig: &Rig) {
    for name in all() {
        rig.store.write(&name, b"x").expect("it is written");
        assert_eq!(rig.store.remove(&name), Ok(()), "{name:?}");
        assert_eq!(rig.store.read(&name), Ok(None), "{name:?}");
    }
    assert_eq!(rig.store.list(), Ok(Vec::new()));
}

fn removing_what_is_not_there_is_no_error(rig: &Rig) {
    for name in all() {
        assert_eq!(rig.store.remove(&name), Ok(()), "{name:?}");
    }
}

fn only_saved_and_held_logins_are_listed(rig: &Rig) {
    for name in all() {
        rig.store.write(&name, b"x").expect("it is written");
    }
    let mut listed = rig.store.list().expect("a list");
    listed.sort_by_key(|name| format!("{name:?}"));
    let mut expected = vec![cred("roster"), cred("journal"), cred("work.1"), held("0a1b"), held("0a1c")];
    expected.sort_by_key(|name| format!("{name:?}"));
    assert_eq!(listed, expected);
}

fn a_held_file_is_named_by_a_hash_and_nothing_else(rig: &Rig) {
    rig.store.write(&held(&"0f".repeat(32)), b"x").expect("as long as SHA-256");
    for name in ["", "journal-1", "..", "a/b", &"0".repeat(65)] {
        rig.store.write(&held(name), b"x").expect_err("no hash");
    }
}

fn an_empty_place_lists_nothing(rig: &Rig) {
    assert_eq!(rig.store.list(), Ok(Vec::new()));
}

fn unreadable_is_an_error_and_not_absent(rig: &Rig) {
    rig.store.write(&FileName::Roster, b"x").expect("it is written");
    rig.make_roster_unreadable();
    rig.store.read(&FileName::Roster).expect_err("it must not be taken for absent");
    rig.make_roster_unreadable();
    rig.store.write(&FileName::Roster, b"y").expect_err("it cannot be written either");
}
