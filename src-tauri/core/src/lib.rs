//! The heart of Signalbox: what a login is, when it may be saved, and how the live one is switched without losing any.
//!
//! Read the modules in this order. Types and pure decisions: [`time`], [`profile`], [`identity`], [`credential`],
//! [`document`], [`account_cache`], [`usage`], [`schedule`], [`stretch`], [`forecast`], [`sessions`], [`policy`], [`view`], [`terms`]. What the flows ask of the world: [`ports`]. Storage:
//! [`envelope`], [`vault`], [`journal`]. Which token may be spent: `lineage`. Flows: [`sync`], [`refresh`], `delegate`, `held`,
//! [`switch`], [`mend`], [`undo`], [`recover`], [`register`], [`setup_token`], [`signin`], [`rotate`] and [`bootstrap`], [`poll`], [`feed`], and what stops them: [`flow`]. For people: [`board`], `meters`,
//! [`history`], [`episodes`], [`doctor`], [`words`], [`error`].
//!
//! Deliberately absent: Tauri, HTTP, the file system, the environment, the clock and processes. All of them come in
//! through [`ports::Ports`], which is why every flow can be stopped at any call and shown to lose nothing.
#![forbid(unsafe_code)]

pub mod account_cache;
pub mod board;
pub mod bootstrap;
pub mod credential;
mod delegate;
pub mod doctor;
pub mod document;
pub mod envelope;
pub mod episodes;
pub mod error;
#[cfg(feature = "fakes")]
pub mod fakes;
pub mod feed;
pub mod flow;
pub mod forecast;
mod held;
pub mod history;
pub mod identity;
pub mod journal;
mod lineage;
pub mod mend;
pub mod meters;
pub mod plot;
pub mod policy;
pub mod poll;
pub mod ports;
pub mod profile;
pub mod recover;
pub mod refresh;
pub mod register;
pub mod rotate;
pub mod schedule;
pub mod sessions;
pub mod setup_token;
pub mod signin;
pub mod stretch;
pub mod switch;
pub mod sync;
pub mod terms;
pub mod time;
pub mod undo;
pub mod usage;
pub mod vault;
pub mod view;
pub mod words;
