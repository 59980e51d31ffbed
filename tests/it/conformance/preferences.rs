//! What every `Preferences` promises: how a person wants the board drawn, and what they have seen of the terms, found again by
//! every program.

use signalbox_core::bootstrap::Choice;
use signalbox_core::ports::Preferences;
use signalbox_core::terms::{Acceptance, Terms};
use signalbox_core::view::{Hides, Order, Resets, Shows, View};
use signalbox_machine::settings::SettingsFile;
use signalbox_machine::surroundings::Surroundings;

/// A place for choices.
pub struct Rig {
    store: Box<dyn Preferences>,
    /// Another process over the same place.
    other: Box<dyn Preferences>,
    // Removes the folder when dropped.
    _folder: Option<tempfile::TempDir>,
}

impl Rig {
    fn fake() -> Self {
        let world = signalbox_core::fakes::World::new();
        Self { store: Box::new(world.clone()), other: Box::new(world), _folder: None }
    }

    fn file() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data_dir = Some(folder.path().join("data").into_os_string());
        let surroundings = Surroundings { data_dir, ..Surroundings::at_home(folder.path()) };
        let open = || Box::new(SettingsFile::new(&surroundings));
        Self { store: open(), other: open(), _folder: Some(folder) }
    }
}

conformance!([
    nothing_is_chosen_at_first,
    every_choice_is_found_again_by_another_program,
    the_last_choice_stays,
    a_choice_can_be_taken_back,
    choosing_the_same_again_changes_nothing,
    what_was_seen_of_the_terms_is_found_again_by_another_program,
    the_terms_and_the_view_leave_each_other_alone,
    what_is_done_about_a_login_that_is_due_is_found_again_by_another_program,
];
    fake = super::Rig::fake(),
    file = super::Rig::file(),
);

/// Each value of each choice at least once.
fn views() -> Vec<View> {
    let plain = View::default();
    vec![
        View { order: Order::Headroom, ..plain },
        View { compact: true, ..plain },
        View { shows: Shows::Left, ..plain },
        View { resets: Resets::Clock, ..plain },
        View { hides: Hides::Always, ..plain },
        View { hides: Hides::Never, ..plain },
        View { order: Order::Headroom, compact: true, shows: Shows::Left, resets: Resets::Clock, hides: Hides::Never },
        plain,
    ]
}

fn nothing_is_chosen_at_first(rig: &Rig) {
    assert_eq!(rig.store.view(), View::default());
}

fn every_choice_is_found_again_by_another_program(rig: &Rig) {
    for view in views() {
        assert_eq!(rig.store.set_view(view), Ok(()));
        assert_eq!(rig.store.view(), view);
        assert_eq!(rig.other.view(), view, "the other one has looked before");
    }
}

fn the_last_choice_stays(rig: &Rig) {
    let [first, second] = [View { compact: true, ..View::default() }, View { shows: Shows::Left, ..View::default() }];
    assert_eq!(rig.store.set_view(first), Ok(()));
    assert_eq!(rig.other.set_view(second), Ok(()));
    assert_eq!((rig.store.view(), rig.other.view()), (second, second));
}

fn a_choice_can_be_taken_back(rig: &Rig) {
    assert_eq!(rig.store.set_view(View { hides: Hides::Always, ..View::default() }), Ok(()));
    assert_eq!(rig.store.set_view(View::default()), Ok(()));
    assert_eq!(rig.other.view(), View::default());
}

fn choosing_the_same_again_changes_nothing(rig: &Rig) {
    let view = View { order: Order::Headroom, ..View::default() };
    for _ in 0..3 {
        assert_eq!(rig.store.set_view(view), Ok(()));
        assert_eq!(rig.other.view(), view);
    }
}

fn acceptance(version: u32, on: &str) -> Option<Acceptance> {
    Some(Acceptance { version, on: on.parse().expect("a day") })
}

fn what_was_seen_of_the_terms_is_found_again_by_another_program(rig: &Rig) {
    assert_eq!(rig.store.terms(), Terms::default(), "nothing at first");
    for terms in [
        Terms { accepted: None, pointed_at: Some(1) },
        Terms { accepted: acceptance(1, "2026-11-22"), pointed_at: Some(1) },
        Terms { accepted: acceptance(2, "2027-02-28"), pointed_at: Some(1) },
        Terms { accepted: acceptance(u32::MAX, "2026-11-22"), pointed_at: None },
        Terms::default(),
    ] {
        assert_eq!(rig.store.set_terms(terms), Ok(()));
        assert_eq!(rig.store.terms(), terms);
        assert_eq!(rig.other.terms(), terms, "the other one has looked before");
    }
}

fn the_terms_and_the_view_leave_each_other_alone(rig: &Rig) {
    let (view, terms) =
        (View { compact: true, ..View::default() }, Terms { accepted: acceptance(1, "2026-11-22"), pointed_at: None });
    assert_eq!(rig.store.set_view(view), Ok(()));
    assert_eq!(rig.other.set_terms(terms), Ok(()));
    assert_eq!(rig.store.set_view(View { shows: Shows::Left, ..view }), Ok(()));
    assert_eq!((rig.other.view(), rig.other.terms()), (View { shows: Shows::Left, ..view }, terms));
}

fn what_is_done_about_a_login_that_is_due_is_found_again_by_another_program(rig: &Rig) {
    assert_eq!(rig.store.bootstrap(), Choice::Ready, "the click is the person's");
    for choice in [
        Choice::Press { headless: false },
        Choice::Press { headless: true },
        Choice::Off,
        Choice::Ready,
        Choice::Press { headless: false },
    ] {
        assert_eq!(rig.store.set_bootstrap(choice), Ok(()));
        assert_eq!((rig.store.bootstrap(), rig.other.bootstrap()), (choice, choice));
    }
}
