//! The composition root: turns [`Surroundings`] into [`Ports`] for this platform. Owns which adapter stands behind which
//! port. Nothing is opened, asked or made here but the settings read: what an adapter needs, it fetches when it is first
//! called, so that a command which needs little costs little.

use signalbox_core::ports::{LiveLogin, Ports, VaultKey};

use crate::account_cache::AccountFile;
use crate::clock::SystemClock;
use crate::data_folder::DataFolder;
use crate::entropy::SystemEntropy;
use crate::locks::{MachineLocks, Patience};
use crate::provider::HttpProvider;
use crate::readings::Database;
use crate::settings::{Settings, SettingsError};
use crate::surroundings::Surroundings;

/// Why there are no ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The adapters of this machine, with the settings as they are now.
pub fn ports(surroundings: &Surroundings) -> Result<Ports, AssembleError> {
    let settings = Settings::load(surroundings)?;
    Ok(with_settings(surroundings, settings))
}

/// The adapters of this machine, for a caller that has read the settings already.
pub fn with_settings(surroundings: &Surroundings, settings: Settings) -> Ports {
    let data = DataFolder::new(surroundings.data_folder());
    let provider = HttpProvider::new(settings.endpoints);
    let provider = match &surroundings.oauth_client_id {
        Some(id) => provider.with_client_id(id.clone()),
        None => provider,
    };
    let (live, key) = stores(surroundings, &data);
    Ports {
        live,
        account_cache: Box::new(AccountFile::new(surroundings)),
        files: Box::new(data),
        key,
        provider: Box::new(provider),
        locks: Box::new(MachineLocks::new(surroundings, Patience::default())),
        clock: Box::new(SystemClock),
        entropy: Box::new(SystemEntropy),
        readings: Box::new(Database::new(&surroundings.data_folder())),
    }
}

/// The login and our key lie in the Keychain. Both are asked through one `security` tool, so that their calls wait for
/// one another and share one breaker.
#[cfg(target_os = "macos")]
fn stores(surroundings: &Surroundings, data: &DataFolder) -> (Box<dyn LiveLogin>, Box<dyn VaultKey>) {
    use std::sync::Arc;

    use crate::keychain::{KeychainKey, KeychainLogin, NativeAttributes, Security};

    let clock = Arc::new(SystemClock);
    let security = Arc::new(Security::system(clock.clone()));
    let key = KeychainKey::new(Arc::clone(&security), surroundings, data.clone());
    let live = KeychainLogin::new(security, surroundings, Box::new(NativeAttributes::quiet()), clock);
    (Box::new(live), Box::new(key))
}

/// The login and our key lie in files.
#[cfg(not(target_os = "macos"))]
fn stores(surroundings: &Surroundings, data: &DataFolder) -> (Box<dyn LiveLogin>, Box<dyn VaultKey>) {
    use crate::live_file::LiveFile;
    use crate::vault_key::KeyFile;

    (Box::new(LiveFile::new(surroundings)), Box::new(KeyFile::new(data.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn assembling_is_quick_and_leaves_no_trace() {
        let home = tempfile::tempdir().expect("a folder");
        let data_dir = Some(home.path().join("data").into_os_string());
        let surroundings = Surroundings { data_dir, ..Surroundings::at_home(home.path()) };
        let started = Instant::now();
        let ports = ports(&surroundings).expect("ports");
        assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
        assert_eq!(ports.files.list(), Ok(Vec::new()));
        assert_eq!(std::fs::read_dir(home.path()).expect("read").count(), 0);
    }

    #[test]
    fn an_address_elsewhere_stops_the_assembly() {
        let home = tempfile::tempdir().expect("a folder");
        let api_base = Some("http://127.0.0.1@evil.example".into());
        let surroundings = Surroundings { api_base, ..Surroundings::at_home(home.path()) };
        let error = ports(&surroundings).err().expect("refused");
        assert!(error.to_string().starts_with("SIGNALBOX_API_BASE may only name a server on this machine"), "{error}");
    }
}
