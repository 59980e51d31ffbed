//! The pure decisions as tables: when a token is renewed, what colour a badge has, and how a usage answer is read. When usage is
//! asked for is in `schedule`.

use serde_json::json;
use signalbox_core::board::{Deadline, Level, Reason, Severity};
use signalbox_core::meters;
use signalbox_core::policy::{self, LiveStanding, Standing};
use signalbox_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use signalbox_core::usage::{Reading, Usage, WindowKind};
use signalbox_core::words;

const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);

#[test]
fn an_access_token_is_renewed_within_five_minutes_of_its_end() {
    for (left, expected) in
        [(Some(295 * SECOND), true), (Some(310 * SECOND), false), (Some(-HOUR), true), (Some(0), true), (None, false)]
    {
        assert_eq!(policy::expires_soon(left.map(|ms| NOW.plus(ms)), NOW), expected, "{left:?}");
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is the form of the field")]
fn known(at: Timestamp) -> Option<Deadline> {
    Some(Deadline { at, assumed: false })
}

fn active(live: LiveStanding, synced_ago: Option<i64>) -> Standing {
    Standing {
        active: true,
        renews: true,
        live,
        synced_at: synced_ago.map(|ms| NOW.plus(-ms)),
        deadline: known(NOW.plus(20 * DAY)),
        ..Standing::default()
    }
}

fn parked(deadline_in: i64, read_ago: Option<i64>) -> Standing {
    Standing {
        renews: true,
        deadline: known(NOW.plus(deadline_in)),
        usage_read_at: read_ago.map(|ms| NOW.plus(-ms)),
        ..Standing::default()
    }
}

#[test]
fn a_badge_has_the_colour_of_the_design() {
    for (standing, level, because) in [
        (active(LiveStanding::Mine, Some(10 * MINUTE)), Level::Green, "synced within 10 minutes"),
        (active(LiveStanding::Mine, Some(11 * MINUTE)), Level::Yellow, "synced 10 to 60 minutes ago"),
        (active(LiveStanding::Mine, Some(HOUR + 1)), Level::Red, "no sync for an hour"),
        (active(LiveStanding::Unconfirmed, Some(0)), Level::Yellow, "the identity is unresolved"),
        (active(LiveStanding::Drifted, Some(0)), Level::Red, "another account is live"),
        (active(LiveStanding::SignedOut, Some(0)), Level::Red, "a husk"),
        (parked(6 * DAY, Some(MINUTE)), Level::Green, "the deadline is more than 5 days off"),
        (parked(5 * DAY - 1, Some(MINUTE)), Level::Yellow, "the deadline is within 5 days"),
        (parked(6 * DAY, Some(HOUR + 1)), Level::Yellow, "usage is older than an hour"),
        (parked(0, Some(MINUTE)), Level::Red, "the deadline has passed"),
        (parked(6 * DAY, None), Level::Grey, "never checked"),
        (Standing { login_needed: true, ..parked(6 * DAY, Some(0)) }, Level::Red, "the server refused it for good"),
        (Standing { renews: false, ..parked(6 * DAY, Some(0)) }, Level::Grey, "a setup-token"),
        (
            Standing { renews: false, ..parked(5 * DAY - 1, None) },
            Level::Yellow,
            "a setup-token within 5 days of its end",
        ),
        (Standing { renews: false, ..parked(0, None) }, Level::Red, "a setup-token whose year is over"),
        (
            Standing { renews: false, deadline: known(NOW), ..active(LiveStanding::Mine, Some(0)) },
            Level::Red,
            "a live setup-token whose year is over",
        ),
        (
            Standing { renews: false, ..active(LiveStanding::Mine, Some(MINUTE)) },
            Level::Green,
            "a live setup-token is as good as any",
        ),
        (Standing { unreadable: true, ..parked(6 * DAY, Some(0)) }, Level::Red, "the saved login cannot be read"),
    ] {
        assert_eq!(policy::badge(&standing, NOW).level, level, "{because}");
    }
}

#[test]
fn every_badge_has_words() {
    let words = |standing: &Standing| words::badge(&policy::badge(standing, NOW), NOW);
    assert_eq!(words(&active(LiveStanding::Mine, Some(12 * SECOND))), "synced 12 s ago");
    assert_eq!(words(&parked(3 * DAY + HOUR, Some(0))), "login ends in 3 days");
    assert_eq!(words(&parked(-1, Some(0))), "login needed");
    assert_eq!(words(&parked(9 * DAY, Some(4 * MINUTE))), "checked 4 min ago");
}

#[test]
fn countdowns_are_short() {
    for (left, expected) in [
        (0, "0m"),
        (59 * SECOND, "0m"),
        (52 * MINUTE, "52m"),
        (116 * MINUTE, "1h56"),
        (76 * HOUR, "3d 4h"),
        (-HOUR, "0m"),
    ] {
        assert_eq!(words::countdown(NOW.plus(left), NOW), expected);
    }
}

#[track_caller]
fn windows(answer: &serde_json::Value) -> Vec<(String, f64, bool)> {
    let usage = Usage::parse(answer).expect("an answer");
    let row = |window: signalbox_core::usage::Window| {
        (window.kind.label().to_owned(), window.percent, window.resets_at.is_some())
    };
    usage.windows.into_iter().map(row).collect()
}

#[test]
fn a_usage_answer_is_read_in_both_of_its_shapes() {
    let at = "2026-03-02T11:00:00.521744+00:00";
    let flat = json!({"five_hour": {"utilization": 48.5, "resets_at": at}, "seven_day": {"utilization": 64, "resets_at": null}});
    assert_eq!(windows(&flat), [("5-hour".to_owned(), 48.5, true), ("7-day".to_owned(), 64.0, false)]);
    let limits = json!({"five_hour": null, "seven_day": null, "limits": [
        {"kind": "session", "percent": 47, "resets_at": "2026-05-27T22:00:00Z"},
        {"kind": "weekly_all", "percent": 112.5, "resets_at": "nonsense"},
        {"kind": "weekly_scoped", "percent": 88, "scope": {"model": {"display_name": "Fable"}}},
        {"kind": "weekly_scoped", "percent": 1, "scope": null},
        {"kind": "of_the_future", "percent": 5}]});
    assert_eq!(
        windows(&limits),
        [("5-hour".to_owned(), 47.0, true), ("7-day".to_owned(), 112.5, false), ("Fable".to_owned(), 88.0, false)]
    );
    let wrong = json!({"five_hour": {"utilization": "48"}, "seven_day": {"utilization": -1}, "seven_day_opus": {"utilization": 3}});
    assert_eq!(windows(&wrong), [("Opus".to_owned(), 3.0, false)]);
    assert_eq!(Usage::parse(&json!([1])), None);
}

#[test]
fn a_window_whose_reset_has_passed_is_drawn_empty() {
    let answer = json!({"five_hour": {"utilization": 96, "resets_at": "2026-03-02T11:00:00Z"}});
    let usage = Usage::parse(&answer).expect("an answer");
    let reset = usage.windows[0].resets_at.expect("a reset");
    let reading = Reading::answered(usage, reset.plus(-HOUR));
    let before = &meters::view(&reading, &[], reset.plus(-1)).meters[0];
    assert_eq!((before.percent, before.severity, before.period_ms), (96.0, Severity::Critical, Some(5 * HOUR)));
    let after = &meters::view(&reading, &[], reset).meters[0];
    assert_eq!((after.percent, after.resets_at, after.severity), (0.0, None, Severity::Normal));
}

#[test]
fn the_tightest_window_is_found_across_kinds() {
    let answer = json!({"five_hour": {"utilization": 48}, "seven_day": {"utilization": 64},
        "limits": [{"kind": "weekly_scoped", "percent": 88, "scope": {"model": {"display_name": "Fable"}}}]});
    let usage = Usage::parse(&answer).expect("an answer");
    assert_eq!(usage.tightest().map(|window| &window.kind), Some(&WindowKind::Model("Fable".to_owned())));
}

#[test]
fn a_setup_token_is_grey_until_its_year_is_nearly_over() {
    let reason = |standing: Standing| policy::badge(&standing, NOW).reason;
    let token = |deadline| Standing { renews: false, deadline, ..Standing::default() };
    assert_eq!(reason(token(None)), Reason::CannotRenew, "nobody knows when it ends");
    assert_eq!(reason(token(known(NOW.plus(300 * DAY)))), Reason::CannotRenew);
    let near = NOW.plus(DAY);
    assert_eq!(reason(token(known(near))), Reason::DeadlineNear { at: near, assumed: false });
    assert_eq!(reason(token(known(NOW.plus(-1)))), Reason::LoginNeeded);
    let assumed = Some(Deadline { at: NOW.plus(-1), assumed: true });
    let near = Reason::DeadlineNear { at: NOW.plus(-1), assumed: true };
    assert_eq!(reason(token(assumed)), near, "what is only assumed to have ended may well live");
}
