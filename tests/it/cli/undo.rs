//! `undo` and what came back by itself, told by the server: which sign-in is live, not only whose. The sentences are in
//! `tests/cmd`.

use provider_sim::{LoginId, SimOptions};
use signalbox_tests::home::Home;
use signalbox_tests::stage::Stage;

use super::case::Session;
use super::{loss, sessions};

fn stage() -> Stage {
    Stage::new(SimOptions::default()).expect("a stage")
}

fn live_login(stage: &Stage) -> Option<LoginId> {
    let (access, _) = stage.home.live_pair().ok()?;
    stage.sim.owner(&access)
}

/// How many `.cred` files and generations of them there are.
fn saved(home: &Home) -> usize {
    std::fs::read_dir(home.data().join("creds")).expect("a folder").count()
}

#[test]
fn undo_goes_back_to_the_sign_in_before_and_then_forth_again() {
    let stage = stage();
    let first = stage.seed("work").expect("a profile").login;
    let second = stage.sign_in("work").expect("another sign-in over it").login;
    stage.signalbox(&["refresh"]).expect("saved");
    assert_eq!(live_login(&stage), Some(second));
    for expected in [first, second, first] {
        stage.signalbox(&["undo"]).expect("undone");
        assert_eq!(live_login(&stage), Some(expected));
        assert!(stage.live_is("work"), "it is usable");
        assert!(stage.home.siblings_are_untouched().expect("readable"));
        assert_eq!(saved(&stage.home), 2, "the other one is kept, once");
    }
}

#[test]
fn undo_first_saves_what_claude_code_rotated() {
    let stage = stage();
    let first = stage.seed("work").expect("a profile").login;
    let second = stage.sign_in("work").expect("another sign-in over it").login;
    // Nobody has looked since: neither the sign-in nor its rotation is saved yet.
    let (_, refresh) = stage.home.live_pair().expect("a pair");
    let renewed = stage.sim.refresh(&refresh).expect("alive");
    stage.home.sign_in(&stage.sim, &renewed).expect("written");
    stage.signalbox(&["undo", "work"]).expect("undone");
    assert_eq!(live_login(&stage), Some(first));
    stage.signalbox(&["undo", "work"]).expect("undone");
    assert_eq!(live_login(&stage), Some(second));
    assert!(stage.live_is("work"), "the rotation, not the pair that it spent");
}

#[test]
fn undo_of_a_parked_profile_leaves_the_live_login_alone() {
    let stage = stage();
    let first = stage.seed("work").expect("a profile").login;
    stage.sign_in("work").expect("another sign-in over it");
    stage.signalbox(&["refresh"]).expect("saved");
    let personal = stage.seed("personal").expect("a profile").login;
    let before = std::fs::read(stage.home.store()).expect("a login");
    stage.signalbox(&["undo", "work"]).expect("undone");
    assert_eq!(std::fs::read(stage.home.store()).expect("a login"), before);
    assert_eq!(stage.home.cred("work").expect("saved").fingerprint, stage.newest_fingerprint(first).expect("alive"));
    loss::check_all_usable(&stage, &[("work".to_owned(), first), ("personal".to_owned(), personal)]).expect("usable");
}

#[test]
fn what_came_back_after_a_switch_is_told_until_it_is_mended() {
    let stage = stage();
    let profiles = stage.seed_profiles().expect("three profiles");
    let session = sessions::start(&stage, &Session::default()).expect("a session");
    let old = stage.sim.newest(profiles[0].login).expect("alive");
    stage.signalbox(&["use", "personal"]).expect("switched");
    stage.home.sign_in(&stage.sim, &old).expect("something puts the old login back");

    let said = stage.signalbox(&["refresh"]).expect("a look").out;
    let first = said.lines().next().unwrap_or_default();
    assert!(first.starts_with("work is live again, soon after the switch to personal: the session in "), "{said}");
    assert!(first.contains(&format!("(pid {}), which began before the switch", session.pid())), "{said}");
    assert!(said.ends_with("\nhint: `signalbox use personal` brings your choice back\n"), "{said}");
    let said = stage.signalbox(&["status"]).expect("a status").out;
    assert!(said.contains("\nwork came back after the switch to personal "), "{said}");
    assert!(said.contains(" ago; `signalbox use personal` brings your choice back\n"), "{said}");
    let log = stage.signalbox(&["log", "-n", "1"]).expect("a log").out;
    assert!(
        log.contains(&format!("(pid {}) brought work back after the switch to personal\n", session.pid())),
        "{log}"
    );

    stage.signalbox(&["use", "personal"]).expect("switched");
    assert!(stage.live_is("personal"));
    let said = stage.signalbox(&["status"]).expect("a status").out;
    assert!(!said.contains("came back"), "{said}");
}
