//! When the engine takes a step of the bootstrap: only while it keeps the watch, and only if a card says that a sign-in is due and goes on
//! by itself. Owns that, its worker, which is started when it is first needed, and what a step means for the engine's state. Leaves the
//! steps to `signalbox_core::bootstrap`.

use signalbox_core::bootstrap::{Bootstrap, Stepped};
use signalbox_core::error::Doing;

use super::Engine;
use super::duties::Look;
use super::job::{self, AskedBy, Failure, Job};
use super::work::Worker;

/// The steps so far.
#[derive(Default)]
pub(super) struct Bootstraps {
    /// It may wait for a page for a minute, and nobody else shall wait for it.
    pub(super) worker: Option<Worker>,
    under_way: bool,
    /// The sign-in that is under way began by itself.
    pub(super) signing_in: bool,
}

impl Engine {
    /// Takes the next step, if there is something to do. One at a time.
    pub(super) fn look_after_what_is_due(&mut self) {
        let goes_on = |bootstrap: Bootstrap| bootstrap.goes_on();
        let cards = self.last.iter().flat_map(|board| &board.cards);
        let due = self.bootstraps.signing_in || cards.filter_map(|card| card.bootstrap).any(goes_on);
        let quiet = self.watching && !self.is_idle() && !self.is_set_aside() && self.activity.switching.is_none();
        if !due || !quiet || self.bootstraps.under_way {
            return;
        }
        if self.bootstraps.worker.is_none() {
            match self.workers.start("bootstrap") {
                Ok(worker) => self.bootstraps.worker = Some(worker),
                Err(error) => {
                    tracing::warn!(%error, "no thread for what is due");
                    return;
                }
            }
        }
        self.bootstraps.under_way = true;
        self.give(Job::Bootstrap { live: self.activity.live.clone() });
    }

    pub(super) fn stepped(&mut self, result: Result<Stepped, Failure>) {
        self.bootstraps.under_way = false;
        match result {
            Ok(Stepped::Nothing) => return,
            Ok(Stepped::Moved) => {}
            Ok(Stepped::Kept(finished)) => {
                tracing::info!(alias = %finished.alias, is_live = finished.is_live, "signed in by itself");
                self.say(format!("{} is signed in again.", finished.alias), None);
                if finished.is_live {
                    self.made_live(&finished.alias);
                } else {
                    self.ask(vec![finished.alias.clone()], AskedBy::Engine);
                }
                self.look(Look::Anyway);
            }
            Err(failure) => {
                // It is tried again; what goes wrong for good is counted by the steps themselves.
                job::log(&Doing::Watch.words(), &failure);
                return;
            }
        }
        self.look_at_the_sign_in();
        self.publish();
    }
}
