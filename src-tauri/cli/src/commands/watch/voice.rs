//! What `signalbox watch` prints: one line for each thing that happens, as text or as JSON. Owns the lines, and that
//! nothing is said twice; leaves the sentences to `signalbox_core`. It stands around the history port, because what
//! is worth writing down is worth a line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};
use signalbox_core::board::{Board, LiveState};
use signalbox_core::episodes::Announcement;
use signalbox_core::error::Problem;
use signalbox_core::history::{Entry, Event};
use signalbox_core::ports::{Clock as _, History, StoreError};
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use signalbox_core::words;
use signalbox_machine::clock::SystemClock;
use signalbox_warden::Faces;
use tokio::sync::mpsc::UnboundedSender;

use super::super::{log, shown};
use crate::json;
use crate::render::{self, Colour, Style};

/// As the entries of this program are signed.
const BY: &str = "watch";

/// Says what happens.
pub struct Voice {
    as_json: bool,
    style: Style,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    live: Option<Alias>,
    problem: Option<Problem>,
}

impl Voice {
    pub fn new(as_json: bool) -> Self {
        Self { as_json, style: Style::of_stdout(), said: Mutex::default() }
    }

    /// Another program keeps the watch, and this one waits for it.
    pub fn waits_for(&self, holder: &str) {
        let text = format!("{holder} keeps the watch; waiting for it to end");
        self.line(SystemClock.now(), &text, Colour::Plain, json!({ "event": "waits", "holder": holder }));
    }

    fn entry(&self, entry: &Entry) {
        if let Some(alias) = entry.event.leaves_live() {
            self.said().live = Some(alias.clone());
        }
        let line = entry.line();
        let colour = if line.trouble { Colour::Red } else { Colour::Plain };
        self.line(entry.at, &line.text, colour, log::member(entry));
    }

    fn board(&self, board: &Board) {
        let mut said = self.said();
        if let LiveState::Known { alias } = &board.live
            && said.live.as_ref() != Some(alias)
        {
            let text = match said.live.replace(alias.clone()) {
                None => format!("{alias} is live"),
                Some(_) => format!("{alias} is live now; it was switched outside this program"),
            };
            self.line(board.now, &text, Colour::Plain, json!({ "event": "live", "alias": alias }));
        }
        if board.problem == said.problem {
            return;
        }
        said.problem.clone_from(&board.problem);
        if let Some(problem) = &board.problem {
            let hint = words::hint(&problem.next_step, board.now);
            let member = json!({ "event": "problem", "error": json::error_member(problem, &hint) });
            self.line(board.now, &format!("{}; {hint}", problem.message), Colour::Red, member);
        }
    }

    fn line(&self, at: Timestamp, text: &str, colour: Colour, member: Value) {
        if !self.as_json {
            let text = self.style.paint(&render::printable(&shown::capital(text)), colour);
            render::print(&format!("{}  {text}\n", log::local(at)));
            return;
        }
        let mut members = Map::from_iter([
            ("at".to_owned(), json!(at)),
            ("by".to_owned(), json!(BY)),
            ("text".to_owned(), json!(text)),
        ]);
        members.extend(json::members(member));
        render::print(&json::line(members));
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The history, which is heard besides.
pub struct Loud {
    inner: Box<dyn History>,
    voice: Arc<Voice>,
}

impl Loud {
    pub fn new(inner: Box<dyn History>, voice: Arc<Voice>) -> Self {
        Self { inner, voice }
    }
}

impl History for Loud {
    fn note(&self, at: Timestamp, event: &Event) {
        self.inner.note(at, event);
        self.voice.entry(&Entry { at, by: BY.to_owned(), event: event.clone() });
    }

    fn recent(&self, most: usize) -> Result<Vec<Entry>, StoreError> {
        self.inner.recent(most)
    }
}

/// The only face of a program without a screen.
pub struct Quiet {
    voice: Arc<Voice>,
    exit: UnboundedSender<()>,
}

impl Quiet {
    pub fn new(voice: Arc<Voice>, exit: UnboundedSender<()>) -> Self {
        Self { voice, exit }
    }
}

impl Faces for Quiet {
    fn show(&self, board: &Board) {
        self.voice.board(board);
    }
    // It stands on the board too.
    fn switch_failed(&self, _alias: &Alias, _problem: &Problem, _now: Timestamp) {}
    fn announce(&self, _announcement: &Announcement) {}
    fn leaving(&self) {}
    fn exit(&self) {
        // Whoever waited for it has ended already.
        let _ = self.exit.send(());
    }
}
