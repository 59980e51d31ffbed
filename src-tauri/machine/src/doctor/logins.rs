//! The logins themselves: can each saved one be opened, is the live one readable and saved, is anything half done, who has to
//! sign in. Owns these checks; asks no server and writes nothing.

use signalbox_core::board::{self, Activity, Deadline, LiveState, Reason};
use signalbox_core::credential::Live;
use signalbox_core::doctor::{Broken, Finding};
use signalbox_core::document::Document;
use signalbox_core::error::Doing;
use signalbox_core::flow::FlowError;
use signalbox_core::policy;
use signalbox_core::ports::{FileName, Ports, StoreError};
use signalbox_core::profile::{Profile, Roster};
use signalbox_core::sync;
use signalbox_core::time::Timestamp;
use signalbox_core::vault::{self, VaultError, generations};

use super::{Patient, modes};
use crate::durable::{self, Links};

/// As `live_file` reads it at most.
const STORE_BYTES_MAX: u64 = 4 * 1024 * 1024;

fn broken(what: Broken, error: impl Into<FlowError>, doing: &Doing) -> Finding {
    Finding::Broken { what, problem: error.into().problem(doing) }
}

/// The roster, unless the folder is one in which Signalbox does not read; that is a finding of its own already.
fn roster(patient: Patient<'_>) -> Option<Result<Roster, VaultError>> {
    modes::is_usable(&patient.surroundings.data_folder()).then(|| vault::load_roster(patient.ports))
}

/// Whether the key opens what it has to open. Where nothing is saved there need not be one.
pub fn key(patient: Patient<'_>) -> Vec<Finding> {
    let Some(Ok(roster)) = roster(patient) else { return Vec::new() };
    let saved = roster.profiles().iter().find(|profile| saved_at_all(patient.ports, profile));
    let Some(profile) = saved else { return Vec::new() };
    match patient.ports.key.key() {
        Ok(_) => Vec::new(),
        Err(error) => vec![broken(Broken::Key, error, &Doing::Use(profile.alias.clone()))],
    }
}

fn saved_at_all(ports: &Ports, profile: &Profile) -> bool {
    ports.files.read(&FileName::Cred(profile.alias.clone())).is_ok_and(|bytes| bytes.is_some())
}

/// The list of profiles, and every saved login with its older generations.
pub fn saved(patient: Patient<'_>) -> Vec<Finding> {
    let ports = patient.ports;
    let roster = match roster(patient) {
        None => return Vec::new(),
        Some(Err(VaultError::Store(error))) => return vec![broken(Broken::Files, error, &Doing::Show)],
        Some(Err(error)) => return vec![broken(Broken::Roster, error, &Doing::Show)],
        Some(Ok(roster)) => roster,
    };
    let mut findings = Vec::new();
    // Without a key nothing opens, and `key` says so once.
    let has_key = key(patient).is_empty();
    for profile in roster.profiles().iter().filter(|_| has_key) {
        if let Err(error) = vault::open(ports, profile) {
            findings.push(broken(Broken::Saved, error, &Doing::Use(profile.alias.clone())));
        }
        for number in generations::numbers(ports, &profile.alias).unwrap_or_default() {
            if generations::open(ports, profile, number).is_err() {
                let path = ports.files.place(&FileName::Generation(profile.alias.clone(), number));
                findings.push(Finding::OlderBroken { path, alias: profile.alias.clone() });
            }
        }
    }
    findings.extend(standing(ports, &roster));
    findings
}

/// Who has to sign in, or will have to soon, as the board says it.
fn standing(ports: &Ports, roster: &Roster) -> Vec<Finding> {
    let activity = Activity::of_a_glance(sync::glance(ports, roster), ports.clock.now());
    let Ok(board) = board::assemble(ports, &activity) else { return Vec::new() };
    let of_card = |card: &board::Card| {
        let (alias, setup_token) = (card.alias.clone(), card.setup_token);
        match (&card.badge.reason, card.deadline) {
            (Reason::LoginNeeded, _) => Some(Finding::LoginNeeded { alias, setup_token }),
            // The badge of the active profile has other things to say.
            (_, Some(deadline)) if is_near(deadline, board.now) => {
                Some(Finding::DeadlineNear { alias, at: deadline.at, assumed: deadline.assumed, setup_token })
            }
            _ => None,
        }
    };
    board.cards.iter().filter_map(of_card).collect()
}

fn is_near(deadline: Deadline, now: Timestamp) -> bool {
    let near = if deadline.assumed { policy::ASSUMED_NEAR_MS } else { policy::DEADLINE_NEAR_MS };
    (1..near).contains(&deadline.at.since(now))
}

/// What Claude Code's own store holds.
pub fn live(patient: Patient<'_>) -> Vec<Finding> {
    let ports = patient.ports;
    let document = match ports.live.read() {
        Ok(document) => document,
        // The mode check has said so already.
        Err(StoreError::Link { .. } | StoreError::NotOurs { .. }) => return Vec::new(),
        Err(error) => return vec![broken(Broken::Live, error, &Doing::Sync)],
    };
    if let Some(Err(error)) = document.as_ref().map(Live::parse) {
        return vec![broken(Broken::Live, FlowError::LiveDamaged(error), &Doing::Sync)];
    }
    let mut findings = Vec::new();
    if cfg!(target_os = "macos") && document.is_some() {
        findings.extend(stale_file(&patient.surroundings.credentials_file()));
    }
    let Some(Ok(roster)) = roster(patient) else { return findings };
    findings.extend(match sync::glance(ports, &roster) {
        // On a new computer there is nothing to mend.
        LiveState::Husk | LiveState::Absent if roster.profiles().is_empty() => None,
        LiveState::Husk | LiveState::Absent => Some(Finding::SignedOut { profiles: roster.profiles().len() }),
        LiveState::Unregistered { email } => Some(Finding::Unregistered { email }),
        LiveState::Unresolved => Some(Finding::Unsaved),
        LiveState::Known { .. } | LiveState::Unreadable => None,
    });
    findings
}

/// A login in a file beside the Keychain item (`docs/claude-code.md` §A6, §E3). One that holds only what belongs to the machine
/// is no login.
pub fn stale_file(path: &std::path::Path) -> Option<Finding> {
    let bytes = durable::read(path, STORE_BYTES_MAX, Links::Follow).ok().flatten()?;
    let document = Document::parse(bytes).ok()?;
    matches!(Live::parse(&document), Ok(Live::Login(_))).then(|| Finding::StaleFile { path: path.to_owned() })
}

/// What a crash left half done, and what was put aside.
pub fn leftovers(patient: Patient<'_>) -> Vec<Finding> {
    if !modes::is_usable(&patient.surroundings.data_folder()) {
        return Vec::new();
    }
    let files = &patient.ports.files;
    let mut findings = Vec::new();
    match files.read(&FileName::Journal) {
        Ok(Some(_)) => findings.push(Finding::Interrupted),
        Ok(None) => {}
        Err(error) => findings.push(broken(Broken::Files, error, &Doing::Recover)),
    }
    findings.extend(aside(patient.ports));
    findings
}

/// What was put aside: how many logins, and what cannot be opened, unless that is the key's fault.
fn aside(ports: &Ports) -> Vec<Finding> {
    let names = ports.files.list().unwrap_or_default();
    let names: Vec<_> = names.into_iter().filter(|name| matches!(name, FileName::Held(_))).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let Ok(opened) = vault::held(ports) else { return vec![Finding::PutAside { count: names.len() }] };
    let mut findings = Vec::new();
    if !opened.is_empty() {
        findings.push(Finding::PutAside { count: opened.len() });
    }
    let closed = names.iter().filter(|name| opened.iter().all(|held| held.name != **name));
    findings.extend(closed.map(|name| Finding::AsideBroken { path: ports.files.place(name) }));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_the_keychain_is_stale_when_it_holds_a_login() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".credentials.json");
        assert_eq!(stale_file(&path), None);
        for harmless in
            ["", "{}", r#"{"mcpOAuth":{"x":1}}"#, r#"{"claudeAiOauth":{"accessToken":"","refreshToken":""}}"#]
        {
            std::fs::write(&path, harmless).expect("written");
            assert_eq!(stale_file(&path), None, "{harmless}");
        }
        let login = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-a","refreshToken":"sk-ant-ort01-sim-b","expiresAt":1}}"#;
        std::fs::write(&path, login).expect("written");
        assert_eq!(stale_file(&path), Some(Finding::StaleFile { path }));
    }
}
