//! What a process has: resident memory and open file descriptors, by the kernel's own account, and whether they grow.
//! What an allocator gives and takes within a minute is noise, so the smallest figure of a stretch of time counts.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// More than this after the first minutes is growth.
const GROWTH_KIB: u64 = 1_024;
/// A few descriptors come and go with each request and each file; more than this is growth.
const GROWTH_FILES: usize = 4;
/// The smallest figure of this much time counts.
const STRETCH: Duration = Duration::from_secs(60);

/// How long after the beginning growth begins to count: the first three minutes, or the first third of a short soak.
pub fn settles_after(span: Duration) -> Duration {
    (span / 3).min(Duration::from_secs(180))
}

pub struct Gauge {
    pid: u32,
    looks: Vec<(Instant, Figures)>,
    /// The largest that the smallest figures may be, once the first minutes are over.
    first: Option<Figures>,
}

/// What a process has at one moment, or has had at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    pub resident_kib: u64,
    pub files: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = self.resident_kib / 1_024;
        write!(f, "{mib}.{} MiB, {} files", self.resident_kib % 1_024 * 10 / 1_024, self.files)
    }
}

impl Gauge {
    pub fn new(pid: u32) -> Self {
        Self { pid, looks: Vec::new(), first: None }
    }

    /// Looks once.
    pub fn look(&mut self) -> Result<()> {
        let now = Instant::now();
        self.looks.retain(|(at, _)| now.duration_since(*at) < STRETCH);
        self.looks.push((now, figures(self.pid)?));
        Ok(())
    }

    /// The first minutes are over: from here on growth counts.
    pub fn settle(&mut self) {
        self.first = self.smallest();
        // What belongs to the first minutes is no measure of the later ones.
        self.looks.clear();
    }

    /// The smallest figures of the last stretch of time, which must not have grown.
    pub fn judge(&self) -> Result<Figures> {
        let Some(now) = self.smallest().or(self.first) else { return figures(self.pid) };
        if let Some(first) = self.first {
            let grown = now.resident_kib.saturating_sub(first.resident_kib);
            ensure!(grown <= GROWTH_KIB, "memory has grown by {grown} KiB, from {first} to {now}");
            ensure!(now.files <= first.files + GROWTH_FILES, "open files have grown, from {first} to {now}");
        }
        Ok(now)
    }

    fn smallest(&self) -> Option<Figures> {
        let resident_kib = self.looks.iter().map(|(_, figures)| figures.resident_kib).min()?;
        let files = self.looks.iter().map(|(_, figures)| figures.files).min()?;
        Some(Figures { resident_kib, files })
    }
}

/// `/proc/<pid>/status` and `/proc/<pid>/fd`.
fn figures(pid: u32) -> Result<Figures> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let resident_kib = line.trim().trim_end_matches(" kB").parse()?;
    let files = fs::read_dir(format!("/proc/{pid}/fd"))?.count();
    Ok(Figures { resident_kib, files })
}
