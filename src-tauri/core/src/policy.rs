//! Pure decisions: when a token is renewed, what colour a profile has. Values in, values out, and a table for each. Leaves
//! when usage is asked for to `schedule`, and doing anything about it to the flows.

use crate::board::{Badge, Deadline, Level, Reason};
use crate::ports::ProviderError;
use crate::schedule;
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// Claude Code renews an access token that lapses within 300 s (`docs/observed.md` §3), and so do we.
pub const RENEW_AHEAD_MS: i64 = 5 * MINUTE;
/// How long after a switch the login before it may still come back (`docs/claude-code.md` §E3).
pub const REVERSION_MS: i64 = 10 * MINUTE;
/// How often a choice is made live again without being asked.
pub const RESTORES_MAX: u32 = 2;
const RENEWAL_PAUSE_MS: i64 = 5 * MINUTE;
const RENEWAL_PAUSE_MAX_MS: i64 = 6 * HOUR;
/// Where the client recorded no deadline, this long after the last save is assumed.
pub const ASSUMED_LIFE_MS: i64 = 7 * DAY;
/// A deadline this near turns a badge yellow.
pub const DEADLINE_NEAR_MS: i64 = 5 * DAY;
/// An assumed deadline moves with every save, so it nears only where nothing was saved for days.
pub const ASSUMED_NEAR_MS: i64 = 2 * DAY;

/// Whether an access token has to be renewed before it is used. A token without expiry never has to.
pub fn expires_soon(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|at| at.since(now) < RENEW_AHEAD_MS)
}

/// Which engine renews a parked login (the setting `[renewal] engine`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The direct engine, and the delegated one where the edge refuses the direct.
    #[default]
    Auto,
    /// Our own request to the token endpoint, and nothing else.
    Direct,
    /// The unmodified Claude Code, and nothing else.
    Delegated,
}

/// How long renewing a parked login is put off after failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    /// How many attempts in a row brought nothing.
    pub failures: u32,
    pub until: Timestamp,
}

impl BackOff {
    /// Whether it still counts. One that ends later than any may was made by a clock that has been set back.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until && self.until.since(now) <= RENEWAL_PAUSE_MAX_MS.max(schedule::THROTTLED_MAX_MS)
    }
}

/// Five minutes, doubling to six hours (`docs/claude-code.md` §D6), or as long as the server asks if that is longer.
pub fn back_off(failures_before: u32, cause: &ProviderError, now: Timestamp) -> BackOff {
    let own = RENEWAL_PAUSE_MS.saturating_mul(1 << failures_before.min(10)).min(RENEWAL_PAUSE_MAX_MS);
    let own = now.plus(own);
    let until = match cause {
        ProviderError::Throttled { retry_after_s } => own.max(schedule::open_again(*retry_after_s, now)),
        _ => own,
    };
    BackOff { failures: failures_before.saturating_add(1), until }
}

/// What is known about a profile, as far as its badge is concerned.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The profile that was last known to be live.
    pub active: bool,
    /// The saved login could not be read.
    pub unreadable: bool,
    /// The server refused the login for good.
    pub login_needed: bool,
    /// It holds a refresh token.
    pub renews: bool,
    /// When the login ends, known or assumed.
    pub deadline: Option<Deadline>,
    /// When its usage was last read.
    pub usage_read_at: Option<Timestamp>,
    /// When the live login was last found to be this profile's.
    pub synced_at: Option<Timestamp>,
    pub live: LiveStanding,
}

/// What the live store looks like to the active profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LiveStanding {
    /// It holds the profile's login.
    Mine,
    /// It changed and the server could not be asked.
    #[default]
    Unconfirmed,
    /// It holds another account's login.
    Drifted,
    /// It is a husk, or empty.
    SignedOut,
}

/// The badge of a profile (design section 7).
pub fn badge(standing: &Standing, now: Timestamp) -> Badge {
    let badge = |level, reason| Badge { level, reason };
    if standing.unreadable {
        return badge(Level::Red, Reason::Unreadable);
    }
    if standing.active {
        return active_badge(standing, now);
    }
    if standing.login_needed || has_ended(standing.deadline, now) {
        return badge(Level::Red, Reason::LoginNeeded);
    }
    if let Some(near) = deadline_near(standing, now) {
        return near;
    }
    if !standing.renews {
        return badge(Level::Grey, Reason::CannotRenew);
    }
    match standing.usage_read_at {
        None => badge(Level::Grey, Reason::NeverChecked),
        Some(at) if now.since(at) > HOUR => badge(Level::Yellow, Reason::Checked { at }),
        Some(at) => badge(Level::Green, Reason::Checked { at }),
    }
}

/// Whether a login is certainly over. What is only assumed to have ended may well live.
pub fn has_ended(deadline: Option<Deadline>, now: Timestamp) -> bool {
    deadline.is_some_and(|deadline| deadline.at <= now && !deadline.assumed)
}

/// A deadline within five days; one that is assumed, within two of its seven.
fn deadline_near(standing: &Standing, now: Timestamp) -> Option<Badge> {
    let Deadline { at, assumed } = standing.deadline?;
    let near = if assumed { ASSUMED_NEAR_MS } else { DEADLINE_NEAR_MS };
    (at.since(now) < near).then_some(Badge { level: Level::Yellow, reason: Reason::DeadlineNear { at, assumed } })
}

fn active_badge(standing: &Standing, now: Timestamp) -> Badge {
    let level_of = |at: Timestamp| match now.since(at) {
        age if age <= 10 * MINUTE => Level::Green,
        age if age <= HOUR => Level::Yellow,
        _ => Level::Red,
    };
    let (level, reason) = match (standing.live, standing.synced_at) {
        (LiveStanding::SignedOut, _) => (Level::Red, Reason::SignedOut),
        (LiveStanding::Drifted, _) => (Level::Red, Reason::Drifted),
        (LiveStanding::Unconfirmed, _) => (Level::Yellow, Reason::Unconfirmed),
        // Nothing will ever be renewed there, and Claude Code is refused.
        (LiveStanding::Mine, _) if !standing.renews && has_ended(standing.deadline, now) => {
            (Level::Red, Reason::LoginNeeded)
        }
        (LiveStanding::Mine, None) => (Level::Yellow, Reason::Unconfirmed),
        (LiveStanding::Mine, Some(at)) => match deadline_near(standing, now) {
            Some(near) => return near,
            None => (level_of(at), Reason::Synced { at }),
        },
    };
    Badge { level, reason }
}
