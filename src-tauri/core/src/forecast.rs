//! What usage is going to be: how fast each window burns, and whether it lasts until its reset. Pure: samples in, a forecast
//! out. Leaves keeping samples to the `Samples` port and the words to the faces.
//!
//! Nobody's next hours are like his last ten minutes, and nobody's next minutes are like his average. So a window is walked
//! through in steps until its reset: at first at the pace of late, then at the pace that it had before. For a window of seven
//! days that is what yesterday burned at the same hours, so that a night is a night. Between "reaches its limit" and "lasts"
//! there is a band in which nothing is said.

use crate::time::{DAY, HOUR, MINUTE, Timestamp};
use crate::usage::{SAME_RESET_MS, Sample, Window, WindowKind};

/// No forecast looks back further: a day, so that every hour has one of yesterday.
pub const LOOKBACK_MS: i64 = DAY;
/// No trend is seen in less.
const TREND_MS: i64 = 10 * MINUTE;
/// A feed tells every few seconds; one sample of each such span is enough.
const THIN_MS: i64 = MINUTE;
/// Used up.
const FULL: f64 = 100.0;

/// Where a window is going at the pace of late.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Percent of the window in an hour, on average until its end; never negative.
    pub per_hour: f64,
    pub end: End,
}

/// How a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Used up before its reset, at this moment.
    Limit(Timestamp),
    /// It lasts until its reset.
    Lasts,
}

/// How a kind of window is looked at.
struct Manner {
    /// The pace of late is that of this long.
    recent_ms: i64,
    /// For how long it is believed to go on.
    holds_ms: i64,
    /// From then on the period has an average.
    settles_ms: i64,
    /// A newest sample that is older tells of another time.
    stale_ms: i64,
    step_ms: i64,
    /// Its hours of a day differ, and are like those of the day before.
    daily: bool,
}

const SHORT: Manner = Manner {
    recent_ms: 45 * MINUTE,
    holds_ms: 30 * MINUTE,
    settles_ms: TREND_MS,
    stale_ms: 30 * MINUTE,
    step_ms: 5 * MINUTE,
    daily: false,
};
const LONG: Manner = Manner {
    recent_ms: 2 * HOUR,
    holds_ms: HOUR,
    settles_ms: DAY,
    stale_ms: 3 * HOUR,
    step_ms: 30 * MINUTE,
    daily: true,
};
/// It lasts only where this much more than expected would not use it up: a share of what is expected, and some percent.
const SPARE: (f64, f64) = (1.25, 3.0);

/// The share of a window's time that has passed, 0 to 1: whoever has used more is ahead of time. `None` while the window has
/// not started, or its reset has passed.
pub fn pace(window: &Window, now: Timestamp) -> Option<f64> {
    let resets_at = window.resets_at.filter(|at| *at > now)?;
    let left = hours(resets_at.since(now)) / hours(window.kind.period_ms());
    Some((1.0 - left).clamp(0.0, 1.0))
}

/// Where this window is going, judged by its samples so far, oldest first; `samples` may hold other windows and earlier
/// periods. `None` where there is too little to judge by, or where it may as well end one way as the other.
pub fn forecast(samples: &[Sample], window: &Window, now: Timestamp) -> Option<Forecast> {
    let resets_at = window.resets_at.filter(|at| *at > now && window.percent >= 0.0)?;
    let manner = match window.kind {
        WindowKind::FiveHour => SHORT,
        WindowKind::SevenDay | WindowKind::Model(_) => LONG,
    };
    let all = thinned(samples, &window.kind, now);
    let begins = all.iter().rposition(|point| !point.is_of(resets_at)).map_or(0, |last| last + 1);
    let points = &all[begins..];
    let near = slope(points, manner.recent_ms);
    if window.percent >= FULL {
        return Some(Forecast { per_hour: near.unwrap_or(0.0), end: End::Limit(now) });
    }
    let (first, last) = (points.first()?, points.last()?);
    let elapsed = window.kind.period_ms().saturating_sub(resets_at.since(last.at));
    if last.at.since(first.at) < TREND_MS || now.since(last.at) > manner.stale_ms || elapsed < 0 {
        return None;
    }
    let step = hours(manner.step_ms);
    let outlook = Outlook {
        near: near.map(|near| near * step),
        holds: usize::try_from(manner.holds_ms / manner.step_ms).ok()?,
        average: (elapsed >= manner.settles_ms).then(|| window.percent / hours(elapsed) * step),
        yesterday: manner.daily.then(|| yesterday(&all, manner.step_ms, last.at)).flatten(),
        sees_ms: elapsed.min(2 * LOOKBACK_MS),
    };
    let said = outlook.end(window.percent, last.at, resets_at, manner.step_ms)?;
    let end = match said.end {
        End::Limit(at) => End::Limit(at.max(now)),
        End::Lasts => End::Lasts,
    };
    Some(Forecast { end, ..said })
}

/// What the coming steps will burn, in percent each, as far as it can be told from what was.
struct Outlook {
    /// Percent in a step, at the pace of late; it goes on for some steps.
    near: Option<f64>,
    holds: usize,
    /// Percent in a step, on average over the period so far.
    average: Option<f64>,
    /// What the steps of the last day burned.
    yesterday: Option<Vec<f64>>,
    /// A limit that is further away is not foretold: nobody sees further ahead than back, and no further than over a weekend.
    sees_ms: i64,
}

impl Outlook {
    /// Walks from the newest sample to the reset.
    fn end(&self, percent: f64, from: Timestamp, resets_at: Timestamp, step_ms: i64) -> Option<Forecast> {
        let (mut level, mut at, mut n) = (percent, from, 0);
        while at < resets_at {
            let length = resets_at.since(at).min(step_ms);
            let burns = self.burns(n)? * count(length) / count(step_ms);
            if level + burns >= FULL {
                #[expect(clippy::cast_possible_truncation, reason = "a share of one step")]
                let part = ((FULL - level) / burns * count(length)) as i64;
                let limit = at.plus(part);
                if limit >= resets_at || limit.since(from) > self.sees_ms {
                    return None;
                }
                let per_hour = (FULL - percent) / hours(limit.since(from).max(1));
                return Some(Forecast { per_hour, end: End::Limit(limit) });
            }
            (level, at, n) = (level + burns, at.plus(length), n + 1);
        }
        let rise = level - percent;
        let lasts = percent + rise * SPARE.0 + SPARE.1 < FULL;
        lasts.then(|| Forecast { per_hour: rise / hours(resets_at.since(from)), end: End::Lasts })
    }

    /// What step number `n` from now will burn; `None` where nothing tells.
    fn burns(&self, n: usize) -> Option<f64> {
        if let Some(near) = self.near.filter(|_| n < self.holds) {
            return Some(near);
        }
        let Some(yesterday) = &self.yesterday else { return self.average };
        let then = yesterday[n % yesterday.len()];
        let Some(average) = self.average else { return Some(then) };
        // Half yesterday, half the period so far, at yesterday's hours if it had any.
        let day: f64 = yesterday.iter().sum();
        let mean = day / count(i64::try_from(yesterday.len()).ok()?);
        Some(if mean > average / 4.0 { then * (mean + average) / (2.0 * mean) } else { (then + average) / 2.0 })
    }
}

/// One sample of a window, as far as a forecast is concerned.
#[derive(Clone, Copy)]
struct Point {
    at: Timestamp,
    percent: f64,
    resets_at: Option<Timestamp>,
}

impl Point {
    fn is_of(&self, resets_at: Timestamp) -> bool {
        self.resets_at.is_some_and(|at| at.since(resets_at).abs() <= SAME_RESET_MS)
    }
}

/// The samples of one window within the last day, at most one of each minute: the last, and always the newest of all.
fn thinned(samples: &[Sample], kind: &WindowKind, now: Timestamp) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let wanted = |sample: &&Sample| {
        sample.kind == *kind
            && (0.0..f64::MAX).contains(&sample.percent)
            && (0..=LOOKBACK_MS).contains(&now.since(sample.at))
    };
    for sample in samples.iter().filter(wanted) {
        let point = Point { at: sample.at, percent: sample.percent, resets_at: sample.resets_at };
        match points.last_mut() {
            Some(last) if point.at < last.at => {}
            Some(last) if point.at.ms().div_euclid(THIN_MS) == last.at.ms().div_euclid(THIN_MS) => *last = point,
            _ => points.push(point),
        }
    }
    // What stands between two that agree and agrees with neither is nobody's use.
    let outer: Vec<f64> = points.iter().map(|point| point.percent).collect();
    for (middle, three) in points.iter_mut().skip(1).zip(outer.windows(3)) {
        middle.percent = three[0].min(three[1]).max(three[0].max(three[1]).min(three[2]));
    }
    points
}

/// Percent in an hour over the last `span_ms`, by least squares, which evens out that the server tells whole percents.
/// `None` where that is no trend.
fn slope(points: &[Point], span_ms: i64) -> Option<f64> {
    let last = points.last()?;
    let late: Vec<&Point> = points.iter().filter(|point| last.at.since(point.at) <= span_ms).collect();
    if last.at.since(late.first()?.at) < TREND_MS {
        return None;
    }
    let along: Vec<(f64, f64)> = late.iter().map(|point| (-hours(last.at.since(point.at)), point.percent)).collect();
    let count = f64::from(u32::try_from(along.len()).ok()?);
    let mean = along.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0 / count, sum.1 + one.1 / count));
    let (mut both, mut square) = (0.0, 0.0);
    for (x, y) in along {
        both += (x - mean.0) * (y - mean.1);
        square += (x - mean.0).powi(2);
    }
    Some((both / square).max(0.0)).filter(|slope| slope.is_finite())
}

/// What each step of the last day burned, in percent, oldest step first. `None` where less than 20 hours were seen.
fn yesterday(points: &[Point], step_ms: i64, now: Timestamp) -> Option<Vec<f64>> {
    let first = points.first()?;
    if now.since(first.at) < LOOKBACK_MS * 5 / 6 {
        return None;
    }
    let begin = now.plus(-LOOKBACK_MS);
    let mut steps = vec![0.0; usize::try_from(LOOKBACK_MS / step_ms).ok()?];
    let mut top = first.percent;
    for pair in points.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        // After a reset all that is used was used since.
        if !from.resets_at.is_some_and(|at| to.is_of(at)) {
            top = 0.0;
        }
        let rise = (to.percent - top).max(0.0);
        top = top.max(to.percent);
        let (from, to) = (from.at.since(begin) / step_ms, to.at.since(begin) / step_ms);
        for step in from..=to {
            if let Some(slot) = usize::try_from(step).ok().and_then(|step| steps.get_mut(step)) {
                *slot += rise / count(to - from + 1);
            }
        }
    }
    Some(steps)
}

/// A length as a plain number.
#[expect(clippy::cast_precision_loss, reason = "exact up to 285 000 years, and nothing here needs more")]
fn count(n: i64) -> f64 {
    n as f64
}

fn hours(ms: i64) -> f64 {
    count(ms) / count(HOUR)
}
