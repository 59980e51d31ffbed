//! What the cases cannot say of `signalbox statusline`: what it keeps, of which account, and that many of them at once
//! tear nothing.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use provider_sim::SimOptions;
use serde_json::{Value, json};
use signalbox_tests::stage::Stage;

/// How many run at once.
const AT_ONCE: usize = 200;

/// A stage on which `work` has been live for an hour.
fn stage() -> Stage {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    stage.seed_profiles().expect("three profiles");
    let path = stage.home.data().join("roster.json");
    let mut roster: Value = serde_json::from_slice(&fs::read(&path).expect("a roster")).expect("JSON");
    let since = roster["live_since"].as_i64().expect("since when it is live");
    roster["live_since"] = json!(since - 3_600_000);
    fs::write(&path, roster.to_string()).expect("written");
    stage
}

fn told(session: &str, waited_ms: u64, percent: f64) -> String {
    json!({
        "session_id": session,
        "model": { "display_name": "Opus 4.8" },
        "cost": { "total_cost_usd": 0.25, "total_api_duration_ms": waited_ms },
        "rate_limits": { "five_hour": { "used_percentage": percent, "resets_at": 4_102_444_800_u64 } },
    })
    .to_string()
}

/// Claude Code calls its statusline once before the first answer.
fn begins(stage: &Stage, session: &str) {
    let start = json!({ "session_id": session, "cost": { "total_api_duration_ms": 0 } });
    line(stage, &start.to_string());
}

/// Runs it once, with `input`.
fn line(stage: &Stage, input: &str) -> String {
    let mut command = stage.cli(&["statusline"]).expect("the program");
    command.env("NO_COLOR", "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn kept(stage: &Stage) -> Vec<PathBuf> {
    let folder = fs::read_dir(stage.home.data().join("feed"));
    folder.into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn what_is_told_is_kept_privately_and_without_a_secret() {
    let stage = stage();
    begins(&stage, "session-name");
    assert!(line(&stage, &told("session-name", 900, 41.6)).starts_with("work · 5h 42% "), "it is of the live account");
    let [file] = kept(&stage).try_into().expect("one file");
    assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o7777, 0o600);
    let folder = file.parent().expect("a folder");
    assert_eq!(folder.metadata().expect("a folder").permissions().mode() & 0o7777, 0o700);
    let text = fs::read_to_string(&file).expect("text");
    assert!(!text.contains("session-name") && !text.contains("Opus"), "{text}");
    assert!(text.contains("\"took_ms\":900"), "{text}");
}

#[test]
fn after_a_switch_the_line_never_shows_the_numbers_of_the_account_before() {
    let stage = stage();
    let input = told("s", 900, 41.6);
    begins(&stage, "s");
    assert!(line(&stage, &input).starts_with("work · 5h 42% "));
    stage.signalbox(&["use", "personal"]).expect("switched");
    let after = line(&stage, &input);
    assert!(after.starts_with("personal · 5h 6% "), "the last reading of the new account is shown: {after}");
    let later = line(&stage, &told("s", 1_900, 43.0));
    assert!(later.starts_with("personal · 5h 6% "), "while the switch settles, nobody knows whose that is: {later}");
}

#[test]
fn where_nobody_watches_a_list_takes_in_what_the_sessions_were_told() {
    let stage = stage();
    begins(&stage, "s");
    // An answer counts that was asked for after the login was saved; it is taken to have been asked for 5.9 s before it is told.
    std::thread::sleep(Duration::from_secs(6));
    line(&stage, &told("s", 900, 41.6));
    let listed = stage.signalbox(&["list", "--json"]).expect("a list").out;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let card = &listed["profiles"].as_array().expect("profiles").iter().find(|card| card["alias"] == "work");
    let meters = card.expect("a card")["usage"]["meters"].as_array().expect("meters").clone();
    assert_eq!(meters[0]["percent"], 41.6, "{meters:?}");
}

#[test]
fn a_pinned_session_is_not_taken_down() {
    let stage = stage();
    let mut command = stage.cli(&["statusline"]).expect("the program");
    let mut input = tempfile::tempfile().expect("a file");
    input.write_all(told("s", 900, 41.6).as_bytes()).expect("written");
    std::io::Seek::rewind(&mut input).expect("from the start");
    command.env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-sim-x").stdin(input);
    assert!(command.output().expect("ran").status.success());
    assert!(kept(&stage).is_empty());
}

#[test]
fn two_hundred_at_once_tear_nothing_and_keep_the_newest_sessions() {
    let stage = stage();
    (0..AT_ONCE / 10).for_each(|name| begins(&stage, &format!("session {name}")));
    std::thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let stage = &stage;
            // Ten sessions share each name.
            let input = told(&format!("session {}", number / 10), 1_000 + number as u64, 40.0);
            scope.spawn(move || assert!(line(stage, &input).starts_with("work · 5h 40% ")));
        }
    });
    let files = kept(&stage);
    assert_eq!(files.len(), AT_ONCE / 10, "{files:?}");
    for file in files {
        let stored: Value = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("a whole file");
        assert_eq!(stored["version"], 1);
    }
    for number in 0..80 {
        line(&stage, &told(&format!("later {number}"), 1_000, 41.0));
    }
    assert_eq!(kept(&stage).len(), 64, "the oldest are gone");
}
