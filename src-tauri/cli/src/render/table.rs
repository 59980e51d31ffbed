//! Tables on a terminal: aligned columns, and what gives way where there is no room for all of them. Owns widths; leaves what is
//! worth least to whoever has the rows, and colours and escapes to `render`.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{Cell, GAP, Style};

/// A column is not cut below this.
const COLUMN_MIN: usize = 4;
/// What a column that is cut before all others keeps.
const CUT_TO: usize = 12;

/// How a column makes room. Columns are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivesWay {
    /// It is cut with `…`, as far as it has to be.
    Cut(usize),
    /// Its cells say it in fewer words, where they have some.
    Shortens(usize),
    /// It is left out.
    Goes(usize),
}

/// Rows, and what of them gives way.
#[derive(Clone)]
struct Table<'a> {
    rows: &'a [Vec<Cell>],
    given: Vec<GivesWay>,
}

impl Style {
    /// Rows as aligned columns. Where they are too wide, the widest column is cut with `…` until they fit.
    pub fn table(self, rows: &[Vec<Cell>]) -> String {
        self.table_giving_way(rows, &[])
    }

    /// As [`Style::table`], but before anything is cut in the middle of what it says, room is made in this `order`: as far as
    /// it has to be, and nothing in vain.
    pub fn table_giving_way(self, rows: &[Vec<Cell>], order: &[GivesWay]) -> String {
        let mut table = Table { rows, given: Vec::new() };
        let mut widths = table.widths();
        if let Some(room) = self.width {
            table.give_way(order, room);
            widths = table.fitted(room);
        }
        rows.iter().map(|row| self.line(&table, row, &widths)).collect()
    }

    fn line(self, table: &Table<'_>, row: &[Cell], widths: &[Option<usize>]) -> String {
        let shown =
            row.iter().enumerate().filter_map(|(at, cell)| Some((table.text(at, cell), cell.colour, widths[at]?)));
        let shown: Vec<_> = shown.collect();
        let last = shown.iter().rposition(|(text, ..)| !text.is_empty());
        let mut line = String::new();
        for (at, (text, colour, width)) in shown.iter().enumerate().take_while(|(at, _)| Some(*at) <= last) {
            let text = cut(text, *width);
            line.push_str(&self.paint(&text, *colour));
            if Some(at) != last {
                line.push_str(&" ".repeat(width - text.width()));
                line.push_str(GAP);
            }
        }
        line.push('\n');
        line
    }
}

impl Table<'_> {
    fn text<'c>(&self, at: usize, cell: &'c Cell) -> &'c str {
        let short = cell.short.as_deref().filter(|_| self.given.contains(&GivesWay::Shortens(at)));
        short.unwrap_or(&cell.text)
    }

    /// The widths that the columns want; none for those that are left out.
    fn widths(&self) -> Vec<Option<usize>> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |at| self.rows.iter().filter_map(|row| row.get(at)).map(|cell| self.text(at, cell).width()).max();
        let stays = |at: &usize| !self.given.contains(&GivesWay::Goes(*at));
        (0..columns).map(|at| Some(at).filter(stays).map(|at| width(at).unwrap_or(0))).collect()
    }

    /// The widths that they can do with.
    fn least(&self) -> Vec<Option<usize>> {
        let cut = |at: usize| self.given.contains(&GivesWay::Cut(at));
        let least =
            |(at, width): (usize, Option<usize>)| width.map(|width| if cut(at) { width.min(CUT_TO) } else { width });
        self.widths().into_iter().enumerate().map(least).collect()
    }

    fn fits(&self, room: usize) -> bool {
        taken(&self.least()) <= room
    }

    fn give_way(&mut self, order: &[GivesWay], room: usize) {
        for step in order {
            if self.fits(room) {
                break;
            }
            self.given.push(*step);
        }
        // Once a great step was made, a small one before it may have been in vain.
        for at in (0..self.given.len()).rev() {
            let mut with_less = self.clone();
            with_less.given.remove(at);
            if with_less.fits(room) {
                *self = with_less;
            }
        }
    }

    /// The widths at last: what room is left belongs to those that are cut, and where there is none the widest is cut.
    fn fitted(&self, room: usize) -> Vec<Option<usize>> {
        let mut widths = self.least();
        let mut spare = room.saturating_sub(taken(&widths));
        for (width, wanted) in widths.iter_mut().zip(self.widths()) {
            if let (Some(width), Some(wanted)) = (width, wanted) {
                let more = spare.min(wanted - *width);
                *width += more;
                spare -= more;
            }
        }
        while taken(&widths) > room {
            let widest = widths.iter_mut().flatten().filter(|width| **width > COLUMN_MIN).max_by_key(|width| **width);
            match widest {
                Some(width) => *width -= 1,
                None => break,
            }
        }
        widths
    }
}

/// How wide a line is. Nothing is drawn for empty columns at its end.
fn taken(widths: &[Option<usize>]) -> usize {
    let shown: Vec<usize> = widths.iter().copied().flatten().collect();
    let drawn = shown.iter().rposition(|width| *width > 0).map_or(0, |last| last + 1);
    shown[..drawn].iter().sum::<usize>() + GAP.len() * drawn.saturating_sub(1)
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

#[cfg(test)]
mod tests {
    use super::super::Colour;
    use super::*;

    const PLAIN: Style = Style { colour: false, ascii: false, width: None };

    fn at(width: usize) -> Style {
        Style { width: Some(width), ..PLAIN }
    }

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
        let table = at(24).table(&rows());
        assert_eq!(table, "●  work   ada@northwind…\n   höhle  世界@example.…\n");
        assert!(table.lines().all(|line| line.width() <= 24), "{table}");
        assert!(at(20).table(&rows()).lines().all(|line| line.width() <= 20));
    }

    /// An address of 30 columns, a plan of 7, a reading of 24 that can be said in 11, and nothing.
    fn row() -> Vec<Cell> {
        vec![
            Cell::plain("ada@northwind-research.example"),
            Cell::plain("Max 20×"),
            Cell::new("5-hour 71 %, resets 1h59", Colour::Plain).or("5-hour 71 %"),
            Cell::plain(""),
        ]
    }

    #[test]
    fn what_is_worth_least_gives_way_first_and_no_more_of_it_than_has_to() {
        let order = [GivesWay::Cut(0), GivesWay::Goes(1), GivesWay::Shortens(2), GivesWay::Goes(0)];
        let line = |width| at(width).table_giving_way(&[row()], &order);
        assert_eq!(line(65), "ada@northwind-research.example  Max 20×  5-hour 71 %, resets 1h59\n");
        assert_eq!(line(64), "ada@northwind-research.examp…  Max 20×  5-hour 71 %, resets 1h59\n");
        assert_eq!(line(47), "ada@northwi…  Max 20×  5-hour 71 %, resets 1h59\n");
        // The plan's room goes to the address.
        assert_eq!(line(46), "ada@northwind-resea…  5-hour 71 %, resets 1h59\n");
        assert_eq!(line(38), "ada@northwi…  5-hour 71 %, resets 1h59\n");
        // Fewer words leave room for the plan again.
        assert_eq!(line(37), "ada@northwind-…  Max 20×  5-hour 71 %\n");
        assert_eq!(line(33), "ada@northwind-resea…  5-hour 71 %\n");
        assert_eq!(line(25), "ada@northwi…  5-hour 71 %\n");
        // Without the address there is room for more words, or for the plan.
        assert_eq!(line(24), "5-hour 71 %, resets 1h59\n");
        assert_eq!(line(23), "Max 20×  5-hour 71 %\n");
        assert_eq!(line(9), "5-hour 7…\n");
    }
}
