//! What a simulated server starts with: people, what they have used, and who is signed in. Owns the JSON of seed files,
//! which the admin API speaks too; what the words mean is in `account.rs`, `usage.rs` and `tokens.rs`.

use crate::account::Account;
use crate::sim::Sim;
use crate::state::UnknownIdentity;
use crate::tokens::{FULL_SCOPES, SETUP_TOKEN_SCOPES, Terms, Tokens};
use crate::usage::Usage;
use serde::{Deserialize, Serialize};

/// A whole world to start from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// The people.
    pub accounts: Vec<Account>,
    /// What they have used; whoever is not named has used nothing.
    pub usage: Vec<SeedUsage>,
    /// Who is signed in. Absent: everybody, once for each organisation.
    pub logins: Option<Vec<SignIn>>,
}

/// The usage of one identity.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedUsage {
    /// The account's key.
    pub account: String,
    /// The organisation's uuid or name; absent: the first one.
    #[serde(default)]
    pub organization: Option<String>,
    /// What was used.
    pub usage: Usage,
}

/// One sign-in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignIn {
    /// The account's key.
    pub account: String,
    /// The organisation's uuid or name; absent: the first one.
    pub organization: Option<String>,
    /// The scopes granted; absent: the full ones, or those of a setup-token.
    pub scopes: Option<Vec<String>>,
    /// A setup-token instead of a login.
    pub setup_token: bool,
    /// How long ago the sign-in was, in seconds: brings the login deadline nearer.
    pub age_s: i64,
    /// The seconds left of the first access token; absent: as the options say.
    pub access_expires_in_s: Option<i64>,
}

impl SignIn {
    /// A full login, made now.
    #[must_use]
    pub fn new(account: &str, organization: Option<&str>) -> Self {
        Self { account: account.to_owned(), organization: organization.map(str::to_owned), ..Self::default() }
    }

    pub(crate) fn scopes(&self) -> Vec<String> {
        let usual: &[&str] = if self.setup_token { &SETUP_TOKEN_SCOPES } else { &FULL_SCOPES };
        self.scopes.clone().unwrap_or_else(|| usual.iter().map(|&scope| scope.to_owned()).collect())
    }

    /// The server's terms as they are left for a login of this age.
    pub(crate) fn terms(&self, usual: &Terms) -> Terms {
        let age_ms = self.age_s * 1_000;
        let access_life_ms = self.access_expires_in_s.map_or(usual.access_life_ms, |s| s * 1_000);
        Terms {
            access_life_ms,
            login_life_ms: usual.login_life_ms - age_ms,
            setup_token_life_ms: usual.setup_token_life_ms - age_ms,
            ..usual.clone()
        }
    }
}

/// Brings a server to life from a seed. Returns the tokens of every login, in order.
///
/// # Errors
/// [`UnknownIdentity`] when a usage or a login names somebody who is not there.
pub fn plant(sim: &Sim, seed: &Seed) -> Result<Vec<Tokens>, UnknownIdentity> {
    let accounts: Vec<Account> = seed.accounts.iter().map(|account| sim.add_account(account.clone())).collect();
    for entry in &seed.usage {
        sim.set_usage(&entry.account, entry.organization.as_deref(), entry.usage.clone())?;
    }
    let everybody = || {
        let seats =
            |a: &Account| a.organizations.iter().map(|o| SignIn::new(&a.key, Some(&o.uuid))).collect::<Vec<_>>();
        accounts.iter().flat_map(seats).collect()
    };
    let logins = seed.logins.clone().unwrap_or_else(everybody);
    logins.iter().map(|wish| sim.sign_in(wish)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::SimOptions;

    #[test]
    fn a_seed_without_logins_signs_everybody_in_once_per_organisation() {
        let seed: Seed = serde_json::from_str(
            r#"{"accounts":[{"key":"a","email":"a@x.example"},
                {"key":"b","email":"b@x.example","organizations":[{"name":"One"},{"name":"Two"}]}]}"#,
        )
        .expect("a seed");
        let sim = Sim::new(SimOptions::frozen_at(0));
        let tokens = plant(&sim, &seed).expect("planted");
        let whose: Vec<&str> = tokens.iter().map(|t| t.seat.account.as_str()).collect();
        assert_eq!(whose, ["a", "b", "b"]);
        assert_ne!(tokens[1].seat.identity, tokens[2].seat.identity);
    }

    #[test]
    fn an_aged_login_has_less_of_its_thirty_days_left() {
        let sim = Sim::new(SimOptions::frozen_at(0));
        sim.add_account(Account::new("a", "a@x.example"));
        let wish = SignIn { age_s: 28 * 86_400, access_expires_in_s: Some(60), ..SignIn::new("a", None) };
        let tokens = sim.sign_in(&wish).expect("signed in");
        assert_eq!(tokens.refresh_expires_at_ms, Some(2 * 86_400_000));
        assert_eq!(tokens.expires_at_ms, 60_000);
    }

    #[test]
    fn a_seed_that_names_a_stranger_is_refused() {
        let seed = Seed { logins: Some(vec![SignIn::new("nobody", None)]), ..Seed::default() };
        let refused = plant(&Sim::default(), &seed).expect_err("a stranger");
        assert_eq!(refused.to_string(), "there is no account 'nobody'");
    }
}
