//! Being told to end by the system: at logout and shutdown, or with Ctrl+C in a terminal. Owns turning that into an ordinary
//! Quit, which the engine answers once no work is in flight: a process that simply ended could take the answer to a spent
//! refresh token with it.

use tokio::signal::unix::{SignalKind, signal};

use signalbox_warden::{EngineHandle, Event};

/// Follows the signals for as long as the app runs.
pub fn follow(engine: &EngineHandle) {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let engine = engine.clone();
        tauri::async_runtime::spawn(async move {
            match signal(kind) {
                Ok(mut told) => {
                    while told.recv().await.is_some() {
                        engine.send(Event::Quit);
                    }
                }
                Err(error) => tracing::warn!(%error, "a signal will end the app without waiting for work in flight"),
            }
        });
    }
}
