//! The child: `claude auth login`, which goes on by itself. Owns its arguments, what its standard streams are, and waiting
//! for its end; leaves its environment to `claude/environment`, and ending it to `signin`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc;

use signalbox_core::ports::SigninError;

use super::attempt::Attempt;
use super::terminal;
use crate::claude::{environment, running};
use crate::durable;

/// One child.
#[derive(Debug)]
pub struct Job {
    pub program: PathBuf,
    /// Its folder, spelt as the child shall spell it.
    pub attempt: Attempt,
    /// `PATH`, where there is one.
    pub search_path: Option<OsString>,
    /// The account to preset.
    pub email: Option<String>,
}

impl Job {
    /// Starts the child. An error means that there is none. `over` is called when it has ended, however late.
    pub fn start(self, over: impl FnOnce() + Send + 'static) -> Result<(), SigninError> {
        let not_started = |error: &std::io::Error| SigninError::NotStarted { why: durable::why(error) };
        let (tell, started) = mpsc::channel();
        // A thread of its own waits for the child to its end: a child that nobody waits for stays in the process table and
        // looks alive.
        let waiting = std::thread::Builder::new().name("sign-in".to_owned()).spawn(move || {
            let mut child = match self.command().and_then(|mut command| command.spawn()) {
                Ok(child) => child,
                // Whoever listens waits for this one word.
                Err(error) => return drop(tell.send(Err(error))),
            };
            self.note(&child);
            let _ = tell.send(Ok(()));
            let ended = child.wait();
            tracing::debug!(?ended, "claude auth login ended");
            if ended.is_ok_and(|status| self.ended_for_want_of_a_terminal(status)) {
                self.sit_at_a_terminal();
            }
            over();
        });
        waiting.map_err(|error| not_started(&error))?;
        match started.recv() {
            Ok(outcome) => outcome.map_err(|error| not_started(&error)),
            Err(_) => Err(SigninError::NotStarted { why: "the one who was to start it has died".to_owned() }),
        }
    }

    fn note(&self, child: &Child) {
        if let Err(error) = running::note(self.attempt.folder(), child.id()) {
            // It is told from the folder's own quiet then.
            tracing::warn!(%error, "the process of a sign-in is not on record");
        }
        tracing::debug!(pid = child.id(), "claude auth login started");
    }

    /// In a group of its own it does not hear a Ctrl-C at our terminal, nor the terminal being closed. The pipe is open
    /// for both, so that its other end is never gone.
    fn command(&self) -> std::io::Result<Command> {
        let mut command = self.bare();
        let said = self.attempt.said_file()?;
        command.stdin(self.attempt.answers()?).stdout(said.try_clone()?).stderr(said).process_group(0);
        Ok(command)
    }

    fn bare(&self) -> Command {
        let folder = self.attempt.folder();
        let mut command = environment::command(&self.program, folder, self.search_path.as_deref());
        command.env("BROWSER", self.attempt.opener()).args(["auth", "login"]);
        if let Some(email) = self.email.as_deref().filter(|email| is_plain(email)) {
            command.args(["--email", email]);
        }
        command
    }

    fn ended_for_want_of_a_terminal(&self, status: ExitStatus) -> bool {
        let attempt = &self.attempt;
        !status.success() && attempt.wants_terminal() && !attempt.may_hold_a_login() && !attempt.is_given_up()
    }

    fn sit_at_a_terminal(&self) {
        let sat = self.attempt.answers().and_then(|answers| {
            let mut said = self.attempt.said_file()?;
            let mut seat = terminal::start(self.bare())?;
            self.note(&seat.child);
            // It is on record, so from here on it counts as running.
            let noted = self.attempt.note_terminal();
            let relayed = seat.relay(&answers, &mut said);
            drop(answers);
            // Without its terminal it does not stay.
            seat.leave()?;
            noted.map_err(std::io::Error::other).and(relayed)
        });
        if let Err(error) = sat {
            tracing::warn!(%error, "claude auth login wants a terminal and has none");
            let _ = self.attempt.note_terminal();
        }
    }
}

/// Whether it can be taken for nothing but an address.
fn is_plain(email: &str) -> bool {
    !email.starts_with('-')
        && email.contains('@')
        && !email.chars().any(|char| char.is_whitespace() || char.is_control())
}
