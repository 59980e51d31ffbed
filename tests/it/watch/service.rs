//! `signalbox watch --install` and `--uninstall` with a scripted `systemctl`, in a home of their own.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use provider_sim::SimOptions;
use signalbox_tests::process::program;
use signalbox_tests::stage::{Said, Stage};

/// A home, and a folder of programs in which nothing but a `systemctl` of ours may lie.
struct Scene {
    stage: Stage,
    programs: tempfile::TempDir,
}

impl Scene {
    fn set() -> Result<Self> {
        Ok(Self { stage: Stage::new(SimOptions::default())?, programs: tempfile::tempdir()? })
    }

    /// `does`: what the scripted tool does after it has written down how it was called.
    fn has_systemctl(&self, does: &str) -> Result<()> {
        let path = self.programs.path().join("systemctl");
        fs::write(&path, format!("#!/bin/sh\necho \"$@\" >>\"$0.calls\"\n{does}\n"))?;
        Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?)
    }

    /// How the tool was called since this was last asked.
    fn calls(&self) -> Vec<String> {
        let path = self.programs.path().join("systemctl.calls");
        let calls = fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
        let _ = fs::remove_file(path);
        calls
    }

    fn ask(&self, arguments: &[&str]) -> Result<Said> {
        let mut command = self.stage.cli(arguments)?;
        command.env("PATH", self.programs.path()).env("CLAUDE_CONFIG_DIR", self.stage.home.config());
        let output = command.output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) })
    }

    fn unit(&self) -> PathBuf {
        self.stage.home.path().join(".config/systemd/user/signalbox-watch.service")
    }
}

#[test]
fn installing_writes_a_unit_and_starts_it_and_doing_it_twice_changes_nothing() -> Result<()> {
    let scene = Scene::set()?;
    scene.has_systemctl("exit 0")?;
    let said = scene.ask(&["watch", "--install"])?;
    ensure!(said.code == Some(0) && said.out.starts_with("Installed "), "{said:?}");
    ensure!(said.err.contains("looks like a place that is emptied"), "{said:?}");
    let calls =
        ["--user daemon-reload", "--user enable signalbox-watch.service", "--user restart signalbox-watch.service"];
    ensure!(scene.calls() == calls, "how it was called");
    let unit = fs::read_to_string(scene.unit())?;
    let binary = program("signalbox")?;
    for line in [
        format!("ExecStart=\"{}\" watch --wait", binary.display()),
        format!("Environment=\"CLAUDE_CONFIG_DIR={}\"", scene.stage.home.config().display()),
        format!("Environment=\"SIGNALBOX_DATA_DIR={}\"", scene.stage.home.data().display()),
        format!("Environment=\"PATH={}\"", scene.programs.path().display()),
        "KillMode=process".to_owned(),
        "NoNewPrivileges=yes".to_owned(),
    ] {
        ensure!(unit.lines().any(|there| there == line), "no `{line}` in\n{unit}");
    }
    ensure!(!unit.contains("API_BASE") && !unit.contains("sk-ant"), "too much in\n{unit}");

    let written = fs::metadata(scene.unit())?.modified()?;
    let again = scene.ask(&["watch", "--install", "--json"])?;
    ensure!(again.code == Some(0) && again.out.contains(r#""changed": false"#), "{again:?}");
    ensure!(scene.calls() == ["--user enable --now signalbox-watch.service"], "how it was called");
    ensure!(fs::metadata(scene.unit())?.modified()? == written, "the unit was written again");
    Ok(())
}

#[test]
fn uninstalling_stops_it_and_takes_the_unit_out_and_doing_it_twice_is_no_failure() -> Result<()> {
    let scene = Scene::set()?;
    scene.has_systemctl("exit 0")?;
    scene.ask(&["watch", "--install"])?;
    scene.calls();
    let said = scene.ask(&["watch", "--uninstall"])?;
    ensure!(said.code == Some(0) && said.out.starts_with("Took out "), "{said:?}");
    ensure!(scene.calls() == ["--user disable --now signalbox-watch.service", "--user daemon-reload"], "the calls");
    ensure!(!scene.unit().exists(), "the unit is still there");
    let again = scene.ask(&["watch", "--uninstall"])?;
    ensure!(again.code == Some(0) && again.out.starts_with("There is no "), "{again:?}");
    ensure!(scene.calls().is_empty(), "there was nothing to stop");
    Ok(())
}

#[test]
fn without_systemctl_it_says_exactly_what_to_run() -> Result<()> {
    let scene = Scene::set()?;
    let said = scene.ask(&["watch", "--install"])?;
    ensure!(said.code == Some(0) && scene.unit().is_file(), "{said:?}");
    for command in ["daemon-reload", "enable signalbox-watch.service", "restart signalbox-watch.service"] {
        ensure!(said.out.lines().any(|line| line == format!("  systemctl --user {command}")), "{said:?}");
    }
    Ok(())
}

#[test]
fn a_systemctl_that_fails_is_a_failure_with_its_own_words() -> Result<()> {
    let scene = Scene::set()?;
    scene.has_systemctl("echo 'Failed to connect to bus: No medium found' >&2; exit 1")?;
    let said = scene.ask(&["watch", "--install"])?;
    let expected = "Cannot install the watch: `systemctl --user daemon-reload` failed: Failed to \
                    connect to bus: No medium found\n";
    ensure!(said.code == Some(1) && said.err.starts_with(expected), "{said:?}");
    ensure!(said.err.contains("hint: run `systemctl --user daemon-reload`"), "{said:?}");
    Ok(())
}

#[test]
fn a_relative_folder_is_refused_because_a_service_starts_elsewhere() -> Result<()> {
    let scene = Scene::set()?;
    let mut command = scene.stage.cli(&["watch", "--install"])?;
    let output = command.env("SIGNALBOX_DATA_DIR", "data").output()?;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(2), "{err}");
    ensure!(err.starts_with("Cannot install the watch: SIGNALBOX_DATA_DIR is a relative path"), "{err}");
    ensure!(!scene.unit().exists(), "a unit was written");
    Ok(())
}
