//! The scripted clock. Owns what time the simulated server believes it is; every expiry, window and budget asks it.
//! It leaves *waiting* to the HTTP layer: a delay fault sleeps in real time, whatever this clock says.

use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that either follows real time at an offset, or stands still until it is advanced.
///
/// It never goes backwards: tests move it forward with [`Clock::advance`].
#[derive(Debug, Clone)]
pub struct Clock {
    hands: Hands,
}

#[derive(Debug, Clone, Copy)]
enum Hands {
    Running { offset_ms: i64 },
    Frozen { at_ms: i64 },
}

impl Clock {
    /// Follows real time, starting now.
    #[must_use]
    pub fn real() -> Self {
        Self { hands: Hands::Running { offset_ms: 0 } }
    }

    /// Follows real time, but reads `start_ms` (epoch milliseconds) at this moment.
    #[must_use]
    pub fn starting_at(start_ms: i64) -> Self {
        Self { hands: Hands::Running { offset_ms: start_ms - real_ms() } }
    }

    /// Stands at `at_ms` (epoch milliseconds) until advanced.
    #[must_use]
    pub fn frozen_at(at_ms: i64) -> Self {
        Self { hands: Hands::Frozen { at_ms } }
    }

    /// The time now, in epoch milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match self.hands {
            Hands::Running { offset_ms } => real_ms() + offset_ms,
            Hands::Frozen { at_ms } => at_ms,
        }
    }

    /// Whether the clock stands still.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        matches!(self.hands, Hands::Frozen { .. })
    }

    /// Moves the clock forward by `by_ms` milliseconds; a negative amount moves nothing.
    pub fn advance(&mut self, by_ms: i64) {
        let by_ms = by_ms.max(0);
        match &mut self.hands {
            Hands::Running { offset_ms } => *offset_ms += by_ms,
            Hands::Frozen { at_ms } => *at_ms += by_ms,
        }
    }

    /// Stops the clock at its present reading.
    pub fn freeze(&mut self) {
        self.hands = Hands::Frozen { at_ms: self.now_ms() };
    }

    /// Lets the clock follow real time again, from its present reading.
    pub fn resume(&mut self) {
        *self = Self::starting_at(self.now_ms());
    }
}

fn real_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_advanced_and_never_back() {
        let mut clock = Clock::frozen_at(1_000);
        assert_eq!(clock.now_ms(), 1_000);
        clock.advance(250);
        clock.advance(-900);
        assert_eq!(clock.now_ms(), 1_250);
    }

    #[test]
    fn a_running_clock_follows_real_time_from_its_start() {
        let clock = Clock::starting_at(5_000_000);
        let first = clock.now_ms();
        std::thread::sleep(std::time::Duration::from_millis(15));
        assert!((5_000_000..5_060_000).contains(&first));
        assert!(clock.now_ms() >= first + 10);
    }

    #[test]
    fn freezing_and_resuming_keep_the_reading() {
        let mut clock = Clock::starting_at(7_000_000);
        clock.freeze();
        let stopped = clock.now_ms();
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!(clock.now_ms(), stopped);
        clock.resume();
        assert!(!clock.is_frozen());
        assert!((stopped..stopped + 60_000).contains(&clock.now_ms()));
    }
}
