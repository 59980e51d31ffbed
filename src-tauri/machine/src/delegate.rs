//! The delegated engine: the unmodified Claude Code renews a parked login in a config folder of its own
//! (`docs/observed.md` §7, §12, §14). Owns the folders, `delegated/<fingerprint>`: what is put into one, what is read
//! out of it, when it may go. Leaves the child to `delegate/child`, where the login lies on this platform and
//! which program that is to `claude`, and what a result means to the core.
//!
//! **From the moment the child may have asked the server, its folder may hold the only copy of the login.** So nothing
//! here ends a child, writes over a folder that exists, or removes one whose child may be at work; and a folder goes in
//! one step (a rename), so that a crash leaves a whole one or none. Nobody else is told of a folder, and whoever runs a
//! child holds our own lock, so two of us never share one.

mod child;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use signalbox_core::account_cache::AccountBlock;
use signalbox_core::credential::Fingerprint;
use signalbox_core::document::Document;
use signalbox_core::ports::{Delegate, DelegateError, Delegated, Locks as _, OwnLock, Replaced, StoreError};
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Reading, Usage};

use crate::account_cache::ACCOUNT_BYTES_MAX;
use crate::claude::{environment, folder, program, running};
use crate::data_folder::{self, DataFolder};
use crate::durable::{self, Links, Mtime, PRIVATE_FILE, PRIVATE_FOLDER};
use crate::locks::{MachineLocks, Patience};
use crate::surroundings::Surroundings;
use child::{Ended, Job};

pub use crate::claude::place::{InFiles, InKeychain, Place};

/// A child is waited for this long, then left to itself. It takes a second; a slow server or a lock that Claude Code
/// left behind makes it half a minute (`docs/observed.md` §3).
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Claude Code as an engine.
pub struct ClaudeCode {
    surroundings: Surroundings,
    data: DataFolder,
    place: Box<dyn Place>,
    program: Option<PathBuf>,
    patience: Duration,
    /// Runs whose end this process has seen: they are over whatever their record says, or although there is none.
    over: Mutex<HashSet<String>>,
}

impl ClaudeCode {
    /// `program`: the `claude` of the settings; without one it is looked for.
    pub fn new(
        surroundings: &Surroundings,
        data: &DataFolder,
        place: Box<dyn Place>,
        program: Option<PathBuf>,
    ) -> Self {
        Self {
            surroundings: surroundings.clone(),
            data: data.clone(),
            place,
            program,
            patience: PATIENCE,
            over: Mutex::default(),
        }
    }

    /// As it is, but waiting no longer than this for a child. For tests.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn folder(&self, key: &Fingerprint) -> PathBuf {
        self.data.delegated_folder().join(key.to_string())
    }

    /// Whether there is such a folder; an error if it is a link or somebody else's.
    fn has(&self, key: &Fingerprint) -> Result<bool, StoreError> {
        Ok(self.data.is_there()?
            && data_folder::check(&self.data.delegated_folder())?
            && data_folder::check(&self.folder(key))?)
    }

    fn inside(&self, folder: &Path) -> Result<Surroundings, StoreError> {
        environment::inside(&self.surroundings, folder)
    }

    /// A folder of that name must not exist: it could hold a login that nobody else has.
    fn make_folder(&self, key: &Fingerprint) -> Result<PathBuf, DelegateError> {
        self.data.ensure()?;
        data_folder::ensure(&self.data.delegated_folder())?;
        let folder = self.folder(key);
        match DirBuilder::new().mode(PRIVATE_FOLDER).create(&folder) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !durable::is_link(&folder) => {
                return Err(DelegateError::StillRunning);
            }
            Err(error) => return Err(durable::write_error(&folder, &error).into()),
        }
        data_folder::check(&folder)?;
        Ok(folder)
    }

    /// Puts the login and its block where Claude Code looks for them.
    fn furnish(
        &self,
        inside: &Surroundings,
        login: &Document,
        block: Option<&AccountBlock>,
    ) -> Result<(), DelegateError> {
        if let Some(block) = block {
            // With a complete block the refresh needs no profile call, so that the new pair is stored sooner.
            let path = inside.account_file();
            let state = block.install_into(&Document::empty());
            let state = state.map_err(|why| StoreError::Malformed { path: path.clone(), why })?;
            durable::replace(&path, state.expose().as_bytes(), PRIVATE_FILE, Mtime::Any)?;
        }
        // The folder's own locks, which are free. Our own lock is the caller's already, and asking for it again would
        // wait for ever.
        let locks = MachineLocks::new(inside, Patience::default());
        let lock = locks.live(&OwnLock::held(Box::new(()))).map_err(|error| {
            let why = error.to_string();
            StoreError::Unwritable { path: inside.credential_dir(), why }
        })?;
        match self.place.login(inside).replace(&lock, None, login)? {
            Replaced::Done => Ok(()),
            // A Keychain item of a folder that was removed by hand. It may hold the pair that this login bought, so it
            // is left where the core collects it.
            Replaced::Changed => Err(DelegateError::StillRunning),
        }
    }

    fn is_over(&self, key: &Fingerprint) -> bool {
        self.over.lock().unwrap_or_else(PoisonError::into_inner).contains(&key.to_string())
    }

    fn is_running(&self, key: &Fingerprint) -> bool {
        !self.is_over(key) && running::is_running(&self.folder(key))
    }

    fn remove(&self, key: &Fingerprint, inside: &Surroundings) -> Result<(), StoreError> {
        folder::remove(&self.folder(key), inside, &*self.place)?;
        self.over.lock().unwrap_or_else(PoisonError::into_inner).remove(&key.to_string());
        Ok(())
    }
}

impl Delegate for ClaudeCode {
    fn run(&self, key: &Fingerprint, login: &Document, block: Option<&AccountBlock>) -> Result<(), DelegateError> {
        let program = program::find(self.program.as_deref(), &self.surroundings);
        let program = program.ok_or(DelegateError::NotInstalled)?;
        let folder = self.make_folder(key)?;
        let inside = self.inside(&folder)?;
        let search_path = self.surroundings.search_path.clone();
        let job = Job { program, folder: inside.config_dir(), search_path };
        match self.furnish(&inside, login, block).and_then(|()| job.run(self.patience)) {
            Ok(Ended::Yes) => {
                self.over.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_string());
                Ok(())
            }
            Ok(Ended::NotYet) | Err(DelegateError::StillRunning) => Err(DelegateError::StillRunning),
            // There was no child, so what lies there is what its caller has.
            Err(error) => {
                if let Err(error) = self.remove(key, &inside) {
                    tracing::warn!(%error, "a folder of the delegated engine stays behind");
                }
                Err(error)
            }
        }
    }

    fn runs(&self) -> Result<Vec<Delegated>, StoreError> {
        if !self.data.is_there()? {
            return Ok(Vec::new());
        }
        let keys = folder::list(&self.data.delegated_folder(), Fingerprint::from_hex)?;
        let run = |key| Delegated { running: self.is_running(&key), key };
        Ok(keys.into_iter().map(run).collect())
    }

    fn stored(&self, key: &Fingerprint) -> Result<Option<Document>, StoreError> {
        if !self.has(key)? {
            return Ok(None);
        }
        self.place.read(&self.inside(&self.folder(key))?, Some(key))
    }

    fn usage(&self, key: &Fingerprint) -> Option<(String, Reading)> {
        if !self.has(key).ok()? {
            return None;
        }
        let path = self.inside(&self.folder(key)).ok()?.account_file();
        let bytes = durable::read(&path, ACCOUNT_BYTES_MAX, Links::Refuse).ok()??;
        let state: Value = serde_json::from_slice(&bytes).ok()?;
        let cached = state.get("cachedUsageUtilization")?;
        let account = cached.get("accountUuid")?.as_str()?.to_owned();
        let read_at = Timestamp::from_ms(cached.get("fetchedAtMs")?.as_i64()?);
        Some((account, Reading::answered(Usage::parse(cached.get("utilization")?)?, read_at)))
    }

    fn discard(&self, key: &Fingerprint) -> Result<(), StoreError> {
        if !self.has(key)? {
            return Ok(());
        }
        let folder = self.folder(key);
        if self.is_running(key) {
            let why = "Claude Code may still be at work there".to_owned();
            return Err(StoreError::Unwritable { path: folder, why });
        }
        self.remove(key, &self.inside(&folder)?)
    }
}
