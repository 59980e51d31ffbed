//! What every `Readings` promises: per identity, the last reading, and the books of requests that all programs share.

use std::sync::Barrier;
use std::thread;

use signalbox_core::identity::Identity;
use signalbox_core::policy::BackOff;
use signalbox_core::ports::Readings;
use signalbox_core::schedule::{self, Urgency};
use signalbox_core::time::{HOUR, Timestamp};
use signalbox_core::usage::{Reading, Spend, Usage, Window, WindowKind};

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
        let open = || Box::new(signalbox_machine::database::Database::new(folder.path()));
        Self { store: open(), other: open(), _folder: Some(folder) }
    }
}

conformance!([
    nothing_is_known_at_first,
    a_reading_comes_back_as_it_was_stored,
    a_new_reading_takes_the_place_of_the_old_one,
    an_identity_is_account_and_organisation_together,
    of_two_blocks_the_later_stays,
    a_reading_and_a_moment_do_not_disturb_each_other,
    a_reading_that_the_statusline_made_newer_keeps_both_its_moments_and_its_spend,
    a_request_stands_in_everybodys_books,
    a_refused_request_stands_in_nobodys,
    the_books_hold_the_trailing_hour_oldest_first,
    requests_of_one_moment_count_each,
    what_a_clock_that_went_back_left_in_the_future_is_told,
    of_many_who_ask_at_once_one_is_allowed,
    together_they_stay_within_the_budget,
    a_back_off_is_kept_until_it_is_taken_back,
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
    Reading::answered(Usage { windows, spend: None }, Timestamp::from_ms(at))
}

const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);

fn back_off() -> BackOff {
    BackOff { failures: 3, until: NOW.plus(7) }
}

/// A request that nobody objects to.
fn claim(store: &dyn Readings, identity: &Identity, at: Timestamp) {
    assert_eq!(store.claim(identity, at, &|_| Ok(())), Ok(Ok(())));
}

fn asked(store: &dyn Readings, identity: &Identity, now: Timestamp) -> Vec<i64> {
    store.books(identity, now).expect("the books").asked.iter().map(|at| at.since(NOW)).collect()
}

fn blocked(store: &dyn Readings, identity: &Identity) -> Option<Timestamp> {
    store.books(identity, Timestamp::from_ms(1_800_000_000_000)).expect("the books").blocked_until
}

fn nothing_is_known_at_first(rig: &Rig) {
    assert_eq!(rig.store.last(&identity("a", "o")), Ok(None));
    assert_eq!(blocked(&*rig.store, &identity("a", "o")), None);
}

fn a_reading_comes_back_as_it_was_stored(rig: &Rig) {
    for reading in [
        reading(12.5, 1_800_000_000_123),
        reading(104.0, 0),
        Reading::answered(Usage::default(), Timestamp::from_ms(7)),
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
    rig.store.block(&identity("a", "o"), Timestamp::from_ms(9)).expect("it is stored");
    for other in [identity("a", "p"), identity("b", "o"), identity("ao", "o")] {
        assert_eq!(rig.store.last(&other), Ok(None), "{other:?}");
        assert_eq!(blocked(&*rig.store, &other), None, "{other:?}");
    }
}

fn of_two_blocks_the_later_stays(rig: &Rig) {
    let at = Timestamp::from_ms;
    for (given, allowed) in [(5_000, 5_000), (9_000, 9_000), (1_000, 9_000)] {
        assert_eq!(rig.store.block(&identity("a", "o"), at(given)), Ok(()));
        assert_eq!(blocked(&*rig.other, &identity("a", "o")), Some(at(allowed)));
    }
}

fn a_reading_and_a_moment_do_not_disturb_each_other(rig: &Rig) {
    rig.store.block(&identity("a", "o"), Timestamp::from_ms(9)).expect("it is stored");
    assert_eq!(rig.store.last(&identity("a", "o")), Ok(None));
    rig.store.store(&identity("a", "o"), &reading(1.0, 2)).expect("it is stored");
    assert_eq!(blocked(&*rig.store, &identity("a", "o")), Some(Timestamp::from_ms(9)));
}

fn forgetting_takes_all_of_one_identity_and_nothing_of_another(rig: &Rig) {
    let (gone, kept) = (identity("a", "o"), identity("a", "p"));
    for identity in [&gone, &kept] {
        rig.store.store(identity, &reading(1.0, 2)).expect("it is stored");
        rig.store.block(identity, Timestamp::from_ms(9)).expect("it is stored");
        rig.store.set_back_off(identity, Some(back_off())).expect("it is stored");
        claim(&*rig.store, identity, NOW);
    }
    assert_eq!(rig.other.forget(&gone), Ok(()));
    assert_eq!(rig.store.last(&gone), Ok(None));
    assert_eq!(rig.store.back_off(&gone), Ok(None));
    assert_eq!(rig.store.books(&gone, NOW), Ok(schedule::Books::default()));
    assert_eq!(rig.store.last(&kept), Ok(Some(reading(1.0, 2))));
    assert_eq!(rig.store.back_off(&kept), Ok(Some(back_off())));
    let books = schedule::Books { asked: vec![NOW], blocked_until: Some(Timestamp::from_ms(9)) };
    assert_eq!(rig.store.books(&kept, NOW), Ok(books));
}

fn forgetting_a_stranger_is_no_error(rig: &Rig) {
    assert_eq!(rig.store.forget(&identity("a", "o")), Ok(()));
}

fn a_reading_that_the_statusline_made_newer_keeps_both_its_moments_and_its_spend(rig: &Rig) {
    let spend = Spend {
        used_minor: 1_234.0,
        limit_minor: Some(5_000.0),
        currency: "EUR".to_owned(),
        exponent: 2,
        percent: None,
    };
    let Reading { usage, read_at, .. } = reading(12.5, NOW.ms());
    let newer = Reading { usage: Usage { spend: Some(spend), ..usage }, read_at, asked_at: NOW.plus(-HOUR) };
    assert_eq!(rig.store.store(&identity("a", "o"), &newer), Ok(()));
    assert_eq!(rig.other.last(&identity("a", "o")), Ok(Some(newer)));
}

fn a_request_stands_in_everybodys_books(rig: &Rig) {
    claim(&*rig.store, &identity("a", "o"), NOW);
    claim(&*rig.other, &identity("a", "o"), NOW.plus(5));
    claim(&*rig.store, &identity("b", "o"), NOW.plus(9));
    for store in [&rig.store, &rig.other] {
        assert_eq!(asked(&**store, &identity("a", "o"), NOW.plus(10)), [0, 5]);
        assert_eq!(asked(&**store, &identity("a", "p"), NOW.plus(10)), [0; 0]);
    }
    let seen = rig.other.claim(&identity("a", "o"), NOW.plus(10), &|books| match books.asked.last() {
        Some(last) => Err(last.plus(100)),
        None => Ok(()),
    });
    assert_eq!(seen, Ok(Err(NOW.plus(105))), "whoever decides has seen them");
}

fn a_refused_request_stands_in_nobodys(rig: &Rig) {
    assert_eq!(rig.store.claim(&identity("a", "o"), NOW, &|_| Err(NOW.plus(3))), Ok(Err(NOW.plus(3))));
    assert_eq!(asked(&*rig.other, &identity("a", "o"), NOW), [0; 0]);
    claim(&*rig.other, &identity("a", "o"), NOW);
}

fn the_books_hold_the_trailing_hour_oldest_first(rig: &Rig) {
    for at in [-HOUR, -HOUR + 1, -5, -9] {
        claim(&*rig.store, &identity("a", "o"), NOW.plus(at));
    }
    assert_eq!(asked(&*rig.other, &identity("a", "o"), NOW), [-HOUR + 1, -9, -5]);
    assert_eq!(asked(&*rig.other, &identity("a", "o"), NOW.plus(HOUR - 5)), [0; 0]);
}

fn requests_of_one_moment_count_each(rig: &Rig) {
    for _ in 0..3 {
        claim(&*rig.store, &identity("a", "o"), NOW);
    }
    assert_eq!(asked(&*rig.store, &identity("a", "o"), NOW), [0, 0, 0]);
}

fn what_a_clock_that_went_back_left_in_the_future_is_told(rig: &Rig) {
    claim(&*rig.store, &identity("a", "o"), NOW.plus(24 * HOUR));
    claim(&*rig.store, &identity("a", "o"), NOW);
    assert_eq!(asked(&*rig.other, &identity("a", "o"), NOW), [0, 24 * HOUR]);
}

fn of_many_who_ask_at_once_one_is_allowed(rig: &Rig) {
    for round in 0..10 {
        let now = NOW.plus(round * HOUR);
        let at_once = Barrier::new(8);
        let allowed: usize = thread::scope(|scope| {
            let ask = |store: &'static str| {
                let (rig, at_once) = (&rig, &at_once);
                scope.spawn(move || {
                    let store = if store == "store" { &rig.store } else { &rig.other };
                    at_once.wait();
                    let may = |books: &schedule::Books| schedule::may_ask(books, Urgency::Due, now);
                    usize::from(store.claim(&identity("a", "o"), now, &may).expect("the books are there").is_ok())
                })
            };
            let askers: Vec<_> = (0..4).flat_map(|_| [ask("store"), ask("other")]).collect();
            askers.into_iter().map(|asker| asker.join().expect("it ends")).sum()
        });
        assert_eq!(allowed, 1, "round {round}");
    }
}

fn together_they_stay_within_the_budget(rig: &Rig) {
    let allowed: usize = thread::scope(|scope| {
        let askers: Vec<_> = [&rig.store, &rig.other]
            .map(|store| {
                scope.spawn(move || {
                    let ask = |at: i64| {
                        let now = NOW.plus(at);
                        let may = |books: &schedule::Books| schedule::may_ask(books, Urgency::Forced, now);
                        store.claim(&identity("a", "o"), now, &may).expect("the books are there").is_ok()
                    };
                    (0..30).filter(|at| ask(*at)).count()
                })
            })
            .into();
        askers.into_iter().map(|asker| asker.join().expect("it ends")).sum()
    });
    assert_eq!(allowed, schedule::BUDGET);
}

fn a_back_off_is_kept_until_it_is_taken_back(rig: &Rig) {
    assert_eq!(rig.store.back_off(&identity("a", "o")), Ok(None));
    assert_eq!(rig.store.set_back_off(&identity("a", "o"), Some(back_off())), Ok(()));
    assert_eq!(rig.other.back_off(&identity("a", "o")), Ok(Some(back_off())));
    assert_eq!(rig.other.back_off(&identity("a", "p")), Ok(None));
    assert_eq!(rig.other.set_back_off(&identity("a", "o"), None), Ok(()));
    assert_eq!(rig.store.back_off(&identity("a", "o")), Ok(None));
}
