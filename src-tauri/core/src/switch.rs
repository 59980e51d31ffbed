//! The switch: capture the outgoing login, install the target's, and be able to prove both. Owns the order of the steps,
//! which is what keeps every login safe; each step itself lives in `sync`, `refresh`, `vault` and `journal`.
//!
//! The target is vouched for *before* it goes live, while it is parked and may be renewed: a dead login is never installed,
//! and no live token is ever refreshed by us. The live store is then replaced by compare-and-swap under Claude Code's own
//! locks and read back, so what the server vouched for is what stands there.

use crate::credential::{Fingerprint, Live, Login};
use crate::document::Document;
use crate::flow::FlowError;
use crate::held;
use crate::history::{self, Event};
use crate::journal;
use crate::lineage::may_descend;
use crate::mend;
use crate::policy;
use crate::ports::{OwnLock, Ports, ProviderError, Replaced, StoreError};
use crate::profile::{Alias, LastSwitch, Profile, Roster};
use crate::recover;
use crate::refresh::{self, Vouched};
use crate::rotate;
use crate::sessions::Reach;
use crate::sync::{self, Synced};
use crate::vault::{self, Opened};

/// How often the live login may change under our hands before we give up.
const ATTEMPTS: u32 = 4;

/// A switch that succeeded.
#[derive(Debug)]
pub struct Used {
    pub alias: Alias,
    /// The profile that was live before, if it was one.
    pub from: Option<Alias>,
    /// The login was live already; nothing was written.
    pub already_active: bool,
    pub proof: Proof,
    /// Things that did not go as they should and lost nothing.
    pub remarks: Vec<Remark>,
    /// Whom the switch reaches, and what stands in its way.
    pub reach: Reach,
}

/// What is known about the login that is live now.
#[derive(Debug, PartialEq, Eq)]
pub enum Proof {
    /// The server said that it is the profile's, and it was read back from the live store.
    Verified,
    /// It was live already, with exactly the tokens that were saved when the server last said whose they are.
    AsSaved,
    /// It was read back, and is the very setup-token that is saved; the server does not say whose one is.
    ByToken,
    /// It was read back, but the server could not be asked.
    Unverified(ProviderError),
}

/// Something that a person should know about a switch that succeeded.
#[derive(Debug, PartialEq, Eq)]
pub enum Remark {
    /// The outgoing login could not be identified and was put aside, encrypted.
    PutAside,
    /// `oauthAccount` could not be renewed: Claude Code may show the old account's name for a while.
    AccountCache(StoreError),
}

/// How one try at replacing the live login ended.
pub(crate) enum Swap {
    Done(Vec<Remark>),
    /// The live login is not what it was when it was captured: look again.
    Moved,
}

/// Makes `alias` the live login.
pub fn use_profile(ports: &Ports, alias: &Alias) -> Result<Used, FlowError> {
    let own = recover::enter(ports, "use")?;
    let mut roster = vault::load_roster(ports)?;
    let used = use_locked(ports, &own, &mut roster, alias, 0)?;
    if !used.already_active {
        let unverified = match &used.proof {
            Proof::Unverified(cause) => Some(cause.to_string()),
            Proof::Verified | Proof::AsSaved | Proof::ByToken => None,
        };
        history::note(ports, &Event::Switched { from: used.from.clone(), to: used.alias.clone(), unverified });
    }
    Ok(used)
}

/// Makes the last choice live again after something undid it, without a person asking. `None`: there is nothing to restore any more,
/// or it was done as often as is sensible.
pub fn restore(ports: &Ports) -> Result<Option<Used>, FlowError> {
    let own = recover::enter(ports, "restore")?;
    let mut roster = vault::load_roster(ports)?;
    let Some(switch) = roster.last_switch().filter(|switch| switch.restored < policy::RESTORES_MAX).cloned() else {
        return Ok(None);
    };
    let Some(alias) = roster.by_identity(&switch.to).map(|profile| profile.alias.clone()) else { return Ok(None) };
    if roster.active().is_some_and(|active| active.alias == alias) {
        return Ok(None);
    }
    let used = use_locked(ports, &own, &mut roster, &alias, switch.restored + 1)?;
    history::note(ports, &Event::Restored { alias });
    Ok(Some(used))
}

/// `restored`: how often this choice was restored so far, this time included.
fn use_locked(
    ports: &Ports,
    own: &OwnLock,
    roster: &mut Roster,
    alias: &Alias,
    restored: u32,
) -> Result<Used, FlowError> {
    let profile = roster.get(alias)?.clone();
    rotate::check_not_set_aside(ports, own, roster)?;
    held::settle(ports, own, roster)?;
    for _ in 0..ATTEMPTS {
        let captured = capture_outgoing(ports, own, roster)?;
        let from = roster.active().map(|active| active.alias.clone());
        if from.as_ref() == Some(alias) && captured.is_known() {
            agree(ports, roster, &profile)?;
            return already_active(ports, own, roster, &profile, &captured);
        }
        if let (true, Err(cause)) = (from.as_ref() == Some(alias), captured.target_is_parked()) {
            if captured.is_saved_as(ports, &profile)? {
                return already_active(ports, own, roster, &profile, &captured);
            }
            // It may well be this profile's own rotation, newer than what is saved: putting the older tokens in its
            // place would make Claude Code present a spent one.
            return Err(FlowError::Unidentified { cause });
        }
        let (target, vouched) = refresh::vouch(ports, own, roster, &profile, captured.target_is_parked())?;
        let mut remarks = match swap(ports, own, roster, &target, &captured)? {
            Swap::Done(remarks) => remarks,
            Swap::Moved => continue,
        };
        remember(ports, roster, &profile, restored);
        commit(ports, roster, &profile, &vouched)?;
        if remarks.contains(&Remark::PutAside) {
            // Parked now, it may be renewed and asked about; where that fails it simply stays aside.
            let settled = held::settle(ports, own, roster);
            if settled.is_ok() && vault::held(ports)?.is_empty() {
                remarks.retain(|remark| *remark != Remark::PutAside);
            }
        }
        let proof = match vouched {
            Vouched::Verified(_) => Proof::Verified,
            Vouched::ByToken => Proof::ByToken,
            Vouched::Unverified(cause) => Proof::Unverified(cause),
        };
        return Ok(Used { alias: alias.clone(), from, already_active: false, proof, remarks, reach: reach(ports) });
    }
    Err(FlowError::Unsteady)
}

/// What is known about the live login that is about to be replaced.
pub(crate) struct Captured {
    synced: Synced,
    /// A login that may be replaced although it is saved nowhere: it is put aside then.
    given_up: Option<Fingerprint>,
}

impl Captured {
    pub(crate) fn of(synced: Synced) -> Self {
        Self { synced, given_up: None }
    }

    /// The same for a login that is no profile's, and has to make room all the same.
    pub(crate) fn giving_up(synced: Synced, login: Fingerprint) -> Self {
        Self { synced, given_up: Some(login) }
    }

    fn is_known(&self) -> bool {
        matches!(
            self.synced,
            Synced::Unchanged { .. } | Synced::Saved { .. } | Synced::Moved { .. } | Synced::Reverted { .. }
        )
    }

    /// Only while nobody can say whose the live login is could it be the target's own.
    fn target_is_parked(&self) -> Result<(), ProviderError> {
        match &self.synced {
            Synced::Unresolved { cause, .. } => Err(cause.clone()),
            _ => Ok(()),
        }
    }

    /// Whether it holds exactly the tokens that are saved for this profile, though the server could not be asked.
    fn is_saved_as(&self, ports: &Ports, profile: &Profile) -> Result<bool, FlowError> {
        let Synced::Unresolved { seen, .. } = &self.synced else { return Ok(false) };
        Ok(vault::saved_fingerprint(ports, profile)?.as_ref() == Some(seen))
    }

    /// Whether exactly these tokens may be put aside: the server was asked about them, in vain, or they are given up.
    fn may_put_aside(&self, fingerprint: &Fingerprint) -> bool {
        matches!(&self.synced, Synced::Unresolved { seen, .. } if seen == fingerprint)
            || self.given_up.as_ref() == Some(fingerprint)
    }
}

/// Saves the live login's newest tokens. Refuses where replacing it would lose an account that is no profile.
fn capture_outgoing(ports: &Ports, own: &OwnLock, roster: &mut Roster) -> Result<Captured, FlowError> {
    match sync::sync_locked(ports, own, roster)? {
        Synced::Foreign { account } => Err(FlowError::Unregistered { account }),
        synced => Ok(Captured::of(synced)),
    }
}

/// One try: under Claude Code's locks, re-read, make sure that what stands there is saved, write the journal, replace.
pub(crate) fn swap(
    ports: &Ports,
    own: &OwnLock,
    roster: &Roster,
    target: &Opened,
    captured: &Captured,
) -> Result<Swap, FlowError> {
    let login = target.login.value();
    let lock = ports.locks.live(own)?;
    let document = ports.live.read()?;
    let live = match &document {
        Some(document) => Live::parse(document).map_err(FlowError::LiveDamaged)?,
        None => Live::Absent,
    };
    let active = roster.active();
    let outgoing = live.into_login();
    let fingerprint = outgoing.as_ref().map(Login::fingerprint);
    let unsaved = match &fingerprint {
        Some(fingerprint) => !vault::is_saved(ports, fingerprint, active)?,
        None => false,
    };
    // A rotation came in between: the server can say whose it is, unless it was asked in vain just now.
    if unsaved && !fingerprint.as_ref().is_some_and(|seen| captured.may_put_aside(seen)) {
        return Ok(Swap::Moved);
    }
    if let (true, Some(outgoing), Err(cause)) = (unsaved, &outgoing, captured.target_is_parked())
        && outgoing.can_renew()
        && !login.is_setup_token()
        && may_descend(outgoing.deadline(), login.deadline())
    {
        // Another tool made the target live and Claude Code has rotated it, for all that can be told: what is saved is spent.
        return Err(FlowError::Unidentified { cause });
    }
    let empty = Document::empty();
    let next = login.install_into(document.as_ref().unwrap_or(&empty)).map_err(FlowError::LiveDamaged)?;
    let from = (active.map(|profile| profile.alias.clone()), fingerprint);
    let to = (target.login.alias().clone(), login.fingerprint());
    journal::begin(ports, from, to, document.as_ref())?;
    let expected = document.as_ref().map(Document::digest);
    if !lock.is_ours() {
        // The machine slept: Claude Code may be refreshing what we are about to replace.
        journal::close(ports)?;
        return Ok(Swap::Moved);
    }
    match ports.live.replace(&lock, expected.as_ref(), &next) {
        Ok(Replaced::Done) => {}
        Ok(Replaced::Changed) => {
            journal::close(ports)?;
            return Ok(Swap::Moved);
        }
        Err(error) => {
            // Should this fail too, the journal stays, and `recover` tries again.
            recover::recover_under(ports, &lock)?;
            return Err(error.into());
        }
    }
    let mut remarks = Vec::new();
    if let Some(outgoing) = outgoing.filter(|_| unsaved) {
        // Not before it is out of the live store: a copy beside a live login goes stale at Claude Code's next refresh.
        // Until this is written the journal holds it.
        vault::hold(ports, &outgoing, active.map(Profile::identity))
            .map_err(|cause| unfinished(target.login.alias(), cause))?;
        history::note(ports, &Event::PutAside);
        remarks.push(Remark::PutAside);
    }
    if let Err(error) = mend::write_block(ports, &lock, target.login.identity(), target.block.as_ref()) {
        remarks.push(Remark::AccountCache(error));
    }
    Ok(Swap::Done(remarks))
}

/// The target is live, and the journal says so.
fn unfinished(alias: &Alias, cause: impl Into<FlowError>) -> FlowError {
    FlowError::Unfinished { alias: alias.clone(), cause: Box::new(cause.into()) }
}

/// Notes the choice in the roster, which the caller saves, so that a reversion can be told from a person's own doing.
pub(crate) fn remember(ports: &Ports, roster: &mut Roster, to: &Profile, restored: u32) {
    let from = roster.active().map(|active| active.identity().clone()).filter(|from| from != to.identity());
    let switch = LastSwitch { from, to: to.identity().clone(), at: ports.clock.now(), restored };
    roster.set_last_switch(Some(switch));
}

/// After the swap: the roster follows, and the journal is closed.
pub(crate) fn commit(
    ports: &Ports,
    roster: &mut Roster,
    profile: &Profile,
    vouched: &Vouched,
) -> Result<(), FlowError> {
    match vouched {
        Vouched::Verified(account) => {
            roster.describe(account);
            roster.mark_login_needed(&profile.alias, None)?;
            roster.mark_synced(&profile.alias, ports.clock.now())?;
        }
        Vouched::ByToken => roster.mark_synced(&profile.alias, ports.clock.now())?,
        Vouched::Unverified(_) => roster.mark_unconfirmed(&profile.alias)?,
    }
    let written = vault::save_roster(ports, roster).and_then(|()| journal::close(ports));
    written.map_err(|cause| unfinished(&profile.alias, cause))
}

/// A person chooses what is live already: then nothing is to be restored any more, whatever was chosen before.
fn agree(ports: &Ports, roster: &mut Roster, profile: &Profile) -> Result<(), FlowError> {
    if roster.last_switch().is_some_and(|switch| switch.to != *profile.identity()) {
        roster.set_last_switch(None);
        vault::save_roster(ports, roster)?;
    }
    Ok(())
}

/// `use` of the profile that is live already: nothing to do but to see that `oauthAccount` agrees.
fn already_active(
    ports: &Ports,
    own: &OwnLock,
    roster: &Roster,
    profile: &Profile,
    captured: &Captured,
) -> Result<Used, FlowError> {
    let mut remarks = Vec::new();
    if let Err(FlowError::Store(error)) = mend::mend_locked(ports, own, roster) {
        remarks.push(Remark::AccountCache(error));
    }
    Ok(Used {
        alias: profile.alias.clone(),
        from: Some(profile.alias.clone()),
        already_active: true,
        proof: match &captured.synced {
            Synced::Unchanged { .. } => Proof::AsSaved,
            Synced::Unresolved { cause, .. } => Proof::Unverified(cause.clone()),
            _ => Proof::Verified,
        },
        remarks,
        reach: reach(ports),
    })
}

/// Looked at last, so that sessions which began during the switch count.
pub(crate) fn reach(ports: &Ports) -> Reach {
    Reach { sessions: ports.sessions.running().ok(), pins: ports.sessions.pins() }
}
