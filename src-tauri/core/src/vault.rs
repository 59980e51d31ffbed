//! The saved logins: one `.cred` for a profile, and the logins that were put aside because nobody could say whose they
//! are. Owns what is in an envelope and the rule that only a `Matched` login gets into a `.cred` (design invariant 1).
//! Leaves the cipher to `envelope`, the bytes on disk to the `Files` port, the roster to `profile`.

use serde::{Deserialize, Serialize};

use crate::account_cache::AccountBlock;
use crate::credential::{Fingerprint, Live, Login};
use crate::document::Document;
use crate::envelope::{self, EnvelopeError};
use crate::identity::{self, Identity, Matched};
use crate::ports::{FileName, Ports, StoreError};
use crate::profile::{Alias, Profile, Roster};
use crate::time::Timestamp;

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
    #[error("the roster cannot be read: it is damaged")]
    RosterDamaged,
    #[error("the roster was made by a newer version of Signalbox")]
    RosterFromTheFuture,
}

/// Reads the roster; an empty one when there is none yet.
pub fn load_roster(ports: &Ports) -> Result<Roster, VaultError> {
    let Some(bytes) = ports.files.read(&FileName::Roster)? else { return Ok(Roster::new()) };
    // Looked at first, because what a newer version wrote may not even be readable here.
    if envelope::version(&bytes).is_some_and(|version| version > u64::from(Roster::VERSION)) {
        return Err(VaultError::RosterFromTheFuture);
    }
    serde_json::from_slice(&bytes).map_err(|_| VaultError::RosterDamaged)
}

/// Writes the roster.
pub fn save_roster(ports: &Ports, roster: &Roster) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec_pretty(roster).expect("a roster is plain data");
    ports.files.write(&FileName::Roster, &bytes)
}

/// Saves a login as its profile's newest. The proof says whose it is; there is no other way into a `.cred`.
/// `block`: the account's `oauthAccount` if the caller saw one; otherwise the saved one is kept.
pub fn seal(ports: &Ports, login: &Matched<Login>, block: Option<&AccountBlock>) -> Result<CredHeader, StoreError> {
    let name = FileName::Cred(login.alias().clone());
    let before = ports.files.read(&name)?;
    let header_before: Option<CredHeader> = before.as_deref().and_then(|bytes| envelope::header(bytes).ok());
    let saved_block = match (block, &before) {
        (None, Some(bytes)) => kept_block(ports, bytes, login.identity())?,
        _ => None,
    };
    let value = login.value();
    let header = CredHeader {
        version: envelope::VERSION,
        alias: login.alias().clone(),
        identity: login.identity().clone(),
        saved_at: ports.clock.now(),
        generation: header_before.map_or(0, |header| header.generation + 1),
        fingerprint: value.fingerprint(),
        expires_at: value.expires_at(),
        deadline: value.deadline(),
        renews: value.can_renew(),
    };
    let secret = payload(value, block.or(saved_block.as_ref()));
    ports.files.write(&name, &envelope::seal(ports, &header, &secret)?)?;
    Ok(header)
}

/// Opens a profile's saved login.
pub fn open(ports: &Ports, profile: &Profile) -> Result<Opened, VaultError> {
    let alias = &profile.alias;
    let bytes = ports.files.read(&FileName::Cred(alias.clone()))?.ok_or_else(|| VaultError::Missing(alias.clone()))?;
    let damaged = |why| VaultError::Damaged { alias: alias.clone(), why };
    let (header, document): (CredHeader, _) = envelope::open(&ports.key.key()?, &bytes).map_err(damaged)?;
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
    let fingerprint = login.fingerprint();
    let name = FileName::Held(fingerprint.to_string());
    let header =
        HeldHeader { version: envelope::VERSION, fingerprint, held_at: ports.clock.now(), believed: believed.cloned() };
    write_held(ports, &name, login, &header)
}

/// Writes a held login again under the name it has, with new tokens or another belief. A renewed pair takes the place of
/// the spent one in a single write: a spent token that stayed behind would be presented again and cost the login.
pub fn hold_again(
    ports: &Ports,
    name: &FileName,
    login: &Login,
    before: &HeldHeader,
    believed: Option<&Identity>,
) -> Result<(), StoreError> {
    let header = HeldHeader { fingerprint: login.fingerprint(), believed: believed.cloned(), ..before.clone() };
    write_held(ports, name, login, &header)
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

/// Whether these very tokens are saved somewhere and can be had back: in the profile's `.cred`, or put aside.
pub fn is_saved(ports: &Ports, fingerprint: &Fingerprint, profile: Option<&Profile>) -> Result<bool, StoreError> {
    if let Some(profile) = profile
        && saved_fingerprint(ports, profile)?.is_some_and(|saved| saved == *fingerprint)
    {
        return Ok(true);
    }
    Ok(held(ports)?.iter().any(|held| held.header.fingerprint == *fingerprint))
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

/// The block of the `.cred` that is about to be replaced, if it is the same account's and can be opened.
fn kept_block(ports: &Ports, bytes: &[u8], identity: &Identity) -> Result<Option<AccountBlock>, StoreError> {
    let opened = envelope::open::<CredHeader>(&ports.key.key()?, bytes).ok();
    Ok(opened.filter(|(header, _)| header.identity == *identity).and_then(|(_, document)| AccountBlock::of(&document)))
}
