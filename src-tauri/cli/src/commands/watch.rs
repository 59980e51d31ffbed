//! `signalbox watch`: the warden without a screen, for servers and SSH sessions, and bringing it in as a service.
//! Owns the order in which it begins and ends; what it does is the warden's, how it tells of it is `voice`'s, and the
//! service is `signalbox_machine::watch_unit`'s.

mod voice;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use signalbox_core::error::{Code, Doing, NextStep};
use signalbox_core::flow::FlowError;
use signalbox_core::ports::{Ports, StoreError};
use signalbox_machine::assemble;
use signalbox_machine::data_folder::DataFolder;
use signalbox_machine::live_watch::{self, Changed};
use signalbox_machine::settings::{Restore, Settings};
use signalbox_machine::surroundings::Surroundings;
use signalbox_machine::watch_lock::{Watch, WatchLock};
use signalbox_machine::watch_unit::{self, Outcome, UnitError};
use signalbox_warden::{EngineHandle, Event, Habits, Pace};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::args::WatchOptions;
use crate::exit::{Failure, Status};
use crate::{json, render};
use voice::{Loud, Quiet, Voice};

/// How this program is named to one that comes second.
const WHO: &str = "`signalbox watch`";
/// How often a watch that somebody else keeps is asked for.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// What goes to standard error where nobody asked for more.
const LOG_LEVEL: &str = "warn";

pub fn run(surroundings: &Surroundings, options: &WatchOptions, as_json: bool) -> Result<Status, Failure> {
    if options.install {
        return install(surroundings, as_json);
    }
    if options.uninstall {
        return uninstall(surroundings, as_json);
    }
    speak_of_faults();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| cannot_watch(&error.to_string()))?;
    runtime.block_on(keep_watch(surroundings, options.wait, Arc::new(Voice::new(as_json))))
}

async fn keep_watch(surroundings: &Surroundings, wait: bool, voice: Arc<Voice>) -> Result<Status, Failure> {
    let mut told_to_end = ToldToEnd::new().map_err(|error| cannot_watch(&error.to_string()))?;
    // Held to the end of this function: for as long as the engine may still be at work.
    let mut lock = WatchLock::new(DataFolder::new(surroundings.data_folder()), WHO);
    let mut waiting = false;
    while let Watch::Others { holder } = lock.take().map_err(|error| store(&error))? {
        if !wait {
            let message = format!("Cannot keep watch: {holder} keeps it already");
            return Err(Failure::new(Code::Busy, message, NextStep::StopWatch));
        }
        if !waiting {
            voice.waits_for(&holder);
            waiting = true;
        }
        tokio::select! {
            () = tokio::time::sleep(ASK_AGAIN) => {}
            () = told_to_end.next() => return Ok(Status::Done),
        }
    }
    let settings = Settings::load(surroundings).map_err(|error| Failure::settings(&error.into()))?;
    let restores = settings.restore == Restore::Auto;
    let ports = loud(assemble::with_settings(surroundings, settings, "watch"), &voice);
    let (exit, mut exited) = unbounded_channel();
    let habits = Habits { restores, ..Habits::alone(Pace::without_a_screen()) };
    let engine = signalbox_warden::start(Arc::new(ports), Box::new(Quiet::new(Arc::clone(&voice), exit)), habits);
    let engine = engine.map_err(|error| cannot_watch(&error.to_string()))?;
    let told = engine.clone();
    let _files = live_watch::follow(surroundings, move |changed| {
        told.send(match changed {
            Changed::Login => Event::LoginChanged,
            Changed::Account => Event::AccountChanged,
        });
    });
    until_it_ends(&engine, &mut told_to_end, &mut exited).await;
    Ok(Status::Done)
}

/// Being told to end is an ordinary Quit, which the engine answers once no work is in flight: a process that simply
/// ended could take the answer to a spent refresh token with it.
async fn until_it_ends(engine: &EngineHandle, told_to_end: &mut ToldToEnd, exited: &mut UnboundedReceiver<()>) {
    loop {
        tokio::select! {
            _ = exited.recv() => return,
            () = told_to_end.next() => engine.send(Event::Quit),
        }
    }
}

struct ToldToEnd {
    terminate: Signal,
    interrupt: Signal,
}

impl ToldToEnd {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn loud(ports: Ports, voice: &Arc<Voice>) -> Ports {
    Ports { history: Box::new(Loud::new(ports.history, Arc::clone(voice))), ..ports }
}

/// A service has nobody who asks for a log, so what matters is always said. A panic names its place and nothing else:
/// its message may quote what the code was working on.
fn speak_of_faults() {
    let filter = tracing_subscriber::EnvFilter::new(LOG_LEVEL);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr);
    // There is one already where `SIGNALBOX_LOG` asked for it.
    let _ = subscriber.try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        tracing::error!("Signalbox failed at {place}");
    }));
}

fn cannot_watch(why: &str) -> Failure {
    Failure::new(Code::Internal, format!("Cannot keep watch: {why}"), NextStep::ReportBug)
}

fn store(error: &StoreError) -> Failure {
    Failure::flow(&FlowError::Store(error.clone()), &Doing::Watch)
}

fn install(surroundings: &Surroundings, as_json: bool) -> Result<Status, Failure> {
    let binary = std::env::current_exe().map_err(|error| cannot_watch(&error.to_string()))?;
    let outcome = watch_unit::install(surroundings, &binary).map_err(|error| unit("install the watch", &error))?;
    let done = if outcome.changed { "Installed" } else { "Was installed already:" };
    let then = "it watches from now on, and from every login on";
    report(&outcome, &format!("{done} {}", outcome.file.display()), then, as_json);
    if !as_json && is_passing(&binary) {
        let note = format!(
            "{} looks like a place that is emptied some day; install it again from where it stays",
            binary.display()
        );
        render::complain(&format!("note: {}\n", render::printable(&note)));
    }
    if !as_json && cfg!(target_os = "linux") {
        render::complain(
            "note: without a login it ends with your last session, unless `loginctl enable-linger` keeps it\n",
        );
    }
    Ok(Status::Done)
}

fn uninstall(surroundings: &Surroundings, as_json: bool) -> Result<Status, Failure> {
    let outcome = watch_unit::uninstall(surroundings).map_err(|error| unit("take the watch out", &error))?;
    let done = if outcome.changed {
        format!("Took out {}", outcome.file.display())
    } else {
        format!("There is no {}", outcome.file.display())
    };
    report(&outcome, &done, "it watches no more", as_json);
    Ok(Status::Done)
}

fn report(outcome: &Outcome, done: &str, then: &str, as_json: bool) {
    if as_json {
        render::print(&json::object(json::members(json!({
            "file": outcome.file.display().to_string(),
            "changed": outcome.changed,
            "runByHand": outcome.by_hand,
        }))));
        return;
    }
    if outcome.by_hand.is_empty() {
        render::print(&format!("{}: {then}\n", render::printable(done)));
        return;
    }
    let commands: String =
        outcome.by_hand.iter().map(|command| format!("  {}\n", render::printable(command))).collect();
    render::print(&format!("{}. What is left to be run by hand:\n{commands}", render::printable(done)));
}

fn unit(doing: &str, error: &UnitError) -> Failure {
    let message = format!("Cannot {doing}: {error}");
    match error {
        UnitError::Store(store) => {
            let step = FlowError::Store(store.clone()).problem(&Doing::Watch).next_step;
            Failure::new(Code::Store, message, step)
        }
        UnitError::Relative { name } => Failure::new(Code::Usage, message, NextStep::Retry)
            .with_hint(format!("export {name} as an absolute path, then try again")),
        UnitError::Unwritable { name } => Failure::new(Code::Usage, message, NextStep::Retry)
            .with_hint(format!("choose a plainer name for {name}, then try again")),
        UnitError::Refused { command, .. } => {
            Failure::new(Code::Internal, message, NextStep::Run { command: command.clone() })
                .with_status(Status::Failed)
                .with_hint(format!("run `{command}` in a session of yours, or leave `signalbox watch` running by hand"))
        }
    }
}

/// Whether a program lies where builds and temporary files lie.
pub(super) fn is_passing(binary: &Path) -> bool {
    let text = binary.to_string_lossy();
    text.contains("/target/debug/") || text.contains("/target/release/") || binary.starts_with(std::env::temp_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_does_not_last_is_known() {
        assert!(is_passing(Path::new("/home/u/signalbox/target/debug/signalbox")));
        assert!(is_passing(&std::env::temp_dir().join("signalbox")));
        assert!(!is_passing(Path::new("/usr/local/bin/signalbox")));
    }
}
