//! Samples: the windows of readings, kept as stretches. Owns their rows in `usage.db`, and thinning them without being
//! in anybody's way; leaves what makes a stretch, what it tells and what is thinned out to `signalbox_core::stretch`.

use std::thread;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use signalbox_core::identity::Identity;
use signalbox_core::ports::{Samples, StoreError};
use signalbox_core::stretch::{self, Change, Stretch, Upkeep};
use signalbox_core::time::{HOUR, Timestamp};
use signalbox_core::usage::{Sample, WindowKind};

use super::{Database, Purpose, key};

/// So many rows are thinned, and so many pages given back, in one transaction: a few milliseconds.
const CHUNK: usize = 250;

/// What is read of a stretch.
const COLUMNS: &str = "first_ms, last_ms, percent, resets_at_ms";

impl Samples for Database {
    fn since(&self, identity: &Identity, since: Timestamp) -> Result<Vec<Sample>, StoreError> {
        let stretches = self.run(Purpose::Read, |connection| {
            let mut stretches = Vec::new();
            for (series, kind) in series_of(connection, identity)? {
                let sql = format!("SELECT {COLUMNS} FROM stretch WHERE series = ?1 AND last_ms >= ?2 ORDER BY last_ms");
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query_map(params![series, since.ms()], |row| stretch(row, kind.clone()))?;
                for row in rows {
                    stretches.push(row?);
                }
            }
            Ok(stretches)
        })?;
        Ok(stretch::samples(stretches.unwrap_or_default(), since))
    }

    fn thin(&self, now: Timestamp) -> Result<(), StoreError> {
        let due = self.run(Purpose::Read, |connection| due(connection, now))?;
        let Some(Due { upkeep, thinned_until, all }) = due.flatten() else { return Ok(()) };
        for series in all {
            while self.chunk(|connection| forget_before(connection, series, upkeep.kept_from()))? == Some(true) {}
            let mut from = Some(thinned_until);
            while let Some(start) = from {
                from = self.chunk(|connection| thin(connection, series, start, upkeep))?.flatten();
            }
        }
        self.chunk(|connection| {
            connection.execute(
                "INSERT INTO upkeep (id, done_at_ms, as_of_ms) VALUES (1, ?1, ?2)
                    ON CONFLICT DO UPDATE SET done_at_ms = excluded.done_at_ms, as_of_ms = excluded.as_of_ms",
                params![upkeep.done_at.ms(), upkeep.as_of.ms()],
            )
        })?;
        while self.chunk(give_back)? == Some(true) {}
        Ok(())
    }
}

impl Database {
    /// Runs a piece of work that nobody waits for, and then lets others at the database for as long as it took:
    /// whoever waits for SQLite's lock does not queue, but looks again from time to time.
    fn chunk<T>(&self, work: impl Fn(&Connection) -> rusqlite::Result<T>) -> Result<Option<T>, StoreError> {
        let begun = Instant::now();
        let done = self.run(Purpose::Write, work);
        thread::sleep(begun.elapsed());
        done
    }
}

/// Keeps a sample, in the transaction that stores its reading.
pub(super) fn keep(connection: &Connection, identity: &Identity, sample: &Sample) -> rusqlite::Result<()> {
    let series = series(connection, identity, &sample.kind)?;
    let neighbour = |sql: &str| {
        let mut statement = connection.prepare_cached(sql)?;
        let row = |row: &Row<'_>| stretch(row, sample.kind.clone());
        statement.query_row(params![series, sample.at.ms()], row).optional()
    };
    let before = neighbour(&format!(
        "SELECT {COLUMNS} FROM stretch WHERE series = ?1 AND last_ms < ?2 ORDER BY last_ms DESC LIMIT 1"
    ))?;
    let after = neighbour(&format!(
        "SELECT {COLUMNS} FROM stretch WHERE series = ?1 AND last_ms >= ?2 ORDER BY last_ms LIMIT 1"
    ))?;
    match (stretch::change(before.as_ref(), after.as_ref(), sample), before) {
        (Change::Nothing, _) => Ok(()),
        (Change::Longer, Some(before)) => {
            let mut statement = connection
                .prepare_cached("UPDATE OR REPLACE stretch SET last_ms = ?3 WHERE series = ?1 AND last_ms = ?2")?;
            statement.execute(params![series, before.last.ms(), sample.at.ms()]).map(|_| ())
        }
        (change, before) => {
            if let (Change::Instead, Some(before)) = (change, before) {
                let mut statement =
                    connection.prepare_cached("DELETE FROM stretch WHERE series = ?1 AND last_ms = ?2")?;
                statement.execute(params![series, before.last.ms()])?;
            }
            let mut statement = connection.prepare_cached(
                "INSERT OR REPLACE INTO stretch (series, last_ms, first_ms, percent, resets_at_ms)
                    VALUES (?1, ?2, ?2, ?3, ?4)",
            )?;
            let resets_at = sample.resets_at.map(Timestamp::ms);
            statement.execute(params![series, sample.at.ms(), sample.percent, resets_at]).map(|_| ())
        }
    }
}

/// Takes all samples of an identity away.
pub(super) fn forget(connection: &Connection, identity: &Identity) -> rusqlite::Result<()> {
    for (series, _) in series_of(connection, identity)? {
        connection.execute("DELETE FROM stretch WHERE series = ?1", [series])?;
        connection.execute("DELETE FROM series WHERE id = ?1", [series])?;
    }
    Ok(())
}

/// The number of a window of an identity. It is given one when it is first seen.
fn series(connection: &Connection, identity: &Identity, kind: &WindowKind) -> rusqlite::Result<i64> {
    let (account, organization) = key(identity);
    let named = params![account, organization, kind_name(kind)];
    let sql = "SELECT id FROM series WHERE account = ?1 AND organization = ?2 AND kind = ?3";
    match connection.prepare_cached(sql)?.query_row(named, |row| row.get(0)).optional()? {
        Some(id) => Ok(id),
        None => {
            connection.execute("INSERT INTO series (account, organization, kind) VALUES (?1, ?2, ?3)", named)?;
            Ok(connection.last_insert_rowid())
        }
    }
}

fn series_of(connection: &Connection, identity: &Identity) -> rusqlite::Result<Vec<(i64, WindowKind)>> {
    let mut statement = connection
        .prepare_cached("SELECT id, kind FROM series WHERE account = ?1 AND organization = ?2 ORDER BY id")?;
    let rows = statement.query_map(key(identity), |row| Ok((row.get(0)?, kind_named(row.get_ref(1)?.as_str()?))))?;
    rows.collect()
}

/// From a row of [`COLUMNS`].
fn stretch(row: &Row<'_>, kind: WindowKind) -> rusqlite::Result<Stretch> {
    Ok(Stretch {
        kind,
        first: Timestamp::from_ms(row.get(0)?),
        last: Timestamp::from_ms(row.get(1)?),
        percent: row.get(2)?,
        resets_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_ms),
    })
}

/// What there is to do.
struct Due {
    upkeep: Upkeep,
    /// What ended before this was thinned earlier.
    thinned_until: i64,
    /// The numbers of all windows.
    all: Vec<i64>,
}

/// The upkeep that is due. `None`: it is too early, or there is nothing.
fn due(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Due>> {
    let sql = "SELECT done_at_ms, as_of_ms FROM upkeep";
    let read =
        |row: &Row<'_>| Ok(Upkeep { done_at: Timestamp::from_ms(row.get(0)?), as_of: Timestamp::from_ms(row.get(1)?) });
    let last = connection.query_row(sql, [], read).optional()?;
    // Each window's newest is one step in the index; asking for all of them at once would read every row.
    let mut statement =
        connection.prepare("SELECT id, (SELECT max(last_ms) FROM stretch WHERE series = id) FROM series")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))?;
    let (mut all, mut newest) = (Vec::new(), None);
    for row in rows {
        let (id, last) = row?;
        all.push(id);
        newest = newest.max(last);
    }
    let Some(newest) = newest else { return Ok(None) };
    let thinned_until = last.map_or(i64::MIN, |last| last.raw_from().ms());
    Ok(Upkeep::due(last, Timestamp::from_ms(newest), now).map(|upkeep| Due { upkeep, thinned_until, all }))
}

/// Forgets a chunk of what ended before `from`; `true`: there is more.
fn forget_before(connection: &Connection, series: i64, from: Timestamp) -> rusqlite::Result<bool> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let forgotten = transaction.execute(
        "DELETE FROM stretch WHERE series = ?1 AND last_ms IN
            (SELECT last_ms FROM stretch WHERE series = ?1 AND last_ms < ?2 ORDER BY last_ms LIMIT ?3)",
        params![series, from.ms(), CHUNK],
    )?;
    // One may reach over the border.
    transaction.execute(
        "UPDATE stretch SET first_ms = ?2 WHERE series = ?1 AND first_ms < ?2
            AND last_ms = (SELECT min(last_ms) FROM stretch WHERE series = ?1 AND last_ms >= ?2)",
        params![series, from.ms()],
    )?;
    transaction.commit()?;
    Ok(forgotten == CHUNK)
}

/// Thins a chunk of what ended at `start` or later; where to go on.
fn thin(connection: &Connection, series: i64, start: i64, upkeep: Upkeep) -> rusqlite::Result<Option<i64>> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let mut chunk = Vec::with_capacity(CHUNK);
    {
        let mut statement = transaction.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM stretch WHERE series = ?1 AND last_ms >= ?2 AND last_ms < ?3
                ORDER BY last_ms LIMIT ?4"
        ))?;
        let asked = params![series, start, upkeep.raw_from().ms(), CHUNK];
        // Which window it is does not matter here.
        for row in statement.query_map(asked, |row| stretch(row, WindowKind::FiveHour))? {
            chunk.push(row?);
        }
        let mut statement = transaction.prepare_cached("DELETE FROM stretch WHERE series = ?1 AND last_ms = ?2")?;
        for (stretch, out) in chunk.iter().zip(stretch::thinned(&chunk)) {
            if out {
                statement.execute(params![series, stretch.last.ms()])?;
            }
        }
    }
    transaction.commit()?;
    // The last hour may go on in the next chunk. What is left of it there is one row, or what it was thinned to
    // already.
    let last = chunk.last().filter(|_| chunk.len() == CHUNK).map(|stretch| stretch.last.ms());
    Ok(last.map(|last| (last - last.rem_euclid(HOUR)).max(start.saturating_add(1))))
}

/// Gives a chunk of unused pages back to the disk; `true`: there are more.
fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let unused = || connection.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0));
    let before = unused()?;
    if before == 0 {
        return Ok(false);
    }
    // Each step of this statement frees one page.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({CHUNK})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let after = unused()?;
    Ok(after > 0 && after < before)
}

/// A window's name in the database. A model's cannot be taken for one of the others.
fn kind_name(kind: &WindowKind) -> String {
    match kind {
        WindowKind::FiveHour => "5h".to_owned(),
        WindowKind::SevenDay => "7d".to_owned(),
        WindowKind::Model(name) => format!("model:{name}"),
    }
}

fn kind_named(name: &str) -> WindowKind {
    match name {
        "5h" => WindowKind::FiveHour,
        "7d" => WindowKind::SevenDay,
        other => WindowKind::Model(other.strip_prefix("model:").unwrap_or(other).to_owned()),
    }
}
