//! The way with `/login`: the live login is set aside, and comes back the very same.

use super::*;

/// Claude Code is too old for another way; `a` and `b` are profiles, `b` is live.
fn scene() -> Scene {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.claude_is_old();
    scene
}

#[test]
fn the_live_login_is_set_aside_and_put_back_byte_for_byte() {
    let scene = scene();
    assert!(scene.world.claude_refreshes());
    let (live, shown) = (scene.world.live_text(), scene.world.cache_text());
    let begun = rotate::begin(&scene.ports, &alias("c"), None).expect("begun");
    assert_eq!((begun.rotation.way, &begun.rotation.step), (Way::Classic, &Step::Terminal));
    assert_eq!(scene.live_fingerprint(), None, "no stray process can rotate it");
    assert!(!scene.world.claude_refreshes());
    scene.world.unplan();
    rotate::cancel(&scene.ports).expect("cancelled");
    let asked = scene.world.calls().iter().filter(|call| call.starts_with("provider.")).count();
    assert_eq!(asked, 0, "nobody has to be asked");
    assert_eq!((scene.world.live_text(), scene.world.cache_text()), (live, shown));
    nothing_is_left(&scene);
    drop(begun.guard);
    assert!(matches!(sync::sync_live(&scene.ports), Ok(sync::Synced::Unchanged { .. })));
}

#[test]
fn who_signs_in_with_login_becomes_a_profile_and_is_live() {
    let scene = scene();
    let old = scene.live_fingerprint().expect("b is live");
    let _begun = rotate::begin(&scene.ports, &alias("c"), None).expect("begun");
    scene.sign_in("c");
    assert_eq!(rotate::check(&scene.ports).expect("checked").fits, Fits::Yes);
    let finished = rotate::finish(&scene.ports, &Keep::AsAsked).expect("confirmed");
    assert!(finished.is_new && finished.is_live);
    assert_eq!(saved(&scene, "b"), old, "the login that was set aside is parked");
    assert!(matches!(sync::sync_live(&scene.ports), Ok(sync::Synced::Unchanged { .. })));
    nothing_is_left(&scene);
    switch_to(&scene, "b").expect("it lives");
    scene.check_nothing_lost(&["a", "b", "c"], &[], false, "afterwards");
}

#[test]
fn a_login_that_was_signed_in_to_before_the_change_of_mind_is_not_lost() {
    let scene = scene();
    let old = scene.live_fingerprint();
    let _begun = rotate::begin(&scene.ports, &alias("c"), None).expect("begun");
    scene.sign_in("c");
    rotate::cancel(&scene.ports).expect("cancelled");
    assert_eq!(scene.live_fingerprint(), old);
    assert_eq!(scene.shown_account().as_deref(), Some("b"));
    scene.check_nothing_lost(&["a", "b", "c"], &[], false, "afterwards");
}

#[test]
fn another_account_can_sign_in_once_more() {
    let scene = scene();
    let old = scene.live_fingerprint();
    let _begun = rotate::begin(&scene.ports, &alias("a"), None).expect("begun");
    scene.sign_in("x");
    assert_eq!(
        rotate::check(&scene.ports).expect("checked").fits,
        Fits::Another { expected: "a@example.org".to_owned() }
    );
    let rotation = rotate::again(&scene.ports).expect("again");
    assert_eq!((rotation.step, scene.live_fingerprint()), (Step::Terminal, None));
    rotate::cancel(&scene.ports).expect("cancelled");
    assert_eq!(scene.live_fingerprint(), old);
    scene.check_nothing_lost(&["a", "b", "x"], &[], false, "afterwards");
}

#[test]
fn nothing_else_touches_the_live_login_meanwhile() {
    let scene = scene();
    let _begun = rotate::begin(&scene.ports, &alias("c"), None).expect("begun");
    for refused in [
        code_of(switch_to(&scene, "a")),
        code_of(undo::undo(&scene.ports, &alias("b"))),
        code_of(register::remove(&scene.ports, &alias("b"))),
        code_of(register::add_live(&scene.ports, &alias("d"), Consent::Given)),
    ] {
        assert_eq!(refused, Code::Busy);
    }
    let roster = vault::load_roster(&scene.ports).expect("a roster");
    assert_eq!(sync::glance(&scene.ports, &roster), LiveState::Husk);
    recover::recover(&scene.ports).expect("another Signalbox starts");
    assert_eq!(scene.live_fingerprint(), None, "it is still guided");
}

#[test]
fn when_the_guide_dies_the_next_start_puts_the_login_back() {
    let scene = scene();
    let live = scene.world.live_text();
    drop(rotate::begin(&scene.ports, &alias("c"), None).expect("begun"));
    recover::recover(&scene.ports).expect("settled");
    assert_eq!(scene.world.live_text(), live);
    nothing_is_left(&scene);
    assert_eq!(scene.world.history().last(), Some(&Event::SigninGivenUp { alias: alias("c") }));
}

#[test]
fn when_the_guide_dies_a_switch_is_possible_at_once() {
    let scene = scene();
    drop(rotate::begin(&scene.ports, &alias("c"), None).expect("begun"));
    switch_to(&scene, "a").expect("switched");
    assert_eq!(scene.live_account().as_deref(), Some("a"));
    scene.check_nothing_lost(&["a", "b"], &[], false, "afterwards");
}

#[test]
fn a_live_login_that_is_no_profile_or_cannot_be_identified_is_not_set_aside() {
    let scene = scene();
    scene.sign_in("x");
    assert_eq!(code_of(rotate::begin(&scene.ports, &alias("c"), None).map(|_| ())), Code::Unregistered);
    goes_offline(&scene);
    assert_eq!(code_of(rotate::begin(&scene.ports, &alias("c"), None).map(|_| ())), Code::Provider);
    assert_eq!(scene.live_account().as_deref(), Some("x"));
    nothing_is_left(&scene);
}

#[test]
fn a_failed_write_leaves_the_live_login_where_it_is() {
    let scene = scene();
    let live = scene.world.live_text();
    fail_once(&scene, "live.replace");
    assert_eq!(code_of(rotate::begin(&scene.ports, &alias("c"), None).map(|_| ())), Code::Store);
    scene.world.interject(None);
    assert_eq!(scene.world.live_text(), live);
    nothing_is_left(&scene);
}

#[test]
fn where_nothing_was_live_nothing_is_put_back() {
    let scene = Scene::new();
    scene.world.claude_is_old();
    scene.world.set_live(Some(format!("{{{}}}", crate::scene::SIBLINGS)));
    let _begun = rotate::begin(&scene.ports, &alias("a"), None).expect("begun");
    scene.sign_in("a");
    rotate::cancel(&scene.ports).expect("cancelled");
    assert_eq!(scene.live_account().as_deref(), Some("a"), "what was signed in to stays");
    register::add_live(&scene.ports, &alias("a"), Consent::Ask).expect("and can be registered");
}
