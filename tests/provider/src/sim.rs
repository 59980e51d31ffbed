//! The handle on a simulated server: what a test says and asks without HTTP. Every method takes the one lock, does one
//! thing and returns; a model test can drive it for hundreds of thousands of steps without a runtime.

use crate::account::{Account, Identity};
use crate::call::{Call, Reply};
use crate::fault::{Endpoint, Fault, FaultKind, Struck};
use crate::log::Logged;
use crate::random::fingerprint;
use crate::seed::SignIn;
use crate::state::{SimOptions, State, UnknownIdentity};
use crate::tokens::{AccessRefusal, GrantRefusal, LoginId, LoginReport, LoginState, RevokedWhy, Tokens};
use crate::usage::{Burn, Usage};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A simulated provider. Clones share one state. Its `Debug` shows nothing, because the state holds tokens.
#[derive(Clone)]
pub struct Sim {
    state: Arc<Mutex<State>>,
}

impl Default for Sim {
    fn default() -> Self {
        Self::new(SimOptions::default())
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").finish_non_exhaustive()
    }
}

/// A request that has been logged and knows what fault it meets.
#[derive(Debug)]
pub struct Arrival {
    pub(crate) seq: u64,
    pub(crate) struck: Struck,
}

impl Sim {
    /// A server without accounts.
    #[must_use]
    pub fn new(options: SimOptions) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(options))) }
    }

    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        // A panic in another test thread must not turn into a second, misleading one here.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    // Accounts and logins.

    /// Adds a person, or replaces the one with the same key. Returns it with everything filled in.
    pub fn add_account(&self, account: Account) -> Account {
        let account = account.completed();
        self.with(|s| s.accounts.insert(account.key.clone(), account.clone()));
        account
    }

    /// The person with this key.
    #[must_use]
    pub fn account(&self, key: &str) -> Option<Account> {
        self.with(|s| s.accounts.get(key).cloned())
    }

    /// Every person, by key.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        self.with(|s| s.accounts.values().cloned().collect())
    }

    /// Signs `account` in for an organisation (uuid or name; `None`: the first one) with the full scopes.
    ///
    /// # Errors
    /// [`UnknownIdentity`] when there is no such account or organisation.
    pub fn login(&self, account: &str, organization: Option<&str>) -> Result<Tokens, UnknownIdentity> {
        self.sign_in(&SignIn::new(account, organization))
    }

    /// Issues a setup-token: one year, `user:inference` only, no refresh token.
    ///
    /// # Errors
    /// [`UnknownIdentity`] when there is no such account or organisation.
    pub fn setup_token(&self, account: &str, organization: Option<&str>) -> Result<Tokens, UnknownIdentity> {
        self.sign_in(&SignIn { setup_token: true, ..SignIn::new(account, organization) })
    }

    /// Makes a login in every detail: scopes, age, kind.
    ///
    /// # Errors
    /// [`UnknownIdentity`] when there is no such account or organisation.
    pub fn sign_in(&self, wish: &SignIn) -> Result<Tokens, UnknownIdentity> {
        self.with(|s| {
            let seat = s.seat(&wish.account, wish.organization.as_deref())?;
            let terms = wish.terms(&s.options.terms);
            let (now_ms, scopes) = (s.options.clock.now_ms(), wish.scopes());
            Ok(if wish.setup_token {
                s.ledger.open_setup_token(seat, &scopes, now_ms, &terms, &mut s.random)
            } else {
                s.ledger.open(seat, &scopes, now_ms, &terms, &mut s.random)
            })
        })
    }

    // What a client does, without HTTP.

    /// Spends a refresh token, by the rules of the token endpoint.
    ///
    /// # Errors
    /// As the endpoint refuses: [`GrantRefusal::InvalidGrant`].
    pub fn refresh(&self, refresh_token: &str) -> Result<Tokens, GrantRefusal> {
        self.with(|s| {
            let now_ms = s.options.clock.now_ms();
            s.ledger.refresh(refresh_token, None, now_ms, &s.options.terms, &mut s.random)
        })
    }

    /// Who an access token speaks for, by the rules of the profile endpoint.
    ///
    /// # Errors
    /// As the endpoint refuses.
    pub fn whoami(&self, access_token: &str) -> Result<Identity, AccessRefusal> {
        self.with(|s| s.whoami(access_token))
    }

    /// Ends the login a token belongs to, as `/logout` does. Says which one it was.
    pub fn log_out(&self, token: &str) -> Option<LoginId> {
        self.with(|s| s.ledger.revoke_by_token(token))
    }

    /// Answers a whole request, as it would be answered over HTTP, without faults and without a log entry.
    #[must_use]
    pub fn call(&self, call: &Call) -> Reply {
        self.with(|s| s.serve(call, None))
    }

    // The server's truth.

    /// Whether this refresh token could be spent successfully now.
    #[must_use]
    pub fn is_alive(&self, refresh_token: &str) -> bool {
        self.with(|s| s.ledger.is_alive(refresh_token, s.options.clock.now_ms()))
    }

    /// Whether this access token is accepted now.
    #[must_use]
    pub fn access_is_alive(&self, access_token: &str) -> bool {
        self.with(|s| s.ledger.authenticate(access_token, s.options.clock.now_ms()).is_ok())
    }

    /// The newest pair of a login, dead or alive.
    #[must_use]
    pub fn newest(&self, login: LoginId) -> Option<Tokens> {
        self.with(|s| s.ledger.newest(login))
    }

    /// The login that a token (any it ever had) belongs to.
    #[must_use]
    pub fn owner(&self, token: &str) -> Option<LoginId> {
        self.with(|s| s.ledger.owner(token))
    }

    /// One login without its tokens.
    #[must_use]
    pub fn report(&self, login: LoginId) -> Option<LoginReport> {
        self.with(|s| s.ledger.report(login, s.options.clock.now_ms()))
    }

    /// Every login without its tokens, oldest first.
    #[must_use]
    pub fn reports(&self) -> Vec<LoginReport> {
        self.with(|s| s.ledger.reports(s.options.clock.now_ms()))
    }

    /// What became of a login.
    #[must_use]
    pub fn state(&self, login: LoginId) -> Option<LoginState> {
        self.with(|s| s.ledger.state(login, s.options.clock.now_ms()))
    }

    /// How often a login was refreshed.
    #[must_use]
    pub fn refreshes(&self, login: LoginId) -> u64 {
        self.with(|s| s.ledger.refreshes(login))
    }

    /// Ends a login by decree. `false`: there is none.
    pub fn end_login(&self, login: LoginId) -> bool {
        self.with(|s| s.ledger.revoke(login, RevokedWhy::Admin))
    }

    /// Withdraws the newest access token only: it is refused before its expiry, a refresh still works.
    pub fn withdraw_access(&self, login: LoginId) -> bool {
        self.with(|s| s.ledger.withdraw_access(login))
    }

    // Usage.

    /// Sets the usage of an identity.
    ///
    /// # Errors
    /// [`UnknownIdentity`] when there is no such account or organisation.
    pub fn set_usage(&self, account: &str, organization: Option<&str>, usage: Usage) -> Result<(), UnknownIdentity> {
        self.with(|s| {
            let (identity, now_ms) = (s.seat(account, organization)?.identity, s.now_ms());
            s.usage.insert(identity, usage.anchored(now_ms));
            Ok(())
        })
    }

    /// The usage of an identity now.
    ///
    /// # Errors
    /// [`UnknownIdentity`] when there is no such account or organisation.
    pub fn usage(&self, account: &str, organization: Option<&str>) -> Result<Usage, UnknownIdentity> {
        self.with(|s| {
            let identity = s.seat(account, organization)?.identity;
            Ok(s.rolled_usage(&identity).clone())
        })
    }

    /// Uses up that much, as a request to `model` would.
    ///
    /// # Errors
    /// [`UnknownIdentity`] when there is no such account or organisation.
    pub fn burn(
        &self,
        account: &str,
        organization: Option<&str>,
        model: &str,
        burn: Burn,
    ) -> Result<(), UnknownIdentity> {
        self.with(|s| {
            let (identity, now_ms) = (s.seat(account, organization)?.identity, s.now_ms());
            s.rolled_usage(&identity).burn(model, burn, now_ms);
            Ok(())
        })
    }

    // Time, faults, options.

    /// The scripted time, epoch milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.with(|s| s.now_ms())
    }

    /// Moves the clock forward.
    pub fn advance_ms(&self, by_ms: i64) {
        self.with(|s| s.options.clock.advance(by_ms));
    }

    /// Adds a fault behind those already waiting.
    pub fn fault(&self, fault: Fault) {
        self.with(|s| s.faults.add(fault));
    }

    /// Forgets every fault.
    pub fn clear_faults(&self) {
        self.with(|s| s.faults.clear());
    }

    /// Changes the options from now on (the seed has no effect any more).
    pub fn reconfigure(&self, change: impl FnOnce(&mut SimOptions)) {
        self.with(|s| change(&mut s.options));
    }

    // The request log.

    /// The HTTP requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Logged> {
        self.with(|s| s.log.all())
    }

    /// How many HTTP requests went to an endpoint.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.with(|s| s.log.count(endpoint))
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.with(|s| s.log.clear());
    }

    // The steps of one HTTP request, for `routes.rs`.

    pub(crate) fn arrive(&self, call: &Call) -> Arrival {
        self.with(|s| {
            let endpoint = s.endpoint(call);
            let struck = s.faults.strike(endpoint, call.user_agent.as_deref());
            let body = matches!(endpoint, Endpoint::Token | Endpoint::Exchange | Endpoint::Revoke)
                .then(|| call.json())
                .flatten();
            let member = |name: &str| body.as_ref().and_then(|b| b[name].as_str()).map(str::to_owned);
            let refresh = member("refresh_token").or_else(|| member("token"));
            let login = call.bearer.as_deref().or(refresh.as_deref()).and_then(|token| s.ledger.owner(token));
            let seq = s.log.push(Logged {
                seq: 0,
                at_ms: s.options.clock.now_ms(),
                method: call.method.clone(),
                path: call.path.clone(),
                endpoint,
                user_agent: call.user_agent.clone(),
                status: None,
                delivered: false,
                account: login
                    .and_then(|id| s.ledger.account_of(id).map(str::to_owned))
                    .or_else(|| s.account_behind(call, body.as_ref())),
                login,
                access_fingerprint: call.bearer.as_deref().map(fingerprint),
                refresh_fingerprint: refresh.as_deref().map(fingerprint),
                grant_type: member("grant_type"),
                scope: member("scope"),
                faults: [&struck.delay, &struck.fault].into_iter().flatten().map(FaultKind::name).collect(),
            });
            Arrival { seq, struck }
        })
    }

    pub(crate) fn serve(&self, arrival: &Arrival, call: &Call) -> Reply {
        self.with(|s| {
            let reply = s.serve(call, arrival.struck.fault.as_ref());
            if let Some(entry) = s.log.entry(arrival.seq) {
                entry.status = Some(reply.status);
            }
            reply
        })
    }

    pub(crate) fn delivered(&self, arrival: &Arrival) {
        self.with(|s| {
            if let Some(entry) = s.log.entry(arrival.seq) {
                entry.delivered = true;
            }
        });
    }
}
