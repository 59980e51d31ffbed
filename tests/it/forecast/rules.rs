//! Single rules of the forecast as small stories, and what must hold for any samples at all.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use signalbox_core::forecast::{End, Forecast, forecast, pace};
use signalbox_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use signalbox_core::usage::{Sample, Window, WindowKind};

const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);

fn window(percent: f64, left: i64) -> Window {
    Window { kind: WindowKind::FiveHour, percent, resets_at: Some(NOW.plus(left)) }
}

/// Samples every so often over the `span` before now, rising evenly to the window's percent.
fn rising(window: &Window, span: i64, every: i64, per_hour: f64) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    let mut ago = 0;
    while ago <= span {
        #[expect(clippy::cast_precision_loss, reason = "some hours")]
        let percent = window.percent - per_hour * ago as f64 / HOUR as f64;
        let kind = window.kind.clone();
        samples.push(Sample { at: NOW.plus(-ago), kind, percent: percent.max(0.0), resets_at: window.resets_at });
        ago += every;
    }
    samples.reverse();
    samples
}

#[track_caller]
fn limit_in(said: Option<Forecast>, expected: i64, within: i64) {
    match said {
        Some(Forecast { end: End::Limit(at), .. }) => {
            let off = at.since(NOW.plus(expected)).abs();
            assert!(off <= within, "off by {} s", off / SECOND);
        }
        other => panic!("no limit is foretold: {other:?}"),
    }
}

#[test]
fn a_steady_pace_is_carried_on() {
    // Three hours of 25 % an hour: one hour is left.
    let window = window(75.0, 2 * HOUR);
    let said = forecast(&rising(&window, 3 * HOUR, 5 * MINUTE, 25.0), &window, NOW);
    limit_in(said, HOUR, MINUTE);
    assert!(said.is_some_and(|said| (said.per_hour - 25.0).abs() < 0.5), "{said:?}");
}

#[test]
fn a_pace_that_fits_lasts() {
    let window = window(40.0, HOUR);
    let said = forecast(&rising(&window, 4 * HOUR, 5 * MINUTE, 10.0), &window, NOW).expect("a forecast");
    assert_eq!(said.end, End::Lasts);
    assert!((said.per_hour - 10.0).abs() < 0.5, "{said:?}");
}

#[test]
fn between_lasting_and_not_nothing_is_said() {
    let window = window(76.0, HOUR);
    assert_eq!(forecast(&rising(&window, 4 * HOUR, 5 * MINUTE, 19.0), &window, NOW), None);
}

#[test]
fn less_than_ten_minutes_are_no_trend() {
    let window = window(60.0, 2 * HOUR);
    assert_eq!(forecast(&rising(&window, 9 * MINUTE, 5 * SECOND, 200.0), &window, NOW), None);
    assert_eq!(forecast(&[], &window, NOW), None);
    assert_eq!(forecast(&rising(&window, 0, MINUTE, 0.0), &window, NOW), None, "one sample");
}

#[test]
fn a_feed_of_every_second_and_one_of_five_minutes_say_the_same() {
    let window = window(80.0, 2 * HOUR);
    for every in [2 * SECOND, 30 * SECOND, 5 * MINUTE] {
        limit_in(forecast(&rising(&window, 3 * HOUR, every, 27.0), &window, NOW), 2_667 * SECOND, 2 * MINUTE);
    }
}

#[test]
fn what_was_before_the_reset_does_not_count() {
    let now = window(10.0, 4 * HOUR);
    let before = Window { percent: 95.0, resets_at: Some(NOW.plus(-HOUR)), ..now.clone() };
    let mut samples = rising(&before, 5 * HOUR, 5 * MINUTE, 60.0);
    samples.retain(|sample| NOW.since(sample.at) > HOUR);
    samples.extend(rising(&now, HOUR, 5 * MINUTE, 10.0));
    assert!(forecast(&samples, &now, NOW).is_some_and(|said| said.end == End::Lasts && said.per_hour < 11.0));
}

#[test]
fn a_reset_that_wavers_by_a_minute_is_the_same_one() {
    let window = window(75.0, 2 * HOUR);
    let mut samples = rising(&window, 3 * HOUR, 5 * MINUTE, 25.0);
    for (n, sample) in samples.iter_mut().enumerate() {
        let waver = if n % 2 == 0 { MINUTE } else { -MINUTE };
        sample.resets_at = sample.resets_at.map(|at| at.plus(waver));
    }
    limit_in(forecast(&samples, &window, NOW), HOUR, MINUTE);
}

#[test]
fn one_reading_that_is_nonsense_changes_nothing() {
    let window = window(75.0, 2 * HOUR);
    for nonsense in [0.0, 99.0, f64::NAN, f64::INFINITY] {
        let mut samples = rising(&window, 3 * HOUR, 5 * MINUTE, 25.0);
        let middle = samples.len() - 4;
        samples[middle].percent = nonsense;
        limit_in(forecast(&samples, &window, NOW), HOUR, 3 * MINUTE);
    }
}

#[test]
fn a_laptop_that_slept_does_not_forget_what_was_before() {
    // Two hours of sleep with nothing burned, and now again for a quarter of an hour.
    let window = window(60.0, 90 * MINUTE);
    let mut samples = rising(&window, 3 * HOUR, 5 * MINUTE, 20.0);
    samples.retain(|sample| !(15 * MINUTE..135 * MINUTE).contains(&NOW.since(sample.at)));
    assert!(forecast(&samples, &window, NOW).is_some());
    // Just awake there is no news yet, and old news are none.
    samples.retain(|sample| NOW.since(sample.at) >= 135 * MINUTE);
    assert_eq!(forecast(&samples, &window, NOW), None);
}

#[test]
fn whoever_stops_is_believed_after_a_while() {
    let window = window(70.0, HOUR);
    let mut samples = rising(&window, 4 * HOUR, 5 * MINUTE, 0.0);
    for sample in &mut samples {
        // Fast for two hours, and nothing for the last two.
        #[expect(clippy::cast_precision_loss, reason = "some hours")]
        let ago = NOW.since(sample.at) as f64 / HOUR as f64;
        sample.percent = (70.0 - 35.0 * (ago - 2.0)).clamp(0.0, 70.0);
    }
    assert!(forecast(&samples, &window, NOW).is_some_and(|said| said.end == End::Lasts));
}

#[test]
fn a_window_that_is_used_up_is_used_up_now() {
    for percent in [100.0, 112.5] {
        let window = window(percent, HOUR);
        for samples in [rising(&window, HOUR, 5 * MINUTE, 30.0), Vec::new()] {
            assert!(forecast(&samples, &window, NOW).is_some_and(|said| said.end == End::Limit(NOW)));
        }
    }
}

#[test]
fn a_window_that_has_not_started_or_is_over_has_no_forecast_and_no_pace() {
    for resets_at in [None, Some(NOW), Some(NOW.plus(-1))] {
        let window = Window { resets_at, ..window(50.0, HOUR) };
        let samples = rising(&window, 2 * HOUR, 5 * MINUTE, 20.0);
        assert_eq!((forecast(&samples, &window, NOW), pace(&window, NOW)), (None, None));
    }
    assert_eq!(pace(&window(50.0, HOUR), NOW), Some(0.8));
    assert_eq!(pace(&window(50.0, 6 * HOUR), NOW), Some(0.0), "a reset further off than the window is long");
}

#[test]
fn a_busy_hour_does_not_use_up_a_week() {
    // Wednesday noon: 8 % each day so far, and just now 4 % in an hour.
    let window = Window { kind: WindowKind::SevenDay, percent: 20.0, resets_at: Some(NOW.plus(9 * DAY / 2)) };
    let samples = rising(&window, HOUR, 5 * MINUTE, 4.0);
    assert!(forecast(&samples, &window, NOW).is_some_and(|said| said.end == End::Lasts));
    // On its first day a week has no average, and without yesterday nothing is known.
    let window = Window { resets_at: Some(NOW.plus(13 * DAY / 2)), ..window };
    assert_eq!(forecast(&samples, &window, NOW), None);
}

#[test]
fn the_night_of_a_week_burns_what_the_night_before_burned() {
    // Evening: 16 hours idle are to come, then eight at 2 % an hour, as yesterday.
    let window = Window { kind: WindowKind::SevenDay, percent: 90.0, resets_at: Some(NOW.plus(2 * DAY)) };
    let mut samples = rising(&window, DAY, 10 * MINUTE, 0.0);
    for sample in &mut samples {
        #[expect(clippy::cast_precision_loss, reason = "a day")]
        let ago = NOW.since(sample.at) as f64 / HOUR as f64;
        sample.percent = 90.0 - 2.0 * ago.min(8.0);
    }
    // The last hours still count as the pace of late for one hour more.
    limit_in(forecast(&samples, &window, NOW), 20 * HOUR, 90 * MINUTE);
}

fn any_kind() -> impl Strategy<Value = WindowKind> {
    prop_oneof![Just(WindowKind::FiveHour), Just(WindowKind::SevenDay), Just(WindowKind::Model("Opus".to_owned()))]
}

fn any_percent() -> impl Strategy<Value = f64> {
    prop_oneof![8 => 0.0..130.0, 2 => (0_u32..=100).prop_map(f64::from), 1 => any::<f64>()]
}

/// Mostly within two weeks of now, sometimes anywhere.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        12 => (-2 * DAY..2 * HOUR).prop_map(|ms| NOW.plus(ms)),
        4 => (-8 * DAY..8 * DAY).prop_map(|ms| NOW.plus(ms)),
        1 => any::<i64>().prop_map(Timestamp::from_ms),
    ]
}

fn any_reset() -> impl Strategy<Value = Option<Timestamp>> {
    prop_oneof![
        1 => Just(None),
        8 => (0..5 * HOUR).prop_map(|ms| Some(NOW.plus(ms))),
        4 => (0..7 * DAY).prop_map(|ms| Some(NOW.plus(ms))),
        1 => any_moment().prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_samples_make_a_forecast_that_makes_sense_or_none(
        kind in any_kind(),
        percent in any_percent(),
        resets_at in any_reset(),
        raw in prop::collection::vec((any_moment(), any_kind(), any_percent(), any::<bool>(), any_reset()), 0..60),
        sorted in any::<bool>(),
        now in prop_oneof![9 => Just(NOW), 1 => any_moment()],
    ) {
        // Most samples are of this very period, or nothing would ever be said.
        let mut samples: Vec<Sample> = raw
            .into_iter()
            .map(|(at, other, percent, foreign, reset)| match foreign {
                true => Sample { at, kind: other, percent, resets_at: reset },
                false => Sample { at, kind: kind.clone(), percent, resets_at },
            })
            .collect();
        if sorted {
            samples.sort_by_key(|sample| sample.at);
        }
        let window = Window { kind, percent, resets_at };
        if let Some(said) = forecast(&samples, &window, now) {
            prop_assert!(said.per_hour.is_finite() && said.per_hour >= 0.0, "{said:?}");
            if let End::Limit(at) = said.end {
                prop_assert!(now <= at && resets_at.is_some_and(|reset| at < reset), "{said:?}");
            }
        }
        if let Some(pace) = pace(&window, now) {
            prop_assert!((0.0..=1.0).contains(&pace));
        }
    }
}
