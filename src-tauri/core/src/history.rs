//! What was done and why, as events for people: a person's switch, a rotation that was captured, a login that ended. Owns the events and
//! their words; leaves keeping them to the `History` port, and what runs right now to the board.

use serde::{Deserialize, Serialize};

use crate::ports::Ports;
use crate::profile::Alias;
use crate::time::Timestamp;

/// One line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    /// Which program did it: "app", "cli", "watch".
    pub by: String,
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened. No variant may carry a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// A person switched. `unverified`: why the server could not confirm it.
    Switched {
        from: Option<Alias>,
        to: Alias,
        unverified: Option<String>,
    },
    SwitchFailed {
        to: Alias,
        why: String,
    },
    /// Claude Code had rotated the live login, and the new pair was saved.
    Rotated {
        alias: Alias,
    },
    /// Another program, or a sign-in, made this profile live. `rival`: the very sign-in that we hold was put back, which Claude
    /// Code itself never does.
    SwitchedOutside {
        from: Option<Alias>,
        to: Alias,
        rival: bool,
    },
    /// Soon after a switch the login before it came back. `by`: what may have written it.
    Reverted {
        wanted: Alias,
        found: Alias,
        // `by` is the entry's own member: the program that wrote it down.
        #[serde(rename = "suspects")]
        by: Vec<String>,
    },
    /// The choice was made live again without being asked, as the settings say.
    Restored {
        alias: Alias,
    },
    /// `oauthAccount` showed another account than the live one.
    AccountCacheMended {
        alias: Alias,
    },
    /// An account that is no profile is live.
    Foreign {
        email: String,
    },
    /// Claude Code's login is empty or gone.
    SignedOut {
        alias: Option<Alias>,
    },
    /// Claude Code's login cannot be read.
    Unreadable,
    /// A parked login was renewed.
    Renewed {
        alias: Alias,
        engine: Engine,
    },
    /// A parked login could not be renewed, and is left alone for a while.
    RenewalPutOff {
        alias: Alias,
        until: Timestamp,
        why: String,
    },
    /// The server refused this login for good.
    LoginNeeded {
        alias: Alias,
    },
    /// A login that nobody could identify was put aside.
    PutAside,
    /// A login that was put aside is saved under its profile.
    BroughtHome {
        alias: Alias,
    },
    /// An interrupted switch was completed.
    Completed {
        alias: Alias,
    },
    /// An interrupted switch was undone.
    RolledBack,
    Added {
        alias: Alias,
    },
    /// A new setup-token took the place of this profile's.
    TokenReplaced {
        alias: Alias,
    },
    Renamed {
        from: Alias,
        to: Alias,
    },
    Removed {
        alias: Alias,
    },
    /// An earlier login of this profile was brought back.
    Undone {
        alias: Alias,
        generation: u64,
    },
    WatchBegan,
    WatchEnded,
    /// A person began to sign in to this profile, new or old.
    SigninBegan {
        alias: Alias,
    },
    /// The sign-in was confirmed, and its login saved.
    SignedIn {
        alias: Alias,
    },
    /// The sign-in was cancelled, took too long, or was interrupted. The live login is what it was.
    SigninGivenUp {
        alias: Alias,
    },
    /// A sign-in that is due began by itself, in the profile's own window.
    BootstrapBegan {
        alias: Alias,
    },
    /// *Authorize* was pressed, as the settings say.
    ConsentPressed {
        alias: Alias,
    },
    /// *Authorize* was to be pressed, and is left to the person.
    ConsentLeft {
        alias: Alias,
        why: String,
    },
    /// A sign-in that began by itself brought nothing, and is tried again.
    BootstrapFailed {
        alias: Alias,
        until: Timestamp,
        why: String,
    },
    /// It is not tried again: the person is asked.
    BootstrapStalled {
        alias: Alias,
        why: String,
    },
    /// Signalbox itself failed at something and went on.
    Failed {
        // `at` is the entry's own member: when it happened.
        #[serde(rename = "doing")]
        at: String,
    },
    /// Written by a newer version.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// Which engine renewed a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The token endpoint, asked by ourselves.
    Direct,
    /// The unmodified Claude Code, in a config folder of its own.
    Delegated,
}

/// Writes down that something happened now.
pub fn note(ports: &Ports, event: &Event) {
    ports.history.note(ports.clock.now(), event);
}

impl Event {
    /// Whether it went well, for the colour of its line.
    pub fn is_trouble(&self) -> bool {
        matches!(
            self,
            Self::SwitchFailed { .. }
                | Self::Reverted { .. }
                | Self::Foreign { .. }
                | Self::SignedOut { .. }
                | Self::Unreadable
                | Self::RenewalPutOff { .. }
                | Self::LoginNeeded { .. }
                | Self::BootstrapFailed { .. }
                | Self::BootstrapStalled { .. }
                | Self::Failed { .. }
        )
    }

    /// The profile that it leaves live, if it says so.
    pub fn leaves_live(&self) -> Option<&Alias> {
        match self {
            Self::Switched { to, .. } | Self::SwitchedOutside { to, .. } => Some(to),
            Self::Reverted { found, .. } => Some(found),
            Self::Restored { alias } | Self::Completed { alias } | Self::Rotated { alias } => Some(alias),
            _ => None,
        }
    }

    /// The event in one sentence without a full stop.
    pub fn words(&self) -> String {
        match self {
            Self::Switched { from: Some(from), to, unverified } => {
                format!("switched from {from} to {to}{}", unconfirmed(unverified.as_deref()))
            }
            Self::Switched { from: None, to, unverified } => {
                format!("switched to {to}{}", unconfirmed(unverified.as_deref()))
            }
            Self::SwitchFailed { to, why } => format!("could not switch to {to}: {why}"),
            Self::Rotated { alias } => format!("saved {alias}\u{2019}s newest login, which Claude Code had renewed"),
            Self::SwitchedOutside { from: Some(from), to, rival } => {
                format!("{to} took the place of {from} outside Signalbox{}", by_a_rival(*rival))
            }
            Self::SwitchedOutside { from: None, to, rival } => {
                format!("{to} became live outside Signalbox{}", by_a_rival(*rival))
            }
            Self::Reverted { wanted, found, by } => {
                let who = if by.is_empty() { "something".to_owned() } else { by.join(" or ") };
                format!("{who} brought {found} back after the switch to {wanted}")
            }
            Self::Restored { alias } => format!("made {alias} live again, as the settings say"),
            Self::AccountCacheMended { alias } => {
                format!("put {alias}\u{2019}s name back, which Claude Code showed wrongly")
            }
            Self::Foreign { email } => format!("{email} is live, which is no profile yet"),
            Self::SignedOut { alias: Some(alias) } => format!("Claude Code was signed out of {alias}"),
            Self::SignedOut { alias: None } => "Claude Code was signed out".to_owned(),
            Self::Unreadable => "Claude Code\u{2019}s login could not be read".to_owned(),
            Self::Renewed { alias, engine: Engine::Direct } => format!("renewed {alias}\u{2019}s parked login"),
            Self::Renewed { alias, engine: Engine::Delegated } => {
                format!("let Claude Code renew {alias}\u{2019}s parked login")
            }
            Self::RenewalPutOff { alias, why, .. } => format!("could not renew {alias}\u{2019}s parked login: {why}"),
            Self::LoginNeeded { alias } => format!("{alias} has to be signed in again: the server ended its login"),
            Self::PutAside => "put a login aside that nobody could identify".to_owned(),
            Self::BroughtHome { alias } => format!("found that a login put aside is {alias}\u{2019}s, and saved it"),
            Self::Completed { alias } => format!("completed an interrupted switch to {alias}"),
            Self::RolledBack => "undid an interrupted switch".to_owned(),
            Self::Added { alias } => format!("added {alias}"),
            Self::TokenReplaced { alias } => format!("gave {alias} a new setup-token"),
            Self::Renamed { from, to } => format!("renamed {from} to {to}"),
            Self::Removed { alias } => format!("removed {alias}"),
            Self::Undone { alias, generation } => format!("brought back generation {generation} of {alias}"),
            Self::WatchBegan => "began to watch".to_owned(),
            Self::WatchEnded => "stopped watching".to_owned(),
            Self::SigninBegan { alias } => format!("began to sign in to {alias}"),
            Self::SignedIn { alias } => format!("signed in to {alias}, and saved its login"),
            Self::SigninGivenUp { alias } => format!("gave up signing in to {alias}"),
            Self::BootstrapBegan { alias } => format!("began to sign in to {alias} by itself, in its own window"),
            Self::ConsentPressed { alias } => format!("pressed Authorize for {alias}, as the settings say"),
            Self::ConsentLeft { alias, why } => format!("left Authorize for {alias} to you: {why}"),
            Self::BootstrapFailed { alias, why, .. } => format!("could not sign in to {alias} by itself: {why}"),
            Self::BootstrapStalled { alias, why } => {
                format!("stopped signing in to {alias} by itself, and leaves it to you: {why}")
            }
            Self::Failed { at } => format!("Signalbox itself failed to {at}, and went on"),
            Self::Unknown => "something that this version does not know".to_owned(),
        }
    }
}

fn unconfirmed(why: Option<&str>) -> String {
    why.map_or_else(String::new, |why| format!("; not confirmed, because {why}"))
}

fn by_a_rival(rival: bool) -> &'static str {
    if rival { ", by a saved copy that some other program put there" } else { "" }
}

/// A line of *Recent activity*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub at: Timestamp,
    pub by: String,
    /// A sentence without a full stop.
    pub text: String,
    pub trouble: bool,
}

impl Entry {
    /// The entry as faces show it.
    pub fn line(&self) -> Line {
        Line { at: self.at, by: self.by.clone(), text: self.event.words(), trouble: self.event.is_trouble() }
    }
}
