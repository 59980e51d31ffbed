//! The four ways in which a saved login used to die, as the story of this program's beginning lists them. Each must survive, or the
//! person be told before it bites.

use signalbox_core::board::{self, Activity, Level, LiveState, Reason};
use signalbox_core::error::Code;
use signalbox_core::poll::{self, Urgency};
use signalbox_core::register::{self, Consent};
use signalbox_core::switch::{self, Proof};
use signalbox_core::sync::{self, Synced};
use signalbox_core::time::{DAY, HOUR, MINUTE};

use super::code_of;
use crate::scene::{Scene, alias};

/// A warden's minute: it looks at the live login and reads whatever usage is due.
fn watch(scene: &Scene) {
    sync::sync_live(&scene.ports).expect("synced");
    for alias in poll::due(&scene.ports, Urgency::Due).expect("due") {
        poll::read_usage(&scene.ports, &alias, Urgency::Due).expect("read");
    }
}

#[test]
fn first_way_background_rotation_a_sibling_spends_the_saved_token_overnight() {
    let scene = Scene::new().profile("a").profile("b");
    // A whole night: every nine hours some forgotten terminal refreshes `b`, and nobody touches Signalbox.
    for _ in 0..5 {
        scene.world.advance(9 * HOUR);
        assert!(scene.world.claude_refreshes());
        watch(&scene);
    }
    assert_eq!(switch::use_profile(&scene.ports, &alias("a")).expect("a lives").proof, Proof::Verified);
    assert_eq!(switch::use_profile(&scene.ports, &alias("b")).expect("b lives").proof, Proof::Verified);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the night");
}

#[test]
fn first_way_background_rotation_survives_even_where_nobody_watched() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    switch::use_profile(&scene.ports, &alias("a")).expect("the switch itself captures the newest tokens of b");
    switch::use_profile(&scene.ports, &alias("b")).expect("b lives");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the switch back");
}

#[test]
fn second_way_manual_logout_and_login_the_person_is_told_at_once_and_never_after_the_fact() {
    let scene = Scene::new().profile("a").profile("b");
    // `/logout` revokes the login of `b` on the server and unlinks the file; then `/login` as somebody else.
    scene.world.server(|server| server.revoke("b"));
    scene.world.set_live(None);
    assert!(matches!(sync::sync_live(&scene.ports).expect("a look"), Synced::Absent));
    scene.sign_in("d");
    assert!(
        matches!(sync::sync_live(&scene.ports).expect("a look"), Synced::Foreign { .. }),
        "an offer, nothing touched"
    );
    // Adding it warns first, because the login of `b` may be gone.
    assert_eq!(code_of(register::add_live(&scene.ports, &alias("d"), Consent::Ask)), Code::Confirmation);
    register::add_live(&scene.ports, &alias("d"), Consent::Given).expect("added");
    // The next reading finds out that `b` is dead, long before anybody switches to it.
    scene.world.advance(11 * MINUTE);
    let dead = poll::read_usage(&scene.ports, &alias("b"), Urgency::Due);
    assert_eq!(code_of(dead), Code::LoginNeeded);
    let known = Activity::of_a_glance(LiveState::Known { alias: alias("d") }, scene.now());
    let board = board::assemble(&scene.ports, &known).expect("a board");
    let card = board.cards.iter().find(|card| card.alias == alias("b")).expect("its card");
    assert_eq!((card.badge.level, &card.badge.reason), (Level::Red, &Reason::LoginNeeded));
    // And a switch to it leaves what is live alone.
    assert_eq!(code_of(switch::use_profile(&scene.ports, &alias("b"))), Code::LoginNeeded);
    assert_eq!(scene.live_account().as_deref(), Some("d"));
}

#[test]
fn second_way_a_login_over_the_top_strands_nobody() {
    let scene = Scene::new().profile("a").profile("b");
    // `/login` as a registered account without `/logout`: the server honours both.
    scene.sign_in("a");
    assert!(matches!(sync::sync_live(&scene.ports).expect("a look"), Synced::Moved { .. }));
    switch::use_profile(&scene.ports, &alias("b")).expect("b was saved before it was replaced");
    switch::use_profile(&scene.ports, &alias("a")).expect("the new sign-in of a was saved");
}

#[test]
fn third_way_two_processes_racing_ours_waits_for_claude_codes_lock_and_spends_nothing() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(9 * HOUR);
    // Whatever Claude Code does to `b` at any of our port calls, the swap captures the winner's pair or looks again.
    let calls = {
        let probe = Scene::new().profile("a").profile("b");
        probe.world.advance(9 * HOUR);
        probe.world.unplan();
        switch::use_profile(&probe.ports, &alias("a")).expect("switched");
        probe.world.calls().len()
    };
    for at in 0..calls {
        let scene = Scene::new().profile("a").profile("b");
        scene.world.advance(9 * HOUR);
        scene.world.plan(at, signalbox_core::fakes::Fault::Rotation);
        switch::use_profile(&scene.ports, &alias("a")).expect("switched");
        scene.world.unplan();
        switch::use_profile(&scene.ports, &alias("b")).expect("b lives");
        scene.check_nothing_lost(&["a", "b"], &[], false, &format!("rotation at call {at}"));
    }
}

#[test]
fn fourth_way_aged_out_a_parked_login_is_kept_alive_and_its_end_is_told_days_before() {
    let scene = Scene::new().profile("a").profile("b");
    let known = |scene: &Scene| Activity::of_a_glance(LiveState::Known { alias: alias("b") }, scene.now());
    let badge = |scene: &Scene| board::assemble(&scene.ports, &known(scene)).expect("a board").cards[0].badge.clone();
    // Eight days without a switch: usage readings renew `a` whenever its access token lapses.
    for _ in 0..(8 * 3) {
        scene.world.advance(8 * HOUR);
        scene.world.claude_refreshes();
        watch(&scene);
    }
    assert_eq!(badge(&scene).level, Level::Green);
    // Nothing extends the grant itself: five days before its end the badge says so, and red comes only with the end.
    scene.world.advance(17 * DAY + HOUR);
    scene.world.claude_refreshes();
    watch(&scene);
    assert!(matches!(badge(&scene).reason, Reason::DeadlineNear { assumed: false, .. }));
    switch::use_profile(&scene.ports, &alias("a")).expect("it still lives");
    switch::use_profile(&scene.ports, &alias("b")).expect("and so does the other");
    scene.world.advance(6 * DAY);
    assert_eq!(badge(&scene).reason, Reason::LoginNeeded);
}
