//! What was tried of bootstraps, `bootstrap.json`: it outlives a restart, and tells other programs what is looked after. Owns its form;
//! it holds no secret. Leaves what follows from it to the parent.

use serde::{Deserialize, Serialize};

use crate::ports::{FileName, Ports, StoreError};
use crate::profile::{Profile, Roster};
use crate::time::{DAY, Timestamp};

/// A mark that moved by less is the same one. A new sign-in moves it by weeks.
const SAME_MARK_MS: i64 = DAY;

/// Everything that was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    entries: Vec<Tried>,
}

/// What was tried for one login that is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// Whose: the profile's id.
    of: String,
    /// The deadline of the login that is due.
    mark: Timestamp,
    /// How many attempts in a row brought nothing.
    pub failures: u32,
    /// When it is looked after next.
    pub next: Timestamp,
    /// Since when it is left to the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_at: Option<Timestamp>,
    /// The window held no session of this account any more.
    #[serde(default)]
    pub signed_out: bool,
    /// What is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

/// A sign-in that was begun by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Which one: when it began.
    pub begun_at: Timestamp,
    pub shown: Shown,
    /// When the server is asked again whose the login is that it brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_at: Option<Timestamp>,
}

/// What became of its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    NotYet,
    /// A window in which Signalbox presses. It does not outlive us.
    Pressing,
    /// It was opened in an ordinary window, or pressed already.
    Open,
}

impl Book {
    /// One that makes no sense counts as empty: it costs an attempt or two.
    pub fn load(ports: &Ports) -> Result<Self, StoreError> {
        let bytes = ports.files.read(&FileName::Bootstrap)?.unwrap_or_default();
        // One by one, so that what another version wrote leaves the rest as it is.
        let entries: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Self { entries: entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect() })
    }

    /// Writes it down without those that are no profiles any more; an empty one is removed.
    pub(super) fn save(&mut self, ports: &Ports, roster: &Roster) -> Result<(), StoreError> {
        self.entries.retain(|entry| roster.profiles().iter().any(|profile| profile.id() == entry.of));
        if self.entries.is_empty() {
            return ports.files.remove(&FileName::Bootstrap);
        }
        let bytes = serde_json::to_vec(&self.entries).expect("plain data has a JSON form");
        ports.files.write(&FileName::Bootstrap, &bytes)
    }

    /// What was tried for the login of this profile that is due now.
    pub fn of(&self, profile: &Profile, mark: Timestamp) -> Option<&Tried> {
        let id = profile.id();
        self.entries.iter().find(|entry| entry.of == id && entry.mark.since(mark).abs() < SAME_MARK_MS)
    }

    /// The same, begun anew where there is none.
    pub(super) fn entry(&mut self, profile: &Profile, mark: Timestamp, now: Timestamp) -> &mut Tried {
        let id = profile.id();
        if self.of(profile, mark).is_none() {
            self.remove(profile);
            let (of, next) = (id.clone(), now);
            let (failures, stalled_at, signed_out, attempt) = (0, None, false, None);
            self.entries.push(Tried { of, mark, failures, next, stalled_at, signed_out, attempt });
        }
        self.entries.iter_mut().find(|entry| entry.of == id).expect("it is there now")
    }

    pub(super) fn remove(&mut self, profile: &Profile) -> bool {
        let (id, before) = (profile.id(), self.entries.len());
        self.entries.retain(|entry| entry.of != id);
        self.entries.len() != before
    }
}

/// The profile was signed in, by whomever: the next time begins anew.
pub(crate) fn forget(ports: &Ports, roster: &Roster, profile: &Profile) -> Result<(), StoreError> {
    let mut book = Book::load(ports)?;
    if book.remove(profile) { book.save(ports, roster) } else { Ok(()) }
}
