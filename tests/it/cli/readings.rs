//! Readings of the past for a case, as if somebody had watched. Owns turning what a case says of them into what the database
//! keeps.

use anyhow::{Context, Result};
use serde::Deserialize;
use signalbox_core::identity::Identity;
use signalbox_core::ports::Readings as _;
use signalbox_core::time::{MINUTE, Timestamp};
use signalbox_core::usage::{Reading, Usage, Window, WindowKind};
use signalbox_machine::database::Database;
use signalbox_tests::stage::{Profile, Stage};

/// One reading of every profile. Times are minutes from the beginning of the case: those before it are negative.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    at: i64,
    five_hour: Told,
    seven_day: Told,
}

/// What was read of a window.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    percent: f64,
    resets: i64,
}

/// Keeps the readings, oldest first, as those of `profile`.
pub fn keep(stage: &Stage, profile: &Profile, readings: &[Past]) -> Result<()> {
    let part = |name: &str| profile.account[name].as_str().with_context(|| format!("the account has no {name}"));
    let identity = Identity::new(part("accountUuid")?, part("organizationUuid")?).context("two names")?;
    let database = Database::new(&stage.home.data());
    let now = Timestamp::from_ms(chrono::Utc::now().timestamp_millis());
    for past in readings {
        let window =
            |kind, told: Told| Window { kind, percent: told.percent, resets_at: Some(now.plus(told.resets * MINUTE)) };
        let windows = vec![window(WindowKind::FiveHour, past.five_hour), window(WindowKind::SevenDay, past.seven_day)];
        let reading = Reading::answered(Usage { windows, spend: None }, now.plus(past.at * MINUTE));
        database.store(&identity, &reading)?;
    }
    Ok(())
}
