//! How samples are kept: usage mostly stands still, so what is kept is for how long a window stood where. Pure: which
//! sample makes a stretch longer, what a stretch tells again, what is thinned out and when. Leaves the rows to the
//! `Samples` port, whose adapters all follow these rules.

use crate::time::{DAY, HOUR, MINUTE, Timestamp};
use crate::usage::{SAME_RESET_MS, Sample, WindowKind};

/// Of what nobody looked at for longer, nobody knows that it stood still. What is read hourly comes some minutes later
/// at times.
pub const SEEN_MS: i64 = 90 * MINUTE;
/// A statusline tells more often than anybody wants to know: one stretch of a window begins in a minute.
const GRAIN_MS: i64 = MINUTE;
/// A stretch is told as a sample every so often, as if it had been read by the schedule ...
const STEP_MS: i64 = 10 * MINUTE;
/// ... and every hour where more than this is asked for.
const LONG_MS: i64 = 2 * DAY;
/// Everything that was seen is kept for so long.
pub const RAW_MS: i64 = 90 * DAY;
/// Nothing is kept for longer.
pub const KEPT_MS: i64 = 730 * DAY;
/// Thinning moves on by no more at once: a clock that is years ahead for a day must not cost the history.
const STRIDE_MS: i64 = 7 * DAY;

/// A window that stood still.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    pub kind: WindowKind,
    /// When it was first seen so.
    pub first: Timestamp,
    /// When it was last seen so.
    pub last: Timestamp,
    pub percent: f64,
    pub resets_at: Option<Timestamp>,
}

/// What a new sample does to what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It says nothing new.
    Nothing,
    /// The stretch before it reaches to it.
    Longer,
    /// It takes the place of the stretch before it.
    Instead,
    /// It begins a stretch of its own.
    Begins,
}

impl Stretch {
    /// The shortest one.
    pub fn of(sample: &Sample) -> Self {
        let Sample { at, kind, percent, resets_at } = sample.clone();
        Self { kind, first: at, last: at, percent, resets_at }
    }

    #[expect(clippy::float_cmp, reason = "a number that was told twice is the same to the last bit")]
    fn says(&self, sample: &Sample) -> bool {
        self.percent == sample.percent && self.is_of(sample.resets_at)
    }

    /// Whether it belongs to the period that ends then.
    fn is_of(&self, resets_at: Option<Timestamp>) -> bool {
        match (self.resets_at, resets_at) {
            (Some(mine), Some(other)) => mine.since(other).abs() <= SAME_RESET_MS,
            (mine, other) => mine == other,
        }
    }

    fn lies_within(&self, span_ms: i64) -> bool {
        self.first.ms().div_euclid(span_ms) == self.last.ms().div_euclid(span_ms)
    }
}

/// What this sample changes. `before`: the stretch of the same window that ends last before it. `after`: the one that
/// ends first at its moment or later; there is one only where the clock was set back, or a moment is told twice.
pub fn change(before: Option<&Stretch>, after: Option<&Stretch>, sample: &Sample) -> Change {
    if let Some(after) = after.filter(|after| after.first <= sample.at)
        && (after.says(sample) || after.last == sample.at)
    {
        // A moment that is told otherwise the second time is corrected; a stretch that others saw too stays.
        return if after.says(sample) || after.first < after.last { Change::Nothing } else { Change::Begins };
    }
    match before {
        Some(before) if before.says(sample) && sample.at.since(before.last) <= SEEN_MS => Change::Longer,
        Some(before) if before.is_of(sample.resets_at) && same_grain(before.first, sample.at) => Change::Instead,
        _ => Change::Begins,
    }
}

fn same_grain(a: Timestamp, b: Timestamp) -> bool {
    a.ms().div_euclid(GRAIN_MS) == b.ms().div_euclid(GRAIN_MS)
}

/// The stretches of one identity as samples from `since` on, oldest first. A stretch that began earlier is told from
/// `since` on.
pub fn samples(stretches: impl Into<Vec<Stretch>>, since: Timestamp) -> Vec<Sample> {
    let stretches = stretches.into();
    let newest = stretches.iter().map(|stretch| stretch.last).max().unwrap_or(since);
    let step = if newest.since(since) > LONG_MS { HOUR } else { STEP_MS };
    let mut samples = Vec::with_capacity(2 * stretches.len());
    for stretch in stretches.into_iter().filter(|stretch| stretch.last >= since) {
        let Stretch { kind, percent, resets_at, last, first } = stretch;
        let mut at = first.max(since);
        while at < last {
            samples.push(Sample { at, kind: kind.clone(), percent, resets_at });
            at = at.plus(step);
        }
        // Most have one sample, which takes the name of its window with it.
        samples.push(Sample { at: last, kind, percent, resets_at });
    }
    samples.sort_by_key(|sample| sample.at);
    samples
}

/// Which of these are thinned out: of those that lie within one hour the highest stays, the last of several. What
/// reaches into another hour stays. `stretches`: those of one window, by their ends, and each hour whole.
pub fn thinned(stretches: &[Stretch]) -> Vec<bool> {
    let hour = |stretch: &Stretch| stretch.last.ms().div_euclid(HOUR);
    let mut out = vec![false; stretches.len()];
    let mut highest: Option<usize> = None;
    for (index, stretch) in stretches.iter().enumerate().filter(|(_, stretch)| stretch.lies_within(HOUR)) {
        if let Some(other) = highest.filter(|other| hour(&stretches[*other]) == hour(stretch)) {
            if stretches[other].percent > stretch.percent {
                out[index] = true;
                continue;
            }
            out[other] = true;
        }
        highest = Some(index);
    }
    out
}

/// When it was last thinned out, and as of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// By the clock.
    pub done_at: Timestamp,
    /// The moment that ages were counted from.
    pub as_of: Timestamp,
}

impl Upkeep {
    /// The upkeep that is due now; `None` while the last one is less than a day ago. `newest`: the end of the newest
    /// stretch; ages are counted from it, so that a clock that is ahead makes nothing old.
    pub fn due(last: Option<Self>, newest: Timestamp, now: Timestamp) -> Option<Self> {
        let as_of = now.min(newest);
        match last {
            // A moment to come was made by a clock that has been set back; then it is due when a day's difference is
            // past.
            Some(last) if now.since(last.done_at).abs() < DAY => None,
            Some(last) => Some(Self { done_at: now, as_of: as_of.min(last.as_of.plus(STRIDE_MS)) }),
            None => Some(Self { done_at: now, as_of }),
        }
    }

    /// What ended before this is thinned out. The start of an hour, because hours are thinned whole.
    pub fn raw_from(self) -> Timestamp {
        let at = self.as_of.plus(-RAW_MS).ms();
        Timestamp::from_ms(at - at.rem_euclid(HOUR))
    }

    /// What was before this is forgotten.
    pub fn kept_from(self) -> Timestamp {
        self.as_of.plus(-KEPT_MS)
    }
}

#[cfg(test)]
mod tests;
