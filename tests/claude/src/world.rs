//! The world of one scenario: a simulated server, the proxy before it, and a private home in which the real client and
//! the real `signalbox` run. Owns their environment, which is built from nothing; leaves what happens to the scenarios.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use provider_sim::{Account, Endpoint, Logged, Server, SignIn, Sim, SimOptions, Tokens};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::proxy::{Proxy, Traffic};
use crate::run::{self, Said, Started};

/// The two people of every scenario: the account's key, which is the profile's alias too, and the e-mail.
pub const PEOPLE: [(&str, &str); 2] = [("a", "ada@example.org"), ("b", "bo@example.org")];

/// The programs under test.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The real Claude Code.
    pub claude: PathBuf,
    /// The real CLI.
    pub signalbox: PathBuf,
}

/// See the module. Everything ends, and every file goes, when it is dropped.
pub struct World {
    /// What the server knows: the truth about every login.
    pub sim: Sim,
    programs: Programs,
    home: tempfile::TempDir,
    proxy: Proxy,
    // Stops serving when dropped.
    server: Server,
}

impl World {
    /// A fresh world with both people, nobody signed in.
    ///
    /// # Errors
    /// When something of it cannot be made.
    pub fn new(programs: &Programs) -> Result<Self> {
        let sim = Sim::new(SimOptions::default());
        for (key, email) in PEOPLE {
            sim.add_account(Account::new(key, email));
        }
        let server = Server::spawn(sim.clone()).context("Cannot start the simulated provider")?;
        let proxy = Proxy::before(server.port)?;
        let home = tempfile::Builder::new().prefix("sb-claude-").tempdir()?;
        let world = Self { sim, programs: programs.clone(), home, proxy, server };
        world.furnish()?;
        Ok(world)
    }

    /// What a person has who has used Claude Code before: no questions at the start.
    fn furnish(&self) -> Result<()> {
        for folder in [".claude", "bin", "tmp", "project", "said"] {
            fs::DirBuilder::new().mode(0o700).create(self.path(folder))?;
        }
        symlink(&self.programs.claude, self.path("bin/claude"))?;
        fs::write(self.authority(), &self.proxy.authority)?;
        let project = self.path("project").canonicalize()?;
        let mut trusted = serde_json::Map::new();
        let answered = json!({ "hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true });
        trusted.insert(project.to_string_lossy().into_owned(), answered);
        let state = json!({ "hasCompletedOnboarding": true, "numStartups": 7, "theme": "dark", "projects": trusted });
        write_private(&self.state_file(), &state)?;
        Ok(())
    }

    /// A path in the private home.
    pub fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    /// `~/.claude.json`.
    pub fn state_file(&self) -> PathBuf {
        self.path(".claude.json")
    }

    /// `~/.claude/.credentials.json`.
    pub fn store(&self) -> PathBuf {
        self.path(".claude/.credentials.json")
    }

    /// The certificate that the client has to trust.
    fn authority(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// The proxy's address and the authority's certificate, for who plays the person's browser.
    pub fn way_out(&self) -> (&str, &str) {
        (&self.proxy.url, &self.proxy.authority)
    }

    /// Who was asked for on the way out.
    pub fn traffic(&self) -> Traffic {
        self.proxy.traffic()
    }

    /// The whole environment of every program, and nothing of the outer one.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        vec![
            ("HOME", text(self.home.path().to_owned())),
            ("USER", "ada".to_owned()),
            ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", text(self.path("bin")))),
            ("LANG", "C.UTF-8".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("TMPDIR", text(self.path("tmp"))),
            ("HTTPS_PROXY", self.proxy.url.clone()),
            ("HTTP_PROXY", self.proxy.url.clone()),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
            ("NODE_EXTRA_CA_CERTS", text(self.authority())),
            ("SSL_CERT_FILE", text(self.authority())),
            ("DISABLE_AUTOUPDATER", "1".to_owned()),
            ("DISABLE_TELEMETRY", "1".to_owned()),
            ("DISABLE_ERROR_REPORTING", "1".to_owned()),
        ]
    }

    /// The real client with `arguments`, ready to start in this home and nowhere else.
    pub fn claude_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/claude"));
        command.env_clear().envs(self.environment()).current_dir(self.path("project")).args(arguments);
        command
    }

    /// Starts a program, its output kept in this home.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, command: Command) -> Result<Started> {
        run::start(command, &self.path("said"))
    }

    /// Runs the real client, whatever comes of it.
    ///
    /// # Errors
    /// When it cannot be started, or does not end.
    pub fn claude(&self, arguments: &[&str]) -> Result<Said> {
        self.start(self.claude_command(arguments))?.end()
    }

    /// Runs the real CLI, which must succeed.
    ///
    /// # Errors
    /// When it does not; the message has what it said.
    pub fn signalbox(&self, arguments: &[&str]) -> Result<Said> {
        let said = self.start(self.signalbox_command(arguments))?.end()?;
        ensure!(said.code == Some(0), "`signalbox {}` failed:\n{}{}", arguments.join(" "), said.out, said.err);
        Ok(said)
    }

    /// The real CLI with `arguments`, ready to start in this home and nowhere else.
    pub fn signalbox_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.programs.signalbox);
        let base = &self.server.base_url;
        command
            .env_clear()
            .envs(self.environment())
            .env("SIGNALBOX_DATA_DIR", self.path("signalbox"))
            .env("SIGNALBOX_API_BASE", base)
            .env("SIGNALBOX_TOKEN_BASE", base)
            .current_dir(self.path("project"))
            .args(arguments);
        command
    }

    /// Signs a person in on the server and in the client's files, as the client itself leaves them after a sign-in
    /// (`docs/observed.md` §3, §7).
    ///
    /// # Errors
    /// When there is no such person, or a file cannot be written.
    pub fn sign_in(&self, wish: &SignIn) -> Result<Tokens> {
        let tokens = self.sim.sign_in(wish)?;
        let account = self.sim.account(&tokens.seat.account).context("an account")?;
        let organization = account.organization(Some(&tokens.seat.identity.organization_uuid)).context("a seat")?;
        let mut block = provider_sim::oauth_account(&account, organization, self.sim.now_ms());
        block["ccOnboardingFlags"] = json!({});
        block["claudeCodeTrialEndsAt"] = Value::Null;
        block["claudeCodeTrialDurationDays"] = Value::Null;
        // What belongs to the machine has to survive every switch.
        let machine = json!({ "linear|7f3a": { "serverName": "linear", "accessToken": "sim-mcp-abc" } });
        write_private(&self.store(), &json!({ "mcpOAuth": machine, "claudeAiOauth": tokens.claude_ai_oauth() }))?;
        let mut state = read_json(&self.state_file())?;
        state["oauthAccount"] = block;
        write_private(&self.state_file(), &state)?;
        Ok(tokens)
    }

    /// Both people registered as profiles, `a` live. Returns their logins as they were signed in.
    ///
    /// # Errors
    /// When a step fails.
    pub fn two_profiles(&self, second: &SignIn) -> Result<[Tokens; 2]> {
        let first = self.sign_in(&SignIn::new("a", None))?;
        self.signalbox(&["add", "a", "--yes"])?;
        let second = self.sign_in(second)?;
        self.signalbox(&["add", "b", "--yes"])?;
        self.signalbox(&["use", "a"])?;
        self.sim.clear_requests();
        Ok([first, second])
    }

    /// `claudeAiOauth` as it stands in the live store.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn live(&self) -> Result<Value> {
        Ok(read_json(&self.store())?["claudeAiOauth"].take())
    }

    /// Lets the live login lapse so soon, as far as the client can tell: the server keeps its own date.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn live_lapses_in(&self, left: Duration) -> Result<()> {
        let mut store = read_json(&self.store())?;
        store["claudeAiOauth"]["expiresAt"] = json!(self.sim.now_ms() + i64::try_from(left.as_millis())?);
        write_private(&self.store(), &store)
    }

    /// The fingerprint of the login that a profile has saved, from the readable head of its file.
    ///
    /// # Errors
    /// When there is none.
    pub fn saved(&self, alias: &str) -> Result<String> {
        let path = self.path("signalbox/creds").join(format!("{alias}.cred"));
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let head: Value = serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next().unwrap_or_default())?;
        Ok(head["fingerprint"].as_str().context("a fingerprint")?.to_owned())
    }

    /// The requests since the log was cleared, to one endpoint.
    pub fn requests(&self, endpoint: Endpoint) -> Vec<Logged> {
        self.sim.requests().into_iter().filter(|request| request.endpoint == endpoint).collect()
    }
}

/// The fingerprint that Signalbox gives to a pair of tokens, reckoned anew from its definition: the first 16 bytes of
/// SHA-256 over access token, a zero byte, refresh token.
pub fn fingerprint(tokens: &Tokens) -> String {
    let text = format!("{}\0{}", tokens.access_token, tokens.refresh());
    Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a file of JSON.
///
/// # Errors
/// When it cannot be read or is none.
pub fn read_json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The hash of every file of the person's own, `~/.claude` and `~/.claude.json`, by its path.
///
/// # Errors
/// When one cannot be read.
pub fn own_files(world: &World) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    collect(&world.path(".claude"), &mut found)?;
    note(&world.state_file(), &mut found)?;
    Ok(found)
}

fn collect(folder: &Path, found: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), found)?;
        } else {
            note(&entry.path(), found)?;
        }
    }
    Ok(())
}

fn note(file: &Path, found: &mut BTreeMap<String, String>) -> Result<()> {
    let hash = Sha256::digest(fs::read(file)?);
    found.insert(file.display().to_string(), hash.iter().map(|byte| format!("{byte:02x}")).collect());
    Ok(())
}

fn write_private(path: &Path, value: &Value) -> Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(serde_json::to_string_pretty(value)?.as_bytes())?;
    Ok(())
}
