//! What may be typed after `signalbox add`. Owns the options of a setup-token; there is none for the token itself, because
//! arguments and variables can be read by every process of the user.

use chrono::NaiveDate;

/// What to register.
#[derive(Debug, clap::Args)]
pub struct AddOptions {
    /// The name for it: 1 to 32 letters, digits, `.`, `_` or `-`
    pub alias: String,
    /// Go on where the live account was changed outside Signalbox
    #[arg(long, conflicts_with = "setup_token")]
    pub yes: bool,
    /// Read a token of `claude setup-token` from standard input, or ask for it; it replaces the one that the profile holds
    #[arg(long)]
    pub setup_token: bool,
    /// The day on which the setup-token was made; today where nothing is said. It ends a year later
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub made: Option<NaiveDate>,
    /// Whose setup-token it is, for display: nobody can check it
    #[arg(long, value_name = "WHOSE")]
    pub label: Option<String>,
}

/// Why a text is no day.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is a day as in 2026-05-14")]
pub struct NotADay;

fn day(text: &str) -> Result<NaiveDate, NotADay> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| NotADay)
}
