//! The board as a panel that takes keys without activating the app: it opens over whatever the person works in, also
//! over another app's full screen, and leaves that app the active one. A plain window of an inactive app can do neither.
#![allow(unsafe_code, reason = "the class of a window is changed in place, which only the Objective-C runtime can do")]

use objc2::msg_send;
use objc2::rc::Retained;
use objc2::runtime::NSObject;
use objc2_app_kit::{NSWindowCollectionBehavior, NSWindowStyleMask};
use tauri::{Runtime, WebviewWindow};
use tauri_nspanel::{ManagerExt, PanelHandle, PanelLevel, WebviewWindowExt};

use crate::board_window;

/// The corner radius of the sheet in `ui/src/app.css`, in points.
const CORNER_RADIUS: f64 = 12.0;

/// In a module of its own, because the macro brings its own names with it.
mod class {
    tauri_nspanel::tauri_panel! {
        panel!(BoardPanel {
            config: {
                can_become_key_window: true,
                can_become_main_window: false
            }
        })
    }
}

/// Turns a new window into the panel. Where that fails the board is a plain window, which is better than none.
pub fn adopt<R: Runtime>(window: &WebviewWindow<R>) {
    match window.to_panel::<class::BoardPanel<R>>() {
        Ok(panel) => furnish(&panel),
        Err(error) => tracing::warn!(%error, "the board is a plain window"),
    }
}

fn furnish<R: Runtime>(panel: &PanelHandle<R>) {
    // Added to Tauri's own style, because replacing it is refused on newer systems.
    if let Err(error) = panel.add_style_mask(NSWindowStyleMask::NonactivatingPanel) {
        tracing::warn!(%error, "opening the board will activate the app");
    }
    // Above other apps' windows and below the system's menus.
    panel.set_level(PanelLevel::Status.value());
    panel.set_collection_behavior(
        NSWindowCollectionBehavior::CanJoinAllSpaces
            | NSWindowCollectionBehavior::FullScreenAuxiliary
            | NSWindowCollectionBehavior::IgnoresCycle,
    );
    panel.set_hides_on_deactivate(false);
    panel.set_released_when_closed(false);
    panel.set_transparent(true);
    panel.set_has_shadow(true);
    panel.set_corner_radius(CORNER_RADIUS);
    clip_to_corners(panel);
}

/// A layer's corner radius rounds its own background alone, not the page above it, unless it clips what it contains.
fn clip_to_corners<R: Runtime>(panel: &PanelHandle<R>) {
    let view = panel.content_view();
    // SAFETY: `layer` takes no argument and returns an object or nil, `setMasksToBounds:` takes a BOOL and returns
    // nothing; both are called on the main thread, on objects that are retained for the duration of the call.
    unsafe {
        let layer: Option<Retained<NSObject>> = msg_send![&*view, layer];
        if let Some(layer) = layer {
            let (): () = msg_send![&*layer, setMasksToBounds: true];
        }
    }
}

/// Gives a window its own class back. Has to happen before it is destroyed: the page watches its window, and would find
/// the watched properties in a class that never announced them.
pub fn release<R: Runtime>(window: &WebviewWindow<R>) {
    if let Ok(panel) = window.get_webview_panel(board_window::LABEL) {
        let _ = panel.to_window();
    }
}
