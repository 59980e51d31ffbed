//! The exchange of an authorization code: PKCE, one use, a short life, and to whom alone it is handed (§D3, §D8).

use crate::browser::{Attempt, CODE_PAGE};
use crate::{DAY_MS, Rig, START_MS, ok, send};
use provider_sim::{AutoConsent, CodeRefusal, Endpoint, Fault, FaultKind, LoginState, Outcome};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn invalid_code() -> (u16, Value) {
    let body = json!({ "error": "invalid_grant", "error_description": "Authorization code not found or invalid" });
    (400, body)
}

fn rig() -> Rig {
    let rig = Rig::new();
    rig.sim.auto_consent(Some(AutoConsent { account: Some("work".into()), ..AutoConsent::default() })).unwrap();
    rig
}

#[tokio::test]
async fn a_code_becomes_a_login_with_lifetimes_scope_account_and_organization() {
    let rig = rig();
    let attempt = Attempt::new(0);
    let code = attempt.code_at_once(&rig).await;
    let (status, body) = attempt.exchange(&rig, &code).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(28_800)));
    assert_eq!(body["refresh_token_expires_in"], 30 * DAY_MS / 1_000);
    assert_eq!(body["scope"], attempt.scope);
    let account = rig.sim.account("work").unwrap();
    let organization = &account.organizations[0];
    assert_eq!(body["account"], json!({ "uuid": account.uuid, "email_address": account.email }));
    assert_eq!(body["organization"], json!({ "uuid": organization.uuid, "name": organization.name }));
    let profile = ok(rig.get("/api/oauth/profile", body["access_token"].as_str().unwrap())).await;
    assert_eq!(profile["account"]["email"], "ada@work.example");
    ok(rig.refresh(body["refresh_token"].as_str().unwrap())).await;
    let answer = &rig.sim.authorizations()[0];
    assert_eq!((answer.outcome, answer.auto, answer.at_ms), (Outcome::Exchanged, true, START_MS));
    assert_eq!(rig.sim.refreshes(answer.login.unwrap()), 1);
}

#[tokio::test]
async fn a_code_works_once_and_a_second_try_leaves_the_login_alive() {
    let rig = rig();
    let attempt = Attempt::new(0);
    let code = attempt.code_at_once(&rig).await;
    assert_eq!(attempt.exchange(&rig, &code).await.0, 200);
    assert_eq!(attempt.exchange(&rig, &code).await, invalid_code());
    let answer = &rig.sim.authorizations()[0];
    assert_eq!((answer.outcome, answer.refused), (Outcome::Exchanged, Some(CodeRefusal::Spent)));
    assert_eq!(rig.sim.state(answer.login.unwrap()), Some(LoginState::Alive));
}

#[tokio::test]
async fn a_code_is_refused_with_anything_that_is_not_its_own_and_is_spent_by_it() {
    let rig = rig();
    for (member, value, why) in [
        ("code_verifier", Attempt::new(9).verifier, CodeRefusal::Verifier),
        ("code_verifier", "short".to_owned(), CodeRefusal::Verifier),
        ("redirect_uri", "http://localhost:40124/callback".to_owned(), CodeRefusal::RedirectUri),
        ("redirect_uri", CODE_PAGE.to_owned(), CodeRefusal::RedirectUri),
        ("state", Attempt::new(9).state, CodeRefusal::State),
    ] {
        let attempt = Attempt::new(1);
        let code = attempt.code_at_once(&rig).await;
        let mut body = attempt.exchange_body(&code);
        body[member] = json!(value);
        assert_eq!(send(rig.token(&body)).await, invalid_code(), "{member}");
        assert_eq!(attempt.exchange(&rig, &code).await, invalid_code(), "{member}: a second try with the right one");
        let answer = rig.sim.authorizations().pop().unwrap();
        assert_eq!((answer.outcome, answer.refused, answer.login), (Outcome::Refused, Some(why), None));
    }
    assert_eq!(Attempt::new(1).exchange(&rig, "sim-code-never-issued").await, invalid_code());
    assert!(rig.sim.reports().is_empty(), "no login came of it");
}

#[tokio::test]
async fn a_code_ends_after_ten_minutes_or_as_the_options_say() {
    let rig = rig();
    for (life_s, wait_ms, alive) in
        [(None, 599_999, true), (None, 600_000, false), (Some(60), 59_999, true), (Some(60), 60_000, false)]
    {
        if let Some(seconds) = life_s {
            ok(rig.http.post(rig.url("/admin/options")).json(&json!({ "code_life_s": seconds }))).await;
        }
        let attempt = Attempt::new(2);
        let code = attempt.code_at_once(&rig).await;
        rig.sim.advance_ms(wait_ms);
        let answered = attempt.exchange(&rig, &code).await;
        assert_eq!(answered.0, if alive { 200 } else { 400 }, "{life_s:?} {wait_ms}");
        assert!(alive || answered == invalid_code());
    }
}

#[tokio::test]
async fn a_missing_or_malformed_member_is_an_invalid_request_format_and_spends_nothing() {
    let rig = rig();
    let attempt = Attempt::new(3);
    let code = attempt.code_at_once(&rig).await;
    for member in ["code", "redirect_uri", "code_verifier", "state", "client_id"] {
        for value in [Value::Null, json!(""), json!(7)] {
            let mut body = attempt.exchange_body(&code);
            body[member] = value;
            let (status, answer) = send(rig.token(&body)).await;
            assert_eq!((status, &answer["error"]["message"]), (400, &json!("Invalid request format")), "{member}");
        }
    }
    let mut body = attempt.exchange_body(&code);
    body["client_id"] = json!("another");
    assert_eq!(send(rig.token(&body)).await.1["error"], "invalid_client");
    assert_eq!(attempt.exchange(&rig, &code).await.0, 200);
}

#[tokio::test]
async fn a_setup_token_lives_a_year_and_has_no_refresh_token() {
    let rig = rig();
    let attempt = Attempt { scope: "user:inference", ..Attempt::new(4) };
    let code = attempt.code_at_once(&rig).await;
    let mut body = attempt.exchange_body(&code);
    body["expires_in"] = json!(31_536_000);
    let answer = ok(rig.token(&body)).await;
    assert_eq!((&answer["expires_in"], &answer["scope"]), (&json!(31_536_000), &json!("user:inference")));
    assert!(answer.get("refresh_token").is_none() && answer.get("refresh_token_expires_in").is_none());
    let access = answer["access_token"].as_str().unwrap();
    ok(rig.message(access, "claude-haiku-4-5")).await;
    assert_eq!(send(rig.get("/api/oauth/profile", access)).await.0, 403);
}

#[tokio::test]
async fn a_long_life_is_not_given_to_a_full_login() {
    let rig = rig();
    let attempt = Attempt::new(5);
    let code = attempt.code_at_once(&rig).await;
    let mut body = attempt.exchange_body(&code);
    body["expires_in"] = json!(31_536_000);
    let answer = ok(rig.token(&body)).await;
    assert_eq!(answer["expires_in"], 28_800);
    assert!(answer["refresh_token"].is_string());
}

#[tokio::test]
async fn a_fault_of_the_exchange_leaves_refreshes_alone() {
    let rig = rig();
    let login = rig.sim.login("ada", None).unwrap();
    for status in [400, 500] {
        let kind = FaultKind::Status { status, body: None, retry_after: None };
        rig.sim.fault(Fault::once(Endpoint::Exchange, kind));
        let newest = rig.sim.newest(login.login).unwrap();
        ok(rig.refresh(newest.refresh())).await;
        let attempt = Attempt::new(6);
        let code = attempt.code_at_once(&rig).await;
        assert_eq!(attempt.exchange(&rig, &code).await.0, status);
        assert_eq!(attempt.exchange(&rig, &code).await.0, 200, "nothing was processed, so the code is still good");
    }
    assert_eq!((rig.sim.count(Endpoint::Exchange), rig.sim.count(Endpoint::Token)), (4, 6));
}

#[tokio::test]
async fn an_exchange_may_be_slow_and_its_answer_may_be_lost() {
    let rig = rig();
    let attempt = Attempt::new(7);
    let code = attempt.code_at_once(&rig).await;
    rig.sim.fault(Fault::once(Endpoint::Exchange, FaultKind::Delay { ms: 200 }));
    let begun = Instant::now();
    assert_eq!(attempt.exchange(&rig, &code).await.0, 200);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    rig.sim.fault(Fault::once(Endpoint::Exchange, FaultKind::CutAfter));
    let code = attempt.code_at_once(&rig).await;
    assert!(rig.token(&attempt.exchange_body(&code)).send().await.is_err());
    assert_eq!(rig.sim.authorizations()[1].outcome, Outcome::Exchanged);
    assert_eq!(attempt.exchange(&rig, &code).await, invalid_code());
}

#[tokio::test]
async fn the_log_names_account_and_grant_and_neither_code_nor_verifier() {
    let rig = rig();
    let attempt = Attempt::new(8);
    let code = attempt.code_at_once(&rig).await;
    let (_, body) = attempt.exchange(&rig, &code).await;
    let entry = rig.sim.requests().pop().unwrap();
    assert_eq!((entry.endpoint, entry.account.as_deref()), (Endpoint::Exchange, Some("work")));
    assert_eq!(entry.grant_type.as_deref(), Some("authorization_code"));
    let mut told = String::new();
    for path in ["requests", "authorizations", "state", "browser-sessions"] {
        told += &ok(rig.http.get(rig.url(&format!("/admin/{path}")))).await.to_string();
    }
    let secrets = [&code, &attempt.verifier, body["access_token"].as_str().unwrap()];
    assert!(secrets.iter().all(|secret| !told.contains(*secret)), "{told}");
    assert!(!told.contains("sk-ant-") && !format!("{:?}", rig.sim.authorizations()).contains(&code));
}
