//! The benchmark behind `make bench` and `docs/performance.md`: the real programs against the simulated provider on
//! loopback. Exits with 1 when a figure is over its limit. Figures of a debug build are told, and held to nothing.
// Half of what is measured is Linux's alone (X11, `/proc`), and what only that half uses is idle elsewhere.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

#[cfg(target_os = "linux")]
mod app;
#[cfg(target_os = "linux")]
mod board;
mod cli;
mod history;
mod measure;
mod report;
#[cfg(target_os = "linux")]
mod sync;
#[cfg(target_os = "linux")]
mod trace;
#[cfg(target_os = "linux")]
mod warden;
#[cfg(target_os = "linux")]
mod wizard;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use crate::report::Report;

/// Measure what docs/performance.md promises.
#[derive(Debug, Parser)]
struct Arguments {
    /// Watch the resting app and the resting warden for half a minute instead of minutes
    #[arg(long)]
    quick: bool,
    /// Measure these alone
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',')]
    only: Vec<Part>,
    /// Where figures.md and figures.json go, and the profiles that are measured with
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Run a program and print its peak memory in KiB; how this program measures others
    #[arg(long, hide = true, num_args = 1.., allow_hyphen_values = true)]
    measure: Vec<String>,
    /// Look at an unchanged login this often and print what it cost; how this program measures itself
    #[arg(long, hide = true)]
    looks: Option<u32>,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// `list` and `use` as whole processes
    Cli,
    /// Asking for a month of samples
    History,
    /// A look at an unchanged login
    Sync,
    /// `signalbox watch`
    Warden,
    /// The app on a private desktop
    App,
    /// Its board with fifty profiles
    Board,
    /// Its window that signs in
    Wizard,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match (arguments.measure.split_first(), arguments.looks) {
        (Some((program, rest)), _) => measure::child(program.as_ref(), rest).map(|()| true),
        (None, Some(rounds)) => looks(rounds).map(|()| true),
        (None, None) => all(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: Cannot measure: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn all(arguments: &Arguments) -> Result<bool> {
    std::fs::create_dir_all(&arguments.folder)?;
    // What is started from other folders has to find it too.
    let folder = arguments.folder.canonicalize()?;
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut report = Report::default();
    if wanted(Part::Cli) {
        cli::measure(&folder, &mut report)?;
    }
    if wanted(Part::History) {
        history::measure(&folder, &mut report)?;
    }
    measure_linux(arguments, &folder, wanted, &mut report)?;
    report.write(&folder)?;
    println!("\nWritten: {}/figures.md and figures.json", arguments.folder.display());
    if cfg!(debug_assertions) {
        println!("This is a debug build: its figures are held to no limit. `make bench` builds for speed.");
        return Ok(true);
    }
    if !report.within_limits() {
        println!("A figure is over its limit.");
    }
    Ok(report.within_limits())
}

#[cfg(target_os = "linux")]
fn measure_linux(
    arguments: &Arguments,
    folder: &Path,
    wanted: impl Fn(Part) -> bool,
    report: &mut Report,
) -> Result<()> {
    let idle = Duration::from_secs(if arguments.quick { 30 } else { 300 });
    if wanted(Part::Sync) {
        sync::measure(folder, report)?;
    }
    if wanted(Part::Warden) {
        warden::measure(folder, idle, report)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if wanted(Part::App) {
        runtime.block_on(app::measure(idle, report))?;
    }
    if wanted(Part::Board) {
        runtime.block_on(board::measure(report))?;
    }
    if wanted(Part::Wizard) {
        runtime.block_on(wizard::measure(report))?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn looks(rounds: u32) -> Result<()> {
    sync::child(rounds)
}

/// The app is measured on a desktop of Linux only, and the rest by what Linux tells of a process; a Mac has neither.
#[cfg(not(target_os = "linux"))]
fn measure_linux(_: &Arguments, _: &Path, _: impl Fn(Part) -> bool, _: &mut Report) -> Result<()> {
    println!("The watch and the app are measured on Linux only.");
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn looks(_rounds: u32) -> Result<()> {
    anyhow::bail!("this is measured on Linux only")
}
