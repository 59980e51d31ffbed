//! Stories in which something comes in between: a program is killed half way through a switch, another tool meddles, nobody
//! can say whose the live login is, a clock is set back. What is told here was decided by one rule each time: a token that
//! may be spent is never presented, and a login that lives is never dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};

use signalbox_core::board::LiveState;
use signalbox_core::document::{Digest, Document};
use signalbox_core::error::{Doing, NextStep};
use signalbox_core::fakes::{Crash, Fault, World};
use signalbox_core::flow::FlowError;
use signalbox_core::poll::{self, Polled, Urgency};
use signalbox_core::ports::{FileName, LiveLock, LiveLogin, ProviderError, Replaced, Stamp, StoreError};
use signalbox_core::recover::{self, Recovered};
use signalbox_core::register;
use signalbox_core::switch::{Proof, Remark};
use signalbox_core::sync;
use signalbox_core::time::{HOUR, MINUTE, SECOND};
use signalbox_core::vault;

use super::{a_put_back_by_another_tool, switch_to};
use crate::scene::{Scene, alias};

/// `a` is parked, `b` is live and saved.
fn two_profiles() -> Scene {
    Scene::new().profile("a").profile("b")
}

/// As above, but nobody can say whose the live login is: `b` was rotated since it was saved, and the server is away.
fn two_profiles_offline() -> Scene {
    let scene = two_profiles();
    assert!(scene.world.claude_refreshes());
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    scene
}

/// In such a scene a program switches to `a` and is killed at its first call of this name. A minute later the lock folders
/// that it left are stale.
fn killed_while_switching(scene: impl Fn() -> Scene, call: &str, fault: Fault) -> Scene {
    let undisturbed = scene();
    undisturbed.world.unplan();
    switch_to(&undisturbed, "a").expect("an undisturbed switch");
    let at = undisturbed.world.calls().iter().position(|name| *name == call).expect("the call is made");
    let scene = scene();
    scene.world.plan(at, fault);
    let killed = catch_unwind(AssertUnwindSafe(|| switch_to(&scene, "a").map(|_| ())));
    assert!(killed.is_err_and(|panic| panic.is::<Crash>()), "it was killed at {call}");
    scene.world.unplan();
    scene.world.advance(MINUTE + SECOND);
    scene
}

#[test]
fn an_outgoing_login_that_nobody_can_identify_is_put_aside_and_brought_home_later() {
    let scene = Scene::new().profile("a").profile("b");
    assert!(scene.world.claude_refreshes());
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    assert_eq!(switch_to(&scene, "a").expect("switched").remarks, [Remark::PutAside]);
    // Until it is identified the saved login of b may be spent, so b is neither renewed nor installed.
    assert!(matches!(switch_to(&scene, "b"), Err(FlowError::PutAside { .. })));
    scene.world.server(|server| server.down = None);
    recover::recover(&scene.ports).expect("recovered");
    assert!(vault::held(&scene.ports).expect("readable").is_empty());
    assert_eq!(switch_to(&scene, "b").expect("switched").proof, Proof::Verified);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after coming home");
}

#[test]
fn the_active_profiles_own_unconfirmed_rotation_is_never_replaced_by_its_older_copy() {
    let scene = Scene::new().profile("a").profile("b");
    assert!(scene.world.claude_refreshes());
    scene.world.advance(9 * HOUR);
    let live = scene.world.live_text();
    let error = switch_to(&scene, "b").expect_err("nobody can say whether it is b's newest");
    assert_eq!(error.problem(&Doing::Use(alias("b"))).next_step, NextStep::Run { command: "claude -p hi".to_owned() });
    assert_eq!(scene.world.live_text(), live);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the refusal");
}

#[test]
fn a_journal_that_cannot_be_opened_is_kept_out_of_the_way() {
    let scene = Scene::new().profile("a");
    scene.world.set_file(FileName::Journal, Some(b"{}\nnot an envelope".to_vec()));
    assert_eq!(recover::recover(&scene.ports).expect("recovered"), Recovered::JournalUnreadable);
    assert_eq!(scene.world.file(&FileName::Journal), None);
    let kept = scene.ports.files.list().expect("listed").into_iter().find(|name| matches!(name, FileName::Held(_)));
    assert_eq!(scene.world.file(&kept.expect("kept")), Some(b"{}\nnot an envelope".to_vec()));
}

#[test]
fn a_second_start_recovers_nothing() {
    let scene = Scene::new().profile("a");
    assert_eq!(recover::recover(&scene.ports).expect("recovered"), Recovered::Nothing);
}

#[test]
fn a_half_done_switch_is_ended_before_anything_else_renews_a_login() {
    let scene = killed_while_switching(two_profiles, "live.replace", Fault::CrashAfter);
    // A second Signalbox is running: it follows the switch, and later renews `b`, which is parked now.
    sync::sync_live(&scene.ports).expect("looked");
    scene.world.advance(9 * HOUR);
    poll::read_usage(&scene.ports, &alias("b"), Urgency::Forced).expect("read");
    recover::recover(&scene.ports).expect("recovered");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after a late recovery");
}

#[test]
fn a_parked_login_that_may_be_the_live_one_is_not_renewed() {
    let scene = killed_while_switching(two_profiles, "live.replace", Fault::CrashAfter);
    assert!(scene.world.claude_refreshes(), "a rotates");
    scene.world.advance(9 * HOUR);
    let refused = poll::read_usage(&scene.ports, &alias("a"), Urgency::Forced);
    assert!(matches!(refused, Ok(Polled::Failed(ProviderError::Unauthorized))), "{refused:?}");
    assert!(scene.world.claude_refreshes(), "a lives");
    recover::recover(&scene.ports).expect("recovered");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after polling beside an open journal");
}

#[test]
fn an_older_copy_is_never_installed_over_its_own_rotation_even_when_nobody_can_say_whose_that_is() {
    let scene = a_put_back_by_another_tool();
    let live = scene.world.live_text();
    scene.world.server(|server| server.down = Some(ProviderError::Throttled { retry_after_s: None }));
    assert!(matches!(switch_to(&scene, "a"), Err(FlowError::Unidentified { .. })));
    assert_eq!(scene.world.live_text(), live);
    assert_eq!(scene.world.file(&FileName::Journal), None);
}

#[test]
fn signing_out_after_a_half_done_switch_stays_signed_out() {
    for call in ["live.replace", "account_cache.replace"] {
        let scene = killed_while_switching(two_profiles, call, Fault::CrashBefore);
        scene.world.set_live(None);
        assert_eq!(recover::recover(&scene.ports).expect("recovered"), Recovered::Superseded, "{call}");
        assert_eq!(scene.world.live_text(), None, "{call}");
        assert_eq!(scene.world.file(&FileName::Journal), None, "{call}");
    }
}

#[test]
fn renaming_does_not_make_a_login_that_was_put_aside_look_old() {
    let scene = two_profiles_offline();
    assert_eq!(switch_to(&scene, "a").expect("switched").remarks, [Remark::PutAside]);
    scene.world.advance(MINUTE);
    register::rename(&scene.ports, &alias("b"), &alias("c")).expect("renamed");
    scene.world.server(|server| server.down = None);
    recover::recover(&scene.ports).expect("recovered");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the rename");
}

#[test]
fn a_renamed_profile_still_waits_for_its_login_that_was_put_aside() {
    let scene = two_profiles_offline();
    assert_eq!(switch_to(&scene, "a").expect("switched").remarks, [Remark::PutAside]);
    register::rename(&scene.ports, &alias("b"), &alias("c")).expect("renamed");
    scene.world.server(|server| server.down = None);
    scene.world.advance(9 * HOUR);
    let polled = poll::read_usage(&scene.ports, &alias("c"), Urgency::Forced);
    assert!(matches!(polled, Err(FlowError::PutAside { .. })), "{polled:?}");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after polling the renamed profile");
}

#[test]
fn a_clock_that_is_set_back_does_not_cost_the_newest_login() {
    let scene = two_profiles_offline();
    scene.world.advance(-HOUR);
    assert_eq!(switch_to(&scene, "a").expect("switched").remarks, [Remark::PutAside]);
    scene.world.server(|server| server.down = None);
    recover::recover(&scene.ports).expect("recovered");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the clock was set back");
}

#[test]
fn a_saved_login_that_cannot_be_opened_is_saved_anew_while_it_is_live() {
    let scene = Scene::new().profile("a").profile("b");
    let mut bytes = scene.world.file(&FileName::Cred(alias("b"))).expect("saved");
    *bytes.last_mut().expect("a tag") ^= 1;
    scene.world.set_file(FileName::Cred(alias("b")), Some(bytes));
    switch_to(&scene, "a").expect("switched");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after a saved login rotted");
}

#[test]
fn a_switch_that_landed_before_the_crash_is_followed_even_when_claude_code_rotated_since() {
    let scene = killed_while_switching(two_profiles, "live.replace", Fault::CrashAfter);
    assert!(scene.world.claude_refreshes(), "a rotates");
    recover::recover(&scene.ports).expect("recovered");
    // What is saved of `a` was spent by that rotation: it must never be installed over the live pair.
    scene.world.server(|server| server.down = Some(ProviderError::Throttled { retry_after_s: None }));
    let _ = switch_to(&scene, "a");
    scene.world.server(|server| server.down = None);
    assert!(scene.world.claude_refreshes(), "the live login still lives");
    sync::sync_live(&scene.ports).expect("looked");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the second switch");
}

#[test]
fn a_login_that_only_the_journal_holds_survives_a_sign_in_to_yet_another_account() {
    let scene = killed_while_switching(two_profiles_offline, "live.replace", Fault::CrashAfter);
    scene.sign_in("stranger");
    scene.world.server(|server| server.down = None);
    assert_eq!(recover::recover(&scene.ports).expect("recovered"), Recovered::Superseded);
    scene.check_nothing_lost(&["a", "b", "stranger"], &[], false, "after the sign-in");
}

/// A store that keeps every document on one line, as the Keychain does.
struct OneLine(World);

impl LiveLogin for OneLine {
    fn read(&self) -> Result<Option<Document>, StoreError> {
        LiveLogin::read(&self.0)
    }

    fn replace(&self, lock: &LiveLock, expected: Option<&Digest>, new: &Document) -> Result<Replaced, StoreError> {
        LiveLogin::replace(&self.0, lock, expected, &new.compact())
    }

    fn replace_damaged(&self, lock: &LiveLock, new: &Document) -> Result<(), StoreError> {
        self.0.replace_damaged(lock, &new.compact())
    }

    fn stamp(&self) -> Result<Stamp, StoreError> {
        self.0.stamp()
    }
}

#[test]
fn a_store_that_spells_a_document_differently_is_recovered_like_any_other() {
    for (fault, expected, live) in [
        (Fault::CrashBefore, Recovered::RolledBack, "b"),
        (Fault::CrashAfter, Recovered::Finished { alias: alias("a") }, "a"),
        (Fault::Torn, Recovered::PutBack, "b"),
    ] {
        let on_one_line = || {
            let mut scene = two_profiles();
            scene.ports.live = Box::new(OneLine(scene.world.clone()));
            scene
        };
        let scene = killed_while_switching(on_one_line, "live.replace", fault);
        assert_eq!(recover::recover(&scene.ports).expect("recovered"), expected, "{fault:?}");
        assert_eq!(scene.live_account().as_deref(), Some(live), "{fault:?}");
        for name in ["a", "b", "a"] {
            switch_to(&scene, name).expect("switched");
            assert_eq!(scene.live_account().as_deref(), Some(name), "{fault:?}");
        }
        assert_eq!(vault::load_roster(&scene.ports).expect("a roster").profiles().len(), 2);
    }
}

#[test]
fn a_login_that_was_put_aside_and_is_live_again_is_not_renewed_by_us() {
    let scene = two_profiles_offline();
    let put_back = scene.world.live_text();
    switch_to(&scene, "a").expect("switched");
    // Another tool puts b back, Claude Code rotates it, and it lapses while nobody looks.
    scene.world.set_live(put_back);
    assert!(scene.world.claude_refreshes());
    scene.world.server(|server| server.down = None);
    scene.world.advance(9 * HOUR);
    recover::recover(&scene.ports).expect("recovered");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the meddling");
}

#[test]
fn a_stray_saved_login_of_another_account_is_never_overwritten() {
    let scene = Scene::new().profile("a");
    scene.world.set_file(FileName::Roster, None);
    scene.sign_in("b");
    register::add_live(&scene.ports, &alias("a"), register::Consent::Given).expect("b under the name of a");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after adding over a stray");
    // It is put aside as a's, and comes home as soon as a is a profile.
    assert_eq!(vault::held(&scene.ports).expect("readable").len(), 1);
}

#[test]
fn a_rename_onto_a_stray_saved_login_puts_it_aside() {
    let scene = two_profiles();
    let stray = scene.world.file(&FileName::Cred(alias("a")));
    scene.world.set_file(FileName::Cred(alias("c")), stray);
    scene.world.set_file(FileName::Cred(alias("a")), None);
    register::rename(&scene.ports, &alias("b"), &alias("c")).expect("renamed");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after renaming onto a stray");
}

#[test]
fn a_roster_that_was_lost_is_made_anew_from_the_saved_logins() {
    let scene = two_profiles();
    scene.world.set_file(FileName::Roster, None);
    recover::recover(&scene.ports).expect("recovered");
    for name in ["a", "b"] {
        assert_eq!(switch_to(&scene, name).expect("switched").proof, Proof::Verified);
    }
    scene.check_nothing_lost(&["a", "b"], &[], false, "after making the roster anew");
}

#[test]
fn an_unconfirmed_switch_says_so_until_the_server_has_been_asked() {
    let scene = two_profiles();
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    switch_to(&scene, "a").expect("offline is not wrong");
    assert_eq!(super::glance(&scene).live, LiveState::Unresolved);
    assert!(switch_to(&scene, "a").expect("it is live already").already_active);
    scene.world.server(|server| server.down = None);
    sync::sync_live(&scene.ports).expect("looked");
    assert_eq!(super::glance(&scene).live, LiveState::Known { alias: alias("a") });
}

#[test]
fn a_live_login_that_the_server_refuses_is_not_shown_as_well() {
    let scene = two_profiles();
    scene.world.server(|server| server.revoke("b"));
    poll::read_usage(&scene.ports, &alias("b"), Urgency::Forced).expect("asked");
    assert_eq!(super::glance(&scene).live, LiveState::Unresolved);
}

#[test]
fn a_login_put_aside_that_lives_is_kept_though_the_saved_sign_in_counts_as_later() {
    let scene = Scene::new().profile("a").profile("b");
    // The clock was set back between two sign-ins of `a`, so that the second one seems to be the earlier.
    scene.world.advance(-HOUR);
    switch_to(&scene, "a").expect("switched");
    scene.sign_in("a");
    scene.world.advance(9 * HOUR);
    switch_to(&scene, "b").expect("switched, and what nobody could identify was put aside and brought home");
    assert_eq!(scene.world.server(|server| server.living("a")), 2);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the clock was set back");
}

/// `b` was rotated and has lapsed, so that nobody can say whose it is; a switch puts it aside and finds no server to ask.
fn put_aside(scene: &Scene) {
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    switch_to(scene, "a").expect("switched");
    assert_eq!(vault::held(&scene.ports).expect("readable").len(), 1);
}

#[test]
fn a_login_put_aside_is_not_presented_once_a_later_pair_of_its_sign_in_is_saved() {
    let scene = Scene::new().profile("a").profile("b");
    let old_session = {
        put_aside(&scene);
        vault::held(&scene.ports).expect("readable").remove(0).login.to_document().expect("a document")
    };
    let a = scene.world.live_text();
    // A session of an old version still holds what was put aside, rotates it, and writes it over the live login.
    let siblings = a.as_deref().and_then(|a| Document::from_text(a.to_owned()).ok()).expect("a document");
    let over = siblings.with_member("claudeAiOauth", old_session.member("claudeAiOauth")).expect("an object");
    scene.world.set_live(Some(over.expose().to_owned()));
    assert!(scene.world.claude_refreshes());
    scene.world.server(|server| server.down = None);
    sync::sync_live(&scene.ports).expect("its newest pair is saved");
    switch_to(&scene, "a").expect("switched back");
    scene.world.advance(9 * HOUR);
    recover::recover(&scene.ports).expect("recovered");
    assert_eq!(scene.world.server(|server| server.reuses), 0, "what was put aside is spent");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after an old session wrote over the switch");
}

#[test]
fn removing_a_profile_keeps_what_is_only_believed_to_be_its_login() {
    let scene = Scene::new().profile("a").profile("b");
    scene.sign_in("d");
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    switch_to(&scene, "a").expect("switched; what was live may be b's, for all anybody knows");
    register::remove(&scene.ports, &alias("b")).expect("removed");
    scene.world.server(|server| server.down = None);
    scene.check_nothing_lost(&["a", "d"], &[], false, "after removing the profile that was believed to own it");
}

#[test]
fn a_switch_that_cannot_be_written_down_says_that_it_happened_and_is_completed_later() {
    let scene = two_profiles();
    let mut swapped = false;
    scene.world.interject(Some(Box::new(move |_, call| {
        swapped |= call == "live.replace";
        (swapped && call == "files.write").then_some(Fault::Error)
    })));
    let error = switch_to(&scene, "a").expect_err("the roster cannot be written");
    scene.world.interject(None);
    let problem = error.problem(&Doing::Use(alias("a")));
    assert!(problem.message.starts_with("Cannot finish: `a` is live now, but "), "{}", problem.message);
    assert_eq!(scene.live_account().as_deref(), Some("a"));
    assert!(matches!(recover::recover(&scene.ports), Ok(Recovered::Finished { .. })));
    scene.check_nothing_lost(&["a", "b"], &[], false, "after a switch that was completed later");
}
