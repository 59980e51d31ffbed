//! What is known about a profile, as far as its badge and its next sign-in are concerned. Owns gathering it; what follows from it is
//! decided in `policy` and `bootstrap`.

use crate::policy::{self, LiveStanding, Standing};
use crate::ports::Ports;
use crate::profile::{Alias, Profile};
use crate::vault;

use super::{Deadline, LiveState};

/// What is known about a profile but for its usage, and when it was synced.
pub(crate) fn standing(ports: &Ports, profile: &Profile, active: bool, live: &LiveState) -> Standing {
    let header = vault::header(ports, &profile.alias);
    let unreadable = !matches!(header, Ok(Some(_)));
    let header = header.ok().flatten();
    let of_a_login = header.as_ref().filter(|header| header.renews).map(|header| Deadline {
        at: header.deadline.unwrap_or_else(|| header.saved_at.plus(policy::ASSUMED_LIFE_MS)),
        assumed: header.deadline.is_none(),
    });
    let deadline = header.as_ref().and_then(|header| header.ends).or(of_a_login);
    Standing {
        active,
        unreadable,
        login_needed: profile.login_needed_since.is_some(),
        renews: header.is_some_and(|header| header.renews),
        deadline,
        live: live_standing(live, &profile.alias),
        ..Standing::default()
    }
}

fn live_standing(live: &LiveState, alias: &Alias) -> LiveStanding {
    match live {
        LiveState::Known { alias: known } if known == alias => LiveStanding::Mine,
        LiveState::Known { .. } | LiveState::Unregistered { .. } => LiveStanding::Drifted,
        LiveState::Husk | LiveState::Absent => LiveStanding::SignedOut,
        LiveState::Unresolved | LiveState::Unreadable => LiveStanding::Unconfirmed,
    }
}
