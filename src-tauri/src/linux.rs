//! What only Linux needs: giving the board the focus on X11, and letting another window share its WebKit process.
//! Runs on the main thread.

use std::sync::mpsc;

use gtk::glib::Cast;
use gtk::glib::thread_guard::ThreadGuard;
use gtk::prelude::{GtkWindowExt, WidgetExt};
use tauri::{AppHandle, Manager, Runtime, WebviewWindow, WebviewWindowBuilder};

use crate::board_window;

/// Shows the window and gives it the focus.
///
/// A window manager that prevents focus stealing wants to know when the person acted. A click on the tray icon reaches us
/// over D-Bus, without the display server's time, so the server is asked: Tauri's own `set_focus` would name the moment of
/// the last key or click in a window of ours, which is older than those in other windows, and would be refused.
pub fn focus<R: Runtime>(window: &WebviewWindow<R>) -> tauri::Result<()> {
    let gtk_window = window.gtk_window()?;
    // `show` is only queued, and a window that is not mapped cannot be given the focus.
    gtk_window.show_all();
    let surface = gtk_window.window().and_then(|surface| surface.downcast::<gdkx11::X11Window>().ok());
    match surface {
        Some(surface) => {
            gtk_window.present_with_time(gdkx11::functions::x11_get_server_time(&surface));
            Ok(())
        }
        None => window.set_focus(),
    }
}

/// Lets a new window draw its page in the WebKit process of the board, if there is one: WebKit takes longer to start another than the
/// page takes for all the rest (`docs/performance.md`).
pub fn beside_the_board<'a, R: Runtime, M: Manager<R>>(
    app: &AppHandle<R>,
    window: WebviewWindowBuilder<'a, R, M>,
) -> WebviewWindowBuilder<'a, R, M> {
    match board_view(app) {
        Some(board) => window.with_related_view(board),
        None => window,
    }
}

fn board_view<R: Runtime>(app: &AppHandle<R>) -> Option<webkit2gtk::WebView> {
    let board = app.get_webview_window(board_window::LABEL)?;
    let (tell, told) = mpsc::channel();
    // On the main thread it is called at once.
    board.with_webview(move |view| drop(tell.send(ThreadGuard::new(view.inner())))).ok()?;
    Some(told.try_recv().ok()?.into_inner())
}
