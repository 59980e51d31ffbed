//! The system's own dialog that asks where to save a file. Owns asking, on either system; it offers to replace a file
//! that is there already by itself. Leaves what is saved to `export`.

use std::path::PathBuf;

use tauri::{AppHandle, Manager, Runtime, WebviewWindow};
use tokio::sync::oneshot;

use super::LABEL;

/// Asks over the History window, and begins with `name` in the person's folder for downloads. `None`: not saved after all.
pub async fn ask<R: Runtime>(app: &AppHandle<R>, name: String) -> Option<PathBuf> {
    let (sender, chosen) = oneshot::channel();
    let window = app.get_webview_window(LABEL)?;
    let folder = app.path().download_dir().ok();
    // Both systems want their dialogs made on the main thread.
    app.run_on_main_thread(move || show(&window, &name, folder, sender)).ok()?;
    // A window that was closed meanwhile takes its dialog with it, and nobody answers.
    chosen.await.ok().flatten()
}

/// Not through `rfd`: for GTK it starts a second thread that runs the main loop, and GTK is no library for two threads.
#[cfg(target_os = "linux")]
fn show<R: Runtime>(
    window: &WebviewWindow<R>,
    name: &str,
    folder: Option<PathBuf>,
    sender: oneshot::Sender<Option<PathBuf>>,
) {
    use std::cell::Cell;

    use gtk::prelude::{FileChooserExt as _, NativeDialogExt as _};

    let parent = window.gtk_window().ok();
    let save = gtk::FileChooserAction::Save;
    let dialog = gtk::FileChooserNative::new(Some("Save History"), parent.as_ref(), save, None, None);
    dialog.set_current_name(name);
    dialog.set_do_overwrite_confirmation(true);
    dialog.set_modal(true);
    if let Some(folder) = folder {
        dialog.set_current_folder(folder);
    }
    // GTK keeps no dialog of this kind alive by itself: it lives until it was answered.
    let held = Cell::new(Some((dialog.clone(), sender)));
    dialog.connect_response(move |dialog, response| {
        let Some((_, sender)) = held.take() else { return };
        let path = (response == gtk::ResponseType::Accept).then(|| dialog.filename()).flatten();
        // Nobody waits where the window is gone.
        let _ = sender.send(path);
        dialog.hide();
    });
    dialog.show();
}

#[cfg(target_os = "macos")]
fn show<R: Runtime>(
    window: &WebviewWindow<R>,
    name: &str,
    folder: Option<PathBuf>,
    sender: oneshot::Sender<Option<PathBuf>>,
) {
    let mut dialog = rfd::AsyncFileDialog::new().set_parent(window).set_file_name(name);
    if let Some(folder) = folder {
        dialog = dialog.set_directory(folder);
    }
    let answer = dialog.save_file();
    tauri::async_runtime::spawn(async move {
        // Nobody waits where the window is gone.
        let _ = sender.send(answer.await.map(|file| file.path().to_path_buf()));
    });
}
