//! The kill test: the real programs in a storm of switches, two command lines and the app at once, each killed
//! (`SIGKILL`) at a random moment, while Claude Code goes on prompting and the server goes on withdrawing access
//! tokens. After every round nothing may be lost and nothing torn. Owns the promise and the figures; the weather is in
//! `storm`, the judge in `audit`.
//!
//! One loss is documented and unavoidable: killed between the server's answer to a refresh and the write that saves it,
//! the new pair is gone (`docs/reliability.md`). Such a *window* is allowed only where the pair was bought by a
//! Signalbox, with the very token that is still saved (or was, until another Signalbox asked with it again and learned that
//! it is spent), in a round with a kill or the one after it, and the profile has to say *login needed* afterwards.
//!
//! `KILL_ROUNDS` and `KILL_SEED` tell others; the seed is printed. It chooses who does what and when, but not how the
//! machine schedules it.

mod audit;
mod storm;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context as _, Result};
use storm::Storm;

/// Enough for some 800 kills, in about two minutes of two cores.
const ROUNDS: u64 = 500;
/// The same storm in every run, so that a change is judged by what it changed.
const SEED: u64 = 1;

/// What happened, for the last line.
#[derive(Debug, Default)]
pub struct Figures {
    rounds: u64,
    /// Processes that were killed while they ran.
    killed_cli: u64,
    killed_app: u64,
    /// Switches that came to an end: they succeeded, or said why not.
    succeeded: u64,
    refused: BTreeMap<String, u64>,
    /// Refreshes: ours, and Claude Code's.
    renewed: u64,
    rotated: u64,
    /// Times at which a switch was found half done, and a login put aside.
    journals: u64,
    put_aside: u64,
    /// Lock folders of Claude Code's that a kill left: removed with proof, and without (as time would have).
    leftovers_proven: u64,
    leftovers_unproven: u64,
    /// The documented window.
    windows: u64,
}

#[test]
fn programs_that_are_killed_at_any_moment_lose_nothing_and_tear_nothing() {
    let seed = from_environment("KILL_SEED").unwrap_or(SEED);
    let rounds = from_environment("KILL_ROUNDS").unwrap_or(ROUNDS);
    println!("KILL_SEED={seed} KILL_ROUNDS={rounds}");
    let began = Instant::now();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let figures = runtime.block_on(play(seed, rounds)).unwrap_or_else(|error| panic!("KILL_SEED={seed}: {error:#}"));
    // Past the capture of the test's output: these figures are what the test is for.
    let _ = writeln!(std::io::stderr(), "kill test, seed {seed}, {:.0} s: {figures:?}", began.elapsed().as_secs_f64());
    // A kill between making a lock and noting it leaves no proof, and on a busy machine that moment is longer. Proof that is missing
    // every fourth time would be a fault in how locks are noted.
    let left = figures.leftovers_proven + figures.leftovers_unproven;
    assert!(figures.leftovers_unproven * 4 <= left.max(40), "{figures:?}");
    if rounds >= ROUNDS {
        // How many kills come before the usual end hangs on how busy the machine is when that end is measured.
        assert!(figures.killed_cli > rounds / 4 && figures.renewed > 50 && figures.rotated > 20, "a lull: {figures:?}");
    }
}

async fn play(seed: u64, rounds: u64) -> Result<Figures> {
    let mut storm = Storm::gather(seed).await?;
    for round in 0..rounds {
        let outcome = storm.round().await.with_context(|| format!("round {round}"));
        if outcome.is_err() {
            eprintln!("{}", storm.story());
        }
        outcome?;
    }
    storm.end()
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
