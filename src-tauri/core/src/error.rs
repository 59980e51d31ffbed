//! What can go wrong, for people: every error of every flow becomes a code, a sentence and a typed next step, in this
//! one file and without a catch-all arm, so that a new error cannot be added without deciding what the person does next.
//! Deliberately not here: the errors themselves (they live beside their flows) and exit codes (the CLI maps `Code`).

use serde::Serialize;

use crate::flow::FlowError;
use crate::ports::{LockError, ProviderError, SigninError, StoreError};
use crate::profile::{Alias, RosterError};
use crate::time::Timestamp;
use crate::vault::VaultError;

/// The kind of failure, for code that branches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Code {
    /// The request itself makes no sense: unknown alias, alias taken, already a profile.
    Usage,
    /// A login has to be made anew by a person.
    LoginNeeded,
    /// The live login belongs to an account that is no profile.
    Unregistered,
    /// The person has to say yes first.
    Confirmation,
    /// Somebody else holds a lock.
    Busy,
    /// The provider cannot be reached, is slow, throttles, or answers nonsense.
    Provider,
    /// The server says that this login is another account's.
    WrongAccount,
    /// A file or the Keychain cannot be read or written.
    Store,
    /// The Keychain is locked or waits for an answer.
    Keychain,
    /// The login is live, and a pin makes Claude Code ignore it.
    Pinned,
    /// Soon after a switch the login before it came back.
    Reverted,
    /// Something that Signalbox itself got wrong.
    Internal,
}

/// What the person can do about it. The board draws a button from it, the CLI prints a hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum NextStep {
    /// Sign in to this profile's account in Claude Code.
    SignIn { alias: Alias },
    /// Make a setup-token with `claude setup-token`, and hand it over for this profile.
    NewToken { alias: Alias },
    /// Register the live login as a profile.
    AddProfile,
    /// Look at the profiles there are.
    ListProfiles,
    /// Say yes on the terminal, or pass `--yes`.
    Confirm,
    /// Wait until then, and try again.
    Wait { until: Timestamp },
    /// Try again; nothing has to be mended first.
    Retry,
    /// Check the network, then try again.
    CheckNetwork,
    /// Run this command, then try again.
    Run { command: String },
    /// Make room on the disk that holds this path.
    FreeSpace { path: String },
    /// Unlock the login keychain.
    UnlockKeychain,
    /// Answer the Keychain's dialog, or open Keychain Access.
    AttendKeychain,
    /// Switch to this profile again: something undid the switch.
    Restore { alias: Alias },
    /// Take out what makes Claude Code ignore the live login; `place`: the settings file, or the environment.
    RemovePin { name: String, place: Option<String> },
    /// Install Claude Code, or tell the settings where it is.
    InstallClaudeCode,
    /// Another program keeps the watch already.
    StopWatch,
    /// Tell the developers.
    ReportBug,
}

/// A failure as every face shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    pub code: Code,
    /// One sentence: `Cannot <do what>: <why>`.
    pub message: String,
    pub next_step: NextStep,
    /// The profile that it concerns.
    pub about: Option<Alias>,
}

/// What was being done when it failed, for the first half of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    Use(Alias),
    Add(Alias),
    Rename(Alias),
    Remove(Alias),
    /// Putting the profiles into another order.
    Reorder,
    /// Drawing the board in another way.
    SetView,
    /// Choosing what is done about a sign-in that is due.
    Choose,
    Refresh(Alias),
    /// Going back to an earlier login.
    Undo(Alias),
    /// Signing in to a profile, new or old.
    SignIn(Alias),
    /// Giving a sign-in up.
    CancelSignIn,
    /// Keeping watch.
    Watch,
    /// Looking at the live login.
    Sync,
    /// Ending what a crash left half done.
    Recover,
    /// Showing the profiles.
    Show,
}

impl Doing {
    /// "switch to work": what follows `Cannot`.
    pub fn words(&self) -> String {
        match self {
            Self::Use(alias) => format!("switch to {alias}"),
            Self::Add(alias) => format!("add {alias}"),
            Self::Rename(alias) => format!("rename {alias}"),
            Self::Remove(alias) => format!("remove {alias}"),
            Self::Reorder => "keep the order of the profiles".to_owned(),
            Self::Choose => "keep that choice".to_owned(),
            Self::SetView => "keep how the board is drawn".to_owned(),
            Self::Refresh(alias) => format!("refresh {alias}"),
            Self::Undo(alias) => format!("go back to an earlier login of {alias}"),
            Self::SignIn(alias) => format!("sign in to {alias}"),
            Self::CancelSignIn => "give up the sign-in".to_owned(),
            Self::Watch => "keep watch".to_owned(),
            Self::Sync => "look at the live login".to_owned(),
            Self::Recover => "finish what was interrupted".to_owned(),
            Self::Show => "show the profiles".to_owned(),
        }
    }

    /// The profile that it concerns.
    pub fn about(&self) -> Option<Alias> {
        match self {
            Self::Use(alias)
            | Self::Add(alias)
            | Self::Rename(alias)
            | Self::Remove(alias)
            | Self::Refresh(alias)
            | Self::Undo(alias)
            | Self::SignIn(alias) => Some(alias.clone()),
            Self::CancelSignIn
            | Self::Reorder
            | Self::SetView
            | Self::Choose
            | Self::Watch
            | Self::Sync
            | Self::Recover
            | Self::Show => None,
        }
    }
}

impl FlowError {
    /// The failure as people see it.
    pub fn problem(&self, doing: &Doing) -> Problem {
        let (code, next_step) = self.verdict();
        let message = match self {
            // What was wanted did happen.
            Self::Unfinished { .. } => format!("Cannot finish: {self}"),
            _ => format!("Cannot {}: {self}", doing.words()),
        };
        Problem { code, message, next_step, about: doing.about() }
    }

    fn verdict(&self) -> (Code, NextStep) {
        match self {
            Self::Roster(error) => roster_verdict(error),
            Self::Store(error) => store_verdict(error),
            Self::Lock(error) => lock_verdict(error),
            Self::Vault(error) => vault_verdict(error),
            Self::Signin(error) => signin_verdict(error),
            Self::SigninUnderWay { alias } => (Code::Busy, NextStep::SignIn { alias: alias.clone() }),
            Self::NoSignin => (Code::Usage, NextStep::ListProfiles),
            Self::NotSignedInYet { alias } => (Code::LoginNeeded, NextStep::SignIn { alias: alias.clone() }),
            Self::SignedInAs { alias, .. } => (Code::WrongAccount, NextStep::SignIn { alias: alias.clone() }),
            Self::ClaudeCodeMissing => (Code::Usage, NextStep::InstallClaudeCode),
            Self::ClaudeCodeTooOld { .. } => (Code::Usage, run("claude update")),
            Self::LiveDamaged(_) => (Code::Store, run("claude auth login")),
            Self::SignedOut => (Code::LoginNeeded, run("claude auth login")),
            Self::Unregistered { .. } => (Code::Unregistered, NextStep::AddProfile),
            Self::Unidentified { cause } => provider_verdict(cause),
            Self::LiveExpired => (Code::LoginNeeded, run("claude -p hi")),
            Self::Drifted { .. } => (Code::Confirmation, NextStep::Confirm),
            Self::LoginNeeded { alias } | Self::Refused { alias } | Self::RenewalLost { alias, .. } => {
                (Code::LoginNeeded, NextStep::SignIn { alias: alias.clone() })
            }
            Self::NotASetupToken { alias, .. } => (Code::Usage, NextStep::NewToken { alias: alias.clone() }),
            Self::TokenRefused { alias } | Self::TokenEnded { alias } => {
                (Code::LoginNeeded, NextStep::NewToken { alias: alias.clone() })
            }
            Self::TokenOfALogin { alias, .. } => (Code::Usage, NextStep::SignIn { alias: alias.clone() }),
            Self::TokenUnchecked { cause } => match provider_verdict(cause) {
                (code, NextStep::CheckNetwork) => (code, NextStep::CheckNetwork),
                (code, _) => (code, NextStep::Retry),
            },
            Self::TokenRegistered { .. } => (Code::Usage, NextStep::ListProfiles),
            Self::SetupToken { alias } => (Code::Usage, NextStep::NewToken { alias: alias.clone() }),
            Self::WrongAccount { alias, .. } => (Code::WrongAccount, NextStep::SignIn { alias: alias.clone() }),
            Self::PutAside { .. } => (Code::Provider, NextStep::CheckNetwork),
            Self::BeingRenewed { .. } => (Code::Busy, NextStep::Retry),
            Self::NothingEarlier { alias } => (Code::LoginNeeded, NextStep::SignIn { alias: alias.clone() }),
            Self::Unfinished { cause, .. } => cause.verdict(),
            Self::Unsteady => (Code::Busy, NextStep::Retry),
        }
    }
}

fn run(command: &str) -> NextStep {
    NextStep::Run { command: command.to_owned() }
}

fn signin_verdict(error: &SigninError) -> (Code, NextStep) {
    match error {
        SigninError::NotInstalled => (Code::Usage, NextStep::InstallClaudeCode),
        SigninError::NotStarted { .. } => (Code::Internal, run("claude --version")),
        SigninError::NotAsking => (Code::Usage, NextStep::Retry),
        SigninError::Store(error) => store_verdict(error),
    }
}

fn roster_verdict(error: &RosterError) -> (Code, NextStep) {
    match error {
        RosterError::Unknown(_) | RosterError::Taken(_) | RosterError::Registered(_) | RosterError::Full => {
            (Code::Usage, NextStep::ListProfiles)
        }
    }
}

fn store_verdict(error: &StoreError) -> (Code, NextStep) {
    let shown = |path: &std::path::Path| path.display().to_string();
    match error {
        StoreError::Unreadable { path, .. } | StoreError::Unwritable { path, .. } => {
            (Code::Store, run(&format!("ls -ld {}", quoted(&shown(path)))))
        }
        StoreError::Full { path } => (Code::Store, NextStep::FreeSpace { path: shown(path) }),
        StoreError::TooLarge { path, .. } | StoreError::Malformed { path, .. } => {
            let path = shown(path);
            (Code::Store, run(&format!("mv {} {}", quoted(&path), quoted(&format!("{path}.damaged")))))
        }
        StoreError::Link { path } => {
            let path = quoted(&shown(path));
            (Code::Store, run(&format!("mv \"$(realpath {path})\" {path}")))
        }
        StoreError::NotOurs { path } => (Code::Store, run(&format!("sudo chown \"$USER\" {}", quoted(&shown(path))))),
        StoreError::ReadBack { .. } => (Code::Store, NextStep::Retry),
        StoreError::FromTheFuture { .. } | StoreError::KeychainFailed { .. } | StoreError::NoEntropy => {
            (Code::Internal, NextStep::ReportBug)
        }
        // A new start is all that is left, unless there is a backup of the key.
        StoreError::KeyLost { path } => {
            let folder = path.parent().map(shown).unwrap_or_default();
            (Code::Store, run(&format!("mv {} {}", quoted(&folder), quoted(&format!("{folder}.without-key")))))
        }
        StoreError::KeychainLocked | StoreError::KeychainMissing => (Code::Keychain, NextStep::UnlockKeychain),
        StoreError::KeychainDenied | StoreError::KeychainUnanswered => (Code::Keychain, NextStep::AttendKeychain),
        StoreError::KeychainTooLong { .. } => (Code::Keychain, run("claude mcp list")),
    }
}

/// A path that can be pasted into a shell.
pub(crate) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

fn lock_verdict(error: &LockError) -> (Code, NextStep) {
    match error {
        LockError::Busy { .. } => (Code::Busy, NextStep::Retry),
        LockError::ClaudeBusy { stale_at, .. } => (Code::Busy, NextStep::Wait { until: *stale_at }),
        LockError::NotADirectory { path } => (Code::Store, run(&format!("rm {}", quoted(&path.display().to_string())))),
        LockError::Failed { path, .. } => {
            (Code::Store, run(&format!("ls -ld {}", quoted(&path.display().to_string()))))
        }
    }
}

fn vault_verdict(error: &VaultError) -> (Code, NextStep) {
    match error {
        VaultError::Store(error) => store_verdict(error),
        VaultError::Missing(alias) | VaultError::Damaged { alias, .. } => {
            (Code::LoginNeeded, NextStep::SignIn { alias: alias.clone() })
        }
        VaultError::OtherAccount(alias) => (Code::WrongAccount, NextStep::SignIn { alias: alias.clone() }),
        VaultError::RosterDamaged(path) => {
            let path = path.display().to_string();
            let moved = format!("mv {} {} && signalbox refresh", quoted(&path), quoted(&format!("{path}.damaged")));
            (Code::Store, run(&moved))
        }
        VaultError::RosterFromTheFuture => (Code::Store, NextStep::ReportBug),
    }
}

fn provider_verdict(error: &ProviderError) -> (Code, NextStep) {
    match error {
        ProviderError::Unauthorized => (Code::LoginNeeded, run("claude -p hi")),
        ProviderError::MissingScope { .. } => (Code::LoginNeeded, run("claude auth login")),
        ProviderError::Unreachable | ProviderError::TimedOut => (Code::Provider, NextStep::CheckNetwork),
        ProviderError::Throttled { .. }
        | ProviderError::Refused { .. }
        | ProviderError::Failed { .. }
        | ProviderError::Garbled => (Code::Provider, NextStep::Retry),
        ProviderError::NotDelegated { .. } => (Code::Provider, run("claude --version")),
    }
}
