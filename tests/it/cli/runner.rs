//! Plays the cases of `tests/cmd`. Owns what each fixture does to the private home and the order of the checks; several
//! cases run at once, each in a home and with a server of its own, because some of them wait for a server that is slow.

use std::fs;
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use provider_sim::{LoginId, SimOptions};
use serde_json::json;
use signalbox_tests::process::free_port;
use signalbox_tests::process::program;
use signalbox_tests::stage::{Said, Stage};

use super::case::{self, Case, Given, Live, Run};
use super::{loss, pattern, readings, sessions};

/// How many cases run at once.
const AT_ONCE: usize = 6;
/// Plays only the cases whose names hold this.
const ONLY: &str = "SIGNALBOX_CASE";

#[test]
fn every_case_in_tests_cmd_holds() {
    let only = std::env::var(ONLY).unwrap_or_default();
    let cases: Vec<Case> =
        case::all().expect("readable cases").into_iter().filter(|c| c.name.contains(&only)).collect();
    let next = AtomicUsize::new(0);
    let play_on = || {
        let mut failures = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            failures.extend(play(case).err().map(|error| format!("{}: {error:#}", case.name)));
        }
        failures
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let players: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(play_on)).collect();
        players.into_iter().flat_map(|player| player.join().expect("a player does not panic")).collect()
    });
    assert!(failures.is_empty(), "{} of {} cases:\n\n{}", failures.len(), cases.len(), failures.join("\n\n"));
}

fn play(case: &Case) -> Result<()> {
    if case.given.live == Some(Live::Foreign) && !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED {}: only root can give a file away", case.name);
        return Ok(());
    }
    let stage = Stage::new(SimOptions::default())?;
    let logins = set_up(&stage, &case.given)?;
    let undo = break_files(&stage, &case.given)?;
    let _running = sessions::start_all(&stage, &case.given)?;
    for fault in &case.given.faults {
        stage.sim.fault(fault.clone());
    }
    stage.sim.clear_requests();
    for run in &case.run {
        type_in(&stage, &case.given, run).with_context(|| format!("signalbox {}", run.args))?;
    }
    check_end(&stage, case)?;

    stage.sim.clear_faults();
    undo.mend(&stage)?;
    let kept: Vec<_> = logins.into_iter().filter(|(account, _)| !case.then.gone.contains(account)).collect();
    loss::check_all_usable(&stage, &kept).context("afterwards")
}

/// Registers the profiles, and lets happen on the server and in Claude Code what the case says. Returns whose logins there
/// are.
fn set_up(stage: &Stage, given: &Given) -> Result<Vec<(String, LoginId)>> {
    let mut logins = Vec::new();
    for profile in &given.profiles {
        let profile = stage.seed(profile)?;
        readings::keep(stage, &profile, &given.readings)?;
        logins.push((profile.alias, profile.login));
    }
    if given.profiles.len() > 1 {
        stage.signalbox(&["use", &given.profiles[0]])?;
    }
    let of = |name: &String| logins.iter().find(|(account, _)| account == name).map(|(_, login)| *login);
    for name in &given.ended {
        ensure!(stage.sim.end_login(of(name).context("no such profile")?));
    }
    for name in &given.withdrawn {
        ensure!(stage.sim.withdraw_access(of(name).context("no such profile")?));
    }
    if let Some(account) = &given.sign_in {
        let login = stage.sign_in(account)?.login;
        // A second sign-in of an account takes the place of the first.
        logins.retain(|(other, _)| other != account);
        logins.push((account.clone(), login));
    }
    if given.rotated {
        let (_, refresh) = stage.home.live_pair()?;
        let tokens = stage.sim.refresh(&refresh).map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
        stage.home.sign_in(&stage.sim, &tokens)?;
    }
    Ok(logins)
}

/// How a person would mend what the fixture broke.
struct Undo {
    live: Option<Vec<u8>>,
    /// What stood there, if anything did.
    files: Vec<(String, Option<Vec<u8>>)>,
    /// Files of Claude Code's that were not there.
    claude_files: Vec<PathBuf>,
}

fn break_files(stage: &Stage, given: &Given) -> Result<Undo> {
    let mut undo = Undo { live: None, files: Vec::new(), claude_files: Vec::new() };
    for (name, text) in &given.files {
        let path = stage.home.data().join(name);
        undo.files.push((name.clone(), fs::read(&path).ok()));
        fs::create_dir_all(stage.home.data())?;
        fs::write(&path, text)?;
    }
    for (name, text) in &given.claude_files {
        let path = stage.home.config().join(name);
        fs::write(&path, text)?;
        undo.claude_files.push(path);
    }
    if let Some(live) = given.live {
        let before = fs::read(stage.home.store())?;
        break_live(stage, live, &before)?;
        // Claude Code itself made a husk, or signed out: there is nothing to mend.
        let damaged = !matches!(live, Live::Husk | Live::SignedOut | Live::Missing | Live::WorldReadable);
        undo.live = damaged.then_some(before);
    }
    Ok(undo)
}

fn break_live(stage: &Stage, live: Live, before: &[u8]) -> Result<()> {
    let path = stage.home.store();
    match live {
        Live::Husk => {
            let mut store = stage.home.live()?;
            let husk = json!({ "accessToken": "", "refreshToken": "", "expiresAt": 0, "scopes": [] });
            store.set("claudeAiOauth", &husk);
            fs::write(&path, store.text())?;
        }
        Live::SignedOut => {
            let rest = stage.home.live()?.besides("claudeAiOauth");
            let rest: Vec<String> = rest.iter().map(|(name, raw)| format!("{}:{raw}", json!(name))).collect();
            fs::write(&path, format!("{{{}}}", rest.join(",")))?;
        }
        Live::Missing => fs::remove_file(&path)?,
        Live::Empty => fs::write(&path, "")?,
        Live::Malformed => fs::write(&path, &before[..before.len() / 2])?,
        Live::Huge => fs::write(&path, vec![b' '; 10_000_000])?,
        Live::NotUtf8 => fs::write(&path, b"{\"claudeAiOauth\":{\"accessToken\":\"\xff\xfe\"}}")?,
        Live::Folder => {
            fs::remove_file(&path)?;
            fs::create_dir(&path)?;
        }
        Live::Foreign => chown(&path, Some(65_534), None).context("only root can give a file away")?,
        Live::Link => {
            let target = stage.home.path().join("dotfiles.json");
            fs::rename(&path, &target)?;
            symlink(&target, &path)?;
        }
        Live::WorldReadable => fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?,
    }
    Ok(())
}

impl Undo {
    fn mend(self, stage: &Stage) -> Result<()> {
        for path in self.claude_files {
            fs::remove_file(path)?;
        }
        for (name, before) in self.files {
            let path = stage.home.data().join(name);
            match before {
                Some(bytes) => fs::write(path, bytes)?,
                None => fs::remove_file(path)?,
            }
        }
        let path = stage.home.store();
        let Some(bytes) = self.live.filter(|_| stage.home.live().is_err() || path.is_symlink()) else {
            // The live file is a whole one again, or somebody else's bytes that only root can read.
            return if path.is_file() {
                Ok(chown(&path, Some(rustix::process::geteuid().as_raw()), None)?)
            } else {
                Ok(())
            };
        };
        if path.is_dir() {
            fs::remove_dir(&path)?
        } else if path.is_symlink() || path.exists() {
            fs::remove_file(&path)?
        }
        fs::write(&path, bytes)?;
        Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?)
    }
}

fn type_in(stage: &Stage, given: &Given, run: &Run) -> Result<()> {
    let before = loss::Before::of(stage);
    let said = say(stage, given, run)?;
    check_said(stage, run, &said)?;
    if run.status == 0 {
        before.check_siblings(stage)?;
    } else {
        before.check_failed_run(stage)?;
    }
    if run.hint_mends {
        heed(stage, &said)?;
        let again = say(stage, given, run)?;
        ensure!(again.code == Some(0), "it fails again after its hint was followed:\n{}{}", again.out, again.err);
    }
    Ok(())
}

fn say(stage: &Stage, given: &Given, run: &Run) -> Result<Said> {
    let arguments: Vec<&str> = run.args.split_whitespace().collect();
    let mut command = stage.cli(&arguments)?;
    if given.provider_down {
        let nobody = format!("http://127.0.0.1:{}", free_port()?);
        command.env("SIGNALBOX_API_BASE", &nobody).env("SIGNALBOX_TOKEN_BASE", &nobody);
    }
    command.envs(&given.env);
    if !run.stdin.is_empty() {
        let mut input = tempfile::tempfile()?;
        input.write_all(run.stdin.as_bytes())?;
        input.rewind()?;
        command.stdin(input);
    }
    let output = command.output().context("Cannot run signalbox")?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) })
}

fn check_said(stage: &Stage, run: &Run, said: &Said) -> Result<()> {
    for shown in [&said.out, &said.err] {
        ensure!(!shown.contains("sk-ant-"), "it shows a token");
    }
    let home = stage.home.path().to_string_lossy();
    let as_expected = said.code == Some(run.status)
        && pattern::matches(&run.stdout, &said.out, &home)
        && pattern::matches(&run.stderr, &said.err, &home);
    ensure!(
        as_expected,
        "expected status {}, output\n{}and errors\n{}but got status {:?}, output\n{}and errors\n{}",
        run.status,
        run.stdout,
        run.stderr,
        said.code,
        said.out,
        said.err
    );
    Ok(())
}

/// Does what the hint says, to the letter.
fn heed(stage: &Stage, said: &Said) -> Result<()> {
    let hint = said.err.lines().find_map(|line| line.strip_prefix("hint: run `")).context("no command in the hint")?;
    let command = hint.split('`').next().unwrap_or_default();
    let beside = program("signalbox")?;
    let beside = beside.parent().context("the programs have a folder")?.display();
    let path = format!("{beside}:{}", std::env::var("PATH").unwrap_or_default());
    let ran = Command::new("sh").args(["-c", command]).envs(stage.home.environment()).env("PATH", path).output()?;
    if !ran.status.success() {
        bail!("the hint's own command fails: {command}");
    }
    Ok(())
}

fn check_end(stage: &Stage, case: &Case) -> Result<()> {
    let then = &case.then;
    if let Some(requests) = then.requests {
        let made = stage.sim.requests();
        ensure!(made.len() == requests, "{} requests reached the server: {made:?}", made.len());
    }
    if let Some(account) = &then.live {
        ensure!(stage.live_is(account), "the live login is not a usable one of {account}");
    }
    if let Some(account) = &then.shown {
        let email = stage.sim.account(account).context("no such account")?.email;
        ensure!(stage.home.account()?["emailAddress"] == email.as_str(), "Claude Code does not show {email}");
    }
    if let Some(mode) = &then.live_mode {
        let found = fs::metadata(stage.home.store())?.permissions().mode() & 0o7777;
        ensure!(format!("{found:o}") == *mode, "the live login's file has mode {found:o}");
    }
    Ok(())
}
