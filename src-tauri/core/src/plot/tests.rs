//! Tables for the shape of a plot: what a line keeps, where it breaks, when a window was reset, and who went live.

use super::*;
use crate::time::MINUTE;

const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);

fn sample(minutes_ago: i64, percent: f64, resets_in_minutes: Option<i64>) -> Sample {
    let resets_at = resets_in_minutes.map(|minutes| NOW.plus(minutes * MINUTE));
    Sample { at: NOW.plus(-minutes_ago * MINUTE), kind: WindowKind::FiveHour, percent, resets_at }
}

fn line(samples: &[Sample], span: Span) -> Series {
    let mut all = series(samples, NOW.plus(-span.ms()), NOW, span);
    assert_eq!(all.len(), 1, "one window, one line");
    all.remove(0)
}

/// Minutes before now, and percent.
fn drawn(series: &Series) -> Vec<(i64, Option<f64>)> {
    series.points.iter().map(|(at, percent)| (NOW.since(*at) / MINUTE, *percent)).collect()
}

fn minutes_ago(resets: &[Timestamp]) -> Vec<i64> {
    resets.iter().map(|at| NOW.since(*at) / MINUTE).collect()
}

fn entry(minute: i64, event: Event) -> Entry {
    Entry { at: NOW.plus(minute * MINUTE), by: "app".to_owned(), event }
}

fn alias(text: &str) -> Alias {
    Alias::parse(text).expect("an alias")
}

fn switched(to: &str) -> Event {
    Event::Switched { from: None, to: alias(to), unverified: None }
}

#[test]
fn only_the_four_spans_are_spans() {
    for (days, span) in
        [(1, Some(Span::Day)), (7, Some(Span::Week)), (30, Some(Span::Month)), (90, Some(Span::Quarter))]
    {
        assert_eq!(Span::of_days(days), span);
    }
    for days in [0, 2, 8, 31, 91, 365, u32::MAX] {
        assert_eq!(Span::of_days(days), None, "{days} days");
    }
}

#[test]
fn a_line_is_broken_by_more_than_an_hour_of_silence_and_not_by_less() {
    let one_hour = [sample(120, 10.0, None), sample(60, 20.0, None)];
    assert_eq!(drawn(&line(&one_hour, Span::Day)), [(120, Some(10.0)), (60, Some(20.0))]);
    let longer = [sample(121, 10.0, None), sample(60, 20.0, None)];
    assert_eq!(drawn(&line(&longer, Span::Day)), [(121, Some(10.0)), (120, None), (60, Some(20.0))]);
}

#[test]
fn a_window_that_is_used_up_is_known_until_its_reset() {
    let until_later = [sample(200, 100.0, Some(-50)), sample(60, 100.0, Some(-50))];
    assert_eq!(drawn(&line(&until_later, Span::Day)).len(), 2, "nothing can have changed");
    let reset_between = [sample(200, 100.0, Some(-80)), sample(60, 3.0, Some(200))];
    assert_eq!(drawn(&line(&reset_between, Span::Day)).len(), 3, "what came after the reset is unknown");
}

#[test]
fn a_long_line_is_thinned_and_keeps_every_peak() {
    let minutes = 90 * 24 * 60;
    let reading = |ago: i64| sample(ago, if ago == 70_001 { 97.0 } else { 40.0 }, None);
    let samples: Vec<Sample> = (0..minutes).rev().map(reading).collect();
    let points = line(&samples, Span::Quarter).points;
    assert!((1_400..=1_502).contains(&points.len()), "{} points", points.len());
    let peak = points.iter().find(|(_, percent)| *percent == Some(97.0)).expect("the peak of one minute");
    assert_eq!(NOW.since(peak.0), 70_001 * MINUTE, "where it was");
    assert!(points.is_sorted_by_key(|(at, _)| *at), "oldest first");
}

#[test]
fn a_line_with_a_silence_after_every_reading_is_bounded_too() {
    for span in Span::ALL {
        let step = span.silence_ms() / MINUTE + 1;
        let samples: Vec<Sample> = (0..span.ms() / MINUTE / step).rev().map(|n| sample(n * step, 1.0, None)).collect();
        let points = line(&samples, span).points.len();
        assert!(i64::try_from(points).expect("few") <= 2 * POINTS_MAX, "{span:?}: {points} points");
    }
}

#[test]
fn what_is_outside_the_span_or_from_the_future_is_left_out() {
    let samples = [sample(25 * 60, 1.0, None), sample(60, 2.0, None), sample(-60, 3.0, None)];
    assert_eq!(drawn(&line(&samples, Span::Day)), [(60, Some(2.0))]);
    assert!(series(&samples[..1], NOW.plus(-DAY), NOW, Span::Day).is_empty(), "no reading, no line");
}

#[test]
fn a_window_was_reset_when_it_said_so_or_when_it_fell_early() {
    let as_said = [sample(90, 80.0, Some(-60)), sample(30, 2.0, Some(240))];
    assert_eq!(minutes_ago(&line(&as_said, Span::Day).resets), [60]);
    let unseen_since = [sample(90, 80.0, Some(-60))];
    assert_eq!(minutes_ago(&line(&unseen_since, Span::Day).resets), [60], "also when nobody has looked since");
    let still_to_come = [sample(90, 80.0, Some(10)), sample(30, 81.0, Some(10))];
    assert_eq!(minutes_ago(&line(&still_to_come, Span::Day).resets), Vec::<i64>::new());
    let early = [sample(90, 80.0, Some(60)), sample(30, 2.0, Some(270))];
    assert_eq!(minutes_ago(&line(&early, Span::Day).resets), [30], "the provider gave it back early");
    let mut wavering = [sample(90, 80.0, Some(60)), sample(30, 79.0, Some(60))];
    wavering[1].resets_at = wavering[1].resets_at.map(|at| at.plus(2_000));
    assert_eq!(minutes_ago(&line(&wavering, Span::Day).resets), Vec::<i64>::new(), "two seconds are no reset");
}

#[test]
fn each_window_has_its_line_the_great_ones_first() {
    let of = |kind: WindowKind| Sample { kind, ..sample(5, 1.0, None) };
    let model = |name: &str| of(WindowKind::Model(name.to_owned()));
    let samples = [model("Sonnet"), of(WindowKind::SevenDay), model("Opus"), of(WindowKind::FiveHour)];
    let all = series(&samples, NOW.plus(-DAY), NOW, Span::Day);
    let labels: Vec<&str> = all.iter().map(|series| series.label.as_str()).collect();
    assert_eq!(labels, ["5-hour", "7-day", "Opus", "Sonnet"]);
}

#[test]
fn a_profile_went_live_when_another_was_before() {
    let entries = [
        entry(0, switched("work")),
        entry(1, Event::Rotated { alias: alias("work") }),
        entry(2, switched("work")),
        entry(3, Event::SwitchFailed { to: alias("home"), why: "offline".to_owned() }),
        entry(4, Event::SwitchedOutside { from: Some(alias("work")), to: alias("home"), rival: false }),
        entry(5, Event::Reverted { wanted: alias("home"), found: alias("work"), by: Vec::new() }),
        entry(6, Event::Restored { alias: alias("home") }),
    ];
    let switches = went_live(&entries, &Roster::new());
    let told: Vec<_> = switches.iter().map(|switch| (NOW.since(switch.at) / -MINUTE, switch.alias.as_str())).collect();
    assert_eq!(told, [(0, "work"), (4, "home"), (5, "work"), (6, "home")]);
    assert!(switches.iter().all(|switch| switch.id.is_none()), "none of them is a profile any more");
}

#[test]
fn a_renamed_profile_is_told_by_its_present_name() {
    let renamed = Event::Renamed { from: alias("work"), to: alias("job") };
    let entries = [entry(0, switched("work")), entry(1, renamed), entry(2, switched("job"))];
    let told = went_live(&entries, &Roster::new());
    assert_eq!(told.len(), 1, "it was live all the time");
    assert_eq!(told[0].alias, alias("job"));
}

#[test]
fn a_reset_is_when_it_was_announced_or_when_another_came_before_it() {
    let at = |hours: i64| Timestamp::from_ms(hours * HOUR);
    let sample = |hour, percent, resets_at: Option<Timestamp>| Sample {
        at: at(hour),
        kind: WindowKind::FiveHour,
        percent,
        resets_at,
    };
    let (one, two) = (Some(at(5)), Some(at(10)));
    let wavering = one.map(|at| at.plus(2_000));
    for (samples, now, expected) in [
        (vec![sample(1, 1.0, one), sample(2, 2.0, wavering)], 3, vec![]),
        (vec![sample(1, 1.0, one), sample(6, 0.0, two)], 7, vec![5]),
        (vec![sample(1, 1.0, one), sample(6, 0.0, None)], 7, vec![5]),
        (vec![sample(1, 0.0, None), sample(2, 1.0, one)], 3, vec![]),
        (vec![sample(1, 9.0, one), sample(2, 0.0, two)], 3, vec![2]),
        (vec![sample(1, 1.0, one)], 6, vec![5]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(at).collect();
        assert_eq!(resets(&samples.iter().collect::<Vec<_>>(), at(now)), expected, "{samples:?}");
    }
}
