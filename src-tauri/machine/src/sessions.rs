//! Running Claude Code sessions and pins. Owns the adapter that puts both together; the records are in `record`, whether a
//! process is still the one that wrote its record in `process`, what counts as a pin in `pins`, and Claude Code's settings
//! files in `claude_settings`. Leaves what a switch may promise about any of them to `signalbox_core::sessions`.

pub mod claude_settings;
pub mod pins;
pub mod process;
mod record;

use std::path::{Path, PathBuf};

use signalbox_core::ports::{Sessions, StoreError};
use signalbox_core::sessions::{Pin, PinPlace, Session};

use crate::surroundings::Surroundings;

/// See the module.
#[derive(Clone, Debug)]
pub struct ClaudeSessions {
    surroundings: Surroundings,
}

impl ClaudeSessions {
    pub fn new(surroundings: &Surroundings) -> Self {
        Self { surroundings: surroundings.clone() }
    }
}

impl Sessions for ClaudeSessions {
    fn running(&self) -> Result<Vec<Session>, StoreError> {
        let mut sessions = record::running(&self.surroundings.config_dir().join("sessions"))?;
        for session in &mut sessions {
            session.pinned_by = pins::of_process(session.pid).or_else(|| pin_of_folder(session.folder.as_deref()?));
        }
        Ok(sessions)
    }

    fn pins(&self) -> Vec<Pin> {
        let of_environment = |name: &String| Pin { name: name.clone(), place: PinPlace::Environment };
        let mut pins: Vec<Pin> = self.surroundings.pins.iter().map(of_environment).collect();
        for path in settings_files(&self.surroundings, &self.running().unwrap_or_default()) {
            let names = claude_settings::read(&path).map(|found| found.unwrap_or_default().pins).unwrap_or_default();
            pins.extend(names.into_iter().map(|name| pin_in(name, &path)));
        }
        pins.extend(pins::federation(&self.surroundings).map(|path| pin_in("oidc_federation".to_owned(), &path)));
        pins
    }
}

fn pin_in(name: String, path: &Path) -> Pin {
    Pin { name, place: PinPlace::Settings { path: path.to_owned() } }
}

/// What the settings of a session's own project pin it with.
fn pin_of_folder(folder: &Path) -> Option<String> {
    claude_settings::of_project(folder)
        .iter()
        .find_map(|path| claude_settings::read(path).ok().flatten()?.pins.into_iter().next())
}

/// Every settings file that Claude Code reads: for everybody, for this user, for the folder in which we were started, and
/// for the folders in which sessions run. Each once, whether it exists or not.
pub fn settings_files(surroundings: &Surroundings, running: &[Session]) -> Vec<PathBuf> {
    let mut files = claude_settings::managed(&surroundings.managed_settings);
    let config = surroundings.config_dir();
    // What the organisation's server sent last lies beside the person's own settings.
    files.extend([config.join("remote-settings.json"), config.join("settings.json")]);
    let folders = running.iter().filter_map(|session| session.folder.as_deref());
    for folder in surroundings.current_dir.as_deref().into_iter().chain(folders) {
        files.extend(claude_settings::of_project(folder));
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

#[cfg(test)]
mod tests;
