//! One app per data folder. Owns the lock `app.lock`, which the kernel releases however the app ends, and the socket
//! `app.sock`, through which a second copy asks the first to open its board. Unlike the lock around a switch, which the
//! command line shares, this one only keeps a second tray icon away.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOCK: &str = "app.lock";
const SOCKET: &str = "app.sock";
/// The whole protocol: one word.
const OPEN_BOARD: &[u8] = b"open\n";
/// The first copy answers from a thread of its own, so it is there at once or not at all.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a start found.
pub enum Launch {
    /// Nobody else runs with this data folder.
    First(Instance),
    /// A copy runs already; `told` when it heard that it should open its board.
    Second { told: bool },
}

/// Held for as long as the app runs.
pub struct Instance {
    _lock: File,
    socket: PathBuf,
}

/// Takes the lock, or talks to whoever holds it. `folder` has to exist.
pub fn launch(folder: &Path) -> std::io::Result<Launch> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join(LOCK))?;
    let socket = folder.join(SOCKET);
    match lock.try_lock() {
        Ok(()) => Ok(Launch::First(Instance { _lock: lock, socket })),
        Err(TryLockError::WouldBlock) => Ok(Launch::Second { told: tell(&socket).is_ok() }),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn tell(socket: &Path) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(OPEN_BOARD)
}

impl Instance {
    /// Calls `open` whenever a second copy was started. Without the socket (its path may be too long for the system) the
    /// second copy can only say that it is one, which is no reason not to start.
    pub fn on_second_launch(&self, open: impl Fn() + Send + 'static) {
        // The lock is ours, so whatever lies here was left by a copy that is gone: nobody removes it at the end.
        let _ = std::fs::remove_file(&self.socket);
        let listener = match UnixListener::bind(&self.socket) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(%error, "a second start will not be able to open the board");
                return;
            }
        };
        let listening = std::thread::Builder::new().name("second-launch".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                if said_open(stream) {
                    open();
                }
            }
        });
        if let Err(error) = listening {
            tracing::warn!(%error, "a second start will not be able to open the board");
        }
    }
}

fn said_open(mut stream: UnixStream) -> bool {
    let mut word = [0; OPEN_BOARD.len()];
    stream.set_read_timeout(Some(PATIENCE)).is_ok() && stream.read_exact(&mut word).is_ok() && word == OPEN_BOARD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_copy_opens_the_first_ones_board() {
        let folder = tempfile::tempdir().expect("a folder");
        let Launch::First(first) = launch(folder.path()).expect("a lock") else { panic!("nobody else is here") };
        let (asked, heard) = std::sync::mpsc::channel();
        first.on_second_launch(move || asked.send(()).expect("the test waits"));

        let Launch::Second { told } = launch(folder.path()).expect("an answer") else { panic!("the lock is taken") };
        assert!(told, "the first copy listens");
        heard.recv_timeout(Duration::from_secs(5)).expect("the first copy was asked to open its board");

        drop(first);
        assert!(matches!(launch(folder.path()), Ok(Launch::First(_))), "the lock ends with its holder");
    }

    #[test]
    fn a_copy_that_cannot_be_told_is_still_a_second_copy() {
        let folder = tempfile::tempdir().expect("a folder");
        let Launch::First(_first) = launch(folder.path()).expect("a lock") else { panic!("nobody else is here") };
        assert!(matches!(launch(folder.path()), Ok(Launch::Second { told: false })));
    }

    #[test]
    fn a_stranger_who_says_something_else_opens_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let Launch::First(first) = launch(folder.path()).expect("a lock") else { panic!("nobody else is here") };
        let (asked, heard) = std::sync::mpsc::channel();
        first.on_second_launch(move || asked.send(()).expect("the test waits"));
        UnixStream::connect(folder.path().join(SOCKET)).and_then(|mut s| s.write_all(b"quit\n")).expect("it listens");
        tell(&folder.path().join(SOCKET)).expect("it still listens");
        heard.recv_timeout(Duration::from_secs(5)).expect("the right word");
        assert!(heard.try_recv().is_err(), "only the right word counts");
    }
}
