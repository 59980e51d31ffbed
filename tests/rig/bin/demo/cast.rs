//! What both stories begin with: the server, the home, the three profiles, and the two simulated Claude Codes. Owns how they
//! are brought on and what may be said about them; it clicks nothing.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use provider_sim::{LoginState, SimOptions, Terms, Usage};
use signalbox_tests::process::{Running, program};
use signalbox_tests::stage::{PROFILES, Profile, Stage, kept};

use crate::narrator::Narrator;

/// Claude Code refreshes a login that has less than five minutes left. With tokens that live a little longer than that, the
/// two of them rotate it every dozen seconds instead of every eight hours.
const ACCESS_LIFE_MS: i64 = 312_000;

/// Server, home, profiles; later the two Claude Codes.
pub struct Cast {
    pub stage: Stage,
    pub work: Profile,
    pub personal: Profile,
    pub side: Profile,
    sessions: Vec<Running>,
}

impl Cast {
    /// Brings on server, home and profiles, and says so.
    pub fn assemble(folder: &Path, tell: &mut Narrator) -> Result<Self> {
        tell.step("A stand-in for Anthropic's server starts on this machine.");
        tell.say(
            "It keeps the rule that makes switching dangerous: a refresh token works exactly once. Claude Code spends it and \
             gets a new pair; whoever presents the spent one again has the whole login revoked.",
        );
        let terms = Terms { access_life_ms: ACCESS_LIFE_MS, ..Terms::default() };
        let options = SimOptions { terms, usage_budget: None, ..SimOptions::default() };
        let stage = Stage::at(&folder.join("home"), options).context("Cannot set the stage")?;
        for account in PROFILES {
            let usage = stage.sim.usage(account, None)?;
            stage.sim.set_usage(account, None, gently(usage))?;
        }

        tell.step("Three logins become three profiles: work, personal, side.");
        tell.say(
            "Each time, Claude Code signs in as usual and `signalbox add NAME` saves that login, sealed, after the server has \
             said whose it is. The home is the demo's own (target/demo/home); your real login is not touched.",
        );
        let [work, personal, side] = stage.seed_profiles()?;
        let list = stage.signalbox(&["list"])?.out;
        for line in list.lines().filter(|line| !line.trim().is_empty()) {
            println!("      {line}");
        }
        let cast = Self { stage, work, personal, side, sessions: Vec::new() };
        tell.claim("Claude Code's own login is `work` now, and the server accepts it.", cast.stage.live_is("work"));
        tell.claim("No file of Signalbox holds a token in readable form.", cast.no_token_is_readable()?);
        Ok(cast)
    }

    /// Starts the two Claude Codes.
    pub fn start_sessions(&mut self, folder: &Path) -> Result<()> {
        for (number, (every_ms, model)) in
            [("900", "claude-opus-4"), ("1300", "claude-sonnet-4")].into_iter().enumerate()
        {
            let home = &self.stage.home;
            let log = File::create(folder.join(format!("claude-{}.log", number + 1)))?;
            let mut command = Command::new(program("claude-sim")?);
            command.env_clear().envs(kept()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            command.arg("--home").arg(home.path());
            command.args([
                "--api",
                home.api_base(),
                "--token",
                home.token_base(),
                "--every-ms",
                every_ms,
                "--model",
                model,
            ]);
            self.sessions.push(Running::start(&mut command)?);
        }
        Ok(())
    }

    pub fn profiles(&self) -> [&Profile; 3] {
        [&self.work, &self.personal, &self.side]
    }

    /// The account whose token the newest model request carried, and how many such requests there were so far.
    pub fn asking(&self) -> (Option<String>, usize) {
        let asked: Vec<_> = self
            .stage
            .sim
            .requests()
            .into_iter()
            .filter(|r| r.path == "/v1/messages" && r.status == Some(200))
            .collect();
        (asked.last().and_then(|request| request.account.clone()), asked.len())
    }

    /// Whether each profile's login still works.
    pub fn all_alive(&self) -> bool {
        self.profiles().iter().all(|profile| self.is_alive(profile))
    }

    pub fn is_alive(&self, profile: &Profile) -> bool {
        self.stage.sim.state(profile.login) == Some(LoginState::Alive)
    }

    /// Whether what is saved of `profile` is the newest pair that the server gave for it.
    pub fn newest_is_saved(&self, profile: &Profile) -> bool {
        let newest = self.stage.newest_fingerprint(profile.login);
        let saved = self.stage.home.cred(&profile.alias).map(|head| head.fingerprint);
        matches!((newest, saved), (Ok(newest), Ok(saved)) if newest == saved)
    }

    /// Whether no token that the server ever gave stands in any file of the data folder. Every one begins like this.
    fn no_token_is_readable(&self) -> Result<bool> {
        let mut folders = vec![self.stage.home.data()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() && holds(&std::fs::read(entry.path())?, b"sk-ant-") {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Burns slowly enough that the demo never reaches a limit.
fn gently(mut usage: Usage) -> Usage {
    usage.burn.five_hour = 0.15;
    usage.burn.seven_day = 0.02;
    usage.burn.scoped = 0.04;
    usage
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// A fingerprint short enough to read aloud.
pub fn short(fingerprint: &str) -> &str {
    fingerprint.get(..8).unwrap_or(fingerprint)
}
