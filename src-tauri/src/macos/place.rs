//! The board's place under its icon, in AppKit's points. Tauri's physical pixels are not used: they are points times the
//! scale of *one* of the screens, and go wrong as soon as two screens have different ones. The arithmetic is in
//! `board_window::place`, where it is tested on every platform.
#![allow(unsafe_code, reason = "the window's pointer comes from Tauri without a type")]

use objc2::MainThreadMarker;
use objc2_app_kit::{NSScreen, NSWindow};
use objc2_foundation::{NSPoint, NSRect, NSSize};
use tauri::{LogicalSize, Manager, Runtime, WebviewWindow};

use super::status_item;
use crate::board_window::place::{self, Area};

/// Gives the board its size and puts it under the icon.
pub fn under_the_icon<R: Runtime>(window: &WebviewWindow<R>, size: LogicalSize<f64>) {
    let Some(main_thread) = MainThreadMarker::new() else { return };
    let button = status_item::frame(window.app_handle());
    let Some(visible) = button.as_ref().map(|button| button.visible).or_else(|| main_screen(main_thread)) else {
        return;
    };
    let icon = button.map(|button| button.icon);
    let height = size.height.min(place::height_max(visible, 1.0));
    let (left, top) = place::under_icon(icon, visible, size.width);
    let frame = NSRect::new(NSPoint::new(left, top - height), NSSize::new(size.width, height));
    let Ok(pointer) = window.ns_window() else { return };
    // SAFETY: Tauri's pointer is that of the window's live NSWindow. It is used on the main thread only, as the marker
    // shows, and not kept: the window cannot be closed while this call runs.
    let Some(ns_window) = (unsafe { pointer.cast::<NSWindow>().as_ref() }) else { return };
    ns_window.setFrame_display(frame, true);
    // A transparent window keeps the shadow of its former shape until it is told.
    ns_window.invalidateShadow();
}

fn main_screen(main_thread: MainThreadMarker) -> Option<Area> {
    NSScreen::mainScreen(main_thread).map(|screen| area(screen.visibleFrame()))
}

/// A rectangle of AppKit's: its origin is the lower left corner.
pub fn area(rect: NSRect) -> Area {
    Area { x: rect.origin.x, y: rect.origin.y, width: rect.size.width, height: rect.size.height }
}
