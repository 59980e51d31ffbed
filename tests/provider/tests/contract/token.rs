//! The token endpoint: what it reads, what it answers, what a refresh does to the old pair (§D2 to §D6).

use crate::{CLIENT_ID, DAY_MS, HOUR_MS, Rig, START_MS, invalid_grant, ok, refresh_body, send};
use provider_sim::{Endpoint, LoginState, RevokedWhy, SignIn};
use serde_json::{Value, json};

fn malformed(body: &Value) -> bool {
    body["error"]["message"] == "Invalid request format" && body["error"]["type"] == "invalid_request_error"
}

#[tokio::test]
async fn a_refresh_answers_a_new_pair_with_lifetimes_and_scope() {
    let rig = Rig::new();
    let old = rig.sim.login("work", None).unwrap();
    rig.sim.advance_ms(2 * HOUR_MS);
    let body = ok(rig.refresh(old.refresh())).await;
    assert_eq!(body["token_type"], "Bearer");
    assert!(body["access_token"].as_str().unwrap().starts_with("sk-ant-oat01-sim-work-"));
    assert!(body["refresh_token"].as_str().unwrap().starts_with("sk-ant-ort01-sim-work-"));
    assert_ne!(body["access_token"], old.access_token.as_str());
    assert_ne!(body["refresh_token"], old.refresh());
    assert_eq!(body["expires_in"], 28_800);
    assert_eq!(body["refresh_token_expires_in"], (30 * DAY_MS - 2 * HOUR_MS) / 1_000);
    assert_eq!(body["scope"], old.scopes.join(" "));
    assert!(body.get("account").is_none() && body.get("organization").is_none());
    let newest = rig.sim.newest(old.login).unwrap();
    assert_eq!(body["access_token"], newest.access_token.as_str());
    assert_eq!(newest.expires_at_ms, START_MS + 10 * HOUR_MS);
    assert_eq!((rig.sim.refreshes(old.login), rig.sim.count(Endpoint::Token)), (1, 1));
}

#[tokio::test]
async fn a_refresh_kills_the_old_access_token_and_the_old_refresh_token_at_once() {
    let rig = Rig::new();
    let old = rig.sim.login("work", None).unwrap();
    let new = ok(rig.refresh(old.refresh())).await;
    let (status, body) = send(rig.get("/api/oauth/profile", &old.access_token)).await;
    assert_eq!((status, &body["error"]["message"]), (401, &json!("OAuth access token has been revoked")));
    assert!(!rig.sim.is_alive(old.refresh()));
    assert!(rig.sim.is_alive(new["refresh_token"].as_str().unwrap()));
    ok(rig.get("/api/oauth/profile", new["access_token"].as_str().unwrap())).await;
}

#[tokio::test]
async fn a_spent_refresh_token_revokes_the_whole_login() {
    let rig = Rig::new();
    let first = rig.sim.login("work", None).unwrap();
    let bystander = rig.sim.login("work", None).unwrap();
    let second = ok(rig.refresh(first.refresh())).await;
    let newest = rig.sim.newest(first.login).unwrap();
    assert_eq!(send(rig.refresh(first.refresh())).await, (400, invalid_grant()));
    assert_eq!(send(rig.refresh(newest.refresh())).await, (400, invalid_grant()));
    let (status, body) = send(rig.get("/api/oauth/profile", second["access_token"].as_str().unwrap())).await;
    assert_eq!((status, &body["error"]["message"]), (401, &json!("OAuth access token has been revoked")));
    assert_eq!(rig.sim.state(first.login), Some(LoginState::Revoked { why: RevokedWhy::Reuse }));
    assert_eq!(
        rig.sim.state(bystander.login),
        Some(LoginState::Alive),
        "another login of the same account is independent"
    );
    assert_eq!(rig.sim.refreshes(first.login), 1);
}

#[tokio::test]
async fn two_clients_with_one_refresh_token_end_the_login_whoever_is_first() {
    let rig = Rig::new();
    let shared = rig.sim.login("work", None).unwrap();
    let (one, two) = tokio::join!(send(rig.refresh(shared.refresh())), send(rig.refresh(shared.refresh())));
    let mut statuses = [one.0, two.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(rig.sim.state(shared.login), Some(LoginState::Revoked { why: RevokedWhy::Reuse }));
}

#[tokio::test]
async fn an_unknown_refresh_token_is_an_invalid_grant_and_harms_nobody() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    assert_eq!(send(rig.refresh("sk-ant-ort01-sim-work-never-issued")).await, (400, invalid_grant()));
    assert_eq!(rig.sim.state(login.login), Some(LoginState::Alive));
}

#[tokio::test]
async fn the_login_ends_thirty_days_after_sign_in_however_often_it_was_refreshed() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let deadline = login.refresh_expires_at_ms;
    assert_eq!(deadline, Some(START_MS + 30 * DAY_MS));
    for _ in 0..29 {
        rig.sim.advance_ms(DAY_MS);
        let newest = rig.sim.newest(login.login).unwrap();
        ok(rig.refresh(newest.refresh())).await;
        assert_eq!(rig.sim.newest(login.login).unwrap().refresh_expires_at_ms, deadline);
    }
    rig.sim.advance_ms(DAY_MS - 1);
    let newest = rig.sim.newest(login.login).unwrap();
    assert!(rig.sim.is_alive(newest.refresh()));
    rig.sim.advance_ms(1);
    assert_eq!(send(rig.refresh(newest.refresh())).await, (400, invalid_grant()));
    assert_eq!(rig.sim.state(login.login), Some(LoginState::Expired));
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_leaves_the_old_one_valid() {
    let rig = Rig::new();
    rig.sim.reconfigure(|options| options.terms.omit_refresh_token = true);
    let old = rig.sim.login("work", None).unwrap();
    let body = ok(rig.refresh(old.refresh())).await;
    assert!(body.get("refresh_token").is_none());
    assert!(!rig.sim.access_is_alive(&old.access_token));
    assert!(rig.sim.is_alive(old.refresh()));
    let again = ok(rig.refresh(old.refresh())).await;
    assert_ne!(again["access_token"], body["access_token"]);
}

#[tokio::test]
async fn the_answer_may_name_account_and_organization() {
    let rig = Rig::new();
    rig.sim.reconfigure(|options| options.terms.identity_in_grant = true);
    let login = rig.sim.login("ada", Some("Lovelace Ltd")).unwrap();
    let body = ok(rig.refresh(login.refresh())).await;
    assert_eq!(
        body["account"],
        json!({ "uuid": login.seat.identity.account_uuid, "email_address": "ada@home.example" })
    );
    let organization = json!({ "uuid": login.seat.identity.organization_uuid, "name": "Lovelace Ltd" });
    assert_eq!(body["organization"], organization);
}

#[tokio::test]
async fn a_missing_or_malformed_member_is_an_invalid_request_format_and_spends_nothing() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let good = refresh_body(login.refresh());
    let mut bodies: Vec<Value> = vec![json!([]), json!("refresh"), json!({})];
    for (member, value) in [
        ("client_id", Value::Null),
        ("client_id", json!(7)),
        ("client_id", json!("")),
        ("refresh_token", Value::Null),
        ("refresh_token", json!(["a"])),
        ("grant_type", json!("password")),
        ("scope", json!(["user:profile"])),
    ] {
        let mut body = good.clone();
        body[member] = value;
        bodies.push(body);
    }
    let mut without = good.clone();
    without.as_object_mut().unwrap().remove("client_id");
    bodies.push(without);
    for body in bodies {
        let (status, answer) = send(rig.token(&body)).await;
        assert!(status == 400 && malformed(&answer), "{status} {answer}");
    }
    assert!(rig.sim.is_alive(login.refresh()));
}

#[tokio::test]
async fn a_form_body_and_broken_json_are_an_invalid_request_format() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={}&client_id={CLIENT_ID}", login.refresh());
    for (kind, text) in [
        ("application/x-www-form-urlencoded", form),
        ("application/json", "{\"grant_type\":".to_owned()),
        ("text/plain", refresh_body(login.refresh()).to_string()),
    ] {
        let request = rig.http.post(rig.url("/v1/oauth/token")).header("content-type", kind).body(text);
        let (status, answer) = send(request).await;
        assert!(status == 400 && malformed(&answer), "{kind}: {status} {answer}");
    }
    assert!(rig.sim.is_alive(login.refresh()));
}

#[tokio::test]
async fn a_wrong_client_is_refused_without_a_verdict_on_the_token() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let mut body = refresh_body(login.refresh());
    body["client_id"] = json!("00000000-0000-4000-8000-000000000000");
    let (status, answer) = send(rig.token(&body)).await;
    assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")));
    assert!(rig.sim.is_alive(login.refresh()));
}

#[tokio::test]
async fn the_scope_is_optional_and_the_answer_names_only_what_was_granted() {
    let rig = Rig::new();
    let stored = ["user:inference".to_owned(), "user:profile".to_owned()];
    let wish = SignIn { scopes: Some(stored.to_vec()), ..SignIn::new("work", None) };
    let login = rig.sim.sign_in(&wish).unwrap();
    let mut body = refresh_body(login.refresh());
    body["scope"] = json!("user:profile user:inference user:sessions:claude_code user:plugins");
    let answer = ok(rig.token(&body)).await;
    assert_eq!(answer["scope"], "user:inference user:profile");
    assert_eq!(rig.sim.requests()[0].scope.as_deref(), body["scope"].as_str());
    let answer = ok(rig.refresh(answer["refresh_token"].as_str().unwrap())).await;
    assert_eq!(answer["scope"], "user:inference user:profile");
    let mut body = refresh_body(answer["refresh_token"].as_str().unwrap());
    body["scope"] = json!("org:desktop_config");
    let (status, answer) = send(rig.token(&body)).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_scope")));
    assert!(rig.sim.is_alive(body["refresh_token"].as_str().unwrap()));
}

#[tokio::test]
async fn revocation_ends_the_login_and_says_nothing_about_unknown_tokens() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let revoke = |token: &str, client: Value| {
        let body = json!({ "token": token, "token_type_hint": "refresh_token", "client_id": client });
        rig.http.post(rig.url("/v1/oauth/token/revoke")).json(&body)
    };
    assert_eq!(send(revoke(login.refresh(), Value::Null)).await.0, 400);
    assert_eq!(send(revoke(login.refresh(), json!("other"))).await.0, 401);
    ok(revoke("sk-ant-ort01-sim-work-unknown", json!(CLIENT_ID))).await;
    assert!(rig.sim.is_alive(login.refresh()));
    ok(revoke(login.refresh(), json!(CLIENT_ID))).await;
    assert_eq!(rig.sim.state(login.login), Some(LoginState::Revoked { why: RevokedWhy::Logout }));
    assert!(!rig.sim.access_is_alive(&login.access_token));
    assert_eq!(send(rig.refresh(login.refresh())).await, (400, invalid_grant()));
}
