//! The JSON of `GET /api/oauth/usage` and the rate-limit headers of a model answer (`docs/claude-code.md` §G).
//! The numbers come from `usage.rs`; this file only writes them down.

use crate::random::Random;
use crate::usage::{Usage, UsageStyle, Window, WindowKind};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// The usage answer. `jitter_ms` moves each flat `resets_at` by up to that much, as the real server's answers do (§G).
pub fn usage_body(usage: &Usage, jitter_ms: u64, random: &mut Random) -> Value {
    let mut body = Map::new();
    for (name, kind) in [("five_hour", WindowKind::FiveHour), ("seven_day", WindowKind::SevenDay)] {
        let flat = match usage.style {
            UsageStyle::Limits | UsageStyle::Nulls => None,
            UsageStyle::Flat | UsageStyle::Both => usage.window(kind),
        };
        body.insert(name.into(), flat.map_or(Value::Null, |window| flat_window(window, jitter_ms, random)));
    }
    for name in ["seven_day_oauth_apps", "seven_day_opus", "seven_day_sonnet", "seven_day_cowork", "iguana_necktie"] {
        body.insert(name.into(), Value::Null);
    }
    body.insert("extra_usage".into(), extra_usage(usage.style));
    match usage.style {
        UsageStyle::Flat => {}
        UsageStyle::Nulls => {
            body.insert("limits".into(), Value::Null);
            body.insert("spend".into(), Value::Null);
        }
        UsageStyle::Limits | UsageStyle::Both => {
            body.insert("limits".into(), limits(&usage.windows));
            body.insert("spend".into(), spend());
        }
    }
    body.extend(usage.members.clone());
    Value::Object(body)
}

fn flat_window(window: &Window, jitter_ms: u64, random: &mut Random) -> Value {
    let jitter = i64::try_from(random.up_to(jitter_ms)).unwrap_or(0);
    let resets_at = window.resets_at_ms.and_then(|ms| {
        let at = DateTime::<Utc>::from_timestamp_millis(ms + jitter)?;
        Some(at.to_rfc3339_opts(SecondsFormat::Micros, false))
    });
    json!({ "utilization": window.utilization, "resets_at": resets_at })
}

fn limits(windows: &[Window]) -> Value {
    let highest = windows.iter().map(|w| w.utilization).fold(0.0, f64::max);
    windows.iter().map(|window| limit(window, highest)).collect()
}

fn limit(window: &Window, highest: f64) -> Value {
    let (kind, group) = match window.kind {
        WindowKind::FiveHour => ("session", "session"),
        WindowKind::SevenDay => ("weekly_all", "weekly"),
        WindowKind::WeeklyScoped => ("weekly_scoped", "weekly"),
    };
    let severity = match window.utilization {
        used if used >= 100.0 => "critical",
        used if used >= 80.0 => "warning",
        _ => "normal",
    };
    let resets_at = window
        .resets_at_ms
        .and_then(DateTime::<Utc>::from_timestamp_millis)
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let scope =
        window.model.as_ref().map(|name| json!({ "model": { "id": null, "display_name": name }, "surface": null }));
    json!({
        "kind": kind,
        "group": group,
        "percent": whole(window.utilization),
        "severity": severity,
        "resets_at": resets_at,
        "scope": scope,
        "is_active": severity != "normal" && window.utilization >= highest,
    })
}

fn extra_usage(style: UsageStyle) -> Value {
    if style == UsageStyle::Nulls {
        return Value::Null;
    }
    json!({
        "is_enabled": false, "monthly_limit": null, "used_credits": null,
        "utilization": null, "currency": "USD", "decimal_places": 2,
    })
}

fn spend() -> Value {
    json!({
        "used": { "amount_minor": 0, "currency": "USD", "exponent": 2 },
        "limit": null, "percent": 0, "severity": "normal", "enabled": false, "disabled_reason": null,
    })
}

/// Percent as the integer that `limits[]` shows.
#[expect(clippy::cast_possible_truncation, reason = "a percentage is far inside the range of an i64")]
fn whole(percent: f64) -> i64 {
    percent.round() as i64
}

/// The unified rate-limit headers of `/v1/messages`: fractions and epoch seconds (§G).
pub fn ratelimit_headers(usage: &Usage, rejected_by: Option<&Window>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let mut put = |name: &str, value: String| headers.push((format!("anthropic-ratelimit-unified-{name}"), value));
    put("status", if rejected_by.is_some() { "rejected" } else { "allowed" }.to_owned());
    let claim = rejected_by.map_or(WindowKind::FiveHour, |window| window.kind);
    put("representative-claim", if claim == WindowKind::FiveHour { "five_hour" } else { "seven_day" }.to_owned());
    if let Some(reset) = rejected_by.or_else(|| usage.window(claim)).and_then(|window| window.resets_at_ms) {
        put("reset", (reset / 1_000).to_string());
    }
    for (name, kind) in [("5h", WindowKind::FiveHour), ("7d", WindowKind::SevenDay)] {
        let Some(window) = usage.window(kind) else {
            continue;
        };
        let full = window.utilization >= 100.0;
        put(&format!("{name}-status"), if full { "rejected" } else { "allowed" }.to_owned());
        put(&format!("{name}-utilization"), format!("{:.4}", window.utilization / 100.0));
        if let Some(reset) = window.resets_at_ms {
            put(&format!("{name}-reset"), (reset / 1_000).to_string());
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(style: UsageStyle) -> Value {
        let usage = Usage::of(vec![
            Window::new(WindowKind::FiveHour, 47.5, Some(1_795_000_000_000)),
            Window::new(WindowKind::SevenDay, 104.0, None),
            Window::of_model("Opus", 88.0, Some(1_795_100_000_000)),
        ]);
        usage_body(&usage.styled(style), 0, &mut Random::seeded(1))
    }

    #[test]
    fn flat_windows_carry_microseconds_and_an_offset_and_may_exceed_100() {
        let body = body(UsageStyle::Flat);
        assert_eq!(body["five_hour"], json!({"utilization": 47.5, "resets_at": "2026-11-18T11:06:40.000000+00:00"}));
        assert_eq!(body["seven_day"], json!({"utilization": 104.0, "resets_at": null}));
        assert!(body.get("limits").is_none());
        assert_eq!(body["seven_day_opus"], Value::Null);
    }

    #[test]
    fn limits_alone_leave_the_flat_windows_null() {
        let body = body(UsageStyle::Limits);
        assert_eq!(body["five_hour"], Value::Null);
        assert_eq!(body["seven_day"], Value::Null);
        let kinds: Vec<&str> =
            body["limits"].as_array().expect("limits").iter().filter_map(|l| l["kind"].as_str()).collect();
        assert_eq!(kinds, ["session", "weekly_all", "weekly_scoped"]);
        assert_eq!(body["limits"][0]["percent"], 48);
        assert_eq!(body["limits"][0]["resets_at"], "2026-11-18T11:06:40Z");
        assert_eq!(body["limits"][1]["percent"], 104);
        assert_eq!(body["limits"][1]["is_active"], true);
    }

    #[test]
    fn a_model_cap_appears_only_in_limits() {
        let body = body(UsageStyle::Both);
        assert_eq!(body["limits"][2]["scope"]["model"]["display_name"], "Opus");
        assert_eq!(body["limits"][2]["severity"], "warning");
        assert_eq!(body["seven_day_opus"], Value::Null);
        assert!(body["five_hour"].is_object());
    }

    #[test]
    fn the_null_style_has_every_member_and_no_value() {
        let body = body(UsageStyle::Nulls);
        assert!(body.as_object().expect("object").values().all(Value::is_null));
        assert!(body.get("limits").is_some());
    }

    #[test]
    fn a_reset_time_jitters_by_no_more_than_asked_for() {
        let usage = Usage::of(vec![Window::new(WindowKind::FiveHour, 1.0, Some(1_795_000_000_000))]);
        let mut random = Random::seeded(3);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let body = usage_body(&usage, 2_000, &mut random);
            let at = body["five_hour"]["resets_at"].as_str().expect("a time").to_owned();
            let ms = DateTime::parse_from_rfc3339(&at).expect("rfc 3339").timestamp_millis() - 1_795_000_000_000;
            assert!((0..=2_000).contains(&ms));
            seen.insert(ms);
        }
        assert!(seen.len() > 10);
    }

    #[test]
    fn headers_give_fractions_and_epoch_seconds() {
        let usage = Usage::of(vec![Window::new(WindowKind::FiveHour, 102.0, Some(1_795_000_000_000))]);
        let headers = ratelimit_headers(&usage, usage.exhausted("claude-haiku"));
        let value = |name: &str| {
            headers.iter().find(|(n, _)| n == &format!("anthropic-ratelimit-unified-{name}")).map(|(_, v)| v.as_str())
        };
        assert_eq!(value("status"), Some("rejected"));
        assert_eq!(value("5h-utilization"), Some("1.0200"));
        assert_eq!(value("5h-reset"), Some("1795000000"));
        assert_eq!(value("representative-claim"), Some("five_hour"));
    }
}
