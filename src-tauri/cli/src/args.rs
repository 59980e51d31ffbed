//! The command line as typed values. Owns what may be typed, the help, and the sentence for what may not; leaves whether an
//! alias exists to the flows.

pub mod add;
mod age;

use add::AddOptions;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::exit::{Failure, Refused};

pub use age::Age;

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "signalbox",
    version,
    about = "Hold several of your own Claude Code logins as profiles, and switch between them without losing one",
    after_help = "Exit status: 0 done, 1 failed, 2 bad request, 3 switched but a pin keeps Claude Code from using it, \
                  4 unsupported platform, 70 internal error.",
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
    /// Register the live login as a new profile, or a setup-token that is handed over
    Add(AddOptions),
    /// Show all profiles, one in a line, without asking the server
    List(ListOptions),
    /// Show what is live and everything known about it, without asking the server
    Status,
    /// Switch: make a profile the live login
    Use {
        /// The profile to switch to
        alias: String,
    },
    /// Sign in to a profile, old or new, by Claude Code's own sign-in; the live login stays as it is meanwhile
    Rotate(RotateOptions),
    /// Open a browser window of a profile's own, in which it stays signed in; or say who has to be signed in
    Login(LoginOptions),
    /// Go back to the last earlier login of a profile that the server still honours; another `undo` leads forth again
    Undo {
        /// The profile; the live one where none is named
        alias: Option<String>,
    },
    /// Save the live login's newest tokens and read usage, of one profile or of all
    Refresh {
        /// The one profile to read
        alias: Option<String>,
    },
    /// Show every limit of a profile, or of all, from the last reading: how much is used, when it resets, where it is going
    Usage {
        /// The one profile to show
        alias: Option<String>,
        /// Ask the server first
        #[arg(long)]
        refresh: bool,
    },
    /// Draw how much of each limit was used over time, with resets and switches marked
    History(HistoryOptions),
    /// Show what was done of late, by which program, and what went wrong; the newest is last
    Log {
        /// How many lines
        #[arg(short, long = "lines", value_name = "N", default_value_t = 20)]
        number: usize,
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
    /// Look for whatever may cost a login or keep a switch from working, and say what mends it
    Doctor {
        /// Mend what is safe to mend
        #[arg(long)]
        fix: bool,
    },
    /// Keep watch until it is told to end: save what Claude Code renews, at once, and say what happens
    Watch(WatchOptions),
    /// Print the line that Claude Code shows below its prompt, and keep the usage that it tells
    Statusline(StatuslineOptions),
    /// Print what makes a shell complete these commands
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Whom to sign in, and how.
#[derive(Debug, clap::Args)]
pub struct RotateOptions {
    /// The profile; one that does not exist yet is made
    pub alias: Option<String>,
    /// Every profile that needs it, one after another
    #[arg(long, conflicts_with_all = ["alias", "cancel"])]
    pub due: bool,
    /// Give up the sign-in that is under way
    #[arg(long, conflicts_with = "alias")]
    pub cancel: bool,
    /// Set the live login aside, and sign in with `/login` in Claude Code
    #[arg(long)]
    pub classic: bool,
    /// If somebody else signs in than was asked for, keep that login as this profile
    #[arg(long, value_name = "ALIAS")]
    pub keep_as: Option<String>,
    /// In which browser the page is opened
    #[arg(long, value_enum, default_value_t = Window::Auto)]
    pub window: Window,
}

/// Where a page is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Window {
    /// In the profile's own window if it has one, else in your browser
    Auto,
    /// In a window of the profile's own
    Own,
    /// In your browser
    Default,
    /// Nowhere: the address is shown
    None,
}

/// Whose window to open.
#[derive(Debug, clap::Args)]
pub struct LoginOptions {
    /// The profile
    #[arg(required_unless_present_any = ["needed", "by_itself"])]
    pub alias: Option<String>,
    /// Show the profiles that only a person can bring back
    #[arg(long, conflicts_with = "alias")]
    pub needed: bool,
    /// Choose what is done about a sign-in that is due while a window of the profile's own holds its session
    #[arg(long, value_enum, value_name = "MODE", conflicts_with_all = ["alias", "needed"])]
    pub by_itself: Option<Mode>,
    /// Do not ask
    #[arg(long, requires = "by_itself")]
    pub yes: bool,
}

/// What is done about a sign-in that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Nothing: you are asked
    Off,
    /// Its page comes up in that window, and the click is yours
    Ready,
    /// The same, and Signalbox presses Authorize for you; asks first
    Press,
}

impl Mode {
    /// The word of the setting.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ready => "ready",
            Self::Press => "press",
        }
    }
}

/// How to list.
#[derive(Debug, clap::Args)]
pub struct ListOptions {
    /// By hand, as in the app, or the profile with the most left first
    #[arg(long, value_enum, value_name = "ORDER", default_value_t = Sort::Hand)]
    pub sort: Sort,
}

/// In which order profiles are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sort {
    Hand,
    Headroom,
}

/// What of the past to show, and how.
#[derive(Debug, clap::Args)]
pub struct HistoryOptions {
    /// The one profile to show
    pub alias: Option<String>,
    /// How far back: a number and `m`, `h`, `d`, `w` or `y`, as in 90m, 24h, 7d, 30d, 2y
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = Age::parse)]
    pub since: Age,
    /// Print every sample as comma-separated values
    #[arg(long)]
    pub csv: bool,
}

/// How to draw the statusline, or where to bring it in.
#[derive(Debug, clap::Args)]
pub struct StatuslineOptions {
    /// The line, with {profile}, {5h}, {7d}, {model} and {cost} in it
    #[arg(long, allow_hyphen_values = true)]
    pub format: Option<String>,
    /// Another statusline command, whose output is shown too
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub wrap: Option<String>,
    /// Where our part stands beside that output; above it where nothing is said
    #[arg(long, value_enum)]
    pub place: Option<Place>,
    /// Make Claude Code show it; a statusline that is there already is wrapped
    #[arg(long, conflicts_with_all = ["uninstall", "check"])]
    pub install: bool,
    /// Give Claude Code back what it showed before
    #[arg(long, conflicts_with_all = ["check", "format", "wrap", "place"])]
    pub uninstall: bool,
    /// Say what Claude Code shows now, and whether the format makes sense
    #[arg(long)]
    pub check: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

impl StatuslineOptions {
    /// Whether the line itself is wanted.
    pub fn draws(&self) -> bool {
        !(self.install || self.uninstall || self.check)
    }
}

/// Where our part stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Place {
    /// On a line of its own, above
    #[default]
    Above,
    /// On a line of its own, below
    Below,
    /// On the first line, before it
    Before,
    /// On the first line, behind it
    After,
}

/// How to watch.
#[derive(Debug, clap::Args)]
pub struct WatchOptions {
    /// Wait while another program keeps the watch, instead of ending
    #[arg(long)]
    pub wait: bool,
    /// Make it a service of your session, which starts now and at every login
    #[arg(long, conflicts_with_all = ["wait", "uninstall"])]
    pub install: bool,
    /// Stop that service and take it out
    #[arg(long, conflicts_with = "wait")]
    pub uninstall: bool,
}

/// What makes a shell complete our commands.
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "signalbox", &mut script);
    String::from_utf8_lossy(&script).into_owned()
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
    let counts = |line: &&str| !line.starts_with("Usage:") && !line.starts_with("For more information");
    for line in report.lines().map(str::trim).take_while(counts) {
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
    fn every_shell_gets_completions_that_know_the_commands() {
        for shell in clap::ValueEnum::value_variants() {
            let script = completions(*shell);
            assert!(
                ["undo", "log", "rename", "usage", "history"].iter().all(|command| script.contains(command)),
                "{shell}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_one_sentence() {
        let (why, tip) = refusal(&["signalbox", "use"]);
        assert_eq!(why, "the following required arguments were not provided: <ALIAS>");
        assert_eq!(tip, None);
        let (why, tip) = refusal(&["signalbox", "lst"]);
        assert_eq!(why, "unrecognized subcommand `lst`");
        assert_eq!(tip.as_deref(), Some("a similar subcommand exists: `list`"));
        let (why, _) = refusal(&["signalbox", "completions", "cmd"]);
        assert!(why.starts_with("invalid value `cmd` for `<SHELL>` [possible values: bash, "), "{why}");
        assert!(why.ends_with(" zsh]"), "{why}");
    }
}
