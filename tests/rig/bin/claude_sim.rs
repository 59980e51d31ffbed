//! A simulated Claude Code as a process of its own, for the demo and for tests that need two at once. It asks the model
//! every so often, refreshes its login as the real client does, and says in one line what came of each prompt.
//!
//! Called with exactly `-p /usage --no-session-persistence` it is that command of the real client (`docs/observed.md`
//! §7), so that a link to it may stand in `PATH` as `claude`. Where it finds its login then follows the real client's
//! variables, and `SIM_CLAUDE_API` and `SIM_CLAUDE_TOKEN` (else `SIGNALBOX_API_BASE` and `SIGNALBOX_TOKEN_BASE`) name
//! its servers.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use signalbox_tests::claude::{Claude, Place, usage_command};

const USAGE: [&str; 3] = ["-p", "/usage", "--no-session-persistence"];

/// A simulated Claude Code session, for demos and tests.
#[derive(Debug, Parser)]
struct Arguments {
    /// The home folder whose `.claude` it uses
    #[arg(long)]
    home: PathBuf,
    /// Base URL of the API (loopback)
    #[arg(long)]
    api: String,
    /// Base URL of the token endpoint (loopback)
    #[arg(long)]
    token: String,
    /// Milliseconds between two prompts
    #[arg(long, default_value_t = 2_000)]
    every_ms: u64,
    /// The model that is asked
    #[arg(long, default_value = "claude-opus-4")]
    model: String,
    /// Stop after this many prompts
    #[arg(long)]
    prompts: Option<u64>,
}

fn main() -> std::io::Result<()> {
    if std::env::args().skip(1).eq(USAGE) {
        return usage_command(&Place::from_environment()?);
    }
    let arguments = Arguments::parse();
    let mut claude = Claude::start_at(&arguments.home, &arguments.api, &arguments.token)?;
    let mut asked = 0;
    while arguments.prompts.is_none_or(|most| asked < most) {
        println!("{:?}", claude.prompt(&arguments.model));
        asked += 1;
        std::thread::sleep(Duration::from_millis(arguments.every_ms));
    }
    Ok(())
}
