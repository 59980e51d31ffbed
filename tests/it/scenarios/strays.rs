//! Generations and renames that died: files under a name that is no longer their profile's, or not yet. Each is given a
//! home where it overwrites nothing, and none makes the newest login look old. A stray newest login is also met in
//! `interrupted`.

use signalbox_core::fakes::Fault;
use signalbox_core::flow::FlowError;
use signalbox_core::time::HOUR;
use signalbox_core::vault;
use signalbox_core::{recover, register, sync, undo};

use super::mishaps::{comes_online, dies_at, goes_offline, reuses, rotates_after_a_lapse};
use super::switch_to;
use super::undo::signed_in_twice;
use crate::scene::{Scene, alias};

/// A rename that dies around the removal of the saved login under the old name, before the generations follow.
#[track_caller]
fn dead_rename(scene: &Scene, from: &str, to: &str, fault: Fault) {
    dies_at(scene, "files.remove", 1, fault, || register::rename(&scene.ports, &alias(from), &alias(to)));
    let roster = vault::load_roster(&scene.ports).expect("a roster");
    assert!(roster.get(&alias(to)).is_ok() && roster.get(&alias(from)).is_err(), "the roster has the new name");
}

#[test]
fn a_stray_generation_whose_number_is_taken_meanwhile_finds_another() {
    let scene = signed_in_twice();
    dead_rename(&scene, "a", "z", Fault::CrashAfter);
    // An app that was running all along captures a rotation, whose ancestor becomes a generation of its own.
    rotates_after_a_lapse(&scene);
    sync::sync_live(&scene.ports).expect("synced");
    recover::recover(&scene.ports).expect("recovered");
    assert_eq!(scene.world.server(|server| server.living("a")), 2);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the generations came home");
    undo::undo(&scene.ports, &alias("z")).expect("the first sign-in lives");
}

#[test]
fn after_a_rename_no_single_failure_writes_a_rotation_over_another_sign_in() {
    let renamed_and_rotated = || {
        let scene = signed_in_twice();
        register::rename(&scene.ports, &alias("a"), &alias("z")).expect("renamed");
        rotates_after_a_lapse(&scene);
        scene.world.unplan();
        scene
    };
    let calm = renamed_and_rotated();
    sync::sync_live(&calm.ports).expect("synced");
    let calls = calm.world.calls();
    assert!(calls.contains(&"files.write"), "the rotation is saved: {calls:?}");
    for (at, call) in calls.iter().enumerate() {
        let scene = renamed_and_rotated();
        scene.world.plan(at, Fault::Error);
        let outcome = sync::sync_live(&scene.ports);
        scene.world.unplan();
        let story = format!("a failure at call {at} ({call}), {outcome:?}");
        assert_eq!(scene.world.server(|server| server.living("a")), 2, "{story}");
        scene.check_nothing_lost(&["a", "b"], &[], false, &story);
    }
}

#[test]
fn another_account_under_the_old_name_does_not_take_over_the_generations() {
    let scene = signed_in_twice();
    dead_rename(&scene, "a", "z", Fault::CrashAfter);
    scene.sign_in("c");
    register::add_live(&scene.ports, &alias("a"), register::Consent::Given).expect("added");
    recover::recover(&scene.ports).expect("recovered");
    scene.check_nothing_lost(&["a", "b", "c"], &[], false, "after the generations came home");
    undo::undo(&scene.ports, &alias("z")).expect("they are those of the renamed profile");
}

#[test]
fn a_rename_onto_stray_generations_overwrites_none() {
    let scene = Scene::new().profile("b");
    scene.sign_in("b");
    sync::sync_live(&scene.ports).expect("synced");
    let scene = scene.profile("a");
    scene.sign_in("a");
    sync::sync_live(&scene.ports).expect("synced");
    dead_rename(&scene, "a", "z", Fault::CrashAfter);
    register::rename(&scene.ports, &alias("b"), &alias("a")).expect("renamed");
    recover::recover(&scene.ports).expect("recovered");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after both renames");
    for name in ["a", "z"] {
        undo::undo(&scene.ports, &alias(name)).expect("its first sign-in lives");
    }
}

#[test]
fn a_stray_does_not_make_the_newest_login_look_spent() {
    let scene = Scene::new().profile("b").profile("m");
    dead_rename(&scene, "m", "z", Fault::CrashBefore);
    scene.world.advance(HOUR);
    assert!(scene.world.claude_refreshes());
    sync::sync_live(&scene.ports).expect("z has the next pair, and the stray holds the first");
    scene.world.advance(HOUR);
    assert!(scene.world.claude_refreshes());
    goes_offline(&scene);
    switch_to(&scene, "b").expect("switched; the newest is put aside");
    comes_online(&scene);
    register::rename(&scene.ports, &alias("z"), &alias("c")).expect("renamed");
    recover::recover(&scene.ports).expect("recovered");
    scene.check_nothing_lost(&["m", "b"], &[], false, "after the newest came home");
    switch_to(&scene, "c").expect("it lives");
}

#[test]
fn a_login_put_aside_is_not_taken_for_the_ancestor_of_a_stray_copy_of_its_own_past() {
    let scene = Scene::new().profile("a").profile("b");
    scene.sign_in("c");
    // `add` dies with the login of `c` saved and no profile yet.
    dies_at(&scene, "files.write", 1, Fault::CrashAfter, || {
        register::add_live(&scene.ports, &alias("c"), register::Consent::Given)
    });
    scene.world.advance(9 * HOUR);
    switch_to(&scene, "a").expect("switched; the login of c was put aside, renewed, and is no profile's");
    recover::recover(&scene.ports).expect("recovered");
    recover::recover(&scene.ports).expect("and once more");
    scene.check_nothing_lost(&["a", "b", "c"], &[], false, "after the stray became a profile");
}

#[test]
fn of_two_strays_of_one_account_the_newer_becomes_the_profile() {
    let scene = Scene::new().profile("a").profile("b");
    let b = scene.world.live_text();
    scene.sign_in("c");
    let adds = |name: &str| {
        dies_at(&scene, "files.write", 1, Fault::CrashAfter, || {
            register::add_live(&scene.ports, &alias(name), register::Consent::Given)
        });
    };
    adds("new1");
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    adds("new2");
    // A session of old writes its own account's login over that of `c`, whose newest pair is in the second stray alone.
    scene.world.set_live(b);
    assert!(scene.world.claude_refreshes());
    recover::recover(&scene.ports).expect("recovered");
    sync::sync_live(&scene.ports).expect("synced");
    switch_to(&scene, "new2").expect("its newest pair is the profile's");
    assert_eq!(scene.world.server(|server| server.reuses), 0);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after both strays were settled");
}

#[test]
fn a_login_of_one_profile_that_was_believed_to_be_a_removed_ones_is_not_forgotten_over_that() {
    let scene = Scene::new().profile("a").profile("b").profile("c");
    let of_c = scene.world.live_text().expect("a live login");
    switch_to(&scene, "a").expect("switched");
    // A session of an old version still has `c`, renews it and writes it over `a`, while nobody can ask.
    scene.world.set_live(Some(of_c));
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    goes_offline(&scene);
    switch_to(&scene, "b").expect("switched; what was live was put aside as a's, for all anybody knows");
    register::remove(&scene.ports, &alias("a")).expect("removed");
    let refused = switch_to(&scene, "c").expect_err("what is saved of c is spent");
    assert!(matches!(refused, FlowError::PutAside { .. }), "{refused}");
    comes_online(&scene);
    switch_to(&scene, "c").expect("brought home and switched");
    assert_eq!(reuses(&scene), 0);
    scene.check_nothing_lost(&["b", "c"], &[], false, "after the profile was removed that it was believed to be of");
}
