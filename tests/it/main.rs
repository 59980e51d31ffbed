//! The one test binary of Signalbox: every suite is a module, so that everything links once.

#[cfg(target_os = "linux")]
mod app;
mod bootstrap;
#[cfg(target_os = "linux")]
mod browser;
mod cli;
mod conformance;
mod contract;
mod crash_sweep;
mod doctor;
#[cfg(target_os = "linux")]
mod filesystem;
mod forecast;
mod gate;
#[cfg(target_os = "linux")]
mod kill;
mod model;
mod policy;
mod properties;
mod provider_http;
mod scenarios;
mod scene;
mod schedule;
mod tidy;
mod watch;
mod week;
mod words;
