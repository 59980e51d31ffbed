//! `signalbox history`: what usage was, as charts, values or JSON. Owns which samples and switches belong to what is shown;
//! leaves drawing to `render::chart`, values to `signalbox_core::plot`, and keeping samples to the `Samples` port. Asks nobody.

mod trail;

use chrono::Local;
use serde_json::{Value, json};
use signalbox_core::error::{Doing, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::plot::csv;
use signalbox_core::ports::StoreError;
use signalbox_core::profile::{Alias, Profile};
use signalbox_core::time::Timestamp;
use signalbox_core::vault;

use self::trail::{Switch, Trail};
use crate::args::Age;
use crate::context::{Context, Report, while_doing};
use crate::exit::Failure;
use crate::json;
use crate::render::chart::{self, HOLDS_MS, Span};
use crate::render::{self, Colour, Style, meters};

/// Rows of a chart where one profile is shown.
const TALL: usize = 6;
/// Rows of a chart where several are.
const LOW: usize = 3;
/// So many events hold the switches of years.
const EVENTS_MAX: usize = 100_000;

/// One profile with what is known of it.
struct Past<'a> {
    profile: &'a Profile,
    trails: Vec<Trail>,
}

pub fn run(context: &Context, alias: Option<&Alias>, age: Age, as_csv: bool) -> Result<Report, Failure> {
    if as_csv && context.wants_json() {
        return Err(Failure::arguments("`--csv` and `--json` cannot be used together", None));
    }
    let roster = vault::load_roster(&context.ports).map_err(while_doing(&Doing::Show))?;
    if let Some(alias) = alias {
        roster.get(alias).map_err(while_doing(&Doing::Show))?;
    }
    let now = context.now();
    let since = now.plus(-age.0);
    let chosen = |profile: &&Profile| alias.is_none_or(|alias| profile.alias == *alias);
    let mut pasts = Vec::new();
    for profile in roster.profiles().iter().filter(chosen) {
        // What was read shortly before reaches into what is shown.
        let samples = context
            .ports
            .samples
            .since(profile.identity(), since.plus(-HOLDS_MS))
            .map_err(|error| unreadable(&error))?;
        pasts.push(Past { profile, trails: trail::trails(samples, now) });
    }
    if as_csv {
        let rows = |past: &Past<'_>| {
            let samples = past.trails.iter().flat_map(|trail| trail.samples_since(since));
            csv::rows(&past.profile.alias, samples)
        };
        std::iter::once(csv::HEADER.to_owned()).chain(pasts.iter().map(rows)).for_each(|text| render::print(&text));
        if pasts.iter().all(|past| past.is_empty(since)) {
            context.note(&nothing(alias, age));
        }
        return Ok(Report::of(serde_json::Map::new()));
    }
    let switches = switches(context, since);
    context.say(&text(context.style, &pasts, &switches, (since, now), &nothing(alias, age)));
    let profiles: Vec<Value> = pasts.iter().map(|past| member(past, since)).collect();
    let switches: Vec<Value> = switches.iter().map(Switch::member).collect();
    Ok(Report::of(json::members(json!({ "now": now, "since": since, "profiles": profiles, "switches": switches }))))
}

fn unreadable(error: &StoreError) -> Failure {
    let message = format!("Cannot show the history of usage: {error}");
    let problem = FlowError::Store(error.clone()).problem(&Doing::Show);
    Failure::from(Problem { message, ..problem })
}

/// The switches, as far as they can be had: without them the charts tell the rest.
fn switches(context: &Context, since: Timestamp) -> Vec<Switch> {
    match context.ports.history.recent(EVENTS_MAX) {
        Ok(entries) => trail::switches(&entries).into_iter().filter(|switch| switch.at >= since).collect(),
        Err(error) => {
            context.note(&format!("the switches cannot be marked: {error}"));
            Vec::new()
        }
    }
}

/// What to do where there is nothing to show.
fn nothing(alias: Option<&Alias>, age: Age) -> String {
    let ago = signalbox_core::words::length(age.0);
    let command = alias.map_or_else(|| "signalbox refresh".to_owned(), |alias| format!("signalbox refresh {alias}"));
    format!(
        "no usage was read in the last {ago}. `{command}` reads it now, and the app or `signalbox watch` keeps reading; \
         `--since` looks further back"
    )
}

impl Past<'_> {
    fn is_empty(&self, since: Timestamp) -> bool {
        self.trails.iter().all(|trail| trail.samples_since(since).is_empty())
    }
}

fn text(
    style: Style,
    pasts: &[Past<'_>],
    switches: &[Switch],
    (since, now): (Timestamp, Timestamp),
    nothing: &str,
) -> String {
    if pasts.is_empty() {
        return "No profiles yet. `signalbox add <alias>` registers the live login\n".to_owned();
    }
    if pasts.iter().all(|past| past.is_empty(since)) {
        return format!("{}\n", super::shown::capital(nothing));
    }
    let span = Span::new(style, since, now);
    let height = if pasts.len() == 1 { TALL } else { LOW };
    let mut text = String::new();
    for past in pasts {
        text.push_str(&style.paint(past.profile.alias.as_str(), Colour::Bold));
        if past.is_empty(since) {
            text.push_str(&style.paint(": no usage was read in this time\n\n", Colour::Dim));
            continue;
        }
        text.push('\n');
        for trail in past.trails.iter().filter(|trail| !trail.samples_since(since).is_empty()) {
            text.push_str(&summary(style, trail, since, now));
            let columns = chart::columns(&trail.samples, &trail.resets, span);
            text.push_str(&chart::drawn(style, &columns, &trail.resets, span, height));
        }
        let moments: Vec<_> = switches.iter().filter_map(|switch| switch.sign(&past.profile.alias)).collect();
        text.extend(chart::marks(&moments, span));
        text.push_str(&style.paint(&chart::axis(span, &Local), Colour::Dim));
        text.push('\n');
    }
    text.push_str(&style.paint("┴ reset  ▲ became live  ▼ switched away  · not read\n", Colour::Dim));
    text
}

/// "5-hour  71 % 3 min ago, 2 to 93 %, reset 4 times".
fn summary(style: Style, trail: &Trail, since: Timestamp, now: Timestamp) -> String {
    let Some(extent) = trail.extent(since) else { return String::new() };
    let latest = format!(
        "{} {} ago",
        meters::percent(extent.latest.percent),
        signalbox_core::words::length(now.since(extent.latest.at))
    );
    let resets = match trail.resets_since(since).len() {
        0 => String::new(),
        1 => ", 1 reset".to_owned(),
        many => format!(", {many} resets"),
    };
    let (lowest, highest) = (meters::percent(extent.lowest), meters::percent(extent.highest));
    let label = style.paint(&render::printable(trail.kind.label()), Colour::Bold);
    format!("{label}  {latest}, lowest {lowest}, highest {highest}{resets}\n")
}

fn member(past: &Past<'_>, since: Timestamp) -> Value {
    let windows: Vec<Value> = past
        .trails
        .iter()
        .filter_map(|trail| {
            let extent = trail.extent(since)?;
            let sample = |sample: &signalbox_core::usage::Sample| {
                json!({ "at": sample.at, "percent": sample.percent, "resetsAt": sample.resets_at })
            };
            let samples: Vec<Value> = trail.samples_since(since).iter().map(sample).collect();
            Some(json!({
                "window": trail.kind.label(),
                "latest": sample(extent.latest),
                "lowest": extent.lowest,
                "highest": extent.highest,
                "resets": trail.resets_since(since),
                "samples": samples,
            }))
        })
        .collect();
    json!({ "alias": past.profile.alias, "windows": windows })
}
