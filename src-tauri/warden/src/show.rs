//! The board that every face is given, and what a person is told besides. Owns making a board of this moment, also
//! where what is saved cannot be read. Leaves what stands on it to `board` of the core.

use signalbox_core::board::{self, Board, LiveState};
use signalbox_core::episodes::Announcement;
use signalbox_core::error::{Doing, Problem};

use super::Engine;
use super::duties::Look;
use super::job::{self, Failure, Job};
use super::work::attempt;

impl Engine {
    /// Gives every face the board of this moment.
    pub(super) fn publish(&mut self) -> Board {
        self.activity.rev = self.activity.rev.saturating_add(1);
        self.activity.refreshing = self.asking > 0;
        let board = match self.assemble() {
            Ok(board) => board,
            Err(failure) => {
                job::log("show the profiles", &failure);
                if matches!(failure, Failure::Panicked) {
                    self.faulted(&Doing::Show);
                }
                self.last_known(failure.problem(&Doing::Show))
            }
        };
        self.faces.show(&board);
        self.last = Some(board.clone());
        self.find_out_what_to_tell();
        board
    }

    /// One board at a time: the next is looked at when the last one has been.
    fn find_out_what_to_tell(&mut self) {
        if self.teller.is_none() || self.telling || self.is_idle() || self.is_set_aside() {
            return;
        }
        if let Some(board) = &self.last {
            let board = Box::new(board.clone());
            self.telling = true;
            self.give(Job::Tell { board });
        }
    }

    pub(super) fn told(&mut self, announcements: &[Announcement], rev: u32) {
        self.telling = false;
        for announcement in announcements {
            self.faces.announce(announcement);
        }
        if self.last.as_ref().is_some_and(|last| last.rev > rev) {
            self.find_out_what_to_tell();
        }
    }

    /// The board, made from what is saved. Where the list of profiles says that somebody else has switched since the
    /// last look, what that look found is not known any more; drawn all the same, it would be a false alarm.
    fn assemble(&mut self) -> Result<Board, Failure> {
        let board = attempt(|| board::assemble(&self.ports, &self.activity))?;
        let LiveState::Known { alias: live } = &self.activity.live else { return Ok(board) };
        if board.cards.iter().any(|card| card.active && card.alias == *live) {
            return Ok(board);
        }
        self.doubted = Some(live.clone());
        self.activity.live = LiveState::Unresolved;
        self.look(Look::Anyway);
        attempt(|| board::assemble(&self.ports, &self.activity))
    }

    /// The cards of the last board, with what is known now around them.
    fn last_known(&self, problem: Problem) -> Board {
        let activity = &self.activity;
        Board {
            rev: activity.rev,
            now: self.ports.clock.now(),
            cards: self.last.as_ref().map(|board| board.cards.clone()).unwrap_or_default(),
            live: activity.live.clone(),
            switching: activity.switching.clone(),
            signing_in: activity.signing_in.clone(),
            acked_op: activity.acked_op,
            refreshing: activity.refreshing,
            problem: Some(problem),
            notice: activity.notice.clone(),
            watched_by: activity.watched_by.clone(),
            view: self.ports.preferences.view(),
        }
    }
}
