//! What the page can ask for, one line each: the engine or the board's window does the work. A refused command carries a
//! `Problem`. Names and arguments are those of `ui/src/backend.ts`.
#![expect(clippy::needless_pass_by_value, reason = "Tauri hands arguments over by value")]

use std::sync::Arc;

use signalbox_core::board::Board;
use signalbox_core::error::Problem;
use signalbox_core::history::Line;
use signalbox_core::plot::Plots;
use signalbox_core::ports::Ports;
use signalbox_core::profile::Alias;
use signalbox_core::register::Consent;
use signalbox_core::view::View;
use tauri::ipc::Request;
use tauri::{AppHandle, Runtime, State};

use crate::board_window::{self, BoardWindow};
use crate::dto::{self, AliasText};
use crate::history_window::{self, Export, Exported, Picture};
use signalbox_warden::{Edit, EngineHandle, Event};

/// The board as it is now. Later ones arrive as the event `board`.
#[tauri::command]
pub async fn board(engine: State<'_, EngineHandle>) -> Result<Board, Problem> {
    engine.board().await
}

/// Begins a switch. Its end is a board that acknowledges `op`, with the problem if there was one.
#[tauri::command]
pub fn use_profile(engine: State<'_, EngineHandle>, op: u32, alias: AliasText) -> Result<(), Problem> {
    alias.parse().map(|alias| engine.send(Event::Use { op, alias }))
}

/// Begins to read everybody's usage anew.
#[tauri::command]
pub fn refresh(engine: State<'_, EngineHandle>) {
    engine.send(Event::Refresh);
}

/// Registers the live login. `force`: the person said yes to what a first call was refused with.
#[tauri::command]
pub async fn add_profile(engine: State<'_, EngineHandle>, alias: AliasText, force: bool) -> Result<(), Problem> {
    let consent = if force { Consent::Given } else { Consent::Ask };
    engine.edit(Edit::Add { alias: alias.parse()?, consent }).await
}

#[tauri::command]
pub async fn rename_profile(engine: State<'_, EngineHandle>, from: AliasText, to: AliasText) -> Result<(), Problem> {
    engine.edit(Edit::Rename { from: from.parse()?, to: to.parse()? }).await
}

#[tauri::command]
pub async fn remove_profile(engine: State<'_, EngineHandle>, alias: AliasText) -> Result<(), Problem> {
    engine.edit(Edit::Remove { alias: alias.parse()? }).await
}

/// Puts the profiles into this order.
#[tauri::command]
pub async fn reorder(engine: State<'_, EngineHandle>, aliases: Vec<AliasText>) -> Result<(), Problem> {
    engine.edit(Edit::Reorder { aliases: aliases.into_iter().map(AliasText::parse).collect::<Result<_, _>>()? }).await
}

/// Draws the board like this from now on.
#[tauri::command]
pub async fn set_view(engine: State<'_, EngineHandle>, view: View) -> Result<(), Problem> {
    engine.edit(Edit::SetView { view }).await
}

/// Goes back to an earlier login of a profile.
#[tauri::command]
pub async fn undo(engine: State<'_, EngineHandle>, alias: AliasText) -> Result<(), Problem> {
    engine.edit(Edit::Undo { alias: alias.parse()? }).await
}

/// What happened lately, newest first.
#[tauri::command]
pub async fn recent_activity(ports: State<'_, Arc<Ports>>) -> Result<Vec<Line>, Problem> {
    dto::recent_activity(Arc::clone(&ports)).await
}

/// The profile whose sign-in a notification asked the page to show, once.
#[tauri::command]
pub fn sign_in_wanted(window: State<'_, BoardWindow>) -> Option<Alias> {
    board_window::take_sign_in(&window)
}

#[tauri::command]
pub fn dismiss_problem(engine: State<'_, EngineHandle>) {
    engine.send(Event::DismissProblem);
}

#[tauri::command]
pub fn close_board<R: Runtime>(app: AppHandle<R>) {
    board_window::close(&app);
}

/// The page is ready and `height` CSS pixels high.
#[tauri::command]
pub fn fit_board<R: Runtime>(app: AppHandle<R>, height: f64) {
    board_window::fit(&app, height);
}

/// Opens the History window, or brings it to the front.
#[tauri::command]
pub fn open_history<R: Runtime>(app: AppHandle<R>) {
    history_window::open(&app);
}

#[tauri::command]
pub fn close_history<R: Runtime>(app: AppHandle<R>) {
    history_window::close(&app);
}

/// Usage over the last `days` (1, 7, 30 or 90), as lines.
#[tauri::command]
pub async fn usage_history(ports: State<'_, Arc<Ports>>, days: u32) -> Result<Plots, Problem> {
    history_window::usage(Arc::clone(&ports), days).await
}

/// Asks where to, and saves the readings of some profiles as CSV.
#[tauri::command]
pub async fn export_history<R: Runtime>(
    app: AppHandle<R>,
    ports: State<'_, Arc<Ports>>,
    wanted: Export,
) -> Result<Exported, Problem> {
    wanted.save(app, Arc::clone(&ports)).await
}

/// Asks where to, and saves the picture that is the body of the call.
#[tauri::command]
pub async fn save_picture<R: Runtime>(
    app: AppHandle<R>,
    ports: State<'_, Arc<Ports>>,
    request: Request<'_>,
) -> Result<Exported, Problem> {
    Picture::of(&request)?.save(app, Arc::clone(&ports)).await
}

#[tauri::command]
pub fn quit(engine: State<'_, EngineHandle>) {
    engine.send(Event::Quit);
}

/// The list of all commands, for the app and for its tests, which run on another `Runtime`.
#[macro_export]
macro_rules! commands {
    () => {
        tauri::generate_handler![
            $crate::commands::board,
            $crate::commands::use_profile,
            $crate::commands::refresh,
            $crate::commands::add_profile,
            $crate::commands::rename_profile,
            $crate::commands::remove_profile,
            $crate::commands::reorder,
            $crate::commands::set_view,
            $crate::commands::undo,
            $crate::commands::recent_activity,
            $crate::commands::sign_in_wanted,
            $crate::commands::dismiss_problem,
            $crate::commands::close_board,
            $crate::commands::fit_board,
            $crate::commands::open_history,
            $crate::commands::close_history,
            $crate::commands::usage_history,
            $crate::commands::export_history,
            $crate::commands::save_picture,
            $crate::commands::quit,
        ]
    };
}

#[cfg(test)]
mod tests;
