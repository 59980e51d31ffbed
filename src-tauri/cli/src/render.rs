//! How things look on a terminal: colours, cells, and text that cannot steer the terminal. Owns escapes and the signs of a terminal
//! that knows ASCII alone; tables are in `table`, bars in `meters`, charts in `chart`. Leaves the words to `signalbox_core::words`
//! and the choice of what to show to the commands.

pub mod chart;
pub mod meters;
pub mod table;

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use signalbox_core::board::{Badge, Level, Severity};

/// Between two columns.
const GAP: &str = "  ";
/// Narrower than this, nothing is cut: the terminal would wrap anything.
const WIDTH_MIN: usize = 20;
/// Columns where nobody says how many there are.
const WIDTH_USUAL: usize = 80;
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
    /// What it says where there is less room, if it can.
    short: Option<String>,
    colour: Colour,
}

impl Cell {
    pub fn new(text: &str, colour: Colour) -> Self {
        Self { text: printable(text), short: None, colour }
    }

    pub fn plain(text: &str) -> Self {
        Self::new(text, Colour::Plain)
    }

    /// The same, and what it says where there is less room.
    pub fn or(self, short: &str) -> Self {
        Self { short: Some(printable(short)), ..self }
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
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    const PLAIN: Style = Style { colour: false, ascii: false, width: None };

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
    fn a_terminal_that_knows_ascii_alone_gets_one_sign_for_each_of_ours() {
        let dumb = Style { ascii: true, ..PLAIN };
        let text = "● wörk · Max 20× ██│░░ ▁▃▆ ─┴ ▲▼ …";
        let signs = dumb.in_signs(text);
        assert_eq!(signs, "* wörk - Max 20x ##|-- .:# -| ^v ~");
        assert_eq!(signs.width(), text.width());
        assert_eq!(PLAIN.in_signs(text), text);
    }
}
