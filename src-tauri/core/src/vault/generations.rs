//! The older generations of a `.cred`: what stood in it before, still sealed, so that a person can go back. Owns how many are kept and
//! which one goes. Leaves which of them may be brought back to `undo`, because only the server knows.

use std::collections::HashMap;

use crate::account_cache::AccountBlock;
use crate::credential::{Fingerprint, Login};
use crate::envelope;
use crate::identity::Matched;
use crate::ports::{FileName, Ports, StoreError};
use crate::profile::{Alias, Profile};

use super::{Before, CredHeader, Opened, VaultError, open_envelope};

/// How many generations stand behind the newest.
pub const GENERATIONS: usize = 5;

/// What becomes of the login that is about to be replaced.
pub(super) enum Keeping<'a> {
    /// There is none, or it holds the same tokens.
    Nothing { generation: u64 },
    /// An ancestor of the new login is spent: keeping it is a courtesy. It comes after the new one, which may exist nowhere else.
    Afterwards { number: Option<u64>, before: &'a Before },
    /// Another sign-in may well live: it is kept before it is replaced.
    Kept { number: u64 },
}

impl<'a> Keeping<'a> {
    /// Decides, and keeps what has to be kept first.
    pub(super) fn begin(
        ports: &Ports,
        alias: &Alias,
        before: Option<&'a Before>,
        next: &Login,
    ) -> Result<Self, StoreError> {
        let Some(before) = before else { return Ok(Self::Nothing { generation: 0 }) };
        let own = before.header.generation;
        if before.header.fingerprint == next.fingerprint() {
            return Ok(Self::Nothing { generation: own });
        }
        let number = free_number(ports, alias, before);
        if before.header.deadline.is_some() && before.header.deadline == next.deadline() {
            return Ok(Self::Afterwards { number: number.ok(), before });
        }
        let number = number?;
        ports.files.write(&FileName::Generation(alias.clone(), number), &before.bytes)?;
        Ok(Self::Kept { number })
    }

    /// The number of the new login.
    pub(super) fn generation(&self) -> u64 {
        match self {
            Self::Nothing { generation } => *generation,
            Self::Afterwards { number, before } => number.unwrap_or(before.header.generation) + 1,
            Self::Kept { number } => number + 1,
        }
    }

    /// After the new login is saved. One generation too many or too few is no reason to call it unsaved.
    pub(super) fn end(self, ports: &Ports, newest: &CredHeader) {
        let kept = match self {
            Self::Nothing { .. } => return,
            Self::Kept { .. } => Ok(()),
            // Without a number that is certainly free it would be written over a generation that may live.
            Self::Afterwards { number: None, .. } => return,
            Self::Afterwards { number: Some(number), before } => {
                ports.files.write(&FileName::Generation(newest.alias.clone(), number), &before.bytes)
            }
        };
        let _the_next_save_prunes_again: Result<(), StoreError> = kept.and_then(|()| prune(ports, newest));
    }
}

/// The number under which `before` is kept: its own, unless another generation has it, because the profile was renamed or its newest
/// login was lost meanwhile.
fn free_number(ports: &Ports, alias: &Alias, before: &Before) -> Result<u64, StoreError> {
    let own = before.header.generation;
    match ports.files.read(&FileName::Generation(alias.clone(), own))? {
        None => Ok(own),
        // A crash came between keeping it and replacing it.
        Some(bytes) if bytes == before.bytes => Ok(own),
        Some(_) => next_number(ports, alias),
    }
}

/// A number that no generation of this profile has.
fn next_number(ports: &Ports, alias: &Alias) -> Result<u64, StoreError> {
    Ok(numbers(ports, alias)?.last().map_or(0, |last| last + 1))
}

/// Removes generations beyond the limit: first what a newer one of the same sign-in has spent, then the oldest.
fn prune(ports: &Ports, newest: &CredHeader) -> Result<(), StoreError> {
    let alias = &newest.alias;
    let mut all = generations(ports, alias)?;
    while all.len() > GENERATIONS {
        let spent = |at: &usize| {
            let deadline = all[*at].1.deadline;
            let newer = all[at + 1..].iter().any(|(_, header)| header.deadline == deadline);
            deadline.is_some() && (newer || deadline == newest.deadline)
        };
        let goes = (0..all.len()).find(spent).unwrap_or(0);
        let (number, _) = all.remove(goes);
        ports.files.remove(&FileName::Generation(alias.clone(), number))?;
    }
    Ok(())
}

/// The headers of a profile's older generations, oldest first. One that cannot be read is left out, and left alone.
fn generations(ports: &Ports, alias: &Alias) -> Result<Vec<(u64, CredHeader)>, StoreError> {
    let mut all = Vec::new();
    for number in numbers(ports, alias)? {
        let Some(bytes) = ports.files.read(&FileName::Generation(alias.clone(), number))? else { continue };
        if let Ok(header) = envelope::header::<CredHeader>(&bytes) {
            all.push((number, header));
        }
    }
    Ok(all)
}

/// Which generations of a profile there are, oldest first.
pub fn numbers(ports: &Ports, alias: &Alias) -> Result<Vec<u64>, StoreError> {
    let mut numbers: Vec<u64> = ports
        .files
        .list()?
        .into_iter()
        .filter_map(|name| match name {
            FileName::Generation(of, number) if of.collides_with(alias) => Some(number),
            _ => None,
        })
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Whether a generation that can be opened holds exactly these tokens.
pub(super) fn holds(ports: &Ports, profile: &Profile, fingerprint: &Fingerprint) -> Result<bool, StoreError> {
    for number in numbers(ports, &profile.alias)? {
        match open(ports, profile, number) {
            Ok(opened) if opened.header.fingerprint == *fingerprint => return Ok(true),
            Ok(_) => {}
            Err(VaultError::Store(error)) => return Err(error),
            // One that cannot be opened gives nothing back.
            Err(_) => {}
        }
    }
    Ok(false)
}

/// How many older generations each profile has, by its alias in lower case.
pub fn count(ports: &Ports) -> Result<HashMap<Alias, u32>, StoreError> {
    let mut counts = HashMap::new();
    for name in ports.files.list()? {
        if let FileName::Generation(alias, _) = name {
            *counts.entry(alias.lower_case()).or_insert(0) += 1;
        }
    }
    Ok(counts)
}

/// Opens an older generation.
pub fn open(ports: &Ports, profile: &Profile, number: u64) -> Result<Opened, VaultError> {
    let alias = &profile.alias;
    let bytes = ports.files.read(&FileName::Generation(alias.clone(), number))?;
    open_envelope(ports, profile, &bytes.ok_or_else(|| VaultError::Missing(alias.clone()))?)
}

/// Keeps a login that lives behind the newest, which is to stay: once, however often it is asked.
pub(crate) fn keep_behind(ports: &Ports, profile: &Profile, login: &Matched<Login>) -> Result<(), StoreError> {
    if holds(ports, profile, &login.value().fingerprint())? {
        return Ok(());
    }
    let number = next_number(ports, &profile.alias)?;
    let header = super::header_of(ports, login, number);
    let sealed = envelope::seal(ports, &header, &super::payload(login.value(), None))?;
    ports.files.write(&FileName::Generation(profile.alias.clone(), number), &sealed)
}

/// Writes a generation again, with other tokens of the same sign-in.
pub(crate) fn rewrite(
    ports: &Ports,
    number: u64,
    login: &Matched<Login>,
    block: Option<&AccountBlock>,
) -> Result<CredHeader, StoreError> {
    let header = super::header_of(ports, login, number);
    let sealed = envelope::seal(ports, &header, &super::payload(login.value(), block))?;
    ports.files.write(&FileName::Generation(login.alias().clone(), number), &sealed)?;
    Ok(header)
}

/// Moves a generation to another alias: under its own number, or, where that is taken, under a new one.
pub(crate) fn move_home(ports: &Ports, from: &FileName, number: u64, to: &Alias) -> Result<(), StoreError> {
    let Some(bytes) = ports.files.read(from)? else { return Ok(()) };
    let home = |number| FileName::Generation(to.clone(), number);
    match ports.files.read(&home(number))? {
        None => ports.files.write(&home(number), &bytes)?,
        // A crash came between writing it there and removing it here.
        Some(there) if there == bytes => {}
        Some(_) => ports.files.write(&home(next_number(ports, to)?), &bytes)?,
    }
    ports.files.remove(from)
}

/// Gives the generations of a profile to another alias, or takes them away with the profile (`None`).
pub(crate) fn hand_over(ports: &Ports, from: &Alias, to: Option<&Alias>) -> Result<(), StoreError> {
    for number in numbers(ports, from)? {
        let old = FileName::Generation(from.clone(), number);
        match to {
            Some(to) => move_home(ports, &old, number, to)?,
            None => ports.files.remove(&old)?,
        }
    }
    Ok(())
}
