//! Renewing through Claude Code itself: when it is asked, what becomes of what it stores, and that nobody spends a token which a child
//! of ours may be spending.

use signalbox_core::error::Code;
use signalbox_core::fakes::{Crash, Fault};
use signalbox_core::flow::FlowError;
use signalbox_core::history::{Engine, Event};
use signalbox_core::poll::{self, Polled, Urgency};
use signalbox_core::ports::ProviderError;
use signalbox_core::switch::{self, Proof};
use signalbox_core::time::{HOUR, MINUTE};
use signalbox_core::{recover, register, vault};

use super::code_of;
use super::mishaps::{comes_online, fail_once, goes_offline};
use crate::scene::{Scene, alias};

/// `a` is parked and its access token has lapsed; the edge refuses every refresh of ours.
fn refused_by_the_edge() -> Scene {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    scene.world.server(|server| server.edge_refuses = true);
    scene
}

#[test]
fn where_the_edge_refuses_us_claude_code_renews_the_login() {
    let scene = refused_by_the_edge();
    let used = switch::use_profile(&scene.ports, &alias("a")).expect("switched");
    assert_eq!(used.proof, Proof::Verified);
    assert!(scene.world.history().contains(&Event::Renewed { alias: alias("a"), engine: Engine::Delegated }));
    assert_eq!(scene.ports.delegate.runs().expect("listed"), [], "its folder is gone");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the renewal");
}

#[test]
fn a_login_that_claude_code_finds_dead_needs_a_sign_in() {
    let scene = refused_by_the_edge();
    scene.world.server(|server| server.revoke("a"));
    assert_eq!(code_of(switch::use_profile(&scene.ports, &alias("a"))), Code::LoginNeeded);
    assert_eq!(scene.live_account().as_deref(), Some("b"));
}

/// The process died while Claude Code was at work on `a`.
fn died_beside_the_child() -> Scene {
    let scene = refused_by_the_edge();
    scene.world.unplan();
    let at = {
        let probe = refused_by_the_edge();
        probe.world.unplan();
        switch::use_profile(&probe.ports, &alias("a")).expect("switched");
        probe.world.calls().iter().position(|call| *call == "delegate.run").expect("it ran")
    };
    scene.world.plan(at, Fault::Torn);
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        switch::use_profile(&scene.ports, &alias("a")).map(drop)
    }));
    assert!(died.is_err_and(|panic| panic.is::<Crash>()));
    scene.world.unplan();
    scene
}

#[test]
fn while_a_child_is_at_work_on_a_login_nobody_else_touches_it() {
    crate::crash_sweep::silence_crashes();
    let scene = died_beside_the_child();
    scene.world.server(|server| server.edge_refuses = false);
    for outcome in [
        switch::use_profile(&scene.ports, &alias("a")).map(drop),
        poll::read_usage(&scene.ports, &alias("a"), Urgency::Forced).map(drop),
        register::remove(&scene.ports, &alias("a")).map(drop),
    ] {
        assert!(matches!(outcome, Err(FlowError::BeingRenewed { .. })), "{outcome:?}");
    }
    scene.world.children_end();
    assert_eq!(scene.world.server(|server| server.reuses), 0);
    switch::use_profile(&scene.ports, &alias("a")).expect("what it stored was brought home");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the child ended");
}

#[test]
fn what_a_child_left_is_brought_home_though_its_profile_was_renamed() {
    crate::crash_sweep::silence_crashes();
    let scene = died_beside_the_child();
    register::rename(&scene.ports, &alias("a"), &alias("c")).expect("renamed");
    scene.world.children_end();
    recover::recover(&scene.ports).expect("recovered");
    let saved = vault::header(&scene.ports, &alias("c")).expect("readable").expect("saved").fingerprint;
    assert!(scene.world.server(|server| server.living_fingerprints("a")).contains(&saved));
}

#[test]
fn a_renewal_that_brings_nothing_is_put_off_for_longer_and_longer_but_not_for_a_person() {
    let scene = refused_by_the_edge();
    scene.world.set_engine(signalbox_core::policy::EngineChoice::Direct);
    let mut ports = scene.world.ports();
    ports.engine = signalbox_core::policy::EngineChoice::Direct;
    let ask = |urgency| poll::read_usage(&ports, &alias("a"), urgency).expect("no failure");
    assert!(matches!(ask(Urgency::Due), Polled::Failed(ProviderError::Refused { .. })));
    scene.world.advance(4 * MINUTE);
    assert!(matches!(ask(Urgency::Due), Polled::NotYet { .. }), "five minutes");
    scene.world.advance(2 * MINUTE);
    assert!(matches!(ask(Urgency::Due), Polled::Failed(_)));
    scene.world.advance(6 * MINUTE);
    assert!(matches!(ask(Urgency::Due), Polled::NotYet { .. }), "ten minutes");
    scene.world.server(|server| server.edge_refuses = false);
    switch::use_profile(&ports, &alias("a")).expect("a person does not wait for that");
    assert_eq!(
        ports.readings.back_off(vault::load_roster(&ports).expect("a roster").profiles()[0].identity()),
        Ok(None)
    );
}

#[test]
fn being_offline_is_no_reason_to_put_a_login_off() {
    let scene = refused_by_the_edge();
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    for _ in 0..3 {
        scene.world.advance(HOUR);
        let _offline = poll::read_usage(&scene.ports, &alias("a"), Urgency::Due);
    }
    let roster = vault::load_roster(&scene.ports).expect("a roster");
    assert_eq!(scene.ports.readings.back_off(roster.profiles()[0].identity()), Ok(None));
}

#[test]
fn a_login_that_still_lies_in_a_folder_is_not_renewed_past_it() {
    let scene = refused_by_the_edge();
    // `a` is live, and nobody could say whose the rotation was that it took the place of.
    goes_offline(&scene);
    switch::use_profile(&scene.ports, &alias("a")).expect("switched");
    comes_online(&scene);
    assert_eq!(vault::held(&scene.ports).expect("readable").len(), 1, "b was put aside");
    scene.world.advance(9 * HOUR);
    // A child renews what was put aside, and the disk is full when that is to be saved.
    let mut ran = false;
    scene.world.interject(Some(Box::new(move |_, call| {
        ran |= call == "delegate.run";
        (ran && call == "files.write").then_some(Fault::Error)
    })));
    let _full = recover::recover(&scene.ports);
    scene.world.interject(None);
    scene.world.advance(9 * HOUR);
    // The next flow brings it home, and cannot remove the folder.
    fail_once(&scene, "delegate.discard");
    let _left = recover::recover(&scene.ports);
    scene.world.interject(None);
    scene.world.advance(9 * HOUR);
    for _ in 0..2 {
        recover::recover(&scene.ports).expect("recovered");
    }
    switch::use_profile(&scene.ports, &alias("b")).expect("it was not taken for a newer one than itself");
    assert_eq!(scene.world.server(|server| server.reuses), 0);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after a folder that could not be removed");
}
