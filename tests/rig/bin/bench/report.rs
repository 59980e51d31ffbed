//! The figures: collecting them, holding them against their limits, and writing them down as a table for people, as
//! Markdown for `docs/performance.md` and as JSON. Measures nothing.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

/// One figure.
#[derive(Debug)]
pub struct Figure {
    pub name: &'static str,
    pub value: f64,
    pub unit: &'static str,
    /// What it may be at most; `None`: told for information.
    pub limit: Option<f64>,
    /// How it came about: runs, spread.
    pub how: String,
}

/// All figures of one run.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a figure and prints its row.
    pub fn add(&mut self, figure: Figure) {
        println!("{}", figure.row());
        self.figures.push(figure);
    }

    /// Whether every figure is within its limit.
    pub fn within_limits(&self) -> bool {
        self.figures.iter().all(Figure::holds)
    }

    /// Writes `figures.md` and `figures.json` into `folder`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let machine = machine();
        let mut text = format!("Measured on {machine}.\n\n| figure | measured | limit | how |\n|---|---|---|---|\n");
        for figure in &self.figures {
            let limit = figure.limit.map_or("–".to_owned(), |limit| format!("≤ {} {}", number(limit), figure.unit));
            writeln!(
                text,
                "| {} | {} {} | {limit} | {} |",
                figure.name,
                number(figure.value),
                figure.unit,
                figure.how
            )?;
        }
        std::fs::write(folder.join("figures.md"), text)?;
        let rows: Vec<Value> = self.figures.iter().map(Figure::json).collect();
        let whole = json!({ "machine": machine, "figures": rows });
        std::fs::write(folder.join("figures.json"), format!("{whole:#}\n"))?;
        Ok(())
    }
}

impl Figure {
    fn holds(&self) -> bool {
        self.limit.is_none_or(|limit| self.value <= limit)
    }

    fn row(&self) -> String {
        let verdict = match self.limit {
            None => String::new(),
            Some(limit) if self.holds() => format!("ok, ≤ {}", number(limit)),
            Some(limit) => format!("OVER the limit of {}", number(limit)),
        };
        format!("  {:<44} {:>9} {:<4} {verdict:<24} {}", self.name, number(self.value), self.unit, self.how)
    }

    fn json(&self) -> Value {
        json!({ "name": self.name, "value": self.value, "unit": self.unit, "limit": self.limit, "holds": self.holds(), "how": self.how })
    }
}

/// As many digits as mean something.
fn number(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 1.0 || value == 0.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// Processor, cores, kernel: what a figure means little without.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("an unnamed processor", |m| m.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{model}, {cores} cores, {} {}", std::env::consts::OS, kernel.trim()).trim().to_owned()
}
