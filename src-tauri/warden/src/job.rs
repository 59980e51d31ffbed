//! What the engine's workers can be asked to do, and what they may answer. Owns the types alone: doing it is
//! `work`'s, and what an answer means is `outcome`'s.

use signalbox_core::board::{Board, LiveState};
use signalbox_core::bootstrap::Stepped;
use signalbox_core::episodes::Announcement;
use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::history::{self, Entry};
use signalbox_core::poll::Urgency;
use signalbox_core::ports::Stamp;
use signalbox_core::profile::Alias;
use signalbox_core::recover::Recovered;
use signalbox_core::register::Consent;
use signalbox_core::rotate::Rotation;
use signalbox_core::switch::Used;
use signalbox_core::sync::Synced;
use signalbox_core::time::Timestamp;
use signalbox_core::undo::Undone;
use signalbox_core::view::View;

use super::Reply;
use super::rotation::{Brought, Turn, TurnReply};

/// One call of a core flow.
pub enum Job {
    /// `after`: what a fault of our own stopped, which is written down first.
    Recover {
        after: Option<String>,
    },
    /// Look at the live login, unless its store still has the stamp `known`.
    Look {
        known: Option<Stamp>,
        closeness: Closeness,
        was_live: Option<Alias>,
    },
    Use {
        op: u32,
        alias: Alias,
    },
    /// Replace a foreign `oauthAccount` that a running session may have written back after a switch.
    Mend,
    /// Make the choice live again that something undid. `problem`: what to say where that cannot be done.
    Restore {
        problem: Box<Problem>,
    },
    Edit {
        edit: Edit,
        reply: Reply,
    },
    /// A step of a guided sign-in. Without `reply` nobody asked for it.
    Turn {
        turn: Turn,
        doing: Doing,
        reply: Option<TurnReply>,
    },
    /// See how far a guided sign-in is: no lock, no request, no write.
    LookAtTheSignIn,
    /// Take the next step of what is due to be signed in. `live`: as far as it is known.
    Bootstrap {
        live: LiveState,
    },
    /// Take in what the statusline told, and read the usage of whoever is due.
    Round {
        urgency: Urgency,
    },
    /// Read the usage of these, due or not.
    Ask {
        aliases: Vec<Alias>,
        by: AskedBy,
    },
    /// Write down that something happened. `unless_told`: not where it was the last thing known of the live login.
    Note {
        event: history::Event,
        unless_told: bool,
    },
    /// Find out what a person has to be told.
    Tell {
        board: Box<Board>,
    },
}

/// How closely a look looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closeness {
    /// Asks the server where that is needed, and saves what the gate lets through.
    Sync,
    /// Compares with what is saved: no request, no lock, no write.
    Glance,
}

/// Who wants usage that is not due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// Somebody pressed Refresh, and is told when it brings nothing.
    Person,
    /// A profile became active or was added.
    Engine,
}

/// A change of the list of profiles, or of how it is drawn.
#[derive(Debug)]
pub enum Edit {
    Add {
        alias: Alias,
        consent: Consent,
    },
    Rename {
        from: Alias,
        to: Alias,
    },
    Remove {
        alias: Alias,
    },
    /// Go back to an earlier login of this profile.
    Undo {
        alias: Alias,
    },
    /// Put the profiles into this order.
    Reorder {
        aliases: Vec<Alias>,
    },
    /// Draw the board like this.
    SetView {
        view: View,
    },
}

impl Edit {
    pub(super) fn doing(&self) -> Doing {
        match self {
            Self::Add { alias, .. } => Doing::Add(alias.clone()),
            Self::Rename { from, .. } => Doing::Rename(from.clone()),
            Self::Remove { alias } => Doing::Remove(alias.clone()),
            Self::Undo { alias } => Doing::Undo(alias.clone()),
            Self::Reorder { .. } => Doing::Reorder,
            Self::SetView { .. } => Doing::SetView,
        }
    }

    /// Whether it may have changed whose the live login is.
    pub(super) fn concerns_logins(&self) -> bool {
        match self {
            Self::Add { .. } | Self::Rename { .. } | Self::Remove { .. } | Self::Undo { .. } => true,
            Self::Reorder { .. } | Self::SetView { .. } => false,
        }
    }
}

/// What an edit that succeeded brought, besides itself.
#[derive(Debug)]
pub enum Done {
    Plain,
    Undone(Box<Undone>),
}

/// How a job ended, or that its slow part began.
pub enum Ended {
    Recovered(Result<Recovered, Failure>),
    Looked(Result<Looked, Failure>),
    Used {
        op: u32,
        alias: Alias,
        result: Result<Used, Failure>,
    },
    Mended(Result<bool, Failure>),
    /// `Ok(None)`: there was nothing to restore any more.
    Restored {
        problem: Box<Problem>,
        result: Result<Option<Used>, Failure>,
    },
    Edited {
        edit: Edit,
        reply: Reply,
        result: Result<Done, Failure>,
    },
    Turned {
        doing: Doing,
        reply: Option<TurnReply>,
        result: Result<Brought, Failure>,
    },
    SignInSeen(Result<Option<Rotation>, Failure>),
    Stepped(Result<Stepped, Failure>),
    /// Somebody was due: the provider is being asked now. Another outcome of the same job follows.
    RoundBegan,
    /// `asked`: it began to ask the provider; `told`: the statusline brought something new.
    RoundOver {
        asked: bool,
        told: bool,
    },
    Asked {
        by: AskedBy,
        problem: Option<Problem>,
    },
    Noted,
    /// `rev`: of the board that was looked at.
    Told {
        announcements: Vec<Announcement>,
        rev: u32,
    },
    /// Our own fault stopped something. The outcome of the same job follows.
    Faulted(Doing),
}

impl Ended {
    /// Whether the job is over with it.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::RoundBegan | Self::Faulted(_))
    }
}

/// What a look at the live store found.
pub struct Looked {
    /// The store's stamp from before it was read, so that a write in between is seen the next time.
    pub stamp: Stamp,
    pub found: Found,
    /// The last thing that was written down of the live login, where another profile is live than was.
    pub last: Option<Entry>,
    /// When the last switch was, as far as the list of profiles knows.
    pub switched_at: Option<Timestamp>,
}

/// See [`Looked`].
pub enum Found {
    /// The stamp was the known one and nothing was read.
    Nothing,
    Synced(Synced),
    Glanced(LiveState),
}

/// Why a job brought nothing.
pub enum Failure {
    Flow(FlowError),
    /// Our own fault. The panic hook has logged where.
    Panicked,
}

impl Failure {
    /// The failure as faces show it.
    pub fn problem(&self, doing: &Doing) -> Problem {
        match self {
            Self::Flow(error) => error.problem(doing),
            Self::Panicked => our_fault(doing),
        }
    }
}

/// The problem that stands for a fault of Signalbox itself.
pub fn our_fault(doing: &Doing) -> Problem {
    Problem {
        code: Code::Internal,
        message: format!("Cannot {}: Signalbox itself failed", doing.words()),
        next_step: NextStep::ReportBug,
        about: doing.about(),
    }
}

/// The problem that stands for a person who has not agreed to the terms yet.
pub fn not_agreed(doing: &Doing) -> Problem {
    Problem {
        code: Code::Usage,
        message: format!("Cannot {}: you have not agreed to the terms yet", doing.words()),
        next_step: NextStep::Retry,
        about: doing.about(),
    }
}

/// Writes down a failure that no face shows.
pub fn log(doing: &str, failure: &Failure) {
    match failure {
        Failure::Flow(error) => tracing::info!(%error, "could not {doing}"),
        Failure::Panicked => tracing::error!("Signalbox itself failed to {doing}"),
    }
}
