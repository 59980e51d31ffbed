//! A secret of our own in the Keychain: the key of the vault. Owns that it is made once and never overwritten; leaves
//! the making and the meaning of the key to `vault_key`.
//!
//! It goes through the same tool as the login, so that the app, the CLI and every later build read it without a dialog
//! (`docs/macos.md` §3.4).

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use signalbox_core::document::Malformed;
use signalbox_core::ports::StoreError;
use zeroize::Zeroizing;

use super::Item;
use super::command::{Security, Stored};
use super::value::Existing;

/// How many hex digits 32 bytes are.
const DIGITS: usize = 64;

/// An item that holds 32 bytes as 64 hex digits.
pub struct KeychainSecret {
    security: Arc<Security>,
    item: Item,
}

impl KeychainSecret {
    pub fn new(security: Arc<Security>, item: Item) -> Self {
        Self { security, item }
    }

    /// The 64 hex digits; `Ok(None)` only when the Keychain says that there is no such item.
    pub fn read(&self) -> Result<Option<SecretString>, StoreError> {
        self.security.find(&self.item)?.map(|value| self.digits(&value)).transpose()
    }

    /// Stores `digits` unless there is a secret already, and gives what the Keychain holds afterwards: these, or those
    /// of a second copy of Signalbox that came first.
    pub fn create(&self, digits: &SecretString) -> Result<SecretString, StoreError> {
        let stored = self.security.store(&self.item, digits.expose_secret().as_bytes(), Existing::Keep)?;
        let found = self.read()?.ok_or_else(|| StoreError::ReadBack { path: self.item.place() })?;
        if stored == Stored::Done && found.expose_secret() != digits.expose_secret() {
            return Err(StoreError::ReadBack { path: self.item.place() });
        }
        Ok(found)
    }

    fn digits(&self, value: &Zeroizing<Vec<u8>>) -> Result<SecretString, StoreError> {
        match std::str::from_utf8(value) {
            Ok(text) if text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(SecretString::from(text.to_owned()))
            }
            _ => Err(StoreError::Malformed { path: self.item.place(), why: Malformed::WrongType("key") }),
        }
    }
}
