//! The rows, the tooltip and the icon for boards of every kind.

use signalbox_core::board::{Badge, CardAction, Level, Severity, Switching};
use signalbox_core::bootstrap::Bootstrap;
use signalbox_core::time::{DAY, MINUTE, Timestamp};

use signalbox_core::view::View;

use super::*;

fn tightest(meters: &[Meter]) -> Option<u32> {
    let most = meters.iter().enumerate().max_by(|(_, a), (_, b)| a.percent.total_cmp(&b.percent));
    most.and_then(|(index, _)| u32::try_from(index).ok())
}

pub const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);

fn alias(text: &str) -> Alias {
    Alias::parse(text).expect("an alias")
}

pub fn meter(short: &str, percent: f64) -> Meter {
    Meter {
        label: short.to_owned(),
        short: short.to_owned(),
        percent,
        resets_at: None,
        period_ms: None,
        severity: Severity::Normal,
        outlook: None,
    }
}

/// How old a reading is, in milliseconds, and its meters.
pub type Read = Option<(i64, Vec<Meter>)>;

pub fn card(name: &str, active: bool, reason: Reason, meters: Read) -> Card {
    let action = match reason {
        Reason::LoginNeeded | Reason::Unreadable | Reason::SignedOut => CardAction::SignIn,
        _ => CardAction::Switch,
    };
    Card {
        id: name.to_owned(),
        alias: alias(name),
        email: format!("{name}@example.org"),
        setup_token: false,
        plan: None,
        organization: None,
        active,
        badge: Badge { level: Level::Green, reason },
        usage: meters.map(|(age, meters)| UsageView {
            read_at: NOW.plus(-age),
            tightest: tightest(&meters),
            meters,
            spend: None,
        }),
        deadline: None,
        older: 0,
        bootstrap: None,
        action,
    }
}

pub fn board(cards: Vec<Card>) -> Board {
    Board {
        rev: 1,
        now: NOW,
        cards,
        live: LiveState::Unresolved,
        switching: None,
        signing_in: None,
        acked_op: 0,
        refreshing: false,
        problem: None,
        notice: None,
        watched_by: None,
        view: View::default(),
    }
}

fn tray(board: &Board) -> TrayModel {
    TrayModel::of(board, MenuBar::default(), &chrono::Utc)
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
        let model = tray(&board(vec![card("work", false, reason, meters)]));
        assert_eq!(model.rows[0].label, format!("work — {expected}"), "{case}");
    }
}

#[test]
fn the_rows_are_the_roster_and_the_active_one_is_ticked() {
    let model =
        tray(&board(vec![card("zeta", false, Reason::NeverChecked, None), card("alpha", true, synced(), busy())]));
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
    let model = tray(&board);
    assert_eq!(model.rows[1].label, "personal — switching…");
    assert!(model.rows[0].checked && !model.rows[1].checked, "it is not live before it is live");
    assert!(model.rows.iter().all(|row| !row.enabled), "one switch at a time");
    assert_eq!(model.tooltip, "Signalbox: switching to personal…");
}

#[test]
fn without_profiles_a_header_says_what_to_do() {
    let mut empty = board(vec![]);
    assert_eq!(tray(&empty).header.as_deref(), Some("No profiles yet: add the live login on the board"));
    empty.live = LiveState::Absent;
    assert_eq!(tray(&empty).header.as_deref(), Some("No profiles yet: sign in to Claude Code first"));
    assert_eq!(tray(&empty).tooltip, "Signalbox: no profiles yet");
}

#[test]
fn the_icon_has_a_dot_when_somebody_has_to_act() {
    let icon = |board: &Board| tray(board).icon;
    assert_eq!(icon(&board(vec![card("old", false, Reason::LoginNeeded, None)])), Icon::Attention);
    let by_itself = |bootstrap| Card { bootstrap: Some(bootstrap), ..card("old", false, Reason::LoginNeeded, None) };
    assert_eq!(icon(&board(vec![by_itself(Bootstrap::Due)])), Icon::Plain, "nobody has to be asked");
    assert_eq!(icon(&board(vec![by_itself(Bootstrap::Ready)])), Icon::Plain, "its window is word enough");
    assert_eq!(icon(&board(vec![by_itself(Bootstrap::Stalled { since: NOW })])), Icon::Attention);
    assert_eq!(icon(&board(vec![card("work", true, Reason::SignedOut, None)])), Icon::Attention);
    assert_eq!(icon(&board(vec![card("work", true, Reason::Unconfirmed, None)])), Icon::Plain, "offline is not wrong");
    let mut failed = board(vec![card("work", true, synced(), None)]);
    failed.problem = Some(Problem {
        code: Code::Provider,
        message: "Cannot switch to `personal`: the server cannot be reached".to_owned(),
        next_step: NextStep::CheckNetwork,
        about: None,
    });
    assert_eq!(icon(&failed), Icon::Attention);
    assert_eq!(
        tray(&failed).tooltip,
        "Signalbox: work — synced 12 s ago\nCannot switch to personal: the server cannot be reached"
    );
}

#[test]
fn what_keeps_a_switch_from_having_its_effect_stands_in_its_row() {
    let about = |code, next_step| {
        let mut board = board(vec![card("work", true, synced(), busy()), card("personal", false, synced(), busy())]);
        let message = "work is live, but Claude Code does not use the live login".to_owned();
        board.problem = Some(Problem { code, message, next_step, about: Some(alias("work")) });
        tray(&board)
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
    let one = tray(&board(vec![card("work", true, synced(), None)]));
    let other_words = tray(&board(vec![card("work", false, Reason::LoginNeeded, busy())]));
    let renamed = tray(&board(vec![card("job", true, synced(), None)]));
    let none = tray(&board(vec![]));
    assert!(one.same_items(&other_words));
    assert!(!one.same_items(&renamed));
    assert!(!one.same_items(&none));
}

#[test]
fn rows_count_what_is_left_where_the_board_does() {
    let mut board = board(vec![
        card("work", true, synced(), busy()),
        card("over", false, synced(), Some((0, vec![meter("7d", 104.0)]))),
    ]);
    board.view.shows = Shows::Left;
    let model = tray(&board);
    assert_eq!(model.rows[0].label, "work — 18 % left (5h)");
    assert_eq!(model.rows[1].label, "over — 0 % left (7d)");
}

#[test]
fn the_tooltip_says_when_the_tightest_window_will_be_used_up() {
    let with = |outlook, percent| {
        let tightest = Meter { label: "5-hour".to_owned(), outlook, ..meter("5h", percent) };
        tray(&board(vec![card("work", true, synced(), Some((0, vec![tightest, meter("7d", 1.0)])))])).tooltip
    };
    // NOW is 08:00 UTC.
    let limit = Some(Outlook::Limit { at: NOW.plus(6 * HOUR + 20 * MINUTE) });
    assert_eq!(with(limit, 71.0), "Signalbox: work — 71 % (5h)\n5-hour limit at 14:20 at this pace");
    assert_eq!(with(Some(Outlook::Lasts), 71.0), "Signalbox: work — 71 % (5h)");
    assert_eq!(with(None, 71.0), "Signalbox: work — 71 % (5h)");
}

#[test]
fn where_numbers_are_hidden_a_row_is_its_alias_unless_somebody_has_to_act() {
    let mut board = board(vec![
        card("work", true, synced(), busy()),
        card("unread", false, Reason::NeverChecked, None),
        card("old", false, synced(), Some((2 * HOUR, vec![meter("5h", 1.0)]))),
        card("ended", false, Reason::LoginNeeded, busy()),
        card("near", false, Reason::DeadlineNear { at: NOW.plus(3 * DAY + HOUR), assumed: false }, busy()),
    ]);
    board.view.hides = Hides::Always;
    board.problem = Some(Problem {
        code: Code::Unregistered,
        message: "Cannot switch: the live login belongs to ada@example.org".to_owned(),
        next_step: NextStep::AddProfile,
        about: None,
    });
    let model = tray(&board);
    let labels: Vec<_> = model.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["work", "unread", "old", "ended — login needed", "near — login ends in 3 days"]);
    assert_eq!(model.tooltip, "Signalbox: work\nCannot switch: the live login belongs to another account");
}
