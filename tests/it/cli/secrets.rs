//! No token on a screen, in a log, in an argument list, in the environment or in a file of ours, even with the log at its
//! most talkative.

use std::fs;
use std::path::Path;

use provider_sim::SimOptions;
use signalbox_tests::stage::Stage;

/// How every token begins, real or simulated.
const TOKEN: &str = "sk-ant-";

#[test]
fn the_most_talkative_log_and_our_files_show_no_token() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    let profiles = stage.seed_profiles().expect("three profiles");
    let mut lines = 0;
    for arguments in
        [&["use", "personal"][..], &["refresh"], &["status"], &["list", "--json"], &["use", "work", "--json"]]
    {
        // A refused access token makes the switch send a refresh token and receive a new pair, which is saved.
        for profile in profiles.iter().filter(|profile| !stage.live_is(&profile.alias)) {
            stage.sim.withdraw_access(profile.login);
        }
        let output = stage.cli(arguments).expect("the program").env("SIGNALBOX_LOG", "trace").output().expect("a run");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        for bytes in [&output.stdout, &output.stderr] {
            assert!(!holds_token(bytes), "{arguments:?} shows a token");
        }
        lines += output.stderr.iter().filter(|byte| **byte == b'\n').count();
    }
    assert!(lines > 100, "the log did talk: {lines} lines");
    assert!(profiles.iter().any(|profile| stage.sim.refreshes(profile.login) > 0), "tokens did travel");
    // A switch that fails is written down with its reason.
    assert!(stage.sim.end_login(profiles[1].login));
    assert_eq!(stage.ask_signalbox(&["use", "personal"]).expect("a run").code, Some(1));
    for arguments in [&["log"][..], &["log", "--json"]] {
        let said = stage.signalbox(arguments).expect("a log");
        assert!(
            said.out.contains("switched from work to personal") || said.out.contains("Switched from work to personal")
        );
        assert!(!holds_token(said.out.as_bytes()), "{arguments:?} shows a token");
    }
    let files = files_below(&stage.home.data());
    assert!(files.iter().any(|file| file.ends_with("events.jsonl")), "{files:?}");
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        assert!(!holds_token(&fs::read(&file).expect("readable")), "{} holds a token", file.display());
    }
}

fn holds_token(bytes: &[u8]) -> bool {
    bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes())
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
