//! The edge in front of the server: who is refused with a page, whatever the token is worth (§D7).

use crate::{AGENT, Rig, client, header, ok, refresh_body, send};
use serde_json::json;

#[tokio::test]
async fn no_agent_or_a_librarys_own_gets_an_html_page_and_no_verdict() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    for agent in
        [None, Some("reqwest/0.13.1"), Some("python-requests/2.32"), Some("curl/8.5.0"), Some("Go-http-client/2.0")]
    {
        let http = client(agent);
        for request in [
            http.get(rig.url("/api/oauth/profile")).bearer_auth(&login.access_token),
            http.post(rig.url("/v1/oauth/token")).json(&refresh_body(login.refresh())),
        ] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status().as_u16(), 403, "{agent:?}");
            assert!(header(&response, "content-type").unwrap().starts_with("text/html"));
            let page = response.text().await.unwrap();
            assert!(page.contains("<html") && page.contains("Cloudflare") && page.contains("1010"));
        }
    }
    assert!(rig.sim.is_alive(login.refresh()));
    assert_eq!(rig.sim.refreshes(login.login), 0);
}

#[tokio::test]
async fn honest_agents_and_those_of_claude_code_pass() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    for agent in [AGENT, "axios/1.15.2", "claude-code/2.1.330", "claude-cli/2.1.330 (external, cli)", "claude-swap/1.0"]
    {
        let http = client(Some(agent));
        ok(http.get(rig.url("/api/oauth/profile")).bearer_auth(&login.access_token)).await;
        assert_eq!(rig.sim.requests().last().unwrap().user_agent.as_deref(), Some(agent));
    }
}

#[tokio::test]
async fn the_check_of_agents_can_be_switched_off() {
    let rig = Rig::new();
    rig.sim.reconfigure(|options| options.check_user_agent = false);
    let login = rig.sim.login("work", None).unwrap();
    ok(client(None).get(rig.url("/api/oauth/profile")).bearer_auth(&login.access_token)).await;
}

#[tokio::test]
async fn an_unknown_path_is_not_found_in_json() {
    let rig = Rig::new();
    let not_found = json!({ "type": "not_found_error", "message": "Not Found" });
    for path in ["/v1/mcp_servers", "/", "/v1/oauth/token"] {
        let (status, body) = send(rig.http.get(rig.url(path))).await;
        assert_eq!((status, &body["error"]), (404, &not_found), "{path}");
    }
}

#[tokio::test]
async fn the_log_holds_fingerprints_and_never_a_token() {
    let rig = Rig::new();
    let login = rig.sim.login("work", None).unwrap();
    let fresh = ok(rig.refresh(login.refresh())).await;
    ok(rig.usage(fresh["access_token"].as_str().unwrap())).await;
    let log = rig.sim.requests();
    assert_eq!(log.len(), 2);
    assert_eq!((log[0].method.as_str(), log[0].path.as_str(), log[0].status), ("POST", "/v1/oauth/token", Some(200)));
    assert_eq!(log[0].refresh_fingerprint, Some(provider_sim::fingerprint(login.refresh())));
    assert_eq!(log[1].access_fingerprint, Some(provider_sim::fingerprint(fresh["access_token"].as_str().unwrap())));
    assert!(log.iter().all(|entry| entry.account.as_deref() == Some("work") && entry.login == Some(login.login)));
    assert!(log.iter().all(|entry| entry.delivered));
    let everything = format!("{log:?} {:?} {:?} {}", rig.sim, login, serde_json::to_string(&log).unwrap());
    assert!(!everything.contains("sk-ant-"), "a token was printed");
}
