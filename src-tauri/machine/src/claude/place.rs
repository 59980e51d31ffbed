//! Where Claude Code keeps the login of a config folder: in the folder itself, or in a Keychain item named after it.
//! Owns reading back what a child stored, wherever it did, and removing what would outlive the folder. The formats are
//! those of the live login's adapters, which are used here for another folder.

use std::sync::Arc;

use signalbox_core::credential::{Fingerprint, Live};
use signalbox_core::document::Document;
use signalbox_core::ports::{Clock, LiveLogin, StoreError};

use crate::keychain::{Attributes, Item, KeychainLogin, Security};
use crate::live_file::LiveFile;
use crate::surroundings::Surroundings;

/// Where the login of a config folder lies.
pub trait Place: Send + Sync {
    /// The store that a Claude Code in these surroundings asks first.
    fn login(&self, inside: &Surroundings) -> Box<dyn LiveLogin>;
    /// What is stored now; `put_in` is the login that was put there at first, if any was.
    fn read(&self, inside: &Surroundings, put_in: Option<&Fingerprint>) -> Result<Option<Document>, StoreError>;
    /// Removes what does not lie in the folder.
    fn forget(&self, inside: &Surroundings) -> Result<(), StoreError>;
}

/// For those who share one.
impl<P: Place + ?Sized> Place for Arc<P> {
    fn login(&self, inside: &Surroundings) -> Box<dyn LiveLogin> {
        (**self).login(inside)
    }

    fn read(&self, inside: &Surroundings, put_in: Option<&Fingerprint>) -> Result<Option<Document>, StoreError> {
        (**self).read(inside, put_in)
    }

    fn forget(&self, inside: &Surroundings) -> Result<(), StoreError> {
        (**self).forget(inside)
    }
}

/// `.credentials.json` in the folder.
#[derive(Clone, Copy, Debug)]
pub struct InFiles;

impl Place for InFiles {
    fn login(&self, inside: &Surroundings) -> Box<dyn LiveLogin> {
        Box::new(LiveFile::new(inside))
    }

    fn read(&self, inside: &Surroundings, _put_in: Option<&Fingerprint>) -> Result<Option<Document>, StoreError> {
        LiveFile::new(inside).read()
    }

    fn forget(&self, _inside: &Surroundings) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The Keychain item whose name has the hash of the folder behind it.
pub struct InKeychain {
    security: Arc<Security>,
    clock: Arc<dyn Clock>,
}

impl InKeychain {
    /// `security`: the tool that the live login is asked through, so that they share one breaker.
    pub fn new(security: Arc<Security>, clock: Arc<dyn Clock>) -> Self {
        Self { security, clock }
    }

    fn item(&self, inside: &Surroundings) -> KeychainLogin {
        KeychainLogin::new(Arc::clone(&self.security), inside, Box::new(Unasked), Arc::clone(&self.clock))
    }
}

impl Place for InKeychain {
    fn login(&self, inside: &Surroundings) -> Box<dyn LiveLogin> {
        Box::new(self.item(inside))
    }

    /// Where Claude Code cannot write to the Keychain, it may use `.credentials.json` instead (`docs/claude-code.md`
    /// §A6). There was none in the folder, so one that is there now was written by the child, and it is the newer where
    /// the item still holds what was put in.
    fn read(&self, inside: &Surroundings, put_in: Option<&Fingerprint>) -> Result<Option<Document>, StoreError> {
        let item = self.item(inside).read()?;
        let unchanged = match item.as_ref().map(Live::parse) {
            Some(Ok(Live::Login(login))) => Some(&login.fingerprint()) == put_in,
            Some(_) => false,
            None => true,
        };
        if unchanged && let Some(file) = LiveFile::new(inside).read()? {
            return Ok(Some(file));
        }
        Ok(item)
    }

    fn forget(&self, inside: &Surroundings) -> Result<(), StoreError> {
        self.item(inside).remove()
    }
}

/// Nobody watches the item of a folder, so nobody asks when it was changed.
struct Unasked;

impl Attributes for Unasked {
    fn modified(&self, _item: &Item) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
}
