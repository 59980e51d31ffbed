//! Profiles come, go, are renamed and put into another order. Owns the order of the steps in which a crash loses nothing: a login is saved before
//! the roster names it, and the roster forgets a profile last. Leaves guided sign-in to `rotate`.

use crate::board::Deadline;
use crate::delegate;
use crate::flow::FlowError;
use crate::held;
use crate::history::{self, Event};
use crate::identity::{self, Account};
use crate::ports::{FileName, Ports, ProviderError};
use crate::profile::{Alias, Profile, Roster, RosterError};
use crate::recover;
use crate::rotate;
use crate::setup_token::{self, Told};
use crate::sync;
use crate::vault::{self, generations};

/// Whether the person has agreed to go on where the live account changed outside Signalbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Stop and say what it may mean.
    Ask,
    Given,
}

/// A profile that was registered.
#[derive(Debug)]
pub struct Added {
    pub account: Account,
    /// The profile that was active before, whose login was replaced outside Signalbox.
    pub drifted_from: Option<Alias>,
    /// When it ends, if it is a setup-token.
    pub token_ends: Option<Deadline>,
}

/// A profile that was removed.
#[derive(Debug)]
pub struct Removed {
    pub account: Account,
    /// Its login is still the live one; Claude Code stays signed in.
    pub was_active: bool,
    /// The browser window that was its own.
    pub window: String,
}

/// Registers the live login as `alias`, after the server has said whose it is.
pub fn add_live(ports: &Ports, alias: &Alias, consent: Consent) -> Result<Added, FlowError> {
    add_live_as(ports, alias, consent, &Told::default())
}

/// The same, with what a person says about it should it be a setup-token.
pub fn add_live_as(ports: &Ports, alias: &Alias, consent: Consent, told: &Told) -> Result<Added, FlowError> {
    let own = recover::enter(ports, "add")?;
    let mut roster = vault::load_roster(ports)?;
    rotate::check_not_set_aside(ports, &own, &mut roster)?;
    if let Some(taken) = roster.profiles().iter().find(|profile| profile.alias.collides_with(alias)) {
        return Err(RosterError::Taken(taken.alias.clone()).into());
    }
    let login = sync::live_login(ports)?.ok_or(FlowError::SignedOut)?;
    if login.is_setup_token() {
        let drifted = |roster: &Roster, account: &Account| drifted(roster, account, consent);
        return setup_token::add_live(ports, &mut roster, alias, login, told, drifted);
    }
    let account = match ports.provider.identify(login.access()) {
        Ok(account) => account,
        Err(ProviderError::Unauthorized) => return Err(FlowError::LiveExpired),
        Err(cause) => return Err(FlowError::Unidentified { cause }),
    };
    if let Some(same) = roster.by_identity(&account.identity) {
        return Err(RosterError::Registered(same.alias.clone()).into());
    }
    let drifted_from = drifted(&roster, &account, consent)?;
    let profile = Profile {
        alias: alias.clone(),
        account: account.clone(),
        added_at: ports.clock.now(),
        login_needed_since: None,
        window: None,
    };
    let login = identity::claim(login, &account, &profile).expect("the profile was made from this very account");
    roster.add(profile)?;
    vault::seal(ports, &login, sync::own_block(ports, &login).as_ref())?;
    roster.mark_synced(alias, ports.clock.now())?;
    vault::save_roster(ports, &roster)?;
    history::note(ports, &Event::Added { alias: alias.clone() });
    Ok(Added { account, drifted_from, token_ends: None })
}

/// The active profile, if its login was replaced outside Signalbox; an error unless the person has agreed.
fn drifted(roster: &Roster, account: &Account, consent: Consent) -> Result<Option<Alias>, FlowError> {
    match (roster.active(), consent) {
        (None, _) => Ok(None),
        (Some(active), Consent::Given) => Ok(Some(active.alias.clone())),
        (Some(active), Consent::Ask) => Err(FlowError::Drifted {
            from: active.alias.clone(),
            from_email: active.account.email.clone(),
            to_email: account.email.clone(),
        }),
    }
}

/// Gives a profile another alias.
pub fn rename(ports: &Ports, from: &Alias, to: &Alias) -> Result<(), FlowError> {
    let _own = recover::enter(ports, "rename")?;
    let mut roster = vault::load_roster(ports)?;
    let before = roster.get(from)?.clone();
    roster.rename(from, to)?;
    let after = roster.get(to)?;
    match vault::open(ports, &before) {
        Ok(opened) => {
            let login = identity::unsealed(opened.login.into_value(), before.identity(), after)
                .expect("a rename does not change the identity");
            vault::seal_until(ports, &login, opened.block.as_ref(), opened.header.ends)?;
        }
        // A profile without a saved login can be renamed; one whose login cannot be read must not lose it.
        Err(vault::VaultError::Missing(_)) => {}
        Err(error) => return Err(error.into()),
    }
    vault::save_roster(ports, &roster)?;
    // Files are named in lower case, so an alias that differs in case only has the same file.
    if !from.collides_with(to) {
        ports.files.remove(&FileName::Cred(from.clone()))?;
        generations::hand_over(ports, from, Some(to))?;
    }
    history::note(ports, &Event::Renamed { from: from.clone(), to: to.clone() });
    Ok(())
}

/// Puts the profiles into this order. One that is gone by now is passed over, and one that is not named stands behind.
pub fn reorder(ports: &Ports, order: &[Alias]) -> Result<(), FlowError> {
    let _own = recover::enter(ports, "reorder")?;
    let mut roster = vault::load_roster(ports)?;
    let before = roster.clone();
    roster.reorder(order);
    if roster != before {
        vault::save_roster(ports, &roster)?;
    }
    Ok(())
}

/// Forgets a profile and its saved login. The account itself and the live login are untouched.
pub fn remove(ports: &Ports, alias: &Alias) -> Result<Removed, FlowError> {
    let own = recover::enter(ports, "remove")?;
    let mut roster = vault::load_roster(ports)?;
    rotate::check_not_set_aside(ports, &own, &mut roster)?;
    let was_active = roster.active().is_some_and(|active| active.alias == *alias);
    let (account, window) = (roster.get(alias)?.account.clone(), roster.get(alias)?.window());
    if let Some(saved) = vault::header(ports, alias).ok().flatten() {
        delegate::check_not_out(ports, roster.get(alias)?, &saved.fingerprint)?;
    }
    held::forget(ports, roster.get(alias)?)?;
    // The newest goes last, so that no generation is ever taken for it.
    generations::hand_over(ports, alias, None)?;
    ports.files.remove(&FileName::Cred(alias.clone()))?;
    roster.remove(alias)?;
    vault::save_roster(ports, &roster)?;
    ports.readings.forget(&account.identity)?;
    history::note(ports, &Event::Removed { alias: alias.clone() });
    Ok(Removed { account, was_active, window })
}
