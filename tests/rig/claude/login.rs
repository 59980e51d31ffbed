//! `claude auth login`: a person signs in with a browser, and the login is stored (`docs/observed.md` §7). Owns what is
//! said and asked on the way, what is written, how it ends, and the moods in which a test wants it; the way back from the
//! browser is `callback.rs`. Left out: `--console`, `--sso`, and the import from the environment.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::callback::{self, Came, Listener};
use super::live::LiveStore;
use super::locks::StorageLock;
use super::store::{Store, write_file};
use super::{CLIENT_ID, PROFILE_AGENT, Place, TOKEN_AGENT, account_from, now_ms};
use crate::http::{self, Answer, Request};
use crate::members::Members;

const SCOPES: &str = "org:create_api_key user:profile user:inference user:sessions:claude_code user:mcp_servers \
    user:file_upload user:plugins user:privacy_consents:write org:desktop_config";
/// Where a code for hand use is shown.
const CODE_PAGE: &str = "https://platform.claude.com/oauth/code/callback";
/// How long a slow one takes for each step.
const SLOWNESS: Duration = Duration::from_millis(1_500);
/// How long an exchange that is under way is waited for after a signal. Seen of a refresh (`docs/observed.md` §3), and
/// taken to hold here, too.
const GRACE: Duration = Duration::from_secs(2);

/// What a test wants of a run: `SIM_CLAUDE_LOGIN`, or the file `login-mood` in the home folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As the real one.
    Usual,
    /// `slow`: takes 1.5 s until it asks for the browser, and again before it stores anything.
    Slow,
    /// `fails`: ends with an error before it asks for anything.
    Fails,
    /// `never-opens`: prints the address and calls no browser.
    NeverOpens,
    /// `needs-tty`: ends at once where its standard input is no terminal.
    NeedsTty,
    /// `crashes`: is gone between the exchange and the storing.
    Crashes,
    /// `lingers`: ends half a second after a signal, as the real one may.
    Lingers,
}

impl Mood {
    /// The one that was asked for.
    ///
    /// # Errors
    /// When there is no such mood: a test that names one must get it.
    pub fn from_environment() -> io::Result<Self> {
        let file = std::env::var_os("HOME").map(|home| std::path::PathBuf::from(home).join("login-mood"));
        let told = std::env::var("SIM_CLAUDE_LOGIN").ok().or_else(|| fs::read_to_string(file?).ok());
        Ok(match told.as_deref().map(str::trim) {
            None | Some("") => Self::Usual,
            Some("slow") => Self::Slow,
            Some("fails") => Self::Fails,
            Some("never-opens") => Self::NeverOpens,
            Some("needs-tty") => Self::NeedsTty,
            Some("crashes") => Self::Crashes,
            Some("lingers") => Self::Lingers,
            Some(other) => return Err(io::Error::other(format!("SIM_CLAUDE_LOGIN: there is no `{other}`"))),
        })
    }
}

/// The secrets of one sign-in, and what follows from them.
struct Asked {
    verifier: String,
    challenge: String,
    state: String,
    redirect_uri: String,
    email: Option<String>,
}

impl Asked {
    fn new(port: u16, email: Option<&str>) -> io::Result<Self> {
        let verifier = secret()?;
        let challenge = base64url(&Sha256::digest(verifier.as_bytes()));
        let redirect_uri = format!("http://localhost:{port}/callback");
        Ok(Self { challenge, verifier, state: secret()?, redirect_uri, email: email.map(str::to_owned) })
    }

    /// What the browser is called with.
    fn long_form(&self, server: &str) -> String {
        let mut url = format!("{server}/cai/oauth/authorize?code=true&client_id={CLIENT_ID}&response_type=code");
        for (name, value) in [
            ("redirect_uri", self.redirect_uri.as_str()),
            ("scope", SCOPES),
            ("code_challenge", &self.challenge),
            ("code_challenge_method", "S256"),
            ("state", &self.state),
        ] {
            let _ = write!(url, "&{name}={}", escaped(value));
        }
        url + &self.hint()
    }

    /// What is printed for hand use.
    fn short_form(&self, server: &str) -> String {
        format!("{server}/oauth/authorize?z-{}{}", self.challenge, self.hint())
    }

    fn hint(&self) -> String {
        self.email.as_deref().map(|email| format!("&login_hint={}", escaped(email))).unwrap_or_default()
    }
}

/// The whole run; the exit status.
///
/// # Errors
/// When nothing could be asked: no port, no random numbers.
pub fn login_command(place: &Place, email: Option<&str>, mood: Mood) -> io::Result<u8> {
    if mood == Mood::NeedsTty && !io::stdin().is_terminal() {
        eprintln!("Error: Raw mode is not supported on the current process.stdin, which Ink uses as input stream");
        return Ok(1);
    }
    let exchanging = Arc::new(AtomicBool::new(false));
    heed_signals(mood, Arc::clone(&exchanging))?;
    // Also a login that fails leaves this file.
    let store = Store::new(place.credentials.clone(), place.state.clone());
    store.set_state("firstStartTime", &json!(now_ms()))?;
    let backups = place.config.join("backups");
    fs::create_dir_all(&backups)?;
    fs::copy(&place.state, backups.join(format!(".claude.json.backup.{}", now_ms())))?;
    if mood == Mood::Fails {
        return Ok(failed("Request failed with status code 500"));
    }
    let listener = Listener::open()?;
    let asked = Asked::new(listener.port()?, email)?;
    let codes = ask(place, &asked, listener, mood)?;
    let Ok(came) = codes.recv() else { return Ok(failed("No authorization code received")) };
    let Some(code) = came.code.as_deref() else {
        came.answer(400, None, "Authorization code not found");
        return Ok(failed("No authorization code received"));
    };
    exchanging.store(true, Ordering::SeqCst);
    slowly(mood);
    let outcome = exchange(place, &asked, &came, code).and_then(|grant| {
        if mood == Mood::Crashes {
            std::process::abort();
        }
        keep(place, &store, &grant).map_err(|error| error.to_string())
    });
    exchanging.store(false, Ordering::SeqCst);
    match outcome {
        Ok(()) => {
            let page = format!("{}/oauth/code/success?app=claude-code", place.token);
            came.answer(302, Some(&page), "");
            println!("Login successful.");
            Ok(0)
        }
        Err(why) => {
            came.answer(400, None, "Sign-in failed");
            Ok(failed(&why))
        }
    }
}

fn failed(why: &str) -> u8 {
    println!("Couldn't log in: {why}");
    1
}

fn slowly(mood: Mood) {
    if mood == Mood::Slow {
        std::thread::sleep(SLOWNESS);
    }
}

/// Sends the person to the browser; codes come from there, or from whoever pastes one.
fn ask(place: &Place, asked: &Asked, listener: Listener, mood: Mood) -> io::Result<mpsc::Receiver<Came>> {
    let (tell, codes) = mpsc::channel();
    let pasted = tell.clone();
    let state = asked.state.clone();
    std::thread::spawn(move || listener.listen(&state, &tell));
    slowly(mood);
    println!("Opening browser to sign in…\nIf the browser didn't open, visit:\n{}", asked.short_form(&place.token));
    print!("Paste code here if prompted > ");
    io::stdout().flush()?;
    std::thread::spawn(move || {
        // Without anybody at the other end there is no code, and the browser decides.
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if let Some((code, state)) = line.trim().split_once('#') {
                let came = Came::pasted(code, CODE_PAGE, state);
                let _ = pasted.send(came);
            }
        }
    });
    if let Some(browser) = std::env::var_os("BROWSER").filter(|_| mood != Mood::NeverOpens) {
        let mut opening = Command::new(browser);
        opening.arg(asked.long_form(&place.token)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // One that cannot be opened is why the address is printed.
        let _ = opening.status();
    }
    Ok(codes)
}

fn exchange(place: &Place, asked: &Asked, came: &Came, code: &str) -> Result<Value, String> {
    let answer = http::send(&Request {
        method: "POST",
        base: &place.token,
        path: "/v1/oauth/token",
        agent: TOKEN_AGENT,
        bearer: None,
        body: Some(json!({
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": came.redirect_uri.as_deref().unwrap_or(&asked.redirect_uri),
            "client_id": CLIENT_ID,
            "code_verifier": asked.verifier,
            "state": came.state.as_deref().unwrap_or(&asked.state),
        })),
    });
    match answer {
        Ok(Answer { status: 200, json: Some(grant) }) => Ok(grant),
        Ok(Answer { status, .. }) => Err(format!("Request failed with status code {status}")),
        Err(why) => Err(why.to_string()),
    }
}

/// Stores the login, and the account beside it. Takes the storage lock, and no other.
fn keep(place: &Place, store: &Store, grant: &Value) -> io::Result<()> {
    let access = grant["access_token"].as_str().unwrap_or_default();
    let get = |path| {
        let request =
            Request { method: "GET", base: &place.api, path, agent: PROFILE_AGENT, bearer: Some(access), body: None };
        http::send(&request).ok().filter(|answer| answer.status == 200).and_then(|answer| answer.json)
    };
    let profile = get("/api/oauth/profile").unwrap_or_default();
    let roles = get("/api/oauth/claude_cli/roles").unwrap_or_default();
    let organization = &profile["organization"];
    let in_ms = |name: &str| grant[name].as_i64().map(|seconds| now_ms() + seconds * 1_000);
    let plan = organization["organization_type"].as_str().and_then(|plan| plan.strip_prefix("claude_"));
    let mut login = json!({
        "accessToken": access,
        "refreshToken": grant["refresh_token"],
        "expiresAt": in_ms("expires_in"),
        "refreshTokenExpiresAt": in_ms("refresh_token_expires_in"),
        "scopes": grant["scope"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>(),
        "subscriptionType": plan,
        "subscriptionTypeSource": "sign_in",
        "subscriptionTypeVerifiedAt": now_ms(),
        "rateLimitTier": organization["rate_limit_tier"],
        "accountUuid": profile["account"]["uuid"],
        "organizationUuid": organization["uuid"],
    });
    if let Value::Object(members) = &mut login {
        members.retain(|_, value| !value.is_null());
    }
    {
        let _lock = StorageLock::take(&place.credentials)?;
        let live = LiveStore::new(&place.credentials);
        let text = live.read().unwrap_or_else(|| "{}".to_owned());
        let mut members = Members::parse(&text).map_err(io::Error::other)?;
        members.set("claudeAiOauth", &login);
        live.replace(&members.text())?;
    }
    let mut account = account_from(&profile);
    account["organizationName"] = roles["organization_name"].clone();
    account["organizationRole"] = roles["organization_role"].clone();
    account["workspaceRole"] = roles["workspace_role"].clone();
    store.set_state("oauthAccount", &account)
}

/// SIGTERM, SIGHUP and SIGINT end it, but not in the middle of an exchange that ends in time.
fn heed_signals(mood: Mood, exchanging: Arc<AtomicBool>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut term, mut hup, mut int) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            // The statuses of 2.1.330, run and looked at.
            let status = tokio::select! {
                _ = term.recv() => 143,
                _ = hup.recv() => 129,
                _ = int.recv() => 0,
            };
            if mood == Mood::Lingers {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            let steps = GRACE.as_millis() / 20;
            for _ in 0..steps {
                if !exchanging.load(Ordering::SeqCst) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            std::process::exit(status);
        });
    });
    Ok(())
}

/// 32 random bytes as text.
fn secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(base64url(&bytes))
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(|at| DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char).collect::<String>()
    };
    bytes.chunks(3).map(digits).collect()
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b' ' => text.push('+'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(byte as char),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}

/// Where `auth` is unknown, both words are a prompt; without a login that gets nowhere.
///
/// # Errors
/// When the state cannot be written.
pub fn not_a_command_yet(place: &Place) -> io::Result<u8> {
    write_file(&place.state, &format!(".claude.json.tmp.{}.", std::process::id()), "{}")?;
    println!("Invalid API key · Please run /login");
    Ok(1)
}

pub use callback::visit;
