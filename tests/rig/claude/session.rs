//! The record of a running session, `sessions/<pid>.json`, with the secret beside it (`docs/observed.md` §9). Owns its
//! form, and that it goes at the end and stays after a `kill -9`.

use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{locks, now_ms};

/// A session's two files, removed when dropped.
#[derive(Debug)]
pub struct SessionRecord {
    record: PathBuf,
    key: PathBuf,
}

impl SessionRecord {
    /// Writes both files of this process. `entrypoint`: `cli`, or `sdk-cli` for a `-p` run.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(config: &Path, entrypoint: &str) -> io::Result<Self> {
        let sessions = config.join("sessions");
        fs::create_dir_all(&sessions)?;
        let pid = std::process::id();
        let record = sessions.join(format!("{pid}.json"));
        let key = sessions.join(format!("{pid}.{}.key", format!("{pid:08x}").repeat(8)));
        let text = json!({
            "pid": pid,
            "sessionId": format!("{pid:08x}-0000-4000-a000-000000000000"),
            "cwd": std::env::current_dir().unwrap_or_default(),
            "startedAt": now_ms(),
            "procStart": locks::process_start(pid).unwrap_or_default(),
            "version": "2.1.330",
            "peerProtocol": 1,
            "peerFeatures": [],
            "kind": "interactive",
            "entrypoint": entrypoint,
            "pidDomain": "linux:sim:pid:[0]",
            "status": "idle",
            "updatedAt": now_ms(),
            "statusUpdatedAt": now_ms(),
        });
        fs::write(&record, text.to_string())?;
        fs::set_permissions(&record, fs::Permissions::from_mode(0o644))?;
        // Nobody but its session may read it; what stands in it does not matter here.
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&key)?;
        Ok(Self { record, key })
    }
}

impl Drop for SessionRecord {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.record);
        let _ = fs::remove_file(&self.key);
    }
}
