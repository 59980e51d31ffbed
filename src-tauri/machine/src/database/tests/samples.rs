//! What samples cost in the database: how many rows, how many bytes, and what thinning gives back.

use signalbox_core::time::{DAY, HOUR, MINUTE};

use super::*;

fn count(folder: &Path) -> i64 {
    raw(folder).query_row("SELECT count(*) FROM stretch", [], |row| row.get(0)).unwrap()
}

/// Both main windows and two of models, at one moment.
fn full(at: Timestamp, percents: [f64; 4]) -> Reading {
    let kinds = [WindowKind::FiveHour, WindowKind::SevenDay, model("Opus"), model("Sonnet")];
    let resets_at = Some(Timestamp::from_ms(at.ms() - at.ms().rem_euclid(5 * HOUR) + 5 * HOUR));
    let windows = kinds.into_iter().zip(percents).map(|(kind, percent)| Window { kind, percent, resets_at });
    Reading::answered(Usage { windows: windows.collect(), spend: None }, at)
}

fn model(name: &str) -> WindowKind {
    WindowKind::Model(name.to_owned())
}

/// Rows as many readings would have left them, in one go.
fn fill(folder: &Path, from: Timestamp, rows: i64, every: i64) {
    Database::new(folder).store(&ada(), &full(from, [0.0; 4])).unwrap();
    raw(folder)
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
                INSERT OR REPLACE INTO stretch
                SELECT series.id, ?1 + i * ?3, ?1 + i * ?3, (i * 7 % 1000) / 10.0, ?1 FROM n, series",
            [from.ms(), rows, every],
        )
        .unwrap();
}

#[test]
fn a_window_that_stands_still_costs_one_row() {
    let folder = folder();
    let database = Database::new(folder.path());
    let start = Timestamp::from_ms(NOON.ms() - NOON.ms().rem_euclid(5 * HOUR));
    for minutes in 0..=100 {
        database.store(&ada(), &full(start.plus(minutes * MINUTE), [1.0, 2.0, 3.0, 4.0])).unwrap();
    }
    assert_eq!(count(folder.path()), 4);
    assert_eq!(
        database.since(&ada(), start).unwrap().len(),
        4 * 11,
        "and is told as if it had been read by the schedule"
    );
}

#[test]
fn a_feed_that_tells_every_second_costs_a_row_in_a_minute() {
    let folder = folder();
    let database = Database::new(folder.path());
    let start = Timestamp::from_ms(NOON.ms() - NOON.ms().rem_euclid(MINUTE));
    for second in 0..180_i32 {
        let at = start.plus(i64::from(second) * 1_000);
        database.store(&ada(), &full(at, [f64::from(second) / 10.0, 0.0, 0.0, 0.0])).unwrap();
    }
    assert_eq!(count(folder.path()), 3 + 3);
    let five_hour = |sample: &signalbox_core::usage::Sample| sample.kind == WindowKind::FiveHour;
    let told: Vec<_> = database.since(&ada(), NOON).unwrap().into_iter().filter(five_hour).collect();
    assert_eq!(told.last().unwrap().percent, 17.9, "the newest number is among them");
}

#[test]
fn thinning_makes_the_file_small_again_and_goes_on_where_it_was() {
    let folder = folder();
    let database = Database::new(folder.path());
    // More than one chunk in each window: forty days, two hundred days ago.
    fill(folder.path(), NOON.plus(-200 * DAY), 4_000, 15 * MINUTE);
    database.store(&ada(), &full(NOON, [1.0; 4])).unwrap();
    let size = || {
        raw(folder.path()).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        folder.path().join(FILE).metadata().unwrap().len()
    };
    let before = size();
    database.thin(NOON).unwrap();
    let hours = 4_000 / 4 + 1;
    let left = count(folder.path());
    assert!((4 * hours - 8..=4 * hours + 8).contains(&left), "{left} rows of {hours} hours in four windows");
    assert!(size() < before / 2, "{before} → {} bytes", size());
    assert_eq!(raw(folder.path()).pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0)).unwrap(), 0);
    database.thin(NOON.plus(DAY)).unwrap();
    assert_eq!(count(folder.path()), left, "there is nothing left to do");
}

#[test]
fn thinning_keeps_nobody_waiting() {
    let folder = folder();
    fill(folder.path(), NOON.plus(-900 * DAY), 10_000, 2 * HOUR);
    let database = Database::new(folder.path());
    database.store(&ada(), &full(NOON, [1.0; 4])).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            Database::new(folder.path()).thin(NOON).unwrap();
            done.store(true, std::sync::atomic::Ordering::Release);
        });
        let (mut waits, mut round) = (Vec::new(), 1);
        while !done.load(std::sync::atomic::Ordering::Acquire) {
            let begun = Instant::now();
            database.store(&ada(), &full(NOON.plus(round), [2.0; 4])).unwrap();
            waits.push(begun.elapsed());
            round += 1;
            thread::sleep(Duration::from_millis(1));
        }
        let longest = waits.iter().max().unwrap();
        assert!(*longest < Duration::from_millis(1_000), "{longest:?} in {} tries", waits.len());
    });
    let oldest: i64 = raw(folder.path()).query_row("SELECT min(first_ms) FROM stretch", [], |row| row.get(0)).unwrap();
    assert!(oldest >= NOON.plus(-730 * DAY).ms(), "nothing is older than two years");
}

#[test]
fn asking_for_a_span_reads_its_rows_alone() {
    let folder = folder();
    fill(folder.path(), NOON, 10, MINUTE);
    let plan: String = raw(folder.path())
        .query_row(
            "EXPLAIN QUERY PLAN SELECT first_ms FROM stretch WHERE series = 1 AND last_ms >= 5 ORDER BY last_ms",
            [],
            |row| row.get(3),
        )
        .unwrap();
    assert_eq!(plan, "SEARCH stretch USING PRIMARY KEY (series=? AND last_ms>?)");
}
