//! Signing in with the simulated Claude Code in all its moods: slow, failing, dying, given up at every moment; and where a
//! secret may lie meanwhile. What holds for every `Signin` is in `signin`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_sim::{Endpoint, Fault, FaultKind};
use signalbox_core::ports::Signin as _;
use signalbox_core::signin::Ability;
use signalbox_machine::data_folder::DataFolder;
use signalbox_machine::delegate::InFiles;
use signalbox_machine::signin::ClaudeSignin;
use signalbox_machine::surroundings::Surroundings;
use signalbox_tests::claude::visit;
use signalbox_tests::process::until_blocking;

use super::delegate::put_script;
use super::signin::{ProcessRig, Rig as _, assert_signed_in, end_of, id, page, stored};

/// Runs one attempt of a rig up to where the person has signed in.
fn sign_in(rig: &ProcessRig, account: &str) -> Option<String> {
    rig.signin.start(&id(1), None).expect("started");
    page(rig, &id(1));
    rig.consents(account, false);
    // The child may be gone before it answers the browser.
    let _ = visit(&page(rig, &id(1)));
    end_of(&rig.signin, &id(1))
}

#[test]
fn a_slow_child_a_deaf_browser_and_a_missing_terminal_stop_nobody() {
    for mood in ["slow", "never-opens", "needs-tty"] {
        let rig = ProcessRig::in_mood(mood);
        rig.signin.start(&id(1), None).expect("started");
        if mood == "never-opens" {
            let code = rig.code(&id(1), "a");
            assert_eq!(rig.other.answer(&id(1), &code), Ok(()));
        } else {
            rig.signs_in(&id(1), "a");
        }
        end_of(&rig.signin, &id(1));
        assert_signed_in(&rig, &rig.signin, &id(1), "a");
        assert_eq!(rig.signin.discard(&id(1)), Ok(()));
        rig.is_gone(&id(1));
    }
}

#[test]
fn a_child_that_fails_or_dies_leaves_no_login() {
    let rig = ProcessRig::in_mood("fails");
    rig.signin.start(&id(1), None).expect("started");
    let said = end_of(&rig.signin, &id(1));
    assert_eq!(said.as_deref(), Some("Couldn't log in: Request failed with status code 500"));
    assert!(stored(&rig.signin, &id(1)).is_none());
    let rig = ProcessRig::in_mood("crashes");
    assert_eq!(sign_in(&rig, "a"), None);
    assert!(stored(&rig.other, &id(1)).is_none());
    assert_eq!(rig.other.discard(&id(1)), Ok(()));
    rig.is_gone(&id(1));
}

#[test]
fn a_server_that_refuses_the_code_is_named_as_the_reason() {
    let rig = ProcessRig::new();
    rig.sim.fault(Fault::once(Endpoint::Exchange, FaultKind::Status { status: 500, body: None, retry_after: None }));
    let said = sign_in(&rig, "a");
    assert_eq!(said.as_deref(), Some("Couldn't log in: Request failed with status code 500"));
}

#[test]
fn it_can_be_given_up_at_every_moment_and_nothing_stays() {
    for (mood, moment) in [("slow", "before the page"), ("lingers", "while it waits"), ("", "while it stores")] {
        let rig = ProcessRig::in_mood(mood);
        rig.signin.start(&id(1), None).expect("started");
        let browser = (moment != "before the page").then(|| page(&rig, &id(1))).filter(|_| moment == "while it stores");
        let browser = browser.map(|page| {
            rig.consents("a", false);
            rig.sim.fault(Fault::once(Endpoint::Profile, FaultKind::Delay { ms: 1_000 }));
            std::thread::spawn(move || visit(&page))
        });
        if browser.is_some() {
            until_blocking("the exchange", || (rig.sim.count(Endpoint::Profile) > 0).then_some(())).expect("asked");
        }
        let begun = Instant::now();
        assert_eq!(rig.signin.discard(&id(1)), Ok(()), "{moment}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{moment}: {:?}", begun.elapsed());
        assert_eq!(rig.signin.attempts(), Ok(Vec::new()), "{moment}");
        rig.is_gone(&id(1));
        // The browser hears of it or finds nobody.
        let _ = browser.map(|browser| browser.join().expect("no panic"));
    }
}

#[test]
fn while_a_person_signs_in_no_token_is_seen_and_claude_codes_own_files_stay() {
    let rig = ProcessRig::new();
    let live = rig.home.path().join(".claude");
    fs::create_dir(&live).expect("made");
    fs::write(live.join(".credentials.json"), "{\"mine\":1}").expect("written");
    sign_in(&rig, "a");
    assert_signed_in(&rig, &rig.signin, &id(1), "a");
    let holding: Vec<PathBuf> = files_below(rig.home.path())
        .into_iter()
        .filter(|file| String::from_utf8_lossy(&fs::read(file).expect("readable")).contains("sk-ant-"))
        .collect();
    assert_eq!(holding, [rig.folder(&id(1)).join(".credentials.json")], "the client's own store and nothing else");
    assert_eq!(fs::read_to_string(live.join(".credentials.json")).expect("it stays"), "{\"mine\":1}");
    let mut names: Vec<_> = fs::read_dir(rig.folder(&id(1)))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    let (theirs, ours) =
        ([".claude.json", ".credentials.json", "backups"], ["answer", "opener", "page", "run.json", "said"]);
    names.retain(|name| !ours.contains(&name.as_str()));
    assert_eq!(names, theirs, "all that the real one writes (`docs/observed.md` §7)");
    assert!(!rig.home.path().join(".claude.json").exists());
    assert_eq!(rig.signin.discard(&id(1)), Ok(()));
    rig.is_gone(&id(1));
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let below = entries.flat_map(|entry| match entry.file_type().expect("a type") {
        kind if kind.is_dir() => files_below(&entry.path()),
        kind if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    });
    below.collect()
}

#[test]
fn one_that_is_too_old_says_so() {
    let rig = ProcessRig::new();
    let old = put_script(
        rig.home.path().join("old"),
        &format!("SIM_CLAUDE_VERSION=1.0.60 exec '{}' \"$@\"", rig.home.path().join("claude").display()),
    );
    let surroundings = Surroundings::at_home(rig.home.path());
    let data = DataFolder::new(surroundings.data_folder());
    let signin = ClaudeSignin::new(&surroundings, &data, Arc::new(InFiles), Some(old));
    assert_eq!(signin.ability(), Ability::TooOld { version: "1.0.60".to_owned() });
}
