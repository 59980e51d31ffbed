//! Usage over time, shaped for a plot: a line for each window of each profile with its gaps and resets, and the moments at
//! which another profile went live. Owns what may be left out of a line and what may not; also the same numbers as CSV.
//! Leaves keeping samples to the `Samples` port, and drawing to the faces. A terminal draws from the samples themselves.

pub mod csv;

use serde::Serialize;

use crate::flow::FlowError;
use crate::history::{Entry, Event};
use crate::ports::Ports;
use crate::profile::{Alias, Profile, Roster};
use crate::time::{DAY, HOUR, Timestamp};
use crate::usage::{SAME_RESET_MS, Sample, WindowKind};
use crate::vault;

/// The most readings in a line: more than a large window has pixels.
pub const POINTS_MAX: i64 = 1_500;
/// After a longer silence nobody knows what happened in between, and the line is broken.
const SILENCE_MS: i64 = HOUR;
/// Where a plan ends.
const FULL_PERCENT: f64 = 100.0;
/// More entries than `events.jsonl` keeps.
const ENTRIES_MAX: usize = 20_000;

/// How far back a plot looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    Day,
    Week,
    Month,
    /// As long as every reading is kept.
    Quarter,
}

impl Span {
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// The span of so many days, if it is one of the four.
    pub fn of_days(days: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.days() == days)
    }

    pub const fn days(self) -> u32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// Length in milliseconds.
    pub fn ms(self) -> i64 {
        i64::from(self.days()) * DAY
    }

    /// Of so many milliseconds one reading stays.
    fn bucket_ms(self) -> i64 {
        self.ms() / POINTS_MAX
    }

    /// The longest silence through which a line goes on. Over 90 days an hour is no pixel any more.
    fn silence_ms(self) -> i64 {
        SILENCE_MS.max(2 * self.bucket_ms())
    }
}

/// Everything that a plot of usage shows.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Plots {
    pub from: Timestamp,
    /// The moment at which this was read.
    pub until: Timestamp,
    /// The profiles in the order that the person chose; one without a reading in this time has no series.
    pub profiles: Vec<Plot>,
    /// Oldest first.
    pub switches: Vec<WentLive>,
}

/// One profile's lines.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Plot {
    /// The card's.
    pub id: String,
    pub alias: Alias,
    pub active: bool,
    pub series: Vec<Series>,
}

/// One window of one profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// "5-hour", "7-day", "Opus".
    pub label: String,
    /// "5h", "7d", "Opus".
    pub short: String,
    /// Moment and percentage (0 to 100, more when a plan was exceeded), oldest first; null where nobody knows.
    pub points: Vec<(Timestamp, Option<f64>)>,
    /// When the window was reset.
    pub resets: Vec<Timestamp>,
}

/// A profile's login took the place of another's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct WentLive {
    pub at: Timestamp,
    /// By its present name.
    pub alias: Alias,
    /// The card's; absent where the profile was removed since.
    pub id: Option<String>,
}

/// Reads what there is of the last `span`.
pub fn read(ports: &Ports, span: Span) -> Result<Plots, FlowError> {
    let until = ports.clock.now();
    let from = until.plus(-span.ms());
    let roster = vault::load_roster(ports)?;
    let mut profiles = Vec::with_capacity(roster.profiles().len());
    for profile in roster.profiles() {
        let samples = ports.samples.since(profile.identity(), from)?;
        profiles.push(Plot {
            id: profile.id(),
            alias: profile.alias.clone(),
            active: roster.active() == Some(profile),
            series: series(&samples, from, until, span),
        });
    }
    // Lines of usage say a lot without the switches between them.
    let entries = ports.history.recent(ENTRIES_MAX).unwrap_or_default();
    let mut switches = went_live(&entries, &roster);
    switches.retain(|switch| switch.at >= from && switch.at <= until);
    Ok(Plots { from, until, profiles, switches })
}

/// A series for each window that has a sample between `from` and `until`. `samples` are oldest first.
pub fn series(samples: &[Sample], from: Timestamp, until: Timestamp, span: Span) -> Vec<Series> {
    let seen = |sample: &&Sample| sample.at >= from && sample.at <= until && sample.percent.is_finite();
    let mut kinds: Vec<&WindowKind> = Vec::new();
    for sample in samples.iter().filter(seen) {
        if !kinds.contains(&&sample.kind) {
            kinds.push(&sample.kind);
        }
    }
    kinds.sort_by_key(|kind| match kind {
        WindowKind::FiveHour => (0, ""),
        WindowKind::SevenDay => (1, ""),
        WindowKind::Model(name) => (2, name.as_str()),
    });
    let one = |kind: &WindowKind| {
        let of_kind: Vec<&Sample> = samples.iter().filter(seen).filter(|sample| sample.kind == *kind).collect();
        Series {
            label: kind.label().to_owned(),
            short: kind.short().to_owned(),
            points: points(&of_kind, from, span),
            resets: resets(&of_kind, until),
        }
    };
    kinds.into_iter().map(one).collect()
}

/// The highest reading of each bucket, so that no peak is lost, and a null for each silence.
fn points(samples: &[&Sample], from: Timestamp, span: Span) -> Vec<(Timestamp, Option<f64>)> {
    let bucket_of = |sample: &Sample| sample.at.since(from) / span.bucket_ms();
    let mut points: Vec<(Timestamp, Option<f64>)> = Vec::new();
    let mut before: Option<&Sample> = None;
    for sample in samples {
        let shown = Some((sample.percent * 10.0).round() / 10.0);
        let broken = before.is_some_and(|before| is_unknown_between(before, sample, span));
        let same = before.is_some_and(|before| bucket_of(before) == bucket_of(sample));
        match points.last_mut() {
            Some(last) if same && !broken => {
                if shown > last.1 {
                    *last = (sample.at, shown);
                }
            }
            _ => {
                if let (true, Some(before)) = (broken, before) {
                    points.push((before.at.plus(1), None));
                }
                points.push((sample.at, shown));
            }
        }
        before = Some(sample);
    }
    points
}

/// A window that is used up stays so until its reset: nobody has to look at it to know.
fn is_unknown_between(before: &Sample, after: &Sample, span: Span) -> bool {
    let used_up = before.percent >= FULL_PERCENT && before.resets_at.is_some_and(|reset| reset >= after.at);
    after.at.since(before.at) > span.silence_ms() && !used_up
}

/// The resets that have happened: when the window said, or when a lower number came with another reset.
pub fn resets(samples: &[&Sample], until: Timestamp) -> Vec<Timestamp> {
    let mut resets: Vec<Timestamp> = Vec::new();
    for (i, sample) in samples.iter().enumerate() {
        let Some(due) = sample.resets_at else { continue };
        let next = samples.get(i + 1);
        let at = match next {
            _ if due < sample.at => None,
            Some(next) if due <= next.at => Some(due),
            Some(next) => {
                let moved = next.resets_at.is_none_or(|other| other.since(due).abs() > SAME_RESET_MS);
                (moved && next.percent < sample.percent).then_some(next.at)
            }
            None => (due <= until).then_some(due),
        };
        let is_news = |at: &Timestamp| resets.last().is_none_or(|last| at.since(*last) > SAME_RESET_MS);
        resets.extend(at.filter(is_news));
    }
    resets
}

/// Each time another profile went live, by the names that the profiles have now. `entries` are oldest first.
pub fn went_live(entries: &[Entry], roster: &Roster) -> Vec<WentLive> {
    let mut switches: Vec<WentLive> = Vec::new();
    let mut live: Option<Alias> = None;
    for entry in entries {
        match &entry.event {
            Event::Renamed { from, to } => {
                let names = switches.iter_mut().map(|switch| &mut switch.alias).chain(live.as_mut());
                names.filter(|alias| *alias == from).for_each(|alias| *alias = to.clone());
            }
            Event::SignedOut { .. } | Event::Foreign { .. } => live = None,
            // It says who is live, and that nobody came.
            Event::Rotated { alias } => live = Some(alias.clone()),
            event => {
                let Some(alias) = event.leaves_live() else { continue };
                if live.as_ref() != Some(alias) {
                    switches.push(WentLive { at: entry.at, alias: alias.clone(), id: None });
                    live = Some(alias.clone());
                }
            }
        }
    }
    for switch in &mut switches {
        switch.id = roster.find(&switch.alias).map(Profile::id);
    }
    switches
}

#[cfg(test)]
mod tests;
