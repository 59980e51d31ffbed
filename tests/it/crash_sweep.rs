//! The crash sweep: every flow that moves a login is run once for every port call it makes and every fault that can strike
//! there (error, death before, death after, torn write, a rotation by Claude Code in between). Then `recover` runs, itself
//! dying at each of its calls in turn, and the invariants must hold:
//!
//! 1. every login that the server still honours is live, saved, or put aside;
//! 2. no `.cred` holds another account's tokens;
//! 3. the live store is wholly old or wholly new, its siblings untouched;
//! 4. no spent refresh token is ever presented;
//! 5. afterwards every profile can still be used.
//!
//! The one exception is the window that no client can close: the server rotated, and the process died before the answer was
//! on disk. Then exactly that login is lost, and the person is told that a sign-in is needed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use signalbox_core::error::{Code, Doing};
use signalbox_core::fakes::{Crash, Fault};
use signalbox_core::flow::FlowError;
use signalbox_core::poll::{self, Urgency};
use signalbox_core::ports::{Ports, ProviderError};
use signalbox_core::register::{self, Consent};
use signalbox_core::switch;
use signalbox_core::time::{HOUR, MINUTE};
use signalbox_core::{recover, sync, undo};

use crate::scene::{Scene, alias};

const FAULTS: [Fault; 5] = [Fault::Error, Fault::CrashBefore, Fault::CrashAfter, Fault::Torn, Fault::Rotation];
/// Long enough for a dead process's lock folder to go stale.
const STALE_MS: i64 = 61_000;

/// A flow and the world in which it is swept.
struct Case {
    name: &'static str,
    scene: fn() -> Scene,
    flow: fn(&Ports) -> Result<(), FlowError>,
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

const CASES: [Case; 18] = [
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
    Case {
        name: "add",
        scene: signed_in_elsewhere,
        flow: |ports| register::add_live(ports, &alias("d"), Consent::Given).map(|_| ()),
    },
    Case { name: "rename", scene: two_profiles, flow: |ports| register::rename(ports, &alias("a"), &alias("c")) },
    Case { name: "use through Claude Code", scene: refused_by_the_edge, flow: use_a },
    Case { name: "undo of the live login", scene: signed_in_twice, flow: undo_b },
    Case { name: "undo of a parked login", scene: parked_signed_in_twice, flow: undo_b },
    Case { name: "undo to a lapsed login", scene: first_sign_in_has_lapsed, flow: undo_b },
    Case { name: "sync after a reversion", scene: reverted, flow: |ports| sync::sync_live(ports).map(|_| ()) },
    Case { name: "restore", scene: found_reverted, flow: |ports| switch::restore(ports).map(|_| ()) },
    Case { name: "rename with generations", scene: signed_in_twice, flow: rename_b_and_back },
    Case { name: "recover", scene: crashed_after_the_swap, flow: |ports| recover::recover(ports).map(|_| ()) },
];

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

/// Which call of an undisturbed run is the first with this name.
fn call_number(scene: &Scene, flow: fn(&Ports) -> Result<(), FlowError>, name: &str) -> usize {
    scene.world.unplan();
    flow(&scene.ports).expect("an undisturbed run");
    scene.world.calls().iter().position(|call| *call == name).expect("the call is made")
}

/// Runs a flow; `true` if the process died in it.
fn died(scene: &Scene, flow: fn(&Ports) -> Result<(), FlowError>) -> bool {
    match catch_unwind(AssertUnwindSafe(|| flow(&scene.ports))) {
        Ok(_) => false,
        Err(panic) if panic.is::<Crash>() => true,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Accounts whose newest pair may have fallen into the window between the server's rotation and our write.
fn in_the_window(calls: &[&'static str], at: usize, fault: Fault) -> bool {
    let dies = matches!(fault, Fault::CrashBefore | Fault::CrashAfter | Fault::Torn);
    let Some(refreshed) = calls.iter().position(|call| *call == "provider.refresh") else { return false };
    let Some(written) = calls.iter().skip(refreshed).position(|call| *call == "files.write") else { return true };
    let written = refreshed + written;
    dies && match fault {
        Fault::CrashAfter => (refreshed..written).contains(&at),
        // A torn call of the server's is one whose answer was lost.
        Fault::Torn => (refreshed..=written).contains(&at),
        _ => (refreshed + 1..=written).contains(&at),
    }
}

pub fn silence_crashes() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let standard = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Crash>() {
                standard(info);
            }
        }));
    });
}

/// After the disturbance: the server is back, locks go stale, `recover` runs.
fn mend(scene: &Scene) {
    scene.world.unplan();
    scene.world.advance(STALE_MS);
    scene.world.server(|server| {
        server.down = None;
        server.edge_refuses = false;
    });
    scene.world.children_end();
}

/// Every profile must be usable again, but for the one whose login fell into the window, which must say so.
fn check_usable(scene: &Scene, lost: bool, story: &str) {
    if scene.live_account().as_deref() == Some("d") && !scene_has(scene, "d") {
        register::add_live(&scene.ports, &alias("d"), Consent::Given)
            .unwrap_or_else(|error| panic!("{story}: add afterwards: {error}"));
    }
    for name in ["a", "b", "a"] {
        let name = match name {
            "a" if scene_has(scene, "c") => "c",
            "b" if scene_has(scene, "e") => "e",
            name => name,
        };
        scene.world.advance(MINUTE);
        match switch::use_profile(&scene.ports, &alias(name)) {
            Ok(used) => assert_eq!(used.alias, alias(name), "{story}"),
            Err(error) => {
                let code = error.problem(&Doing::Use(alias(name))).code;
                let dead = scene.world.server(|server| server.living(account_of(name))) == 0;
                assert!(code == Code::LoginNeeded && (lost || dead), "{story}: use {name} afterwards: {error}");
            }
        }
    }
}

/// Whose login a profile holds, under whatever name.
fn account_of(name: &str) -> &str {
    match name {
        "c" => "a",
        "e" => "b",
        name => name,
    }
}

fn scene_has(scene: &Scene, name: &str) -> bool {
    signalbox_core::vault::load_roster(&scene.ports).expect("a roster").find(&alias(name)).is_some()
}

fn lost_accounts(scene: &Scene, lost: bool) -> Vec<&'static str> {
    if !lost {
        return Vec::new();
    }
    // The pair that was bought and not written is a living login that nobody holds.
    let obtainable = scene.obtainable();
    ["a", "b"]
        .into_iter()
        .filter(|account| {
            let living = scene.world.server(|server| server.living_fingerprints(account));
            living.iter().any(|fingerprint| !obtainable.contains(fingerprint))
        })
        .collect()
}

#[test]
fn no_single_fault_in_any_flow_loses_a_login() {
    silence_crashes();
    let mut swept = 0;
    for case in CASES {
        let calm = (case.scene)();
        calm.world.unplan();
        (case.flow)(&calm.ports).unwrap_or_else(|error| panic!("{} undisturbed: {error}", case.name));
        let calls = calm.world.calls();
        for at in 0..calls.len() {
            for fault in FAULTS {
                let story = format!("{}, {fault:?} at call {at} ({})", case.name, calls[at]);
                let scene = (case.scene)();
                scene.world.plan(at, fault);
                died(&scene, case.flow);
                mend(&scene);
                recover::recover(&scene.ports).unwrap_or_else(|error| panic!("{story}: recover: {error}"));
                let window = in_the_window(&calls, at, fault);
                let lost = lost_accounts(&scene, window);
                assert!(lost.len() <= 1, "{story}: more than one login lost");
                scene.check_nothing_lost(&["a", "b", "d"], &lost, window, &story);
                check_usable(&scene, window, &story);
                swept += 1;
            }
        }
    }
    println!("swept {swept} faults over {} flows", CASES.len());
    assert!(swept > 500, "the sweep has become too small to mean anything: {swept}");
}

#[test]
fn a_second_crash_inside_recover_loses_nothing_either() {
    silence_crashes();
    let next = AtomicUsize::new(0);
    let swept = AtomicUsize::new(0);
    // The cases share nothing, and this is the longest test of all.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    swept.fetch_add(sweep_twice(case), Ordering::Relaxed);
                }
            });
        }
    });
    let swept = swept.into_inner();
    println!("swept {swept} double faults");
    assert!(swept > 1_000, "the sweep has become too small to mean anything: {swept}");
}

/// Every crash of a case, followed by every fault in `recover`; how many there were.
fn sweep_twice(case: &Case) -> usize {
    let mut swept = 0;
    let calm = (case.scene)();
    calm.world.unplan();
    (case.flow)(&calm.ports).expect("an undisturbed run");
    let calls = calm.world.calls();
    for at in 0..calls.len() {
        for first in [Fault::CrashBefore, Fault::CrashAfter, Fault::Torn] {
            // How many calls `recover` makes after this very crash.
            let probe = (case.scene)();
            probe.world.plan(at, first);
            died(&probe, case.flow);
            mend(&probe);
            recover::recover(&probe.ports).expect("recover undisturbed");
            for second_at in 0..probe.world.calls().len() {
                for second in FAULTS {
                    let story = format!(
                        "{}, {first:?} at {at} ({}), then {second:?} at {second_at} of recover",
                        case.name, calls[at]
                    );
                    let scene = (case.scene)();
                    scene.world.plan(at, first);
                    died(&scene, case.flow);
                    mend(&scene);
                    scene.world.plan(second_at, second);
                    died(&scene, |ports| recover::recover(ports).map(|_| ()));
                    let held_calls = scene.world.calls();
                    mend(&scene);
                    recover::recover(&scene.ports).unwrap_or_else(|error| panic!("{story}: recover: {error}"));
                    let window = in_the_window(&calls, at, first) || in_the_window(&held_calls, second_at, second);
                    let lost = lost_accounts(&scene, window);
                    assert!(lost.len() <= 2, "{story}");
                    scene.check_nothing_lost(&["a", "b", "d"], &lost, window, &story);
                    check_usable(&scene, window, &story);
                    swept += 1;
                }
            }
        }
    }
    swept
}
