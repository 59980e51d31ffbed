//! The log of requests, for counting in tests. Owns what is kept about each request: never a token, only fingerprints.

use crate::fault::Endpoint;
use crate::tokens::LoginId;
use serde::Serialize;
use std::collections::VecDeque;

/// The log keeps this many requests; older ones are dropped.
pub const KEPT: usize = 20_000;

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Logged {
    /// Counts up from 1, also after the log was emptied.
    pub seq: u64,
    /// When it arrived, on the scripted clock, epoch milliseconds.
    pub at_ms: i64,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The status of the answer that was made; `None` while it waits, and when it was cut before processing.
    pub status: Option<u16>,
    /// Whether the answer was handed to the connection whole.
    pub delivered: bool,
    /// The account, where a known token, code or session cookie was presented.
    pub account: Option<String>,
    /// The login, where a known token was presented.
    pub login: Option<LoginId>,
    /// Fingerprint of the bearer token.
    pub access_fingerprint: Option<String>,
    /// Fingerprint of the refresh token in the body.
    pub refresh_fingerprint: Option<String>,
    /// The `grant_type` member of a token request.
    pub grant_type: Option<String>,
    /// The `scope` member of a token request.
    pub scope: Option<String>,
    /// The names of the faults that struck it.
    pub faults: Vec<&'static str>,
}

/// The requests so far, oldest first.
#[derive(Debug, Default)]
pub struct RequestLog {
    entries: VecDeque<Logged>,
    last: u64,
}

impl RequestLog {
    /// Adds a request and numbers it.
    pub fn push(&mut self, mut entry: Logged) -> u64 {
        self.last += 1;
        entry.seq = self.last;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.last
    }

    /// The request numbered `seq`, if it is still kept.
    pub fn entry(&mut self, seq: u64) -> Option<&mut Logged> {
        self.entries.iter_mut().rev().find(|entry| entry.seq == seq)
    }

    /// Every request kept, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Logged> {
        self.entries.iter().cloned().collect()
    }

    /// How many of the requests kept went to `endpoint`, or to one it covers.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.entries.iter().filter(|e| endpoint.covers(e.endpoint)).count()
    }

    /// Forgets the requests so far.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Logged {
        Logged {
            seq: 0,
            at_ms: 0,
            method: "GET".into(),
            path: "/".into(),
            endpoint: Endpoint::Other,
            user_agent: None,
            status: None,
            delivered: false,
            account: None,
            login: None,
            access_fingerprint: None,
            refresh_fingerprint: None,
            grant_type: None,
            scope: None,
            faults: Vec::new(),
        }
    }

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest() {
        let mut log = RequestLog::default();
        for _ in 0..KEPT + 3 {
            log.push(entry());
        }
        assert_eq!(log.count(Endpoint::Any), KEPT);
        assert_eq!(log.all()[0].seq, 4);
        log.clear();
        assert_eq!(log.push(entry()), KEPT as u64 + 4);
    }
}
