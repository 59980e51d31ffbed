//! Usage of a plan: the provider's two shapes read into one, and the meters that faces draw. Owns windows, readings and
//! severity; leaves when to ask to `policy` and where readings are kept to the `Readings` port.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::board::{Meter, Severity, UsageView};
use crate::time::{DAY, HOUR, Timestamp};

/// At 80 % a window deserves a colour.
pub const WARNING_PERCENT: f64 = 80.0;
/// At 95 % it is nearly over.
pub const CRITICAL_PERCENT: f64 = 95.0;

/// One limit of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    pub kind: WindowKind,
    /// 0 to 100, more when the limit was exceeded.
    pub percent: f64,
    /// Absent while the window has not started.
    pub resets_at: Option<Timestamp>,
}

/// Which limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    FiveHour,
    SevenDay,
    /// A weekly cap of one model, by its display name.
    Model(String),
}

impl WindowKind {
    pub fn label(&self) -> &str {
        match self {
            Self::FiveHour => "5-hour",
            Self::SevenDay => "7-day",
            Self::Model(name) => name,
        }
    }

    pub fn short(&self) -> &str {
        match self {
            Self::FiveHour => "5h",
            Self::SevenDay => "7d",
            Self::Model(name) => name,
        }
    }

    /// Length in milliseconds.
    pub fn period_ms(&self) -> i64 {
        match self {
            Self::FiveHour => 5 * HOUR,
            Self::SevenDay | Self::Model(_) => 7 * DAY,
        }
    }
}

/// All windows that an answer names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    pub windows: Vec<Window>,
}

/// A usage answer and when it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub usage: Usage,
    pub read_at: Timestamp,
}

impl Usage {
    /// Reads an answer of `/api/oauth/usage` (`docs/claude-code.md` §G). Any member may be null or absent, and unknown ones are passed
    /// over; where a flat window is null its twin in `limits[]` counts. `None` when it is not an object.
    pub fn parse(answer: &Value) -> Option<Self> {
        let answer = answer.as_object()?;
        let limits = answer.get("limits").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut windows = Vec::new();
        for (kind, flat, listed) in
            [(WindowKind::FiveHour, "five_hour", "session"), (WindowKind::SevenDay, "seven_day", "weekly_all")]
        {
            let from_flat = answer.get(flat).and_then(|window| window_of(kind.clone(), window, "utilization"));
            let twin = limits.iter().find(|limit| limit.get("kind").and_then(Value::as_str) == Some(listed));
            windows.extend(from_flat.or_else(|| twin.and_then(|limit| window_of(kind, limit, "percent"))));
        }
        for limit in limits.iter().filter(|limit| limit.get("kind").and_then(Value::as_str) == Some("weekly_scoped")) {
            let name = limit.pointer("/scope/model/display_name").and_then(Value::as_str);
            let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { continue };
            let kind = WindowKind::Model(name.to_owned());
            // The first one counts, should a model be listed twice.
            if windows.iter().all(|window: &Window| window.kind != kind) {
                windows.extend(window_of(kind, limit, "percent"));
            }
        }
        for (flat, name) in [("seven_day_opus", "Opus"), ("seven_day_sonnet", "Sonnet")] {
            let kind = WindowKind::Model(name.to_owned());
            if windows.iter().all(|window| window.kind != kind) {
                windows.extend(answer.get(flat).and_then(|window| window_of(kind, window, "utilization")));
            }
        }
        Some(Self { windows })
    }

    /// The window nearest to its limit.
    pub fn tightest(&self) -> Option<&Window> {
        self.windows.iter().max_by(|a, b| a.percent.total_cmp(&b.percent))
    }
}

fn window_of(kind: WindowKind, window: &Value, percent: &str) -> Option<Window> {
    let percent = window.get(percent)?.as_f64().filter(|percent| percent.is_finite() && *percent >= 0.0)?;
    let resets_at = window.get("resets_at").and_then(Value::as_str).and_then(Timestamp::parse_rfc3339);
    Some(Window { kind, percent, resets_at })
}

impl Reading {
    /// The reading as meters at `now`: a window whose reset has passed is empty and not yet started again.
    pub fn view(&self, now: Timestamp) -> UsageView {
        let meters = self.usage.windows.iter().map(|window| {
            let over = window.resets_at.is_some_and(|at| at <= now);
            let percent = if over { 0.0 } else { window.percent };
            Meter {
                label: window.kind.label().to_owned(),
                short: window.kind.short().to_owned(),
                percent,
                resets_at: window.resets_at.filter(|_| !over),
                period_ms: Some(window.kind.period_ms()),
                severity: severity(percent),
            }
        });
        UsageView { read_at: self.read_at, meters: meters.collect() }
    }
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
