//! What a person is told of usage: each threshold once in a window's life, the reset of one that had reached it, and nothing
//! because a number is old.

use chrono::Utc;
use signalbox_core::board::{self, Activity, Board, Outlook};
use signalbox_core::episodes::{Action, Announcement, Notices, Teller};
use signalbox_core::identity::Identity;
use signalbox_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use signalbox_core::usage::{Reading, Usage, Window, WindowKind};
use signalbox_core::view::{Hides, View};
use signalbox_core::{switch, sync, words};

use crate::scene::{Scene, alias};

/// `b` is live, `a` is parked, and somebody tells.
struct Story {
    scene: Scene,
    teller: Teller,
}

const NOTHING: [&str; 0] = [];

impl Story {
    fn new() -> Self {
        Self::with(Notices::default())
    }

    fn with(notices: Notices) -> Self {
        Self { scene: Scene::new().profile("a").profile("b"), teller: Teller::new(notices) }
    }

    /// Usage of a profile is read: the percentage of the 5-hour window, and when that resets.
    fn reads(&self, name: &str, percent: f64, resets_at: Timestamp) {
        self.reads_window(name, WindowKind::FiveHour, percent, Some(resets_at));
    }

    fn reads_window(&self, name: &str, kind: WindowKind, percent: f64, resets_at: Option<Timestamp>) {
        let identity = Identity::new(name, &format!("org-{name}")).expect("an identity");
        let usage = Usage { windows: vec![Window { kind, percent, resets_at }], spend: None };
        self.scene.ports.readings.store(&identity, &Reading::answered(usage, self.scene.now())).expect("stored");
    }

    fn board(&self) -> Board {
        let live = sync::sync_live(&self.scene.ports).expect("looked").live_state();
        let activity = Activity::of_a_glance(live, self.scene.now());
        board::assemble(&self.scene.ports, &activity).expect("a board")
    }

    fn due(&mut self) -> Vec<Announcement> {
        let board = self.board();
        self.teller.due(&self.scene.ports, &board)
    }

    fn titles(&mut self) -> Vec<String> {
        self.due().into_iter().map(|each| each.title).collect()
    }

    fn after(&mut self, ms: i64) -> Vec<String> {
        self.scene.world.advance(ms);
        self.titles()
    }

    fn starts_anew(&mut self) {
        self.teller = Teller::default();
    }

    fn clock(&self, at: Timestamp) -> String {
        words::clock(at, self.scene.now(), &Utc)
    }
}

#[test]
fn each_threshold_is_told_once_in_a_windows_life() {
    let mut story = Story::new();
    let resets_at = story.scene.now().plus(3 * HOUR);
    story.reads("b", 79.9, resets_at);
    assert_eq!(story.titles(), NOTHING);
    story.reads("b", 82.7, resets_at);
    let due = story.due();
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!(due[0].title, "b has used 82 % of its 5-hour window");
    assert_eq!(due[0].body, format!("It resets at {}.", story.clock(resets_at)));
    assert_eq!(due[0].action, Action::Show);
    for percent in [83.0, 90.0, 94.9] {
        story.reads("b", percent, resets_at);
        assert_eq!(story.after(10 * MINUTE), NOTHING);
    }
    story.starts_anew();
    assert_eq!(story.titles(), NOTHING, "a new start tells nothing again");
    story.reads("b", 95.0, resets_at);
    assert_eq!(story.titles(), ["b has used 95 % of its 5-hour window"]);
    story.reads("b", 104.0, resets_at);
    assert_eq!(story.titles(), NOTHING, "no threshold lies between");
}

#[test]
fn two_thresholds_at_once_are_told_as_the_higher_one() {
    let mut story = Story::new();
    let resets_at = story.scene.now().plus(HOUR);
    story.reads("b", 100.0, resets_at);
    assert_eq!(story.titles(), ["b has used all of its 5-hour window"]);
    story.reads("b", 97.0, resets_at);
    assert_eq!(story.titles(), NOTHING, "and the lower one is not told afterwards");
}

#[test]
fn a_reset_that_wavers_is_the_same_window_and_the_next_window_is_another() {
    let mut story = Story::new();
    let resets_at = story.scene.now().plus(HOUR);
    story.reads("b", 85.0, resets_at);
    assert_eq!(story.titles().len(), 1);
    for wavering in [-2 * SECOND, 2 * SECOND, 90 * SECOND] {
        story.reads("b", 86.0, resets_at.plus(wavering));
        assert_eq!(story.titles(), NOTHING, "{wavering} ms");
    }
    assert_eq!(story.after(2 * HOUR), NOTHING, "the reset is no news any more");
    story.reads("b", 85.0, resets_at.plus(5 * HOUR));
    assert_eq!(story.titles(), ["b has used 85 % of its 5-hour window"]);
}

#[test]
fn every_window_is_told_of_by_itself_and_only_the_five_hours_have_a_reset_that_is_told() {
    let mut story = Story::new();
    let resets_at = story.scene.now().plus(HOUR);
    story.reads_window("b", WindowKind::SevenDay, 81.0, Some(resets_at));
    assert_eq!(story.titles(), ["b has used 81 % of its 7-day window"]);
    story.reads_window("b", WindowKind::Model("Opus".to_owned()), 96.0, Some(resets_at));
    assert_eq!(story.titles(), ["b has used 96 % of its Opus window"]);
    assert_eq!(story.after(HOUR + SECOND), NOTHING);
}

#[test]
fn only_the_active_profile_is_told_of_and_a_switch_to_a_full_one_is() {
    let mut story = Story::new();
    let resets_at = story.scene.now().plus(3 * HOUR);
    story.reads("a", 96.0, resets_at);
    story.reads("b", 5.0, resets_at);
    assert_eq!(story.titles(), NOTHING);
    switch::use_profile(&story.scene.ports, &alias("a")).expect("switched");
    assert_eq!(story.titles(), ["a has used 96 % of its 5-hour window"]);
}

#[test]
fn a_window_that_had_reached_a_threshold_has_reset_when_its_moment_has_passed() {
    let mut story = Story::new();
    let resets_at = story.scene.now().plus(HOUR);
    story.reads("b", 85.0, resets_at);
    assert_eq!(story.titles().len(), 1);
    story.reads("b", 96.0, resets_at);
    assert_eq!(story.titles().len(), 1);
    // Parked meanwhile, and never read again.
    switch::use_profile(&story.scene.ports, &alias("a")).expect("switched");
    assert_eq!(story.after(HOUR - SECOND), NOTHING, "a number that is old is no reset");
    assert_eq!(story.after(SECOND), ["The 5-hour window of b has reset"], "once, though two thresholds were told");
    assert_eq!(story.after(MINUTE), NOTHING);
    story.starts_anew();
    assert_eq!(story.titles(), NOTHING);
}

#[test]
fn the_reset_of_a_window_that_reached_nothing_is_no_news() {
    let mut story = Story::new();
    story.reads("b", 79.0, story.scene.now().plus(HOUR));
    assert_eq!(story.titles(), NOTHING);
    assert_eq!(story.after(HOUR + SECOND), NOTHING);
}

#[test]
fn a_reset_that_is_seen_only_in_the_next_window_is_told_and_one_that_came_early_is_not() {
    let mut story = Story::new();
    let resets_at = story.scene.now().plus(HOUR);
    story.reads("b", 85.0, resets_at);
    story.titles();
    story.scene.world.advance(HOUR + MINUTE);
    story.reads("b", 1.0, resets_at.plus(5 * HOUR));
    assert_eq!(story.titles(), ["The 5-hour window of b has reset"]);

    let mut story = Story::new();
    let resets_at = story.scene.now().plus(3 * HOUR);
    story.reads("b", 85.0, resets_at);
    story.titles();
    story.scene.world.advance(HOUR);
    // Everybody was given a new window.
    story.reads("b", 1.0, story.scene.now().plus(5 * HOUR));
    assert_eq!(story.titles(), NOTHING);
    assert_eq!(story.after(2 * HOUR + SECOND), NOTHING, "it was reset two hours ago");
}

#[test]
fn a_reset_of_hours_ago_is_no_news() {
    let mut story = Story::new();
    story.reads("b", 85.0, story.scene.now().plus(HOUR));
    story.titles();
    assert_eq!(story.after(9 * HOUR), NOTHING, "the machine was off");
}

#[test]
fn a_clock_that_is_set_back_tells_nothing_again() {
    let mut story = Story::new();
    let resets_at = story.scene.now().plus(HOUR);
    story.reads("b", 85.0, resets_at);
    story.titles();
    assert_eq!(story.after(HOUR + SECOND).len(), 1);
    assert_eq!(story.after(-2 * HOUR), NOTHING, "the window seems to run again");
    story.starts_anew();
    assert_eq!(story.titles(), NOTHING);
    assert_eq!(story.after(2 * HOUR), NOTHING, "and seems to reset again");
    assert_eq!(story.after(-DAY), NOTHING);
}

#[test]
fn a_window_without_a_reset_is_told_of_once_until_it_is_empty_again() {
    let mut story = Story::new();
    let reads = |story: &Story, percent| story.reads_window("b", WindowKind::SevenDay, percent, None);
    reads(&story, 85.0);
    let due = story.due();
    assert_eq!(due[0].body, "Nothing says when it resets.");
    for _ in 0..3 {
        reads(&story, 86.0);
        assert_eq!(story.after(DAY / 4), NOTHING);
    }
    reads(&story, 2.0);
    assert_eq!(story.titles(), NOTHING);
    reads(&story, 85.0);
    assert_eq!(story.titles().len(), 1);
}

#[test]
fn a_person_chooses_the_thresholds_or_none() {
    let mut story = Story::with(Notices { thresholds: vec![90, 50], resets: false });
    let resets_at = story.scene.now().plus(HOUR);
    story.reads("b", 51.0, resets_at);
    assert_eq!(story.titles().len(), 1);
    story.reads("b", 85.0, resets_at);
    assert_eq!(story.titles(), NOTHING);
    story.reads("b", 90.0, resets_at);
    assert_eq!(story.titles().len(), 1);
    assert_eq!(story.after(HOUR), NOTHING, "resets are not wanted");

    let mut story = Story::with(Notices { thresholds: Vec::new(), resets: true });
    story.reads("b", 100.0, story.scene.now().plus(HOUR));
    assert_eq!(story.titles(), NOTHING);
    assert_eq!(story.after(HOUR), NOTHING);
}

#[test]
fn where_numbers_are_hidden_no_notification_has_one() {
    let mut story = Story::new();
    story.scene.ports.preferences.set_view(View { hides: Hides::Always, ..View::default() }).expect("set");
    story.reads("b", 85.0, story.scene.now().plus(HOUR));
    assert_eq!(story.titles(), ["b is near the limit of its 5-hour window"]);
    story.scene.sign_in("stranger");
    assert_eq!(story.titles(), ["An account is live that is no profile yet"]);
}

#[test]
fn where_the_pace_says_so_the_end_is_named() {
    let mut story = Story::new();
    let resets_at = story.scene.now().plus(3 * HOUR);
    story.reads("b", 85.0, resets_at);
    let mut board = story.board();
    let limit = story.scene.now().plus(40 * MINUTE);
    board.cards[1].usage.as_mut().expect("read").meters[0].outlook = Some(Outlook::Limit { at: limit });
    let due = story.teller.due(&story.scene.ports, &board);
    let expected =
        format!("It resets at {}. At this pace it is used up at {}.", story.clock(resets_at), story.clock(limit));
    assert_eq!(due[0].body, expected);
}
