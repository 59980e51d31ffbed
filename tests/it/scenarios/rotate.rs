//! The guided sign-in: a new profile, a stale one, somebody else in the browser, a change of mind, a death in between. Both ways: apart from
//! the live login, and with the live login set aside.

mod classic;

use signalbox_core::board::LiveState;
use signalbox_core::credential::Fingerprint;
use signalbox_core::error::{Code, NextStep};
use signalbox_core::fakes::Fault;
use signalbox_core::flow::FlowError;
use signalbox_core::history::Event;
use signalbox_core::ports::FileName;
use signalbox_core::recover;
use signalbox_core::register::{self, Consent};
use signalbox_core::rotate::{self, Finished, Fits, Keep, Step, Way};
use signalbox_core::sync;
use signalbox_core::time::{DAY, HOUR, MINUTE};
use signalbox_core::undo;
use signalbox_core::vault;

use super::mishaps::{comes_online, dies_at, fail_once, goes_offline, reuses, rotates_after_a_lapse};
use super::{code_of, switch_to};
use crate::scene::{Scene, alias};

/// Begins the sign-in, and lets this account sign in.
#[track_caller]
fn signed_in(scene: &Scene, name: &str, account: &str) {
    scene.world.signs_in(Some(account));
    let begun = rotate::begin(&scene.ports, &alias(name), None).expect("begun");
    assert!(begun.guard.is_none(), "the live login is not set aside");
}

#[track_caller]
fn rotated(scene: &Scene, name: &str, account: &str) -> Finished {
    signed_in(scene, name, account);
    rotate::finish(&scene.ports, &Keep::AsAsked).expect("confirmed")
}

#[track_caller]
fn saved(scene: &Scene, name: &str) -> Fingerprint {
    let roster = vault::load_roster(&scene.ports).expect("a roster");
    let profile = roster.find(&alias(name)).unwrap_or_else(|| panic!("no profile {name}"));
    vault::open(&scene.ports, profile).expect("a saved login").header.fingerprint
}

fn is_profile(scene: &Scene, name: &str) -> bool {
    vault::load_roster(&scene.ports).expect("a roster").find(&alias(name)).is_some()
}

fn nothing_is_left(scene: &Scene) {
    assert_eq!(rotate::look(&scene.ports).expect("looked"), None);
    assert_eq!(scene.world.signin_texts(), Vec::<String>::new(), "a login is in two places");
    assert_eq!(scene.world.file(&FileName::Rotation), None);
}

#[test]
fn a_new_profile_is_signed_in_and_the_live_login_is_not_touched() {
    let scene = Scene::new().profile("a");
    let (live, shown) = (scene.world.live_text(), scene.world.cache_text());
    let finished = rotated(&scene, "b", "b");
    assert!(finished.is_new && !finished.is_live, "{finished:?}");
    assert_eq!(finished.account.email, "b@example.org");
    assert!(finished.deadline.is_some());
    assert_eq!((scene.world.live_text(), scene.world.cache_text()), (live, shown));
    nothing_is_left(&scene);
    switch_to(&scene, "b").expect("it can be used");
    assert_eq!(scene.live_account().as_deref(), Some("b"));
    assert_eq!(scene.shown_account().as_deref(), Some("b"), "its `oauthAccount` came along");
    scene.check_nothing_lost(&["a", "b"], &[], false, "afterwards");
}

#[test]
fn the_live_logins_newest_rotation_is_saved_before_anything_else() {
    let scene = Scene::new().profile("a").profile("b");
    assert!(scene.world.claude_refreshes());
    let newest = scene.live_fingerprint().expect("b is live");
    rotate::begin(&scene.ports, &alias("c"), None).expect("begun");
    assert_eq!(saved(&scene, "b"), newest);
}

#[test]
fn a_sign_in_needs_no_live_login_and_no_network_to_begin() {
    let scene = Scene::new();
    scene.world.set_live(None);
    goes_offline(&scene);
    let begun = rotate::begin(&scene.ports, &alias("a"), None).expect("begun");
    assert!(matches!(begun.rotation.step, Step::Browser { .. }), "{:?}", begun.rotation.step);
    comes_online(&scene);
    scene.world.person_signs_in("a");
    assert!(rotate::finish(&scene.ports, &Keep::AsAsked).expect("confirmed").is_new);
}

#[test]
fn a_parked_profile_whose_login_has_ended_lives_again() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.server(|server| server.revoke("a"));
    assert_eq!(code_of(switch_to(&scene, "a")), Code::LoginNeeded);
    let finished = rotated(&scene, "a", "a");
    assert!(!finished.is_new && !finished.is_live, "{finished:?}");
    assert_eq!(scene.world.signin_email(), None, "the folder is gone");
    let roster = vault::load_roster(&scene.ports).expect("a roster");
    assert_eq!(roster.find(&alias("a")).expect("a").login_needed_since, None);
    assert_eq!(scene.live_account().as_deref(), Some("b"));
    switch_to(&scene, "a").expect("it can be used");
    assert_eq!(reuses(&scene), 0);
}

#[test]
fn the_account_of_a_profile_is_preset() {
    let scene = Scene::new().profile("a");
    rotate::begin(&scene.ports, &alias("a"), None).expect("begun");
    assert_eq!(scene.world.signin_email().as_deref(), Some("a@example.org"));
    let rotation = rotate::look(&scene.ports).expect("looked").expect("under way");
    assert_eq!((rotation.email.as_deref(), rotation.way), (Some("a@example.org"), Way::Isolated));
    assert_eq!(rotation.until.since(rotation.begun_at), rotate::LIMIT_MS);
}

#[test]
fn the_live_profiles_new_login_takes_the_place_of_the_old_which_stays_behind_it() {
    let scene = Scene::new().profile("a").profile("b");
    let old = scene.live_fingerprint().expect("b is live");
    let finished = rotated(&scene, "b", "b");
    assert!(finished.is_live && !finished.is_new);
    let new = scene.live_fingerprint().expect("b is live");
    assert!(new != old && new == saved(&scene, "b"));
    nothing_is_left(&scene);
    scene.check_nothing_lost(&["a", "b"], &[], false, "afterwards");
    assert!(matches!(sync::sync_live(&scene.ports), Ok(sync::Synced::Unchanged { .. })));
    undo::undo(&scene.ports, &alias("b")).expect("the old one lives");
    assert_eq!(scene.live_fingerprint(), Some(old));
}

#[test]
fn the_live_profile_whose_login_ended_is_live_again() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.server(|server| server.revoke("b"));
    scene.world.advance(9 * HOUR);
    let finished = rotated(&scene, "b", "b");
    assert!(finished.is_live, "the dead login made room");
    assert_eq!(scene.live_fingerprint(), Some(saved(&scene, "b")));
    assert_eq!(reuses(&scene), 0);
}

#[test]
fn a_rotation_while_the_person_signs_in_is_kept() {
    let scene = Scene::new().profile("a").profile("b");
    rotate::begin(&scene.ports, &alias("b"), None).expect("begun");
    rotates_after_a_lapse(&scene);
    let rotated = scene.live_fingerprint().expect("b is live");
    scene.world.person_signs_in("b");
    rotate::finish(&scene.ports, &Keep::AsAsked).expect("confirmed");
    assert!(scene.obtainable().contains(&rotated));
    scene.check_nothing_lost(&["a", "b"], &[], false, "afterwards");
}

#[test]
fn nothing_is_saved_before_somebody_has_signed_in() {
    let scene = Scene::new().profile("a");
    rotate::begin(&scene.ports, &alias("b"), None).expect("begun");
    assert_eq!(code_of(rotate::check(&scene.ports)), Code::LoginNeeded);
    assert_eq!(code_of(rotate::finish(&scene.ports, &Keep::AsAsked)), Code::LoginNeeded);
    assert!(!is_profile(&scene, "b"));
    scene.world.sign_in_fails();
    let rotation = rotate::look(&scene.ports).expect("looked").expect("under way");
    assert_eq!(rotation.step, Step::Failed { said: Some("No authorization code received".to_owned()) });
    rotate::again(&scene.ports).expect("once more");
    scene.world.person_signs_in("b");
    assert!(rotate::finish(&scene.ports, &Keep::AsAsked).expect("confirmed").is_new);
}

#[test]
fn the_code_from_a_browser_elsewhere_is_handed_over() {
    let scene = Scene::new().profile("a");
    assert_eq!(code_of(rotate::answer(&scene.ports, "b")), Code::Usage, "nothing is under way");
    rotate::begin(&scene.ports, &alias("b"), None).expect("begun");
    rotate::answer(&scene.ports, "b").expect("taken");
    assert_eq!(code_of(rotate::answer(&scene.ports, "b")), Code::Usage, "it has ended");
    assert!(rotate::finish(&scene.ports, &Keep::AsAsked).expect("confirmed").is_new);
}

#[test]
fn another_account_in_the_browser_is_caught_by_its_identity() {
    let scene = Scene::new().profile("a");
    signed_in(&scene, "a", "x");
    let found = rotate::check(&scene.ports).expect("checked");
    assert_eq!(found.email, "x@example.org");
    assert_eq!(found.fits, Fits::Another { expected: "a@example.org".to_owned() });
    let before = saved(&scene, "a");
    let refused = rotate::finish(&scene.ports, &Keep::AsAsked).expect_err("another account");
    assert_eq!(refused.to_string(), "you signed in as x@example.org, and `a` is a@example.org");
    assert_eq!(saved(&scene, "a"), before);
    let finished = rotate::finish(&scene.ports, &Keep::AsNew(alias("x"))).expect("kept");
    assert!(finished.is_new && finished.alias == alias("x"));
    assert_eq!(saved(&scene, "a"), before);
    nothing_is_left(&scene);
    switch_to(&scene, "x").expect("it can be used");
}

#[test]
fn another_account_can_be_passed_over_and_the_right_one_signed_in() {
    let scene = Scene::new().profile("a");
    signed_in(&scene, "a", "x");
    scene.world.signs_in(Some("a"));
    let rotation = rotate::again(&scene.ports).expect("again");
    assert_eq!(rotation.step, Step::SignedIn);
    assert_eq!(rotate::check(&scene.ports).expect("checked").fits, Fits::Yes);
    rotate::finish(&scene.ports, &Keep::AsAsked).expect("confirmed");
    nothing_is_left(&scene);
    assert!(!is_profile(&scene, "x"));
}

#[test]
fn a_login_that_is_another_profiles_renews_that_one() {
    let scene = Scene::new().profile("a").profile("b");
    switch_to(&scene, "a").expect("switched");
    scene.world.server(|server| server.revoke("b"));
    signed_in(&scene, "c", "b");
    assert_eq!(rotate::check(&scene.ports).expect("checked").fits, Fits::AnotherProfile { alias: alias("b") });
    assert_eq!(code_of(rotate::finish(&scene.ports, &Keep::AsAsked)), Code::WrongAccount);
    assert_eq!(code_of(rotate::finish(&scene.ports, &Keep::AsNew(alias("c")))), Code::Usage);
    let finished = rotate::finish(&scene.ports, &Keep::ForItsOwner).expect("kept");
    assert_eq!((finished.alias, finished.is_new), (alias("b"), false));
    assert!(!is_profile(&scene, "c"));
    switch_to(&scene, "b").expect("it lives again");
}

#[test]
fn offline_the_new_login_waits_and_is_confirmed_later() {
    let scene = Scene::new().profile("a");
    signed_in(&scene, "b", "b");
    goes_offline(&scene);
    assert_eq!(code_of(rotate::check(&scene.ports)), Code::Provider);
    assert_eq!(code_of(rotate::finish(&scene.ports, &Keep::AsAsked)), Code::Provider);
    assert_eq!(scene.world.signin_texts().len(), 1, "it lies where Claude Code put it");
    comes_online(&scene);
    recover::recover(&scene.ports).expect("a new start");
    assert!(rotate::finish(&scene.ports, &Keep::AsAsked).expect("confirmed").is_new);
    nothing_is_left(&scene);
}

#[test]
fn cancelling_leaves_everything_as_it_was() {
    let scene = Scene::new().profile("a");
    let (live, shown, before) = (scene.world.live_text(), scene.world.cache_text(), saved(&scene, "a"));
    rotate::begin(&scene.ports, &alias("a"), None).expect("begun");
    assert_eq!(rotate::cancel(&scene.ports).expect("cancelled"), Some(alias("a")));
    assert_eq!((scene.world.live_text(), scene.world.cache_text()), (live, shown));
    assert_eq!(saved(&scene, "a"), before);
    nothing_is_left(&scene);
    assert_eq!(rotate::cancel(&scene.ports).expect("nothing to do"), None);
}

#[test]
fn one_sign_in_at_a_time() {
    let scene = Scene::new().profile("a");
    rotate::begin(&scene.ports, &alias("a"), None).expect("begun");
    let second = rotate::begin(&scene.ports, &alias("b"), None).err().expect("refused");
    assert_eq!(
        second.problem(&signalbox_core::error::Doing::SignIn(alias("b"))).next_step,
        NextStep::SignIn { alias: alias("a") }
    );
    switch_to(&scene, "a").expect("the live login is nobody's hostage");
}

#[test]
fn a_new_profiles_name_must_be_free() {
    let scene = Scene::new().profile("Work");
    assert_eq!(code_of(rotate::begin(&scene.ports, &alias("work"), None).map(|_| ())), Code::Usage);
    rotate::begin(&scene.ports, &alias("b"), None).expect("begun");
    scene.world.person_signs_in("b");
    scene.sign_in("c");
    register::add_live(&scene.ports, &alias("b"), Consent::Given).expect("the name is taken meanwhile");
    assert_eq!(code_of(rotate::finish(&scene.ports, &Keep::AsAsked)), Code::Usage);
    assert!(rotate::finish(&scene.ports, &Keep::AsNew(alias("d"))).expect("under another name").is_new);
}

#[test]
fn a_sign_in_that_takes_too_long_is_given_up_and_one_that_brought_a_login_waits_for_a_day() {
    let scene = Scene::new().profile("a");
    rotate::begin(&scene.ports, &alias("b"), None).expect("begun");
    scene.world.advance(16 * MINUTE);
    recover::recover(&scene.ports).expect("settled");
    nothing_is_left(&scene);
    signed_in(&scene, "b", "b");
    scene.world.advance(16 * MINUTE);
    recover::recover(&scene.ports).expect("settled");
    assert!(rotate::look(&scene.ports).expect("looked").is_some(), "a person may come back to it");
    scene.world.advance(DAY);
    recover::recover(&scene.ports).expect("settled");
    nothing_is_left(&scene);
}

#[test]
fn a_login_that_was_saved_before_a_crash_and_renewed_since_is_not_saved_again() {
    let scene = Scene::new().profile("a").profile("b");
    signed_in(&scene, "a", "a");
    dies_at(&scene, "signin.discard", 1, Fault::CrashBefore, || rotate::finish(&scene.ports, &Keep::AsAsked));
    scene.world.advance(9 * HOUR);
    // Not by a start, which would clear it away: another process uses the profile first.
    switch_to(&scene, "a").expect("renewed and used");
    let newest = scene.live_fingerprint().expect("a is live");
    rotate::finish(&scene.ports, &Keep::AsAsked).map(|_| ()).unwrap_or_default();
    assert_eq!(saved(&scene, "a"), newest);
    assert_eq!(scene.live_fingerprint(), Some(newest));
    recover::recover(&scene.ports).expect("settled");
    nothing_is_left(&scene);
    assert_eq!(reuses(&scene), 0);
}

#[test]
fn without_claude_code_the_next_step_is_to_install_it() {
    let scene = Scene::new();
    scene.world.claude_is_old();
    let refused = rotate::begin(&scene.ports, &alias("a"), Some(Way::Isolated)).err().expect("too old");
    assert!(matches!(refused, FlowError::ClaudeCodeTooOld { .. }), "{refused}");
}
