//! `claude -p /usage --no-session-persistence`: the client that renews its login when that is due and reads its usage,
//! without a model request (`docs/observed.md` §7). Owns where such a run finds itself, from the real client's
//! variables and two of its own; renewing is the session's, in `claude.rs`. Left out: a run whose reading is fresher
//! than a minute, which may abandon a slow renewal.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::session::SessionRecord;
use super::store::{Kept, Store};
use super::{Claude, REFRESH_AHEAD, Renewal, ms, now_ms};
use crate::home::Home;
use crate::http::{self, Answer, Request};

const USAGE_AGENT: &str = "claude-cli/2.1.330 (external, sdk-cli)";
/// A younger reading is not read again (`docs/observed.md` §7).
const CACHED_MS: i64 = 60_000;
/// One run makes so many token requests in about 3 s before it gives up (`docs/observed.md` §11).
const TOKEN_TRIES: u32 = 6;
const TOKEN_RETRY_AFTER: Duration = Duration::from_millis(500);
/// While one of these is set the stored login is not looked at (`docs/claude-code.md` §D8).
const PINS: [&str; 8] = [
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_API_KEY",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "ANTHROPIC_PROFILE",
    "CLAUDE_CODE_SIMPLE",
];

/// Where a run finds itself.
#[derive(Debug, Clone)]
pub struct Place {
    /// `CLAUDE_CONFIG_DIR`, else `~/.claude`.
    pub(super) config: PathBuf,
    /// The folder of the credentials and their locks.
    pub(super) credentials: PathBuf,
    /// `.claude.json`.
    pub(super) state: PathBuf,
    pub(super) api: String,
    pub(super) token: String,
    /// One of [`PINS`] is set.
    pub(super) pinned: bool,
    /// `CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC`: usage is not asked for then.
    pub(super) quiet: bool,
}

impl Place {
    /// The usual one of a home, with nothing set.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self {
            config: home.config(),
            credentials: home.config(),
            state: home.state(),
            api: home.api_base().to_owned(),
            token: home.token_base().to_owned(),
            pinned: false,
            quiet: false,
        }
    }

    /// As the real client finds it. The servers are named by `SIM_CLAUDE_API` and `SIM_CLAUDE_TOKEN`, which the real
    /// client does not have; without them, by Signalbox's own two variables, which a child of it inherits.
    ///
    /// # Errors
    /// When a server is not named: the simulation never asks a real one.
    pub fn from_environment() -> io::Result<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let server = |own: &str, ours: &str| {
            set(own).or_else(|| set(ours)).ok_or_else(|| io::Error::other(format!("neither {own} nor {ours} is set")))
        };
        let home = PathBuf::from(set("HOME").unwrap_or_default());
        let chosen = set("CLAUDE_CONFIG_DIR").map(PathBuf::from);
        let config = chosen.clone().unwrap_or_else(|| home.join(".claude"));
        // Defined but empty means the default place (`docs/claude-code.md` §A2).
        let credentials = match std::env::var("CLAUDE_SECURESTORAGE_CONFIG_DIR") {
            Ok(moved) if moved.is_empty() => home.join(".claude"),
            Ok(moved) => PathBuf::from(moved),
            Err(_) => config.clone(),
        };
        Ok(Self {
            state: chosen.unwrap_or(home).join(".claude.json"),
            config,
            credentials,
            api: server("SIM_CLAUDE_API", "SIGNALBOX_API_BASE")?,
            token: server("SIM_CLAUDE_TOKEN", "SIGNALBOX_TOKEN_BASE")?,
            pinned: PINS.iter().any(|pin| set(pin).is_some()),
            quiet: set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC").is_some(),
        })
    }
}

/// The whole run. How it ends says nothing about the login: the real client's exit status is always 0.
///
/// # Errors
/// When the session record cannot be written.
pub fn usage_command(place: &Place) -> io::Result<()> {
    let mut claude = Claude {
        store: Store::new(place.credentials.clone(), place.state.clone()),
        api: place.api.clone(),
        token: place.token.clone(),
        _session: SessionRecord::write(&place.config, "sdk-cli")?,
    };
    if place.pinned {
        return Ok(());
    }
    if let Some(held) = claude.ready()
        && !place.quiet
        && !claude.has_fresh_usage()
    {
        claude.read_usage(&held);
    }
    Ok(())
}

impl Claude {
    /// The login, renewed if that is due; `None` where there is none that can be used.
    fn ready(&mut self) -> Option<Kept> {
        for again in 0..TOKEN_TRIES {
            let held = self.store.login()?;
            if held.expires_at_ms - now_ms() >= ms(REFRESH_AHEAD) {
                return Some(held);
            }
            if again > 0 {
                std::thread::sleep(TOKEN_RETRY_AFTER);
            }
            match self.renew(&held) {
                Renewal::Ready => return self.store.login(),
                Renewal::Ended => return None,
                Renewal::Failed(_) => {}
            }
        }
        None
    }

    fn has_fresh_usage(&self) -> bool {
        let cached = self.store.state("cachedUsageUtilization").unwrap_or_default();
        cached["fetchedAtMs"].as_i64().is_some_and(|at| now_ms() - at < CACHED_MS)
    }

    /// Keeps the answer; one that is no good changes nothing. A 401 earns one refresh and one retry, a 429 nothing.
    fn read_usage(&mut self, held: &Kept) {
        let mut answer = self.ask_usage(held);
        if matches!(answer, Ok(Answer { status: 401, .. })) && matches!(self.renew(held), Renewal::Ready) {
            let Some(fresh) = self.store.login() else { return };
            answer = self.ask_usage(&fresh);
        }
        let Ok(Answer { status: 200, json: Some(utilization) }) = answer else { return };
        let account = self.store.state("oauthAccount").unwrap_or_default()["accountUuid"].clone();
        let cached: Value = json!({ "fetchedAtMs": now_ms(), "accountUuid": account, "utilization": utilization });
        // A cache that cannot be written is read again.
        let _ = self.store.set_state("cachedUsageUtilization", &cached);
    }

    fn ask_usage(&self, held: &Kept) -> io::Result<Answer> {
        http::send(&Request {
            method: "GET",
            base: &self.api,
            path: "/api/oauth/usage",
            agent: USAGE_AGENT,
            bearer: Some(&held.access),
            body: None,
        })
    }
}
