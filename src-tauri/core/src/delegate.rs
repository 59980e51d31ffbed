//! Renewing by the unmodified Claude Code: hand it a parked login in a config folder of its own, and bring home what it stored there.
//! Owns where a folder's login belongs, and that nobody spends a token which a child may be spending. Leaves running the child to the
//! `Delegate` port, and choosing the engine to `refresh`.
//!
//! A child outlives us, so its folder may hold the only copy of a login. Every flow therefore begins by collecting what finished
//! children left, and no flow renews or installs a login that is still out.

use crate::account_cache::AccountBlock;
use crate::credential::{Fingerprint, Live, Login};
use crate::document::Document;
use crate::envelope;
use crate::flow::FlowError;
use crate::history::{self, Engine, Event};
use crate::identity::{self, Identity};
use crate::ports::{DelegateError, FileName, Ports, StoreError};
use crate::profile::{Profile, Roster};
use crate::refresh::{self, insist};
use crate::vault::{self, CredHeader, HeldHeader, generations};

/// How a delegated renewal ended.
pub(crate) enum Delegation {
    /// The new pair, which lies in the folder until that is discarded.
    New(Login),
    /// Claude Code found the login dead, and emptied it in its folder.
    Dead,
    /// The child has not ended.
    StillOut,
    /// Nothing came of it; the login is what it was.
    Nothing { why: String },
}

/// Lets Claude Code renew a login. The folder stays until the caller has saved what it holds.
pub(crate) fn renew(ports: &Ports, login: &Login, block: Option<&AccountBlock>) -> Delegation {
    let key = login.fingerprint();
    let document = login.to_document().expect("a login came out of a document");
    match ports.delegate.run(&key, &document, block) {
        Ok(()) => {}
        Err(DelegateError::StillRunning) => return Delegation::StillOut,
        Err(error @ (DelegateError::NotInstalled | DelegateError::NotStarted { .. } | DelegateError::Store(_))) => {
            return Delegation::Nothing { why: error.to_string() };
        }
    }
    match ports.delegate.stored(&key) {
        Ok(stored) => outcome(stored.as_ref(), &key),
        // It is there, and the next flow may be able to read it.
        Err(_) => Delegation::StillOut,
    }
}

/// What a document that a child left means.
fn outcome(stored: Option<&Document>, key: &Fingerprint) -> Delegation {
    match stored.map(Live::parse) {
        Some(Ok(Live::Login(login))) if login.fingerprint() != *key => Delegation::New(login),
        Some(Ok(Live::Husk)) => Delegation::Dead,
        Some(Ok(Live::Login(_) | Live::Absent)) | None => {
            Delegation::Nothing { why: "it stored no new one".to_owned() }
        }
        // Never seen: Claude Code replaces the file whole. Should it be, the folder is kept.
        Some(Err(_)) => Delegation::StillOut,
    }
}

/// Fails while a child may be spending this login's refresh token, or has spent it, or while the login lies in a folder that could not
/// be removed: whoever found it there later would take it for the newest.
pub(crate) fn check_not_out(ports: &Ports, profile: &Profile, fingerprint: &Fingerprint) -> Result<(), FlowError> {
    match is_out(ports, fingerprint)? {
        true => Err(FlowError::BeingRenewed { alias: profile.alias.clone() }),
        false => Ok(()),
    }
}

/// See [`check_not_out`].
pub(crate) fn is_out(ports: &Ports, fingerprint: &Fingerprint) -> Result<bool, StoreError> {
    for run in ports.delegate.runs()? {
        let stored = ports.delegate.stored(&run.key);
        let is_out = match &stored {
            // From a folder that makes no sense nothing will ever come: nobody has to wait for it.
            Err(StoreError::Malformed { .. }) => run.key == *fingerprint && run.running,
            Err(_) => run.key == *fingerprint,
            Ok(document) => run.key == *fingerprint || holds(document.as_ref(), fingerprint),
        };
        if is_out {
            return Ok(true);
        }
    }
    Ok(false)
}

fn holds(document: Option<&Document>, fingerprint: &Fingerprint) -> bool {
    let login = document.and_then(|document| Live::parse(document).ok()?.into_login());
    login.is_some_and(|login| login.fingerprint() == *fingerprint)
}

/// Brings home what finished children left behind. One that is still at work is left alone, and one whose folder cannot be settled now
/// does not keep the others waiting: the first such failure is told at the end.
pub(crate) fn collect(ports: &Ports) -> Result<(), FlowError> {
    let mut first = Ok(());
    for run in ports.delegate.runs()? {
        if !run.running {
            first = first.and(collect_one(ports, &run.key));
        }
    }
    first
}

fn collect_one(ports: &Ports, key: &Fingerprint) -> Result<(), FlowError> {
    let mut roster = vault::load_roster(ports)?;
    let stored = match ports.delegate.stored(key) {
        // It is kept, for whoever can read it.
        Err(StoreError::Malformed { .. }) => return Ok(()),
        stored => stored?,
    };
    match outcome(stored.as_ref(), key) {
        Delegation::New(login) => bring_home(ports, &mut roster, key, login)?,
        Delegation::Dead => bury(ports, &mut roster, key)?,
        Delegation::Nothing { .. } => {}
        Delegation::StillOut => return Ok(()),
    }
    Ok(ports.delegate.discard(key)?)
}

/// Where a login came from that went out to Claude Code, if it still lies there.
enum Home {
    Newest(Profile),
    Generation(Profile, u64),
    Held(FileName, HeldHeader),
}

fn home(ports: &Ports, roster: &Roster, key: &Fingerprint) -> Result<Option<Home>, StoreError> {
    let profile_of = |header: &CredHeader| roster.by_identity(&header.identity).cloned();
    for name in ports.files.list()? {
        let Some(bytes) = ports.files.read(&name)? else { continue };
        let home = match &name {
            FileName::Cred(_) => cred_of(&bytes, key).and_then(|header| profile_of(&header)).map(Home::Newest),
            FileName::Generation(_, number) => cred_of(&bytes, key)
                .and_then(|header| profile_of(&header))
                .map(|profile| Home::Generation(profile, *number)),
            FileName::Held(_) => envelope::header::<HeldHeader>(&bytes)
                .ok()
                .filter(|header| header.fingerprint == *key)
                .map(|header| Home::Held(name.clone(), header)),
            FileName::Roster | FileName::Journal | FileName::Told | FileName::Rotation | FileName::Bootstrap => None,
        };
        if home.is_some() {
            return Ok(home);
        }
    }
    Ok(None)
}

fn cred_of(bytes: &[u8], key: &Fingerprint) -> Option<CredHeader> {
    envelope::header::<CredHeader>(bytes).ok().filter(|header| header.fingerprint == *key)
}

/// Saves what a child stored where its ancestor lies. The lineage is the proof: only this login lay in the folder, and a refresh cannot
/// change the account. Where the ancestor is gone, the server will have to say whose it is.
fn bring_home(ports: &Ports, roster: &mut Roster, key: &Fingerprint, login: Login) -> Result<(), FlowError> {
    let inherit =
        |login, profile: &Profile| identity::inherit(login, profile.alias.clone(), profile.identity().clone());
    match home(ports, roster, key)? {
        Some(Home::Newest(profile)) => {
            let login = inherit(login, &profile);
            insist(|| vault::seal(ports, &login, None))?;
            if profile.login_needed_since.is_some() {
                roster.mark_login_needed(&profile.alias, None)?;
                vault::save_roster(ports, roster)?;
            }
            history::note(ports, &Event::Renewed { alias: profile.alias, engine: Engine::Delegated });
        }
        Some(Home::Generation(profile, number)) => {
            let login = inherit(login, &profile);
            insist(|| generations::rewrite(ports, number, &login, None))?;
        }
        Some(Home::Held(name, header)) => insist(|| vault::hold_again(ports, &name, &login, &header))?,
        // A crash came between saving and discarding, or the profile was removed.
        None if is_kept(ports, &login)? => {}
        None => insist(|| vault::hold(ports, &login, None))?,
    }
    Ok(())
}

fn is_kept(ports: &Ports, login: &Login) -> Result<bool, StoreError> {
    let fingerprint = login.fingerprint();
    Ok(crate::lineage::copies(ports)?.iter().any(|copy| copy.fingerprint == fingerprint))
}

/// Claude Code found a login dead.
fn bury(ports: &Ports, roster: &mut Roster, key: &Fingerprint) -> Result<(), FlowError> {
    match home(ports, roster, key)? {
        Some(Home::Newest(profile)) => {
            let _said_by_the_next_who_asks: FlowError = refresh::login_needed(ports, roster, &profile)?;
        }
        // There is nothing left to keep.
        Some(Home::Held(name, _)) => ports.files.remove(&name)?,
        Some(Home::Generation(..)) | None => {}
    }
    Ok(())
}

/// The child asked for usage as well; its answer saves a request.
pub(crate) fn keep_usage(ports: &Ports, identity: Option<&Identity>, key: &Fingerprint) {
    let (Some(identity), Some((account, reading))) = (identity, ports.delegate.usage(key)) else { return };
    // A reading is no login: where it cannot be kept it is read again.
    if account == identity.account() && ports.readings.store(identity, &reading).is_ok() {
        let _asked_sooner = ports.readings.claim(identity, reading.read_at, &|_| Ok(()));
    }
}
