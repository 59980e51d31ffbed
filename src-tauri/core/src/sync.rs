//! Watching the live login: copy it into the active profile's `.cred`, but only through the identity gate. Owns acting on
//! the gate's verdicts; leaves the verdict to `identity`, the writing to `vault`, and when to look to the engine.

use crate::account_cache::AccountBlock;
use crate::board::LiveState;
use crate::credential::{Fingerprint, Live, Login};
use crate::document::Document;
use crate::flow::FlowError;
use crate::history::{self, Event};
use crate::identity::{self, Account, Gate, Identity, Matched};
use crate::policy;
use crate::ports::{FileName, OwnLock, Ports, ProviderError};
use crate::profile::{Alias, LastSwitch, Roster};
use crate::recover;
use crate::sessions::Session;
use crate::setup_token;
use crate::vault::{self, CredHeader};

/// What a look at the live login came to.
#[derive(Debug)]
pub enum Synced {
    /// The tokens are those that are saved: no request, no write.
    Unchanged { alias: Alias },
    /// A rotation of the active profile was saved.
    Saved { alias: Alias },
    /// The live login is another profile's now; it was saved there, and that profile is active.
    Moved { from: Option<Alias>, to: Alias },
    /// Soon after a switch from `found` to `wanted` the very sign-in that was switched away from is live again: a session that
    /// began before wrote it back, or another program did. It was saved under its own profile, which is active.
    Reverted {
        wanted: Alias,
        found: Alias,
        /// The sessions that may have done it: those that began before the switch.
        suspects: Vec<Session>,
        /// How often the choice was made live again without being asked.
        restored: u32,
    },
    /// The setup-token that was this profile's until a person replaced it. Nothing was touched; `use` installs the newest.
    Earlier { alias: Alias },
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
            Self::Unchanged { alias }
            | Self::Saved { alias }
            | Self::Moved { to: alias, .. }
            | Self::Earlier { alias }
            | Self::Reverted { found: alias, .. } => LiveState::Known { alias: alias.clone() },
            Self::Foreign { account } => LiveState::Unregistered { email: Some(account.email.clone()) },
            Self::Unresolved { .. } => LiveState::Unresolved,
            Self::Husk => LiveState::Husk,
            Self::Absent => LiveState::Absent,
        }
    }
}

/// Looks at the live login once, and saves what the gate lets through.
pub fn sync_live(ports: &Ports) -> Result<Synced, FlowError> {
    if let Some(alias) = unchanged(ports) {
        return Ok(Synced::Unchanged { alias });
    }
    let own = recover::enter(ports, "sync")?;
    let mut roster = vault::load_roster(ports)?;
    sync_locked(ports, &own, &mut roster)
}

/// The profile whose saved tokens are the live ones, told without a lock, a request or a write: this is what nearly every look comes
/// to. Whatever does not fit or cannot be read is for the look under the lock.
fn unchanged(ports: &Ports) -> Option<Alias> {
    if ports.files.read(&FileName::Journal).ok()?.is_some() {
        return None;
    }
    let roster = vault::load_roster(ports).ok()?;
    let active = roster.active().filter(|_| roster.is_confirmed())?;
    let Ok(Live::Login(login)) = Live::parse(&ports.live.read().ok()??) else { return None };
    let saved = vault::saved_fingerprint(ports, active).ok()??;
    (saved == login.fingerprint()).then(|| active.alias.clone())
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
        Err(login) if login.is_setup_token() => setup_token::gate(ports, login, roster)?,
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
        Gate::Earlier(alias) => {
            if roster.is_confirmed() || active.as_ref() != Some(&alias) {
                roster.mark_unconfirmed(&alias)?;
                vault::save_roster(ports, roster)?;
            }
            Ok(Synced::Earlier { alias })
        }
        Gate::Adopt(login, account) => {
            save(ports, roster, &login, &account)?;
            let alias = login.alias().clone();
            if login.value().is_setup_token() {
                return Ok(Synced::Unchanged { alias });
            }
            history::note(ports, &Event::Rotated { alias: alias.clone() });
            Ok(Synced::Saved { alias })
        }
        Gate::Moved(login, account) => moved(ports, roster, &login, &account),
    }
}

/// Another profile's login is live: someone switched outside, or the login that was switched away from came back.
fn moved(ports: &Ports, roster: &mut Roster, login: &Matched<Login>, account: &Account) -> Result<Synced, FlowError> {
    let from = roster.active().map(|profile| profile.alias.clone());
    let to = login.alias().clone();
    let saved = vault::header(ports, login.alias()).ok().flatten();
    let same_sign_in = saved.as_ref().is_some_and(|saved| is_of_its_sign_in(login.value(), saved));
    // Claude Code never puts a login back: when a person signs in it is a new one, and what a session of old writes is its rotation.
    let same_tokens = saved.is_some_and(|saved| saved.fingerprint == login.value().fingerprint());
    let undone = reversion(ports, roster, login.identity()).filter(|_| same_sign_in);
    save(ports, roster, login, account)?;
    let Some((wanted, switch)) = undone else {
        // Where nobody was known to be live, nobody was pushed aside.
        let rival = from.is_some() && same_tokens;
        history::note(ports, &Event::SwitchedOutside { from: from.clone(), to: to.clone(), rival });
        return Ok(Synced::Moved { from, to });
    };
    let running = ports.sessions.running().unwrap_or_default();
    let suspects: Vec<Session> = running.into_iter().filter(|session| session.may_hold_a_login_of(switch.at)).collect();
    let by = suspects.iter().map(Session::words).collect();
    history::note(ports, &Event::Reverted { wanted: wanted.clone(), found: to.clone(), by });
    Ok(Synced::Reverted { wanted, found: to, suspects, restored: switch.restored })
}

/// The choice that `found`, being live again, would undo.
fn reversion(ports: &Ports, roster: &Roster, found: &Identity) -> Option<(Alias, LastSwitch)> {
    let switch = roster.last_switch()?;
    let chosen = roster.active().filter(|active| *active.identity() == switch.to)?;
    let recent = (0..=policy::REVERSION_MS).contains(&ports.clock.now().since(switch.at));
    (recent && switch.from.as_ref() == Some(found)).then(|| (chosen.alias.clone(), switch.clone()))
}

/// Whether a live login comes from the sign-in of a saved one.
fn is_of_its_sign_in(live: &Login, saved: &CredHeader) -> bool {
    saved.fingerprint == live.fingerprint() || (saved.deadline.is_some() && saved.deadline == live.deadline())
}

/// The login in the live store, if one is there that holds tokens.
pub(crate) fn live_login(ports: &Ports) -> Result<Option<Login>, FlowError> {
    let Some(document) = ports.live.read()? else { return Ok(None) };
    Ok(Live::parse(&document).map_err(FlowError::LiveDamaged)?.into_login())
}

/// Seals a live login and records in the roster what its identification brought. A setup-token that was identified is saved already.
pub(crate) fn save(
    ports: &Ports,
    roster: &mut Roster,
    login: &Matched<Login>,
    account: &Account,
) -> Result<(), FlowError> {
    if !login.identity().is_setup_token() {
        let block = own_block(ports, login);
        vault::seal(ports, login, block.as_ref())?;
        roster.describe(account);
    }
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
        None if login.is_setup_token() => LiveState::Unregistered { email: Some(Account::unknown_token().email) },
        None => LiveState::Unregistered { email: cached_email(ports) },
    }
}

/// The e-mail that Claude Code shows at the moment. Good for a greeting, never as evidence.
fn cached_email(ports: &Ports) -> Option<String> {
    let document = ports.account_cache.read().ok().flatten()?;
    AccountBlock::of(&document)?.email()
}
