//! A terminal for a child that cannot do without one; 2.1.330 can (`docs/observed.md` §7). Owns passing its words on, both
//! ways. Such a child ends with this process, because its terminal does: then nothing is stored, and the person begins anew.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::process::{Child, Command};

use pty_process::Size;
use pty_process::blocking::Pty;
use rustix::event::{PollFd, PollFlags};

/// An address must not be broken into lines.
const SIZE: (u16, u16) = (24, 2000);

/// A child at a terminal, and this end of it.
pub struct Seat {
    pub child: Child,
    pty: Pty,
}

/// Starts the child at a terminal of its own, in a session and so in a group of its own.
pub fn start(mut command: Command) -> std::io::Result<Seat> {
    let failed = |error: pty_process::Error| std::io::Error::other(error);
    if std::env::var_os("TERM").is_none() {
        command.env("TERM", "xterm");
    }
    let (pty, other_end) = pty_process::blocking::open().map_err(failed)?;
    pty.resize(Size::new(SIZE.0, SIZE.1)).map_err(failed)?;
    let child = pty_process::blocking::Command::from(command).spawn(other_end).map_err(failed)?;
    Ok(Seat { child, pty })
}

impl Seat {
    /// Passes on what is answered and what is said until the child has gone.
    pub fn relay(&mut self, answers: &File, said: &mut File) -> std::io::Result<()> {
        let mut buffer = [0; 4096];
        let mut answered = false;
        loop {
            let mut both = [PollFd::new(&self.pty, PollFlags::IN), PollFd::new(answers, PollFlags::IN)];
            match rustix::event::poll(&mut both, None) {
                Err(rustix::io::Errno::INTR) => continue,
                polled => polled?,
            };
            let [from_child, from_person] = both.map(|end| end.revents());
            if !from_child.is_empty() {
                match self.pty.read(&mut buffer) {
                    // A terminal would show a typed code; what is said after it is not kept.
                    Ok(length) if length > 0 => {
                        if !answered {
                            said.write_all(&buffer[..length])?;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    // Linux says EIO when nobody sits there any more.
                    _ => return Ok(()),
                }
            } else if !from_person.is_empty() {
                let length = { answers }.read(&mut buffer)?;
                answered = true;
                // The key at a terminal is the return.
                buffer[..length].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'\r');
                self.pty.write_all(&buffer[..length])?;
                buffer.fill(0);
            }
        }
    }

    /// Takes the terminal away and waits for the child's end.
    pub fn leave(self) -> std::io::Result<()> {
        let Self { mut child, pty } = self;
        drop(pty);
        child.wait().map(drop)
    }
}
