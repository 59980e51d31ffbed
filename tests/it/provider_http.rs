//! The real HTTP adapter against the simulated provider: the protocol as a whole, and what each of the server's faults
//! costs. Bytes on the wire (headers, half answers, time limits of single phases) are tested beside the adapter.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::{Duration, Instant};

use provider_sim::{
    Account, AutoConsent, Body, CLIENT_ID, Call, Endpoint, Fault, FaultKind, LoginState, RetryAfter, Server, Sim,
    SimOptions, Tokens, Usage, Window, WindowKind, challenge_of,
};
use signalbox_core::credential::{AccessToken, RefreshToken};
use signalbox_core::identity::Identity;
use signalbox_core::ports::{Provider, ProviderError, RefreshError, Renewal};
use signalbox_core::time::Timestamp;
use signalbox_core::usage;
use signalbox_machine::provider::{HttpProvider, Timeouts};
use signalbox_machine::settings::Endpoints;

const NOW_MS: i64 = 1_795_262_400_000;
const HOUR_MS: i64 = 3_600_000;

/// One account with one login, and the adapter pointed at it.
struct Rig {
    sim: Sim,
    server: Server,
    provider: HttpProvider,
    tokens: Tokens,
}

impl Rig {
    fn new() -> Self {
        let sim = Sim::new(SimOptions::frozen_at(NOW_MS));
        sim.add_account(Account::new("ada", "ada@example.com"));
        let tokens = sim.login("ada", None).unwrap();
        let server = Server::spawn(sim.clone()).unwrap();
        let base = &server.base_url;
        let provider = HttpProvider::new(Endpoints { api: base.clone(), token: base.clone() });
        Self { sim, server, provider, tokens }
    }

    /// With a patience of a second, for servers that never answer.
    fn impatient() -> Self {
        let mut rig = Self::new();
        let limit = Duration::from_secs(1);
        let endpoints = Endpoints { api: rig.server.base_url.clone(), token: rig.server.base_url.clone() };
        let timeouts = Timeouts { connect: limit, read: limit, refresh: limit };
        rig.provider = HttpProvider::new(endpoints).with_timeouts(timeouts);
        rig
    }

    fn access(&self) -> AccessToken {
        AccessToken::new(self.tokens.access_token.clone())
    }

    fn refresh(&self) -> Result<Renewal, RefreshError> {
        self.provider.refresh(RefreshToken::new(self.tokens.refresh().to_owned()), &self.tokens.scopes)
    }

    fn fault(&self, endpoint: Endpoint, kind: FaultKind) {
        self.sim.fault(Fault::standing(endpoint, kind));
    }

    /// Whether the login still lives with the pair that it was signed in with: nothing was spent.
    fn is_untouched(&self) -> bool {
        self.sim.is_alive(self.tokens.refresh()) && self.sim.refreshes(self.tokens.login) == 0
    }
}

fn status(status: u16) -> FaultKind {
    FaultKind::Status { status, body: None, retry_after: None }
}

#[test]
fn identify_names_the_account_of_the_token() {
    let rig = Rig::new();
    let account = rig.provider.identify(&rig.access()).unwrap();
    let seat = &rig.tokens.seat.identity;
    assert_eq!(account.identity, Identity::new(&seat.account_uuid, &seat.organization_uuid).unwrap());
    assert_eq!(account.email, "ada@example.com");
    assert_eq!(account.plan.as_deref(), Some("Max 20×"));
    assert_eq!(rig.sim.count(Endpoint::Any), 1);
    let agent = rig.sim.requests()[0].user_agent.clone().unwrap();
    assert!(agent.starts_with("signalbox/") && agent.contains("github.com/signalbox-app"), "{agent}");
}

#[test]
fn usage_reads_what_the_server_counts() {
    let rig = Rig::new();
    let resets_at = NOW_MS + HOUR_MS;
    let windows = vec![
        Window::new(WindowKind::FiveHour, 41.5, Some(resets_at)),
        Window::new(WindowKind::SevenDay, 63.0, None),
        Window::of_model("Fable", 104.0, Some(resets_at)),
    ];
    rig.sim.set_usage("ada", None, Usage::of(windows)).unwrap();
    let read = rig.provider.usage(&rig.access()).unwrap();
    let window =
        |kind, percent, at: Option<i64>| usage::Window { kind, percent, resets_at: at.map(Timestamp::from_ms) };
    let expected = [
        window(usage::WindowKind::FiveHour, 41.5, Some(resets_at)),
        window(usage::WindowKind::SevenDay, 63.0, None),
        window(usage::WindowKind::Model("Fable".to_owned()), 104.0, Some(resets_at)),
    ];
    assert_eq!(read.windows, expected);
    assert_eq!(rig.sim.count(Endpoint::Any), 1);
}

#[test]
fn a_refresh_brings_the_pair_that_the_server_now_takes() {
    let rig = Rig::new();
    let Renewal { renewed, kept } = rig.refresh().unwrap();
    let newest = rig.sim.newest(rig.tokens.login).unwrap();
    assert_eq!(renewed.access.expose(), newest.access_token);
    assert_eq!(renewed.refresh.unwrap().expose(), newest.refresh());
    assert_eq!(renewed.scopes.unwrap(), rig.tokens.scopes);
    assert!(kept.is_none());
    assert!(rig.provider.identify(&renewed.access).is_ok());
    assert_eq!(rig.provider.identify(&rig.access()), Err(ProviderError::Unauthorized), "the old one died");
    assert_eq!(rig.sim.count(Endpoint::Token), 1);
    assert_eq!(rig.sim.requests()[0].scope.as_deref(), Some(rig.tokens.scopes.join(" ").as_str()));
}

#[test]
fn a_login_that_has_ended_is_dead_and_its_access_token_refused() {
    let rig = Rig::new();
    assert!(rig.sim.end_login(rig.tokens.login));
    assert!(matches!(rig.refresh(), Err(RefreshError::Dead)));
    assert_eq!(rig.provider.identify(&rig.access()), Err(ProviderError::Unauthorized));
    assert_eq!(rig.provider.usage(&rig.access()), Err(ProviderError::Unauthorized));
    assert_eq!(rig.sim.count(Endpoint::Any), 3, "nothing is asked twice");
}

/// What a client gets for the code of a person who consents at once.
fn signed_in(sim: &Sim, scope: &str, expires_in: Option<u32>) -> serde_json::Value {
    const REDIRECT: &str = "http://localhost:40123/callback";
    let (verifier, state) = ("v".repeat(43), "s".repeat(43));
    sim.auto_consent(Some(AutoConsent::default())).unwrap();
    let agent = Some("a-browser/1.0".to_owned());
    let query = format!(
        "code=true&client_id={CLIENT_ID}&response_type=code&redirect_uri={REDIRECT}&scope={scope}&state={state}\
         &code_challenge={}&code_challenge_method=S256",
        challenge_of(&verifier)
    );
    let path = "/cai/oauth/authorize".to_owned();
    let method = "GET".to_owned();
    let page = sim.call(&Call { method, path, query: Some(query), user_agent: agent.clone(), ..Call::default() });
    let (_, target) = page.headers.iter().find(|(name, _)| name == "location").expect("sent back to the client");
    let code = target.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).expect("a code");
    let wish = serde_json::json!({
        "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "client_id": CLIENT_ID,
        "code_verifier": verifier, "state": state, "expires_in": expires_in,
    });
    let answer = sim.call(&Call {
        method: "POST".to_owned(),
        path: "/v1/oauth/token".to_owned(),
        content_type: Some("application/json".to_owned()),
        user_agent: agent,
        body: wish.to_string().into_bytes(),
        ..Call::default()
    });
    assert_eq!(answer.status, 200);
    let Body::Json(tokens) = answer.body else { panic!("a page") };
    tokens
}

#[test]
fn a_login_from_the_browser_is_identified_and_renewed_like_any_other() {
    let rig = Rig::new();
    let tokens = signed_in(&rig.sim, "user:profile+user:inference", None);
    let text = |member: &str| tokens[member].as_str().unwrap().to_owned();
    let account = rig.provider.identify(&AccessToken::new(text("access_token"))).unwrap();
    let named =
        Identity::new(tokens["account"]["uuid"].as_str().unwrap(), tokens["organization"]["uuid"].as_str().unwrap());
    assert_eq!(account.identity, named.unwrap());
    let scopes = ["user:profile".to_owned(), "user:inference".to_owned()];
    let renewal = rig.provider.refresh(RefreshToken::new(text("refresh_token")), &scopes).unwrap();
    assert_eq!(renewal.renewed.scopes.unwrap(), scopes);
    assert!(rig.is_untouched(), "the login that was there before is another one");
}

#[test]
fn a_setup_token_from_the_browser_cannot_renew_itself_nor_ask_who_it_is() {
    let rig = Rig::new();
    let tokens = signed_in(&rig.sim, "user:inference", Some(31_536_000));
    assert_eq!((&tokens["expires_in"], tokens.get("refresh_token")), (&serde_json::json!(31_536_000), None));
    let access = AccessToken::new(tokens["access_token"].as_str().unwrap().to_owned());
    assert!(matches!(rig.provider.identify(&access), Err(ProviderError::MissingScope { .. })));
}

#[test]
fn a_setup_token_may_not_ask_who_it_is() {
    let rig = Rig::new();
    let setup = rig.sim.setup_token("ada", None).unwrap();
    let answer = rig.provider.identify(&AccessToken::new(setup.access_token));
    let Err(ProviderError::MissingScope { scope }) = answer else { panic!("{answer:?}") };
    assert!(scope.contains("user:profile"), "{scope}");
}

#[test]
fn a_foreign_client_id_is_no_verdict_on_the_login() {
    let rig = Rig::new();
    let base = rig.server.base_url.clone();
    let stranger =
        HttpProvider::new(Endpoints { api: base.clone(), token: base }).with_client_id("stranger".to_owned());
    let token = RefreshToken::new(rig.tokens.refresh().to_owned());
    assert!(matches!(stranger.refresh(token, &[]), Err(RefreshError::NotSpent { .. })));
    assert!(rig.is_untouched());
}

#[test]
fn every_fault_of_a_reading_request_has_its_cause() {
    let throttled = |retry_after| FaultKind::Status { status: 429, body: None, retry_after: Some(retry_after) };
    let wait = |retry_after_s| ProviderError::Throttled { retry_after_s };
    let table = [
        (status(401), ProviderError::Unauthorized),
        (status(404), ProviderError::Refused { status: 404 }),
        (status(500), ProviderError::Failed { status: 500 }),
        (status(529), ProviderError::Failed { status: 529 }),
        (throttled(RetryAfter::Absent), wait(None)),
        (throttled(RetryAfter::Seconds(0)), wait(Some(0))),
        (throttled(RetryAfter::Seconds(3_600)), wait(Some(3_600))),
        (throttled(RetryAfter::HttpDate(90)), wait(Some(90))),
        (FaultKind::Html { status: 403 }, ProviderError::Refused { status: 403 }),
        (FaultKind::Html { status: 503 }, ProviderError::Failed { status: 503 }),
        (FaultKind::Html { status: 200 }, ProviderError::Refused { status: 200 }),
        (FaultKind::HalfBody, ProviderError::Garbled),
        (FaultKind::WrongTypes, ProviderError::Garbled),
        (FaultKind::CutBefore, ProviderError::Unreachable),
        (FaultKind::CutAfter, ProviderError::Unreachable),
    ];
    let rig = Rig::new();
    for (fault, expected) in table {
        rig.sim.clear_faults();
        rig.sim.clear_requests();
        rig.fault(Endpoint::Any, fault.clone());
        assert_eq!(rig.provider.identify(&rig.access()), Err(expected.clone()), "identify: {fault:?}");
        assert_eq!(rig.provider.usage(&rig.access()), Err(expected), "usage: {fault:?}");
        assert_eq!(rig.sim.count(Endpoint::Any), 2, "one request each: {fault:?}");
    }
    assert!(rig.is_untouched());
}

#[test]
fn a_token_is_given_back_only_when_the_server_still_takes_it() {
    let faults = [
        status(429),
        status(400),
        status(401),
        status(403),
        status(404),
        status(500),
        FaultKind::Html { status: 403 },
        FaultKind::Html { status: 503 },
        FaultKind::Html { status: 200 },
        FaultKind::HalfBody,
        FaultKind::WrongTypes,
        FaultKind::CutBefore,
        FaultKind::CutAfter,
        FaultKind::SLOW,
        FaultKind::DelayAnswer { ms: 30_000 },
    ];
    for fault in faults {
        let rig = Rig::impatient();
        rig.fault(Endpoint::Token, fault.clone());
        let outcome = rig.refresh();
        assert_eq!(rig.sim.count(Endpoint::Token), 1, "one request: {fault:?}");
        match (&fault, outcome) {
            (FaultKind::Status { status: 400..=499, .. } | FaultKind::Html { status: 403 }, outcome) => {
                let Err(RefreshError::NotSpent { token, .. }) = outcome else {
                    panic!("{fault:?}: {:?}", outcome.err())
                };
                assert_eq!(token.expose(), rig.tokens.refresh());
                assert!(rig.is_untouched(), "{fault:?}");
            }
            (_, outcome) => {
                let unknown = matches!(outcome, Err(RefreshError::Unknown { .. }));
                assert!(unknown, "{fault:?}: {:?}", outcome.err());
            }
        }
        assert!(matches!(rig.sim.state(rig.tokens.login), Some(LoginState::Alive)), "{fault:?}");
    }
}

#[test]
fn a_server_of_half_a_minute_is_given_up_in_time() {
    let rig = Rig::impatient();
    rig.fault(Endpoint::Any, FaultKind::SLOW);
    let begun = Instant::now();
    assert_eq!(rig.provider.identify(&rig.access()), Err(ProviderError::TimedOut));
    assert_eq!(rig.provider.usage(&rig.access()), Err(ProviderError::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(rig.sim.count(Endpoint::Any), 2);
}

#[test]
fn the_time_limits_are_those_that_were_meant() {
    let Timeouts { connect, read, refresh } = Timeouts::default();
    assert_eq!([connect, read, refresh].map(|limit| limit.as_secs()), [5, 10, 60]);
}

#[test]
fn a_server_that_is_gone_has_seen_nothing() {
    let Rig { sim, server, provider, tokens } = Rig::new();
    drop(server);
    assert_eq!(provider.identify(&AccessToken::new(tokens.access_token.clone())), Err(ProviderError::Unreachable));
    let refreshed = provider.refresh(RefreshToken::new(tokens.refresh().to_owned()), &[]);
    let Err(RefreshError::NotSpent { cause, token }) = refreshed else { panic!("{:?}", refreshed.err()) };
    assert_eq!((cause, token.expose()), (ProviderError::Unreachable, tokens.refresh()));
    assert_eq!(sim.count(Endpoint::Any), 0);
}
