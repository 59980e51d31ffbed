//! Tables: what every answer means.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

/// 2026-11-21 12:00:00 UTC.
const NOW: Timestamp = Timestamp::from_ms(1_795_262_400_000);
const PROFILE: &str = r#"{"account":{"uuid":"acc-1","email":"ada@example.com"},"organization":{"uuid":"org-1","name":"Ada's",
    "organization_type":"claude_max","rate_limit_tier":"default_claude_max_20x"},"application":{"name":"Claude Code"}}"#;
const SCOPE: &str = r#"{"type":"error","error":{"type":"permission_error",
    "message":"OAuth token does not meet scope requirement user:profile"}}"#;
const ANY_SCOPE: &str = r#"{"error":{"type":"permission_error",
    "message":"OAuth token does not meet scope requirement any_of(user:profile, user:office)."}}"#;
const NOT_ALLOWED: &str = r#"{"error":{"type":"permission_error","message":"oauth_org_not_allowed"}}"#;
const API_ERROR: &str = r#"{"type":"error","error":{"type":"authentication_error","message":"expired"}}"#;
const HTML: &str = "\n<!DOCTYPE html><title>Just a moment...</title>";
const GRANT: &str = r#"{"error":"invalid_grant","error_description":"Refresh token not found or invalid"}"#;
const OLD: &str = "sk-ant-ort01-sim-old";

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        content_type: None,
        retry_after: None,
        date: None,
        body: Ok(Zeroizing::new(body.as_bytes().to_vec())),
    }
}

fn cut(status: u16, cut: Cut) -> Answer {
    Answer { body: Err(cut), ..answer(status, "") }
}

fn refresh(outcome: Result<Answer, Silence>) -> Result<Renewal, RefreshError> {
    renewal(outcome, RefreshToken::new(OLD.to_owned()), NOW)
}

#[test]
fn every_answer_to_a_reading_request_has_its_meaning() {
    use ProviderError as E;
    let throttled = E::Throttled { retry_after_s: None };
    let missing = |scope: &str| E::MissingScope { scope: scope.to_owned() };
    let html = Answer { content_type: Some("text/html; charset=UTF-8".to_owned()), ..answer(403, "denied") };
    let table = [
        ("an expired token", Ok(answer(401, API_ERROR)), E::Unauthorized),
        ("an expired token without a body", Ok(answer(401, "")), E::Unauthorized),
        ("a 401 page of the edge", Ok(answer(401, HTML)), E::Refused { status: 401 }),
        ("a missing scope", Ok(answer(403, SCOPE)), missing("user:profile")),
        ("one of two scopes", Ok(answer(403, ANY_SCOPE)), missing("user:profile or user:office")),
        ("a forbidden organisation", Ok(answer(403, NOT_ALLOWED)), E::Refused { status: 403 }),
        ("a 403 that is cut", Ok(cut(403, Cut::Short)), E::Refused { status: 403 }),
        ("declared HTML", Ok(html), E::Refused { status: 403 }),
        ("a 200 page of a portal", Ok(answer(200, HTML)), E::Refused { status: 200 }),
        ("a redirect", Ok(answer(302, "")), E::Refused { status: 302 }),
        ("not found", Ok(answer(404, "{}")), E::Refused { status: 404 }),
        ("throttled", Ok(answer(429, "")), throttled.clone()),
        ("throttled by the edge", Ok(answer(429, HTML)), throttled),
        ("broken", Ok(answer(500, "{}")), E::Failed { status: 500 }),
        ("a bad gateway page", Ok(answer(502, HTML)), E::Failed { status: 502 }),
        ("half a body", Ok(cut(200, Cut::Short)), E::Garbled),
        ("an endless body", Ok(cut(200, Cut::TooLong)), E::Garbled),
        ("a body that stalls", Ok(cut(200, Cut::TimedOut)), E::TimedOut),
        ("no body", Ok(answer(200, "")), E::Garbled),
        ("no JSON", Ok(answer(200, "sure")), E::Garbled),
        ("an array", Ok(answer(200, "[]")), E::Garbled),
        ("no connection", Err(Silence::NotSent), E::Unreachable),
        ("a lost connection", Err(Silence::Lost), E::Unreachable),
        ("no patience", Err(Silence::TimedOut), E::TimedOut),
    ];
    for (case, outcome, expected) in table {
        let again = match &outcome {
            Ok(first) => Ok(Answer {
                status: first.status,
                content_type: first.content_type.clone(),
                retry_after: None,
                date: None,
                body: first.body.clone(),
            }),
            Err(silence) => Err(*silence),
        };
        assert_eq!(account(outcome, NOW), Err(expected.clone()), "identify: {case}");
        assert_eq!(usage(again, NOW), Err(expected), "usage: {case}");
    }
}

#[test]
fn a_profile_answer_names_the_account_and_its_plan() {
    let account = account(Ok(answer(200, PROFILE)), NOW).unwrap();
    assert_eq!(account.identity, Identity::new("acc-1", "org-1").unwrap());
    assert_eq!(account.email, "ada@example.com");
    assert_eq!(account.plan.as_deref(), Some("Max 20×"));
    assert_eq!(account.organization_name.as_deref(), Some("Ada's"));
}

#[test]
fn a_profile_answer_without_both_uuids_is_garbled_rather_than_somebody_else() {
    let wrong = [
        PROFILE.replace("acc-1", ""),
        PROFILE.replace("org-1", "  "),
        PROFILE.replace("\"acc-1\"", "null"),
        PROFILE.replace("\"org-1\"", "7"),
        PROFILE.replace("\"uuid\"", "\"id\""),
    ];
    for body in wrong {
        assert_eq!(account(Ok(answer(200, &body)), NOW), Err(ProviderError::Garbled), "{body}");
    }
}

#[test]
fn odd_details_of_a_profile_do_not_hide_the_identity() {
    let body = r#"{"account":{"uuid":"acc-1","email":null},"organization":{"uuid":"org-1","name":3}}"#;
    let account = account(Ok(answer(200, body)), NOW).unwrap();
    assert_eq!((account.email.as_str(), account.plan, account.organization_name), ("", None, None));
}

#[test]
fn retry_after_is_read_in_every_form() {
    let table = [
        ("0", Some(0)),
        (" 3600 ", Some(3600)),
        ("Sat, 21 Nov 2026 12:01:30 GMT", Some(90)),
        ("Sat, 21 Nov 2026 11:00:00 GMT", Some(0)),
        ("99999999999999999", Some(RETRY_AFTER_LIMIT_S)),
        ("-5", None),
        ("soon", None),
        ("", None),
    ];
    for (header, expected) in table {
        let throttled = Answer { retry_after: Some(header.to_owned()), ..answer(429, "") };
        let expected = ProviderError::Throttled { retry_after_s: expected };
        assert_eq!(throttled.refusal(NOW), Some(expected), "{header}");
    }
}

#[test]
fn an_http_date_counts_from_the_servers_clock() {
    let throttled = Answer {
        retry_after: Some("Sat, 21 Nov 2026 12:01:30 GMT".to_owned()),
        date: Some("Sat, 21 Nov 2026 12:01:00 GMT".to_owned()),
        ..answer(429, "")
    };
    assert_eq!(throttled.refusal(NOW), Some(ProviderError::Throttled { retry_after_s: Some(30) }));
}

#[test]
fn a_usage_answer_without_windows_counts_only_when_it_says_so() {
    for body in [r#"{"five_hour":null}"#, r#"{"five_hour":null,"seven_day":null,"limits":[],"spend":{}}"#] {
        assert_eq!(usage(Ok(answer(200, body)), NOW), Ok(Usage::default()), "{body}");
    }
    for body in [
        "{}",
        r#"{"type":"error"}"#,
        r#"{"five_hour":"full"}"#,
        r#"{"five_hour":{"utilization":"41"},"seven_day":null}"#,
        r#"{"limits":{}}"#,
        r#"{"limits":[{"kind":"unheard_of","percent":3}]}"#,
    ] {
        assert_eq!(usage(Ok(answer(200, body)), NOW), Err(ProviderError::Garbled), "{body}");
    }
    let partly = r#"{"five_hour":{"utilization":[]},"seven_day":{"utilization":7}}"#;
    assert_eq!(usage(Ok(answer(200, partly)), NOW).unwrap().windows.len(), 1);
}

#[test]
fn only_a_parsed_invalid_grant_ends_a_login() {
    for status in [400, 401, 403] {
        assert!(matches!(refresh(Ok(answer(status, GRANT))), Err(RefreshError::Dead)), "{status}");
    }
    let near_misses = [
        (400, r#"{"error":{"type":"invalid_grant"}}"#),
        (400, r#"{"detail":"invalid_grant"}"#),
        (400, "invalid_grant"),
        (400, r#"{"error":"invalid_grant"#),
        (400, r#"{"error":"Invalid_Grant"}"#),
        (403, "<html>invalid_grant</html>"),
        (500, GRANT),
        (200, GRANT),
        (302, GRANT),
    ];
    for (status, body) in near_misses {
        assert!(!matches!(refresh(Ok(answer(status, body))), Err(RefreshError::Dead)), "{status} {body}");
    }
}

#[test]
fn a_refresh_token_comes_back_only_when_it_was_certainly_not_spent() {
    use ProviderError as E;
    let (refused, failed) = (|status| E::Refused { status }, |status| E::Failed { status });
    let table = [
        ("no connection", Err(Silence::NotSent), true, E::Unreachable),
        ("throttled", Ok(answer(429, "{}")), true, E::Throttled { retry_after_s: None }),
        ("invalid request", Ok(answer(400, r#"{"error":"invalid_request"}"#)), true, refused(400)),
        ("a 400 that is cut", Ok(cut(400, Cut::Short)), true, refused(400)),
        ("invalid client", Ok(answer(401, r#"{"error":"invalid_client"}"#)), true, refused(401)),
        ("a missing scope", Ok(answer(403, SCOPE)), true, refused(403)),
        ("the edge", Ok(answer(403, HTML)), true, refused(403)),
        ("not found", Ok(answer(404, r#"{"error":{"type":"not_found_error"}}"#)), true, refused(404)),
        ("a redirect", Ok(answer(307, "")), true, refused(307)),
        ("a gateway's timeout", Ok(answer(408, "")), false, refused(408)),
        ("broken", Ok(answer(500, "{}")), false, failed(500)),
        ("a bad gateway page", Ok(answer(502, HTML)), false, failed(502)),
        ("a 200 page of a portal", Ok(answer(200, HTML)), false, refused(200)),
        ("a lost connection", Err(Silence::Lost), false, E::Unreachable),
        ("no patience", Err(Silence::TimedOut), false, E::TimedOut),
        ("half a body", Ok(cut(200, Cut::Short)), false, E::Garbled),
        ("a body that stalls", Ok(cut(200, Cut::TimedOut)), false, E::TimedOut),
        ("no JSON", Ok(answer(200, "")), false, E::Garbled),
        ("no access token", Ok(answer(200, r#"{"refresh_token":"sk-ant-ort01-sim-new"}"#)), false, E::Garbled),
        ("an empty access token", Ok(answer(200, r#"{"access_token":""}"#)), false, E::Garbled),
        ("a token that is a number", Ok(answer(200, r#"{"access_token":7}"#)), false, E::Garbled),
    ];
    for (case, outcome, given_back, expected) in table {
        match refresh(outcome) {
            Err(RefreshError::NotSpent { cause, token }) => {
                assert!(given_back, "{case}: given back");
                assert_eq!((cause, token.expose()), (expected, OLD), "{case}");
            }
            Err(RefreshError::Unknown { cause }) => {
                assert!(!given_back, "{case}: not given back");
                assert_eq!(cause, expected, "{case}");
            }
            Err(RefreshError::Dead) => panic!("{case}: dead"),
            Ok(_) => panic!("{case}: a pair"),
        }
    }
}

#[test]
fn a_new_pair_is_read_whole() {
    let body = r#"{"token_type":"Bearer","access_token":"sk-ant-oat01-sim-new","expires_in":28800,
        "refresh_token":"sk-ant-ort01-sim-new","scope":"user:inference  user:profile",
        "account":{"uuid":"acc-1","email_address":"ada@example.com"},"organization":{"uuid":"org-1"}}"#;
    let Renewal { renewed, kept } = refresh(Ok(answer(200, body))).unwrap();
    assert_eq!(renewed.access.expose(), "sk-ant-oat01-sim-new");
    assert_eq!(renewed.refresh.map(|token| token.expose().to_owned()).as_deref(), Some("sk-ant-ort01-sim-new"));
    assert_eq!(renewed.expires_at, NOW.plus(8 * HOUR));
    assert_eq!(renewed.scopes, Some(vec!["user:inference".to_owned(), "user:profile".to_owned()]));
    assert_eq!(renewed.account_uuid.as_deref(), Some("acc-1"));
    assert!(kept.is_none());
}

#[test]
fn the_presented_token_is_kept_when_the_answer_names_no_new_one() {
    for refresh_member in ["", r#","refresh_token":null"#, r#","refresh_token":"""#] {
        let body = format!(r#"{{"access_token":"sk-ant-oat01-sim-new","expires_in":60{refresh_member}}}"#);
        let Renewal { renewed, kept } = refresh(Ok(answer(200, &body))).unwrap();
        assert!(renewed.refresh.is_none());
        assert_eq!(kept.map(|token| token.expose().to_owned()).as_deref(), Some(OLD));
    }
}

#[test]
fn odd_details_of_a_pair_do_not_lose_it() {
    let table = [
        ("", HOUR),
        (r#","expires_in":"28800""#, 8 * HOUR),
        (r#","expires_in":59.5"#, 59_500),
        (r#","expires_in":0"#, HOUR),
        (r#","expires_in":-3"#, HOUR),
        (r#","expires_in":{}"#, HOUR),
        (r#","scope":["user:profile"],"account":"acc-1""#, HOUR),
        (r#","scope":" ","account":{"uuid":""}"#, HOUR),
    ];
    for (members, lifetime) in table {
        let body = format!(r#"{{"access_token":"sk-ant-oat01-sim-new"{members}}}"#);
        let renewed = refresh(Ok(answer(200, &body))).unwrap().renewed;
        assert_eq!(renewed.expires_at, NOW.plus(lifetime), "{members}");
        assert_eq!((renewed.scopes, renewed.account_uuid), (None, None), "{members}");
    }
}

#[test]
fn no_error_repeats_what_the_server_said() {
    let secret = "sk-ant-ort01-sim-leak";
    let bodies = [
        format!(r#"{{"access_token":{{"{secret}":1}}}}"#),
        format!(r#"{{"error":{{"type":"permission_error","message":"scope requirement {secret}"}}}}"#),
        format!(r#"{{"error":"{secret}"}}"#),
    ];
    for (status, body) in
        [200, 400, 403, 500].into_iter().flat_map(|status| bodies.iter().map(move |body| (status, body)))
    {
        let read = account(Ok(answer(status, body)), NOW).unwrap_err();
        let refreshed = refresh(Ok(answer(status, body))).err().unwrap();
        let said = format!("{read} {read:?} {refreshed} {refreshed:?}");
        assert!(!said.contains("leak"), "{said}");
    }
}
