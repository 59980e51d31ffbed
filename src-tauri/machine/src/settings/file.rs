//! `settings.toml` as a person's choices are written into it: every other key and every comment stays, and a file that makes no
//! sense is left as it is. Owns the writing, and reading what was chosen cheaply; what the settings mean is in the parent.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signalbox_core::bootstrap::Choice;
use signalbox_core::ports::{Preferences, StoreError};
use signalbox_core::terms::Terms;
use signalbox_core::view::View;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::choices::{self, Choices};
use super::{FileSettings, SETTINGS_BYTES_MAX, line_of};
use crate::data_folder::DataFolder;
use crate::durable::{self, Links, Mtime, PRIVATE_FILE};
use crate::surroundings::Surroundings;

/// The settings file.
pub struct SettingsFile {
    folder: DataFolder,
    path: PathBuf,
    /// What it said when it was last read: every board asks, and the file hardly ever changes.
    last: Mutex<Option<(Stamp, Chosen)>>,
}

/// What the file says of what a person chose in a face.
#[derive(Clone, Copy, Default)]
struct Chosen {
    view: View,
    terms: Terms,
    bootstrap: Choice,
}

impl From<&Choices> for Chosen {
    fn from(choices: &Choices) -> Self {
        Self { view: choices.view, terms: choices.terms.terms(), bootstrap: choices.bootstrap.choice() }
    }
}

/// Changes whenever the file does; `None`: there is none.
type Stamp = Option<(u64, u64, [i64; 4])>;

impl SettingsFile {
    /// Nothing is touched until it is used.
    pub fn new(surroundings: &Surroundings) -> Self {
        let folder = surroundings.data_folder();
        Self { path: folder.join("settings.toml"), folder: DataFolder::new(folder), last: Mutex::new(None) }
    }

    fn stamp(&self) -> Stamp {
        let file = self.path.symlink_metadata().ok()?;
        Some((file.ino(), file.size(), [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()]))
    }

    fn last(&self) -> MutexGuard<'_, Option<(Stamp, Chosen)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, why: String) -> StoreError {
        StoreError::Unwritable { path: self.path.clone(), why }
    }

    /// What was chosen in a file in which something makes no sense: that costs its own key and no other choice, or the next
    /// click would write the lost ones over.
    fn sound_choices(&self) -> Chosen {
        let mut choices = Choices::default();
        let text = self.document().map(|document| document.to_string()).unwrap_or_default();
        let table: toml::Table = toml::from_str(&text).unwrap_or_default();
        for section in ["board", "terms"] {
            for (key, value) in table.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
                // What is wrong with it was said with the whole.
                let _ = choices.set(section, key, value);
            }
        }
        // What cannot be understood as a whole allows nothing that is done unasked.
        Chosen { bootstrap: Choice::Off, ..Chosen::from(&choices) }
    }

    fn document(&self) -> Result<DocumentMut, StoreError> {
        let bytes = durable::read(&self.path, SETTINGS_BYTES_MAX, Links::Refuse)?.unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(|error| {
            let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
            self.refused(format!("line {line} of it is not UTF-8 text"))
        })?;
        text.parse().map_err(|error: toml_edit::TomlError| {
            let line = line_of(text.as_bytes(), error.span().map_or(0, |span| span.start));
            self.refused(format!("it is damaged: {} (line {line})", error.message()))
        })
    }
}

impl SettingsFile {
    fn chosen(&self) -> Chosen {
        let stamp = self.stamp();
        let mut last = self.last();
        if let Some((_, chosen)) = last.as_ref().filter(|(seen, _)| *seen == stamp) {
            return *chosen;
        }
        let chosen = match FileSettings::read(&self.path) {
            Ok(settings) => Chosen::from(&settings.choices),
            Err(error) => {
                tracing::warn!(%error, "of the settings only what is sound on the board's is looked at");
                self.sound_choices()
            }
        };
        *last = Some((stamp, chosen));
        chosen
    }

    /// Changes one section, which is made where there is none, and removed again where it was made for nothing.
    fn change(&self, name: &str, change: impl FnOnce(&mut dyn TableLike)) -> Result<(), StoreError> {
        // Held over the whole, so that of two changes in this program none is lost.
        let mut last = self.last();
        let mut document = self.document()?;
        let before = document.to_string();
        let (is_empty, was_there) = (before.trim().is_empty(), document.contains_key(name));
        let table = document.entry(name).or_insert_with(|| section(is_empty));
        let table = table.as_table_like_mut().ok_or_else(|| self.refused(format!("`{name}` in it is no table")))?;
        change(table);
        // An empty section says nothing.
        if table.is_empty() && !was_there {
            document.remove(name);
        }
        let after = document.to_string();
        if after != before {
            self.folder.ensure()?;
            durable::replace(&self.path, after.as_bytes(), PRIVATE_FILE, Mtime::Any)?;
        }
        *last = None;
        Ok(())
    }
}

impl Preferences for SettingsFile {
    fn view(&self) -> View {
        self.chosen().view
    }

    fn set_view(&self, view: View) -> Result<(), StoreError> {
        let defaults = choices::keys_of(&View::default());
        self.change("board", |board| {
            for ((key, value), (_, default)) in choices::keys_of(&view).into_iter().zip(defaults) {
                put(board, key, value, &default);
            }
        })
    }

    fn bootstrap(&self) -> Choice {
        self.chosen().bootstrap
    }

    fn set_bootstrap(&self, choice: Choice) -> Result<(), StoreError> {
        let defaults = choices::keys_of_bootstrap(Choice::default());
        self.change("bootstrap", |table| {
            for ((key, value), (_, default)) in choices::keys_of_bootstrap(choice).into_iter().zip(defaults) {
                put(table, key, value, &default);
            }
        })
    }

    fn terms(&self) -> Terms {
        self.chosen().terms
    }

    fn set_terms(&self, terms: Terms) -> Result<(), StoreError> {
        self.change("terms", |table| {
            for (key, value) in choices::keys_of_terms(&terms) {
                match value {
                    // Nothing is built in that could be left out.
                    Some(value) => put(table, key, value, &Value::from("")),
                    None => drop(table.remove(key)),
                }
            }
        })
    }
}

/// A section of its own, below what stands there already.
fn section(is_first: bool) -> Item {
    let mut table = Table::new();
    if !is_first {
        table.decor_mut().set_prefix("\n");
    }
    Item::Table(table)
}

/// Gives a key its value, with whatever stands around it. What is not in the file and would say the default stays out of it.
fn put(table: &mut dyn TableLike, key: &str, value: Value, default: &Value) {
    let same = |a: &Value, b: &Value| match (a, b) {
        (Value::String(a), Value::String(b)) => a.value() == b.value(),
        (Value::Boolean(a), Value::Boolean(b)) => a.value() == b.value(),
        (Value::Integer(a), Value::Integer(b)) => a.value() == b.value(),
        _ => false,
    };
    match table.get_mut(key) {
        Some(Item::Value(before)) => {
            if !same(before, &value) {
                let around = before.decor().clone();
                *before = value;
                *before.decor_mut() = around;
            }
        }
        None if same(&value, default) => {}
        _ => {
            table.insert(key, Item::Value(value));
        }
    }
}

#[cfg(test)]
mod tests;
