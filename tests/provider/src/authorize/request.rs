//! What an authorize page is asked: the query of the long form and of the short one for hand use, and every reason to refuse
//! it. Owns reading and judging; who may answer it is `session.rs`, what an answer is worth `codes.rs`.

use crate::tokens::FULL_SCOPES;
use std::collections::HashMap;
use url::{Host, Url, form_urlencoded};

/// Where a code for hand use is shown (`docs/claude-code.md` §D1).
pub const CODE_PAGE: &str = "https://platform.claude.com/oauth/code/callback";

/// Scopes that exist besides those of a full login (`docs/claude-code.md` §D8).
const OTHER_SCOPES: [&str; 1] = ["user:ccr_inference"];

/// The shortest `state` that is taken, and the exact length of a challenge: 32 bytes in base64url (§D1).
const SECRET_CHARS: usize = 43;

/// A request for authorization that may be shown to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The client that asks.
    pub client_id: String,
    /// Where the answer goes, word for word: the exchange must name the same.
    pub redirect_uri: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The PKCE challenge, S256.
    pub challenge: String,
    /// Given back with the answer.
    pub state: String,
    /// The e-mail address to sign in with.
    pub login_hint: Option<String>,
}

/// Why an authorize page shows an error instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The parameter.
    pub parameter: &'static str,
    /// What it should be.
    pub why: &'static str,
}

const fn wrong(parameter: &'static str, why: &'static str) -> Wrong {
    Wrong { parameter, why }
}

impl Request {
    /// Reads the query of an authorize page. `client_id` is the one known client; `seen` are the long forms by challenge,
    /// from which a short form takes its scopes.
    ///
    /// # Errors
    /// Names the first parameter that is not as it should be.
    pub fn read(query: &str, client_id: &str, seen: &HashMap<String, Self>) -> Result<Self, Wrong> {
        let given: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if let Some(challenge) = given.iter().find_map(|(name, _)| name.strip_prefix("z-")) {
            return Self::short(challenge, value(&given, "login_hint"), client_id, seen);
        }
        let has = |name: &str, wanted: &str| value(&given, name) == Some(wanted);
        if !has("client_id", client_id) {
            return Err(wrong("client_id", "is not a known client"));
        }
        if !has("code", "true") {
            return Err(wrong("code", "must be true"));
        }
        if !has("response_type", "code") {
            return Err(wrong("response_type", "must be code"));
        }
        if !has("code_challenge_method", "S256") {
            return Err(wrong("code_challenge_method", "must be S256"));
        }
        let redirect_uri = value(&given, "redirect_uri").filter(|uri| is_redirect(uri));
        let scope = value(&given, "scope").unwrap_or_default();
        let state = value(&given, "state").filter(|state| state.len() >= SECRET_CHARS);
        Ok(Self {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri
                .ok_or(wrong("redirect_uri", "must be http://localhost:<port>/callback, or the page that shows codes"))?
                .to_owned(),
            scopes: scopes(scope)?,
            challenge: challenge(value(&given, "code_challenge").unwrap_or_default())?,
            state: state.ok_or(wrong("state", "must have 43 characters or more"))?.to_owned(),
            login_hint: value(&given, "login_hint").filter(|hint| !hint.is_empty()).map(str::to_owned),
        })
    }

    /// The short form for hand use (`docs/observed.md` §7): ends on the page that shows the code, with the challenge as state.
    fn short(
        given: &str,
        login_hint: Option<&str>,
        client_id: &str,
        seen: &HashMap<String, Self>,
    ) -> Result<Self, Wrong> {
        let challenge = challenge(given)?;
        let long = seen.get(&challenge);
        let full = || FULL_SCOPES.map(str::to_owned).to_vec();
        Ok(Self {
            client_id: client_id.to_owned(),
            redirect_uri: CODE_PAGE.to_owned(),
            scopes: long.map_or_else(full, |request| request.scopes.clone()),
            state: challenge.clone(),
            challenge,
            login_hint: login_hint.map(str::to_owned).or_else(|| long.and_then(|request| request.login_hint.clone())),
        })
    }

    /// Whether the answer is shown for copying instead of sent to the client.
    #[must_use]
    pub fn shows_code(&self) -> bool {
        self.redirect_uri == CODE_PAGE
    }

    /// Where the browser goes with these members of an answer. The page that shows codes is a path of this server, so that
    /// no browser ever leaves the machine.
    #[must_use]
    pub fn answered(&self, members: &[(&str, &str)]) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(members)
            .append_pair("state", &self.state)
            .finish();
        let target = if self.shows_code() { "/oauth/code/callback" } else { &self.redirect_uri };
        format!("{target}?{query}")
    }
}

fn value<'a>(given: &'a [(String, String)], name: &str) -> Option<&'a str> {
    given.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn scopes(text: &str) -> Result<Vec<String>, Wrong> {
    let asked: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    if asked.is_empty() {
        return Err(wrong("scope", "must name a scope"));
    }
    let known = |scope: &String| FULL_SCOPES.contains(&scope.as_str()) || OTHER_SCOPES.contains(&scope.as_str());
    if asked.iter().all(known) { Ok(asked) } else { Err(wrong("scope", "names a scope that does not exist")) }
}

fn challenge(text: &str) -> Result<String, Wrong> {
    let is_base64url = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if text.len() == SECRET_CHARS && is_base64url {
        Ok(text.to_owned())
    } else {
        Err(wrong("code_challenge", "must be 43 characters of base64url"))
    }
}

fn is_redirect(text: &str) -> bool {
    if text == CODE_PAGE {
        return true;
    }
    let Ok(uri) = Url::parse(text) else { return false };
    uri.scheme() == "http"
        && uri.host() == Some(Host::Domain("localhost"))
        && uri.port().is_some_and(|port| port > 0)
        && uri.path() == "/callback"
        && uri.query().is_none()
        && uri.fragment().is_none()
        && uri.username().is_empty()
        && uri.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "a-client";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const STATE: &str = "0123456789012345678901234567890123456789012";

    fn with(change: &[(&str, Option<&str>)]) -> Result<Request, Wrong> {
        let usual = [
            ("code", "true"),
            ("client_id", CLIENT),
            ("response_type", "code"),
            ("redirect_uri", "http://localhost:40123/callback"),
            ("scope", "user:profile user:inference"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", STATE),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in usual {
            let changed = change.iter().find(|(key, _)| *key == name).map_or(Some(value), |(_, changed)| *changed);
            if let Some(value) = changed {
                query.append_pair(name, value);
            }
        }
        Request::read(&query.finish(), CLIENT, &HashMap::new())
    }

    #[test]
    fn the_query_of_the_client_is_taken() {
        let request = with(&[]).expect("a request");
        assert_eq!(request.scopes, ["user:profile", "user:inference"]);
        assert_eq!(
            request.answered(&[("code", "a b")]),
            format!("http://localhost:40123/callback?code=a+b&state={STATE}")
        );
        let shown = with(&[("redirect_uri", Some(CODE_PAGE))]).expect("a request");
        assert!(shown.shows_code() && shown.answered(&[]).starts_with("/oauth/code/callback?state="));
    }

    #[test]
    fn every_parameter_is_checked_and_named() {
        for (name, values) in [
            ("code", &[None, Some("false")][..]),
            ("client_id", &[None, Some("another"), Some("")]),
            ("response_type", &[None, Some("token")]),
            ("scope", &[None, Some(" "), Some("user:profile user:everything")]),
            ("code_challenge", &[None, Some("short"), Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")]),
            ("code_challenge_method", &[None, Some("plain")]),
            ("state", &[None, Some(""), Some(&STATE[1..])]),
        ] {
            for value in values {
                let wrong = with(&[(name, *value)]).expect_err("refused");
                assert_eq!(wrong.parameter, name, "{value:?}");
            }
        }
    }

    #[test]
    fn an_answer_goes_to_this_machine_or_to_the_page_that_shows_it() {
        for uri in [
            "",
            "http://localhost/callback",
            "http://localhost:80/callback",
            "http://localhost:0/callback",
            "http://localhost:40123/other",
            "http://localhost:40123/callback?next=x",
            "http://localhost:40123/callback#x",
            "http://eve@localhost:40123/callback",
            "https://localhost:40123/callback",
            "http://localhost.example:40123/callback",
            "http://192.0.2.1:40123/callback",
            "https://platform.claude.com/oauth/code/callback/",
        ] {
            let wrong = with(&[("redirect_uri", Some(uri))]).expect_err(uri);
            assert_eq!(wrong.parameter, "redirect_uri", "{uri}");
        }
    }

    #[test]
    fn the_short_form_shows_its_code_and_remembers_the_long_one() {
        let mut seen = HashMap::new();
        let query = format!("z-{CHALLENGE}&login_hint=ada%40home.example");
        let alone = Request::read(&query, CLIENT, &seen).expect("a request");
        assert!(alone.shows_code());
        assert_eq!((alone.state.as_str(), alone.login_hint.as_deref()), (CHALLENGE, Some("ada@home.example")));
        assert_eq!(alone.scopes, FULL_SCOPES);
        let long = with(&[]).expect("a request");
        seen.insert(long.challenge.clone(), long);
        assert_eq!(Request::read(&query, CLIENT, &seen).expect("a request").scopes, ["user:profile", "user:inference"]);
        assert_eq!(Request::read("z-short", CLIENT, &seen).expect_err("refused").parameter, "code_challenge");
    }
}
