//! A simulated Claude Code as a process of its own, for the demo and for tests that need two at once. It asks the model
//! every so often, refreshes its login as the real client does, and says in one line what came of each prompt.
//!
//! Called with exactly `-p /usage --no-session-persistence`, `auth login [--email <e>]`, `auth --help` or `--version` it
//! is that command of the real client (`docs/observed.md` §7), so that a link to it may stand in `PATH` as `claude`. Where
//! it finds its login then follows the real client's variables, and `SIM_CLAUDE_API` and `SIM_CLAUDE_TOKEN` (else
//! `SIGNALBOX_API_BASE` and `SIGNALBOX_TOKEN_BASE`) name its servers. `SIM_CLAUDE_VERSION` makes it another release, and
//! `SIM_CLAUDE_LOGIN` puts it in one of the moods of `claude/login.rs`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use signalbox_tests::claude::{Claude, Mood, Place, login_command, not_a_command_yet, usage_command};

const USAGE: [&str; 3] = ["-p", "/usage", "--no-session-persistence"];
/// The release that is played.
const RELEASE: &str = "2.1.330";
/// The first one with `auth`: in 2.1.39 it was none of the commands.
const FIRST_WITH_AUTH: [u32; 3] = [2, 1, 40];
const AUTH_HELP: &str = "Usage: claude auth [options] [command]\n\nManage authentication\n\nCommands:\n  \
    login [options]   Sign in to your Anthropic account\n  logout            Log out from your Anthropic account";
const HELP: &str = "Usage: claude [options] [command] [prompt]";

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

fn main() -> std::io::Result<ExitCode> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    match given[..] {
        ["--version"] => println!("{} (Claude Code)", release()),
        ["auth", "--help"] => println!("{}", if has_auth() { AUTH_HELP } else { HELP }),
        ["auth", ..] if !has_auth() => return not_a_command_yet(&Place::from_environment()?).map(ExitCode::from),
        ["auth", "login"] => return login(None),
        ["auth", "login", "--email", email] => return login(Some(email)),
        _ if given == USAGE => usage_command(&Place::from_environment()?)?,
        _ => session()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn release() -> String {
    std::env::var("SIM_CLAUDE_VERSION").unwrap_or_else(|_| RELEASE.to_owned())
}

fn has_auth() -> bool {
    let release = release();
    let mut numbers = release.split('.').map(|number| number.parse().unwrap_or(u32::MAX));
    let mut next = || numbers.next().unwrap_or(u32::MAX);
    [next(), next(), next()] >= FIRST_WITH_AUTH
}

fn login(email: Option<&str>) -> std::io::Result<ExitCode> {
    login_command(&Place::from_environment()?, email, Mood::from_environment()?).map(ExitCode::from)
}

fn session() -> std::io::Result<()> {
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
