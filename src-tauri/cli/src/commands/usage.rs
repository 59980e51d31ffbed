//! `signalbox usage`: every limit of one profile or of all, from the last reading. Owns its layout and whose word a reading is;
//! leaves the numbers to the board, the bars to `render::meters`, and asking, which only `--refresh` does, to `refresh`.

use serde_json::{Value, json};
use signalbox_core::board::{Board, Card, Level};
use signalbox_core::error::Doing;
use signalbox_core::meters as core_meters;
use signalbox_core::profile::{Alias, Roster};
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Reading, WindowKind};
use signalbox_core::words;

use super::{refresh, shown};
use crate::context::{Context, Report, while_doing};
use crate::exit::Failure;
use crate::json;
use crate::render::{self, Colour, Style, meters};

pub fn run(context: &Context, alias: Option<&Alias>, ask: bool) -> Result<Report, Failure> {
    let mut failure = None;
    if ask {
        failure = refreshed(context, alias)?;
    }
    let (board, roster) = shown::board(context)?;
    if let Some(alias) = alias {
        roster.get(alias).map_err(while_doing(&Doing::Show))?;
    }
    let cards: Vec<&Card> = board.cards.iter().filter(|card| alias.is_none_or(|alias| card.alias == *alias)).collect();
    if cards.is_empty() {
        context.say("No profiles yet. `signalbox add <alias>` registers the live login\n");
    }
    let mut members = Vec::with_capacity(cards.len());
    for (at, card) in cards.into_iter().enumerate() {
        let reading = reading(context, &roster, card);
        let gap = if at == 0 { "" } else { "\n" };
        context.say(&format!("{gap}{}", block(context.style, card, reading.as_ref(), board.now)));
        members.push(member(card, reading.as_ref(), &board));
    }
    let members = json::members(json!({ "now": board.now, "profiles": members }));
    Ok(Report { failure, ..Report::of(members) })
}

/// Asks the server first. What could not be read is said, and then the last reading is shown all the same.
fn refreshed(context: &Context, alias: Option<&Alias>) -> Result<Option<Failure>, Failure> {
    if let Some(alias) = alias {
        return Ok(refresh::somebody(context, alias)?.2);
    }
    for told in refresh::everybody(context)?.1 {
        if let Some(unread) = &told.because {
            context.note(&format!("{} was not read: {}", told.alias, unread.words));
        }
    }
    Ok(None)
}

/// The reading that the card's meters were made of, for whose word it is. A database that cannot be read is said; the card
/// shows then that there is none.
fn reading(context: &Context, roster: &Roster, card: &Card) -> Option<Reading> {
    let identity = roster.find(&card.alias)?.identity();
    match context.ports.readings.last(identity) {
        Ok(reading) => {
            reading.filter(|reading| card.usage.as_ref().is_some_and(|usage| usage.read_at == reading.read_at))
        }
        Err(error) => {
            context.note(&format!("the last reading of {} cannot be shown: {error}", card.alias));
            None
        }
    }
}

fn block(style: Style, card: &Card, reading: Option<&Reading>, now: Timestamp) -> String {
    let mut text = style.paint(card.alias.as_str(), Colour::Bold);
    let mut about = vec![render::printable(&shown::who(&card.email, card.setup_token))];
    about.extend(card.plan.as_deref().map(render::printable));
    if card.active {
        about.push("live".to_owned());
    }
    text.push_str(&style.paint(&format!(" · {}", about.join(" · ")), Colour::Dim));
    if card.badge.level == Level::Red {
        let badge = words::standing(card, now);
        text.push_str(&format!(" · {}", style.paint(&badge, render::level(&card.badge))));
    }
    text.push('\n');
    let Some(usage) = &card.usage else {
        text.push_str(&format!("  {}\n", shown::unread(card)));
        return text;
    };
    if usage.meters.is_empty() && usage.spend.is_none() {
        text.push_str("  no limits\n");
    }
    text.push_str(&style.table(&meters::rows(style, usage, 1, now)));
    let old = meters::is_old(usage.read_at, now);
    let source = source(usage.read_at, reading, now);
    text.push_str(&format!("  {}", style.paint(&source, if old { Colour::Yellow } else { Colour::Dim })));
    if old && !card.setup_token {
        text.push_str(&format!("; `signalbox refresh {}` reads it now", card.alias));
    }
    text.push('\n');
    text
}

/// How old the numbers are, and whose word they are: Claude Code's own statusline tells of the two great windows only.
fn source(read_at: Timestamp, reading: Option<&Reading>, now: Timestamp) -> String {
    let Some(reading) = reading.filter(|reading| reading.asked_at < reading.read_at) else {
        return meters::age(read_at, now);
    };
    let told = format!("told by Claude Code {} ago", words::length(now.since(read_at)));
    let untold = reading.usage.spend.is_some()
        || reading.usage.windows.iter().any(|window| matches!(window.kind, WindowKind::Model(_)));
    if untold { format!("5-hour and 7-day {told}, the rest {}", meters::age(reading.asked_at, now)) } else { told }
}

fn member(card: &Card, reading: Option<&Reading>, board: &Board) -> Value {
    let mut usage = json::value(&card.usage);
    if let Some(meters) = usage.get_mut("meters").and_then(Value::as_array_mut) {
        let paces = card.usage.iter().flat_map(|usage| &usage.meters).map(|meter| core_meters::pace(meter, board.now));
        for (meter, pace) in meters.iter_mut().zip(paces) {
            meter["pace"] = json!(pace);
        }
    }
    json!({
        "id": card.id,
        "alias": card.alias,
        "active": card.active,
        "usage": usage,
        "askedAt": reading.map(|reading| reading.asked_at),
        "toldByClaudeCode": reading.is_some_and(|reading| reading.asked_at < reading.read_at),
    })
}
