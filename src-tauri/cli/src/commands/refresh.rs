//! `signalbox refresh`: ends what was interrupted, saves the live login's newest tokens, and reads usage, of one profile or
//! of all. Owns saying for each profile what came of it.

use serde_json::{Value, json};
use signalbox_core::error::{Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::poll::{self, Polled, Urgency};
use signalbox_core::ports::{Ports, ProviderError};
use signalbox_core::profile::Alias;
use signalbox_core::sync::{self, Synced};
use signalbox_core::time::Timestamp;
use signalbox_core::{mend, recover, vault, words};

use super::shown;
use crate::context::{Context, Report, while_doing};
use crate::exit::Failure;
use crate::json;
use crate::render::{self, Cell, Colour};

/// How many profiles are asked about at once.
const AT_ONCE: usize = 8;

type Outcome = Result<Polled, FlowError>;

/// Refreshes every profile. It went well if the live login could be looked at: a profile whose usage cannot be read now
/// keeps its last reading.
pub fn all(context: &Context) -> Result<Report, Failure> {
    let synced = look(context)?;
    let roster = vault::load_roster(&context.ports).map_err(while_doing(&Doing::Sync))?;
    let aliases: Vec<Alias> = roster.profiles().iter().map(|profile| profile.alias.clone()).collect();
    let outcomes = read(&context.ports, &aliases);
    Ok(report(context, &synced, &aliases, &outcomes, None))
}

/// Refreshes one profile, and fails if that failed.
pub fn one(context: &Context, alias: &Alias) -> Result<Report, Failure> {
    let doing = Doing::Refresh(alias.clone());
    let roster = vault::load_roster(&context.ports).map_err(while_doing(&doing))?;
    roster.get(alias).map_err(while_doing(&doing))?;
    let synced = look(context)?;
    let aliases = [alias.clone()];
    let outcomes = read(&context.ports, &aliases);
    let failure = match &outcomes[0] {
        Ok(Polled::Read(_)) => None,
        Ok(Polled::NotYet { until }) => Some(not_yet(&doing, *until)),
        Ok(Polled::Failed(cause)) => Some(unanswered(&doing, cause)),
        Ok(Polled::ActiveExpired) => Some(Failure::flow(&FlowError::LiveExpired, &doing)),
        Err(error) => Some(Failure::flow(error, &doing)),
    };
    Ok(report(context, &synced, &aliases, &outcomes, failure))
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

fn report(
    context: &Context,
    synced: &Synced,
    aliases: &[Alias],
    outcomes: &[Outcome],
    failure: Option<Failure>,
) -> Report {
    let now = context.now();
    let live = live_words(synced);
    context.say(&format!("{}\n", render::printable(&live)));
    let rows: Vec<Vec<Cell>> = aliases.iter().zip(outcomes).map(|(alias, outcome)| row(alias, outcome, now)).collect();
    context.say(&context.style.table(&rows));
    if let Some(todo) = todo(synced, now) {
        context.say(&format!("\nhint: {todo}\n"));
    }
    let profiles: Vec<Value> = aliases.iter().zip(outcomes).map(|(alias, outcome)| told(alias, outcome, now)).collect();
    let members = json!({ "live": synced.live_state(), "profiles": profiles });
    Report { failure, ..Report::of(json::members(members)) }
}

fn live_words(synced: &Synced) -> String {
    match synced {
        Synced::Unchanged { alias } => format!("{alias} is live, and its newest login is saved"),
        Synced::Saved { alias } => format!("{alias} is live; its newest login was saved just now"),
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
        Synced::Reverted { wanted, .. } => Some(words::hint(&NextStep::Restore { alias: wanted.clone() }, now)),
        Synced::Unresolved { .. } => Some("`signalbox refresh` asks again".to_owned()),
        Synced::Foreign { .. } | Synced::Husk | Synced::Absent => {
            shown::todo(&synced.live_state(), false).map(str::to_owned)
        }
    }
}

fn row(alias: &Alias, outcome: &Outcome, now: Timestamp) -> Vec<Cell> {
    let (text, colour) = match outcome {
        Ok(Polled::Read(reading)) => {
            let view = reading.view(now);
            let meters: Vec<String> = view.meters.iter().map(|meter| shown::meter(meter, now)).collect();
            (if meters.is_empty() { "no limits".to_owned() } else { meters.join(" · ") }, Colour::Plain)
        }
        Ok(Polled::NotYet { until }) => (format!("not read: {}", wait(*until, now)), Colour::Yellow),
        Ok(Polled::Failed(cause)) => (format!("not read: {cause}"), Colour::Yellow),
        Ok(Polled::ActiveExpired) => (format!("not read: {}", FlowError::LiveExpired), Colour::Yellow),
        Err(error) => (format!("not read: {error}"), Colour::Red),
    };
    vec![Cell::new(alias.as_str(), Colour::Bold), Cell::new(&text, colour)]
}

fn told(alias: &Alias, outcome: &Outcome, now: Timestamp) -> Value {
    let (usage, not_read_because) = match outcome {
        Ok(Polled::Read(reading)) => (Some(reading.view(now)), None),
        Ok(Polled::NotYet { until }) => (None, Some(wait(*until, now))),
        Ok(Polled::Failed(cause)) => (None, Some(cause.to_string())),
        Ok(Polled::ActiveExpired) => (None, Some(FlowError::LiveExpired.to_string())),
        Err(error) => (None, Some(error.to_string())),
    };
    json!({ "alias": alias, "usage": usage, "notReadBecause": not_read_because })
}

fn wait(until: Timestamp, now: Timestamp) -> String {
    format!("too early to ask again, for another {}", words::length(until.since(now)))
}

fn not_yet(doing: &Doing, until: Timestamp) -> Failure {
    let throttled = FlowError::Unidentified { cause: ProviderError::Throttled { retry_after_s: None } };
    let problem = throttled.problem(doing);
    let message = format!("Cannot {}: it is too early to ask again; the last reading stands", doing.words());
    let next_step = NextStep::Wait { until };
    Failure::from(Problem { message, next_step, ..problem })
}

fn unanswered(doing: &Doing, cause: &ProviderError) -> Failure {
    let problem = FlowError::Unidentified { cause: cause.clone() }.problem(doing);
    let message = format!("Cannot {}: {cause}; the last reading stands", doing.words());
    Failure::from(Problem { message, ..problem })
}
