//! Last readings, the books of requests, and what is put off. Owns their rows in `usage.db`; leaves the samples of a
//! reading to `samples`, and when anything is asked to `signalbox_core::schedule` and `policy`.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use signalbox_core::identity::Identity;
use signalbox_core::policy::BackOff;
use signalbox_core::ports::{Readings, StoreError};
use signalbox_core::schedule::{Books, THROTTLED_MAX_MS};
use signalbox_core::time::{HOUR, Timestamp};
use signalbox_core::usage::{Reading, Usage};

use super::{Database, Purpose, key, samples};

impl Readings for Database {
    fn last(&self, identity: &Identity) -> Result<Option<Reading>, StoreError> {
        let row = self.run(Purpose::Read, |connection| {
            let sql = "SELECT read_at_ms, asked_at_ms, windows_json, spend_json FROM reading
                WHERE account = ?1 AND organization = ?2";
            let row = |row: &rusqlite::Row<'_>| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, String>(2)?, row.get(3)?))
            };
            connection.query_row(sql, key(identity), row).optional()
        })?;
        let Some((read_at_ms, asked_at_ms, windows, spend)) = row.flatten() else { return Ok(None) };
        let spend: Option<String> = spend;
        let usage = serde_json::from_str(&windows)
            .and_then(|windows| Ok(Usage { windows, spend: spend.as_deref().map(serde_json::from_str).transpose()? }));
        match usage {
            Ok(usage) => Ok(Some(Reading {
                usage,
                read_at: Timestamp::from_ms(read_at_ms),
                asked_at: Timestamp::from_ms(asked_at_ms.unwrap_or(read_at_ms)),
            })),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "a stored reading makes no sense; left out");
                Ok(None)
            }
        }
    }

    fn store(&self, identity: &Identity, reading: &Reading) -> Result<(), StoreError> {
        let no_json = |error: serde_json::Error| self.error(Purpose::Write, error.to_string());
        let windows = serde_json::to_string(&reading.usage.windows).map_err(no_json)?;
        let spend = reading.usage.spend.as_ref().map(serde_json::to_string).transpose().map_err(no_json)?;
        self.run(Purpose::Write, |connection| {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let (account, organization) = key(identity);
            transaction.execute(
                "INSERT INTO reading (account, organization, read_at_ms, asked_at_ms, windows_json, spend_json)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                    ON CONFLICT DO UPDATE SET read_at_ms = excluded.read_at_ms, asked_at_ms = excluded.asked_at_ms,
                        windows_json = excluded.windows_json, spend_json = excluded.spend_json",
                params![account, organization, reading.read_at.ms(), reading.asked_at.ms(), windows, spend],
            )?;
            for sample in reading.samples() {
                samples::keep(&transaction, identity, &sample)?;
            }
            transaction.commit()
        })?;
        Ok(())
    }

    fn books(&self, identity: &Identity, now: Timestamp) -> Result<Books, StoreError> {
        Ok(self.run(Purpose::Read, |connection| books(connection, identity, now))?.unwrap_or_default())
    }

    fn claim(
        &self,
        identity: &Identity,
        now: Timestamp,
        may: &dyn Fn(&Books) -> Result<(), Timestamp>,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        let claimed = self.run(Purpose::Write, |connection| {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            if let Err(until) = may(&books(&transaction, identity, now)?) {
                return Ok(Err(until));
            }
            let (account, organization) = key(identity);
            transaction.execute("DELETE FROM asked WHERE at_ms <= ?1", [now.plus(-HOUR).ms()])?;
            transaction.execute(
                "INSERT INTO asked (account, organization, at_ms) VALUES (?1, ?2, ?3)",
                params![account, organization, now.ms()],
            )?;
            transaction.commit()?;
            Ok(Ok(()))
        })?;
        Ok(claimed.unwrap_or(Ok(())))
    }

    /// The later of two moments stays, so that the app and the CLI cannot shorten each other's wait; but one that lies further
    /// ahead than any block may was made by a clock that has been set back.
    fn block(&self, identity: &Identity, until: Timestamp) -> Result<(), StoreError> {
        self.run(Purpose::Write, |connection| {
            let sql = "INSERT INTO next_allowed (account, organization, at_ms) VALUES (?1, ?2, ?3)
                ON CONFLICT DO UPDATE SET at_ms =
                    CASE WHEN at_ms - excluded.at_ms >= ?4 THEN excluded.at_ms ELSE max(at_ms, excluded.at_ms) END";
            let (account, organization) = key(identity);
            connection.execute(sql, params![account, organization, until.ms(), THROTTLED_MAX_MS])
        })?;
        Ok(())
    }

    fn back_off(&self, identity: &Identity) -> Result<Option<BackOff>, StoreError> {
        let row = self.run(Purpose::Read, |connection| {
            let sql = "SELECT failures, until_ms FROM back_off WHERE account = ?1 AND organization = ?2";
            connection.query_row(sql, key(identity), |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })?;
        Ok(row.flatten().map(|(failures, until)| BackOff { failures, until: Timestamp::from_ms(until) }))
    }

    fn set_back_off(&self, identity: &Identity, back_off: Option<BackOff>) -> Result<(), StoreError> {
        let (account, organization) = key(identity);
        let purpose = if back_off.is_some() { Purpose::Write } else { Purpose::Read };
        self.run(purpose, |connection| match back_off {
            Some(BackOff { failures, until }) => {
                let sql = "INSERT INTO back_off (account, organization, failures, until_ms) VALUES (?1, ?2, ?3, ?4)
                    ON CONFLICT DO UPDATE SET failures = excluded.failures, until_ms = excluded.until_ms";
                connection.execute(sql, params![account, organization, failures, until.ms()])
            }
            None => {
                let sql = "DELETE FROM back_off WHERE account = ?1 AND organization = ?2";
                connection.execute(sql, params![account, organization])
            }
        })?;
        Ok(())
    }

    fn forget(&self, identity: &Identity) -> Result<(), StoreError> {
        if self.file_id()?.is_none() {
            return Ok(());
        }
        self.run(Purpose::Write, |connection| {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            samples::forget(&transaction, identity)?;
            for table in ["reading", "next_allowed", "back_off", "asked"] {
                let sql = format!("DELETE FROM {table} WHERE account = ?1 AND organization = ?2");
                transaction.execute(&sql, key(identity))?;
            }
            transaction.commit()
        })?;
        Ok(())
    }
}

/// The requests of the hour before `now`, and those that a clock which was set back has put into the future.
fn books(connection: &Connection, identity: &Identity, now: Timestamp) -> rusqlite::Result<Books> {
    let (account, organization) = key(identity);
    let mut statement = connection.prepare_cached(
        "SELECT at_ms FROM asked WHERE account = ?1 AND organization = ?2 AND at_ms > ?3 ORDER BY at_ms",
    )?;
    let asked = statement.query_map(params![account, organization, now.plus(-HOUR).ms()], |row| row.get(0))?;
    let asked = asked.map(|at| at.map(Timestamp::from_ms)).collect::<rusqlite::Result<_>>()?;
    let sql = "SELECT at_ms FROM next_allowed WHERE account = ?1 AND organization = ?2";
    let blocked_until = connection.query_row(sql, key(identity), |row| row.get(0)).optional()?;
    Ok(Books { asked, blocked_until: blocked_until.map(Timestamp::from_ms) })
}
