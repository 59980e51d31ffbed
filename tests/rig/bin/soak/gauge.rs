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

/// How long after the beginning growth begins to count: the first ten minutes, or the first third of a short soak. An
/// allocator goes on finding its size for that long, though each round needs no more than the one before.
pub fn settles_after(span: Duration) -> Duration {
    (span / 3).min(Duration::from_secs(600))
}

pub struct Gauge {
    pid: u32,
    looks: Vec<(Instant, Figures)>,
    /// The largest of the smallest figures in the first minutes: what it needs when it has done everything once.
    needs: Option<Figures>,
    /// The first minutes are over.
    settled: bool,
}

/// What a process has at one moment, or has had at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
        Self { pid, looks: Vec::new(), needs: None, settled: false }
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
        self.needs = self.learnt();
        self.settled = true;
    }

    /// The smallest figures of the last stretch of time. In the first minutes they are learnt; later they must not have
    /// grown.
    pub fn judge(&mut self) -> Result<Figures> {
        let Some(now) = self.smallest() else { return figures(self.pid) };
        match self.needs {
            Some(needs) if self.settled => {
                let grown = now.resident_kib.saturating_sub(needs.resident_kib);
                ensure!(grown <= GROWTH_KIB, "memory has grown by {grown} KiB, from {needs} to {now}");
                ensure!(now.files <= needs.files + GROWTH_FILES, "open files have grown, from {needs} to {now}");
            }
            _ => self.needs = self.learnt(),
        }
        Ok(now)
    }

    fn learnt(&self) -> Option<Figures> {
        let (now, before) = (self.smallest()?, self.needs.unwrap_or_default());
        let resident_kib = now.resident_kib.max(before.resident_kib);
        Some(Figures { resident_kib, files: now.files.max(before.files) })
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
