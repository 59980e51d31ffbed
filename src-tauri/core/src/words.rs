//! Words for lengths of time, badges and next steps, for the tray and the command line. The board has the same words in
//! `format.ts` and `copy.ts`, because its ages tick without asking us. Leaves meaning to `policy` and `error`.

use crate::board::{Badge, Deadline, LiveState, Reason};
use crate::error::NextStep;
use crate::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

/// "12 s", "4 min", "3 h", "2 days": the largest whole unit.
pub fn length(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        _ if ms < MINUTE => format!("{} s", ms / SECOND),
        _ if ms < HOUR => format!("{} min", ms / MINUTE),
        _ if ms < DAY => format!("{} h", ms / HOUR),
        _ if ms < 2 * DAY => "1 day".to_owned(),
        _ => format!("{} days", ms / DAY),
    }
}

/// A countdown as on a meter: "52m", "1h56", "3d 4h".
pub fn countdown(until: Timestamp, now: Timestamp) -> String {
    let minutes = until.since(now).max(0) / MINUTE;
    let (days, hours, rest) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{rest}m"),
        (0, _) => format!("{hours}h{rest:02}"),
        _ => format!("{days}d {hours}h"),
    }
}

/// The words of a badge.
pub fn badge(badge: &Badge, now: Timestamp) -> String {
    match &badge.reason {
        Reason::Synced { at } => format!("synced {} ago", length(now.since(*at))),
        Reason::Checked { at } => format!("checked {} ago", length(now.since(*at))),
        Reason::DeadlineNear { at, assumed } => deadline(Deadline { at: *at, assumed: *assumed }, now),
        Reason::Unconfirmed => "not confirmed".to_owned(),
        Reason::SignedOut => "signed out of Claude Code".to_owned(),
        Reason::Drifted => "another account is live".to_owned(),
        Reason::LoginNeeded => "login needed".to_owned(),
        Reason::CannotRenew => "cannot renew itself".to_owned(),
        Reason::NeverChecked => "never checked".to_owned(),
        Reason::Unreadable => "saved login unreadable".to_owned(),
    }
}

/// "login ends in 21 days", or that it is only assumed.
pub fn deadline(deadline: Deadline, now: Timestamp) -> String {
    let left = deadline.at.since(now);
    match (left > 0, deadline.assumed) {
        (false, false) => "login has ended".to_owned(),
        (false, true) => "login may have ended (assumed)".to_owned(),
        (true, false) => format!("login ends in {}", length(left)),
        (true, true) => format!("login ends in about {} (assumed)", length(left)),
    }
}

/// What is live, in one clause.
pub fn live_state(live: &LiveState) -> String {
    match live {
        LiveState::Known { alias } => format!("{alias} is live"),
        LiveState::Unregistered { email: Some(email) } => format!("{email} is live, which is no profile yet"),
        LiveState::Unregistered { email: None } => "a login that is no profile yet is live".to_owned(),
        LiveState::Unresolved => "the live login is not confirmed yet".to_owned(),
        LiveState::Husk => "Claude Code emptied its login".to_owned(),
        LiveState::Absent => "Claude Code is signed out".to_owned(),
        LiveState::Unreadable => "Claude Code's login cannot be read".to_owned(),
    }
}

/// The next step as an imperative for the command line.
pub fn hint(step: &NextStep, now: Timestamp) -> String {
    match step {
        NextStep::SignIn { alias } => {
            format!("sign in to the account of `{alias}` with `claude` and `/login`, then run `signalbox refresh`")
        }
        NextStep::AddProfile => "register it first with `signalbox add <alias>`".to_owned(),
        NextStep::Restore { alias } => format!("`signalbox use {alias}` brings your choice back"),
        NextStep::RemovePin { name, place: None } => {
            format!("`unset {name}`, also where your shell sets it, and start Claude Code again")
        }
        NextStep::RemovePin { name, place: Some(path) } => {
            format!("take `{name}` out of {path}, and start Claude Code again")
        }
        NextStep::StopWatch => "stop that one first, or leave the watch to it".to_owned(),
        NextStep::ListProfiles => "`signalbox list` shows the profiles there are".to_owned(),
        NextStep::Confirm => {
            "the guided `rotate`, which a later version brings, adds a login without that risk; until then sign in with \
             `/login` and never with `/logout`; to go on all the same, add `--yes`"
                .to_owned()
        }
        NextStep::Wait { until } => format!("try again in {}", length(until.since(now))),
        NextStep::Retry => "try again".to_owned(),
        NextStep::CheckNetwork => "check the network connection, then try again".to_owned(),
        NextStep::Run { command } => format!("run `{command}`, then try again"),
        NextStep::FreeSpace { path } => format!("make room on the disk that holds {path}, then try again"),
        NextStep::UnlockKeychain => {
            "unlock the keychain with `security unlock-keychain ~/Library/Keychains/login.keychain-db`, then try again"
                .to_owned()
        }
        NextStep::AttendKeychain => {
            "answer the Keychain's dialog, or run `claude` and `/login`, then try again".to_owned()
        }
        NextStep::ReportBug => "please report this with the log in the data folder".to_owned(),
    }
}
