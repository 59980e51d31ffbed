//! The warden's figures, with the real `signalbox watch` and twenty profiles: how soon a rotation by Claude Code is saved, and
//! what watching costs while nothing happens.
//!
//! Nothing happens means: every usage has just been read, and the next one is not due. The active profile's is due after
//! five minutes, those of parked ones after ten; reading them is work that was asked for, and is not part of this figure.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use provider_sim::{Endpoint, SimOptions};
use signalbox_tests::bulk;
use signalbox_tests::claude::{Claude, Turn};
use signalbox_tests::process::Running;
use signalbox_tests::stage::Stage;

use crate::measure::{Times, ms, processor_time, resident_mib, written};
use crate::report::{Figure, Report};
use crate::trace;

const PROFILES: usize = 20;
const ROTATIONS: u32 = 20;
/// Without a screen it begins to read at its first tick, a minute after its start.
const FIRST_READINGS: Duration = Duration::from_secs(120);
/// After the last reading it needs some seconds to come to rest.
const SETTLE: Duration = Duration::from_secs(10);
/// For this long nothing is due after the first reading: five minutes, less a margin.
const QUIET: Duration = Duration::from_secs(250);
const TRACED: Duration = Duration::from_secs(25);

/// All of them. `idle`: how long the resting warden is watched; at most as long as nothing is due.
pub fn measure(folder: &Path, idle: Duration, report: &mut Report) -> Result<()> {
    let stage = Stage::at(&folder.join("warden-home"), SimOptions { usage_budget: None, ..SimOptions::default() })?;
    println!("registering {PROFILES} profiles …");
    bulk::register(&stage, 0, PROFILES)?;
    let alias = bulk::alias(PROFILES - 1);
    let warden = start(&stage, folder)?;
    // First, because every usage was read just now.
    rest(&stage, &warden, idle.min(QUIET.saturating_sub(SETTLE + TRACED)), folder, report)?;
    rotations(&stage, &alias, report)
}

/// Starts a watch, and waits until it has read every usage once.
fn start(stage: &Stage, folder: &Path) -> Result<Running> {
    let log = File::create(folder.join("watch.log"))?;
    let mut command = stage.cli(&["watch"])?;
    command.stdout(log.try_clone()?).stderr(Stdio::from(log));
    let mut warden = Running::start(&mut command)?;
    let begun = Instant::now();
    while stage.sim.count(Endpoint::Usage) < PROFILES {
        ensure!(warden.ended().is_none(), "the watch ended; {} says why", folder.join("watch.log").display());
        ensure!(begun.elapsed() < FIRST_READINGS, "the watch has not read every usage in time");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(warden)
}

/// Claude Code renews its login while the warden watches; what counts is the time from its write to the sealed `.cred`.
fn rotations(stage: &Stage, alias: &str, report: &mut Report) -> Result<()> {
    println!("{ROTATIONS} rotations by Claude Code …");
    let (access, _) = stage.home.live_pair()?;
    let login = stage.sim.owner(&access).context("nobody's login is live")?;
    let mut claude = Claude::start(&stage.home)?;
    let mut times = Vec::new();
    for number in 0..ROTATIONS {
        // Never at the same place between two of the warden's own beats.
        std::thread::sleep(Duration::from_millis(2_200 + u64::from(number * 137 % 1_000)));
        ensure!(stage.sim.withdraw_access(login), "the login ended");
        let turn = claude.prompt("claude-opus-4");
        ensure!(turn == Turn::Answered, "Claude Code could not renew its login: {turn:?}");
        let newest = stage.newest_fingerprint(login)?;
        times.push(ms(until_saved(stage, alias, &newest)?));
    }
    let times = Times::of(times);
    report.add(Figure {
        name: "Claude Code's write to the sealed `.cred`",
        value: times.worst(),
        unit: "ms",
        limit: Some(1_500.0),
        how: format!("worst of {} rotations with `signalbox watch`; median {:.0} ms", times.count(), times.median()),
    });
    Ok(())
}

/// How long after Claude Code's write the profile's `.cred` held this pair.
fn until_saved(stage: &Stage, alias: &str, fingerprint: &str) -> Result<Duration> {
    let written = std::fs::metadata(stage.home.store())?.modified()?;
    let begun = Instant::now();
    loop {
        let now = SystemTime::now();
        if stage.home.cred(alias).is_ok_and(|head| head.fingerprint == fingerprint) {
            return Ok(now.duration_since(written).unwrap_or_default());
        }
        ensure!(begun.elapsed() < Duration::from_secs(30), "a rotation was not saved within 30 s");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn rest(stage: &Stage, warden: &Running, idle: Duration, folder: &Path, report: &mut Report) -> Result<()> {
    let pid = warden.pid();
    println!("letting the warden rest for {} s …", (SETTLE + idle + TRACED).as_secs());
    std::thread::sleep(SETTLE);
    let (asked, cpu, io) = (stage.sim.requests().len(), processor_time(pid)?, written(pid)?);
    std::thread::sleep(idle);
    let used = processor_time(pid)?.saturating_sub(cpu);
    let wrote = written(pid)?;
    let memory = resident_mib(pid)?;
    let trace = trace::of_process(pid, TRACED, &folder.join("watch.strace"))?;
    ensure!(stage.sim.requests().len() == asked, "it was no quiet time: the server was asked");
    let seconds = idle.as_secs();
    report.add(Figure {
        name: "warden at rest, processor",
        value: used.as_secs_f64() / idle.as_secs_f64() * 100.0,
        unit: "%",
        limit: Some(0.1),
        how: format!("{:.1} ms in {seconds} s, all threads, {PROFILES} profiles", ms(used)),
    });
    report.add(Figure {
        name: "warden at rest, memory",
        value: memory,
        unit: "MiB",
        limit: Some(20.0),
        how: format!("resident set, {PROFILES} profiles"),
    });
    let calls = wrote.calls - io.calls;
    report.add(Figure {
        name: "warden at rest, bytes written to disk",
        value: bytes(wrote.bytes - io.bytes),
        unit: "B",
        limit: Some(0.0),
        how: format!("by the kernel's account, in {seconds} s; {calls} calls of `write`"),
    });
    for line in trace.changes.iter().chain(&trace.network) {
        println!("    {line}");
    }
    report.add(Figure {
        name: "warden at rest, calls that change a file or ask the network",
        value: bytes((trace.changes.len() + trace.network.len()) as u64),
        unit: "",
        limit: Some(0.0),
        how: format!("{} calls in {} s under strace: {}", trace.total(), TRACED.as_secs(), trace.words()),
    });
    Ok(())
}

fn bytes(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
