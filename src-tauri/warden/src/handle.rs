//! The engine as others see it: a way to send events, and to wait for an answer where there is one. Cheap to clone.

use std::sync::mpsc::Sender;

use signalbox_core::board::Board;
use signalbox_core::error::{Doing, Problem};
use tokio::sync::oneshot;

use super::Event;
use super::job::{Edit, our_fault};
use super::rotation::{Taken, Turn};

/// Reaches the engine from any thread.
#[derive(Clone)]
pub struct EngineHandle {
    events: Sender<Event>,
}

impl EngineHandle {
    pub(super) fn new(events: Sender<Event>) -> Self {
        Self { events }
    }

    /// Tells the engine. It is gone only while the app ends, when nothing matters any more.
    pub fn send(&self, event: Event) {
        if self.events.send(event).is_err() {
            tracing::debug!("the engine has ended");
        }
    }

    /// The board as it is now.
    pub async fn board(&self) -> Result<Board, Problem> {
        let (reply, answer) = oneshot::channel();
        self.send(Event::Show { reply });
        answer.await.map_err(|_| our_fault(&Doing::Show))
    }

    /// Takes a step of a guided sign-in, and waits until that is done.
    pub async fn turn(&self, turn: Turn) -> Result<Taken, Problem> {
        let doing = turn.doing(None);
        let (reply, answer) = oneshot::channel();
        self.send(Event::Turn { turn, reply });
        answer.await.unwrap_or_else(|_| Err(our_fault(&doing)))
    }

    /// Changes the list of profiles, and waits until that is done.
    pub async fn edit(&self, edit: Edit) -> Result<(), Problem> {
        let doing = edit.doing();
        let (reply, answer) = oneshot::channel();
        self.send(Event::Edit { edit, reply });
        answer.await.unwrap_or_else(|_| Err(our_fault(&doing)))
    }
}
