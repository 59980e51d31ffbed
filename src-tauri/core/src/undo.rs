//! Going back to an earlier login of a profile. Owns finding the generation that still lives, and that looking for it ends none: an
//! ancestor of a newer login is only ever asked about, because presenting its spent refresh token would revoke what lives
//! (`docs/claude-code.md` §D5). Leaves replacing the live login to `switch`.

use crate::credential::Login;
use crate::delegate;
use crate::flow::FlowError;
use crate::held;
use crate::history::{self, Event};
use crate::identity::{self, Account, Matched};
use crate::lineage::may_descend;
use crate::ports::{FileName, OwnLock, Ports, ProviderError};
use crate::profile::{Alias, Profile, Roster};
use crate::recover;
use crate::refresh::{Spending, Spent, Vouched};
use crate::rotate;
use crate::sessions::Reach;
use crate::setup_token;
use crate::switch::{self, Captured};
use crate::sync::{self, Synced};
use crate::time::Timestamp;
use crate::vault::{self, Opened, VaultError, generations};

/// An earlier login that was brought back.
#[derive(Debug)]
pub struct Undone {
    pub alias: Alias,
    /// The number of the generation that was brought back; it is the newest now, under a new number.
    pub generation: u64,
    pub saved_at: Timestamp,
    /// It took the place of the live login, too.
    pub was_live: bool,
    pub reach: Reach,
}

/// Goes back to the newest earlier generation of this profile's login that the server still honours. What is live is saved first, and
/// what was newest becomes a generation: undoing twice leads forth again.
pub fn undo(ports: &Ports, alias: &Alias) -> Result<Undone, FlowError> {
    let own = recover::enter(ports, "undo")?;
    let mut roster = vault::load_roster(ports)?;
    let profile = roster.get(alias)?.clone();
    setup_token::refuse(&roster, alias)?;
    rotate::check_not_set_aside(ports, &own, &mut roster)?;
    held::settle(ports, &own, &mut roster)?;
    let synced = sync::sync_locked(ports, &own, &mut roster)?;
    if let Synced::Unresolved { cause, .. } = synced {
        // It may be this profile's own rotation, newer than anything that is saved.
        return Err(FlowError::Unidentified { cause });
    }
    // What is no profile's must not be replaced: it is saved nowhere.
    let replaceable = !matches!(synced, Synced::Foreign { .. });
    let was_live = replaceable && roster.active().is_some_and(|active| active.alias == *alias);
    if let Some(saved) = vault::header(ports, alias).ok().flatten() {
        delegate::check_not_out(ports, &profile, &saved.fingerprint)?;
    }
    let Living { number, saved_at, opened: found, account } = living(ports, &profile)?;
    let header = vault::seal(ports, &found.login, found.block.as_ref())?;
    ports.files.remove(&FileName::Generation(alias.clone(), number))?;
    let target = Opened { header, ..found };
    if was_live {
        install(ports, &own, &mut roster, &target, synced, &account)?;
    } else {
        roster.describe(&account);
        roster.mark_login_needed(alias, None)?;
        vault::save_roster(ports, &roster)?;
    }
    history::note(ports, &Event::Undone { alias: alias.clone(), generation: number });
    Ok(Undone { alias: alias.clone(), generation: number, saved_at, was_live, reach: switch::reach(ports) })
}

/// Makes the earlier login the live one.
fn install(
    ports: &Ports,
    own: &OwnLock,
    roster: &mut Roster,
    target: &Opened,
    synced: Synced,
    account: &Account,
) -> Result<(), FlowError> {
    let profile = roster.get(target.login.alias())?.clone();
    match switch::swap(ports, own, roster, target, &Captured::of(synced))? {
        switch::Swap::Done(_) => switch::commit(ports, roster, &profile, &Vouched::Verified(account.clone())),
        // Claude Code rotated it in between. The earlier login is saved; the next attempt finds it.
        switch::Swap::Moved => Err(FlowError::Unsteady),
    }
}

/// An earlier generation that the server honours.
struct Living {
    number: u64,
    saved_at: Timestamp,
    opened: Opened,
    account: Account,
}

/// The newest earlier generation that lives.
fn living(ports: &Ports, profile: &Profile) -> Result<Living, FlowError> {
    // A header can be read where its login cannot be opened. Without one, any generation may be an ancestor of what was there.
    let (mut newer, mut unknown) = match vault::header(ports, &profile.alias) {
        Ok(Some(header)) => (vec![header], false),
        Err(VaultError::Store(error)) => return Err(error.into()),
        Ok(None) | Err(_) => (Vec::new(), true),
    };
    let held = vault::held(ports)?;
    let mut nothing = FlowError::NothingEarlier { alias: profile.alias.clone() };
    for number in generations::numbers(ports, &profile.alias)?.into_iter().rev() {
        let opened = match generations::open(ports, profile, number) {
            Ok(opened) => opened,
            Err(VaultError::Store(error)) => return Err(error.into()),
            Err(_) => {
                unknown = true;
                continue;
            }
        };
        let login = opened.login.value();
        if newer.iter().any(|newer| newer.fingerprint == login.fingerprint()) {
            continue;
        }
        let saved_at = opened.header.saved_at;
        let aside =
            held.iter().any(|held| !held.header.setup_token && may_descend(held.login.deadline(), login.deadline()));
        let out = delegate::is_out(ports, &login.fingerprint())?;
        let spent = unknown || aside || out || newer.iter().any(|newer| may_descend(newer.deadline, login.deadline()));
        // It may live, and nobody can tell now.
        if out {
            nothing = FlowError::BeingRenewed { alias: profile.alias.clone() };
        } else if aside {
            nothing = FlowError::PutAside { alias: profile.alias.clone() };
        }
        match ask(ports, profile, number, opened, spent)? {
            Asked::Lives(opened, account) => return Ok(Living { number, saved_at, opened: *opened, account }),
            Asked::Ended(Some(opened)) => newer.push(opened.header),
            Asked::Ended(None) => {}
        }
    }
    Err(nothing)
}

enum Asked {
    Lives(Box<Opened>, Account),
    /// It does not live, or cannot be told to. `Some`: what was asked about.
    Ended(Option<Box<Opened>>),
}

/// Asks the server about one generation. Where only its access token has lapsed, and no newer login descends from it, it is renewed.
fn ask(ports: &Ports, profile: &Profile, number: u64, opened: Opened, spent: bool) -> Result<Asked, FlowError> {
    match ports.provider.identify(opened.login.value().access()) {
        Ok(account) if account.identity == *profile.identity() => return Ok(Asked::Lives(Box::new(opened), account)),
        Ok(_) | Err(ProviderError::MissingScope { .. }) => return Ok(Asked::Ended(Some(Box::new(opened)))),
        Err(ProviderError::Unauthorized) if spent || !opened.header.renews => {
            return Ok(Asked::Ended(Some(Box::new(opened))));
        }
        Err(ProviderError::Unauthorized) => {}
        Err(cause) => return Err(FlowError::Unidentified { cause }),
    }
    let Some(renewed) = renew(ports, number, opened)? else { return Ok(Asked::Ended(None)) };
    match ports.provider.identify(renewed.login.value().access()) {
        Ok(account) if account.identity == *profile.identity() => Ok(Asked::Lives(Box::new(renewed), account)),
        Ok(_) => Ok(Asked::Ended(Some(Box::new(renewed)))),
        Err(cause) => Err(FlowError::Unidentified { cause }),
    }
}

/// Renews a generation where it lies; the new pair takes its place in a single write. `None`: it does not live, or nobody can tell.
fn renew(ports: &Ports, number: u64, opened: Opened) -> Result<Option<Opened>, FlowError> {
    let Opened { login, block, .. } = opened;
    // Proves that the new pair can be written before anything is spent.
    generations::rewrite(ports, number, &login, block.as_ref())?;
    let (alias, identity) = (login.alias().clone(), login.identity().clone());
    let claim = |login| identity::inherit(login, alias.clone(), identity.clone());
    let save = |login: &Matched<Login>| generations::rewrite(ports, number, login, block.as_ref());
    let spending = Spending { block: block.as_ref(), identity: Some(&identity) };
    match spending.spend(ports, login.into_value(), claim, save) {
        Ok(Spent::Renewed { login, header, .. }) => Ok(Some(Opened { login, block, header })),
        Ok(Spent::Dead | Spent::AnotherAccount) => Ok(None),
        Ok(Spent::NotNow(cause)) => Err(FlowError::Unidentified { cause }),
        Ok(Spent::StillOut) => Err(FlowError::BeingRenewed { alias: alias.clone() }),
        Err(cause) => Err(FlowError::RenewalLost { alias: alias.clone(), cause }),
    }
}
