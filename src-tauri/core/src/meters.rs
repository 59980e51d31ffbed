//! A reading as the meters that faces draw. Owns which window is the tightest, severity, and what a reset that has passed
//! does to a number; once, for every face. Leaves words and colours to the faces.

use crate::board::{Meter, Outlook, Severity, SpendView, UsageView};
use crate::forecast::{self, End};
use crate::time::Timestamp;
use crate::usage::{CRITICAL_PERCENT, Reading, Sample, Spend, WARNING_PERCENT, Window};

/// The reading as meters at `now`: a window whose reset has passed is empty and not yet started again. `samples`: those of the
/// same identity, oldest first.
pub fn view(reading: &Reading, samples: &[Sample], now: Timestamp) -> UsageView {
    let meters: Vec<Meter> = reading.usage.windows.iter().map(|window| meter(window, samples, now)).collect();
    let tightest = meters.iter().enumerate().max_by(|(_, a), (_, b)| a.percent.total_cmp(&b.percent));
    UsageView {
        read_at: reading.read_at,
        tightest: tightest.and_then(|(index, _)| u32::try_from(index).ok()),
        meters,
        spend: reading.usage.spend.as_ref().map(spend),
    }
}

fn meter(window: &Window, samples: &[Sample], now: Timestamp) -> Meter {
    let over = window.resets_at.is_some_and(|at| at <= now);
    let percent = if over { 0.0 } else { window.percent };
    let outlook = forecast::forecast(samples, window, now).map(|forecast| match forecast.end {
        End::Limit(at) => Outlook::Limit { at },
        End::Lasts => Outlook::Lasts,
    });
    Meter {
        label: window.kind.label().to_owned(),
        short: window.kind.short().to_owned(),
        percent,
        resets_at: window.resets_at.filter(|_| !over),
        period_ms: Some(window.kind.period_ms()),
        severity: severity(percent),
        outlook: outlook.filter(|_| !over),
    }
}

/// The share of a meter's time that has passed, 0 to 1, for the mark on its bar (see [`forecast::pace`]). `None` while the window
/// has not started.
pub fn pace(meter: &Meter, now: Timestamp) -> Option<f64> {
    let resets_at = meter.resets_at.filter(|at| *at > now)?;
    let period_ms = meter.period_ms.filter(|period| *period > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "a week in milliseconds is exact")]
    let left = resets_at.since(now) as f64 / period_ms as f64;
    Some((1.0 - left).clamp(0.0, 1.0))
}

fn severity(percent: f64) -> Severity {
    if percent >= CRITICAL_PERCENT {
        Severity::Critical
    } else if percent >= WARNING_PERCENT {
        Severity::Warning
    } else {
        Severity::Normal
    }
}

fn spend(spend: &Spend) -> SpendView {
    let amount = |minor: f64| {
        let places = usize::from(spend.exponent);
        let major = minor / 10_f64.powi(i32::from(spend.exponent));
        match spend.currency.as_str() {
            "USD" => format!("${major:.places$}"),
            "EUR" => format!("€{major:.places$}"),
            "GBP" => format!("£{major:.places$}"),
            other => format!("{major:.places$} {other}"),
        }
    };
    let of_limit = spend.limit_minor.filter(|limit| *limit > 0.0).map(|limit| 100.0 * spend.used_minor / limit);
    SpendView {
        used: amount(spend.used_minor),
        limit: spend.limit_minor.map(amount),
        percent: spend.percent.or(of_limit),
    }
}
