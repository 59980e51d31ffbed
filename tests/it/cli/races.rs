//! Two switches at once, from two processes, for real.

use std::process::Stdio;

use provider_sim::SimOptions;
use signalbox_tests::process::Running;
use signalbox_tests::stage::{PROFILES, Stage};

use super::loss;

/// How often they race.
const ROUNDS: usize = 6;

#[test]
fn two_switches_at_once_both_succeed_and_lose_nothing() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    let profiles = stage.seed_profiles().expect("three profiles");
    for round in 0..ROUNDS {
        // Renewing makes the race matter: two processes that spend one token would end the login.
        for profile in &profiles {
            stage.sim.withdraw_access(profile.login);
        }
        let start = |alias: &str| {
            let mut command = stage.cli(&["use", alias]).expect("the program");
            Running::start(command.stdout(Stdio::null()).stderr(Stdio::null())).expect("started")
        };
        let (first, second) = (PROFILES[(round + 1) % 3], PROFILES[(round + 2) % 3]);
        let mut racers = [start(first), start(second), start(first)];
        for racer in &mut racers {
            let status = racer.child().wait().expect("an end");
            assert_eq!(status.code(), Some(0), "round {round}");
        }
        assert!(stage.live_is(first) || stage.live_is(second), "round {round}: one of the two is live, whole");
    }
    let logins: Vec<_> = profiles.iter().map(|profile| (profile.alias.clone(), profile.login)).collect();
    loss::check_all_usable(&stage, &logins).expect("every login is usable");
}
