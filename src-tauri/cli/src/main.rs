//! The program `signalbox`: the profiles from a terminal, a script or an SSH session. Owns nothing but the order of the
//! steps: read the arguments, look around once, run one command, end with its status. What a command does is in
//! `commands`, how it looks in `render` and `json`, what went wrong in `exit`; every decision is in `signalbox-core`.

mod args;
mod commands;
mod context;
mod exit;
mod json;
mod progress;
mod render;

use std::process::ExitCode;

use signalbox_machine::assemble;
use signalbox_machine::surroundings::Surroundings;

use crate::args::Args;
use crate::context::Context;
use crate::exit::{Failure, Status};

/// Turns on the log, to standard error; what it says is `tracing_subscriber::EnvFilter`'s syntax.
const LOG_VARIABLE: &str = "SIGNALBOX_LOG";

fn main() -> ExitCode {
    log_if_wanted();
    let status = match args::read() {
        Ok(args) => exit::guarded(args.json, || run(&args)),
        Err(refused) => refused.end(),
    };
    if status == Status::Done && render::output_was_lost() {
        render::complain(
            "Cannot show the result: standard output cannot be written\n\nhint: what was asked for is done\n",
        );
        return ExitCode::from(Status::Failed.number());
    }
    ExitCode::from(status.number())
}

fn run(args: &Args) -> Result<Status, Failure> {
    if !cfg!(any(target_os = "macos", target_os = "linux")) {
        return Err(Failure::unsupported_platform());
    }
    let surroundings = Surroundings::from_env().map_err(|error| Failure::no_home(&error))?;
    let ports = assemble::ports(&surroundings).map_err(|error| Failure::settings(&error))?;
    let context = Context::new(progress::watched(ports), args.json);
    let report = commands::run(&context, &args.command)?;
    Ok(context.conclude(report))
}

fn log_if_wanted() {
    if std::env::var_os(LOG_VARIABLE).is_some_and(|level| !level.is_empty()) {
        let filter = tracing_subscriber::EnvFilter::from_env(LOG_VARIABLE);
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    }
}
