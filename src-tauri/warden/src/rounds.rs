//! When the engine begins a round, in which what the statusline told is taken in and usage that is due is read. Owns the
//! wish for one that came while another was under way, noticing that the machine slept, and noticing that a statusline told
//! something; leaves whose usage is due to `signalbox_core::poll`.

use std::time::{Duration, Instant};

use signalbox_core::poll::Urgency;
use signalbox_core::ports::Stamp;
use signalbox_core::time::Timestamp;

use super::Engine;
use super::job::Job;

/// The rounds so far, and the next one.
pub(super) struct Rounds {
    under_way: bool,
    /// Somebody began to look while a round was under way that nobody waited for.
    wanted: Option<Urgency>,
    /// When the network may be back after the machine woke.
    pub(super) after_wake: Option<Instant>,
    /// The wall clock at the last poll, and this program's own time.
    seen_at: (Timestamp, Instant),
    /// What the feed looked like when a round last began.
    fed: Option<Stamp>,
}

impl Rounds {
    pub(super) fn new(now: Instant, wall: Timestamp) -> Self {
        Self { under_way: false, wanted: None, after_wake: None, seen_at: (wall, now), fed: None }
    }

    /// Whether the machine slept since the last time this was asked: this program's own time stands still meanwhile.
    fn slept(&mut self, now: Instant, wall: Timestamp, at_least: Duration) -> bool {
        let (wall_before, before) = std::mem::replace(&mut self.seen_at, (wall, now));
        // A clock that was set back says nothing.
        let went_on = u64::try_from(wall.since(wall_before)).map_or(Duration::ZERO, Duration::from_millis);
        went_on.saturating_sub(now.saturating_duration_since(before)) >= at_least
    }
}

impl Engine {
    /// Usage that is due is read by whoever keeps the watch; a person who opens the board need not wait for that one. A wish that comes in the middle of a round is not lost: whoever
    /// was passed over may be due in its eyes.
    pub(super) fn begin_round(&mut self, urgency: Urgency) {
        if self.is_idle() || (!self.watching && urgency == Urgency::Due) {
            return;
        }
        if self.usage.under_way {
            // The schedule speaks up again by itself.
            if urgency != Urgency::Due {
                self.usage.wanted = Some(urgency);
            }
            return;
        }
        self.usage.under_way = true;
        self.usage.fed = self.ports.feed.stamp();
        self.give(Job::Round { urgency });
    }

    pub(super) fn round_ended(&mut self) {
        self.usage.under_way = false;
        if let Some(urgency) = self.usage.wanted.take() {
            self.begin_round(urgency);
        }
    }

    /// Begins a round if a statusline has told something since the last one. It makes nobody's usage due.
    pub(super) fn look_at_the_feed(&mut self) {
        if self.watching && !self.usage.under_way && self.ports.feed.stamp() != self.usage.fed {
            self.begin_round(Urgency::Due);
        }
    }

    /// Whoever opens the lid wants to see what is, not what was.
    pub(super) fn notice_waking(&mut self, now: Instant) {
        let wall = self.ports.clock.now();
        if self.usage.slept(now, wall, self.pace.slept) && self.watching {
            tracing::info!("the machine slept");
            self.usage.after_wake = Some(now + self.pace.after_wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_slept_where_the_wall_clock_went_on_without_this_program() {
        let (start, wall) = (Instant::now(), Timestamp::from_ms(1_800_000_000_000));
        let at_least = Duration::from_secs(30);
        // What this program lived through and what the wall clock says, in seconds.
        for (own, clock, expected) in [
            (5, 5, false),
            (5, 8 * 3_600, true),
            (5, 35, true),
            (5, 34, false),
            (3_600, 3_600, false),
            (5, -86_400, false),
            (5, 0, false),
        ] {
            let mut rounds = Rounds::new(start, wall);
            let later = start + Duration::from_secs(own);
            assert_eq!(rounds.slept(later, wall.plus(clock * 1_000), at_least), expected, "{own} s, {clock} s");
            let again = later + Duration::from_secs(5);
            let after = rounds.slept(again, wall.plus((clock + 5) * 1_000), at_least);
            assert!(!after, "it woke once");
        }
    }
}
