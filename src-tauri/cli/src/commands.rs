//! One module for each command. Owns which is run; each reads like the sentence that its help gives, and leaves the doing to
//! the flows of `signalbox_core`.

mod add;
mod list;
mod refresh;
mod remove;
mod rename;
mod shown;
mod status;
mod switch;

use crate::args::Command;
use crate::context::{Context, Report, alias};
use crate::exit::Failure;

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
        Command::Rename { from, to } => rename::run(context, &alias(from)?, &alias(to)?),
    }
}
