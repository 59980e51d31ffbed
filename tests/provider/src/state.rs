//! Everything the simulated server knows, behind one lock. Owns the options and ties the parts together; the rules are
//! in the parts (`ledger.rs`, `usage.rs`, `budget.rs`, `fault.rs`), the endpoints in `answer.rs`.

use crate::account::{Account, Identity, Organization};
use crate::authorize::Browsers;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::fault::{FaultPlan, RetryAfter};
use crate::ledger::Ledger;
use crate::log::RequestLog;
use crate::random::Random;
use crate::tokens::{Seat, Terms};
use crate::usage::Usage;
use std::collections::{BTreeMap, HashMap};

/// The public client id of Claude Code (`docs/claude-code.md` §D1).
pub const CLIENT_ID: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";

/// How the simulated server behaves. The defaults are the facts as known; a test changes what it is about.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// The same seed gives the same tokens; `None`: different ones in each run.
    pub seed: Option<u64>,
    /// The clock at the start.
    pub clock: Clock,
    /// Lifetimes, and the form of token answers.
    pub terms: Terms,
    /// Usage requests per identity in a trailing hour; `None`: no limit. Default 28 (§F5).
    pub usage_budget: Option<u32>,
    /// The `Retry-After` of the budget's 429. Default 3600 s (§F5).
    pub retry_after: RetryAfter,
    /// How far a flat `resets_at` wanders between answers, milliseconds. Default 2000 (§G).
    pub reset_jitter_ms: u64,
    /// The one client id that is accepted.
    pub client_id: String,
    /// Refuse callers without a User-Agent, or with a library's default one (§D7). Default true.
    pub check_user_agent: bool,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            seed: None,
            clock: Clock::real(),
            terms: Terms::default(),
            usage_budget: Some(28),
            retry_after: RetryAfter::default(),
            reset_jitter_ms: 2_000,
            client_id: CLIENT_ID.to_owned(),
            check_user_agent: true,
        }
    }
}

impl SimOptions {
    /// For tests: a frozen clock at `at_ms` (epoch milliseconds), seed 1, and reset times that do not wander.
    #[must_use]
    pub fn frozen_at(at_ms: i64) -> Self {
        Self { seed: Some(1), clock: Clock::frozen_at(at_ms), reset_jitter_ms: 0, ..Self::default() }
    }
}

/// No such account, or it is not in that organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownIdentity {
    /// The account asked for.
    pub account: String,
    /// The organisation asked for.
    pub organization: Option<String>,
}

impl std::fmt::Display for UnknownIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.organization {
            None => write!(f, "there is no account '{}'", self.account),
            Some(organization) => write!(f, "there is no account '{}' in organization '{organization}'", self.account),
        }
    }
}

impl std::error::Error for UnknownIdentity {}

/// The server's whole state. It holds tokens, so it has no `Debug`.
pub(crate) struct State {
    pub(crate) options: SimOptions,
    pub(crate) random: Random,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) ledger: Ledger,
    pub(crate) usage: HashMap<Identity, Usage>,
    pub(crate) budget: Budget,
    pub(crate) faults: FaultPlan,
    pub(crate) log: RequestLog,
    pub(crate) browsers: Browsers,
    pub(crate) answers: u64,
}

impl State {
    pub(crate) fn new(options: SimOptions) -> Self {
        Self {
            random: options.seed.map_or_else(Random::fresh, Random::seeded),
            options,
            accounts: BTreeMap::new(),
            ledger: Ledger::default(),
            usage: HashMap::new(),
            budget: Budget::default(),
            faults: FaultPlan::default(),
            log: RequestLog::default(),
            browsers: Browsers::default(),
            answers: 0,
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.options.clock.now_ms()
    }

    pub(crate) fn find(
        &self,
        account: &str,
        organization: Option<&str>,
    ) -> Result<(&Account, &Organization), UnknownIdentity> {
        let unknown = || UnknownIdentity { account: account.to_owned(), organization: organization.map(str::to_owned) };
        let person = self.accounts.get(account).ok_or_else(unknown)?;
        Ok((person, person.organization(organization).ok_or_else(unknown)?))
    }

    pub(crate) fn seat(&self, account: &str, organization: Option<&str>) -> Result<Seat, UnknownIdentity> {
        let (person, organization) = self.find(account, organization)?;
        Ok(Seat {
            account: person.key.clone(),
            identity: person.identity(organization),
            subscription_type: organization.organization_type.subscription_type().to_owned(),
            rate_limit_tier: organization.rate_limit_tier.clone(),
        })
    }

    /// The usage of an identity with every window rolled to now.
    pub(crate) fn rolled_usage(&mut self, identity: &Identity) -> &mut Usage {
        let now_ms = self.now_ms();
        let usage = self.usage.entry(identity.clone()).or_default();
        usage.roll(now_ms);
        usage
    }
}
