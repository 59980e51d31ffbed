//! Where the simulated Claude Code keeps its login: the file `.credentials.json`, or on macOS the Keychain item of its
//! config directory. Owns reading and replacing the whole text as the real client does it; what stands in it is in
//! `store.rs`. The macOS half has been type-checked, and never run by its authors.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The login's place.
#[derive(Debug)]
pub struct LiveStore {
    config: PathBuf,
}

impl LiveStore {
    /// The one of this config directory.
    pub fn new(config: &Path) -> Self {
        Self { config: config.to_path_buf() }
    }
}

#[cfg(not(target_os = "macos"))]
impl LiveStore {
    /// The whole text; `None` when there is no file.
    pub fn read(&self) -> Option<String> {
        std::fs::read_to_string(self.file()).ok()
    }

    /// Replaces it: temporary file, 0600, fsync, rename. The storage lock is the caller's.
    pub fn replace(&self, text: &str) -> io::Result<()> {
        super::store::write_file(&self.file(), ".credentials.json.tmp.", text)
    }

    /// What changes when the store does; `None` when there is no file.
    pub fn touched(&self) -> Option<SystemTime> {
        std::fs::metadata(self.file()).and_then(|data| data.modified()).ok()
    }

    fn file(&self) -> PathBuf {
        self.config.join(".credentials.json")
    }
}

#[cfg(target_os = "macos")]
impl LiveStore {
    /// The item's text; `None` when there is none. `security` prints hex when it sees anything unusual
    /// (`docs/claude-code.md` §A4).
    pub fn read(&self) -> Option<String> {
        let service = self.service();
        let found = std::process::Command::new("/usr/bin/security")
            .args(["find-generic-password", "-a", &account(), "-w", "-s", &service])
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        let text = String::from_utf8(found.stdout).ok()?.trim().to_owned();
        if text.starts_with('{') { Some(text) } else { String::from_utf8(unhex(&text)?).ok() }
    }

    /// Replaces the item, the secret on the tool's standard input, in hex (`docs/claude-code.md` §A3).
    pub fn replace(&self, text: &str) -> io::Result<()> {
        use std::io::Write;
        use std::process::Stdio;
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let (account, service) = (account(), self.service());
        let mut child = std::process::Command::new("/usr/bin/security")
            .arg("-i")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            writeln!(stdin, "add-generic-password -U -a \"{account}\" -s \"{service}\" -X \"{hex}\"")?;
        }
        if child.wait()?.success() {
            Ok(())
        } else {
            Err(io::Error::other("`security` could not write the demo's item"))
        }
    }

    /// The Keychain has nothing that is cheap to compare: it is read anew each time.
    pub fn touched(&self) -> Option<SystemTime> {
        Some(SystemTime::now())
    }

    /// Removes the item; one that is not there is no error.
    pub fn remove(&self) -> io::Result<()> {
        let service = self.service();
        std::process::Command::new("/usr/bin/security")
            .args(["delete-generic-password", "-a", &account(), "-s", &service])
            .output()
            .map(drop)
    }

    /// The service name of a chosen config directory (`docs/claude-code.md` §A2).
    fn service(&self) -> String {
        use sha2::{Digest, Sha256};
        let hash = Sha256::digest(self.config.to_string_lossy().as_bytes());
        let suffix: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("Claude Code-credentials-{suffix}")
    }
}

/// The account name that `Home::environment` exports as `USER`.
#[cfg(target_os = "macos")]
fn account() -> String {
    crate::home::USER.to_owned()
}

#[cfg(target_os = "macos")]
fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
