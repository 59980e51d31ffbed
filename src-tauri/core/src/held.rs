//! Logins that were put aside because nobody could say whose they are when they were replaced. Owns finding that out later:
//! each is identified, renewed if it must be, and saved under its profile, or kept. Leaves putting aside to `vault`.

use crate::credential::Login;
use crate::flow::FlowError;
use crate::identity::{self, Gate};
use crate::ports::{FileName, OwnLock, Ports, ProviderError, RefreshError};
use crate::profile::{Alias, Roster};
use crate::refresh;
use crate::vault::{self, Held, HeldHeader};

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
        match renew(ports, &header, login, &name)? {
            Some(renewed) => login = renewed,
            None => return Ok(()),
        }
        answer = ports.provider.identify(login.access());
    }
    let (login, account) = match identity::gate(login, answer, roster) {
        Gate::Adopt(login, account) | Gate::Moved(login, account) => (login, account),
        // No profile's: it stays, but no profile has to wait for it any longer.
        Gate::Foreign(_, login) => return Ok(vault::hold_again(ports, &name, &login, &header, None)?),
        Gate::Unchanged | Gate::Husk | Gate::Absent | Gate::Unresolved(..) => return Ok(()),
    };
    // A login that was saved after this one was put aside is newer: someone signed in again meanwhile.
    let saved = vault::header(ports, login.alias()).ok().flatten();
    if saved.is_none_or(|saved| saved.saved_at <= header.held_at) {
        vault::seal(ports, &login, None)?;
        roster.describe(&account);
        roster.mark_login_needed(login.alias(), None)?;
        vault::save_roster(ports, roster)?;
    }
    ports.files.remove(&name)?;
    Ok(())
}

/// Whether the newest login of a profile may be one that was put aside. Then the profile's `.cred` may hold spent tokens,
/// and presenting those would revoke the login (`docs/claude-code.md` §D5): neither renew nor install it.
pub(crate) fn may_be_newest(ports: &Ports, alias: &Alias) -> Result<bool, FlowError> {
    Ok(vault::held(ports)?.iter().any(|held| held.header.believed.as_ref() == Some(alias)))
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
