//! What stops a flow. Owns the one error type that every flow returns; what each failure means to a person is decided in
//! `error`, with no arm left out.

use crate::document::Malformed;
use crate::identity::Account;
use crate::ports::{LockError, ProviderError, SigninError, StoreError};
use crate::profile::{Alias, RosterError};
use crate::setup_token::NotASetupToken;
use crate::vault::VaultError;

/// Why a flow did not do what it was asked to do, or could not make sure of it. Whatever happened, the login that was live is
/// live or saved, and every saved one is as it was, or newer; only [`FlowError::RenewalLost`] costs one.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    #[error(transparent)]
    Roster(#[from] RosterError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Signin(#[from] SigninError),
    /// A guided sign-in is not over.
    #[error("a sign-in for `{alias}` is under way")]
    SigninUnderWay { alias: Alias },
    #[error("no sign-in is under way")]
    NoSignin,
    #[error("nobody has signed in for `{alias}` yet")]
    NotSignedInYet { alias: Alias },
    /// Somebody else signed in than was asked for; `expected` is absent where a new profile was to be made, and the account is one already.
    #[error("{}", signed_in_as(.alias, .found, .expected.as_deref()))]
    SignedInAs { alias: Alias, found: String, expected: Option<String> },
    #[error("Claude Code is not installed where Signalbox looks for it")]
    ClaudeCodeMissing,
    #[error("Claude Code {version} cannot sign in apart from the live login")]
    ClaudeCodeTooOld { version: String },
    /// Claude Code's store holds something that is no login.
    #[error("Claude Code's stored login is damaged: {0}")]
    LiveDamaged(Malformed),
    /// Claude Code is signed out, or emptied its login.
    #[error("Claude Code is signed out on this computer")]
    SignedOut,
    /// The live login is an account's that is no profile, and would be lost.
    #[error("the live login belongs to {}, which is no profile yet", .account.email)]
    Unregistered { account: Account },
    /// The server could not say whose the live login is.
    #[error("nobody can say whose the live login is right now: {cause}")]
    Unidentified { cause: ProviderError },
    /// The live access token has lapsed, and only Claude Code may renew the live login.
    #[error("the live login's access token has expired, and only Claude Code may renew the live login")]
    LiveExpired,
    /// The live account changed behind the active profile's back; the person has to agree first.
    #[error(
        "the live login changed from {from} ({from_email}) to {to_email} outside Signalbox; if that was done with \
         `/logout`, the server revoked the saved login of `{from}` as well, and it will need a new sign-in"
    )]
    Drifted { from: Alias, from_email: String, to_email: String },
    /// What was handed over is no setup-token.
    #[error("{why}")]
    NotASetupToken { alias: Alias, why: NotASetupToken },
    /// The server refused a setup-token that was to be registered.
    #[error("the server refuses this token: it was revoked, its year is over, or it was not copied whole")]
    TokenRefused { alias: Alias },
    /// The server told whose it is, which it does of no setup-token.
    #[error("this is no setup-token but the access token of {email}'s login, which lapses within hours")]
    TokenOfALogin { alias: Alias, email: String },
    /// The server could not be asked whether a setup-token lives that was to be registered.
    #[error("the server could not be asked whether this token lives: {cause}; it was not kept")]
    TokenUnchecked { cause: ProviderError },
    /// The very same setup-token is a profile already.
    #[error("this token is registered already, as `{owner}`")]
    TokenRegistered { owner: Alias },
    /// The year of a profile's setup-token is over.
    #[error("the year of the setup-token `{alias}` is over")]
    TokenEnded { alias: Alias },
    /// What was asked for is for logins that renew themselves.
    #[error("`{alias}` is a setup-token, which nobody can renew: a new one takes its place")]
    SetupToken { alias: Alias },
    /// The server refused this profile's login for good.
    #[error("the login of `{alias}` has ended; it has to be signed in again")]
    LoginNeeded { alias: Alias },
    /// The server refuses this login's access token, a fresh one too.
    #[error("the server refuses the login of `{alias}`, even right after renewing it")]
    Refused { alias: Alias },
    /// The server says that a saved login is another account's.
    #[error("the saved login of `{alias}` belongs to {found}")]
    WrongAccount { alias: Alias, found: String },
    /// The newest login of this profile may be one that was put aside, and it could not be identified yet.
    #[error("a newer login, which may be the one of `{alias}`, was put aside and could not be identified yet")]
    PutAside { alias: Alias },
    /// Claude Code was asked to renew this login and has not ended yet; the pair that it may have bought exists nowhere else.
    #[error("Claude Code is renewing the login of `{alias}` right now")]
    BeingRenewed { alias: Alias },
    /// There is no earlier generation that the server still honours.
    #[error("no earlier login of `{alias}` lives any more")]
    NothingEarlier { alias: Alias },
    /// The target went live, and a step after that failed. The journal stays, and `recover` completes the switch.
    #[error("`{alias}` is live now, but that could not be written down: {cause}")]
    Unfinished { alias: Alias, cause: Box<Self> },
    /// The login kept changing while we tried to replace it.
    #[error("the live login changed several times in a moment")]
    Unsteady,
    /// A renewed pair could not be saved. It was tried more than once; the login needs a new sign-in.
    #[error("the renewed login of `{alias}` could not be saved: {cause}")]
    RenewalLost { alias: Alias, cause: StoreError },
}

fn signed_in_as(alias: &Alias, found: &str, expected: Option<&str>) -> String {
    match expected {
        Some(expected) => format!("you signed in as {found}, and `{alias}` is {expected}"),
        None => format!("you signed in as {found}, which is a profile already"),
    }
}
