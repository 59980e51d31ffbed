//! How things look on a terminal: colours, tables, and text that cannot steer the terminal. Owns widths, escapes and the signs
//! of a terminal that knows ASCII alone; bars are in `meters`, charts in `chart`. Leaves the words to `signalbox_core::words` and
//! the choice of what to show to the commands.

pub mod chart;
pub mod meters;

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use signalbox_core::board::{Badge, Level, Severity};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Between two columns.
const GAP: &str = "  ";
/// A column is not cut below this.
const COLUMN_MIN: usize = 4;
/// Narrower than this, nothing is cut: the terminal would wrap anything.
const WIDTH_MIN: usize = 20;
/// Columns where nobody says how many there are.
const WIDTH_USUAL: usize = 80;
/// What a column that gives way first keeps.
const YIELDS_TO: usize = 12;
/// Signs of ours and what stands for each where only ASCII is wanted. One column each, so that everything stays aligned.
const ASCII: [(&str, char); 12] = [
    ("●◆", '*'),
    ("·", '-'),
    ("…", '~'),
    ("▇█▆", '#'),
    ("▃▄▅", ':'),
    ("▁▂", '.'),
    ("░─", '-'),
    ("│", '|'),
    ("┴", '|'),
    ("▲", '^'),
    ("▼", 'v'),
    ("×", 'x'),
];

/// What the place where the text goes can show.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: bool,
    /// Signs of ours beyond ASCII are replaced.
    ascii: bool,
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
        let width = width.filter(|width| *width >= WIDTH_MIN);
        Self { colour: terminal && !dumb && !plain, ascii: dumb || plain, width }
    }

    /// The text in signs that the terminal knows. What comes from outside, a name for one, stays as it is written.
    pub fn in_signs(self, text: &str) -> Cow<'_, str> {
        if !self.ascii {
            return text.into();
        }
        let sign = |c: char| ASCII.iter().find(|(ours, _)| ours.contains(c)).map_or(c, |(_, plain)| *plain);
        text.chars().map(sign).collect::<String>().into()
    }

    /// How many columns a drawing may take.
    pub fn columns(self) -> usize {
        self.width.unwrap_or(WIDTH_USUAL)
    }

    /// For Claude Code's statusline, which shows colours although it is no terminal.
    pub fn for_claude_code() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: !plain, ascii: false, width: None }
    }

    #[cfg(test)]
    pub fn plain() -> Self {
        Self { colour: false, ascii: false, width: None }
    }

    #[cfg(test)]
    pub fn coloured() -> Self {
        Self { colour: true, ascii: false, width: None }
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
        self.table_yielding(rows, None)
    }

    /// As [`Style::table`], but the column `first` is cut before all others: it says the least.
    pub fn table_yielding(self, rows: &[Vec<Cell>], first: Option<usize>) -> String {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..columns)
            .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.width()).max().unwrap_or(0))
            .collect();
        self.fit(&mut widths, first);
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

    fn fit(self, widths: &mut [usize], first: Option<usize>) {
        let Some(room) = self.width else { return };
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(room);
        if let Some(width) = first.and_then(|first| widths.get_mut(first)) {
            *width -= over.min(width.saturating_sub(YIELDS_TO));
        }
        while widths.iter().sum::<usize>() + gaps > room {
            let widest = widths.iter_mut().filter(|width| **width > COLUMN_MIN).max_by_key(|width| **width);
            match widest {
                Some(width) => *width -= 1,
                None => return,
            }
        }
    }
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

    const PLAIN: Style = Style { colour: false, ascii: false, width: None };

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
        let coloured = Style { colour: true, ..PLAIN };
        assert_eq!(coloured.paint("red", Colour::Red), "\u{1b}[31mred\u{1b}[0m");
        assert_eq!(PLAIN.paint("red", Colour::Red), "red");
    }

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c");
    }

    #[test]
    fn a_column_that_says_the_least_is_cut_first() {
        let narrow = Style { width: Some(30), ..PLAIN };
        let row = ["ada@northwind-research.example", "5-hour 71 %"].map(Cell::plain).to_vec();
        assert_eq!(narrow.table_yielding(&[row], Some(0)), "ada@northwind-re…  5-hour 71 %\n");
        let tiny = Style { width: Some(20), ..PLAIN };
        let row = ["ada@northwind-research.example", "5-hour 71 %"].map(Cell::plain).to_vec();
        assert_eq!(tiny.table_yielding(&[row], Some(0)).trim_end().width(), 20);
    }

    #[test]
    fn a_terminal_that_knows_ascii_alone_gets_one_sign_for_each_of_ours() {
        let dumb = Style { ascii: true, ..PLAIN };
        let text = "● wörk · Max 20× ██│░░ ▁▃▆ ─┴ ▲▼ …";
        let signs = dumb.in_signs(text);
        assert_eq!(signs, "* wörk - Max 20x ##|-- .:# -| ^v ~");
        assert_eq!(signs.width(), text.width());
        assert_eq!(PLAIN.in_signs(text), text);
    }
}
