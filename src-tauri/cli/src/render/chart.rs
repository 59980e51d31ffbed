//! A chart of one window over time: bars of blocks, a base line with its resets, marks and a time axis, as wide as the terminal.
//! Owns reducing any number of samples to columns without losing a peak; leaves what the samples are to `commands::history`.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone};
use signalbox_core::time::{DAY, HOUR, MINUTE, Timestamp};
use signalbox_core::usage::{CRITICAL_PERCENT, Sample, WARNING_PERCENT};

use super::{Colour, Style};

/// A sample stands for this long where no other follows: a window that is used up is read once an hour, and old samples are one
/// in an hour.
pub const HOLDS_MS: i64 = 90 * MINUTE;
/// Left of the columns: "100 % ".
const GUTTER: usize = 6;
/// Narrower, nothing can be seen.
const COLUMNS_MIN: usize = 20;
/// Wider, the eye gets lost.
const COLUMNS_MAX: usize = 160;
/// Blocks that fill one cell from below.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Between two labels of the axis.
const LABEL_GAP: usize = 3;

/// The time that is drawn, and in how many columns.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
    pub columns: usize,
}

impl Span {
    /// As wide as the terminal allows.
    pub fn new(style: Style, from: Timestamp, until: Timestamp) -> Self {
        let columns = style.columns().saturating_sub(GUTTER).clamp(COLUMNS_MIN, COLUMNS_MAX);
        Self { from, until, columns }
    }

    /// The column of a moment; `None` outside the span.
    fn column(self, at: Timestamp) -> Option<usize> {
        if at < self.from || at > self.until {
            return None;
        }
        let length = i128::from(self.until.since(self.from).max(1));
        let column = i128::from(at.since(self.from)) * i128::try_from(self.columns).ok()? / length;
        Some(usize::try_from(column).ok()?.min(self.columns - 1))
    }
}

/// The highest percentage of each column; `None` where nothing is known. `samples`: of one window, oldest first. `resets`: when it
/// began afresh, oldest first; no sample stands for longer than until the next of them.
pub fn columns(samples: &[Sample], resets: &[Timestamp], span: Span) -> Vec<Option<f64>> {
    let mut columns = vec![None; span.columns];
    for (at, sample) in samples.iter().enumerate() {
        let next = samples.get(at + 1).map_or(span.until, |next| next.at);
        let reset = resets.iter().copied().find(|reset| *reset > sample.at).unwrap_or(span.until);
        // It ends where the next begins, so that a column belongs to both only where both lie in it.
        let end = next.min(reset).min(sample.at.plus(HOLDS_MS)).plus(-1).max(sample.at).min(span.until);
        let begin = sample.at.max(span.from);
        let (Some(first), Some(last)) = (span.column(begin), span.column(end)) else { continue };
        for column in columns.iter_mut().take(last + 1).skip(first) {
            *column = Some(column.map_or(sample.percent, |most: f64| most.max(sample.percent)));
        }
    }
    columns
}

/// The columns as `height` rows of blocks above a base line, on which `┴` marks a reset and `·` that nothing is known.
pub fn drawn(style: Style, columns: &[Option<f64>], resets: &[Timestamp], span: Span, height: usize) -> String {
    let mut text = String::new();
    for row in (0..height).rev() {
        let label = match row {
            _ if row + 1 == height => "100 % ",
            0 => "  0 % ",
            _ => "      ",
        };
        let row = row_of(style, columns, row, height);
        let row = row.trim_end();
        let label = if row.is_empty() { label.trim_end() } else { label };
        text.push_str(&style.paint(label, Colour::Dim));
        text.push_str(row);
        text.push('\n');
    }
    let mut base: Vec<char> = columns.iter().map(|column| if column.is_some() { '─' } else { '·' }).collect();
    for column in resets.iter().filter_map(|at| span.column(*at)) {
        base[column] = '┴';
    }
    let base: String = base.into_iter().collect();
    text.push_str(&format!("{}{}\n", " ".repeat(GUTTER), style.paint(&base, Colour::Dim)));
    text
}

/// One row, painted in runs of one colour.
fn row_of(style: Style, columns: &[Option<f64>], row: usize, height: usize) -> String {
    let mut text = String::new();
    let mut run = (Colour::Plain, String::new());
    for column in columns {
        let eighths = column.map_or(0, |percent| eighths(percent, height)).saturating_sub(row * 8).min(8);
        let colour = column.map_or(Colour::Plain, colour_of);
        if colour != run.0 {
            text.push_str(&style.paint(&std::mem::take(&mut run.1), run.0));
            run.0 = colour;
        }
        run.1.push(BLOCKS[eighths]);
    }
    // Blanks at the end are not painted, so that they can be left out.
    text.push_str(&style.paint(run.1.trim_end(), run.0));
    text
}

/// How high a percentage stands, in eighths of a row. What is used at all shows, and only a full window looks full.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a few rows")]
fn eighths(percent: f64, height: usize) -> usize {
    let all = height * 8;
    if percent >= 100.0 {
        all
    } else if percent > 0.0 {
        ((percent / 100.0 * all as f64) as usize).clamp(1, all - 1)
    } else {
        0
    }
}

fn colour_of(percent: f64) -> Colour {
    if percent >= CRITICAL_PERCENT {
        Colour::Red
    } else if percent >= WARNING_PERCENT {
        Colour::Yellow
    } else {
        Colour::Plain
    }
}

/// A line with a sign at each of these moments; `None` where none of them is drawn. Of two in one column the later stays.
pub fn marks(moments: &[(Timestamp, char)], span: Span) -> Option<String> {
    let mut line = vec![' '; span.columns];
    let mut any = false;
    for (at, sign) in moments {
        if let Some(column) = span.column(*at) {
            line[column] = *sign;
            any = true;
        }
    }
    let line: String = line.into_iter().collect();
    any.then(|| format!("{}{}\n", " ".repeat(GUTTER), line.trim_end()))
}

/// Local times below the columns, each beginning in the column of its moment.
pub fn axis<Zone: TimeZone>(span: Span, zone: &Zone) -> String
where
    Zone::Offset: std::fmt::Display,
{
    let mut line = " ".repeat(GUTTER);
    let mut used = 0;
    for (at, label) in ticks(span, zone) {
        let Some(column) = span.column(at).filter(|column| *column >= used) else { continue };
        if column + label.len() > span.columns {
            break;
        }
        line.push_str(&" ".repeat(GUTTER + column - line.len()));
        line.push_str(&label);
        used = column + label.len() + LABEL_GAP;
    }
    line.push('\n');
    line
}

/// Round local moments in the span with their labels: as close as they can stand.
fn ticks<Zone: TimeZone>(span: Span, zone: &Zone) -> Vec<(Timestamp, String)>
where
    Zone::Offset: std::fmt::Display,
{
    const STEPS: [i64; 16] = [
        5 * MINUTE,
        10 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY,
        2 * DAY,
        7 * DAY,
        14 * DAY,
        30 * DAY,
        60 * DAY,
        90 * DAY,
    ];
    let Some(mut midnight) = zone.timestamp_millis_opt(span.from.ms()).single().and_then(|from| day_of(&from, 0))
    else {
        return Vec::new();
    };
    let length = span.until.since(span.from).max(1);
    let label = "31 May".len() + LABEL_GAP;
    let room = i64::try_from((span.columns / label).max(1)).unwrap_or(1);
    let step = STEPS.into_iter().find(|step| length / step <= room).unwrap_or(180 * DAY);
    let mut ticks = Vec::new();
    while midnight.timestamp_millis() <= span.until.ms() {
        // Every day counts from its own midnight, so that a day of 23 hours moves nothing.
        for part in 0..(DAY / step.min(DAY)) {
            let at = midnight.clone() + TimeDelta::milliseconds(part * step);
            let form = if part == 0 { "%-d %b" } else { "%H:%M" };
            let moment = Timestamp::from_ms(at.timestamp_millis());
            if moment >= span.from {
                ticks.push((moment, at.format(form).to_string()));
            }
        }
        let Some(next) = day_of(&midnight, u64::try_from((step / DAY).max(1)).unwrap_or(1)) else { break };
        midnight = next;
    }
    ticks
}

/// Midnight of the local day `later` days after the one that a moment lies in. A day that begins at one o'clock does.
fn day_of<Zone: TimeZone>(moment: &DateTime<Zone>, later: u64) -> Option<DateTime<Zone>> {
    let midnight = moment.date_naive().checked_add_days(Days::new(later))?.and_time(NaiveTime::MIN);
    let zone = moment.timezone();
    zone.from_local_datetime(&midnight)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(midnight + TimeDelta::hours(1))).earliest())
}

#[cfg(test)]
mod tests {
    use chrono::{FixedOffset, Utc};
    use proptest::prelude::*;
    use signalbox_core::usage::WindowKind;

    use super::*;

    const PLAIN: Style = Style { colour: false, ascii: false, width: None };
    /// Midnight in Greenwich.
    const FROM: Timestamp = Timestamp::from_ms(1_800_057_600_000);

    fn span(length: i64, columns: usize) -> Span {
        Span { from: FROM, until: FROM.plus(length), columns }
    }

    fn sample(at: i64, percent: f64) -> Sample {
        Sample { at: FROM.plus(at), kind: WindowKind::FiveHour, percent, resets_at: None }
    }

    #[test]
    fn a_column_is_its_highest_sample_and_a_gap_stays_empty() {
        let samples = [sample(0, 10.0), sample(5 * MINUTE, 90.0), sample(10 * MINUTE, 20.0), sample(7 * HOUR, 30.0)];
        let columns = columns(&samples, &[], span(8 * HOUR, 8));
        assert_eq!(columns, [Some(90.0), Some(20.0), None, None, None, None, None, Some(30.0)]);
    }

    #[test]
    fn no_sample_outlives_its_reset() {
        let reset = FROM.plus(30 * MINUTE);
        let columns = columns(&[sample(0, 90.0)], &[reset], span(2 * HOUR, 8));
        assert_eq!(columns[..3], [Some(90.0), Some(90.0), None]);
    }

    #[test]
    fn what_was_read_shortly_before_reaches_into_the_span() {
        let columns = columns(&[sample(-HOUR, 40.0)], &[], span(2 * HOUR, 4));
        assert_eq!(columns, [Some(40.0), None, None, None]);
    }

    #[test]
    fn bars_are_as_high_as_the_percentage_and_the_base_tells_what_is_known() {
        let (columns, span) = ([Some(0.0), Some(1.0), Some(50.0), Some(99.9), Some(120.0), None], span(6 * HOUR, 6));
        let drawn = drawn(PLAIN, &columns, &[FROM.plus(4 * HOUR)], span, 2);
        assert_eq!(drawn, "100 %    ▇█\n  0 %  ▁███\n      ────┴·\n");
    }

    #[test]
    fn a_chart_in_colour_says_nothing_else() {
        let columns = [Some(10.0), Some(85.0), Some(99.0), None];
        let coloured = drawn(Style { colour: true, ..PLAIN }, &columns, &[], span(HOUR, 4), 1);
        assert!(coloured.contains("\u{1b}[33m▆\u{1b}[0m\u{1b}[31m▇\u{1b}[0m"), "{coloured:?}");
        let bare = regex_free(&coloured);
        assert_eq!(bare, drawn(PLAIN, &columns, &[], span(HOUR, 4), 1));
    }

    /// The text without escapes.
    fn regex_free(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
    }

    #[test]
    fn marks_stand_in_their_columns_and_no_mark_makes_no_line() {
        let span = span(4 * HOUR, 4);
        let moments = [(FROM.plus(HOUR), '▲'), (FROM.plus(4 * HOUR), '▼'), (FROM.plus(5 * HOUR), '▲')];
        assert_eq!(marks(&moments, span).as_deref(), Some("       ▲ ▼\n"));
        assert_eq!(marks(&moments[2..], span), None);
    }

    #[test]
    fn the_axis_has_round_local_times_and_the_date_at_midnight() {
        let day = axis(span(DAY, 72), &Utc);
        assert_eq!(day.trim_end(), "      16 Jan   03:00    06:00    09:00    12:00    15:00    18:00    21:00");
        let east = FixedOffset::east_opt(5 * 3600 + 1800).expect("a zone");
        assert!(
            axis(span(DAY, 72), &east).contains("17 Jan"),
            "midnight is at half past six in the evening in Greenwich"
        );
        let week = axis(span(7 * DAY, 70), &Utc);
        assert!(week.contains("16 Jan    17 Jan    18 Jan"), "{week}");
        for columns in COLUMNS_MIN..=COLUMNS_MAX {
            for length in [90 * MINUTE, DAY, 7 * DAY, 30 * DAY, 730 * DAY] {
                let axis = axis(span(length, columns), &Utc);
                assert!(axis.trim_end().len() <= GUTTER + columns, "{axis}");
                assert!(axis.split_whitespace().count() >= 1, "no time in {columns} columns of {length} ms");
            }
        }
    }

    proptest! {
        #[test]
        fn no_peak_is_lost_however_many_samples_share_a_column(
            percents in proptest::collection::vec((0..7 * DAY, 0.0..120.0_f64), 1..300),
            width in 1..200_usize,
        ) {
            let mut samples: Vec<Sample> = percents.into_iter().map(|(at, percent)| sample(at, percent)).collect();
            samples.sort_by_key(|sample| sample.at);
            let span = span(7 * DAY, width);
            let columns = columns(&samples, &[], span);
            for sample in &samples {
                let column = span.column(sample.at).expect("inside");
                prop_assert!(columns[column].is_some_and(|most| most >= sample.percent));
            }
            let highest = |all: &mut dyn Iterator<Item = f64>| all.fold(0.0, f64::max);
            let shown = highest(&mut columns.iter().flatten().copied());
            prop_assert!((shown - highest(&mut samples.iter().map(|sample| sample.percent))).abs() < f64::EPSILON);
        }
    }
}
