//! What `signalbox statusline` asks of the machine. Owns reading standard input without waiting for ever, which login
//! the session uses, running a statusline command that was there before, the last reading as it lies in the database,
//! and the entry in Claude Code's settings. Leaves what a session told to `feed`, and the line itself to the command
//! line program.

pub mod command;
pub mod input;
pub mod last;
pub mod session;
pub mod setup;
pub mod wrapped;
