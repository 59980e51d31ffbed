//! Meters on a terminal: bars with the pace mark, rows of a table, and the one line that has room for a few words. Owns their
//! looks and the choice of the local time zone; leaves every number to `signalbox_core::meters` and the words to
//! `signalbox_core::words`.

use chrono::Local;
use signalbox_core::board::{Meter, Outlook, UsageView};
use signalbox_core::meters;
use signalbox_core::time::{MINUTE, Timestamp};
use signalbox_core::words;
use unicode_width::UnicodeWidthStr as _;

use super::{Cell, Colour, GAP, Style, severity};

/// Length of a bar where there is room.
const BAR_CELLS: usize = 20;
/// A bar is not cut below this.
const BAR_CELLS_MIN: usize = 8;
/// An older reading is marked: whoever keeps watch reads more often, unless a window is used up or the server wants to be left
/// alone, and then its age matters all the more.
const OLD_MS: i64 = 15 * MINUTE;

/// "71 %".
pub fn percent(percent: f64) -> String {
    format!("{} %", rounded(percent))
}

/// "14:20", where the person is.
pub fn clock(at: Timestamp, now: Timestamp) -> String {
    words::clock(at, now, &Local)
}

/// Whether a reading is so old that its age is worth a mark.
pub fn is_old(read_at: Timestamp, now: Timestamp) -> bool {
    now.since(read_at) > OLD_MS
}

/// "read 3 h ago"; a clock that was set back makes no reading younger than now.
pub fn age(read_at: Timestamp, now: Timestamp) -> String {
    format!("read {} ago", words::length(now.since(read_at)))
}

/// "5-hour 71 %, resets in 1h59", with the limit in between where it comes first.
pub fn line(meter: &Meter, now: Timestamp) -> String {
    let mut parts = vec![format!("{} {}", meter.label, percent(meter.percent))];
    parts.extend(limit_at(meter).map(|at| format!("limit about {}", clock(at, now))));
    parts.extend(meter.resets_at.map(|at| format!("resets in {}", words::countdown(at, now))));
    parts.join(", ")
}

/// Every meter in one line.
pub fn all(usage: &UsageView, now: Timestamp) -> String {
    let meters: Vec<String> = usage.meters.iter().map(|meter| line(meter, now)).collect();
    if meters.is_empty() { "no limits".to_owned() } else { meters.join(" · ") }
}

/// The window that will be used up first, if any will before its reset: "limit about 14:20", or "5-hour limit about 14:20" where it
/// is not the tightest one, which stands beside this.
pub fn first_limit(usage: &UsageView, now: Timestamp) -> Option<String> {
    let limits = usage.meters.iter().enumerate().filter_map(|(at, meter)| Some((at, meter, limit_at(meter)?)));
    let (index, meter, at) = limits.min_by_key(|(_, _, at)| *at)?;
    let beside = usage.tightest.is_some_and(|tightest| usize::try_from(tightest) == Ok(index));
    let whose = if beside { String::new() } else { format!("{} ", meter.label) };
    Some(format!("{whose}limit about {}", clock(at, now)))
}

/// When it will be used up, if that is before its reset and has not happened yet.
fn limit_at(meter: &Meter) -> Option<Timestamp> {
    match meter.outlook? {
        Outlook::Limit { at } if meter.percent < 100.0 => Some(at),
        Outlook::Limit { .. } | Outlook::Lasts => None,
    }
}

/// The meters, and the spend, as rows of a table that begin after `indent` empty cells: name, bar with pace mark, percent, reset,
/// outlook.
pub fn rows(style: Style, usage: &UsageView, indent: usize, now: Timestamp) -> Vec<Vec<Cell>> {
    let mut rows: Vec<Vec<Cell>> = usage.meters.iter().map(|meter| words_of(meter, now)).collect();
    rows.extend(usage.spend.as_ref().map(|spend| {
        let share = spend.percent.map(|share| format!("{:>5}", percent(share))).unwrap_or_default();
        [Cell::plain("Extra usage"), Cell::plain(&share), Cell::plain(&words::spend(spend))].to_vec()
    }));
    let cells = bar_cells(style, &rows, indent);
    let drawn = usage.meters.iter().map(|meter| {
        let pace = meters::pace(meter, now);
        Cell::new(&bar(meter.percent, pace, cells), severity(meter.severity))
    });
    let spent = usage.spend.iter().map(|spend| {
        let drawn = spend.percent.map(|percent| bar(percent, None, cells)).unwrap_or_default();
        Cell::plain(&drawn)
    });
    for (row, bar) in rows.iter_mut().zip(drawn.chain(spent)) {
        row.insert(1, bar);
        row.splice(0..0, std::iter::repeat_n(Cell::plain(""), indent));
    }
    rows
}

fn words_of(meter: &Meter, now: Timestamp) -> Vec<Cell> {
    let resets = match meter.resets_at {
        Some(at) => format!("resets in {}", words::countdown(at, now)),
        None => "not started".to_owned(),
    };
    let comes = if limit_at(meter).is_some() { Colour::Yellow } else { Colour::Dim };
    vec![
        Cell::plain(&meter.label),
        Cell::new(&format!("{:>5}", percent(meter.percent)), severity(meter.severity)),
        Cell::new(&resets, Colour::Dim),
        Cell::new(words::outlook(meter, now, &Local).as_deref().unwrap_or_default(), comes),
    ]
}

/// How long the bars may be, so that no word beside them is cut.
fn bar_cells(style: Style, rows: &[Vec<Cell>], indent: usize) -> usize {
    let Some(room) = style.width else { return BAR_CELLS };
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.width()).max();
    let columns: Vec<usize> = (0..4).map_while(widest).filter(|width| *width > 0).collect();
    let words = columns.iter().sum::<usize>() + GAP.len() * (columns.len() + indent);
    room.saturating_sub(words).clamp(BAR_CELLS_MIN, BAR_CELLS)
}

/// A bar of blocks. The mark shows the share of the window's time that has passed: whoever is beyond it uses more than lasts.
pub fn bar(percent: f64, pace: Option<f64>, cells: usize) -> String {
    let hundredths = usize::try_from(rounded(percent)).unwrap_or(usize::MAX).min(100);
    // What is used at all shows, and only a full window looks full.
    let full = if percent > 0.0 { (hundredths * cells / 100).max(1) } else { 0 };
    let mark = pace.map(|pace| cell_of(pace, cells));
    (0..cells)
        .map(|at| {
            if mark == Some(at) {
                '│'
            } else if at < full {
                '█'
            } else {
                '░'
            }
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of some cells"
)]
fn cell_of(share: f64, cells: usize) -> usize {
    ((share.clamp(0.0, 1.0) * cells as f64) as usize).min(cells.saturating_sub(1))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
fn rounded(percent: f64) -> u64 {
    percent.round().clamp(0.0, 1e9) as u64
}

#[cfg(test)]
mod tests {
    use signalbox_core::board::{Severity, SpendView};
    use signalbox_core::time::HOUR;

    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);
    const PLAIN: Style = Style { colour: false, ascii: false, width: None };

    fn meter(label: &str, percent: f64, outlook: Option<Outlook>) -> Meter {
        Meter {
            label: label.to_owned(),
            short: label.to_owned(),
            percent,
            resets_at: Some(NOW.plus(2 * HOUR)),
            period_ms: Some(5 * HOUR),
            severity: Severity::Normal,
            outlook,
        }
    }

    fn usage(meters: Vec<Meter>, tightest: u32) -> UsageView {
        UsageView { read_at: NOW, meters, tightest: Some(tightest), spend: None }
    }

    #[test]
    fn a_bar_shows_little_and_never_overflows() {
        let full = |percent| bar(percent, None, BAR_CELLS).matches('█').count();
        assert_eq!([0.0, 0.4, 50.0, 99.4, 100.0, 250.0].map(full), [0, 1, 10, 19, 20, 20]);
        assert_eq!(percent(112.4), "112 %");
    }

    #[test]
    fn the_pace_mark_stands_inside_the_bar_wherever_the_time_is() {
        assert_eq!(bar(50.0, Some(0.0), 10), "│████░░░░░");
        assert_eq!(bar(50.0, Some(0.75), 10), "█████░░│░░");
        assert_eq!(bar(50.0, Some(1.0), 10), "█████░░░░│");
        assert_eq!(bar(0.0, Some(7.0), 10).chars().count(), 10);
    }

    #[test]
    fn one_line_says_the_limit_only_where_it_comes_before_the_reset() {
        let at = NOW.plus(HOUR);
        let lasts = line(&meter("5-hour", 20.0, Some(Outlook::Lasts)), NOW);
        assert_eq!(lasts, "5-hour 20 %, resets in 2h00");
        let limit = line(&meter("5-hour", 71.0, Some(Outlook::Limit { at })), NOW);
        assert_eq!(limit, format!("5-hour 71 %, limit about {}, resets in 2h00", clock(at, NOW)));
        let over = line(&meter("5-hour", 100.0, Some(Outlook::Limit { at })), NOW);
        assert_eq!(over, "5-hour 100 %, resets in 2h00", "it is used up already");
    }

    #[test]
    fn the_first_limit_is_named_where_another_window_is_tighter() {
        let (sooner, later) = (Outlook::Limit { at: NOW.plus(HOUR) }, Outlook::Limit { at: NOW.plus(2 * HOUR) });
        let meters = || vec![meter("5-hour", 40.0, Some(sooner)), meter("7-day", 60.0, Some(later))];
        let when = clock(NOW.plus(HOUR), NOW);
        assert_eq!(first_limit(&usage(meters(), 1), NOW), Some(format!("5-hour limit about {when}")));
        assert_eq!(first_limit(&usage(meters(), 0), NOW), Some(format!("limit about {when}")));
        assert_eq!(first_limit(&usage(vec![meter("5-hour", 40.0, None)], 0), NOW), None);
    }

    #[test]
    fn bars_give_way_before_words_do() {
        let mut view = usage(vec![meter("7-day", 40.0, Some(Outlook::Lasts))], 0);
        view.spend = Some(SpendView { used: "$5.41".to_owned(), limit: None, percent: None });
        let at = |width| Style { width, ..PLAIN }.table(&rows(Style { width, ..PLAIN }, &view, 1, NOW));
        let wide = at(None);
        let row = "  7-day        ████████░░░░│░░░░░░░   40 %  resets in 2h00       lasts until the reset\n";
        assert!(wide.starts_with(row), "{wide}");
        let narrow = at(Some(76));
        assert!(narrow.lines().all(|line| line.width() <= 76), "{narrow}");
        assert!(narrow.contains("lasts until the reset") && narrow.contains("$5.41, no limit set"), "{narrow}");
    }
}
