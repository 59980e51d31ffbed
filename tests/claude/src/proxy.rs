//! The only way out that the client is given: a proxy on loopback that leads the provider's hosts to the simulator and
//! answers everything else with 502. Owns the list of hosts and the account of who was asked for; the certificate is
//! `authority`'s, the answers are the simulator's.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;

/// The hosts that the simulator plays (`docs/claude-code.md` §D1, `docs/observed.md` §1 and §7).
pub const HOSTS: [&str; 4] = ["api.anthropic.com", "platform.claude.com", "claude.com", "claude.ai"];
/// A longer head is no `CONNECT`.
const HEAD_BYTES_MAX: u64 = 16 << 10;

/// Who was asked for, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Hosts that were led to the simulator.
    pub led: BTreeMap<String, usize>,
    /// Everything that was answered 502, as `host:port`.
    pub refused: BTreeMap<String, usize>,
    /// Hosts whose certificate the client refused, and with which word: it does not trust the authority of this run.
    pub distrusted: BTreeMap<String, usize>,
}

/// A running proxy; it ends when dropped.
pub struct Proxy {
    /// What belongs into `HTTPS_PROXY`.
    pub url: String,
    /// The certificate to trust, PEM.
    pub authority: String,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    simulator: SocketAddr,
    tls: TlsAcceptor,
    traffic: Mutex<Traffic>,
}

impl Proxy {
    /// Starts a proxy on a free port that leads [`HOSTS`] to the simulator at this port of loopback.
    ///
    /// # Errors
    /// When there is no port, no thread or no certificate to be had.
    pub fn before(simulator_port: u16) -> Result<Self> {
        let authority = Authority::for_hosts(&HOSTS)?;
        let shared = Arc::new(Shared {
            simulator: SocketAddr::from((Ipv4Addr::LOCALHOST, simulator_port)),
            tls: TlsAcceptor::from(authority.server),
            traffic: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("Cannot start the proxy")?;
        let listener =
            runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).context("Cannot start the proxy")?;
        let url = format!("http://{}", listener.local_addr()?);
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { url, authority: authority.pem, shared, runtime: Some(runtime) })
    }

    /// Who was asked for so far.
    pub fn traffic(&self) -> Traffic {
        self.shared.traffic.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Connections that are still open are cut, not waited for.
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // A connection that cannot be accepted fails at the client, who says so.
        if let Ok((stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            // A connection that breaks is the client's affair too.
            tokio::spawn(async move { drop(shared.serve(stream).await) });
        }
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut client = BufReader::new(stream);
        let asked = read_head(&mut client).await?;
        let Some(host) = asked.host_to_lead() else {
            self.note(|traffic| &mut traffic.refused, &asked.target);
            return client
                .write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .await;
        };
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        let mut client = match self.tls.accept(client).await {
            Ok(client) => client,
            Err(error) => {
                // A client that only left, because it ended or needs no answer any more, says nothing.
                if let Some(alert) = alert(&error) {
                    self.note(|traffic| &mut traffic.distrusted, &format!("{host}: {alert:?}"));
                }
                return Ok(());
            }
        };
        self.note(|traffic| &mut traffic.led, host);
        let mut simulator = TcpStream::connect(self.simulator).await?;
        simulator.set_nodelay(true)?;
        tokio::io::copy_bidirectional(&mut client, &mut simulator).await?;
        Ok(())
    }

    fn note(&self, list: impl FnOnce(&mut Traffic) -> &mut BTreeMap<String, usize>, name: &str) {
        let mut traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        *list(&mut traffic).entry(name.to_owned()).or_default() += 1;
    }
}

/// What the client found wrong with the certificate, if it said so.
fn alert(error: &io::Error) -> Option<rustls::AlertDescription> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// The first line of a request to the proxy.
struct Asked {
    method: String,
    target: String,
}

impl Asked {
    /// The host, if this asks for a tunnel to one that the simulator plays.
    fn host_to_lead(&self) -> Option<&str> {
        let host = self.target.strip_suffix(":443").filter(|_| self.method == "CONNECT")?;
        HOSTS.contains(&host).then_some(host)
    }
}

async fn read_head(client: &mut BufReader<TcpStream>) -> io::Result<Asked> {
    let mut head = client.take(HEAD_BYTES_MAX);
    let mut first = String::new();
    head.read_line(&mut first).await?;
    let mut line = String::new();
    while head.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let mut word = || words.next().ok_or(io::ErrorKind::InvalidData);
    Ok(Asked { method: word()?, target: word()? })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn ask(proxy: &Proxy, head: &str) -> String {
        let address = proxy.url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).expect("a proxy");
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
    }

    #[test]
    fn whoever_is_not_the_provider_is_refused_and_listed() {
        let proxy = Proxy::before(9).expect("a proxy");
        for head in [
            "CONNECT downloads.claude.ai:443 HTTP/1.1\r\n\r\n",
            "CONNECT api.anthropic.com:80 HTTP/1.1\r\n\r\n",
            "CONNECT api.anthropic.com.example:443 HTTP/1.1\r\n\r\n",
            "GET http://api.anthropic.com/ HTTP/1.1\r\nhost: api.anthropic.com\r\n\r\n",
        ] {
            assert!(ask(&proxy, head).starts_with("HTTP/1.1 502 "), "{head}");
        }
        let refused: Vec<String> = proxy.traffic().refused.into_keys().collect();
        let expected = [
            "api.anthropic.com.example:443",
            "api.anthropic.com:80",
            "downloads.claude.ai:443",
            "http://api.anthropic.com/",
        ];
        assert_eq!(refused, expected);
        assert_eq!(proxy.traffic().led, BTreeMap::new());
    }
}
