//! The `statusLine` member of Claude Code's user settings. Owns putting our command there and giving back, byte for
//! byte, what stood there before; no other byte of the file changes. Leaves the command itself to `command`.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use signalbox_core::document::{Document, Malformed};
use signalbox_core::ports::StoreError;

use super::command::StatuslineCommand;
use crate::data_folder;
use crate::durable::{self, Links, Mtime, PRIVATE_FILE};
use crate::surroundings::Surroundings;

const MEMBER: &str = "statusLine";
const VERSION: u32 = 1;
/// People keep long lists of permissions in their settings.
const SETTINGS_BYTES_MAX: u64 = 4 * 1024 * 1024;
const NOTES_BYTES_MAX: u64 = 4 * 1024 * 1024;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Claude Code's user settings, as they were when they were read.
pub struct UserSettings {
    /// As Claude Code names it.
    pub path: PathBuf,
    /// Where the bytes lie, if the path is a link.
    target: PathBuf,
    notes: Notes,
    /// `None`: there is no file.
    bytes: Option<Vec<u8>>,
    document: Document,
    marked: bool,
}

/// What draws the statusline now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Present {
    Nothing,
    Ours(StatuslineCommand),
    /// Somebody's own, with its command if it is one.
    Foreign {
        command: Option<String>,
    },
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub changed: bool,
    /// Where the settings lie as they were before.
    pub backup: Option<PathBuf>,
}

impl UserSettings {
    /// Reads the settings. A link is followed; a file that is no JSON object is refused, with the line.
    pub fn read(surroundings: &Surroundings) -> Result<Self, StoreError> {
        let path = surroundings.config_dir().join("settings.json");
        let bytes = durable::read(&path, SETTINGS_BYTES_MAX, Links::Follow)?;
        let target = if durable::is_link(&path) {
            let unreadable = |error| StoreError::Unreadable { path: path.clone(), why: durable::why(&error) };
            path.canonicalize().map_err(unreadable)?
        } else {
            path.clone()
        };
        let text = String::from_utf8(bytes.clone().unwrap_or_default())
            .map_err(|_| StoreError::Malformed { path: path.clone(), why: Malformed::NotUtf8 })?;
        let (text, marked) = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => (rest.to_owned(), true),
            None => (text, false),
        };
        // Claude Code takes an empty file for no settings.
        let document = if text.trim().is_empty() { Ok(Document::empty()) } else { Document::from_text(text) };
        let document = document.map_err(|why| StoreError::Malformed { path: path.clone(), why })?;
        Ok(Self { notes: Notes::at(surroundings), path, target, bytes, document, marked })
    }

    /// What draws the statusline now.
    pub fn present(&self) -> Present {
        let Some(raw) = self.document.member(MEMBER) else { return Present::Nothing };
        let command = command_of(raw);
        match command.as_deref().and_then(StatuslineCommand::parse) {
            Some(ours) => Present::Ours(ours),
            None => Present::Foreign { command },
        }
    }

    /// Makes `command` draw the statusline. Of what stood there its other members stay, such as the padding; the whole
    /// of it is remembered for [`Self::uninstall`].
    pub fn install(&self, command: &str) -> Result<Outcome, StoreError> {
        let before = self.document.member(MEMBER);
        let damaged = |why| StoreError::Malformed { path: self.path.clone(), why };
        let entry = before.and_then(|raw| Document::from_text(raw.to_owned()).ok()).unwrap_or_else(Document::empty);
        let quoted = serde_json::Value::from(command).to_string();
        let entry = match entry.member("type") {
            Some(_) => entry,
            None => entry.with_member("type", Some(r#""command""#)).map_err(damaged)?,
        };
        let entry = entry.with_member("command", Some(&quoted)).map_err(damaged)?;
        if before == Some(entry.expose()) {
            return Ok(Outcome { changed: false, backup: None });
        }
        // Once ours stands there, what is remembered is what stood before it.
        if !matches!(self.present(), Present::Ours(_)) {
            self.notes.remember(&self.path, self.raw_member()?)?;
        }
        if self.is_blank() {
            return self.write(&format!("{{\n  \"{MEMBER}\": {}\n}}\n", entry.expose()));
        }
        let new = self.document.with_member(MEMBER, Some(entry.expose())).map_err(damaged)?;
        let text = if self.raw_member()?.is_none() { on_its_own_line(new.expose()) } else { new.expose().to_owned() };
        self.write(&text)
    }

    /// Puts back what stood there before ours. Somebody else's command is left alone.
    pub fn uninstall(&self) -> Result<Outcome, StoreError> {
        let Present::Ours(ours) = self.present() else { return Ok(Outcome { changed: false, backup: None }) };
        let damaged = |why| StoreError::Malformed { path: self.path.clone(), why };
        let before = match (self.notes.recall(&self.path)?, ours.wrap) {
            (Some(before), _) => before,
            // The notes are gone, but the command tells what it wraps.
            (None, Some(wrapped)) => {
                let raw = self.document.member(MEMBER).unwrap_or("{}").to_owned();
                let entry = Document::from_text(raw).map_err(damaged)?;
                let command = serde_json::Value::from(wrapped).to_string();
                Some(entry.with_member("command", Some(&command)).map_err(damaged)?.expose().to_owned())
            }
            (None, None) => None,
        };
        let new = self.document.with_member(MEMBER, before.as_deref()).map_err(damaged)?;
        let outcome = self.write(new.expose())?;
        self.notes.forget(&self.path)?;
        Ok(outcome)
    }

    /// There is no file, or nothing in it.
    fn is_blank(&self) -> bool {
        self.bytes.as_ref().is_none_or(|bytes| bytes.trim_ascii().is_empty())
    }

    /// The member's text, `null` included.
    fn raw_member(&self) -> Result<Option<String>, StoreError> {
        if let Some(raw) = self.document.member(MEMBER) {
            return Ok(Some(raw.to_owned()));
        }
        let without = self.document.with_member(MEMBER, None);
        let without = without.map_err(|why| StoreError::Malformed { path: self.path.clone(), why })?;
        Ok((without.digest() != self.document.digest()).then(|| "null".to_owned()))
    }

    fn write(&self, text: &str) -> Result<Outcome, StoreError> {
        let unwritable = |why: &str| StoreError::Unwritable { path: self.path.clone(), why: why.to_owned() };
        let mut mode = PRIVATE_FILE;
        let mut backup = None;
        if let Some(bytes) = &self.bytes {
            let metadata = self.target.metadata().map_err(|error| durable::write_error(&self.path, &error))?;
            mode = metadata.permissions().mode() & 0o7777;
            if mode & 0o200 == 0 {
                return Err(unwritable("it is write-protected"));
            }
            let beside = self.path.with_file_name("settings.json.before-signalbox");
            // The first one is the one worth keeping: later ones would hold our own entry.
            let is_kept = beside.symlink_metadata().is_ok_and(|file| file.is_file());
            if !(is_kept && matches!(self.present(), Present::Ours(_))) {
                durable::replace(&beside, bytes, mode, Mtime::Any)?;
            }
            backup = Some(beside);
        } else if let Some(folder) = self.path.parent() {
            durable::make_folder(folder)?;
        }
        // Claude Code itself may have written meanwhile.
        if durable::read(&self.path, SETTINGS_BYTES_MAX, Links::Follow)? != self.bytes {
            return Err(unwritable("another program changed it just now"));
        }
        let text = if self.marked { format!("{BYTE_ORDER_MARK}{text}") } else { text.to_owned() };
        durable::replace(&self.target, text.as_bytes(), mode, Mtime::Any)?;
        Ok(Outcome { changed: true, backup })
    }
}

fn command_of(raw: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Entry {
        command: String,
    }
    serde_json::from_str::<Entry>(raw).ok().map(|entry| entry.command)
}

/// A member that was appended, on a line of its own where the document has lines.
fn on_its_own_line(text: &str) -> String {
    let appended = format!("\"{MEMBER}\":");
    // Behind it comes only its own value, in which the same text would have its quotes escaped.
    let (Some(at), Some(open)) = (text.rfind(&appended), text.find('{')) else { return text.to_owned() };
    let rest = &text[open + 1..];
    let blank = &rest[..rest.len() - rest.trim_start().len()];
    let is_first = text[open + 1..at].trim().is_empty();
    if is_first || !blank.contains('\n') {
        return text.to_owned();
    }
    format!("{}{blank}{appended} {}", &text[..at], &text[at + appended.len()..])
}

/// What stood in settings files before ours, in `statusline.json` of the data folder.
struct Notes {
    data: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct Noted {
    version: u32,
    /// The member's text for each settings file; `null` where there was none.
    before: BTreeMap<String, Option<String>>,
}

impl Notes {
    fn at(surroundings: &Surroundings) -> Self {
        Self { data: surroundings.data_folder() }
    }

    fn file(&self) -> PathBuf {
        self.data.join("statusline.json")
    }

    fn read(&self) -> Result<Noted, StoreError> {
        if !data_folder::check(&self.data)? {
            return Ok(Noted::default());
        }
        let bytes = durable::read(&self.file(), NOTES_BYTES_MAX, Links::Refuse)?;
        let noted: Option<Noted> = bytes.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok());
        // Damaged notes are as good as none: the command itself tells what it wraps.
        Ok(noted.unwrap_or_default())
    }

    fn change(&self, change: impl FnOnce(&mut Noted)) -> Result<(), StoreError> {
        let mut noted = self.read()?;
        if noted.version > VERSION {
            return Err(StoreError::FromTheFuture { path: self.file() });
        }
        noted.version = VERSION;
        change(&mut noted);
        data_folder::ensure(&self.data)?;
        let bytes = serde_json::to_vec_pretty(&noted).expect("notes are plain data");
        durable::replace(&self.file(), &bytes, PRIVATE_FILE, Mtime::Any)
    }

    fn remember(&self, settings: &Path, before: Option<String>) -> Result<(), StoreError> {
        self.change(|noted| drop(noted.before.insert(key(settings), before)))
    }

    /// `None`: nothing was remembered. `Some(None)`: nothing stood there.
    fn recall(&self, settings: &Path) -> Result<Option<Option<String>>, StoreError> {
        Ok(self.read()?.before.remove(&key(settings)))
    }

    fn forget(&self, settings: &Path) -> Result<(), StoreError> {
        if self.recall(settings)?.is_none() {
            return Ok(());
        }
        self.change(|noted| drop(noted.before.remove(&key(settings))))
    }
}

fn key(settings: &Path) -> String {
    settings.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
