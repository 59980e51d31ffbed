//! `signalbox undo`: back to an earlier login of a profile. It asks nothing, because it can itself be undone; it says what
//! it did instead.

use serde_json::json;
use signalbox_core::error::{Code, Doing, NextStep};
use signalbox_core::profile::Alias;
use signalbox_core::undo::{self, Undone};
use signalbox_core::{vault, words};

use super::shown;
use crate::context::{Context, Report, while_doing};
use crate::exit::Failure;
use crate::json;

pub fn run(context: &Context, alias: Option<Alias>) -> Result<Report, Failure> {
    let alias = alias.map_or_else(|| active(context), Ok)?;
    let undone =
        undo::undo(&context.ports, &alias).map_err(|error| Failure::flow(&error, &Doing::Undo(alias.clone())))?;
    context.say(&text(context, &undone));
    // A parked login reaches nobody, and no pin stands in its way.
    let failure = if undone.was_live { shown::pinned(&undone.alias, &undone.reach) } else { None };
    let members = json::members(json!({
        "undone": undone.alias,
        "generation": undone.generation,
        "savedAt": undone.saved_at,
        "wasLive": undone.was_live,
        "sessions": shown::sessions(&undone.reach),
        "pins": undone.reach.pins,
    }));
    Ok(Report { failure, ..Report::of(members) })
}

fn active(context: &Context) -> Result<Alias, Failure> {
    let roster = vault::load_roster(&context.ports).map_err(while_doing(&Doing::Show))?;
    roster.active().map(|profile| profile.alias.clone()).ok_or_else(|| {
        let message = "Cannot go back to an earlier login: no profile is live, so name the one that you mean";
        Failure::new(Code::Usage, message.to_owned(), NextStep::ListProfiles)
    })
}

fn text(context: &Context, undone: &Undone) -> String {
    let Undone { alias, generation, saved_at, was_live, reach } = undone;
    let age = words::length(context.now().since(*saved_at));
    let whom = if *was_live { reach.words() } else { format!("It is parked: `signalbox use {alias}` makes it live.") };
    let done = format!("Brought back the login of {alias} that was saved {age} ago (generation {generation})");
    let back = format!("The login whose place it took is kept: `signalbox undo {alias}` goes forth again.");
    format!("{done}: confirmed by the server. {whom}\n{back}\n")
}
