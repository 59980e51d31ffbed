//! The engine's faces in the running app: the page, the tray and the notifications. Owns handing each its part of a
//! board; none of them is waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Local;
use signalbox_core::board::Board;
use signalbox_core::episodes::{Action, Announcement};
use signalbox_core::error::{Code, NextStep, Problem};
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use signalbox_core::view::Hides;
use signalbox_machine::settings::MenuBar;
use signalbox_warden::{EngineHandle, Event, Faces};
use tauri::{AppHandle, Emitter, Manager, Runtime};

use crate::board_window::{self, BoardWindow};
use crate::discreet;
use crate::history_window;
use crate::notify::Notifier;
use crate::rotate_window::{self, Wanted};
use crate::tray::{self, TrayModel};

/// The event that carries every new board to the page.
const BOARD_EVENT: &str = "board";

/// Sends a board to the page, if there is one, and keeps it for the next one.
pub fn tell_the_page<R: Runtime>(app: &AppHandle<R>, board: &Board) {
    app.state::<BoardWindow>().keep(board);
    if let Err(error) = app.emit_to(board_window::LABEL, BOARD_EVENT, board) {
        tracing::warn!(%error, "the board did not reach the page");
    }
    rotate_window::tell_the_page(app, board);
}

/// See the module. `undone`: see [`undone_on`].
pub struct AppFaces<R: Runtime> {
    app: AppHandle<R>,
    notifier: Notifier,
    undone: Arc<Mutex<Option<Alias>>>,
    menu_bar: MenuBar,
    /// What the last board said.
    hides: Mutex<Hides>,
}

impl<R: Runtime> AppFaces<R> {
    pub fn new(app: &AppHandle<R>, menu_bar: MenuBar) -> Self {
        let (acting, undone) = (app.clone(), Arc::new(Mutex::new(None)));
        let now_undone = Arc::clone(&undone);
        let notifier = Notifier::new(move |action| {
            let undone = now_undone.lock().unwrap_or_else(PoisonError::into_inner).clone();
            act(&acting, still_meant(action, undone.as_ref()));
        });
        Self { app: app.clone(), notifier, undone, menu_bar, hides: Mutex::new(Hides::Never) }
    }

    fn hides(&self) -> MutexGuard<'_, Hides> {
        self.hides.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The choice that was undone, if the board says that one was.
fn undone_on(board: &Board) -> Option<Alias> {
    match board.problem.as_ref().map(|problem| (problem.code, &problem.next_step)) {
        Some((Code::Reverted, NextStep::Restore { alias })) => Some(alias.clone()),
        _ => None,
    }
}

/// A notification may lie about for hours. Its button brings a choice back only while that choice is undone.
fn still_meant(action: Action, undone: Option<&Alias>) -> Action {
    match action {
        Action::Restore(alias) if undone != Some(&alias) => Action::Show,
        action => action,
    }
}

/// Does what the person who clicked a notification wants. Comes from some thread.
fn act<R: Runtime>(app: &AppHandle<R>, action: Action) {
    match action {
        Action::Show => board_window::open(app, None),
        Action::SignIn(alias) => rotate_window::open(app, Wanted::one(alias)),
        // No page waits for its end: operation 0. What becomes of it is seen in the tray, and told if it fails.
        Action::Restore(alias) => app.state::<EngineHandle>().send(Event::Use { op: 0, alias }),
    }
}

impl<R: Runtime> Faces for AppFaces<R> {
    fn show(&self, board: &Board) {
        *self.undone.lock().unwrap_or_else(PoisonError::into_inner) = undone_on(board);
        let before = std::mem::replace(&mut *self.hides(), board.view.hides);
        if before != board.view.hides {
            board_window::keep_off_recordings(&self.app, board.view.hides == Hides::WhileShared);
            history_window::tell_hides(&self.app, board.view.hides);
        }
        tell_the_page(&self.app, board);
        tray::show(&self.app, TrayModel::of(board, self.menu_bar, &Local));
    }

    fn switch_failed(&self, alias: &Alias, problem: &Problem, now: Timestamp) {
        let hides = *self.hides();
        if hides == Hides::Always {
            let message = discreet::without_addresses(&problem.message);
            self.notifier.switch_failed(alias, &Problem { message, ..problem.clone() }, now);
        } else {
            self.notifier.switch_failed(alias, problem, now);
        }
    }

    fn announce(&self, announcement: &Announcement) {
        self.notifier.announce(announcement);
    }

    fn leaving(&self) {
        board_window::close(&self.app);
        tray::remove(&self.app);
    }

    fn exit(&self) {
        self.app.exit(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_brought_back_only_while_it_is_undone() {
        let [side, work] = ["side", "work"].map(|name| Alias::parse(name).expect("an alias"));
        let restore = Action::Restore(side.clone());
        assert_eq!(still_meant(restore.clone(), Some(&side)), restore);
        assert_eq!(still_meant(restore.clone(), None), Action::Show, "it was restored since");
        assert_eq!(still_meant(restore, Some(&work)), Action::Show, "another choice was undone since");
        assert_eq!(still_meant(Action::SignIn(work.clone()), None), Action::SignIn(work));
    }
}
