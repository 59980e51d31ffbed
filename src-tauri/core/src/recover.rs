//! After a crash: leave the live login wholly old or wholly new, and every `.cred` under its own identity. Owns what an
//! unfinished journal entry means, and the fate of files that nobody refers to. The journal is settled at the beginning of
//! every flow, the rest at every start; running it twice does the same as running it once.

use crate::credential::{Fingerprint, Live, Login};
use crate::delegate;
use crate::document::Document;
use crate::envelope;
use crate::flow::FlowError;
use crate::held;
use crate::history::{self, Event};
use crate::journal::{self, Unfinished};
use crate::mend;
use crate::ports::{FileName, LiveLock, OwnLock, Ports, ProviderError, Replaced, StoreError};
use crate::profile::{Alias, Profile, Roster};
use crate::rotate;
use crate::switch;
use crate::sync::{self, Synced};
use crate::vault::{self, CredHeader, generations};

/// What `recover` found and did.
#[derive(Debug, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing was half done.
    Nothing,
    /// A switch had reached the live store and was completed.
    Finished { alias: Alias },
    /// A switch had not reached the live store: all is as before it.
    RolledBack,
    /// A write had damaged the live store: what stood there before was put back.
    PutBack,
    /// The live store holds something newer than the interrupted switch: it was left as it is.
    Superseded,
    /// The journal itself could not be read; it was put out of the way, and the live store was left as it is.
    JournalUnreadable,
}

/// Ends what a crash left half done.
pub fn recover(ports: &Ports) -> Result<Recovered, FlowError> {
    let own = ports.locks.own("recover")?;
    let recovered = recover_locked(ports, &own)?;
    let collected = delegate::collect(ports);
    let mut roster = vault::load_roster(ports)?;
    settle_strays(ports, &mut roster)?;
    settle_stray_generations(ports, &roster)?;
    held::settle(ports, &own, &mut roster)?;
    rotate::settle(ports, &own, &mut roster)?;
    collected.map(|()| recovered)
}

/// Brings home what waits for an answer of the server's or for a child to end: logins that were put aside, and what Claude Code stored
/// for us. Looks at names only where nothing waits.
pub fn bring_home(ports: &Ports) -> Result<(), FlowError> {
    let waits = ports.files.list()?.iter().any(|name| matches!(name, FileName::Held(_)));
    if !waits && ports.delegate.runs()?.is_empty() {
        return Ok(());
    }
    let own = enter(ports, "bring home")?;
    let mut roster = vault::load_roster(ports)?;
    held::settle(ports, &own, &mut roster)
}

/// How every flow begins: takes our own lock, and ends what a crash left half done. A login renewed or saved beside an open
/// journal would leave a spent copy in it, which `recover` would take for the newest.
pub(crate) fn enter(ports: &Ports, purpose: &str) -> Result<OwnLock, FlowError> {
    let own = ports.locks.own(purpose)?;
    recover_locked(ports, &own)?;
    // What cannot be collected now stays where it is, and its profile waits for it.
    let _collected_later: Result<(), FlowError> = delegate::collect(ports);
    Ok(own)
}

/// The journal alone.
fn recover_locked(ports: &Ports, own: &OwnLock) -> Result<Recovered, FlowError> {
    let unfinished = match journal::unfinished(ports)? {
        None => return Ok(Recovered::Nothing),
        Some(Ok(unfinished)) => unfinished,
        Some(Err(_)) => {
            journal::put_aside(ports)?;
            return Ok(Recovered::JournalUnreadable);
        }
    };
    let lock = ports.locks.live(own)?;
    let recovered = settle_entry(ports, &lock, &unfinished)?;
    drop(lock);
    if recovered == Recovered::Superseded {
        settle_superseded(ports, own, &unfinished)?;
    }
    Ok(recovered)
}

/// The same for a switch whose write failed while it holds the locks.
pub(crate) fn recover_under(ports: &Ports, lock: &LiveLock) -> Result<(), FlowError> {
    if let Some(Ok(unfinished)) = journal::unfinished(ports)? {
        settle_entry(ports, lock, &unfinished)?;
    }
    Ok(())
}

/// Ends the entry, unless the live store holds neither of the two logins that it names.
fn settle_entry(ports: &Ports, lock: &LiveLock, unfinished: &Unfinished) -> Result<Recovered, FlowError> {
    let recovered = settle_live(ports, lock, unfinished)?;
    match &recovered {
        Recovered::Superseded => return Ok(recovered),
        Recovered::Finished { alias } => {
            hold_unsaved(ports, unfinished, None)?;
            finish(ports, lock, alias)?;
            history::note(ports, &Event::Completed { alias: alias.clone() });
        }
        Recovered::RolledBack | Recovered::PutBack => history::note(ports, &Event::RolledBack),
        Recovered::Nothing | Recovered::JournalUnreadable => {}
    }
    journal::close(ports)?;
    Ok(recovered)
}

/// The live store moved on since the crash: Claude Code rotated one of the two logins, or someone signed in or out. Only the
/// server can tell which; until it has, the journal stays open, because the saved login of either profile may be spent.
fn settle_superseded(ports: &Ports, own: &OwnLock, unfinished: &Unfinished) -> Result<(), FlowError> {
    let mut roster = vault::load_roster(ports)?;
    let synced = sync::sync_locked(ports, own, &mut roster)?;
    match synced {
        // The server itself does not know it, and never may: then whatever is unsaved is put aside, where nobody presents what may be
        // spent, and life goes on.
        Synced::Unresolved { cause: ProviderError::Unauthorized | ProviderError::MissingScope { .. }, .. } => {
            hold_unsaved(ports, unfinished, None)?;
            return Ok(journal::close(ports)?);
        }
        Synced::Unresolved { cause, .. } => return Err(FlowError::Unidentified { cause }),
        _ => {}
    }
    let live = login_in(ports.live.read()?.as_ref());
    if !outgoing_was_rotated(unfinished, live.as_ref()) {
        hold_unsaved(ports, unfinished, live.as_ref().map(Login::fingerprint).as_ref())?;
    }
    Ok(journal::close(ports)?)
}

/// Whether the live login is a rotation of the outgoing one, whose copy in the journal is spent then. Where that cannot be told the copy is
/// put aside, as one that may be spent. A dead or absent live login cannot be harmed by it.
fn outgoing_was_rotated(unfinished: &Unfinished, live: Option<&Login>) -> bool {
    let outgoing = login_in(unfinished.replaced.as_ref());
    outgoing.zip(live).is_some_and(|(outgoing, live)| outgoing.is_of_the_same_sign_in(live))
}

/// The login that a live store's document holds, if it holds one.
fn login_in(document: Option<&Document>) -> Option<Login> {
    Live::parse(document?).ok()?.into_login()
}

/// Puts the outgoing login aside if only the journal holds it.
fn hold_unsaved(ports: &Ports, unfinished: &Unfinished, later: Option<&Fingerprint>) -> Result<(), FlowError> {
    let Some(outgoing) = login_in(unfinished.replaced.as_ref()) else { return Ok(()) };
    let roster = vault::load_roster(ports)?;
    let from = unfinished.entry.from.as_ref().and_then(|alias| roster.find(alias));
    if !vault::is_saved(ports, &outgoing.fingerprint(), from)? {
        vault::hold_older(ports, &outgoing, from.map(Profile::identity), later)?;
        history::note(ports, &Event::PutAside);
    }
    Ok(())
}

/// Decides by what stands in the live store now.
fn settle_live(ports: &Ports, lock: &LiveLock, unfinished: &Unfinished) -> Result<Recovered, FlowError> {
    if put_back_if_damaged(ports, lock, unfinished.replaced.as_ref())? {
        return Ok(Recovered::PutBack);
    }
    let entry = &unfinished.entry;
    let live = login_in(ports.live.read()?.as_ref()).as_ref().map(Login::fingerprint);
    Ok(match live {
        Some(live) if live == entry.incoming => Recovered::Finished { alias: entry.to.clone() },
        live if live == entry.outgoing => Recovered::RolledBack,
        _ => Recovered::Superseded,
    })
}

/// The roster and `oauthAccount` follow a switch that had reached the live store.
fn finish(ports: &Ports, lock: &LiveLock, alias: &Alias) -> Result<(), FlowError> {
    let mut roster = vault::load_roster(ports)?;
    let Some(profile) = roster.find(alias).cloned() else { return Ok(()) };
    // An undo takes the place of a login of the same profile, and is no choice between two.
    if roster.active().is_none_or(|active| active.alias != *alias) {
        switch::remember(ports, &mut roster, &profile, 0);
    }
    roster.mark_unconfirmed(alias)?;
    vault::save_roster(ports, &roster)?;
    let block = vault::open(ports, &profile).ok().and_then(|opened| opened.block);
    // A cache that cannot be written is no reason to leave the switch half done.
    let _shown_late: Result<Replaced, StoreError> = mend::write_block(ports, lock, profile.identity(), block.as_ref());
    Ok(())
}

/// Puts `before` back where a torn write left something that is no JSON object with a readable login. `true`: something was
/// put back. A store that is gone is not damaged: no write of ours takes it away, so somebody signed out.
fn put_back_if_damaged(ports: &Ports, lock: &LiveLock, before: Option<&Document>) -> Result<bool, FlowError> {
    // Where there was no store, an empty one says the same: signed out.
    let empty = Document::empty();
    let before = before.unwrap_or(&empty);
    match ports.live.read() {
        Ok(Some(now)) if Live::parse(&now).is_err() => {
            Ok(ports.live.replace(lock, Some(&now.digest()), before)? == Replaced::Done)
        }
        Ok(_) => Ok(false),
        Err(StoreError::Malformed { .. }) => {
            ports.live.replace_damaged(lock, before)?;
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

/// An older generation under a name that is not its profile's, because a rename was cut short: it goes to the profile of its account.
fn settle_stray_generations(ports: &Ports, roster: &Roster) -> Result<(), FlowError> {
    for name in ports.files.list()? {
        let FileName::Generation(alias, number) = &name else { continue };
        let Some(bytes) = ports.files.read(&name)? else { continue };
        let Ok(header) = envelope::header::<CredHeader>(&bytes) else { continue };
        let Some(profile) = roster.by_identity(&header.identity) else { continue };
        if profile.alias.collides_with(alias) {
            continue;
        }
        generations::move_home(ports, &name, *number, &profile.alias)?;
    }
    Ok(())
}

/// A `.cred` that no profile refers to: a rename or an `add` was cut short, or the roster was lost. Where the very same tokens
/// are saved under another name it goes; otherwise it becomes a profile, for it may be the only copy of a login. One that
/// cannot be opened stays as it is.
fn settle_strays(ports: &Ports, roster: &mut Roster) -> Result<(), FlowError> {
    let mut kept: Vec<Fingerprint> = Vec::new();
    for profile in roster.profiles() {
        kept.extend(vault::saved_fingerprint(ports, profile)?);
    }
    let mut strays = Vec::new();
    for name in ports.files.list()? {
        let FileName::Cred(alias) = &name else { continue };
        if !roster.profiles().iter().any(|profile| profile.alias.collides_with(alias)) {
            strays.push((vault::header(ports, alias).ok().flatten(), name));
        }
    }
    // Of two that hold one account's logins the newer becomes the profile.
    strays.sort_by_key(|(header, _)| {
        std::cmp::Reverse(header.as_ref().map(|header| (header.expires_at, header.saved_at)))
    });
    for (header, name) in strays {
        let FileName::Cred(alias) = &name else { continue };
        if header.is_some_and(|header| kept.contains(&header.fingerprint)) {
            ports.files.remove(&name)?;
        } else if let Some((alias, account)) = vault::stray(ports, alias)? {
            let added_at = ports.clock.now();
            // An account that is a profile already keeps that one; the stray stays beside it.
            if roster.add(Profile { alias, account, added_at, login_needed_since: None, window: None }).is_ok() {
                vault::save_roster(ports, roster)?;
            }
        }
    }
    Ok(())
}
