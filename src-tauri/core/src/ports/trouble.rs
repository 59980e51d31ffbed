//! What may go wrong outside: in a store, at a lock, at the provider, with a child process. Owns the errors of the ports; what each
//! means to a person is decided in `error`.

use std::path::PathBuf;

use crate::credential::RefreshToken;
use crate::document::Malformed;
use crate::time::Timestamp;

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
    /// Claude Code itself was to renew the login.
    #[error("Claude Code was asked to renew the login, and {why}")]
    NotDelegated { why: String },
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

/// Why nobody can sign in apart from the live login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigninError {
    #[error("Claude Code is not installed where Signalbox looks for it")]
    NotInstalled,
    #[error("Claude Code could not be started: {why}")]
    NotStarted { why: String },
    /// It asks for no code, or has ended.
    #[error("Claude Code takes no code now")]
    NotAsking,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why no window came up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no window of its own came up: {why}")]
pub struct WindowError {
    pub why: String,
}

/// Why Claude Code could not be made to renew a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegateError {
    #[error("Claude Code is not installed where Signalbox looks for it")]
    NotInstalled,
    #[error("Claude Code could not be started: {why}")]
    NotStarted { why: String },
    /// It goes on by itself, and what it stores is collected later.
    #[error("Claude Code is still at work on it")]
    StillRunning,
    #[error(transparent)]
    Store(#[from] StoreError),
}
