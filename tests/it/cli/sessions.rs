//! Running Claude Code sessions, as far as a switch counts them: a living process, and the record that it would have left
//! (`docs/observed.md` §9). The simulated Claude Code is not used here, because it also talks to the server.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;
use signalbox_tests::process::Running;
use signalbox_tests::stage::Stage;

use super::case::{Given, Session};

/// Starts every session of a case; they end when this is dropped.
pub fn start_all(stage: &Stage, given: &Given) -> Result<Vec<Running>> {
    given.sessions.iter().map(|session| start(stage, session)).collect()
}

/// Starts one session in the folder `notes` of the home.
pub fn start(stage: &Stage, session: &Session) -> Result<Running> {
    let folder = stage.home.path().join("notes");
    fs::create_dir_all(&folder)?;
    let mut command = Command::new("sleep");
    command.arg("600").env_clear().env("PATH", std::env::var("PATH").unwrap_or_default()).envs(&session.env);
    let running = Running::start(command.current_dir(&folder).stdin(Stdio::null()))?;
    let records = stage.home.config().join("sessions");
    fs::create_dir_all(&records)?;
    let pid = running.pid();
    let record = json!({
        "pid": pid,
        "sessionId": format!("{pid:08x}-0000-4000-a000-000000000000"),
        "cwd": folder,
        "startedAt": stage.sim.now_ms(),
        "procStart": start_of(pid)?,
        "version": "2.1.330",
        "kind": "interactive",
        "entrypoint": session.entrypoint.as_deref().unwrap_or("cli"),
        "status": "idle",
    });
    fs::write(records.join(format!("{pid}.json")), record.to_string())?;
    Ok(running)
}

/// When a process began, in the system's own ticks: field 22 of its line.
fn start_of(pid: u32) -> Result<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("a line about a process")?;
    fields.split_whitespace().nth(19).map(str::to_owned).context("field 22")
}
