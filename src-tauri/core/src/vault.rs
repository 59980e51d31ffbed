//! The saved logins: one `.cred` for a profile, and the logins that were put aside because nobody could say whose they
//! are. Owns what is in an envelope and the rule that only a `Matched` login gets into a `.cred` (design invariant 1).
//! Leaves the cipher to `envelope`, the bytes on disk to the `Files` port, the roster to `profile`.

pub mod generations;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::account_cache::AccountBlock;
use crate::board::Deadline;
use crate::credential::{Fingerprint, Live, Login};
use crate::document::Document;
use crate::envelope::{self, EnvelopeError};
use crate::identity::{self, Account, Identity, Matched};
use crate::lineage;
use crate::ports::{FileName, Files, Ports, StoreError};
use crate::profile::{Alias, Profile, Roster};
use crate::time::Timestamp;

use generations::Keeping;
pub use generations::count as count_generations;

/// What stands readable at the head of a `.cred`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredHeader {
    version: u32,
    pub alias: Alias,
    pub identity: Identity,
    pub saved_at: Timestamp,
    /// How many logins were saved before this one.
    pub generation: u64,
    pub fingerprint: Fingerprint,
    /// When the access token lapses.
    pub expires_at: Option<Timestamp>,
    /// When the login itself ends, if the client recorded it.
    pub deadline: Option<Timestamp>,
    /// Whether it holds a refresh token.
    pub renews: bool,
    /// When a setup-token's year is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Deadline>,
}

/// What stands readable at the head of a held login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldHeader {
    version: u32,
    pub fingerprint: Fingerprint,
    pub held_at: Timestamp,
    /// The profile that was active when it was put aside, by its identity, which a rename does not change. A guess, never
    /// evidence.
    pub believed: Option<Identity>,
    /// When the login itself ends, if the client recorded it.
    #[serde(default)]
    pub deadline: Option<Timestamp>,
    /// What was stored at that moment and may be its ancestor.
    #[serde(default)]
    pub before: Vec<Fingerprint>,
    /// The server said that it is no profile's.
    #[serde(default)]
    pub nobodys: bool,
    /// A setup-token, which no login descends from.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub setup_token: bool,
}

/// A `.cred` that was opened.
pub struct Opened {
    pub login: Matched<Login>,
    /// The account's `oauthAccount`, if one was ever seen.
    pub block: Option<AccountBlock>,
    pub header: CredHeader,
}

/// What is wrong with the vault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no saved login for `{0}`")]
    Missing(Alias),
    #[error("the saved login of `{alias}` cannot be opened: {why}")]
    Damaged { alias: Alias, why: EnvelopeError },
    #[error("the saved login of `{0}` belongs to another account")]
    OtherAccount(Alias),
    #[error("{} is damaged; the profiles can be made anew from the saved logins", .0.display())]
    RosterDamaged(PathBuf),
    #[error("the roster was made by a newer version of Signalbox")]
    RosterFromTheFuture,
}

/// Reads the roster; an empty one when there is none yet.
pub fn load_roster(ports: &Ports) -> Result<Roster, VaultError> {
    roster_in(ports.files.as_ref())
}

/// The same, for a caller that needs no other port.
pub fn roster_in(files: &dyn Files) -> Result<Roster, VaultError> {
    let Some(bytes) = files.read(&FileName::Roster)? else { return Ok(Roster::new()) };
    // Looked at first, because what a newer version wrote may not even be readable here.
    if envelope::version(&bytes).is_some_and(|version| version > u64::from(Roster::VERSION)) {
        return Err(VaultError::RosterFromTheFuture);
    }
    let roster: Option<Roster> = serde_json::from_slice(&bytes).ok();
    roster.filter(Roster::is_sound).ok_or_else(|| VaultError::RosterDamaged(files.place(&FileName::Roster)))
}

/// Writes the roster.
pub fn save_roster(ports: &Ports, roster: &Roster) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec_pretty(roster).expect("a roster is plain data");
    ports.files.write(&FileName::Roster, &bytes)
}

/// Saves a login as its profile's newest. The proof says whose it is; there is no other way into a `.cred`.
/// `block`: the account's `oauthAccount` if the caller saw one; otherwise the saved one is kept.
pub fn seal(ports: &Ports, login: &Matched<Login>, block: Option<&AccountBlock>) -> Result<CredHeader, StoreError> {
    seal_until(ports, login, block, None)
}

/// The same with the day on which a setup-token ends; otherwise that of the same token is kept.
pub(crate) fn seal_until(
    ports: &Ports,
    login: &Matched<Login>,
    block: Option<&AccountBlock>,
    ends: Option<Deadline>,
) -> Result<CredHeader, StoreError> {
    let name = FileName::Cred(login.alias().clone());
    let before = own_or_aside(ports, &name, login.identity())?;
    let saved_block = before.as_ref().and_then(|before| AccountBlock::of(&before.document));
    let value = login.value();
    let keeping = Keeping::begin(ports, login.alias(), before.as_ref(), value)?;
    let mut header = header_of(ports, login, keeping.generation());
    let of_the_same = before.as_ref().filter(|before| before.header.fingerprint == header.fingerprint);
    header.ends = ends.or(of_the_same.and_then(|before| before.header.ends));
    let secret = payload(value, block.or(saved_block.as_ref()));
    ports.files.write(&name, &envelope::seal(ports, &header, &secret)?)?;
    keeping.end(ports, &header);
    Ok(header)
}

fn header_of(ports: &Ports, login: &Matched<Login>, generation: u64) -> CredHeader {
    let value = login.value();
    CredHeader {
        version: envelope::VERSION,
        alias: login.alias().clone(),
        identity: login.identity().clone(),
        saved_at: ports.clock.now(),
        generation,
        fingerprint: value.fingerprint(),
        expires_at: value.expires_at(),
        deadline: value.deadline(),
        renews: value.can_renew(),
        ends: None,
    }
}

/// Opens a profile's saved login.
pub fn open(ports: &Ports, profile: &Profile) -> Result<Opened, VaultError> {
    let alias = &profile.alias;
    let bytes = ports.files.read(&FileName::Cred(alias.clone()))?;
    open_envelope(ports, profile, &bytes.ok_or_else(|| VaultError::Missing(alias.clone()))?)
}

fn open_envelope(ports: &Ports, profile: &Profile, bytes: &[u8]) -> Result<Opened, VaultError> {
    let alias = &profile.alias;
    let damaged = |why| VaultError::Damaged { alias: alias.clone(), why };
    let (header, document): (CredHeader, _) = envelope::open(&ports.key.key()?, bytes).map_err(damaged)?;
    let Ok(Live::Login(login)) = Live::parse(&document) else { return Err(damaged(EnvelopeError::Sealed)) };
    let login =
        identity::unsealed(login, &header.identity, profile).ok_or_else(|| VaultError::OtherAccount(alias.clone()))?;
    Ok(Opened { login, block: AccountBlock::of(&document), header })
}

/// The header of a profile's saved login, without the key; `None` when there is no `.cred`.
pub fn header(ports: &Ports, alias: &Alias) -> Result<Option<CredHeader>, VaultError> {
    let Some(bytes) = ports.files.read(&FileName::Cred(alias.clone()))? else { return Ok(None) };
    let parsed = envelope::header(&bytes).map_err(|why| VaultError::Damaged { alias: alias.clone(), why })?;
    Ok(Some(parsed))
}

/// Puts a login aside whose owner cannot be told now, so that it is not lost when another takes its place.
pub fn hold(ports: &Ports, login: &Login, believed: Option<&Identity>) -> Result<(), StoreError> {
    hold_older(ports, login, believed, None)
}

/// The same for a login that was replaced a while ago. `later`: what has been live since, and may descend from it.
pub(crate) fn hold_older(
    ports: &Ports,
    login: &Login,
    believed: Option<&Identity>,
    later: Option<&Fingerprint>,
) -> Result<(), StoreError> {
    let fingerprint = login.fingerprint();
    let name = FileName::Held(fingerprint.to_string());
    let header = HeldHeader {
        version: envelope::VERSION,
        fingerprint,
        held_at: ports.clock.now(),
        believed: believed.cloned(),
        deadline: login.deadline(),
        before: lineage::known_before(ports, login)?.into_iter().filter(|known| Some(known) != later).collect(),
        nobodys: false,
        setup_token: login.is_setup_token(),
    };
    write_held(ports, &name, login, &header)
}

/// Writes a held login again under the name it has, with new tokens. A renewed pair takes the place of the spent one in a single
/// write: a spent token that stayed behind would be presented again and cost the login.
pub(crate) fn hold_again(ports: &Ports, name: &FileName, login: &Login, header: &HeldHeader) -> Result<(), StoreError> {
    write_held(ports, name, login, &header_again(login, header))
}

/// Writes a held login again as one that no profile waits for.
pub(crate) fn hold_for_nobody(
    ports: &Ports,
    name: &FileName,
    login: &Login,
    header: &HeldHeader,
) -> Result<(), StoreError> {
    let header = HeldHeader { believed: None, nobodys: true, ..header_again(login, header) };
    write_held(ports, name, login, &header)
}

/// The pair that was held so far is an ancestor now, of which a copy may lie somewhere.
fn header_again(login: &Login, header: &HeldHeader) -> HeldHeader {
    let fingerprint = login.fingerprint();
    let mut before = header.before.clone();
    if header.fingerprint != fingerprint && !before.contains(&header.fingerprint) {
        before.push(header.fingerprint.clone());
    }
    HeldHeader { fingerprint, before, ..header.clone() }
}

fn write_held(ports: &Ports, name: &FileName, login: &Login, header: &HeldHeader) -> Result<(), StoreError> {
    ports.files.write(name, &envelope::seal(ports, header, &payload(login, None))?)
}

/// A held login that was opened.
pub struct Held {
    pub name: FileName,
    pub login: Login,
    pub header: HeldHeader,
}

/// All logins that were put aside and can be opened.
pub fn held(ports: &Ports) -> Result<Vec<Held>, StoreError> {
    let mut all = Vec::new();
    for name in ports.files.list()? {
        let FileName::Held(_) = &name else { continue };
        let Some(bytes) = ports.files.read(&name)? else { continue };
        let Ok((header, document)) = envelope::open(&ports.key.key()?, &bytes) else { continue };
        if let Ok(Live::Login(login)) = Live::parse(&document) {
            all.push(Held { name, login, header });
        }
    }
    Ok(all)
}

/// Whether these very tokens are saved somewhere and can be had back: in the profile's `.cred`, in an older
/// generation of it, or put aside.
pub fn is_saved(ports: &Ports, fingerprint: &Fingerprint, profile: Option<&Profile>) -> Result<bool, StoreError> {
    if let Some(profile) = profile
        && saved_fingerprint(ports, profile)?.is_some_and(|saved| saved == *fingerprint)
    {
        return Ok(true);
    }
    if held(ports)?.iter().any(|held| held.header.fingerprint == *fingerprint) {
        return Ok(true);
    }
    match profile {
        Some(profile) => generations::holds(ports, profile, fingerprint),
        None => Ok(false),
    }
}

/// Which tokens a profile's `.cred` holds. It is opened to tell: one that cannot be counts as none, because a readable
/// header over a ruined login would keep a good one from being saved.
pub fn saved_fingerprint(ports: &Ports, profile: &Profile) -> Result<Option<Fingerprint>, StoreError> {
    match open(ports, profile) {
        Ok(opened) => Ok(Some(opened.header.fingerprint)),
        Err(VaultError::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

fn payload(login: &Login, block: Option<&AccountBlock>) -> Document {
    let document = login.to_document().expect("a login came out of a document");
    match block {
        Some(block) => block.install_into(&document).expect("a block came out of a document"),
        None => document,
    }
}

/// A `.cred` that is about to be replaced.
struct Before {
    bytes: Vec<u8>,
    header: CredHeader,
    document: Document,
}

/// The `.cred` that is about to be replaced, if it is the same account's. Any other is put aside first: it is a stray that
/// no profile refers to, or cannot be opened, and may be the only copy of a login.
fn own_or_aside(ports: &Ports, name: &FileName, identity: &Identity) -> Result<Option<Before>, StoreError> {
    let Some(bytes) = ports.files.read(name)? else { return Ok(None) };
    match envelope::open::<CredHeader>(&ports.key.key()?, &bytes) {
        Ok((header, document)) if header.identity == *identity => return Ok(Some(Before { bytes, header, document })),
        Ok((header, document)) => {
            if let Ok(Live::Login(login)) = Live::parse(&document) {
                let (fingerprint, held_at) = (header.fingerprint, header.saved_at);
                let name = FileName::Held(fingerprint.to_string());
                let believed = Some(header.identity);
                let (deadline, before) = (login.deadline(), lineage::known_before(ports, &login)?);
                let (version, nobodys, setup_token) = (envelope::VERSION, false, login.is_setup_token());
                let header =
                    HeldHeader { version, fingerprint, held_at, believed, deadline, before, nobodys, setup_token };
                write_held(ports, &name, &login, &header)?;
            }
        }
        Err(_) => put_aside_unopened(ports, &bytes)?,
    }
    Ok(None)
}

/// Keeps an envelope that cannot be opened among the held logins, still sealed: should its key come back, what it holds is not
/// lost. Named by its own hash, so the same one is kept once, and the name is one that a held file may have.
pub(crate) fn put_aside_unopened(ports: &Ports, bytes: &[u8]) -> Result<(), StoreError> {
    let name = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ports.files.write(&FileName::Held(name), bytes)
}

/// The account of a `.cred` that no profile refers to, as far as the file itself tells; `None` if it cannot be opened.
pub fn stray(ports: &Ports, alias: &Alias) -> Result<Option<(Alias, Account)>, StoreError> {
    let Some(bytes) = ports.files.read(&FileName::Cred(alias.clone()))? else { return Ok(None) };
    let Ok((header, document)) = envelope::open::<CredHeader>(&ports.key.key()?, &bytes) else { return Ok(None) };
    let email = AccountBlock::of(&document).and_then(|block| block.email()).unwrap_or_default();
    let account = Account { identity: header.identity, email, plan: None, organization_name: None };
    Ok(Some((header.alias, account)))
}
