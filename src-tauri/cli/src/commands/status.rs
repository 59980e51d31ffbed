//! `signalbox status`: what is live, the active profile with all its meters, and what a person should look at. Asks nobody,
//! and ends well even when Claude Code is signed out: that is an answer, not a failure.

use serde::Serialize;
use serde_json::json;
use signalbox_core::board::{Board, Card, LiveState, Reason};
use signalbox_core::error::{Doing, NextStep};
use signalbox_core::ports::{FileName, StoreError};
use signalbox_core::profile::{Alias, Roster};
use signalbox_core::time::{DAY, Timestamp};
use signalbox_core::words;

use super::shown;
use crate::context::{Context, Report, while_doing};
use crate::exit::Failure;
use crate::json;
use crate::render::{self, Colour, Style, meters};

/// What is not on the board.
struct Leftovers {
    /// Logins that were put aside because nobody could say whose they are.
    held: usize,
    /// A switch was cut short, and nothing has ended it yet.
    interrupted: bool,
}

/// The login that was switched away from is live again.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reverted {
    /// The choice that was undone.
    wanted: Alias,
    found: Alias,
    switched_at: Timestamp,
}

impl Reverted {
    /// As the roster tells. After a day it is no news, and may well have been meant.
    fn of(roster: &Roster, now: Timestamp) -> Option<Self> {
        let switch = roster.last_switch().filter(|switch| now.since(switch.at) < DAY)?;
        let found = roster.active().filter(|active| switch.from.as_ref() == Some(active.identity()))?;
        let wanted = roster.by_identity(&switch.to)?;
        Some(Self { wanted: wanted.alias.clone(), found: found.alias.clone(), switched_at: switch.at })
    }

    fn words(&self, now: Timestamp) -> String {
        let Self { wanted, found, switched_at } = self;
        let hint = words::hint(&NextStep::Restore { alias: wanted.clone() }, now);
        let age = words::length(now.since(*switched_at));
        format!("{found} came back after the switch to {wanted} {age} ago; {hint}")
    }
}

pub fn run(context: &Context) -> Result<Report, Failure> {
    let (board, roster) = shown::board(context)?;
    let reverted = Reverted::of(&roster, board.now);
    let leftovers = leftovers(context).map_err(while_doing(&Doing::Show))?;
    context.say(&text(context.style, &board, &leftovers, reverted.as_ref()));
    let active = board.cards.iter().find(|card| card.active);
    Ok(Report::of(json::members(json!({
        "now": board.now,
        "live": board.live,
        "active": active,
        "profiles": board.cards,
        "watchedBy": board.watched_by,
        "reverted": reverted,
        "heldLogins": leftovers.held,
        "interrupted": leftovers.interrupted,
    }))))
}

fn leftovers(context: &Context) -> Result<Leftovers, StoreError> {
    let files = &context.ports.files;
    let held = files.list()?.iter().filter(|name| matches!(name, FileName::Held(_))).count();
    Ok(Leftovers { held, interrupted: files.read(&FileName::Journal)?.is_some() })
}

fn text(style: Style, board: &Board, leftovers: &Leftovers, reverted: Option<&Reverted>) -> String {
    let mut text = headline(style, board);
    if let Some(card) = board.cards.iter().find(|card| card.active) {
        text.push_str(&login(style, card, board));
        text.push_str(&watch(style, board));
        text.push_str(&usage(style, card, board));
    }
    let troubles = troubles(board, leftovers, reverted);
    if !troubles.is_empty() {
        text.push('\n');
    }
    for trouble in troubles {
        text.push_str(&format!("{}\n", render::printable(&trouble)));
    }
    text
}

fn headline(style: Style, board: &Board) -> String {
    let about = |card: &Card| {
        let more = [card.plan.as_deref(), card.organization.as_deref()];
        let more: Vec<_> = more.into_iter().flatten().map(render::printable).collect();
        let email = render::printable(&shown::who(&card.email, card.setup_token));
        if more.is_empty() { email } else { format!("{email} ({})", more.join(", ")) }
    };
    let live = render::printable(&shown::capital(&words::live_state(&board.live)));
    let active = board.cards.iter().find(|card| card.active);
    match (&board.live, active) {
        (LiveState::Known { alias }, Some(card)) => {
            format!("{} is live: {}\n", style.paint(alias.as_str(), Colour::Bold), about(card))
        }
        (_, Some(card)) => format!("{live}\nLast known to be live: {}, {}\n", card.alias, about(card)),
        (_, None) => format!("{live}\n"),
    }
}

fn login(style: Style, card: &Card, board: &Board) -> String {
    let badge = style.paint(&words::standing(card, board.now), render::level(&card.badge));
    // The badge of a login that ends soon says so itself.
    let said = matches!(card.badge.reason, Reason::DeadlineNear { .. });
    let mut parts = vec![badge];
    parts.extend(card.deadline.filter(|_| !said).map(|deadline| words::deadline(deadline, board.now)));
    match card.older {
        0 => {}
        1 => parts.push("1 earlier login kept".to_owned()),
        older => parts.push(format!("{older} earlier logins kept")),
    }
    format!("{}\n", parts.join(", "))
}

fn watch(style: Style, board: &Board) -> String {
    let words = match &board.watched_by {
        Some(who) => format!("{who} keeps watch"),
        None => "nobody keeps watch: the app does while it runs, or `signalbox watch`".to_owned(),
    };
    format!("{}\n", style.paint(&render::printable(&shown::capital(&words)), Colour::Dim))
}

fn usage(style: Style, card: &Card, board: &Board) -> String {
    let Some(usage) = card.usage.as_ref().filter(|usage| !usage.meters.is_empty() || usage.spend.is_some()) else {
        return format!("\n{}\n", shown::unread(card));
    };
    let rows = meters::rows(style, usage, 0, board.now);
    let old = meters::is_old(usage.read_at, board.now);
    let age = style.paint(&meters::age(usage.read_at, board.now), if old { Colour::Yellow } else { Colour::Dim });
    let todo = if old && !card.setup_token {
        format!("; `signalbox refresh {}` reads it now", card.alias)
    } else {
        String::new()
    };
    format!("\n{}{age}{todo}\n", style.table(&rows))
}

/// What a person should look at, each in a line with what to do about it.
fn troubles(board: &Board, leftovers: &Leftovers, reverted: Option<&Reverted>) -> Vec<String> {
    let mut troubles = Vec::new();
    if let Some(todo) = shown::todo(&board.live, board.cards.is_empty()) {
        troubles.push(format!("hint: {todo}"));
    }
    troubles.extend(reverted.map(|undone| undone.words(board.now)));
    for card in board.cards.iter().filter(|card| card.needs_person() && card.badge.reason != Reason::SignedOut) {
        let alias = card.alias.clone();
        let step = if card.setup_token { NextStep::NewToken { alias } } else { NextStep::SignIn { alias } };
        let what = words::standing(card, board.now);
        troubles.push(format!("{}: {what}; {}", card.alias, words::hint(&step, board.now)));
    }
    match leftovers.held {
        0 => {}
        1 => troubles.push(aside("1 login was")),
        held => troubles.push(aside(&format!("{held} logins were"))),
    }
    if leftovers.interrupted {
        troubles.push("a switch was interrupted; `signalbox refresh` ends it".to_owned());
    }
    troubles
}

fn aside(who: &str) -> String {
    format!("{who} put aside, encrypted, because nobody could say whose; `signalbox refresh` asks again")
}
