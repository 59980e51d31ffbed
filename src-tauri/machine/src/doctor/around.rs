//! What lies around the logins: pins, settings, rival writers, the the database of usage, the provider and its clock, the watch. Owns these checks.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use signalbox_core::doctor::{Finding, RIVALS_WITHIN_MS, SKEW_MS};
use signalbox_core::history::Event;
use signalbox_core::ports::ProviderError;

use super::{Patient, modes};
use crate::data_folder::DataFolder;
use crate::database::Database;
use crate::sessions::{self, claude_settings};
use crate::settings::SettingsError;
use crate::surroundings::Surroundings;

/// So many events are searched for rivals: more than a week brings.
const EVENTS: usize = 2_000;

/// Pins, in our environment, in settings, and in the environments of sessions.
pub fn pins(patient: Patient<'_>) -> Vec<Finding> {
    let port = &patient.ports.sessions;
    let pins = port.pins();
    let mut findings = Vec::new();
    match port.running() {
        Ok(running) => findings.extend(running.into_iter().filter_map(|session| {
            let name = session.pinned_by?;
            // What pins everything was said already.
            let said = pins.iter().any(|pin| pin.name == name);
            (!said).then_some(Finding::SessionPinned { pid: session.pid, name })
        })),
        Err(error) => findings.push(Finding::Unchecked { what: "the running sessions", why: error.to_string() }),
    }
    findings.extend(pins.into_iter().map(Finding::Pin));
    findings.extend(other_store(patient.surroundings));
    findings
}

/// The variables that lead to another login than the usual one.
fn other_store(surroundings: &Surroundings) -> Option<Finding> {
    let set = |value: &Option<std::ffi::OsString>| value.as_ref().is_some_and(|value| !value.is_empty());
    let variable = if set(&surroundings.claude_secure_storage_dir) {
        "CLAUDE_SECURESTORAGE_CONFIG_DIR"
    } else if set(&surroundings.claude_config_dir) && surroundings.claude_secure_storage_dir.is_none() {
        "CLAUDE_CONFIG_DIR"
    } else {
        return None;
    };
    Some(Finding::OtherStore { variable, store: store(surroundings) })
}

#[cfg(target_os = "macos")]
fn store(surroundings: &Surroundings) -> String {
    format!("the Keychain item `{}`", crate::keychain::Item::of_claude_code(surroundings).service())
}

#[cfg(not(target_os = "macos"))]
fn store(surroundings: &Surroundings) -> String {
    surroundings.credentials_file().display().to_string()
}

/// Settings of Claude Code's that cannot be understood, and forced logins.
pub fn claude_settings(patient: Patient<'_>) -> Vec<Finding> {
    let running = patient.ports.sessions.running().unwrap_or_default();
    let mut findings = Vec::new();
    for path in sessions::settings_files(patient.surroundings, &running) {
        match claude_settings::read(&path) {
            Ok(found) => findings.extend(
                found
                    .unwrap_or_default()
                    .forced
                    .into_iter()
                    .map(|name| Finding::ForcedLogin { name: name.to_owned(), path: path.clone() }),
            ),
            Err(error) => findings.push(Finding::ClaudeSettings { path, why: error.to_string() }),
        }
    }
    findings
}

/// Our own settings.
pub fn settings(patient: Patient<'_>) -> Vec<Finding> {
    let finding = |error: &SettingsError| {
        let unset = match error {
            SettingsError::NotLoopback { name, .. } if name.starts_with("SIGNALBOX_") => Some((*name).to_owned()),
            _ => None,
        };
        Finding::Settings { why: error.to_string(), unset }
    };
    patient.settings.map(finding).into_iter().collect()
}

/// Databases of usage that were damaged, and put aside.
pub fn usage(patient: Patient<'_>) -> Vec<Finding> {
    let data = patient.surroundings.data_folder();
    if !modes::is_usable(&data) {
        return Vec::new();
    }
    let finding = |path| Finding::UsageDamaged { path };
    Database::put_aside(&data).into_iter().map(finding).collect()
}

/// Whether another program writes saved copies of logins into Claude Code's store, as our own history tells.
pub fn rivals(patient: Patient<'_>) -> Vec<Finding> {
    let now = patient.ports.clock.now();
    if !modes::is_usable(&patient.surroundings.data_folder()) {
        return Vec::new();
    }
    let recent = match patient.ports.history.recent(EVENTS) {
        Ok(recent) => recent,
        Err(error) => return vec![Finding::Unchecked { what: "the history", why: error.to_string() }],
    };
    let writes: Vec<_> = recent
        .iter()
        // Where no profile was active nothing was displaced: a list of profiles was made anew, say.
        .filter(|entry| matches!(entry.event, Event::SwitchedOutside { from: Some(_), rival: true, .. }))
        .map(|entry| entry.at)
        .filter(|at| now.since(*at) < RIVALS_WITHIN_MS)
        .collect();
    let last = writes.iter().max();
    last.map(|last_at| Finding::Rivals { times: writes.len(), last_at: *last_at }).into_iter().collect()
}

/// Whether the provider answers, and what time it is there.
pub fn provider(patient: Patient<'_>) -> Vec<Finding> {
    if patient.settings.is_some() {
        // Whom to ask is not known, then.
        return Vec::new();
    }
    let clock = &patient.ports.clock;
    let before = clock.now();
    let there = match patient.ports.provider.time() {
        Ok(there) => there,
        // It answered: it asks to wait.
        Err(ProviderError::Throttled { .. }) => return Vec::new(),
        Err(cause) => return vec![Finding::Unreachable { cause }],
    };
    // It was that time there while the answer was made, somewhere between asking and hearing.
    let after = clock.now();
    let ahead_ms = if before.since(there) > 0 { before.since(there) } else { after.since(there).min(0) };
    (ahead_ms.abs() > SKEW_MS).then_some(Finding::ClockSkew { ahead_ms }).into_iter().collect()
}

/// Whether anybody keeps watch.
pub fn watch(patient: Patient<'_>) -> Vec<Finding> {
    let lock = DataFolder::new(patient.surroundings.data_folder()).watch_lock_file();
    if is_held(&lock) { Vec::new() } else { vec![Finding::Unwatched] }
}

/// Whether somebody holds the lock on a file. Nothing is written, and nothing is made.
fn is_held(path: &Path) -> bool {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let Ok(file) = OpenOptions::new().read(true).custom_flags(flags).open(path) else { return false };
    matches!(flock(&file, FlockOperation::NonBlockingLockShared), Err(Errno::WOULDBLOCK))
}
