//! `signalbox list`: every profile in a line. Works without a network, and takes no lock, so that it answers at once
//! whatever else is going on.

use serde_json::json;
use signalbox_core::board::{self, Board, Card, LiveState, Reason};
use signalbox_core::time::Timestamp;
use signalbox_core::view::Order;
use signalbox_core::words;

use super::shown;
use crate::context::{Context, Report};
use crate::exit::Failure;
use crate::json;
use crate::render::table::GivesWay;
use crate::render::{self, Cell, Colour, meters};

const ALIAS: usize = 1;
const EMAIL: usize = 2;
const PLAN: usize = 3;
const BADGE: usize = 4;
const USAGE: usize = 5;
const BESIDES: usize = 6;
/// Where it is narrow: what says least gives way first, and no time is cut in two.
const GIVES_WAY: [GivesWay; 9] = [
    GivesWay::Cut(EMAIL),
    GivesWay::Goes(PLAN),
    GivesWay::Shortens(BADGE),
    GivesWay::Goes(EMAIL),
    GivesWay::Shortens(BESIDES),
    GivesWay::Shortens(USAGE),
    GivesWay::Goes(BESIDES),
    GivesWay::Cut(ALIAS),
    GivesWay::Goes(BADGE),
];
/// What follows a deadline that the server did not tell.
const ASSUMED: &str = " (assumed)";

pub fn run(context: &Context, order: Order) -> Result<Report, Failure> {
    let (mut board, _roster) = shown::board(context)?;
    if order == Order::Headroom {
        board::by_headroom(&mut board.cards);
    }
    context.say(&text(context, &board));
    Ok(Report::of(json::members(json!({ "now": board.now, "live": board.live, "profiles": board.cards }))))
}

fn text(context: &Context, board: &Board) -> String {
    if board.cards.is_empty() {
        return empty(&board.live);
    }
    let rows: Vec<_> = board.cards.iter().map(|card| row(card, board.now)).collect();
    let mut text = context.style.table_giving_way(&rows, &GIVES_WAY);
    if !matches!(board.live, LiveState::Known { .. }) {
        text.push_str(&format!("\n{}\n", render::printable(&shown::capital(&words::live_state(&board.live)))));
        text.extend(shown::todo(&board.live, false).map(|todo| format!("hint: {todo}\n")));
    }
    text
}

fn row(card: &Card, now: Timestamp) -> Vec<Cell> {
    let (marker, name) = if card.active { ("●", Colour::Bold) } else { ("", Colour::Plain) };
    let (usage, besides) = usage(card, now);
    vec![
        Cell::new(marker, Colour::Green),
        Cell::new(card.alias.as_str(), name),
        Cell::plain(&shown::who(&card.email, card.setup_token)),
        Cell::plain(card.plan.as_deref().unwrap_or("-")),
        badge(card, now),
        usage,
        besides,
    ]
}

/// What is known of the login; with less room, without how long ago that was seen.
fn badge(card: &Card, now: Timestamp) -> Cell {
    let text = words::standing(card, now);
    let short = match card.badge.reason {
        Reason::Synced { .. } => "synced",
        Reason::Checked { .. } => "checked",
        _ => text.strip_suffix(ASSUMED).unwrap_or(&text),
    };
    Cell::new(&text, render::level(&card.badge)).or(short)
}

/// The tightest window, and beside it which one will be used up first and how old all this is, where that matters.
fn usage(card: &Card, now: Timestamp) -> (Cell, Cell) {
    let nothing = |why| (Cell::new(why, Colour::Dim), Cell::plain(""));
    let Some(usage) = &card.usage else {
        return nothing(if card.setup_token { "may not read usage" } else { "no usage read yet" });
    };
    let Some(meter) = usage.tightest() else { return nothing("no limits") };
    let short = format!("{} {}", meter.label, meters::percent(meter.percent));
    let resets = meter.resets_at.map(|at| format!(", resets in {}", words::countdown(at, now)));
    let window =
        Cell::new(&format!("{short}{}", resets.unwrap_or_default()), render::severity(meter.severity)).or(&short);
    let limit = meters::first_limit(usage, now);
    let colour = if limit.is_some() { Colour::Yellow } else { Colour::Dim };
    let old = meters::is_old(usage.read_at, now).then(|| meters::age(usage.read_at, now));
    let short = limit.clone().unwrap_or_default();
    let besides: Vec<String> = limit.into_iter().chain(old).collect();
    (window, Cell::new(&besides.join(", "), colour).or(&short))
}

fn empty(live: &LiveState) -> String {
    let live = match live {
        LiveState::Unregistered { email: Some(email) } => {
            return format!(
                "No profiles yet. Register the live login ({}) with `signalbox add <alias>`\n",
                render::printable(email)
            );
        }
        LiveState::Unregistered { email: None } | LiveState::Unresolved | LiveState::Known { .. } => "",
        LiveState::Husk | LiveState::Absent => "sign in to Claude Code with `claude auth login`, then ",
        LiveState::Unreadable => "Claude Code's login cannot be read (`signalbox add <alias>` says why); once it can, ",
    };
    let how = format!("{live}register the live login with `signalbox add <alias>`");
    format!("No profiles yet. {}\n", shown::capital(&how))
}
