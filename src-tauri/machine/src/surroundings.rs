//! What Signalbox takes from its surroundings: one snapshot of the environment, and every path that follows from it.
//! Owns the rules by which Claude Code finds its own files (`docs/claude-code.md` §A2, §C, §E1) and the place of ours.
//! Leaves reading those files to the adapters, and hashing the Keychain suffix to `keychain`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The environment as it was at start. Plain fields, so that a test can make one without touching its own environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// `HOME`, or what the user database says.
    pub home: PathBuf,
    /// `USER`: the account name of Claude Code's Keychain item, unless it holds odd characters.
    pub user: Option<String>,
    /// `CLAUDE_CONFIG_DIR` exactly as exported, because the Keychain suffix is made of the raw text.
    pub claude_config_dir: Option<OsString>,
    /// `CLAUDE_SECURESTORAGE_CONFIG_DIR`: moves the credentials alone. Defined but empty means the default place.
    pub claude_secure_storage_dir: Option<OsString>,
    /// `CLAUDE_CODE_OAUTH_CLIENT_ID`: the client to which the refresh tokens were issued (`docs/claude-code.md` §D1).
    pub oauth_client_id: Option<String>,
    /// `SIGNALBOX_DATA_DIR`: moves our own data folder.
    pub data_dir: Option<OsString>,
    /// `SIGNALBOX_API_BASE`, checked in `settings`.
    pub api_base: Option<OsString>,
    /// `SIGNALBOX_TOKEN_BASE`, checked in `settings`.
    pub token_base: Option<OsString>,
    /// `XDG_DATA_HOME`.
    pub xdg_data_home: Option<OsString>,
    /// `PATH`, in which `claude` is looked for.
    pub search_path: Option<OsString>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<OsString>,
    /// `ANTHROPIC_CONFIG_DIR`: the folder of Anthropic profiles.
    pub anthropic_config_dir: Option<OsString>,
    /// The *names* of the variables that make Claude Code ignore its stored login (`docs/claude-code.md` §D8).
    pub pins: Vec<String>,
    /// The folder in which the program was started: Claude Code reads the settings of that project.
    pub current_dir: Option<PathBuf>,
    /// Where an administrator puts Claude Code's managed settings.
    pub managed_settings: PathBuf,
}

#[cfg(target_os = "macos")]
const MANAGED_SETTINGS: &str = "/Library/Application Support/ClaudeCode";
#[cfg(not(target_os = "macos"))]
const MANAGED_SETTINGS: &str = "/etc/claude-code";

/// There is no home folder, so nothing can be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no home folder: HOME is not set")]
pub struct NoHome;

impl Surroundings {
    /// Reads the environment. Called once, at the start of a program.
    pub fn from_env() -> Result<Self, NoHome> {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or(NoHome)?;
        Ok(Self {
            home,
            user: std::env::var("USER").ok().filter(|user| !user.is_empty()),
            claude_config_dir: std::env::var_os("CLAUDE_CONFIG_DIR"),
            claude_secure_storage_dir: std::env::var_os("CLAUDE_SECURESTORAGE_CONFIG_DIR"),
            oauth_client_id: std::env::var("CLAUDE_CODE_OAUTH_CLIENT_ID").ok().filter(|id| !id.is_empty()),
            data_dir: std::env::var_os("SIGNALBOX_DATA_DIR"),
            api_base: std::env::var_os("SIGNALBOX_API_BASE"),
            token_base: std::env::var_os("SIGNALBOX_TOKEN_BASE"),
            xdg_data_home: std::env::var_os("XDG_DATA_HOME"),
            search_path: std::env::var_os("PATH"),
            xdg_config_home: std::env::var_os("XDG_CONFIG_HOME"),
            anthropic_config_dir: std::env::var_os("ANTHROPIC_CONFIG_DIR"),
            pins: crate::sessions::pins::of_environment(),
            current_dir: std::env::current_dir().ok(),
            managed_settings: PathBuf::from(MANAGED_SETTINGS),
        })
    }

    /// Surroundings in which nothing but the home folder is set.
    pub fn at_home(home: impl Into<PathBuf>) -> Self {
        Self {
            home: home.into(),
            user: None,
            claude_config_dir: None,
            claude_secure_storage_dir: None,
            oauth_client_id: None,
            data_dir: None,
            api_base: None,
            token_base: None,
            xdg_data_home: None,
            search_path: None,
            xdg_config_home: None,
            anthropic_config_dir: None,
            pins: Vec::new(),
            current_dir: None,
            managed_settings: PathBuf::from(MANAGED_SETTINGS),
        }
    }

    /// Claude Code's config folder: `CLAUDE_CONFIG_DIR`, else `~/.claude`.
    pub fn config_dir(&self) -> PathBuf {
        self.moved(self.claude_config_dir.as_deref())
    }

    /// The folder of the credentials and of their three locks: `CLAUDE_SECURESTORAGE_CONFIG_DIR` if defined, else the
    /// config folder (`docs/observed.md` §3).
    pub fn credential_dir(&self) -> PathBuf {
        match &self.claude_secure_storage_dir {
            Some(dir) => self.moved(Some(dir)),
            None => self.config_dir(),
        }
    }

    /// The live login where there is no Keychain.
    pub fn credentials_file(&self) -> PathBuf {
        self.credential_dir().join(".credentials.json")
    }

    /// The file with `oauthAccount`. It lies in the home folder, not in `~/.claude`, unless `CLAUDE_CONFIG_DIR` is set;
    /// a legacy `.config.json` in the config folder comes first (`docs/claude-code.md` §C).
    pub fn account_file(&self) -> PathBuf {
        let legacy = self.config_dir().join(".config.json");
        if legacy.is_file() {
            return legacy;
        }
        match filled(self.claude_config_dir.as_deref()) {
            Some(dir) => absolute(dir).join(".claude.json"),
            None => self.home.join(".claude.json"),
        }
    }

    /// The lock beside the file with `oauthAccount`.
    pub fn account_lock(&self) -> PathBuf {
        with_lock_suffix(&self.account_file())
    }

    /// Claude Code's first refresh lock.
    pub fn refresh_lock(&self) -> PathBuf {
        self.credential_dir().join(".oauth_refresh.lock")
    }

    /// Claude Code's second refresh lock: the *real* path of the credential folder with `.lock` behind it, so a linked
    /// folder has its lock where the link points (`docs/observed.md` §3). The folder has to exist.
    pub fn legacy_refresh_lock(&self) -> std::io::Result<PathBuf> {
        Ok(with_lock_suffix(&self.credential_dir().canonicalize()?))
    }

    /// The lock for the milliseconds in which `.credentials.json` is replaced. Holding it longer destroys logins
    /// (`docs/observed.md` §3).
    pub fn storage_write_lock(&self) -> PathBuf {
        self.credential_dir().join(".storage-write.lock")
    }

    /// The text whose hash is the suffix of the Keychain service name; `None` for the name without a suffix. It is the
    /// raw exported value: naming the default folder explicitly gives a suffix too (`docs/claude-code.md` §A2).
    pub fn keychain_suffix_input(&self) -> Option<&OsStr> {
        match &self.claude_secure_storage_dir {
            Some(dir) => filled(Some(dir)),
            None => filled(self.claude_config_dir.as_deref()),
        }
    }

    /// Our data folder.
    pub fn data_folder(&self) -> PathBuf {
        if let Some(dir) = filled(self.data_dir.as_deref()) {
            return absolute(dir);
        }
        if cfg!(target_os = "macos") {
            return self.home.join("Library/Application Support/dev.signalbox.app");
        }
        // The XDG specification tells programs to ignore a relative path.
        match filled(self.xdg_data_home.as_deref()).map(Path::new).filter(|dir| dir.is_absolute()) {
            Some(dir) => dir.join("signalbox"),
            None => self.home.join(".local/share/signalbox"),
        }
    }

    /// The folder of Anthropic profiles, on macOS too.
    pub fn anthropic_folder(&self) -> PathBuf {
        let config = || match filled(self.xdg_config_home.as_deref()) {
            Some(dir) => PathBuf::from(dir),
            None => self.home.join(".config"),
        };
        filled(self.anthropic_config_dir.as_deref()).map_or_else(|| config().join("anthropic"), absolute)
    }

    /// A path in which a person wrote `~` for the home folder.
    pub fn from_home(&self, path: &Path) -> PathBuf {
        path.strip_prefix("~").map_or_else(|_| path.to_owned(), |rest| self.home.join(rest))
    }

    fn moved(&self, dir: Option<&OsStr>) -> PathBuf {
        filled(dir).map_or_else(|| self.home.join(".claude"), absolute)
    }
}

/// A variable that is set to nothing counts as not set.
fn filled(value: Option<&OsStr>) -> Option<&OsStr> {
    value.filter(|value| !value.is_empty())
}

/// A relative folder is meant from where the program was started, as Claude Code means it.
fn absolute(dir: &OsStr) -> PathBuf {
    std::path::absolute(dir).unwrap_or_else(|_| PathBuf::from(dir))
}

fn with_lock_suffix(path: &Path) -> PathBuf {
    // Components are put together anew, so that `dir/` gives `dir.lock` and not `dir/.lock`.
    let mut text = path.components().collect::<PathBuf>().into_os_string();
    text.push(".lock");
    PathBuf::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Option<OsString> {
        Some(OsString::from(text))
    }

    #[test]
    fn by_default_everything_is_under_the_home_folder() {
        let at = Surroundings::at_home("/home/u");
        assert_eq!(at.credentials_file(), Path::new("/home/u/.claude/.credentials.json"));
        assert_eq!(at.account_file(), Path::new("/home/u/.claude.json"));
        assert_eq!(at.account_lock(), Path::new("/home/u/.claude.json.lock"));
        assert_eq!(at.refresh_lock(), Path::new("/home/u/.claude/.oauth_refresh.lock"));
        assert_eq!(at.storage_write_lock(), Path::new("/home/u/.claude/.storage-write.lock"));
        assert_eq!(at.keychain_suffix_input(), None);
    }

    #[test]
    fn a_config_dir_moves_credentials_and_account_file() {
        let at = Surroundings { claude_config_dir: set("/c/"), ..Surroundings::at_home("/home/u") };
        assert_eq!(at.credentials_file(), Path::new("/c/.credentials.json"));
        assert_eq!(at.account_file(), Path::new("/c/.claude.json"));
        assert_eq!(at.keychain_suffix_input(), Some(OsStr::new("/c/")), "the suffix is made of the raw text");
    }

    #[test]
    fn a_secure_storage_dir_moves_the_credentials_alone() {
        let home = Surroundings::at_home("/home/u");
        let at = Surroundings { claude_config_dir: set("/c"), claude_secure_storage_dir: set("/s"), ..home.clone() };
        assert_eq!(at.credentials_file(), Path::new("/s/.credentials.json"));
        assert_eq!(at.refresh_lock(), Path::new("/s/.oauth_refresh.lock"));
        assert_eq!(at.account_file(), Path::new("/c/.claude.json"));
        let at = Surroundings { claude_config_dir: set("/c"), claude_secure_storage_dir: set(""), ..home };
        assert_eq!(at.credentials_file(), Path::new("/home/u/.claude/.credentials.json"), "empty means the default");
        assert_eq!(at.keychain_suffix_input(), None);
    }

    #[test]
    fn an_empty_config_dir_is_no_config_dir() {
        let at = Surroundings { claude_config_dir: set(""), ..Surroundings::at_home("/home/u") };
        assert_eq!(at.config_dir(), Path::new("/home/u/.claude"));
        assert_eq!(at.account_file(), Path::new("/home/u/.claude.json"));
        assert_eq!(at.keychain_suffix_input(), None);
    }

    #[test]
    fn a_legacy_config_file_comes_first() {
        let home = tempfile::tempdir().expect("a folder");
        let at = Surroundings::at_home(home.path());
        std::fs::create_dir(home.path().join(".claude")).expect("a folder");
        std::fs::write(home.path().join(".claude/.config.json"), "{}").expect("a file");
        assert_eq!(at.account_file(), home.path().join(".claude/.config.json"));
        assert_eq!(at.account_lock(), home.path().join(".claude/.config.json.lock"));
    }

    #[test]
    fn the_legacy_lock_lies_beside_the_real_folder() {
        let home = tempfile::tempdir().expect("a folder");
        let real = home.path().canonicalize().expect("a real path").join("real");
        std::fs::create_dir(&real).expect("a folder");
        std::os::unix::fs::symlink(&real, home.path().join("link")).expect("a link");
        let dir = home.path().join("link/").into_os_string();
        let at = Surroundings { claude_config_dir: Some(dir), ..Surroundings::at_home(home.path()) };
        assert_eq!(at.legacy_refresh_lock().expect("it exists"), real.with_extension("lock"));
    }

    #[test]
    fn the_data_folder_follows_our_variable_then_the_platform() {
        let home = Surroundings::at_home("/home/u");
        let moved = Surroundings { data_dir: set("/d"), xdg_data_home: set("/x"), ..home.clone() };
        assert_eq!(moved.data_folder(), Path::new("/d"));
        if cfg!(target_os = "macos") {
            let expected = "/home/u/Library/Application Support/dev.signalbox.app";
            assert_eq!(home.data_folder(), Path::new(expected));
        } else {
            assert_eq!(home.data_folder(), Path::new("/home/u/.local/share/signalbox"));
            let xdg = Surroundings { xdg_data_home: set("/x"), ..home.clone() };
            assert_eq!(xdg.data_folder(), Path::new("/x/signalbox"));
            let relative = Surroundings { xdg_data_home: set("x"), ..home };
            assert_eq!(relative.data_folder(), Path::new("/home/u/.local/share/signalbox"));
        }
    }
}
