//! A length of time as it is typed. Owns its form and its limit; leaves what it is for to the commands.

use signalbox_core::time::{DAY, HOUR, MINUTE};

/// Two years, the second of which may be a leap year: samples are not kept for longer.
const AGE_MAX_MS: i64 = 731 * DAY;

/// A length of time as it is typed, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub i64);

/// Why a text is no length of time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAge {
    #[error("it is a number and a unit, as in 90m, 24h, 7d or 2y")]
    Form,
    #[error("nothing is kept for longer than two years")]
    TooLong,
}

impl Age {
    /// Reads it.
    pub fn parse(text: &str) -> Result<Self, NotAnAge> {
        let unit = match text.chars().last().ok_or(NotAnAge::Form)? {
            'm' => MINUTE,
            'h' => HOUR,
            'd' => DAY,
            'w' => 7 * DAY,
            'y' => 365 * DAY,
            _ => return Err(NotAnAge::Form),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnAge::Form);
        }
        let ms = digits.parse::<i64>().ok().and_then(|count| count.checked_mul(unit)).ok_or(NotAnAge::TooLong)?;
        match ms {
            0 => Err(NotAnAge::Form),
            ms if ms > AGE_MAX_MS => Err(NotAnAge::TooLong),
            ms => Ok(Self(ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_and_a_unit() {
        for (text, ms) in [
            ("90m", 90 * MINUTE),
            ("24h", DAY),
            ("7d", 7 * DAY),
            ("2w", 14 * DAY),
            ("30d", 30 * DAY),
            ("2y", 730 * DAY),
        ] {
            assert_eq!(Age::parse(text), Ok(Age(ms)), "{text}");
        }
        for text in ["", "7", "d", "rubbish", "-7d", "+7d", "7 d", "1.5h", "0d", "7D", "7é", "d7"] {
            assert_eq!(Age::parse(text), Err(NotAnAge::Form), "{text}");
        }
        for text in ["3y", "99999999999999999999d", "9223372036854775807y"] {
            assert_eq!(Age::parse(text), Err(NotAnAge::TooLong), "{text}");
        }
    }
}
