//! Who may read what: the data folder, every file in it, and `.credentials.json`. Owns these checks and closing what is open;
//! leaves giving a file back to its owner to a person.

use std::fs::{Metadata, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use signalbox_core::doctor::{Finding, LinkOf};

use super::{Mended, Patient};
use crate::durable::{self, PRIVATE_FILE, PRIVATE_FOLDER};

/// More of one kind say nothing new.
const FINDINGS_MAX: usize = 20;
/// What Claude Code keeps in these is its own business: the folder around it is closed.
const CLOSED: [&str; 2] = ["delegated", "signin"];
/// The folders in the data folder that hold files of ours.
const FOLDERS: [&str; 3] = ["creds", "held", "logs"];

pub fn check(patient: Patient<'_>) -> Vec<Finding> {
    let data = patient.surroundings.data_folder();
    let mut findings = Vec::new();
    if folder(&data, LinkOf::DataFolder, &mut findings) {
        files_in(&data, &mut findings);
        for name in CLOSED {
            folder(&data.join(name), LinkOf::DataFolder, &mut findings);
        }
        for name in FOLDERS {
            if folder(&data.join(name), LinkOf::DataFolder, &mut findings) {
                files_in(&data.join(name), &mut findings);
            }
        }
    }
    findings.truncate(FINDINGS_MAX);
    findings.extend(look(&patient.surroundings.credentials_file(), LinkOf::ClaudeCode, PRIVATE_FILE));
    findings
}

/// Whether the data folder is one that Signalbox uses at all.
pub fn is_usable(data: &Path) -> bool {
    !matches!(look(data, LinkOf::DataFolder, PRIVATE_FOLDER), Some(Finding::Link { .. } | Finding::NotOurs { .. }))
}

/// Looks at a folder; `true`: it is there, and may be looked into.
fn folder(path: &Path, whose: LinkOf, findings: &mut Vec<Finding>) -> bool {
    let finding = look(path, whose, PRIVATE_FOLDER);
    let usable = !matches!(finding, Some(Finding::Link { .. } | Finding::NotOurs { .. }));
    findings.extend(finding);
    usable && path.is_dir()
}

fn files_in(folder: &Path, findings: &mut Vec<Finding>) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        // Folders are looked at by name; a foreign one is not ours to judge.
        if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir()) {
            findings.extend(look(&path, LinkOf::OurFile, PRIVATE_FILE));
        }
    }
}

/// One path: a link, somebody else's, or open to others.
fn look(path: &Path, whose: LinkOf, wanted: u32) -> Option<Finding> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            return Some(Finding::Unchecked { what: "the mode of a file", why: durable::why(&error) });
        }
    };
    let path = path.to_owned();
    if metadata.is_symlink() {
        return Some(Finding::Link { path, whose });
    }
    if durable::check_owner(&path, &metadata).is_err() {
        return Some(Finding::NotOurs { path });
    }
    let mode = mode_of(&metadata);
    (mode & 0o077 != 0).then_some(Finding::Open { path, mode, wanted })
}

fn mode_of(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

/// Closes a file or a folder that is still ours and no link.
pub fn close(path: &Path, wanted: u32) -> Mended {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let closed = OpenOptions::new().read(true).custom_flags(flags).open(path).and_then(|file| {
        let metadata = file.metadata()?;
        durable::check_owner(path, &metadata).map_err(std::io::Error::other)?;
        file.set_permissions(Permissions::from_mode(wanted))?;
        Ok(mode_of(&file.metadata()?) == wanted)
    });
    match closed {
        Ok(true) => Mended::Done,
        Ok(false) => Mended::Not { why: "the file system does not keep modes".to_owned() },
        Err(error) => Mended::Not { why: durable::why(&error) },
    }
}
