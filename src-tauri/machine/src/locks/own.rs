//! Our own lock: `flock` on a file in the data folder. Owns excluding the app, the CLI and second copies from one
//! another, between threads of one process too; the kernel frees it when the holder dies. The file is never removed,
//! because then two programs could each hold the lock on a file of that name.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use signalbox_core::ports::LockError;

use super::STEP;
use crate::durable;

/// The longest holder line that is read or written, in bytes.
const HOLDER_BYTES_MAX: usize = 120;

/// Our own lock, held until dropped.
pub struct OwnFile {
    file: File,
}

/// Takes the lock on the file at `path`, and writes `purpose` into it for those who wait.
pub fn take(path: &Path, purpose: &str, wait: Duration) -> Result<OwnFile, LockError> {
    let failed = |why: String| LockError::Failed { path: path.to_owned(), why };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(durable::PRIVATE_FILE);
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    let file = options.open(path).map_err(|error| {
        failed(if durable::is_link(path) { "it is a symbolic link".to_owned() } else { durable::why(&error) })
    })?;
    let metadata = file.metadata().map_err(|error| failed(durable::why(&error)))?;
    durable::check_owner(path, &metadata).map_err(|error| failed(error.to_string()))?;
    let deadline = Instant::now() + wait;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => std::thread::sleep(STEP),
            Err(Errno::WOULDBLOCK) => return Err(LockError::Busy { holder: holder(path) }),
            Err(error) => return Err(failed(durable::why(&error.into()))),
        }
    }
    let mut lock = OwnFile { file };
    // The line is a courtesy to those who wait: on a full disk the lock holds without it.
    if let Err(error) = lock.sign(purpose) {
        tracing::debug!(%error, "the lock does not say who holds it");
    }
    Ok(lock)
}

impl OwnFile {
    fn sign(&mut self, purpose: &str) -> std::io::Result<()> {
        let purpose: String = purpose.chars().filter(|c| !c.is_control()).take(HOLDER_BYTES_MAX / 8).collect();
        self.file.set_len(0)?;
        self.file.write_all(format!("{} {purpose}\n", std::process::id()).as_bytes())
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        // An empty file tells whoever opens it in the next instant that the last holder is gone.
        let _ = self.file.set_len(0);
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Who holds the lock, in words, as far as the file tells.
fn holder(path: &Path) -> String {
    let mut line = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HOLDER_BYTES_MAX as u64).read_to_end(&mut line));
    let line = String::from_utf8_lossy(&line);
    match line.trim_end().split_once(' ') {
        Some((pid, purpose)) if read.is_ok() && pid.bytes().all(|b| b.is_ascii_digit()) => {
            format!("pid {pid}, `{purpose}`")
        }
        _ => "it does not say which".to_owned(),
    }
}
