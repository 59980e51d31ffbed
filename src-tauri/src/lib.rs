//! The Tauri shell of Signalbox, and its composition root: surroundings, ports, engine, tray, board. Owns how the app
//! starts, what it is made of, and how it ends. Leaves every decision about logins to `signalbox_core`, and every touch
//! of the machine to `signalbox_machine`.
//!
//! [`signalbox_warden`] is the only place where state changes; [`tray`], [`board_window`] and [`notify`] are its faces;
//! [`commands`] is what the page may ask for.

mod board_window;
mod commands;
mod discreet;
mod dto;
mod faces;
mod history_window;
mod instance;
#[cfg(target_os = "linux")]
mod linux;
mod logging;
#[cfg(target_os = "macos")]
mod macos;
mod notify;
mod page_window;
mod rotate_window;
mod signals;
mod terms;
mod tray;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use signalbox_machine::assemble;
use signalbox_machine::data_folder::DataFolder;
use signalbox_machine::live_watch::{self, Changed, LiveWatch};
use signalbox_machine::settings::{Restore, Settings};
use signalbox_machine::surroundings::Surroundings;
use signalbox_machine::watch_lock::WatchLock;
use signalbox_warden::{EngineHandle, Event, Habits, Pace};
use tauri::{AppHandle, Manager, RunEvent, Runtime};

use board_window::BoardWindow;
use faces::AppFaces;
use instance::{Instance, Launch};
use rotate_window::{OwnBrowsers, RotateWindow};
use terms::FirstRun;
use tray::Tray;

/// Opens the board at the start: for desktops without a tray, and for tests.
const OPEN_BOARD: &str = "--open-board";

/// Runs the app until it is quit.
pub fn run() -> ExitCode {
    let open_board = match arguments() {
        Ok(open_board) => open_board,
        Err(argument) => {
            eprintln!("Cannot start: `{argument}` is not an argument of the app");
            eprintln!("hint: the only one is {OPEN_BOARD}; the command line is `signalbox`");
            return ExitCode::from(2);
        }
    };
    match start(open_board) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("Cannot start: {error:#}");
            eprintln!("hint: `signalbox status` looks at the same folders and settings");
            // Whoever opened the app from a menu sees no terminal.
            if !std::io::stderr().is_terminal() {
                notify::could_not_start(&format!("{error:#}"));
            }
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<bool, String> {
    let mut open_board = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            OPEN_BOARD => open_board = true,
            // Old versions of macOS hand a process serial number to an app that is opened.
            _ if argument.starts_with("-psn_") => {}
            _ => return Err(argument),
        }
    }
    Ok(open_board)
}

fn start(open_board: bool) -> anyhow::Result<ExitCode> {
    let surroundings = Surroundings::from_env()?;
    let settings = Settings::load(&surroundings)?;
    let folder = surroundings.data_folder();
    DataFolder::new(&folder).ensure()?;
    let instance = match instance::launch(&folder)? {
        Launch::First(instance) => instance,
        Launch::Second { told } => {
            let done = if told { "it was asked to open its board" } else { "its icon is in the menu bar" };
            eprintln!("Signalbox is running already: {done}");
            return Ok(ExitCode::SUCCESS);
        }
    };
    logging::start(&folder);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Signalbox starts");

    let mut app = builder()
        .manage(BoardWindow::new(settings.board_keep_open))
        .setup(move |app| {
            let handle = app.handle().clone();
            let menu_bar = settings.menu_bar;
            let (restores, notices) = (settings.restore == Restore::Auto, settings.notices.clone());
            let ports = Arc::new(assemble::with_settings(&surroundings, settings, "app"));
            let waits = !ports.preferences.terms().are_accepted();
            app.manage(FirstRun::new(waits));
            app.manage(RotateWindow::new(Box::new(OwnBrowsers::new(&surroundings))));
            let habits = Habits {
                pace: Pace::default(),
                restores,
                announces: true,
                notices,
                watched_by: WatchLock::new(DataFolder::new(&folder), "the app").into_question(),
                waits,
            };
            // For what the page only reads; every change goes through the engine.
            app.manage(Arc::clone(&ports));
            let engine = signalbox_warden::start(ports, Box::new(AppFaces::new(&handle, menu_bar)), habits)?;
            app.manage(watch_the_files(&surroundings, &engine));
            signals::follow(&engine);
            app.manage(engine);
            open_when_asked(&handle, &instance);
            app.manage(instance);
            // Nothing is done before the person has seen the terms, and nobody would know why.
            if open_board || waits {
                board_window::open(&handle, None);
            }
            Ok(())
        })
        .build(context())?;
    #[cfg(target_os = "macos")]
    macos::before_run(&mut app);
    // Only macOS needs to change the app between building and running it.
    #[cfg(not(target_os = "macos"))]
    let _ = &mut app;
    app.run(on_run_event);
    Ok(ExitCode::SUCCESS)
}

/// The page, the settings of its windows, and what each of them may call: for the app and for a test, which runs on another
/// `Runtime`.
fn context<R: Runtime>() -> tauri::Context<R> {
    tauri::generate_context!()
}

fn builder() -> tauri::Builder<tauri::Wry> {
    let builder = tauri::Builder::default()
        .manage(Tray::<tauri::Wry>::default())
        .invoke_handler(commands!())
        .on_menu_event(|app, event| tray::on_menu_event(app, &event))
        .on_tray_icon_event(|app, event| tray::on_tray_event(app, &event))
        .on_window_event(board_window::on_window_event);
    #[cfg(target_os = "macos")]
    let builder = macos::prepare(builder);
    builder
}

/// Lets the engine know at once when Claude Code writes its login.
fn watch_the_files(surroundings: &Surroundings, engine: &EngineHandle) -> LiveWatch {
    let engine = engine.clone();
    live_watch::follow(surroundings, move |changed| {
        engine.send(match changed {
            Changed::Login => Event::LoginChanged,
            Changed::Account => Event::AccountChanged,
        });
    })
}

fn open_when_asked<R: Runtime>(app: &AppHandle<R>, instance: &Instance) {
    let app = app.clone();
    instance.on_second_launch(move || board_window::open(&app, None));
}

fn on_run_event<R: Runtime>(app: &AppHandle<R>, event: RunEvent) {
    match event {
        // The last window was destroyed: the app lives in the tray.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => macos::reopened(app),
        RunEvent::Exit => tracing::info!("Signalbox ends"),
        _ => {}
    }
    let _ = app;
}
