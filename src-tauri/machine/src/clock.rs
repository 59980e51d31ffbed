//! The wall clock of this machine, and its time zone. Owns nothing but the calls; what a time means is decided in `signalbox-core`.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{FixedOffset, Local, Offset as _, TimeZone as _, Utc};
use signalbox_core::ports::Clock;
use signalbox_core::time::Timestamp;

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        timestamp(SystemTime::now())
    }

    fn zone(&self, at: Timestamp) -> FixedOffset {
        Local.timestamp_millis_opt(at.ms()).earliest().map_or_else(|| Utc.fix(), |local| local.offset().fix())
    }
}

/// A time of the file system or the clock as the core counts it. A time before 1970 becomes a negative number.
pub(crate) fn timestamp(at: SystemTime) -> Timestamp {
    let ms = match at.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    };
    Timestamp::from_ms(ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_clock_counts_milliseconds_since_1970() {
        assert_eq!(timestamp(UNIX_EPOCH + Duration::from_millis(1_500)), Timestamp::from_ms(1_500));
        assert_eq!(timestamp(UNIX_EPOCH - Duration::from_millis(1_500)), Timestamp::from_ms(-1_500));
        let year_2025 = Timestamp::from_ms(1_735_689_600_000);
        assert!(SystemClock.now() > year_2025);
    }
}
