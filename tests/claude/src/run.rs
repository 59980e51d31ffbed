//! Running a program to its end. Owns how long is waited, and that nobody is killed early: a client that dies in a
//! refresh loses its login (`docs/observed.md` §3, §14).

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// How long anything may take. No claim is about speed; this only ends a run that would never end.
pub const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(20);

/// What a program said. Its `Debug` is what a failed claim shows.
#[derive(Debug)]
pub struct Said {
    /// Its exit status, `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Standard output as JSON.
    ///
    /// # Errors
    /// When it is none; the message has what was said.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("Cannot read as JSON: {self:?}"))
    }
}

/// A program under way, its output going into files of `folder`.
pub struct Started {
    name: String,
    child: Child,
    out: std::path::PathBuf,
    err: std::path::PathBuf,
}

/// Starts `command` with nothing to read.
///
/// # Errors
/// When it cannot be started.
pub fn start(mut command: Command, folder: &Path) -> Result<Started> {
    let name = command.get_program().to_string_lossy().into_owned();
    let place = tempfile::Builder::new().prefix("said-").tempdir_in(folder)?.keep();
    let (out, err) = (place.join("out"), place.join("err"));
    let child = command
        .stdin(Stdio::null())
        .stdout(File::create(&out)?)
        .stderr(File::create(&err)?)
        .spawn()
        .with_context(|| format!("Cannot start {name}"))?;
    Ok(Started { name, child, out, err })
}

impl Started {
    /// Sends what Ctrl-C sends.
    ///
    /// # Errors
    /// When there is nobody to send it to.
    pub fn interrupt(&self) -> Result<()> {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        ensure!(status.context("Cannot run kill")?.success(), "{} is not there any more", self.name);
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within [`PATIENCE`]; then it is killed.
    pub fn end(mut self) -> Result<Said> {
        let status = wait(&mut self.child).with_context(|| format!("{} does not end", self.name))?;
        let read = |path: &Path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Said { code: status.code(), out: read(&self.out)?, err: read(&self.err)? })
    }
}

/// Waits for a child's end; one that does not come in time is killed.
///
/// # Errors
/// When it was.
pub fn wait(child: &mut Child) -> Result<ExitStatus> {
    let ended = until("the end of a program", || child.try_wait().ok().flatten());
    if ended.is_err() {
        // It may end in this very moment.
        let _ = child.kill();
        let _ = child.wait();
    }
    ended
}

/// Waits until `condition` yields something.
///
/// # Errors
/// When it did not within [`PATIENCE`].
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if begun.elapsed() > PATIENCE {
            bail!("Waited {} s in vain for {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(PAUSE);
    }
}
