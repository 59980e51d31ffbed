//! What every command gets: the ports, and a mouth. Owns the choice between text and JSON, and asking a person; leaves what
//! is said to the commands.

use std::io::{self, BufRead as _, IsTerminal as _};

use serde_json::{Map, Value};
use signalbox_core::error::Doing;
use signalbox_core::flow::FlowError;
use signalbox_core::ports::Ports;
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use signalbox_machine::settings::SettingsError;
use signalbox_machine::surroundings::Surroundings;

use crate::exit::{Failure, Status};
use crate::render::Style;
use crate::{json, render};

/// The surroundings of a command.
pub struct Context {
    pub surroundings: Surroundings,
    /// Why `settings.toml` could not be used; only the doctor goes on then, with what is built in.
    pub settings: Option<SettingsError>,
    pub ports: Ports,
    json: bool,
    pub style: Style,
}

/// What a command leaves behind.
#[derive(Debug)]
pub struct Report {
    /// The members of its JSON object.
    pub members: Map<String, Value>,
    /// What failed although there is something to show.
    pub failure: Option<Failure>,
    /// How to end where nothing failed.
    pub status: Status,
}

impl Report {
    /// Everything went well.
    pub fn of(members: Map<String, Value>) -> Self {
        Self { members, failure: None, status: Status::Done }
    }
}

impl Context {
    pub fn new(surroundings: Surroundings, settings: Option<SettingsError>, ports: Ports, json: bool) -> Self {
        Self { surroundings, settings, ports, json, style: Style::of_stdout() }
    }

    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Says something on standard output at once; nothing where JSON is wanted.
    pub fn say(&self, text: &str) {
        if !self.json {
            render::print(&self.style.in_signs(text));
        }
    }

    /// Whether the result is JSON.
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// Says what a person should know besides, on standard error.
    pub fn note(&self, text: &str) {
        if !self.json {
            render::complain(&format!("note: {}\n", render::printable(text)));
        }
    }

    /// Whether a person sits at the terminal who can be asked.
    pub fn can_ask(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks for a yes. Anything else is a no.
    pub fn ask(&self, question: &str) -> bool {
        render::complain(&format!("{} [y/N] ", render::printable(question)));
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// Shows the report, and says how to end.
    pub fn conclude(&self, report: Report) -> Status {
        let Report { mut members, failure, status } = report;
        if self.json {
            members.extend(failure.as_ref().map(|failure| ("error".to_owned(), failure.as_member())));
            render::print(&json::object(members));
        } else if let Some(failure) = &failure {
            failure.show(false);
        }
        failure.map_or(status, |failure| failure.status)
    }
}

/// Reads an alias that was typed.
pub fn alias(text: &str) -> Result<Alias, Failure> {
    Alias::parse(text).map_err(|error| Failure::alias(&error))
}

/// Gives a flow's error its first half: what was being done.
pub fn while_doing<E: Into<FlowError>>(doing: &Doing) -> impl Fn(E) -> Failure + '_ {
    move |error| Failure::flow(&error.into(), doing)
}
