//! What the app writes down for whoever looks for a fault: to standard error, and to `logs/signalbox.log` in the data
//! folder. Owns the file, its size and the level. No token can get there: the token types have no way to be shown.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

const FILE: &str = "signalbox.log";
const PREVIOUS: &str = "signalbox.previous.log";
/// At start a file above this size becomes the previous one, so both together stay small.
const BYTES_MAX: u64 = 1024 * 1024;
/// Overrides the level, in the syntax of `tracing_subscriber::EnvFilter`.
const LEVEL_VARIABLE: &str = "SIGNALBOX_LOG";
const LEVEL_DEFAULT: &str = "warn,signalbox_app=info,signalbox_core=info,signalbox_machine=info,signalbox_warden=info";

/// Begins to log. A log file that cannot be made is said on standard error and otherwise done without.
pub fn start(data_folder: &Path) {
    let filter = EnvFilter::try_from_env(LEVEL_VARIABLE).unwrap_or_else(|_| EnvFilter::new(LEVEL_DEFAULT));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_target(true);
    match open(data_folder) {
        Ok(file) => subscriber.with_writer(std::io::stderr.and(file)).init(),
        Err(error) => {
            subscriber.with_writer(std::io::stderr).init();
            tracing::warn!(%error, "there will be no log file");
        }
    }
    log_panics();
}

/// A caught panic must leave a trace. Only its place is written: a message may quote what the code was working on.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        tracing::error!("Signalbox failed at {place}");
    }));
}

fn open(data_folder: &Path) -> std::io::Result<File> {
    let folder = data_folder.join("logs");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let path = folder.join(FILE);
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() > BYTES_MAX) {
        std::fs::rename(&path, folder.join(PREVIOUS))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_log_is_private_and_begins_anew_when_it_has_grown() {
        let data = tempfile::tempdir().expect("a folder");
        let file = open(data.path()).expect("a log file");
        let mode = |path: &Path| std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
        assert_eq!(mode(&data.path().join("logs")), 0o700);
        assert_eq!(mode(&data.path().join("logs").join(FILE)), 0o600);

        file.set_len(BYTES_MAX + 1).expect("a large file");
        let again = open(data.path()).expect("a log file");
        assert_eq!(again.metadata().expect("it exists").len(), 0, "a large log is put aside");
        assert!(data.path().join("logs").join(PREVIOUS).exists());
    }
}
