//! Renewing a parked login. Owns the only place where a refresh token is spent, the order in which that is safe, and
//! vouching for a login before it goes live. Never touches the live login: that one is Claude Code's to renew, under
//! Claude Code's own lock.

use crate::flow::FlowError;
use crate::held;
use crate::identity::{self, Account};
use crate::policy;
use crate::ports::{OwnLock, Ports, ProviderError, RefreshError, StoreError};
use crate::profile::{Profile, Roster};
use crate::vault::{self, Opened};

/// How often writing a renewed pair is tried before it is given up. It exists nowhere else.
const SAVE_ATTEMPTS: u32 = 4;

/// What the server said about a parked login.
#[derive(Debug)]
pub enum Vouched {
    /// It is the profile's.
    Verified(Account),
    /// The server could not be asked. Offline is not wrong.
    Unverified(ProviderError),
}

/// How a renewal ended.
pub(crate) enum Renewing {
    /// The new pair is on disk.
    Done(Box<Opened>),
    /// No new pair; the saved login is what it was.
    NotNow(ProviderError),
}

/// Opens a parked profile's login, renews it if it lapses within five minutes, and asks the server whose it is. A 401 earns
/// one refresh and one retry; a missing scope earns none. `parked` is `Err` with the reason where it cannot be ruled out
/// that the login is live: then its refresh token is Claude Code's to spend, and is left alone.
pub(crate) fn vouch(
    ports: &Ports,
    own: &OwnLock,
    roster: &mut Roster,
    profile: &Profile,
    parked: Result<(), ProviderError>,
) -> Result<(Opened, Vouched), FlowError> {
    let mut opened = vault::open(ports, profile)?;
    if held::may_be_newest(ports, profile.identity())? {
        return Err(FlowError::PutAside { alias: profile.alias.clone() });
    }
    if let Err(cause) = parked {
        return Ok((opened, Vouched::Unverified(cause)));
    }
    let mut renewed = false;
    if opened.header.renews && policy::expires_soon(opened.header.expires_at, ports.clock.now()) {
        match renew(ports, own, roster, profile, opened)? {
            Renewing::Done(fresh) => {
                opened = *fresh;
                renewed = true;
            }
            Renewing::NotNow(cause) => return Ok((vault::open(ports, profile)?, Vouched::Unverified(cause))),
        }
    }
    let mut answer = ports.provider.identify(opened.login.value().access());
    if answer == Err(ProviderError::Unauthorized) && !renewed {
        if !opened.header.renews {
            return Err(login_needed(ports, roster, profile)?);
        }
        match renew(ports, own, roster, profile, opened)? {
            Renewing::Done(fresh) => opened = *fresh,
            Renewing::NotNow(cause) => return Ok((vault::open(ports, profile)?, Vouched::Unverified(cause))),
        }
        renewed = true;
        answer = ports.provider.identify(opened.login.value().access());
    }
    match answer {
        Err(ProviderError::Unauthorized) if renewed => Err(FlowError::Refused { alias: profile.alias.clone() }),
        Ok(account) if account.identity == *profile.identity() => Ok((opened, Vouched::Verified(account))),
        Ok(account) => Err(FlowError::WrongAccount { alias: profile.alias.clone(), found: account.email }),
        Err(cause) => Ok((opened, Vouched::Unverified(cause))),
    }
}

/// Spends the refresh token of a parked login, and has the new pair on disk before anything else sees it.
///
/// The saved login is written once more *before* the token is spent: if the disk is full or read-only, that fails while
/// nothing is lost yet.
pub(crate) fn renew(
    ports: &Ports,
    _own: &OwnLock,
    roster: &mut Roster,
    profile: &Profile,
    opened: Opened,
) -> Result<Renewing, FlowError> {
    let Opened { login, block, .. } = opened;
    vault::seal(ports, &login, block.as_ref())?;
    let (alias, identity) = (login.alias().clone(), login.identity().clone());
    let Some((token, spent)) = login.into_value().into_spending() else {
        return Err(login_needed(ports, roster, profile)?);
    };
    let renewal = match ports.provider.refresh(token, spent.scopes()) {
        Ok(renewal) => renewal,
        Err(RefreshError::Dead) => return Err(login_needed(ports, roster, profile)?),
        Err(RefreshError::NotSpent { cause, .. } | RefreshError::Unknown { cause }) => {
            return Ok(Renewing::NotNow(cause));
        }
    };
    let same_lineage = identity::same_lineage(&identity, &renewal.renewed);
    let login =
        spent.renew(renewal.renewed, renewal.kept).map_err(|_| FlowError::LoginNeeded { alias: alias.clone() })?;
    if !same_lineage {
        // Whatever it is, it is a living login: nobody's `.cred`, but not to be dropped. Until it is identified the profile
        // waits for it, because the token in its `.cred` was just spent.
        insist(|| vault::hold(ports, &login, Some(&identity)))
            .map_err(|cause| FlowError::RenewalLost { alias: alias.clone(), cause })?;
        return Err(FlowError::WrongAccount { alias, found: "another account".to_owned() });
    }
    let login = identity::inherit(login, alias, identity);
    let header = insist(|| vault::seal(ports, &login, block.as_ref()))
        .map_err(|cause| FlowError::RenewalLost { alias: profile.alias.clone(), cause })?;
    if profile.login_needed_since.is_some() {
        roster.mark_login_needed(&profile.alias, None)?;
        vault::save_roster(ports, roster)?;
    }
    Ok(Renewing::Done(Box::new(Opened { login, block, header })))
}

/// The new pair exists only in memory, so one failed write is not the end.
pub(crate) fn insist<T>(save: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let mut last = save();
    for _ in 1..SAVE_ATTEMPTS {
        if last.is_ok() {
            break;
        }
        last = save();
    }
    last
}

/// Records that a person has to sign in, and makes the error that says so.
fn login_needed(ports: &Ports, roster: &mut Roster, profile: &Profile) -> Result<FlowError, FlowError> {
    roster.mark_login_needed(&profile.alias, Some(ports.clock.now()))?;
    vault::save_roster(ports, roster)?;
    Ok(FlowError::LoginNeeded { alias: profile.alias.clone() })
}
