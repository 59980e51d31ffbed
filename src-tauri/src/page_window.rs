//! An ordinary window with a page of its own: made when it is opened, gone with its WebView when it is closed. Owns its size, bringing it to
//! the front, and doing both on the main thread, which may be asked from any. Leaves what its page may ask for to whoever has one; the
//! board is another kind of window (`board_window`).

use tauri::{AppHandle, Manager as _, Runtime, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

use crate::board_window;

/// What a window is made from.
pub struct PageWindow {
    /// Which the capability file names too.
    pub label: &'static str,
    pub page: &'static str,
    pub title: &'static str,
    /// In CSS pixels.
    pub size: (f64, f64),
    pub size_min: (f64, f64),
}

impl PageWindow {
    /// Opens it, or brings the one that is open to the front.
    pub fn open<R: Runtime>(&'static self, app: &AppHandle<R>) {
        on_main(app, |app| {
            let shown = match app.get_webview_window(self.label) {
                Some(window) => reveal(&window),
                None => self.make(app),
            };
            if let Err(error) = shown {
                tracing::error!(%error, window = self.label, "a window cannot be shown");
            }
        });
    }

    /// Closes it. Its page goes with it.
    pub fn close<R: Runtime>(&'static self, app: &AppHandle<R>) {
        on_main(app, |app| {
            let Some(window) = app.get_webview_window(self.label) else { return };
            if let Err(error) = window.destroy() {
                tracing::warn!(%error, window = self.label, "a window cannot be closed");
            }
        });
    }

    fn make<R: Runtime>(&self, app: &AppHandle<R>) -> tauri::Result<()> {
        let window = WebviewWindowBuilder::new(app, self.label, WebviewUrl::App(self.page.into()))
            .title(self.title)
            .inner_size(self.size.0, self.size.1)
            .min_inner_size(self.size_min.0, self.size_min.1)
            .center()
            .content_protected(board_window::is_off_recordings(app));
        #[cfg(target_os = "linux")]
        let window = crate::linux::beside_the_board(app, window);
        let window = window.build()?;
        // An app without a Dock icon is not in front by itself.
        window.set_focus()
    }
}

fn reveal<R: Runtime>(window: &WebviewWindow<R>) -> tauri::Result<()> {
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}

/// Does something on the main thread, which alone may touch windows.
pub fn on_main<R: Runtime>(app: &AppHandle<R>, f: impl FnOnce(&AppHandle<R>) + Send + 'static) {
    let handle = app.clone();
    if let Err(error) = app.run_on_main_thread(move || f(&handle)) {
        tracing::debug!(%error, "the app is ending");
    }
}
