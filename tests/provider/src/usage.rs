//! How much of each limit an identity has used. Owns the windows, their roll-over and what a model request burns.
//! The JSON shapes of the answer are in `usage_wire.rs`; how often it may be asked is in `budget.rs`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const HOUR_MS: i64 = 3_600_000;

/// Which limit a window measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// The five-hour session limit.
    FiveHour,
    /// The weekly limit over all models.
    SevenDay,
    /// A weekly limit of one model; only ever reported in `limits[]` (`docs/claude-code.md` §G).
    WeeklyScoped,
}

impl WindowKind {
    /// How long a window of this kind lasts, in milliseconds.
    #[must_use]
    pub fn period_ms(self) -> i64 {
        match self {
            Self::FiveHour => 5 * HOUR_MS,
            Self::SevenDay | Self::WeeklyScoped => 7 * 24 * HOUR_MS,
        }
    }
}

/// One limit of one identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Which limit.
    pub kind: WindowKind,
    /// The model's display name, for [`WindowKind::WeeklyScoped`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Percent used, 0 to 100; may exceed 100 (§G).
    pub utilization: f64,
    /// When it starts afresh, epoch milliseconds; `None`: not started (§G).
    #[serde(default)]
    pub resets_at_ms: Option<i64>,
    /// In a seed: the same, as seconds from the moment it is read. Taken only where `resets_at_ms` is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_in_s: Option<i64>,
}

impl Window {
    /// A window that resets at `resets_at_ms` (epoch milliseconds).
    #[must_use]
    pub fn new(kind: WindowKind, utilization: f64, resets_at_ms: Option<i64>) -> Self {
        Self { kind, model: None, utilization, resets_at_ms, resets_in_s: None }
    }

    /// A weekly window of one model.
    #[must_use]
    pub fn of_model(model: &str, utilization: f64, resets_at_ms: Option<i64>) -> Self {
        Self { model: Some(model.to_owned()), ..Self::new(WindowKind::WeeklyScoped, utilization, resets_at_ms) }
    }

    /// Whether requests to `model` (an id such as `claude-opus-4`) count against this window.
    #[must_use]
    pub fn counts(&self, model: &str) -> bool {
        match &self.model {
            None => true,
            Some(name) => model.to_lowercase().contains(&name.to_lowercase()),
        }
    }
}

/// In which form an identity's usage is reported (§G: any member may be null or absent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageStyle {
    /// Only the flat windows `five_hour` and `seven_day`; no `limits` member.
    Flat,
    /// Flat windows null, everything in `limits[]`.
    Limits,
    /// Both.
    #[default]
    Both,
    /// Every member there, and null.
    Nulls,
}

/// What one model request uses up, in percent of each window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Burn {
    /// Of the five-hour window.
    pub five_hour: f64,
    /// Of the weekly window.
    pub seven_day: f64,
    /// Of the weekly window of the model asked for.
    pub scoped: f64,
}

impl Default for Burn {
    fn default() -> Self {
        Self { five_hour: 1.0, seven_day: 0.2, scoped: 0.5 }
    }
}

impl Burn {
    fn of(&self, kind: WindowKind) -> f64 {
        match kind {
            WindowKind::FiveHour => self.five_hour,
            WindowKind::SevenDay => self.seven_day,
            WindowKind::WeeklyScoped => self.scoped,
        }
    }
}

/// The usage of one identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Usage {
    /// The limits that exist for it.
    pub windows: Vec<Window>,
    /// The form of the answer.
    pub style: UsageStyle,
    /// What one model request uses up.
    pub burn: Burn,
    /// Members laid over the answer as they stand: `extra_usage`, `spend`, unknown names, wrong types.
    pub members: Map<String, Value>,
}

impl Default for Usage {
    fn default() -> Self {
        Self::of(vec![Window::new(WindowKind::FiveHour, 0.0, None), Window::new(WindowKind::SevenDay, 0.0, None)])
    }
}

impl Usage {
    /// These windows, reported in both forms.
    #[must_use]
    pub fn of(windows: Vec<Window>) -> Self {
        Self { windows, style: UsageStyle::default(), burn: Burn::default(), members: Map::new() }
    }

    /// The same usage in another form.
    #[must_use]
    pub fn styled(mut self, style: UsageStyle) -> Self {
        self.style = style;
        self
    }

    /// Turns seed-relative times into absolute ones.
    #[must_use]
    pub fn anchored(mut self, now_ms: i64) -> Self {
        for window in &mut self.windows {
            let relative = window.resets_in_s.take().map(|s| now_ms + s * 1_000);
            window.resets_at_ms = window.resets_at_ms.or(relative);
        }
        self
    }

    /// Starts afresh every window whose time has come. A five-hour window is then not started (null) until the next
    /// request; a weekly one goes on in steps of seven days. (Which of the two the real server does is not known.)
    pub fn roll(&mut self, now_ms: i64) {
        for window in &mut self.windows {
            let Some(resets_at) = window.resets_at_ms.filter(|at| *at <= now_ms) else {
                continue;
            };
            let period = window.kind.period_ms();
            window.utilization = 0.0;
            window.resets_at_ms = match window.kind {
                WindowKind::FiveHour => None,
                _ => Some(resets_at + period * ((now_ms - resets_at) / period + 1)),
            };
        }
    }

    /// Uses up `burn` in every window that counts `model`, starting those not yet started.
    pub fn burn(&mut self, model: &str, burn: Burn, now_ms: i64) {
        self.roll(now_ms);
        for window in self.windows.iter_mut().filter(|w| w.counts(model)) {
            window.utilization += burn.of(window.kind);
            window.resets_at_ms.get_or_insert(now_ms + window.kind.period_ms());
        }
    }

    /// The window that stops a request to `model`, if one is used up.
    #[must_use]
    pub fn exhausted(&self, model: &str) -> Option<&Window> {
        self.windows.iter().find(|w| w.utilization >= 100.0 && w.counts(model))
    }

    /// The first window of a kind.
    #[must_use]
    pub fn window(&self, kind: WindowKind) -> Option<&Window> {
        self.windows.iter().find(|w| w.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn usage() -> Usage {
        Usage::of(vec![
            Window::new(WindowKind::FiveHour, 98.5, Some(NOW + 60_000)),
            Window::new(WindowKind::SevenDay, 40.0, Some(NOW + 120_000)),
            Window::of_model("Opus", 10.0, None),
        ])
    }

    #[test]
    fn a_window_whose_reset_has_passed_starts_afresh() {
        let mut usage = usage();
        usage.roll(NOW + 59_999);
        assert!(usage.windows[0].utilization > 98.0);
        usage.roll(NOW + 60_000);
        assert_eq!((usage.windows[0].utilization, usage.windows[0].resets_at_ms), (0.0, None));
        assert!((usage.windows[1].utilization - 40.0).abs() < 1e-9);
    }

    #[test]
    fn a_weekly_window_left_alone_for_weeks_lands_on_the_next_reset_ahead() {
        let mut usage = usage();
        let week = WindowKind::SevenDay.period_ms();
        usage.roll(NOW + 120_000 + 2 * week + 5);
        assert_eq!(usage.windows[1].resets_at_ms, Some(NOW + 120_000 + 3 * week));
    }

    #[test]
    fn a_request_burns_the_windows_that_count_its_model_and_starts_them() {
        let mut usage = usage();
        usage.burn("claude-haiku-4-5", Burn::default(), NOW);
        assert_eq!(usage.windows[2], Window::of_model("Opus", 10.0, None));
        assert!(usage.exhausted("claude-haiku-4-5").is_none());
        usage.burn("claude-opus-4-6", Burn::default(), NOW);
        assert!((usage.windows[2].utilization - 10.5).abs() < 1e-9);
        assert_eq!(usage.windows[2].resets_at_ms, Some(NOW + WindowKind::WeeklyScoped.period_ms()));
        assert_eq!(usage.exhausted("claude-haiku-4-5").map(|w| w.kind), Some(WindowKind::FiveHour));
    }

    #[test]
    fn a_model_limit_stops_only_that_model() {
        let usage = Usage::of(vec![Window::of_model("Opus", 100.0, None)]);
        assert!(usage.exhausted("claude-opus-4").is_some());
        assert!(usage.exhausted("claude-sonnet-4").is_none());
    }

    #[test]
    fn a_seed_may_give_resets_relative_to_now() {
        let text = r#"{"windows":[{"kind":"five_hour","utilization":12,"resets_in_s":60}],"style":"flat"}"#;
        let usage: Usage = serde_json::from_str(text).expect("seed usage");
        assert_eq!(usage.anchored(NOW).windows[0].resets_at_ms, Some(NOW + 60_000));
    }
}
