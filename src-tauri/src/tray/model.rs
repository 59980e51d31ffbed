//! What the tray shows, as plain data made from a board: the rows of the menu, the tooltip and the icon's variant. Owns
//! their words; leaves what stands beside the icon to `gauge`, and drawing to `tray`. Every label of a profile begins with
//! its alias.

use std::fmt::Display;

use chrono::TimeZone;
use signalbox_core::board::{Board, Card, LiveState, Meter, Outlook, Reason, UsageView};
use signalbox_core::error::{Code, NextStep, Problem};
use signalbox_core::profile::Alias;
use signalbox_core::time::HOUR;
use signalbox_core::view::{Hides, Shows};
use signalbox_core::words;
use signalbox_machine::settings::MenuBar;

use super::gauge::Gauge;
use crate::discreet;

/// Everything that the tray shows at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayModel {
    /// Shown instead of rows while there is no profile.
    pub header: Option<String>,
    pub rows: Vec<Row>,
    pub tooltip: String,
    pub icon: Icon,
    pub gauge: Gauge,
}

/// One profile as a check item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub alias: Alias,
    pub label: String,
    pub checked: bool,
    pub enabled: bool,
}

/// Variants of the tray icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Plain,
    /// With a dot: a login is needed, or something went wrong.
    Attention,
}

impl TrayModel {
    /// The tray for a board, drawn as the settings say. `zone`: the person's.
    pub fn of<Zone: TimeZone>(board: &Board, menu_bar: MenuBar, zone: &Zone) -> Self
    where
        Zone::Offset: Display,
    {
        let target = board.switching.as_ref().map(|switching| &switching.alias);
        let rows = board.cards.iter().map(|card| {
            let switching = target == Some(&card.alias);
            let words = if switching { "switching…".to_owned() } else { status(card, board) };
            Row {
                alias: card.alias.clone(),
                label: if words.is_empty() { card.alias.to_string() } else { format!("{} — {words}", card.alias) },
                checked: card.active,
                // One switch at a time: a second click would only wait.
                enabled: target.is_none(),
            }
        });
        Self {
            header: board.cards.is_empty().then(|| header(&board.live)),
            rows: rows.collect(),
            tooltip: tooltip(board, zone),
            icon: if wants_attention(board) { Icon::Attention } else { Icon::Plain },
            gauge: Gauge::of(board, menu_bar, zone),
        }
    }

    /// Whether the menu has the same items, so that they can be changed in place.
    pub fn same_items(&self, other: &Self) -> bool {
        self.header == other.header
            && self.rows.iter().map(|row| &row.alias).eq(other.rows.iter().map(|row| &row.alias))
    }
}

fn header(live: &LiveState) -> String {
    match live {
        LiveState::Absent | LiveState::Husk => "No profiles yet: sign in to Claude Code first".to_owned(),
        _ => "No profiles yet: add the live login on the board".to_owned(),
    }
}

/// "82 % (5h)", and whatever a person should know before clicking. Nothing where all is well and numbers are hidden.
fn status(card: &Card, board: &Board) -> String {
    let now = board.now;
    let hidden = board.view.hides == Hides::Always;
    let usage = card.usage.as_ref().filter(|_| !hidden).and_then(UsageView::tightest);
    let usage = usage.map(|meter| in_short(meter, board.view.shows));
    let badge = words::standing(card, now);
    let trouble = board.problem.as_ref().filter(|problem| problem.about.as_ref() == Some(&card.alias));
    let remark = match card.badge.reason {
        // These say that the profile cannot be used as it is; its usage is of no interest then.
        Reason::LoginNeeded | Reason::Unreadable | Reason::SignedOut => return badge,
        Reason::Drifted | Reason::Unconfirmed | Reason::DeadlineNear { .. } => Some(badge.clone()),
        Reason::Synced { .. } | Reason::Checked { .. } | Reason::CannotRenew | Reason::NeverChecked if hidden => None,
        Reason::Synced { .. } | Reason::Checked { .. } | Reason::CannotRenew | Reason::NeverChecked => {
            let age = card.usage.as_ref().map_or(0, |usage| now.since(usage.read_at));
            (age > HOUR).then(|| format!("{} ago", words::length(age)))
        }
    };
    match (usage, trouble.and_then(in_the_way).or(remark)) {
        (Some(usage), Some(remark)) => format!("{usage}, {remark}"),
        (Some(usage), None) => usage,
        (None, remark) if hidden => remark.unwrap_or_default(),
        (None, _) => badge,
    }
}

/// What keeps a switch from having its effect, short enough for a row.
fn in_the_way(problem: &Problem) -> Option<String> {
    match (problem.code, &problem.next_step) {
        (Code::Pinned, NextStep::RemovePin { name, .. }) => Some(format!("ignored because of {name}")),
        (Code::Reverted, _) => Some("switch undone".to_owned()),
        _ => None,
    }
}

fn in_short(meter: &Meter, shows: Shows) -> String {
    match shows {
        Shows::Used => format!("{:.0} % ({})", meter.percent, meter.short),
        Shows::Left => format!("{:.0} % left ({})", (100.0 - meter.percent).max(0.0), meter.short),
    }
}

fn tooltip<Zone: TimeZone>(board: &Board, zone: &Zone) -> String
where
    Zone::Offset: Display,
{
    let mut text = match board.cards.iter().find(|card| card.active) {
        Some(card) => {
            let parts = [format!("Signalbox: {}", card.alias), status(card, board)];
            let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            let ends = ends(card, board, zone).map(|ends| format!("\n{ends}")).unwrap_or_default();
            format!("{}{ends}", parts.join(" — "))
        }
        None if board.cards.is_empty() => "Signalbox: no profiles yet".to_owned(),
        None => "Signalbox: no profile is active".to_owned(),
    };
    if let Some(switching) = &board.switching {
        text = format!("Signalbox: switching to {}…", switching.alias);
    }
    if let Some(problem) = &board.problem {
        // Backticks are for terminals.
        text = format!("{text}\n{}", problem.message.replace('`', ""));
    }
    if board.view.hides == Hides::Always { discreet::without_addresses(&text) } else { text }
}

/// "5-hour limit at 14:20 at this pace", where the tightest window is on the way there.
fn ends<Zone: TimeZone>(card: &Card, board: &Board, zone: &Zone) -> Option<String>
where
    Zone::Offset: Display,
{
    let meter = card.usage.as_ref().filter(|_| board.view.hides != Hides::Always)?.tightest()?;
    let Some(Outlook::Limit { .. }) = meter.outlook else { return None };
    words::outlook(meter, board.now, zone).map(|words| format!("{} {words}", meter.label))
}

fn wants_attention(board: &Board) -> bool {
    let stuck = |card: &Card| card.needs_person() || matches!(card.badge.reason, Reason::Drifted);
    board.problem.is_some() || board.cards.iter().any(stuck)
}

#[cfg(test)]
pub mod tests;
