//! Going back to an earlier login: which generation is brought back, and that looking for it never ends a login that lives.

use signalbox_core::error::{Code, Doing};
use signalbox_core::flow::FlowError;
use signalbox_core::ports::ProviderError;
use signalbox_core::time::HOUR;
use signalbox_core::undo::{self, Undone};
use signalbox_core::vault::{self, generations};
use signalbox_core::{register, switch, sync};

use crate::scene::{Scene, alias};

fn undo(scene: &Scene, name: &str) -> Result<Undone, FlowError> {
    undo::undo(&scene.ports, &alias(name))
}

/// `a` is live, signed in twice: the second sign-in went over the first, which the server still honours.
pub fn signed_in_twice() -> Scene {
    let scene = Scene::new().profile("b").profile("a");
    scene.sign_in("a");
    sync::sync_live(&scene.ports).expect("synced");
    scene
}

#[track_caller]
fn saved(scene: &Scene, name: &str) -> String {
    vault::header(&scene.ports, &alias(name)).expect("readable").expect("saved").fingerprint.to_string()
}

#[test]
fn an_earlier_sign_in_of_the_live_profile_is_brought_back_and_forth() {
    let scene = signed_in_twice();
    let second = scene.live_fingerprint().expect("a login");
    let undone = undo(&scene, "a").expect("brought back");
    assert!(undone.was_live);
    let first = scene.live_fingerprint().expect("a login");
    assert_ne!(first, second);
    assert_eq!(saved(&scene, "a"), first.to_string(), "the newest saved one is the live one");
    assert_eq!(scene.world.server(|server| server.living("a")), 2, "both live on");
    undo(&scene, "a").expect("and forth");
    assert_eq!(scene.live_fingerprint(), Some(second));
    assert!(sync::sync_live(&scene.ports).is_ok_and(|synced| matches!(synced, sync::Synced::Unchanged { .. })));
}

#[test]
fn an_earlier_sign_in_of_a_parked_profile_is_brought_back_without_touching_the_live_login() {
    let scene = signed_in_twice();
    switch::use_profile(&scene.ports, &alias("b")).expect("switched");
    let (live, newest) = (scene.live_fingerprint(), saved(&scene, "a"));
    let undone = undo(&scene, "a").expect("brought back");
    assert!(!undone.was_live);
    assert_eq!(scene.live_fingerprint(), live);
    assert_ne!(saved(&scene, "a"), newest);
    switch::use_profile(&scene.ports, &alias("a")).expect("it lives");
}

#[test]
fn a_lapsed_earlier_sign_in_is_renewed_and_a_spent_ancestor_never_is() {
    let scene = signed_in_twice();
    // The second sign-in has ancestors behind it, and the first lies behind those.
    for _ in 0..2 {
        scene.world.advance(9 * HOUR);
        assert!(scene.world.claude_refreshes());
        sync::sync_live(&scene.ports).expect("synced");
    }
    let undone = undo(&scene, "a").expect("brought back");
    assert_eq!(undone.generation, 0, "the first sign-in");
    assert_eq!(scene.world.server(|server| server.reuses), 0, "no spent token was presented");
    assert_eq!(scene.world.server(|server| server.living("a")), 2);
}

#[test]
fn with_nothing_but_spent_ancestors_there_is_nothing_to_go_back_to() {
    let scene = Scene::new().profile("b").profile("a");
    for _ in 0..3 {
        scene.world.advance(9 * HOUR);
        assert!(scene.world.claude_refreshes());
        sync::sync_live(&scene.ports).expect("synced");
    }
    let live = scene.live_fingerprint();
    let error = undo(&scene, "a").expect_err("all are spent");
    assert!(matches!(error, FlowError::NothingEarlier { .. }), "{error}");
    assert_eq!(scene.live_fingerprint(), live);
    assert_eq!(scene.world.server(|server| server.reuses), 0);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after looking for an earlier one");
}

#[test]
fn a_server_that_cannot_be_asked_stops_an_undo_before_anything_is_changed() {
    let scene = signed_in_twice();
    let (live, newest) = (scene.live_fingerprint(), saved(&scene, "a"));
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    let error = undo(&scene, "a").expect_err("nobody knows which one lives");
    assert_eq!(error.problem(&Doing::Undo(alias("a"))).code, Code::Provider);
    assert_eq!((scene.live_fingerprint(), saved(&scene, "a")), (live, newest));
}

#[test]
fn a_login_that_is_no_profile_is_not_replaced_by_an_undo() {
    let scene = signed_in_twice();
    scene.sign_in("d");
    let undone = undo(&scene, "a").expect("brought back");
    assert!(!undone.was_live);
    assert_eq!(scene.live_account().as_deref(), Some("d"));
}

#[test]
fn five_generations_are_kept_and_another_sign_in_outlasts_spent_ones() {
    let scene = signed_in_twice();
    for _ in 0..12 {
        scene.world.advance(HOUR);
        assert!(scene.world.claude_refreshes());
        sync::sync_live(&scene.ports).expect("synced");
    }
    let numbers = generations::numbers(&scene.ports, &alias("a")).expect("listed");
    assert_eq!(numbers.len(), generations::GENERATIONS);
    assert_eq!(numbers.first(), Some(&0), "the first sign-in may still live, its followers are spent: {numbers:?}");
    undo(&scene, "a").expect("it still lives");
}

#[test]
fn generations_follow_a_rename_and_go_with_the_profile() {
    let scene = signed_in_twice();
    register::rename(&scene.ports, &alias("a"), &alias("c")).expect("renamed");
    assert!(generations::numbers(&scene.ports, &alias("a")).expect("listed").is_empty());
    undo(&scene, "c").expect("brought back under the new name");
    register::remove(&scene.ports, &alias("c")).expect("removed");
    assert!(generations::numbers(&scene.ports, &alias("c")).expect("listed").is_empty());
}
