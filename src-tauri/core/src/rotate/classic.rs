//! Signing in with `/login` in Claude Code itself, where it is too old for another way. Owns setting the live login aside, so that no stray
//! process can rotate it meanwhile, and putting the very same login back. It is saved before it leaves the live store, and what was
//! signed in to instead is saved or put aside before that leaves.
//!
//! Set aside means emptied, as Claude Code itself empties a login (`docs/observed.md` §5): every client asks for a sign-in then, and the
//! member keeps its place, so that putting the login back gives the same bytes.

use crate::account_cache::AccountBlock;
use crate::credential::{self, Fingerprint, Live, Login};
use crate::flow::FlowError;
use crate::held;
use crate::journal;
use crate::ports::{OwnLock, Ports, Replaced, RotationLock};
use crate::profile::{Profile, Roster};
use crate::recover;
use crate::switch::{self, Captured, Swap};
use crate::sync::{self, Synced};
use crate::vault;

use super::record::{self, Frozen, Record};
use super::{New, Step};

/// How often the live login may change under our hands before we give up.
const ATTEMPTS: u32 = 4;

pub(super) fn begin(
    ports: &Ports,
    own: &OwnLock,
    roster: &mut Roster,
    record: &Record,
) -> Result<RotationLock, FlowError> {
    let busy = || FlowError::SigninUnderWay { alias: record.alias.clone() };
    let guard = ports.locks.rotation()?.ok_or_else(busy)?;
    for _ in 0..ATTEMPTS {
        match sync::sync_locked(ports, own, roster)? {
            // It would be nobody's, and no profile could give it back.
            Synced::Foreign { account } => return Err(FlowError::Unregistered { account }),
            Synced::Unresolved { cause, .. } => return Err(FlowError::Unidentified { cause }),
            _ => {}
        }
        if set_aside(ports, own, roster, record, &Why::Begin)? {
            return Ok(guard);
        }
    }
    Err(FlowError::Unsteady)
}

/// Why the live login is emptied.
enum Why {
    /// It is set aside, and the note says what was.
    Begin,
    /// It is not the one that was asked for. `given_up`: it is saved nowhere, and is put aside.
    Again { given_up: Option<Fingerprint> },
}

/// Empties the live login. `false`: it is not the one that was looked at just now.
fn set_aside(ports: &Ports, own: &OwnLock, roster: &Roster, record: &Record, why: &Why) -> Result<bool, FlowError> {
    let lock = ports.locks.live(own)?;
    let document = ports.live.read()?;
    let live = match &document {
        Some(document) => Live::parse(document).map_err(FlowError::LiveDamaged)?.into_login(),
        None => None,
    };
    let (Some(document), Some(login)) = (document, live) else {
        if matches!(why, Why::Begin) {
            record::write(ports, record)?;
        }
        return Ok(true);
    };
    let (active, fingerprint) = (roster.active(), login.fingerprint());
    let unsaved = !vault::is_saved(ports, &fingerprint, active)?;
    let noted = match (why, active) {
        (Why::Begin, Some(active)) if !unsaved => {
            let frozen = Frozen { identity: active.identity().clone(), fingerprint: fingerprint.clone() };
            Some(Record { frozen: Some(frozen), ..record.clone() })
        }
        (Why::Again { given_up }, _) if !unsaved || given_up.as_ref() == Some(&fingerprint) => None,
        _ => return Ok(false),
    };
    if !lock.is_ours() {
        return Ok(false);
    }
    let next = credential::emptied(&document).map_err(FlowError::LiveDamaged)?;
    let from = (active.map(|active| active.alias.clone()), Some(fingerprint));
    // Nothing goes live: an interrupted write is undone, or found to have emptied the store.
    journal::begin(ports, from, (record.alias.clone(), Fingerprint::of_nothing()), Some(&document))?;
    if let Some(noted) = noted {
        record::write(ports, &noted)?;
    }
    let replaced = ports.live.replace(&lock, Some(&document.digest()), &next);
    if let Err(error) = replaced {
        // Should this fail too, the journal stays, and `recover` tries again.
        recover::recover_under(ports, &lock)?;
        return Err(error.into());
    }
    let done = replaced == Ok(Replaced::Done);
    if done && unsaved {
        // Not before it is out of the live store: a copy beside a live login goes stale. Until then the journal holds it.
        vault::hold(ports, &login, active.map(Profile::identity))?;
    }
    journal::close(ports)?;
    Ok(done)
}

pub(super) fn step(ports: &Ports, record: &Record) -> Result<Step, FlowError> {
    Ok(if signed_in(ports, record)?.is_some() { Step::SignedIn } else { Step::Terminal })
}

/// The live login, if it is not the one that was set aside.
fn signed_in(ports: &Ports, record: &Record) -> Result<Option<Login>, FlowError> {
    let login = sync::live_login(ports)?;
    let frozen = record.frozen.as_ref().map(|frozen| &frozen.fingerprint);
    Ok(login.filter(|login| Some(&login.fingerprint()) != frozen))
}

/// The `oauthAccount` of the moment is looked for when the login is saved.
pub(super) fn fetch(ports: &Ports, record: &Record) -> Result<Option<(Login, Option<AccountBlock>)>, FlowError> {
    Ok(signed_in(ports, record)?.map(|login| (login, None)))
}

/// Saves the login, which is live already.
pub(super) fn finish(ports: &Ports, roster: &mut Roster, new: &New) -> Result<bool, FlowError> {
    sync::save(ports, roster, &new.login, &new.account)?;
    Ok(true)
}

/// Empties the live login once more. What was signed in to by mistake is put aside.
pub(super) fn again(ports: &Ports, own: &OwnLock, roster: &mut Roster, record: Record) -> Result<Record, FlowError> {
    let record = Record { begun_at: ports.clock.now(), ..record };
    record::write(ports, &record)?;
    for _ in 0..ATTEMPTS {
        let synced = sync::sync_locked(ports, own, roster)?;
        let nobodys = matches!(synced, Synced::Foreign { .. } | Synced::Unresolved { .. });
        let given_up = if nobodys { live_fingerprint(ports)? } else { None };
        if set_aside(ports, own, roster, &record, &Why::Again { given_up })? {
            return Ok(record);
        }
    }
    Err(FlowError::Unsteady)
}

/// Makes the login live again that was set aside.
pub(super) fn put_back(ports: &Ports, own: &OwnLock, roster: &mut Roster, record: &Record) -> Result<(), FlowError> {
    let Some(frozen) = &record.frozen else { return Ok(()) };
    for _ in 0..ATTEMPTS {
        let Some(profile) = roster.by_identity(&frozen.identity).cloned() else { return Ok(()) };
        // Nobody signed in meanwhile, as a rule, and then nobody has to be asked: what is left is a matter of milliseconds.
        let synced = match signed_in(ports, record)? {
            Some(_) => sync::sync_locked(ports, own, roster)?,
            None => Synced::Husk,
        };
        let target = vault::open(ports, &profile)?;
        if held::check_newest(ports, &profile, &target.header).is_err() {
            held::settle(ports, own, roster)?;
            held::check_newest(ports, &profile, &target.header)?;
        }
        let live = live_fingerprint(ports)?;
        if live.as_ref() == Some(&target.header.fingerprint) {
            return Ok(());
        }
        let captured = match live.filter(|_| matches!(synced, Synced::Foreign { .. })) {
            Some(login) => Captured::giving_up(synced, login),
            None => Captured::of(synced),
        };
        match switch::swap(ports, own, roster, &target, &captured)? {
            Swap::Done(_) => {
                if roster.active().is_none_or(|active| active.alias != profile.alias) {
                    roster.mark_unconfirmed(&profile.alias)?;
                    vault::save_roster(ports, roster)?;
                }
                return Ok(journal::close(ports)?);
            }
            Swap::Moved => {}
        }
    }
    Err(FlowError::Unsteady)
}

fn live_fingerprint(ports: &Ports) -> Result<Option<Fingerprint>, FlowError> {
    Ok(sync::live_login(ports)?.as_ref().map(Login::fingerprint))
}
