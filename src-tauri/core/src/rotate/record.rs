//! The note of the sign-in that is under way, `rotation.json`: what outlives a crash or a closed window. Owns its form; it holds no
//! secret. One at a time: a person signs in to one account after the other.

use serde::{Deserialize, Serialize};

use crate::credential::Fingerprint;
use crate::envelope;
use crate::flow::FlowError;
use crate::identity::{Account, Identity};
use crate::ports::{FileName, Ports, StoreError};
use crate::profile::Alias;
use crate::signin::SigninId;
use crate::time::Timestamp;

use super::Way;

/// A sign-in that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub version: u32,
    /// The attempt of the isolated way.
    pub id: SigninId,
    pub alias: Alias,
    /// Who has to sign in; `None` for a new profile.
    pub expects: Option<Expected>,
    pub way: Way,
    pub begun_at: Timestamp,
    /// Nobody asked for it.
    #[serde(default)]
    pub unasked: bool,
    /// The login that the classic way set aside, if there was one.
    #[serde(default)]
    pub frozen: Option<Frozen>,
}

/// The account of the profile that is to be renewed. A rename does not change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Expected {
    #[serde(flatten)]
    pub identity: Identity,
    pub email: String,
}

impl Expected {
    pub(super) fn of(account: &Account) -> Self {
        Self { identity: account.identity.clone(), email: account.email.clone() }
    }
}

/// The live login that was set aside. It is saved as its profile's newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Frozen {
    #[serde(flatten)]
    pub identity: Identity,
    pub fingerprint: Fingerprint,
}

impl Record {
    pub(super) fn new(ports: &Ports, alias: &Alias, expects: Option<Expected>, way: Way) -> Result<Self, FlowError> {
        let (id, begun_at) = (SigninId::new(ports)?, ports.clock.now());
        let (version, unasked, frozen) = (envelope::VERSION, false, None);
        Ok(Self { version, id, alias: alias.clone(), expects, way, begun_at, unasked, frozen })
    }
}

/// The sign-in that is under way. A note that makes no sense counts as none: what it was about is over, or shows by itself.
pub(super) fn load(ports: &Ports) -> Result<Option<Record>, StoreError> {
    let Some(bytes) = ports.files.read(&FileName::Rotation)? else { return Ok(None) };
    if envelope::version(&bytes).is_some_and(|version| version > u64::from(envelope::VERSION)) {
        return Err(StoreError::FromTheFuture { path: ports.files.place(&FileName::Rotation) });
    }
    Ok(serde_json::from_slice(&bytes).ok())
}

pub(super) fn write(ports: &Ports, record: &Record) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(record).expect("plain text and numbers");
    ports.files.write(&FileName::Rotation, &bytes)
}

pub(super) fn remove(ports: &Ports) -> Result<(), StoreError> {
    ports.files.remove(&FileName::Rotation)
}
