//! The listening server: binds loopback, runs on a thread and runtime of its own, and is gone when dropped. Owns the
//! thread; what it answers is in `routes.rs` and `admin.rs`.

use crate::line::{CutListener, Line};
use crate::sim::Sim;
use crate::{admin, routes};
use axum::Router;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A running server. Dropping it closes the port and every connection, answered or not.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:<port>`: both the API base and the token base.
    pub base_url: String,
    /// The port it listens on.
    pub port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `sim` on a free loopback port, for callers inside a runtime.
    ///
    /// # Errors
    /// When no port can be bound or no thread started.
    #[expect(clippy::unused_async, reason = "async callers wait for a server; that it needs no waiting is a detail")]
    pub async fn start(sim: Sim) -> io::Result<Self> {
        Self::spawn(sim)
    }

    /// Serves `sim` on a free loopback port, for synchronous callers.
    ///
    /// # Errors
    /// When no port can be bound or no thread started.
    pub fn spawn(sim: Sim) -> io::Result<Self> {
        Self::spawn_on(sim, 0)
    }

    /// Serves `sim` on this loopback port (0: a free one); with a known port a server can go down and come back.
    ///
    /// # Errors
    /// When the port cannot be bound or no thread started.
    pub fn spawn_on(sim: Sim, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("provider-sim".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    served = serve(sim, listener) => served.expect("a bound loopback listener can be served"),
                    _ = stopped => {}
                }
            });
            // Requests that still wait (a delay fault) are cut off, not waited for.
            runtime.shutdown_background();
        })?;
        let base_url = format!("http://127.0.0.1:{port}");
        Ok(Self { base_url, port, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server thread has been printed; a second one in a drop would abort the test run.
            let _ = thread.join();
        }
    }
}

async fn serve(sim: Sim, listener: TcpListener) -> io::Result<()> {
    let listener = CutListener(tokio::net::TcpListener::from_std(listener)?);
    let app = Router::new().nest("/admin", admin::routes()).fallback(routes::provider).with_state(sim);
    axum::serve(listener, app.into_make_service_with_connect_info::<Line>()).await
}
