//! What a half-done switch looks like on disk. Owns the one journal entry: written before the live login is touched,
//! removed after the switch is settled. It holds the encrypted document that was replaced, so that even a torn store can
//! be put back with all its siblings. Leaves what to do with an entry to `recover`.

use serde::{Deserialize, Serialize};

use crate::credential::Fingerprint;
use crate::document::Document;
use crate::envelope;
use crate::ports::{FileName, Ports, StoreError};
use crate::profile::Alias;
use crate::time::Timestamp;
use crate::vault;

/// A switch that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    version: u32,
    pub from: Option<Alias>,
    pub to: Alias,
    /// The login that was live; `None` for a husk or an empty store.
    pub outgoing: Option<Fingerprint>,
    /// The login that takes its place.
    pub incoming: Fingerprint,
    pub begun_at: Timestamp,
    /// Whether there was a document at all.
    pub had_document: bool,
}

/// A switch that was found half done.
pub struct Unfinished {
    pub entry: Entry,
    /// The whole document that stood in the live store; `None` when the store did not exist.
    pub replaced: Option<Document>,
}

/// Writes the entry of a switch from one login to another; from here on a crash is recoverable. `replaced` is the whole
/// document that is about to be replaced, if there is one.
pub fn begin(
    ports: &Ports,
    (from, outgoing): (Option<Alias>, Option<Fingerprint>),
    (to, incoming): (Alias, Fingerprint),
    replaced: Option<&Document>,
) -> Result<(), StoreError> {
    let (begun_at, had_document) = (ports.clock.now(), replaced.is_some());
    let entry = Entry { version: envelope::VERSION, from, to, outgoing, incoming, begun_at, had_document };
    let empty = Document::empty();
    let bytes = envelope::seal(ports, &entry, replaced.unwrap_or(&empty))?;
    ports.files.write(&FileName::Journal, &bytes)
}

/// Removes the entry: the switch is settled.
pub fn close(ports: &Ports) -> Result<(), StoreError> {
    ports.files.remove(&FileName::Journal)
}

/// Moves a journal that cannot be opened out of the way.
pub fn put_aside(ports: &Ports) -> Result<(), StoreError> {
    if let Some(bytes) = ports.files.read(&FileName::Journal)? {
        vault::put_aside_unopened(ports, &bytes)?;
    }
    close(ports)
}

/// The entry of a switch that was not settled. A journal that cannot be opened counts as one of which nothing is known.
pub fn unfinished(ports: &Ports) -> Result<Option<Result<Unfinished, envelope::EnvelopeError>>, StoreError> {
    let Some(bytes) = ports.files.read(&FileName::Journal)? else { return Ok(None) };
    let opened = envelope::open::<Entry>(&ports.key.key()?, &bytes);
    Ok(Some(opened.map(|(entry, document)| Unfinished { replaced: entry.had_document.then_some(document), entry })))
}
