//! `signalbox list`: every profile in a line. Works without a network, and takes no lock, so that it answers at once
//! whatever else is going on.

use serde_json::json;
use signalbox_core::board::{Board, Card, LiveState};
use signalbox_core::time::Timestamp;
use signalbox_core::words;

use super::shown;
use crate::context::{Context, Report};
use crate::exit::Failure;
use crate::json;
use crate::render::{self, Cell, Colour};

pub fn run(context: &Context) -> Result<Report, Failure> {
    let (board, _roster) = shown::board(context)?;
    context.say(&text(context, &board));
    Ok(Report::of(json::members(json!({ "now": board.now, "live": board.live, "profiles": board.cards }))))
}

fn text(context: &Context, board: &Board) -> String {
    if board.cards.is_empty() {
        return empty(&board.live);
    }
    let rows: Vec<_> = board.cards.iter().map(|card| row(card, board.now)).collect();
    let mut text = context.style.table(&rows);
    if !matches!(board.live, LiveState::Known { .. }) {
        text.push_str(&format!("\n{}\n", render::printable(&shown::capital(&words::live_state(&board.live)))));
        text.extend(shown::todo(&board.live, false).map(|todo| format!("hint: {todo}\n")));
    }
    text
}

fn row(card: &Card, now: Timestamp) -> Vec<Cell> {
    let (marker, name) = if card.active { ("●", Colour::Bold) } else { ("", Colour::Plain) };
    let usage = card.usage.as_ref().and_then(shown::tightest);
    let usage = usage.map_or_else(
        || Cell::new("no usage read yet", Colour::Dim),
        |meter| Cell::new(&shown::meter(meter, now), render::severity(meter.severity)),
    );
    vec![
        Cell::new(marker, Colour::Green),
        Cell::new(card.alias.as_str(), name),
        Cell::plain(&card.email),
        Cell::plain(card.plan.as_deref().unwrap_or("-")),
        Cell::new(&words::badge(&card.badge, now), render::level(&card.badge)),
        usage,
    ]
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
