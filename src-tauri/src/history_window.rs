//! The History window: usage over time as plots. Owns what its page may ask for: the lines of a plot, and saving them as a file. Where
//! numbers are hidden, no line leaves here. Leaves the shape of the lines to `signalbox_core::plot`, and everything that is
//! drawn to the page.

mod export;
mod save;

use std::sync::Arc;

use serde::Serialize;
use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::plot::{self, Plots, Span};
use signalbox_core::ports::Ports;
use signalbox_core::view::Hides;
use tauri::{AppHandle, Emitter, Runtime};

use crate::discreet;
use crate::page_window::PageWindow;

pub use export::{Export, Exported, Picture};

/// The window's label, which the capability file names too.
pub const LABEL: &str = "history";
static WINDOW: PageWindow = PageWindow {
    label: LABEL,
    page: "history.html",
    title: "Signalbox \u{2014} History",
    size: (760.0, 580.0),
    // Narrower than this, a plot is no plot.
    size_min: (480.0, 360.0),
};
/// The event that tells the page whether numbers are hidden from now on.
const HIDES_EVENT: &str = "hides";
/// What follows `Cannot`.
const SHOW: &str = "show usage over time";

/// What the page may know of the past.
#[derive(Serialize)]
pub struct Lines {
    /// Numbers are hidden. A line is nothing but numbers, so no profile has one then.
    hidden: bool,
    #[serde(flatten)]
    plots: Plots,
}

/// Opens the window, or brings the one that is open to the front, from any thread.
pub fn open<R: Runtime>(app: &AppHandle<R>) {
    WINDOW.open(app);
}

/// Closes the window, from any thread. Its page goes with it.
pub fn close<R: Runtime>(app: &AppHandle<R>) {
    WINDOW.close(app);
}

/// Tells the page, if there is one, what is hidden from now on.
pub fn tell_hides<R: Runtime>(app: &AppHandle<R>, hides: Hides) {
    if let Err(error) = app.emit_to(LABEL, HIDES_EVENT, hides) {
        tracing::warn!(%error, "the History window was not told what to hide");
    }
}

/// The lines of the last `days`, which are those of a [`Span`], unless the person hides numbers always.
pub async fn usage(ports: Arc<Ports>, days: u32) -> Result<Lines, Problem> {
    let span = span_of(days)?;
    read(SHOW, move || lines(&ports, span)).await.map_err(|problem| {
        // A refusal does not say whether things are hidden, and loses nothing without an address.
        Problem { message: discreet::without_addresses(&problem.message), ..problem }
    })
}

fn lines(ports: &Ports, span: Span) -> Result<Lines, FlowError> {
    let hidden = ports.preferences.view().hides == Hides::Always;
    let mut plots = plot::read(ports, span)?;
    if hidden {
        plots.profiles.iter_mut().for_each(|profile| profile.series.clear());
    }
    Ok(Lines { hidden, plots })
}

fn span_of(days: u32) -> Result<Span, Problem> {
    Span::of_days(days).ok_or_else(|| {
        let known = Span::ALL.map(|span| span.days().to_string()).join(", ");
        cannot(SHOW, &format!("it is kept for {known} days, not for {days}"), Code::Usage)
    })
}

/// Reads on a thread that may wait.
async fn read<T: Send + 'static>(
    what: &str,
    read: impl FnOnce() -> Result<T, FlowError> + Send + 'static,
) -> Result<T, Problem> {
    match tauri::async_runtime::spawn_blocking(read).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(Problem { message: format!("Cannot {what}: {error}"), ..error.problem(&Doing::Show) }),
        Err(_) => Err(cannot(what, "Signalbox itself failed", Code::Internal)),
    }
}

fn cannot(what: &str, why: &str, code: Code) -> Problem {
    let next_step = if code == Code::Internal { NextStep::ReportBug } else { NextStep::Retry };
    Problem { code, message: format!("Cannot {what}: {why}"), next_step, about: None }
}
