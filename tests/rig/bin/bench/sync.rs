//! What a look at an unchanged login costs: ten thousand in a row through the real adapters, in a process of its own that does
//! nothing else; and one of them call by call, to show that it writes nothing and asks nobody.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use provider_sim::SimOptions;
use serde_json::{Value, json};
use signalbox_core::sync::{self, Synced};
use signalbox_machine::assemble;
use signalbox_machine::surroundings::Surroundings;
use signalbox_tests::bulk;
use signalbox_tests::stage::Stage;

use crate::measure::{ms, own_processor_time, written};
use crate::report::{Figure, Report};
use crate::trace;

const PROFILES: usize = 20;
const ROUNDS: u32 = 10_000;
/// Places that do not exist. Looking at them marks the beginning and the end in a trace.
const FROM: &str = "/signalbox-bench/from";
const TO: &str = "/signalbox-bench/to";

pub fn measure(folder: &Path, report: &mut Report) -> Result<()> {
    // On a real disk, and not on one that lies in memory: writes there are not accounted for.
    let stage = Stage::at(&folder.join("sync-home"), SimOptions::default())?;
    println!("registering {PROFILES} profiles …");
    bulk::register(&stage, 0, PROFILES)?;
    let asked = stage.sim.requests().len();
    let output = looks(&stage, ROUNDS)?.output()?;
    ensure!(output.status.success(), "the looks failed: {}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).context("no figures came back")?;
    let number = |name: &str| found[name].as_f64().with_context(|| format!("no {name}"));
    report.add(Figure {
        name: "sync of an unchanged login, processor",
        value: number("cpu_ms")?,
        unit: "ms",
        limit: Some(0.2),
        how: format!(
            "mean of {ROUNDS} in a row, real adapters, {PROFILES} profiles; {:.3} ms of wall time",
            number("wall_ms")?
        ),
    });
    report.add(Figure {
        name: "the same, bytes written to disk",
        value: number("written_bytes")?,
        unit: "B",
        limit: Some(0.0),
        how: format!("by the kernel's account, {ROUNDS} together; {} calls of `write`", number("write_calls")?),
    });
    ensure!(stage.sim.requests().len() == asked, "an unchanged login was asked about");
    let log = folder.join("sync.strace");
    let trace = trace::whole(&looks(&stage, 1)?, &log, (FROM, TO))?;
    for line in trace.changes.iter().chain(&trace.network) {
        println!("    {line}");
    }
    report.add(Figure {
        name: "the same, calls that change a file or ask the network",
        value: count(trace.changes.len() + trace.network.len()),
        unit: "",
        limit: Some(0.0),
        how: format!("one look under strace makes {} calls: {}", trace.total(), trace.words()),
    });
    Ok(())
}

/// This program anew, as the one that looks.
fn looks(stage: &Stage, rounds: u32) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env_clear().envs(signalbox_tests::stage::kept()).envs(stage.home.environment());
    command.arg("--looks").arg(rounds.to_string());
    Ok(command)
}

/// The other side of [`looks`].
pub fn child(rounds: u32) -> Result<()> {
    let ports = assemble::ports(&Surroundings::from_env()?, "bench")?;
    let look = || -> Result<()> {
        let synced = sync::sync_live(&ports)?;
        ensure!(matches!(synced, Synced::Unchanged { .. }), "the login is not unchanged: {synced:?}");
        Ok(())
    };
    // What is opened once is opened here: the key, the folders.
    look()?;
    look()?;
    let pid = std::process::id();
    let before = written(pid)?;
    let (begun, cpu) = (Instant::now(), own_processor_time()?);
    let _ = Path::new(FROM).exists();
    for _ in 0..rounds {
        look()?;
    }
    let _ = Path::new(TO).exists();
    let (wall, cpu) = (begun.elapsed(), own_processor_time()?.saturating_sub(cpu));
    let after = written(pid)?;
    let each = f64::from(rounds);
    println!(
        "{}",
        json!({
            "cpu_ms": ms(cpu) / each,
            "wall_ms": ms(wall) / each,
            "written_bytes": after.bytes - before.bytes,
            "write_calls": after.calls - before.calls,
        })
    );
    Ok(())
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
