//! The folders that children work in, below one of ours: which there are, and how one goes. Owns that a folder goes in one
//! step (a rename), so that a crash leaves a whole one or none, and that what lies outside it goes first. Leaves *when* one
//! may go to its callers.

use std::io::ErrorKind;
use std::path::Path;

use signalbox_core::ports::StoreError;

use super::place::Place;
use crate::data_folder;
use crate::durable;
use crate::surroundings::Surroundings;

/// Marks a folder that is being removed.
const GOING: &str = ".gone";

/// The folders below `parent` whose names make sense to `parse`. What a crash left half removed is swept away.
pub fn list<T>(parent: &Path, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, StoreError> {
    if !data_folder::check(parent)? {
        return Ok(Vec::new());
    }
    let unreadable = |error| StoreError::Unreadable { path: parent.to_owned(), why: durable::why(&error) };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let is_folder = entry.file_type().map_err(unreadable)?.is_dir();
        let Some(name) = entry.file_name().to_str().map(str::to_owned).filter(|_| is_folder) else { continue };
        if let Some(name) = parse(&name) {
            found.push(name);
        } else if name.strip_suffix(GOING).and_then(&parse).is_some() {
            sweep(&entry.path());
        }
    }
    Ok(found)
}

/// Removes a folder and the login that was kept for it elsewhere. One that somebody else removed meanwhile is no error.
pub fn remove(folder: &Path, inside: &Surroundings, place: &dyn Place) -> Result<(), StoreError> {
    // The folder is what tells that there is an item, so the item goes first.
    place.forget(inside)?;
    let going = folder.with_extension(&GOING[1..]);
    sweep(&going);
    match std::fs::rename(folder, &going) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(durable::write_error(folder, &error)),
        _ => {}
    }
    durable::sync_folder_of(folder)?;
    sweep(&going);
    // A lock that a crash left beside it. A folder, and an empty one, or it is not what it seems.
    let _ = std::fs::remove_dir(folder.with_extension("lock"));
    Ok(())
}

/// Removes what was a folder. What cannot be removed now is met again by the next look.
fn sweep(going: &Path) {
    match std::fs::remove_dir_all(going) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(path = %going.display(), %error, "a folder of Claude Code's cannot be removed");
        }
        _ => {}
    }
}
