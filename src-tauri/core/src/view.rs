//! How a person wants the board drawn. Owns the choices and what stands where nothing was chosen; leaves keeping them to the
//! `Preferences` port, and drawing to the faces. Nothing in here changes what is known, only how it looks.

use serde::{Deserialize, Serialize};

/// How the board is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct View {
    pub order: Order,
    /// One line for each profile, with its tightest window alone.
    pub compact: bool,
    pub shows: Shows,
    pub resets: Resets,
    pub hides: Hides,
}

/// In which order the cards stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// As the person put them.
    #[default]
    Hand,
    /// The one with the most left first.
    Headroom,
}

/// What a percentage counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Shows {
    #[default]
    Used,
    Left,
}

/// How a reset is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Resets {
    /// "1h56".
    #[default]
    Countdown,
    /// "14:20".
    Clock,
}

/// When e-mail addresses and numbers are hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Hides {
    /// The board is left out of pictures and recordings of the screen where the platform can do that (macOS).
    #[default]
    WhileShared,
    /// Always.
    Always,
    Never,
}
