//! Who a login is, and the identity gate: the only maker of `Matched`, without which nothing is saved. The gate asks
//! "is this still the same account?", never "did the bytes change?". Leaves asking the server to the `Provider` port and
//! acting on a verdict to `sync` and `switch`.

use serde::{Deserialize, Serialize};

use crate::credential::{Fingerprint, Live, Login, Renewed};
use crate::ports::ProviderError;
use crate::profile::{Alias, Profile, Roster};

/// Stands where an account does, for keys. No account is called so: the server's are UUIDs.
const SETUP_TOKEN: &str = "setup-token";

/// Who a profile is. Mostly account and organisation as the server reports them: one person may have two organisations under one
/// e-mail. The server does not say whose a setup-token is (`docs/claude-code.md` §D8), so such a profile is nobody but itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
enum Kind {
    Account {
        account: String,
        organization: String,
    },
    SetupToken {
        #[serde(rename = "setupToken")]
        name: String,
    },
}

impl Identity {
    /// Both parts must be non-empty; anything else is no identity (`docs/claude-code.md` §F1).
    pub fn new(account: &str, organization: &str) -> Option<Self> {
        let (account, organization) = (account.trim(), organization.trim());
        if account.is_empty() || organization.is_empty() || account == SETUP_TOKEN {
            return None;
        }
        Some(Self(Kind::Account { account: account.to_owned(), organization: organization.to_owned() }))
    }

    /// Of a profile that holds a setup-token. The name outlives the token, which a person may replace; it says nothing.
    pub fn of_setup_token(name: &[u8; 16]) -> Self {
        Self(Kind::SetupToken { name: name.iter().map(|byte| format!("{byte:02x}")).collect() })
    }

    /// Whether the profile holds a setup-token: never renewed, and the server is not asked about it.
    pub fn is_setup_token(&self) -> bool {
        matches!(self.0, Kind::SetupToken { .. })
    }

    /// Whether it is one that could have been made; a file may have been changed by hand.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.0 {
            Kind::Account { account, organization } => Self::new(account, organization).as_ref() == Some(self),
            Kind::SetupToken { name } => name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()),
        }
    }

    /// The account; of a setup-token, what stands in its place.
    pub fn account(&self) -> &str {
        match &self.0 {
            Kind::Account { account, .. } => account,
            Kind::SetupToken { .. } => SETUP_TOKEN,
        }
    }

    /// The organisation; of a setup-token, its name.
    pub fn organization(&self) -> &str {
        match &self.0 {
            Kind::Account { organization, .. } => organization,
            Kind::SetupToken { name } => name,
        }
    }
}

/// What the server says about a login. Only the identity decides; the rest is for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    #[serde(flatten)]
    pub identity: Identity,
    /// Of a setup-token, what a person says whose it is: nobody can check it, and it may be empty.
    pub email: String,
    /// "Max 20×", "Pro", "Team"; see [`plan_label`].
    #[serde(default)]
    pub plan: Option<String>,
    #[serde(default)]
    pub organization_name: Option<String>,
}

impl Account {
    /// A setup-token that is no profile.
    pub(crate) fn unknown_token() -> Self {
        let email = "a setup-token".to_owned();
        Self { identity: Identity::of_setup_token(&[0; 16]), email, plan: None, organization_name: None }
    }
}

/// The plan as people call it, from `organization_type` and `rate_limit_tier` (`docs/claude-code.md` §B and §F1).
pub fn plan_label(organization_type: Option<&str>, tier: Option<&str>) -> Option<String> {
    let name = match organization_type? {
        "claude_max" => "Max",
        "claude_pro" => "Pro",
        "claude_team" => "Team",
        "claude_enterprise" => "Enterprise",
        _ => return None,
    };
    let times = tier.and_then(|tier| tier.rsplit_once('_')).and_then(|(_, last)| last.strip_suffix('x'));
    match times.filter(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())) {
        Some(times) => Some(format!("{name} {times}×")),
        None => Some(name.to_owned()),
    }
}

/// Proof that a value belongs to a registered profile. Only this module can make one.
pub struct Matched<T> {
    value: T,
    alias: Alias,
    identity: Identity,
}

impl<T> Matched<T> {
    pub fn value(&self) -> &T {
        &self.value
    }

    pub fn alias(&self) -> &Alias {
        &self.alias
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn into_value(self) -> T {
        self.value
    }
}

/// The verdict on a live login.
pub enum Gate {
    /// The server says that it is the active profile's login.
    Adopt(Matched<Login>, Account),
    /// The same tokens as last time: no call, no write.
    Unchanged,
    /// It is another *registered* profile's: someone switched outside; follow, and say so.
    Moved(Matched<Login>, Account),
    /// It is an unregistered account's: offer to add it, touch nothing.
    Foreign(Account, Login),
    /// It is a setup-token that was the profile's own until a person replaced it.
    Earlier(Alias),
    /// The server could not say. Keep everything that is saved.
    Unresolved(ProviderError, Login),
    /// An emptied login. It never overwrites anything.
    Husk,
    /// There is no login.
    Absent,
}

/// The first half of the gate, without the server: what can be decided from the bytes. `Err` holds the login that the
/// server has to be asked about.
pub fn look(live: Live, saved: Option<&Fingerprint>) -> Result<Gate, Login> {
    match live {
        Live::Absent => Ok(Gate::Absent),
        Live::Husk => Ok(Gate::Husk),
        Live::Login(login) if saved == Some(&login.fingerprint()) => Ok(Gate::Unchanged),
        Live::Login(login) => Err(login),
    }
}

/// The second half: what the server's answer makes of a login.
pub fn gate(login: Login, answer: Result<Account, ProviderError>, roster: &Roster) -> Gate {
    let account = match answer {
        Ok(account) => account,
        Err(cause) => return Gate::Unresolved(cause, login),
    };
    let Some(profile) = roster.by_identity(&account.identity) else { return Gate::Foreign(account, login) };
    let matched = Matched { value: login, alias: profile.alias.clone(), identity: account.identity.clone() };
    if roster.active().is_some_and(|active| active.alias == profile.alias) {
        Gate::Adopt(matched, account)
    } else {
        Gate::Moved(matched, account)
    }
}

/// What is saved of a profile that holds a setup-token.
pub struct SavedToken {
    pub newest: Matched<Login>,
    /// What was its token before.
    pub earlier: Vec<Fingerprint>,
}

/// The second half for a setup-token, whose owner the server does not tell. It needs nobody's word: a setup-token never changes, so whoever
/// holds the same one holds the same login.
pub fn gate_token(login: Login, saved: &[SavedToken], roster: &Roster) -> Gate {
    let own = login.fingerprint();
    let newest = saved.iter().find(|saved| saved.newest.value.fingerprint() == own).map(|saved| &saved.newest);
    if let Some(profile) = newest.and_then(|newest| roster.by_identity(&newest.identity)) {
        let (alias, identity) = (profile.alias.clone(), profile.identity().clone());
        let matched = Matched { value: login, alias, identity };
        let account = profile.account.clone();
        return if roster.active().is_some_and(|active| active.alias == profile.alias) {
            Gate::Adopt(matched, account)
        } else {
            Gate::Moved(matched, account)
        };
    }
    match saved.iter().find(|saved| saved.earlier.contains(&own)) {
        Some(saved) => Gate::Earlier(saved.newest.alias.clone()),
        None => Gate::Foreign(Account::unknown_token(), login),
    }
}

/// A setup-token that a person says is this profile's. `None` where it is none, or the profile holds an account's login.
pub fn claim_token(login: Login, profile: &Profile) -> Option<Matched<Login>> {
    let fits = login.is_setup_token() && profile.identity().is_setup_token();
    fits.then(|| Matched { value: login, alias: profile.alias.clone(), identity: profile.identity().clone() })
}

/// A login that the server identified, claimed for the profile that is being registered with it.
/// `None` when the profile is another account's.
pub fn claim(login: Login, account: &Account, profile: &Profile) -> Option<Matched<Login>> {
    (account.identity == *profile.identity()).then(|| Matched {
        value: login,
        alias: profile.alias.clone(),
        identity: account.identity.clone(),
    })
}

/// What came out of the vault belongs to the profile under whose identity it was sealed: the header is authenticated.
/// `None` when the roster's profile has another identity.
pub(crate) fn unsealed(login: Login, sealed_for: &Identity, profile: &Profile) -> Option<Matched<Login>> {
    (sealed_for == profile.identity()).then(|| Matched {
        value: login,
        alias: profile.alias.clone(),
        identity: sealed_for.clone(),
    })
}

/// Whether a renewed pair may be saved over the login whose refresh token bought it. A refresh grant cannot change the
/// account, so the lineage is the proof; should the answer name an account, it must be the same.
pub fn same_lineage(spent: &Identity, renewed: &Renewed) -> bool {
    renewed.account_uuid.as_ref().is_none_or(|uuid| *uuid == spent.account())
}

/// Carries the proof of a spent login over to the pair that it bought.
pub(crate) fn inherit(login: Login, alias: Alias, identity: Identity) -> Matched<Login> {
    Matched { value: login, alias, identity }
}
