//! The child: Claude Code, started so that nothing of ours can end it, and with an environment in which it uses the
//! login of its folder and no other. Owns its arguments, its environment, and waiting for it; leaves telling later
//! whether it still runs to `running`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use signalbox_core::ports::DelegateError;

use super::running;
use crate::durable;

/// Makes no model request, renews the login if that is due, asks for usage, and waits for both (`docs/observed.md` §7).
const ARGUMENTS: [&str; 3] = ["-p", "/usage", "--no-session-persistence"];

/// Claude Code's own variables are taken away, but for those that lead it through somebody's network, and the client to
/// which the tokens were issued. A list of what *is* passed on, because each pin of `docs/claude-code.md` §D8 makes it
/// ignore the login in its folder, and every release may bring another one.
const PASSED_ON: [&str; 6] = [
    "CLAUDE_CODE_OAUTH_CLIENT_ID",
    "CLAUDE_CODE_CERT_STORE",
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
    "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
    "CLAUDE_CODE_PROXY_RESOLVES_HOSTS",
];

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
        let mut command = Command::new(&self.program);
        // What it says may hold anything, so nobody reads it. In a group of its own it does not hear a Ctrl-C at our
        // terminal, nor the terminal being closed.
        command.args(ARGUMENTS).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command.current_dir(&self.folder);
        for (name, _) in std::env::vars_os() {
            if is_taken_away(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        command.env("CLAUDE_CONFIG_DIR", &self.folder).env("DISABLE_AUTOUPDATER", "1");
        if let Some(path) = self.longer_search_path() {
            command.env("PATH", path);
        }
        command
    }

    /// `PATH` with the program's own folder at its end: an older `claude` is a script for the `node` that lies beside
    /// it, and an app that was not started from a shell has neither in its `PATH`.
    fn longer_search_path(&self) -> Option<OsString> {
        let mut folders: Vec<PathBuf> = std::env::split_paths(self.search_path.as_ref()?).collect();
        folders.extend(self.program.parent().map(PathBuf::from));
        std::env::join_paths(folders).ok()
    }
}

fn is_taken_away(name: &str) -> bool {
    let theirs = ["ANTHROPIC_", "CLAUDE_"].iter().any(|prefix| name.starts_with(prefix)) || name == "CLAUDECODE";
    theirs && !PASSED_ON.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_taken_away_and_the_way_to_the_network_stays() {
        for pin in [
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CODE_USE_FOUNDRY",
            "CLAUDE_CODE_USE_MANTLE",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_PROFILE",
            "ANTHROPIC_FEDERATION_RULE_ID",
            "ANTHROPIC_ORGANIZATION_ID",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
            "CLAUDE_CODE_OAUTH_SCOPES",
            "CLAUDE_CODE_SIMPLE",
            "CLAUDE_SECURESTORAGE_CONFIG_DIR",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
            "CLAUDE_CONFIG_DIR",
            "CLAUDECODE",
        ] {
            assert!(is_taken_away(pin), "{pin}");
        }
        for kept in
            ["HTTPS_PROXY", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "CLAUDE_CODE_OAUTH_CLIENT_ID", "HOME", "USER"]
        {
            assert!(!is_taken_away(kept), "{kept}");
        }
    }

    #[test]
    fn a_program_that_cannot_be_started_never_was_a_child() {
        let folder = tempfile::tempdir().expect("a folder");
        let job = Job { program: folder.path().join("gone"), folder: folder.path().to_owned(), search_path: None };
        let error = job.run(Duration::from_secs(60)).expect_err("there is none");
        assert_eq!(error, DelegateError::NotStarted { why: "no such file or directory".to_owned() });
        assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 0, "nothing is on record");
    }
}
