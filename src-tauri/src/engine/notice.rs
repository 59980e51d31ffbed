//! The board's notice: one sentence about what went well. Owns its words, and when it is no news any more or no longer true.
//! Leaves what went wrong to `outcome`.

use std::time::Instant;

use signalbox_core::board::LiveState;
use signalbox_core::profile::Alias;
use signalbox_core::switch::{Proof, Remark, Used};

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
        (Proof::Verified | Proof::AsSaved, true) => format!("{alias} is live already."),
        (Proof::Verified | Proof::AsSaved, false) => format!("Switched to {alias}; the server confirmed it."),
        (Proof::Unverified(cause), true) => format!("{alias} is live already; not confirmed, because {cause}."),
        (Proof::Unverified(cause), false) => format!("Switched to {alias}; not confirmed yet, because {cause}."),
    };
    used.remarks.iter().fold(done, |text, remark| match remark {
        Remark::PutAside => format!("{text} The login before it could not be identified and was put aside, encrypted."),
        Remark::AccountCache(_) => format!("{text} Claude Code may show the old account's name for a while."),
    })
}
