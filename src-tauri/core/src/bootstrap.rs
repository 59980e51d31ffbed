//! The bootstrap: a login that is due is made anew in a window of the profile's own in which its account is still signed in, so that
//! one click of the person on *Authorize* finishes it (docs/bootstrap.md). Owns when a login is due, when the next attempt is, when it is
//! left to the person, and how that looks on a card; what was tried is kept by `book`, and taking the steps is `step`'s. Leaves the
//! sign-in itself to `rotate`, and windows to the `Windows` port.

mod book;
mod step;

use serde::Serialize;

use crate::policy::{self, Standing};
use crate::ports::Ports;
use crate::profile::Profile;
use crate::time::{HOUR, MINUTE, Timestamp};

pub(crate) use book::forget;
pub use book::{Attempt, Book, Shown, Tried};
pub use step::{Stepped, step};

/// After so many attempts in vain the person is asked.
pub const FAILURES_MAX: u32 = 3;
/// The pause after the first failure, and after the second. Nobody may sit at the computer, so they are long.
const PAUSES_MS: [i64; 2] = [30 * MINUTE, 3 * HOUR];
/// Whoever keeps the watch looks after everything that is due far more often. What is overdue by more, nobody looks after.
const OVERDUE_MS: i64 = 30 * MINUTE;

/// What a person is told who lets Signalbox press.
pub const PRESS_WARNING: &str = "Signalbox presses Authorize for you. Anthropic\u{2019}s terms say that a sign-in must complete \
    through Anthropic\u{2019}s own flow, and may not allow that a program gives the consent; your account bears the risk. It is pressed \
    only on a page on which everything is known, and left to you on any other.";

/// What a person lets Signalbox do about a login that is due (the settings of `[bootstrap]`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: the person is asked.
    Off,
    /// Its page comes up in the profile's own window, and the click is the person's.
    #[default]
    Ready,
    /// Signalbox presses *Authorize* too, on a page on which everything is known. `headless`: without a window until
    /// something is left to the person.
    Press { headless: bool },
}

/// How far the bootstrap of a login is that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Bootstrap {
    /// Its window will come up by itself.
    Due,
    /// Its window is open: a click on *Authorize* finishes.
    Ready,
    /// It was tried in vain. The person is asked.
    Stalled { since: Timestamp },
}

impl Bootstrap {
    /// Whether nobody has to be asked to sign in.
    pub fn goes_on(self) -> bool {
        !matches!(self, Self::Stalled { .. })
    }
}

/// Whether a sign-in is due: the login has ended for good, or is known to end within days. What is only assumed to end is not, nor is
/// a live login that somebody may have signed out of on purpose.
pub fn is_due(standing: &Standing, now: Timestamp) -> bool {
    let known = standing.deadline.filter(|deadline| !deadline.assumed && standing.renews);
    let near = known.is_some_and(|deadline| deadline.at.since(now) < policy::DEADLINE_NEAR_MS);
    let shut =
        standing.active && matches!(standing.live, policy::LiveStanding::SignedOut | policy::LiveStanding::Drifted);
    !standing.unreadable && !shut && (near || (standing.login_needed && !standing.active))
}

/// When the next attempt is after so many failures; `None`: it is left to the person.
pub fn next_attempt(failures: u32, now: Timestamp) -> Option<Timestamp> {
    match failures {
        0 => Some(now),
        failures if failures >= FAILURES_MAX => None,
        failures => {
            let at = usize::try_from(failures - 1).unwrap_or(usize::MAX).min(PAUSES_MS.len() - 1);
            Some(now.plus(PAUSES_MS[at]))
        }
    }
}

/// What decides how a login that is due stands.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The settings want it, and the terms were agreed to.
    pub allowed: bool,
    /// Whether a window can come up in which the account was signed in; `None`: only whoever keeps the watch knows.
    pub able: Option<bool>,
    pub tried: Option<&'a Tried>,
}

/// How a login that is due stands; `None`: no bootstrap is possible, and the person is asked.
pub fn standing(case: Case<'_>, now: Timestamp) -> Option<Bootstrap> {
    let tried = case.tried;
    if !case.allowed {
        return None;
    }
    if let Some(since) = tried.and_then(|tried| tried.stalled_at) {
        return Some(Bootstrap::Stalled { since });
    }
    let looked_after = match case.able {
        Some(able) => able,
        None => tried.is_some_and(|tried| !tried.signed_out && tried.is_looked_after(now)),
    };
    let open = tried.and_then(|tried| tried.attempt).is_some_and(|attempt| attempt.shown == Shown::Open);
    looked_after.then_some(if open { Bootstrap::Ready } else { Bootstrap::Due })
}

impl Tried {
    /// Whether somebody still looks after it. A moment too far ahead was written by a clock that has been set back.
    fn is_looked_after(&self, now: Timestamp) -> bool {
        let longest = PAUSES_MS[PAUSES_MS.len() - 1];
        (-longest..=OVERDUE_MS).contains(&now.since(self.next))
    }

    /// Whether an attempt may begin now.
    fn may_begin(&self, now: Timestamp) -> bool {
        self.stalled_at.is_none() && (now >= self.next || !self.is_looked_after(now))
    }
}

/// Whether the person lets it happen at all.
pub fn allowed(ports: &Ports) -> bool {
    ports.preferences.bootstrap() != Choice::Off && ports.preferences.terms().are_accepted()
}

/// How the bootstrap of this profile stands, for its card. Reads nothing unless a sign-in is due. `keeps_watch`: this program would
/// begin it.
pub(crate) fn of_card(
    ports: &Ports,
    profile: &Profile,
    standing: &Standing,
    keeps_watch: bool,
    now: Timestamp,
) -> Option<Bootstrap> {
    if !is_due(standing, now) || !allowed(ports) {
        return None;
    }
    let book = Book::load(ports).unwrap_or_default();
    let tried = book.of(profile, mark(standing));
    let able = keeps_watch.then(|| ports.windows.holds_session(&profile.window()));
    self::standing(Case { allowed: true, able, tried }, now)
}

/// Which of several sign-ins that were due one after the other: a new login has another deadline.
fn mark(standing: &Standing) -> Timestamp {
    standing.deadline.map_or(Timestamp::from_ms(0), |deadline| deadline.at)
}
