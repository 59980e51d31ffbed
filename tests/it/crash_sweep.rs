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

mod cases;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use signalbox_core::board::LiveState;
use signalbox_core::error::{Code, Doing};
use signalbox_core::fakes::{Crash, Fault};
use signalbox_core::flow::FlowError;
use signalbox_core::ports::Ports;
use signalbox_core::profile::Roster;
use signalbox_core::recover;
use signalbox_core::register::{self, Consent};
use signalbox_core::rotate::{self, Keep};
use signalbox_core::switch;
use signalbox_core::time::MINUTE;
use signalbox_core::{sync, vault};

use cases::{CASES, Case};

use crate::scene::{Scene, alias};

const FAULTS: [Fault; 5] = [Fault::Error, Fault::CrashBefore, Fault::CrashAfter, Fault::Torn, Fault::Rotation];
/// Long enough for a dead process's lock folder to go stale.
const STALE_MS: i64 = 61_000;

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
    come_back_to_the_sign_in(scene, story);
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
    for name in ["t", "u"].into_iter().filter(|name| scene_has(scene, name)) {
        switch::use_profile(&scene.ports, &alias(name))
            .unwrap_or_else(|error| panic!("{story}: use {name} afterwards: {error}"));
        assert_eq!(sync::glance(&scene.ports, &roster(scene)), LiveState::Known { alias: alias(name) }, "{story}");
    }
}

/// A sign-in that outlived the disturbance is confirmed if it brought a login, and cancelled otherwise.
fn come_back_to_the_sign_in(scene: &Scene, story: &str) {
    let Some(rotation) = rotate::look(&scene.ports).unwrap_or_else(|error| panic!("{story}: look: {error}")) else {
        return;
    };
    let ended = match rotation.step {
        rotate::Step::SignedIn => rotate::finish(&scene.ports, &Keep::AsAsked).map(|_| ()),
        _ => rotate::cancel(&scene.ports).map(|_| ()),
    };
    ended.unwrap_or_else(|error| panic!("{story}: coming back to the sign-in: {error}"));
    assert_eq!(scene.world.signin_texts(), Vec::<String>::new(), "{story}: a new login is in two places");
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
    roster(scene).find(&alias(name)).is_some()
}

fn roster(scene: &Scene) -> Roster {
    vault::load_roster(&scene.ports).expect("a roster")
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
                scene.check_nothing_lost(&["a", "b", "d", "t"], &lost, window, &story);
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
                    scene.check_nothing_lost(&["a", "b", "d", "t"], &lost, window, &story);
                    check_usable(&scene, window, &story);
                    swept += 1;
                }
            }
        }
    }
    swept
}
