//! What can be wrong around Claude Code's login and ours. Owns the findings, how much each matters, and which of them may be
//! mended without asking; their words and cures are in `words`. Leaves looking, and mending, to the doctor of
//! `signalbox-machine`.

mod words;

use std::path::PathBuf;

use serde::Serialize;

use crate::error::Problem;
use crate::ports::ProviderError;
use crate::profile::Alias;
use crate::sessions::{Pin, PinPlace};
use crate::time::{DAY, MINUTE, SECOND, Timestamp};

pub use words::Cure;

/// Clocks that differ by more are a finding: deadlines and the ends of tokens are compared with the server's time.
pub const SKEW_MS: i64 = MINUTE;
/// From here on tokens that live look dead, and dead ones alive: a refresh begins five minutes before the end.
const SKEW_WRONG_MS: i64 = 5 * MINUTE;
/// A lock that was not touched for so long has no holder, or one that everybody may take it from
/// (`docs/claude-code.md` §E1).
pub const LOCK_LEFT_MS: i64 = MINUTE;
/// A lock whose time is so far ahead would block for long: it goes stale only a minute after that time has come.
pub const LOCK_AHEAD_MS: i64 = MINUTE;
/// How long a lock is watched before it is removed. Claude Code touches its own every 5 s.
pub const LOCK_WATCHED_MS: i64 = 6 * SECOND;
/// How far back rival writers are looked for.
pub const RIVALS_WITHIN_MS: i64 = 7 * DAY;
/// So many writes within that time are no accident.
const RIVALS_WRONG: usize = 3;

/// One thing that the doctor found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Something makes Claude Code ignore the stored login.
    Pin(Pin),
    /// A session that runs is pinned by its own environment alone.
    SessionPinned { pid: u32, name: String },
    /// Settings say which logins Claude Code may use at all.
    ForcedLogin { name: String, path: PathBuf },
    /// A settings file of Claude Code's says nothing, because it cannot be understood.
    ClaudeSettings { path: PathBuf, why: String },
    /// A variable leads Claude Code, and us, to another login than the usual one. `store`: which.
    OtherStore { variable: &'static str, store: String },
    /// A login in a file, where the Keychain holds the real one.
    StaleFile { path: PathBuf },
    /// A lock of Claude Code's that nobody keeps alive.
    LeftoverLock { path: PathBuf, age_ms: i64 },
    /// A lock of Claude Code's that was last touched in the future.
    FutureLock { path: PathBuf, ahead_ms: i64 },
    /// A file or a link where Claude Code makes a folder as a lock.
    FileAtLock { path: PathBuf },
    /// Others on this computer may read, or enter, what is private.
    Open { path: PathBuf, mode: u32, wanted: u32 },
    /// A private file or folder that belongs to another user.
    NotOurs { path: PathBuf },
    /// A private file or folder that is a link.
    Link { path: PathBuf, whose: LinkOf },
    /// Another program put saved copies of logins into Claude Code's store.
    Rivals { times: usize, last_at: Timestamp },
    /// This computer's clock differs from the server's; positive: it is ahead.
    ClockSkew { ahead_ms: i64 },
    /// The provider could not be asked for the time.
    Unreachable { cause: ProviderError },
    /// A switch was cut short.
    Interrupted,
    /// Logins were put aside, because nobody could say whose they are.
    PutAside { count: usize },
    /// Something was put aside that cannot be opened: a damaged saved login, or a journal.
    AsideBroken { path: PathBuf },
    /// A saved profile, the list of them, Claude Code's login or the key cannot be used. What, why and the cure are those of the
    /// flow that would meet it.
    Broken { what: Broken, problem: Problem },
    /// An earlier login of a profile cannot be opened.
    OlderBroken { path: PathBuf, alias: Alias },
    /// Our settings cannot be understood.
    Settings { why: String, unset: Option<String> },
    /// Claude Code has no login; `profiles`: how many could be put there.
    SignedOut { profiles: usize },
    /// The live login is no profile.
    Unregistered { email: Option<String> },
    /// The live login was not saved since it changed.
    Unsaved,
    /// A profile has to be signed in again.
    LoginNeeded { alias: Alias, setup_token: bool },
    /// A profile's login ends soon.
    DeadlineNear { alias: Alias, at: Timestamp, assumed: bool, setup_token: bool },
    /// The database of usage was damaged, and a new one was begun.
    UsageDamaged { path: PathBuf },
    /// Nobody keeps watch.
    Unwatched,
    /// A check could not be made.
    Unchecked { what: &'static str, why: String },
}

/// Whose link it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOf {
    /// `.credentials.json`, which Claude Code replaces by a file of its own at its next write.
    ClaudeCode,
    /// The data folder or one in it, which somebody may have moved to another disk.
    DataFolder,
    /// A file of ours: we never make a link, so somebody tampered.
    OurFile,
}

/// What is broken, for code that branches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Broken {
    /// Claude Code's own login.
    Live,
    /// The list of profiles.
    Roster,
    /// A saved login.
    Saved,
    /// The key of the saved logins.
    Key,
    /// The journal, or another file of ours.
    Files,
}

/// How much a finding matters, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Something does not work, or a login is in danger.
    Wrong,
    /// It works, and will bite.
    Warning,
    /// Good to know; it does not count.
    Note,
}

impl Finding {
    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Pin(_)
            | Self::FutureLock { .. }
            | Self::FileAtLock { .. }
            | Self::NotOurs { .. }
            | Self::Interrupted
            | Self::Broken { .. }
            | Self::Settings { .. }
            | Self::LoginNeeded { .. }
            | Self::Unreachable { .. } => Severity::Wrong,
            Self::ClockSkew { ahead_ms } if ahead_ms.abs() > SKEW_WRONG_MS => Severity::Wrong,
            Self::Rivals { times, .. } if *times >= RIVALS_WRONG => Severity::Wrong,
            Self::Link { whose: LinkOf::DataFolder | LinkOf::OurFile, .. } => Severity::Wrong,
            Self::SessionPinned { .. }
            | Self::ClaudeSettings { .. }
            | Self::StaleFile { .. }
            | Self::LeftoverLock { .. }
            | Self::Open { .. }
            | Self::Link { .. }
            | Self::Rivals { .. }
            | Self::ClockSkew { .. }
            | Self::PutAside { .. }
            | Self::AsideBroken { .. }
            | Self::OlderBroken { .. }
            | Self::SignedOut { .. }
            | Self::Unregistered { .. }
            | Self::Unchecked { .. } => Severity::Warning,
            Self::ForcedLogin { .. }
            | Self::OtherStore { .. }
            | Self::Unsaved
            | Self::DeadlineNear { .. }
            | Self::UsageDamaged { .. }
            | Self::Unwatched => Severity::Note,
        }
    }

    /// Whether `signalbox doctor --fix` may mend it: without a question, without a login at stake.
    pub fn mendable(&self) -> bool {
        matches!(self, Self::LeftoverLock { .. } | Self::FutureLock { .. } | Self::Open { .. } | Self::Interrupted)
    }

    /// A name that stays the same, for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Pin(Pin { place: PinPlace::Environment, .. }) => "pin-in-environment",
            Self::Pin(_) => "pin-in-settings",
            Self::SessionPinned { .. } => "pinned-session",
            Self::ForcedLogin { .. } => "forced-login",
            Self::ClaudeSettings { .. } => "claude-settings",
            Self::OtherStore { .. } => "other-store",
            Self::StaleFile { .. } => "stale-file",
            Self::LeftoverLock { .. } => "leftover-lock",
            Self::FutureLock { .. } => "future-lock",
            Self::FileAtLock { .. } => "file-at-lock",
            Self::Open { .. } => "open-to-others",
            Self::NotOurs { .. } => "not-ours",
            Self::Link { .. } => "link",
            Self::Rivals { .. } => "rival-writers",
            Self::ClockSkew { .. } => "clock-skew",
            Self::Unreachable { .. } => "unreachable",
            Self::Interrupted => "interrupted-switch",
            Self::PutAside { .. } => "put-aside",
            Self::AsideBroken { .. } => "aside-unreadable",
            Self::Broken { what: Broken::Live, .. } => "live-login",
            Self::Broken { what: Broken::Roster, .. } => "roster",
            Self::Broken { what: Broken::Saved, .. } => "saved-login",
            Self::Broken { what: Broken::Key, .. } => "vault-key",
            Self::Broken { what: Broken::Files, .. } => "files",
            Self::OlderBroken { .. } => "older-login",
            Self::Settings { .. } => "settings",
            Self::SignedOut { .. } => "signed-out",
            Self::Unregistered { .. } => "unregistered",
            Self::Unsaved => "unsaved",
            Self::LoginNeeded { .. } => "login-needed",
            Self::DeadlineNear { .. } => "deadline-near",
            Self::UsageDamaged { .. } => "usage-damaged",
            Self::Unwatched => "unwatched",
            Self::Unchecked { .. } => "unchecked",
        }
    }
}

/// The worst first; what matters as much stays in the order in which it was found.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(Finding::severity);
}

/// Whether nothing is wrong. Notes do not count.
pub fn is_clean<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> bool {
    findings.into_iter().all(|finding| finding.severity() == Severity::Note)
}

#[cfg(test)]
mod tests;
