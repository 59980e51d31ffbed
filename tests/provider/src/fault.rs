//! What may go wrong on purpose, and how often. Owns the plan of faults; `answer.rs` applies those that change an
//! answer, `routes.rs` those that need a real connection (delays, cuts, half a body).

use crate::authorize::ConsentChange;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The endpoints that a fault or a count can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /v1/oauth/token`, whatever the grant.
    Token,
    /// The same, with an authorization code.
    Exchange,
    /// `POST /v1/oauth/token/revoke`
    Revoke,
    /// `GET /api/oauth/profile`
    Profile,
    /// `GET /api/oauth/account`
    Account,
    /// `GET /api/oauth/claude_cli/roles`
    Roles,
    /// `GET /api/oauth/usage`
    Usage,
    /// `POST /v1/messages`
    Messages,
    /// `GET` of an authorize page, whatever it shows.
    Authorize,
    /// The same, where it shows the consent page.
    Consent,
    /// `POST /oauth/authorize`: the click on a consent page.
    Decide,
    /// Signing a browser in or out, choosing an organisation.
    SignIn,
    /// `GET /oauth/code/…`: the pages at the end of a sign-in.
    CodePage,
    /// Any other path.
    Other,
    /// In a fault: every endpoint.
    Any,
}

impl Endpoint {
    /// Whether a fault or a count for this endpoint means `other` too.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self == other
            || self == Self::Any
            || matches!((self, other), (Self::Token, Self::Exchange) | (Self::Authorize, Self::Consent))
    }

    /// The endpoint a request goes to, as far as method and path say.
    #[must_use]
    pub fn of(method: &str, path: &str) -> Self {
        match (method, path) {
            ("POST", "/v1/oauth/token") => Self::Token,
            ("POST", "/v1/oauth/token/revoke") => Self::Revoke,
            ("GET", "/api/oauth/profile") => Self::Profile,
            ("GET", "/api/oauth/account") => Self::Account,
            ("GET", "/api/oauth/claude_cli/roles") => Self::Roles,
            ("GET", "/api/oauth/usage") => Self::Usage,
            ("POST", "/v1/messages") => Self::Messages,
            ("GET", "/cai/oauth/authorize" | "/oauth/authorize") => Self::Authorize,
            ("POST", "/oauth/authorize") => Self::Decide,
            ("GET", "/login" | "/oauth/switch") | ("POST", "/oauth/sign-in" | "/oauth/organization") => Self::SignIn,
            ("GET", "/oauth/code/callback" | "/oauth/code/success") => Self::CodePage,
            _ => Self::Other,
        }
    }
}

/// The `Retry-After` header of a 429 (`docs/claude-code.md` §F4: absent, `0`, or up to `3600`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// No header.
    Absent,
    /// Seconds; `0` means saturated.
    Seconds(u32),
    /// The same span as an HTTP date, reckoned from the scripted clock (which the `Date` header follows too).
    HttpDate(u32),
}

impl Default for RetryAfter {
    fn default() -> Self {
        Self::Seconds(3_600)
    }
}

/// One way to go wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Waits before the request is processed. A caller that gives up meanwhile has changed nothing.
    Delay {
        /// Real milliseconds.
        ms: u64,
    },
    /// Processes the request, then waits before answering. A caller that gives up meanwhile has lost the answer.
    DelayAnswer {
        /// Real milliseconds.
        ms: u64,
    },
    /// Answers with a status, processing nothing.
    Status {
        /// The HTTP status.
        status: u16,
        /// The JSON body; absent: the usual one of that status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Value>,
        /// The `Retry-After` header, for a 429.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<RetryAfter>,
    },
    /// Answers with the edge's HTML page, processing nothing.
    Html {
        /// The HTTP status: 403 for a refusal, 503 for a challenge, even 200.
        status: u16,
    },
    /// Answers with the edge's question whether a person is there: 403, `cf-mitigated: challenge`, processing nothing.
    Challenge,
    /// Shows a consent page that is not the usual one. Elsewhere without effect.
    ConsentChanged {
        /// How it differs.
        change: ConsentChange,
    },
    /// Shows the consent page of somebody else, whom the browser is signed in as from then on. Elsewhere without effect.
    ConsentAs {
        /// The account's key.
        account: String,
        /// The organisation's uuid or name; absent: the first one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<String>,
    },
    /// Processes the request, announces the whole length, sends half of the body, and cuts.
    HalfBody,
    /// Processes the request, and answers JSON whose values have the wrong types.
    WrongTypes,
    /// Cuts the connection before processing: nothing happened.
    CutBefore,
    /// Cuts the connection after processing: it happened, and the answer is lost.
    CutAfter,
}

impl FaultKind {
    /// The server that takes half a minute (`FaultKind::Delay` of 30 s).
    pub const SLOW: Self = Self::Delay { ms: 30_000 };

    fn is_delay(&self) -> bool {
        matches!(self, Self::Delay { .. } | Self::DelayAnswer { .. })
    }

    /// The name used in the request log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay { .. } => "delay",
            Self::DelayAnswer { .. } => "delay_answer",
            Self::Status { .. } => "status",
            Self::Html { .. } => "html",
            Self::Challenge => "challenge",
            Self::ConsentChanged { .. } => "consent_changed",
            Self::ConsentAs { .. } => "consent_as",
            Self::HalfBody => "half_body",
            Self::WrongTypes => "wrong_types",
            Self::CutBefore => "cut_before",
            Self::CutAfter => "cut_after",
        }
    }
}

/// A fault, where it strikes, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Which requests.
    pub endpoint: Endpoint,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// For how many requests; absent: until the faults are cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// How the `User-Agent` of the requests begins; absent: any. An edge refuses one client and lets another pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

impl Fault {
    /// Strikes the next request to `endpoint`.
    #[must_use]
    pub fn once(endpoint: Endpoint, kind: FaultKind) -> Self {
        Self::times(endpoint, kind, 1)
    }

    /// Strikes the next `times` requests.
    #[must_use]
    pub fn times(endpoint: Endpoint, kind: FaultKind, times: u32) -> Self {
        Self { endpoint, kind, times: Some(times), agent: None }
    }

    /// Strikes every request until cleared.
    #[must_use]
    pub fn standing(endpoint: Endpoint, kind: FaultKind) -> Self {
        Self { endpoint, kind, times: None, agent: None }
    }

    /// The same, for requests whose `User-Agent` begins with `agent`.
    #[must_use]
    pub fn for_agent(self, agent: &str) -> Self {
        Self { agent: Some(agent.to_owned()), ..self }
    }

    fn strikes(&self, endpoint: Endpoint, agent: Option<&str>) -> bool {
        let whose = self.agent.as_deref().is_none_or(|begin| agent.is_some_and(|agent| agent.starts_with(begin)));
        whose && self.endpoint.covers(endpoint)
    }
}

/// What one request meets: at most one wait and one other fault, so a slow refusal can be scripted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Struck {
    /// A [`FaultKind::Delay`] or [`FaultKind::DelayAnswer`].
    pub delay: Option<FaultKind>,
    /// Any other fault.
    pub fault: Option<FaultKind>,
}

/// The faults still to come, in the order they were added.
#[derive(Debug, Default)]
pub struct FaultPlan {
    faults: Vec<Fault>,
}

impl FaultPlan {
    /// Adds a fault behind those already waiting.
    pub fn add(&mut self, fault: Fault) {
        if fault.times != Some(0) {
            self.faults.push(fault);
        }
    }

    /// Forgets every fault.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// The faults still to come.
    #[must_use]
    pub fn waiting(&self) -> &[Fault] {
        &self.faults
    }

    /// Takes what the next request to `endpoint` meets, made by `agent`.
    pub fn strike(&mut self, endpoint: Endpoint, agent: Option<&str>) -> Struck {
        if self.faults.is_empty() {
            return Struck::default();
        }
        let struck = Struck { delay: self.take(endpoint, agent, true), fault: self.take(endpoint, agent, false) };
        self.faults.retain(|fault| fault.times != Some(0));
        struck
    }

    fn take(&mut self, endpoint: Endpoint, agent: Option<&str>, delay: bool) -> Option<FaultKind> {
        let fault = self.faults.iter_mut().find(|f| f.strikes(endpoint, agent) && f.kind.is_delay() == delay)?;
        if let Some(left) = &mut fault.times {
            *left -= 1;
        }
        Some(fault.kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queued_faults_strike_in_order_and_a_standing_one_waits_behind_them() {
        let mut plan = FaultPlan::default();
        plan.add(Fault::once(Endpoint::Token, FaultKind::CutAfter));
        plan.add(Fault::standing(Endpoint::Any, FaultKind::Html { status: 403 }));
        assert_eq!(plan.strike(Endpoint::Profile, None).fault, Some(FaultKind::Html { status: 403 }));
        assert_eq!(plan.strike(Endpoint::Token, None).fault, Some(FaultKind::CutAfter));
        assert_eq!(plan.strike(Endpoint::Token, None).fault, Some(FaultKind::Html { status: 403 }));
        plan.clear();
        assert_eq!(plan.strike(Endpoint::Token, None), Struck::default());
    }

    #[test]
    fn a_delay_stacks_with_another_fault() {
        let mut plan = FaultPlan::default();
        plan.add(Fault::once(Endpoint::Usage, FaultKind::CutBefore));
        plan.add(Fault::once(Endpoint::Usage, FaultKind::Delay { ms: 5 }));
        let struck = plan.strike(Endpoint::Usage, None);
        assert_eq!(struck.delay, Some(FaultKind::Delay { ms: 5 }));
        assert_eq!(struck.fault, Some(FaultKind::CutBefore));
        assert!(plan.waiting().is_empty());
    }

    #[test]
    fn a_fault_may_strike_one_client_and_let_another_pass() {
        let mut plan = FaultPlan::default();
        plan.add(Fault::standing(Endpoint::Token, FaultKind::Html { status: 403 }).for_agent("signalbox/"));
        assert_eq!(plan.strike(Endpoint::Token, Some("axios/1.15.2")), Struck::default());
        assert_eq!(plan.strike(Endpoint::Token, None), Struck::default());
        let struck = plan.strike(Endpoint::Token, Some("signalbox/0.1.0"));
        assert_eq!(struck.fault, Some(FaultKind::Html { status: 403 }));
    }

    #[test]
    fn a_fault_reads_as_plain_json() {
        let text = r#"{"endpoint":"usage","kind":"status","status":429,"retry_after":{"http_date":30},"times":2}"#;
        let fault: Fault = serde_json::from_str(text).expect("a fault");
        let kind = FaultKind::Status { status: 429, body: None, retry_after: Some(RetryAfter::HttpDate(30)) };
        assert_eq!(fault, Fault::times(Endpoint::Usage, kind, 2));
        let cut: Fault = serde_json::from_str(r#"{"endpoint":"token","kind":"cut_after"}"#).expect("a fault");
        assert_eq!(cut, Fault::standing(Endpoint::Token, FaultKind::CutAfter));
    }
}
