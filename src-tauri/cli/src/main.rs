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
mod terms;

use std::process::ExitCode;

use signalbox_machine::assemble;
use signalbox_machine::settings::Settings;
use signalbox_machine::surroundings::Surroundings;

use crate::args::{Args, Command, StatuslineOptions};
use crate::commands::statusline;
use crate::context::Context;
use crate::exit::{Failure, Status};

/// Turns on the log, to standard error; what it says is `tracing_subscriber::EnvFilter`'s syntax.
const LOG_VARIABLE: &str = "SIGNALBOX_LOG";

fn main() -> ExitCode {
    log_if_wanted();
    // Claude Code runs this after every answer.
    if let Some(options) = statusline::installed::options(std::env::args_os().skip(1)) {
        return drawn(&options);
    }
    let status = match args::read() {
        Ok(Args { command: Command::Statusline(options), .. }) if options.draws() => return drawn(&options),
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

/// The statusline is drawn whatever happens, and nothing else is said.
fn drawn(options: &StatuslineOptions) -> ExitCode {
    statusline::draw(options);
    ExitCode::SUCCESS
}

fn run(args: &Args) -> Result<Status, Failure> {
    if !cfg!(any(target_os = "macos", target_os = "linux")) {
        return Err(Failure::unsupported_platform());
    }
    let surroundings = Surroundings::from_env().map_err(|error| Failure::no_home(&error))?;
    // It makes no report: it tells of what happens for as long as it runs.
    if let Command::Watch(options) = &args.command {
        return commands::watch::run(&surroundings, options, args.json);
    }
    let (settings, broken) = match (Settings::load(&surroundings), &args.command) {
        (Ok(settings), _) => (settings, None),
        (Err(error), Command::Doctor { .. }) => (Settings::default(), Some(error)),
        (Err(error), _) => return Err(Failure::settings(&error.into())),
    };
    let ports = progress::watched(assemble::with_settings(&surroundings, settings, "cli"));
    let context = Context::new(surroundings, broken, ports, args.json);
    terms::point_at_once(&context.ports, &args.command, args.json);
    let report = commands::run(&context, &args.command)?;
    Ok(context.conclude(report))
}

fn log_if_wanted() {
    if std::env::var_os(LOG_VARIABLE).is_some_and(|level| !level.is_empty()) {
        let filter = tracing_subscriber::EnvFilter::from_env(LOG_VARIABLE);
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    }
}
