//! Setup-tokens, from standard input and from a terminal, against a server that counts what it is asked about them. What is refused by its
//! looks alone is in `tests/cmd`.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use provider_sim::{Endpoint, LoginId, SimOptions, Tokens};
use serde_json::{Value, json};
use signalbox_tests::process::free_port;
use signalbox_tests::stage::{Said, Stage};

use super::pattern;

fn stage() -> Stage {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    stage.seed("work").expect("a profile");
    stage.sim.clear_requests();
    stage
}

fn token_of(stage: &Stage, account: &str) -> Tokens {
    stage.sim.setup_token(account, None).expect("a token")
}

/// Runs the program with this on its standard input. Whatever it says, it shows no token.
fn piped(stage: &Stage, arguments: &[&str], input: &str) -> Said {
    said(stage.cli(arguments).expect("the program"), input)
}

fn said(mut command: Command, input: &str) -> Said {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    // One that ends without reading closes the pipe.
    let _read_or_not = child.stdin.take().expect("its input").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("an end");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let said = Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    assert!(!said.out.contains("sk-ant-") && !said.err.contains("sk-ant-"), "it shows a token: {said:?}");
    said
}

fn add(stage: &Stage, alias: &str, token: &Tokens) -> Said {
    piped(stage, &["add", alias, "--setup-token", "--label", "ada@example.org"], &format!("{}\n", token.access_token))
}

#[track_caller]
fn check(said: &Said, code: i32, out: &str, err: &str) {
    let right = said.code == Some(code) && pattern::matches(out, &said.out, "") && pattern::matches(err, &said.err, "");
    assert!(right, "{said:?}");
}

/// How often the server was asked about this token, and for what.
fn asked(stage: &Stage, login: LoginId) -> Vec<Endpoint> {
    let about = stage.sim.requests().into_iter().filter(|request| request.login == Some(login));
    about.map(|request| request.endpoint).collect()
}

fn card(stage: &Stage, alias: &str) -> Value {
    let listed: Value = serde_json::from_str(&stage.signalbox(&["list", "--json"]).expect("a list").out).expect("JSON");
    let cards = listed["profiles"].as_array().expect("profiles");
    cards.iter().find(|card| card["alias"] == alias).expect("the profile").clone()
}

#[test]
fn a_token_is_registered_used_and_left_again_and_the_server_is_asked_about_it_once() {
    let stage = stage();
    let token = token_of(&stage, "personal");
    let added = "Added ci: ada@example.org, unverified.\n\
                 It is a setup-token: it cannot renew itself, and its year ends on [..], in 36[N] days.\n";
    check(&add(&stage, "ci", &token), 0, added, "");
    assert!(stage.live_is("work"), "what is live stays live");
    let listed = stage.signalbox(&["list"]).expect("a list").out;
    assert!(
        pattern::matches("[..]\n[..]ci  [..]unverified[..]  cannot renew itself  may not read usage\n", &listed, ""),
        "{listed}"
    );

    let used = stage.signalbox(&["use", "ci"]).expect("switched").out;
    let proof = "Switched from work to ci (ada@example.org, unverified): read back from the live login; it is the very setup-token \
                 that is saved, and the server is not asked about one. No session is running.\n";
    assert_eq!(used, proof);
    let live = stage.home.live().expect("readable").value("claudeAiOauth").expect("a login");
    assert_eq!(live, json!({ "accessToken": token.access_token, "scopes": ["user:inference"] }));
    assert_eq!(stage.home.account().expect("readable"), Value::Null, "no name of another account beside it");
    assert!(stage.home.siblings_are_untouched().expect("readable"));

    for arguments in [
        &["refresh"][..],
        &["status"],
        &["usage"],
        &["usage", "--refresh"],
        &["login", "--needed"],
        &["doctor"],
        &["use", "ci"],
        &["use", "work"],
        &["refresh"],
        &["use", "ci", "--json"],
        &["rename", "ci", "build"],
        &["use", "work"],
    ] {
        let said = stage.ask_signalbox(arguments).expect("a run");
        assert!(matches!(said.code, Some(0 | 1)) && !said.out.contains("sk-ant-"), "{arguments:?}: {said:?}");
        assert!(arguments[0] == "doctor" || said.code == Some(0), "{arguments:?}: {said:?}");
    }
    assert!(stage.live_is("work"));
    assert_eq!(stage.home.account().expect("readable")["emailAddress"], "ada@northwind-research.example");
    assert_eq!(asked(&stage, token.login), [Endpoint::Profile], "whether it lives, and never again");
    assert_eq!(stage.sim.count(Endpoint::Token), 0, "nothing was renewed");
}

#[test]
fn what_does_not_live_or_is_no_setup_token_is_not_kept() {
    let stage = stage();
    let token = token_of(&stage, "personal");
    let make = "`claude setup-token` prints one; hand it to `signalbox add ci --setup-token`, which asks for it";

    let nobody = format!("http://127.0.0.1:{}", free_port().expect("a port"));
    let mut offline = stage.cli(&["add", "ci", "--setup-token"]).expect("the program");
    offline.env("SIGNALBOX_API_BASE", &nobody).env("SIGNALBOX_TOKEN_BASE", &nobody);
    let unchecked = "Cannot add ci: the server could not be asked whether this token lives: [..]; it was not kept\n\n\
                     hint: check the network connection, then try again\n";
    check(&said(offline, &token.access_token), 1, "", unchecked);

    let (access, _) = stage.home.live_pair().expect("a pair");
    let of_a_login = "Cannot add ci: this is no setup-token but the access token of ada@northwind-research.example's login, which \
                      lapses within hours\n\nhint: `signalbox rotate ci` signs in to it, and leaves the live login as it is\n";
    check(&piped(&stage, &["add", "ci", "--setup-token"], &access), 2, "", of_a_login);

    assert!(stage.sim.end_login(token.login));
    let dead = format!(
        "Cannot add ci: the server refuses this token: it was revoked, its year is over, or it was not copied whole\n\nhint: {make}\n"
    );
    check(&add(&stage, "ci", &token), 1, "", &dead);
    assert_eq!(stage.signalbox(&["list"]).expect("a list").out.lines().count(), 1, "nobody was registered");

    let token = token_of(&stage, "personal");
    check(&add(&stage, "ci", &token), 0, "[..]\n[..]\n", "");
    let twice = "Cannot add again: this token is registered already, as `ci`\n\nhint: `signalbox list` shows the profiles there are\n";
    check(&add(&stage, "again", &token), 2, "", twice);
    let sign_in = format!(
        "Cannot sign in to ci: `ci` is a setup-token, which nobody can renew: a new one takes its place\n\nhint: {make}\n"
    );
    check(&piped(&stage, &["rotate", "ci"], ""), 2, "", &sign_in);
    let undo = sign_in.replace("sign in to ci", "go back to an earlier login of ci");
    check(&piped(&stage, &["undo", "ci"], ""), 2, "", &undo);
    let refused = piped(&stage, &["refresh", "ci"], "");
    let why = "Cannot refresh ci: a setup-token may not read usage; where it is live, Claude Code's statusline tells some, nor can it be renewed\n";
    check(&refused, 2, "[..]\nci  not read: [..]\n", &format!("{why}\nhint: {make}\n"));
}

#[test]
fn a_new_token_takes_the_place_of_the_one_that_is_live() {
    let stage = stage();
    let (old, new) = (token_of(&stage, "personal"), token_of(&stage, "personal"));
    check(&add(&stage, "ci", &old), 0, "[..]\n[..]\n", "");
    stage.signalbox(&["use", "ci"]).expect("switched");
    let made = (chrono::Local::now() - chrono::TimeDelta::days(30)).format("%Y-%m-%d").to_string();
    let replaced = piped(&stage, &["add", "ci", "--setup-token", "--made", &made, "--json"], &new.access_token);
    let told: Value = serde_json::from_str(&replaced.out).expect("JSON");
    assert_eq!((&told["replaced"], &told["isLive"], &told["setupToken"]), (&json!(true), &json!(true), &json!(true)));
    let left = told["ends"]["at"].as_i64().expect("a moment") - chrono::Local::now().timestamp_millis();
    assert!((333..=335).contains(&(left / 86_400_000)), "a year after the day that was named");
    check(&add(&stage, "ci", &new), 0, "Replaced [..]\n[..]\nIt is the live login.\n", "");
    let (access, refresh) = stage.home.live_pair().expect("a login");
    assert_eq!((access, refresh.as_str()), (new.access_token, ""));
    let card = card(&stage, "ci");
    assert_eq!((&card["email"], &card["older"], &card["active"]), (&json!("ada@example.org"), &json!(1), &json!(true)));
    stage.signalbox(&["use", "work"]).expect("and away");
    assert!(stage.live_is("work"));
}

#[test]
fn a_token_that_stands_in_the_live_slot_can_be_added_from_there() {
    let stage = stage();
    let token = token_of(&stage, "side");
    stage.home.sign_in(&stage.sim, &token).expect("another tool put it there");
    let refused = stage.ask_signalbox(&["use", "work"]).expect("a run");
    let unknown = "Cannot switch to work: the live login belongs to a setup-token, which is no profile yet\n\n\
                   hint: register it first with `signalbox add <alias>`\n";
    check(&refused, 1, "", unknown);
    let added = stage.signalbox(&["add", "ci", "--yes"]).expect("added").out;
    let said = "Added ci: a setup-token.\n\
                It is a setup-token: it cannot renew itself, and its year ends on [..] at the latest; `--made` would say when.\n";
    assert!(pattern::matches(said, &added, ""), "{added}");
    stage.signalbox(&["use", "work"]).expect("switched");
    stage.signalbox(&["use", "ci"]).expect("and back");
    assert_eq!(stage.home.live_pair().expect("a login").0, token.access_token);
}

#[test]
fn on_a_terminal_the_token_is_asked_for_and_not_shown() {
    let stage = stage();
    let token = token_of(&stage, "personal");
    let cli = stage.cli(&[]).expect("the program");
    let line = format!("{} add ci --setup-token", cli.get_program().to_string_lossy());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    script.envs(cli.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("SHELL", "/bin/sh");
    script.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = script.spawn().expect("script (package bsdutils)");
    let (mut input, mut output) = (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
    let mut screen = Vec::new();
    let began = Instant::now();
    while !String::from_utf8_lossy(&screen).contains("(it is not shown):") {
        let mut byte = [0];
        assert_eq!(output.read(&mut byte).expect("readable"), 1, "it ended: {}", String::from_utf8_lossy(&screen));
        screen.push(byte[0]);
        assert!(began.elapsed() < Duration::from_secs(120), "nothing is asked");
    }
    // What is typed before the terminal has stopped echoing would be shown by the terminal itself.
    std::thread::sleep(Duration::from_secs(2));
    writeln!(input, "{}", token.access_token).expect("typed");
    output.read_to_end(&mut screen).expect("readable");
    let screen = String::from_utf8_lossy(&screen);
    assert!(child.wait().expect("an end").success(), "{screen}");
    assert!(screen.contains("Added ci: a setup-token.") && !screen.contains("sk-ant-"), "{screen}");
}

#[test]
fn a_token_is_in_no_file_of_ours_and_the_help_offers_no_way_to_type_it() {
    let stage = stage();
    let token = token_of(&stage, "personal");
    let mut command = stage.cli(&["add", "ci", "--setup-token"]).expect("the program");
    command.env("SIGNALBOX_LOG", "trace");
    let talked = said(command, &token.access_token);
    assert!(talked.code == Some(0) && talked.err.lines().count() > 5, "the log did talk: {talked:?}");
    let mut looked_at = 0;
    for file in walk(&stage.home.data()) {
        let bytes = std::fs::read(&file).expect("readable");
        let text = token.access_token.as_bytes();
        assert!(!bytes.windows(text.len()).any(|window| window == text), "{} holds it", file.display());
        looked_at += 1;
    }
    assert!(looked_at >= 3, "roster, key and `.cred` at least");
    let typed = stage.ask_signalbox(&["add", "ci", "--setup-token", "something"]).expect("a run");
    assert_eq!(typed.code, Some(2), "the option takes no value: {typed:?}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
