//! What the end of a job means for the engine's state. Owns problems and when one is over, and which change of the
//! live state is written down. Leaves the words of a problem to `signalbox_core::error` and to `notice`.

use signalbox_core::board::LiveState;
use signalbox_core::error::{Code, Doing, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::history::{self, Entry};
use signalbox_core::policy;
use signalbox_core::profile::Alias;
use signalbox_core::recover::Recovered;
use signalbox_core::sessions::{Pin, Session};
use signalbox_core::switch::Used;
use signalbox_core::sync::Synced;
use signalbox_core::undo::Undone;
use signalbox_core::vault;

use super::duties::Look;
use super::job::{self, AskedBy, Done, Edit, Ended, Failure, Found, Job, Looked};
use super::work::attempt;
use super::{Cause, Engine, Reply, notice};

impl Engine {
    pub(super) fn ended(&mut self, ended: Ended) {
        match ended {
            Ended::Recovered(result) => self.recovered(result),
            Ended::Looked(result) => self.looked(result),
            Ended::Used { op, alias, result } => self.used(op, &alias, result),
            Ended::Mended(result) => self.mended(result),
            Ended::Restored { problem, result } => self.restored(*problem, result),
            Ended::Edited { edit, reply, result } => self.edited(&edit, reply, result),
            Ended::Turned { doing, reply, result } => self.turned(&doing, reply, result),
            Ended::SignInSeen(result) => self.sign_in_seen(result),
            Ended::Stepped(result) => self.stepped(result),
            Ended::Faulted(doing) => {
                self.faulted(&doing);
                self.publish();
            }
            Ended::Told { announcements, rev } => self.told(&announcements, rev),
            Ended::Noted => {}
            Ended::RoundBegan => {
                self.asking += 1;
                self.publish();
            }
            Ended::RoundOver { asked, told } => {
                if asked {
                    self.asking -= 1;
                }
                if asked || told {
                    self.publish();
                }
                self.round_ended();
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
                job::log("finish what was interrupted", &failure);
                // Every look tries again before it looks.
                self.complain(failure.problem(&Doing::Recover), Cause::Watching);
            }
        }
        self.publish();
    }

    fn mended(&mut self, result: Result<bool, Failure>) {
        match result {
            Ok(true) => tracing::info!("replaced a foreign oauthAccount after a switch"),
            Ok(false) => {}
            Err(failure) => job::log("mend oauthAccount", &failure),
        }
        self.mend_ended();
    }

    fn looked(&mut self, result: Result<Looked, Failure>) {
        self.live_seen();
        match result {
            Ok(Looked { stamp, found: Found::Nothing, .. }) => {
                // What was found the last time still stands there.
                let settled = self.looks.settled.is_some();
                self.look_ended(Some(stamp), None);
                if settled {
                    self.found_well();
                }
                return;
            }
            Ok(Looked { stamp, found, last, switched_at }) => {
                self.switch_known(switched_at);
                let settled = match found {
                    Found::Synced(synced) => self.follow(synced, last),
                    Found::Glanced(live) => self.glimpse(live, last),
                    Found::Nothing => true,
                };
                self.look_ended(Some(stamp), Some(settled));
                self.found_well();
            }
            Err(failure) => {
                let looked_at = self.looks.seen.clone();
                self.look_ended(looked_at, Some(false));
                self.look_failed(&failure);
            }
        }
        self.publish();
    }

    fn found_well(&mut self) {
        if self.is_live_known() {
            self.activity.synced_at = Some(self.ports.clock.now());
        }
        self.dismissed = None;
        self.over(Cause::Watching);
    }

    pub(super) fn is_live_known(&self) -> bool {
        matches!(self.activity.live, LiveState::Known { .. })
    }

    /// Goes after what a look found. `false`: it settled nothing.
    fn follow(&mut self, synced: Synced, last: Option<Entry>) -> bool {
        let before = self.now_live(synced.live_state());
        match synced {
            Synced::Reverted { wanted, found, suspects, restored } => {
                let by: Vec<String> = suspects.iter().map(Session::words).collect();
                self.reverted(&wanted, &found, &by, restored);
            }
            Synced::Moved { to, .. } => self.switched_by_others(&to, "outside Signalbox"),
            Synced::Unchanged { alias } | Synced::Saved { alias } => {
                return self.made_live_by_others(before, &alias, last);
            }
            // The person replaced that token; whoever brought it back is no news that a board has a place for.
            Synced::Earlier { .. } | Synced::Unresolved { .. } => return false,
            Synced::Foreign { .. } | Synced::Husk | Synced::Absent => {}
        }
        true
    }

    /// The same for a guest, which has only compared with what is saved.
    fn glimpse(&mut self, live: LiveState, last: Option<Entry>) -> bool {
        let before = self.now_live(live.clone());
        match live {
            LiveState::Known { alias } => self.made_live_by_others(before, &alias, last),
            LiveState::Unresolved | LiveState::Unreadable => false,
            LiveState::Unregistered { .. } | LiveState::Husk | LiveState::Absent => true,
        }
    }

    /// Its login is the saved one, and the list of profiles says that it is active: where it was not before, another
    /// Signalbox was at work, and the history says how. `false`: it does not say so yet.
    fn made_live_by_others(&mut self, before: Option<Alias>, now: &Alias, last: Option<Entry>) -> bool {
        if before.as_ref() == Some(now) {
            return true;
        }
        let at = self.ports.clock.now();
        let recent = last.filter(|last| (0..=policy::REVERSION_MS).contains(&at.since(last.at)));
        let event = recent.map(|last| last.event);
        if let Some(history::Event::Reverted { wanted, found, by }) = &event
            && found == now
        {
            self.reverted(wanted, found, by, 0);
            return true;
        }
        let Some(before) = before.filter(|before| self.is_profile(before)) else { return true };
        // The list is written a moment before the history; the next look takes the list's word for it.
        if event.as_ref().and_then(history::Event::leaves_live) != Some(now) && self.looks.is_settled() {
            self.was_live = Some(before);
            return false;
        }
        self.switched_by_others(now, "outside this program");
        true
    }

    /// Takes over what is live now, and gives back which profile was before.
    fn now_live(&mut self, live: LiveState) -> Option<Alias> {
        let before = match &live {
            LiveState::Known { alias } => self.was_live.replace(alias.clone()),
            LiveState::Unregistered { .. } | LiveState::Husk | LiveState::Absent => self.was_live.take(),
            LiveState::Unresolved | LiveState::Unreadable => self.was_live.clone(),
        };
        if before != self.was_live {
            self.over(Cause::Reverted);
        }
        self.doubted = None;
        self.activity.live = live;
        self.note_live(before.clone());
        self.doubt_notice();
        before
    }

    /// Writes a change of the live state down that is nobody's doing here. What the flows do they write down
    /// themselves.
    fn note_live(&mut self, before: Option<Alias>) {
        let live = &self.activity.live;
        let quiet = !self.watching || self.is_set_aside();
        if quiet || *live == LiveState::Unresolved || self.noted.as_ref() == Some(live) {
            return;
        }
        let event = match live {
            LiveState::Unregistered { email: Some(email) } => Some(history::Event::Foreign { email: email.clone() }),
            LiveState::Husk | LiveState::Absent => Some(history::Event::SignedOut { alias: before }),
            LiveState::Unreadable => Some(history::Event::Unreadable),
            LiveState::Known { .. } | LiveState::Unresolved | LiveState::Unregistered { email: None } => None,
        };
        let first = self.noted.replace(live.clone()).is_none();
        if let Some(event) = event {
            // What stood there already when this program ended the last time is no news.
            self.give(Job::Note { event, unless_told: first });
        }
    }

    /// Soon after a switch to `wanted` something brought `found` back.
    fn reverted(&mut self, wanted: &Alias, found: &Alias, by: &[String], restored: u32) {
        let problem = notice::of_reversion(wanted, found, by);
        tracing::warn!("{}", problem.message);
        if self.watching && self.restores && restored < policy::RESTORES_MAX {
            self.give(Job::Restore { problem: Box::new(problem) });
        } else {
            self.complain(problem, Cause::Reverted);
        }
        self.ask(vec![found.clone()], AskedBy::Engine);
    }

    fn restored(&mut self, problem: Problem, result: Result<Option<Used>, Failure>) {
        match result {
            Ok(Some(used)) => {
                tracing::info!(to = %used.alias, "restored");
                self.made_live(&used.alias);
                self.say(notice::of_restoration(&used), Some(used.alias.clone()));
                self.warn_of_pins(&used.alias, &used.reach.pins);
            }
            Ok(None) => self.complain(problem, Cause::Reverted),
            Err(failure) => {
                job::log("restore the choice", &failure);
                self.complain(problem, Cause::Reverted);
            }
        }
        self.look(Look::Anyway);
        self.publish();
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

    fn look_failed(&mut self, failure: &Failure) {
        job::log("look at the live login", failure);
        let problem = failure.problem(&Doing::Sync);
        // Somebody else holds the lock for a moment; the next look will tell.
        if problem.code == Code::Busy {
            return;
        }
        if matches!(failure, Failure::Flow(FlowError::Store(_) | FlowError::LiveDamaged(_))) {
            self.now_live(LiveState::Unreadable);
        }
        // That a choice was undone is not forgotten over it.
        let undone = self.cause == Cause::Reverted && self.activity.problem.is_some();
        if !undone && self.dismissed.as_ref() != Some(&problem) {
            self.complain(problem, Cause::Watching);
        }
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
                self.made_live(&used.alias);
                self.say(notice::of_switch(&used), Some(used.alias.clone()));
                self.warn_of_pins(&used.alias, &used.reach.pins);
            }
            Err(failure) => {
                job::log(&format!("switch to {alias}"), &failure);
                let problem = failure.problem(&Doing::Use(alias.clone()));
                self.faces.switch_failed(alias, &problem, self.ports.clock.now());
                self.complain(problem, Cause::Asked);
            }
        }
        self.look(Look::Anyway);
        self.publish();
    }

    /// A switch of ours has just made this profile live.
    pub(super) fn made_live(&mut self, alias: &Alias) {
        self.was_live = Some(alias.clone());
        self.doubted = None;
        self.activity.live = LiveState::Known { alias: alias.clone() };
        self.noted = Some(self.activity.live.clone());
        self.activity.synced_at = Some(self.ports.clock.now());
        self.over(Cause::Reverted);
        self.unsettle();
        self.switched();
        self.ask(vec![alias.clone()], AskedBy::Engine);
    }

    /// The switch stands, and yet Claude Code may not follow it.
    fn warn_of_pins(&mut self, alias: &Alias, pins: &[Pin]) {
        if let Some(problem) = notice::of_pins(alias, pins) {
            self.complain(problem, Cause::Asked);
        }
    }

    fn edited(&mut self, edit: &Edit, reply: Reply, result: Result<Done, Failure>) {
        let answer = result.map_err(|failure| {
            job::log(&edit.doing().words(), &failure);
            failure.problem(&edit.doing())
        });
        if let Ok(done) = &answer {
            tracing::info!("{}: done", edit.doing().words());
            match edit {
                Edit::Add { alias, .. } => self.ask(vec![alias.clone()], AskedBy::Engine),
                Edit::Rename { from, to } => self.forget(from, Some(to)),
                Edit::Remove { alias } => self.forget(alias, None),
                Edit::Undo { .. } | Edit::Reorder { .. } | Edit::SetView { .. } => {}
            }
            if let Done::Undone(undone) = done {
                self.undone(undone);
            }
            if edit.concerns_logins() {
                self.look(Look::Anyway);
            }
        }
        // The page shows what it was refused with; the board is for what nobody waits for.
        self.publish();
        let _ = reply.send(answer.map(drop));
    }

    fn undone(&mut self, undone: &Undone) {
        let alias = &undone.alias;
        self.say(notice::of_undo(undone, self.ports.clock.now()), undone.was_live.then(|| alias.clone()));
        if undone.was_live {
            self.made_live(alias);
            self.warn_of_pins(alias, &undone.reach.pins);
        } else {
            self.ask(vec![alias.clone()], AskedBy::Engine);
        }
    }

    /// Nothing that is shown may go on naming a profile that has another name now, or none.
    fn forget(&mut self, gone: &Alias, renamed: Option<&Alias>) {
        // The list was read while it had changed already and nobody had said so yet.
        let doubted = self.doubted.take_if(|doubted| doubted == gone).is_some();
        if doubted || matches!(&self.activity.live, LiveState::Known { alias } if alias == gone) {
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
}
