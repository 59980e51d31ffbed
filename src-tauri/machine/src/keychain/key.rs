//! The key of the vault where there is a Keychain. Owns making it once and keeping it in memory; leaves the item to
//! `secret`, and how a key is written down to `vault_key`.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use signalbox_core::ports::{Files as _, StoreError, VaultKey};

use super::{Item, KeychainSecret, Security, account_of};
use crate::data_folder::DataFolder;
use crate::surroundings::Surroundings;
use crate::vault_key;

/// Our own item, beside Claude Code's and through the same tool (`docs/macos.md` §3.4).
const SERVICE: &str = "dev.signalbox.app.vault-key";

/// The vault's key as a Keychain item. It is read at first use and kept in memory.
pub struct KeychainKey {
    secret: KeychainSecret,
    place: std::path::PathBuf,
    data: DataFolder,
    known: Mutex<Option<SecretBox<[u8; 32]>>>,
}

impl KeychainKey {
    pub fn new(security: Arc<Security>, surroundings: &Surroundings, data: DataFolder) -> Self {
        let item = Item::new(SERVICE, account_of(surroundings));
        let place = item.place();
        Self { secret: KeychainSecret::new(security, item), place, data, known: Mutex::new(None) }
    }

    fn make(&self) -> Result<SecretString, StoreError> {
        if !self.data.list()?.is_empty() {
            return Err(StoreError::KeyLost { path: self.place.clone() });
        }
        let digits = vault_key::to_hex(&vault_key::random()?);
        self.secret.create(&SecretString::from(digits.as_str()))
    }
}

impl VaultKey for KeychainKey {
    fn key(&self) -> Result<SecretBox<[u8; 32]>, StoreError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*known {
            return Ok(vault_key::copy(key));
        }
        let digits = match self.secret.read()? {
            Some(digits) => digits,
            None => self.make()?,
        };
        let why = || "it does not hold a key of 64 hexadecimal digits".to_owned();
        let key = vault_key::from_hex(digits.expose_secret().as_bytes())
            .ok_or_else(|| StoreError::Unreadable { path: self.place.clone(), why: why() })?;
        Ok(vault_key::copy(known.insert(key)))
    }
}
