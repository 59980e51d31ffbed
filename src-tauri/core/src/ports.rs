//! Everything the flows ask of the world, as narrow traits in domain words. Owns the traits, the proof-of-lock types and
//! the errors of the outside; the adapters are in `signalbox-machine`, the in-memory ones in `fakes`, and one
//! conformance suite holds both to the same contract. Every call blocks: a flow is straight-line code on its own thread.

use std::path::PathBuf;

use crate::credential::{AccessToken, RefreshToken, Renewed};
use crate::document::{Digest, Document, Malformed};
use crate::identity::{Account, Identity};
use crate::profile::Alias;
use crate::time::Timestamp;
use crate::usage::{Reading, Usage};

/// The world as the flows see it.
pub struct Ports {
    pub live: Box<dyn LiveLogin>,
    pub account_cache: Box<dyn AccountCache>,
    pub files: Box<dyn Files>,
    pub key: Box<dyn VaultKey>,
    pub provider: Box<dyn Provider>,
    pub locks: Box<dyn Locks>,
    pub clock: Box<dyn Clock>,
    pub entropy: Box<dyn Entropy>,
    pub readings: Box<dyn Readings>,
}

/// Claude Code's credential store: the Keychain item on macOS, `.credentials.json` elsewhere.
pub trait LiveLogin: Send + Sync {
    /// The whole document; `Ok(None)` only when there is certainly none. *Unreadable* is an error, never *empty*.
    fn read(&self) -> Result<Option<Document>, StoreError>;

    /// Replaces the whole document if it still is what the caller read (`expected`; `None`: there was none), reads it
    /// back and compares. The change must be visible to running sessions (a changed mtime on a file).
    fn replace(&self, lock: &LiveLock, expected: Option<&Digest>, new: &Document) -> Result<Replaced, StoreError>;

    /// Replaces a store that no longer holds a document, by what stood there before it was damaged. Does nothing where a
    /// document is found after all, or where nothing is: then somebody signed out.
    fn replace_damaged(&self, lock: &LiveLock, new: &Document) -> Result<(), StoreError>;

    /// A person asked for it: a store that stopped asking after a dialog went unanswered may ask again.
    fn ask_again(&self) {}

    /// Something that changes whenever the store does, read without reading a secret and without starting a process.
    fn stamp(&self) -> Result<Stamp, StoreError>;
}

/// `oauthAccount` in `.claude.json`: what Claude Code shows about the login, a cache and never the truth.
pub trait AccountCache: Send + Sync {
    /// The whole file; `Ok(None)` when it does not exist.
    fn read(&self) -> Result<Option<Document>, StoreError>;

    /// As [`LiveLogin::replace`]. Never creates the file: Claude Code does that at its first start.
    fn replace(&self, lock: &LiveLock, expected: &Digest, new: &Document) -> Result<Replaced, StoreError>;
}

/// How a compare-and-swap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    Done,
    /// Somebody else wrote in between; nothing was changed.
    Changed,
}

/// Changes whenever a store does. Two equal stamps mean: nothing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(pub String);

/// Our own files in the data folder. Every write is atomic and durable: temporary file, 0600, fsync, rename, fsync of the
/// folder.
pub trait Files: Send + Sync {
    /// `Ok(None)` only when the file does not exist.
    fn read(&self, name: &FileName) -> Result<Option<Vec<u8>>, StoreError>;
    fn write(&self, name: &FileName, bytes: &[u8]) -> Result<(), StoreError>;
    /// Removes a file; one that does not exist is no error.
    fn remove(&self, name: &FileName) -> Result<(), StoreError>;
    /// Where a file lies, for a message.
    fn place(&self, name: &FileName) -> PathBuf;
    /// The `.cred` and held files that exist, in no particular order. A foreign file in the folder is left out.
    fn list(&self) -> Result<Vec<FileName>, StoreError>;
}

/// The files we own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileName {
    Roster,
    Journal,
    /// `creds/<alias>.cred`
    Cred(Alias),
    /// `held/<hash>.held`, named by hexadecimal digits: a login that was put aside because nobody could say whose it is, or
    /// a journal that could not be opened.
    Held(String),
}

/// The key of the vault: 32 random bytes, made at first use.
pub trait VaultKey: Send + Sync {
    fn key(&self) -> Result<secrecy::SecretBox<[u8; 32]>, StoreError>;
}

/// The provider's three questions.
pub trait Provider: Send + Sync {
    /// Whose token is this? (`GET /api/oauth/profile`)
    fn identify(&self, token: &AccessToken) -> Result<Account, ProviderError>;
    /// Spends a refresh token. It is moved in and given back only inside [`RefreshError::NotSpent`].
    fn refresh(&self, token: RefreshToken, scopes: &[String]) -> Result<Renewal, RefreshError>;
    /// How much of the plan is used? (`GET /api/oauth/usage`)
    fn usage(&self, token: &AccessToken) -> Result<Usage, ProviderError>;
}

/// A successful refresh.
pub struct Renewal {
    pub renewed: Renewed,
    /// The token that was presented, when the answer named no new one: then it stays valid (`docs/claude-code.md` §D3).
    pub kept: Option<RefreshToken>,
}

/// Locks. Both proof types release on drop.
pub trait Locks: Send + Sync {
    /// Our own lock file: the app, the CLI and a second copy exclude each other. `purpose` is shown to whoever waits.
    /// It may be held across the network, because Claude Code never waits for it.
    fn own(&self, purpose: &str) -> Result<OwnLock, LockError>;
    /// Claude Code's `.oauth_refresh.lock`, then its legacy lock. Held for milliseconds of local work, never across the
    /// network or a child.
    fn live(&self, own: &OwnLock) -> Result<LiveLock, LockError>;
}

/// Proof that our own lock is held.
pub struct OwnLock {
    _guard: Box<dyn Send + Sync>,
}

/// Proof that the live login may be touched (design invariant 2).
pub struct LiveLock {
    _guard: Box<dyn Send + Sync>,
}

impl OwnLock {
    /// Only an adapter of `Locks` makes one; `guard` releases the lock when dropped.
    pub fn held(guard: Box<dyn Send + Sync>) -> Self {
        Self { _guard: guard }
    }
}

impl LiveLock {
    /// Only an adapter of `Locks` makes one; `guard` releases the locks when dropped.
    pub fn held(guard: Box<dyn Send + Sync>) -> Self {
        Self { _guard: guard }
    }
}

/// The wall clock.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// Random bytes for the nonces of the vault.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError>;
}

/// Last-known usage per identity, and when it may be asked for again. Shared by the app and the CLI.
pub trait Readings: Send + Sync {
    fn last(&self, identity: &Identity) -> Result<Option<Reading>, StoreError>;
    fn store(&self, identity: &Identity, reading: &Reading) -> Result<(), StoreError>;
    /// The earliest moment of the next request; `None` when nothing holds it back.
    fn next_allowed(&self, identity: &Identity) -> Result<Option<Timestamp>, StoreError>;
    /// The later of two moments stays, so that two programs cannot shorten each other's wait.
    fn set_next_allowed(&self, identity: &Identity, at: Timestamp) -> Result<(), StoreError>;
    /// Forgets an identity that is no profile any more.
    fn forget(&self, identity: &Identity) -> Result<(), StoreError>;
}

/// What is wrong with a store: a file, a folder or the Keychain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("{path} cannot be read: {why}")]
    Unreadable { path: PathBuf, why: String },
    #[error("{path} cannot be written: {why}")]
    Unwritable { path: PathBuf, why: String },
    #[error("{path} cannot be written: the disk is full")]
    Full { path: PathBuf },
    #[error("{path} is {bytes} bytes long, and more than {limit} cannot be right")]
    TooLarge { path: PathBuf, bytes: u64, limit: u64 },
    #[error("{path} is damaged: {why}")]
    Malformed { path: PathBuf, why: Malformed },
    #[error("{path} is a symbolic link, which Claude Code would replace by a file of its own")]
    Link { path: PathBuf },
    #[error("{path} belongs to another user")]
    NotOurs { path: PathBuf },
    #[error("{path} did not keep what was written to it")]
    ReadBack { path: PathBuf },
    #[error("{path} was made by a newer version of Signalbox")]
    FromTheFuture { path: PathBuf },
    #[error("the login keychain is locked")]
    KeychainLocked,
    #[error("access to the Keychain item was denied")]
    KeychainDenied,
    #[error("the Keychain did not answer in time; a dialog may be waiting")]
    KeychainUnanswered,
    #[error("there is no login keychain")]
    KeychainMissing,
    #[error("the `security` tool failed (exit status {status})")]
    KeychainFailed { status: i32 },
    #[error(
        "the login and what lies beside it are {bytes} bytes long, and the Keychain takes only {limit} without showing them \
         to other programs; signing out of MCP servers makes it shorter"
    )]
    KeychainTooLong { bytes: usize, limit: usize },
    /// The vault's key is gone, and there are saved logins that no other key opens.
    #[error("the key of the saved logins, {path}, is missing; without it none of them can be opened")]
    KeyLost { path: PathBuf },
    #[error("no random numbers could be had")]
    NoEntropy,
}

/// Why a lock could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    #[error("another Signalbox is at work ({holder})")]
    Busy { holder: String },
    /// `stale_at` is when the lock may be taken over if nobody keeps it alive.
    #[error("Claude Code is refreshing its login right now")]
    ClaudeBusy { path: PathBuf, stale_at: Timestamp },
    #[error("{path} is a file, where Claude Code expects a folder as a lock")]
    NotADirectory { path: PathBuf },
    #[error("the lock {path} cannot be made: {why}")]
    Failed { path: PathBuf, why: String },
}

/// Why the provider gave no answer that counts. None of these is a verdict on a login, except `Unauthorized` on its
/// access token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// 401: this access token is expired or revoked. One refresh and one retry are due.
    #[error("the server refused the access token")]
    Unauthorized,
    /// 403 for a missing scope. Refreshing does not help (`docs/claude-code.md` §F4).
    #[error("this login may not ask that ({scope} is missing)")]
    MissingScope { scope: String },
    /// 429. `retry_after_s` as the server sent it; `Some(0)` means saturated.
    #[error("the server asks to wait")]
    Throttled { retry_after_s: Option<u64> },
    /// HTML, 403 or 404 from the edge: not the API's own voice.
    #[error("the server's edge refused the request (status {status})")]
    Refused { status: u16 },
    #[error("the server failed (status {status})")]
    Failed { status: u16 },
    #[error("the server did not answer in time")]
    TimedOut,
    #[error("the server cannot be reached")]
    Unreachable,
    #[error("the server's answer makes no sense")]
    Garbled,
}

/// Why a refresh brought no pair.
#[derive(thiserror::Error)]
pub enum RefreshError {
    /// A parsed `invalid_grant`: the login is dead. The only verdict there is.
    #[error("the server says that this login has ended")]
    Dead,
    /// The request certainly did not spend the token.
    #[error("{cause}")]
    NotSpent { cause: ProviderError, token: RefreshToken },
    /// The request went out and no answer that counts came back: the token may be spent, and the new pair lost.
    #[error("{cause}")]
    Unknown { cause: ProviderError },
}

impl std::fmt::Debug for RefreshError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RefreshError({self})")
    }
}
