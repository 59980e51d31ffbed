//! The model test: at least a hundred thousand random interleavings of Claude Code processes, the warden, the command
//! line, crashes, faults and clock jumps, each judged by design section 4. `MODEL_SEED` and `MODEL_CASES` tell others;
//! the seed is printed. What may happen in a story, and what must not, is in `signalbox_tests::model`.

use std::time::Instant;

use signalbox_tests::model::naive::Switcher;
use signalbox_tests::model::strategy::Kind;
use signalbox_tests::model::{Tally, teller};

/// In none of these may a login be lost outside the documented windows.
const CASES: u32 = 100_000;
/// Enough for the control, which loses a login in every third.
const CONTROLS: u32 = 1_500;

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// The same stories in every run, so that a change is judged by what it changed. `make soak` tells ever new ones.
fn seed() -> u64 {
    from_environment("MODEL_SEED").unwrap_or(1)
}

fn tell(cases: u32, kind: Kind) -> Tally {
    let seed = seed();
    println!("MODEL_SEED={seed} MODEL_CASES={cases}");
    let began = Instant::now();
    let tally = teller::tell_many(seed, cases, kind).unwrap_or_else(|broken| panic!("{broken}"));
    println!("{tally:#?} in {:.1} s", began.elapsed().as_secs_f64());
    tally
}

fn cases(standard: u32) -> u32 {
    from_environment("MODEL_CASES").unwrap_or(standard)
}

#[test]
fn no_interleaving_loses_a_login_outside_the_documented_windows() {
    let tally = tell(cases(CASES * 3 / 4), Kind::Any);
    // A model in which nothing happens proves nothing.
    if tally.stories >= 10_000 {
        assert!(tally.interjections > tally.stories * 3 && tally.deaths > tally.stories / 2, "too calm: {tally:?}");
        assert!(tally.ours() > 0, "the window that no client can close never opened: {tally:?}");
        assert!(tally.usable > tally.told * 10, "hardly any profile can be used in the end: {tally:?}");
    }
}

#[test]
fn no_interleaving_with_careless_older_sessions_loses_a_login_outside_the_documented_windows() {
    tell(cases(CASES / 4), Kind::Careless);
}

#[test]
fn the_switcher_of_the_first_day_loses_logins_where_signalbox_does_not() {
    let (seed, cases) = (seed(), cases(CONTROLS));
    println!("MODEL_SEED={seed} MODEL_CASES={cases}");
    for kind in [Kind::Everyday, Kind::Any] {
        let compare = |switcher| {
            let (stories, logins) = teller::compare(seed, cases, kind, switcher);
            println!("{kind:?}, {switcher:?}: {stories} of {cases} stories cost a login, {logins} logins in all");
            stories
        };
        let (watched, alone) = (compare(Switcher::Watched), compare(Switcher::Signalbox));
        for naive in [Switcher::FirstDay, Switcher::CopiesOnSwitch] {
            assert!(compare(naive) > 4 * alone.max(1), "{naive:?} loses hardly more: the model cannot tell them apart");
        }
        if kind == Kind::Everyday {
            assert_eq!((watched, alone), (0, 0), "on an ordinary day no login may be lost at all");
        }
    }
}
