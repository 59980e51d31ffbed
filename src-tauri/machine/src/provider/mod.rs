//! The provider over HTTP. Owns the three requests (`docs/claude-code.md` §D3, §F1 and §G): where they go, which headers
//! they carry and how long we wait. Each call sends exactly one request. Leaves sending to `network`, what an answer
//! means to `answer`, and when to ask, wait or try again to `signalbox-core`.

mod answer;
mod network;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder};
use serde::Serialize;
use signalbox_core::credential::{AccessToken, RefreshToken};
use signalbox_core::identity::Account;
use signalbox_core::ports::{Clock as _, Provider, ProviderError, RefreshError, Renewal};
use signalbox_core::time::Timestamp;
use signalbox_core::usage::Usage;
use zeroize::Zeroizing;

use self::answer::{Answer, Silence};
use self::network::Network;
use crate::clock::SystemClock;
use crate::settings::Endpoints;

/// We say who we are; impersonating the official client is no option (`docs/claude-code.md` §D7).
const USER_AGENT: &str =
    concat!("signalbox/", env!("CARGO_PKG_VERSION"), " (+https://github.com/signalbox-app/signalbox)");
/// Claude Code's public OAuth client, to which the refresh tokens were issued (`docs/claude-code.md` §D1).
const CLIENT_ID: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
/// Without it, `/api/oauth/usage` refuses an OAuth token (`docs/claude-code.md` §F).
const OAUTH_BETA: (&str, &str) = ("anthropic-beta", "oauth-2025-04-20");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// A refresh whose answer is lost is a lost login, so we wait as long as anybody could.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until the connection stands, TLS included. After that nobody can say that nothing was sent.
    pub connect: Duration,
    /// Identify and usage, from the first packet to the last byte of the answer.
    pub read: Duration,
    /// Refresh, likewise.
    pub refresh: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: CONNECT_TIMEOUT, read: READ_TIMEOUT, refresh: REFRESH_TIMEOUT }
    }
}

/// The real provider. Making one costs nothing: the network starts at the first request.
pub struct HttpProvider {
    endpoints: Endpoints,
    client_id: String,
    timeouts: Timeouts,
    network: Mutex<Option<Arc<Network>>>,
}

#[derive(Serialize)]
struct RefreshWire<'a> {
    grant_type: &'a str,
    refresh_token: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl HttpProvider {
    pub fn new(endpoints: Endpoints) -> Self {
        Self { endpoints, client_id: CLIENT_ID.to_owned(), timeouts: Timeouts::default(), network: Mutex::new(None) }
    }

    /// Replaces the OAuth client id (`CLAUDE_CODE_OAUTH_CLIENT_ID`, `docs/claude-code.md` §D1).
    #[must_use]
    pub fn with_client_id(mut self, client_id: String) -> Self {
        self.client_id = client_id;
        self
    }

    /// Replaces the timeouts.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The network, started at the first call. A start that failed is tried again at the next call.
    fn network(&self) -> Result<Arc<Network>, Silence> {
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = &*network {
            return Ok(Arc::clone(network));
        }
        let rig = [&self.endpoints.api, &self.endpoints.token].iter().any(|base| is_loopback(base));
        let started = Arc::new(Network::start(self.timeouts.connect, rig).ok_or(Silence::NotSent)?);
        *network = Some(Arc::clone(&started));
        Ok(started)
    }

    /// Sends one request and waits for its end. The network's lock is not held meanwhile: a slow answer holds up nobody
    /// but its own caller.
    fn send(&self, name: &'static str, request: impl FnOnce(&Client) -> RequestBuilder) -> Result<Answer, Silence> {
        let network = self.network()?;
        let request = request(network.client()).header(ACCEPT, JSON).header(CONTENT_TYPE, JSON);
        network.exchange(name, request)
    }
}

impl Provider for HttpProvider {
    fn identify(&self, token: &AccessToken) -> Result<Account, ProviderError> {
        let url = format!("{}/api/oauth/profile", self.endpoints.api);
        let bearer = bearer(token)?;
        let outcome =
            self.send("identify", |http| http.get(url).header(AUTHORIZATION, bearer).timeout(self.timeouts.read));
        answer::account(outcome, SystemClock.now())
    }

    fn refresh(&self, token: RefreshToken, scopes: &[String]) -> Result<Renewal, RefreshError> {
        let url = format!("{}/v1/oauth/token", self.endpoints.token);
        let wire = RefreshWire {
            grant_type: "refresh_token",
            refresh_token: token.expose(),
            client_id: &self.client_id,
            scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
        };
        let body = serde_json::to_vec(&wire).expect("an object of strings is always JSON");
        let outcome = self.send("refresh", |http| http.post(url).body(body).timeout(self.timeouts.refresh));
        answer::renewal(outcome, token, SystemClock.now())
    }

    fn time(&self) -> Result<Timestamp, ProviderError> {
        let url = format!("{}/api/oauth/profile", self.endpoints.api);
        answer::date(self.send("time", |http| http.get(url).timeout(self.timeouts.read)))
    }

    fn usage(&self, token: &AccessToken) -> Result<Usage, ProviderError> {
        let url = format!("{}/api/oauth/usage", self.endpoints.api);
        let bearer = bearer(token)?;
        let outcome = self.send("usage", |http| {
            let (beta, version) = OAUTH_BETA;
            http.get(url).header(AUTHORIZATION, bearer).header(beta, version).timeout(self.timeouts.read)
        });
        answer::usage(outcome, SystemClock.now())
    }
}

/// The header that carries the token, marked so that nothing prints it. A token that no header can carry is as good as
/// refused: the refresh that follows brings a new one.
fn bearer(token: &AccessToken) -> Result<HeaderValue, ProviderError> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text).map_err(|_| ProviderError::Unauthorized)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether a base address is a rig on this machine, which speaks plain HTTP and is never behind a proxy.
fn is_loopback(base: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(base) else { return false };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
