//! For whom a login is kept that a sign-in brought. Owns whether it is the one that was asked for, and which profile gets it; leaves
//! keeping it to the parent.

use crate::flow::FlowError;
use crate::identity::Account;
use crate::ports::Ports;
use crate::profile::{Alias, Profile, Roster, RosterError};

use super::record::Record;
use super::{Fits, Keep, Way};

/// Whose it is, in the eyes of whoever asked.
pub(super) fn fits(roster: &Roster, record: &Record, account: &Account) -> Fits {
    match (&record.expects, roster.by_identity(&account.identity)) {
        (Some(expected), _) if expected.identity == account.identity => Fits::Yes,
        (_, Some(owner)) => Fits::AnotherProfile { alias: owner.alias.clone() },
        (Some(expected), None) => Fits::Another { expected: expected.email.clone() },
        (None, None) => Fits::Yes,
    }
}

/// The profile that gets the login, and whether it is new.
pub(super) fn owner(
    ports: &Ports,
    roster: &Roster,
    record: &Record,
    account: &Account,
    keep: &Keep,
) -> Result<(Profile, bool), FlowError> {
    let registered = roster.by_identity(&account.identity);
    let alias = match (keep, registered) {
        (Keep::ForItsOwner, Some(owner)) => return Ok((owner.clone(), false)),
        (Keep::AsNew(_), Some(owner)) => return Err(RosterError::Registered(owner.alias.clone()).into()),
        (Keep::AsNew(alias), None) => alias,
        (Keep::AsAsked | Keep::ForItsOwner, registered) => match (fits(roster, record, account), registered) {
            (Fits::Yes, Some(profile)) => return Ok((profile.clone(), false)),
            (Fits::Yes, None) => &record.alias,
            (Fits::Another { .. } | Fits::AnotherProfile { .. }, _) => {
                let (alias, found) = (record.alias.clone(), account.email.clone());
                let expected = record.expects.as_ref().map(|expected| expected.email.clone());
                return Err(FlowError::SignedInAs { alias, found, expected });
            }
        },
    };
    check_free(roster, alias)?;
    let (alias, account, added_at) = (alias.clone(), account.clone(), ports.clock.now());
    let window = (record.way == Way::Isolated).then(|| record.id.to_string());
    Ok((Profile { alias, account, added_at, login_needed_since: None, window }, true))
}

/// Whether a new profile may bear this name.
pub(super) fn check_free(roster: &Roster, alias: &Alias) -> Result<(), RosterError> {
    let taken = roster.profiles().iter().find(|profile| profile.alias.collides_with(alias));
    taken.map_or(Ok(()), |taken| Err(RosterError::Taken(taken.alias.clone())))
}
