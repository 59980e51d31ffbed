//! Signing in apart from the live login, which is never touched. Owns what becomes of the folder: its login is saved, and installed where
//! it renews the live profile, before the folder goes, so that after a crash it is in at least one place and later in exactly one.

use crate::account_cache::AccountBlock;
use crate::credential::{Live, Login};
use crate::flow::FlowError;
use crate::identity::Matched;
use crate::ports::{OwnLock, Ports, StoreError};
use crate::profile::{Profile, Roster};
use crate::refresh::Vouched;
use crate::signin::{Progress, SigninId};
use crate::switch::{self, Captured, Swap};
use crate::sync::{self, Synced};
use crate::vault::{self, Opened, VaultError};

use super::record::{self, Record};
use super::{KEPT_MS, LIMIT_MS, New, Step};

pub(super) fn begin(ports: &Ports, own: &OwnLock, roster: &mut Roster, record: &Record) -> Result<(), FlowError> {
    // The back-up of the live login. Whatever stands in its way stands in nobody else's: the live login stays where it is.
    let _saved_later: Result<Synced, FlowError> = sync::sync_locked(ports, own, roster);
    start(ports, record)
}

fn start(ports: &Ports, record: &Record) -> Result<(), FlowError> {
    record::write(ports, record)?;
    let email = record.expects.as_ref().map(|expected| expected.email.as_str());
    Ok(ports.signin.start(&record.id, email.filter(|email| !email.is_empty()))?)
}

pub(super) fn step(ports: &Ports, record: &Record) -> Result<Step, FlowError> {
    Ok(match ports.signin.look(&record.id)? {
        Progress::Starting => Step::Starting,
        Progress::Waiting { page } => Step::Browser { page },
        Progress::Ended { said } => match stored(ports, &record.id)? {
            Some(_) => Step::SignedIn,
            None => Step::Failed { said },
        },
    })
}

fn stored(ports: &Ports, id: &SigninId) -> Result<Option<Login>, StoreError> {
    let document = ports.signin.stored(id)?;
    Ok(document.and_then(|document| Live::parse(&document).ok()?.into_login()))
}

/// The login, once its child has ended: until then it may be storing more.
pub(super) fn fetch(ports: &Ports, record: &Record) -> Result<Option<(Login, Option<AccountBlock>)>, FlowError> {
    if !matches!(ports.signin.look(&record.id)?, Progress::Ended { .. }) {
        return Ok(None);
    }
    let Some(login) = stored(ports, &record.id)? else { return Ok(None) };
    Ok(Some((login, ports.signin.block(&record.id))))
}

/// Saves the login, makes it live where its profile is, and removes the folder last. `true`: it is live.
pub(super) fn finish(
    ports: &Ports,
    own: &OwnLock,
    roster: &mut Roster,
    record: &Record,
    new: New,
) -> Result<bool, FlowError> {
    let New { login, block, account } = new;
    let alias = login.alias().clone();
    let was_active = roster.active().is_some_and(|active| active.alias == alias);
    // What is live is saved first, so that only the new login is newer.
    let synced = if was_active { Some(sync::sync_locked(ports, own, roster)?) } else { None };
    let replaceable = synced.filter(|synced| !matches!(synced, Synced::Foreign { .. }));
    let target = save(ports, roster.get(&alias)?, login, block)?;
    roster.describe(&account);
    roster.mark_login_needed(&alias, None)?;
    vault::save_roster(ports, roster)?;
    let still_active = roster.active().is_some_and(|active| active.alias == alias);
    let mut is_live = false;
    if let Some(synced) = replaceable.filter(|_| still_active) {
        let profile = roster.get(&alias)?.clone();
        match switch::swap(ports, own, roster, &target, &Captured::of(synced))? {
            Swap::Done(_) => switch::commit(ports, roster, &profile, &Vouched::Verified(account))?,
            Swap::Moved => return Err(FlowError::Unsteady),
        }
        is_live = true;
    }
    // It is safe now. A folder that cannot be removed at once is swept away by the next flow that looks.
    let _swept_later: Result<(), StoreError> = ports.signin.discard(&record.id);
    Ok(is_live)
}

/// Saves the login as its profile's newest, unless that was done before a crash: the saved one may have been renewed since, and then the
/// copy in the folder is spent.
fn save(
    ports: &Ports,
    profile: &Profile,
    login: Matched<Login>,
    block: Option<AccountBlock>,
) -> Result<Opened, FlowError> {
    if is_newest(ports, profile, login.value())? {
        return Ok(vault::open(ports, profile)?);
    }
    let header = vault::seal(ports, &login, block.as_ref())?;
    Ok(Opened { login, block, header })
}

/// Whether the newest saved login of a profile comes from this very sign-in.
fn is_newest(ports: &Ports, profile: &Profile, login: &Login) -> Result<bool, FlowError> {
    match vault::open(ports, profile) {
        Ok(saved) => {
            let saved = saved.login.value();
            Ok(saved.fingerprint() == login.fingerprint() || saved.is_of_the_same_sign_in(login))
        }
        Err(VaultError::Store(error)) => Err(error.into()),
        // One that cannot be opened is replaced.
        Err(_) => Ok(false),
    }
}

/// The old folder goes; a new attempt for the same profile begins.
pub(super) fn again(ports: &Ports, record: Record) -> Result<Record, FlowError> {
    let before = record.id.clone();
    let record = Record { id: SigninId::new(ports)?, begun_at: ports.clock.now(), ..record };
    record::write(ports, &record)?;
    ports.signin.discard(&before)?;
    start(ports, &record)?;
    Ok(record)
}

/// What becomes of an attempt that nobody guides.
pub(super) enum Fate {
    /// A person may come back to it.
    Open,
    /// It is gone, or took too long.
    Over,
    /// It was confirmed, and a crash came before its folder went.
    Done,
}

pub(super) fn fate(ports: &Ports, roster: &Roster, record: &Record) -> Result<Fate, FlowError> {
    if !ports.signin.attempts()?.contains(&record.id) {
        return Ok(Fate::Over);
    }
    let age = ports.clock.now().since(record.begun_at);
    Ok(match stored(ports, &record.id)? {
        Some(login) if is_done(ports, roster, &login)? => Fate::Done,
        Some(_) if age <= KEPT_MS => Fate::Open,
        None if age <= LIMIT_MS => Fate::Open,
        Some(_) | None => Fate::Over,
    })
}

/// Whether the login is saved as somebody's newest, and live where that profile is.
fn is_done(ports: &Ports, roster: &Roster, login: &Login) -> Result<bool, FlowError> {
    for profile in roster.profiles() {
        if is_newest(ports, profile, login)? {
            let active = roster.active().is_some_and(|active| active.alias == profile.alias);
            return Ok(!active || is_live(ports, login)?);
        }
    }
    Ok(false)
}

fn is_live(ports: &Ports, login: &Login) -> Result<bool, FlowError> {
    let live = sync::live_login(ports)?;
    Ok(live.is_some_and(|live| live.fingerprint() == login.fingerprint() || live.is_of_the_same_sign_in(login)))
}

/// Removes the folders that no note names: their attempts were given up, or confirmed.
pub(super) fn sweep(ports: &Ports, kept: Option<&SigninId>) -> Result<(), FlowError> {
    for id in ports.signin.attempts()? {
        if Some(&id) != kept {
            ports.signin.discard(&id)?;
        }
    }
    Ok(())
}
