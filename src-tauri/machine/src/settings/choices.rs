//! The settings that a person chooses by name: how the board is drawn, what stands in the menu bar, and what is told; and which
//! terms they have seen. Owns their names and values in both directions; leaves what they bring about to the core, the tray and
//! the `Teller`.

use chrono::NaiveDate;
use signalbox_core::bootstrap::Choice;
use signalbox_core::episodes::Notices;
use signalbox_core::terms::{Acceptance, Terms};
use signalbox_core::view::{Hides, Order, Resets, Shows, View};
use toml::Value;

/// What stands in the menu bar besides the menu.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MenuBar {
    pub style: MenuBarStyle,
    pub window: MenuBarWindow,
}

/// How much the icon says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MenuBarStyle {
    /// The icon alone.
    #[default]
    Icon,
    /// The icon and a percentage.
    Percent,
    /// Two bars in the icon: the 5-hour window over the 7-day window.
    Bars,
    /// The icon, a percentage, and when the window resets.
    Countdown,
}

/// Whose percentage stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MenuBarWindow {
    /// The window nearest to its limit.
    #[default]
    Tightest,
    FiveHour,
    SevenDay,
    /// The 5-hour window, then the 7-day window.
    Both,
}

/// Everything in here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choices {
    pub view: View,
    pub menu_bar: MenuBar,
    pub notices: Notices,
    pub terms: SeenTerms,
    pub bootstrap: SetBootstrap,
}

/// `[bootstrap]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SetBootstrap {
    mode: Mode,
    headless: bool,
}

/// The three of [`Choice`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    Off,
    #[default]
    Ready,
    Press,
}

impl SetBootstrap {
    pub fn choice(self) -> Choice {
        match self.mode {
            Mode::Off => Choice::Off,
            Mode::Ready => Choice::Ready,
            Mode::Press => Choice::Press { headless: self.headless },
        }
    }
}

/// `[terms]`: a version without a day says nothing, nor does a day without a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SeenTerms {
    version: Option<u32>,
    accepted: Option<NaiveDate>,
    pointed_at: Option<u32>,
}

impl SeenTerms {
    pub fn terms(&self) -> Terms {
        let accepted = self.version.zip(self.accepted).map(|(version, on)| Acceptance { version, on });
        Terms { accepted, pointed_at: self.pointed_at }
    }
}

/// The values of one setting by their names.
type Names<T> = &'static [(&'static str, T)];

const ORDERS: Names<Order> = &[("hand", Order::Hand), ("headroom", Order::Headroom)];
const SHOWS: Names<Shows> = &[("used", Shows::Used), ("left", Shows::Left)];
const RESETS: Names<Resets> = &[("countdown", Resets::Countdown), ("clock", Resets::Clock)];
const HIDES: Names<Hides> = &[("while-shared", Hides::WhileShared), ("always", Hides::Always), ("never", Hides::Never)];
const MODES: Names<Mode> = &[("off", Mode::Off), ("ready", Mode::Ready), ("press", Mode::Press)];
const STYLES: Names<MenuBarStyle> = &[
    ("icon", MenuBarStyle::Icon),
    ("percent", MenuBarStyle::Percent),
    ("bars", MenuBarStyle::Bars),
    ("countdown", MenuBarStyle::Countdown),
];
const WINDOWS: Names<MenuBarWindow> = &[
    ("tightest", MenuBarWindow::Tightest),
    ("5h", MenuBarWindow::FiveHour),
    ("7d", MenuBarWindow::SevenDay),
    ("both", MenuBarWindow::Both),
];

impl Choices {
    /// As `FileSettings::set`.
    pub fn set(&mut self, section: &str, key: &str, value: &Value) -> Result<bool, (&'static str, &'static str)> {
        match (section, key) {
            ("board", "order") => {
                self.view.order = named(ORDERS, value).ok_or(("board.order", r#""hand" or "headroom""#))?;
            }
            ("board", "compact") => {
                self.view.compact = value.as_bool().ok_or(("board.compact", "true or false"))?;
            }
            ("board", "shows") => {
                self.view.shows = named(SHOWS, value).ok_or(("board.shows", r#""used" or "left""#))?;
            }
            ("board", "resets") => {
                self.view.resets = named(RESETS, value).ok_or(("board.resets", r#""countdown" or "clock""#))?;
            }
            ("board", "hides") => {
                let expected = r#""while-shared", "always" or "never""#;
                self.view.hides = named(HIDES, value).ok_or(("board.hides", expected))?;
            }
            ("bootstrap", "mode") => {
                let expected = r#""off", "ready" or "press""#;
                self.bootstrap.mode = named(MODES, value).ok_or(("bootstrap.mode", expected))?;
            }
            ("bootstrap", "headless") => {
                self.bootstrap.headless = value.as_bool().ok_or(("bootstrap.headless", "true or false"))?;
            }
            ("menu_bar", "style") => {
                let expected = r#""icon", "percent", "bars" or "countdown""#;
                self.menu_bar.style = named(STYLES, value).ok_or(("menu_bar.style", expected))?;
            }
            ("menu_bar", "window") => {
                let expected = r#""tightest", "5h", "7d" or "both""#;
                self.menu_bar.window = named(WINDOWS, value).ok_or(("menu_bar.window", expected))?;
            }
            ("notify", "thresholds") => {
                let expected = "at most five whole numbers from 1 to 100";
                self.notices.thresholds = thresholds(value).ok_or(("notify.thresholds", expected))?;
            }
            ("notify", "reset") => {
                self.notices.resets = value.as_bool().ok_or(("notify.reset", "true or false"))?;
            }
            ("terms", "version") => {
                self.terms.version = Some(number(value).ok_or(("terms.version", "a whole number"))?);
            }
            ("terms", "accepted") => {
                let day = value.as_str().and_then(|text| text.parse().ok());
                self.terms.accepted = Some(day.ok_or(("terms.accepted", r#"a day such as "2026-11-22""#))?);
            }
            ("terms", "pointed_at") => {
                self.terms.pointed_at = Some(number(value).ok_or(("terms.pointed_at", "a whole number"))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_integer().and_then(|n| u32::try_from(n).ok())
}

fn thresholds(value: &Value) -> Option<Vec<u8>> {
    let whole = |each: &Value| each.as_integer().and_then(|n| u8::try_from(n).ok()).filter(|n| (1..=100).contains(n));
    let list = value.as_array().filter(|list| list.len() <= Notices::THRESHOLDS_MAX)?;
    list.iter().map(whole).collect()
}

fn named<T: Copy>(names: Names<T>, value: &Value) -> Option<T> {
    let text = value.as_str()?;
    names.iter().find(|(name, _)| *name == text).map(|(_, named)| *named)
}

fn name_of<T: PartialEq>(names: Names<T>, value: &T) -> &'static str {
    names.iter().find(|(_, named)| named == value).map(|(name, _)| *name).expect("every value has a name")
}

/// A view as the keys of `[board]`.
pub(super) fn keys_of(view: &View) -> [(&'static str, toml_edit::Value); 5] {
    [
        ("order", name_of(ORDERS, &view.order).into()),
        ("compact", view.compact.into()),
        ("shows", name_of(SHOWS, &view.shows).into()),
        ("resets", name_of(RESETS, &view.resets).into()),
        ("hides", name_of(HIDES, &view.hides).into()),
    ]
}

/// What is done about a login that is due as the keys of `[bootstrap]`.
pub(super) fn keys_of_bootstrap(choice: Choice) -> [(&'static str, toml_edit::Value); 2] {
    let (mode, headless) = match choice {
        Choice::Off => (Mode::Off, false),
        Choice::Ready => (Mode::Ready, false),
        Choice::Press { headless } => (Mode::Press, headless),
    };
    [("mode", name_of(MODES, &mode).into()), ("headless", headless.into())]
}

/// What was seen of the terms as the keys of `[terms]`; `None`: the key is not there.
pub(super) fn keys_of_terms(terms: &Terms) -> [(&'static str, Option<toml_edit::Value>); 3] {
    [
        ("version", terms.accepted.map(|accepted| i64::from(accepted.version).into())),
        ("accepted", terms.accepted.map(|accepted| accepted.on.to_string().into())),
        ("pointed_at", terms.pointed_at.map(|version| i64::from(version).into())),
    ]
}
