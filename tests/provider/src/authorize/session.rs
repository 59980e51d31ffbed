//! Browser sessions: which cookie belongs to whom. A cookie lives in one browser profile, so two profiles are two people.
//! Owns the cookies alone; the pages that hand them out are `pages.rs`, the steps between them `../authorize.rs`.

use crate::random::{Random, fingerprint};
use serde::Serialize;

/// The name of the cookie.
pub const COOKIE: &str = "sessionKey";

/// Names one session in reports.
pub type SessionNumber = u32;

/// A session as the server made it. Its `Debug` shows no cookie.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct BrowserSession {
    /// Names it in reports.
    pub number: SessionNumber,
    /// The name of the cookie.
    pub cookie: String,
    /// Its value: a secret.
    pub value: String,
}

impl std::fmt::Debug for BrowserSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = fingerprint(&self.value);
        f.debug_struct("BrowserSession").field("number", &self.number).field("value", &shown).finish_non_exhaustive()
    }
}

/// A session without its cookie, fit for a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionReport {
    /// Which session.
    pub number: SessionNumber,
    /// Who is signed in.
    pub account: String,
    /// The organisation (uuid) that was chosen; `None`: not yet.
    pub organization: Option<String>,
    /// Whether its cookie still counts.
    pub alive: bool,
    /// When it ends by itself, epoch milliseconds.
    pub until_ms: i64,
    /// Fingerprint of the cookie.
    pub fingerprint: String,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account's short name.
    pub account: String,
    /// The organisation (uuid) that was chosen.
    pub organization: Option<String>,
}

struct Session {
    value: String,
    person: Person,
    until_ms: i64,
    ended: bool,
}

impl Session {
    fn is_alive(&self, now_ms: i64) -> bool {
        !self.ended && now_ms < self.until_ms
    }
}

/// Every session ever made.
#[derive(Default)]
pub struct Sessions {
    all: Vec<Session>,
}

impl Sessions {
    /// Signs somebody in until `until_ms`.
    pub fn open(&mut self, person: Person, until_ms: i64, random: &mut Random) -> BrowserSession {
        let value = random.token("sid01", "browser");
        self.all.push(Session { value: value.clone(), person, until_ms, ended: false });
        BrowserSession { number: number(self.all.len() - 1), cookie: COOKIE.to_owned(), value }
    }

    /// Who the browser behind these cookies is signed in as.
    #[must_use]
    pub fn person(&self, cookies: Option<&str>, now_ms: i64) -> Option<&Person> {
        self.at(cookies, now_ms).map(|at| &self.all[at].person)
    }

    /// Changes who that is. `false`: nobody is signed in there.
    pub fn become_person(&mut self, cookies: Option<&str>, now_ms: i64, person: Person) -> bool {
        let Some(at) = self.at(cookies, now_ms) else { return false };
        self.all[at].person = person;
        true
    }

    /// Signs the browser behind these cookies out.
    pub fn sign_out(&mut self, cookies: Option<&str>, now_ms: i64) {
        if let Some(at) = self.at(cookies, now_ms) {
            self.all[at].ended = true;
        }
    }

    /// Ends one session. `false`: there is none with this number.
    pub fn end(&mut self, which: SessionNumber) -> bool {
        let at = usize::try_from(which).unwrap_or(usize::MAX).wrapping_sub(1);
        self.all.get_mut(at).map(|session| session.ended = true).is_some()
    }

    /// Ends every session.
    pub fn end_all(&mut self) {
        self.all.iter_mut().for_each(|session| session.ended = true);
    }

    /// Every session without its cookie, oldest first.
    #[must_use]
    pub fn reports(&self, now_ms: i64) -> Vec<SessionReport> {
        let report = |(at, session): (usize, &Session)| SessionReport {
            number: number(at),
            account: session.person.account.clone(),
            organization: session.person.organization.clone(),
            alive: session.is_alive(now_ms),
            until_ms: session.until_ms,
            fingerprint: fingerprint(&session.value),
        };
        self.all.iter().enumerate().map(report).collect()
    }

    fn at(&self, cookies: Option<&str>, now_ms: i64) -> Option<usize> {
        let value = cookies?.split([';', ',']).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
        self.all.iter().position(|session| session.value == value && session.is_alive(now_ms))
    }
}

fn number(at: usize) -> SessionNumber {
    SessionNumber::try_from(at + 1).unwrap_or(SessionNumber::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(account: &str) -> Person {
        Person { account: account.to_owned(), organization: None }
    }

    #[test]
    fn a_cookie_names_its_own_person_and_nobody_elses() {
        let (mut sessions, mut random) = (Sessions::default(), Random::seeded(1));
        let ada = sessions.open(person("ada"), 1_000, &mut random);
        let work = sessions.open(person("work"), 1_000, &mut random);
        let header = |session: &BrowserSession| format!("theme=dark; sessionKey={}; x=1", session.value);
        assert_eq!(sessions.person(Some(&header(&ada)), 0), Some(&person("ada")));
        assert_eq!(sessions.person(Some(&header(&work)), 0), Some(&person("work")));
        for stranger in ["", "sessionKey=", "sessionKey=guess", &format!("xsessionKey={}", ada.value)] {
            assert_eq!(sessions.person(Some(stranger), 0), None, "{stranger}");
        }
        assert_eq!(sessions.person(None, 0), None);
        sessions.sign_out(Some(&header(&ada)), 0);
        assert_eq!(sessions.person(Some(&header(&ada)), 0), None);
        assert_eq!(sessions.person(Some(&header(&work)), 0), Some(&person("work")), "the other one stays");
    }

    #[test]
    fn a_session_ends_in_time_or_by_decree() {
        let (mut sessions, mut random) = (Sessions::default(), Random::seeded(1));
        let session = sessions.open(person("ada"), 1_000, &mut random);
        let cookies = format!("sessionKey={}", session.value);
        assert!(sessions.person(Some(&cookies), 999).is_some());
        assert!(sessions.person(Some(&cookies), 1_000).is_none());
        assert!(sessions.end(session.number) && !sessions.end(0) && !sessions.end(2));
        assert!(sessions.person(Some(&cookies), 0).is_none());
        assert!(!sessions.reports(0)[0].alive);
        assert!(!format!("{session:?}{:?}", sessions.reports(0)).contains(&session.value));
    }
}
