//! The benchmark behind `make bench` and `docs/performance.md`: the real programs against the simulated provider on
//! loopback. Exits with 1 when a figure is over its limit. Figures of a debug build are told, and held to nothing.

#[cfg(target_os = "linux")]
mod app;
mod cli;
mod measure;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

use crate::report::Report;

/// Measure what docs/performance.md promises.
#[derive(Debug, Parser)]
struct Arguments {
    /// Watch the resting app for half a minute instead of five
    #[arg(long)]
    quick: bool,
    /// Where figures.md and figures.json go, and the profiles that are measured with
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Run a program and print its peak memory in KiB; how this program measures others
    #[arg(long, hide = true, num_args = 1.., allow_hyphen_values = true)]
    measure: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.measure.split_first() {
        Some((program, rest)) => measure::child(program.as_ref(), rest).map(|()| true),
        None => all(&arguments),
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
    let mut report = Report::default();
    cli::measure(&arguments.folder, &mut report)?;
    measure_app(Duration::from_secs(if arguments.quick { 30 } else { 300 }), &mut report)?;
    report.write(&arguments.folder)?;
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
fn measure_app(idle: Duration, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(app::measure(idle, report))
}

/// The app is measured on a desktop of Linux only; what a Mac needs for that is not there.
#[cfg(not(target_os = "linux"))]
fn measure_app(_idle: Duration, _report: &mut Report) -> Result<()> {
    println!("The app is measured on Linux only.");
    Ok(())
}
