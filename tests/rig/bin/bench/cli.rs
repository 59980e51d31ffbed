//! The command line's figures: whole processes, from start to exit, on a real disk with its fsyncs.

use std::path::Path;

use anyhow::{Result, ensure};
use provider_sim::SimOptions;
use signalbox_tests::bulk;
use signalbox_tests::stage::Stage;

use crate::measure::{peak_kib, run};
use crate::report::{Figure, Report};

const FEW: usize = 20;
const MANY: usize = 1_000;

/// `list`, `statusline` and `use` with 20 profiles, `list` with 1,000; every profile has a usage reading.
pub fn measure(folder: &Path, report: &mut Report) -> Result<()> {
    // The home lies where the build does: on a real disk, so that fsync costs what it costs.
    let options = SimOptions { usage_budget: None, ..SimOptions::default() };
    let stage = Stage::at(&folder.join("home"), options)?;
    println!("registering {FEW} profiles …");
    bulk::register(&stage, 0, FEW)?;
    stage.signalbox(&["refresh"])?;
    list(&stage, FEW, 100, report)?;
    statusline(&stage, folder, report)?;
    switch(&stage, report)?;
    println!("registering {} more …", MANY - FEW);
    bulk::register(&stage, FEW, MANY)?;
    stage.signalbox(&["refresh"])?;
    list(&stage, MANY, 30, report)
}

fn list(stage: &Stage, profiles: usize, runs: usize, report: &mut Report) -> Result<()> {
    let lines = stage.signalbox(&["list"])?.out.lines().count();
    ensure!(lines >= profiles, "`list` shows {lines} lines for {profiles} profiles");
    let times = run(runs, |_| stage.cli(&["list"]))?;
    let few = profiles == FEW;
    report.add(Figure {
        name: if few { "`list`, 20 profiles" } else { "`list`, 1,000 profiles" },
        value: times.median(),
        unit: "ms",
        limit: Some(if few { 10.0 } else { 60.0 }),
        how: format!("median of {} whole processes; p95 {:.1} ms", times.count(), times.p95()),
    });
    let peak = peak_kib(&stage.cli(&["list"])?)?;
    report.add(Figure {
        name: if few { "`list`, 20 profiles, peak memory" } else { "`list`, 1,000 profiles, peak memory" },
        value: u32::try_from(peak).map_or(f64::INFINITY, f64::from) / 1_024.0,
        unit: "MiB",
        limit: few.then_some(12.0),
        how: "largest resident set of the whole process".to_owned(),
    });
    Ok(())
}

/// Once with what Claude Code tells after an answer, which is the usual case, and once without, when the database has to tell.
fn statusline(stage: &Stage, folder: &Path, report: &mut Report) -> Result<()> {
    let limits = r#""rate_limits":{"five_hour":{"used_percentage":41.5,"resets_at":4102444800}}"#;
    let told = |number: usize, limits: &str| {
        let cost = format!(r#""cost":{{"total_cost_usd":0.5,"total_api_duration_ms":{}}}"#, 1_000 + number);
        format!(r#"{{"session_id":"s","model":{{"display_name":"Opus 4.8"}},{cost},{limits}"later":[]}}"#)
    };
    let input = folder.join("statusline.json");
    let command = |number: usize, limits: &str| {
        std::fs::write(&input, told(number, limits))?;
        let mut command = stage.cli(&["statusline"])?;
        command.stdin(std::fs::File::open(&input)?);
        Ok(command)
    };
    let limits = format!("{limits},");
    for (name, limits) in
        [("`statusline` after an answer", limits.as_str()), ("`statusline` at the start of a session", "")]
    {
        let times = run(200, |number| command(number, limits))?;
        report.add(Figure {
            name,
            value: times.median(),
            unit: "ms",
            limit: Some(5.0),
            how: format!("median of {} whole processes; p95 {:.1} ms", times.count(), times.p95()),
        });
    }
    let peak = peak_kib(&stage.cli(&["statusline"])?)?;
    report.add(Figure {
        name: "`statusline`, peak memory",
        value: u32::try_from(peak).map_or(f64::INFINITY, f64::from) / 1_024.0,
        unit: "MiB",
        limit: Some(8.0),
        how: "largest resident set of the whole process, the database included".to_owned(),
    });
    Ok(())
}

fn switch(stage: &Stage, report: &mut Report) -> Result<()> {
    let (one, other) = (bulk::alias(0), bulk::alias(1));
    stage.signalbox(&["use", &other])?;
    let times = run(60, |number| stage.cli(&["use", if number % 2 == 0 { &one } else { &other }]))?;
    ensure!(stage.live_is(&other), "the last switch did not land");
    report.add(Figure {
        name: "`use`, fsyncs and loopback server included",
        value: times.median(),
        unit: "ms",
        limit: Some(40.0),
        how: format!("median of {} whole processes; p95 {:.1} ms", times.count(), times.p95()),
    });
    Ok(())
}
