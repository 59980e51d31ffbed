//! Runs the `security` tool. Owns the child: one at a time, bounded in time, its exit status translated, its standard
//! error thrown away because it may quote the secret (`docs/claude-code.md` §A4). Leaves what the value means to
//! `login` and `secret`.

use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use signalbox_core::ports::{Clock, StoreError};
use zeroize::Zeroizing;

use super::Item;
use super::breaker::Breaker;
use super::value::{self, Existing};

/// Always this one: a `security` earlier in `PATH` would be handed the login.
const PROGRAM: &str = "/usr/bin/security";
/// More than any real login (24 KB with many MCP logins, `docs/claude-code.md` §A4); a longer value is not read to its end.
const VALUE_LIMIT: u64 = 1024 * 1024;
/// `errSecItemNotFound` and `errSecDuplicateItem` as exit statuses (`docs/macos.md` §3.5).
const NOT_FOUND: i32 = 44;
const DUPLICATE: i32 = 45;

/// How long the tool may take. It answers within 50 ms unless a dialog waits (`docs/macos.md` §3.3).
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub read: Duration,
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { read: Duration::from_secs(3), write: Duration::from_secs(5) }
    }
}

/// The `security` tool. Make one and share it: its calls wait for one another, and they share one breaker.
pub struct Security {
    program: PathBuf,
    patience: Patience,
    breaker: Breaker,
    turn: Mutex<()>,
}

/// How storing a value ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Done,
    /// Only with [`Existing::Keep`]: there was one already, and it stays.
    AlreadyThere,
}

struct Answer {
    status: i32,
    output: Zeroizing<Vec<u8>>,
}

impl Security {
    /// The tool of the system.
    pub fn system(clock: Arc<dyn Clock>) -> Self {
        Self::at(PathBuf::from(PROGRAM), Patience::default(), clock)
    }

    /// Another program in its place, for tests. There is no variable or setting for this.
    pub fn at(program: PathBuf, patience: Patience, clock: Arc<dyn Clock>) -> Self {
        Self { program, patience, breaker: Breaker::new(clock), turn: Mutex::new(()) }
    }

    /// Asks the Keychain again although it did not answer, because the person said so.
    pub fn reset(&self) {
        self.breaker.reset();
    }

    /// Whether calls are answered with [`StoreError::KeychainUnanswered`] without asking.
    pub fn is_resting(&self) -> bool {
        self.breaker.is_open()
    }

    /// The value of an item; `Ok(None)` only when the Keychain says that there is none.
    pub(super) fn find(&self, item: &Item) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let arguments = ["find-generic-password", "-a", item.account(), "-w", "-s", item.service()];
        let answer = self.ask(&arguments, b"", self.patience.read)?;
        match answer.status {
            0 if answer.output.len() as u64 > VALUE_LIMIT => {
                Err(StoreError::TooLarge { path: item.place(), bytes: answer.output.len() as u64, limit: VALUE_LIMIT })
            }
            0 => Ok(Some(value::printed(answer.output))),
            NOT_FOUND => Ok(None),
            status => Err(meaning(status)),
        }
    }

    /// Whether a value can be stored at all.
    pub(super) fn check_length(&self, item: &Item, value: &[u8]) -> Result<(), StoreError> {
        let limit = value::room(item);
        if value.len() > limit {
            return Err(StoreError::KeychainTooLong { bytes: value.len(), limit });
        }
        Ok(())
    }

    /// Stores a value. It travels on standard input: an argument could be read in the process list.
    pub(super) fn store(&self, item: &Item, value: &[u8], existing: Existing) -> Result<Stored, StoreError> {
        self.check_length(item, value)?;
        let Some(mut line) = value::add_line(item, value, existing) else {
            return Err(StoreError::Unwritable {
                path: item.place(),
                why: "its name holds a control character".to_owned(),
            });
        };
        line.push('\n');
        match self.ask(&["-i"], line.as_bytes(), self.patience.write)?.status {
            0 => Ok(Stored::Done),
            DUPLICATE if existing == Existing::Keep => Ok(Stored::AlreadyThere),
            status => Err(meaning(status)),
        }
    }

    /// Removes an item; one that is not there is no error.
    pub(super) fn delete(&self, item: &Item) -> Result<(), StoreError> {
        let arguments = ["delete-generic-password", "-a", item.account(), "-s", item.service()];
        match self.ask(&arguments, b"", self.patience.write)?.status {
            0 | NOT_FOUND => Ok(()),
            status => Err(meaning(status)),
        }
    }

    /// One run of the tool. The breaker is looked at only when it is our turn, so that those who waited behind a dialog
    /// do not each raise another one.
    fn ask(&self, arguments: &[&str], input: &[u8], patience: Duration) -> Result<Answer, StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.breaker.is_open() {
            return Err(StoreError::KeychainUnanswered);
        }
        let answer = self.run(arguments, input, patience);
        match &answer {
            Err(StoreError::KeychainUnanswered) => self.breaker.open(),
            Ok(answer) if meaning(answer.status) == StoreError::KeychainDenied => self.breaker.open(),
            _ => {}
        }
        if let Ok(answer) = &answer
            && answer.status != 0
        {
            tracing::debug!(command = arguments[0], status = answer.status, "the security tool failed");
        }
        answer
    }

    fn run(&self, arguments: &[&str], input: &[u8], patience: Duration) -> Result<Answer, StoreError> {
        let deadline = Instant::now() + patience;
        let mut child = Command::new(&self.program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            // 127 is what a shell reports for a program that it cannot start.
            .map_err(|_| StoreError::KeychainFailed { status: 127 })?;
        let output = drain(&mut child);
        if let Some(mut stdin) = child.stdin.take() {
            // A line of `-i` fits the pipe's buffer, so this cannot block; a child that is gone tells why by its status.
            let _ = stdin.write_all(input);
        }
        let Ok(output) = output.recv_timeout(patience) else {
            return Err(give_up(&mut child));
        };
        loop {
            match child.try_wait() {
                Ok(Some(status)) => {
                    let status = status.code().or(status.signal().map(|signal| -signal)).unwrap_or(-1);
                    return Ok(Answer { status, output });
                }
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
                _ => return Err(give_up(&mut child)),
            }
        }
    }
}

/// Reads what the child says on threads of their own, so that a full pipe cannot block it and a silent one cannot block
/// us. Standard error is read and dropped.
fn drain(child: &mut Child) -> mpsc::Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut output = Zeroizing::new(Vec::with_capacity(64 * 1024));
            // What was read before an error is incomplete; the exit status or the parser will say so.
            let _ = stdout.take(VALUE_LIMIT + 2).read_to_end(&mut output);
            let _ = sender.send(output);
        });
    }
    if let Some(mut stderr) = child.stderr.take() {
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    }
    receiver
}

/// Ends a child that waits for a dialog; its place in the process table is freed at once.
fn give_up(child: &mut Child) -> StoreError {
    let _ = child.kill();
    let _ = child.wait();
    StoreError::KeychainUnanswered
}

/// An exit status is the low byte of an `OSStatus` (`docs/macos.md` §3.5).
pub(super) fn meaning(status: i32) -> StoreError {
    match status {
        // Interaction not allowed, interaction required, dark wake: transient, and not logged out.
        36 | 29 | 24 => StoreError::KeychainLocked,
        51 | 128 => StoreError::KeychainDenied,
        50 | 49 | 37 => StoreError::KeychainMissing,
        status => StoreError::KeychainFailed { status },
    }
}
