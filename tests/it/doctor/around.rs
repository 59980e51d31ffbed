//! Pins, settings, rival writers, the provider and its clock, the watch.

use std::fs;
use std::process::{Command, Stdio};

use provider_sim::{Clock, Endpoint, Fault, FaultKind, SimOptions};
use signalbox_core::history::Event;
use signalbox_core::ports::History as _;
use signalbox_core::profile::Alias;
use signalbox_core::time::{DAY, HOUR, MINUTE, Timestamp};
use signalbox_machine::data_folder::DataFolder;
use signalbox_machine::history::EventLog;
use signalbox_machine::watch_lock::{Watch, WatchLock};
use signalbox_tests::process::{Running, free_port};

use super::{Ward, write};

#[test]
fn every_pin_in_the_environment_is_found_and_unset_mends_it() {
    let pins = [
        ("ANTHROPIC_API_KEY", "sk-ant-api03-sim"),
        ("ANTHROPIC_AUTH_TOKEN", "sim"),
        ("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-sim"),
        ("ANTHROPIC_PROFILE", "work"),
        ("CLAUDE_CODE_USE_BEDROCK", "1"),
        ("CLAUDE_CODE_USE_VERTEX", "true"),
        ("CLAUDE_CODE_USE_FOUNDRY", "1"),
        ("CLAUDE_CODE_SIMPLE", "1"),
    ];
    for (name, value) in pins {
        let ward = Ward::healthy().with(name, value);
        let found = ward.look();
        let finding = found.only("pin-in-environment");
        assert_eq!(finding["what"], format!("`{name}` is set in this environment"));
        let command = finding["command"].as_str().expect("a command");
        ward.run(&format!("export {name}={value}; {command}; signalbox doctor"));
    }
}

#[test]
fn a_pin_in_any_settings_file_is_found_and_taking_it_out_mends_it() {
    let ward = Ward::healthy();
    let project = ward.home().join("notes");
    let _session = session(&ward, &[], &r#","cwd":"PROJECT""#.replace("PROJECT", &project.display().to_string()));
    let files = [
        ward.home().join(".claude/settings.json"),
        project.join(".claude/settings.json"),
        project.join(".claude/settings.local.json"),
    ];
    for path in files {
        for (text, name) in [
            (r#"{"env":{"ANTHROPIC_API_KEY":"sk-ant-api03-sim"},"model":"x"}"#, "ANTHROPIC_API_KEY"),
            (r#"{"apiKeyHelper":"/bin/key"}"#, "apiKeyHelper"),
        ] {
            write(&path, text);
            let found = ward.look();
            assert_eq!(found.only("pin-in-settings")["what"], format!("`{name}` is set in {}", path.display()));
        }
        write(&path, r#"{"model":"x"}"#);
        assert!(ward.look().clean);
    }
}

#[test]
fn a_federating_profile_is_a_pin() {
    let ward = Ward::healthy();
    let path = ward.home().join(".config/anthropic/configs/default.json");
    write(&path, r#"{"authentication":{"type":"oidc_federation"}}"#);
    assert_eq!(ward.look().only("pin-in-settings")["what"], format!("`oidc_federation` is set in {}", path.display()));
    fs::remove_file(path).expect("removed");
    assert!(ward.look().clean);
}

/// A session that runs, with variables of its own.
fn session(ward: &Ward, variables: &[(&str, &str)], rest: &str) -> Running {
    let mut command = Command::new("sleep");
    command.arg("600").env_clear().env("PATH", std::env::var("PATH").unwrap_or_default());
    let running = Running::start(command.envs(variables.iter().copied()).stdin(Stdio::null())).expect("sleep");
    let pid = running.pid();
    write(&ward.home().join(format!(".claude/sessions/{pid}.json")), &format!(r#"{{"pid":{pid}{rest}}}"#));
    running
}

#[test]
fn a_session_that_is_pinned_by_its_own_environment_is_found_until_it_ends() {
    let ward = Ward::healthy();
    let mut free = session(&ward, &[], "");
    let mut pinned = session(&ward, &[("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-sim")], "");
    let what = format!("the session with pid {} was started with `CLAUDE_CODE_OAUTH_TOKEN` set", pinned.pid());
    assert_eq!(ward.look().only("pinned-session")["what"], what);
    pinned.kill();
    assert!(ward.look().clean);
    free.kill();
}

#[test]
fn settings_of_claude_code_that_make_no_sense_are_found_until_they_do() {
    let ward = Ward::healthy();
    let path = ward.home().join(".claude/settings.json");
    write(&path, "{\n\"env\": {\"ANTHROPIC_API_KEY\": \"sk-ant-api03-sim\",}}");
    let found = ward.look();
    let finding = found.only("claude-settings");
    assert_eq!(finding["what"], format!("{} says nothing: it is no valid JSON (line 2)", path.display()));
    write(&path, r#"{"forceLoginOrgUUID":"7f3a"}"#);
    let found = ward.look();
    assert!(found.clean, "a note does not count");
    assert_eq!(found.only("forced-login")["severity"], "note");
}

#[test]
fn sessions_that_cannot_be_looked_at_are_said_to_be_unchecked() {
    let ward = Ward::healthy();
    write(&ward.home().join(".claude/sessions"), "a file");
    let found = ward.look();
    let what = found.only("unchecked")["what"].as_str().expect("text").to_owned();
    assert!(what.starts_with("the running sessions could not be checked: "), "{what}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_variable_that_leads_to_another_login_is_noted_with_that_login() {
    for name in ["CLAUDE_CONFIG_DIR", "CLAUDE_SECURESTORAGE_CONFIG_DIR"] {
        let ward = Ward::empty();
        let other = ward.home().join("other").display().to_string();
        let ward = ward.with(name, &other);
        let found = ward.look();
        assert!(found.clean, "it may well be meant");
        let finding = found.only("other-store");
        assert_eq!(finding["what"], format!("`{name}` is set: the live login is {other}/.credentials.json"));
        assert_eq!(finding["command"], format!("unset {name}"));
    }
}

#[test]
fn our_own_settings_are_found_when_they_are_broken_and_the_rest_is_looked_at_all_the_same() {
    let ward = Ward::healthy();
    let path = ward.stage.home.data().join("settings.toml");
    write(&path, "[provider");
    fs::remove_file(ward.stage.home.store()).expect("removed");
    let found = ward.look();
    assert_eq!(found.kinds(), ["settings", "open-to-others", "signed-out"], "{:#?}", found.findings);
    fs::remove_file(path).expect("removed");
    assert_eq!(ward.look().kinds(), ["signed-out"]);

    let ward = Ward::healthy().with("SIGNALBOX_API_BASE", "https://elsewhere.example");
    let found = ward.look();
    assert_eq!(found.only("settings")["command"], "unset SIGNALBOX_API_BASE");
}

#[test]
fn rival_writers_of_the_last_week_are_counted() {
    let ward = Ward::healthy();
    let log = EventLog::new(&DataFolder::new(ward.stage.home.data()), "watch");
    let now = Timestamp::from_ms(ward.stage.sim.now_ms());
    let alias = |text: &str| Alias::parse(text).expect("an alias");
    let outside = |rival| Event::SwitchedOutside { from: Some(alias("work")), to: alias("personal"), rival };
    log.note(now.plus(-8 * DAY), &outside(true));
    log.note(now.plus(-HOUR), &outside(false));
    assert!(ward.look().clean, "long ago, and a sign-in");
    log.note(now.plus(-6 * DAY), &outside(true));
    assert_eq!(ward.look().only("rival-writers")["severity"], "warning");
    log.note(now.plus(-2 * DAY), &outside(true));
    log.note(now.plus(-2 * HOUR - MINUTE), &outside(true));
    let found = ward.look();
    let finding = found.only("rival-writers");
    assert_eq!(finding["severity"], "wrong");
    let what = "another program put saved copies of logins in place 3 times within 7 days, the last one 2 h ago";
    assert_eq!(finding["what"], what);
}

#[test]
fn a_clock_that_differs_from_the_servers_is_found() {
    for (minutes, severity, what) in [
        (2, "warning", "this computer\u{2019}s clock is 2 min behind the server\u{2019}s"),
        (-4, "warning", "this computer\u{2019}s clock is 3 min ahead of the server\u{2019}s"),
        (59, "wrong", "this computer\u{2019}s clock is 59 min behind the server\u{2019}s"),
    ] {
        // A Date header tells whole seconds, so half a minute keeps the words steady.
        let clock = Clock::starting_at(Clock::real().now_ms() + minutes * MINUTE + 30_000);
        let ward = Ward::with_options(SimOptions { clock, ..SimOptions::default() });
        let found = ward.look();
        let finding = found.only("clock-skew");
        assert_eq!((finding["severity"].as_str(), finding["what"].as_str()), (Some(severity), Some(what)));
    }
}

#[test]
fn a_provider_that_cannot_be_asked_is_found_and_one_that_asks_to_wait_is_not() {
    let nobody = format!("http://127.0.0.1:{}", free_port().expect("a port"));
    let ward = Ward::healthy().with("SIGNALBOX_API_BASE", &nobody);
    assert_eq!(ward.look().only("unreachable")["what"], "the provider cannot be asked: the server cannot be reached");

    let ward = Ward::healthy();
    ward.stage.sim.fault(Fault::once(Endpoint::Profile, FaultKind::Html { status: 403 }));
    let found = ward.look();
    let why = found.only("unreachable")["why"].as_str().expect("text").to_owned();
    assert!(why.starts_with("the edge in front of the server turned us away"), "{why}");

    let wait = FaultKind::Status { status: 429, body: None, retry_after: None };
    ward.stage.sim.fault(Fault::once(Endpoint::Profile, wait));
    assert!(ward.look().clean);
}

#[test]
fn a_watch_that_is_kept_is_seen_and_not_disturbed() {
    let ward = Ward::healthy();
    assert_eq!(ward.look().of("unwatched").len(), 1);
    let mut watch = WatchLock::new(DataFolder::new(ward.stage.home.data()), "`signalbox watch`");
    assert_eq!(watch.take(), Ok(Watch::Ours));
    assert!(ward.look().of("unwatched").is_empty());
    drop(watch);
    let found = ward.look();
    assert!(found.clean && found.of("unwatched").len() == 1);
}

#[test]
fn a_damaged_database_of_usage_is_put_aside_and_named_until_a_person_removes_it() {
    let ward = Ward::healthy();
    let database = DataFolder::new(ward.stage.home.data()).readings_file();
    for helper in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{helper}", database.display()));
    }
    fs::write(&database, vec![b'x'; 8192]).expect("damaged");
    ward.run("signalbox list");
    let found = ward.look();
    assert!(found.clean, "usage comes back by itself");
    let what = found.only("usage-damaged")["what"].as_str().expect("a sentence");
    assert!(what.starts_with("the database of usage was damaged, and is put aside as /"), "{what}");
    ward.cured_by_its_command("usage-damaged");
}
