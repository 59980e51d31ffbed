//! The rolling budget of the usage endpoint (`docs/claude-code.md` §F5). Owns who asked when; a refused request is not
//! counted, so probing does not extend a block.

use crate::account::Identity;
use std::collections::{HashMap, VecDeque};

/// The trailing span that is counted, in milliseconds.
pub const SPAN_MS: i64 = 3_600_000;

/// Requests of each identity within the trailing hour.
#[derive(Debug, Default)]
pub struct Budget {
    taken: HashMap<Identity, VecDeque<i64>>,
}

impl Budget {
    /// Counts a request against `limit`, or refuses it (`false`) without counting. `None` is no limit.
    pub fn take(&mut self, identity: &Identity, limit: Option<u32>, now_ms: i64) -> bool {
        let taken = self.taken.entry(identity.clone()).or_default();
        while taken.front().is_some_and(|at| *at <= now_ms - SPAN_MS) {
            taken.pop_front();
        }
        if limit.is_some_and(|most| taken.len() >= most as usize) {
            return false;
        }
        taken.push_back(now_ms);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_returns_only_as_old_requests_age_out() {
        let identity = Identity { account_uuid: "a".into(), organization_uuid: "o".into() };
        let mut budget = Budget::default();
        assert!(budget.take(&identity, Some(2), 0));
        assert!(budget.take(&identity, Some(2), 1_000));
        for probe in 2_000..2_050 {
            assert!(!budget.take(&identity, Some(2), probe));
        }
        assert!(budget.take(&identity, Some(2), SPAN_MS));
        assert!(!budget.take(&identity, Some(2), SPAN_MS + 999));
        assert!(budget.take(&identity, Some(2), SPAN_MS + 1_000));
    }

    #[test]
    fn each_identity_has_a_budget_of_its_own() {
        let one = Identity { account_uuid: "a".into(), organization_uuid: "o".into() };
        let two = Identity { account_uuid: "a".into(), organization_uuid: "p".into() };
        let mut budget = Budget::default();
        assert!(budget.take(&one, Some(1), 0));
        assert!(!budget.take(&one, Some(1), 0));
        assert!(budget.take(&two, Some(1), 0));
    }
}
