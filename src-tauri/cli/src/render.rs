//! How things look on a terminal: colours, tables, bars, and text that cannot steer the terminal. Owns widths and escapes;
//! leaves the words to `signalbox_core::words` and the choice of what to show to the commands.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use signalbox_core::board::{Badge, Level, Meter, Severity};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Between two columns.
const GAP: &str = "  ";
/// A column is not cut below this.
const COLUMN_MIN: usize = 4;
/// Narrower than this, nothing is cut: the terminal would wrap anything.
const WIDTH_MIN: usize = 20;
/// Length of a meter's bar.
const BAR_CELLS: usize = 20;

/// What the place where the text goes can show.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: bool,
    /// Columns; `None` where nothing has to be cut.
    width: Option<usize>,
}

/// The colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Plain,
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    colour: Colour,
}

impl Cell {
    pub fn new(text: &str, colour: Colour) -> Self {
        Self { text: printable(text), colour }
    }

    pub fn plain(text: &str) -> Self {
        Self::new(text, Colour::Plain)
    }
}

impl Style {
    /// Standard output as it is. `COLUMNS` wins over the terminal's own word, as it does elsewhere.
    pub fn of_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let seen = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        let width = said.or_else(|| if terminal { seen() } else { None });
        Self { colour: terminal && !dumb && !plain, width: width.filter(|width| *width >= WIDTH_MIN) }
    }

    /// The same with nothing cut, whatever the width.
    pub fn uncut(self) -> Self {
        Self { width: None, ..self }
    }

    pub fn paint(self, text: &str, colour: Colour) -> String {
        let code = match colour {
            Colour::Plain => "",
            Colour::Bold => "1",
            Colour::Dim => "2",
            Colour::Red => "31",
            Colour::Green => "32",
            Colour::Yellow => "33",
        };
        if !self.colour || code.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Rows as aligned columns. Where they are too wide, the widest column is cut with `…` until they fit.
    pub fn table(self, rows: &[Vec<Cell>]) -> String {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..columns)
            .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.width()).max().unwrap_or(0))
            .collect();
        self.fit(&mut widths);
        let mut table = String::new();
        for row in rows {
            let last = row.iter().rposition(|cell| !cell.text.is_empty());
            for (at, cell) in row.iter().enumerate().take_while(|(at, _)| Some(*at) <= last) {
                let text = cut(&cell.text, widths[at]);
                let fill = widths[at] - text.width();
                table.push_str(&self.paint(&text, cell.colour));
                if Some(at) != last {
                    table.push_str(&" ".repeat(fill));
                    table.push_str(GAP);
                }
            }
            table.push('\n');
        }
        table
    }

    fn fit(self, widths: &mut [usize]) {
        let Some(room) = self.width else { return };
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > room {
            let widest = widths.iter_mut().filter(|width| **width > COLUMN_MIN).max_by_key(|width| **width);
            match widest {
                Some(width) => *width -= 1,
                None => return,
            }
        }
    }

    /// A meter as a bar of blocks.
    pub fn bar(self, meter: &Meter) -> Cell {
        let cells = usize::try_from(rounded(meter.percent)).unwrap_or(usize::MAX).min(100);
        // What is used at all shows, and only a full window looks full.
        let full = if meter.percent > 0.0 { (cells * BAR_CELLS / 100).max(1) } else { 0 };
        Cell::new(&format!("{}{}", "█".repeat(full), "░".repeat(BAR_CELLS - full)), severity(meter.severity))
    }
}

/// "71 %".
pub fn percent(meter: &Meter) -> String {
    format!("{} %", rounded(meter.percent))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
fn rounded(percent: f64) -> u64 {
    percent.round().clamp(0.0, 1e9) as u64
}

/// The colour of a meter.
pub fn severity(severity: Severity) -> Colour {
    match severity {
        Severity::Normal => Colour::Plain,
        Severity::Warning => Colour::Yellow,
        Severity::Critical => Colour::Red,
    }
}

/// The colour of a badge. Its words say the same.
pub fn level(badge: &Badge) -> Colour {
    match badge.level {
        Level::Green => Colour::Green,
        Level::Yellow => Colour::Yellow,
        Level::Red => Colour::Red,
        Level::Grey => Colour::Dim,
    }
}

/// Text from outside (an e-mail, a path, an organisation's name) freed of what a terminal would obey: control characters,
/// and the marks that turn the direction of writing.
pub fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    format!("{}…", kept.trim_end())
}

/// Something could not be written to standard output.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes to standard output. A reader that went away (`signalbox list | head`) is no failure.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if written.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe) {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Whether something that should be on standard output is not: the disk is full, or it was closed.
pub fn output_was_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes to standard error.
pub fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { colour: false, width: None };

    fn rows() -> Vec<Vec<Cell>> {
        [["●", "work", "ada@northwind-research.example"], ["", "höhle", "世界@example.org"]]
            .iter()
            .map(|row| row.iter().map(|text| Cell::plain(text)).collect())
            .collect()
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        assert_eq!(PLAIN.table(&rows()), "●  work   ada@northwind-research.example\n   höhle  世界@example.org\n");
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_column() {
        let narrow = Style { width: Some(24), ..PLAIN };
        let table = narrow.table(&rows());
        assert_eq!(table, "●  work   ada@northwind…\n   höhle  世界@example.…\n");
        assert!(table.lines().all(|line| line.width() <= 24), "{table}");
        let tiny = Style { width: Some(20), ..PLAIN };
        assert!(tiny.table(&rows()).lines().all(|line| line.width() <= 20));
    }

    #[test]
    fn colour_is_only_where_it_is_wanted() {
        let coloured = Style { colour: true, width: None };
        assert_eq!(coloured.paint("red", Colour::Red), "\u{1b}[31mred\u{1b}[0m");
        assert_eq!(PLAIN.paint("red", Colour::Red), "red");
    }

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c");
    }

    #[test]
    fn a_bar_shows_little_and_never_overflows() {
        let meter = |percent| Meter {
            label: "5-hour".to_owned(),
            short: "5h".to_owned(),
            percent,
            resets_at: None,
            period_ms: None,
            severity: Severity::Normal,
        };
        let full = |percent| PLAIN.bar(&meter(percent)).text.matches('█').count();
        assert_eq!([0.0, 0.4, 50.0, 99.4, 100.0, 250.0].map(full), [0, 1, 10, 19, 20, 20]);
        assert_eq!(percent(&meter(112.4)), "112 %");
    }
}
