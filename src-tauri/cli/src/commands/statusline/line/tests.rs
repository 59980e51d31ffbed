//! The line for every kind of facts, as a table.

use super::*;
use signalbox_core::board::Severity;
use signalbox_core::time::{DAY, HOUR, MINUTE};

const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);

fn meter(short: &str, percent: f64, severity: Severity, resets_in: Option<i64>) -> Meter {
    Meter {
        label: short.to_owned(),
        short: short.to_owned(),
        percent,
        resets_at: resets_in.map(|ms| NOW.plus(ms)),
        period_ms: None,
        severity,
        outlook: None,
    }
}

fn all() -> Facts {
    Facts {
        profile: "work".to_owned(),
        meters: vec![
            meter("5h", 71.4, Severity::Normal, Some(HOUR + 56 * MINUTE)),
            meter("7d", 96.0, Severity::Critical, Some(3 * DAY + 4 * HOUR)),
        ],
        old: false,
        model: Some("Opus 4.8".to_owned()),
        cost_usd: Some(1.234),
        now: Some(NOW),
    }
}

#[track_caller]
fn check(format: Option<&str>, facts: &Facts, expected: &str) {
    assert_eq!(Format::parse(format).line(facts, Style::plain()), expected);
}

#[test]
fn the_usual_line_says_it_all() {
    check(None, &all(), "work · 5h 71% 1h56 · 7d 96% 3d 4h · Opus 4.8 · $1.23");
    check(None, &Facts { old: true, ..all() }, "work · 5h ~71% 1h56 · 7d ~96% 3d 4h · Opus 4.8 · $1.23");
}

#[test]
fn what_is_not_known_leaves_no_hole() {
    check(None, &Facts { meters: Vec::new(), ..all() }, "work · Opus 4.8 · $1.23");
    check(None, &Facts { profile: "work".to_owned(), ..Facts::default() }, "work");
    let unstarted = Facts { meters: vec![meter("5h", 0.0, Severity::Normal, None)], ..all() };
    check(None, &unstarted, "work · 5h 0% · Opus 4.8 · $1.23");
    check(None, &Facts { cost_usd: Some(0.0), ..all() }, "work · 5h 71% 1h56 · 7d 96% 3d 4h · Opus 4.8");
    let bare = Facts { profile: "work".to_owned(), ..Facts::default() };
    check(Some("{cost} | {profile} | {model}"), &bare, "work");
    check(Some("[{profile}] {5h} <{model}>"), &bare, "[work] <>");
    check(Some("{5h}{7d}"), &bare, "work");
    check(Some(""), &bare, "work");
}

#[test]
fn a_format_says_what_stands_where() {
    check(Some("{cost} for {profile}: {5h}/{7d}"), &all(), "$1.23 for work: 5h 71% 1h56/7d 96% 3d 4h");
    check(Some("{profile}{profile}"), &all(), "workwork");
    check(Some("plain"), &all(), "plain");
}

#[test]
fn what_is_no_placeholder_stays_as_it_is_and_is_told() {
    check(Some("{profile} {nonsense} {{5h} {"), &all(), "work {nonsense} {5h 71% 1h56 {");
    assert_eq!(Format::parse(Some("{profile} {nonsense}")).unknown(), ["{nonsense}"]);
    assert!(Format::parse(None).unknown().is_empty());
    assert_eq!(Format::known(), "{profile} {5h} {7d} {model} {cost}");
}

#[test]
fn colours_say_how_near_a_limit_is() {
    let line = Format::parse(Some("{profile} {5h} {7d}")).line(&all(), Style::coloured());
    let expected =
        "\u{1b}[1mwork\u{1b}[0m 5h 71% \u{1b}[2m1h56\u{1b}[0m 7d \u{1b}[31m96%\u{1b}[0m \u{1b}[2m3d 4h\u{1b}[0m";
    assert_eq!(line, expected);
}

#[test]
fn nothing_from_outside_steers_the_terminal_or_goes_on_for_ever() {
    let facts = Facts { model: Some(format!("\u{1b}[2J\n{}", "x".repeat(500))), ..all() };
    let line = Format::parse(Some("{model}")).line(&facts, Style::plain());
    assert!(!line.contains(['\u{1b}', '\n']) && line.chars().count() == CHARS_MAX, "{line}");
    let numbers = Facts { meters: vec![meter("5h", 1e300, Severity::Critical, Some(i64::MAX))], ..all() };
    assert!(Format::parse(None).line(&numbers, Style::plain()).len() < 200);
}
