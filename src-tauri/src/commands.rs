//! What the page can ask for, one line each: the engine or the board's window does the work. A refused command carries a
//! `Problem`. Names and arguments are those of `ui/src/backend.ts`.
#![expect(clippy::needless_pass_by_value, reason = "Tauri hands arguments over by value")]

use std::sync::Arc;

use signalbox_core::board::Board;
use signalbox_core::error::Problem;
use signalbox_core::history::Line;
use signalbox_core::ports::Ports;
use signalbox_core::register::Consent;
use signalbox_core::rotate::Found;
use signalbox_core::view::View;
use tauri::ipc::Request;
use tauri::{AppHandle, Runtime, State};

use crate::board_window;
use crate::dto::{self, AliasText};
use crate::history_window::{self, Export, Exported, Lines, Picture};
use crate::rotate_window::{self, Keep, Kept, Means, Opened, Place, RotateWindow, UnderWay, Wanted};
use crate::terms;
use signalbox_warden::{Edit, EngineHandle, Event, Turn};

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
pub async fn remove_profile(
    engine: State<'_, EngineHandle>,
    ports: State<'_, Arc<Ports>>,
    windows: State<'_, RotateWindow>,
    alias: AliasText,
) -> Result<(), Problem> {
    let alias = alias.parse()?;
    // Asked before the profile is gone.
    let own = rotate_window::own_window(&ports, &alias);
    engine.edit(Edit::Remove { alias: alias.clone() }).await?;
    windows.forget(own.as_ref(), &alias)
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

/// Usage over the last `days` (1, 7, 30 or 90), as lines; without them where numbers are hidden.
#[tauri::command]
pub async fn usage_history(ports: State<'_, Arc<Ports>>, days: u32) -> Result<Lines, Problem> {
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

/// The person agreed to the terms.
#[tauri::command]
pub async fn accept_terms<R: Runtime>(app: AppHandle<R>, ports: State<'_, Arc<Ports>>) -> Result<(), Problem> {
    terms::accept(app, Arc::clone(&ports)).await
}

/// Opens one of the pages that the terms name, in the person's own browser.
#[tauri::command]
pub fn open_page(address: String) -> Result<(), Problem> {
    terms::open_page(&address)
}

/// Opens the Rotate wizard for one profile, for all that are due, or (neither) for an account that is no profile yet.
#[tauri::command]
pub fn open_rotate<R: Runtime>(app: AppHandle<R>, alias: Option<AliasText>, due: bool) -> Result<(), Problem> {
    Wanted::of(alias, due).map(|wanted| rotate_window::open(&app, wanted))
}

/// Closes the Rotate wizard. A sign-in that is under way goes on.
#[tauri::command]
pub fn close_rotate<R: Runtime>(app: AppHandle<R>) {
    rotate_window::close(&app);
}

/// What the Rotate wizard was opened for.
#[tauri::command]
pub fn rotate_wanted(window: State<'_, RotateWindow>) -> Opened {
    rotate_window::opened(&window)
}

/// Keeps for a window that is opened later who was dealt with in this queue.
#[tauri::command]
pub fn remember_passed(window: State<'_, RotateWindow>, passed: Vec<AliasText>) -> Result<(), Problem> {
    rotate_window::remember(&window, passed)
}

/// What a sign-in on this computer can be done with.
#[tauri::command]
pub async fn sign_in_means<R: Runtime>(app: AppHandle<R>, ports: State<'_, Arc<Ports>>) -> Result<Means, Problem> {
    rotate_window::means(app, Arc::clone(&ports)).await
}

/// The sign-in that is under way, if there is one.
#[tauri::command]
pub async fn sign_in_under_way<R: Runtime>(
    app: AppHandle<R>,
    ports: State<'_, Arc<Ports>>,
) -> Result<Option<UnderWay>, Problem> {
    rotate_window::under_way(app, Arc::clone(&ports)).await
}

/// Begins a sign-in, and opens its page once that is known.
#[tauri::command]
pub async fn begin_sign_in<R: Runtime>(app: AppHandle<R>, alias: AliasText, place: Place) -> Result<(), Problem> {
    rotate_window::begin(app, alias, place).await
}

/// Asks whose login the sign-in brought.
#[tauri::command]
pub async fn check_sign_in(engine: State<'_, EngineHandle>) -> Result<Found, Problem> {
    rotate_window::check(&engine).await
}

/// Keeps the login that the sign-in brought, and ends it.
#[tauri::command]
pub async fn keep_sign_in<R: Runtime>(app: AppHandle<R>, keep: Keep) -> Result<Kept, Problem> {
    rotate_window::keep(app, keep).await
}

/// Lets the person sign in once more.
#[tauri::command]
pub async fn sign_in_again<R: Runtime>(app: AppHandle<R>, place: Place) -> Result<(), Problem> {
    rotate_window::again(app, place).await
}

/// Hands over the code that the page of the sign-in showed.
#[tauri::command]
pub async fn answer_sign_in(engine: State<'_, EngineHandle>, code: String) -> Result<(), Problem> {
    rotate_window::turn(&engine, Turn::Answer { code }).await
}

/// Gives the sign-in up.
#[tauri::command]
pub async fn cancel_sign_in(engine: State<'_, EngineHandle>) -> Result<(), Problem> {
    rotate_window::turn(&engine, Turn::Cancel).await
}

/// Opens the page of the sign-in once more.
#[tauri::command]
pub async fn open_sign_in_page<R: Runtime>(app: AppHandle<R>, place: Place) -> Result<(), Problem> {
    rotate_window::open_page(app, place).await
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
            $crate::commands::dismiss_problem,
            $crate::commands::close_board,
            $crate::commands::fit_board,
            $crate::commands::open_history,
            $crate::commands::close_history,
            $crate::commands::usage_history,
            $crate::commands::export_history,
            $crate::commands::save_picture,
            $crate::commands::accept_terms,
            $crate::commands::open_page,
            $crate::commands::open_rotate,
            $crate::commands::close_rotate,
            $crate::commands::rotate_wanted,
            $crate::commands::remember_passed,
            $crate::commands::sign_in_means,
            $crate::commands::sign_in_under_way,
            $crate::commands::begin_sign_in,
            $crate::commands::check_sign_in,
            $crate::commands::keep_sign_in,
            $crate::commands::sign_in_again,
            $crate::commands::answer_sign_in,
            $crate::commands::cancel_sign_in,
            $crate::commands::open_sign_in_page,
            $crate::commands::quit,
        ]
    };
}

#[cfg(test)]
mod tests;
