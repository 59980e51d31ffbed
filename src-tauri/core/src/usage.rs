//! Usage of a plan: the provider's two shapes read into one. Owns windows, spend, readings and samples; leaves when to ask to
//! `schedule`, what is to come to `forecast`, the meters that faces draw to `meters`, and keeping them to the `Readings` and
//! `Samples` ports.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// Resets that differ by less are one (`docs/claude-code.md` §G).
pub const SAME_RESET_MS: i64 = MINUTE;
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

/// All windows that an answer names, and what is paid beyond the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    pub windows: Vec<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend: Option<Spend>,
}

/// What was paid beyond the plan (*extra usage*, *usage credits*), in the smallest unit of its currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spend {
    pub used_minor: f64,
    /// `None`: no limit is set.
    pub limit_minor: Option<f64>,
    /// "USD".
    pub currency: String,
    /// Decimal places of the currency.
    pub exponent: u8,
    /// Of the limit, 0 to 100 and more.
    pub percent: Option<f64>,
}

/// Usage at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub usage: Usage,
    pub read_at: Timestamp,
    /// When the server itself was asked: before `read_at` where Claude Code's statusline brought newer numbers of the two
    /// great windows. The others, and the spend, are as old as this.
    pub asked_at: Timestamp,
}

/// One window at one moment, as it is kept for plots and forecasts.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub at: Timestamp,
    pub kind: WindowKind,
    /// 0 to 100, more when the limit was exceeded.
    pub percent: f64,
    pub resets_at: Option<Timestamp>,
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
        Some(Self { windows, spend: spend_of(answer) })
    }

    /// The same usage with the resets of `before` where they are the same ones: an answer's resets waver by some seconds, and a
    /// window that seems to move is taken for a new one.
    #[must_use]
    pub fn steadied(mut self, before: &Self) -> Self {
        for window in &mut self.windows {
            let known = before.windows.iter().find(|known| known.kind == window.kind).and_then(|known| known.resets_at);
            if let (Some(at), Some(known)) = (window.resets_at, known)
                && at.since(known).abs() <= SAME_RESET_MS
            {
                window.resets_at = Some(known);
            }
        }
        self
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

/// `spend`, or the older `extra_usage` (`docs/claude-code.md` §G). `None` where it is switched off or makes no sense.
fn spend_of(answer: &serde_json::Map<String, Value>) -> Option<Spend> {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64).filter(|n| n.is_finite() && *n >= 0.0);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let exponent = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|n| u8::try_from(n).ok());
    let on = |of: &Value, name| of.get(name).and_then(Value::as_bool) == Some(true);
    if let Some(spend) = answer.get("spend").filter(|spend| on(spend, "enabled")) {
        let used = spend.get("used")?;
        return Some(Spend {
            used_minor: number(used.get("amount_minor"))?,
            limit_minor: number(spend.pointer("/limit/amount_minor")),
            currency: text(used.get("currency"))?,
            exponent: exponent(used.get("exponent")).filter(|n| *n <= 4)?,
            percent: number(spend.get("percent")),
        });
    }
    let extra = answer.get("extra_usage").filter(|extra| on(extra, "is_enabled"))?;
    Some(Spend {
        used_minor: number(extra.get("used_credits"))?,
        limit_minor: number(extra.get("monthly_limit")),
        currency: text(extra.get("currency")).unwrap_or_else(|| "USD".to_owned()),
        exponent: exponent(extra.get("decimal_places")).filter(|n| *n <= 4).unwrap_or(2),
        percent: number(extra.get("utilization")),
    })
}

impl Reading {
    /// What the server answered at `now`.
    pub fn answered(usage: Usage, now: Timestamp) -> Self {
        Self { usage, read_at: now, asked_at: now }
    }

    /// This reading with newer numbers of some windows, as Claude Code's statusline brings them.
    #[must_use]
    pub fn overlaid(mut self, windows: &[Window], at: Timestamp) -> Self {
        for newer in windows {
            match self.usage.windows.iter_mut().find(|window| window.kind == newer.kind) {
                Some(window) => *window = newer.clone(),
                None => self.usage.windows.push(newer.clone()),
            }
        }
        self.usage.windows.sort_by_key(|window| match window.kind {
            WindowKind::FiveHour => 0,
            WindowKind::SevenDay => 1,
            WindowKind::Model(_) => 2,
        });
        Self { read_at: at, ..self }
    }

    /// Every window that was looked at in this moment, as a sample. The statusline does not tell a model's.
    pub fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        let asked = self.asked_at == self.read_at;
        let told = move |window: &&Window| asked || !matches!(window.kind, WindowKind::Model(_));
        self.usage.windows.iter().filter(told).map(|window| Sample {
            at: self.read_at,
            kind: window.kind.clone(),
            percent: window.percent,
            resets_at: window.resets_at,
        })
    }
}
