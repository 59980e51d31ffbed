//! The key of the vault where there is no Keychain: 32 random bytes in a file that only this user may read. Owns making it
//! once, keeping it in memory, and how a key is written down. Leaves encrypting to the core's `vault`, and the key on
//! macOS to `keychain`.

use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret as _, SecretBox};
use signalbox_core::ports::{Files as _, StoreError, VaultKey};
use zeroize::Zeroizing;

use crate::data_folder::DataFolder;
use crate::durable::{self, Links, PRIVATE_FILE};

/// 64 hex digits and a line end, with some room.
const KEY_FILE_BYTES_MAX: u64 = 128;

/// The file `vault.key`. The key is read at first use and kept in memory.
pub struct KeyFile {
    data: DataFolder,
    known: Mutex<Option<SecretBox<[u8; 32]>>>,
}

impl KeyFile {
    pub fn new(data: DataFolder) -> Self {
        Self { data, known: Mutex::new(None) }
    }

    fn read(&self) -> Result<Option<SecretBox<[u8; 32]>>, StoreError> {
        let path = self.data.key_file();
        let Some(bytes) = durable::read(&path, KEY_FILE_BYTES_MAX, Links::Refuse)? else { return Ok(None) };
        let bytes = Zeroizing::new(bytes);
        let why = || "it does not hold a key of 64 hexadecimal digits".to_owned();
        from_hex(bytes.trim_ascii_end()).map(Some).ok_or_else(|| StoreError::Unreadable { path, why: why() })
    }

    /// Makes the key. Of two processes that do so at once one wins, and the other uses its key.
    fn make(&self) -> Result<SecretBox<[u8; 32]>, StoreError> {
        let path = self.data.key_file();
        if !self.data.list()?.is_empty() {
            return Err(StoreError::KeyLost { path });
        }
        self.data.ensure()?;
        let key = random()?;
        if durable::create(&path, to_hex(&key).as_bytes(), PRIVATE_FILE)? {
            return Ok(key);
        }
        let gone = || StoreError::Unreadable { path: path.clone(), why: "it was there, and is gone".to_owned() };
        self.read()?.ok_or_else(gone)
    }
}

impl VaultKey for KeyFile {
    fn key(&self) -> Result<SecretBox<[u8; 32]>, StoreError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*known {
            return Ok(copy(key));
        }
        let key = match self.read()? {
            Some(key) => key,
            None => self.make()?,
        };
        Ok(copy(known.insert(key)))
    }
}

/// A new random key.
pub(crate) fn random() -> Result<SecretBox<[u8; 32]>, StoreError> {
    let mut outcome = Ok(());
    let key = SecretBox::init_with_mut(|bytes: &mut [u8; 32]| outcome = getrandom::fill(bytes));
    outcome.map(|()| key).map_err(|_| StoreError::NoEntropy)
}

/// A second box with the same key, for the caller who asked.
pub(crate) fn copy(key: &SecretBox<[u8; 32]>) -> SecretBox<[u8; 32]> {
    SecretBox::init_with_mut(|bytes: &mut [u8; 32]| bytes.copy_from_slice(key.expose_secret()))
}

/// The key as 64 lower-case hexadecimal digits.
pub(crate) fn to_hex(key: &SecretBox<[u8; 32]>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in key.expose_secret() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).expect("a digit below 16"));
        }
    }
    text
}

/// The key that 64 hexadecimal digits stand for.
pub(crate) fn from_hex(text: &[u8]) -> Option<SecretBox<[u8; 32]>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if text.len() != 64 || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    Some(SecretBox::init_with_mut(|bytes: &mut [u8; 32]| {
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0]).unwrap_or_default() << 4 | digit(pair[1]).unwrap_or_default();
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_core::ports::FileName;
    use signalbox_core::profile::Alias;
    use std::os::unix::fs::PermissionsExt as _;

    fn data() -> (tempfile::TempDir, DataFolder) {
        let home = tempfile::tempdir().expect("a folder");
        let data = DataFolder::new(home.path().join("signalbox"));
        (home, data)
    }

    fn bytes_of(data: &DataFolder) -> [u8; 32] {
        *KeyFile::new(data.clone()).key().expect("a key").expose_secret()
    }

    #[test]
    fn the_key_is_made_once_private_and_random() {
        let (_home, data) = data();
        let first = bytes_of(&data);
        assert_eq!(bytes_of(&data), first);
        assert_ne!(bytes_of(&self::data().1), first);
        let mode = data.key_file().metadata().expect("it exists").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }

    #[test]
    fn all_who_make_the_key_at_once_have_the_same() {
        let (_home, data) = data();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| bytes_of(&data))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_lost_key_is_not_replaced_while_logins_need_it() {
        let (_home, data) = data();
        let key = KeyFile::new(data.clone());
        let made = *key.key().expect("a key").expose_secret();
        data.write(&FileName::Cred(Alias::parse("work").expect("an alias")), b"sealed").expect("written");
        std::fs::remove_file(data.key_file()).expect("removed");
        let error = KeyFile::new(data.clone()).key().expect_err("the key is lost");
        assert_eq!(error, StoreError::KeyLost { path: data.key_file() });
        assert!(!data.key_file().exists());
        assert_eq!(*key.key().expect("in memory").expose_secret(), made);
    }

    #[test]
    fn a_damaged_key_is_an_error_and_stays() {
        let (_home, data) = data();
        data.ensure().expect("made");
        for text in ["", "abc", &"g".repeat(64), &"0".repeat(63), &"+0".repeat(32), &"0".repeat(4096)] {
            std::fs::write(data.key_file(), text).expect("written");
            assert!(KeyFile::new(data.clone()).key().is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(data.key_file()).expect("read"), text);
        }
    }

    #[test]
    fn hex_goes_there_and_back() {
        let key = random().expect("a key");
        let back = from_hex(to_hex(&key).as_bytes()).expect("a key");
        assert_eq!(back.expose_secret(), key.expose_secret());
        assert_eq!(to_hex(&key).len(), 64);
    }
}
