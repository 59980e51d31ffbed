//! Who a login is, and the identity gate: the only maker of `Matched`, without which nothing is saved. The gate asks
//! "is this still the same account?", never "did the bytes change?". Leaves asking the server to the `Provider` port and
//! acting on a verdict to `sync` and `switch`.

use serde::{Deserialize, Serialize};

use crate::credential::{Fingerprint, Live, Login, Renewed};
use crate::ports::ProviderError;
use crate::profile::{Alias, Profile, Roster};

/// Account and organisation as the server reports them. One person may have two organisations under one e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    account: String,
    organization: String,
}

impl Identity {
    /// Both parts must be non-empty; anything else is no identity (`docs/claude-code.md` §F1).
    pub fn new(account: &str, organization: &str) -> Option<Self> {
        let (account, organization) = (account.trim(), organization.trim());
        if account.is_empty() || organization.is_empty() {
            return None;
        }
        Some(Self { account: account.to_owned(), organization: organization.to_owned() })
    }

    pub fn account(&self) -> &str {
        &self.account
    }

    pub fn organization(&self) -> &str {
        &self.organization
    }
}

/// What the server says about a login. Only the identity decides; the rest is for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    #[serde(flatten)]
    pub identity: Identity,
    pub email: String,
    /// "Max 20×", "Pro", "Team"; see [`plan_label`].
    #[serde(default)]
    pub plan: Option<String>,
    #[serde(default)]
    pub organization_name: Option<String>,
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
    renewed.account_uuid.as_ref().is_none_or(|uuid| *uuid == spent.account)
}

/// Carries the proof of a spent login over to the pair that it bought.
pub(crate) fn inherit(login: Login, alias: Alias, identity: Identity) -> Matched<Login> {
    Matched { value: login, alias, identity }
}
