//! Stories of what Claude Code tells its statusline: whose account it counts for, and that little is asked for while it
//! comes.

use signalbox_core::feed::{self, Report, Told};
use signalbox_core::poll::{self, Urgency};
use signalbox_core::ports::ProviderError;
use signalbox_core::sync;
use signalbox_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use signalbox_core::usage::{Reading, Usage, Window, WindowKind};
use signalbox_core::vault;

use super::switch_to;
use crate::scene::{Scene, alias};

const WINDOW_MS: i64 = 5 * HOUR;

fn window(kind: WindowKind, percent: f64, resets_at: Timestamp) -> Window {
    Window { kind, percent, resets_at: Some(resets_at) }
}

/// A session has waited for `waited_ms` altogether, and tells this much of the 5-hour window.
fn tells(scene: &Scene, session: &str, waited_ms: i64, percent: f64) {
    let resets_at = Timestamp::from_ms((scene.now().ms() / WINDOW_MS + 1) * WINDOW_MS);
    let windows = vec![window(WindowKind::FiveHour, percent, resets_at)];
    let session = Some(session.to_owned());
    scene.world.hear(&Told { session, waited_ms: Some(waited_ms), windows, ..Told::default() });
}

/// Claude Code calls its statusline once before the first answer.
fn begins(scene: &Scene, session: &str) {
    scene.world.hear(&Told { session: Some(session.to_owned()), waited_ms: Some(0), ..Told::default() });
}

/// One answer of ten seconds, told by a session of its own.
fn answers(scene: &Scene, session: &str, percent: f64) {
    begins(scene, session);
    tells(scene, session, 10 * SECOND, percent);
}

fn take_in(scene: &Scene) -> bool {
    feed::take_in(&scene.ports).expect("taken in")
}

fn reading(scene: &Scene, name: &str) -> Option<Reading> {
    let roster = vault::load_roster(&scene.ports).expect("a roster");
    let profile = roster.get(&alias(name)).expect("a profile").clone();
    scene.ports.readings.last(profile.identity()).expect("readable")
}

fn percent(scene: &Scene, name: &str) -> Option<f64> {
    reading(scene, name).map(|reading| reading.usage.windows[0].percent)
}

/// `a` and `b`, with `b` live for an hour, and no reading of either.
fn scene() -> Scene {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(HOUR);
    scene
}

#[test]
fn what_the_live_account_is_told_becomes_its_reading() {
    let scene = scene();
    assert!(!take_in(&scene), "nobody told anything");
    answers(&scene, "s", 41.5);
    assert!(take_in(&scene));
    let read = reading(&scene, "b").expect("read");
    assert_eq!((read.usage.windows[0].percent, read.read_at), (41.5, scene.now()));
    assert!(!take_in(&scene), "once is enough");
    assert_eq!(reading(&scene, "a"), None);
}

#[test]
fn after_a_switch_the_numbers_of_the_account_before_are_not_taken_for_the_new_one() {
    let scene = scene();
    tells(&scene, "s", 10 * SECOND, 41.0);
    switch_to(&scene, "a").expect("switched");
    let before = percent(&scene, "a");
    for _ in 0..30 {
        scene.world.advance(10 * SECOND);
        tells(&scene, "s", 10 * SECOND, 41.0);
        take_in(&scene);
        assert_eq!(percent(&scene, "a"), before, "it only repeats what it was told of b");
    }
    tells(&scene, "s", 15 * SECOND, 7.0);
    assert!(take_in(&scene), "this answer is of a");
    assert_eq!(percent(&scene, "a"), Some(7.0));
}

#[test]
fn an_answer_that_was_asked_for_before_the_switch_had_settled_does_not_count() {
    let scene = scene();
    tells(&scene, "s", 0, 0.0);
    switch_to(&scene, "a").expect("switched");
    let before = percent(&scene, "a");
    scene.world.advance(10 * MINUTE);
    tells(&scene, "s", 9 * MINUTE + 30 * SECOND, 88.0);
    assert!(!take_in(&scene), "it was asked for half a minute after the switch, and may be of b");
    assert_eq!(percent(&scene, "a"), before);
    scene.world.advance(MINUTE);
    tells(&scene, "s", 10 * MINUTE, 3.0);
    assert!(take_in(&scene));
    assert_eq!(percent(&scene, "a"), Some(3.0));
}

#[test]
fn a_long_answer_hides_no_short_one() {
    let scene = scene();
    tells(&scene, "long", 0, 0.0);
    switch_to(&scene, "a").expect("switched");
    scene.world.advance(10 * MINUTE);
    answers(&scene, "short", 3.0);
    scene.world.advance(SECOND);
    tells(&scene, "long", 11 * MINUTE, 88.0);
    assert!(take_in(&scene));
    assert_eq!(percent(&scene, "a"), Some(3.0));
}

#[test]
fn while_nobody_knows_whose_the_live_login_is_nothing_counts() {
    let scene = scene();
    assert!(scene.world.claude_refreshes());
    answers(&scene, "s", 41.0);
    assert!(!take_in(&scene), "the tokens are others than the saved ones");
    sync::sync_live(&scene.ports).expect("looked");
    scene.world.advance(MINUTE);
    answers(&scene, "t", 42.0);
    assert!(take_in(&scene));
    assert_eq!(percent(&scene, "b"), Some(42.0));

    scene.sign_in("a");
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    sync::sync_live(&scene.ports).expect("looked");
    scene.world.advance(MINUTE);
    answers(&scene, "u", 99.0);
    assert!(!take_in(&scene));
    assert_eq!(percent(&scene, "b"), Some(42.0));
}

#[test]
fn an_account_that_came_and_went_while_nobody_watched_leaves_nothing_behind() {
    let scene = scene();
    scene.sign_in("a");
    scene.world.advance(HOUR);
    answers(&scene, "s", 99.0);
    scene.world.advance(MINUTE);
    scene.sign_in("b");
    sync::sync_live(&scene.ports).expect("looked");
    assert!(!take_in(&scene), "it was told of a");
    assert_eq!(percent(&scene, "b"), None);
}

#[test]
fn a_refusal_is_news_although_nobody_waited() {
    let scene = scene();
    answers(&scene, "s", 97.0);
    assert!(take_in(&scene));
    scene.world.advance(MINUTE);
    answers(&scene, "s", 97.0);
    assert!(!take_in(&scene), "the same again is none");
    answers(&scene, "s", 100.0);
    assert!(take_in(&scene));
    assert_eq!(percent(&scene, "b"), Some(100.0));
}

#[test]
fn of_two_sessions_the_newer_answer_counts_and_usage_never_falls_within_its_window() {
    let scene = scene();
    answers(&scene, "one", 40.0);
    scene.world.advance(SECOND);
    answers(&scene, "two", 43.0);
    assert!(take_in(&scene));
    assert_eq!(percent(&scene, "b"), Some(43.0));
    scene.world.advance(SECOND);
    tells(&scene, "one", 22 * SECOND, 41.0);
    assert!(take_in(&scene));
    assert_eq!(percent(&scene, "b"), Some(43.0), "this answer was begun before the other one ended");
}

#[test]
fn two_processes_of_one_session_do_not_make_old_numbers_new() {
    let scene = scene();
    tells(&scene, "s", 20 * SECOND, 41.0);
    tells(&scene, "s", 100 * SECOND, 42.0);
    switch_to(&scene, "a").expect("switched");
    let before = percent(&scene, "a");
    for round in 0..20 {
        scene.world.advance(5 * MINUTE);
        let (waited, told) = if round % 2 == 0 { (20, 41.0) } else { (100, 42.0) };
        tells(&scene, "s", waited * SECOND, told);
        take_in(&scene);
        assert_eq!(percent(&scene, "a"), before, "both only repeat what they were told of b");
    }
}

#[test]
fn a_session_that_is_resumed_counts_from_its_first_answer_on() {
    let scene = scene();
    tells(&scene, "s", HOUR, 41.0);
    scene.world.advance(DAY / 2);
    tells(&scene, "s", 12 * SECOND, 5.0);
    assert!(take_in(&scene), "its waiting began anew");
    assert_eq!(percent(&scene, "b"), Some(5.0));
}

#[test]
fn a_clock_set_back_makes_nothing_of_the_future_true() {
    let scene = scene();
    answers(&scene, "s", 41.0);
    assert!(take_in(&scene));
    scene.world.advance(-30 * MINUTE);
    assert!(!take_in(&scene), "what was told is of the future now");
    answers(&scene, "t", 42.0);
    assert!(take_in(&scene));
    let read = reading(&scene, "b").expect("read");
    assert_eq!((read.usage.windows[0].percent, read.read_at), (42.0, scene.now()));
}

#[test]
fn what_only_the_server_tells_stays_and_keeps_its_age() {
    let scene = scene();
    let asked_at = scene.now();
    let resets_at = asked_at.plus(DAY);
    let windows = vec![
        window(WindowKind::SevenDay, 30.0, resets_at),
        window(WindowKind::Model("Opus".to_owned()), 18.0, resets_at),
    ];
    let roster = vault::load_roster(&scene.ports).expect("a roster");
    let answer = Reading::answered(Usage { windows, spend: None }, asked_at);
    let identity = roster.get(&alias("b")).expect("a profile").identity().clone();
    scene.ports.readings.store(&identity, &answer).expect("stored");
    scene.world.advance(MINUTE);
    answers(&scene, "s", 41.0);
    assert!(take_in(&scene));
    let read = reading(&scene, "b").expect("read");
    let told: Vec<_> =
        read.usage.windows.iter().map(|window| (window.kind.short().to_owned(), window.percent)).collect();
    assert_eq!(told, [("5h".to_owned(), 41.0), ("7d".to_owned(), 30.0), ("Opus".to_owned(), 18.0)]);
    assert_eq!((read.read_at, read.asked_at), (scene.now(), asked_at));
}

#[test]
fn what_was_told_a_day_ago_is_forgotten() {
    let scene = scene();
    answers(&scene, "s", 41.0);
    scene.world.advance(DAY + MINUTE);
    assert!(!take_in(&scene));
    assert_eq!(scene.ports.feed.reports(), Ok(Vec::<Report>::new()));
}

#[test]
fn while_sessions_tell_the_active_account_is_asked_for_once_an_hour_at_most() {
    let scene = scene();
    let mut asked = Vec::new();
    for minute in 0..24 * 60 {
        scene.world.advance(MINUTE);
        // Claude Code renews its login before that lapses.
        if minute % (7 * 60) == 0 {
            scene.world.claude_refreshes();
            sync::sync_live(&scene.ports).expect("looked");
        }
        tells(&scene, "s", i64::from(minute + 1) * SECOND, 10.0 + f64::from(minute) / 100.0);
        take_in(&scene);
        if poll::due(&scene.ports, Urgency::Due).expect("decided").contains(&alias("b")) {
            poll::read_usage(&scene.ports, &alias("b"), Urgency::Due).expect("asked");
            asked.push(minute);
        }
    }
    assert!(!asked.is_empty(), "what only the server tells is asked for");
    assert!(asked.len() <= 25, "it was asked {} times: {asked:?}", asked.len());
}

#[test]
fn an_idle_session_that_is_heard_of_for_the_first_time_may_only_repeat_and_tells_nothing() {
    let scene = scene();
    switch_to(&scene, "a").expect("switched");
    scene.world.advance(DAY + MINUTE);
    tells(&scene, "idle", 10 * SECOND, 88.0);
    take_in(&scene);
    assert_ne!(percent(&scene, "a"), Some(88.0), "it may be what `b` was told before the switch");
    scene.world.advance(MINUTE);
    tells(&scene, "idle", 15 * SECOND, 7.0);
    assert!(take_in(&scene), "its next answer counts");
    assert_eq!(percent(&scene, "a"), Some(7.0));
}
