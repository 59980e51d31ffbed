//! The icon in the menu bar or panel and its menu. Owns the real menu items, and keeps them equal to the last
//! [`TrayModel`]: items are changed in place, and built anew only when the set of profiles changed, because replacing a
//! menu closes it under the hand of whoever has it open. Leaves the words to `model` and `gauge`, the pixels to `draw`.
//!
//! Everything here runs on the main thread, where AppKit and the menu library want it.

mod draw;
mod gauge;
mod model;

use std::sync::Mutex;
use std::time::Duration;

use signalbox_core::profile::Alias;
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Runtime};

use gauge::Bars;
use model::Icon;
pub use model::TrayModel;

use crate::rotate_window::{self, Wanted};
use crate::{board_window, history_window, terms};
use signalbox_warden::{EngineHandle, Event};

/// The icon's id.
pub const TRAY_ID: &str = "signalbox";
const OPEN: &str = "open";
const HISTORY: &str = "history";
const SIGN_IN: &str = "sign-in";
const REFRESH: &str = "refresh";
/// Our own Quit, which the app's menu on macOS has too.
pub const QUIT: &str = "quit";
/// In front of an alias. An alias cannot hold a colon, so no profile can pose as another item.
const USE: &str = "use:";
/// How often a desktop without a tray is asked again.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// What is on the screen. Managed state of the app; locked on the main thread alone.
pub struct Tray<R: Runtime> {
    shown: Mutex<Shown<R>>,
}

struct Shown<R: Runtime> {
    /// Absent until a desktop took the icon.
    icon: Option<TrayIcon<R>>,
    items: Vec<CheckMenuItem<R>>,
    model: Option<TrayModel>,
    complained: bool,
    /// A timer is running that will ask the desktop again.
    retrying: bool,
    gone: bool,
}

impl<R: Runtime> Default for Tray<R> {
    fn default() -> Self {
        let shown =
            Shown { icon: None, items: Vec::new(), model: None, complained: false, retrying: false, gone: false };
        Self { shown: Mutex::new(shown) }
    }
}

/// Makes the tray show `model`. May be called from any thread; does not wait.
pub fn show<R: Runtime>(app: &AppHandle<R>, model: TrayModel) {
    let on_main = app.clone();
    if let Err(error) = app.run_on_main_thread(move || apply(&on_main, model)) {
        tracing::debug!(%error, "the tray is gone");
    }
}

/// Takes the icon away, because the app is about to end.
pub fn remove<R: Runtime>(app: &AppHandle<R>) {
    let on_main = app.clone();
    let _ = app.run_on_main_thread(move || {
        let tray = on_main.state::<Tray<R>>();
        let mut shown = lock(&tray);
        shown.gone = true;
        shown.icon = None;
        drop(on_main.remove_tray_by_id(TRAY_ID));
    });
}

fn lock<R: Runtime>(tray: &Tray<R>) -> std::sync::MutexGuard<'_, Shown<R>> {
    tray.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn apply<R: Runtime>(app: &AppHandle<R>, model: TrayModel) {
    let tray = app.state::<Tray<R>>();
    let mut shown = lock(&tray);
    if shown.gone {
        return;
    }
    if shown.icon.is_some() {
        if let Err(error) = shown.update(app, &model) {
            tracing::warn!(%error, "the tray could not be changed");
        }
    } else if let Err(error) = shown.build(app, &model) {
        if !std::mem::replace(&mut shown.complained, true) {
            tracing::warn!(%error, "there is no tray to show the icon in; asking again every few seconds");
        }
        if !std::mem::replace(&mut shown.retrying, true) {
            try_again(app);
        }
    }
    shown.model = Some(model);
}

/// Desktops start their tray late, or have none at all.
fn try_again<R: Runtime>(app: &AppHandle<R>) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(RETRY_AFTER).await;
        let on_main = app.clone();
        let _ = app.run_on_main_thread(move || {
            let waiting = {
                let tray = on_main.state::<Tray<R>>();
                let mut shown = lock(&tray);
                shown.retrying = false;
                if shown.icon.is_some() { None } else { shown.model.take() }
            };
            // A board that was published meanwhile has tried by itself.
            if let Some(model) = waiting {
                apply(&on_main, model);
            }
        });
    });
}

impl<R: Runtime> Shown<R> {
    fn build(&mut self, app: &AppHandle<R>, model: &TrayModel) -> tauri::Result<()> {
        let (menu, items) = menu(app, model)?;
        let icon = TrayIconBuilder::with_id(TRAY_ID)
            .icon(picture(model))
            .icon_as_template(true)
            .title(title(model))
            .tooltip(&model.tooltip)
            .menu(&menu)
            .show_menu_on_left_click(false)
            .build(app)?;
        #[cfg(target_os = "macos")]
        if let Err(error) = crate::macos::status_item::adopt(&icon, &model.tooltip) {
            tracing::warn!(%error, "the icon answers to the mouse alone");
        }
        #[cfg(target_os = "macos")]
        crate::macos::status_item::pale(&icon, model.gauge.stale)?;
        tracing::info!("the tray icon is shown");
        self.icon = Some(icon);
        self.items = items;
        Ok(())
    }

    fn update(&mut self, app: &AppHandle<R>, model: &TrayModel) -> tauri::Result<()> {
        let (Some(icon), Some(before)) = (&self.icon, &self.model) else { return Ok(()) };
        if model.same_items(before) {
            for (item, row) in self.items.iter().zip(&model.rows) {
                set_if_changed(item, &row.label, row.checked, row.enabled)?;
            }
        } else {
            let (menu, items) = menu(app, model)?;
            icon.set_menu(Some(menu))?;
            self.items = items;
        }
        // Every new image costs a redraw of the whole bar.
        if looks(model) != looks(before) {
            icon.set_icon_with_as_template(Some(picture(model)), true)?;
        }
        if model.gauge.text != before.gauge.text {
            icon.set_title(Some(title(model)))?;
        }
        #[cfg(target_os = "macos")]
        if model.gauge.stale != before.gauge.stale {
            crate::macos::status_item::pale(icon, model.gauge.stale)?;
        }
        if model.tooltip != before.tooltip {
            icon.set_tooltip(Some(&model.tooltip))?;
            #[cfg(target_os = "macos")]
            crate::macos::status_item::label(icon, &model.tooltip)?;
        }
        Ok(())
    }
}

/// The tick is compared with what the item shows, not with the last model: a click has flipped it already.
fn set_if_changed<R: Runtime>(item: &CheckMenuItem<R>, label: &str, checked: bool, enabled: bool) -> tauri::Result<()> {
    if item.text()? != label {
        item.set_text(label)?;
    }
    if item.is_checked()? != checked {
        item.set_checked(checked)?;
    }
    if item.is_enabled()? != enabled {
        item.set_enabled(enabled)?;
    }
    Ok(())
}

/// A click ticks its row by itself. Nothing is live before it is live, so the tick goes back at once.
fn put_ticks_back<R: Runtime>(app: &AppHandle<R>) {
    let tray = app.state::<Tray<R>>();
    let shown = lock(&tray);
    let rows = shown.model.iter().flat_map(|model| &model.rows);
    for (item, row) in shown.items.iter().zip(rows) {
        if let Err(error) = set_if_changed(item, &row.label, row.checked, row.enabled) {
            tracing::warn!(%error, "a tick could not be put back");
        }
    }
}

fn menu<R: Runtime>(app: &AppHandle<R>, model: &TrayModel) -> tauri::Result<(Menu<R>, Vec<CheckMenuItem<R>>)> {
    let menu = Menu::new(app)?;
    if let Some(header) = &model.header {
        menu.append(&MenuItem::new(app, header, false, None::<&str>)?)?;
    }
    let mut items = Vec::with_capacity(model.rows.len());
    for row in &model.rows {
        let id = format!("{USE}{}", row.alias);
        let item = CheckMenuItem::with_id(app, id, &row.label, row.enabled, row.checked, None::<&str>)?;
        menu.append(&item)?;
        items.push(item);
    }
    menu.append(&PredefinedMenuItem::separator(app)?)?;
    menu.append(&MenuItem::with_id(app, OPEN, "Open board", true, None::<&str>)?)?;
    menu.append(&MenuItem::with_id(app, HISTORY, "History\u{2026}", true, None::<&str>)?)?;
    menu.append(&MenuItem::with_id(app, SIGN_IN, "Sign in\u{2026}", true, None::<&str>)?)?;
    menu.append(&MenuItem::with_id(app, REFRESH, "Refresh", true, Some("CmdOrCtrl+R"))?)?;
    menu.append(&PredefinedMenuItem::separator(app)?)?;
    menu.append(&MenuItem::with_id(app, QUIT, "Quit Signalbox", true, Some("CmdOrCtrl+Q"))?)?;
    Ok((menu, items))
}

/// What of the model makes a picture. macOS pales the whole button, its text included.
fn looks(model: &TrayModel) -> (Icon, Option<Bars>, bool) {
    (model.icon, model.gauge.bars, model.gauge.stale && !cfg!(target_os = "macos"))
}

fn picture(model: &TrayModel) -> Image<'static> {
    let (icon, bars, pale) = looks(model);
    draw::picture(icon, bars, pale)
}

/// The text beside the icon, and on Linux, which has none there, the title of its tooltip.
fn title(model: &TrayModel) -> String {
    let text = &model.gauge.text;
    // The menu bar leaves no room between the two.
    if cfg!(target_os = "macos") && !text.is_empty() { format!(" {text}") } else { text.clone() }
}

/// A click on an item of any menu: the tray's, and on macOS the app's own.
pub fn on_menu_event<R: Runtime>(app: &AppHandle<R>, event: &MenuEvent) {
    let engine = app.state::<EngineHandle>();
    match event.id().as_ref() {
        OPEN => board_window::open(app, None),
        HISTORY => history_window::open(app),
        SIGN_IN if terms::are_due(app) => board_window::open(app, None),
        SIGN_IN => rotate_window::open(app, Wanted::all_that_are_due()),
        REFRESH => engine.send(Event::Refresh),
        QUIT => engine.send(Event::Quit),
        id => {
            if let Some(alias) = id.strip_prefix(USE).and_then(|text| Alias::parse(text).ok()) {
                if terms::are_due(app) {
                    board_window::open(app, None);
                } else {
                    engine.send(Event::Use { op: 0, alias });
                }
                put_ticks_back(app);
            }
        }
    }
}

/// A click on the icon itself: the board opens or closes. Platforms open the menu by themselves.
pub fn on_tray_event<R: Runtime>(app: &AppHandle<R>, event: &TrayIconEvent) {
    if let TrayIconEvent::Click { button: MouseButton::Left, button_state, position, .. } = event {
        match button_state {
            MouseButtonState::Down => board_window::before_toggle(app),
            MouseButtonState::Up => board_window::toggle(app, Some(*position)),
        }
    }
}
