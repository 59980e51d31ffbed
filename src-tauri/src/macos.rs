//! What only macOS needs: an app without a Dock icon, its menu, the status button, and the board as a panel under it.
//! Nothing here decides anything about logins. The only module of the shell with `unsafe` in it.
//!
//! Everything runs on the main thread, where AppKit wants it.

pub mod panel;
pub mod place;
pub mod status_item;

mod app_menu;

use tauri::{ActivationPolicy, App, AppHandle, Builder, Manager, Runtime, Wry};

use crate::board_window;

/// What has to be said before the app is built.
pub fn prepare(builder: Builder<Wry>) -> Builder<Wry> {
    builder
        // Tauri's own menu has a Quit that ends the process without telling anybody.
        .enable_macos_default_menu(false)
        .menu(app_menu::build)
        // The default takes the focus from whatever the person works in when the app starts at login.
        .activate_ignoring_other_apps(false)
        .plugin(tauri_nspanel::init())
        .on_web_content_process_terminate(|page| board_window::on_page_process_gone(page.app_handle()))
}

/// An app of the menu bar. `LSUIElement` in the bundle says the same; said later than here, the Dock icon would flash,
/// because the event loop applies its own policy before Tauri's `setup` runs.
pub fn before_run(app: &mut App<Wry>) {
    app.set_activation_policy(ActivationPolicy::Accessory);
}

/// The app was opened again, says the system. macOS 26 says so after each wake, and after a click on a notification, too
/// (`docs/macos.md`), so the board opens only for a person who has no icon to click.
pub fn reopened<R: Runtime>(app: &AppHandle<R>) {
    if status_item::frame(app).is_none() {
        board_window::open(app, None);
    }
}
