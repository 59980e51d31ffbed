//! The provider's usage answer, and the meters that are made of it.

use std::collections::HashSet;

use serde_json::Value;
use signalbox_core::board::Severity;
use signalbox_core::meters;
use signalbox_core::time::{DAY, Timestamp};
use signalbox_core::usage::{Reading, Usage, Window, WindowKind};
use signalbox_core::words;

/// An answer becomes windows with sane numbers, each once and each out of the answer; a reading survives being stored, and is shown
/// without nonsense at any time, before and after its resets.
///
/// # Panics
/// When one of these does not hold.
pub fn usage_json(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else { return };
    let Some(usage) = Usage::parse(&answer) else {
        return assert!(!answer.is_object(), "an object is an answer");
    };
    assert!(answer.is_object());
    let mut seen = HashSet::new();
    for window in &usage.windows {
        assert!(window.percent.is_finite() && window.percent >= 0.0, "{window:?}");
        assert!(seen.insert(window.kind.clone()), "two meters for one limit: {window:?}");
        assert!(holds_number(&answer, window.percent), "a percentage that nobody named: {window:?}");
    }
    for (flat, kind) in [("five_hour", WindowKind::FiveHour), ("seven_day", WindowKind::SevenDay)] {
        check_flat(&answer, flat, &kind, &usage);
    }
    let tightest = usage.tightest().map(|window| window.percent);
    assert!(usage.windows.iter().all(|window| tightest.is_some_and(|most| window.percent <= most)));
    check_stored(&usage);
    for now in moments(&usage) {
        check_shown(&Reading::answered(usage.clone(), now), now);
        check_shown(&Reading::answered(usage.clone(), now.plus(DAY)), now);
    }
}

/// A flat window that can be read is what counts for its limit.
fn check_flat(answer: &Value, flat: &str, kind: &WindowKind, usage: &Usage) {
    let Some(percent) = answer.pointer(&format!("/{flat}/utilization")).and_then(Value::as_f64) else { return };
    if percent >= 0.0 {
        let window = usage.windows.iter().find(|window| window.kind == *kind).expect("the window is there");
        assert!(same(window.percent, percent));
    }
}

fn check_stored(usage: &Usage) {
    let reading = Reading::answered(usage.clone(), Timestamp::from_ms(1_800_000_000_000));
    let text = serde_json::to_string(&reading).expect("a reading is plain data");
    let back: Reading = serde_json::from_str(&text).expect("what was stored can be read");
    assert_eq!(back.usage.windows.len(), usage.windows.len());
    for (window, before) in back.usage.windows.iter().zip(&usage.windows) {
        assert_eq!((&window.kind, window.resets_at), (&before.kind, before.resets_at));
        assert!(same(window.percent, before.percent));
    }
}

fn check_shown(reading: &Reading, now: Timestamp) {
    let view = meters::view(reading, &[], now);
    assert_eq!(view.meters.len(), reading.usage.windows.len());
    for (meter, window) in view.meters.iter().zip(&reading.usage.windows) {
        let over = window.resets_at.is_some_and(|at| at <= now);
        assert!(same(meter.percent, if over { 0.0 } else { window.percent }));
        assert_eq!(meter.resets_at, window.resets_at.filter(|at| *at > now), "a reset that has passed is shown");
        let expected = match meter.percent {
            percent if percent >= 95.0 => Severity::Critical,
            percent if percent >= 80.0 => Severity::Warning,
            _ => Severity::Normal,
        };
        assert_eq!(meter.severity, expected);
        assert!(!meter.label.trim().is_empty() && meter.period_ms.is_some_and(|period| period > 0));
        if let Some(at) = meter.resets_at {
            assert!(!words::countdown(at, now).is_empty());
        }
    }
    assert!(!words::length(now.since(view.read_at)).is_empty());
    serde_json::to_string(&view).expect("a view is plain data");
}

/// The ends of time, and both sides of every reset.
fn moments(usage: &Usage) -> Vec<Timestamp> {
    let mut all: Vec<Timestamp> = [i64::MIN, 0, 1_800_000_000_000, i64::MAX].map(Timestamp::from_ms).to_vec();
    let resets = usage.windows.iter().filter_map(|window: &Window| window.resets_at);
    all.extend(resets.flat_map(|at| [at.plus(-1), at, at.plus(1)]));
    all
}

fn holds_number(value: &Value, number: f64) -> bool {
    match value {
        Value::Array(all) => all.iter().any(|value| holds_number(value, number)),
        Value::Object(all) => all.values().any(|value| holds_number(value, number)),
        value => value.as_f64().is_some_and(|found| same(found, number)),
    }
}

/// The same but for what reading and writing a decimal fraction costs.
fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= f64::EPSILON * 4.0 * a.abs().max(b.abs())
}
