//! Profile, account and roles: who a token speaks for, and how it is refused (§F1 to §F4, §D8).

use crate::{HOUR_MS, Rig, START_MS, ok, send};
use provider_sim::{Account, SignIn};
use serde_json::{Value, json};

const PLACES: [&str; 4] =
    ["/api/oauth/profile", "/api/oauth/account", "/api/oauth/claude_cli/roles", "/api/oauth/usage"];

#[tokio::test]
async fn the_profile_names_the_account_and_the_organization_of_the_token() {
    let rig = Rig::new();
    let login = rig.sim.login("ada", Some("Lovelace Ltd")).unwrap();
    let body = ok(rig.get("/api/oauth/profile", &login.access_token)).await;
    assert_eq!(body["account"]["uuid"], login.seat.identity.account_uuid.as_str());
    assert_eq!(body["account"]["email"], "ada@home.example");
    assert_eq!(body["account"]["display_name"], "Ada");
    assert_eq!(body["account"]["has_claude_max"], true);
    assert_eq!(body["account"]["has_claude_pro"], false);
    assert_eq!(body["organization"]["uuid"], login.seat.identity.organization_uuid.as_str());
    assert_eq!(body["organization"]["name"], "Lovelace Ltd");
    assert_eq!(body["organization"]["organization_type"], "claude_team");
    assert_eq!(body["organization"]["subscription_status"], "active");
    assert_eq!(body["application"]["slug"], "claude-code");
    for member in ["full_name", "created_at"] {
        assert!(body["account"][member].is_string(), "{member}");
    }
    for member in ["billing_type", "rate_limit_tier", "has_extra_usage_enabled", "subscription_created_at"] {
        assert!(!body["organization"][member].is_null(), "{member}");
    }
}

#[tokio::test]
async fn one_person_in_two_organizations_is_two_identities_under_one_e_mail() {
    let rig = Rig::new();
    let home = rig.sim.login("ada", Some("Home")).unwrap();
    let works = rig.sim.login("ada", Some("Lovelace Ltd")).unwrap();
    let home = ok(rig.get("/api/oauth/profile", &home.access_token)).await;
    let works = ok(rig.get("/api/oauth/profile", &works.access_token)).await;
    assert_eq!(home["account"], works["account"]);
    assert_ne!(home["organization"]["uuid"], works["organization"]["uuid"]);
    assert_eq!(home["organization"]["rate_limit_tier"], "default_claude_max_5x");
}

#[tokio::test]
async fn the_account_endpoint_lists_every_organization_and_does_not_say_which_is_meant() {
    let rig = Rig::new();
    let home = rig.sim.login("ada", Some("Home")).unwrap();
    let works = rig.sim.login("ada", Some("Lovelace Ltd")).unwrap();
    let body = ok(rig.get("/api/oauth/account", &works.access_token)).await;
    assert_eq!(body, ok(rig.get("/api/oauth/account", &home.access_token)).await);
    assert_eq!(body["uuid"], works.seat.identity.account_uuid.as_str());
    assert_eq!(body["email_address"], "ada@home.example");
    let memberships = body["memberships"].as_array().unwrap();
    let names: Vec<&Value> = memberships.iter().map(|m| &m["organization"]["name"]).collect();
    assert_eq!(names, ["Home", "Lovelace Ltd"]);
    assert_eq!(memberships[1]["organization"]["capabilities"], json!(["chat", "claude_team"]));
    assert_eq!(memberships[0]["role"], "admin");
}

#[tokio::test]
async fn the_roles_endpoint_has_the_three_members_the_client_reads() {
    let rig = Rig::new();
    let login = rig.sim.login("ada", None).unwrap();
    let body = ok(rig.get("/api/oauth/claude_cli/roles", &login.access_token)).await;
    assert_eq!(body, json!({ "organization_role": "admin", "workspace_role": null, "organization_name": "Home" }));
}

#[tokio::test]
async fn an_expired_access_token_is_refused_with_its_own_words_and_the_login_lives() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    assert_eq!(login.expires_at_ms, START_MS + 8 * HOUR_MS);
    rig.sim.advance_ms(8 * HOUR_MS - 1);
    ok(rig.get("/api/oauth/profile", &login.access_token)).await;
    rig.sim.advance_ms(1);
    for place in PLACES {
        let (status, body) = send(rig.get(place, &login.access_token)).await;
        assert_eq!((status, &body["error"]["type"]), (401, &json!("authentication_error")), "{place}");
        let words = "OAuth token has expired. Please obtain a new token or refresh your existing token.";
        assert_eq!(body["error"]["message"], words);
        assert!(body["request_id"].as_str().unwrap().starts_with("req_"));
    }
    assert!(rig.sim.is_alive(login.refresh()));
}

#[tokio::test]
async fn a_withdrawn_access_token_is_refused_before_its_expiry_and_a_refresh_mends_it() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.withdraw_access(login.login);
    let (status, body) = send(rig.get("/api/oauth/profile", &login.access_token)).await;
    assert_eq!((status, &body["error"]["message"]), (401, &json!("OAuth access token has been revoked")));
    let fresh = ok(rig.refresh(login.refresh())).await;
    ok(rig.get("/api/oauth/profile", fresh["access_token"].as_str().unwrap())).await;
}

#[tokio::test]
async fn no_token_and_an_unknown_token_are_refused() {
    let rig = Rig::new();
    for place in PLACES {
        let (status, body) = send(rig.http.get(rig.url(place))).await;
        assert_eq!((status, &body["error"]["type"]), (401, &json!("authentication_error")), "{place}");
        let (status, body) = send(rig.get(place, "sk-ant-oat01-sim-nobody")).await;
        assert_eq!((status, &body["error"]["message"]), (401, &json!("Invalid bearer token")), "{place}");
    }
}

#[tokio::test]
async fn a_setup_token_may_send_messages_but_not_read_identity_or_usage() {
    let rig = Rig::new();
    let setup = rig.sim.setup_token("work", None).unwrap();
    assert_eq!((setup.refresh_token.as_ref(), setup.refresh_expires_at_ms), (None, None));
    assert_eq!(setup.expires_at_ms, START_MS + 31_536_000_000);
    assert_eq!(setup.scopes, ["user:inference"]);
    for place in PLACES {
        let (status, body) = send(rig.get(place, &setup.access_token)).await;
        assert_eq!((status, &body["error"]["type"]), (403, &json!("permission_error")), "{place}");
        assert_eq!(body["error"]["message"], "OAuth token does not meet scope requirement user:profile");
        assert_eq!(body["error"]["details"], json!({ "error_visibility": "user_facing" }));
    }
    ok(rig.message(&setup.access_token, "claude-haiku-4-5")).await;
}

#[tokio::test]
async fn a_login_without_inference_may_read_but_not_send_messages() {
    let rig = Rig::new();
    let wish = SignIn { scopes: Some(vec!["user:profile".into()]), ..SignIn::new("work", None) };
    let login = rig.sim.sign_in(&wish).unwrap();
    ok(rig.usage(&login.access_token)).await;
    let (status, body) = send(rig.message(&login.access_token, "claude-haiku-4-5")).await;
    assert_eq!(status, 403);
    assert_eq!(body["error"]["message"], "OAuth token does not meet scope requirement user:inference");
}

#[tokio::test]
async fn two_accounts_under_one_e_mail_are_told_apart_by_uuid() {
    let rig = Rig::new();
    rig.sim.add_account(Account::new("twin", "ada@work.example"));
    let one = rig.sim.login("work", None).unwrap();
    let two = rig.sim.login("twin", None).unwrap();
    let one = ok(rig.get("/api/oauth/profile", &one.access_token)).await;
    let two = ok(rig.get("/api/oauth/profile", &two.access_token)).await;
    assert_eq!(one["account"]["email"], two["account"]["email"]);
    assert_ne!(one["account"]["uuid"], two["account"]["uuid"]);
}
