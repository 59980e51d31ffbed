//! `test-claude`: the real Claude Code against the simulated provider, with fake accounts, in private homes, and without
//! a way out. Owns the command line and the verdict; the scenarios are in `scenarios/`. It is a program and no test of
//! Cargo's, because it needs a package from the npm registry, which `scripts/test-claude` installs (`make test-claude`).
//!
//! What holds here holds for one version of the client on Linux, against *our* model of the server.

mod authority;
mod claims;
mod person;
mod proxy;
mod run;
mod scenarios;
mod terminal;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use claims::Claims;
use scenarios::Scenario;
use world::{Programs, World};

/// Runs the real Claude Code through the scenarios, against the simulated provider.
#[derive(Parser)]
#[command(name = "test-claude")]
struct Args {
    /// The real client.
    #[arg(long, value_name = "PROGRAM")]
    claude: PathBuf,
    /// The release that it has to be.
    #[arg(long, value_name = "VERSION")]
    release: String,
    /// The CLI under test; without it, the one that was built beside this program.
    #[arg(long, value_name = "PROGRAM")]
    signalbox: Option<PathBuf>,
    /// Only the scenario of this name.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: Cannot test with the real Claude Code: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool> {
    // On a Mac the client keeps its logins in the Keychain of whoever is signed in to the machine, whatever HOME says.
    ensure!(cfg!(target_os = "linux"), "only on Linux do its logins stay in a private home");
    let crypto = rustls::crypto::ring::default_provider().install_default();
    ensure!(crypto.is_ok(), "another cryptography provider is in place");
    let programs = Programs { claude: real(&args.claude)?, signalbox: real(&signalbox(args)?)? };
    let said = World::new(&programs)?.claude(&["--version"])?;
    ensure!(said.out.starts_with(&format!("{} ", args.release)), "it is not {}: {said:?}", args.release);
    println!("{} against the simulated provider; {}", said.out.trim_end(), shut_in()?);

    let mut claims = Claims::default();
    for scenario in wanted(args.only.as_deref())? {
        scenario.play(&programs, &mut claims);
    }
    Ok(claims.summary())
}

fn wanted(only: Option<&str>) -> Result<Vec<&'static Scenario>> {
    let wanted: Vec<_> = scenarios::ALL.iter().filter(|s| only.is_none_or(|name| name == s.name)).collect();
    let names = scenarios::ALL.each_ref().map(|scenario| scenario.name).join(", ");
    ensure!(!wanted.is_empty(), "there is no scenario '{}', only {names}", only.unwrap_or_default());
    Ok(wanted)
}

fn signalbox(args: &Args) -> Result<PathBuf> {
    match &args.signalbox {
        Some(program) => Ok(program.clone()),
        None => Ok(std::env::current_exe()?.with_file_name("signalbox")),
    }
}

fn real(program: &std::path::Path) -> Result<PathBuf> {
    program.canonicalize().with_context(|| format!("there is no {} (`make build`)", program.display()))
}

/// What keeps the client in, said aloud: the proxy always does, a namespace without a network where there is one.
fn shut_in() -> Result<&'static str> {
    let devices = std::fs::read_to_string("/proc/net/dev")?;
    let outward = devices.lines().skip(2).any(|line| !line.trim_start().starts_with("lo:"));
    Ok(if outward { "kept in by the proxy alone" } else { "kept in by a namespace that has no network but loopback" })
}
