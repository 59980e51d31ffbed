//! The simulated Claude Code's files: `.credentials.json` and `oauthAccount` in `.claude.json`. Owns when the file is read
//! again and what a write keeps and drops (`docs/observed.md` §3, §6). Which locks are held is up to the caller, except the
//! storage lock around each rename.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::live::LiveStore;
use super::locks::StorageLock;
use super::now_ms;
use crate::members::Members;

/// The members of `claudeAiOauth` that the client writes. It drops every other one.
const KNOWN: [&str; 11] = [
    "accessToken",
    "refreshToken",
    "expiresAt",
    "refreshTokenExpiresAt",
    "scopes",
    "subscriptionType",
    "subscriptionTypeSource",
    "subscriptionTypeVerifiedAt",
    "rateLimitTier",
    "accountUuid",
    "organizationUuid",
];
/// The members of `oauthAccount` without which a refresh asks for the profile first (the newest of them).
const COMPLETE: [&str; 3] = ["accountUuid", "ccOnboardingFlags", "profileFetchedAt"];

/// The files of one config directory, with the login as it was last read.
#[derive(Debug)]
pub struct Store {
    config: PathBuf,
    live: LiveStore,
    state: PathBuf,
    read: Option<(SystemTime, Option<Kept>)>,
}

/// A login in memory.
#[derive(Clone)]
pub struct Kept {
    pub access: String,
    pub refresh: Option<String>,
    pub expires_at_ms: i64,
    pub scopes: Vec<String>,
    members: Map<String, Value>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("expires_at_ms", &self.expires_at_ms).finish_non_exhaustive()
    }
}

impl Kept {
    /// The login after a refresh. `refreshTokenExpiresAt` stays as it is, and so does the refresh token when the answer
    /// names no new one (`docs/observed.md` §3).
    pub fn renewed(&self, answer: &Value, now_ms: i64) -> Self {
        let mut members = self.members.clone();
        members.insert("accessToken".into(), answer["access_token"].clone());
        if answer["refresh_token"].is_string() {
            members.insert("refreshToken".into(), answer["refresh_token"].clone());
        }
        let life_ms = answer["expires_in"].as_i64().unwrap_or(0) * 1_000;
        members.insert("expiresAt".into(), json!(now_ms + life_ms));
        if let Some(scope) = answer["scope"].as_str() {
            members.insert("scopes".into(), json!(scope.split_whitespace().collect::<Vec<_>>()));
        }
        Self::of(members).unwrap_or_else(|| self.clone())
    }

    fn of(members: Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
        let scopes = members.get("scopes").and_then(Value::as_array).cloned().unwrap_or_default();
        Some(Self {
            access: text("accessToken")?,
            refresh: text("refreshToken"),
            // A setup-token has no expiry.
            expires_at_ms: members.get("expiresAt").and_then(Value::as_i64).unwrap_or(i64::MAX / 2),
            scopes: scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            members,
        })
    }
}

impl Store {
    pub fn new(config: PathBuf, state: PathBuf) -> Self {
        Self { live: LiveStore::new(&config), config, state, read: None }
    }

    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The login in use. The file is read again exactly when its mtime differs from the last time.
    pub fn login(&mut self) -> Option<Kept> {
        let Some(touched) = self.live.touched() else {
            self.read = None;
            return None;
        };
        if let Some((when, kept)) = &self.read
            && *when == touched
        {
            return kept.clone();
        }
        let kept = self.on_disk().and_then(|members| Kept::of(login_of(&members)?));
        self.read = Some((touched, kept.clone()));
        kept
    }

    /// Makes the next [`Store::login`] read the file whatever its mtime says.
    pub fn forget(&mut self) {
        self.read = None;
    }

    /// Saves a refreshed login over the one whose refresh token was spent. When another login stands there by now, that
    /// one stays and the new pair is dropped, as the client does.
    pub fn save(&mut self, spent: &str, renewed: &Kept) -> io::Result<()> {
        let mut kept = renewed.members.clone();
        kept.retain(|name, _| KNOWN.contains(&name.as_str()));
        self.replace(spent, &Value::Object(kept))
    }

    /// Empties the login whose refresh token the server refused: the husk of `docs/observed.md` §5.
    pub fn empty(&mut self, spent: &str) -> io::Result<()> {
        let members = self.on_disk().and_then(|members| login_of(&members)).unwrap_or_default();
        let mut husk = Map::new();
        husk.insert("accessToken".into(), json!(""));
        husk.insert("refreshToken".into(), json!(""));
        husk.insert("expiresAt".into(), json!(0));
        for name in ["refreshTokenExpiresAt", "scopes", "subscriptionType", "rateLimitTier"] {
            if let Some(value) = members.get(name) {
                husk.insert(name.into(), value.clone());
            }
        }
        self.replace(spent, &Value::Object(husk))
    }

    fn replace(&mut self, spent: &str, login: &Value) -> io::Result<()> {
        let _lock = StorageLock::take(&self.config)?;
        self.forget();
        let Some(mut members) = self.on_disk() else { return Ok(()) };
        let stored = login_of(&members).and_then(|login| Some(login.get("refreshToken")?.as_str()?.to_owned()));
        if stored.as_deref() != Some(spent) {
            return Ok(());
        }
        members.set("claudeAiOauth", login);
        self.live.replace(&members.text())
    }

    fn on_disk(&self) -> Option<Members> {
        Members::parse(&self.live.read()?).ok()
    }

    /// Whether a refresh has to ask for the profile before it stores anything.
    pub fn account_is_incomplete(&self) -> bool {
        self.state("oauthAccount").is_none_or(|account| COMPLETE.iter().any(|name| account.get(name).is_none()))
    }

    /// A member of `.claude.json`.
    pub fn state(&self, member: &str) -> Option<Value> {
        fs::read_to_string(&self.state).ok().and_then(|text| Members::parse(&text).ok()?.value(member))
    }

    /// Puts a new member into `.claude.json`. Its lock is only advisory (`docs/observed.md` §3).
    pub fn set_state(&self, member: &str, value: &Value) -> io::Result<()> {
        let lock = self.state.with_file_name(".claude.json.lock");
        let locked = (0..20).any(|_| {
            let made = fs::create_dir(&lock).is_ok();
            if !made {
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            made
        });
        let text = fs::read_to_string(&self.state).unwrap_or_else(|_| "{}".to_owned());
        let written = Members::parse(&text).map_err(io::Error::other).and_then(|mut members| {
            members.set(member, value);
            write_file(&self.state, &format!(".claude.json.tmp.{}.", std::process::id()), &members.text())
        });
        if locked {
            let _ = fs::remove_dir(&lock);
        }
        written
    }
}

fn login_of(members: &Members) -> Option<Map<String, Value>> {
    match members.value("claudeAiOauth")? {
        Value::Object(login) => Some(login),
        _ => None,
    }
}

/// Writes as the client does: temporary file beside it, 0600, fsync, rename, chmod; the folder is not fsynced.
pub fn write_file(path: &Path, prefix: &str, text: &str) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let unique = COUNT.fetch_add(1, Ordering::Relaxed);
    let salt = (now_ms() & 0xffff).unsigned_abs() as u32;
    let name = format!("{prefix}{:08x}", (std::process::id() << 16) ^ (salt << 8) ^ unique);
    let temporary = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}
