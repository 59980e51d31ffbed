//! The board's window: made when it is first opened, shown when its page is ready, hidden when it is left, and destroyed
//! some time later, so that no WebView is alive while nobody looks. Owns the window's life and its place on the screen.
//! Leaves what it shows to the page and the engine; killing it loses nothing.

mod life;
pub mod place;

use std::time::{Duration, Instant};

use tauri::webview::PageLoadEvent;
use tauri::{
    AppHandle, LogicalSize, Manager, PhysicalPosition, Runtime, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    Window, WindowEvent,
};

pub use life::BoardWindow;

use crate::page_window::on_main;
use crate::terms;
use signalbox_warden::{EngineHandle, Event};

/// The window's label, which the capability file names too.
pub const LABEL: &str = "board";
const WIDTH: f64 = 380.0;
/// Until the page has said how high it is.
const HEIGHT_FIRST: f64 = 420.0;
const HEIGHT_MIN: f64 = 120.0;
/// How long a page may take to say that it is ready before it is shown as it is.
const SHOW_AFTER: Duration = Duration::from_millis(300);
/// How long to wait for a page that does not even load.
const SHOW_AT_ALL_AFTER: Duration = Duration::from_secs(2);

/// Where the icon was clicked, in physical pixels, if the platform says so.
pub type Click = PhysicalPosition<f64>;

/// Opens the board, from any thread.
pub fn open<R: Runtime>(app: &AppHandle<R>, click: Option<Click>) {
    on_main(app, move |app| {
        app.state::<BoardWindow>().lock().click = click;
        match app.get_webview_window(LABEL) {
            Some(window) => reveal(&window),
            None => make(app),
        }
        app.state::<EngineHandle>().send(Event::BoardOpened);
    });
}

/// Whether our windows are left out of pictures and recordings of the screen, from any thread. Only macOS can do that.
pub fn keep_off_recordings<R: Runtime>(app: &AppHandle<R>, off: bool) {
    on_main(app, move |app| {
        app.state::<BoardWindow>().lock().off_recordings = off;
        for window in app.webview_windows().values() {
            if let Err(error) = window.set_content_protected(off) {
                tracing::warn!(%error, "a window cannot be kept off recordings of the screen");
            }
        }
    });
}

/// Whether a window that is made now has to be left out of recordings.
pub fn is_off_recordings<R: Runtime>(app: &AppHandle<R>) -> bool {
    app.try_state::<BoardWindow>().is_some_and(|window| window.lock().off_recordings)
}

/// Hides the board, from any thread.
pub fn close<R: Runtime>(app: &AppHandle<R>) {
    on_main(app, |app| {
        if let Some(window) = app.get_webview_window(LABEL) {
            hide(app, &window.as_ref().window());
        }
    });
}

/// The icon was pressed: whether the press itself has just taken the focus from an open board, and so closed it, has to
/// be decided before it is released.
pub fn before_toggle<R: Runtime>(app: &AppHandle<R>) {
    app.state::<BoardWindow>().lock().press(Instant::now());
}

/// The icon was clicked: opens the board, or closes an open one.
pub fn toggle<R: Runtime>(app: &AppHandle<R>, click: Option<Click>) {
    tracing::trace!("the icon was clicked");
    let shown = app.get_webview_window(LABEL).is_some_and(|window| window.is_visible().unwrap_or(false));
    if app.state::<BoardWindow>().lock().release(Instant::now()) {
        return;
    }
    if shown { close(app) } else { open(app, click) }
}

/// The page is ready, and this high in CSS pixels.
pub fn fit<R: Runtime>(app: &AppHandle<R>, height: f64) {
    if !height.is_finite() {
        return;
    }
    on_main(app, move |app| {
        let Some(window) = app.get_webview_window(LABEL) else { return };
        app.state::<BoardWindow>().lock().height = Some(height.max(HEIGHT_MIN));
        lay_out(&window);
        show_if_awaited(&window);
    });
}

/// Follows what happens to the window.
pub fn on_window_event<R: Runtime>(window: &Window<R>, event: &WindowEvent) {
    if window.label() != LABEL {
        return;
    }
    let app = window.app_handle();
    tracing::trace!(?event, "board window");
    match event {
        WindowEvent::CloseRequested { api, .. } => {
            api.prevent_close();
            hide(app, window);
        }
        WindowEvent::Focused(true) => app.state::<BoardWindow>().lock().focused = true,
        // Whoever reads a page that the terms name comes back to them.
        WindowEvent::Focused(false) if terms::are_due(app) => {}
        // Where no window manager gives the focus, none can be lost.
        WindowEvent::Focused(false) if app.state::<BoardWindow>().lock().blur(Instant::now()) => hide(app, window),
        _ => {}
    }
}

/// The page's process is gone. The next opening makes a new one.
#[cfg(target_os = "macos")]
pub fn on_page_process_gone<R: Runtime>(app: &AppHandle<R>) {
    tracing::warn!("the board's page was ended by the system");
    on_main(app, destroy);
}

fn make<R: Runtime>(app: &AppHandle<R>) {
    app.state::<BoardWindow>().lock().begin();
    let page = if terms::are_due(app) { "index.html#terms" } else { "index.html" };
    let built = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App(page.into()))
        .title("Signalbox")
        // GTK never lets a window that cannot be resized get smaller than it was made; `lay_out` gives it its size.
        .inner_size(WIDTH, HEIGHT_MIN)
        .decorations(false)
        .resizable(false)
        .maximizable(false)
        .minimizable(false)
        .skip_taskbar(true)
        .always_on_top(true)
        .accept_first_mouse(true)
        .content_protected(is_off_recordings(app))
        .visible(false)
        .initialization_script(app.state::<BoardWindow>().first_board())
        .on_page_load(|window, payload| {
            if payload.event() == PageLoadEvent::Finished {
                show_after(&window, SHOW_AFTER);
            }
        })
        .build();
    match built {
        Ok(window) => {
            #[cfg(target_os = "macos")]
            crate::macos::panel::adopt(&window);
            lay_out(&window);
            show_after(&window, SHOW_AT_ALL_AFTER);
        }
        Err(error) => tracing::error!(%error, "the board's window cannot be made"),
    }
}

/// Shows the window later, should the page not have asked for it by then.
fn show_after<R: Runtime>(window: &WebviewWindow<R>, delay: Duration) {
    let app = window.app_handle().clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(delay).await;
        on_main(&app, |app| {
            if let Some(window) = app.get_webview_window(LABEL) {
                show_if_awaited(&window);
            }
        });
    });
}

fn show_if_awaited<R: Runtime>(window: &WebviewWindow<R>) {
    if window.state::<BoardWindow>().lock().take_awaited() {
        reveal(window);
    }
}

fn reveal<R: Runtime>(window: &WebviewWindow<R>) {
    window.state::<BoardWindow>().lock().begin_shown();
    lay_out(window);
    let shown = window.show();
    // On macOS `set_focus` would activate the whole app, and take the focus from whatever the person works in.
    #[cfg(target_os = "linux")]
    let shown = shown.and_then(|()| crate::linux::focus(window));
    // Some window managers place a window when it is mapped.
    lay_out(window);
    if let Err(error) = shown {
        tracing::warn!(%error, "the board cannot be shown");
    }
}

fn hide<R: Runtime>(app: &AppHandle<R>, window: &Window<R>) {
    if let Err(error) = window.hide() {
        tracing::warn!(%error, "the board cannot be hidden");
    }
    let (generation, keep) = app.state::<BoardWindow>().lock().hidden();
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(keep).await;
        on_main(&app, move |app| {
            if app.state::<BoardWindow>().lock().is_still(generation) {
                destroy(app);
            }
        });
    });
}

fn destroy<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = app.get_webview_window(LABEL) else { return };
    #[cfg(target_os = "macos")]
    crate::macos::panel::release(&window);
    if let Err(error) = window.destroy() {
        tracing::warn!(%error, "the board's window cannot be destroyed");
    }
}

/// Gives the window its size and its place.
fn lay_out<R: Runtime>(window: &WebviewWindow<R>) {
    let (height, click) = {
        let state = window.state::<BoardWindow>();
        let state = state.lock();
        (state.height.unwrap_or(HEIGHT_FIRST), state.click)
    };
    let size = LogicalSize::new(WIDTH, height);
    #[cfg(target_os = "macos")]
    {
        // The icon itself says where it is, also when nobody clicked it.
        let _ = click;
        crate::macos::place::under_the_icon(window, size);
    }
    #[cfg(not(target_os = "macos"))]
    if let Err(error) = place_by_work_area(window, size, click) {
        tracing::debug!(%error, "the board stays where the window manager put it");
    }
}

#[cfg(not(target_os = "macos"))]
fn place_by_work_area<R: Runtime>(
    window: &WebviewWindow<R>,
    size: LogicalSize<f64>,
    click: Option<Click>,
) -> tauri::Result<()> {
    let clicked = match click {
        Some(at) => window.monitor_from_point(at.x, at.y)?,
        None => None,
    };
    let Some(monitor) = clicked.or(window.primary_monitor()?).or(window.current_monitor()?) else {
        return window.set_size(size);
    };
    let scale = monitor.scale_factor();
    let work = monitor.work_area();
    let area = place::Area {
        x: f64::from(work.position.x),
        y: f64::from(work.position.y),
        width: f64::from(work.size.width),
        height: f64::from(work.size.height),
    };
    let height = size.height.min(place::height_max(area, scale) / scale);
    window.set_size(LogicalSize::new(size.width, height))?;
    let (x, y) = place::top_left(area, (size.width * scale, height * scale), click.map(|at| (at.x, at.y)), scale);
    window.set_position(PhysicalPosition::new(x, y))
}
