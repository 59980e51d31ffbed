//! The values that the grant rules hand out and hand back: token pairs, login states, refusals, lifetimes.
//! Which of them applies when is decided in `ledger.rs`; their JSON on the wire is in `wire.rs`.

use crate::account::Identity;
use crate::random::fingerprint;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// Names one login: one sign-in of one person for one organisation, through all its rotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginId(pub u32);

impl LoginId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Who a login is for, as far as tokens and stored credentials need to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The account's short name.
    pub account: String,
    /// Account and organisation.
    #[serde(flatten)]
    pub identity: Identity,
    /// `max`, `pro`, `team`, `enterprise`.
    pub subscription_type: String,
    /// For example `default_claude_max_20x`.
    pub rate_limit_tier: String,
}

/// A token pair as the server issued it. Its `Debug` shows fingerprints only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// The login it belongs to.
    pub login: LoginId,
    /// Whose it is.
    #[serde(flatten)]
    pub seat: Seat,
    /// `sk-ant-oat01-sim-…`
    pub access_token: String,
    /// `sk-ant-ort01-sim-…`; `None` for a setup-token, or where the answer named none.
    pub refresh_token: Option<String>,
    /// When the access token ends, epoch milliseconds.
    pub expires_at_ms: i64,
    /// The login deadline, epoch milliseconds; `None` for a setup-token.
    pub refresh_expires_at_ms: Option<i64>,
    /// What the access token may do.
    pub scopes: Vec<String>,
}

impl Tokens {
    /// The refresh token of a login that must have one.
    ///
    /// # Panics
    /// When there is none: a setup-token, or an answer without a refresh token.
    #[must_use]
    pub fn refresh(&self) -> &str {
        self.refresh_token.as_deref().expect("this login has a refresh token")
    }

    /// The pair as Claude Code stores it under `claudeAiOauth` (`docs/claude-code.md` §B, `docs/observed.md` §3).
    #[must_use]
    pub fn claude_ai_oauth(&self) -> Value {
        let mut stored = json!({
            "accessToken": self.access_token,
            "refreshToken": self.refresh_token,
            "expiresAt": self.expires_at_ms,
            "refreshTokenExpiresAt": self.refresh_expires_at_ms,
            "scopes": self.scopes,
            "subscriptionType": self.seat.subscription_type,
            "subscriptionTypeSource": "sign_in",
            "rateLimitTier": self.seat.rate_limit_tier,
            "accountUuid": self.seat.identity.account_uuid,
            "organizationUuid": self.seat.identity.organization_uuid,
        });
        if let Value::Object(members) = &mut stored {
            members.retain(|_, value| !value.is_null());
        }
        stored
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("login", &self.login)
            .field("account", &self.seat.account)
            .field("access", &fingerprint(&self.access_token))
            .field("refresh", &self.refresh_token.as_deref().map(fingerprint))
            .field("expires_at_ms", &self.expires_at_ms)
            .field("refresh_expires_at_ms", &self.refresh_expires_at_ms)
            .finish_non_exhaustive()
    }
}

/// Lifetimes and forms of an answer. The defaults are those of `docs/claude-code.md` §D4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Life of an access token, milliseconds. Default: 8 hours.
    pub access_life_ms: i64,
    /// Life of a login from its sign-in, milliseconds, never extended. Default: 30 days.
    pub login_life_ms: i64,
    /// Life of a setup-token, milliseconds. Default: one year.
    pub setup_token_life_ms: i64,
    /// Life of an authorization code, milliseconds. Default: ten minutes.
    pub code_life_ms: i64,
    /// Life of a browser session, milliseconds. Default: 28 days.
    pub session_life_ms: i64,
    /// Answer refreshes without a refresh token; the old one then stays valid (§D3).
    pub omit_refresh_token: bool,
    /// Name the account and the organisation in the answer to a refresh; clients may not rely on it (§D3). The answer to
    /// the exchange of a code always does.
    pub identity_in_grant: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            access_life_ms: 28_800_000,
            login_life_ms: 30 * 86_400_000,
            setup_token_life_ms: 31_536_000_000,
            code_life_ms: 600_000,
            session_life_ms: 28 * 86_400_000,
            omit_refresh_token: false,
            identity_in_grant: false,
        }
    }
}

/// What became of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LoginState {
    /// Its newest refresh token (or setup-token) works.
    Alive,
    /// It was ended before its deadline.
    Revoked {
        /// By what.
        why: RevokedWhy,
    },
    /// Its deadline passed.
    Expired,
}

/// Why a login ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedWhy {
    /// A spent refresh token was presented: two holders, or a lost rotation.
    Reuse,
    /// The revocation endpoint was called, as `/logout` does.
    Logout,
    /// The test said so.
    Admin,
}

/// A login without its tokens: what the server knows, fit for a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoginReport {
    /// Which login.
    pub login: LoginId,
    /// The account's short name.
    pub account: String,
    /// Account and organisation.
    #[serde(flatten)]
    pub identity: Identity,
    /// What became of it.
    #[serde(flatten)]
    pub state: LoginState,
    /// How often it was refreshed.
    pub refreshes: u64,
    /// When the newest access token ends, epoch milliseconds.
    pub expires_at_ms: i64,
    /// The login deadline, epoch milliseconds.
    pub refresh_expires_at_ms: Option<i64>,
    /// What was granted at sign-in.
    pub scopes: Vec<String>,
    /// Fingerprint of the newest access token.
    pub access_fingerprint: String,
    /// Fingerprint of the newest refresh token.
    pub refresh_fingerprint: Option<String>,
}

/// Why the token endpoint refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantRefusal {
    /// The body is not what the endpoint reads: 400 "Invalid request format".
    Malformed,
    /// The client id is not the known one.
    InvalidClient,
    /// The one terminal verdict: this refresh token will never work again.
    InvalidGrant,
    /// The authorization code is unknown, spent, too old, or somebody else's.
    InvalidCode,
    /// None of the scopes asked for were granted.
    InvalidScope,
}

/// Why an access token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessRefusal {
    /// No bearer token was sent.
    Missing,
    /// No such token was ever issued.
    Unknown,
    /// It ran out.
    Expired,
    /// A refresh replaced it, or its login was revoked.
    Revoked,
    /// It is valid, but lacks this scope: 403, and no reason to refresh (§F4).
    Scope(&'static str),
}

/// The scopes of a full login (`docs/observed.md` §7).
pub const FULL_SCOPES: [&str; 9] = [
    "org:create_api_key",
    "user:profile",
    "user:inference",
    "user:sessions:claude_code",
    "user:mcp_servers",
    "user:file_upload",
    "user:plugins",
    "user:privacy_consents:write",
    "org:desktop_config",
];

/// The scopes of a setup-token (§D8).
pub const SETUP_TOKEN_SCOPES: [&str; 1] = ["user:inference"];
