//! The words of a finding: what it is, why it matters, and what mends it. Owns these sentences and nothing else.

use std::path::Path;

use super::{Finding, LOCK_LEFT_MS, LinkOf, Severity};
use crate::error::{NextStep, quoted};
use crate::ports::ProviderError;
use crate::profile::Alias;
use crate::sessions::{Pin, PinPlace};
use crate::time::Timestamp;
use crate::words;

/// What mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cure {
    /// An imperative without a full stop; a command stands in backticks.
    pub text: String,
    /// The command alone, where one does it. It can be pasted into a shell.
    pub command: Option<String>,
}

impl Cure {
    fn command(command: String) -> Self {
        Self { text: format!("`{command}`"), command: Some(command) }
    }

    fn then(command: String, rest: &str) -> Self {
        Self { text: format!("`{command}`, {rest}"), command: Some(command) }
    }

    fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), command: None }
    }

    fn step(step: &NextStep, now: Timestamp) -> Self {
        let command = match step {
            NextStep::Run { command } => Some(command.clone()),
            _ => None,
        };
        Self { text: command.as_ref().map_or_else(|| words::hint(step, now), |c| format!("`{c}`")), command }
    }
}

impl Finding {
    /// What it is: one clause without a full stop.
    pub fn what(&self, now: Timestamp) -> String {
        match self {
            Self::Pin(Pin { name, place: PinPlace::Environment }) => format!("`{name}` is set in this environment"),
            Self::Pin(Pin { name, place: PinPlace::Settings { path } }) => {
                format!("`{name}` is set in {}", shown(path))
            }
            Self::SessionPinned { pid, name } => format!("the session with pid {pid} was started with `{name}` set"),
            Self::ForcedLogin { name, path } => format!("`{name}` is set in {}", shown(path)),
            Self::ClaudeSettings { path, why } => format!("{} says nothing: {why}", shown(path)),
            Self::OtherStore { variable, store } => format!("`{variable}` is set: the live login is {store}"),
            Self::StaleFile { path } => format!("{} holds a login beside the one in the Keychain", shown(path)),
            Self::LeftoverLock { path, age_ms } => {
                format!("{} was left behind {} ago", shown(path), words::length(*age_ms))
            }
            Self::FutureLock { path, ahead_ms } => {
                format!("{} was last touched {} in the future", shown(path), words::length(*ahead_ms))
            }
            Self::FileAtLock { path } => format!("{} is no folder", shown(path)),
            Self::Open { path, mode, .. } => {
                format!("{} is open to others on this computer (mode {mode:o})", shown(path))
            }
            Self::NotOurs { path } => format!("{} belongs to another user", shown(path)),
            Self::Link { path, .. } => format!("{} is a symbolic link", shown(path)),
            Self::Rivals { times: 1, last_at } => {
                format!(
                    "{} ago another program put a saved copy of a login in place",
                    words::length(now.since(*last_at))
                )
            }
            Self::Rivals { times, last_at } => format!(
                "another program put saved copies of logins in place {times} times within 7 days, the last one {} ago",
                words::length(now.since(*last_at))
            ),
            Self::ClockSkew { ahead_ms } => {
                let side = if *ahead_ms > 0 { "ahead of" } else { "behind" };
                format!("this computer\u{2019}s clock is {} {side} the server\u{2019}s", words::length(ahead_ms.abs()))
            }
            Self::Unreachable { cause } => format!("the provider cannot be asked: {cause}"),
            Self::Interrupted => "a switch was interrupted, and nothing has ended it yet".to_owned(),
            Self::PutAside { count: 1 } => "1 login is put aside, because nobody could say whose it is".to_owned(),
            Self::PutAside { count } => {
                format!("{count} logins are put aside, because nobody could say whose they are")
            }
            Self::AsideBroken { path } => format!("{} is put aside, and cannot be opened", shown(path)),
            Self::Broken { problem, .. } => problem.message.clone(),
            Self::OlderBroken { path, alias } => {
                format!("an earlier login of {alias}, {}, cannot be opened", shown(path))
            }
            Self::Settings { why, .. } => why.clone(),
            Self::SignedOut { .. } => "Claude Code is signed out".to_owned(),
            Self::Unregistered { email: Some(email) } => format!("{email} is live, which is no profile yet"),
            Self::Unregistered { email: None } => "the live login is no profile yet".to_owned(),
            Self::Unsaved => "the live login changed since it was last saved".to_owned(),
            Self::LoginNeeded { alias, setup_token: true } => format!("{alias} needs a new setup-token"),
            Self::LoginNeeded { alias, setup_token: false } => format!("{alias} has to be signed in again"),
            Self::DeadlineNear { alias, at, assumed, .. } => {
                let deadline = crate::board::Deadline { at: *at, assumed: *assumed };
                format!("{alias}: {}", words::deadline(deadline, now))
            }
            Self::UsageDamaged { path } => {
                format!("the database of usage was damaged, and is put aside as {}", shown(path))
            }
            Self::Unwatched => "nobody keeps watch over the logins".to_owned(),
            Self::Unchecked { what, why } => format!("{what} could not be checked: {why}"),
        }
    }

    /// Why it matters: one sentence without a full stop.
    pub fn why(&self) -> String {
        let text = match self {
            Self::Pin(_) => "Claude Code ignores the stored login while it is there, so a switch changes nothing",
            Self::SessionPinned { .. } => "this session ignores the stored login, so it follows no switch",
            Self::ForcedLogin { .. } => {
                "Claude Code may refuse a profile of another organisation, or of another kind, when it starts"
            }
            Self::ClaudeSettings { .. } => "what Claude Code makes of it is unknown, and a pin in it would not be seen",
            Self::OtherStore { .. } => {
                "a Signalbox that was started without this variable looks after another login, and so does Claude Code"
            }
            Self::StaleFile { .. } => {
                "it is usually old and its token may be spent; a program that reads it may end the login"
            }
            Self::LeftoverLock { age_ms, .. } if *age_ms >= LOCK_LEFT_MS => {
                "whoever made it is gone; until somebody takes it over, no Claude Code renews its login"
            }
            Self::LeftoverLock { .. } => "no Claude Code renews its login while it is there",
            Self::FutureLock { .. } => {
                "it never goes stale before that time, and until then no Claude Code renews its login"
            }
            Self::FileAtLock { .. } => {
                "Claude Code makes a folder there as a lock; with this in its place it cannot save a login, and loses it"
            }
            Self::Open { .. } => "whoever reads it may have your logins",
            Self::NotOurs { .. } => "its owner can replace it, so Signalbox does not use it",
            Self::Link { whose: LinkOf::ClaudeCode, .. } => {
                "Claude Code puts a file in its place when it renews the login, and the link\u{2019}s target keeps a spent token"
            }
            Self::Link { whose: LinkOf::DataFolder | LinkOf::OurFile, .. } => {
                "Signalbox never makes one, and does not read what it points to"
            }
            Self::Rivals { .. } if self.severity() == Severity::Wrong => {
                "that is no accident: an old copy holds a spent token, and using it ends the login for good"
            }
            Self::Rivals { .. } => {
                "a copy grows old with every renewal; once its token is spent, using it ends the login"
            }
            Self::ClockSkew { .. } if self.severity() == Severity::Wrong => {
                "logins look alive that have lapsed, or lapsed that are alive, here and in Claude Code"
            }
            Self::ClockSkew { .. } => "deadlines and the ends of tokens are compared with the server\u{2019}s time",
            Self::Unreachable { cause: ProviderError::Refused { .. } } => {
                "the edge in front of the server turned us away; that says nothing about your logins, but none can be \
                 confirmed or renewed directly"
            }
            Self::Unreachable { .. } => "no login can be confirmed or renewed, and no usage read",
            Self::Interrupted => "until it is ended, only the journal may hold the login that was live before",
            Self::PutAside { .. } => "each may be the only copy of a login",
            Self::AsideBroken { .. } => {
                "it was damaged, or sealed with another key; it opens only if that key comes back"
            }
            Self::Broken { .. } => "what needs it fails with this very sentence",
            Self::OlderBroken { .. } => "`signalbox undo` cannot go back to it; the newest login is not affected",
            Self::Settings { .. } => "every other command stops here",
            Self::SignedOut { .. } => "sessions ask for a login",
            Self::Unregistered { .. } => "Signalbox does not save it, and refuses to replace it",
            Self::Unsaved => "a watch would have saved it within seconds",
            Self::LoginNeeded { .. } => {
                "the server ended its login, or its deadline has passed; nothing but a new sign-in helps"
            }
            Self::DeadlineNear { setup_token: true, .. } => {
                "a setup-token cannot be renewed; a new one takes its place"
            }
            Self::DeadlineNear { .. } => "renewing does not move that date; signing in again does",
            Self::UsageDamaged { .. } => "a new one was begun; `signalbox history` knows nothing of the time before",
            Self::Unwatched => {
                "a renewal is saved only when a command runs; the app or `signalbox watch` saves it at once"
            }
            Self::Unchecked { .. } => "something may be wrong there",
        };
        text.to_owned()
    }

    /// What mends it; `None` where nothing has to be done.
    pub fn cure(&self, now: Timestamp) -> Option<Cure> {
        let path_of = |path: &Path| quoted(&shown(path));
        Some(match self {
            Self::Pin(Pin { name, place: PinPlace::Environment }) => {
                Cure::then(format!("unset {name}"), "also where your shell sets it, then start Claude Code again")
            }
            Self::Pin(Pin { name, place: PinPlace::Settings { path } }) => {
                Cure::words(format!("take `{name}` out of {}, then start Claude Code again", shown(path)))
            }
            Self::SessionPinned { name, .. } => Cure::words(format!("end it, and start it again without `{name}`")),
            Self::ForcedLogin { .. } | Self::DeadlineNear { assumed: true, .. } => return None,
            Self::ClaudeSettings { path, .. } => Cure::words(format!("correct {}", shown(path))),
            Self::OtherStore { variable, .. } => Cure::then(format!("unset {variable}"), "if that was not meant"),
            Self::StaleFile { path } => aside(path, "old"),
            Self::LeftoverLock { path, .. } | Self::FutureLock { path, .. } => {
                Cure::command(format!("rmdir {}", path_of(path)))
            }
            Self::FileAtLock { path } => aside(path, "old"),
            Self::Open { path, wanted, .. } => Cure::command(format!("chmod {wanted:o} {}", path_of(path))),
            Self::NotOurs { path } => Cure::command(format!("sudo chown \"$USER\" {}", path_of(path))),
            Self::Link { path, whose: LinkOf::ClaudeCode } => {
                let path = path_of(path);
                Cure::command(format!("mv \"$(realpath {path})\" {path}"))
            }
            Self::Link { path, whose: LinkOf::DataFolder } => {
                let path = path_of(path);
                Cure::command(format!("target=$(realpath {path}) && rm {path} && mv \"$target\" {path}"))
            }
            // Nothing is lost with a link.
            Self::Link { path, whose: LinkOf::OurFile } => Cure::command(format!("rm {}", path_of(path))),
            Self::Rivals { .. } => {
                Cure::words("find and stop what else switches logins here; `signalbox log` says when it wrote")
            }
            Self::ClockSkew { .. } if cfg!(target_os = "macos") => {
                Cure::command("sudo sntp -sS time.apple.com".to_owned())
            }
            Self::ClockSkew { .. } => Cure::command("sudo timedatectl set-ntp true".to_owned()),
            Self::Unreachable { cause: ProviderError::Refused { .. } } => {
                Cure::words("try again later, or without the proxy or VPN that is in between")
            }
            Self::Unreachable { .. } => Cure::words("check the network connection and the proxy"),
            Self::Interrupted => Cure::command("signalbox refresh".to_owned()),
            Self::PutAside { .. } => Cure::then(
                "signalbox refresh".to_owned(),
                "which asks the server again; a login of an account that is no profile waits until that is added",
            ),
            Self::Broken { problem, .. } => Cure::step(&problem.next_step, now),
            Self::AsideBroken { path } | Self::OlderBroken { path, .. } => aside(path, "damaged"),
            Self::Settings { unset: Some(name), .. } => Cure::command(format!("unset {name}")),
            Self::Settings { unset: None, .. } => Cure::words("correct `settings.toml` in the data folder"),
            Self::SignedOut { profiles: 0 } => Cure::command("claude auth login".to_owned()),
            Self::SignedOut { .. } => Cure::words("`signalbox use <alias>` signs in again with a saved login"),
            Self::Unregistered { .. } => Cure::words("register it with `signalbox add <alias>`"),
            Self::Unsaved => Cure::command("signalbox refresh".to_owned()),
            Self::LoginNeeded { alias, setup_token: true } | Self::DeadlineNear { alias, setup_token: true, .. } => {
                Cure::words(words::new_token(alias))
            }
            Self::LoginNeeded { alias, .. } | Self::DeadlineNear { alias, .. } => sign_in(alias, now),
            Self::UsageDamaged { path } => Cure::command(format!("rm {}*", path_of(path))),
            Self::Unwatched => Cure::command("signalbox watch --install".to_owned()),
            Self::Unchecked { .. } => Cure::words("mend that, then run `signalbox doctor` again"),
        })
    }
}

fn sign_in(alias: &Alias, now: Timestamp) -> Cure {
    Cure::words(words::hint(&NextStep::SignIn { alias: alias.clone() }, now))
}

/// Moves something out of the way; a person may delete it, the doctor does not.
fn aside(path: &Path, suffix: &str) -> Cure {
    let path = shown(path);
    Cure::command(format!("mv {} {}", quoted(&path), quoted(&format!("{path}.{suffix}"))))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
