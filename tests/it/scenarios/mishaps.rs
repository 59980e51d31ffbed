//! What goes wrong in the stories told beside this file, by the one who does it: a single failure, a death at a chosen
//! call, another tool that meddles with the live store. Owns no story; the pretended machine itself is the core's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use signalbox_core::credential::{Live, Login};
use signalbox_core::document::Document;
use signalbox_core::fakes::{Crash, Fault};
use signalbox_core::ports::ProviderError;
use signalbox_core::vault;

use crate::scene::{Scene, alias};

/// From now on nobody can reach the server.
pub fn goes_offline(scene: &Scene) {
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
}

pub fn comes_online(scene: &Scene) {
    scene.world.server(|server| server.down = None);
}

/// How often a spent refresh token was presented.
pub fn reuses(scene: &Scene) -> usize {
    scene.world.server(|server| server.reuses)
}

/// Claude Code refreshes the live login so long after it was issued that what was issued then has lapsed.
pub fn rotates_after_a_lapse(scene: &Scene) {
    scene.world.advance(9 * signalbox_core::time::HOUR);
    assert!(scene.world.claude_refreshes(), "there is something to refresh");
}

/// Fails the first call of this name, and no other.
pub fn fail_once(scene: &Scene, name: &'static str) {
    let mut failed = false;
    scene.world.interject(Some(Box::new(move |_, call| {
        let strikes = !failed && call == name;
        failed |= strikes;
        strikes.then_some(Fault::Error)
    })));
}

/// Runs a flow whose process dies at its `nth` call of this name, counted from 1.
#[track_caller]
pub fn dies_at<T>(scene: &Scene, name: &'static str, nth: usize, fault: Fault, flow: impl FnOnce() -> T) {
    crate::crash_sweep::silence_crashes();
    let mut seen = 0;
    scene.world.interject(Some(Box::new(move |_, call| {
        seen += usize::from(call == name);
        (call == name && seen == nth).then_some(fault)
    })));
    let died = catch_unwind(AssertUnwindSafe(flow));
    scene.world.interject(None);
    assert!(died.is_err_and(|panic| panic.is::<Crash>()), "it did not die at call {nth} of {name}");
}

fn live_document(scene: &Scene) -> Document {
    Document::from_text(scene.world.live_text().expect("a live store")).expect("an object")
}

fn set_live_login(scene: &Scene, login: &str) {
    let document = live_document(scene).with_member("claudeAiOauth", Some(login)).expect("an object");
    scene.world.set_live(Some(document.expose().to_owned()));
}

/// The live login loses this member, as if an older Claude Code, which never recorded it, had signed in.
pub fn drops_from_the_live_login(scene: &Scene, member: &str) {
    let document = live_document(scene);
    let mut login: serde_json::Value =
        serde_json::from_str(document.member("claudeAiOauth").expect("a login")).expect("an object");
    login.as_object_mut().expect("an object").remove(member).expect("it was there");
    set_live_login(scene, &login.to_string());
}

/// A token without a refresh token becomes live, which the server has revoked: nobody will ever say whose it is.
pub fn a_dead_token_goes_live(scene: &Scene) {
    set_live_login(scene, r#"{"accessToken":"sk-ant-oat01-sim-revoked","scopes":["user:inference"]}"#);
}

/// Another tool puts this login into the live store.
pub fn another_tool_makes_live(scene: &Scene, login: &Login) {
    let document = login.install_into(&live_document(scene)).expect("an object");
    scene.world.set_live(Some(document.expose().to_owned()));
}

/// What is saved of a profile, as another tool might have copied it.
pub fn copy_of_the_saved(scene: &Scene, name: &str) -> Login {
    let roster = vault::load_roster(&scene.ports).expect("a roster");
    let opened = vault::open(&scene.ports, roster.get(&alias(name)).expect("a profile")).expect("opened");
    match Live::parse(&opened.login.value().to_document().expect("a document")) {
        Ok(Live::Login(login)) => login,
        _ => panic!("what is saved of {name} is no login"),
    }
}
