//! A simulated Claude Code, faithful to what release 2.1.330 was seen to do on Linux (`docs/observed.md` §1 to §6):
//! when it reads its login, when and under which locks it refreshes, what it keeps and what it drops. Usable in a
//! test's own thread and as a process (`claude-sim`). Its locks, its file writes, its session record, `claude -p
//! /usage` and `claude auth login` are in `claude/`; it shares no code with Signalbox, whose partner and adversary it is.

mod callback;
mod live;
mod locks;
mod login;
mod session;
mod store;
#[cfg(test)]
mod tests;
mod usage;

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::home::{Home, state_file};
use crate::http::{self, Answer, Request};
use locks::RefreshLock;
use session::SessionRecord;
use store::{Kept, Store};

pub use login::{Mood, login_command, not_a_command_yet, visit};
pub use usage::{Place, usage_command};

/// A login with less than this left is refreshed before it is used (`docs/observed.md` §3).
const REFRESH_AHEAD: Duration = Duration::from_secs(300);
const CLIENT_ID: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
/// What a refresh asks for, whatever is stored (`docs/observed.md` §1).
const SCOPES: &str =
    "user:profile user:inference user:sessions:claude_code user:mcp_servers user:file_upload user:plugins";
const CONSENTS: &str = "user:privacy_consents:write";
const TOKEN_AGENT: &str = "axios/1.15.2";
const PROFILE_AGENT: &str = "claude-code/2.1.330";
const MODEL_AGENT: &str = "claude-cli/2.1.330 (external, cli)";

/// One running Claude Code.
#[derive(Debug)]
pub struct Claude {
    store: Store,
    api: String,
    token: String,
    // Removes the record when dropped.
    _session: SessionRecord,
}

/// How a prompt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The model answered.
    Answered,
    /// "You've hit your limit": 429 on the model request.
    Limited,
    /// "Not logged in · Please run /login".
    LoggedOut,
    /// `API Error: …`; nothing was lost, the next prompt may work.
    Failed(String),
}

/// How an attempt to get a fresh token ended.
enum Renewal {
    /// There is a usable token, refreshed by this process or by another.
    Ready,
    /// The server said `invalid_grant`: the login was emptied.
    Ended,
    /// Anything else: transient.
    Failed(String),
}

impl Claude {
    /// Starts a session in `home`: writes its session record, and reads nothing yet.
    ///
    /// # Errors
    /// When the session record cannot be written.
    pub fn start(home: &Home) -> io::Result<Self> {
        Self::start_at(home.path(), home.api_base(), home.token_base())
    }

    /// As [`Claude::start`], for a process that knows only the folder and the two addresses.
    ///
    /// # Errors
    /// When the session record cannot be written.
    pub fn start_at(home: &Path, api: &str, token: &str) -> io::Result<Self> {
        let config = home.join(".claude");
        let session = SessionRecord::write(&config, "cli")?;
        let store = Store::new(config, state_file(home));
        Ok(Self { store, api: api.to_owned(), token: token.to_owned(), _session: session })
    }

    /// One prompt: re-read the login if its file changed, refresh it if it is about to expire, ask the model, and on a
    /// 401 refresh once and ask once more.
    pub fn prompt(&mut self, model: &str) -> Turn {
        let Some(held) = self.store.login() else { return Turn::LoggedOut };
        if held.expires_at_ms - now_ms() < ms(REFRESH_AHEAD) {
            match self.renew(&held) {
                Renewal::Ready => {}
                Renewal::Ended => return Turn::LoggedOut,
                Renewal::Failed(why) => return Turn::Failed(why),
            }
        }
        let Some(held) = self.store.login() else { return Turn::LoggedOut };
        match self.ask(&held, model) {
            Ok(answer) if answer.status == 401 => self.ask_again(&held, model),
            answer => turn(answer),
        }
    }

    fn ask_again(&mut self, refused: &Kept, model: &str) -> Turn {
        // A 401 makes it look at the file even when nothing says that it changed (`docs/observed.md` §6).
        self.store.forget();
        let unchanged = self.store.login().is_some_and(|now| now.access == refused.access);
        if unchanged {
            match self.renew(refused) {
                Renewal::Ready => {}
                Renewal::Ended => return Turn::LoggedOut,
                Renewal::Failed(why) => return Turn::Failed(why),
            }
        }
        let Some(held) = self.store.login() else { return Turn::LoggedOut };
        turn(self.ask(&held, model))
    }

    fn ask(&self, held: &Kept, model: &str) -> io::Result<Answer> {
        let body = json!({ "model": model, "max_tokens": 64, "messages": [{ "role": "user", "content": "hi" }] });
        http::send(&Request {
            method: "POST",
            base: &self.api,
            path: "/v1/messages?beta=true",
            agent: MODEL_AGENT,
            bearer: Some(&held.access),
            body: Some(body),
        })
    }

    /// Refreshes the login that this process holds, under both locks, unless another process has done it meanwhile.
    fn renew(&mut self, held: &Kept) -> Renewal {
        let lock = match RefreshLock::take(self.store.config()) {
            Ok(lock) => lock,
            Err(why) => return Renewal::Failed(why.to_string()),
        };
        self.store.forget();
        let Some(now) = self.store.login() else { return Renewal::Failed("Not logged in".to_owned()) };
        if now.access != held.access && now.expires_at_ms - now_ms() >= ms(REFRESH_AHEAD) {
            return Renewal::Ready;
        }
        let Some(spent) = now.refresh.clone() else { return Renewal::Failed("no refresh token".to_owned()) };
        let answer = self.spend(&spent, &now);
        let renewal = self.keep(&spent, &now, answer);
        drop(lock);
        renewal
    }

    fn spend(&self, refresh: &str, held: &Kept) -> io::Result<Answer> {
        let scope =
            if held.scopes.iter().any(|s| s == CONSENTS) { format!("{SCOPES} {CONSENTS}") } else { SCOPES.to_owned() };
        http::send(&Request {
            method: "POST",
            base: &self.token,
            path: "/v1/oauth/token",
            agent: TOKEN_AGENT,
            bearer: None,
            body: Some(json!({
                "grant_type": "refresh_token",
                "refresh_token": refresh,
                "client_id": CLIENT_ID,
                "scope": scope,
            })),
        })
    }

    /// Stores what the token endpoint gave. Only `invalid_grant` is a verdict (`docs/observed.md` §5, §11).
    fn keep(&mut self, spent: &str, held: &Kept, answer: io::Result<Answer>) -> Renewal {
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return Renewal::Failed(format!("API Error: {why}")),
        };
        let body = answer.json.unwrap_or_default();
        if answer.status == 400 && body["error"] == "invalid_grant" {
            return match self.store.empty(spent) {
                Ok(()) => Renewal::Ended,
                Err(why) => Renewal::Failed(why.to_string()),
            };
        }
        let Some(access) = body["access_token"].as_str().filter(|_| answer.status == 200) else {
            return Renewal::Failed(format!("API Error: {} from the token endpoint", answer.status));
        };
        if self.store.account_is_incomplete() {
            self.fetch_profile(access);
        }
        let renewed = held.renewed(&body, now_ms());
        match self.store.save(spent, &renewed) {
            Ok(()) => Renewal::Ready,
            Err(why) => Renewal::Failed(why.to_string()),
        }
    }

    /// Fills `oauthAccount` from the profile. When that fails the tokens are stored without it (`docs/observed.md` §3).
    fn fetch_profile(&self, access: &str) {
        let answer = http::send(&Request {
            method: "GET",
            base: &self.api,
            path: "/api/oauth/profile",
            agent: PROFILE_AGENT,
            bearer: Some(access),
            body: None,
        });
        if let Ok(Answer { status: 200, json: Some(profile) }) = answer {
            // A failed write of a cache loses nothing: it is fetched again at the next start.
            let _ = self.store.set_state("oauthAccount", &account_from(&profile));
        }
    }
}

fn turn(answer: io::Result<Answer>) -> Turn {
    match answer {
        Ok(Answer { status: 200, .. }) => Turn::Answered,
        Ok(Answer { status: 429, .. }) => Turn::Limited,
        Ok(Answer { status, .. }) => Turn::Failed(format!("API Error: {status}")),
        Err(why) => Turn::Failed(format!("API Error: {why}")),
    }
}

/// The identity part of `oauthAccount`, as the client takes it from a profile; the organisation's name is lost that way
/// (`docs/observed.md` §2).
fn account_from(profile: &Value) -> Value {
    let (account, organization) = (&profile["account"], &profile["organization"]);
    json!({
        "accountUuid": account["uuid"],
        "emailAddress": account["email"],
        "displayName": account["display_name"],
        "fullName": account["full_name"],
        "organizationUuid": organization["uuid"],
        "organizationRateLimitTier": organization["rate_limit_tier"],
        "hasExtraUsageEnabled": organization["has_extra_usage_enabled"],
        "seatTier": null,
        "ccOnboardingFlags": {},
        "claudeCodeTrialEndsAt": null,
        "claudeCodeTrialDurationDays": null,
        "profileFetchedAt": now_ms(),
    })
}

fn now_ms() -> i64 {
    ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Writes the credential store of a config directory as a sign-in does: under the storage lock alone, atomically, 0600.
///
/// # Errors
/// When the lock or the file cannot be had.
pub fn write_credentials(config: &Path, text: &str) -> io::Result<()> {
    let _lock = locks::StorageLock::take(config)?;
    live::LiveStore::new(config).replace(text)
}

/// The text of the credential store of a config directory; `None` when there is none.
#[must_use]
pub fn read_credentials(config: &Path) -> Option<String> {
    live::LiveStore::new(config).read()
}

/// Removes the Keychain item of a config directory, which outlives the directory.
#[cfg(target_os = "macos")]
pub fn remove_credentials(config: &Path) -> io::Result<()> {
    live::LiveStore::new(config).remove()
}
