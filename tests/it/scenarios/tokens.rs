//! Setup-tokens as profiles: registered once the server said that they live, and from then on nobody is asked about them. They are switched
//! to and away from like any login, replaced by a new one in place, and never renewed. Faults at every call are `crash_sweep`'s.

use signalbox_core::credential::Live;
use signalbox_core::document::Document;
use signalbox_core::episodes::Teller;
use signalbox_core::ports::Ports;
use signalbox_core::profile::Roster;
use signalbox_core::setup_token::{self, LIFE_MS, NotASetupToken, SetupToken, Told};
use signalbox_core::{poll, recover, rotate, undo};

use super::*;
use crate::scene::add_token;

fn board_of(scene: &Scene) -> board::Board {
    let live = sync::glance(&scene.ports, &roster(scene));
    board::assemble(&scene.ports, &Activity::of_a_glance(live, scene.now())).expect("a board")
}

fn card(scene: &Scene, name: &str) -> board::Card {
    board_of(scene).cards.into_iter().find(|card| card.alias == alias(name)).expect("a card")
}

fn roster(scene: &Scene) -> Roster {
    vault::load_roster(&scene.ports).expect("a roster")
}

fn slot(scene: &Scene) -> String {
    let document = Document::from_text(scene.world.live_text().expect("a live store")).expect("an object");
    document.member("claudeAiOauth").expect("a login").to_owned()
}

/// `a` is parked, `b` is live, and `t` is a setup-token.
fn scene_with_token() -> Scene {
    Scene::new().profile("a").token("t").profile("b")
}

#[test]
fn a_token_is_registered_after_one_question_and_shown_as_what_it_is() {
    let scene = Scene::new().profile("a");
    let (live, token) = (scene.world.live_text(), scene.make_token("t"));
    let added = add_token(&scene.ports, "t", &token).expect("registered");
    assert_eq!(scene.asked_of_tokens(), 1, "whether it lives");
    assert_eq!((added.replaced, added.is_live, added.ends.assumed), (false, false, false));
    assert_eq!(added.ends.at, scene.now().plus(LIFE_MS));
    assert_eq!(scene.world.live_text(), live, "what is live is not its business");
    let card = card(&scene, "t");
    assert_eq!((card.badge.level, &card.badge.reason), (board::Level::Grey, &Reason::CannotRenew));
    assert_eq!((card.setup_token, card.email.as_str(), card.action), (true, "t", CardAction::Switch));
    assert_eq!(card.deadline, Some(added.ends));
    scene.check_nothing_lost(&["a", "t"], &[], false, "registered");
}

#[test]
fn what_is_no_setup_token_is_told_by_its_looks() {
    let long = format!("sk-ant-oat01-{}", "x".repeat(600));
    for (text, why) in [
        ("", NotASetupToken::Empty),
        (" \n\t", NotASetupToken::Empty),
        ("sk-ant-ort01-sim-0123456789", NotASetupToken::RefreshToken),
        ("sk-ant-api03-sim-0123456789", NotASetupToken::ApiKey),
        (r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-1"}}"#, NotASetupToken::WholeLogin),
        ("rubbish", NotASetupToken::SomethingElse),
        ("sk-ant-oat01", NotASetupToken::SomethingElse),
        ("sk-ant-oat01-sim 0123456789", NotASetupToken::SomethingElse),
        ("sk-ant-oat01-sim-0123\nsk-ant-oat01-sim-4567", NotASetupToken::SomethingElse),
        ("export CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-sim-0123456789", NotASetupToken::SomethingElse),
        (long.as_str(), NotASetupToken::SomethingElse),
    ] {
        assert_eq!(SetupToken::parse(text.to_owned()).err(), Some(why), "{text}");
    }
    assert!(SetupToken::parse("  sk-ant-oat01-sim-0123456789_AB\r\n".to_owned()).is_ok(), "as it is pasted");
}

#[test]
fn what_does_not_certainly_live_is_not_kept() {
    let scene = Scene::new().profile("a");
    let token = scene.make_token("t");
    let refused = |token: &str| add_token(&scene.ports, "t", token).expect_err("refused").problem(&Doing::Show);
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    assert_eq!((refused(&token).code, refused(&token).next_step), (Code::Provider, NextStep::CheckNetwork));
    scene.world.server(|server| server.down = Some(ProviderError::Throttled { retry_after_s: None }));
    assert_eq!(refused(&token).next_step, NextStep::Retry);
    scene.world.server(|server| server.down = None);
    let access = vault::open(&scene.ports, roster(&scene).get(&alias("a")).expect("a")).expect("saved");
    let problem = refused(access.login.value().access().expose());
    assert!(problem.message.contains("the access token of a@example.org's login"), "{}", problem.message);
    scene.world.server(|server| server.revoke("t"));
    assert_eq!(refused(&token).next_step, NextStep::NewToken { alias: alias("t") });
    assert_eq!(roster(&scene).profiles().len(), 1);
    assert!(scene.world.file(&FileName::Cred(alias("t"))).is_none());
    let old = Told { label: None, made: Some(scene.now().plus(-LIFE_MS)) };
    let token = SetupToken::parse(scene.make_token("t")).expect("one");
    let over = setup_token::add(&scene.ports, &alias("t"), &token, &old).expect_err("its year is over");
    assert!(matches!(over, FlowError::TokenEnded { .. }));
}

#[test]
fn a_token_belongs_to_one_profile_and_takes_nobodys_name() {
    let scene = Scene::new().profile("a");
    let token = scene.make_token("t");
    add_token(&scene.ports, "t", &token).expect("registered");
    let twice = add_token(&scene.ports, "again", &token).expect_err("the same token");
    assert_eq!(twice.to_string(), "this token is registered already, as `t`");
    assert_eq!(scene.asked_of_tokens(), 1, "nobody has to be asked to see that");
    let other = scene.make_token("other");
    for name in ["a", "A", "T"] {
        assert_eq!(code_of(add_token(&scene.ports, name, &other)), Code::Usage, "{name} is taken");
    }
}

#[test]
fn a_switch_to_a_token_and_back_asks_nobody_about_it_and_loses_nothing() {
    let scene = scene_with_token();
    assert!(scene.world.claude_refreshes(), "b rotates behind our back");
    let asked = scene.asked_of_tokens();
    let used = switch_to(&scene, "t").expect("switched");
    assert_eq!((used.proof, used.from, used.remarks), (Proof::ByToken, Some(alias("b")), vec![]));
    let live: serde_json::Value = serde_json::from_str(&slot(&scene)).expect("JSON");
    let members: Vec<_> = live.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["accessToken", "scopes"], "as Claude Code understands one");
    assert_eq!(scene.shown_account(), None, "nobody else's name is shown beside it");
    for _ in 0..3 {
        scene.world.advance(HOUR);
        assert!(matches!(sync::sync_live(&scene.ports), Ok(Synced::Unchanged { alias: live }) if live == alias("t")));
        assert!(!mend::account_cache(&scene.ports).expect("looked at"));
        recover::recover(&scene.ports).expect("recovered");
    }
    assert_eq!(card(&scene, "t").badge.reason, Reason::Synced { at: scene.now() });
    assert_eq!(switch_to(&scene, "b").expect("back").proof, Proof::Verified);
    assert_eq!((scene.live_account().as_deref(), scene.shown_account().as_deref()), (Some("b"), Some("b")));
    assert_eq!(scene.asked_of_tokens(), asked);
    scene.check_nothing_lost(&["a", "b", "t"], &[], false, "there and back");
}

#[test]
fn without_a_server_a_token_is_proof_enough() {
    let scene = scene_with_token();
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    assert_eq!(switch_to(&scene, "t").expect("switched").proof, Proof::ByToken);
    assert!(matches!(sync::sync_live(&scene.ports), Ok(Synced::Unchanged { .. })));
    assert!(switch_to(&scene, "t").expect("again").already_active);
}

#[test]
fn a_late_answer_about_another_account_is_taken_out_again() {
    let scene = scene_with_token();
    switch_to(&scene, "t").expect("switched");
    scene.show("b");
    assert!(mend::account_cache(&scene.ports).expect("looked at"), "it named b");
    assert_eq!(scene.shown_account(), None);
}

#[test]
fn a_token_that_another_tool_makes_live_is_known_by_itself() {
    let scene = Scene::new().profile("a");
    let (mine, foreign) = (scene.make_token("t"), scene.make_token("x"));
    add_token(&scene.ports, "t", &mine).expect("registered");
    let asked = scene.asked_of_tokens();
    scene.set_live_token(&mine);
    let synced = sync::sync_live(&scene.ports).expect("a look");
    assert!(matches!(synced, Synced::Moved { from: Some(from), to } if from == alias("a") && to == alias("t")));
    assert_eq!(scene.asked_of_tokens(), asked, "it is known without a question");
    scene.set_live_token(&foreign);
    let synced = sync::sync_live(&scene.ports).expect("a look");
    assert_eq!(synced.live_state(), LiveState::Unregistered { email: Some("a setup-token".to_owned()) });
    assert_eq!(code_of(switch_to(&scene, "a")), Code::Unregistered, "it is saved nowhere");
    assert_eq!(code_of(register::add_live(&scene.ports, &alias("x"), Consent::Ask)), Code::Confirmation);
    let added = register::add_live(&scene.ports, &alias("x"), Consent::Given).expect("registered");
    assert!(added.token_ends.is_some_and(|ends| ends.assumed), "nobody said when it was made");
    assert_eq!(switch_to(&scene, "a").expect("switched").from, Some(alias("x")));
    scene.check_nothing_lost(&["a", "t", "x"], &[], false, "two tokens");
}

#[test]
fn a_husk_in_place_of_a_token_is_replaced_by_the_same_token() {
    let scene = scene_with_token();
    switch_to(&scene, "t").expect("switched");
    let before = slot(&scene);
    let husk = r#"{"accessToken":"","refreshToken":"","expiresAt":0,"scopes":["user:inference"]}"#;
    scene.world.set_live(scene.world.live_text().map(|text| text.replace(&before, husk)));
    assert!(matches!(sync::sync_live(&scene.ports), Ok(Synced::Husk)));
    assert_eq!(card(&scene, "t").action, CardAction::Switch, "no sign-in is needed");
    assert!(!switch_to(&scene, "t").expect("installed again").already_active);
    assert_eq!(slot(&scene), before);
}

#[test]
fn a_token_is_never_renewed_polled_or_signed_in_to() {
    let scene = scene_with_token();
    let asked = scene.asked_of_tokens();
    for parked in [true, false] {
        for urgency in [poll::Urgency::Due, poll::Urgency::Eager, poll::Urgency::Forced] {
            assert!(!poll::due(&scene.ports, urgency).expect("a look").contains(&alias("t")));
            let polled = poll::read_usage(&scene.ports, &alias("t"), urgency);
            assert!(matches!(polled, Ok(poll::Polled::NotAllowed)), "{polled:?}");
        }
        assert_eq!(code_of(undo::undo(&scene.ports, &alias("t"))), Code::Usage);
        let error = rotate::begin(&scene.ports, &alias("t"), None).map(|_| ()).expect_err("no sign-in renews it");
        assert_eq!(error.problem(&Doing::Show).next_step, NextStep::NewToken { alias: alias("t") });
        scene.world.advance(40 * DAY);
        assert!(scene.world.server(|server| server.living("t")) == 1);
        if parked {
            switch_to(&scene, "t").expect("switched");
        }
    }
    assert_eq!(scene.asked_of_tokens(), asked);
}

#[test]
fn a_new_token_takes_the_place_of_a_parked_one() {
    let scene = scene_with_token();
    let (live, before) = (scene.world.live_text(), card(&scene, "t"));
    scene.world.advance(100 * DAY);
    let new = scene.make_token("n");
    let replaced = add_token(&scene.ports, "t", &new).expect("replaced");
    assert_eq!((replaced.replaced, replaced.is_live), (true, false));
    assert_eq!(scene.world.live_text(), live);
    let after = card(&scene, "t");
    assert_eq!((after.id, after.older), (before.id, 1), "the same profile, and the old token behind it");
    assert_eq!(after.deadline.map(|ends| ends.at), Some(scene.now().plus(LIFE_MS)));
    scene.check_nothing_lost(&["a", "t", "n"], &[], false, "replaced");
}

#[test]
fn a_new_token_takes_the_place_of_the_live_one() {
    let scene = scene_with_token();
    let old = switch_to(&scene, "t").map(|_| slot(&scene)).expect("switched");
    let new = scene.make_token("n");
    let replaced = add_token(&scene.ports, "t", &new).expect("replaced");
    assert_eq!((replaced.replaced, replaced.is_live), (true, true));
    assert!(slot(&scene).contains(&new));
    assert!(matches!(sync::sync_live(&scene.ports), Ok(Synced::Unchanged { .. })));
    // Something writes the old one back: it is still this profile's, and nobody takes it for the newest.
    scene.world.set_live(scene.world.live_text().map(|text| text.replace(&slot(&scene), &old)));
    let saved = scene.world.file(&FileName::Cred(alias("t")));
    assert!(matches!(sync::sync_live(&scene.ports), Ok(Synced::Earlier { alias: of }) if of == alias("t")));
    assert_eq!(scene.world.file(&FileName::Cred(alias("t"))), saved);
    assert!(!switch_to(&scene, "t").expect("installed").already_active);
    assert!(slot(&scene).contains(&new));
    scene.check_nothing_lost(&["a", "b", "t", "n"], &[], false, "replaced");
}

#[test]
fn the_same_token_again_corrects_what_was_said_about_it() {
    let scene = scene_with_token();
    switch_to(&scene, "t").expect("switched");
    let opened = vault::open(&scene.ports, roster(&scene).get(&alias("t")).expect("t")).expect("saved");
    let token = opened.login.value().access().expose().to_owned();
    let made = scene.now().plus(-30 * DAY);
    let told = Told { label: Some("  ada\u{7}@example.org ".to_owned()), made: Some(made) };
    let token = SetupToken::parse(token).expect("one");
    setup_token::add(&scene.ports, &alias("t"), &token, &told).expect("corrected");
    let card = card(&scene, "t");
    assert_eq!((card.email.as_str(), card.older), ("ada@example.org", 0));
    assert_eq!(card.deadline.map(|ends| ends.at), Some(made.plus(LIFE_MS)));
    assert_eq!(sync::glance(&scene.ports, &roster(&scene)), LiveState::Known { alias: alias("t") });
}

/// What is told of setup-tokens now; the logins have days of their own.
fn told_of(teller: &mut Teller, scene: &Scene) -> Vec<String> {
    let told = teller.due(&scene.ports, &board_of(scene)).into_iter().map(|told| told.title);
    told.filter(|title| title.contains("setup-token")).collect()
}

#[test]
fn the_end_of_its_year_is_told_five_days_and_one_day_before() {
    let (scene, mut teller) = (scene_with_token(), Teller::default());
    let until = |scene: &Scene, left: i64| {
        let ends = card(scene, "t").deadline.expect("known").at;
        scene.world.advance(ends.plus(-left).since(scene.now()));
    };
    until(&scene, 6 * DAY);
    assert_eq!((card(&scene, "t").badge.level, told_of(&mut teller, &scene)), (board::Level::Grey, vec![]));
    until(&scene, 5 * DAY - HOUR);
    assert_eq!(card(&scene, "t").badge.level, board::Level::Yellow);
    assert_eq!(told_of(&mut teller, &scene), ["The setup-token t ends in 4 days"]);
    until(&scene, 12 * HOUR);
    assert_eq!(told_of(&mut teller, &scene), ["The setup-token t ends in 12 h"]);
    until(&scene, 0);
    let ended = card(&scene, "t");
    assert_eq!((ended.badge.reason, ended.action), (Reason::LoginNeeded, CardAction::NewToken));
    assert_eq!(told_of(&mut teller, &scene), ["t needs a new setup-token"]);
    let error = switch_to(&scene, "t").expect_err("a dead login is never installed").problem(&Doing::Show);
    assert_eq!((error.code, error.next_step), (Code::LoginNeeded, NextStep::NewToken { alias: alias("t") }));
    let new = scene.make_token("t");
    add_token(&scene.ports, "t", &new).expect("replaced in place");
    assert_eq!(card(&scene, "t").badge.reason, Reason::CannotRenew);
}

#[test]
fn a_rename_keeps_the_day_and_a_removal_forgets_the_token() {
    let scene = scene_with_token();
    let ends = card(&scene, "t").deadline;
    register::rename(&scene.ports, &alias("t"), &alias("u")).expect("renamed");
    assert_eq!(card(&scene, "u").deadline, ends);
    switch_to(&scene, "u").expect("switched");
    switch_to(&scene, "a").expect("and back");
    register::remove(&scene.ports, &alias("u")).expect("removed");
    assert!(scene.world.file(&FileName::Cred(alias("u"))).is_none());
}

#[test]
fn a_lost_roster_gives_a_token_back_with_its_day() {
    let scene = scene_with_token();
    let ends = card(&scene, "t").deadline;
    scene.world.set_file(FileName::Roster, None);
    recover::recover(&scene.ports).expect("recovered");
    let card = card(&scene, "t");
    assert_eq!((card.setup_token, card.deadline), (true, ends));
    switch_to(&scene, "b").expect("whatever is live is saved");
    assert_eq!(switch_to(&scene, "t").expect("as good as ever").proof, Proof::ByToken);
}

#[test]
fn a_login_put_aside_comes_home_while_a_token_is_live() {
    let scene = Scene::new().profile("a").token("t").profile("b");
    assert!(scene.world.claude_refreshes());
    scene.world.advance(9 * HOUR);
    // Nobody can say whose the live login is, so it is put aside; without a deadline anything might descend from it.
    let without = |text: String| text.replace("refreshTokenExpiresAt", "someOtherMember");
    scene.world.set_live(scene.world.live_text().map(without));
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    let used = switch_to(&scene, "t").expect("switched");
    assert_eq!(used.remarks, vec![Remark::PutAside]);
    scene.world.server(|server| server.down = None);
    recover::bring_home(&scene.ports).expect("brought home");
    assert!(vault::held(&scene.ports).expect("a list").is_empty(), "a token is nobody's rotation");
    scene.check_nothing_lost(&["a", "b", "t"], &[], false, "put aside");
    assert_eq!(switch_to(&scene, "b").expect("it is the newest").proof, Proof::Verified);
}

#[test]
fn old_data_folders_load_and_new_ones_are_told_apart() {
    let (old, new) = (Scene::new().profile("a"), Scene::new().token("t"));
    let roster_of = |ports: &Ports| {
        let bytes = ports.files.read(&FileName::Roster).expect("readable").expect("there");
        serde_json::from_slice::<serde_json::Value>(&bytes).expect("JSON")
    };
    assert_eq!(roster_of(&old.ports)["version"], 1, "an older version reads it");
    let new = roster_of(&new.ports);
    assert_eq!(new["version"], 2, "an older version says that it is too old");
    let account = new["profiles"][0]["account"].as_object().expect("an account");
    assert!(account.contains_key("setupToken") && !account.contains_key("account"), "{account:?}");
    let text = r#"{"version":1,"profiles":[{"alias":"a","account":{"account":"acc","organization":"org","email":"e"},
        "added_at":5}],"active":"a"}"#;
    let scene = Scene::new();
    scene.world.set_file(FileName::Roster, Some(text.into()));
    assert_eq!(roster(&scene).active().map(|active| active.identity().account().to_owned()), Some("acc".to_owned()));
    for broken in [r#""setupToken":"../../x""#, r#""setupToken":"""#, r#""account":"setup-token","organization":"o""#] {
        let text = text.replace(r#""account":"acc","organization":"org""#, broken);
        scene.world.set_file(FileName::Roster, Some(text.into()));
        assert!(vault::load_roster(&scene.ports).is_err(), "{broken}");
    }
}

#[test]
fn a_login_with_the_right_to_tell_whose_it_is_is_no_setup_token() {
    for (text, is_token) in [
        (r#"{"accessToken":"x"}"#, true),
        (r#"{"accessToken":"x","refreshToken":"","expiresAt":null,"scopes":["user:inference"]}"#, true),
        (r#"{"accessToken":"x","scopes":["user:inference","user:sessions:claude_code"]}"#, true),
        (r#"{"accessToken":"x","scopes":["user:inference","user:profile"]}"#, false),
        (r#"{"accessToken":"x","refreshToken":"y","scopes":["user:inference"]}"#, false),
    ] {
        let document = Document::from_text(format!(r#"{{"claudeAiOauth":{text}}}"#)).expect("an object");
        let login = Live::parse(&document).expect("readable").into_login().expect("a login");
        assert_eq!(login.is_setup_token(), is_token, "{text}");
    }
}
