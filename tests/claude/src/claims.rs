//! What the run claims, one sentence each, and whether it held. Owns the words on the terminal and the count; what is
//! true is found out by the scenarios.

use std::fmt::Debug;

/// Every claim of the run so far.
#[derive(Debug, Default)]
pub struct Claims {
    held: usize,
    failed: Vec<String>,
    scenario: &'static str,
}

impl Claims {
    /// The claims that follow belong to this scenario.
    pub fn begin(&mut self, scenario: &'static str) {
        self.scenario = scenario;
        println!("\n== {scenario}");
    }

    /// A claim, and whether it holds; `seen` is shown where it does not.
    pub fn that(&mut self, sentence: &str, holds: bool, seen: impl Debug) {
        if holds {
            self.held += 1;
            println!("  ok      {sentence}");
        } else {
            println!("  FAILED  {sentence}\n          seen: {seen:?}");
            self.failed.push(format!("{}: {sentence}", self.scenario));
        }
    }

    /// A claim that two things are the same.
    pub fn same<T: PartialEq + Debug>(&mut self, sentence: &str, seen: &T, expected: &T) {
        self.that(sentence, seen == expected, (seen, "instead of", expected));
    }

    /// The scenario could not go on: what it did not come to is not known.
    pub fn broke_off(&mut self, error: &anyhow::Error) {
        println!("  BROKE OFF  {error:#}");
        self.failed.push(format!("{}: broke off: {error:#}", self.scenario));
    }

    /// Says how it went. Whether everything held; nothing claimed is a failure too.
    pub fn summary(&self) -> bool {
        println!("\n{} claims held, {} failed", self.held, self.failed.len());
        for sentence in &self.failed {
            println!("  FAILED  {}", sentence.lines().next().unwrap_or_default());
        }
        self.failed.is_empty() && self.held > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_good_only_if_something_was_claimed_and_all_of_it_held() {
        let mut claims = Claims::default();
        assert!(!claims.summary(), "nothing was claimed");
        claims.same("one is one", &1, &1);
        assert!(claims.summary());
        claims.broke_off(&anyhow::anyhow!("no terminal"));
        assert!(!claims.summary());
    }
}
