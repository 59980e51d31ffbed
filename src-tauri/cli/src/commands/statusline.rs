//! `signalbox statusline`: the line that Claude Code shows below its prompt. Owns the order of the steps and what is
//! shown where something is missing: whatever comes in, a line goes out, nothing is said on standard error, and the end
//! is a good one. How the line is put together is in `line`, bringing it into Claude Code's settings in `setup`.
//!
//! It runs after every answer, so it is kept cheap: no lock, no network, no Keychain, and the database only where
//! Claude Code tells no usage itself.

pub mod installed;
mod line;
pub mod setup;

use std::io::{self, IsTerminal as _, Write as _};
use std::panic::{self, AssertUnwindSafe};

use signalbox_core::feed::{Heard, Report, Told};
use signalbox_core::meters;
use signalbox_core::ports::Clock as _;
use signalbox_core::profile::Roster;
use signalbox_core::time::{MINUTE, Timestamp};
use signalbox_core::usage::{Reading, Usage};
use signalbox_core::vault::{self, VaultError};
use signalbox_machine::clock::SystemClock;
use signalbox_machine::data_folder::DataFolder;
use signalbox_machine::feed::FeedFolder;
use signalbox_machine::settings::Settings;
use signalbox_machine::statusline::input::{self, BYTES_MAX, Input};
use signalbox_machine::statusline::session::{self, Uses};
use signalbox_machine::statusline::{last, wrapped};
use signalbox_machine::surroundings::Surroundings;

use crate::args::{Place, StatuslineOptions};
use crate::render::Style;
use line::{Facts, Format};

/// Numbers that are older are marked.
const OLD_MS: i64 = 15 * MINUTE;
/// Between our part and another one on the same line.
const BETWEEN: &str = "  ";
const HINT: &str = "hint: Claude Code runs this by itself, and tells it the numbers, once `signalbox statusline --install` has been run\n";

/// Draws the line.
pub fn draw(options: &StatuslineOptions) {
    // The message of a panic may quote what was read.
    panic::set_hook(Box::new(|_| {}));
    if panic::catch_unwind(AssertUnwindSafe(|| drawn(options))).is_err() {
        print(b"signalbox\n");
    }
}

fn drawn(options: &StatuslineOptions) {
    let by_hand = io::stdin().is_terminal();
    let input = if by_hand { Input { whole: true, ..Input::default() } } else { input::of_stdin() };
    let told = if input.bytes.len() > BYTES_MAX { None } else { Told::parse(&input.bytes) };
    let surroundings = Surroundings::from_env().ok();
    let settings = surroundings.as_ref().and_then(|found| {
        Settings::load(found).inspect_err(|error| tracing::debug!(%error, "the settings are passed over")).ok()
    });
    let settings = settings.unwrap_or_default();
    let format = Format::parse(options.format.as_deref().or(settings.statusline.format.as_deref()));
    // A wrapped command that calls us again gets our line alone, and not itself once more.
    let inside = std::env::var_os(wrapped::INSIDE).is_some();
    let wrap = options.wrap.clone().or_else(|| settings.statusline.command.clone()).filter(|_| !inside);
    let facts = match surroundings {
        Some(surroundings) => facts(&surroundings, told.unwrap_or_default()),
        None => Facts { profile: "no home folder".to_owned(), ..Facts::default() },
    };
    let line = format.line(&facts, Style::for_claude_code());
    if by_hand {
        print(format!("{line}\n{HINT}").as_bytes());
        return;
    }
    match wrap.filter(|command| !command.trim().is_empty()) {
        None => print(format!("{line}\n").as_bytes()),
        Some(command) => beside(&line, options.place.unwrap_or_default(), &command, input),
    }
}

/// Puts the line beside what the wrapped command prints; before that has even begun, where the place allows it.
fn beside(line: &str, place: Place, command: &str, input: Input) {
    let theirs = || wrapped::output(command, input, wrapped::LIMIT);
    match place {
        Place::Above => {
            print(format!("{line}\n").as_bytes());
            print(&theirs());
        }
        Place::Before => {
            print(line.as_bytes());
            let theirs = theirs();
            let between = if theirs.trim_ascii().is_empty() { "\n" } else { BETWEEN };
            print(&[between.as_bytes(), &theirs].concat());
        }
        Place::After => {
            let theirs = theirs();
            let end = theirs.iter().position(|byte| *byte == b'\n').unwrap_or(theirs.len());
            let between = if theirs[..end].trim_ascii().is_empty() { "" } else { BETWEEN };
            let rest = if end < theirs.len() { &theirs[end..] } else { b"\n" };
            print(&[&theirs[..end], between.as_bytes(), line.as_bytes(), rest].concat());
        }
        Place::Below => {
            let theirs = theirs();
            let between = if theirs.is_empty() || theirs.ends_with(b"\n") { "" } else { "\n" };
            print(&[&theirs, between.as_bytes(), line.as_bytes(), b"\n"].concat());
        }
    }
}

/// What there is to show; takes down on the way what the session was told.
fn facts(surroundings: &Surroundings, told: Told) -> Facts {
    let now = SystemClock.now();
    let uses = session::uses(surroundings, |name| std::env::var_os(name));
    let roster = vault::roster_in(&DataFolder::new(surroundings.data_folder()));
    let profile = profile(&uses, roster.as_ref());
    let reading = match (&uses, roster.ok().filter(|roster| roster.active().is_some())) {
        (Uses::Another(_), _) | (_, None) => Some(now_told(&told, now)),
        (_, Some(roster)) => of_active(surroundings, &uses, &roster, &told, now),
    };
    let view = reading.map(|reading| (meters::view(&reading, &[], now), now.since(reading.read_at) > OLD_MS));
    let (view, old) = view.unzip();
    Facts {
        profile,
        meters: view.map(|view| view.meters).unwrap_or_default(),
        old: old.unwrap_or_default(),
        model: told.model,
        cost_usd: told.cost_usd,
        now: Some(now),
    }
}

fn profile(uses: &Uses, roster: Result<&Roster, &VaultError>) -> String {
    match (uses, roster) {
        (Uses::Another(name), _) => format!("not a profile: {name}"),
        (_, Err(_)) => "profiles unreadable".to_owned(),
        (_, Ok(roster)) => match roster.active() {
            Some(active) if roster.is_confirmed() && *uses == Uses::LiveLogin => active.alias.to_string(),
            Some(active) => format!("{}?", active.alias),
            None => "no profile".to_owned(),
        },
    }
}

/// Usage of the active profile: what the session was told, if that is surely of this account, else the last reading.
fn of_active(
    surroundings: &Surroundings,
    uses: &Uses,
    roster: &Roster,
    told: &Told,
    now: Timestamp,
) -> Option<Reading> {
    let report = match uses {
        Uses::LiveLogin => FeedFolder::new(surroundings).hear(told, now),
        // A session that may use another login is not taken down.
        _ => Heard::default().hearing(told, now).and_then(|heard| heard.report),
    };
    let is_ours = |report: &Report| roster.live_since().is_some_and(|since| report.is_since(since));
    // Not what is told now: of two processes that share a session one may still tell the account before.
    if let Some(report) = report.filter(is_ours) {
        return Some(Reading::answered(Usage { windows: report.windows, spend: None }, report.at));
    }
    last::reading(&surroundings.data_folder(), roster.active()?.identity())
}

fn now_told(told: &Told, now: Timestamp) -> Reading {
    Reading::answered(Usage { windows: told.windows.clone(), spend: None }, now)
}

/// A reader that went away is nobody's trouble.
fn print(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}
