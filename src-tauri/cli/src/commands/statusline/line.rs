//! The line itself: a text with placeholders, and what is put in their places. Pure. Owns the placeholders, what
//! becomes of the text around one that has nothing to say, and the form of each; leaves where the facts come from to
//! the parent.

use signalbox_core::board::Meter;
use signalbox_core::time::Timestamp;
use signalbox_core::words;

use crate::render::{self, Colour, Style};

/// What stands where nothing else was asked for.
pub const DEFAULT: &str = "{profile} · {5h} · {7d} · {model} · {cost}";
/// A model's name and the like is cut here.
const CHARS_MAX: usize = 40;
/// A format is cut here: nobody reads a longer line.
const FORMAT_CHARS_MAX: usize = 1_000;

/// What there is to show.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub profile: String,
    pub meters: Vec<Meter>,
    /// The meters are not of this moment.
    pub old: bool,
    pub model: Option<String>,
    pub cost_usd: Option<f64>,
    pub now: Option<Timestamp>,
}

/// What can be put into a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Profile,
    /// The window of this short name.
    Window(&'static str),
    Model,
    Cost,
}

const SLOTS: [(&str, Slot); 5] = [
    ("profile", Slot::Profile),
    ("5h", Slot::Window("5h")),
    ("7d", Slot::Window("7d")),
    ("model", Slot::Model),
    ("cost", Slot::Cost),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Slot(Slot),
}

/// A text with placeholders, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    parts: Vec<Part>,
    unknown: Vec<String>,
}

impl Format {
    /// Takes a format apart; the usual one where there is none. What looks like a placeholder and is none stays as it
    /// is typed.
    pub fn parse(text: Option<&str>) -> Self {
        let text: String = text.unwrap_or(DEFAULT).chars().take(FORMAT_CHARS_MAX).collect();
        let mut format = Self { parts: Vec::new(), unknown: Vec::new() };
        let mut literal = String::new();
        let mut rest = text.as_str();
        while let Some((before, behind)) = rest.split_once('{') {
            literal.push_str(before);
            let Some((name, after)) = behind.split_once('}') else {
                rest = &rest[before.len()..];
                break;
            };
            match SLOTS.iter().find(|(known, _)| *known == name) {
                Some((_, slot)) => {
                    format.parts.push(Part::Text(std::mem::take(&mut literal)));
                    format.parts.push(Part::Slot(*slot));
                    rest = after;
                }
                None => {
                    format.unknown.push(format!("{{{}}}", name.chars().take(CHARS_MAX).collect::<String>()));
                    literal.push('{');
                    rest = behind;
                }
            }
        }
        literal.push_str(rest);
        format.parts.push(Part::Text(literal));
        format
    }

    /// What looks like a placeholder and is none.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// The placeholders there are, for a message.
    pub fn known() -> String {
        let all: Vec<String> = SLOTS.iter().map(|(name, _)| format!("{{{name}}}")).collect();
        all.join(" ")
    }

    /// The line. Where a placeholder has nothing to say, the separator before it goes too.
    pub fn line(&self, facts: &Facts, style: Style) -> String {
        let mut line = String::new();
        let mut pending = String::new();
        let mut said = false;
        for part in &self.parts {
            match part {
                Part::Text(text) => pending.push_str(&render::printable(text)),
                Part::Slot(slot) => match shown(*slot, facts, style) {
                    Some(value) => {
                        let text = if said { pending.as_str() } else { pending.trim_start_matches(separates) };
                        line.push_str(text);
                        line.push_str(&value);
                        pending.clear();
                        said = true;
                    }
                    None => pending.truncate(pending.trim_end_matches(separates).len()),
                },
            }
        }
        line.push_str(&pending);
        if line.trim().is_empty() { facts.profile.clone() } else { line }
    }
}

/// What stands between two parts and belongs to neither.
fn separates(c: char) -> bool {
    c.is_whitespace() || "·|•/,;:–—-".contains(c)
}

fn shown(slot: Slot, facts: &Facts, style: Style) -> Option<String> {
    match slot {
        Slot::Profile => Some(style.paint(&cut(&facts.profile), Colour::Bold)),
        Slot::Window(short) => window(facts.meters.iter().find(|meter| meter.short == short)?, facts, style),
        Slot::Model => facts.model.as_deref().map(cut).filter(|model| !model.trim().is_empty()),
        Slot::Cost => {
            let cost = facts.cost_usd.filter(|usd| (0.005..1e9).contains(usd))?;
            Some(style.paint(&format!("${cost:.2}"), Colour::Dim))
        }
    }
}

/// "5h 71% 1h56": the number in the colour of its severity, a `~` before one that is old.
fn window(meter: &Meter, facts: &Facts, style: Style) -> Option<String> {
    let old = if facts.old { "~" } else { "" };
    let number = format!("{old}{:.0}%", meter.percent.min(9_999.0));
    let text = format!("{} {}", meter.short, style.paint(&number, render::severity(meter.severity)));
    let resets = meter.resets_at.map(|at| words::countdown(at, facts.now.unwrap_or(at)));
    Some(match resets {
        Some(resets) => format!("{text} {}", style.paint(&resets, Colour::Dim)),
        None => text,
    })
}

/// Text from outside, freed of what a terminal would obey, and not for ever.
fn cut(text: &str) -> String {
    let text = render::printable(text);
    if text.chars().count() <= CHARS_MAX {
        return text;
    }
    text.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
