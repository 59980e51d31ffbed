//! A terminal with the real client in it: what is typed goes in, what stands on the screen can be read. Owns the
//! pseudo-terminal and the end of the client; what is typed and what it means is up to the scenarios.

use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};

use crate::run;
use crate::world::World;

const ROWS: NonZero<u16> = NonZero::new(50).expect("some rows");
const COLUMNS: NonZero<u16> = NonZero::new(140).expect("some columns");
/// A client takes what comes in one piece for pasted text, in which Return is a new line.
const BETWEEN_TEXT_AND_RETURN: Duration = Duration::from_millis(400);

/// A client at a terminal.
pub struct Terminal {
    pty: Arc<Pty>,
    screen: Arc<Mutex<vt100::Parser>>,
    child: Child,
}

impl Terminal {
    /// Starts the real client in this world, interactively.
    ///
    /// # Errors
    /// When there is no pseudo-terminal, or the client cannot be started.
    pub fn open(world: &World) -> Result<Self> {
        let (pty, client_end) = open().context("Cannot open a pseudo-terminal")?;
        pty.resize(Size::new(ROWS.get(), COLUMNS.get()))?;
        let command = Command::new(world.path("bin/claude"))
            .env_clear()
            .envs(world.environment())
            .current_dir(world.path("project"));
        let child = command.spawn(client_end).context("Cannot start the client in a terminal")?;
        let pty = Arc::new(pty);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let (from, onto) = (Arc::clone(&pty), Arc::clone(&screen));
        // It ends by itself when the client has.
        std::thread::Builder::new().name("screen".to_owned()).spawn(move || watch(&from, &onto))?;
        Ok(Self { pty, screen, child })
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().contents()
    }

    /// Types a line and presses Return.
    ///
    /// # Errors
    /// When the client has gone.
    pub fn say(&self, line: &str) -> Result<()> {
        self.press(line.as_bytes())?;
        std::thread::sleep(BETWEEN_TEXT_AND_RETURN);
        self.press(b"\r")
    }

    /// Presses keys.
    ///
    /// # Errors
    /// When the client has gone.
    pub fn press(&self, keys: &[u8]) -> Result<()> {
        (&*self.pty).write_all(keys).context("the client has left its terminal")
    }

    /// Waits until the screen shows what is looked for.
    ///
    /// # Errors
    /// When it never did; the message shows the screen.
    pub fn wait_for(&self, what: &str, shows: impl Fn(&str) -> bool) -> Result<()> {
        run::until(what, || shows(&self.text()).then_some(()))
            .with_context(|| format!("the screen shows:\n{}", self.text()))
    }

    /// Whether the client has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().ok().flatten().is_some()
    }

    /// Leaves as a person does.
    ///
    /// # Errors
    /// When the client does not end.
    pub fn leave(mut self) -> Result<ExitStatus> {
        self.say("/exit")?;
        run::wait(&mut self.child).with_context(|| format!("the screen shows:\n{}", self.text()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Only where a scenario broke off: the world and its logins go next.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(mut pty: &Pty, screen: &Mutex<vt100::Parser>) {
    let mut bytes = [0; 8192];
    while let Ok(count @ 1..) = pty.read(&mut bytes) {
        screen.lock().unwrap_or_else(PoisonError::into_inner).process(&bytes[..count]);
    }
}
