//! One module for each command. Owns which is run; each reads like the sentence that its help gives, and leaves the doing to
//! the flows of `signalbox_core`.

mod add;
mod doctor;
mod list;
mod log;
mod refresh;
mod remove;
mod rename;
mod shown;
mod status;
mod switch;
mod undo;
pub mod watch;

use crate::args::{self, Command};
use crate::context::{Context, Report, alias};
use crate::exit::Failure;
use crate::json;

/// Runs a command.
pub fn run(context: &Context, command: &Command) -> Result<Report, Failure> {
    match command {
        Command::Add { alias: text, yes } => add::run(context, &alias(text)?, *yes),
        Command::List => list::run(context),
        Command::Status => status::run(context),
        Command::Use { alias: text } => switch::run(context, &alias(text)?),
        Command::Refresh { alias: None } => refresh::all(context),
        Command::Refresh { alias: Some(text) } => refresh::one(context, &alias(text)?),
        Command::Remove { alias: text, yes } => remove::run(context, &alias(text)?, *yes),
        Command::Undo { alias: None } => undo::run(context, None),
        Command::Undo { alias: Some(text) } => undo::run(context, Some(alias(text)?)),
        Command::Log { number } => log::run(context, *number),
        Command::Doctor { fix } => Ok(doctor::run(context, *fix)),
        Command::Watch(_) => unreachable!("it makes no report, and is run before there is a context for one"),
        Command::Completions { shell } => Ok(completions(context, *shell)),
        Command::Rename { from, to } => rename::run(context, &alias(from)?, &alias(to)?),
    }
}

fn completions(context: &Context, shell: clap_complete::Shell) -> Report {
    let script = args::completions(shell);
    context.say(&script);
    Report::of(json::members(serde_json::json!({ "completions": script })))
}
