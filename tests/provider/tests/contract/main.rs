//! The contract of the simulated server over real HTTP on loopback: one test for each rule of the facts. Owns the rig
//! (server, client, shorthand); the rules are tested in the modules, by subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod admin;
mod binary;
mod browser;
mod edge;
mod exchange;
mod faults;
mod identity;
mod logins;
mod sign_in;
mod token;
mod usage;
mod usage_budget;

use provider_sim::{Account, CLIENT_ID, OAUTH_BETA, Organization, OrganizationType, Server, Sim, SimOptions};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use std::sync::Once;
use std::time::Duration;

/// 2026-11-18T11:06:40Z: where the frozen clocks of these tests stand.
const START_MS: i64 = 1_795_000_000_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const AGENT: &str = "signalbox-contract/1.0";

/// A simulated server with two people, `work` (Max) and `ada` (Max and Team), and a client for it.
struct Rig {
    sim: Sim,
    server: Server,
    http: Client,
}

impl Rig {
    fn new() -> Self {
        Self::with(SimOptions::frozen_at(START_MS))
    }

    fn with(options: SimOptions) -> Self {
        let sim = Sim::new(options);
        sim.add_account(Account::new("work", "ada@work.example"));
        sim.add_account(Account::new("ada", "ada@home.example").in_organizations(vec![
            Organization::new("Home", OrganizationType::ClaudeMax).with_tier("default_claude_max_5x"),
            Organization::new("Lovelace Ltd", OrganizationType::ClaudeTeam),
        ]));
        let server = Server::spawn(sim.clone()).unwrap();
        Self { sim, server, http: client(Some(AGENT)) }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base_url)
    }

    fn get(&self, path: &str, access: &str) -> RequestBuilder {
        self.http.get(self.url(path)).bearer_auth(access)
    }

    fn usage(&self, access: &str) -> RequestBuilder {
        self.get("/api/oauth/usage", access).header("anthropic-beta", OAUTH_BETA)
    }

    fn message(&self, access: &str, model: &str) -> RequestBuilder {
        let body = json!({ "model": model, "max_tokens": 1, "messages": [] });
        self.http.post(self.url("/v1/messages?beta=true")).bearer_auth(access).json(&body)
    }

    fn token(&self, body: &Value) -> RequestBuilder {
        self.http.post(self.url("/v1/oauth/token")).json(body)
    }

    fn refresh(&self, refresh_token: &str) -> RequestBuilder {
        self.token(&refresh_body(refresh_token))
    }
}

fn refresh_body(refresh_token: &str) -> Value {
    json!({ "grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": CLIENT_ID })
}

/// A client with this agent; `None` sends no `User-Agent` at all.
fn client(agent: Option<&str>) -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    let mut builder = Client::builder().no_proxy().timeout(Duration::from_secs(20));
    if let Some(agent) = agent {
        builder = builder.user_agent(agent);
    }
    builder.build().unwrap()
}

/// Sends, and returns status and JSON body.
async fn send(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Sends, expects 200, and returns the JSON body.
async fn ok(request: RequestBuilder) -> Value {
    let (status, body) = send(request).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

fn invalid_grant() -> Value {
    json!({ "error": "invalid_grant", "error_description": "Refresh token not found or invalid" })
}
