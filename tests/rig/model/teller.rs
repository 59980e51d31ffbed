//! Tells many stories at once: makes them up from a seed, one thread a core, and shrinks the first that breaks a rule
//! to a story in which nothing can be left out. Owns the seed; what a story is and what it must not break is elsewhere.

use std::fmt;
use std::sync::Mutex;
use std::thread;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::books::Tally;
use super::judge::{self, Told};
use super::naive::{self, Switcher};
use super::story::Story;
use super::strategy::{self, Kind};

/// How many times a broken story may be told again to make it smaller.
const SHRINKING: u32 = 20_000;

/// A story that broke a rule, as small as it could be made.
pub struct Broken {
    pub seed: u64,
    pub story: Story,
    pub rule: String,
    /// What happened in it.
    pub diary: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\nThe story (seed {}):\n{:?}\nWhat happened:", self.rule, self.seed, self.story)?;
        self.diary.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Tells `cases` stories on every core, made up from `seed`.
pub fn tell_many(seed: u64, cases: u32, kind: Kind) -> Result<Tally, Box<Broken>> {
    judge::silence_crashes();
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let each = cases.div_ceil(u32::try_from(threads).unwrap_or(2));
    let all = thread::scope(|scope| {
        let tellers: Vec<_> =
            (0..threads as u64).map(|number| scope.spawn(move || tell_some(seed, number, each, kind))).collect();
        tellers.into_iter().map(|teller| teller.join().expect("a teller ends by itself")).collect::<Vec<_>>()
    });
    let mut tally = Tally::default();
    for told in all {
        tally.add(&told?);
    }
    Ok(tally)
}

fn tell_some(seed: u64, thread: u64, cases: u32, kind: Kind) -> Result<Tally, Box<Broken>> {
    let tally = Mutex::new(Tally::default());
    let mut runner = runner(seed, thread, cases);
    let outcome = runner.run(&strategy::stories(kind), |story| {
        let Told { tally: of_story, broken, .. } = judge::tell(&story, false);
        match broken {
            Some(rule) => Err(TestCaseError::fail(rule)),
            None => {
                tally.lock().expect("no story panics").add(&of_story);
                Ok(())
            }
        }
    });
    match outcome {
        Ok(()) => Ok(tally.into_inner().expect("no story panics")),
        Err(TestError::Fail(_, story)) => {
            let told = judge::tell(&story, true);
            let rule = told.broken.unwrap_or_else(|| "it broke a rule, and does not when it is told again".to_owned());
            Err(Box::new(Broken { seed, story, rule, diary: told.diary }))
        }
        Err(TestError::Abort(why)) => panic!("no more stories could be made up: {why}"),
    }
}

/// One and the same seed makes up the same stories.
fn runner(seed: u64, thread: u64, cases: u32) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&thread.to_le_bytes());
    let config = Config { cases, max_shrink_iters: SHRINKING, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// How many stories out of `cases` cost a login, and how many logins they cost, with one of the switchers.
pub fn compare(seed: u64, cases: u32, kind: Kind, switcher: Switcher) -> (u64, u64) {
    judge::silence_crashes();
    let told = made_up(seed, kind).take(usize::try_from(cases).expect("a few thousand"));
    let lost = told.map(|story| naive::logins_lost(&naive::without_removals(story), switcher));
    lost.fold((0, 0), |(stories, logins), lost| (stories + u64::from(lost > 0), logins + lost))
}

/// The stories that a seed makes up, one after the other.
fn made_up(seed: u64, kind: Kind) -> impl Iterator<Item = Story> {
    let strategy = strategy::stories(kind);
    let mut runner = runner(seed, 0, 1);
    std::iter::from_fn(move || {
        strategy.new_tree(&mut runner).ok().map(|tree| proptest::strategy::ValueTree::current(&tree))
    })
}
