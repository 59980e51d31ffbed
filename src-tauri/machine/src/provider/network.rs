//! One HTTP request on a runtime of its own. Owns the client, its one background thread and the classification of what
//! can go wrong before an answer stands. Leaves the meaning of an answer to `answer`.

use std::sync::{Once, mpsc};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, redirect, retry};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::USER_AGENT;
use super::answer::{Answer, Cut, Silence};

/// No answer of the provider comes near this; whatever is longer is none of its.
const BODY_LIMIT: usize = 1024 * 1024;
/// Room for an ordinary answer, so that its bytes are not copied about while they arrive.
const BODY_ROOM: usize = 8 * 1024;

static CRYPTO: Once = Once::new();

/// The client and the thread on which its requests run side by side.
pub struct Network {
    client: Client,
    handle: Handle,
    /// Dropped with the network, which ends the thread.
    _stop: oneshot::Sender<()>,
}

impl Network {
    /// Starts the thread. `rig`: a simulated provider on this machine, for which plain HTTP is allowed and proxies are
    /// left out. `None` when the system has no thread or no trust store for us.
    pub fn start(connect: Duration, rig: bool) -> Option<Self> {
        CRYPTO.call_once(|| {
            // An error says that the program has chosen one already, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let mut client = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(connect)
            .redirect(redirect::Policy::none())
            // One call, one request: a repeated refresh would present a spent token (`docs/claude-code.md` §D5).
            .retry(retry::never())
            // A kept connection may have died while the machine slept, and a refresh sent into it looks like a lost
            // answer. Every request gets a connection of its own, and at rest there is none.
            .pool_max_idle_per_host(0)
            .https_only(!rig);
        if rig {
            client = client.no_proxy();
        }
        let client = client.build().inspect_err(|error| tracing::warn!(%error, "no HTTP client")).ok()?;
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new()
            .name("network".to_owned())
            .spawn(move || runtime.block_on(stopped))
            .inspect_err(|error| tracing::warn!(%error, "no thread for the network"))
            .ok()?;
        Some(Self { client, handle, _stop: stop })
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends one request and blocks until it has ended. The request's own timeout bounds the wait.
    pub fn exchange(&self, name: &'static str, request: RequestBuilder) -> Result<Answer, Silence> {
        let begun = Instant::now();
        let (done, outcome) = mpsc::channel();
        self.handle.spawn(async move {
            let outcome = match request.send().await {
                Ok(response) => Ok(read(response).await),
                Err(error) => Err(silence(&error)),
            };
            // The receiver waits below for as long as this task lives.
            let _ = done.send(outcome);
        });
        // No outcome means that the task died, and it may have sent the request before.
        let outcome = outcome.recv().unwrap_or(Err(Silence::Lost));
        let took_ms = begun.elapsed().as_millis();
        match &outcome {
            Ok(answer) => tracing::debug!(request = name, status = answer.status, took_ms, "answered"),
            Err(silence) => tracing::debug!(request = name, ?silence, took_ms, "not answered"),
        }
        outcome
    }
}

/// How far a request without an answer got. Only an error of the connector proves that nothing was sent.
fn silence(error: &reqwest::Error) -> Silence {
    if error.is_connect() || error.is_builder() {
        Silence::NotSent
    } else if error.is_timeout() {
        Silence::TimedOut
    } else {
        Silence::Lost
    }
}

async fn read(mut response: Response) -> Answer {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (content_type, retry_after, date) = (text(CONTENT_TYPE), text(RETRY_AFTER), text(DATE));
    let status = response.status().as_u16();
    // The answer to a refresh holds the new pair.
    let mut bytes = Zeroizing::new(Vec::with_capacity(BODY_ROOM));
    let body = loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > BODY_LIMIT => break Err(Cut::TooLong),
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break Ok(bytes),
            Err(error) if error.is_timeout() => break Err(Cut::TimedOut),
            Err(_) => break Err(Cut::Short),
        }
    };
    Answer { status, content_type, retry_after, date, body }
}
