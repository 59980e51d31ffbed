//! The whole scene: a simulated server, a private home, people with accounts, and the real programs started into it.
//! Owns putting these together; what happens on it is told by the tests, the demo and the benchmark.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use provider_sim::{
    Account, LoginId, Organization, OrganizationType, Server, Sim, SimOptions, Tokens, Usage, Window, WindowKind,
};

use crate::home::{Home, pair_fingerprint};
use crate::process::program;

/// The three people of every story, with the profile names they get.
pub const PROFILES: [&str; 3] = ["work", "personal", "side"];

/// A server, a home, and the people.
pub struct Stage {
    /// What the server knows: the truth about every login.
    pub sim: Sim,
    /// The private home.
    pub home: Home,
    // Stops serving when dropped.
    _server: Server,
}

/// A profile as it was registered.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name, which is also the account's on the server.
    pub alias: String,
    /// Its login on the server.
    pub login: LoginId,
    /// `oauthAccount` as Claude Code had written it.
    pub account: serde_json::Value,
}

/// What a program run said.
#[derive(Debug)]
pub struct Said {
    /// Its exit status.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Stage {
    /// A temporary scene with the three people, nobody signed in.
    ///
    /// # Errors
    /// When the server or the home cannot be made.
    pub fn new(options: SimOptions) -> Result<Self> {
        let (sim, server) = serve(options)?;
        let home = Home::temporary(&server.base_url)?;
        install_claude(&home)?;
        Ok(Self { sim, home, _server: server })
    }

    /// As [`Stage::new`], with a home that stays at `path`.
    ///
    /// # Errors
    /// When the server or the home cannot be made.
    pub fn at(path: &std::path::Path, options: SimOptions) -> Result<Self> {
        let (sim, server) = serve(options)?;
        let home = Home::at(path, &server.base_url)?;
        install_claude(&home)?;
        Ok(Self { sim, home, _server: server })
    }

    /// Signs `account` in on the server, and in Claude Code over whatever is live.
    ///
    /// # Errors
    /// When there is no such account, or the files cannot be written.
    pub fn sign_in(&self, account: &str) -> Result<Tokens> {
        let tokens = self.sim.login(account, None)?;
        self.home.sign_in(&self.sim, &tokens)?;
        Ok(tokens)
    }

    /// Registers one profile by the real CLI, after a sign-in to the account of the same name.
    ///
    /// # Errors
    /// When a step fails; the message has what the CLI said.
    pub fn seed(&self, alias: &str) -> Result<Profile> {
        let login = self.sign_in(alias)?.login;
        // Without `--yes` the second one would ask whether the account was meant to change.
        self.signalbox(&["add", alias, "--yes"])?;
        Ok(Profile { alias: alias.to_owned(), login, account: self.home.account()? })
    }

    /// Registers the three profiles, and ends with `work` live.
    ///
    /// # Errors
    /// When a step fails; the message has what the CLI said.
    pub fn seed_profiles(&self) -> Result<[Profile; 3]> {
        let [work, personal, side] = PROFILES;
        let profiles = [self.seed(work)?, self.seed(personal)?, self.seed(side)?];
        self.signalbox(&["use", work])?;
        Ok(profiles)
    }

    /// The real CLI with `arguments`, ready to start in this home and nowhere else.
    ///
    /// # Errors
    /// When it has not been built.
    pub fn cli(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("signalbox")?);
        command.env_clear().envs(kept()).envs(self.home.environment()).args(arguments).stdin(Stdio::null());
        Ok(command)
    }

    /// Runs the real CLI, which must succeed.
    ///
    /// # Errors
    /// When it does not; the message has what it said.
    pub fn signalbox(&self, arguments: &[&str]) -> Result<Said> {
        let said = self.ask_signalbox(arguments)?;
        anyhow::ensure!(said.code == Some(0), "`signalbox {}` failed:\n{}{}", arguments.join(" "), said.out, said.err);
        Ok(said)
    }

    /// Runs the real CLI, whatever comes of it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ask_signalbox(&self, arguments: &[&str]) -> Result<Said> {
        let Output { status, stdout, stderr } = self.cli(arguments)?.output().context("Cannot run signalbox")?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { code: status.code(), out: text(stdout), err: text(stderr) })
    }

    /// From here on `claude` does this first, in a shell.
    ///
    /// # Errors
    /// When the program cannot be replaced.
    pub fn claude_does_first(&self, first: &str) -> Result<()> {
        let program = self.home.bin().join("claude");
        let script =
            format!("#!/bin/sh\n{first}\nexec '{}' \"$@\"\n", crate::process::program("claude-sim")?.display());
        let new = program.with_extension("new");
        std::fs::write(&new, script)?;
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755))?;
        // One that runs must not be written over.
        Ok(std::fs::rename(new, program)?)
    }

    /// Whether the live login is a usable one of `account`, by the server's own word.
    #[must_use]
    pub fn live_is(&self, account: &str) -> bool {
        let Ok((access, refresh)) = self.home.live_pair() else { return false };
        let whose = self.sim.owner(&access).and_then(|login| self.sim.report(login)).map(|report| report.account);
        whose.as_deref() == Some(account) && self.sim.access_is_alive(&access) && self.sim.is_alive(&refresh)
    }

    /// The fingerprint of a login's newest pair on the server.
    ///
    /// # Errors
    /// When there is no such login.
    pub fn newest_fingerprint(&self, login: LoginId) -> Result<String> {
        let newest = self.sim.newest(login).context("no such login")?;
        Ok(pair_fingerprint(&newest.access_token, newest.refresh()))
    }
}

/// The simulated Claude Code is the `claude` of this home. A real one further on in `PATH` must never be given a
/// simulated login.
fn install_claude(home: &Home) -> Result<()> {
    std::fs::create_dir(home.bin())?;
    std::os::unix::fs::symlink(program("claude-sim")?, home.bin().join("claude")).context("Cannot install `claude`")
}

fn serve(options: SimOptions) -> Result<(Sim, Server)> {
    let sim = Sim::new(options);
    populate(&sim)?;
    let server = Server::spawn(sim.clone()).context("Cannot start the simulated provider")?;
    Ok((sim, server))
}

/// The three people, with usage that tells their cards apart at a glance.
fn populate(sim: &Sim) -> Result<()> {
    let hour = 3_600_000;
    let max = |name: &str, tier: &str| vec![Organization::new(name, OrganizationType::ClaudeMax).with_tier(tier)];
    sim.add_account(
        Account::new("work", "ada@northwind-research.example")
            .in_organizations(max("Northwind Research", "default_claude_max_20x")),
    );
    sim.add_account(
        Account::new("personal", "ada@example.org")
            .in_organizations(max("ada@example.org's Organization", "default_claude_max_5x")),
    );
    sim.add_account(
        Account::new("side", "hello@tinyfoundry.example")
            .in_organizations(vec![Organization::new("Tiny Foundry", OrganizationType::ClaudePro)]),
    );
    for (account, five_hour, seven_day, opus) in
        [("work", 71.0, 47.0, Some(18.0)), ("personal", 6.0, 31.0, Some(4.0)), ("side", 0.0, 12.0, None)]
    {
        let now = sim.now_ms();
        let mut windows = vec![
            Window::new(WindowKind::FiveHour, five_hour, (five_hour > 0.0).then_some(now + 2 * hour)),
            Window::new(WindowKind::SevenDay, seven_day, Some(now + 76 * hour)),
        ];
        windows.extend(opus.map(|used| Window::of_model("Opus", used, Some(now + 76 * hour))));
        sim.set_usage(account, None, Usage::of(windows))?;
    }
    Ok(())
}

/// What every program needs of the outer environment, and no more: no `ANTHROPIC_*`, no `CLAUDE_*`, no `HOME`.
#[must_use]
pub fn kept() -> Vec<(String, String)> {
    ["PATH", "LANG", "LC_ALL", "TZ", "RUST_BACKTRACE", "RUST_LOG", "TMPDIR"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
        .collect()
}
