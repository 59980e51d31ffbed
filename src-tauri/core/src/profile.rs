//! Profiles and the roster that lists them. Owns aliases (parsed once, valid ever after), the roster's rules (unique
//! alias ignoring case, one profile for an identity) and its form on disk. Leaves tokens to `vault`, and the question
//! whether a login *is* a profile's to `identity`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::identity::{Account, Identity};
use crate::time::Timestamp;

/// The most profiles a roster may hold.
pub const PROFILES_MAX: usize = 2_000;

/// The name a person gives to a profile: 1 to 32 characters out of letters, digits, `.`, `_` and `-`, beginning with a
/// letter or digit. It is also a file name, so nothing that could leave a folder can be written in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "ts", ts(type = "string"))]
#[serde(transparent)]
pub struct Alias(String);

/// Why a text is no alias.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name for a profile: use 1 to 32 letters, digits, `.`, `_` or `-`, beginning with a letter or digit"
)]
pub struct NotAnAlias {
    text: String,
}

impl Alias {
    /// Longest alias, in characters.
    pub const CHARS_MAX: usize = 32;

    /// Reads an alias.
    pub fn parse(text: &str) -> Result<Self, NotAnAlias> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins_well && text.len() <= Self::CHARS_MAX && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnAlias { text: printable(text) })
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The alias in lower case, as files are named, so that a file system that ignores case has no say.
    #[must_use]
    pub fn lower_case(&self) -> Self {
        Self(self.0.to_ascii_lowercase())
    }

    /// The same name on a file system that ignores case, as a Mac's usually does.
    pub fn collides_with(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl std::fmt::Display for Alias {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Alias {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What a person typed, cut and freed of control characters so that it can stand in a message.
fn printable(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// One registered login. Its tokens are in the vault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub alias: Alias,
    /// Who the login is, as the server reported it when it was registered.
    pub account: Account,
    pub added_at: Timestamp,
    /// The last moment at which the server refused this login for good; cleared when a living login is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_needed_since: Option<Timestamp>,
    /// Its own browser window, where it was signed in before anybody knew who it is; see [`Profile::window`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
}

impl Profile {
    /// What names this profile's own browser window: hexadecimal digits that a rename does not change.
    pub fn window(&self) -> String {
        self.window.clone().unwrap_or_else(|| self.id())
    }

    /// Says nothing, and stays the same when the profile is renamed. A digest, because faces keep it in places where no account
    /// belongs.
    pub fn id(&self) -> String {
        let identity = self.identity();
        let digest = Sha256::digest(format!("{}\n{}", identity.account(), identity.organization()));
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn identity(&self) -> &Identity {
        &self.account.identity
    }
}

/// All profiles, in the order in which they are shown, and which of them was last known to be live.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Roster {
    version: u32,
    profiles: Vec<Profile>,
    active: Option<Alias>,
    /// When the server last said that the live login is the active profile's. Absent while a login that went live has not
    /// been confirmed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    synced_at: Option<Timestamp>,
    /// Since when the active profile's account has been the live one, as far as anybody saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    live_since: Option<Timestamp>,
    /// The last switch that a person made, for as long as something may undo it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_switch: Option<LastSwitch>,
}

/// A person's choice, and what it took the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastSwitch {
    pub from: Option<Identity>,
    pub to: Identity,
    pub at: Timestamp,
    /// How often the choice was made live again without being asked.
    #[serde(default)]
    pub restored: u32,
}

/// Why the roster cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    #[error("there is no profile `{0}`")]
    Unknown(Alias),
    #[error("there is a profile `{0}` already")]
    Taken(Alias),
    #[error("this account is registered already, as `{0}`")]
    Registered(Alias),
    #[error("there are {PROFILES_MAX} profiles already")]
    Full,
}

impl Roster {
    /// The newest form that this version reads and writes: there may be setup-tokens in it.
    pub const VERSION: u32 = 2;
    /// The form that every version reads.
    const WITHOUT_TOKENS: u32 = 1;

    pub fn new() -> Self {
        Self { version: Self::WITHOUT_TOKENS, ..Self::default() }
    }

    /// Whether it keeps its own rules: a file that was changed by hand may not.
    pub fn is_sound(&self) -> bool {
        let mut aliases = HashSet::with_capacity(self.profiles.len());
        let mut identities = HashSet::with_capacity(self.profiles.len());
        let sound = |profile: &Profile| {
            let identity = profile.identity();
            identity.is_whole() && aliases.insert(profile.alias.lower_case()) && identities.insert(identity.clone())
        };
        let active_exists = self.active.as_ref().is_none_or(|active| self.find(active).is_some());
        self.profiles.len() <= PROFILES_MAX && active_exists && self.profiles.iter().all(sound)
    }

    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The profile that was last known to be live.
    pub fn active(&self) -> Option<&Profile> {
        self.active.as_ref().and_then(|alias| self.find(alias))
    }

    pub fn last_switch(&self) -> Option<&LastSwitch> {
        self.last_switch.as_ref()
    }

    pub fn set_last_switch(&mut self, switch: Option<LastSwitch>) {
        self.last_switch = switch;
    }

    pub fn synced_at(&self) -> Option<Timestamp> {
        self.synced_at
    }

    /// Since when the active profile's account has been the live one. `None` where that is not known.
    pub fn live_since(&self) -> Option<Timestamp> {
        self.live_since
    }

    pub fn find(&self, alias: &Alias) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.alias == *alias)
    }

    /// The profile `alias`, or the error that says there is none.
    pub fn get(&self, alias: &Alias) -> Result<&Profile, RosterError> {
        self.find(alias).ok_or_else(|| RosterError::Unknown(alias.clone()))
    }

    pub fn by_identity(&self, identity: &Identity) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.identity() == identity)
    }

    /// Appends a profile; the alias and the identity must both be new.
    pub fn add(&mut self, profile: Profile) -> Result<(), RosterError> {
        if let Some(same) = self.profiles.iter().find(|other| other.alias.collides_with(&profile.alias)) {
            return Err(RosterError::Taken(same.alias.clone()));
        }
        if let Some(same) = self.by_identity(profile.identity()) {
            return Err(RosterError::Registered(same.alias.clone()));
        }
        if self.profiles.len() >= PROFILES_MAX {
            return Err(RosterError::Full);
        }
        if profile.identity().is_setup_token() {
            self.version = Self::VERSION;
        }
        self.profiles.push(profile);
        Ok(())
    }

    /// Takes a profile out; its files are the vault's business.
    pub fn remove(&mut self, alias: &Alias) -> Result<Profile, RosterError> {
        let at = self.position(alias)?;
        if self.active.as_ref() == Some(alias) {
            self.active = None;
            self.synced_at = None;
            self.live_since = None;
        }
        Ok(self.profiles.remove(at))
    }

    /// Puts the profiles into this order. Those that are not named keep theirs, behind the named.
    pub fn reorder(&mut self, order: &[Alias]) {
        let place = |profile: &Profile| order.iter().position(|alias| *alias == profile.alias).unwrap_or(order.len());
        self.profiles.sort_by_key(place);
    }

    /// Gives a profile another alias; changing only the case of its own is fine.
    pub fn rename(&mut self, from: &Alias, to: &Alias) -> Result<(), RosterError> {
        let at = self.position(from)?;
        let taken = self.profiles.iter().enumerate().find(|(i, other)| *i != at && other.alias.collides_with(to));
        if let Some((_, other)) = taken {
            return Err(RosterError::Taken(other.alias.clone()));
        }
        self.profiles[at].alias = to.clone();
        if self.active.as_ref() == Some(from) {
            self.active = Some(to.clone());
        }
        Ok(())
    }

    /// Records that the live login was found to be this profile's.
    pub fn mark_synced(&mut self, alias: &Alias, now: Timestamp) -> Result<(), RosterError> {
        self.position(alias)?;
        if self.active.as_ref() != Some(alias) || self.live_since.is_none() {
            self.live_since = Some(now);
        }
        self.active = Some(alias.clone());
        self.synced_at = Some(now);
        Ok(())
    }

    /// Records that this profile's login was made live, or is doubted, and that the server has to be asked about it.
    pub fn mark_unconfirmed(&mut self, alias: &Alias) -> Result<(), RosterError> {
        self.position(alias)?;
        if self.active.as_ref() != Some(alias) {
            self.live_since = None;
        }
        self.active = Some(alias.clone());
        self.synced_at = None;
        Ok(())
    }

    /// Whether the server has confirmed the active profile's login since it went live.
    pub fn is_confirmed(&self) -> bool {
        self.active.is_some() && self.synced_at.is_some()
    }

    /// Records that the server refused the profile's login for good, or that it lives again.
    pub fn mark_login_needed(&mut self, alias: &Alias, since: Option<Timestamp>) -> Result<(), RosterError> {
        let at = self.position(alias)?;
        let profile = &mut self.profiles[at];
        profile.login_needed_since = match (profile.login_needed_since, since) {
            (Some(first), Some(_)) => Some(first),
            (_, since) => since,
        };
        Ok(())
    }

    /// Renews what the server says about an account: e-mail, plan, names.
    pub fn describe(&mut self, account: &Account) {
        if let Some(profile) = self.profiles.iter_mut().find(|profile| *profile.identity() == account.identity) {
            profile.account = account.clone();
        }
    }

    fn position(&self, alias: &Alias) -> Result<usize, RosterError> {
        self.profiles
            .iter()
            .position(|profile| profile.alias == *alias)
            .ok_or_else(|| RosterError::Unknown(alias.clone()))
    }
}
