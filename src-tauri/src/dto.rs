//! The wire between the page and the shell. Owns turning what the page sent into domain values, and the form in which a
//! refusal goes back: `Problem`, as it stands; and the list of *Recent activity*. The board itself is `signalbox_core`'s.

use std::sync::Arc;

use serde::Deserialize;
use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::history::{Entry, Line};
use signalbox_core::ports::Ports;
use signalbox_core::profile::Alias;

/// How much of the past the board shows.
const RECENT: usize = 100;

/// An alias as a person typed it.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct AliasText(String);

impl AliasText {
    /// Reads it, or says why it is no alias.
    pub fn parse(self) -> Result<Alias, Problem> {
        Alias::parse(&self.0).map_err(|error| Problem {
            code: Code::Usage,
            message: format!("Cannot do that: {error}"),
            next_step: NextStep::Retry,
            about: None,
        })
    }
}

/// What happened lately, newest first. Reads a file, and therefore on a thread that may wait.
pub async fn recent_activity(ports: Arc<Ports>) -> Result<Vec<Line>, Problem> {
    let read = tauri::async_runtime::spawn_blocking(move || ports.history.recent(RECENT)).await;
    match read {
        Ok(Ok(entries)) => Ok(entries.iter().rev().map(Entry::line).collect()),
        Ok(Err(error)) => {
            let message = format!("Cannot show what happened lately: {error}");
            Err(Problem { message, ..FlowError::from(error).problem(&Doing::Show) })
        }
        Err(_) => Err(Problem {
            code: Code::Internal,
            message: "Cannot show what happened lately: Signalbox itself failed".to_owned(),
            next_step: NextStep::ReportBug,
            about: None,
        }),
    }
}
