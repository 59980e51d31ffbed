//! The one test binary of Signalbox: every suite is a module, so that everything links once.

#[cfg(target_os = "linux")]
mod app;
mod cli;
mod conformance;
mod contract;
mod crash_sweep;
mod gate;
mod policy;
mod provider_http;
mod scenarios;
mod scene;
mod tidy;
