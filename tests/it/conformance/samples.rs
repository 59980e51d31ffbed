//! What every `Samples` promises: what was seen comes back in order and of one identity only, and grows old by the
//! same rules.

use signalbox_core::identity::Identity;
use signalbox_core::ports::{Readings, Samples};
use signalbox_core::time::{DAY, HOUR, MINUTE, Timestamp};
use signalbox_core::usage::{Reading, Sample, Usage, Window, WindowKind};

/// A place for samples. Only a stored reading brings any.
pub struct Rig {
    readings: Box<dyn Readings>,
    samples: Box<dyn Samples>,
    /// Another process over the same place.
    other: Box<dyn Samples>,
    // Removes the folder when dropped.
    _folder: Option<tempfile::TempDir>,
}

impl Rig {
    fn fake() -> Self {
        let world = signalbox_core::fakes::World::new();
        let (readings, samples) = (Box::new(world.clone()), Box::new(world.clone()));
        Self { readings, samples, other: Box::new(world), _folder: None }
    }

    fn database() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let open = || signalbox_machine::database::Database::new(folder.path());
        let database = open();
        let (readings, samples) = (Box::new(database.clone()), Box::new(database));
        Self { readings, samples, other: Box::new(open()), _folder: Some(folder) }
    }

    /// Reads both main windows at these percents.
    fn read(&self, at: Timestamp, percents: [f64; 2]) {
        self.read_of(&ada(), at, percents, Some(RESET));
    }

    fn read_of(&self, identity: &Identity, at: Timestamp, percents: [f64; 2], resets_at: Option<Timestamp>) {
        let kinds = [WindowKind::FiveHour, WindowKind::SevenDay];
        let windows = kinds.into_iter().zip(percents).map(|(kind, percent)| Window { kind, percent, resets_at });
        let usage = Usage { windows: windows.collect(), spend: None };
        self.readings.store(identity, &Reading::answered(usage, at)).expect("it is stored");
    }

    /// One window's samples since a moment, as minutes from noon and percents.
    fn told(&self, kind: &WindowKind, since: Timestamp) -> Vec<(i64, f64)> {
        let samples = self.other.since(&ada(), since).expect("the samples");
        let of_kind = samples.iter().filter(|sample| sample.kind == *kind);
        of_kind.map(|sample| (sample.at.since(NOON) / MINUTE, sample.percent)).collect()
    }

    fn five_hour(&self, since: Timestamp) -> Vec<(i64, f64)> {
        self.told(&WindowKind::FiveHour, since)
    }
}

conformance!([
    nothing_was_seen_at_first,
    what_was_seen_comes_back_as_it_was,
    samples_come_in_order_from_a_moment_on,
    an_identity_sees_its_own_samples_alone,
    what_stands_still_is_seen_all_the_time,
    nobody_knows_what_happened_while_nobody_looked,
    a_reset_begins_anew_though_the_number_is_the_same,
    of_one_minute_the_last_word_is_kept,
    a_statusline_tells_nothing_of_a_models_window,
    a_clock_that_goes_back_hides_nothing,
    a_moment_that_is_told_twice_is_kept_once,
    ninety_days_are_kept_as_they_were_seen,
    of_an_older_hour_the_highest_is_kept,
    what_stood_still_for_long_is_kept_through_thinning,
    nothing_is_kept_for_more_than_two_years,
    it_is_thinned_once_a_day,
    a_clock_that_runs_years_ahead_costs_nothing,
    forgetting_an_identity_takes_its_samples_and_nobody_elses,
    thinning_nothing_is_no_error,
];
    fake = super::Rig::fake(),
    database = super::Rig::database(),
);

/// The start of a minute and of an hour.
const NOON: Timestamp = Timestamp::from_ms(1_795_262_400_000);
const RESET: Timestamp = NOON.plus(5 * HOUR);
const WEEK: WindowKind = WindowKind::SevenDay;

fn ada() -> Identity {
    Identity::new("acc-ada", "org-1").expect("two names")
}

fn bob() -> Identity {
    Identity::new("acc-bob", "org-1").expect("two names")
}

fn minute(number: i64) -> Timestamp {
    NOON.plus(number * MINUTE)
}

fn nothing_was_seen_at_first(rig: &Rig) {
    assert_eq!(rig.samples.since(&ada(), Timestamp::from_ms(0)), Ok(Vec::new()));
}

fn what_was_seen_comes_back_as_it_was(rig: &Rig) {
    let windows = vec![
        Window { kind: WindowKind::FiveHour, percent: 41.5, resets_at: Some(RESET) },
        Window { kind: WindowKind::SevenDay, percent: 104.0, resets_at: None },
        Window { kind: WindowKind::Model("Opus “4” 5h".to_owned()), percent: 0.0, resets_at: Some(RESET.plus(-1)) },
        Window { kind: WindowKind::Model("5h".to_owned()), percent: 1.0 / 3.0, resets_at: None },
        Window { kind: WindowKind::Model("model:5h".to_owned()), percent: 2.0, resets_at: None },
    ];
    let reading = Reading::answered(Usage { windows, spend: None }, NOON.plus(123));
    assert_eq!(rig.readings.store(&ada(), &reading), Ok(()));
    let expected: Vec<Sample> = reading.samples().collect();
    for samples in [&rig.samples, &rig.other] {
        assert_eq!(samples.since(&ada(), NOON), Ok(expected.clone()));
    }
}

fn samples_come_in_order_from_a_moment_on(rig: &Rig) {
    for (number, percent) in [(0, 1.0), (5, 2.0), (10, 3.0)] {
        rig.read(minute(number), [percent, 7.0]);
    }
    assert_eq!(rig.five_hour(NOON), [(0, 1.0), (5, 2.0), (10, 3.0)]);
    assert_eq!(rig.five_hour(minute(5)), [(5, 2.0), (10, 3.0)]);
    assert_eq!(rig.five_hour(minute(11)), []);
    let all = rig.other.since(&ada(), NOON).expect("the samples");
    assert!(all.is_sorted_by_key(|sample| sample.at), "{all:?}");
    assert_eq!(all.len(), 3 + 2, "the week stood still, and is told at both ends");
}

fn an_identity_sees_its_own_samples_alone(rig: &Rig) {
    rig.read(NOON, [1.0, 2.0]);
    rig.read_of(&bob(), NOON, [3.0, 4.0], None);
    assert_eq!(rig.five_hour(NOON), [(0, 1.0)]);
    let of_bob = rig.other.since(&bob(), NOON).expect("the samples");
    assert_eq!(of_bob.iter().map(|sample| sample.percent).collect::<Vec<_>>(), [3.0, 4.0]);
    for (account, organization) in [("acc-ada", "org-2"), ("acc-adaorg", "-1")] {
        let stranger = Identity::new(account, organization).expect("two names");
        assert_eq!(rig.other.since(&stranger, NOON), Ok(Vec::new()));
    }
}

fn what_stands_still_is_seen_all_the_time(rig: &Rig) {
    for number in 0..=25 {
        rig.read(minute(number), [41.0, 7.0]);
    }
    rig.read(minute(30), [42.0, 7.0]);
    assert_eq!(rig.five_hour(NOON), [(0, 41.0), (10, 41.0), (20, 41.0), (25, 41.0), (30, 42.0)]);
    assert_eq!(
        rig.five_hour(minute(7)),
        [(7, 41.0), (17, 41.0), (25, 41.0), (30, 42.0)],
        "it stood there at that moment"
    );
    let told = rig.five_hour(minute(-3 * 24 * 60));
    assert_eq!(told, [(0, 41.0), (25, 41.0), (30, 42.0)], "hourly where more than two days are asked for");
}

fn nobody_knows_what_happened_while_nobody_looked(rig: &Rig) {
    rig.read(NOON, [41.0, 7.0]);
    rig.read(minute(90), [41.0, 8.0]);
    rig.read(minute(181), [41.0, 8.0]);
    assert_eq!(rig.five_hour(minute(60)), [(60, 41.0), (70, 41.0), (80, 41.0), (90, 41.0), (181, 41.0)]);
    assert_eq!(rig.told(&WEEK, NOON), [(0, 7.0), (90, 8.0), (181, 8.0)]);
}

fn a_reset_begins_anew_though_the_number_is_the_same(rig: &Rig) {
    for (number, resets_at) in [(0, Some(RESET)), (20, Some(RESET.plus(5 * HOUR))), (21, None), (50, None)] {
        rig.read_of(&ada(), minute(number), [0.0, 0.0], resets_at);
    }
    let samples = rig.other.since(&ada(), NOON).expect("the samples");
    let of_kind = samples.iter().filter(|sample| sample.kind == WEEK);
    let told: Vec<_> = of_kind.map(|sample| (sample.at.since(NOON) / MINUTE, sample.resets_at)).collect();
    let next = Some(RESET.plus(5 * HOUR));
    assert_eq!(told, [(0, Some(RESET)), (20, next), (21, None), (31, None), (41, None), (50, None)]);
}

fn of_one_minute_the_last_word_is_kept(rig: &Rig) {
    for second in 0..90_i32 {
        rig.read(NOON.plus(i64::from(second) * 1_000), [f64::from(second), 7.0]);
    }
    assert_eq!(rig.five_hour(NOON), [(0, 59.0), (1, 89.0)]);
}

fn a_statusline_tells_nothing_of_a_models_window(rig: &Rig) {
    let opus = WindowKind::Model("Opus".to_owned());
    let windows = vec![
        Window { kind: WindowKind::FiveHour, percent: 1.0, resets_at: Some(RESET) },
        Window { kind: opus.clone(), percent: 50.0, resets_at: None },
    ];
    let reading = Reading::answered(Usage { windows, spend: None }, NOON);
    rig.readings.store(&ada(), &reading).expect("it is stored");
    let newer = [Window { kind: WindowKind::FiveHour, percent: 2.0, resets_at: Some(RESET) }];
    rig.readings.store(&ada(), &reading.overlaid(&newer, minute(5))).expect("it is stored");
    assert_eq!(rig.five_hour(NOON), [(0, 1.0), (5, 2.0)]);
    assert_eq!(rig.told(&opus, NOON), [(0, 50.0)], "it was not looked at again");
}

fn a_clock_that_goes_back_hides_nothing(rig: &Rig) {
    let tomorrow = 24 * 60;
    rig.read(minute(tomorrow), [41.0, 7.0]);
    rig.read(minute(tomorrow + 30), [41.0, 7.0]);
    for (number, percent) in [(0, 41.0), (5, 42.0), (10, 42.0), (tomorrow + 10, 41.0), (tomorrow + 20, 50.0)] {
        rig.read(minute(number), [percent, 7.0]);
    }
    assert_eq!(
        rig.five_hour(minute(tomorrow + 15)),
        [(tomorrow + 15, 41.0), (tomorrow + 20, 50.0), (tomorrow + 25, 41.0), (tomorrow + 30, 41.0)]
    );
    assert_eq!(rig.five_hour(NOON)[..3], [(0, 41.0), (5, 42.0), (10, 42.0)]);
}

fn a_moment_that_is_told_twice_is_kept_once(rig: &Rig) {
    for percent in [41.0, 41.0, 43.0] {
        rig.read(NOON, [percent, 7.0]);
    }
    assert_eq!(rig.five_hour(NOON), [(0, 43.0)], "the last word counts");
}

/// A reading every ten minutes of four hours, `days` ago, and one at noon today.
fn four_hours(rig: &Rig, days: i64) -> Timestamp {
    let start = NOON.plus(-days * DAY);
    for (number, percent) in (0..24).zip([1.0, 2.0, 9.0, 3.0, 4.0, 5.0].into_iter().cycle()) {
        rig.read(start.plus(number * 10 * MINUTE), [percent, 7.0]);
    }
    rig.read(NOON, [50.0, 7.0]);
    start
}

fn ninety_days_are_kept_as_they_were_seen(rig: &Rig) {
    let start = four_hours(rig, 90);
    let before = rig.other.since(&ada(), start);
    assert_eq!(rig.samples.thin(NOON), Ok(()));
    assert_eq!(rig.other.since(&ada(), start), before);
}

fn of_an_older_hour_the_highest_is_kept(rig: &Rig) {
    let start = four_hours(rig, 91);
    assert_eq!(rig.samples.thin(NOON), Ok(()));
    let offset = start.since(NOON) / MINUTE;
    let told: Vec<_> = rig.five_hour(start).into_iter().map(|(at, percent)| (at - offset, percent)).collect();
    assert_eq!(told, [(20, 9.0), (80, 9.0), (140, 9.0), (200, 9.0), (-offset, 50.0)]);
}

fn what_stood_still_for_long_is_kept_through_thinning(rig: &Rig) {
    let start = four_hours(rig, 91);
    let before = rig.told(&WEEK, start);
    assert_eq!(before.len(), 1 + 3 + 1 + 1, "hourly, both ends, and today");
    assert_eq!(rig.samples.thin(NOON), Ok(()));
    assert_eq!(rig.told(&WEEK, start), before);
}

fn nothing_is_kept_for_more_than_two_years(rig: &Rig) {
    four_hours(rig, 800);
    let border = NOON.plus(-730 * DAY);
    for number in 0..12 {
        // It stood still over the border.
        rig.read(border.plus((number - 6) * HOUR), [8.0, 7.0]);
    }
    assert_eq!(rig.samples.thin(NOON), Ok(()));
    let left = rig.other.since(&ada(), Timestamp::from_ms(0)).expect("the samples");
    assert_eq!(left.first().map(|sample| sample.at), Some(border));
    assert!(left.iter().all(|sample| sample.percent != 9.0), "{left:?}");
}

fn it_is_thinned_once_a_day(rig: &Rig) {
    rig.read(NOON, [1.0, 7.0]);
    assert_eq!(rig.samples.thin(NOON), Ok(()));
    let start = four_hours(rig, 91);
    let before = rig.other.since(&ada(), start);
    assert_eq!(rig.samples.thin(NOON.plus(DAY - 1)), Ok(()));
    assert_eq!(rig.other.since(&ada(), start), before, "it was done within a day");
}

fn a_clock_that_runs_years_ahead_costs_nothing(rig: &Rig) {
    let start = four_hours(rig, 60);
    assert_eq!(rig.samples.thin(NOON), Ok(()));
    let before = rig.five_hour(start);
    let years = NOON.plus(3_650 * DAY);
    assert_eq!(rig.samples.thin(years), Ok(()), "nothing was read in that time");
    rig.read(years, [50.0, 7.0]);
    assert_eq!(rig.samples.thin(years.plus(DAY)), Ok(()));
    let kept = rig.five_hour(start);
    assert_eq!(kept[..before.len()], before[..], "all of it is there when the clock is right again");
}

fn forgetting_an_identity_takes_its_samples_and_nobody_elses(rig: &Rig) {
    rig.read(NOON, [1.0, 2.0]);
    rig.read_of(&bob(), NOON, [3.0, 4.0], None);
    assert_eq!(rig.readings.forget(&ada()), Ok(()));
    assert_eq!(rig.other.since(&ada(), Timestamp::from_ms(0)), Ok(Vec::new()));
    assert_eq!(rig.other.since(&bob(), NOON).expect("the samples").len(), 2);
    rig.read(NOON, [5.0, 6.0]);
    assert_eq!(rig.five_hour(NOON), [(0, 5.0)], "who comes back begins anew");
}

fn thinning_nothing_is_no_error(rig: &Rig) {
    assert_eq!(rig.samples.thin(NOON), Ok(()));
}
