//! The figures of the history: what asking for a month of twenty profiles costs, and what the samples of a month weigh
//! on the disk. The database is filled as the watch would fill it, reading after reading, for a month in which the
//! computer never slept.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use signalbox_core::identity::Identity;
use signalbox_core::ports::{Readings as _, Samples as _};
use signalbox_core::time::{DAY, HOUR, MINUTE, Timestamp};
use signalbox_core::usage::{Reading, Usage, Window, WindowKind};
use signalbox_machine::database::Database;

use crate::measure::{Times, ms};
use crate::report::{Figure, Report};

const PROFILES: u32 = 20;
const DAYS: i64 = 30;
const START: Timestamp = Timestamp::from_ms(1_795_262_400_000);

/// How the profiles of a month are used.
#[derive(Clone, Copy)]
enum Month {
    /// Each for three hours of every day: more than two at a time, around the clock.
    Busy,
    /// Each without a pause, so that no reading is like the one before.
    Mad,
}

/// Both, and what is only told: a month that nobody has.
pub fn measure(folder: &Path, report: &mut Report) -> Result<()> {
    println!("{DAYS} days of readings of {PROFILES} profiles …");
    let busy = asked(folder, Month::Busy)?;
    report.add(Figure {
        name: "history of 30 days, 20 profiles",
        value: busy.times.median(),
        unit: "ms",
        limit: Some(20.0),
        how: format!(
            "median of {}, each with a database newly opened; {} samples; p95 {:.1} ms",
            busy.times.count(),
            busy.samples,
            busy.times.p95()
        ),
    });
    report.add(Figure {
        name: "the database, for each profile and month",
        value: busy.kib,
        unit: "KiB",
        limit: None,
        how: format!("four windows, used three hours a day, {} readings", busy.readings),
    });
    let mad = asked(folder, Month::Mad)?;
    report.add(Figure {
        name: "the same, every reading unlike the one before",
        value: mad.times.median(),
        unit: "ms",
        limit: None,
        how: format!("{} samples; {:.0} KiB for each profile and month", mad.samples, mad.kib),
    });
    Ok(())
}

/// What came of it.
struct Asked {
    times: Times,
    samples: usize,
    readings: usize,
    /// Of one profile and month.
    kib: f64,
}

fn asked(folder: &Path, month: Month) -> Result<Asked> {
    let folder = tempfile::tempdir_in(folder)?;
    let readings = fill(folder.path(), month)?;
    let now = START.plus(DAYS * DAY);
    let mut samples = 0;
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let database = Database::new(folder.path());
        samples = 0;
        for profile in 0..PROFILES {
            samples += database.since(&identity(profile)?, now.plus(-30 * DAY))?.len();
        }
        times.push(ms(begun.elapsed()));
    }
    ensure!(samples > usize::try_from(DAYS)? * 24 * 4 * 20, "{samples} samples are too few for a month");
    // Nobody has it open any more, so that its log has been taken in.
    let bytes = folder.path().join("usage.db").metadata()?.len();
    let kib = f64::from(u32::try_from(bytes / 1_024)?) / f64::from(PROFILES);
    Ok(Asked { times: Times::of(times), samples, readings, kib })
}

/// Stores every reading of the month; how many each profile got.
fn fill(folder: &Path, month: Month) -> Result<usize> {
    let database = Database::new(folder);
    let mut readings = 0;
    for profile in 0..PROFILES {
        let identity = identity(profile)?;
        let (mut at, mut used) = (START, [0.0; 3]);
        readings = 0;
        while at.since(START) < DAYS * DAY {
            // Each profile has its hours.
            let hour = (at.ms() / HOUR + i64::from(profile) * 24 / i64::from(PROFILES)) % 24;
            let working = matches!(month, Month::Mad) || (9..12).contains(&hour);
            database.store(&identity, &reading(at, working, &mut used))?;
            readings += 1;
            at = at.plus(if working { 5 * MINUTE } else { 10 * MINUTE });
        }
    }
    Ok(readings)
}

/// The next reading: the windows go up by tenths of a percent while somebody works, and begin anew at their resets.
fn reading(at: Timestamp, working: bool, used: &mut [f64; 3]) -> Reading {
    let five_hours = at.ms() / (5 * HOUR);
    let week = at.ms() / (7 * DAY);
    let reset = |period: i64, length: i64| Some(Timestamp::from_ms((period + 1) * length));
    let burn = if working { 1.0 } else { 0.0 };
    let began = |length: i64| at.ms() % length < 10 * MINUTE;
    if began(5 * HOUR) {
        used[0] = 0.0;
    }
    if began(7 * DAY) {
        used[1..].fill(0.0);
    }
    for (used, step) in used.iter_mut().zip([1.3, 0.1, 0.2]) {
        // Tenths, as they are told.
        *used = ((*used + step * burn) * 10.0).round() / 10.0;
    }
    let window = |kind, percent, resets_at| Window { kind, percent, resets_at };
    let weekly = reset(week, 7 * DAY);
    let windows = vec![
        window(WindowKind::FiveHour, used[0], reset(five_hours, 5 * HOUR).filter(|_| used[0] > 0.0)),
        window(WindowKind::SevenDay, used[1], weekly),
        window(WindowKind::Model("Opus".to_owned()), used[2], weekly),
        window(WindowKind::Model("Sonnet".to_owned()), used[1], weekly),
    ];
    Reading::answered(Usage { windows, spend: None }, at)
}

fn identity(profile: u32) -> Result<Identity> {
    let account = format!("7d1e6c1a-58d4-4b6f-9f3a-{profile:012}");
    Identity::new(&account, "0f0e4c54-7d55-4c77-b1b5-1d2a3c4d5e6f").context("two names")
}
