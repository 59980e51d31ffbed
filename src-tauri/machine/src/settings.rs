//! `settings.toml` in the data folder, and which servers are asked. Owns the rule that the provider's addresses can be
//! replaced by loopback addresses and nothing else: whoever can set a variable must not be able to have tokens sent to
//! himself. Leaves the requests to `provider`, and what the settings mean for the board to the app.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use signalbox_core::ports::StoreError;

use crate::durable::{self, Links};
use crate::surroundings::Surroundings;

/// Where profile and usage are asked (`docs/claude-code.md` §F).
pub const API: &str = "https://api.anthropic.com";
/// Where tokens are refreshed (`docs/claude-code.md` §D1).
pub const TOKEN: &str = "https://platform.claude.com";

const SETTINGS_BYTES_MAX: u64 = 256 * 1024;
const KEEP_OPEN: Duration = Duration::from_secs(60);
const KEEP_OPEN_S_MAX: i64 = 86_400;

/// What a person can set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub endpoints: Endpoints,
    /// How long the hidden WebView lives after the board was closed.
    pub board_keep_open: Duration,
}

/// The provider's two base addresses, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    pub api: String,
    pub token: String,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self { api: API.to_owned(), token: TOKEN.to_owned() }
    }
}

/// What is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Unreadable(#[from] StoreError),
    #[error("{path} is damaged: {why} (line {line})")]
    Broken { path: PathBuf, line: usize, why: String },
    #[error("{path}: `{key}` has to be {expected}")]
    WrongType { path: PathBuf, key: &'static str, expected: &'static str },
    /// `name` is the variable or the setting with that address. The address itself may hold a password: it is not shown.
    #[error("{name} may only name a server on this machine (127.0.0.1, [::1] or localhost): {why}")]
    NotLoopback { name: &'static str, why: &'static str },
}

impl Settings {
    /// Reads the settings: the environment first, then the file, then what is built in.
    pub fn load(surroundings: &Surroundings) -> Result<Self, SettingsError> {
        let path = surroundings.data_folder().join("settings.toml");
        let file = FileSettings::read(&path)?;
        let api = base("SIGNALBOX_API_BASE", surroundings.api_base.as_deref(), "provider.api_base", file.api)?;
        let token =
            base("SIGNALBOX_TOKEN_BASE", surroundings.token_base.as_deref(), "provider.token_base", file.token)?;
        let default = Endpoints::default();
        Ok(Self {
            endpoints: Endpoints { api: api.unwrap_or(default.api), token: token.unwrap_or(default.token) },
            board_keep_open: file.keep_open.unwrap_or(KEEP_OPEN),
        })
    }
}

/// The replacement for one address: the variable's, else the file's. Both are checked, so that a bad one never hides.
fn base(
    variable: &'static str,
    value: Option<&OsStr>,
    key: &'static str,
    from_file: Option<String>,
) -> Result<Option<String>, SettingsError> {
    let from_file = from_file.map(|text| loopback(key, &text)).transpose()?;
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(from_file) };
    let text = value.to_str().ok_or(SettingsError::NotLoopback { name: variable, why: "it is not UTF-8 text" })?;
    loopback(variable, text).map(Some)
}

/// Accepts `text` as a base address if it can only mean this machine. The answer is put together from the parsed parts,
/// so no later parser can read another host out of it.
fn loopback(name: &'static str, text: &str) -> Result<String, SettingsError> {
    let refused = |why| SettingsError::NotLoopback { name, why };
    let url = reqwest::Url::parse(text).map_err(|_| refused("it is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return Err(refused("it holds a user name"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it holds more than an address"));
    }
    if !url.host_str().is_some_and(is_this_machine) {
        return Err(refused("it names another server"));
    }
    Ok(format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/')))
}

/// Whether a host, as a URL parser normalised it, is this machine. No name but `localhost` is looked at, because a name
/// means whatever a name server says.
fn is_this_machine(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback());
    }
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

/// What the file says, unchecked.
#[derive(Default)]
struct FileSettings {
    api: Option<String>,
    token: Option<String>,
    keep_open: Option<Duration>,
}

impl FileSettings {
    fn read(path: &Path) -> Result<Self, SettingsError> {
        let Some(bytes) = durable::read(path, SETTINGS_BYTES_MAX, Links::Refuse)? else { return Ok(Self::default()) };
        let broken = |line, why: &str| SettingsError::Broken { path: path.to_owned(), line, why: why.to_owned() };
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            broken(line_of(error.as_bytes(), good), "it is not UTF-8 text")
        })?;
        let table: toml::Table = toml::from_str(&text).map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            broken(line_of(text.as_bytes(), at), error.message())
        })?;
        Self::from_table(path, &table)
    }

    fn from_table(path: &Path, table: &toml::Table) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        let wrong = |key, expected| SettingsError::WrongType { path: path.to_owned(), key, expected };
        for (section, value) in table {
            let expected = match section.as_str() {
                "provider" => "provider",
                "board" => "board",
                _ => {
                    tracing::warn!(path = %path.display(), key = %section, "unknown setting ignored");
                    continue;
                }
            };
            let members = value.as_table().ok_or_else(|| wrong(expected, "a table"))?;
            for (key, value) in members {
                let address = |key| value.as_str().map(str::to_owned).ok_or_else(|| wrong(key, "an address in quotes"));
                match (expected, key.as_str()) {
                    ("provider", "api_base") => settings.api = Some(address("provider.api_base")?),
                    ("provider", "token_base") => settings.token = Some(address("provider.token_base")?),
                    ("board", "keep_open_s") => {
                        let seconds = value.as_integer().filter(|s| (0..=KEEP_OPEN_S_MAX).contains(s));
                        let seconds = seconds.and_then(|s| u64::try_from(s).ok());
                        let seconds = seconds.ok_or_else(|| wrong("board.keep_open_s", "0 to 86400 seconds"))?;
                        settings.keep_open = Some(Duration::from_secs(seconds));
                    }
                    _ => {
                        tracing::warn!(path = %path.display(), key = %format!("{section}.{key}"), "unknown setting ignored")
                    }
                }
            }
        }
        Ok(settings)
    }
}

/// The line, counted from one, in which the byte at `at` stands.
fn line_of(text: &[u8], at: usize) -> usize {
    text.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> (tempfile::TempDir, Surroundings) {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("settings.toml"), text).expect("a file");
        let data_dir = Some(home.path().as_os_str().to_owned());
        let surroundings = Surroundings { data_dir, ..Surroundings::at_home(home.path()) };
        (home, surroundings)
    }

    #[test]
    fn only_loopback_addresses_may_replace_the_provider() {
        let accepted = [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("https://127.8.9.10", "https://127.8.9.10"),
            ("http://[::1]:9", "http://[::1]:9"),
            ("http://localhost:1234/base/", "http://localhost:1234/base"),
            ("HTTP://LOCALHOST:1", "http://localhost:1"),
            ("http://0x7f.1:80", "http://127.0.0.1"),
        ];
        for (text, expected) in accepted {
            assert_eq!(loopback("X", text).as_deref(), Ok(expected), "{text}");
        }
        let refused = [
            "https://api.anthropic.com",
            "http://127.0.0.1@evil.example",
            "http://127.0.0.1:80@evil.example/",
            "http://user:secret@127.0.0.1",
            "http://@127.0.0.1",
            "http://localhost.evil.example",
            "http://evil.localhost",
            "http://localhost.",
            "http://127.0.0.1.evil.example",
            "http://evil.example#127.0.0.1",
            "http://127.0.0.1#@evil.example",
            "http://127.0.0.1\\@evil.example",
            "http://evil.example\\@127.0.0.1",
            "http://127.0.0.1/?next=evil.example",
            "http://128.0.0.1",
            "http://0.0.0.0",
            "http://[::]",
            "http://[::ffff:127.0.0.1]",
            "http://[fe80::1]",
            "file:///etc/passwd",
            "ftp://127.0.0.1",
            "unix:/tmp/socket",
            "127.0.0.1:8080",
            "localhost:8080",
            "//127.0.0.1",
            "http://",
            "",
        ];
        for text in refused {
            let error = loopback("SIGNALBOX_API_BASE", text).expect_err(text);
            assert!(error.to_string().contains("SIGNALBOX_API_BASE"), "{text}: the error names the variable");
            assert!(!error.to_string().contains("secret"), "{text}: the error does not repeat the address");
        }
    }

    #[test]
    fn without_a_file_the_real_servers_are_asked() {
        let home = tempfile::tempdir().expect("a folder");
        let settings = Settings::load(&Surroundings::at_home(home.path())).expect("settings");
        assert_eq!(settings.endpoints, Endpoints { api: API.to_owned(), token: TOKEN.to_owned() });
        assert_eq!(settings.board_keep_open, Duration::from_secs(60));
    }

    #[test]
    fn the_environment_beats_the_file() {
        let text = "[provider]\napi_base = \"http://127.0.0.1:1\"\ntoken_base = \"http://127.0.0.1:2\"\n[board]\nkeep_open_s = 5\n";
        let (_home, mut surroundings) = with_file(text);
        surroundings.api_base = Some("http://[::1]:3".into());
        surroundings.token_base = Some("".into());
        let settings = Settings::load(&surroundings).expect("settings");
        assert_eq!(settings.endpoints.api, "http://[::1]:3");
        assert_eq!(settings.endpoints.token, "http://127.0.0.1:2", "an empty variable is no variable");
        assert_eq!(settings.board_keep_open, Duration::from_secs(5));
    }

    #[test]
    fn an_address_elsewhere_in_the_file_is_refused_even_when_the_environment_replaces_it() {
        let (_home, mut surroundings) = with_file("[provider]\ntoken_base = \"https://evil.example\"\n");
        surroundings.token_base = Some("http://127.0.0.1:1".into());
        let error = Settings::load(&surroundings).expect_err("refused");
        assert!(error.to_string().starts_with("provider.token_base"), "{error}");
    }

    #[test]
    fn unknown_settings_are_ignored() {
        let (_home, surroundings) = with_file("later = 1\n[board]\ncolour = \"blue\"\n[auto]\nx = 1\n");
        assert_eq!(Settings::load(&surroundings).map(|s| s.board_keep_open), Ok(KEEP_OPEN));
    }

    #[test]
    fn broken_settings_are_an_error_with_its_line() {
        let (_home, surroundings) = with_file("[board]\nkeep_open_s = 5\nkeep_open_s = = 6\n");
        let Err(SettingsError::Broken { line, .. }) = Settings::load(&surroundings) else { panic!("it is broken") };
        assert_eq!(line, 3);
        let (_home, surroundings) = with_file("[board]\nkeep_open_s = \"long\"\n");
        let error = Settings::load(&surroundings).expect_err("it is no number");
        assert!(error.to_string().contains("`board.keep_open_s` has to be 0 to 86400 seconds"), "{error}");
    }
}
