//! The rolling budget of the usage endpoint, and every form of `Retry-After` (§F4, §F5).

use crate::{HOUR_MS, Rig, START_MS, header, ok, send};
use provider_sim::{Endpoint, Fault, FaultKind, RetryAfter};
use serde_json::{Value, json};

#[tokio::test]
async fn twenty_eight_requests_in_an_hour_pass_and_the_next_is_throttled_for_an_hour() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    for _ in 0..28 {
        ok(rig.usage(&login.access_token)).await;
    }
    let response = rig.usage(&login.access_token).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 429);
    assert_eq!(header(&response, "retry-after").as_deref(), Some("3600"));
    let body: Value = response.json().await.unwrap();
    let error = json!({ "message": "Rate limited. Please try again later.", "type": "rate_limit_error" });
    assert_eq!(body, json!({ "error": error }));
}

#[tokio::test]
async fn capacity_returns_as_old_requests_age_out_and_probing_does_not_extend_the_block() {
    let rig = Rig::new();
    rig.sim.reconfigure(|options| options.usage_budget = Some(2));
    let login = rig.sim.login("work", None).unwrap();
    ok(rig.usage(&login.access_token)).await;
    rig.sim.advance_ms(600_000);
    ok(rig.usage(&login.access_token)).await;
    for _ in 0..5 {
        assert_eq!(send(rig.usage(&login.access_token)).await.0, 429);
    }
    rig.sim.advance_ms(HOUR_MS - 600_000);
    ok(rig.usage(&login.access_token)).await;
    assert_eq!(send(rig.usage(&login.access_token)).await.0, 429);
}

#[tokio::test]
async fn the_budget_is_shared_by_the_logins_of_an_identity_and_by_nobody_else() {
    let rig = Rig::new();
    rig.sim.reconfigure(|options| options.usage_budget = Some(1));
    let one = rig.sim.login("ada", Some("Home")).unwrap();
    let two = rig.sim.login("ada", Some("Home")).unwrap();
    let works = rig.sim.login("ada", Some("Lovelace Ltd")).unwrap();
    ok(rig.usage(&one.access_token)).await;
    assert_eq!(send(rig.usage(&two.access_token)).await.0, 429);
    ok(rig.usage(&works.access_token)).await;
}

#[tokio::test]
async fn requests_refused_for_their_token_do_not_count() {
    let rig = Rig::new();
    rig.sim.reconfigure(|options| options.usage_budget = Some(1));
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.advance_ms(8 * HOUR_MS);
    assert_eq!(send(rig.usage(&login.access_token)).await.0, 401);
    let fresh = rig.sim.refresh(login.refresh()).unwrap();
    ok(rig.usage(&fresh.access_token)).await;
}

#[tokio::test]
async fn the_throttle_speaks_every_form_of_retry_after() {
    let rig = Rig::new();
    rig.sim.reconfigure(|options| options.usage_budget = Some(0));
    let login = rig.sim.login("work", None).unwrap();
    for (form, expected) in [
        (RetryAfter::Absent, None),
        (RetryAfter::Seconds(0), Some("0")),
        (RetryAfter::Seconds(90), Some("90")),
        (RetryAfter::Seconds(3_600), Some("3600")),
        (RetryAfter::HttpDate(90), Some("Wed, 18 Nov 2026 11:08:10 GMT")),
    ] {
        rig.sim.reconfigure(|options| options.retry_after = form);
        let response = rig.usage(&login.access_token).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 429);
        assert_eq!(header(&response, "retry-after").as_deref(), expected, "{form:?}");
    }
}

#[tokio::test]
async fn the_date_header_follows_the_scripted_clock() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let response = rig.usage(&login.access_token).send().await.unwrap();
    assert_eq!(START_MS, 1_795_000_000_000);
    assert_eq!(header(&response, "date").as_deref(), Some("Wed, 18 Nov 2026 11:06:40 GMT"));
}

#[tokio::test]
async fn any_endpoint_can_be_throttled_by_a_fault() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let throttle = |retry_after| FaultKind::Status { status: 429, body: None, retry_after };
    rig.sim.fault(Fault::once(Endpoint::Token, throttle(Some(RetryAfter::Seconds(0)))));
    rig.sim.fault(Fault::once(Endpoint::Profile, throttle(None)));
    let response = rig.refresh(login.refresh()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "retry-after").as_deref()), (429, Some("0")));
    let response = rig.get("/api/oauth/profile", &login.access_token).send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "retry-after")), (429, None));
    assert!(rig.sim.is_alive(login.refresh()));
}
