//! After a switch: the login before it may come back, written by a session that began before. What is told, what is restored, and how
//! a person's own doing is told apart.

use signalbox_core::history::Event;
use signalbox_core::mend;
use signalbox_core::sessions::Session;
use signalbox_core::switch::{self, Proof};
use signalbox_core::sync::{self, Synced};
use signalbox_core::time::{HOUR, MINUTE, SECOND};

use crate::scene::{Scene, alias};

/// A person switched from `b` to `a`; three seconds later a session that had `b` in its memory wrote its rotation back.
fn clobbered() -> Scene {
    let scene = Scene::new().profile("a").profile("b");
    let began = scene.now();
    let session = Session {
        pid: 4711,
        folder: Some("/home/u/p".into()),
        started_at: Some(began),
        version: Some("2.1.199".to_owned()),
        entrypoint: Some("cli".to_owned()),
        pinned_by: None,
    };
    scene.world.set_sessions(vec![session], Vec::new());
    scene.world.advance(MINUTE);
    let before = scene.world.live_text();
    switch::use_profile(&scene.ports, &alias("a")).expect("switched");
    scene.world.advance(3 * SECOND);
    scene.world.set_live(before);
    assert!(scene.world.claude_refreshes(), "an old client rotates what it put there");
    scene
}

#[test]
fn a_login_that_comes_back_is_captured_and_the_session_that_did_it_is_named() {
    let scene = clobbered();
    let came_back = scene.live_fingerprint();
    let Synced::Reverted { wanted, found, suspects, restored } = sync::sync_live(&scene.ports).expect("a look") else {
        panic!("it came back")
    };
    assert_eq!((wanted, found, restored), (alias("a"), alias("b"), 0));
    assert_eq!(suspects.iter().map(|session| session.pid).collect::<Vec<_>>(), [4711]);
    assert_eq!(scene.live_fingerprint(), came_back, "nothing is undone without being asked");
    let by = vec!["the session in /home/u/p (pid 4711)".to_owned()];
    assert!(scene.world.history().contains(&Event::Reverted { wanted: alias("a"), found: alias("b"), by }));
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the reversion");
    let used = switch::use_profile(&scene.ports, &alias("a")).expect("one click restores the choice");
    assert_eq!(used.proof, Proof::Verified);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the restoration");
}

#[test]
fn without_being_asked_a_choice_is_restored_twice_and_no_more() {
    let scene = clobbered();
    for round in 1..=3 {
        let before = scene.world.live_text();
        let Synced::Reverted { restored, .. } = sync::sync_live(&scene.ports).expect("a look") else {
            panic!("round {round}: it came back")
        };
        assert_eq!(restored, round - 1);
        let done = switch::restore(&scene.ports).expect("no failure").is_some();
        assert_eq!(done, round <= 2, "round {round}");
        scene.world.advance(SECOND);
        scene.world.set_live(before);
        scene.world.claude_refreshes();
    }
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the quarrel");
}

#[test]
fn a_new_sign_in_to_the_account_before_is_a_persons_own_doing() {
    let scene = Scene::new().profile("a").profile("b");
    switch::use_profile(&scene.ports, &alias("a")).expect("switched");
    scene.world.advance(MINUTE);
    scene.sign_in("b");
    assert!(matches!(sync::sync_live(&scene.ports).expect("a look"), Synced::Moved { .. }));
    assert!(switch::restore(&scene.ports).is_ok(), "asked all the same, it does what it is told");
}

#[test]
fn what_comes_back_much_later_is_told_as_a_switch_by_another_program() {
    let scene = Scene::new().profile("a").profile("b");
    let before = scene.world.live_text();
    switch::use_profile(&scene.ports, &alias("a")).expect("switched");
    scene.world.advance(HOUR);
    scene.world.set_live(before);
    assert!(matches!(sync::sync_live(&scene.ports).expect("a look"), Synced::Moved { .. }));
    let rival = Event::SwitchedOutside { from: Some(alias("a")), to: alias("b"), rival: true };
    assert!(scene.world.history().contains(&rival));
}

#[test]
fn a_look_at_an_unchanged_login_takes_no_lock_asks_nobody_and_writes_nothing() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.unplan();
    assert!(matches!(sync::sync_live(&scene.ports).expect("a look"), Synced::Unchanged { .. }));
    let calls = scene.world.calls();
    let quiet = |call: &str| call.ends_with(".read") || call == "key.key";
    assert!(calls.iter().all(|call| quiet(call)), "{calls:?}");
    scene.world.unplan();
    assert!(!mend::account_cache(&scene.ports).expect("a look"));
    assert!(scene.world.calls().iter().all(|call| quiet(call)));
}
