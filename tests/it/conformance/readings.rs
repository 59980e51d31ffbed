//! What every `Readings` promises: per identity, the last reading and the moment of the next request.

use signalbox_core::identity::Identity;
use signalbox_core::ports::Readings;
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Reading, Usage, Window, WindowKind};

/// A place for readings.
pub struct Rig {
    store: Box<dyn Readings>,
    /// Another process over the same place.
    other: Box<dyn Readings>,
    // Removes the folder when dropped.
    _folder: Option<tempfile::TempDir>,
}

impl Rig {
    fn fake() -> Self {
        let world = signalbox_core::fakes::World::new();
        Self { store: Box::new(world.clone()), other: Box::new(world), _folder: None }
    }

    fn database() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let open = || Box::new(signalbox_machine::readings::Database::new(folder.path()));
        Self { store: open(), other: open(), _folder: Some(folder) }
    }
}

conformance!([
    nothing_is_known_at_first,
    a_reading_comes_back_as_it_was_stored,
    a_new_reading_takes_the_place_of_the_old_one,
    an_identity_is_account_and_organisation_together,
    the_next_request_is_allowed_at_the_later_of_two_moments,
    a_reading_and_a_moment_do_not_disturb_each_other,
    forgetting_takes_all_of_one_identity_and_nothing_of_another,
    forgetting_a_stranger_is_no_error,
];
    fake = super::Rig::fake(),
    database = super::Rig::database(),
);

fn identity(account: &str, organization: &str) -> Identity {
    Identity::new(account, organization).expect("two names")
}

fn reading(percent: f64, at: i64) -> Reading {
    let window = |kind, resets_at| Window { kind, percent, resets_at };
    let windows = vec![
        window(WindowKind::FiveHour, Some(Timestamp::from_ms(at + 1))),
        window(WindowKind::SevenDay, None),
        window(WindowKind::Model("Opus “4”".to_owned()), None),
    ];
    Reading { usage: Usage { windows }, read_at: Timestamp::from_ms(at) }
}

fn nothing_is_known_at_first(rig: &Rig) {
    assert_eq!(rig.store.last(&identity("a", "o")), Ok(None));
    assert_eq!(rig.store.next_allowed(&identity("a", "o")), Ok(None));
}

fn a_reading_comes_back_as_it_was_stored(rig: &Rig) {
    for reading in [
        reading(12.5, 1_800_000_000_123),
        reading(104.0, 0),
        Reading { usage: Usage::default(), read_at: Timestamp::from_ms(7) },
    ] {
        assert_eq!(rig.store.store(&identity("a", "o"), &reading), Ok(()));
        assert_eq!(rig.store.last(&identity("a", "o")), Ok(Some(reading.clone())));
        assert_eq!(rig.other.last(&identity("a", "o")), Ok(Some(reading)));
    }
}

fn a_new_reading_takes_the_place_of_the_old_one(rig: &Rig) {
    rig.store.store(&identity("a", "o"), &reading(1.0, 2)).expect("it is stored");
    rig.other.store(&identity("a", "o"), &reading(3.0, 4)).expect("it is stored");
    assert_eq!(rig.store.last(&identity("a", "o")), Ok(Some(reading(3.0, 4))));
}

fn an_identity_is_account_and_organisation_together(rig: &Rig) {
    rig.store.store(&identity("a", "o"), &reading(1.0, 2)).expect("it is stored");
    rig.store.set_next_allowed(&identity("a", "o"), Timestamp::from_ms(9)).expect("it is stored");
    for other in [identity("a", "p"), identity("b", "o"), identity("ao", "o")] {
        assert_eq!(rig.store.last(&other), Ok(None), "{other:?}");
        assert_eq!(rig.store.next_allowed(&other), Ok(None), "{other:?}");
    }
}

fn the_next_request_is_allowed_at_the_later_of_two_moments(rig: &Rig) {
    let at = Timestamp::from_ms;
    for (given, allowed) in [(5_000, 5_000), (9_000, 9_000), (1_000, 9_000)] {
        assert_eq!(rig.store.set_next_allowed(&identity("a", "o"), at(given)), Ok(()));
        assert_eq!(rig.other.next_allowed(&identity("a", "o")), Ok(Some(at(allowed))));
    }
}

fn a_reading_and_a_moment_do_not_disturb_each_other(rig: &Rig) {
    rig.store.set_next_allowed(&identity("a", "o"), Timestamp::from_ms(9)).expect("it is stored");
    assert_eq!(rig.store.last(&identity("a", "o")), Ok(None));
    rig.store.store(&identity("a", "o"), &reading(1.0, 2)).expect("it is stored");
    assert_eq!(rig.store.next_allowed(&identity("a", "o")), Ok(Some(Timestamp::from_ms(9))));
}

fn forgetting_takes_all_of_one_identity_and_nothing_of_another(rig: &Rig) {
    let (gone, kept) = (identity("a", "o"), identity("a", "p"));
    for identity in [&gone, &kept] {
        rig.store.store(identity, &reading(1.0, 2)).expect("it is stored");
        rig.store.set_next_allowed(identity, Timestamp::from_ms(9)).expect("it is stored");
    }
    assert_eq!(rig.other.forget(&gone), Ok(()));
    assert_eq!(rig.store.last(&gone), Ok(None));
    assert_eq!(rig.store.next_allowed(&gone), Ok(None));
    assert_eq!(rig.store.last(&kept), Ok(Some(reading(1.0, 2))));
    assert_eq!(rig.store.next_allowed(&kept), Ok(Some(Timestamp::from_ms(9))));
}

fn forgetting_a_stranger_is_no_error(rig: &Rig) {
    assert_eq!(rig.store.forget(&identity("a", "o")), Ok(()));
}
