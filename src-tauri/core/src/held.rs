//! Logins that were put aside because nobody could say whose they are when they were replaced. Owns finding that out later:
//! each is identified, renewed if it must be, and saved under its profile, or kept. Leaves putting aside to `vault`.

use crate::credential::Login;
use crate::delegate;
use crate::flow::FlowError;
use crate::history::{self, Event};
use crate::identity::{self, Gate};
use crate::lineage::{self, Since};
use crate::policy;
use crate::ports::{FileName, OwnLock, Ports, ProviderError};
use crate::profile::{Profile, Roster};
use crate::refresh::{self, Spending, Spent};
use crate::setup_token;
use crate::vault::{self, CredHeader, Held, HeldHeader, generations};

/// Tries to bring every held login home. One that cannot be identified now stays where it is.
pub(crate) fn settle(ports: &Ports, _own: &OwnLock, roster: &mut Roster) -> Result<(), FlowError> {
    for held in vault::held(ports)? {
        settle_one(ports, roster, held)?;
    }
    Ok(())
}

fn settle_one(ports: &Ports, roster: &mut Roster, held: Held) -> Result<(), FlowError> {
    let Held { name, mut login, header } = held;
    if login.is_setup_token() {
        // The server is not asked about it. Where the same one is saved by now, there is nothing more to keep.
        return match setup_token::known(ports, login, roster)? {
            Gate::Adopt(..) | Gate::Moved(..) | Gate::Earlier(_) => Ok(ports.files.remove(&name)?),
            _ => Ok(()),
        };
    }
    let since = lineage::since_put_aside(ports, &login, &header)?;
    if since == Since::Spent {
        // What came after it is saved; presenting its spent token would end that.
        return Ok(ports.files.remove(&name)?);
    }
    let mut answer = ports.provider.identify(login.access());
    if answer == Err(ProviderError::Unauthorized) && login.can_renew() {
        if since == Since::MaybeLive || delegate::is_out(ports, &login.fingerprint())? {
            return Ok(());
        }
        match is_an_older_copy(ports, roster, &login)? {
            Older::No if since == Since::Newest => {}
            Older::No | Older::Maybe => return give_up(ports, roster, &Held { name, login, header }),
            Older::Yes => return Ok(ports.files.remove(&name)?),
        }
        match renew(ports, &header, login, &name)? {
            Some(renewed) => login = renewed,
            None => return Ok(()),
        }
        answer = ports.provider.identify(login.access());
    }
    let (login, account) = match identity::gate(login, answer, roster) {
        Gate::Adopt(login, account) | Gate::Moved(login, account) => (login, account),
        // No profile's: it stays, but no profile has to wait for it any longer.
        Gate::Foreign(_, login) if !header.nobodys => {
            return Ok(vault::hold_for_nobody(ports, &name, &login, &header)?);
        }
        Gate::Foreign(..) => return Ok(()),
        Gate::Unchanged | Gate::Husk | Gate::Absent | Gate::Earlier(_) | Gate::Unresolved(..) => return Ok(()),
    };
    let saved = vault::header(ports, login.alias()).ok().flatten();
    if saved.is_none_or(|saved| !is_from_a_later_sign_in(&saved, login.value(), &header)) {
        vault::seal(ports, &login, None)?;
        roster.describe(&account);
        roster.mark_login_needed(login.alias(), None)?;
        vault::save_roster(ports, roster)?;
    } else {
        // It lives all the same, and the dates by which we judge come from clocks that people set.
        generations::keep_behind(ports, roster.get(login.alias())?, &login)?;
    }
    ports.files.remove(&name)?;
    history::note(ports, &Event::BroughtHome { alias: login.alias().clone() });
    Ok(())
}

/// Nobody will ever know whether it is spent: a person has to sign in again where a profile waits for it.
fn give_up(ports: &Ports, roster: &mut Roster, held: &Held) -> Result<(), FlowError> {
    for profile in roster.profiles().to_vec() {
        let saved = vault::header(ports, &profile.alias).ok().flatten();
        if saved.is_some_and(|saved| profile.login_needed_since.is_none() && held.may_be_newer(&profile, &saved)) {
            let _said_by_the_next_who_asks: FlowError = refresh::login_needed(ports, roster, &profile)?;
        }
    }
    Ok(())
}

/// Whether something put an old copy into the live store, which was then put aside.
enum Older {
    No,
    Maybe,
    Yes,
}

/// A login that lapses before the saved one of its own sign-in is probably a copy from before. The server knows: it honours the
/// saved one's access token if that is the newest.
fn is_an_older_copy(ports: &Ports, roster: &Roster, login: &Login) -> Result<Older, FlowError> {
    for profile in roster.profiles() {
        let Some(saved) = vault::header(ports, &profile.alias).ok().flatten() else { continue };
        let same_sign_in = saved.deadline.is_some() && saved.deadline == login.deadline();
        if !same_sign_in || saved.expires_at <= login.expires_at() {
            continue;
        }
        let Ok(opened) = vault::open(ports, profile) else { return Ok(Older::Maybe) };
        return Ok(match ports.provider.identify(opened.login.value().access()) {
            Ok(_) => Older::Yes,
            // It ought to be good still, so a later pair took its place.
            Err(ProviderError::Unauthorized) if !policy::expires_soon(saved.expires_at, ports.clock.now()) => Older::No,
            Err(_) => Older::Maybe,
        });
    }
    Ok(Older::No)
}

/// Forgets what was put aside for a profile that is removed, as long as it is still there. What is only believed to be its own stays,
/// and nobody waits for it any more: a belief is no evidence.
pub(crate) fn forget(ports: &Ports, profile: &Profile) -> Result<(), FlowError> {
    let saved = vault::header(ports, &profile.alias).ok().flatten();
    for held in vault::held(ports)? {
        let deadline = held.login.deadline();
        if deadline.is_some() && saved.as_ref().is_some_and(|saved| saved.deadline == deadline) {
            ports.files.remove(&held.name)?;
        } else if held.header.believed.as_ref() == Some(profile.identity()) {
            vault::hold_for_nobody(ports, &held.name, &held.login, &held.header)?;
        }
    }
    Ok(())
}

/// Whether someone signed in again after the held login was put aside, so that the saved one is to be kept. The held one was
/// just found to live; of one and the same sign-in it is therefore the newest. The deadline tells sign-ins apart, because
/// refreshing does not move it (`docs/observed.md` §3); only where it is unknown do our own dates have to do.
fn is_from_a_later_sign_in(saved: &CredHeader, held: &Login, header: &HeldHeader) -> bool {
    match (saved.deadline, held.deadline()) {
        (Some(saved), Some(held)) => saved > held,
        _ => saved.saved_at > header.held_at,
    }
}

/// Whether a login that was put aside may be a rotation of this saved one, whose tokens would then be spent: presenting those would
/// revoke the login (`docs/claude-code.md` §D5), so it is neither renewed nor installed.
pub(crate) fn check_newest(ports: &Ports, profile: &Profile, saved: &CredHeader) -> Result<(), FlowError> {
    if !vault::held(ports)?.iter().any(|held| held.may_be_newer(profile, saved)) {
        return Ok(());
    }
    let alias = profile.alias.clone();
    Err(match profile.login_needed_since {
        Some(_) => FlowError::LoginNeeded { alias },
        None => FlowError::PutAside { alias },
    })
}

impl Held {
    /// Where both deadlines are known they decide, and whose anybody believes it to be does not matter, nor that the profile is gone
    /// which was believed to own it.
    fn may_be_newer(&self, profile: &Profile, saved: &CredHeader) -> bool {
        if !self.header.before.contains(&saved.fingerprint) || !self.login.can_renew() {
            return false;
        }
        match (self.login.deadline(), saved.deadline) {
            (Some(held), Some(saved)) => held == saved,
            _ if self.header.nobodys => false,
            _ => self.header.believed.as_ref().is_none_or(|believed| believed == profile.identity()),
        }
    }
}

/// Renews a held login; the new pair is held before it is used. `None`: not now, or never again.
fn renew(ports: &Ports, header: &HeldHeader, login: Login, name: &FileName) -> Result<Option<Login>, FlowError> {
    // Proves that it can be written before anything is spent.
    vault::hold_again(ports, name, &login, header)?;
    let spending = Spending { block: None, identity: None };
    match spending.spend(ports, login, |login| login, |login| vault::hold_again(ports, name, login, header)) {
        Ok(Spent::Renewed { login, .. }) => Ok(Some(login)),
        Ok(Spent::Dead) => {
            // The server will never honour it again: there is nothing left to keep.
            ports.files.remove(name)?;
            Ok(None)
        }
        Ok(Spent::NotNow(_) | Spent::StillOut | Spent::AnotherAccount) => Ok(None),
        Err(cause) => {
            let at = format!("save a login that was put aside and has just been renewed ({cause})");
            history::note(ports, &Event::Failed { at });
            Err(cause.into())
        }
    }
}
