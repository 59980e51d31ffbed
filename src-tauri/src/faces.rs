//! The engine's faces in the running app: the page, the tray and the notifications. Owns handing each its part of a
//! board; none of them is waited for.

use signalbox_core::board::Board;
use signalbox_core::error::Problem;
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use tauri::{AppHandle, Emitter, Runtime};

use crate::board_window;
use crate::engine::Faces;
use crate::notify::Notifier;
use crate::tray::{self, TrayModel};

/// The event that carries every new board to the page.
const BOARD_EVENT: &str = "board";

/// Sends a board to the page, if there is one.
pub fn tell_the_page<R: Runtime>(app: &AppHandle<R>, board: &Board) {
    if let Err(error) = app.emit_to(board_window::LABEL, BOARD_EVENT, board) {
        tracing::warn!(%error, "the board did not reach the page");
    }
}

/// See the module.
pub struct AppFaces<R: Runtime> {
    app: AppHandle<R>,
    notifier: Notifier,
}

impl<R: Runtime> AppFaces<R> {
    pub fn new(app: &AppHandle<R>) -> Self {
        let opens = app.clone();
        Self { app: app.clone(), notifier: Notifier::new(move || board_window::open(&opens, None)) }
    }
}

impl<R: Runtime> Faces for AppFaces<R> {
    fn show(&self, board: &Board) {
        tell_the_page(&self.app, board);
        tray::show(&self.app, TrayModel::of(board));
    }

    fn switch_failed(&self, alias: &Alias, problem: &Problem, now: Timestamp) {
        self.notifier.switch_failed(alias, problem, now);
    }

    fn leaving(&self) {
        board_window::close(&self.app);
        tray::remove(&self.app);
    }

    fn exit(&self) {
        self.app.exit(0);
    }
}
