//! The child: Claude Code, started so that nothing of ours can end it. Owns its arguments and waiting for it; leaves its
//! environment to `claude/environment`, and telling later whether it still runs to `claude/running`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use signalbox_core::ports::DelegateError;

use crate::claude::{environment, running};
use crate::durable;

/// Makes no model request, renews the login if that is due, asks for usage, and waits for both (`docs/observed.md` §7).
const ARGUMENTS: [&str; 3] = ["-p", "/usage", "--no-session-persistence"];

/// One run.
#[derive(Debug)]
pub struct Job {
    pub program: PathBuf,
    /// The config folder, spelt as the child shall spell it.
    pub folder: PathBuf,
    /// `PATH`, where there is one.
    pub search_path: Option<OsString>,
}

/// How a run stands when it is no longer waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Yes,
    /// It goes on by itself.
    NotYet,
}

enum Step {
    Failed(std::io::Error),
    Ended,
}

impl Job {
    /// Starts the child and waits for its end, but no longer than `patience`. An error means that there never was a
    /// child.
    pub fn run(self, patience: Duration) -> Result<Ended, DelegateError> {
        let not_started = |error: &std::io::Error| DelegateError::NotStarted { why: durable::why(error) };
        let (tell, steps) = mpsc::channel();
        // A thread of its own waits for the child to its end, however late: a child that nobody waits for stays in the
        // process table and looks alive.
        let waiting = std::thread::Builder::new().name("delegated".to_owned()).spawn(move || self.work(&tell));
        waiting.map_err(|error| not_started(&error))?;
        match steps.recv_timeout(patience) {
            Ok(Step::Failed(error)) => Err(not_started(&error)),
            Ok(Step::Ended) => Ok(Ended::Yes),
            // The thread may have died with the child alive.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(Ended::NotYet),
        }
    }

    fn work(&self, tell: &Sender<Step>) {
        // Whoever listens may have gone.
        let tell = |step| drop(tell.send(step));
        let mut child = match self.command().spawn() {
            Ok(child) => child,
            Err(error) => return tell(Step::Failed(error)),
        };
        if let Err(error) = running::note(&self.folder, child.id()) {
            // It is told from the folder's own quiet then.
            tracing::warn!(%error, "the process of a delegated renewal is not on record");
        }
        tracing::debug!(pid = child.id(), "claude -p /usage started");
        match child.wait() {
            // How it exited says nothing (`docs/observed.md` §7).
            Ok(_) => tell(Step::Ended),
            Err(error) => tracing::warn!(%error, "a delegated renewal cannot be waited for"),
        }
    }

    fn command(&self) -> Command {
        let mut command = environment::command(&self.program, &self.folder, self.search_path.as_deref());
        // What it says may hold anything, so nobody reads it. In a group of its own it does not hear a Ctrl-C at our
        // terminal, nor the terminal being closed.
        command.args(ARGUMENTS).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_started_never_was_a_child() {
        let folder = tempfile::tempdir().expect("a folder");
        let job = Job { program: folder.path().join("gone"), folder: folder.path().to_owned(), search_path: None };
        let error = job.run(Duration::from_secs(60)).expect_err("there is none");
        assert_eq!(error, DelegateError::NotStarted { why: "no such file or directory".to_owned() });
        assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 0, "nothing is on record");
    }
}
