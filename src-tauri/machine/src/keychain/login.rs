//! Claude Code's login in the Keychain, as the flows see it. Owns compare-and-swap on one item and what makes running
//! sessions notice; leaves the tool to `command`, the item's name to `item`, and the locks of the refresh to whoever
//! hands in the proof.
//!
//! `.credentials.json` is never read here: beside a Keychain it is stale (`docs/claude-code.md` §A6), and its refresh
//! token may be spent.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use signalbox_core::document::{Digest, Document};
use signalbox_core::ports::{Clock, LiveLock, LiveLogin, Replaced, Stamp, StoreError};
use signalbox_core::time::{SECOND, Timestamp};

use super::command::Security;
use super::value::{self, Existing};
use super::{Attributes, Item};
use crate::data_folder::DataFolder;
use crate::durable;
use crate::locks::StorageLock;
use crate::locks::notes::Notes;
use crate::surroundings::Surroundings;

/// The Keychain counts whole seconds, so a date this young may stand for two different contents.
const SETTLED_AFTER: i64 = 2 * SECOND;

/// [`LiveLogin`] over the Keychain item of Claude Code.
pub struct KeychainLogin {
    security: Arc<Security>,
    item: Item,
    attributes: Box<dyn Attributes>,
    clock: Arc<dyn Clock>,
    storage_lock: PathBuf,
    notes: Notes,
    stale_file: PathBuf,
    /// How often this process wrote: tells apart two writes within one second.
    writes: AtomicU64,
    last: Mutex<Option<Spelling>>,
}

/// The same document as the caller gave it and as it was stored, on one line.
#[derive(Clone, Copy)]
struct Spelling {
    given: Digest,
    stored: Digest,
}

impl KeychainLogin {
    /// The item of these surroundings. `attributes` is the native query on macOS.
    pub fn new(
        security: Arc<Security>,
        surroundings: &Surroundings,
        attributes: Box<dyn Attributes>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            security,
            item: Item::of_claude_code(surroundings),
            attributes,
            clock,
            storage_lock: surroundings.storage_write_lock(),
            notes: Notes::new(&DataFolder::new(surroundings.data_folder())),
            stale_file: surroundings.credentials_file(),
            writes: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }

    /// Removes the item with everything in it. Only for one that Signalbox made: the live login is never removed.
    pub fn remove(&self) -> Result<(), StoreError> {
        self.security.delete(&self.item)
    }

    /// Whether the item still holds what the caller read. A document counts as the same in the form in which it was
    /// given to [`LiveLogin::replace`] and in the compact form in which it is stored.
    fn holds(&self, expected: Option<&Digest>) -> Result<bool, StoreError> {
        let (found, expected) = match (self.read()?, expected) {
            (Some(found), Some(expected)) => (found, *expected),
            (found, expected) => return Ok(found.is_none() && expected.is_none()),
        };
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = found.digest();
        let given = last.filter(|last| last.stored == stored).map(|last| last.given);
        Ok(stored == expected || given == Some(expected) || found.compact().digest() == expected)
    }

    /// Writes if `condition` holds, which is asked once more under the storage lock.
    fn write_if(
        &self,
        condition: impl Fn() -> Result<bool, StoreError>,
        new: &Document,
    ) -> Result<Replaced, StoreError> {
        let compact = new.compact();
        self.security.check_length(&self.item, compact.expose().as_bytes())?;
        // Asked before the storage lock is taken, too: if a dialog waits or somebody else wrote, Claude Code shall not
        // wait for us with a fresh pair in its hands.
        if !condition()? {
            return Ok(Replaced::Changed);
        }
        if let Some(folder) = self.storage_lock.parent() {
            durable::make_folder(folder)?;
        }
        // Held for three runs of the tool, some 100 ms. Should they be as slow as they may get without hanging, 11 s: still
        // less than the 15 s after which Claude Code takes the lock over (`docs/observed.md` §3).
        let storage = StorageLock::take(&self.storage_lock, &self.notes)?;
        if !condition()? {
            return Ok(Replaced::Changed);
        }
        self.write(&compact)?;
        drop(storage);
        let spelling = Spelling { given: new.digest(), stored: compact.digest() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(spelling);
        self.touch_stale_file();
        Ok(Replaced::Done)
    }

    fn write(&self, compact: &Document) -> Result<(), StoreError> {
        // Counted before the outcome is known: one write too many only costs a read.
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.security.store(&self.item, compact.expose().as_bytes(), Existing::Replace)?;
        match self.read()? {
            Some(found) if found.expose() == compact.expose() => Ok(()),
            _ => Err(StoreError::ReadBack { path: self.item.place() }),
        }
    }

    /// Where a `.credentials.json` lies beside the Keychain, Claude Code looks at *its* modification time to decide
    /// whether to read the Keychain again (`docs/claude-code.md` §E3). Its content is not touched.
    fn touch_stale_file(&self) {
        if !self.stale_file.is_file() {
            return;
        }
        let opened = std::fs::File::options().append(true).open(&self.stale_file);
        match opened.and_then(|file| file.set_modified(SystemTime::now())) {
            Ok(()) => {}
            // The swap is done and right; running sessions merely notice it later.
            Err(error) => tracing::warn!(%error, "the old .credentials.json could not be touched"),
        }
    }
}

impl LiveLogin for KeychainLogin {
    fn ask_again(&self) {
        self.security.reset();
    }

    fn read(&self) -> Result<Option<Document>, StoreError> {
        let Some(printed) = self.security.find(&self.item)? else {
            return Ok(None);
        };
        match value::document(printed) {
            Ok(document) => Ok(Some(document)),
            Err(why) => Err(StoreError::Malformed { path: self.item.place(), why }),
        }
    }

    /// Stored in its compact form, because a value with line breaks comes back as hex and has been corrupted by other
    /// readers (`docs/claude-code.md` §A4).
    fn replace(&self, _lock: &LiveLock, expected: Option<&Digest>, new: &Document) -> Result<Replaced, StoreError> {
        self.write_if(|| self.holds(expected), new)
    }

    fn replace_damaged(&self, _lock: &LiveLock, new: &Document) -> Result<(), StoreError> {
        let damaged = || match self.read() {
            Err(StoreError::Malformed { .. }) => Ok(true),
            // An absent item is not a damaged one: somebody signed out.
            Ok(_) => Ok(false),
            Err(error) => Err(error),
        };
        self.write_if(damaged, new).map(|_| ())
    }

    fn stamp(&self) -> Result<Stamp, StoreError> {
        let Some(modified) = self.attributes.modified(&self.item)? else {
            return Ok(Stamp("none".to_owned()));
        };
        let writes = self.writes.load(Ordering::Relaxed);
        // While the date's second may still be running, every look is a new stamp: a second change would keep the date.
        let now = self.clock.now();
        match date(&modified) {
            Some(at) if now.since(at).abs() < SETTLED_AFTER => {
                Ok(Stamp(format!("{modified}, {writes}, at {}", now.ms())))
            }
            _ => Ok(Stamp(format!("{modified}, {writes}"))),
        }
    }
}

/// A CoreFoundation date as it describes itself.
fn date(text: &str) -> Option<Timestamp> {
    let at = chrono::DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z").ok()?;
    Some(Timestamp::from_ms(at.timestamp_millis()))
}
