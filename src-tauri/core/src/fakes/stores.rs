//! The pretended stores: Claude Code's credential store and `.claude.json`, our own files and the vault key.

use std::path::PathBuf;

use secrecy::SecretBox;

use crate::document::{Digest, Document};
use crate::ports::{AccountCache, FileName, Files, LiveLock, LiveLogin, Replaced, Stamp, StoreError, VaultKey};

use super::World;

pub(super) fn unreadable() -> StoreError {
    StoreError::Unreadable { path: PathBuf::from("(memory)"), why: "a planned fault".to_owned() }
}

pub(super) fn unwritable() -> StoreError {
    StoreError::Unwritable { path: PathBuf::from("(memory)"), why: "a planned fault".to_owned() }
}

fn parse(text: Option<&String>) -> Result<Option<Document>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    let malformed = |why| StoreError::Malformed { path: PathBuf::from("(memory)"), why };
    Document::from_text(text.clone()).map(Some).map_err(malformed)
}

/// Replaces `slot` if it still is what the caller read. A torn write leaves half of the text.
fn swap(
    slot: &mut Option<String>,
    expected: Option<&Digest>,
    new: &Document,
    torn: bool,
) -> Result<Replaced, StoreError> {
    let found = parse(slot.as_ref())?.map(|document| document.digest());
    if found.as_ref() != expected {
        return Ok(Replaced::Changed);
    }
    let text = new.expose();
    *slot = Some(if torn { text[..text.len() / 2].to_owned() } else { text.to_owned() });
    Ok(Replaced::Done)
}

impl LiveLogin for World {
    fn read(&self) -> Result<Option<Document>, StoreError> {
        self.step("live.read", unreadable, |state, _| parse(state.live.as_ref()))
    }

    fn replace(&self, _lock: &LiveLock, expected: Option<&Digest>, new: &Document) -> Result<Replaced, StoreError> {
        self.step("live.replace", unwritable, |state, torn| {
            assert!(state.claude_lock.is_some(), "the live login was touched without Claude Code's lock");
            let replaced = swap(&mut state.live, expected, new, torn)?;
            if replaced == Replaced::Done {
                state.live_version += 1;
            }
            Ok(replaced)
        })
    }

    fn replace_damaged(&self, _lock: &LiveLock, new: &Document) -> Result<(), StoreError> {
        self.step("live.replace_damaged", unwritable, |state, torn| {
            assert!(state.claude_lock.is_some(), "the live login was touched without Claude Code's lock");
            // A store that is gone is not damaged: somebody signed out.
            if parse(state.live.as_ref()).is_ok() {
                return Ok(());
            }
            let text = new.expose();
            state.live = Some(if torn { text[..text.len() / 2].to_owned() } else { text.to_owned() });
            state.live_version += 1;
            Ok(())
        })
    }

    fn stamp(&self) -> Result<Stamp, StoreError> {
        let state = self.lock();
        Ok(Stamp(match state.live {
            Some(_) => state.live_version.to_string(),
            None => "absent".to_owned(),
        }))
    }
}

impl AccountCache for World {
    fn read(&self) -> Result<Option<Document>, StoreError> {
        self.step("account_cache.read", unreadable, |state, _| parse(state.cache.as_ref()))
    }

    fn replace(&self, _lock: &LiveLock, expected: &Digest, new: &Document) -> Result<Replaced, StoreError> {
        self.step("account_cache.replace", unwritable, |state, torn| {
            // It may have been taken over while the machine slept, which costs nothing here.
            assert!(state.live_locked, "`oauthAccount` was touched without Claude Code's lock");
            if torn || state.cache.is_none() {
                return Ok(Replaced::Changed);
            }
            swap(&mut state.cache, Some(expected), new, false)
        })
    }
}

impl Files for World {
    fn read(&self, name: &FileName) -> Result<Option<Vec<u8>>, StoreError> {
        self.step("files.read", unreadable, |state, _| Ok(state.files.get(&stored(name)).cloned()))
    }

    fn write(&self, name: &FileName, bytes: &[u8]) -> Result<(), StoreError> {
        self.step("files.write", unwritable, |state, torn| {
            if matches!(name, FileName::Held(hash) if !is_hash(hash)) {
                return Err(unwritable());
            }
            // Atomic: a torn write leaves a temporary file, and nobody reads that.
            if !torn {
                state.files.insert(stored(name), bytes.to_vec());
            }
            Ok(())
        })
    }

    fn remove(&self, name: &FileName) -> Result<(), StoreError> {
        self.step("files.remove", unwritable, |state, _| {
            state.files.remove(&stored(name));
            Ok(())
        })
    }

    fn place(&self, name: &FileName) -> PathBuf {
        PathBuf::from(format!("(memory)/{name:?}"))
    }

    fn list(&self) -> Result<Vec<FileName>, StoreError> {
        self.step("files.list", unreadable, |state, _| {
            let listed =
                |name: &&FileName| matches!(name, FileName::Cred(_) | FileName::Generation(..) | FileName::Held(_));
            // In order, so that the same story makes the same calls.
            let mut names: Vec<FileName> = state.files.keys().filter(listed).cloned().collect();
            names.sort();
            Ok(names)
        })
    }
}

/// What may name a held file in the data folder.
fn is_hash(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Files are named in lower case, as in the data folder.
fn stored(name: &FileName) -> FileName {
    match name {
        FileName::Cred(alias) => FileName::Cred(alias.lower_case()),
        FileName::Generation(alias, number) => FileName::Generation(alias.lower_case(), *number),
        other => other.clone(),
    }
}

impl VaultKey for World {
    fn key(&self) -> Result<SecretBox<[u8; 32]>, StoreError> {
        self.step("key.key", unreadable, |_, _| Ok(SecretBox::new(Box::new([7; 32]))))
    }
}
