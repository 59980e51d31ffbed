//! No state without a way out: whatever cannot be identified, renewed or read, there is a command that a person can
//! give next, and it works. That nothing is lost on the way there is the other half of each story.

use signalbox_core::account_cache::AccountBlock;
use signalbox_core::credential::Fingerprint;
use signalbox_core::document::{Document, Malformed};
use signalbox_core::error::Code;
use signalbox_core::fakes::{Fault, World};
use signalbox_core::flow::FlowError;
use signalbox_core::history::Event;
use signalbox_core::policy::EngineChoice;
use signalbox_core::poll::{self, Urgency};
use signalbox_core::ports::{Delegate, DelegateError, Delegated, FileName, StoreError};
use signalbox_core::recover::{self, Recovered};
use signalbox_core::switch::Proof;
use signalbox_core::time::{DAY, HOUR};
use signalbox_core::usage::Reading;
use signalbox_core::vault::{self, VaultError};
use signalbox_core::{register, sync, undo};

use super::mishaps::{a_dead_token_goes_live, dies_at, rotates_after_a_lapse};
use super::undo::signed_in_twice;
use super::{code_of, switch_to};
use crate::scene::{Scene, alias};

#[test]
fn a_dead_token_that_cannot_renew_blocks_no_profile() {
    let scene = Scene::new().profile("b").profile("a");
    a_dead_token_goes_live(&scene);
    switch_to(&scene, "b").expect("switched");
    for _ in 0..3 {
        scene.world.advance(DAY);
        recover::recover(&scene.ports).expect("recovered");
        poll::read_usage(&scene.ports, &alias("a"), Urgency::Forced).expect("a is as good as ever");
    }
    assert_eq!(switch_to(&scene, "a").expect("a is as good as ever").proof, Proof::Verified);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the dead token");
}

/// `a` is live, was rotated since it was saved, and has lapsed; the edge refuses every refresh of ours.
fn lapsed_behind_the_edge(engine: EngineChoice) -> Scene {
    let scene = Scene::new().profile("b").profile("a");
    scene.world.set_engine(engine);
    let scene = Scene { ports: scene.world.ports(), world: scene.world };
    rotates_after_a_lapse(&scene);
    scene.world.advance(9 * HOUR);
    scene.world.server(|server| server.edge_refuses = true);
    scene.world.unplan();
    scene
}

#[test]
fn where_the_edge_refuses_us_claude_code_renews_what_was_put_aside() {
    let scene = lapsed_behind_the_edge(EngineChoice::Auto);
    switch_to(&scene, "b").expect("switched");
    assert!(scene.world.history().contains(&Event::BroughtHome { alias: alias("a") }));
    assert_eq!(switch_to(&scene, "a").expect("a can be used").proof, Proof::Verified);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after coming home through Claude Code");
}

#[test]
fn with_the_direct_engine_alone_a_new_sign_in_ends_the_waiting_for_what_was_put_aside() {
    let scene = lapsed_behind_the_edge(EngineChoice::Direct);
    switch_to(&scene, "b").expect("switched");
    assert!(matches!(switch_to(&scene, "a"), Err(FlowError::PutAside { .. })), "nobody can renew it");
    scene.sign_in("a");
    sync::sync_live(&scene.ports).expect("synced");
    switch_to(&scene, "b").expect("switched");
    assert_eq!(switch_to(&scene, "a").expect("the new sign-in waits for nothing").proof, Proof::Verified);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the new sign-in");
}

#[test]
fn where_the_settings_say_claude_code_the_token_endpoint_is_not_asked_about_what_was_put_aside() {
    let scene = lapsed_behind_the_edge(EngineChoice::Delegated);
    switch_to(&scene, "b").expect("switched");
    let calls = scene.world.calls();
    assert!(calls.contains(&"delegate.run") && !calls.contains(&"provider.refresh"), "{calls:?}");
}

#[test]
fn an_open_journal_before_a_login_that_nobody_can_identify_stops_no_command() {
    let scene = Scene::new().profile("b").profile("a");
    dies_at(&scene, "live.replace", 1, Fault::CrashAfter, || switch_to(&scene, "b"));
    scene.world.advance(DAY);
    a_dead_token_goes_live(&scene);
    let used = switch_to(&scene, "a");
    assert!(matches!(used, Err(FlowError::Unidentified { .. })), "a is active, and may be what is live: {used:?}");
    assert_eq!(scene.world.file(&FileName::Journal), None, "the switch that died is closed all the same");
    switch_to(&scene, "b").expect("switched");
    assert!(scene.world.claude_refreshes(), "b lives");
    register::rename(&scene.ports, &alias("a"), &alias("q")).expect("renamed");
    assert_eq!(switch_to(&scene, "q").expect("and back").proof, Proof::Verified);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after getting out");
}

/// The folders of the delegated engine, none of whose documents can be read.
struct Unreadable(World);

impl Delegate for Unreadable {
    fn run(&self, key: &Fingerprint, login: &Document, block: Option<&AccountBlock>) -> Result<(), DelegateError> {
        self.0.run(key, login, block)
    }

    fn runs(&self) -> Result<Vec<Delegated>, StoreError> {
        self.0.runs()
    }

    fn stored(&self, _key: &Fingerprint) -> Result<Option<Document>, StoreError> {
        let path = "delegated/1/.credentials.json".into();
        Err(StoreError::Malformed { path, why: Malformed::WrongType("claudeAiOauth") })
    }

    fn usage(&self, key: &Fingerprint) -> Option<(String, Reading)> {
        Delegate::usage(&self.0, key)
    }

    fn discard(&self, key: &Fingerprint) -> Result<(), StoreError> {
        self.0.discard(key)
    }
}

#[test]
fn a_delegated_folder_that_cannot_be_read_costs_its_profile_a_sign_in_and_nothing_else() {
    let mut scene = Scene::new().profile("a").profile("b");
    rotates_after_a_lapse(&scene);
    scene.world.server(|server| (server.edge_refuses, server.slow_children) = (true, true));
    let used = switch_to(&scene, "a");
    assert!(matches!(used, Err(FlowError::BeingRenewed { .. })), "{used:?}");
    scene.world.children_end();
    scene.world.server(|server| (server.edge_refuses, server.slow_children) = (false, false));
    scene.ports.delegate = Box::new(Unreadable(scene.world.clone()));
    assert_eq!(recover::recover(&scene.ports).expect("recovered"), Recovered::Nothing);
    assert_eq!(code_of(switch_to(&scene, "a")), Code::LoginNeeded, "what the child bought is gone");
    scene.sign_in("a");
    sync::sync_live(&scene.ports).expect("synced");
    for name in ["b", "a"] {
        assert_eq!(switch_to(&scene, name).expect("switched").proof, Proof::Verified);
    }
    register::remove(&scene.ports, &alias("b")).expect("removed");
}

#[test]
fn beside_a_damaged_newest_login_a_lapsed_earlier_sign_in_is_still_found() {
    let scene = signed_in_twice();
    switch_to(&scene, "b").expect("switched");
    rotates_after_a_lapse(&scene);
    let mut bytes = scene.world.file(&FileName::Cred(alias("a"))).expect("saved");
    *bytes.last_mut().expect("a tag") ^= 1;
    scene.world.set_file(FileName::Cred(alias("a")), Some(bytes));
    assert!(matches!(switch_to(&scene, "a"), Err(FlowError::Vault(_))), "it does not open");
    undo::undo(&scene.ports, &alias("a")).expect("the first sign-in lives");
    assert_eq!(switch_to(&scene, "a").expect("switched").proof, Proof::Verified);
}

#[test]
fn an_undo_that_claude_code_kept_from_the_live_login_works_at_the_next_attempt() {
    let scene = signed_in_twice();
    let live = scene.live_fingerprint();
    assert!(scene.world.claude_locks());
    let undone = undo::undo(&scene.ports, &alias("a"));
    assert!(matches!(undone, Err(FlowError::Lock(_))), "{undone:?}");
    assert_eq!(scene.live_fingerprint(), live, "only what is saved has changed");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the first attempt");
    scene.world.claude_unlocks();
    assert!(undo::undo(&scene.ports, &alias("a")).expect("brought back").was_live);
    assert_ne!(scene.live_fingerprint(), live, "it is the first sign-in");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the second attempt");
}

#[test]
fn a_roster_that_breaks_its_own_rules_is_refused_as_damaged() {
    let scene = Scene::new().profile("a").profile("b");
    let text = String::from_utf8(scene.world.file(&FileName::Roster).expect("a roster")).expect("text");
    for (from, to) in
        [(r#""alias": "b""#, r#""alias": "A""#), (r#""org-b""#, r#""""#), (r#""active": "b""#, r#""active": "x""#)]
    {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        scene.world.set_file(FileName::Roster, Some(broken.into_bytes()));
        assert!(matches!(vault::load_roster(&scene.ports), Err(VaultError::RosterDamaged(_))), "{to}");
    }
}
