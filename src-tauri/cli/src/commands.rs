//! One module for each command. Owns which is run; each reads like the sentence that its help gives, and leaves the doing to
//! the flows of `signalbox_core`.

mod add;
mod doctor;
mod history;
mod list;
mod log;
mod login;
mod refresh;
mod remove;
mod rename;
mod rotate;
mod shown;
mod status;
pub mod statusline;
mod switch;
mod undo;
mod usage;
pub mod watch;

use signalbox_core::profile::Alias;
use signalbox_core::view::Order;

use crate::args::{self, Command, Sort};
use crate::context::{Context, Report, alias};
use crate::exit::Failure;
use crate::json;

/// Runs a command.
pub fn run(context: &Context, command: &Command) -> Result<Report, Failure> {
    match command {
        Command::Add(options) => add::run(context, &alias(&options.alias)?, options),
        Command::List(options) => list::run(context, options.sort.into()),
        Command::Status => status::run(context),
        Command::Use { alias: text } => switch::run(context, &alias(text)?),
        Command::Refresh { alias: None } => refresh::all(context),
        Command::Refresh { alias: Some(text) } => refresh::one(context, &alias(text)?),
        Command::Usage { alias: text, refresh } => usage::run(context, maybe(text.as_ref())?.as_ref(), *refresh),
        Command::History(options) => {
            history::run(context, maybe(options.alias.as_ref())?.as_ref(), options.since, options.csv)
        }
        Command::Remove { alias: text, yes } => remove::run(context, &alias(text)?, *yes),
        Command::Undo { alias: None } => undo::run(context, None),
        Command::Undo { alias: Some(text) } => undo::run(context, Some(alias(text)?)),
        Command::Rotate(options) => rotate::run(context, options),
        Command::Login(options) => login::run(context, options),
        Command::Log { number } => log::run(context, *number),
        Command::Doctor { fix } => Ok(doctor::run(context, *fix)),
        Command::Statusline(options) => statusline::setup::run(context, options),
        Command::Watch(_) => unreachable!("it makes no report, and is run before there is a context for one"),
        Command::Completions { shell } => Ok(completions(context, *shell)),
        Command::Rename { from, to } => rename::run(context, &alias(from)?, &alias(to)?),
    }
}

fn maybe(text: Option<&String>) -> Result<Option<Alias>, Failure> {
    text.map(|text| alias(text)).transpose()
}

impl From<Sort> for Order {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Hand => Self::Hand,
            Sort::Headroom => Self::Headroom,
        }
    }
}

fn completions(context: &Context, shell: clap_complete::Shell) -> Report {
    let script = args::completions(shell);
    context.say(&script);
    Report::of(json::members(serde_json::json!({ "completions": script })))
}
