//! Running one program many times and seeing what each run took: wall time here, peak memory in a fresh process. A child's
//! peak counts from the memory of whoever started it, so the starter is this program anew (`--measure`), which has
//! touched next to nothing by then.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};

/// Wall times of several runs, sorted.
#[derive(Debug, Clone)]
pub struct Times(Vec<f64>);

impl Times {
    /// From milliseconds, in any order.
    pub fn of(mut ms: Vec<f64>) -> Self {
        ms.sort_by(f64::total_cmp);
        Self(ms)
    }

    pub fn median(&self) -> f64 {
        self.at(50)
    }

    pub fn p95(&self) -> f64 {
        self.at(95)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn at(&self, percent: usize) -> f64 {
        let index = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or(f64::NAN)
    }
}

/// Milliseconds, with their fraction.
pub fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

/// Runs the command that `make` gives for each run, which must succeed; the times are those of whole processes.
pub fn run(runs: usize, make: impl Fn(usize) -> Result<Command>) -> Result<Times> {
    let mut times = Vec::with_capacity(runs);
    for number in 0..runs {
        let mut command = make(number)?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let status = command.status()?;
        times.push(ms(begun.elapsed()));
        ensure!(status.success(), "{command:?} failed");
    }
    Ok(Times::of(times))
}

/// The most memory that one run of `command` had at once, in KiB.
pub fn peak_kib(command: &Command) -> Result<u64> {
    let mut measure = Command::new(std::env::current_exe()?);
    measure.arg("--measure").arg(command.get_program()).args(command.get_args()).env_clear();
    measure.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = measure.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?} failed");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.parse().with_context(|| format!("no number: {text}"))
}

/// The other side of [`peak_kib`]: starts a program, and prints what it had at most.
pub fn child(program: &Path, arguments: &[String]) -> Result<()> {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{} failed", program.display());
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss());
    Ok(())
}
