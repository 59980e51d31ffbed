//! Logins that were put aside because nobody could say whose they are when they were replaced. Owns finding that out later:
//! each is identified, renewed if it must be, and saved under its profile, or kept. Leaves putting aside to `vault`.

use crate::credential::{Live, Login};
use crate::flow::FlowError;
use crate::identity::{self, Gate, Identity};
use crate::ports::{FileName, OwnLock, Ports, ProviderError, RefreshError};
use crate::profile::Roster;
use crate::refresh;
use crate::vault::{self, CredHeader, Held, HeldHeader};

/// Tries to bring every held login home. One that cannot be identified now stays where it is.
pub(crate) fn settle(ports: &Ports, _own: &OwnLock, roster: &mut Roster) -> Result<(), FlowError> {
    for held in vault::held(ports)? {
        settle_one(ports, roster, held)?;
    }
    Ok(())
}

fn settle_one(ports: &Ports, roster: &mut Roster, held: Held) -> Result<(), FlowError> {
    let Held { name, mut login, header } = held;
    let mut answer = ports.provider.identify(login.access());
    if answer == Err(ProviderError::Unauthorized) && login.can_renew() {
        if sign_in_is_live(ports, &login)? {
            // Someone put it back, and Claude Code may have rotated it since: then this copy is spent.
            return Ok(());
        }
        match renew(ports, &header, login, &name)? {
            Some(renewed) => login = renewed,
            None => return Ok(()),
        }
        answer = ports.provider.identify(login.access());
    }
    let (login, account) = match identity::gate(login, answer, roster) {
        Gate::Adopt(login, account) | Gate::Moved(login, account) => (login, account),
        // No profile's: it stays, but no profile has to wait for it any longer.
        Gate::Foreign(_, login) if header.believed.is_some() => {
            return Ok(vault::hold_again(ports, &name, &login, &header, None)?);
        }
        Gate::Foreign(..) => return Ok(()),
        Gate::Unchanged | Gate::Husk | Gate::Absent | Gate::Unresolved(..) => return Ok(()),
    };
    let saved = vault::header(ports, login.alias()).ok().flatten();
    if saved.is_none_or(|saved| !is_from_a_later_sign_in(&saved, login.value(), &header)) {
        vault::seal(ports, &login, None)?;
        roster.describe(&account);
        roster.mark_login_needed(login.alias(), None)?;
        vault::save_roster(ports, roster)?;
    }
    ports.files.remove(&name)?;
    Ok(())
}

fn sign_in_is_live(ports: &Ports, login: &Login) -> Result<bool, FlowError> {
    let live = ports.live.read()?.map(|document| Live::parse(&document)).transpose();
    Ok(match live.map_err(FlowError::LiveDamaged)? {
        Some(Live::Login(live)) => live.is_of_the_same_sign_in(login),
        Some(Live::Husk | Live::Absent) | None => false,
    })
}

/// Forgets what was put aside for a profile that is removed.
pub(crate) fn forget(ports: &Ports, identity: &Identity) -> Result<(), FlowError> {
    for held in vault::held(ports)?.iter().filter(|held| held.header.believed.as_ref() == Some(identity)) {
        ports.files.remove(&held.name)?;
    }
    Ok(())
}

/// Whether someone signed in again after the held login was put aside, so that the saved one is to be kept. The held one was
/// just found to live; of one and the same sign-in it is therefore the newest. The deadline tells sign-ins apart, because
/// refreshing does not move it (`docs/observed.md` §3); only where it is unknown do our own dates have to do.
fn is_from_a_later_sign_in(saved: &CredHeader, held: &Login, header: &HeldHeader) -> bool {
    match (saved.deadline, held.deadline()) {
        (Some(saved), Some(held)) => saved > held,
        _ => saved.saved_at > header.held_at,
    }
}

/// Whether the newest login of a profile may be one that was put aside. Then the profile's `.cred` may hold spent tokens,
/// and presenting those would revoke the login (`docs/claude-code.md` §D5): neither renew nor install it.
pub(crate) fn may_be_newest(ports: &Ports, identity: &Identity) -> Result<bool, FlowError> {
    Ok(vault::held(ports)?.iter().any(|held| held.header.believed.as_ref() == Some(identity)))
}

/// Renews a held login; the new pair is held before it is used. `None`: not now, or never again.
fn renew(ports: &Ports, header: &HeldHeader, login: Login, name: &FileName) -> Result<Option<Login>, FlowError> {
    let believed = header.believed.as_ref();
    // Proves that it can be written before anything is spent.
    vault::hold_again(ports, name, &login, header, believed)?;
    let Some((token, spent)) = login.into_spending() else { return Ok(None) };
    match ports.provider.refresh(token, spent.scopes()) {
        Ok(renewal) => {
            let Ok(renewed) = spent.renew(renewal.renewed, renewal.kept) else { return Ok(None) };
            refresh::insist(|| vault::hold_again(ports, name, &renewed, header, believed))?;
            Ok(Some(renewed))
        }
        Err(RefreshError::Dead) => {
            // The server will never honour it again: there is nothing left to keep.
            ports.files.remove(name)?;
            Ok(None)
        }
        Err(RefreshError::NotSpent { .. } | RefreshError::Unknown { .. }) => Ok(None),
    }
}
