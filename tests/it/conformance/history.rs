//! What every `History` promises: events come back as they were noted, oldest first, whichever program noted them.

use signalbox_core::history::{Engine, Entry, Event};
use signalbox_core::ports::History;
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;

/// A place for a history.
pub struct Rig {
    store: Box<dyn History>,
    /// Another process over the same place.
    other: Box<dyn History>,
    // Removes the folder when dropped.
    _folder: Option<tempfile::TempDir>,
}

impl Rig {
    fn fake() -> Self {
        let world = signalbox_core::fakes::World::new();
        Self { store: Box::new(world.clone()), other: Box::new(world), _folder: None }
    }

    fn file() -> Self {
        Self::file_rotated_at(512 * 1024)
    }

    /// Every few events begin a new file.
    fn small_files() -> Self {
        Self::file_rotated_at(600)
    }

    fn file_rotated_at(bytes: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = signalbox_machine::data_folder::DataFolder::new(folder.path().join("data"));
        let open = || Box::new(signalbox_machine::history::EventLog::new(&data, "test").rotated_at(bytes));
        Self { store: open(), other: open(), _folder: Some(folder) }
    }
}

conformance!([
    nothing_has_happened_at_first,
    every_event_comes_back_as_it_was_noted,
    the_order_is_that_of_noting_and_not_of_the_clock,
    only_the_newest_are_given,
    two_programs_share_one_history,
];
    fake = super::Rig::fake(),
    file = super::Rig::file(),
    small_files = super::Rig::small_files(),
);

fn alias(text: &str) -> Alias {
    Alias::parse(text).expect("an alias")
}

fn entry(at: i64, event: Event) -> Entry {
    Entry { at: Timestamp::from_ms(at), by: "test".to_owned(), event }
}

/// One of every kind that is written, with text that JSON has to escape.
fn all() -> Vec<Event> {
    let (work, side) = (alias("work"), alias("side"));
    let why = "“the server”\nsaid \"no\" \\ é".to_owned();
    vec![
        Event::Switched { from: Some(work.clone()), to: side.clone(), unverified: None },
        Event::Switched { from: None, to: side.clone(), unverified: Some(why.clone()) },
        Event::SwitchFailed { to: work.clone(), why: why.clone() },
        Event::Rotated { alias: work.clone() },
        Event::SwitchedOutside { from: Some(work.clone()), to: side.clone(), rival: true },
        Event::SwitchedOutside { from: None, to: side.clone(), rival: false },
        Event::Reverted { wanted: work.clone(), found: side.clone(), by: vec!["pid 4711".to_owned()] },
        Event::Restored { alias: work.clone() },
        Event::AccountCacheMended { alias: work.clone() },
        Event::Foreign { email: "ada@example.org".to_owned() },
        Event::SignedOut { alias: Some(work.clone()) },
        Event::SignedOut { alias: None },
        Event::Unreadable,
        Event::Renewed { alias: work.clone(), engine: Engine::Direct },
        Event::Renewed { alias: work.clone(), engine: Engine::Delegated },
        Event::RenewalPutOff { alias: work.clone(), until: Timestamp::from_ms(7), why },
        Event::LoginNeeded { alias: work.clone() },
        Event::PutAside,
        Event::BroughtHome { alias: work.clone() },
        Event::Completed { alias: work.clone() },
        Event::RolledBack,
        Event::Added { alias: work.clone() },
        Event::Renamed { from: work.clone(), to: side.clone() },
        Event::Removed { alias: side },
        Event::Undone { alias: work, generation: 12 },
        Event::WatchBegan,
        Event::WatchEnded,
        Event::Failed { at: "look at the live login".to_owned() },
    ]
}

fn nothing_has_happened_at_first(rig: &Rig) {
    assert_eq!(rig.store.recent(10), Ok(Vec::new()));
}

fn every_event_comes_back_as_it_was_noted(rig: &Rig) {
    for event in all() {
        rig.store.note(Timestamp::from_ms(5), &event);
        assert_eq!(rig.store.recent(1), Ok(vec![entry(5, event)]));
    }
}

/// A clock that was set back does not tear a story apart.
fn the_order_is_that_of_noting_and_not_of_the_clock(rig: &Rig) {
    for (at, event) in [(9, Event::WatchBegan), (3, Event::PutAside), (6, Event::WatchEnded)] {
        rig.store.note(Timestamp::from_ms(at), &event);
    }
    let expected = vec![entry(9, Event::WatchBegan), entry(3, Event::PutAside), entry(6, Event::WatchEnded)];
    assert_eq!(rig.store.recent(10), Ok(expected));
}

fn only_the_newest_are_given(rig: &Rig) {
    for number in 0..40 {
        rig.store.note(Timestamp::from_ms(number), &Event::PutAside);
    }
    for most in [0, 1, 5] {
        let from = 40 - i64::try_from(most).expect("small");
        let expected = (from..40).map(|number| entry(number, Event::PutAside)).collect();
        assert_eq!(rig.store.recent(most), Ok(expected), "{most}");
    }
}

fn two_programs_share_one_history(rig: &Rig) {
    rig.store.note(Timestamp::from_ms(1), &Event::WatchBegan);
    rig.other.note(Timestamp::from_ms(2), &Event::PutAside);
    rig.store.note(Timestamp::from_ms(3), &Event::WatchEnded);
    let expected = vec![entry(1, Event::WatchBegan), entry(2, Event::PutAside), entry(3, Event::WatchEnded)];
    assert_eq!(rig.store.recent(9), Ok(expected.clone()));
    assert_eq!(rig.other.recent(9), Ok(expected));
}
