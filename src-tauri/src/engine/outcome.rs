//! What the end of a job means for the engine's state, and the board that every face is given. Owns problems and when one
//! is over. Leaves the words of a problem to `signalbox_core::error`, and notices to `notice`.

use std::time::Instant;

use signalbox_core::board::{self, Board, LiveState};
use signalbox_core::error::{Code, Doing, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::profile::Alias;
use signalbox_core::recover::Recovered;
use signalbox_core::switch::Used;
use signalbox_core::sync::Synced;
use signalbox_core::vault;

use super::work::{self, AskedBy, Edit, Ended, Failure, Looked, attempt};
use super::{Cause, Engine, LOOK_BACKOFF_TICKS_MAX, Look, Reply, notice};

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
                    (AskedBy::Person, Some(problem)) => self.complain(problem, Cause::Refreshing),
                    (AskedBy::Person, None) => self.over(Cause::Refreshing),
                    (AskedBy::Engine, _) => {}
                }
                self.publish();
            }
        }
    }

    fn recovered(&mut self, result: Result<Recovered, Failure>) {
        match result {
            Ok(Recovered::Nothing) => return,
            Ok(Recovered::Finished { alias }) => {
                let text = format!("An interrupted switch to {alias} was completed.");
                self.say(text, Some(alias));
            }
            Ok(Recovered::RolledBack | Recovered::PutBack) => {
                self.say("An interrupted switch was undone; nothing was lost.".to_owned(), None);
            }
            Ok(Recovered::Superseded | Recovered::JournalUnreadable) => {
                tracing::info!("an interrupted switch was left as it is");
                return;
            }
            Err(failure) => {
                work::log("finish what was interrupted", &failure);
                // Every look tries again before it looks.
                self.complain(failure.problem(&Doing::Recover), Cause::Watching);
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
        self.doubt_notice();
        match &self.activity.live {
            LiveState::Known { alias } => {
                let alias = alias.clone();
                let before = self.was_live.replace(alias.clone());
                if matches!(synced, Synced::Moved { .. }) {
                    self.switched_by_others(&alias, "outside Signalbox");
                } else if before.is_some_and(|before| before != alias && self.is_profile(&before)) {
                    // Its login is the saved one, and the list says that it is active: the command line was here.
                    self.switched_by_others(&alias, "outside this app");
                }
            }
            LiveState::Unregistered { .. } | LiveState::Husk | LiveState::Absent => self.was_live = None,
            LiveState::Unresolved | LiveState::Unreadable => {}
        }
    }

    fn switched_by_others(&mut self, to: &Alias, whence: &str) {
        tracing::info!(%to, "the live login was switched {whence}");
        self.say(format!("{to} is live now: it was switched {whence}."), Some(to.clone()));
        self.ask(vec![to.clone()], AskedBy::Engine);
    }

    /// Whether there is such a profile: one that was renamed is not another one.
    fn is_profile(&self, alias: &Alias) -> bool {
        attempt(|| Ok(vault::load_roster(&self.ports)?)).is_ok_and(|roster| roster.find(alias).is_some())
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
        self.over(Cause::Watching);
    }

    /// What comes from `cause` is no problem any more.
    fn over(&mut self, cause: Cause) {
        if self.cause == cause {
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
                self.say(notice::of_switch(&used), Some(used.alias.clone()));
                self.was_live = Some(used.alias.clone());
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
            match edit {
                Edit::Add { alias, .. } => self.ask(vec![alias.clone()], AskedBy::Engine),
                Edit::Rename { from, to } => self.forget(from, Some(to)),
                Edit::Remove { alias } => self.forget(alias, None),
            }
            self.look(Look::Anyway);
        }
        // The page shows what it was refused with; the board is for what nobody waits for.
        self.publish();
        let _ = reply.send(answer);
    }

    /// Nothing that is shown may go on naming a profile that has another name now, or none.
    fn forget(&mut self, gone: &Alias, renamed: Option<&Alias>) {
        if matches!(&self.activity.live, LiveState::Known { alias } if alias == gone) {
            self.activity.live = match renamed {
                Some(to) => LiveState::Known { alias: to.clone() },
                None => LiveState::Unregistered { email: None },
            };
        }
        if self.was_live.as_ref() == Some(gone) {
            self.was_live = renamed.cloned();
        }
        if self.activity.problem.as_ref().is_some_and(|problem| problem.about.as_ref() == Some(gone)) {
            self.activity.problem = None;
        }
        self.doubt_notice();
    }

    pub(super) fn complain(&mut self, problem: Problem, cause: Cause) {
        self.activity.problem = Some(problem);
        self.cause = cause;
    }

    /// Gives every face the board of this moment.
    pub(super) fn publish(&mut self) -> Board {
        self.activity.rev = self.activity.rev.saturating_add(1);
        self.activity.refreshing = self.asking > 0;
        let board = match self.assemble() {
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

    /// The board, made from what is saved. Where the list of profiles says that somebody else has switched since the last
    /// look, what that look found is not known any more; drawn all the same, it would be a false alarm.
    fn assemble(&mut self) -> Result<Board, Failure> {
        let board = attempt(|| board::assemble(&self.ports, &self.activity))?;
        let LiveState::Known { alias: live } = &self.activity.live else { return Ok(board) };
        if board.cards.iter().any(|card| card.active && card.alias == *live) {
            return Ok(board);
        }
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
            acked_op: activity.acked_op,
            refreshing: activity.refreshing,
            problem: Some(problem),
            notice: activity.notice.clone(),
        }
    }
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
