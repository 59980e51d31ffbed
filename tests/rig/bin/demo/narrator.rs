//! The demo's voice: numbered steps in plain words, and claims with their proof beside them. Owns the layout on the
//! terminal and the count of claims that did not hold; it never prints a token, only fingerprints.

use std::fmt::Display;

use anyhow::Result;

/// Tells the story, and remembers whether all of it was true.
#[derive(Debug, Default)]
pub struct Narrator {
    step: u32,
    pictures: u32,
    broken: Vec<String>,
    kept: u32,
}

impl Narrator {
    /// Opens the story.
    pub fn begin(text: &str) -> Self {
        println!();
        wrapped("", text);
        Self::default()
    }

    /// Begins a step: what is done.
    pub fn step(&mut self, title: &str) {
        self.step += 1;
        println!("\n{:>2}  {title}", self.step);
    }

    /// Says something about the step: what is seen, or why it matters.
    pub fn say(&self, text: &str) {
        wrapped("    ", text);
    }

    /// States what must be true, and whether it is.
    pub fn claim(&mut self, text: &str, holds: bool) {
        if holds {
            self.kept += 1;
            wrapped_after("    ✓ ", "      ", text);
        } else {
            self.broken.push(format!("step {}: {text}", self.step));
            wrapped_after("    ✗ NOT TRUE: ", "      ", text);
        }
    }

    /// As [`Narrator::claim`], where finding out may fail.
    pub fn expect<T>(&mut self, text: &str, outcome: Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.claim(text, true);
                Some(value)
            }
            Err(error) => {
                self.claim(text, false);
                self.say(&format!("({error:#})"));
                None
            }
        }
    }

    /// The name of the next picture.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only the private desktop takes pictures"))]
    pub fn picture_name(&mut self, what: &str) -> String {
        self.pictures += 1;
        format!("{:02}-{what}.png", self.pictures)
    }

    /// Closes the story. `false`: something was not true.
    pub fn end(self, last: impl Display) -> bool {
        println!();
        if self.broken.is_empty() {
            wrapped("", &format!("{last} All {} claims above were checked, and all of them hold.", self.kept));
        } else {
            wrapped(
                "",
                &format!("{} of {} claims did NOT hold:", self.broken.len(), self.kept as usize + self.broken.len()),
            );
            for claim in &self.broken {
                wrapped_after("  ✗ ", "    ", claim);
            }
        }
        println!();
        self.broken.is_empty()
    }
}

fn wrapped(indent: &str, text: &str) {
    wrapped_after(indent, indent, text);
}

/// Prints `text` at most 100 columns wide, the first line behind `first`, the others behind `rest`.
fn wrapped_after(first: &str, rest: &str, text: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > 100 {
            println!("{line}");
            line = rest.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    println!("{line}");
}
