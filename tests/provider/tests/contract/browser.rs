//! A browser as far as sign-in needs one: one cookie jar, no scripts, no redirect followed unasked; and the client that
//! sent it there, with its verifier. Owns no rule.

use crate::{AGENT, CLIENT_ID, Rig, send};
use provider_sim::challenge_of;
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};
use std::cell::RefCell;

pub const LOOPBACK: &str = "http://localhost:40123/callback";
pub const CODE_PAGE: &str = "https://platform.claude.com/oauth/code/callback";
pub const FULL: &str = "org:create_api_key user:profile user:inference user:sessions:claude_code user:mcp_servers \
                        user:file_upload user:plugins user:privacy_consents:write org:desktop_config";

/// One sign-in as the client begins it.
pub struct Attempt {
    pub verifier: String,
    pub state: String,
    pub redirect_uri: &'static str,
    pub scope: &'static str,
    pub login_hint: Option<&'static str>,
}

impl Attempt {
    pub fn new(seed: u8) -> Self {
        let letter = char::from(b'a' + seed % 26);
        Self {
            verifier: format!("verifier-{}", letter.to_string().repeat(40)),
            state: format!("state-{}", letter.to_string().repeat(40)),
            redirect_uri: LOOPBACK,
            scope: FULL,
            login_hint: None,
        }
    }

    pub fn query(&self) -> String {
        let challenge = challenge_of(&self.verifier);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("code", "true"),
            ("client_id", CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", self.redirect_uri),
            ("scope", self.scope),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &self.state),
        ]);
        if let Some(hint) = self.login_hint {
            query.append_pair("login_hint", hint);
        }
        query.finish()
    }

    pub fn exchange_body(&self, code: &str) -> Value {
        json!({
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": CLIENT_ID,
            "code_verifier": self.verifier,
            "state": self.state,
        })
    }

    pub async fn exchange(&self, rig: &Rig, code: &str) -> (u16, Value) {
        send(rig.token(&self.exchange_body(code))).await
    }

    /// The code that an auto-consenting server sends to the client.
    pub async fn code_at_once(&self, rig: &Rig) -> String {
        let browser = Browser::new(rig);
        self.code_in(&browser.get(&format!("/cai/oauth/authorize?{}", self.query())).await)
    }

    /// The code in an answer to the client, which must be this attempt's.
    pub fn code_in(&self, page: &Page) -> String {
        assert_eq!(page.status, 302, "{}", page.text);
        let target = page.location.as_deref().unwrap();
        assert!(target.starts_with(self.redirect_uri), "{target}");
        assert_eq!(parameter(target, "state").as_deref(), Some(self.state.as_str()));
        parameter(target, "code").unwrap()
    }
}

/// A parameter of a URL's query.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?').unwrap().1;
    url::form_urlencoded::parse(query.as_bytes()).into_owned().find_map(|(key, value)| (key == name).then_some(value))
}

/// What came back.
pub struct Page {
    pub status: u16,
    pub location: Option<String>,
    pub challenged: bool,
    pub text: String,
}

impl Page {
    pub fn is(&self, name: &str) -> bool {
        self.text.contains(&format!("data-page=\"{name}\""))
    }
}

/// A browser with a profile of its own.
pub struct Browser<'a> {
    rig: &'a Rig,
    http: Client,
    cookie: RefCell<Option<String>>,
}

impl<'a> Browser<'a> {
    pub fn new(rig: &'a Rig) -> Self {
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).user_agent(AGENT);
        Self { rig, http: http.build().unwrap(), cookie: RefCell::default() }
    }

    /// With this cookie, as a profile that is opened again.
    pub fn with_cookie(rig: &'a Rig, name: &str, value: &str) -> Self {
        let browser = Self::new(rig);
        *browser.cookie.borrow_mut() = Some(format!("{name}={value}"));
        browser
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.http.get(self.rig.url(path))).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.http.post(self.rig.url(path)).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(body)).await
    }

    /// The page for an attempt, once the browser was sent on.
    pub async fn open(&self, attempt: &Attempt) -> Page {
        self.get(&format!("/oauth/authorize?{}", attempt.query())).await
    }

    /// Signs in on the page of an attempt.
    pub async fn sign_in(&self, attempt: &Attempt, email: &str) -> Page {
        let sent = self.post(&format!("/oauth/sign-in?{}", attempt.query()), &[("email", email)]).await;
        self.follow(sent).await
    }

    /// Clicks on the consent page of an attempt.
    pub async fn click(&self, attempt: &Attempt, decision: &str) -> Page {
        self.post(&format!("/oauth/authorize?{}", attempt.query()), &[("decision", decision)]).await
    }

    /// Goes where a page of this server sends it.
    pub async fn follow(&self, page: Page) -> Page {
        match page.location {
            Some(target) => self.get(&target).await,
            None => page,
        }
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Page {
        if let Some(cookie) = self.cookie.borrow().as_deref() {
            request = request.header("cookie", cookie);
        }
        let response = request.send().await.unwrap();
        if let Some(set) = header(&response, "set-cookie") {
            *self.cookie.borrow_mut() = set.split(';').next().map(str::to_owned);
        }
        Page {
            status: response.status().as_u16(),
            location: header(&response, "location"),
            challenged: header(&response, "cf-mitigated").as_deref() == Some("challenge"),
            text: response.text().await.unwrap(),
        }
    }
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}
