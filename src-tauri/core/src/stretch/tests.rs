//! Stretches: what makes one longer, what it tells again, and what is thinned out.

use super::*;

const NOON: Timestamp = Timestamp::from_ms(1_795_262_400_000);

fn told(minutes: i64, percent: f64) -> Sample {
    let resets_at = Some(NOON.plus(5 * HOUR));
    Sample { at: NOON.plus(minutes * MINUTE), kind: WindowKind::FiveHour, percent, resets_at }
}

fn stretch(from: i64, to: i64, percent: f64) -> Stretch {
    Stretch { last: NOON.plus(to * MINUTE), ..Stretch::of(&told(from, percent)) }
}

fn minutes(samples: &[Sample]) -> Vec<i64> {
    samples.iter().map(|sample| sample.at.since(NOON) / MINUTE).collect()
}

#[test]
fn what_stands_still_makes_a_stretch_longer_as_long_as_somebody_looks() {
    let before = stretch(-30, 0, 41.5);
    for (sample, expected) in [
        (told(1, 41.5), Change::Longer),
        (told(90, 41.5), Change::Longer),
        (told(91, 41.5), Change::Begins),
        (told(1, 41.6), Change::Begins),
        (Sample { resets_at: None, ..told(1, 41.5) }, Change::Begins),
        (Sample { resets_at: Some(NOON.plus(5 * HOUR + MINUTE)), ..told(1, 41.5) }, Change::Longer),
        (Sample { resets_at: Some(NOON.plus(5 * HOUR + MINUTE + 1)), ..told(1, 41.5) }, Change::Begins),
    ] {
        assert_eq!(change(Some(&before), None, &sample), expected, "{sample:?}");
    }
    assert_eq!(change(None, None, &told(0, 1.0)), Change::Begins);
}

#[test]
fn of_one_minute_the_last_word_stays_but_no_period_is_lost() {
    let before = stretch(0, 0, 40.0);
    let later = Sample { at: NOON.plus(MINUTE - 1), ..told(0, 41.0) };
    assert_eq!(change(Some(&before), None, &later), Change::Instead);
    assert_eq!(change(Some(&before), None, &told(1, 41.0)), Change::Begins);
    assert_eq!(change(Some(&stretch(-1, 0, 40.0)), None, &later), Change::Begins, "it was longer than a moment");
    let next_period = Sample { resets_at: Some(NOON.plus(10 * HOUR)), ..later };
    assert_eq!(change(Some(&before), None, &next_period), Change::Begins);
}

#[test]
fn a_clock_that_went_back_changes_nothing_that_was_seen() {
    let after = stretch(0, 60, 40.0);
    assert_eq!(change(None, Some(&after), &told(30, 40.0)), Change::Nothing);
    assert_eq!(change(None, Some(&after), &told(60, 40.0)), Change::Nothing);
    assert_eq!(change(None, Some(&after), &told(30, 41.0)), Change::Begins);
    assert_eq!(change(None, Some(&after), &told(60, 41.0)), Change::Nothing, "its end is taken");
    assert_eq!(change(None, Some(&after), &told(-1, 40.0)), Change::Begins, "it lies before");
    assert_eq!(change(None, Some(&stretch(9, 9, 40.0)), &told(9, 41.0)), Change::Begins, "one moment is corrected");
}

#[test]
fn a_stretch_is_told_as_if_it_had_been_read_by_the_schedule() {
    let kept = [stretch(0, 25, 1.0), stretch(30, 30, 2.0)];
    assert_eq!(minutes(&samples(&kept, NOON)), [0, 10, 20, 25, 30]);
    assert_eq!(minutes(&samples(&kept, NOON.plus(5 * MINUTE))), [5, 15, 25, 30], "the border is inside of it");
    assert_eq!(minutes(&samples(&kept, NOON.plus(26 * MINUTE))), [30]);
    assert_eq!(samples(&kept, NOON.plus(HOUR)), []);
    let hourly = [0, 60, 120, 125];
    assert_eq!(minutes(&samples(&[stretch(0, 125, 1.0)], NOON.plus(-LONG_MS))), hourly);
}

#[test]
fn samples_of_several_windows_come_in_order() {
    let week = Stretch { kind: WindowKind::SevenDay, ..stretch(3, 14, 7.0) };
    let all = samples(&[stretch(0, 10, 1.0), week, stretch(11, 20, 2.0)], NOON);
    assert_eq!(minutes(&all), [0, 3, 10, 11, 13, 14, 20]);
}

#[test]
fn of_an_hour_the_highest_stays_and_what_reaches_beyond_it_too() {
    for (case, stretches, out) in [
        ("the highest, wherever it lies", vec![(1, 2, 5.0), (3, 4, 9.0), (5, 6, 0.0)], vec![true, false, true]),
        ("the last of several", vec![(1, 2, 5.0), (3, 4, 5.0)], vec![true, false]),
        ("each hour by itself", vec![(1, 2, 5.0), (61, 62, 1.0)], vec![false, false]),
        ("what reaches beyond", vec![(1, 2, 5.0), (30, 90, 1.0), (91, 92, 2.0)], vec![false, false, false]),
        ("nothing", vec![], vec![]),
    ] {
        let stretches: Vec<_> = stretches.into_iter().map(|(from, to, percent)| stretch(from, to, percent)).collect();
        assert_eq!(thinned(&stretches), out, "{case}");
    }
    let before_the_epoch = Stretch { first: Timestamp::from_ms(-1), last: Timestamp::from_ms(1), ..stretch(0, 0, 1.0) };
    assert_eq!(thinned(&[before_the_epoch.clone(), before_the_epoch]), [false, false]);
}

#[test]
fn upkeep_is_due_once_a_day_and_counts_ages_from_the_newest_sample() {
    let done = Upkeep { done_at: NOON, as_of: NOON };
    assert_eq!(Upkeep::due(None, NOON, NOON.plus(9)), Some(Upkeep { done_at: NOON.plus(9), as_of: NOON }));
    assert_eq!(Upkeep::due(Some(done), NOON, NOON.plus(DAY - 1)), None);
    assert_eq!(Upkeep::due(Some(done), NOON, NOON.plus(1 - DAY)), None);
    let next = Upkeep::due(Some(done), NOON.plus(DAY), NOON.plus(DAY)).expect("a day has passed");
    assert_eq!(next, Upkeep { done_at: NOON.plus(DAY), as_of: NOON.plus(DAY) });
}

#[test]
fn a_clock_that_is_years_ahead_makes_nothing_old() {
    let done = Upkeep { done_at: NOON, as_of: NOON };
    let years = NOON.plus(14 * 365 * DAY);
    let asleep = Upkeep::due(Some(done), NOON, years).expect("it is due");
    assert_eq!(asleep.as_of, NOON, "nothing was read yet");
    let ahead = Upkeep::due(Some(done), years, years).expect("it is due");
    assert_eq!(ahead.as_of, NOON.plus(STRIDE_MS), "samples from the future count for a week");
    let back = Upkeep::due(Some(ahead), years, NOON.plus(DAY)).expect("it is due");
    assert_eq!(back.as_of, NOON.plus(DAY));
}
