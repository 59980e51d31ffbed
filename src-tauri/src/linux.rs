//! What only Linux needs: giving the board the focus on X11. Runs on the main thread.

use gtk::glib::Cast;
use gtk::prelude::{GtkWindowExt, WidgetExt};
use tauri::{Runtime, WebviewWindow};

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
