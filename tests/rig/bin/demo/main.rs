//! The demo: a switch between three simulated logins, by the real programs, while two simulated Claude Codes are at work.
//! Owns the choice between a private desktop (narrated, with pictures, checked) and the person's own (to play with); the
//! two stories are in `headless.rs` and `windowed.rs`, what they share is in `cast.rs`.
//!
//! Nothing here touches a real login: home, data folder and server are the demo's own, under `target/demo/`.

mod cast;
#[cfg(target_os = "linux")]
mod deeds;
#[cfg(target_os = "linux")]
mod headless;
#[cfg(target_os = "linux")]
mod mishaps;
mod narrator;
mod windowed;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Watch Signalbox switch between simulated logins.
#[derive(Debug, Parser)]
struct Arguments {
    /// Bring a desktop of our own even though there is one, as `DEMO_HEADLESS=1` does
    #[arg(long)]
    headless: bool,
    /// Where the pictures and the demo's home go
    #[arg(long, default_value = "target/demo")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let told = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(tell(&arguments)));
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nerror: Cannot go on with the demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(target_os = "linux")]
async fn tell(arguments: &Arguments) -> anyhow::Result<bool> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if arguments.headless || set("DEMO_HEADLESS") || !(set("DISPLAY") || set("WAYLAND_DISPLAY")) {
        headless::tell(&arguments.folder).await
    } else {
        windowed::tell(&arguments.folder).await
    }
}

#[cfg(not(target_os = "linux"))]
async fn tell(arguments: &Arguments) -> anyhow::Result<bool> {
    windowed::tell(&arguments.folder).await
}
