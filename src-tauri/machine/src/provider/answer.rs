//! What an answer means. Owns the whole mapping from status, headers and body to domain words, free of I/O, and with it
//! the question that costs logins when it is got wrong: was the refresh token spent? Leaves sending to `network`.
//!
//! An error here never carries text of the answer: it may quote a token.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;
use signalbox_core::credential::{AccessToken, RefreshToken, Renewed};
use signalbox_core::identity::{Account, Identity, plan_label};
use signalbox_core::ports::{ProviderError, RefreshError, Renewal};
use signalbox_core::time::{HOUR, SECOND, Timestamp};
use signalbox_core::usage::Usage;
use zeroize::Zeroizing;

/// Assumed where an answer does not say how long its access token lives: short, so that it is renewed rather than
/// trusted too long (`docs/claude-code.md` §D4 saw 5 hours and more).
const ASSUMED_LIFETIME_MS: i64 = HOUR;
/// The longest wait that is believed, in seconds (31 days; seen are up to an hour, `docs/claude-code.md` §F4).
const RETRY_AFTER_LIMIT_S: u64 = 31 * 24 * 3600;

/// One answer, as far as it arrived.
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub retry_after: Option<String>,
    pub date: Option<String>,
    pub body: Result<Zeroizing<Vec<u8>>, Cut>,
}

/// Why a body is not whole.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    Short,
    TooLong,
    TimedOut,
}

/// Why there is no answer at all.
#[derive(Clone, Copy, Debug)]
pub enum Silence {
    /// No connection came about: the server certainly saw nothing.
    NotSent,
    /// The connection ended after the request may have gone out.
    Lost,
    /// As `Lost`, by our own patience.
    TimedOut,
}

/// Reads the answer of `/api/oauth/profile` (`docs/claude-code.md` §F1).
pub fn account(outcome: Result<Answer, Silence>, now: Timestamp) -> Result<Account, ProviderError> {
    let profile = json(outcome, now)?;
    let text = |pointer| {
        let text = profile.pointer(pointer).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty())
    };
    let (account, organization) = (text("/account/uuid"), text("/organization/uuid"));
    let identity = Identity::new(account.unwrap_or_default(), organization.unwrap_or_default());
    Ok(Account {
        identity: identity.ok_or(ProviderError::Garbled)?,
        email: text("/account/email").unwrap_or_default().to_owned(),
        plan: plan_label(text("/organization/organization_type"), text("/organization/rate_limit_tier")),
        organization_name: text("/organization/name").map(str::to_owned),
    })
}

/// The server's time, from any answer that the API itself gave: without a token that is a 401.
pub fn date(outcome: Result<Answer, Silence>) -> Result<Timestamp, ProviderError> {
    let answer = outcome.map_err(Silence::cause)?;
    let is_api = answer.content_type.as_deref().is_some_and(|kind| kind.starts_with("application/json"));
    if !is_api {
        return Err(ProviderError::Refused { status: answer.status });
    }
    let date = answer.date.as_deref().and_then(|text| DateTime::parse_from_rfc2822(text).ok());
    date.map(|date| Timestamp::from_ms(date.timestamp_millis())).ok_or(ProviderError::Garbled)
}

/// Reads the answer of `/api/oauth/usage` (`docs/claude-code.md` §G).
pub fn usage(outcome: Result<Answer, Silence>, now: Timestamp) -> Result<Usage, ProviderError> {
    let answer = json(outcome, now)?;
    let usage = Usage::parse(&answer).ok_or(ProviderError::Garbled)?;
    // An answer of which nothing could be read must not pass for "nothing is used".
    if usage.windows.is_empty() && !says_no_windows(&answer) {
        return Err(ProviderError::Garbled);
    }
    Ok(usage)
}

/// Whether an answer without a readable window says so itself: it names windows, and all of them are null or empty.
fn says_no_windows(answer: &Value) -> bool {
    let named: Vec<&Value> = ["five_hour", "seven_day", "limits"].iter().filter_map(|name| answer.get(name)).collect();
    !named.is_empty() && named.iter().all(|value| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
}

fn json(outcome: Result<Answer, Silence>, now: Timestamp) -> Result<Value, ProviderError> {
    let answer = outcome.map_err(Silence::cause)?;
    if let Some(refusal) = answer.refusal(now) {
        return Err(refusal);
    }
    serde_json::from_slice(&answer.body.map_err(Cut::cause)?).map_err(|_| ProviderError::Garbled)
}

/// Reads the answer of the token endpoint to a refresh (`docs/claude-code.md` §D3 and §D6; `docs/observed.md` §11).
///
/// The token is given back only when the server certainly did not take it. A token that is presented twice ends the
/// whole login (§D5), so every doubt counts as spent.
pub fn renewal(outcome: Result<Answer, Silence>, token: RefreshToken, now: Timestamp) -> Result<Renewal, RefreshError> {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(silence @ Silence::NotSent) => return Err(RefreshError::NotSpent { cause: silence.cause(), token }),
        Err(silence) => return Err(RefreshError::Unknown { cause: silence.cause() }),
    };
    if answer.ends_the_login() {
        return Err(RefreshError::Dead);
    }
    if let Some(refusal) = answer.refusal(now) {
        // These two are said of access tokens; the token endpoint means the client (`invalid_client`) or is the edge.
        let cause = match refusal {
            ProviderError::Unauthorized | ProviderError::MissingScope { .. } => {
                ProviderError::Refused { status: answer.status }
            }
            other => other,
        };
        return Err(match answer.was_turned_away() {
            true => RefreshError::NotSpent { cause, token },
            false => RefreshError::Unknown { cause },
        });
    }
    let body = answer.body.map_err(|cut| RefreshError::Unknown { cause: cut.cause() })?;
    let renewed = renewed(&body, now).ok_or(RefreshError::Unknown { cause: ProviderError::Garbled })?;
    let kept = renewed.refresh.is_none().then_some(token);
    Ok(Renewal { renewed, kept })
}

/// The members of a refresh answer. Only the two tokens have to be right: once the old token is spent, refusing the new
/// pair for an odd member beside it would lose the login.
#[derive(Deserialize)]
struct PairWire {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    scope: Value,
    #[serde(default)]
    account: Value,
}

fn renewed(body: &[u8], now: Timestamp) -> Option<Renewed> {
    let wire: PairWire = serde_json::from_slice(body).ok()?;
    if wire.access_token.is_empty() {
        return None;
    }
    let scopes = wire.scope.as_str().map(|scope| scope.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let account = wire.account.get("uuid").and_then(Value::as_str).map(str::trim);
    Some(Renewed {
        access: AccessToken::new(wire.access_token),
        refresh: wire.refresh_token.filter(|token| !token.is_empty()).map(RefreshToken::new),
        expires_at: now.plus(lifetime_ms(&wire.expires_in)),
        scopes: scopes.filter(|scopes| !scopes.is_empty()),
        account_uuid: account.filter(|uuid| !uuid.is_empty()).map(str::to_owned),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and `Timestamp::plus` does so too")]
fn lifetime_ms(expires_in: &Value) -> i64 {
    let seconds = expires_in.as_f64().or_else(|| expires_in.as_str()?.parse().ok());
    match seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0) {
        Some(seconds) => (seconds * SECOND as f64) as i64,
        None => ASSUMED_LIFETIME_MS,
    }
}

impl Silence {
    fn cause(self) -> ProviderError {
        match self {
            Self::NotSent | Self::Lost => ProviderError::Unreachable,
            Self::TimedOut => ProviderError::TimedOut,
        }
    }
}

impl Cut {
    fn cause(self) -> ProviderError {
        match self {
            Self::Short | Self::TooLong => ProviderError::Garbled,
            Self::TimedOut => ProviderError::TimedOut,
        }
    }
}

impl Answer {
    /// Why this is no success, or `None` when it is one. HTML is the edge or a proxy speaking, whatever its status says
    /// about tokens (`docs/claude-code.md` §D6).
    fn refusal(&self, now: Timestamp) -> Option<ProviderError> {
        let status = self.status;
        match status {
            429 => {
                // The server's own clock, where it shows it: ours may be wrong.
                let now = self.date.as_deref().and_then(http_date).unwrap_or(now);
                let header = self.retry_after.as_deref();
                Some(ProviderError::Throttled { retry_after_s: header.and_then(|text| retry_after_s(text, now)) })
            }
            500..=599 => Some(ProviderError::Failed { status }),
            _ if self.is_html() => Some(ProviderError::Refused { status }),
            200..=299 => None,
            401 => Some(ProviderError::Unauthorized),
            403 => match self.missing_scope() {
                Some(scope) => Some(ProviderError::MissingScope { scope }),
                None => Some(ProviderError::Refused { status }),
            },
            _ => Some(ProviderError::Refused { status }),
        }
    }

    /// Whether the status shows that the token endpoint granted nothing. 408, 409 and 499 are left out: a gateway may
    /// say them while the request behind it still runs.
    fn was_turned_away(&self) -> bool {
        matches!(self.status, 300..=499) && !matches!(self.status, 408 | 409 | 499)
    }

    /// The one verdict there is: a parsed top-level `"error": "invalid_grant"`.
    fn ends_the_login(&self) -> bool {
        let error = matches!(self.status, 400..=499).then(|| self.value()).flatten();
        error.is_some_and(|body| body.get("error").and_then(Value::as_str) == Some("invalid_grant"))
    }

    /// The scopes that a `permission_error` names (`docs/claude-code.md` §F4).
    fn missing_scope(&self) -> Option<String> {
        let body = self.value()?;
        let error = body.get("error")?;
        if error.get("type")?.as_str()? != "permission_error" {
            return None;
        }
        let (_, named) = error.get("message")?.as_str()?.split_once("scope")?;
        let scopes: Vec<&str> = named.split(|c: char| !is_scope_char(c)).filter(|word| is_scope(word)).collect();
        (!scopes.is_empty()).then(|| scopes.join(" or "))
    }

    fn is_html(&self) -> bool {
        let declared = self.content_type.as_deref().is_some_and(|kind| kind.trim_start().starts_with("text/html"));
        let bytes = self.body.as_ref().map_or(&[][..], |bytes| bytes.as_slice());
        declared || bytes.trim_ascii_start().starts_with(b"<")
    }

    fn value(&self) -> Option<Value> {
        serde_json::from_slice(self.body.as_ref().ok()?).ok()
    }
}

/// `user:profile`, `user:sessions:claude_code`: short words with a colon between them.
fn is_scope(word: &str) -> bool {
    word.len() <= 64 && word.trim_matches(':').contains(':')
}

fn is_scope_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-')
}

/// `Retry-After` in seconds: a number or an HTTP date. Anything else counts as absent.
fn retry_after_s(header: &str, now: Timestamp) -> Option<u64> {
    let seconds = match header.trim().parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let wait_ms = http_date(header)?.since(now);
            u64::try_from(wait_ms).unwrap_or(0).div_ceil(SECOND.unsigned_abs())
        }
    };
    Some(seconds.min(RETRY_AFTER_LIMIT_S))
}

fn http_date(header: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc2822(header.trim()).ok().map(|at| Timestamp::from_ms(at.timestamp_millis()))
}

#[cfg(test)]
mod tests;
