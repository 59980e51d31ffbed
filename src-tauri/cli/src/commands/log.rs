//! `signalbox log`: what was done of late, by whom, and what went wrong. Owns its columns and the local time; leaves the
//! sentences to `signalbox_core::history`. Reads one file, and makes none.

use chrono::{Local, TimeZone as _};
use serde_json::{Value, json};
use signalbox_core::error::Doing;
use signalbox_core::flow::FlowError;
use signalbox_core::history::Entry;
use signalbox_core::time::Timestamp;

use super::shown;
use crate::context::{Context, Report};
use crate::exit::Failure;
use crate::json;
use crate::render::{Cell, Colour};

pub fn run(context: &Context, most: usize) -> Result<Report, Failure> {
    let entries = context.ports.history.recent(most).map_err(|error| {
        let message = format!("Cannot show what was done: {error}");
        let problem = FlowError::Store(error).problem(&Doing::Show);
        Failure::from(signalbox_core::error::Problem { message, ..problem })
    })?;
    if entries.is_empty() {
        context.say("Nothing has been written down yet. Switches, saved logins and whatever goes wrong appear here.\n");
    }
    let rows: Vec<Vec<Cell>> = entries.iter().map(row).collect();
    // A sentence that is cut tells nothing: a narrow terminal wraps it instead.
    context.say(&context.style.uncut().table(&rows));
    let entries: Vec<Value> = entries.iter().map(member).collect();
    Ok(Report::of(json::members(json!({ "entries": entries }))))
}

fn row(entry: &Entry) -> Vec<Cell> {
    let line = entry.line();
    let colour = if line.trouble { Colour::Red } else { Colour::Plain };
    vec![
        Cell::new(&local(line.at), Colour::Dim),
        Cell::new(program(&line.by), Colour::Dim),
        Cell::new(&shown::capital(&line.text), colour),
    ]
}

/// "2026-05-14 09:12:03", where the person is.
pub(super) fn local(at: Timestamp) -> String {
    let moment = Local.timestamp_millis_opt(at.ms()).single();
    moment.map_or_else(|| "?".to_owned(), |moment| moment.format("%Y-%m-%d %H:%M:%S").to_string())
}

fn program(by: &str) -> &str {
    if by == "cli" { "command line" } else { by }
}

/// The entry as it was written, and in words.
pub(super) fn member(entry: &Entry) -> Value {
    let mut member = json::value(&entry.line());
    // What a newer version wrote has no form of its own here.
    let written = serde_json::to_value(entry).unwrap_or_else(|_| json!({ "event": "unknown" }));
    for (name, value) in json::members(written) {
        member[name] = value;
    }
    member
}
