//! The command line as typed values. Owns what may be typed, the help, and the sentence for what may not; leaves whether an
//! alias exists to the flows.

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::exit::{Failure, Refused};

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "signalbox",
    version,
    about = "Hold several of your own Claude Code logins as profiles, and switch between them without losing one",
    after_help = "Exit status: 0 done, 1 failed, 2 bad request, 4 unsupported platform, 70 internal error.",
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub struct Args {
    /// Print one JSON object with a `schema` number instead of text
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register the live login as a new profile
    Add {
        /// The name for it: 1 to 32 letters, digits, `.`, `_` or `-`
        alias: String,
        /// Go on where the live account was changed outside Signalbox
        #[arg(long)]
        yes: bool,
    },
    /// Show all profiles, one in a line, without asking the server
    List,
    /// Show what is live and everything known about it, without asking the server
    Status,
    /// Switch: make a profile the live login
    Use {
        /// The profile to switch to
        alias: String,
    },
    /// Save the live login's newest tokens and read usage, of one profile or of all
    Refresh {
        /// The one profile to read
        alias: Option<String>,
    },
    /// Forget a profile and delete its saved login here; the account stays as it is
    Remove {
        /// The profile to forget
        alias: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Give a profile another alias
    Rename {
        /// The profile
        from: String,
        /// Its new alias
        to: String,
    },
}

/// Reads the command line. Help and version are refusals too: there is nothing to run.
pub fn read() -> Result<Args, Refused> {
    Args::try_parse().map_err(|error| refused(&error))
}

fn refused(error: &clap::Error) -> Refused {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Refused::Help { text: error.render().to_string(), asked_for: !error.use_stderr() }
        }
        _ => {
            let (why, tip) = words_of(&error.render().to_string());
            // The arguments could not be read, so whether JSON was wanted is told by the word itself.
            let json = std::env::args_os().any(|argument| argument == "--json");
            Refused::Arguments { failure: Failure::arguments(&why, tip), json }
        }
    }
}

/// clap's report as one sentence, and its tip if it has one.
fn words_of(report: &str) -> (String, Option<String>) {
    let mut sentence = Vec::new();
    let mut tip = None;
    for line in report.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:")) {
        match line.strip_prefix("tip: ") {
            Some(text) => tip = tip.or(Some(text.replace('\'', "`"))),
            None if !line.is_empty() => sentence.push(line.trim_start_matches("error: ")),
            None => {}
        }
    }
    (sentence.join(" ").replace('\'', "`"), tip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arguments: &[&str]) -> (String, Option<String>) {
        let error = Args::try_parse_from(arguments).expect_err("refused");
        words_of(&error.render().to_string())
    }

    #[test]
    fn the_definition_is_sound() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn what_is_wrong_is_one_sentence() {
        let (why, tip) = refusal(&["signalbox", "use"]);
        assert_eq!(why, "the following required arguments were not provided: <ALIAS>");
        assert_eq!(tip, None);
        let (why, tip) = refusal(&["signalbox", "lst"]);
        assert_eq!(why, "unrecognized subcommand `lst`");
        assert_eq!(tip.as_deref(), Some("a similar subcommand exists: `list`"));
    }
}
