//! What may be spent is never presented. Presenting a spent refresh token ends the whole sign-in, so these stories set
//! up every way in which an older pair can be taken for the newest: beside one that was put aside, one that became a
//! generation, one that a child of ours is spending, one that another tool put back. Leaves strays to `strays`.

use signalbox_core::credential::{AccessToken, RefreshToken};
use signalbox_core::fakes::World;
use signalbox_core::flow::FlowError;
use signalbox_core::identity::Account;
use signalbox_core::poll::{self, Urgency};
use signalbox_core::ports::{Clock, Provider, ProviderError, RefreshError, Renewal};
use signalbox_core::switch::{Proof, Remark};
use signalbox_core::time::{HOUR, Timestamp};
use signalbox_core::usage::Usage;
use signalbox_core::{recover, register, switch, sync, undo, vault};

use super::mishaps::{
    another_tool_makes_live, comes_online, copy_of_the_saved, drops_from_the_live_login, fail_once, goes_offline,
    reuses, rotates_after_a_lapse,
};
use super::switch_to;
use crate::scene::{Scene, alias};

/// No spent token was presented, and no login that lives is lost.
#[track_caller]
fn check(scene: &Scene, accounts: &[&str], story: &str) {
    assert_eq!(reuses(scene), 0, "{story}: a spent token was presented");
    scene.check_nothing_lost(accounts, &[], false, story);
}

#[test]
fn a_login_put_aside_under_a_wrong_belief_still_stops_its_true_profile() {
    let scene = Scene::new().profile("c").profile("b").profile("a");
    another_tool_makes_live(&scene, &copy_of_the_saved(&scene, "b"));
    assert!(scene.world.claude_refreshes(), "what is saved of b is spent");
    goes_offline(&scene);
    assert_eq!(switch_to(&scene, "c").expect("switched").remarks, [Remark::PutAside], "believed to be a's");
    comes_online(&scene);
    let read = poll::read_usage(&scene.ports, &alias("b"), Urgency::Forced);
    assert!(matches!(read, Err(FlowError::PutAside { .. })), "{read:?}");
    check(&scene, &["a", "b", "c"], "after asking for the usage of b");
    recover::recover(&scene.ports).expect("recovered");
    assert_eq!(switch_to(&scene, "b").expect("it came home").proof, Proof::Verified);
}

#[test]
fn undo_leaves_a_generation_alone_while_a_rotation_of_it_is_put_aside() {
    let scene = Scene::new().profile("b").profile("a");
    rotates_after_a_lapse(&scene);
    goes_offline(&scene);
    switch_to(&scene, "b").expect("switched; the rotation of a is put aside");
    comes_online(&scene);
    scene.sign_in("a");
    sync::sync_live(&scene.ports).expect("the new sign-in of a is saved");
    fail_once(&scene, "provider.identify");
    let undone = undo::undo(&scene.ports, &alias("a"));
    scene.world.interject(None);
    assert!(matches!(undone, Err(FlowError::PutAside { .. })), "{undone:?}");
    check(&scene, &["a", "b"], "after an undo that could not identify what was put aside");
    undo::undo(&scene.ports, &alias("a")).expect("the first sign-in came home and is brought back");
    check(&scene, &["a", "b"], "after the second undo");
}

#[test]
fn undo_leaves_a_generation_alone_while_a_child_of_ours_is_spending_it() {
    let scene = Scene::new().profile("a").profile("b");
    rotates_after_a_lapse(&scene);
    scene.world.server(|server| (server.edge_refuses, server.slow_children) = (true, true));
    let used = switch_to(&scene, "a");
    assert!(matches!(used, Err(FlowError::BeingRenewed { .. })), "{used:?}");
    // Meanwhile the person signs in to `a`, and what the child is spending becomes a generation.
    scene.sign_in("a");
    sync::sync_live(&scene.ports).expect("synced");
    scene.world.server(|server| (server.edge_refuses, server.slow_children) = (false, false));
    let undone = undo::undo(&scene.ports, &alias("a"));
    assert!(matches!(undone, Err(FlowError::BeingRenewed { .. })), "{undone:?}");
    scene.world.children_end();
    recover::recover(&scene.ports).expect("recovered");
    check(&scene, &["a", "b"], "after the child ended");
    undo::undo(&scene.ports, &alias("a")).expect("what the child bought is brought back");
    check(&scene, &["a", "b"], "after the second undo");
}

#[test]
fn a_login_put_aside_is_not_presented_once_a_later_pair_of_its_sign_in_is_a_generation() {
    let scene = Scene::new().profile("a").profile("b");
    rotates_after_a_lapse(&scene);
    goes_offline(&scene);
    switch_to(&scene, "a").expect("switched; the rotation of b is put aside");
    let put_aside = vault::held(&scene.ports).expect("readable").remove(0).login;
    another_tool_makes_live(&scene, &put_aside);
    assert!(scene.world.claude_refreshes());
    comes_online(&scene);
    sync::sync_live(&scene.ports).expect("the newest pair of b is saved");
    scene.sign_in("b");
    sync::sync_live(&scene.ports).expect("the new sign-in of b is saved, and the pair before is a generation");
    assert_eq!(vault::held(&scene.ports).expect("readable").len(), 1);
    scene.world.advance(9 * HOUR);
    recover::recover(&scene.ports).expect("recovered");
    check(&scene, &["a", "b"], "after recovering");
    assert_eq!(vault::held(&scene.ports).expect("readable").len(), 0, "it is known to be spent");
}

#[test]
fn an_older_copy_that_another_tool_put_back_is_not_presented_by_us() {
    let scene = Scene::new().profile("b").profile("a");
    scene.world.advance(HOUR);
    assert!(scene.world.claude_refreshes());
    let backup = scene.world.live_text();
    scene.world.advance(HOUR);
    assert!(scene.world.claude_refreshes());
    sync::sync_live(&scene.ports).expect("the newest is saved, and the one in the backup never was");
    scene.world.set_live(backup);
    switch_to(&scene, "b").expect("switched");
    check(&scene, &["a", "b"], "after switching away from the backup");
    assert_eq!(switch_to(&scene, "a").expect("the newest lives").proof, Proof::Verified);
}

/// `a` is a profile, and the live `b` too, whose deadline nobody knows.
fn b_without_a_deadline(scene: Scene) -> Scene {
    scene.sign_in("b");
    drops_from_the_live_login(&scene, "refreshTokenExpiresAt");
    register::add_live(&scene.ports, &alias("b"), register::Consent::Given).expect("added");
    scene
}

#[test]
fn without_a_deadline_an_older_pair_is_not_installed_over_its_own_rotation() {
    let scene = b_without_a_deadline(Scene::new()).profile("a");
    another_tool_makes_live(&scene, &copy_of_the_saved(&scene, "b"));
    assert!(scene.world.claude_refreshes());
    let newest = scene.live_fingerprint();
    goes_offline(&scene);
    let used = switch_to(&scene, "b");
    assert!(matches!(used, Err(FlowError::Unidentified { .. })), "{used:?}");
    assert_eq!(scene.live_fingerprint(), newest);
    comes_online(&scene);
    assert!(switch_to(&scene, "b").expect("known again").already_active);
    check(&scene, &["a", "b"], "after the refusal");
}

#[test]
fn without_a_deadline_what_nobody_can_identify_is_not_replaced() {
    let scene = b_without_a_deadline(Scene::new().profile("a"));
    rotates_after_a_lapse(&scene);
    goes_offline(&scene);
    // An old client drops the deadline of whatever it rotates: for all that can be told, this is the rotation of `a`.
    let used = switch_to(&scene, "a");
    assert!(matches!(used, Err(FlowError::Unidentified { .. })), "{used:?}");
    comes_online(&scene);
    assert!(scene.world.claude_refreshes(), "a prompt in Claude Code, as the hint says");
    switch_to(&scene, "a").expect("switched");
    check(&scene, &["a", "b"], "after the refusal");
}

/// A gateway that answers 408 while the request behind it runs on: the token may be spent.
struct Gateway(World);

impl Provider for Gateway {
    fn identify(&self, token: &AccessToken) -> Result<Account, ProviderError> {
        self.0.identify(token)
    }

    fn refresh(&self, token: RefreshToken, _scopes: &[String]) -> Result<Renewal, RefreshError> {
        let now = Clock::now(&self.0);
        self.0.server(|server| server.rotate(token.expose(), now)).expect("it runs on");
        Err(RefreshError::Unknown { cause: ProviderError::Refused { status: 408 } })
    }

    fn usage(&self, token: &AccessToken) -> Result<Usage, ProviderError> {
        Provider::usage(&self.0, token)
    }

    fn time(&self) -> Result<Timestamp, ProviderError> {
        self.0.time()
    }
}

#[test]
fn a_token_whose_fate_nobody_knows_is_not_handed_to_claude_code() {
    let scene = Scene::new().profile("a").profile("b");
    rotates_after_a_lapse(&scene);
    let mut ports = scene.world.ports();
    ports.provider = Box::new(Gateway(scene.world.clone()));
    scene.world.unplan();
    let used = switch::use_profile(&ports, &alias("a")).expect("no answer is no refusal");
    assert_eq!(used.proof, Proof::Unverified(ProviderError::Refused { status: 408 }));
    assert!(!scene.world.calls().contains(&"delegate.run"), "a refusal of the edge's would have been another matter");
    assert_eq!(reuses(&scene), 0);
}
