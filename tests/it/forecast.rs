//! How good the forecast is: days and weeks of the shapes that were recorded, and at every moment of them what the forecast says
//! against what the day really brings. The figures are printed and stand in `docs/usage.md`; the bounds here are what is
//! promised. Single rules, and what must hold for any samples at all, are in `rules`.

mod rules;
mod shapes;

use std::fmt;

use shapes::{DAYS, Dice, Plan, Shape, WEEKS};
use signalbox_core::forecast::{End, Forecast, forecast};
use signalbox_core::time::{DAY, HOUR, MINUTE, Timestamp};
use signalbox_core::usage::{Sample, Window, WindowKind};

/// A Monday, midnight.
const BEGIN: Timestamp = Timestamp::from_ms(1_798_416_000_000);
const SEEDS: u64 = 24;

/// What really happened to one window, minute by minute, and what was heard of it.
struct Truth {
    percent: Vec<f64>,
    resets_at: Vec<Option<Timestamp>>,
    samples: Vec<Sample>,
}

fn minute_at(minute: usize) -> Timestamp {
    BEGIN.plus(i64::try_from(minute).expect("a week of minutes") * MINUTE)
}

/// Lives through a plan: a window opens with the first use after its reset, and at 100 nothing goes on until the next.
fn live(plan: &Plan, kind: &WindowKind, dice: &mut Dice) -> Truth {
    let mut truth = Truth { percent: Vec::new(), resets_at: Vec::new(), samples: Vec::new() };
    let (mut percent, mut resets_at): (f64, Option<Timestamp>) = (0.0, None);
    let mut next_sample = BEGIN;
    for (minute, burn) in plan.burns.iter().enumerate() {
        let now = minute_at(minute);
        if resets_at.is_some_and(|at| at <= now) {
            (percent, resets_at) = (0.0, None);
        }
        if *burn > 0.0 && resets_at.is_none() {
            resets_at = Some(now.plus(kind.period_ms()));
        }
        let before = percent;
        percent = (percent + burn).min(100.0);
        truth.percent.push(percent);
        truth.resets_at.push(resets_at);
        let every = if *burn > 0.0 { plan.every.0 } else { plan.every.1 };
        next_sample = next_sample.min(now.plus(every));
        while next_sample < now.plus(MINUTE) {
            let at = next_sample.max(now);
            next_sample = at.plus(every);
            if plan.deaf[minute] {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "a part of a minute")]
            let told = before + (percent - before) * (at.since(now) as f64 / MINUTE as f64);
            let told = if dice.roll() < plan.nonsense { dice.between(0.0, 99.0) } else { told };
            truth.samples.push(Sample {
                at,
                kind: kind.clone(),
                percent: if plan.rounds { told.round() } else { told },
                // Resets waver.
                resets_at: resets_at.map(|at| at.plus(dice.minutes(-2_000.0, 2_000.0))),
            });
        }
    }
    truth
}

/// How the forecasts of one kind of day did.
#[derive(Default)]
struct Score {
    /// Moments with a window under way, and those of them at which something was said.
    moments: u32,
    spoke: u32,
    /// Relative errors of the time to the limit, at moments at which it was near.
    errors: Vec<f64>,
    /// Moments at which the limit was near; of them, those at which it was foretold, and at which "lasts" was said.
    near: u32,
    foretold: u32,
    near_lasts: u32,
    /// Moments of periods that last with 15 percent to spare; of them, those at which a limit was foretold.
    spare: u32,
    alarms: u32,
    /// Moments within ten minutes of the limit, and of them those at which "lasts" was said.
    brink: u32,
    brink_lasts: u32,
}

impl Score {
    fn median(&self) -> f64 {
        let mut errors = self.errors.clone();
        errors.sort_by(f64::total_cmp);
        errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn add(&mut self, other: Self) {
        self.moments += other.moments;
        self.spoke += other.spoke;
        self.errors.extend(other.errors);
        self.near += other.near;
        self.foretold += other.foretold;
        self.near_lasts += other.near_lasts;
        self.spare += other.spare;
        self.alarms += other.alarms;
        self.brink += other.brink;
        self.brink_lasts += other.brink_lasts;
    }
}

fn share(part: u32, of: u32) -> f64 {
    if of == 0 { 0.0 } else { f64::from(part) / f64::from(of) }
}

impl fmt::Display for Score {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |part, of| 100.0 * share(part, of);
        write!(
            to,
            "{:6} | {:5.1} % | {:6} | {:5.1} % | {:5.1} % | {:5.1} % | {:6} | {:5.1} % | {:5} | {:5.1} % ",
            self.moments,
            percent(self.spoke, self.moments),
            self.near,
            percent(self.foretold, self.near),
            100.0 * self.median(),
            percent(self.near_lasts, self.near),
            self.spare,
            percent(self.alarms, self.spare),
            self.brink,
            percent(self.brink_lasts, self.brink),
        )
    }
}

/// Compares at every `step`th minute. `near_ms`: how far away a limit is called near.
fn score(truth: &Truth, kind: &WindowKind, step: usize, near_ms: i64) -> Score {
    let mut score = Score::default();
    let (mut from, mut to) = (0, 0);
    for minute in (0..truth.percent.len()).step_by(step) {
        let now = minute_at(minute);
        let Some(resets_at) = truth.resets_at[minute].filter(|_| truth.percent[minute] < 100.0) else { continue };
        let ends = minute + usize::try_from(resets_at.since(now) / MINUTE).expect("in the future");
        // What the rest of a period brings that the plan does not hold is unknown.
        if ends > truth.percent.len() {
            continue;
        }
        let limit = (minute..ends).find(|at| truth.percent[*at] >= 100.0).map(minute_at);
        while to < truth.samples.len() && truth.samples[to].at <= now {
            to += 1;
        }
        while from < to && now.since(truth.samples[from].at) > DAY {
            from += 1;
        }
        let heard = &truth.samples[from..to];
        let Some(newest) = heard.last() else { continue };
        let window = Window { kind: kind.clone(), percent: newest.percent, resets_at: newest.resets_at };
        let said = forecast(heard, &window, now);
        score.moments += 1;
        score.spoke += u32::from(said.is_some());
        let foretold = match said {
            Some(Forecast { end: End::Limit(at), .. }) => Some(at),
            _ => None,
        };
        let lasts = said.is_some_and(|said| said.end == End::Lasts);
        if let Some(limit) = limit {
            let left = limit.since(now);
            if left <= near_ms {
                score.near += 1;
                score.foretold += u32::from(foretold.is_some());
                score.near_lasts += u32::from(lasts);
                if let Some(at) = foretold.filter(|_| left >= near_ms / 12) {
                    #[expect(clippy::cast_precision_loss, reason = "less than a week")]
                    score.errors.push((at.since(limit).abs() as f64) / left as f64);
                }
            }
            if left <= 10 * MINUTE {
                score.brink += 1;
                score.brink_lasts += u32::from(lasts);
            }
        } else if truth.percent[ends - 1] < 85.0 {
            score.spare += 1;
            score.alarms += u32::from(foretold.is_some());
        }
    }
    score
}

const HEAD: &str = "moments | says | near | foretold | median error | \"lasts\" | spare | alarms | brink | \"lasts\"";

/// What is promised for one shape of day, in percent: the median error at most, limits that are near foretold at least, false
/// alarms at most.
struct Bounds {
    error: f64,
    foretold: f64,
    alarms: f64,
}

const fn bounds(error: f64, foretold: f64, alarms: f64) -> Bounds {
    Bounds { error, foretold, alarms }
}

fn run(title: &str, shapes: &[Shape], promised: &[Bounds], kind: &WindowKind, step: usize, near_ms: i64) -> Score {
    println!("{title:30} {HEAD}");
    let mut all = Score::default();
    let mut broken = Vec::new();
    for (index, ((name, shape), bounds)) in shapes.iter().zip(promised).enumerate() {
        let mut sum = Score::default();
        for seed in 0..SEEDS {
            let mut dice = Dice::new(1 + seed + 1_000 * u64::try_from(index).expect("a few shapes"));
            let plan = shape(&mut dice);
            sum.add(score(&live(&plan, kind, &mut dice), kind, step, near_ms));
        }
        println!("{name:30} {sum}");
        assert!(sum.moments > 1_000, "{name} tries next to nothing");
        let (error, foretold) = (100.0 * sum.median(), 100.0 * share(sum.foretold, sum.near));
        let alarms = 100.0 * share(sum.alarms, sum.spare);
        if sum.near > 0 && !(error <= bounds.error && foretold >= bounds.foretold) || alarms > bounds.alarms {
            broken.push(*name);
        }
        all.add(sum);
    }
    println!("{:30} {all}", "all");
    assert!(broken.is_empty(), "the bounds are broken by: {}", broken.join(", "));
    all
}

#[test]
fn a_forecast_of_five_hours_keeps_its_bounds_on_days_of_every_shape() {
    const PROMISED: [Bounds; 8] = [
        bounds(20.0, 95.0, 10.0),
        bounds(42.0, 95.0, 12.0),
        bounds(20.0, 99.0, 8.0),
        bounds(20.0, 99.0, 18.0),
        bounds(20.0, 93.0, 18.0),
        bounds(16.0, 97.0, 1.0),
        bounds(24.0, 80.0, 2.0),
        bounds(20.0, 95.0, 5.0),
    ];
    let all = run("5-hour", &DAYS, &PROMISED, &WindowKind::FiveHour, 2, HOUR);
    assert!(all.median() <= 0.20, "the time to a limit less than an hour away is off by {:.2}", all.median());
    assert!(share(all.alarms, all.spare) <= 0.08, "too many false alarms");
    assert!(share(all.near_lasts, all.near) <= 0.005, "`lasts` is said less than an hour before the limit");
    assert_eq!(all.brink_lasts, 0, "`lasts` is said within ten minutes of the limit");
}

#[test]
fn a_forecast_of_seven_days_keeps_its_bounds_on_weeks_of_every_shape() {
    const PROMISED: [Bounds; 5] = [
        bounds(10.0, 95.0, 12.0),
        bounds(16.0, 95.0, 12.0),
        bounds(8.0, 90.0, 1.0),
        bounds(16.0, 95.0, 1.0),
        bounds(0.0, 100.0, 6.0),
    ];
    let all = run("7-day", &WEEKS, &PROMISED, &WindowKind::SevenDay, 20, DAY);
    assert!(all.median() <= 0.12, "the time to a limit less than a day away is off by {:.2}", all.median());
    assert!(share(all.alarms, all.spare) <= 0.06, "too many false alarms");
    assert!(share(all.near_lasts, all.near) <= 0.005, "`lasts` is said less than a day before the limit");
    assert_eq!(all.brink_lasts, 0, "`lasts` is said within ten minutes of the limit");
}
