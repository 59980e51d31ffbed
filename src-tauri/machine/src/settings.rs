//! `settings.toml` in the data folder, and which servers are asked. Owns the names of the settings, their values and
//! what stands where nothing is set; which addresses may replace the provider's is in `address`. Leaves the requests to
//! `provider`, and what each setting brings about to whoever reads it.

mod address;
mod choices;
mod file;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use signalbox_core::episodes::Notices;
use signalbox_core::policy::EngineChoice;
use signalbox_core::ports::StoreError;

use crate::durable::{self, Links};
use crate::surroundings::Surroundings;

use choices::Choices;
pub use choices::{MenuBar, MenuBarStyle, MenuBarWindow};
pub use file::SettingsFile;

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
    /// Which engine renews parked logins.
    pub engine: EngineChoice,
    /// What the watch does when a switch was undone from outside.
    pub restore: Restore,
    /// The Claude Code that the delegated engine runs, where it shall not be looked for.
    pub claude_program: Option<PathBuf>,
    pub statusline: Statusline,
    pub menu_bar: MenuBar,
    /// Which usage a person is told of unasked.
    pub notices: Notices,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoints: Endpoints::default(),
            board_keep_open: KEEP_OPEN,
            engine: EngineChoice::default(),
            restore: Restore::default(),
            claude_program: None,
            statusline: Statusline::default(),
            menu_bar: MenuBar::default(),
            notices: Notices::default(),
        }
    }
}

/// What the watch does when soon after a switch the sign-in that was switched away from is live again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restore {
    /// Says so, and offers to restore the choice.
    #[default]
    Ask,
    /// Restores the choice, at most twice.
    Auto,
}

/// What `signalbox statusline` prints where its own options say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statusline {
    /// Text with placeholders.
    pub format: Option<String>,
    /// Another statusline command, whose output stands beside ours.
    pub command: Option<String>,
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
    /// `name` is the variable or the setting with that address. The address itself may hold a password: it is not
    /// shown.
    #[error("{name} may only name a server on this machine (127.0.0.1, [::1] or localhost): {why}")]
    NotLoopback { name: &'static str, why: &'static str },
}

impl Settings {
    /// Reads the settings: the environment first, then the file, then what is built in.
    pub fn load(surroundings: &Surroundings) -> Result<Self, SettingsError> {
        let path = surroundings.data_folder().join("settings.toml");
        let file = FileSettings::read(&path)?;
        let api = address::base("SIGNALBOX_API_BASE", surroundings.api_base.as_deref(), "provider.api_base", file.api)?;
        let token = address::base(
            "SIGNALBOX_TOKEN_BASE",
            surroundings.token_base.as_deref(),
            "provider.token_base",
            file.token,
        )?;
        let default = Endpoints::default();
        Ok(Self {
            endpoints: Endpoints { api: api.unwrap_or(default.api), token: token.unwrap_or(default.token) },
            board_keep_open: file.keep_open.unwrap_or(KEEP_OPEN),
            engine: file.engine.unwrap_or_default(),
            restore: file.restore.unwrap_or_default(),
            claude_program: file.claude_program.map(|program| surroundings.from_home(&program)),
            statusline: file.statusline,
            menu_bar: file.choices.menu_bar,
            notices: file.choices.notices,
        })
    }
}

const SECTIONS: [&str; 10] =
    ["board", "bootstrap", "claude", "menu_bar", "notify", "provider", "renewal", "statusline", "terms", "watch"];

/// What the file says, unchecked.
#[derive(Default)]
struct FileSettings {
    api: Option<String>,
    token: Option<String>,
    keep_open: Option<Duration>,
    engine: Option<EngineChoice>,
    restore: Option<Restore>,
    claude_program: Option<PathBuf>,
    statusline: Statusline,
    choices: Choices,
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
        for (section, members) in table {
            let Some(known) = SECTIONS.into_iter().find(|known| known == section) else {
                tracing::warn!(path = %path.display(), key = %section, "unknown setting ignored");
                continue;
            };
            let wrong = |key, expected| SettingsError::WrongType { path: path.to_owned(), key, expected };
            let members = members.as_table().ok_or_else(|| wrong(known, "a table"))?;
            for (key, value) in members {
                if !settings.set(known, key, value).map_err(|(key, expected)| wrong(key, expected))? {
                    let key = format!("{section}.{key}");
                    tracing::warn!(path = %path.display(), %key, "unknown setting ignored");
                }
            }
        }
        Ok(settings)
    }

    /// Takes one setting; `false` where there is none of that name, and the setting with what it has to be where the
    /// value is none of its own.
    fn set(&mut self, section: &str, key: &str, value: &toml::Value) -> Result<bool, (&'static str, &'static str)> {
        let address = |key| value.as_str().map(str::to_owned).ok_or((key, "an address in quotes"));
        match (section, key) {
            ("provider", "api_base") => self.api = Some(address("provider.api_base")?),
            ("provider", "token_base") => self.token = Some(address("provider.token_base")?),
            ("board", "keep_open_s") => {
                let seconds = value.as_integer().filter(|s| (0..=KEEP_OPEN_S_MAX).contains(s));
                let seconds = seconds.and_then(|s| u64::try_from(s).ok());
                let seconds = seconds.ok_or(("board.keep_open_s", "0 to 86400 seconds"))?;
                self.keep_open = Some(Duration::from_secs(seconds));
            }
            ("renewal", "engine") => {
                self.engine = Some(match value.as_str() {
                    Some("auto") => EngineChoice::Auto,
                    Some("direct") => EngineChoice::Direct,
                    Some("delegated") => EngineChoice::Delegated,
                    _ => return Err(("renewal.engine", r#""auto", "direct" or "delegated""#)),
                });
            }
            ("watch", "restore") => {
                self.restore = Some(match value.as_str() {
                    Some("ask") => Restore::Ask,
                    Some("auto") => Restore::Auto,
                    _ => return Err(("watch.restore", r#""ask" or "auto""#)),
                });
            }
            ("claude", "program") => {
                let program = value.as_str().map(PathBuf::from);
                // A relative path would mean something else wherever a program is started from.
                let program = program.filter(|path| path.is_absolute() || path.starts_with("~"));
                self.claude_program = Some(program.ok_or(("claude.program", "a whole path in quotes"))?);
            }
            ("statusline", "format") => {
                self.statusline.format =
                    Some(value.as_str().map(str::to_owned).ok_or(("statusline.format", "text in quotes"))?);
            }
            ("statusline", "command") => {
                self.statusline.command =
                    Some(value.as_str().map(str::to_owned).ok_or(("statusline.command", "a command in quotes"))?);
            }
            _ => return self.choices.set(section, key, value),
        }
        Ok(true)
    }
}

/// The line, counted from one, in which the byte at `at` stands.
fn line_of(text: &[u8], at: usize) -> usize {
    text.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
