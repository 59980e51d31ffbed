//! What Claude Code tells its statusline, and what is remembered of it.

use signalbox_core::feed::{Heard, Told};
use signalbox_core::time::Timestamp;
use signalbox_core::usage::WindowKind;

/// Any input becomes sane numbers or none; the same told again is no news; and an answer never seems to have begun
/// after the call before it, so that it cannot be taken for one of another account.
///
/// # Panics
/// When one of these does not hold.
pub fn statusline_json(bytes: &[u8]) {
    let Some(told) = Told::parse(bytes) else { return };
    for window in &told.windows {
        assert!(window.percent.is_finite() && window.percent >= 0.0, "{window:?}");
        assert!(window.resets_at.is_none_or(|at| at.ms() > 0), "{window:?}");
        assert!(!matches!(window.kind, WindowKind::Model(_)));
    }
    assert!(told.windows.len() <= 2 && told.windows.iter().all(|window| count(&told, &window.kind) == 1));
    assert!(told.cost_usd.is_none_or(|usd| usd.is_finite() && usd >= 0.0));
    assert!(told.waited_ms.is_none_or(|ms| ms >= 0));

    let now = Timestamp::from_ms(1_800_000_000_000);
    let waited = told.waited_ms.unwrap_or_default();
    let pasts = [vec![], vec![0], vec![waited / 2], vec![waited.saturating_add(1)], vec![9, 3, 7], vec![waited]];
    for waited_ms in pasts {
        let before = Heard { waited_ms, report: None };
        let Some(heard) = before.hearing(&told, now) else { continue };
        assert!(told.waited_ms.is_some_and(|waited| heard.waited_ms.last() == Some(&waited)));
        assert_eq!(heard.hearing(&told, now.plus(1)), None, "the same again is no news");
        let Some(report) = heard.report else { continue };
        assert!(!report.windows.is_empty() && report.took_ms > 0 && report.took_ms <= waited);
        let since = before.waited_ms.last().filter(|last| **last < waited);
        assert!(since.is_none_or(|last| report.took_ms >= waited - last), "it began earlier than that");
    }
}

fn count(told: &Told, kind: &WindowKind) -> usize {
    told.windows.iter().filter(|window| window.kind == *kind).count()
}
