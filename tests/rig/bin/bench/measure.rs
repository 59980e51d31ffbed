//! What a program takes: wall time over many runs, processor, memory, what it wrote. A child's peak memory counts from the
//! memory of whoever started it, so the starter is this program anew (`--measure`), which has touched next to nothing by then.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

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

    /// The largest.
    pub fn worst(&self) -> f64 {
        self.at(100)
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

/// The processor time of a process: all its threads, living or ended, and the children it has reaped.
pub fn processor_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no process record")?;
    // Fields 14 to 17, counted from 1, of which the first two stand before the parenthesis; in hundredths of a second.
    let ticks: u64 = fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10).max(living_threads(pid)))
}

/// The same of the living threads alone, but to the nanosecond, where the kernel counts it: at rest hundredths are coarse.
fn living_threads(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// The resident set of a process in MiB, shared libraries included.
pub fn resident_mib(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1_024.0)
}

/// What a process has written so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Bytes that it caused to go to a disk.
    pub bytes: u64,
    /// Calls of `write` and its like, on anything that can be written to: a wake-up between threads counts.
    pub calls: u64,
}

/// What a process has written, by the kernel's account (`/proc/<pid>/io`).
pub fn written(pid: u32) -> Result<Written> {
    let path = format!("/proc/{pid}/io");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let field = |name: &str| {
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name} in {path}"))?;
        line.trim().parse().with_context(|| format!("{name} in {path}"))
    };
    Ok(Written { bytes: field("write_bytes:")?, calls: field("syscw:")? })
}

/// The processor time of this process so far: user and system, all threads.
pub fn own_processor_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let span = |time: TimeVal| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or_default());
    Ok(span(usage.user_time()) + span(usage.system_time()))
}
