//! The admin API: a caller in another process can do and ask what the handle can.

use crate::{Rig, START_MS, ok, send};
use serde_json::{Value, json};

impl Rig {
    async fn admin(&self, path: &str, body: Value) -> (u16, Value) {
        send(self.http.post(self.url(&format!("/admin/{path}"))).json(&body)).await
    }

    async fn ask(&self, path: &str) -> Value {
        ok(self.http.get(self.url(&format!("/admin/{path}")))).await
    }
}

#[tokio::test]
async fn an_account_and_a_login_can_be_made_and_the_tokens_work() {
    let rig = Rig::new();
    let spec = json!({ "key": "side", "email": "side@x.example",
        "organizations": [{ "name": "Side", "organization_type": "claude_pro" }] });
    let (status, account) = rig.admin("account", spec).await;
    assert_eq!((status, &account["organizations"][0]["rate_limit_tier"]), (200, &json!("default_claude_ai")));
    let (status, login) = rig.admin("login", json!({ "account": "side" })).await;
    assert_eq!(status, 200);
    let stored = &login["claude_ai_oauth"];
    assert_eq!(stored["accessToken"], login["access_token"]);
    assert_eq!((&stored["subscriptionType"], &stored["expiresAt"]), (&json!("pro"), &login["expires_at_ms"]));
    assert_eq!(login["oauth_account"]["emailAddress"], "side@x.example");
    assert_eq!(login["oauth_account"]["organizationUuid"], login["organization_uuid"]);
    let profile = ok(rig.get("/api/oauth/profile", login["access_token"].as_str().unwrap())).await;
    assert_eq!(profile["organization"]["organization_type"], "claude_pro");
}

#[tokio::test]
async fn the_state_tells_what_became_of_each_login_without_a_token() {
    let rig = Rig::new();
    let first = rig.sim.login("work", None).unwrap();
    rig.sim.refresh(first.refresh()).unwrap();
    let second = rig.sim.login("ada", None).unwrap();
    rig.admin(&format!("login/{}/end", second.login.0), json!({})).await;
    let state = rig.ask("state").await;
    assert_eq!(state["now_ms"], START_MS);
    assert_eq!((&state["logins"][0]["state"], &state["logins"][0]["refreshes"]), (&json!("alive"), &json!(1)));
    assert_eq!((&state["logins"][1]["state"], &state["logins"][1]["why"]), (&json!("revoked"), &json!("admin")));
    assert!(!state.to_string().contains("sk-ant-"));
}

#[tokio::test]
async fn the_newest_pair_and_the_life_of_a_token_can_be_asked() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.refresh(login.refresh()).unwrap();
    let newest = rig.ask(&format!("login/{}/newest", login.login.0)).await;
    let alive = async |token: &Value| rig.admin("alive", json!({ "refresh_token": token })).await.1;
    assert_eq!(alive(&newest["refresh_token"]).await, json!({ "alive": true, "login": login.login }));
    assert_eq!(alive(&json!(login.refresh())).await, json!({ "alive": false, "login": login.login }));
    assert_eq!(rig.ask(&format!("login/{}", login.login.0)).await["refreshes"], 1);
}

#[tokio::test]
async fn the_clock_can_be_advanced_frozen_and_let_go() {
    let rig = Rig::new();
    let (_, clock) = rig.admin("clock", json!({ "advance_ms": 5_000 })).await;
    assert_eq!(clock, json!({ "now_ms": START_MS + 5_000, "frozen": true }));
    let (_, clock) = rig.admin("clock", json!({ "frozen": false })).await;
    assert_eq!(clock["frozen"], false);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert!(rig.ask("clock").await["now_ms"].as_i64().unwrap() > START_MS + 5_000);
}

#[tokio::test]
async fn faults_can_be_queued_seen_and_cleared() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let fault = json!({ "endpoint": "profile", "kind": "status", "status": 503, "times": 2 });
    let (status, waiting) = rig.admin("faults", fault).await;
    assert_eq!((status, waiting.as_array().unwrap().len()), (200, 1));
    assert_eq!(send(rig.get("/api/oauth/profile", &login.access_token)).await.0, 503);
    assert_eq!(rig.ask("faults").await[0]["times"], 1);
    ok(rig.http.delete(rig.url("/admin/faults"))).await;
    ok(rig.get("/api/oauth/profile", &login.access_token)).await;
}

#[tokio::test]
async fn usage_can_be_set_burned_and_read_back() {
    let rig = Rig::new();
    let usage = json!({ "style": "limits", "windows": [
        { "kind": "five_hour", "utilization": 10, "resets_in_s": 60 },
        { "kind": "weekly_scoped", "model": "Opus", "utilization": 20 } ] });
    rig.admin("usage", json!({ "account": "work", "usage": usage })).await;
    let wish = json!({ "account": "work", "model": "claude-opus-4", "burn": { "five_hour": 5, "scoped": 7 } });
    let (status, after) = rig.admin("burn", wish).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&after["windows"][0]["utilization"], &after["windows"][1]["utilization"]),
        (&json!(15.0), &json!(27.0))
    );
    assert_eq!(after["windows"][0]["resets_at_ms"], START_MS + 60_000);
    assert_eq!(rig.ask("usage?account=work").await, after);
}

#[tokio::test]
async fn options_change_what_the_endpoints_do() {
    let rig = Rig::new();
    let wish =
        json!({ "usage_budget": 0, "retry_after": { "seconds": 0 }, "omit_refresh_token": true, "access_life_s": 60 });
    assert_eq!(rig.admin("options", wish).await.0, 200);
    let login = rig.sim.login("work", None).unwrap();
    assert_eq!(login.expires_at_ms, START_MS + 60_000);
    let response = rig.usage(&login.access_token).send().await.unwrap();
    assert_eq!((response.status().as_u16(), crate::header(&response, "retry-after").as_deref()), (429, Some("0")));
    assert!(ok(rig.refresh(login.refresh())).await.get("refresh_token").is_none());
}

#[tokio::test]
async fn the_request_log_leaves_the_admin_api_out_and_can_be_emptied() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    ok(rig.get("/api/oauth/profile", &login.access_token)).await;
    let log = rig.ask("requests").await;
    assert_eq!(log.as_array().unwrap().len(), 1);
    assert_eq!(
        (&log[0]["endpoint"], &log[0]["status"], &log[0]["account"]),
        (&json!("profile"), &json!(200), &json!("work"))
    );
    ok(rig.http.delete(rig.url("/admin/requests"))).await;
    assert_eq!(rig.ask("requests").await, json!([]));
}

#[tokio::test]
async fn a_wrong_wish_is_refused_in_json_and_says_why() {
    let rig = Rig::new();
    for (path, body, status, word) in [
        ("login", json!({ "account": "nobody" }), 404, "nobody"),
        ("login", json!({ "account": "ada", "organization": "Elsewhere" }), 404, "Elsewhere"),
        ("login/99/end", json!({}), 404, "login"),
        ("faults", json!({ "endpoint": "token", "kind": "explode" }), 400, "explode"),
        ("clock", json!({ "advance": 5 }), 400, "advance"),
    ] {
        let (answered, body) = rig.admin(path, body).await;
        assert_eq!(answered, status, "{path}: {body}");
        assert!(body["error"].as_str().unwrap().contains(word), "{path}: {body}");
    }
}
