//! A private home folder as Claude Code leaves it: `.claude/.credentials.json` with a login and the machine's own siblings,
//! `.claude.json` with `oauthAccount` and a person's settings, and Signalbox's data folder. Owns what stands there at the
//! start and reading it back; the simulated Claude Code in `claude.rs` lives in it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use provider_sim::{Sim, Tokens};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::claude::{read_credentials, write_credentials};
use crate::members::Members;

/// What stands beside the login and belongs to the machine (`docs/claude-code.md` §B), with forms that a careless rewrite
/// would change: odd spacing, escapes, a long number, an unknown member.
const SIBLINGS: &str = r#"{
  "mcpOAuth": {"linear|7f3a":  {"serverName":"linear", "accessToken":"sim-mcp-\u0061bc", "expiresAt":1795302965000.0}},
  "mcpOAuthClientConfig": { "linear|7f3a": {"clientId" : "sim-client"} },
  "pluginSecrets": {"notes@team":{"API_KEY":"sim-plugin-\u20ac","n":1e3}},
  "futureMember": [ 1, 2.50, {"b":1,"a":2}, 12345678901234567890123 ]
}"#;
const STATE: &str = r#"{
  "numStartups": 41,
  "tipsHistory": {"shift-enter": 12,  "memory":3},
  "mcpServers": { "linear": {"type":"http","url":"http://127.0.0.1:1/mcp"} },
  "futureSetting": [ 1.0, "\u0041" ]
}"#;

/// The user whose home it is.
pub const USER: &str = "ada";

/// A home folder, removed when dropped unless it was made at a place of its own.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    base: String,
    // Removes the folder when dropped.
    temporary: Option<tempfile::TempDir>,
}

/// The readable head of a `.cred`: no secret in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct CredHead {
    /// The profile.
    pub alias: String,
    /// A hash over the saved pair of tokens.
    pub fingerprint: String,
    /// How many logins were saved before this one.
    pub generation: u64,
}

impl Home {
    /// A temporary home whose Signalbox and Claude Code talk to the server at `base` (a loopback URL).
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn temporary(base: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("signalbox-home-").tempdir()?;
        let mut home = Self::furnished(folder.path(), base)?;
        home.temporary = Some(folder);
        Ok(home)
    }

    /// A fresh home at `path`, which is emptied first and stays afterwards.
    ///
    /// # Errors
    /// When the folder cannot be emptied or made.
    pub fn at(path: &Path, base: &str) -> Result<Self> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context(path.display().to_string()),
            _ => Self::furnished(path, base),
        }
    }

    fn furnished(path: &Path, base: &str) -> Result<Self> {
        fs::DirBuilder::new().mode(0o700).recursive(true).create(path.join(".claude"))?;
        // Every program has to see the same absolute path, whatever folder it runs in.
        let home = Self { path: path.canonicalize()?, base: base.to_owned(), temporary: None };
        write_credentials(&home.config(), SIBLINGS)?;
        fs::write(home.state(), STATE)?;
        fs::set_permissions(home.state(), fs::Permissions::from_mode(0o600))?;
        Ok(home)
    }

    /// The home folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where identity, usage and model requests go.
    #[must_use]
    pub fn api_base(&self) -> &str {
        &self.base
    }

    /// Where tokens are refreshed.
    #[must_use]
    pub fn token_base(&self) -> &str {
        &self.base
    }

    /// `~/.claude`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join(".claude")
    }

    /// `~/.claude/.credentials.json`. On macOS the login is in the Keychain instead.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.config().join(".credentials.json")
    }

    /// `.claude.json`, where this platform's Claude Code looks for it.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        state_file(&self.path)
    }

    /// Signalbox's data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path.join("signalbox")
    }

    /// A folder for programs, the first in `PATH`.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.path.join("bin")
    }

    /// Writes down that the person has agreed to the terms, beside whatever settings there are: without that the app asks first
    /// and does nothing (`docs/terms.md`).
    ///
    /// # Errors
    /// When the settings cannot be read or written.
    pub fn agree_to_terms(&self) -> Result<()> {
        let path = self.data().join("settings.toml");
        let settings = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        if !settings.contains("[terms]") {
            fs::DirBuilder::new().mode(0o700).recursive(true).create(self.data())?;
            let version = signalbox_core::terms::VERSION;
            fs::write(&path, format!("{settings}\n[terms]\nversion = {version}\naccepted = \"2026-11-22\"\n"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }

    /// The variables that lead Signalbox and Claude Code into this home. Nothing of the outer `ANTHROPIC_*` or `CLAUDE_*`
    /// may be there besides them.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        [
            // On macOS the Keychain hangs on the real home, so there a config directory keeps the logins apart instead.
            #[cfg(target_os = "macos")]
            ("HOME", std::env::var("HOME").unwrap_or_default()),
            #[cfg(target_os = "macos")]
            ("CLAUDE_CONFIG_DIR", text(&self.config())),
            #[cfg(not(target_os = "macos"))]
            ("HOME", text(&self.path)),
            ("USER", USER.to_owned()),
            ("PATH", format!("{}:{}", text(&self.bin()), std::env::var("PATH").unwrap_or_default())),
            ("SIGNALBOX_DATA_DIR", text(&self.data())),
            ("SIGNALBOX_API_BASE", self.base.clone()),
            ("SIGNALBOX_TOKEN_BASE", self.base.clone()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// Signs Claude Code in over whatever is there, as `claude auth login` does: the siblings stay, the old login is not
    /// revoked, only the storage lock is taken (`docs/observed.md` §7).
    ///
    /// # Errors
    /// When a file cannot be written, or the account is not the simulator's.
    pub fn sign_in(&self, sim: &Sim, tokens: &Tokens) -> Result<()> {
        let mut store = self.live()?;
        store.set("claudeAiOauth", &tokens.claude_ai_oauth());
        write_credentials(&self.config(), &store.text())?;
        let mut state = self.settings()?;
        state.set("oauthAccount", &account_block(sim, tokens)?);
        fs::write(self.state(), state.text())?;
        Ok(())
    }

    /// `.credentials.json`, member by member.
    ///
    /// # Errors
    /// When it cannot be read or is no JSON object.
    pub fn live(&self) -> Result<Members> {
        Ok(Members::parse(&read_credentials(&self.config()).context("there is no credential store")?)?)
    }

    /// `.claude.json`, member by member.
    ///
    /// # Errors
    /// When it cannot be read or is no JSON object.
    pub fn settings(&self) -> Result<Members> {
        Ok(Members::parse(&fs::read_to_string(self.state())?)?)
    }

    /// Whether everything beside the login and beside `oauthAccount` still is, byte for byte, what stood there at the start.
    ///
    /// # Errors
    /// When one of the two files cannot be read.
    pub fn siblings_are_untouched(&self) -> Result<bool> {
        let untouched = |now: &Members, member: &str, original: &str| -> Result<bool> {
            Ok(now.besides(member) == Members::parse(original)?.besides(member))
        };
        Ok(untouched(&self.live()?, "claudeAiOauth", SIBLINGS)? && untouched(&self.settings()?, "oauthAccount", STATE)?)
    }

    /// The live pair: access token and refresh token. For asking the simulator, never for printing.
    ///
    /// # Errors
    /// When there is no login, or a husk.
    pub fn live_pair(&self) -> Result<(String, String)> {
        let login = self.live()?.value("claudeAiOauth").context("there is no live login")?;
        let text = |name: &str| login[name].as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        Ok((text("accessToken").context("the live login is a husk")?, text("refreshToken").unwrap_or_default()))
    }

    /// `oauthAccount`.
    ///
    /// # Errors
    /// When `.claude.json` cannot be read.
    pub fn account(&self) -> Result<Value> {
        Ok(self.settings()?.value("oauthAccount").unwrap_or_default())
    }

    /// The readable head of a profile's `.cred`.
    ///
    /// # Errors
    /// When there is none, or its head is not what `docs/` says.
    pub fn cred(&self, alias: &str) -> Result<CredHead> {
        let path = self.data().join("creds").join(format!("{alias}.cred"));
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        serde_json::from_slice(line).with_context(|| format!("the head of {}", path.display()))
    }
}

#[cfg(target_os = "macos")]
impl Drop for Home {
    fn drop(&mut self) {
        // The Keychain item outlives its folder; one that cannot be removed holds simulated tokens only.
        let _ = crate::claude::remove_credentials(&self.config());
    }
}

/// `.claude.json` of a home folder: beside `.claude`, or inside it where the config directory is exported
/// (`docs/claude-code.md` §C).
#[must_use]
pub fn state_file(home: &Path) -> PathBuf {
    if cfg!(target_os = "macos") { home.join(".claude/.claude.json") } else { home.join(".claude.json") }
}

/// The fingerprint that Signalbox gives to a pair of tokens, reckoned anew from its definition: the first 16 bytes of
/// SHA-256 over access token, a zero byte, refresh token.
#[must_use]
pub fn pair_fingerprint(access: &str, refresh: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(access);
    hash.update([0]);
    hash.update(refresh);
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The whole `oauthAccount` that a sign-in leaves, with the members of release 2.1.330 (`docs/observed.md` §3).
///
/// # Errors
/// When the account is not the simulator's.
pub fn account_block(sim: &Sim, tokens: &Tokens) -> Result<Value> {
    let seat = &tokens.seat;
    let account = sim.account(&seat.account).with_context(|| format!("no account {}", seat.account))?;
    let organization = account.organization(Some(&seat.identity.organization_uuid)).context("no such organisation")?;
    let mut block = provider_sim::oauth_account(&account, organization, sim.now_ms());
    block["ccOnboardingFlags"] = json!({});
    block["claudeCodeTrialEndsAt"] = Value::Null;
    block["claudeCodeTrialDurationDays"] = Value::Null;
    Ok(block)
}
