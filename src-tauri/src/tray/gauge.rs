//! What the menu bar itself says of usage: a few characters beside the icon, or two bars in it. Owns which windows are meant,
//! the characters, and when a number is too old to be believed at a glance; leaves the pixels to `draw`.

use std::fmt::Display;

use chrono::TimeZone;
use signalbox_core::board::{Board, CardAction, Meter, UsageView};
use signalbox_core::time::MINUTE;
use signalbox_core::usage::WindowKind;
use signalbox_core::view::{Hides, Resets, Shows, View};
use signalbox_core::words;
use signalbox_machine::settings::{MenuBar, MenuBarStyle, MenuBarWindow};

/// A number that is older is drawn pale.
const STALE_MS: i64 = 10 * MINUTE;
/// In the place of a number that means nothing until somebody signs in.
const SIGN_IN: &str = "!";

/// What stands beside the icon, or in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// "82%", "82% 1h56"; empty for the icon alone.
    pub text: String,
    pub bars: Option<Bars>,
    /// What it shows is old.
    pub stale: bool,
}

/// How full the bars are, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bars {
    /// The 5-hour window.
    pub upper: u8,
    /// The 7-day window.
    pub lower: u8,
}

impl Gauge {
    /// Of the active profile.
    pub fn of<Zone: TimeZone>(board: &Board, menu_bar: MenuBar, zone: &Zone) -> Self
    where
        Zone::Offset: Display,
    {
        let card = board.cards.iter().find(|card| card.active);
        let Some(card) = card.filter(|_| menu_bar.style != MenuBarStyle::Icon && board.view.hides != Hides::Always)
        else {
            return Self::default();
        };
        if matches!(card.action, CardAction::SignIn | CardAction::NewToken) {
            return Self { text: SIGN_IN.to_owned(), ..Self::default() };
        }
        let Some(usage) = &card.usage else { return Self::default() };
        let percent = |meter: &Meter| format!("{}%", counted(meter, board.view));
        let countdown = |meter: &Meter| match (meter.resets_at, board.view.resets) {
            (None, _) => percent(meter),
            (Some(at), Resets::Countdown) => format!("{} {}", percent(meter), words::countdown(at, board.now)),
            (Some(at), Resets::Clock) => format!("{} {}", percent(meter), words::clock(at, board.now, zone)),
        };
        let text = |words: &dyn Fn(&Meter) -> String| {
            let words: Vec<_> = meant(usage, menu_bar.window).into_iter().map(words).collect();
            words.join(" · ")
        };
        Self {
            text: match menu_bar.style {
                MenuBarStyle::Icon | MenuBarStyle::Bars => String::new(),
                MenuBarStyle::Percent => text(&percent),
                MenuBarStyle::Countdown => text(&countdown),
            },
            bars: (menu_bar.style == MenuBarStyle::Bars).then(|| Bars {
                upper: of_kind(usage, &WindowKind::FiveHour).map_or(0, |meter| counted(meter, board.view)),
                lower: of_kind(usage, &WindowKind::SevenDay).map_or(0, |meter| counted(meter, board.view)),
            }),
            stale: board.now.since(usage.read_at) > STALE_MS,
        }
    }
}

fn meant(usage: &UsageView, window: MenuBarWindow) -> Vec<&Meter> {
    let (five_hour, seven_day) = (of_kind(usage, &WindowKind::FiveHour), of_kind(usage, &WindowKind::SevenDay));
    let meant = match window {
        MenuBarWindow::Tightest => [usage.tightest(), None],
        MenuBarWindow::FiveHour => [five_hour, None],
        MenuBarWindow::SevenDay => [seven_day, None],
        MenuBarWindow::Both => [five_hour, seven_day],
    };
    meant.into_iter().flatten().collect()
}

fn of_kind<'a>(usage: &'a UsageView, kind: &WindowKind) -> Option<&'a Meter> {
    usage.meters.iter().find(|meter| meter.short == kind.short())
}

/// Used or left, as the person chose, in whole percent.
fn counted(meter: &Meter, view: View) -> u8 {
    let percent = match view.shows {
        Shows::Used => meter.percent,
        Shows::Left => 100.0 - meter.percent,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255 by then")]
    let whole = percent.round().clamp(0.0, 255.0) as u8;
    whole
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use signalbox_core::board::Reason;
    use signalbox_core::time::{DAY, HOUR};

    use super::super::model::tests::{NOW, board, card, meter};
    use super::*;

    fn windows() -> Vec<Meter> {
        let until = |meter: Meter, ms| Meter { resets_at: Some(NOW.plus(ms)), ..meter };
        vec![
            until(meter("5h", 82.4), HOUR + 56 * MINUTE),
            until(meter("7d", 47.0), 3 * DAY + 4 * HOUR),
            until(meter("Opus", 91.0), DAY),
        ]
    }

    fn at(age: i64, meters: Vec<Meter>) -> Board {
        board(vec![card("work", true, Reason::Synced { at: NOW }, Some((age, meters)))])
    }

    fn gauge(board: &Board, style: MenuBarStyle, window: MenuBarWindow) -> Gauge {
        Gauge::of(board, MenuBar { style, window }, &Utc)
    }

    #[test]
    fn each_style_says_what_its_name_promises() {
        use MenuBarStyle::{Countdown, Icon, Percent};
        use MenuBarWindow::{Both, FiveHour, SevenDay, Tightest};
        for (style, window, expected) in [
            (Icon, Tightest, ""),
            (Percent, Tightest, "91%"),
            (Percent, FiveHour, "82%"),
            (Percent, SevenDay, "47%"),
            (Percent, Both, "82% · 47%"),
            (Countdown, Tightest, "91% 1d 0h"),
            (Countdown, FiveHour, "82% 1h56"),
            (Countdown, Both, "82% 1h56 · 47% 3d 4h"),
        ] {
            let gauge = gauge(&at(MINUTE, windows()), style, window);
            assert_eq!((gauge.text.as_str(), gauge.bars), (expected, None), "{style:?} {window:?}");
        }
        let bars = gauge(&at(MINUTE, windows()), MenuBarStyle::Bars, Tightest);
        assert_eq!((bars.text.as_str(), bars.bars), ("", Some(Bars { upper: 82, lower: 47 })));
    }

    #[test]
    fn it_counts_and_tells_resets_as_the_board_does() {
        let mut board = at(MINUTE, windows());
        board.view = View { shows: Shows::Left, resets: Resets::Clock, ..View::default() };
        // 2027-01-15 08:00 UTC.
        assert_eq!(gauge(&board, MenuBarStyle::Countdown, MenuBarWindow::FiveHour).text, "18% 09:56");
        let bars = gauge(&board, MenuBarStyle::Bars, MenuBarWindow::FiveHour).bars;
        assert_eq!(bars, Some(Bars { upper: 18, lower: 53 }));
        board.cards[0].usage.as_mut().expect("usage").meters[0].percent = 104.0;
        assert_eq!(gauge(&board, MenuBarStyle::Percent, MenuBarWindow::FiveHour).text, "0%", "never less than nothing");
    }

    #[test]
    fn a_window_that_has_not_begun_has_no_countdown_and_one_that_is_absent_no_number() {
        let begun = at(0, vec![meter("5h", 0.0)]);
        assert_eq!(gauge(&begun, MenuBarStyle::Countdown, MenuBarWindow::FiveHour).text, "0%");
        assert_eq!(gauge(&begun, MenuBarStyle::Countdown, MenuBarWindow::SevenDay).text, "");
        assert_eq!(gauge(&begun, MenuBarStyle::Bars, MenuBarWindow::Both).bars, Some(Bars { upper: 0, lower: 0 }));
    }

    #[test]
    fn what_is_older_than_ten_minutes_is_stale() {
        let stale = |age, style| gauge(&at(age, windows()), style, MenuBarWindow::Tightest).stale;
        assert!(!stale(10 * MINUTE, MenuBarStyle::Percent));
        assert!(stale(10 * MINUTE + 1, MenuBarStyle::Percent));
        assert!(stale(HOUR, MenuBarStyle::Bars));
        assert!(!stale(HOUR, MenuBarStyle::Icon), "an icon that says nothing is never old");
    }

    #[test]
    fn where_a_sign_in_is_needed_there_is_no_number() {
        let mut board = at(0, windows());
        board.cards[0].action = CardAction::SignIn;
        for style in [MenuBarStyle::Percent, MenuBarStyle::Bars, MenuBarStyle::Countdown] {
            let gauge = gauge(&board, style, MenuBarWindow::Tightest);
            assert_eq!((gauge.text.as_str(), gauge.bars), ("!", None));
        }
        assert_eq!(gauge(&board, MenuBarStyle::Icon, MenuBarWindow::Tightest), Gauge::default());
    }

    #[test]
    fn without_a_reading_without_a_profile_and_where_numbers_are_hidden_there_is_the_icon_alone() {
        let unread = board(vec![card("work", true, Reason::NeverChecked, None)]);
        let parked = board(vec![card("work", false, Reason::NeverChecked, Some((0, windows())))]);
        let mut hidden = at(0, windows());
        hidden.view.hides = Hides::Always;
        for board in [unread, parked, hidden] {
            for style in [MenuBarStyle::Percent, MenuBarStyle::Bars, MenuBarStyle::Countdown] {
                assert_eq!(gauge(&board, style, MenuBarWindow::Both), Gauge::default());
            }
        }
    }
}
