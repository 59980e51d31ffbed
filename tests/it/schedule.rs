//! When usage is asked for, as tables: the budget and the floor that all programs share, the interval of each profile, what a
//! block of the server means, clocks that are set, and books that outlive a program. A whole week of it is in `week`.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use signalbox_core::identity::Identity;
use signalbox_core::ports::Ports;
use signalbox_core::schedule::{self, Books, Look, Urgency};
use signalbox_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use signalbox_core::usage::{Reading, Spend, Usage, Window, WindowKind};
use signalbox_machine::database::Database;

use crate::scene::Scene;

const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);
const YEAR: i64 = 365 * DAY;

fn identity() -> Identity {
    Identity::new("acc", "org").expect("two names")
}

fn books(ago: &[i64]) -> Books {
    let mut asked: Vec<_> = ago.iter().map(|ms| NOW.plus(-ms)).collect();
    asked.sort_unstable();
    Books { asked, blocked_until: None }
}

fn window(kind: WindowKind, percent: f64, left: i64) -> Window {
    Window { kind, percent, resets_at: Some(NOW.plus(left)) }
}

/// A reading of the 5-hour window and whatever else, made so long ago.
fn reading(ago: i64, windows: Vec<Window>) -> Reading {
    Reading::answered(Usage { windows, spend: None }, NOW.plus(-ago))
}

fn calm(ago: i64) -> Reading {
    reading(ago, vec![window(WindowKind::FiveHour, 40.0, 2 * HOUR), window(WindowKind::SevenDay, 30.0, 2 * DAY)])
}

/// How long after its reading a profile is due, in milliseconds.
#[track_caller]
fn wait(active: bool, reading: &Reading, urgency: Urgency) -> i64 {
    let identity = identity();
    let look = Look { active, identity: &identity, reading: Some(reading) };
    schedule::due_at(look, urgency, NOW).since(reading.read_at)
}

#[test]
fn a_request_may_go_out_when_budget_and_floor_allow() {
    let evenly = |count: i64, every: i64| (1..=count).map(|n| n * every).collect::<Vec<_>>();
    for (ago, urgency, expected, because) in [
        (vec![], Urgency::Due, Ok(()), "nobody asked yet"),
        (vec![180 * SECOND], Urgency::Due, Ok(()), "the floor has passed"),
        (vec![179 * SECOND], Urgency::Due, Err(SECOND), "the floor"),
        (vec![179 * SECOND], Urgency::Eager, Err(SECOND), "the floor holds for whoever looks"),
        (vec![0], Urgency::Forced, Ok(()), "a person goes past the floor"),
        (evenly(23, 150 * SECOND), Urgency::Due, Err(30 * SECOND), "below the budget only the floor counts"),
        (evenly(24, 140 * SECOND), Urgency::Due, Err(HOUR - 3_360 * SECOND), "four are kept for a person"),
        (evenly(24, 140 * SECOND), Urgency::Eager, Err(HOUR - 3_360 * SECOND), "and not for whoever only looks"),
        (evenly(24, 140 * SECOND), Urgency::Forced, Ok(()), "they are his"),
        (evenly(27, 2 * MINUTE), Urgency::Forced, Ok(()), "the last one"),
        (evenly(28, 2 * MINUTE), Urgency::Forced, Err(4 * MINUTE), "the budget is used up, for a person too"),
        (evenly(30, 100 * SECOND), Urgency::Forced, Err(800 * SECOND), "three have to age out"),
        (vec![HOUR; 40], Urgency::Due, Ok(()), "an hour old is old"),
    ] {
        let expected = expected.map_err(|ms| NOW.plus(ms));
        assert_eq!(schedule::may_ask(&books(&ago), urgency, NOW), expected, "{because}");
    }
}

#[test]
fn a_block_holds_for_everybody_and_a_clock_that_was_set_back_holds_for_nobody() {
    for (blocked, expected, because) in [
        (MINUTE, Err(MINUTE), "the server asked to wait"),
        (1, Err(1), "to the end"),
        (0, Ok(()), "the wait is over"),
        (6 * HOUR, Err(6 * HOUR), "the longest that is believed"),
        (6 * HOUR + 1, Ok(()), "no block is that long: the clock was set back"),
        (YEAR, Ok(()), "made while the clock was a year ahead"),
    ] {
        for urgency in [Urgency::Due, Urgency::Eager, Urgency::Forced] {
            let books = Books { asked: vec![], blocked_until: Some(NOW.plus(blocked)) };
            assert_eq!(schedule::may_ask(&books, urgency, NOW), expected.map_err(|ms| NOW.plus(ms)), "{because}");
        }
    }
}

#[test]
fn requests_from_the_future_neither_stop_us_nor_are_forgotten_at_once() {
    for (ago, urgency, expected, because) in [
        (vec![-DAY; 30], Urgency::Due, Ok(()), "the clock was set back a day"),
        (vec![-YEAR; 30], Urgency::Due, Ok(()), "it was a year ahead for a while"),
        (vec![YEAR; 30], Urgency::Due, Ok(()), "it is a year ahead now"),
        (vec![-MINUTE], Urgency::Due, Err(4 * MINUTE), "set back a little: not at once"),
        (vec![-30 * MINUTE], Urgency::Due, Ok(()), "that was before the clock was set back"),
        (vec![-MINUTE; 28], Urgency::Forced, Err(61 * MINUTE), "the budget is not given back"),
    ] {
        let expected: Result<(), i64> = expected;
        let said = schedule::may_ask(&books(&ago), urgency, NOW);
        assert_eq!(said, expected.map_err(|ms| NOW.plus(ms)), "{because}");
    }
}

#[test]
fn a_profile_is_due_as_often_as_it_is_worth() {
    let both = |five: f64, week: f64| {
        vec![window(WindowKind::FiveHour, five, 2 * HOUR), window(WindowKind::SevenDay, week, 2 * DAY)]
    };
    let reset = |percent, left| vec![window(WindowKind::FiveHour, percent, left)];
    let model = |percent| vec![window(WindowKind::Model("Opus".to_owned()), percent, 2 * DAY)];
    // Milliseconds, and by how many jitter may move it.
    for (active, windows, expected, jitter, because) in [
        (true, both(40.0, 30.0), 300, 30, "the active profile every 5 minutes"),
        (false, both(40.0, 30.0), 600, 60, "a parked one every 10 minutes"),
        (true, both(80.0, 30.0), 189, 9, "faster near a limit, but never below the floor"),
        (false, both(99.0, 30.0), 600, 60, "a parked one burns nothing"),
        (true, both(40.0, 90.0), 300, 30, "a week moves slowly"),
        (true, both(40.0, 95.0), 189, 9, "until it is nearly over"),
        (true, reset(96.0, -MINUTE), 300, 30, "that limit has been reset since"),
        (true, both(100.0, 30.0), 3_600, 360, "used up for two hours: once an hour is enough"),
        (false, both(40.0, 104.0), 3_600, 360, "used up for two days"),
        (true, reset(100.0, 20 * MINUTE), 1_260, 0, "until the reset, and a minute for the server to notice"),
        (true, reset(100.0, MINUTE), 300, 0, "not sooner than usual"),
        (true, model(100.0), 300, 30, "another model goes on"),
        (true, model(97.0), 189, 9, "a model's window is nearly over too"),
        (true, vec![], 300, 30, "a plan without windows"),
    ] {
        let waits = wait(active, &reading(0, windows), Urgency::Due);
        let off = (waits - expected * SECOND).abs();
        assert!(off <= jitter * SECOND, "{because}: {waits} ms");
    }
}

#[test]
fn what_is_used_up_is_not_asked_about_just_before_its_reset() {
    let used_up = |ago, left| reading(ago, vec![window(WindowKind::FiveHour, 100.0, left)]);
    for (ago, left, expected, because) in [
        (40 * MINUTE, 10 * MINUTE, 51 * MINUTE, "the reset is known"),
        (50 * MINUTE, 0, 51 * MINUTE, "it has come, and the server may not have noticed"),
        (50 * MINUTE, -59 * SECOND, 50 * MINUTE + SECOND, "a minute after it"),
    ] {
        assert_eq!(wait(true, &used_up(ago, left), Urgency::Due), expected, "{because}");
    }
    assert!(wait(true, &used_up(50 * MINUTE, -MINUTE), Urgency::Due) <= 50 * MINUTE, "now it is due");
}

#[test]
fn whoever_looks_sees_nothing_older_than_the_floor_and_whoever_asks_gets_it_now() {
    assert_eq!(wait(true, &calm(MINUTE), Urgency::Eager), 180 * SECOND);
    assert_eq!(wait(false, &calm(9 * MINUTE), Urgency::Eager), 180 * SECOND);
    assert_eq!(wait(true, &calm(MINUTE), Urgency::Forced), MINUTE, "now");
    let identity = identity();
    for urgency in [Urgency::Due, Urgency::Eager, Urgency::Forced] {
        let look = Look { active: false, identity: &identity, reading: None };
        assert_eq!(schedule::due_at(look, urgency, NOW), NOW, "it was never read");
    }
}

#[test]
fn a_reading_from_the_future_says_nothing_about_its_age() {
    for ahead in [1, HOUR, DAY, YEAR] {
        let identity = identity();
        let told = Reading { asked_at: NOW.plus(-HOUR), ..calm(-ahead) };
        for reading in [&calm(-ahead), &told] {
            let look = Look { active: true, identity: &identity, reading: Some(reading) };
            assert_eq!(schedule::due_at(look, Urgency::Due, NOW), NOW, "{ahead} ms ahead");
        }
    }
}

#[test]
fn what_the_statusline_does_not_tell_is_asked_for_beside_it() {
    let spend = Spend { used_minor: 5.0, limit_minor: None, currency: "USD".to_owned(), exponent: 2, percent: None };
    let told = |asked: i64, model: bool, spend: Option<Spend>| {
        let mut reading = Reading { asked_at: NOW.plus(-asked), ..calm(0) };
        reading.usage.spend = spend;
        if model {
            reading.usage.windows.push(window(WindowKind::Model("Opus".to_owned()), 20.0, DAY));
        }
        reading
    };
    assert!(wait(true, &told(59 * MINUTE, false, None), Urgency::Due) >= 270 * SECOND, "the feed is enough");
    assert_eq!(wait(true, &told(HOUR, true, None), Urgency::Due), 0, "a model's window, every hour");
    assert_eq!(wait(true, &told(59 * MINUTE, false, Some(spend)), Urgency::Due), MINUTE, "the spend, every hour");
    assert_eq!(wait(true, &told(DAY, false, None), Urgency::Due), 0, "what may have come to be, every day");
    assert!(wait(true, &told(NOW.ms(), false, None), Urgency::Due) <= 0, "the server was never asked");
    assert_eq!(wait(true, &told(5 * MINUTE, true, None), Urgency::Eager), 0, "somebody looks at the model's window");
}

#[test]
fn jitter_spreads_profiles_and_every_program_reckons_the_same() {
    let reading = calm(0);
    let due = |name: &str| {
        let identity = Identity::new(name, "org").expect("two names");
        let look = Look { active: false, identity: &identity, reading: Some(&reading) };
        schedule::due_at(look, Urgency::Due, NOW).since(NOW)
    };
    let names: Vec<String> = (0..200).map(|n| format!("account-{n}")).collect();
    let waits: Vec<i64> = names.iter().map(|name| due(name)).collect();
    assert!(waits.iter().all(|ms| (540 * SECOND..=660 * SECOND).contains(ms)));
    for (from, to) in [(540, 580), (580, 620), (620, 661)] {
        let there = waits.iter().filter(|ms| (from * SECOND..to * SECOND).contains(*ms)).count();
        assert!(there > 35, "{there} of 200 between {from} and {to} s");
    }
    assert_eq!(waits, names.iter().map(|name| due(name)).collect::<Vec<_>>());
}

#[test]
fn a_throttle_holds_us_back_for_as_long_as_it_means() {
    for (retry_after_s, expected, because) in [
        (None, 6 * MINUTE, "no word at all"),
        (Some(0), 6 * MINUTE, "0 means saturated, not `at once`"),
        (Some(5), 3 * MINUTE, "never more often than our own floor"),
        (Some(600), 10 * MINUTE, "as asked"),
        (Some(1_799), 1_799 * SECOND, "as asked"),
        (Some(3600), 75 * MINUTE, "half of those who come back on the dot are blocked again"),
        (Some(5 * 3600), 5 * HOUR + 15 * MINUTE, "as asked, and the margin"),
        (Some(u64::MAX), 6 * HOUR, "no server may silence us for good"),
    ] {
        assert_eq!(schedule::open_again(retry_after_s, NOW).since(NOW), expected, "{because}");
    }
    // The form with a date is read where the answer is: `retry_after_is_read_in_every_form` in the machine crate.
}

#[test]
fn a_block_and_the_books_outlive_the_program_that_made_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = Scene::new();
    let restarted: [Box<dyn Fn() -> Ports>; 2] = [
        Box::new(|| scene.world.ports()),
        Box::new(|| Ports { readings: Box::new(Database::new(folder.path())), ..scene.world.ports() }),
    ];
    for program in restarted {
        let may = |urgency| move |books: &Books| schedule::may_ask(books, urgency, NOW);
        let claim = |ports: &Ports, urgency| ports.readings.claim(&identity(), NOW, &may(urgency)).expect("claimed");
        assert_eq!(claim(&program(), Urgency::Due), Ok(()));
        assert_eq!(claim(&program(), Urgency::Due), Err(NOW.plus(180 * SECOND)), "another program asked just now");
        for _ in 1..schedule::BUDGET {
            assert_eq!(claim(&program(), Urgency::Forced), Ok(()));
        }
        assert_eq!(claim(&program(), Urgency::Forced), Err(NOW.plus(HOUR)), "together they have one budget");
        let until = NOW.plus(75 * MINUTE);
        program().readings.block(&identity(), until).expect("blocked");
        program().readings.block(&identity(), NOW.plus(MINUTE)).expect("blocked");
        assert_eq!(claim(&program(), Urgency::Forced), Err(until), "nobody shortens another's wait");
        let other = Identity::new("other", "org").expect("two names");
        let free = program().readings.claim(&other, NOW, &may(Urgency::Due)).expect("claimed");
        assert_eq!(free, Ok(()), "each identity has its own");
    }
}

fn any_urgency() -> impl Strategy<Value = Urgency> {
    prop_oneof![6 => Just(Urgency::Due), 2 => Just(Urgency::Eager), 2 => Just(Urgency::Forced)]
}

fn any_windows() -> impl Strategy<Value = Vec<Window>> {
    let kind =
        prop_oneof![Just(WindowKind::FiveHour), Just(WindowKind::SevenDay), Just(WindowKind::Model("Opus".to_owned()))];
    let reset = prop::option::of((-HOUR..7 * DAY).prop_map(|ms| NOW.plus(ms)));
    let one = (kind, 0.0..120.0, reset).prop_map(|(kind, percent, resets_at)| Window { kind, percent, resets_at });
    prop::collection::vec(one, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_programs_and_persons_gets_more_than_the_budget_out_of_an_hour(
        steps in prop::collection::vec((0_usize..3, any_urgency(), 0..4 * MINUTE), 1..160),
    ) {
        let scene = Scene::new();
        let programs: Vec<Ports> = (0..3).map(|_| scene.world.ports()).collect();
        let mut sent: Vec<(Timestamp, Urgency)> = Vec::new();
        for (program, urgency, pause) in steps {
            scene.world.advance(pause);
            let now = scene.now();
            let may = |books: &Books| schedule::may_ask(books, urgency, now);
            let allowed = programs[program].readings.claim(&identity(), now, &may).expect("the books");
            match allowed {
                Ok(()) => {
                    let floored = urgency != Urgency::Forced;
                    let last = sent.last().map(|(at, _)| now.since(*at));
                    prop_assert!(!floored || last.is_none_or(|ms| ms >= schedule::FLOOR_MS));
                    sent.push((now, urgency));
                }
                // Whoever is told to wait until then has not waited for nothing.
                Err(until) => {
                    prop_assert!(until > now && until.since(now) <= HOUR);
                    let later = programs[program].readings.books(&identity(), until).expect("the books");
                    prop_assert_eq!(schedule::may_ask(&later, urgency, until), Ok(()));
                }
            }
            let hour: Vec<_> = sent.iter().filter(|(at, _)| now.since(*at) < HOUR).collect();
            prop_assert!(hour.len() <= schedule::BUDGET);
        }
    }

    #[test]
    fn no_reading_is_due_before_the_floor_unless_somebody_asks(
        active in any::<bool>(),
        windows in any_windows(),
        asked_ago in 0..2 * DAY,
        told_ago in prop::option::of(0..2 * DAY),
        urgency in any_urgency(),
    ) {
        // A statusline may have told newer numbers since.
        let read_ago = told_ago.map_or(asked_ago, |ago| ago.min(asked_ago));
        let reading = Reading { asked_at: NOW.plus(-asked_ago), ..reading(read_ago, windows) };
        let identity = identity();
        let due = schedule::due_at(Look { active, identity: &identity, reading: Some(&reading) }, urgency, NOW);
        match urgency {
            Urgency::Forced => prop_assert_eq!(due, NOW),
            Urgency::Due | Urgency::Eager => prop_assert!(due.since(reading.asked_at) >= schedule::FLOOR_MS),
        }
        // Nothing is put off for ever.
        let put_off = due.since(reading.read_at);
        prop_assert!(urgency == Urgency::Forced || put_off <= HOUR + 6 * MINUTE, "{put_off} ms");
    }
}
