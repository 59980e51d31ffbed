//! The heart of Signalbox: what a login is, when it may be saved, and how the live one is switched without losing any.
//!
//! Read the modules in this order. Types and pure decisions: [`time`], [`profile`], [`identity`], [`credential`],
//! [`document`], [`account_cache`], [`usage`], [`policy`]. What the flows ask of the world: [`ports`]. Storage:
//! [`envelope`], [`vault`], [`journal`]. Flows: [`sync`], [`refresh`], `held`, [`switch`], [`recover`], [`register`],
//! [`poll`], and what stops them: [`flow`]. For people: [`board`], [`words`], [`error`].
//!
//! Deliberately absent: Tauri, HTTP, the file system, the environment, the clock and processes. All of them come in
//! through [`ports::Ports`], which is why every flow can be stopped at any call and shown to lose nothing.
#![forbid(unsafe_code)]

pub mod account_cache;
pub mod board;
pub mod credential;
pub mod document;
pub mod envelope;
pub mod error;
#[cfg(feature = "fakes")]
pub mod fakes;
pub mod flow;
mod held;
pub mod identity;
pub mod journal;
pub mod policy;
pub mod poll;
pub mod ports;
pub mod profile;
pub mod recover;
pub mod refresh;
pub mod register;
pub mod switch;
pub mod sync;
pub mod time;
pub mod usage;
pub mod vault;
pub mod words;
