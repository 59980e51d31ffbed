//! What the end of a job means for the engine's state, and the board that every face is given. Owns notices, problems
//! and when a problem is over. Leaves the words of a problem to `signalbox_core::error`.

use std::time::Instant;

use signalbox_core::board::{self, Board, LiveState};
use signalbox_core::error::{Code, Doing, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::profile::Alias;
use signalbox_core::recover::Recovered;
use signalbox_core::switch::{Proof, Remark, Used};
use signalbox_core::sync::Synced;

use super::work::{self, AskedBy, Edit, Ended, Failure, Looked, attempt};
use super::{Cause, Engine, LOOK_BACKOFF_TICKS_MAX, Look, Reply};

impl Engine {
    pub(super) fn ended(&mut self, ended: Ended) {
        match ended {
            Ended::Recovered(result) => self.recovered(result),
            Ended::Looked(result) => self.looked(result),
            Ended::Used { op, alias, result } => self.used(op, &alias, result),
            Ended::Mended(result) => match result {
                Ok(true) => tracing::info!("replaced a foreign oauthAccount after a switch"),
                Ok(false) => {}
                Err(failure) => work::log("mend oauthAccount", &failure),
            },
            Ended::Edited { edit, reply, result } => self.edited(&edit, reply, result),
            Ended::RoundBegan => {
                self.asking += 1;
                self.publish();
            }
            Ended::RoundOver { began } => {
                self.round_under_way = false;
                if began {
                    self.asking -= 1;
                    self.publish();
                }
            }
            Ended::Asked { by, problem } => {
                self.asking -= 1;
                match (by, problem) {
                    (AskedBy::Person, Some(problem)) => self.complain(problem, Cause::Asked),
                    (AskedBy::Person, None) | (AskedBy::Engine, _) => {}
                }
                self.publish();
            }
        }
    }

    fn recovered(&mut self, result: Result<Recovered, Failure>) {
        match result {
            Ok(Recovered::Nothing) => return,
            Ok(Recovered::Finished { alias }) => {
                self.activity.notice = Some(format!("An interrupted switch to {alias} was completed."));
            }
            Ok(Recovered::RolledBack | Recovered::PutBack) => {
                self.activity.notice = Some("An interrupted switch was undone; nothing was lost.".to_owned());
            }
            Ok(Recovered::Superseded | Recovered::JournalUnreadable) => {
                tracing::info!("an interrupted switch was left as it is");
                return;
            }
            Err(failure) => {
                work::log("finish what was interrupted", &failure);
                self.complain(failure.problem(&Doing::Recover), Cause::Asked);
            }
        }
        self.publish();
    }

    fn looked(&mut self, result: Result<Looked, Failure>) {
        self.looking = false;
        let now = Instant::now();
        match result {
            Ok(Looked { stamp, synced }) => {
                if let Some(synced) = &synced {
                    self.follow(synced);
                }
                if matches!(synced, Some(Synced::Unresolved { .. })) {
                    self.settled = None;
                    self.back_off(now);
                } else {
                    // An unchanged stamp says that what was found the last time still stands there.
                    let since = match (&self.settled, &synced) {
                        (Some((_, since)), None) => *since,
                        _ => now,
                    };
                    self.settled = Some((stamp, since));
                    self.unsettled_looks = 0;
                    self.next_look = now;
                }
                if matches!(self.activity.live, LiveState::Known { .. }) {
                    self.activity.synced_at = Some(self.ports.clock.now());
                }
                self.all_is_well();
            }
            Err(failure) => {
                self.settled = None;
                self.back_off(now);
                self.look_failed(&failure);
            }
        }
        self.publish();
    }

    fn follow(&mut self, synced: &Synced) {
        self.activity.live = synced.live_state();
        if let Synced::Moved { from, to } = synced {
            tracing::info!(?from, %to, "the live login was switched outside Signalbox");
            self.activity.notice = Some(format!("Claude Code was switched to {to} outside Signalbox."));
            self.ask(vec![to.clone()], AskedBy::Engine);
        }
    }

    fn back_off(&mut self, now: Instant) {
        let ticks = 1_u32.checked_shl(self.unsettled_looks).unwrap_or(u32::MAX).min(LOOK_BACKOFF_TICKS_MAX);
        self.unsettled_looks = self.unsettled_looks.saturating_add(1);
        // Half a tick early, so that the look falls on the tick itself.
        self.next_look = now + self.pace.tick * ticks - self.pace.tick / 2;
    }

    fn look_failed(&mut self, failure: &Failure) {
        work::log("look at the live login", failure);
        let problem = failure.problem(&Doing::Sync);
        // Somebody else holds the lock for a moment; the next look will tell.
        if problem.code == Code::Busy {
            return;
        }
        if matches!(failure, Failure::Flow(FlowError::Store(_) | FlowError::LiveDamaged(_))) {
            self.activity.live = LiveState::Unreadable;
        }
        if self.dismissed.as_ref() != Some(&problem) {
            self.complain(problem, Cause::Watching);
        }
    }

    fn all_is_well(&mut self) {
        self.dismissed = None;
        if self.cause == Cause::Watching {
            self.activity.problem = None;
        }
    }

    fn used(&mut self, op: u32, alias: &Alias, result: Result<Used, Failure>) {
        self.activity.acked_op = self.activity.acked_op.max(op);
        // A later click is still on its way.
        if self.activity.switching.as_ref().is_some_and(|under_way| under_way.op == op && under_way.alias == *alias) {
            self.activity.switching = None;
        }
        match result {
            Ok(used) => {
                tracing::info!(to = %used.alias, from = ?used.from, proof = ?used.proof, "switched");
                self.activity.notice = Some(notice(&used));
                self.activity.live = LiveState::Known { alias: used.alias.clone() };
                self.activity.synced_at = Some(self.ports.clock.now());
                self.settled = None;
                self.mend_at = Some(Instant::now() + self.pace.mend_after);
                self.ask(vec![used.alias], AskedBy::Engine);
            }
            Err(failure) => {
                work::log(&format!("switch to {alias}"), &failure);
                let problem = failure.problem(&Doing::Use(alias.clone()));
                self.faces.switch_failed(alias, &problem, self.ports.clock.now());
                self.complain(problem, Cause::Asked);
            }
        }
        self.look(Look::Anyway);
        self.publish();
    }

    fn edited(&mut self, edit: &Edit, reply: Reply, result: Result<(), Failure>) {
        let answer = result.map_err(|failure| {
            work::log(&edit.doing().words(), &failure);
            failure.problem(&edit.doing())
        });
        if answer.is_ok() {
            tracing::info!("{}: done", edit.doing().words());
            if let Edit::Add { alias, .. } = edit {
                self.ask(vec![alias.clone()], AskedBy::Engine);
            }
            self.look(Look::Anyway);
        }
        // The page shows what it was refused with; the board is for what nobody waits for.
        self.publish();
        let _ = reply.send(answer);
    }

    fn complain(&mut self, problem: Problem, cause: Cause) {
        self.activity.problem = Some(problem);
        self.cause = cause;
    }

    /// Gives every face the board of this moment.
    pub(super) fn publish(&mut self) -> Board {
        self.activity.rev = self.activity.rev.saturating_add(1);
        self.activity.refreshing = self.asking > 0;
        let board = match attempt(|| board::assemble(&self.ports, &self.activity)) {
            Ok(board) => board,
            Err(failure) => {
                work::log("show the profiles", &failure);
                self.last_known(failure.problem(&Doing::Show))
            }
        };
        self.faces.show(&board);
        self.last = Some(board.clone());
        board
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
            acked_op: activity.acked_op,
            refreshing: activity.refreshing,
            problem: Some(problem),
            notice: activity.notice.clone(),
        }
    }
}

/// What a switch did, for the board.
fn notice(used: &Used) -> String {
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

impl Edit {
    pub(super) fn doing(&self) -> Doing {
        match self {
            Self::Add { alias, .. } => Doing::Add(alias.clone()),
            Self::Rename { from, .. } => Doing::Rename(from.clone()),
            Self::Remove { alias } => Doing::Remove(alias.clone()),
        }
    }
}
