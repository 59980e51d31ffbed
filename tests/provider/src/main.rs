//! `provider-sim`: the simulated server as a program, for demos and for tests in other languages. Owns the command line;
//! everything else is the library.

use clap::Parser;
use provider_sim::{Clock, Seed, Server, Sim, SimOptions, Tokens, plant};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Serves a simulated Anthropic API and token host on 127.0.0.1 until SIGTERM or Ctrl-C.
#[derive(Parser)]
#[command(name = "provider-sim", version)]
struct Args {
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A JSON file with the accounts, their usage and their logins.
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Where to write the tokens of the seed's logins; without it they are printed as one line of JSON.
    #[arg(long, value_name = "FILE", requires = "seed")]
    tokens: Option<PathBuf>,
    /// What the clock reads at the start, in epoch milliseconds; without it, real time.
    #[arg(long, value_name = "MS")]
    start_ms: Option<i64>,
    /// Let the clock stand still until the admin API advances it.
    #[arg(long)]
    frozen: bool,
    /// Make the tokens reproducible.
    #[arg(long, value_name = "N")]
    random_seed: Option<u64>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Cannot serve the simulated provider: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let mut clock = args.start_ms.map_or_else(Clock::real, Clock::starting_at);
    if args.frozen {
        clock.freeze();
    }
    let sim = Sim::new(SimOptions { seed: args.random_seed, clock, ..SimOptions::default() });
    let tokens = args.seed.as_deref().map(|file| planted(&sim, file)).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Listen for the signals before saying that the server is up: who reads that line may send one at once.
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let server = Server::spawn_on(sim, args.port)?;
        if let (Some(tokens), Some(file)) = (&tokens, &args.tokens) {
            write_private(file, &serde_json::to_string_pretty(&as_json(tokens))?)?;
        }
        let mut out = io::stdout();
        writeln!(out, "listening on {}", server.base_url)?;
        if let (Some(tokens), None) = (&tokens, &args.tokens) {
            writeln!(out, "{}", as_json(tokens))?;
        }
        out.flush()?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted,
        }
    })
}

fn planted(sim: &Sim, file: &Path) -> io::Result<Vec<Tokens>> {
    let named = |why: String| io::Error::other(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
    let seed: Seed = serde_json::from_str(&text).map_err(|error| named(error.to_string()))?;
    plant(sim, &seed).map_err(|unknown| named(unknown.to_string()))
}

fn as_json(tokens: &[Tokens]) -> serde_json::Value {
    serde_json::json!({ "logins": tokens })
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file)?.write_all(text.as_bytes())
}
