//! Keeping `oauthAccount` true: what Claude Code shows about the login is a cache, and an answer about the old account that was in flight
//! during a switch may be written over it (`docs/observed.md` §6). Owns installing and mending the block; leaves the block itself to
//! `account_cache`, and when to look again to whoever keeps watch.

use crate::account_cache::AccountBlock;
use crate::credential::{Fingerprint, Live};
use crate::flow::FlowError;
use crate::history::{self, Event};
use crate::identity::Identity;
use crate::ports::{LiveLock, OwnLock, Ports, Replaced, StoreError};
use crate::profile::Roster;
use crate::recover;
use crate::vault;

/// How often `.claude.json` may be rewritten under our hands before we leave it to the next look.
const ATTEMPTS: u32 = 4;

/// Looks at `oauthAccount` again some seconds after a switch: an answer about the old account that was in flight may have
/// been written over it, and would stay wrong for a day (`docs/observed.md` §6). `true`: it was wrong and is mended.
pub fn account_cache(ports: &Ports) -> Result<bool, FlowError> {
    // Nearly always it is right, and nobody has to wait for a lock to see that.
    if !shows_another(ports, &vault::load_roster(ports)?)? {
        return Ok(false);
    }
    let own = recover::enter(ports, "mend")?;
    let roster = vault::load_roster(ports)?;
    mend_locked(ports, &own, &roster)
}

/// Whether `oauthAccount` names another account than the active profile's.
fn shows_another(ports: &Ports, roster: &Roster) -> Result<bool, FlowError> {
    let Some(active) = roster.active() else { return Ok(false) };
    let Some(document) = ports.account_cache.read()? else { return Ok(false) };
    let shown = AccountBlock::of(&document).and_then(|block| block.identity());
    Ok(shown.is_some_and(|shown| shown != *active.identity()))
}

pub(crate) fn mend_locked(ports: &Ports, own: &OwnLock, roster: &Roster) -> Result<bool, FlowError> {
    if !shows_another(ports, roster)? {
        return Ok(false);
    }
    let Some(active) = roster.active() else { return Ok(false) };
    // Only while the live login is this profile's is the block wrong; otherwise someone switched outside.
    let opened = vault::open(ports, active)?;
    if !holds(ports, &opened.header.fingerprint)? {
        return Ok(false);
    }
    let lock = ports.locks.live(own)?;
    let mended = write_block(ports, &lock, active.identity(), opened.block.as_ref())? == Replaced::Done;
    if mended {
        history::note(ports, &Event::AccountCacheMended { alias: active.alias.clone() });
    }
    Ok(mended)
}

/// Whether the live store holds exactly these tokens.
fn holds(ports: &Ports, fingerprint: &Fingerprint) -> Result<bool, FlowError> {
    let Some(document) = ports.live.read()? else { return Ok(false) };
    Ok(matches!(Live::parse(&document), Ok(Live::Login(login)) if login.fingerprint() == *fingerprint))
}

/// Makes `oauthAccount` the target's: its own saved block whole, or none at all, which Claude Code fills in again.
/// `Changed`: Claude Code rewrote the file each time; [`account_cache`] looks again.
pub(crate) fn write_block(
    ports: &Ports,
    lock: &LiveLock,
    identity: &Identity,
    block: Option<&AccountBlock>,
) -> Result<Replaced, StoreError> {
    for _ in 0..ATTEMPTS {
        let Some(document) = ports.account_cache.read()? else { return Ok(Replaced::Done) };
        let shown = AccountBlock::of(&document);
        if shown.is_none() && block.is_none() {
            return Ok(Replaced::Done);
        }
        if shown.as_ref().and_then(AccountBlock::identity).as_ref() == Some(identity) {
            return Ok(Replaced::Done);
        }
        let next = match block {
            Some(block) => block.install_into(&document),
            None => AccountBlock::take_out_of(&document),
        };
        let next = next.expect("a document that was read can be spliced");
        if !lock.is_ours() {
            // The machine slept while we held it. The next look mends what is wrong.
            return Ok(Replaced::Changed);
        }
        if ports.account_cache.replace(lock, &document.digest(), &next)? == Replaced::Done {
            return Ok(Replaced::Done);
        }
    }
    Ok(Replaced::Changed)
}
