//! The button in the menu bar, where the tray library leaves gaps: a name under which the system remembers its place, a
//! label that VoiceOver speaks, a press that works without a mouse, and where it is on the screen.
#![allow(unsafe_code, reason = "a control's target and action are untyped in AppKit")]

use std::cell::RefCell;

use objc2::rc::Retained;
use objc2::runtime::AnyObject;
use objc2::{DefinedClass, MainThreadMarker, MainThreadOnly, define_class, msg_send, sel};
use objc2_app_kit::{NSAccessibility, NSFont, NSFontWeightRegular, NSStatusBarButton};
use objc2_foundation::{NSObject, NSString};
use tauri::tray::TrayIcon;
use tauri::{AppHandle, Runtime};

use super::place::area;
use crate::board_window::{self, place::Area};
use crate::tray;

/// A name of our own: the automatic one is shared with whatever else had it, along with that one's being hidden.
const AUTOSAVE_NAME: &str = "dev.signalbox.app.status";

/// Where the button is, and what its screen leaves free, in AppKit's points.
pub struct Frame {
    pub icon: Area,
    pub visible: Area,
}

struct PressIvars {
    pressed: Box<dyn Fn()>,
}

define_class!(
    // SAFETY: NSObject may be subclassed freely, and `Press` does not implement `Drop`.
    #[unsafe(super(NSObject))]
    #[thread_kind = MainThreadOnly]
    #[name = "SignalboxStatusButtonPress"]
    #[ivars = PressIvars]
    struct Press;

    impl Press {
        // SAFETY: the signature is that of an action: one object, nothing returned.
        #[unsafe(method(pressed:))]
        fn pressed(&self, _sender: Option<&AnyObject>) {
            (self.ivars().pressed)();
        }
    }
);

impl Press {
    fn new(main_thread: MainThreadMarker, pressed: impl Fn() + 'static) -> Retained<Self> {
        let this = Self::alloc(main_thread).set_ivars(PressIvars { pressed: Box::new(pressed) });
        // SAFETY: `init` of NSObject, on a freshly allocated object whose instance variables are set.
        unsafe { msg_send![super(this), init] }
    }
}

thread_local! {
    /// A control does not keep its target alive. Lives on the main thread, as the button does.
    static PRESS: RefCell<Option<Retained<Press>>> = const { RefCell::new(None) };
}

/// Completes a new status item. The mouse goes to the library's own view above the button; this is for the keyboard and
/// for VoiceOver, which press the button itself.
pub fn adopt<R: Runtime>(icon: &TrayIcon<R>, label: &str) -> tauri::Result<()> {
    let app = icon.app_handle().clone();
    let label = label.to_owned();
    icon.with_inner_tray_icon(move |inner| {
        let (Some(main_thread), Some(item)) = (MainThreadMarker::new(), inner.ns_status_item()) else { return };
        item.setAutosaveName(Some(&NSString::from_str(AUTOSAVE_NAME)));
        let Some(button) = item.button(main_thread) else { return };
        button.setAccessibilityLabel(Some(&NSString::from_str(&label)));
        // Digits of one width, so that a new number does not push the neighbours about.
        let size = NSFont::systemFontSize();
        // SAFETY: the weight is a constant of AppKit's.
        let regular = unsafe { NSFontWeightRegular };
        button.setFont(Some(&NSFont::monospacedDigitSystemFontOfSize_weight(size, regular)));
        let press = Press::new(main_thread, move || board_window::toggle(&app, None));
        // SAFETY: the target is an object that answers to the selector with the signature of an action, and `PRESS`
        // keeps it alive until another takes its place.
        unsafe {
            button.setTarget(Some(&press));
            button.setAction(Some(sel!(pressed:)));
        }
        PRESS.set(Some(press));
    })
}

/// What VoiceOver says on the button.
pub fn label<R: Runtime>(icon: &TrayIcon<R>, label: &str) -> tauri::Result<()> {
    let label = label.to_owned();
    icon.with_inner_tray_icon(move |inner| {
        let button = MainThreadMarker::new().zip(inner.ns_status_item()).and_then(|(main, item)| item.button(main));
        if let Some(button) = button {
            button.setAccessibilityLabel(Some(&NSString::from_str(&label)));
        }
    })
}

/// Makes icon and text pale, because what they show is old, or not.
pub fn pale<R: Runtime>(icon: &TrayIcon<R>, pale: bool) -> tauri::Result<()> {
    icon.with_inner_tray_icon(move |inner| {
        let button = MainThreadMarker::new().zip(inner.ns_status_item()).and_then(|(main, item)| item.button(main));
        if let Some(button) = button {
            button.setAppearsDisabled(pale);
        }
    })
}

/// Where the button is; `None` when the system does not show it: behind the notch, or switched off in the settings.
pub fn frame<R: Runtime>(app: &AppHandle<R>) -> Option<Frame> {
    let icon = app.tray_by_id(tray::TRAY_ID)?;
    let frame = icon.with_inner_tray_icon(|inner| {
        let main_thread = MainThreadMarker::new()?;
        let button = inner.ns_status_item()?.button(main_thread)?;
        on_screen(&button)
    });
    frame.ok().flatten()
}

fn on_screen(button: &NSStatusBarButton) -> Option<Frame> {
    let window = button.window()?;
    let rect = window.convertRectToScreen(button.convertRect_toView(button.bounds(), None));
    let screen = window.screen()?;
    let (whole, icon) = (area(screen.frame()), area(rect));
    // A hidden item has a place, too, but far outside or at the lower edge.
    let in_the_bar = icon.x >= whole.x
        && icon.x + icon.width <= whole.x + whole.width
        && icon.y >= whole.y + whole.height / 2.0
        && icon.y < whole.y + whole.height;
    in_the_bar.then(|| Frame { icon, visible: area(screen.visibleFrame()) })
}
