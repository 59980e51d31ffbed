//! The pretended provider: single-use refresh tokens, immediate death of the old pair, reuse revoking the whole login
//! (`docs/claude-code.md` §D5). Owns its truth about every login; the HTTP server with the full surface is
//! `signalbox-provider-sim`.

use std::collections::HashMap;

use crate::credential::{AccessToken, Fingerprint, Live, RefreshToken, Renewed};
use crate::document::Document;
use crate::identity::{Account, Identity};
use crate::ports::{Provider, ProviderError, RefreshError, Renewal};
use crate::time::{DAY, HOUR, Timestamp};
use crate::usage::{Usage, Window, WindowKind};

use super::World;

/// How long an access token lives.
const ACCESS_MS: i64 = 8 * HOUR;

/// The server's truth.
#[derive(Default)]
pub struct Server {
    logins: Vec<Login>,
    /// Every refresh token ever given out, and whose it is.
    refresh_tokens: HashMap<String, usize>,
    /// Answers every question with this, if set.
    pub down: Option<ProviderError>,
    /// Answers every question for usage with this, if set.
    pub usage_down: Option<ProviderError>,
    /// Lets so many questions for usage through in an hour, for each identity. Without one nobody counts.
    pub usage_budget: Option<usize>,
    /// When each identity's usage was asked for while there was a budget, oldest first, whatever the answer was.
    pub usage_asked: HashMap<Identity, Vec<Timestamp>>,
    /// How many questions were beyond the budget.
    pub throttled: usize,
    /// What there is to tell of an identity's usage. Without it each account has one number of its own.
    pub tells: Option<fn(&Identity, Timestamp) -> Usage>,
    /// Refuses this account's access tokens, fresh ones too.
    pub refuse_access_of: Option<String>,
    /// The edge refuses every direct refresh; Claude Code's own still pass.
    pub edge_refuses: bool,
    /// A child of the delegated engine is left to itself before it ends.
    pub slow_children: bool,
    /// Rotates, but the answer to a refresh is lost on the way.
    pub lose_answers: bool,
    /// How often a setup-token was asked about that it may not tell.
    pub asked_of_tokens: usize,
    /// How many refreshes succeeded.
    pub refreshes: usize,
    /// How many times a spent token was presented, each of which cost a login.
    pub reuses: usize,
}

/// The newest pair of a login, as the server knows it.
pub struct Pair<'a> {
    /// The number of the sign-in.
    pub id: usize,
    /// How often it was renewed.
    pub turn: u32,
    pub identity: &'a Identity,
    pub access: &'a str,
    pub refresh: &'a str,
    pub alive: bool,
}

struct Login {
    account: Account,
    access: String,
    refresh: String,
    expires_at: Timestamp,
    deadline: Timestamp,
    alive: bool,
    /// A setup-token: a year, no refresh token, and neither identity nor usage may be asked for.
    setup_token: bool,
    /// A spent token was presented, and ended it.
    reused: bool,
    turn: u32,
}

impl Server {
    /// Someone signs in; the text is what Claude Code would store, with an unknown member of its own.
    pub fn sign_in(&mut self, account: &str, organization: &str, now: Timestamp) -> String {
        let id = self.logins.len();
        let identity = Identity::new(account, organization).expect("two names");
        let login = Login {
            account: Account {
                identity,
                email: format!("{account}@example.org"),
                plan: Some("Max 5×".to_owned()),
                organization_name: None,
            },
            access: format!("sk-ant-oat01-fake-{id}-0"),
            refresh: format!("sk-ant-ort01-fake-{id}-0"),
            expires_at: now.plus(ACCESS_MS),
            // Each sign-in has its own, to the millisecond, even in a world whose clock stands still.
            deadline: now.plus(30 * DAY + i64::try_from(id).expect("a few logins")),
            alive: true,
            setup_token: false,
            reused: false,
            turn: 0,
        };
        self.refresh_tokens.insert(login.refresh.clone(), id);
        let text = serde_json::json!({
            "accessToken": login.access, "refreshToken": login.refresh, "expiresAt": login.expires_at.ms(),
            "refreshTokenExpiresAt": login.deadline.ms(), "scopes": ["user:inference", "user:profile"],
            "subscriptionType": "max", "memberOfTheFuture": {"kept": [1, 2, id]},
        });
        self.logins.push(login);
        text.to_string()
    }

    /// Someone makes a setup-token, which is printed and stored nowhere (`docs/claude-code.md` §D8).
    pub fn setup_token(&mut self, account: &str, now: Timestamp) -> String {
        self.sign_in(account, &format!("org-{account}"), now);
        let login = self.logins.last_mut().expect("just made");
        self.refresh_tokens.remove(&login.refresh);
        let ends = now.plus(crate::setup_token::LIFE_MS);
        (login.setup_token, login.expires_at, login.deadline) = (true, ends, ends);
        login.refresh.clear();
        login.access.clone()
    }

    /// Whether these tokens are a setup-token's.
    pub fn is_setup_token(&self, access: &str) -> bool {
        self.logins.iter().any(|login| login.setup_token && login.access == access)
    }

    /// Whether this refresh token is the newest of a login that lives.
    pub fn is_alive(&self, refresh: &str) -> bool {
        self.refresh_tokens.get(refresh).is_some_and(|id| self.logins[*id].alive && self.logins[*id].refresh == refresh)
    }

    /// Logins of this account that live.
    pub fn living(&self, account: &str) -> usize {
        self.logins.iter().filter(|login| login.alive && login.account.identity.account() == account).count()
    }

    /// The fingerprints of this account's living logins, as they would be saved.
    pub fn living_fingerprints(&self, account: &str) -> Vec<Fingerprint> {
        let living = |login: &&Login| login.alive && login.account.identity.account() == account;
        self.logins.iter().filter(living).map(|login| fingerprint(&login.access, &login.refresh)).collect()
    }

    /// Every login there ever was, in the order of the sign-ins: its newest pair, and whether the server still honours it.
    pub fn pairs(&self, now: Timestamp) -> impl Iterator<Item = Pair<'_>> {
        self.logins.iter().enumerate().map(move |(id, login)| Pair {
            id,
            turn: login.turn,
            identity: &login.account.identity,
            access: &login.access,
            refresh: &login.refresh,
            alive: login.alive && login.deadline > now,
        })
    }

    /// Forgets the refresh tokens that were spent long ago or ended with their login, and whose reuse nobody looks for any more.
    pub(super) fn forget_spent(&mut self, now: Timestamp) {
        const TURNS: u32 = 16;
        let logins = &self.logins;
        self.refresh_tokens.retain(|token, id| {
            let turn = token.rsplit('-').next().and_then(|turn| turn.parse::<u32>().ok());
            let login = &logins[*id];
            login.alive && login.deadline > now && turn.is_none_or(|turn| turn + TURNS > login.turn)
        });
    }

    /// Ends the one login to which this refresh token belongs, as Claude Code's sign-out asks for.
    pub fn sign_out(&mut self, refresh: &str) {
        if let Some(id) = self.refresh_tokens.get(refresh) {
            self.logins[*id].alive = false;
        }
    }

    /// Whether a spent token ended this login.
    pub fn was_reused(&self, id: usize) -> bool {
        self.logins[id].reused
    }

    /// Whose tokens these are, dead or alive.
    pub fn owner(&self, access: &str) -> Option<&Identity> {
        let id: usize = access.strip_prefix("sk-ant-oat01-fake-")?.split('-').next()?.parse().ok()?;
        self.logins.get(id).map(|login| &login.account.identity)
    }

    /// Ends every login of an account, as `/logout` does.
    pub fn revoke(&mut self, account: &str) {
        for login in self.logins.iter_mut().filter(|login| login.account.identity.account() == account) {
            login.alive = false;
        }
    }

    /// From now on the server says that this account's logins are another's.
    pub fn hand_over(&mut self, account: &str, to: &Identity) {
        for login in self.logins.iter_mut().filter(|login| login.account.identity.account() == account) {
            login.account.identity = to.clone();
        }
    }

    /// Lets every access token lapse.
    pub fn expire_access(&mut self, now: Timestamp) {
        for login in self.logins.iter_mut().filter(|login| !login.setup_token) {
            login.expires_at = now;
        }
    }

    /// Spends a refresh token: the new pair and its expiry, or `None` for `invalid_grant`.
    pub fn rotate(&mut self, refresh: &str, now: Timestamp) -> Option<(String, String, Timestamp)> {
        let id = *self.refresh_tokens.get(refresh)?;
        let login = &mut self.logins[id];
        if !login.alive || login.deadline <= now {
            return None;
        }
        if login.refresh != refresh {
            login.alive = false;
            login.reused = true;
            self.reuses += 1;
            return None;
        }
        login.turn += 1;
        login.access = format!("sk-ant-oat01-fake-{id}-{}", login.turn);
        login.refresh = format!("sk-ant-ort01-fake-{id}-{}", login.turn);
        login.expires_at = now.plus(ACCESS_MS);
        self.refreshes += 1;
        self.refresh_tokens.insert(login.refresh.clone(), id);
        Some((login.access.clone(), login.refresh.clone(), login.expires_at))
    }

    /// Counts a question for usage, and refuses it where the budget of the hour is used up (`docs/claude-code.md` §F5).
    fn count(&mut self, access: &str, now: Timestamp) -> Result<(), ProviderError> {
        let (Some(budget), Some(identity)) = (self.usage_budget, self.owner(access).cloned()) else { return Ok(()) };
        let asked = self.usage_asked.entry(identity).or_default();
        let lately = asked.iter().rev().take_while(|at| now.since(**at) < HOUR).count();
        asked.push(now);
        if lately < budget {
            return Ok(());
        }
        self.throttled += 1;
        Err(ProviderError::Throttled { retry_after_s: Some(3600) })
    }

    fn authenticate(&self, access: &str, now: Timestamp) -> Result<&Login, ProviderError> {
        if let Some(down) = &self.down {
            return Err(down.clone());
        }
        self.logins
            .iter()
            .find(|login| login.alive && login.access == access && login.expires_at > now)
            .filter(|login| self.refuse_access_of.as_deref() != Some(login.account.identity.account()))
            .ok_or(ProviderError::Unauthorized)
    }

    /// As [`Server::authenticate`], for what a setup-token may not ask.
    fn authorize(&mut self, access: &str, now: Timestamp) -> Result<&Login, ProviderError> {
        if self.authenticate(access, now)?.setup_token {
            self.asked_of_tokens += 1;
            return Err(ProviderError::MissingScope { scope: "user:profile".to_owned() });
        }
        self.authenticate(access, now)
    }
}

fn fingerprint(access: &str, refresh: &str) -> Fingerprint {
    let text = serde_json::json!({"claudeAiOauth": {"accessToken": access, "refreshToken": refresh}}).to_string();
    let document = Document::from_text(text).expect("an object");
    let Ok(Live::Login(login)) = Live::parse(&document) else { unreachable!("a login was just written") };
    login.fingerprint()
}

impl Provider for World {
    fn identify(&self, token: &AccessToken) -> Result<Account, ProviderError> {
        self.step(
            "provider.identify",
            || ProviderError::Unreachable,
            |state, _| state.server.authorize(token.expose(), state.now).map(|login| login.account.clone()),
        )
    }

    fn refresh(&self, token: RefreshToken, _scopes: &[String]) -> Result<Renewal, RefreshError> {
        let unreachable = || RefreshError::Unknown { cause: ProviderError::Unreachable };
        self.step("provider.refresh", unreachable, |state, _| {
            if let Some(cause) = state.server.down.clone() {
                return Err(RefreshError::Unknown { cause });
            }
            if state.server.edge_refuses {
                return Err(RefreshError::NotSpent { cause: ProviderError::Refused { status: 403 }, token });
            }
            let now = state.now;
            let rotated = state.server.rotate(token.expose(), now);
            if state.server.lose_answers {
                return Err(RefreshError::Unknown { cause: ProviderError::TimedOut });
            }
            let (access, refresh, expires_at) = rotated.ok_or(RefreshError::Dead)?;
            let renewed = Renewed {
                access: AccessToken::new(access),
                refresh: Some(RefreshToken::new(refresh)),
                expires_at,
                scopes: None,
                account_uuid: None,
            };
            Ok(Renewal { renewed, kept: None })
        })
    }

    fn time(&self) -> Result<Timestamp, ProviderError> {
        self.step(
            "provider.time",
            || ProviderError::Unreachable,
            |state, _| match state.server.down.clone() {
                Some(down) => Err(down),
                None => Ok(state.now),
            },
        )
    }

    fn usage(&self, token: &AccessToken) -> Result<Usage, ProviderError> {
        self.step(
            "provider.usage",
            || ProviderError::Unreachable,
            |state, _| {
                state.server.count(token.expose(), state.now)?;
                if let Some(cause) = &state.server.usage_down {
                    return Err(cause.clone());
                }
                let now = state.now;
                let identity = state.server.authorize(token.expose(), now)?.account.identity.clone();
                if let Some(tells) = state.server.tells {
                    return Ok(tells(&identity, now));
                }
                // Each account has a number of its own, so that a reading on the wrong card shows.
                let percent = identity.account().bytes().map(f64::from).sum::<f64>() % 100.0;
                let resets_at = Some(now.plus(HOUR));
                Ok(Usage { windows: vec![Window { kind: WindowKind::FiveHour, percent, resets_at }], spend: None })
            },
        )
    }
}
