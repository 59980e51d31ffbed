//! The stories of the flows over a pretended world, each named by what must be true at its end. Faults at every single call
//! are the business of `crash_sweep`; what comes in between is told in `interrupted`, and reading usage in `usage`.

mod bootstrap;
mod choices;
mod delegated;
mod dying;
mod episodes;
mod feed;
mod interrupted;
mod lineage;
mod mishaps;
mod order;
mod reverted;
mod rotate;
mod strays;
mod stuck;
mod tokens;
mod undo;
mod usage;
mod windows;

use signalbox_core::board::{self, Activity, CardAction, LiveState, Reason};
use signalbox_core::error::{Code, Doing, NextStep};
use signalbox_core::flow::FlowError;
use signalbox_core::identity::Identity;
use signalbox_core::mend;
use signalbox_core::ports::{FileName, ProviderError};
use signalbox_core::register::{self, Consent};
use signalbox_core::switch::{self, Proof, Remark, Used};
use signalbox_core::sync::{self, Synced};
use signalbox_core::time::{DAY, HOUR};
use signalbox_core::vault;

use crate::scene::{Scene, alias};

fn switch_to(scene: &Scene, name: &str) -> Result<Used, FlowError> {
    switch::use_profile(&scene.ports, &alias(name))
}

#[track_caller]
fn code_of<T>(result: Result<T, FlowError>) -> Code {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(error) => error.problem(&Doing::Sync).code,
    }
}

/// `b` is live by our last look, and another tool has put back `a`, which Claude Code rotated since.
fn a_put_back_by_another_tool() -> Scene {
    let scene = Scene::new().profile("a");
    let copied = scene.world.live_text();
    let scene = scene.profile("b");
    scene.world.set_live(copied);
    assert!(scene.world.claude_refreshes());
    scene
}

#[test]
fn a_switch_installs_the_target_and_saves_the_newest_rotation_of_the_outgoing() {
    let scene = Scene::new().profile("a").profile("b");
    assert!(scene.world.claude_refreshes(), "b rotates behind our back");
    let rotated = scene.live_fingerprint().expect("b is live");
    let used = switch_to(&scene, "a").expect("switched");
    assert_eq!((used.from, used.proof), (Some(alias("b")), Proof::Verified));
    assert_eq!(scene.live_account().as_deref(), Some("a"));
    assert_eq!(scene.shown_account().as_deref(), Some("a"), "`oauthAccount` follows");
    let saved = vault::header(&scene.ports, &alias("b")).expect("readable").expect("saved");
    assert_eq!(saved.fingerprint, rotated, "the newest tokens of b are the saved ones");
    scene.check_nothing_lost(&["a", "b"], &[], false, "after a switch");
}

#[test]
fn a_hundred_switches_with_rotations_in_between_lose_nothing() {
    let scene = Scene::new().profile("a").profile("b").profile("c");
    for round in 0..100 {
        scene.world.advance(HOUR);
        scene.world.claude_refreshes();
        switch_to(&scene, ["a", "b", "c"][round * 7 % 3]).expect("switched");
        scene.check_nothing_lost(&["a", "b", "c"], &[], false, "on the way");
    }
}

#[test]
fn using_the_live_profile_again_writes_nothing_but_a_wrong_account_cache() {
    let scene = Scene::new().profile("a").profile("b");
    let live = scene.world.live_text();
    assert!(switch_to(&scene, "b").expect("no failure").already_active);
    assert_eq!(scene.world.live_text(), live);
    scene.show("a");
    switch_to(&scene, "b").expect("no failure");
    assert_eq!(scene.shown_account().as_deref(), Some("b"));
}

#[test]
fn a_late_answer_of_the_old_account_is_mended_after_the_switch() {
    let scene = Scene::new().profile("a").profile("b");
    switch_to(&scene, "a").expect("switched");
    scene.show("b");
    assert!(mend::account_cache(&scene.ports).expect("looked"), "it was wrong");
    assert_eq!(scene.shown_account().as_deref(), Some("a"));
    assert!(!mend::account_cache(&scene.ports).expect("looked"), "it is right now");
}

#[test]
fn a_dead_target_is_never_installed_and_is_marked_as_needing_a_login() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.server(|server| server.revoke("a"));
    let live = scene.world.live_text();
    let error = switch_to(&scene, "a").expect_err("the login is dead");
    let problem = error.problem(&Doing::Use(alias("a")));
    assert_eq!((problem.code, problem.next_step), (Code::LoginNeeded, NextStep::SignIn { alias: alias("a") }));
    assert_eq!(scene.world.live_text(), live, "the live login is untouched");
    let board = board::assemble(&scene.ports, &glance(&scene)).expect("a board");
    assert_eq!((&board.cards[0].badge.reason, board.cards[0].action), (&Reason::LoginNeeded, CardAction::SignIn));
}

#[test]
fn a_target_that_the_server_calls_anothers_is_never_installed() {
    let scene = Scene::new().profile("a").profile("b");
    let stranger = Identity::new("stranger", "org-stranger").expect("two names");
    scene.world.server(|server| server.hand_over("a", &stranger));
    let live = scene.world.live_text();
    assert_eq!(code_of(switch_to(&scene, "a")), Code::WrongAccount);
    assert_eq!(scene.world.live_text(), live, "the live login is untouched");
}

#[test]
fn a_lapsed_target_is_renewed_once_before_it_goes_live() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    let before = scene.world.server(|server| server.refreshes);
    assert_eq!(switch_to(&scene, "a").expect("switched").proof, Proof::Verified);
    assert_eq!(scene.world.server(|server| server.refreshes), before + 1);
}

#[test]
fn a_refused_access_token_earns_exactly_one_refresh_and_one_retry() {
    let scene = Scene::new().profile("a").profile("b");
    // The server withdraws a's access token long before its expiry: only a 401 can tell.
    let (text, now) = (scene.world.live_text(), scene.now());
    scene.world.server(|server| server.expire_access(now));
    scene.world.set_live(text);
    assert!(scene.world.claude_refreshes());
    scene.world.unplan();
    assert_eq!(switch_to(&scene, "a").expect("switched").proof, Proof::Verified);
    let refreshes = scene.world.calls().iter().filter(|call| **call == "provider.refresh").count();
    assert_eq!(refreshes, 1);
}

#[test]
fn a_missing_scope_is_no_reason_to_refresh() {
    let scene = Scene::new().profile("a").profile("b");
    let cause = ProviderError::MissingScope { scope: "user:profile".to_owned() };
    scene.world.server(|server| server.down = Some(cause.clone()));
    scene.world.unplan();
    assert_eq!(switch_to(&scene, "a").expect("switched").proof, Proof::Unverified(cause));
    assert!(!scene.world.calls().contains(&"provider.refresh"));
}

#[test]
fn offline_a_switch_is_committed_unverified() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    let used = switch_to(&scene, "a").expect("offline is not wrong");
    assert_eq!((used.proof, used.remarks), (Proof::Unverified(ProviderError::Unreachable), vec![]));
    assert_eq!(scene.live_account().as_deref(), Some("a"));
}

#[test]
fn a_login_that_is_refused_even_after_a_refresh_is_not_installed() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.server(|server| server.refuse_access_of = Some("a".to_owned()));
    let live = scene.world.live_text();
    assert_eq!(code_of(switch_to(&scene, "a")), Code::LoginNeeded);
    assert_eq!(scene.world.live_text(), live);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the refusal");
}

#[test]
fn a_live_login_of_an_unknown_account_is_never_replaced() {
    let scene = Scene::new().profile("a").profile("b");
    scene.sign_in("stranger");
    let live = scene.world.live_text();
    assert_eq!(code_of(switch_to(&scene, "a")), Code::Unregistered);
    assert_eq!(scene.world.live_text(), live);
}

#[test]
fn a_husk_is_replaced_without_touching_what_is_saved() {
    let scene = Scene::new().profile("a").profile("b");
    let saved = scene.world.file(&FileName::Cred(alias("b")));
    scene.world.set_live(Some(format!(
        r#"{{ {}, "claudeAiOauth": {{"accessToken":"","refreshToken":"","expiresAt":0}} }}"#,
        crate::scene::SIBLINGS
    )));
    assert!(matches!(sync::sync_live(&scene.ports), Ok(Synced::Husk)));
    assert_eq!(scene.world.file(&FileName::Cred(alias("b"))), saved);
    switch_to(&scene, "a").expect("a husk is nothing to lose");
    assert_eq!(scene.world.file(&FileName::Cred(alias("b"))), saved);
    scene.check_nothing_lost(&["a", "b"], &[], false, "after the husk");
}

#[test]
fn a_damaged_live_login_stops_the_switch_and_keeps_its_bytes() {
    let scene = Scene::new().profile("a").profile("b");
    for text in [
        "{\"claudeAiOauth\": {\"accessToken\":",
        "[]",
        "\u{0}",
        r#"{"claudeAiOauth": 7}"#,
        r#"{"claudeAiOauth": {"accessToken": 7}}"#,
    ] {
        scene.world.set_live(Some(text.to_owned()));
        assert_eq!(code_of(switch_to(&scene, "a")), Code::Store, "{text}");
        assert_eq!(scene.world.live_text().as_deref(), Some(text));
    }
}

#[test]
fn an_unchanged_login_costs_no_request_and_no_write() {
    let scene = Scene::new().profile("a");
    scene.world.unplan();
    assert!(matches!(sync::sync_live(&scene.ports), Ok(Synced::Unchanged { .. })));
    let calls = scene.world.calls();
    assert!(!calls.iter().any(|call| call.starts_with("provider") || call.ends_with("write")), "{calls:?}");
}

#[test]
fn a_login_of_another_profile_moves_the_active_mark() {
    let scene = Scene::new().profile("a").profile("b");
    scene.sign_in("a");
    let synced = sync::sync_live(&scene.ports).expect("looked");
    assert!(matches!(synced, Synced::Moved { from: Some(from), to } if from == alias("b") && to == alias("a")));
    scene.check_nothing_lost(&["b"], &[], false, "after the move");
}

#[test]
fn an_unresolved_login_overwrites_nothing() {
    let scene = Scene::new().profile("a").profile("b");
    let saved = scene.world.file(&FileName::Cred(alias("b")));
    scene.sign_in("a");
    scene.world.server(|server| server.down = Some(ProviderError::Throttled { retry_after_s: None }));
    assert!(matches!(sync::sync_live(&scene.ports), Ok(Synced::Unresolved { .. })));
    assert_eq!(scene.world.file(&FileName::Cred(alias("b"))), saved);
}

#[test]
fn adding_after_a_drift_asks_first_and_says_what_it_may_have_done() {
    let scene = Scene::new().profile("a");
    scene.sign_in("b");
    let error = register::add_live(&scene.ports, &alias("b"), Consent::Ask).expect_err("it has to ask");
    assert_eq!(error.problem(&Doing::Add(alias("b"))).code, Code::Confirmation);
    assert!(error.to_string().contains("revoked the saved login of `a`"), "{error}");
    let added = register::add_live(&scene.ports, &alias("b"), Consent::Given).expect("agreed");
    assert_eq!(added.drifted_from, Some(alias("a")));
}

#[test]
fn one_account_is_one_profile_but_two_organisations_are_two() {
    let scene = Scene::new().profile("a");
    assert_eq!(code_of(register::add_live(&scene.ports, &alias("again"), Consent::Given)), Code::Usage);
    let now = scene.now();
    let login = scene.world.server(|server| server.sign_in("a", "org-other", now));
    scene.world.set_live(Some(format!("{{\"claudeAiOauth\":{login}}}")));
    register::add_live(&scene.ports, &alias("other"), Consent::Given).expect("another identity");
}

#[test]
fn aliases_that_differ_in_case_only_share_nothing() {
    let scene = Scene::new().profile("Work");
    scene.sign_in("b");
    assert_eq!(code_of(register::add_live(&scene.ports, &alias("work"), Consent::Given)), Code::Usage);
    register::rename(&scene.ports, &alias("Work"), &alias("work")).expect("its own name in another case");
    assert!(
        vault::open(
            &scene.ports,
            vault::load_roster(&scene.ports).expect("a roster").get(&alias("work")).expect("there")
        )
        .is_ok()
    );
}

#[test]
fn removing_a_profile_forgets_what_was_put_aside_for_it() {
    let scene = Scene::new().profile("a").profile("b");
    assert!(scene.world.claude_refreshes());
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    assert_eq!(switch_to(&scene, "a").expect("switched").remarks, [Remark::PutAside]);
    register::remove(&scene.ports, &alias("b")).expect("removed");
    assert!(vault::held(&scene.ports).expect("readable").is_empty());
}

#[test]
fn removing_the_active_profile_leaves_claude_code_signed_in() {
    let scene = Scene::new().profile("a").profile("b");
    let live = scene.world.live_text();
    assert!(register::remove(&scene.ports, &alias("b")).expect("removed").was_active);
    assert_eq!((scene.world.live_text(), scene.world.file(&FileName::Cred(alias("b")))), (live, None));
    assert_eq!(code_of(switch_to(&scene, "b")), Code::Usage);
}

#[test]
fn a_deadline_that_nears_is_told_in_time() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(26 * DAY);
    let board = board::assemble(&scene.ports, &glance(&scene)).expect("a board");
    assert!(matches!(board.cards[0].badge.reason, Reason::DeadlineNear { .. }));
    scene.world.advance(5 * DAY);
    let board = board::assemble(&scene.ports, &glance(&scene)).expect("a board");
    assert_eq!(board.cards[0].badge.reason, Reason::LoginNeeded);
}

/// The board as a program that has just looked would show it.
fn glance(scene: &Scene) -> Activity {
    let roster = vault::load_roster(&scene.ports).expect("a roster");
    let live: LiveState = sync::glance(&scene.ports, &roster);
    Activity::of_a_glance(live, scene.now())
}
