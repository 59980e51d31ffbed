//! Logins and the grant rules: what a token is worth, what a refresh does to the old pair, what reuse costs.
//! Pure: the time and the randomness are handed in, and nothing here knows HTTP. The rules and their sources are listed
//! in the crate documentation.

use crate::account::Identity;
use crate::random::Random;
use crate::tokens::{AccessRefusal, GrantRefusal, LoginId, LoginReport, LoginState, RevokedWhy, Seat, Terms, Tokens};
use std::collections::HashMap;

struct Login {
    id: LoginId,
    seat: Seat,
    scopes: Vec<String>,
    deadline_ms: Option<i64>,
    access: String,
    access_scopes: Vec<String>,
    access_expires_ms: i64,
    access_withdrawn: bool,
    refresh: Option<String>,
    refreshes: u64,
    revoked: Option<RevokedWhy>,
}

/// Every login ever made, with every token it ever had: a spent token must still be recognised.
#[derive(Default)]
pub struct Ledger {
    logins: Vec<Login>,
    by_access: HashMap<String, LoginId>,
    by_refresh: HashMap<String, LoginId>,
}

/// What a valid access token stands for.
#[derive(Debug, Clone, Copy)]
pub struct Bearer<'a> {
    /// The login it belongs to.
    pub login: LoginId,
    /// Whose it is.
    pub seat: &'a Seat,
    /// What it may do.
    pub scopes: &'a [String],
}

impl Ledger {
    /// Makes a login: a fresh pair, and a deadline that no refresh will ever move (§D4).
    pub fn open(&mut self, seat: Seat, scopes: &[String], now_ms: i64, terms: &Terms, random: &mut Random) -> Tokens {
        let deadline = now_ms + terms.login_life_ms;
        let refresh = random.token("ort01", &seat.account);
        self.add(seat, scopes, now_ms + terms.access_life_ms, Some((refresh, deadline)), random)
    }

    /// Makes a setup-token login: one year, no refresh token, no deadline besides its own expiry (§D8).
    pub fn open_setup_token(
        &mut self,
        seat: Seat,
        scopes: &[String],
        now_ms: i64,
        terms: &Terms,
        random: &mut Random,
    ) -> Tokens {
        self.add(seat, scopes, now_ms + terms.setup_token_life_ms, None, random)
    }

    fn add(
        &mut self,
        seat: Seat,
        scopes: &[String],
        access_expires_ms: i64,
        refresh: Option<(String, i64)>,
        random: &mut Random,
    ) -> Tokens {
        let id = LoginId(u32::try_from(self.logins.len()).unwrap_or(u32::MAX));
        let access = random.token("oat01", &seat.account);
        let (refresh, deadline_ms) = refresh.unzip();
        self.by_access.insert(access.clone(), id);
        if let Some(token) = &refresh {
            self.by_refresh.insert(token.clone(), id);
        }
        self.logins.push(Login {
            id,
            seat,
            scopes: scopes.to_vec(),
            deadline_ms,
            access,
            access_scopes: scopes.to_vec(),
            access_expires_ms,
            access_withdrawn: false,
            refresh,
            refreshes: 0,
            revoked: None,
        });
        self.logins[id.index()].tokens()
    }

    /// Spends a refresh token.
    ///
    /// A success kills the old pair at once. A token that was spent before revokes the whole login (§D5).
    /// With `terms.omit_refresh_token` only the access token changes, and the answer names no refresh token.
    ///
    /// # Errors
    /// [`GrantRefusal::InvalidGrant`] for an unknown, spent, revoked or too old token;
    /// [`GrantRefusal::InvalidScope`] when none of the scopes asked for were granted.
    pub fn refresh(
        &mut self,
        presented: &str,
        scope: Option<&str>,
        now_ms: i64,
        terms: &Terms,
        random: &mut Random,
    ) -> Result<Tokens, GrantRefusal> {
        let id = *self.by_refresh.get(presented).ok_or(GrantRefusal::InvalidGrant)?;
        let login = &mut self.logins[id.index()];
        if login.state(now_ms) != LoginState::Alive {
            return Err(GrantRefusal::InvalidGrant);
        }
        if login.refresh.as_deref() != Some(presented) {
            login.revoked = Some(RevokedWhy::Reuse);
            return Err(GrantRefusal::InvalidGrant);
        }
        let scopes = login.narrowed(scope)?;
        login.access = random.token("oat01", &login.seat.account);
        login.access_scopes = scopes;
        login.access_expires_ms = now_ms + terms.access_life_ms;
        login.access_withdrawn = false;
        login.refreshes += 1;
        self.by_access.insert(login.access.clone(), id);
        let mut answer = login.tokens();
        if terms.omit_refresh_token {
            answer.refresh_token = None;
        } else {
            let token = random.token("ort01", &login.seat.account);
            self.by_refresh.insert(token.clone(), id);
            login.refresh = Some(token.clone());
            answer.refresh_token = Some(token);
        }
        Ok(answer)
    }

    /// Ends the login that `token` (any token it ever had) belongs to, as `/logout` does (§D5). Says which one it was.
    pub fn revoke_by_token(&mut self, token: &str) -> Option<LoginId> {
        let id = self.owner(token)?;
        self.revoke(id, RevokedWhy::Logout);
        Some(id)
    }

    /// Ends a login. A reason already given stays.
    pub fn revoke(&mut self, id: LoginId, why: RevokedWhy) -> bool {
        let Some(login) = self.logins.get_mut(id.index()) else {
            return false;
        };
        login.revoked.get_or_insert(why);
        true
    }

    /// Withdraws only the newest access token: it is refused before its expiry, the refresh token still works (§D4).
    pub fn withdraw_access(&mut self, id: LoginId) -> bool {
        let Some(login) = self.logins.get_mut(id.index()) else {
            return false;
        };
        login.access_withdrawn = true;
        true
    }

    /// Judges an access token.
    ///
    /// # Errors
    /// Says why it is refused: unknown, revoked (rotated away, or its login is) or expired.
    pub fn authenticate(&self, access: &str, now_ms: i64) -> Result<Bearer<'_>, AccessRefusal> {
        let id = *self.by_access.get(access).ok_or(AccessRefusal::Unknown)?;
        let login = &self.logins[id.index()];
        if login.revoked.is_some() || login.access != access || login.access_withdrawn {
            return Err(AccessRefusal::Revoked);
        }
        if now_ms >= login.access_expires_ms {
            return Err(AccessRefusal::Expired);
        }
        Ok(Bearer { login: id, seat: &login.seat, scopes: &login.access_scopes })
    }

    /// Whether this refresh token could be spent successfully now.
    #[must_use]
    pub fn is_alive(&self, refresh: &str, now_ms: i64) -> bool {
        self.by_refresh.get(refresh).is_some_and(|id| {
            let login = &self.logins[id.index()];
            login.refresh.as_deref() == Some(refresh) && login.state(now_ms) == LoginState::Alive
        })
    }

    /// The newest pair of a login, dead or alive.
    #[must_use]
    pub fn newest(&self, id: LoginId) -> Option<Tokens> {
        self.logins.get(id.index()).map(Login::tokens)
    }

    /// The login a token belongs or belonged to.
    #[must_use]
    pub fn owner(&self, token: &str) -> Option<LoginId> {
        self.by_refresh.get(token).or_else(|| self.by_access.get(token)).copied()
    }

    /// The account key a login belongs to.
    #[must_use]
    pub fn account_of(&self, id: LoginId) -> Option<&str> {
        self.logins.get(id.index()).map(|login| login.seat.account.as_str())
    }

    /// What became of a login.
    #[must_use]
    pub fn state(&self, id: LoginId, now_ms: i64) -> Option<LoginState> {
        self.logins.get(id.index()).map(|login| login.state(now_ms))
    }

    /// How often a login was refreshed.
    #[must_use]
    pub fn refreshes(&self, id: LoginId) -> u64 {
        self.logins.get(id.index()).map_or(0, |login| login.refreshes)
    }

    /// One login without its tokens.
    #[must_use]
    pub fn report(&self, id: LoginId, now_ms: i64) -> Option<LoginReport> {
        self.logins.get(id.index()).map(|login| login.report(now_ms))
    }

    /// Every login without its tokens, oldest first.
    #[must_use]
    pub fn reports(&self, now_ms: i64) -> Vec<LoginReport> {
        self.logins.iter().map(|login| login.report(now_ms)).collect()
    }
}

impl Login {
    fn state(&self, now_ms: i64) -> LoginState {
        let end = self.deadline_ms.unwrap_or(self.access_expires_ms);
        match self.revoked {
            Some(why) => LoginState::Revoked { why },
            None if now_ms >= end => LoginState::Expired,
            None => LoginState::Alive,
        }
    }

    /// The granted scopes among those asked for. The client asks for scopes that were never granted
    /// (`docs/observed.md` §1), so a surplus is not an error here.
    fn narrowed(&self, scope: Option<&str>) -> Result<Vec<String>, GrantRefusal> {
        let Some(asked) = scope.filter(|text| !text.trim().is_empty()) else {
            return Ok(self.scopes.clone());
        };
        let asked: Vec<&str> = asked.split_whitespace().collect();
        let given: Vec<String> = self.scopes.iter().filter(|s| asked.contains(&s.as_str())).cloned().collect();
        if given.is_empty() { Err(GrantRefusal::InvalidScope) } else { Ok(given) }
    }

    fn tokens(&self) -> Tokens {
        Tokens {
            login: self.id,
            seat: self.seat.clone(),
            access_token: self.access.clone(),
            refresh_token: self.refresh.clone(),
            expires_at_ms: self.access_expires_ms,
            refresh_expires_at_ms: self.deadline_ms,
            scopes: self.access_scopes.clone(),
        }
    }

    fn report(&self, now_ms: i64) -> LoginReport {
        LoginReport {
            login: self.id,
            account: self.seat.account.clone(),
            identity: Identity::clone(&self.seat.identity),
            state: self.state(now_ms),
            refreshes: self.refreshes,
            expires_at_ms: self.access_expires_ms,
            refresh_expires_at_ms: self.deadline_ms,
            scopes: self.scopes.clone(),
            access_fingerprint: crate::random::fingerprint(&self.access),
            refresh_fingerprint: self.refresh.as_deref().map(crate::random::fingerprint),
        }
    }
}
