//! Whether a person has read what they should know before Signalbox touches a login (`docs/terms.md`). Owns the version of that
//! text and what counts as read; leaves keeping it to the `Preferences` port, and asking to the faces.

use chrono::{DateTime, NaiveDate};

use crate::ports::Clock;

/// The version of `docs/terms.md`. It rises when the text says something that a person has not agreed to yet, and the app
/// asks anew then.
pub const VERSION: u32 = 1;

/// What a person has seen of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What they agreed to, in the app.
    pub accepted: Option<Acceptance>,
    /// The version that the command line has pointed at.
    pub pointed_at: Option<u32>,
}

/// A person said that they understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Which text.
    pub version: u32,
    /// On which day, by their own calendar.
    pub on: NaiveDate,
}

impl Terms {
    /// Whether they agreed to the text as it is now. An older program does not ask again.
    pub fn are_accepted(&self) -> bool {
        self.accepted.is_some_and(|accepted| accepted.version >= VERSION)
    }

    /// Whether the command line may keep quiet.
    pub fn are_known(&self) -> bool {
        self.are_accepted() || self.pointed_at.is_some_and(|version| version >= VERSION)
    }

    /// The same, agreed to as of today.
    #[must_use]
    pub fn accepted_now(self, clock: &dyn Clock) -> Self {
        Self { accepted: Some(Acceptance { version: VERSION, on: today(clock) }), ..self }
    }

    /// The same, pointed at.
    #[must_use]
    pub fn pointed_at_now(self) -> Self {
        Self { pointed_at: Some(VERSION), ..self }
    }
}

fn today(clock: &dyn Clock) -> NaiveDate {
    let now = clock.now();
    DateTime::from_timestamp_millis(now.ms()).unwrap_or_default().with_timezone(&clock.zone(now)).date_naive()
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;
    use crate::time::Timestamp;

    struct At(i64, i32);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_ms(self.0)
        }

        fn zone(&self, _at: Timestamp) -> FixedOffset {
            FixedOffset::east_opt(self.1).expect("an offset")
        }
    }

    #[test]
    fn what_was_agreed_to_is_asked_for_again_when_the_text_says_more() {
        let on = NaiveDate::default();
        let agreed = |version| Terms { accepted: Some(Acceptance { version, on }), pointed_at: None };
        for (terms, accepted, known) in [
            (Terms::default(), false, false),
            (agreed(VERSION - 1), false, false),
            (agreed(VERSION), true, true),
            (agreed(VERSION + 1), true, true),
            (Terms::default().pointed_at_now(), false, true),
            (Terms { pointed_at: Some(VERSION - 1), ..Terms::default() }, false, false),
            (agreed(VERSION - 1).pointed_at_now(), false, true),
        ] {
            assert_eq!((terms.are_accepted(), terms.are_known()), (accepted, known), "{terms:?}");
        }
    }

    #[test]
    fn the_day_is_the_persons_own() {
        // 2027-01-15 23:30 UTC.
        let late = 1_800_055_800_000;
        for (offset, expected) in [(0, "2027-01-15"), (3_600, "2027-01-16"), (-8 * 3_600, "2027-01-15")] {
            let terms = Terms::default().pointed_at_now().accepted_now(&At(late, offset));
            assert_eq!(terms.accepted.map(|a| (a.version, a.on.to_string())), Some((VERSION, expected.to_owned())));
            assert_eq!(terms.pointed_at, Some(VERSION), "the rest stays");
        }
    }
}
