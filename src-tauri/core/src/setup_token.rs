//! Setup-tokens as profiles (`docs/claude-code.md` §D8): a token that lives a year, is printed once and stored nowhere, renews itself
//! never, and may not be asked whose it is. Owns reading one, registering it, and putting a new one in an old one's place. The server is
//! asked once, when a token is registered, whether it lives; never afterwards (`docs/decisions/0008-a-setup-token-is-its-own-proof.md`).
//! Leaves what follows from having one to the flows: they switch to it, and do not renew it, poll it or doubt it.

use secrecy::{ExposeSecret, SecretString};

use crate::board::Deadline;
use crate::credential::{AccessToken, Fingerprint, Login};
use crate::flow::FlowError;
use crate::history::{self, Event};
use crate::identity::{self, Account, Gate, Identity, Matched, SavedToken};
use crate::policy;
use crate::ports::{OwnLock, Ports, ProviderError, StoreError};
use crate::profile::{Alias, Profile, Roster, RosterError};
use crate::recover;
use crate::refresh::Vouched;
use crate::register::Added;
use crate::rotate;
use crate::switch::{self, Captured, Swap};
use crate::sync::{self, Synced};
use crate::time::{DAY, Timestamp};
use crate::vault::{self, Opened, VaultError, generations};

/// How long one lives (`docs/claude-code.md` §D8); Claude Code asks for exactly this many seconds.
pub const LIFE_MS: i64 = 365 * DAY;
/// Neither is documented; both are far from what has been seen, about a hundred characters.
const CHARS: std::ops::RangeInclusive<usize> = 20..=512;
const LABEL_CHARS_MAX: usize = 80;

/// A setup-token that a person handed over. Never shown.
pub struct SetupToken(AccessToken);

/// Why a text is no setup-token. Says what it looks like, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASetupToken {
    #[error("nothing was handed over")]
    Empty,
    #[error("this is a refresh token, which is half of a login that Claude Code keeps, and no setup-token")]
    RefreshToken,
    #[error("this is an API key, which Claude Code takes from `ANTHROPIC_API_KEY`, and no setup-token")]
    ApiKey,
    #[error("this is a whole stored login, and no setup-token, which is one line without spaces")]
    WholeLogin,
    #[error("this does not look like a setup-token, which is one line without spaces")]
    SomethingElse,
}

impl SetupToken {
    /// Reads what was pasted or piped; white space around it does not matter.
    pub fn parse(text: String) -> Result<Self, NotASetupToken> {
        let text = SecretString::from(text);
        let text = text.expose_secret().trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        match text {
            "" => Err(NotASetupToken::Empty),
            _ if text.starts_with('{') => Err(NotASetupToken::WholeLogin),
            _ if text.starts_with("sk-ant-ort") => Err(NotASetupToken::RefreshToken),
            _ if text.starts_with("sk-ant-api") => Err(NotASetupToken::ApiKey),
            _ if text.starts_with("sk-ant-oat") && CHARS.contains(&text.len()) && text.chars().all(plain) => {
                Ok(Self(AccessToken::new(text.to_owned())))
            }
            _ => Err(NotASetupToken::SomethingElse),
        }
    }
}

/// What a person says about a setup-token, because nobody else does.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Whose it is. For display alone.
    pub label: Option<String>,
    /// When it was made. It ends a year later.
    pub made: Option<Timestamp>,
}

/// A setup-token that was registered.
#[derive(Debug)]
pub struct AddedToken {
    pub account: Account,
    pub ends: Deadline,
    /// It took the place of the one that the profile held before.
    pub replaced: bool,
    /// It is the live login now.
    pub is_live: bool,
}

/// Whose live setup-token this is. About one that is no profile the server is asked like about any login: it may be dead, or no
/// setup-token after all.
pub(crate) fn gate(ports: &Ports, login: Login, roster: &Roster) -> Result<Gate, FlowError> {
    let (unknown, login) = match known(ports, login, roster)? {
        Gate::Foreign(unknown, login) => (unknown, login),
        known => return Ok(known),
    };
    Ok(match ports.provider.identify(login.access()) {
        Err(ProviderError::MissingScope { .. }) => Gate::Foreign(unknown, login),
        answer => identity::gate(login, answer, roster),
    })
}

/// Whose setup-token this is, by comparing it with those that are saved. Nobody is asked.
pub(crate) fn known(ports: &Ports, login: Login, roster: &Roster) -> Result<Gate, FlowError> {
    let mut saved = Vec::new();
    for profile in roster.profiles().iter().filter(|profile| profile.identity().is_setup_token()) {
        let newest = match vault::open(ports, profile) {
            Ok(opened) => opened.login,
            // It may be this one's, and nobody can tell now.
            Err(VaultError::Store(error)) => return Err(error.into()),
            Err(_) => continue,
        };
        saved.push(SavedToken { newest, earlier: earlier(ports, profile)? });
    }
    Ok(identity::gate_token(login, &saved, roster))
}

fn earlier(ports: &Ports, profile: &Profile) -> Result<Vec<Fingerprint>, StoreError> {
    let mut earlier = Vec::new();
    for number in generations::numbers(ports, &profile.alias)? {
        match generations::open(ports, profile, number) {
            Ok(opened) => earlier.push(opened.header.fingerprint),
            Err(VaultError::Store(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(earlier)
}

/// Registers a setup-token as `alias`, or puts it in the place of the one that this profile holds; then, where the profile is the live one,
/// it goes live as well. The server is asked whether it lives.
pub fn add(ports: &Ports, alias: &Alias, token: &SetupToken, told: &Told) -> Result<AddedToken, FlowError> {
    let own = recover::enter(ports, "add")?;
    let mut roster = vault::load_roster(ports)?;
    rotate::check_not_set_aside(ports, &own, &mut roster)?;
    let held = roster.find(alias).filter(|profile| profile.identity().is_setup_token()).cloned();
    check_name(&roster, alias)?;
    let ends = ends(alias, told, false, ports.clock.now())?;
    let login = Login::of_setup_token(&token.0);
    check_new(ports, &roster, held.as_ref(), &login)?;
    check_alive(ports, alias, &login)?;
    match held {
        Some(profile) => replace(ports, &own, &mut roster, profile, login, told, ends),
        None => {
            let account = register(ports, &mut roster, alias, login, told, ends)?;
            vault::save_roster(ports, &roster)?;
            history::note(ports, &Event::Added { alias: alias.clone() });
            Ok(AddedToken { account, ends, replaced: false, is_live: false })
        }
    }
}

/// Registers the live login, which is a setup-token.
pub(crate) fn add_live(
    ports: &Ports,
    roster: &mut Roster,
    alias: &Alias,
    login: Login,
    told: &Told,
    drifted: impl Fn(&Roster, &Account) -> Result<Option<Alias>, FlowError>,
) -> Result<Added, FlowError> {
    // Nobody said when it was made, and it is not the person who just made it.
    let ends = ends(alias, told, true, ports.clock.now())?;
    check_new(ports, roster, None, &login)?;
    check_alive(ports, alias, &login)?;
    let drifted_from = drifted(roster, &Account::unknown_token())?;
    let account = register(ports, roster, alias, login, told, ends)?;
    roster.mark_synced(alias, ports.clock.now())?;
    vault::save_roster(ports, roster)?;
    history::note(ports, &Event::Added { alias: alias.clone() });
    Ok(Added { account, drifted_from, token_ends: Some(ends) })
}

/// A new profile: its token is saved, and the roster, which the caller saves, names it.
fn register(
    ports: &Ports,
    roster: &mut Roster,
    alias: &Alias,
    login: Login,
    told: &Told,
    ends: Deadline,
) -> Result<Account, FlowError> {
    let mut name = [0; 16];
    ports.entropy.fill(&mut name)?;
    let identity = Identity::of_setup_token(&name);
    let email = label(told).unwrap_or_default();
    let account = Account { identity, email, plan: None, organization_name: None };
    let (alias, added_at) = (alias.clone(), ports.clock.now());
    let profile = Profile { alias, account: account.clone(), added_at, login_needed_since: None, window: None };
    let login = claim(login, &profile);
    roster.add(profile)?;
    vault::seal_until(ports, &login, None, Some(ends))?;
    Ok(account)
}

fn claim(login: Login, profile: &Profile) -> Matched<Login> {
    identity::claim_token(login, profile).expect("the caller saw that both are of this kind")
}

/// The person says that this token takes the place of the old one, which stays behind it as an earlier generation.
fn replace(
    ports: &Ports,
    own: &OwnLock,
    roster: &mut Roster,
    profile: Profile,
    login: Login,
    told: &Told,
    ends: Deadline,
) -> Result<AddedToken, FlowError> {
    // Only a live store that holds this profile's token is ours to change.
    let synced = sync::sync_locked(ports, own, roster)?;
    let is_live = match &synced {
        Synced::Unchanged { alias } | Synced::Saved { alias } | Synced::Earlier { alias } => *alias == profile.alias,
        Synced::Moved { to, .. } | Synced::Reverted { found: to, .. } => *to == profile.alias,
        Synced::Foreign { .. } | Synced::Unresolved { .. } | Synced::Husk | Synced::Absent => false,
    };
    let same = vault::saved_fingerprint(ports, &profile)?.as_ref() == Some(&login.fingerprint());
    let mut account = profile.account.clone();
    account.email = label(told).unwrap_or(account.email);
    let login = claim(login, &profile);
    let header = vault::seal_until(ports, &login, None, Some(ends))?;
    roster.describe(&account);
    vault::save_roster(ports, roster)?;
    // The very same token, of which the person says something else now, is where it belongs.
    if is_live && !(same && roster.is_confirmed()) {
        let target = Opened { login, block: None, header };
        match switch::swap(ports, own, roster, &target, &Captured::of(synced))? {
            Swap::Done(_) => switch::commit(ports, roster, &profile, &Vouched::ByToken)?,
            // The new one is saved; `use` installs it.
            Swap::Moved => return Err(FlowError::Unsteady),
        }
    }
    history::note(ports, &Event::TokenReplaced { alias: profile.alias });
    Ok(AddedToken { account, ends, replaced: true, is_live })
}

/// Whether a setup-token may have this name: nobody has it, or a profile whose token it would replace.
pub fn check_name(roster: &Roster, alias: &Alias) -> Result<(), RosterError> {
    let takes = |profile: &&Profile| profile.alias != *alias || !profile.identity().is_setup_token();
    let taken = roster.profiles().iter().filter(takes).find(|profile| profile.alias.collides_with(alias));
    taken.map_or(Ok(()), |taken| Err(RosterError::Taken(taken.alias.clone())))
}

/// For what is asked of a login that renews itself.
pub(crate) fn refuse(roster: &Roster, alias: &Alias) -> Result<(), FlowError> {
    match roster.find(alias) {
        Some(profile) if profile.identity().is_setup_token() => Err(FlowError::SetupToken { alias: alias.clone() }),
        Some(_) | None => Ok(()),
    }
}

/// Fails where another profile than `held` has the very same token.
fn check_new(ports: &Ports, roster: &Roster, held: Option<&Profile>, login: &Login) -> Result<(), FlowError> {
    let own = login.fingerprint();
    for profile in roster.profiles().iter().filter(|profile| held.is_none_or(|held| held.alias != profile.alias)) {
        if vault::saved_fingerprint(ports, profile)?.as_ref() == Some(&own) {
            return Err(FlowError::TokenRegistered { owner: profile.alias.clone() });
        }
    }
    Ok(())
}

/// The one question that the server is ever asked: whose is it? That it may not say so is the proof that the token lives.
fn check_alive(ports: &Ports, alias: &Alias, login: &Login) -> Result<(), FlowError> {
    let alias = alias.clone();
    match ports.provider.identify(login.access()) {
        Err(ProviderError::MissingScope { .. }) => Ok(()),
        Err(ProviderError::Unauthorized) => Err(FlowError::TokenRefused { alias }),
        Ok(account) => Err(FlowError::TokenOfALogin { alias, email: account.email }),
        Err(cause) => Err(FlowError::TokenUnchecked { cause }),
    }
}

fn ends(alias: &Alias, told: &Told, assumed: bool, now: Timestamp) -> Result<Deadline, FlowError> {
    let assumed = assumed && told.made.is_none();
    let ends = Deadline { at: told.made.unwrap_or(now).min(now).plus(LIFE_MS), assumed };
    match policy::has_ended(Some(ends), now) {
        true => Err(FlowError::TokenEnded { alias: alias.clone() }),
        false => Ok(ends),
    }
}

fn label(told: &Told) -> Option<String> {
    let label: String = told.label.as_deref()?.trim().chars().filter(|c| !c.is_control()).collect();
    let label: String = label.chars().take(LABEL_CHARS_MAX).collect();
    (!label.is_empty()).then_some(label)
}
