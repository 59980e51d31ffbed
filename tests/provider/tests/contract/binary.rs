//! The program `provider-sim`: seed, tokens, the line it prints, and its end.

use crate::{AGENT, client, ok, send};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A running program, ended when the test is over.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    base_url: String,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provider-sim"));
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let base_url = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, out, base_url }
    }

    fn terminate(&mut self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn scratch(name: &str, text: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    std::fs::write(&file, text).unwrap();
    file
}

const SEED: &str = r#"{
    "accounts": [
        { "key": "work", "email": "ada@work.example" },
        { "key": "side", "email": "side@x.example", "organizations": [{ "name": "Side", "organization_type": "claude_pro" }] }
    ],
    "usage": [{ "account": "work", "usage": { "windows": [{ "kind": "five_hour", "utilization": 62, "resets_in_s": 600 }] } }],
    "logins": [{ "account": "work" }, { "account": "side", "age_s": 2332800 }]
}"#;

#[tokio::test]
async fn it_says_where_it_listens_prints_the_tokens_of_its_seed_and_serves_them() {
    let seed = scratch("seed.json", SEED);
    let mut running = Running::start(&["--seed", seed.to_str().unwrap(), "--start-ms", "1795000000000", "--frozen"]);
    let mut line = String::new();
    running.out.read_line(&mut line).unwrap();
    let tokens: Value = serde_json::from_str(&line).unwrap();
    let logins = tokens["logins"].as_array().unwrap();
    assert_eq!((&logins[0]["account"], &logins[1]["account"]), (&json!("work"), &json!("side")));
    assert_eq!(logins[1]["refresh_expires_at_ms"], 1_795_000_000_000_i64 + 3 * 86_400_000);
    let http = client(Some(AGENT));
    let usage = http.get(format!("{}/api/oauth/usage", running.base_url));
    let usage =
        usage.bearer_auth(logins[0]["access_token"].as_str().unwrap()).header("anthropic-beta", "oauth-2025-04-20");
    assert_eq!(ok(usage).await["five_hour"]["utilization"], 62.0);
}

#[tokio::test]
async fn it_writes_the_tokens_to_a_private_file_when_told_where() {
    let seed = scratch("seed-2.json", SEED);
    let file = seed.with_file_name(format!("{}-tokens.json", std::process::id()));
    let args = ["--seed", seed.to_str().unwrap(), "--tokens", file.to_str().unwrap(), "--random-seed", "7"];
    let mut running = Running::start(&args);
    let tokens: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert!(tokens["logins"][0]["refresh_token"].as_str().unwrap().starts_with("sk-ant-ort01-sim-work-"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    running.terminate();
    let mut rest = String::new();
    running.out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line on stdout, and no token");
}

#[tokio::test]
async fn it_ends_with_success_on_a_termination_signal_even_while_a_request_waits() {
    let mut running = Running::start(&[]);
    let http = client(Some(AGENT));
    let fault = json!({ "endpoint": "any", "kind": "delay", "ms": 30000 });
    ok(http.post(format!("{}/admin/faults", running.base_url)).json(&fault)).await;
    let waiting = tokio::spawn(http.get(format!("{}/api/oauth/profile", running.base_url)).send());
    let state = format!("{}/admin/state", running.base_url);
    while send(http.get(&state)).await.1["requests"] == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.terminate();
    let ended = tokio::task::spawn_blocking(move || running.child.wait().unwrap());
    assert!(tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap().unwrap().success());
    assert!(waiting.await.unwrap().is_err());
}

#[test]
fn it_refuses_a_seed_it_cannot_read_and_names_the_file() {
    let bad = scratch("bad.json", r#"{"accounts":[{"key":"a","email":"a@x.example","colour":"red"}]}"#);
    for seed in [bad.to_str().unwrap(), "/nonexistent/seed.json"] {
        let output = Command::new(env!("CARGO_BIN_EXE_provider-sim")).args(["--seed", seed]).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("Cannot serve the simulated provider: ") && said.contains(seed), "{said}");
    }
}
