//! The wire between the page and the shell. Owns turning what the page sent into domain values, and the form in which a
//! refusal goes back: `Problem`, as it stands. The board itself is `signalbox_core`'s.

use serde::Deserialize;
use signalbox_core::error::{Code, NextStep, Problem};
use signalbox_core::profile::Alias;

/// An alias as a person typed it.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct AliasText(String);

impl AliasText {
    /// Reads it, or says why it is no alias.
    pub fn parse(self) -> Result<Alias, Problem> {
        Alias::parse(&self.0).map_err(|error| Problem {
            code: Code::Usage,
            message: format!("Cannot do that: {error}"),
            next_step: NextStep::Retry,
            about: None,
        })
    }
}
