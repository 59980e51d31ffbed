//! Watching the live login: copy it into the active profile's `.cred`, but only through the identity gate. Owns acting on
//! the gate's verdicts; leaves the verdict to `identity`, the writing to `vault`, and when to look to the engine.

use crate::account_cache::AccountBlock;
use crate::board::LiveState;
use crate::credential::{Fingerprint, Live, Login};
use crate::document::Document;
use crate::flow::FlowError;
use crate::identity::{self, Account, Gate, Matched};
use crate::ports::{OwnLock, Ports, ProviderError};
use crate::profile::{Alias, Roster};
use crate::recover;
use crate::vault;

/// What a look at the live login came to.
#[derive(Debug)]
pub enum Synced {
    /// The tokens are those that are saved: no request, no write.
    Unchanged { alias: Alias },
    /// A rotation of the active profile was saved.
    Saved { alias: Alias },
    /// The live login is another profile's now; it was saved there, and that profile is active.
    Moved { from: Option<Alias>, to: Alias },
    /// An account that is no profile. Nothing was touched.
    Foreign { account: Account },
    /// The server could not say whose it is. Nothing was touched.
    Unresolved { cause: ProviderError, seen: Fingerprint },
    /// Claude Code emptied its login. Nothing was touched.
    Husk,
    /// Claude Code is signed out. Nothing was touched.
    Absent,
}

impl Synced {
    /// The same for a face.
    pub fn live_state(&self) -> LiveState {
        match self {
            Self::Unchanged { alias } | Self::Saved { alias } | Self::Moved { to: alias, .. } => {
                LiveState::Known { alias: alias.clone() }
            }
            Self::Foreign { account } => LiveState::Unregistered { email: Some(account.email.clone()) },
            Self::Unresolved { .. } => LiveState::Unresolved,
            Self::Husk => LiveState::Husk,
            Self::Absent => LiveState::Absent,
        }
    }
}

/// Looks at the live login once, and saves what the gate lets through.
pub fn sync_live(ports: &Ports) -> Result<Synced, FlowError> {
    let own = recover::enter(ports, "sync")?;
    let mut roster = vault::load_roster(ports)?;
    sync_locked(ports, &own, &mut roster)
}

/// The same for a flow that holds our lock already. The roster is saved whenever it changed.
pub(crate) fn sync_locked(ports: &Ports, _own: &OwnLock, roster: &mut Roster) -> Result<Synced, FlowError> {
    let Some(document) = ports.live.read()? else { return Ok(Synced::Absent) };
    let live = Live::parse(&document).map_err(FlowError::LiveDamaged)?;
    let active = roster.active().map(|profile| profile.alias.clone());
    // A saved login that cannot be read does not stand in the way of saving a new one.
    let confirmed = roster.active().filter(|_| roster.is_confirmed());
    let saved = confirmed.and_then(|profile| vault::saved_fingerprint(ports, profile).ok().flatten());
    let verdict = match identity::look(live, saved.as_ref()) {
        Ok(verdict) => verdict,
        Err(login) => {
            let answer = ports.provider.identify(login.access());
            identity::gate(login, answer, roster)
        }
    };
    match verdict {
        Gate::Unchanged => Ok(Synced::Unchanged { alias: active.expect("only an active profile has a saved login") }),
        Gate::Husk => Ok(Synced::Husk),
        Gate::Absent => Ok(Synced::Absent),
        Gate::Foreign(account, _) => Ok(Synced::Foreign { account }),
        Gate::Unresolved(cause, login) => Ok(Synced::Unresolved { cause, seen: login.fingerprint() }),
        Gate::Adopt(login, account) => {
            save(ports, roster, &login, &account)?;
            Ok(Synced::Saved { alias: login.alias().clone() })
        }
        Gate::Moved(login, account) => {
            save(ports, roster, &login, &account)?;
            Ok(Synced::Moved { from: active, to: login.alias().clone() })
        }
    }
}

/// Seals a live login and records in the roster what its identification brought.
fn save(ports: &Ports, roster: &mut Roster, login: &Matched<Login>, account: &Account) -> Result<(), FlowError> {
    let block = own_block(ports, login);
    vault::seal(ports, login, block.as_ref())?;
    roster.describe(account);
    roster.mark_login_needed(login.alias(), None)?;
    roster.mark_synced(login.alias(), ports.clock.now())?;
    vault::save_roster(ports, roster)?;
    Ok(())
}

/// The `oauthAccount` of the moment, if it is this login's. It is a cache: that it cannot be read is no reason not to save
/// the login, and that it may be another account's has been seen (`docs/observed.md` §6).
pub(crate) fn own_block(ports: &Ports, login: &Matched<Login>) -> Option<AccountBlock> {
    let document = ports.account_cache.read().ok().flatten()?;
    AccountBlock::of(&document).filter(|block| block.identity().as_ref() == Some(login.identity()))
}

/// What stands in the live store, as far as this computer alone can tell: no request, no write, no lock.
pub fn glance(ports: &Ports, roster: &Roster) -> LiveState {
    let document: Document = match ports.live.read() {
        Ok(Some(document)) => document,
        Ok(None) => return LiveState::Absent,
        Err(_) => return LiveState::Unreadable,
    };
    let login = match Live::parse(&document) {
        Ok(Live::Login(login)) => login,
        Ok(Live::Husk) => return LiveState::Husk,
        Ok(Live::Absent) => return LiveState::Absent,
        Err(_) => return LiveState::Unreadable,
    };
    let fingerprint = login.fingerprint();
    let saved_as = |alias: &Alias| {
        vault::header(ports, alias).ok().flatten().is_some_and(|header| header.fingerprint == fingerprint)
    };
    match roster.active() {
        Some(active) if roster.is_confirmed() && saved_as(&active.alias) => {
            LiveState::Known { alias: active.alias.clone() }
        }
        Some(_) => LiveState::Unresolved,
        // Without an active profile it was never one's, or its profile was removed.
        None => LiveState::Unregistered { email: cached_email(ports) },
    }
}

/// The e-mail that Claude Code shows at the moment. Good for a greeting, never as evidence.
fn cached_email(ports: &Ports) -> Option<String> {
    let document = ports.account_cache.read().ok().flatten()?;
    AccountBlock::of(&document)?.email()
}
