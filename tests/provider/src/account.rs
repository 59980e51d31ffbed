//! People and their organisations, as the provider knows them. Owns identity and plan; a *login* of an account is
//! `ledger.rs`, what it has used is `usage.rs`, and the JSON it is reported in is `wire.rs`.

use crate::random::uuid_for;
use serde::{Deserialize, Serialize};

/// Who a token speaks for: the pair (account uuid, organisation uuid), never the e-mail (`docs/claude-code.md` §C).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// The person's account uuid.
    pub account_uuid: String,
    /// The organisation the login was made for.
    pub organization_uuid: String,
}

/// The plan of an organisation, named as `/api/oauth/profile` names it (`docs/claude-code.md` §F1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationType {
    /// A personal Max plan.
    #[default]
    ClaudeMax,
    /// A personal Pro plan.
    ClaudePro,
    /// A Team plan.
    ClaudeTeam,
    /// An Enterprise plan.
    ClaudeEnterprise,
}

impl OrganizationType {
    /// The name used in `organization_type` and in `capabilities`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClaudeMax => "claude_max",
            Self::ClaudePro => "claude_pro",
            Self::ClaudeTeam => "claude_team",
            Self::ClaudeEnterprise => "claude_enterprise",
        }
    }

    /// The name Claude Code stores as `subscriptionType` (`docs/claude-code.md` §B).
    #[must_use]
    pub fn subscription_type(self) -> &'static str {
        self.as_str().trim_start_matches("claude_")
    }

    fn usual_tier(self) -> &'static str {
        match self {
            Self::ClaudeMax => "default_claude_max_20x",
            _ => "default_claude_ai",
        }
    }
}

/// One organisation a person belongs to. In a seed file only `name` is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// Empty: derived from the account and the name when the account is added.
    #[serde(default)]
    pub uuid: String,
    /// The display name.
    pub name: String,
    /// The plan.
    #[serde(default)]
    pub organization_type: OrganizationType,
    /// For example `default_claude_max_20x`. Empty: the usual one of the plan.
    #[serde(default)]
    pub rate_limit_tier: String,
    /// `active`, `canceled` or `past_due`.
    #[serde(default = "active")]
    pub subscription_status: String,
    /// The person's role in it.
    #[serde(default = "admin")]
    pub role: String,
    /// The seat tier of a Team or Enterprise member.
    #[serde(default)]
    pub seat_tier: Option<String>,
    /// Whether usage credits are switched on.
    #[serde(default)]
    pub has_extra_usage_enabled: bool,
}

impl Organization {
    /// An organisation with the usual tier of its plan.
    #[must_use]
    pub fn new(name: &str, organization_type: OrganizationType) -> Self {
        Self {
            uuid: String::new(),
            name: name.to_owned(),
            organization_type,
            rate_limit_tier: String::new(),
            subscription_status: active(),
            role: admin(),
            seat_tier: None,
            has_extra_usage_enabled: false,
        }
    }

    /// The same organisation with another rate-limit tier.
    #[must_use]
    pub fn with_tier(mut self, tier: &str) -> Self {
        tier.clone_into(&mut self.rate_limit_tier);
        self
    }
}

/// One person. In a seed file `key` and `email` are enough: the rest is derived from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The short name used in tokens, in the admin API and in the request log.
    pub key: String,
    /// The e-mail address; two accounts may not rely on it being unique.
    pub email: String,
    /// Empty: derived from the key.
    #[serde(default)]
    pub uuid: String,
    /// Empty: derived from the key.
    #[serde(default)]
    pub full_name: String,
    /// Empty: derived from the key.
    #[serde(default)]
    pub display_name: String,
    /// The organisations, the default one first. Empty: one personal Max organisation.
    #[serde(default)]
    pub organizations: Vec<Organization>,
}

impl Account {
    /// A person with one personal Max organisation.
    #[must_use]
    pub fn new(key: &str, email: &str) -> Self {
        Self {
            key: key.to_owned(),
            email: email.to_owned(),
            uuid: String::new(),
            full_name: String::new(),
            display_name: String::new(),
            organizations: Vec::new(),
        }
        .completed()
    }

    /// The same person, with these organisations instead.
    #[must_use]
    pub fn in_organizations(mut self, organizations: Vec<Organization>) -> Self {
        self.organizations = organizations;
        self.completed()
    }

    /// Finds an organisation by uuid or name; `None` means the first one.
    #[must_use]
    pub fn organization(&self, wanted: Option<&str>) -> Option<&Organization> {
        match wanted {
            None => self.organizations.first(),
            Some(text) => self.organizations.iter().find(|o| o.uuid == text || o.name == text),
        }
    }

    /// The identity of this person in `organization`.
    #[must_use]
    pub fn identity(&self, organization: &Organization) -> Identity {
        Identity { account_uuid: self.uuid.clone(), organization_uuid: organization.uuid.clone() }
    }

    /// Fills in everything that was left empty.
    #[must_use]
    pub fn completed(mut self) -> Self {
        fill(&mut self.uuid, || uuid_for(&format!("account:{}", self.key)));
        let mut name = self.key.clone();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        fill(&mut self.full_name, || format!("{name} Example"));
        fill(&mut self.display_name, || name.clone());
        if self.organizations.is_empty() {
            let owned = format!("{}'s Organization", self.email);
            self.organizations.push(Organization::new(&owned, OrganizationType::ClaudeMax));
        }
        for organization in &mut self.organizations {
            fill(&mut organization.uuid, || uuid_for(&format!("organization:{}:{}", self.key, organization.name)));
            fill(&mut organization.rate_limit_tier, || organization.organization_type.usual_tier().to_owned());
        }
        self
    }
}

fn fill(slot: &mut String, value: impl FnOnce() -> String) {
    if slot.is_empty() {
        *slot = value();
    }
}

fn active() -> String {
    "active".to_owned()
}

fn admin() -> String {
    "admin".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_entry_needs_only_a_key_and_an_e_mail() {
        let account: Account =
            serde_json::from_str(r#"{"key":"work","email":"ada@work.example"}"#).expect("minimal account");
        let account = account.completed();
        assert_eq!(account, Account::new("work", "ada@work.example"));
        assert_eq!(account.organizations[0].rate_limit_tier, "default_claude_max_20x");
        assert_eq!(account.organizations[0].name, "ada@work.example's Organization");
    }

    #[test]
    fn one_person_in_two_organisations_has_two_identities() {
        let account = Account::new("ada", "ada@example.com").in_organizations(vec![
            Organization::new("Personal", OrganizationType::ClaudeMax),
            Organization::new("Works", OrganizationType::ClaudeTeam),
        ]);
        let first = account.identity(account.organization(None).expect("first"));
        let second = account.identity(account.organization(Some("Works")).expect("by name"));
        assert_eq!(first.account_uuid, second.account_uuid);
        assert_ne!(first.organization_uuid, second.organization_uuid);
        assert_eq!(account.organization(Some(&second.organization_uuid)), Some(&account.organizations[1]));
        assert_eq!(account.organization(Some("elsewhere")), None);
    }

    #[test]
    fn the_plan_has_the_two_names_the_protocol_uses() {
        assert_eq!(OrganizationType::ClaudeTeam.as_str(), "claude_team");
        assert_eq!(OrganizationType::ClaudeTeam.subscription_type(), "team");
        let text = serde_json::to_string(&OrganizationType::ClaudeEnterprise).expect("serialises");
        assert_eq!(text, "\"claude_enterprise\"");
    }
}
