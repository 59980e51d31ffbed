//! Faults on purpose, and exactly what each of them leaves behind on the server.

use crate::{AGENT, Rig, header, ok, send};
use provider_sim::{Endpoint, Fault, FaultKind, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_cut_before_processing_changes_nothing() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.fault(Fault::once(Endpoint::Token, FaultKind::CutBefore));
    assert!(rig.refresh(login.refresh()).send().await.is_err());
    assert!(rig.sim.is_alive(login.refresh()));
    assert_eq!(rig.sim.count(Endpoint::Token), 1, "a cut request is not repeated by the client");
    let entry = &rig.sim.requests()[0];
    assert_eq!((entry.status, entry.delivered, entry.faults.as_slice()), (None, false, ["cut_before"].as_slice()));
    ok(rig.refresh(login.refresh())).await;
}

#[tokio::test]
async fn a_cut_after_processing_has_rotated_and_loses_the_answer() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.fault(Fault::once(Endpoint::Token, FaultKind::CutAfter));
    assert!(rig.refresh(login.refresh()).send().await.is_err());
    assert_eq!(rig.sim.refreshes(login.login), 1);
    assert!(!rig.sim.is_alive(login.refresh()));
    let newest = rig.sim.newest(login.login).unwrap();
    assert!(rig.sim.is_alive(newest.refresh()), "the server holds a pair that nobody has");
    let entry = &rig.sim.requests()[0];
    assert_eq!((entry.status, entry.delivered), (Some(200), false));
    assert_eq!(send(rig.refresh(login.refresh())).await.0, 400, "a retry with the spent token ends the login");
    assert!(!rig.sim.is_alive(newest.refresh()));
}

#[tokio::test]
async fn a_cut_also_hits_a_connection_that_served_before() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    ok(rig.get("/api/oauth/profile", &login.access_token)).await;
    rig.sim.fault(Fault::once(Endpoint::Profile, FaultKind::CutAfter));
    assert!(rig.get("/api/oauth/profile", &login.access_token).send().await.is_err());
    assert_eq!(rig.sim.count(Endpoint::Profile), 2);
    ok(rig.get("/api/oauth/profile", &login.access_token)).await;
}

#[tokio::test]
async fn half_a_body_announces_the_whole_and_stops_in_the_middle() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let whole = ok(rig.get("/api/oauth/profile", &login.access_token)).await.to_string();
    rig.sim.fault(Fault::once(Endpoint::Profile, FaultKind::HalfBody));
    let mut response = rig.get("/api/oauth/profile", &login.access_token).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(header(&response, "content-length"), Some(whole.len().to_string()));
    let mut received = Vec::new();
    let failed = loop {
        match response.chunk().await {
            Ok(Some(bytes)) => received.extend_from_slice(&bytes),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(failed, "the body must not look complete");
    assert_eq!(received.len(), whole.len() / 2);
    assert!(whole.as_bytes().starts_with(&received));
}

#[tokio::test]
async fn half_a_token_answer_has_rotated() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.fault(Fault::once(Endpoint::Token, FaultKind::HalfBody));
    let response = rig.refresh(login.refresh()).send().await.unwrap();
    assert!(response.json::<Value>().await.is_err());
    assert_eq!(rig.sim.refreshes(login.login), 1);
    assert!(!rig.sim.requests()[0].delivered);
}

#[tokio::test]
async fn wrong_types_keep_the_names_and_spoil_the_values() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.fault(Fault::times(Endpoint::Any, FaultKind::WrongTypes, 2));
    let profile = ok(rig.get("/api/oauth/profile", &login.access_token)).await;
    assert!(profile["account"]["uuid"].is_number());
    let usage = ok(rig.usage(&login.access_token)).await;
    assert!(usage["five_hour"]["utilization"].is_string() && usage["limits"].is_string());
    assert!(ok(rig.usage(&login.access_token)).await["limits"].is_array());
}

#[tokio::test]
async fn a_status_or_a_page_is_answered_without_processing() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let status = |status, body| FaultKind::Status { status, body, retry_after: None };
    for (kind, code, is_json) in [
        (status(500, None), 500, true),
        (status(529, None), 529, true),
        (status(404, None), 404, true),
        (status(400, Some(json!({ "error": "invalid_grant" }))), 400, true),
        (FaultKind::Html { status: 403 }, 403, false),
        (FaultKind::Html { status: 200 }, 200, false),
    ] {
        rig.sim.fault(Fault::once(Endpoint::Token, kind.clone()));
        let response = rig.refresh(login.refresh()).send().await.unwrap();
        assert_eq!(response.status().as_u16(), code);
        assert_eq!(header(&response, "content-type").unwrap().starts_with("application/json"), is_json, "{kind:?}");
    }
    assert!(rig.sim.is_alive(login.refresh()));
    assert_eq!(rig.sim.refreshes(login.login), 0);
}

#[tokio::test]
async fn a_caller_that_gives_up_during_a_delay_has_changed_nothing() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.fault(Fault::once(Endpoint::Token, FaultKind::Delay { ms: 600 }));
    let request = rig.refresh(login.refresh());
    let gave_up = request.timeout(Duration::from_millis(200)).send().await;
    assert!(gave_up.unwrap_err().is_timeout());
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(rig.sim.is_alive(login.refresh()), "processed although nobody waited");
    assert_eq!(rig.sim.requests()[0].status, None);
}

#[tokio::test]
async fn a_caller_that_gives_up_on_a_late_answer_has_lost_the_rotation() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.fault(Fault::once(Endpoint::Token, FaultKind::DelayAnswer { ms: 30_000 }));
    let gave_up = rig.refresh(login.refresh()).timeout(Duration::from_millis(300)).send().await;
    assert!(gave_up.unwrap_err().is_timeout());
    assert_eq!(rig.sim.refreshes(login.login), 1);
    assert!(!rig.sim.is_alive(login.refresh()));
    assert!(!rig.sim.requests()[0].delivered);
}

#[tokio::test]
async fn a_delay_is_real_time_and_other_endpoints_do_not_wait() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.fault(Fault::standing(Endpoint::Usage, FaultKind::Delay { ms: 250 }));
    let begun = Instant::now();
    ok(rig.usage(&login.access_token)).await;
    assert!(begun.elapsed() >= Duration::from_millis(250));
    let slow = rig.usage(&login.access_token).send();
    let (begun, quick) = (Instant::now(), rig.get("/api/oauth/profile", &login.access_token));
    let (_, quick) = tokio::join!(slow, async {
        ok(quick).await;
        begun.elapsed()
    });
    assert!(quick < Duration::from_millis(250), "{quick:?}");
}

#[tokio::test]
async fn a_standing_fault_lasts_until_it_is_cleared() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    rig.sim.fault(Fault::standing(Endpoint::Any, FaultKind::CutBefore));
    for _ in 0..3 {
        assert!(rig.get("/api/oauth/profile", &login.access_token).send().await.is_err());
    }
    rig.sim.clear_faults();
    ok(rig.get("/api/oauth/profile", &login.access_token)).await;
}

#[tokio::test]
async fn a_dropped_server_refuses_connections_and_can_come_back_on_its_port_with_its_state() {
    let Rig { sim, server, http } = Rig::new();
    let (port, url) = (server.port, format!("{}/api/oauth/profile", server.base_url));
    let login = sim.login("work", None).unwrap();
    let ask = || http.get(&url).bearer_auth(&login.access_token);
    ok(ask()).await;
    sim.fault(Fault::once(Endpoint::Profile, FaultKind::SLOW));
    let waiting = tokio::spawn(ask().send());
    while sim.count(Endpoint::Profile) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    drop(server);
    assert!(begun.elapsed() < Duration::from_secs(5), "a waiting request must not hold the server up");
    assert!(waiting.await.unwrap().is_err());
    assert!(ask().send().await.unwrap_err().is_connect());
    let again = Server::spawn_on(sim, port).unwrap();
    assert_eq!(again.port, port);
    ok(ask()).await;
}

#[tokio::test]
async fn a_server_started_inside_a_runtime_serves_both_hosts_on_loopback() {
    let rig = Rig::new();
    let server = Server::start(rig.sim.clone()).await.unwrap();
    assert!(server.base_url.starts_with("http://127.0.0.1:"));
    let login = rig.sim.login("work", None).unwrap();
    let url = format!("{}/api/oauth/profile", server.base_url);
    ok(rig.http.get(url).header("user-agent", AGENT).bearer_auth(&login.access_token)).await;
}
