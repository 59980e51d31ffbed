//! What `list` and `status` show: the board of this moment, made without a request, a lock or a write. Also the small words
//! about a profile that more than one command says.

use signalbox_core::board::{self, Activity, Board, Meter, UsageView};
use signalbox_core::error::Doing;
use signalbox_core::identity::Account;
use signalbox_core::profile::Roster;
use signalbox_core::time::Timestamp;
use signalbox_core::{sync, vault, words};

use crate::context::{Context, while_doing};
use crate::exit::Failure;
use crate::render;

/// The board as far as this computer alone can tell.
pub fn board(context: &Context) -> Result<(Board, Roster), Failure> {
    let ports = &context.ports;
    let roster = vault::load_roster(ports).map_err(while_doing(&Doing::Show))?;
    let live = sync::glance(ports, &roster);
    let activity = Activity::of_a_glance(live, context.now());
    let board = board::assemble(ports, &activity).map_err(while_doing(&Doing::Show))?;
    Ok((board, roster))
}

/// The window nearest to its limit.
pub fn tightest(usage: &UsageView) -> Option<&Meter> {
    usage.meters.iter().max_by(|a, b| a.percent.total_cmp(&b.percent))
}

/// "5-hour 71 %, resets in 1h59".
pub fn meter(meter: &Meter, now: Timestamp) -> String {
    let used = format!("{} {}", meter.label, render::percent(meter));
    match meter.resets_at {
        Some(at) => format!("{used}, resets in {}", words::countdown(at, now)),
        None => used,
    }
}

/// "m.keller@example.org (Max 20×)".
pub fn account(account: &Account) -> String {
    let email = render::printable(&account.email);
    match &account.plan {
        Some(plan) => format!("{email} ({})", render::printable(plan)),
        None => email,
    }
}

/// The same sentence with a capital letter.
pub fn capital(text: &str) -> String {
    // An e-mail address is a name and stays as it is written.
    if text.split(' ').next().is_some_and(|word| word.contains('@')) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
