//! What every `Feed` promises: the newest report of each session, and that what is too old goes.

use signalbox_core::fakes::World;
use signalbox_core::feed::{Report, Told};
use signalbox_core::ports::Feed;
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Window, WindowKind};
use signalbox_machine::feed::FeedFolder;
use signalbox_machine::surroundings::Surroundings;

type Hear = Box<dyn Fn(&Told, Timestamp) -> Option<Report>>;

/// A place for reports.
pub struct Rig {
    store: Box<dyn Feed>,
    /// A session calls its statusline.
    hear: Hear,
    // Removes the folder when dropped.
    _folder: Option<tempfile::TempDir>,
}

impl Rig {
    fn fake() -> Self {
        let world = World::new();
        let told = world.clone();
        let hear = move |session: &Told, at: Timestamp| {
            told.advance(at.since(signalbox_core::ports::Clock::now(&told)));
            told.hear(session)
        };
        Self { store: Box::new(world), hear: Box::new(hear), _folder: None }
    }

    fn folder() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let surroundings = Surroundings::at_home(folder.path());
        signalbox_machine::durable::make_folder(&surroundings.data_folder()).expect("a data folder");
        let told = FeedFolder::new(&surroundings);
        let hear = move |session: &Told, at: Timestamp| told.hear(session, at);
        Self { store: Box::new(FeedFolder::new(&surroundings)), hear: Box::new(hear), _folder: Some(folder) }
    }

    fn reports(&self) -> Vec<Report> {
        let mut reports = self.store.reports().expect("readable");
        reports.sort_by_key(|report| report.at);
        reports
    }
}

conformance!([
    nothing_was_told_at_first,
    the_newest_answer_of_each_session_is_given,
    a_repetition_changes_nothing_and_gives_the_answer_again,
    without_usage_there_is_no_report,
    old_reports_go_and_new_ones_stay,
    a_session_without_a_name_is_not_kept,
    what_a_session_tells_that_was_never_heard_before_may_be_old,
];
    fake = super::Rig::fake(),
    folder = super::Rig::folder(),
);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_ms(1_800_000_000_000 + seconds * 1_000)
}

fn windows(percent: f64) -> Vec<Window> {
    vec![
        Window { kind: WindowKind::FiveHour, percent, resets_at: Some(at(9_000)) },
        Window { kind: WindowKind::SevenDay, percent: percent / 2.0, resets_at: None },
    ]
}

fn told(session: &str, waited_ms: i64, percent: f64) -> Told {
    let session = Some(session.to_owned());
    Told { session, waited_ms: Some(waited_ms), windows: windows(percent), ..Told::default() }
}

/// Claude Code calls its statusline once before the first answer.
fn begins(rig: &Rig, session: &str) {
    assert_eq!((rig.hear)(&Told { windows: Vec::new(), ..told(session, 0, 0.0) }, at(0)), None);
}

fn report(seconds: i64, took_ms: i64, percent: f64) -> Report {
    Report { at: at(seconds), took_ms, windows: windows(percent) }
}

fn nothing_was_told_at_first(rig: &Rig) {
    assert_eq!(rig.reports(), []);
    rig.store.forget_before(at(0)).expect("nothing to forget");
}

fn the_newest_answer_of_each_session_is_given(rig: &Rig) {
    begins(rig, "one");
    begins(rig, "two");
    (rig.hear)(&told("one", 1_000, 40.5), at(1));
    (rig.hear)(&told("two", 2_000, 41.0), at(2));
    assert_eq!((rig.hear)(&told("one", 1_700, 42.25), at(3)), Some(report(3, 700, 42.25)));
    assert_eq!(rig.reports(), [report(2, 2_000, 41.0), report(3, 700, 42.25)]);
}

fn a_repetition_changes_nothing_and_gives_the_answer_again(rig: &Rig) {
    begins(rig, "one");
    let first = (rig.hear)(&told("one", 1_000, 40.0), at(1));
    assert_eq!(first, Some(report(1, 1_000, 40.0)));
    assert_eq!((rig.hear)(&told("one", 1_000, 40.0), at(60)), first);
    assert_eq!(rig.reports(), [report(1, 1_000, 40.0)]);
}

fn without_usage_there_is_no_report(rig: &Rig) {
    let start = Told { windows: Vec::new(), ..told("one", 5_000, 0.0) };
    assert_eq!((rig.hear)(&start, at(1)), None);
    assert_eq!(rig.reports(), []);
    assert_eq!(
        (rig.hear)(&told("one", 5_400, 7.0), at(2)),
        Some(report(2, 400, 7.0)),
        "how long is counted from there"
    );
}

fn old_reports_go_and_new_ones_stay(rig: &Rig) {
    begins(rig, "one");
    begins(rig, "two");
    (rig.hear)(&told("one", 1_000, 40.0), at(1));
    (rig.hear)(&told("two", 1_000, 41.0), at(2));
    rig.store.forget_before(at(2)).expect("forgotten");
    assert_eq!(rig.reports(), [report(2, 1_000, 41.0)]);
}

fn a_session_without_a_name_is_not_kept(rig: &Rig) {
    let nameless = Told { session: None, ..told("", 1_000, 40.0) };
    assert_eq!((rig.hear)(&nameless, at(1)), None);
    assert_eq!(rig.reports(), []);
}

fn what_a_session_tells_that_was_never_heard_before_may_be_old(rig: &Rig) {
    assert_eq!((rig.hear)(&told("one", 1_000, 40.0), at(1)), None);
    assert_eq!(rig.reports(), []);
    assert_eq!((rig.hear)(&told("one", 1_500, 41.0), at(2)), Some(report(2, 500, 41.0)));
}
