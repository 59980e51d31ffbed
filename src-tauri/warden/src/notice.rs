//! The board's notice: one sentence about what went well. Owns its words, when it is no news any more or no longer
//! true, and the words of the two problems that no error of a flow stands for: a choice that was undone, and a pin.

use std::time::Instant;

use signalbox_core::board::LiveState;
use signalbox_core::error::{Code, NextStep, Problem};
use signalbox_core::profile::Alias;
use signalbox_core::sessions::{Pin, PinPlace, Reach, Session};
use signalbox_core::switch::{Proof, Remark, Used};
use signalbox_core::time::Timestamp;
use signalbox_core::undo::Undone;
use signalbox_core::words;

use super::Engine;

/// What a notice speaks of.
pub(super) struct Said {
    /// The profile that it calls live.
    live: Option<Alias>,
    /// Until when it is news.
    until: Instant,
}

impl Engine {
    /// Puts a sentence on the board; `live`: the profile that it calls live.
    pub(super) fn say(&mut self, text: String, live: Option<Alias>) {
        self.activity.notice = Some(text);
        self.said = Some(Said { live, until: Instant::now() + self.pace.notice_for });
    }

    pub(super) fn hush(&mut self) {
        self.activity.notice = None;
        self.said = None;
    }

    pub(super) fn forget_old_notice(&mut self, now: Instant) {
        if self.said.as_ref().is_some_and(|said| now >= said.until) {
            self.hush();
        }
    }

    /// Takes the notice back if the profile that it calls live is known not to be.
    pub(super) fn doubt_notice(&mut self) {
        let Some(live) = self.said.as_ref().and_then(|said| said.live.as_ref()) else { return };
        let stands = match &self.activity.live {
            LiveState::Known { alias } => alias == live,
            LiveState::Unresolved | LiveState::Unreadable => true,
            LiveState::Unregistered { .. } | LiveState::Husk | LiveState::Absent => false,
        };
        if !stands {
            self.hush();
        }
    }
}

/// What a switch did, for the board.
pub fn of_switch(used: &Used) -> String {
    let alias = &used.alias;
    let done = match (&used.proof, used.already_active) {
        (Proof::Verified | Proof::AsSaved | Proof::ByToken, true) => format!("{alias} is live already."),
        (Proof::Verified | Proof::AsSaved, false) => format!("Switched to {alias}; the server confirmed it."),
        (Proof::ByToken, false) => format!("Switched to {alias}, which is a setup-token."),
        (Proof::Unverified(cause), true) => format!("{alias} is live already; not confirmed, because {cause}."),
        (Proof::Unverified(cause), false) => format!("Switched to {alias}; not confirmed yet, because {cause}."),
    };
    let done = if used.already_active { done } else { done + &followers(&used.reach) };
    used.remarks.iter().fold(done, |text, remark| match remark {
        Remark::PutAside => format!("{text} The login before it could not be identified and was put aside, encrypted."),
        Remark::AccountCache(_) => format!("{text} Claude Code may show the old account's name for a while."),
    })
}

/// That a choice was made live again without asking.
pub fn of_restoration(used: &Used) -> String {
    let came_back = match &used.from {
        Some(from) => format!("{from} had come back"),
        None => "something had taken its place".to_owned(),
    };
    format!("{} is live again, as the settings say: {came_back}.{}", used.alias, followers(&used.reach))
}

/// What going back to an earlier login brought.
pub fn of_undo(undone: &Undone, now: Timestamp) -> String {
    let age = words::length(now.since(undone.saved_at));
    let done = format!("Brought back the login of {} from {age} ago", undone.alias);
    if undone.was_live {
        format!("{done}; the server confirmed it.{}", followers(&undone.reach))
    } else {
        format!("{done}; the next switch to it uses that one.")
    }
}

/// Which of the sessions that run go along, with a space in front; nothing where none runs or nobody knows. Where
/// something makes Claude Code ignore the live login, that is said instead.
fn followers(reach: &Reach) -> String {
    let sessions = reach.sessions.as_deref().unwrap_or_default();
    let count = |which: &dyn Fn(&Session) -> bool| sessions.iter().filter(|session| which(session)).count();
    let follow = count(&|session| session.follows());
    let pinned = count(&|session| session.pinned_by.is_some());
    let hosted = sessions.len() - follow - pinned;
    let mut text = String::new();
    match follow {
        _ if !reach.pins.is_empty() => {}
        0 => {}
        1 => text += " 1 running session follows within 30 s.",
        more => text += &format!(" {more} running sessions follow within 30 s."),
    }
    match pinned {
        0 => {}
        1 => text += " 1 is pinned and stays.",
        more => text += &format!(" {more} are pinned and stay."),
    }
    match hosted {
        0 => {}
        1 => text += " 1 belongs to Claude Desktop and stays.",
        more => text += &format!(" {more} belong to Claude Desktop and stay."),
    }
    text
}

/// Soon after a switch to `wanted` something brought `found` back. `by`: whom it may have been.
pub fn of_reversion(wanted: &Alias, found: &Alias, by: &[String]) -> Problem {
    let back = match by {
        [] => format!("something brought {found} back"),
        [one] => format!("{one} brought {found} back"),
        several => format!("one of these brought {found} back: {}", several.join(", ")),
    };
    Problem {
        code: Code::Reverted,
        message: format!("Cannot keep {wanted} live: {back}"),
        next_step: NextStep::Restore { alias: wanted.clone() },
        about: Some(wanted.clone()),
    }
}

/// That a switch stands and Claude Code ignores it.
pub fn of_pins(alias: &Alias, pins: &[Pin]) -> Option<Problem> {
    let first = pins.first()?;
    let (place, path) = match &first.place {
        PinPlace::Environment => ("the environment".to_owned(), None),
        PinPlace::Settings { path } => (path.display().to_string(), Some(path.display().to_string())),
    };
    let more = match pins.len() - 1 {
        0 => String::new(),
        more => format!(", and so does what `signalbox doctor` shows besides ({more})"),
    };
    Some(Problem {
        code: Code::Pinned,
        message: format!(
            "Cannot make Claude Code use {alias}: `{}` in {place} makes it ignore the live login{more}",
            first.name
        ),
        next_step: NextStep::RemovePin { name: first.name.clone(), place: path },
        about: Some(alias.clone()),
    })
}
