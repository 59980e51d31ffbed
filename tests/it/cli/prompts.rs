//! What is asked of a person, on a terminal that is one: `script` makes it. Without a terminal nothing is ever asked; those
//! cases are in `tests/cmd`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use provider_sim::SimOptions;
use signalbox_tests::stage::Stage;

/// Runs the program on a terminal, and answers its one question. Returns everything that stood on the screen, and the status.
fn on_a_terminal(stage: &Stage, arguments: &str, answer: &str) -> (String, Option<i32>) {
    on_a_terminal_as(stage, "", arguments, answer)
}

/// The same with variables set in front.
fn on_a_terminal_as(stage: &Stage, variables: &str, arguments: &str, answer: &str) -> (String, Option<i32>) {
    let cli = stage.cli(&[]).expect("the program");
    let line = format!("{variables} {} {arguments}", cli.get_program().to_string_lossy());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    script
        .envs(cli.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm");
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = script.spawn().expect("script (package bsdutils)");
    child.stdin.take().expect("its input").write_all(format!("{answer}\n").as_bytes()).expect("written");
    let output = child.wait_with_output().expect("an end");
    (String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"), output.status.code())
}

fn profiles(stage: &Stage) -> usize {
    let listed: serde_json::Value =
        serde_json::from_str(&stage.signalbox(&["list", "--json"]).expect("a list").out).expect("JSON");
    listed["profiles"].as_array().expect("profiles").len()
}

#[test]
fn removing_a_profile_is_asked_about_and_anything_but_yes_is_no() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    stage.seed_profiles().expect("three profiles");
    for no in ["n", "", "maybe"] {
        let (screen, status) = on_a_terminal(&stage, "remove personal", no);
        assert!(
            screen.contains("This deletes the saved login of personal (ada@example.org) on this computer."),
            "{screen}"
        );
        assert!(screen.contains("Remove it? [y/N]"), "{screen}");
        assert!(screen.contains("Cannot remove personal: you said no; its saved login is kept"), "{screen}");
        assert_eq!((status, profiles(&stage)), (Some(1), 3));
    }
    let (screen, status) = on_a_terminal(&stage, "remove personal", "y");
    assert!(screen.contains("Removed personal: ada@example.org (Max 5×)."), "{screen}");
    assert_eq!((status, profiles(&stage)), (Some(0), 2));
}

#[test]
fn adding_after_a_drift_is_explained_and_asked_about() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    stage.seed("work").expect("a profile");
    stage.sign_in("personal").expect("a sign-in outside Signalbox");
    let (screen, status) = on_a_terminal(&stage, "add personal", "n");
    for said in [
        "The live login changed from work (ada@northwind-research.example) to ada@example.org outside Signalbox",
        "the server revoked the saved login of `work` as well",
        "`signalbox rotate <alias>` adds a login without that risk",
        "Go on? [y/N]",
        "Cannot add personal: you said no; the live login is not registered, and nothing was changed",
    ] {
        assert!(screen.contains(said), "{said}\n{screen}");
    }
    assert_eq!((status, profiles(&stage)), (Some(1), 1));
    let (screen, status) = on_a_terminal(&stage, "add personal", "yes");
    assert!(screen.contains("Added personal: ada@example.org (Max 5×)."), "{screen}");
    assert_eq!((status, profiles(&stage)), (Some(0), 2));
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    stage.seed_profiles().expect("three profiles");
    let (screen, _) = on_a_terminal(&stage, "list", "");
    assert!(screen.contains("\u{1b}[32m"), "{screen}");
    let cli = stage.cli(&["list"]).expect("the program").output().expect("a run");
    assert!(!String::from_utf8_lossy(&cli.stdout).contains('\u{1b}'), "not into a pipe");
    let (screen, _) = on_a_terminal_as(&stage, "NO_COLOR=1", "list", "");
    assert!(screen.contains("work") && !screen.contains("\u{1b}["), "{screen}");
}
