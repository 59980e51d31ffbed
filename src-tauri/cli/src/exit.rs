//! How a run ends. Owns the exit codes, the shape of an error on the terminal, and catching panics; leaves what each flow's
//! error means, its sentence and its next step, to `signalbox_core::error`.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Mutex;

use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::ports::Clock as _;
use signalbox_core::profile::NotAnAlias;
use signalbox_core::words;
use signalbox_machine::assemble::AssembleError;
use signalbox_machine::clock::SystemClock;
use signalbox_machine::settings::SettingsError;
use signalbox_machine::surroundings::NoHome;

use crate::{json, render};

/// The exit status of the program. `Pinned`: the switch was made, and a pin keeps Claude Code from using it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Done,
    Failed,
    Usage,
    Pinned,
    UnsupportedPlatform,
    Internal,
}

impl Status {
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Pinned => 3,
            Self::UnsupportedPlatform => 4,
            Self::Internal => 70,
        }
    }

    fn of(code: Code) -> Self {
        match code {
            Code::Usage => Self::Usage,
            Code::Internal => Self::Internal,
            Code::LoginNeeded
            | Code::Unregistered
            | Code::Confirmation
            | Code::Busy
            | Code::Provider
            | Code::WrongAccount
            | Code::Store
            | Code::Keychain
            | Code::Reverted => Self::Failed,
            Code::Pinned => Self::Pinned,
        }
    }
}

/// Why a command did not do what it was asked to do, as it is shown.
#[derive(Debug)]
pub struct Failure {
    /// In a box, because nearly every function here may return one.
    pub problem: Box<Problem>,
    pub status: Status,
    /// Replaces the words of the next step where those do not fit.
    hint: Option<String>,
}

impl Failure {
    /// What a flow said while it was doing something.
    pub fn flow(error: &FlowError, doing: &Doing) -> Self {
        Self::from(error.problem(doing))
    }

    /// With another status than its code has.
    pub fn with_status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub fn alias(error: &NotAnAlias) -> Self {
        Self::new(Code::Usage, format!("Cannot read the alias: {error}"), NextStep::ListProfiles)
    }

    pub fn arguments(why: &str, tip: Option<String>) -> Self {
        let next_step = NextStep::Run { command: "signalbox --help".to_owned() };
        Self::new(Code::Usage, format!("Cannot read the command line: {why}"), next_step)
            .with_hint(tip.unwrap_or_else(|| "`signalbox --help` shows what can be asked for".to_owned()))
    }

    pub fn no_home(error: &NoHome) -> Self {
        let next_step = NextStep::Run { command: "export HOME=~".to_owned() };
        Self::new(Code::Store, format!("Cannot find your files: {error}"), next_step)
    }

    pub fn settings(error: &AssembleError) -> Self {
        let AssembleError::Settings(error) = error;
        let message = format!("Cannot start: {error}");
        match error {
            SettingsError::NotLoopback { name, .. } if name.starts_with("SIGNALBOX_") => {
                Self::new(Code::Usage, message, NextStep::Run { command: format!("unset {name}") })
            }
            SettingsError::NotLoopback { .. } | SettingsError::Broken { .. } | SettingsError::WrongType { .. } => {
                Self::new(Code::Store, message, NextStep::Retry)
                    .with_hint("correct `settings.toml` in the data folder, then try again")
            }
            SettingsError::Unreadable(error) => {
                let step = FlowError::Store(error.clone()).problem(&Doing::Show).next_step;
                Self::new(Code::Store, message, step)
            }
        }
    }

    pub fn unsupported_platform() -> Self {
        let message = "Cannot run on this platform: Signalbox knows where macOS and Linux keep Claude Code's login";
        let failure = Self::new(Code::Internal, message.to_owned(), NextStep::ReportBug);
        Self { status: Status::UnsupportedPlatform, ..failure }
    }

    pub fn new(code: Code, message: String, next_step: NextStep) -> Self {
        Self::from(Problem { code, message, next_step, about: None })
    }

    fn hint(&self) -> String {
        self.hint.clone().unwrap_or_else(|| words::hint(&self.problem.next_step, SystemClock.now()))
    }

    /// Shows the failure: as JSON on standard output, or as a sentence and a hint on standard error.
    pub fn show(&self, as_json: bool) {
        if as_json {
            render::print(&json::error(&self.problem, &self.hint()));
        } else {
            render::complain(&self.text());
        }
    }

    fn text(&self) -> String {
        format!("{}\n\nhint: {}\n", render::printable(&self.problem.message), render::printable(&self.hint()))
    }

    /// The `error` member of a result that is shown all the same.
    pub fn as_member(&self) -> serde_json::Value {
        json::error_member(&self.problem, &self.hint())
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let status = Status::of(problem.code);
        Self { problem: Box::new(problem), status, hint: None }
    }
}

/// A command line with which there is nothing to run.
#[derive(Debug)]
pub enum Refused {
    Help { text: String, asked_for: bool },
    Arguments { failure: Failure, json: bool },
}

impl Refused {
    /// Says why, and how to end.
    pub fn end(self) -> Status {
        match self {
            Self::Help { text, asked_for: true } => {
                render::print(&text);
                Status::Done
            }
            Self::Help { text, asked_for: false } => {
                render::complain(&text);
                Status::Usage
            }
            Self::Arguments { failure, json } => {
                failure.show(json);
                failure.status
            }
        }
    }
}

/// Runs a command and shows its failure. A panic ends it as an internal error that names the place and nothing else: the
/// message of a panic may quote what the code was working on.
pub fn guarded(as_json: bool, run: impl FnOnce() -> Result<Status, Failure>) -> Status {
    let failure = match caught(run) {
        Ok(Ok(status)) => return status,
        Ok(Err(failure)) => failure,
        Err(place) => internal(&place),
    };
    failure.show(as_json);
    failure.status
}

fn internal(place: &str) -> Failure {
    let message = format!("Cannot go on: Signalbox itself made a mistake at {place}");
    Failure::new(Code::Internal, message, NextStep::ReportBug)
        .with_hint("your logins are as they were, or newer; please report this, with the place")
}

static PLACE: Mutex<Option<String>> = Mutex::new(None);

fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        if let Ok(mut place) = PLACE.lock() {
            *place = panic.location().map(ToString::to_string);
        }
    }));
    let outcome = panic::catch_unwind(AssertUnwindSafe(run));
    panic::set_hook(usual);
    outcome.map_err(|_message: Box<dyn Any + Send>| {
        let place = PLACE.lock().ok().and_then(|mut place| place.take());
        place.unwrap_or_else(|| "an unknown place".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error_that_quotes_nothing() {
        let token = String::from("sk-ant-oat01-sim-secret");
        let place = caught(|| panic!("it stopped at {token}")).expect_err("a panic");
        let failure = internal(&place);
        assert_eq!(failure.status.number(), 70);
        let text = failure.text();
        assert!(text.contains("exit.rs:"), "{text}");
        assert!(!text.contains("sk-ant") && !text.contains("it stopped"), "{text}");
    }

    #[test]
    fn an_error_is_a_sentence_an_empty_line_and_a_hint() {
        let failure = Failure::new(Code::Busy, "Cannot switch to b: it is late".to_owned(), NextStep::Retry);
        assert_eq!(failure.text(), "Cannot switch to b: it is late\n\nhint: try again\n");
        assert_eq!(failure.status, Status::Failed);
    }
}
