//! The real program `signalbox`, run as a person or a script runs it: in a private home, against the simulated provider.
//! Most cases are data in `tests/cmd`, one file for each, named by the sentence that it shows; `case` reads them, `runner`
//! plays them, `loss` checks after every one that no login was lost. What data cannot say has a test of its own here.

mod case;
mod delegated;
mod footprint;
pub(crate) mod loss;
mod pattern;
mod prompts;
mod races;
mod readings;
mod rotate;
mod runner;
mod secrets;
mod sessions;
mod statusline;
mod tokens;
mod undo;
