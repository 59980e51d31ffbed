//! `make soak`: for as long as asked, stories with ever new seeds, simulated weeks of the warden's engine over the
//! pretended world, and the real `signalbox watch` in a private home, side by side. Each is a process of its own, so
//! that its memory and its file descriptors are its own; they are told every minute, and growth fails the soak. Owns
//! the order and the report; what each part does is its module's.

mod gauge;
mod stories;
mod watch;
mod weeks;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use signalbox_tests::process::Running;

use gauge::Gauge;

/// Run Signalbox for a long time and see that nothing is lost and nothing grows.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long: `30s`, `10m`, `1h`
    #[arg(long = "for", default_value = "10m", value_parser = span)]
    span: Duration,
    /// Where the stories begin; the standard is another one each time
    #[arg(long)]
    seed: Option<u64>,
    /// Be one of the parts; how this program starts itself
    #[arg(long, hide = true)]
    part: Option<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Stories,
    Weeks,
}

/// How often a line is written.
const REPORT: Duration = Duration::from_secs(60);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| u64::from(since.subsec_nanos()))
    });
    let outcome = match arguments.part {
        Some(Part::Stories) => stories::tell(seed),
        Some(Part::Weeks) => weeks::live(),
        None => soak(arguments.span, seed),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: The soak failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A part that runs in a process of its own and counts.
struct Child {
    name: &'static str,
    process: Running,
    count: Arc<AtomicU64>,
    gauge: Gauge,
}

impl Child {
    fn start(name: &'static str, seed: u64) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--part", name, "--seed", &seed.to_string()]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Running::start(&mut command)?;
        let out = process.child().stdout.take().context("it has no output")?;
        let count = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&count);
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(std::result::Result::ok) {
                if let Ok(number) = line.trim().parse() {
                    counted.store(number, Ordering::Relaxed);
                }
            }
        });
        let gauge = Gauge::new(process.pid());
        Ok(Self { name, process, count, gauge })
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn look(&mut self) -> Result<()> {
        if let Some(status) = self.process.ended() {
            bail!("the {} ended ({status})", self.name);
        }
        self.gauge.look().context(self.name)
    }
}

fn soak(span: Duration, seed: u64) -> Result<()> {
    println!("Soaking for {} s; the stories begin with --seed {seed}.", span.as_secs());
    let begun = Instant::now();
    let mut children = [Child::start("stories", seed)?, Child::start("weeks", seed)?];
    let mut watch = watch::Watched::start()?;
    let settled = gauge::settles_after(span);
    let mut next = Instant::now() + REPORT.min(span / 4);
    let mut is_settled = false;
    while begun.elapsed() < span {
        let look = Instant::now() + LOOK;
        watch.act()?;
        children.iter_mut().try_for_each(Child::look)?;
        watch.look()?;
        let now = Instant::now();
        if now >= next {
            next = now + REPORT.min(span / 4);
            println!("{}", line(begun.elapsed(), &mut children, &mut watch)?);
        }
        if !is_settled && begun.elapsed() >= settled {
            is_settled = true;
            children.iter_mut().for_each(|child| child.gauge.settle());
            watch.gauge().settle();
        }
        thread::sleep(look.saturating_duration_since(Instant::now()));
    }
    watch.ends_well()?;
    println!("{}", line(begun.elapsed(), &mut children, &mut watch)?);
    ensure!(children.iter().all(|child| child.count() > 0), "a part did nothing");
    println!("Nothing was lost, and nothing grew.");
    Ok(())
}

fn line(elapsed: Duration, children: &mut [Child; 2], watch: &mut watch::Watched) -> Result<String> {
    let [stories, weeks] = children;
    let (told, lived) = (stories.count(), weeks.count());
    let of_stories = stories.gauge.judge().context("the stories")?;
    let of_engine = weeks.gauge.judge().context("the engine")?;
    let of_watch = watch.gauge().judge().context("`signalbox watch`")?;
    let (switches, rotations) = (watch.switches(), watch.rotations());
    Ok(format!(
        "{:>5} s  {told:>9} stories [{of_stories}]  {lived:>4} weeks [{of_engine}]  \
         watch: {switches} switches, {rotations} rotations [{of_watch}]",
        elapsed.as_secs(),
    ))
}

/// `90s`, `10m`, `1h`; a bare number is seconds.
fn span(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is no time: use 90s, 10m or 1h"))?;
    let seconds = match unit {
        "" | "s" => number,
        "m" => number * 60,
        "h" => number * 3_600,
        _ => return Err(format!("`{text}` is no time: use 90s, 10m or 1h")),
    };
    Ok(Duration::from_secs(seconds))
}
