//! The usage endpoint and model requests: the shapes of the answer, roll-over, and what a request burns (§G).

use crate::{DAY_MS, HOUR_MS, Rig, START_MS, header, ok, send};
use provider_sim::{Burn, OAUTH_BETA, Usage, UsageStyle, Window, WindowKind};
use serde_json::{Value, json};

fn three_windows() -> Usage {
    Usage::of(vec![
        Window::new(WindowKind::FiveHour, 41.5, Some(START_MS + HOUR_MS)),
        Window::new(WindowKind::SevenDay, 104.0, Some(START_MS + 2 * DAY_MS)),
        Window::of_model("Opus", 88.0, Some(START_MS + 3 * DAY_MS)),
    ])
}

#[tokio::test]
async fn usage_needs_the_beta_header_and_the_profile_does_not() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let (status, body) = send(rig.get("/api/oauth/usage", &login.access_token)).await;
    assert_eq!((status, &body["error"]["type"]), (400, &json!("invalid_request_error")));
    let many = format!("claude-code-20250219, {OAUTH_BETA}");
    ok(rig.get("/api/oauth/usage", &login.access_token).header("anthropic-beta", many)).await;
    ok(rig.get("/api/oauth/profile", &login.access_token)).await;
}

#[tokio::test]
async fn usage_reports_flat_windows_and_limits_and_may_exceed_a_hundred_percent() {
    let rig = Rig::new();
    rig.sim.set_usage("work", None, three_windows()).unwrap();
    let login = rig.sim.login("work", None).unwrap();
    let body = ok(rig.usage(&login.access_token)).await;
    assert_eq!(body["five_hour"], json!({ "utilization": 41.5, "resets_at": "2026-11-18T12:06:40.000000+00:00" }));
    assert_eq!(body["seven_day"]["utilization"], 104.0);
    assert_eq!(body["seven_day_opus"], Value::Null);
    assert_eq!(body["limits"][2]["kind"], "weekly_scoped");
    assert_eq!(body["limits"][2]["scope"], json!({ "model": { "id": null, "display_name": "Opus" }, "surface": null }));
    assert_eq!(body["limits"][2]["percent"], 88);
    assert_eq!(body["limits"][1]["percent"], 104);
    assert!(body["extra_usage"].is_object() && body["spend"].is_object());
}

#[tokio::test]
async fn an_account_may_report_only_flat_windows_only_limits_or_only_nulls() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let answer = async |style| {
        rig.sim.set_usage("work", None, three_windows().styled(style)).unwrap();
        ok(rig.usage(&login.access_token)).await
    };
    let flat = answer(UsageStyle::Flat).await;
    assert!(flat["five_hour"].is_object() && flat.get("limits").is_none());
    let limits = answer(UsageStyle::Limits).await;
    assert!(limits["five_hour"].is_null() && limits["limits"].as_array().unwrap().len() == 3);
    let nulls = answer(UsageStyle::Nulls).await;
    assert!(nulls.as_object().unwrap().values().all(Value::is_null));
}

#[tokio::test]
async fn any_member_of_the_answer_can_be_scripted() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let mut usage = three_windows();
    let credits = json!({ "is_enabled": true, "monthly_limit": 1000, "used_credits": 250.0 });
    usage.members.insert("extra_usage".into(), credits.clone());
    usage.members.insert("seven_day_fable".into(), json!({ "utilization": 3 }));
    usage.members.insert("five_hour".into(), Value::Null);
    rig.sim.set_usage("work", None, usage).unwrap();
    let body = ok(rig.usage(&login.access_token)).await;
    assert_eq!(body["extra_usage"], credits);
    assert_eq!(body["seven_day_fable"]["utilization"], 3);
    assert!(body["five_hour"].is_null());
}

#[tokio::test]
async fn a_window_rolls_over_when_the_clock_passes_its_reset() {
    let rig = Rig::new();
    rig.sim.set_usage("work", None, three_windows()).unwrap();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.advance_ms(HOUR_MS);
    let body = ok(rig.usage(&login.access_token)).await;
    assert_eq!(body["five_hour"], json!({ "utilization": 0.0, "resets_at": null }));
    assert_eq!(body["seven_day"]["utilization"], 104.0);
}

#[tokio::test]
async fn usage_belongs_to_the_identity_not_to_the_login() {
    let rig = Rig::new();
    rig.sim.set_usage("ada", Some("Home"), three_windows()).unwrap();
    let home = [rig.sim.login("ada", Some("Home")).unwrap(), rig.sim.login("ada", Some("Home")).unwrap()];
    let works = rig.sim.login("ada", Some("Lovelace Ltd")).unwrap();
    for login in home {
        assert_eq!(ok(rig.usage(&login.access_token)).await["five_hour"]["utilization"], 41.5);
    }
    assert_eq!(ok(rig.usage(&works.access_token)).await["five_hour"]["utilization"], 0.0);
}

#[tokio::test]
async fn a_reset_time_wanders_by_up_to_two_seconds_unless_told_otherwise() {
    let rig = Rig::new();
    rig.sim.reconfigure(|options| options.reset_jitter_ms = 2_000);
    rig.sim.set_usage("work", None, three_windows()).unwrap();
    let login = rig.sim.login("work", None).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let body = ok(rig.usage(&login.access_token)).await;
        let at = chrono::DateTime::parse_from_rfc3339(body["five_hour"]["resets_at"].as_str().unwrap()).unwrap();
        seen.insert(at.timestamp_millis() - START_MS - HOUR_MS);
    }
    assert!(seen.len() > 1 && seen.iter().all(|ms| (0..=2_000).contains(ms)), "{seen:?}");
}

#[tokio::test]
async fn a_model_request_burns_usage_starts_the_windows_and_tells_so_in_headers() {
    let rig = Rig::new();
    let mut usage = Usage { windows: vec![], ..Usage::default() };
    usage.windows.push(Window::new(WindowKind::FiveHour, 0.0, None));
    usage.windows.push(Window::of_model("Opus", 10.0, None));
    usage.burn = Burn { five_hour: 2.5, seven_day: 0.0, scoped: 1.5 };
    rig.sim.set_usage("work", None, usage).unwrap();
    let login = rig.sim.login("work", None).unwrap();
    let response = rig.message(&login.access_token, "claude-opus-4-6").send().await.unwrap();
    let said = |name: &str| header(&response, &format!("anthropic-ratelimit-unified-{name}"));
    assert_eq!(said("status").as_deref(), Some("allowed"));
    assert_eq!(said("5h-utilization").as_deref(), Some("0.0250"));
    assert_eq!(said("5h-reset"), Some(((START_MS + 5 * HOUR_MS) / 1_000).to_string()));
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["type"], &body["model"]), (&json!("message"), &json!("claude-opus-4-6")));
    ok(rig.message(&login.access_token, "claude-haiku-4-5")).await;
    let windows = rig.sim.usage("work", None).unwrap().windows;
    assert!((windows[0].utilization - 5.0).abs() < 1e-9);
    assert!((windows[1].utilization - 11.5).abs() < 1e-9);
    assert_eq!(windows[0].resets_at_ms, Some(START_MS + 5 * HOUR_MS));
}

#[tokio::test]
async fn a_model_request_is_refused_at_a_hundred_percent_until_the_window_resets() {
    let rig = Rig::new();
    let windows = vec![Window::new(WindowKind::FiveHour, 99.5, Some(START_MS + HOUR_MS))];
    rig.sim.set_usage("work", None, Usage::of(windows)).unwrap();
    let login = rig.sim.login("work", None).unwrap();
    ok(rig.message(&login.access_token, "claude-haiku-4-5")).await;
    let response = rig.message(&login.access_token, "claude-haiku-4-5").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 429);
    assert_eq!(header(&response, "retry-after").as_deref(), Some("3600"));
    assert_eq!(header(&response, "anthropic-ratelimit-unified-status").as_deref(), Some("rejected"));
    assert_eq!(header(&response, "anthropic-ratelimit-unified-5h-utilization").as_deref(), Some("1.0050"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["type"], "rate_limit_error");
    assert!((rig.sim.usage("work", None).unwrap().windows[0].utilization - 100.5).abs() < 1e-9);
    rig.sim.advance_ms(HOUR_MS);
    ok(rig.message(&login.access_token, "claude-haiku-4-5")).await;
}

#[tokio::test]
async fn a_model_limit_stops_that_model_alone() {
    let rig = Rig::new();
    rig.sim.set_usage("work", None, Usage::of(vec![Window::of_model("Opus", 100.0, None)])).unwrap();
    let login = rig.sim.login("work", None).unwrap();
    assert_eq!(send(rig.message(&login.access_token, "claude-opus-4-6")).await.0, 429);
    assert_eq!(send(rig.message(&login.access_token, "claude-sonnet-4-5")).await.0, 200);
}
