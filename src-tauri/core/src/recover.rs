//! After a crash: leave the live login wholly old or wholly new, and every `.cred` under its own identity. Owns what an
//! unfinished journal entry means, and the fate of files that nobody refers to. Runs at every start and before every
//! switch; running it twice does the same as running it once.

use crate::credential::{Fingerprint, Live};
use crate::document::Document;
use crate::flow::FlowError;
use crate::held;
use crate::journal::{self, Unfinished};
use crate::ports::{FileName, LiveLock, OwnLock, Ports, Replaced, StoreError};
use crate::profile::{Alias, Roster};
use crate::switch;
use crate::vault;

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
    let mut roster = vault::load_roster(ports)?;
    clear_orphans(ports, &roster)?;
    held::settle(ports, &own, &mut roster)?;
    Ok(recovered)
}

/// The same for a flow that holds our lock already: only the journal.
pub(crate) fn recover_locked(ports: &Ports, own: &OwnLock) -> Result<Recovered, FlowError> {
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
        settle_superseded(ports, &unfinished)?;
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
            hold_unsaved(ports, unfinished)?;
            finish(ports, lock, alias)?;
        }
        _ => {}
    }
    journal::close(ports)?;
    Ok(recovered)
}

/// The live store moved on since the crash. Where the outgoing login is saved nothing is left to do. Where only the journal
/// holds it, it matters whether the switch had landed: if it had not, Claude Code has rotated that very login since, and
/// the journal's copy is spent. Only the server can tell; until it has, the journal stays open.
fn settle_superseded(ports: &Ports, unfinished: &Unfinished) -> Result<(), FlowError> {
    let entry = &unfinished.entry;
    let saved = match &entry.outgoing {
        Some(outgoing) => vault::is_saved(ports, outgoing, entry.from.as_ref())?,
        None => true,
    };
    if !saved {
        let landed = match ports.live.read()?.as_ref().map(Live::parse) {
            Some(Ok(Live::Login(login))) => {
                let account = match ports.provider.identify(login.access()) {
                    Ok(account) => account,
                    Err(cause) => return Err(FlowError::Unidentified { cause }),
                };
                let roster = vault::load_roster(ports)?;
                roster.find(&entry.to).is_some_and(|to| *to.identity() == account.identity)
            }
            // A dead or absent login cannot be harmed by a spent copy of it.
            _ => true,
        };
        if landed {
            hold_unsaved(ports, unfinished)?;
        }
    }
    Ok(journal::close(ports)?)
}

/// Puts the outgoing login aside if only the journal holds it.
fn hold_unsaved(ports: &Ports, unfinished: &Unfinished) -> Result<(), FlowError> {
    let entry = &unfinished.entry;
    let Some(Ok(Live::Login(outgoing))) = unfinished.replaced.as_ref().map(Live::parse) else { return Ok(()) };
    if !vault::is_saved(ports, &outgoing.fingerprint(), entry.from.as_ref())? {
        vault::hold(ports, &outgoing, entry.from.as_ref())?;
    }
    Ok(())
}

/// Decides by what stands in the live store now.
fn settle_live(ports: &Ports, lock: &LiveLock, unfinished: &Unfinished) -> Result<Recovered, FlowError> {
    if put_back_if_damaged(ports, lock, unfinished.replaced.as_ref(), None)? {
        return Ok(Recovered::PutBack);
    }
    let entry = &unfinished.entry;
    let live: Option<Fingerprint> = match ports.live.read()?.as_ref().map(Live::parse) {
        Some(Ok(Live::Login(login))) => Some(login.fingerprint()),
        _ => None,
    };
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
    roster.mark_synced(alias, ports.clock.now())?;
    vault::save_roster(ports, &roster)?;
    let block = vault::open(ports, &profile).ok().and_then(|opened| opened.block);
    // A cache that cannot be written is no reason to leave the switch half done.
    let _shown_late: Result<(), StoreError> = switch::write_block(ports, lock, profile.identity(), block.as_ref());
    Ok(())
}

/// Puts `before` back where a torn write left neither it nor `next`. `true`: something was put back.
///
/// A store counts as damaged when it is no JSON object with a readable login, or is gone, though it was whole before.
pub(crate) fn put_back_if_damaged(
    ports: &Ports,
    lock: &LiveLock,
    before: Option<&Document>,
    next: Option<&Document>,
) -> Result<bool, FlowError> {
    let Some(before) = before else { return Ok(false) };
    let now = match ports.live.read() {
        Ok(now) => now,
        Err(StoreError::Malformed { .. }) => return overwrite_damaged(ports, lock, before),
        Err(error) => return Err(error.into()),
    };
    let whole = now.as_ref().is_some_and(|now| {
        now.digest() == before.digest()
            || next.is_some_and(|next| next.digest() == now.digest())
            || Live::parse(now).is_ok()
    });
    if whole {
        return Ok(false);
    }
    let expected = now.as_ref().map(Document::digest);
    Ok(ports.live.replace(lock, expected.as_ref(), before)? == Replaced::Done)
}

fn overwrite_damaged(ports: &Ports, lock: &LiveLock, before: &Document) -> Result<bool, FlowError> {
    ports.live.replace_damaged(lock, before)?;
    Ok(true)
}

/// Removes a `.cred` that no profile refers to, if the very same tokens are saved elsewhere or live: a rename or an `add`
/// was cut short. Any other orphan stays: it may be the only copy of a login.
fn clear_orphans(ports: &Ports, roster: &Roster) -> Result<(), FlowError> {
    let mut kept: Vec<Fingerprint> = Vec::new();
    for profile in roster.profiles() {
        kept.extend(vault::header(ports, &profile.alias).ok().flatten().map(|header| header.fingerprint));
    }
    if let Ok(Some(document)) = ports.live.read()
        && let Ok(Live::Login(login)) = Live::parse(&document)
    {
        kept.push(login.fingerprint());
    }
    for name in ports.files.list()? {
        let FileName::Cred(alias) = &name else { continue };
        if roster.profiles().iter().any(|profile| profile.alias.collides_with(alias)) {
            continue;
        }
        let header = vault::header(ports, alias).ok().flatten();
        if header.is_some_and(|header| kept.contains(&header.fingerprint)) {
            ports.files.remove(&name)?;
        }
    }
    Ok(())
}
