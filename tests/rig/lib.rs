//! Rigs: what the tests, the demo and the benchmark need around the real programs. Owns the private desktop, the private
//! home, the simulated Claude Code and the ways to look at and click the app; a rig judges nothing, and what has to be
//! true is asserted by whoever uses it. The simulated server is a crate of its own (`provider_sim`).

#[cfg(target_os = "linux")]
pub mod app;
pub mod bulk;
pub mod claude;
#[cfg(target_os = "linux")]
pub mod desk;
pub mod home;
pub mod http;
pub mod members;
pub mod model;
pub mod process;
pub mod stage;
#[cfg(target_os = "linux")]
pub mod tray;
#[cfg(target_os = "linux")]
pub mod webdriver;
#[cfg(target_os = "linux")]
pub mod wizard;
