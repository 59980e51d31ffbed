//! The composition root: turns [`Surroundings`] into [`Ports`] for this platform. Owns which adapter stands behind
//! which port. Nothing is opened, asked or made here but the settings read: what an adapter needs, it fetches when it
//! is first called, so that a command which needs little costs little.

use std::sync::Arc;

use signalbox_core::ports::{LiveLogin, Ports, VaultKey};

use crate::account_cache::AccountFile;
use crate::browser::windows::ProfileWindows;
use crate::clock::SystemClock;
use crate::data_folder::DataFolder;
use crate::database::Database;
use crate::delegate::{ClaudeCode, Place};
use crate::entropy::SystemEntropy;
use crate::feed::FeedFolder;
use crate::history::EventLog;
use crate::locks::{MachineLocks, Patience};
use crate::provider::HttpProvider;
use crate::sessions::ClaudeSessions;
use crate::settings::{Settings, SettingsError, SettingsFile};
use crate::signin::ClaudeSignin;
use crate::surroundings::Surroundings;

/// Why there are no ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The adapters of this machine, with the settings as they are now.
///
/// `by`: the program that they are for, as `events.jsonl` names it: "app", "cli" or "watch".
pub fn ports(surroundings: &Surroundings, by: &'static str) -> Result<Ports, AssembleError> {
    let settings = Settings::load(surroundings)?;
    Ok(with_settings(surroundings, settings, by))
}

/// The adapters of this machine, for a caller that has read the settings already.
pub fn with_settings(surroundings: &Surroundings, settings: Settings, by: &'static str) -> Ports {
    let data = DataFolder::new(surroundings.data_folder());
    let engine = settings.engine;
    let provider = HttpProvider::new(settings.endpoints);
    let provider = match &surroundings.oauth_client_id {
        Some(id) => provider.with_client_id(id.clone()),
        None => provider,
    };
    let database = Database::new(&surroundings.data_folder());
    let (live, key, place) = stores(surroundings, &data);
    let place: Arc<dyn Place> = Arc::from(place);
    let signin = ClaudeSignin::new(surroundings, &data, Arc::clone(&place), settings.claude_program.clone());
    let delegate = ClaudeCode::new(surroundings, &data, Box::new(place), settings.claude_program);
    Ports {
        live,
        account_cache: Box::new(AccountFile::new(surroundings)),
        sessions: Box::new(ClaudeSessions::new(surroundings)),
        delegate: Box::new(delegate),
        signin: Box::new(signin),
        windows: Box::new(ProfileWindows::new(surroundings)),
        history: Box::new(EventLog::new(&data, by)),
        files: Box::new(data),
        key,
        provider: Box::new(provider),
        locks: Box::new(MachineLocks::new(surroundings, Patience::default())),
        clock: Box::new(SystemClock),
        entropy: Box::new(SystemEntropy),
        readings: Box::new(database.clone()),
        samples: Box::new(database),
        feed: Box::new(FeedFolder::new(surroundings)),
        preferences: Box::new(SettingsFile::new(surroundings)),
        engine,
    }
}

/// The live login, our key, and where the logins of config folders of their own lie.
type Stores = (Box<dyn LiveLogin>, Box<dyn VaultKey>, Box<dyn Place>);

/// The logins and our key lie in the Keychain. All are asked through one `security` tool, so that their calls wait for
/// one another and share one breaker.
#[cfg(target_os = "macos")]
fn stores(surroundings: &Surroundings, data: &DataFolder) -> Stores {
    use crate::delegate::InKeychain;
    use crate::keychain::{KeychainKey, KeychainLogin, NativeAttributes, Security};

    let clock = Arc::new(SystemClock);
    let security = Arc::new(Security::system(clock.clone()));
    let key = KeychainKey::new(Arc::clone(&security), surroundings, data.clone());
    let place = InKeychain::new(Arc::clone(&security), clock.clone());
    let live = KeychainLogin::new(security, surroundings, Box::new(NativeAttributes::quiet()), clock);
    (Box::new(live), Box::new(key), Box::new(place))
}

/// The logins and our key lie in files.
#[cfg(not(target_os = "macos"))]
fn stores(surroundings: &Surroundings, data: &DataFolder) -> Stores {
    use crate::delegate::InFiles;
    use crate::live_file::LiveFile;
    use crate::vault_key::KeyFile;

    (Box::new(LiveFile::new(surroundings)), Box::new(KeyFile::new(data.clone())), Box::new(InFiles))
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
        let ports = ports(&surroundings, "test").expect("ports");
        assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
        assert_eq!(ports.files.list(), Ok(Vec::new()));
        assert_eq!(std::fs::read_dir(home.path()).expect("read").count(), 0);
    }

    #[test]
    fn an_address_elsewhere_stops_the_assembly() {
        let home = tempfile::tempdir().expect("a folder");
        let api_base = Some("http://127.0.0.1@evil.example".into());
        let surroundings = Surroundings { api_base, ..Surroundings::at_home(home.path()) };
        let error = ports(&surroundings, "test").err().expect("refused");
        assert!(error.to_string().starts_with("SIGNALBOX_API_BASE may only name a server on this machine"), "{error}");
    }
}
