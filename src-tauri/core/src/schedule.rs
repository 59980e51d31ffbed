//! When usage is asked for: a budget for each identity that all programs of ours share, a floor between two requests, and an
//! interval that follows what the last answer said. Pure: books and readings in, moments out, and a table for each rule.
//! Leaves keeping the books to the `Readings` port and asking to `poll`.

use crate::identity::Identity;
use crate::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use crate::usage::{CRITICAL_PERCENT, Reading, WARNING_PERCENT, Window, WindowKind};

/// The server lets about 28 to 30 requests through in any sixty minutes, for each identity (`docs/claude-code.md` §F5).
pub const BUDGET: usize = 28;
/// What is kept of it for a person who asks, and for a switch.
pub const RESERVE: usize = 4;
/// Nothing that nobody asked for comes more often than this (`docs/claude-code.md` §F5).
pub const FLOOR_MS: i64 = 180 * SECOND;
/// How often the active profile's usage is read.
pub const ACTIVE_MS: i64 = 300 * SECOND;
/// How often a parked profile's usage is read.
pub const PARKED_MS: i64 = 600 * SECOND;
/// What the statusline does not tell, the models' windows and the spend, is asked for this often beside it; and so is a
/// window that is used up.
pub const SLOW_MS: i64 = HOUR;
/// Resets waver by some seconds, and the server is slow to notice them.
const RESET_SLACK_MS: i64 = MINUTE;
/// What is due within this is read along, so that the machine wakes once instead of twice.
pub const TOGETHER_MS: i64 = 30 * SECOND;
/// Where the provider gave no usable `Retry-After`, or said 0, which means saturated.
const THROTTLED_DEFAULT_MS: i64 = 6 * MINUTE;
/// About half of the clients that come back exactly on the deadline are blocked again (`docs/claude-code.md` §F5).
const THROTTLED_MARGIN_MS: i64 = 15 * MINUTE;
/// A block of this length or more is the hourly budget, and gets the margin.
const BUDGET_BLOCK_MS: i64 = 30 * MINUTE;
/// No answer of a server may silence us for longer. A block that ends later was made by a clock that has been set back.
pub const THROTTLED_MAX_MS: i64 = 6 * HOUR;

/// What was asked for one identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// The requests of the last hour, oldest first.
    pub asked: Vec<Timestamp>,
    /// Until when the server wants to be left alone.
    pub blocked_until: Option<Timestamp>,
}

/// Who wants a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Nobody; the schedule says so.
    Due,
    /// Somebody begins to look, or the machine woke: what is older than the floor is read.
    Eager,
    /// A person asked, or a switch just happened: past the floor this once, though not past the budget.
    Forced,
}

/// Whether a request may go out now; otherwise when.
pub fn may_ask(books: &Books, urgency: Urgency, now: Timestamp) -> Result<(), Timestamp> {
    if let Some(until) = books.blocked_until.filter(|until| now < *until && until.since(now) <= THROTTLED_MAX_MS) {
        return Err(until);
    }
    // A request from the future was made before the clock was set back. It counts where it may have been a moment ago.
    let lately: Vec<_> = books.asked.iter().copied().filter(|at| now.since(*at).abs() < HOUR).collect();
    let (budget, floor) = match urgency {
        Urgency::Due | Urgency::Eager => (BUDGET - RESERVE, FLOOR_MS),
        Urgency::Forced => (BUDGET, 0),
    };
    // When as many have aged out as stand in the way.
    let affordable = lately.len().checked_sub(budget).map(|over| lately[over].plus(HOUR));
    // Where the clock was set back by less than the floor, the last request was a moment ago.
    let decent = lately.last().map(|last| last.plus(floor));
    let decent = decent.filter(|open| now < *open && open.since(now) <= 2 * floor);
    affordable.max(decent).map_or(Ok(()), Err)
}

/// What is known of a profile, as far as its next reading is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub active: bool,
    pub identity: &'a Identity,
    pub reading: Option<&'a Reading>,
}

/// When a profile's usage is to be read next, the books aside.
pub fn due_at(look: Look<'_>, urgency: Urgency, now: Timestamp) -> Timestamp {
    let Some(reading) = look.reading else { return now };
    // A reading from the future was made before the clock was set back; it says nothing about its age.
    if reading.read_at > now || reading.asked_at > now || urgency == Urgency::Forced {
        return now;
    }
    let untold = reading.usage.spend.is_some() || reading.usage.windows.iter().any(|window| !is_main(window));
    if urgency == Urgency::Eager {
        let of_what_is_told = reading.read_at.plus(FLOOR_MS);
        return if untold { of_what_is_told.min(reading.asked_at.plus(ACTIVE_MS)) } else { of_what_is_told };
    }
    let usual = usual_ms(look.active, reading, now);
    let due = match opens(reading, now).map(|at| at.plus(RESET_SLACK_MS)) {
        // Nothing moves before, and asking a little too early would be asking for nothing.
        Some(at) if at.since(reading.read_at) <= SLOW_MS => at.max(reading.read_at.plus(usual)),
        Some(_) => reading.read_at.plus(jittered(SLOW_MS, look.identity, reading.read_at)),
        None => reading.read_at.plus(jittered(usual, look.identity, reading.read_at)),
    };
    // What nobody has seen yet may have come to be: a plan gets new windows.
    due.min(reading.asked_at.plus(if untold { SLOW_MS } else { DAY }))
}

/// When the profile can be used again whose main windows are used up: whichever is used up longest keeps the others from
/// moving.
fn opens(reading: &Reading, now: Timestamp) -> Option<Timestamp> {
    let used_up = |window: &&Window| is_main(window) && window.percent >= 100.0;
    let resets = reading.usage.windows.iter().filter(used_up).filter_map(|window| window.resets_at);
    resets.filter(|at| at.plus(RESET_SLACK_MS) > now).max()
}

/// How long a reading is good for while its windows may move.
fn usual_ms(active: bool, reading: &Reading, now: Timestamp) -> i64 {
    let near = |window: &Window| {
        // A week moves slowly. What is used up does not move at all, nor does what has been reset since.
        let from = if window.kind == WindowKind::FiveHour { WARNING_PERCENT } else { CRITICAL_PERCENT };
        (from..100.0).contains(&window.percent) && window.resets_at.is_none_or(|at| at > now)
    };
    match active {
        true if reading.usage.windows.iter().any(near) => FLOOR_MS,
        true => ACTIVE_MS,
        false => PARKED_MS,
    }
}

/// Not of one model: another model goes on.
fn is_main(window: &Window) -> bool {
    !matches!(window.kind, WindowKind::Model(_))
}

/// A tenth more or less, the same in every program that asks, so that seven profiles do not come due in one moment. Never
/// below the floor.
fn jittered(interval: i64, identity: &Identity, read_at: Timestamp) -> i64 {
    // FNV-1a: an even spread is all that is asked of it.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let moment = read_at.ms().to_le_bytes();
    for byte in identity.account().bytes().chain(identity.organization().bytes()).chain(moment) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let tenth = interval / 10;
    let spread = i64::try_from(hash >> 33).unwrap_or(0) % (2 * tenth + 1) - tenth;
    (interval + spread).max(FLOOR_MS)
}

/// When the server may be asked again after a 429.
pub fn open_again(retry_after_s: Option<u64>, now: Timestamp) -> Timestamp {
    let asked = retry_after_s.map_or(0, |s| i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(SECOND));
    let wait = match asked {
        0 => THROTTLED_DEFAULT_MS,
        ms if ms >= BUDGET_BLOCK_MS => ms.saturating_add(THROTTLED_MARGIN_MS),
        ms => ms.max(FLOOR_MS),
    };
    now.plus(wait.min(THROTTLED_MAX_MS))
}
