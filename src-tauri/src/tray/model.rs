//! What the tray shows, as plain data made from a board: the rows of the menu, the tooltip and the icon's variant. Owns
//! their words; leaves drawing them to `tray`. Every label of a profile begins with its alias.

use signalbox_core::board::{Board, Card, LiveState, Meter, Reason};
use signalbox_core::error::{Code, NextStep, Problem};
use signalbox_core::profile::Alias;
use signalbox_core::time::HOUR;
use signalbox_core::words;

/// Everything that the tray shows at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayModel {
    /// Shown instead of rows while there is no profile.
    pub header: Option<String>,
    pub rows: Vec<Row>,
    pub tooltip: String,
    pub icon: Icon,
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
    /// The tray for a board.
    pub fn of(board: &Board) -> Self {
        let target = board.switching.as_ref().map(|switching| &switching.alias);
        let rows = board.cards.iter().map(|card| {
            let switching = target == Some(&card.alias);
            let words = if switching { "switching…".to_owned() } else { status(card, board) };
            Row {
                alias: card.alias.clone(),
                label: format!("{} — {words}", card.alias),
                checked: card.active,
                // One switch at a time: a second click would only wait.
                enabled: target.is_none(),
            }
        });
        Self {
            header: board.cards.is_empty().then(|| header(&board.live)),
            rows: rows.collect(),
            tooltip: tooltip(board),
            icon: if wants_attention(board) { Icon::Attention } else { Icon::Plain },
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

/// "82 % (5h)", and whatever a person should know before clicking.
fn status(card: &Card, board: &Board) -> String {
    let now = board.now;
    let usage = tightest(card).map(in_short);
    let badge = words::badge(&card.badge, now);
    let trouble = board.problem.as_ref().filter(|problem| problem.about.as_ref() == Some(&card.alias));
    let remark = match card.badge.reason {
        // These say that the profile cannot be used as it is; its usage is of no interest then.
        Reason::LoginNeeded | Reason::Unreadable | Reason::SignedOut => return badge,
        Reason::Drifted | Reason::Unconfirmed | Reason::DeadlineNear { .. } => Some(badge.clone()),
        Reason::Synced { .. } | Reason::Checked { .. } | Reason::CannotRenew | Reason::NeverChecked => {
            let age = card.usage.as_ref().map_or(0, |usage| now.since(usage.read_at));
            (age > HOUR).then(|| format!("{} ago", words::length(age)))
        }
    };
    match (usage, trouble.and_then(in_the_way).or(remark)) {
        (Some(usage), Some(remark)) => format!("{usage}, {remark}"),
        (Some(usage), None) => usage,
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

/// The meter nearest to its limit.
fn tightest(card: &Card) -> Option<&Meter> {
    let meters = &card.usage.as_ref()?.meters;
    meters.iter().max_by(|a, b| a.percent.total_cmp(&b.percent))
}

fn in_short(meter: &Meter) -> String {
    format!("{:.0} % ({})", meter.percent, meter.short)
}

fn tooltip(board: &Board) -> String {
    let mut text = match board.cards.iter().find(|card| card.active) {
        Some(card) => format!("Signalbox: {} — {}", card.alias, status(card, board)),
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
    text
}

fn wants_attention(board: &Board) -> bool {
    let stuck = |card: &Card| {
        matches!(card.badge.reason, Reason::LoginNeeded | Reason::Unreadable | Reason::SignedOut | Reason::Drifted)
    };
    board.problem.is_some() || board.cards.iter().any(stuck)
}

#[cfg(test)]
mod tests {
    use signalbox_core::board::{Badge, CardAction, Level, Severity, Switching, UsageView};
    use signalbox_core::time::{DAY, MINUTE, Timestamp};

    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);

    fn alias(text: &str) -> Alias {
        Alias::parse(text).expect("an alias")
    }

    fn meter(short: &str, percent: f64) -> Meter {
        Meter {
            label: short.to_owned(),
            short: short.to_owned(),
            percent,
            resets_at: None,
            period_ms: None,
            severity: Severity::Normal,
        }
    }

    /// How old a reading is, in milliseconds, and its meters.
    type Read = Option<(i64, Vec<Meter>)>;

    fn card(name: &str, active: bool, reason: Reason, meters: Read) -> Card {
        Card {
            id: name.to_owned(),
            alias: alias(name),
            email: format!("{name}@example.org"),
            plan: None,
            organization: None,
            active,
            badge: Badge { level: Level::Green, reason },
            usage: meters.map(|(age, meters)| UsageView { read_at: NOW.plus(-age), meters }),
            deadline: None,
            older: 0,
            action: CardAction::Switch,
        }
    }

    fn board(cards: Vec<Card>) -> Board {
        Board {
            rev: 1,
            now: NOW,
            cards,
            live: LiveState::Unresolved,
            switching: None,
            acked_op: 0,
            refreshing: false,
            problem: None,
            notice: None,
            watched_by: None,
        }
    }

    fn synced() -> Reason {
        Reason::Synced { at: NOW.plus(-12_000) }
    }

    fn busy() -> Read {
        Some((MINUTE, vec![meter("5h", 82.4), meter("7d", 47.0)]))
    }

    #[test]
    fn a_row_says_what_matters_before_clicking() {
        let near = Reason::DeadlineNear { at: NOW.plus(3 * DAY + HOUR), assumed: false };
        let cases: [(&str, Reason, Read, &str); 11] = [
            ("the tightest window", synced(), busy(), "82 % (5h)"),
            ("whichever it is", synced(), Some((0, vec![meter("5h", 6.0), meter("Opus", 31.0)])), "31 % (Opus)"),
            ("over the limit", synced(), Some((0, vec![meter("7d", 104.0)])), "104 % (7d)"),
            ("no reading yet", synced(), None, "synced 12 s ago"),
            ("never checked", Reason::NeverChecked, None, "never checked"),
            (
                "an old reading",
                Reason::Checked { at: NOW.plus(-3 * HOUR) },
                Some((3 * HOUR, vec![meter("5h", 9.0)])),
                "9 % (5h), 3 h ago",
            ),
            ("a login that ends", near, busy(), "82 % (5h), login ends in 3 days"),
            ("a login that ended", Reason::LoginNeeded, busy(), "login needed"),
            ("not confirmed", Reason::Unconfirmed, busy(), "82 % (5h), not confirmed"),
            ("drift", Reason::Drifted, busy(), "82 % (5h), another account is live"),
            ("a setup-token", Reason::CannotRenew, busy(), "82 % (5h)"),
        ];
        for (case, reason, meters, expected) in cases {
            let model = TrayModel::of(&board(vec![card("work", false, reason, meters)]));
            assert_eq!(model.rows[0].label, format!("work — {expected}"), "{case}");
        }
    }

    #[test]
    fn the_rows_are_the_roster_and_the_active_one_is_ticked() {
        let model = TrayModel::of(&board(vec![
            card("zeta", false, Reason::NeverChecked, None),
            card("alpha", true, synced(), busy()),
        ]));
        let rows: Vec<_> = model.rows.iter().map(|row| (row.alias.as_str(), row.checked, row.enabled)).collect();
        assert_eq!(rows, [("zeta", false, true), ("alpha", true, true)]);
        assert_eq!(model.header, None);
        assert_eq!(model.tooltip, "Signalbox: alpha — 82 % (5h)");
        assert_eq!(model.icon, Icon::Plain);
    }

    #[test]
    fn while_switching_the_target_says_so_and_the_tick_stays_with_the_truth() {
        let mut board =
            board(vec![card("work", true, synced(), busy()), card("personal", false, Reason::NeverChecked, None)]);
        board.switching = Some(Switching { op: 1, alias: alias("personal") });
        let model = TrayModel::of(&board);
        assert_eq!(model.rows[1].label, "personal — switching…");
        assert!(model.rows[0].checked && !model.rows[1].checked, "it is not live before it is live");
        assert!(model.rows.iter().all(|row| !row.enabled), "one switch at a time");
        assert_eq!(model.tooltip, "Signalbox: switching to personal…");
    }

    #[test]
    fn without_profiles_a_header_says_what_to_do() {
        let mut empty = board(vec![]);
        assert_eq!(TrayModel::of(&empty).header.as_deref(), Some("No profiles yet: add the live login on the board"));
        empty.live = LiveState::Absent;
        assert_eq!(TrayModel::of(&empty).header.as_deref(), Some("No profiles yet: sign in to Claude Code first"));
        assert_eq!(TrayModel::of(&empty).tooltip, "Signalbox: no profiles yet");
    }

    #[test]
    fn the_icon_has_a_dot_when_somebody_has_to_act() {
        let icon = |board: &Board| TrayModel::of(board).icon;
        assert_eq!(icon(&board(vec![card("old", false, Reason::LoginNeeded, None)])), Icon::Attention);
        assert_eq!(icon(&board(vec![card("work", true, Reason::SignedOut, None)])), Icon::Attention);
        assert_eq!(
            icon(&board(vec![card("work", true, Reason::Unconfirmed, None)])),
            Icon::Plain,
            "offline is not wrong"
        );
        let mut failed = board(vec![card("work", true, synced(), None)]);
        failed.problem = Some(Problem {
            code: Code::Provider,
            message: "Cannot switch to `personal`: the server cannot be reached".to_owned(),
            next_step: NextStep::CheckNetwork,
            about: None,
        });
        assert_eq!(icon(&failed), Icon::Attention);
        assert_eq!(
            TrayModel::of(&failed).tooltip,
            "Signalbox: work — synced 12 s ago\nCannot switch to personal: the server cannot be reached"
        );
    }

    #[test]
    fn what_keeps_a_switch_from_having_its_effect_stands_in_its_row() {
        let about = |code, next_step| {
            let mut board =
                board(vec![card("work", true, synced(), busy()), card("personal", false, synced(), busy())]);
            let message = "work is live, but Claude Code does not use the live login".to_owned();
            board.problem = Some(Problem { code, message, next_step, about: Some(alias("work")) });
            TrayModel::of(&board)
        };
        let pinned = about(Code::Pinned, NextStep::RemovePin { name: "apiKeyHelper".to_owned(), place: None });
        assert_eq!(pinned.rows[0].label, "work — 82 % (5h), ignored because of apiKeyHelper");
        assert_eq!(pinned.rows[1].label, "personal — 82 % (5h)", "it concerns one profile");
        assert_eq!(pinned.icon, Icon::Attention);
        let undone = about(Code::Reverted, NextStep::Restore { alias: alias("work") });
        assert_eq!(undone.rows[0].label, "work — 82 % (5h), switch undone");
        assert_eq!(undone.icon, Icon::Attention);
    }

    #[test]
    fn items_are_changed_in_place_until_the_set_of_profiles_changes() {
        let one = TrayModel::of(&board(vec![card("work", true, synced(), None)]));
        let other_words = TrayModel::of(&board(vec![card("work", false, Reason::LoginNeeded, busy())]));
        let renamed = TrayModel::of(&board(vec![card("job", true, synced(), None)]));
        let none = TrayModel::of(&board(vec![]));
        assert!(one.same_items(&other_words));
        assert!(!one.same_items(&renamed));
        assert!(!one.same_items(&none));
    }
}
