//! Episodes of usage: a window of the active profile that has reached a threshold, and the reset of one that had. Owns which
//! windows are one, and the words. Never says that a window has reset because a number is old: that its reset has passed is
//! what counts.

use serde::{Deserialize, Serialize};

use crate::board::{Board, Card, Meter, Outlook};
use crate::ports::Ports;
use crate::time::{DAY, HOUR, MINUTE, Timestamp};
use crate::usage::{CRITICAL_PERCENT, WARNING_PERCENT, WindowKind};
use crate::view::Hides;
use crate::words;

use super::{Action, Announcement, Episode, Told, What};

/// Resets that differ by less belong to one window. They waver by seconds, and two windows are hours apart.
const SAME_WINDOW_MS: i64 = 30 * MINUTE;
/// A reset is news for this long.
const NEWS_MS: i64 = HOUR;
/// For this long a reset is remembered, should the clock be set back.
const REMEMBERED_MS: i64 = DAY;
/// A window without a reset.
const UNKNOWN: Timestamp = Timestamp::from_ms(0);

/// Which usage a person wants to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notices {
    /// In percent of a window, 1 to 100, in any order. None: none is told.
    pub thresholds: Vec<u8>,
    /// That a 5-hour window which had reached one has reset.
    pub resets: bool,
}

impl Notices {
    /// The most thresholds that may be set.
    pub const THRESHOLDS_MAX: usize = 5;
}

impl Default for Notices {
    fn default() -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "80 and 95")]
        let thresholds = [WARNING_PERCENT, CRITICAL_PERCENT].map(|percent| percent as u8).to_vec();
        Self { thresholds, resets: true }
    }
}

/// A window, and the threshold that it has reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Level {
    /// "5h".
    window: String,
    percent: u8,
}

impl Level {
    /// Whoever heard of this one need not hear of `other`.
    pub fn covers(&self, other: &Self) -> bool {
        self.window == other.window && self.percent >= other.percent
    }
}

/// Whether two resets are those of one window.
pub(super) fn is_one(a: Timestamp, b: Timestamp) -> bool {
    a.since(b).abs() < SAME_WINDOW_MS
}

/// The highest threshold that each window of the active profile has reached.
pub(super) fn episodes(ports: &Ports, board: &Board, notices: &Notices) -> Vec<Episode> {
    let active = board.cards.iter().filter(|card| card.active);
    let windows =
        active.flat_map(|card| card.usage.iter().flat_map(move |usage| usage.meters.iter().map(move |m| (card, m))));
    let reached = windows.filter_map(|(card, meter)| {
        let reached =
            notices.thresholds.iter().copied().filter(|percent| meter.percent >= f64::from(*percent)).max()?;
        Some(Episode {
            what: What::Reached,
            of: card.id.clone(),
            mark: meter.resets_at.unwrap_or(UNKNOWN),
            level: Some(Level { window: meter.short.clone(), percent: reached }),
            announcement: announcement(ports, card, meter, board),
        })
    });
    reached.collect()
}

fn announcement(ports: &Ports, card: &Card, meter: &Meter, board: &Board) -> Announcement {
    let (alias, window) = (&card.alias, &meter.label);
    let clock = |at| words::clock(at, board.now, &ports.clock.zone(at));
    let title = match board.view.hides {
        Hides::Always => format!("{alias} is near the limit of its {window} window"),
        _ if meter.percent >= 100.0 => format!("{alias} has used all of its {window} window"),
        // Rounded down: it has used at least so much.
        Hides::WhileShared | Hides::Never => {
            format!("{alias} has used {:.0} % of its {window} window", meter.percent.floor())
        }
    };
    let mut body = match meter.resets_at {
        Some(at) => format!("It resets at {}.", clock(at)),
        None => "Nothing says when it resets.".to_owned(),
    };
    if let Some(Outlook::Limit { at }) = meter.outlook
        && meter.percent < 100.0
    {
        body += &format!(" At this pace it is used up at {}.", clock(at));
    }
    Announcement { title, body, action: Action::Show }
}

/// Takes down which of the windows that were told of have reset, and gives back what to say about it.
pub(super) fn resets(told: &mut [Told], board: &Board, notices: &Notices) -> Vec<Announcement> {
    let mut news = Vec::new();
    for told in told.iter_mut() {
        let passed = told.mark != UNKNOWN && told.mark <= board.now;
        if told.what != What::Reached || !passed {
            continue;
        }
        told.what = What::Reset;
        let five_hours = told.level.as_ref().is_some_and(|level| level.window == WindowKind::FiveHour.short());
        let card = board.cards.iter().find(|card| card.id == told.of);
        let is_news = board.now.since(told.mark) < NEWS_MS;
        if let Some(card) = card.filter(|card| notices.resets && five_hours && is_news && !reset_before(card, told)) {
            news.push(Announcement {
                title: format!("The {} window of {} has reset", WindowKind::FiveHour.label(), card.alias),
                body: "There is room again.".to_owned(),
                action: Action::Show,
            });
        }
    }
    // Each of the thresholds that were told one after the other has passed with its window.
    let mut once: Vec<Announcement> = Vec::with_capacity(news.len());
    for announcement in news {
        if !once.contains(&announcement) {
            once.push(announcement);
        }
    }
    once
}

/// Whether another window began before this one was to end: then it had been reset long ago.
fn reset_before(card: &Card, told: &Told) -> bool {
    let Some(running) = meter(card, told) else { return false };
    let (Some(resets_at), Some(period)) = (running.resets_at, running.period_ms) else { return false };
    !is_one(resets_at, told.mark) && told.mark.since(resets_at.plus(-period)) > SAME_WINDOW_MS
}

fn meter<'a>(card: &'a Card, told: &Told) -> Option<&'a Meter> {
    let window = &told.level.as_ref()?.window;
    card.usage.as_ref()?.meters.iter().find(|meter| meter.short == *window)
}

/// Whether a window that was told of is certainly over.
pub(super) fn is_over(told: &Told, card: &Card, now: Timestamp) -> bool {
    if told.mark != UNKNOWN {
        return now.since(told.mark) > REMEMBERED_MS;
    }
    let reached = told.level.as_ref().map_or(0, |level| level.percent);
    card.usage.is_some() && meter(card, told).is_none_or(|meter| meter.percent < f64::from(reached))
}
