//! `signalbox refresh`: ends what was interrupted, saves the live login's newest tokens, and reads usage, of one profile or
//! of all. Owns saying for each profile what came of it, and showing its last reading where nothing could be read.

use serde_json::{Value, json};
use signalbox_core::board::UsageView;
use signalbox_core::error::{Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::poll::{self, Polled, Urgency};
use signalbox_core::ports::{Ports, ProviderError};
use signalbox_core::profile::{Alias, Profile};
use signalbox_core::sync::{self, Synced};
use signalbox_core::time::Timestamp;
use signalbox_core::{mend, meters, recover, schedule, vault, words};

use super::shown;
use crate::context::{Context, Report, while_doing};
use crate::exit::Failure;
use crate::json;
use crate::render::{self, Cell, Colour, meters as drawn};

/// How many profiles are asked about at once.
const AT_ONCE: usize = 8;

/// Why the server is not asked about a setup-token (`docs/claude-code.md` §F4).
const NOT_ALLOWED: &str = "a setup-token may not read usage; where it is live, Claude Code's statusline tells some";

type Outcome = Result<Polled, FlowError>;

/// What came of one profile.
pub struct Told {
    pub alias: Alias,
    /// What was read just now.
    usage: Option<UsageView>,
    /// What was read earlier, where nothing could be read now.
    last: Option<UsageView>,
    /// Why nothing could be read.
    pub because: Option<Unread>,
}

/// Why nothing was read.
pub struct Unread {
    pub words: String,
    /// When asking makes sense again, if anybody knows.
    not_before: Option<Timestamp>,
    /// It is more than a wait.
    bad: bool,
}

/// Refreshes every profile. It went well if the live login could be looked at: a profile whose usage cannot be read now
/// keeps its last reading.
pub fn all(context: &Context) -> Result<Report, Failure> {
    let (synced, told) = everybody(context)?;
    Ok(report(context, &synced, &told, None))
}

/// Refreshes one profile, and fails if that failed.
pub fn one(context: &Context, alias: &Alias) -> Result<Report, Failure> {
    let (synced, told, failure) = somebody(context, alias)?;
    Ok(report(context, &synced, &[told], failure))
}

/// What came of reading every profile.
pub fn everybody(context: &Context) -> Result<(Synced, Vec<Told>), Failure> {
    let synced = look(context)?;
    let roster = vault::load_roster(&context.ports).map_err(while_doing(&Doing::Sync))?;
    let aliases: Vec<Alias> = roster.profiles().iter().map(|profile| profile.alias.clone()).collect();
    let outcomes = read(&context.ports, &aliases);
    let told = aliases.iter().zip(&outcomes).map(|(alias, outcome)| told(context, alias, outcome)).collect();
    Ok((synced, told))
}

/// What came of reading one profile, and the failure if that failed.
pub fn somebody(context: &Context, alias: &Alias) -> Result<(Synced, Told, Option<Failure>), Failure> {
    let doing = Doing::Refresh(alias.clone());
    let roster = vault::load_roster(&context.ports).map_err(while_doing(&doing))?;
    roster.get(alias).map_err(while_doing(&doing))?;
    let synced = look(context)?;
    let outcome = read(&context.ports, std::slice::from_ref(alias)).remove(0);
    let told = told(context, alias, &outcome);
    let failure = match &outcome {
        Ok(Polled::Read(_)) => None,
        Ok(Polled::NotAllowed) => Some(not_allowed(&doing, alias)),
        Ok(Polled::NotYet { until }) => told.because.as_ref().map(|unread| not_yet(&doing, &unread.words, *until)),
        Ok(Polled::Failed(cause)) => Some(unanswered(&doing, cause)),
        Ok(Polled::ActiveExpired) => Some(Failure::flow(&FlowError::LiveExpired, &doing)),
        Err(error) => Some(Failure::flow(error, &doing)),
    };
    Ok((synced, told, failure))
}

/// Ends what was interrupted, and looks at the live login.
fn look(context: &Context) -> Result<Synced, Failure> {
    recover::recover(&context.ports).map_err(while_doing(&Doing::Recover))?;
    let synced = sync::sync_live(&context.ports).map_err(while_doing(&Doing::Sync))?;
    // The name that Claude Code shows is a cache: a failure here is no reason to stop.
    if let Err(error) = mend::account_cache(&context.ports) {
        context.note(&format!("Claude Code may show another account's name: {error}"));
    }
    Ok(synced)
}

fn read(ports: &Ports, aliases: &[Alias]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(aliases.len());
    for some in aliases.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let readers: Vec<_> =
                some.iter().map(|alias| scope.spawn(move || poll::read_usage(ports, alias, Urgency::Forced))).collect();
            let ended = readers.into_iter().map(|reader| reader.join());
            outcomes.extend(ended.map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
        });
    }
    outcomes
}

fn report(context: &Context, synced: &Synced, told: &[Told], failure: Option<Failure>) -> Report {
    let now = context.now();
    context.say(&format!("{}\n", render::printable(&live_words(synced))));
    let rows: Vec<Vec<Cell>> = told.iter().flat_map(|told| rows(told, now)).collect();
    // A number that is cut tells nothing: a narrow terminal wraps it instead.
    context.say(&context.style.uncut().table(&rows));
    if let Some(todo) = todo(synced, now) {
        context.say(&format!("\nhint: {todo}\n"));
    }
    let profiles: Vec<Value> = told.iter().map(member).collect();
    let members = json!({ "live": synced.live_state(), "profiles": profiles });
    Report { failure, ..Report::of(json::members(members)) }
}

fn live_words(synced: &Synced) -> String {
    match synced {
        Synced::Unchanged { alias } => format!("{alias} is live, and its newest login is saved"),
        Synced::Saved { alias } => format!("{alias} is live; its newest login was saved just now"),
        Synced::Earlier { alias } => {
            format!("{alias} is live with a setup-token that was replaced by a newer one; nothing was touched")
        }
        Synced::Moved { from: Some(from), to } => {
            format!("{to} is live: someone switched from {from} outside Signalbox; its login was saved")
        }
        Synced::Moved { from: None, to } => format!("{to} is live, and its login was saved"),
        Synced::Reverted { wanted, found, suspects, .. } => {
            format!("{found} is live again, soon after the switch to {wanted}: {}", shown::suspects(suspects))
        }
        Synced::Unresolved { cause, .. } => {
            format!(
                "{}, because {cause}; nothing was touched",
                shown::capital(&words::live_state(&synced.live_state()))
            )
        }
        Synced::Foreign { .. } | Synced::Husk | Synced::Absent => {
            format!("{}; nothing was touched", shown::capital(&words::live_state(&synced.live_state())))
        }
    }
}

/// What a person can do about a live login that is not what it was.
fn todo(synced: &Synced, now: Timestamp) -> Option<String> {
    match synced {
        Synced::Unchanged { .. } | Synced::Saved { .. } | Synced::Moved { from: None, .. } => None,
        Synced::Moved { from: Some(from), .. } => Some(format!("`signalbox use {from}` switches back")),
        Synced::Earlier { alias } => Some(format!("`signalbox use {alias}` installs the newest")),
        Synced::Reverted { wanted, .. } => Some(words::hint(&NextStep::Restore { alias: wanted.clone() }, now)),
        Synced::Unresolved { .. } => Some("`signalbox refresh` asks again".to_owned()),
        Synced::Foreign { .. } | Synced::Husk | Synced::Absent => {
            shown::todo(&synced.live_state(), false).map(str::to_owned)
        }
    }
}

fn told(context: &Context, alias: &Alias, outcome: &Outcome) -> Told {
    let (ports, now) = (&context.ports, context.now());
    let unread = |words: String, not_before, bad| Told {
        alias: alias.clone(),
        usage: None,
        last: shown::last(ports, alias, now),
        because: Some(Unread { words, not_before, bad }),
    };
    match outcome {
        Ok(Polled::Read(reading)) => {
            let roster = vault::load_roster(ports).ok();
            let identity = roster.as_ref().and_then(|roster| roster.find(alias)).map(Profile::identity);
            let usage = match identity {
                Some(identity) => shown::view(ports, identity, reading, now),
                None => meters::view(reading, &[], now),
            };
            Told { alias: alias.clone(), usage: Some(usage), last: None, because: None }
        }
        Ok(Polled::NotYet { until }) => unread(wait(ports, alias, *until, now), Some(*until), false),
        Ok(Polled::Failed(cause)) => unread(cause.to_string(), None, false),
        Ok(Polled::NotAllowed) => unread(NOT_ALLOWED.to_owned(), None, false),
        Ok(Polled::ActiveExpired) => unread(FlowError::LiveExpired.to_string(), None, false),
        Err(error) => unread(error.to_string(), None, true),
    }
}

fn rows(told: &Told, now: Timestamp) -> Vec<Vec<Cell>> {
    let alias = Cell::new(told.alias.as_str(), Colour::Bold);
    let Some(unread) = &told.because else {
        let usage = told.usage.as_ref().map(|usage| drawn::all(usage, now));
        return vec![vec![alias, Cell::plain(usage.as_deref().unwrap_or_default())]];
    };
    let colour = if unread.bad { Colour::Red } else { Colour::Yellow };
    let mut rows = vec![vec![alias, Cell::new(&format!("not read: {}", unread.words), colour)]];
    rows.extend(told.last.as_ref().filter(|last| !last.meters.is_empty()).map(|last| {
        let text = format!("{} ({})", drawn::all(last, now), drawn::age(last.read_at, now));
        vec![Cell::plain(""), Cell::new(&text, Colour::Dim)]
    }));
    rows
}

fn member(told: &Told) -> Value {
    let unread = told.because.as_ref();
    json!({
        "alias": told.alias,
        "usage": told.usage,
        "notReadBecause": unread.map(|unread| &unread.words),
        "notBefore": unread.and_then(|unread| unread.not_before),
        "lastUsage": told.last,
    })
}

/// Who wants us to wait, and until when: the server itself, or the budget that keeps it from having to.
fn wait(ports: &Ports, alias: &Alias, until: Timestamp, now: Timestamp) -> String {
    let at = drawn::clock(until, now);
    let roster = vault::load_roster(ports).ok();
    let identity = roster.as_ref().and_then(|roster| roster.find(alias)).map(Profile::identity);
    let books = identity.and_then(|identity| ports.readings.books(identity, now).ok()).unwrap_or_default();
    if books.blocked_until == Some(until) {
        format!("the server wants to be left alone until {at}")
    } else if books.asked.len() >= schedule::BUDGET {
        format!("this hour\u{2019}s {} requests are used up until {at}", schedule::BUDGET)
    } else {
        format!("it is too early to ask again before {at}")
    }
}

fn not_allowed(doing: &Doing, alias: &Alias) -> Failure {
    let problem = FlowError::SetupToken { alias: alias.clone() }.problem(doing);
    let message = format!("Cannot {}: {NOT_ALLOWED}, nor can it be renewed", doing.words());
    Failure::from(Problem { message, ..problem })
}

fn not_yet(doing: &Doing, why: &str, until: Timestamp) -> Failure {
    let throttled = FlowError::Unidentified { cause: ProviderError::Throttled { retry_after_s: None } };
    let problem = throttled.problem(doing);
    let message = format!("Cannot {}: {why}; the last reading stands", doing.words());
    let next_step = NextStep::Wait { until };
    Failure::from(Problem { message, next_step, ..problem })
}

fn unanswered(doing: &Doing, cause: &ProviderError) -> Failure {
    let problem = FlowError::Unidentified { cause: cause.clone() }.problem(doing);
    let message = format!("Cannot {}: {cause}; the last reading stands", doing.words());
    Failure::from(Problem { message, ..problem })
}
