//! What is swept: each flow that moves a login, and the worlds in which that is dangerous. Owns the cases; striking them, and what must
//! hold afterwards, is the parent's.

use signalbox_core::fakes::Fault;
use signalbox_core::flow::FlowError;
use signalbox_core::poll::{self, Urgency};
use signalbox_core::ports::{Ports, ProviderError};
use signalbox_core::register::{self, Consent};
use signalbox_core::rotate::{self, Keep};
use signalbox_core::switch;
use signalbox_core::time::HOUR;
use signalbox_core::{recover, sync, undo};

use super::{STALE_MS, call_number, died};
use crate::scene::{self, Scene, alias};

/// A flow and the world in which it is swept.
pub struct Case {
    pub name: &'static str,
    pub scene: fn() -> Scene,
    pub flow: fn(&Ports) -> Result<(), FlowError>,
}

/// `a` is parked, `b` is live and saved.
fn two_profiles() -> Scene {
    Scene::new().profile("a").profile("b")
}

/// As above, but Claude Code has rotated `b` since it was saved.
fn rotated_since() -> Scene {
    let scene = two_profiles();
    assert!(scene.world.claude_refreshes());
    scene
}

/// As above, and the parked login's access token has lapsed.
fn parked_has_lapsed() -> Scene {
    let scene = two_profiles();
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    scene
}

/// `b` was rotated and then lapsed, so that the server cannot say whose it is.
fn live_has_lapsed() -> Scene {
    let scene = rotated_since();
    scene.world.advance(9 * HOUR);
    scene
}

/// The server cannot be reached, and `b` was rotated since it was saved.
fn offline() -> Scene {
    let scene = rotated_since();
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    scene
}

/// As `two_profiles`, and then someone signed in to `d`, which is no profile yet.
fn signed_in_elsewhere() -> Scene {
    let scene = two_profiles();
    scene.sign_in("d");
    scene
}

/// The live store is a husk; `b` has to be signed in again.
fn husk() -> Scene {
    let scene = two_profiles();
    scene.world.server(|server| server.revoke("b"));
    let live = scene.world.live_text().expect("a live store");
    let (from, to) = (live.find("\"accessToken\":\"sk").expect("a token"), live.find("\"scopes\"").expect("scopes"));
    let husk = format!("{}\"accessToken\":\"\",\"refreshToken\":\"\",\"expiresAt\":0,{}", &live[..from], &live[to..]);
    scene.world.set_live(Some(husk));
    scene
}

fn use_a(ports: &Ports) -> Result<(), FlowError> {
    switch::use_profile(ports, &alias("a")).map(|_| ())
}

pub const CASES: [Case; 38] = [
    Case { name: "use", scene: two_profiles, flow: use_a },
    Case { name: "use after a rotation", scene: rotated_since, flow: use_a },
    Case { name: "use with a lapsed target", scene: parked_has_lapsed, flow: use_a },
    Case { name: "use with a lapsed live login", scene: live_has_lapsed, flow: use_a },
    Case { name: "use offline after a rotation", scene: offline, flow: use_a },
    Case { name: "use over a husk", scene: husk, flow: use_a },
    Case { name: "sync", scene: rotated_since, flow: |ports| sync::sync_live(ports).map(|_| ()) },
    Case {
        name: "refresh",
        scene: parked_has_lapsed,
        flow: |ports| poll::read_usage(ports, &alias("a"), Urgency::Forced).map(|_| ()),
    },
    Case { name: "add", scene: signed_in_elsewhere, flow: add_live_d },
    Case { name: "rename", scene: two_profiles, flow: |ports| register::rename(ports, &alias("a"), &alias("c")) },
    Case { name: "use through Claude Code", scene: refused_by_the_edge, flow: use_a },
    Case { name: "undo of the live login", scene: signed_in_twice, flow: undo_b },
    Case { name: "undo of a parked login", scene: parked_signed_in_twice, flow: undo_b },
    Case { name: "undo to a lapsed login", scene: first_sign_in_has_lapsed, flow: undo_b },
    Case { name: "sync after a reversion", scene: reverted, flow: |ports| sync::sync_live(ports).map(|_| ()) },
    Case { name: "restore", scene: found_reverted, flow: |ports| switch::restore(ports).map(|_| ()) },
    Case { name: "rename with generations", scene: signed_in_twice, flow: rename_b_and_back },
    Case { name: "recover", scene: crashed_after_the_swap, flow: |ports| recover::recover(ports).map(|_| ()) },
    Case {
        name: "sign in to a new profile",
        scene: || signs_in(two_profiles(), "d"),
        flow: |ports| rotate(ports, "d"),
    },
    Case {
        name: "sign in to the live profile",
        scene: || signs_in(rotated_since(), "b"),
        flow: |ports| rotate(ports, "b"),
    },
    Case { name: "sign in to a parked profile", scene: || signs_in(ended("a"), "a"), flow: |ports| rotate(ports, "a") },
    Case { name: "sign in over a husk", scene: || signs_in(husk(), "b"), flow: |ports| rotate(ports, "b") },
    Case { name: "cancel a sign-in", scene: two_profiles, flow: |ports| begin_and_cancel(ports, "d") },
    Case { name: "classic: new profile", scene: || by_login(rotated_since(), "d"), flow: |ports| rotate(ports, "d") },
    Case {
        name: "classic: the live profile",
        scene: || by_login(two_profiles(), "b"),
        flow: |ports| rotate(ports, "b"),
    },
    Case { name: "classic: cancel", scene: with_old_claude, flow: |ports| begin_and_cancel(ports, "d") },
    Case {
        name: "classic: cancel after signing in",
        scene: || by_login(two_profiles(), "d"),
        flow: |ports| begin_and_cancel(ports, "d"),
    },
    Case { name: "use of a setup-token", scene: with_token, flow: use_t },
    Case { name: "use of a setup-token after a rotation", scene: with_token_rotated_since, flow: use_t },
    Case { name: "use of a setup-token offline", scene: with_token_offline, flow: use_t },
    Case { name: "use away from a setup-token", scene: token_is_live, flow: use_a },
    Case { name: "use away from a setup-token, lapsed target", scene: token_was_live_for_hours, flow: use_a },
    Case { name: "add a setup-token", scene: with_another_token, flow: |ports| hand_over(ports, "n") },
    Case { name: "add a live setup-token", scene: unknown_token_is_live, flow: add_live_d },
    Case { name: "replace a setup-token", scene: with_another_token, flow: |ports| hand_over(ports, "t") },
    Case { name: "replace the live setup-token", scene: token_to_replace_is_live, flow: |ports| hand_over(ports, "t") },
    Case {
        name: "rename a setup-token",
        scene: with_token,
        flow: |ports| register::rename(ports, &alias("t"), &alias("u")),
    },
    Case { name: "classic: again", scene: || by_login(two_profiles(), "d"), flow: begin_twice_and_cancel },
];

/// `a` and the setup-token `t` are parked, `b` is live and saved.
fn with_token() -> Scene {
    Scene::new().profile("a").token("t").profile("b")
}

fn with_token_rotated_since() -> Scene {
    let scene = with_token();
    assert!(scene.world.claude_refreshes());
    scene
}

fn with_token_offline() -> Scene {
    let scene = with_token_rotated_since();
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    scene
}

fn token_is_live() -> Scene {
    let scene = with_token();
    use_t(&scene.ports).expect("switched");
    scene
}

/// So long that the access tokens of the others have lapsed.
fn token_was_live_for_hours() -> Scene {
    let scene = token_is_live();
    scene.world.advance(9 * HOUR);
    scene
}

/// The text of the token that `n` makes in these scenes.
const NEW_TOKEN: &str = "sk-ant-oat01-fake-3-0";

fn with_another_token() -> Scene {
    let scene = with_token();
    assert_eq!(scene.make_token("n"), NEW_TOKEN);
    scene
}

fn token_to_replace_is_live() -> Scene {
    let scene = with_another_token();
    use_t(&scene.ports).expect("switched");
    scene
}

/// Another tool put a setup-token into the live store, which is no profile.
fn unknown_token_is_live() -> Scene {
    let scene = two_profiles();
    let token = scene.make_token("d");
    scene.set_live_token(&token);
    scene
}

fn use_t(ports: &Ports) -> Result<(), FlowError> {
    switch::use_profile(ports, &alias("t")).map(|_| ())
}

fn hand_over(ports: &Ports, name: &str) -> Result<(), FlowError> {
    scene::add_token(ports, name, NEW_TOKEN).map(|_| ())
}

fn add_live_d(ports: &Ports) -> Result<(), FlowError> {
    register::add_live(ports, &alias("d"), Consent::Given).map(|_| ())
}

/// This account signs in as soon as somebody is asked to.
fn signs_in(scene: Scene, account: &'static str) -> Scene {
    scene.world.signs_in(Some(account));
    scene
}

/// The server ended every login of this account.
fn ended(account: &'static str) -> Scene {
    let scene = two_profiles();
    scene.world.server(|server| server.revoke(account));
    scene
}

/// Claude Code knows no `auth login`, and Claude Code rotated `b` since it was saved.
fn with_old_claude() -> Scene {
    let scene = rotated_since();
    scene.world.claude_is_old();
    scene
}

/// As above, and once the live login is set aside this account signs in with `/login`.
fn by_login(scene: Scene, account: &'static str) -> Scene {
    scene.world.claude_is_old();
    let mut done = false;
    scene.world.interject(Some(Box::new(move |world, _| {
        let set_aside = world.live_text().is_some_and(|text| text.contains(r#""accessToken":"""#));
        if set_aside && !done {
            done = true;
            scene::sign_in(world, account);
        }
        None
    })));
    scene
}

fn rotate(ports: &Ports, name: &str) -> Result<(), FlowError> {
    let _begun = rotate::begin(ports, &alias(name), None)?;
    rotate::check(ports)?;
    rotate::finish(ports, &Keep::AsAsked).map(|_| ())
}

fn begin_and_cancel(ports: &Ports, name: &str) -> Result<(), FlowError> {
    let _begun = rotate::begin(ports, &alias(name), None)?;
    rotate::cancel(ports).map(|_| ())
}

fn begin_twice_and_cancel(ports: &Ports) -> Result<(), FlowError> {
    let _begun = rotate::begin(ports, &alias("a"), None)?;
    rotate::again(ports)?;
    rotate::cancel(ports).map(|_| ())
}

/// As `parked_has_lapsed`, and the edge refuses every refresh of ours.
fn refused_by_the_edge() -> Scene {
    let scene = parked_has_lapsed();
    scene.world.server(|server| server.edge_refuses = true);
    scene
}

/// `b` is live and was signed in twice; the server honours both.
fn signed_in_twice() -> Scene {
    let scene = two_profiles();
    scene.sign_in("b");
    sync::sync_live(&scene.ports).expect("synced");
    scene
}

fn parked_signed_in_twice() -> Scene {
    let scene = signed_in_twice();
    switch::use_profile(&scene.ports, &alias("a")).expect("switched");
    scene
}

/// The access token of the first sign-in has lapsed, and the second has an ancestor of its own.
fn first_sign_in_has_lapsed() -> Scene {
    let scene = signed_in_twice();
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    sync::sync_live(&scene.ports).expect("synced");
    scene
}

/// After a switch to `a` an old session wrote its rotation of `b` back.
fn reverted() -> Scene {
    let scene = two_profiles();
    let before = scene.world.live_text();
    use_a(&scene.ports).expect("switched");
    scene.world.set_live(before);
    assert!(scene.world.claude_refreshes());
    scene
}

fn found_reverted() -> Scene {
    let scene = reverted();
    sync::sync_live(&scene.ports).expect("synced");
    scene
}

fn undo_b(ports: &Ports) -> Result<(), FlowError> {
    undo::undo(ports, &alias("b")).map(|_| ())
}

fn rename_b_and_back(ports: &Ports) -> Result<(), FlowError> {
    register::rename(ports, &alias("b"), &alias("e"))?;
    register::rename(ports, &alias("e"), &alias("b"))
}

/// A switch to `a` died right after the live store was replaced.
fn crashed_after_the_swap() -> Scene {
    let scene = rotated_since();
    let at = call_number(&rotated_since(), use_a, "live.replace");
    scene.world.plan(at, Fault::CrashAfter);
    assert!(died(&scene, use_a));
    scene.world.unplan();
    scene.world.advance(STALE_MS);
    scene
}
