//! The provider against a socket that misbehaves byte for byte. What an answer means stands in `answer/tests.rs`; the
//! whole protocol is played in `tests/it/provider_http.rs`.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use super::*;

const ACCESS: &str = "sk-ant-oat01-sim-access";
const REFRESH: &str = "sk-ant-ort01-sim-refresh";
const PROFILE: &str = r#"{"account":{"uuid":"acc-1","email":"ada@example.com"},"organization":{"uuid":"org-1"}}"#;
const PAIR: &str =
    r#"{"access_token":"sk-ant-oat01-sim-new","refresh_token":"sk-ant-ort01-sim-new","expires_in":28800}"#;
const SHORT: Timeouts = Timeouts {
    connect: Duration::from_millis(400),
    read: Duration::from_millis(300),
    refresh: Duration::from_millis(300),
};

/// A server of one behaviour. Every request that reaches it is put into `seen`.
struct Double {
    address: SocketAddr,
    seen: Receiver<String>,
}

impl Double {
    fn new(behave: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (told, seen) = channel();
        let behave = Arc::new(behave);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, told, behave) = (stream.unwrap(), told.clone(), Arc::clone(&behave));
                thread::spawn(move || {
                    if let Some(request) = read_request(&mut stream) {
                        let _ = told.send(request);
                        behave(&mut stream);
                    }
                });
            }
        });
        Self { address, seen }
    }

    fn answering(status: &'static str, body: &'static str) -> Self {
        Self::new(move |stream| reply(stream, status, body))
    }

    fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    fn provider(&self) -> HttpProvider {
        provider_at(&self.base(), &self.base())
    }

    /// All requests, after which no further one has come for a while.
    fn requests(&self) -> Vec<String> {
        std::iter::from_fn(|| self.seen.recv_timeout(Duration::from_millis(150)).ok()).collect()
    }
}

fn provider_at(api: &str, token: &str) -> HttpProvider {
    HttpProvider::new(Endpoints { api: api.to_owned(), token: token.to_owned() })
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

fn reply(stream: &mut TcpStream, status: &str, body: &str) {
    let length = body.len();
    let _ =
        write!(stream, "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
}

fn access() -> AccessToken {
    AccessToken::new(ACCESS.to_owned())
}

fn refresh(provider: &HttpProvider, scopes: &[&str]) -> Result<Renewal, RefreshError> {
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    provider.refresh(RefreshToken::new(REFRESH.to_owned()), &scopes)
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn identify_sends_one_honest_request_to_the_api() {
    let double = Double::answering("200 OK", PROFILE);
    let account = double.provider().identify(&access()).unwrap();
    assert_eq!(account.identity.account(), "acc-1");
    let requests = double.requests();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert!(request.starts_with("get /api/oauth/profile http/1.1"), "{request}");
    let agent = format!("signalbox/{} (+https://github.com/signalbox-app/signalbox)", env!("CARGO_PKG_VERSION"));
    assert_eq!(header(request, "user-agent"), Some(agent.as_str()));
    assert_eq!(header(request, "authorization"), Some("bearer sk-ant-oat01-sim-access"));
    assert_eq!(header(request, "accept"), Some("application/json"));
    assert_eq!(header(request, "content-type"), Some("application/json"));
    assert_eq!(header(request, "anthropic-beta"), None);
}

#[test]
fn usage_sends_one_request_with_the_beta_header() {
    let double = Double::answering("200 OK", r#"{"five_hour":{"utilization":41.5,"resets_at":null}}"#);
    let usage = double.provider().usage(&access()).unwrap();
    assert_eq!(usage.windows[0].percent, 41.5);
    let requests = double.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("get /api/oauth/usage http/1.1"));
    assert_eq!(header(&requests[0], "anthropic-beta"), Some("oauth-2025-04-20"));
}

#[test]
fn refresh_goes_to_the_token_host_and_carries_the_stored_scopes() {
    let (api, token) = (Double::answering("200 OK", PROFILE), Double::answering("200 OK", PAIR));
    let provider = provider_at(&api.base(), &token.base());
    let before = SystemClock.now();
    let renewal = refresh(&provider, &["user:profile", "user:inference"]).unwrap();
    assert!((8 * 3_600_000..8 * 3_600_000 + 10_000).contains(&renewal.renewed.expires_at.since(before)));
    refresh(&provider.with_client_id("another".to_owned()), &[]).unwrap();
    assert!(api.requests().is_empty());
    let requests = token.requests();
    let bodies: Vec<serde_json::Value> = requests
        .iter()
        .map(|request| serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap())
        .collect();
    let pair = ("grant_type", "refresh_token");
    assert_eq!(
        bodies,
        [
            serde_json::json!({ pair.0: pair.1, "refresh_token": REFRESH, "client_id": CLIENT_ID,
                "scope": "user:profile user:inference" }),
            serde_json::json!({ pair.0: pair.1, "refresh_token": REFRESH, "client_id": "another" }),
        ]
    );
    for request in &requests {
        assert!(request.starts_with("post /v1/oauth/token http/1.1"), "{request}");
        assert_eq!(header(request, "authorization"), None);
        assert_eq!(header(request, "content-type"), Some("application/json"));
    }
}

#[test]
fn a_server_that_is_not_there_gives_the_token_back() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let provider = provider_at(&format!("http://{closed}"), &format!("http://{closed}"));
    assert_eq!(provider.identify(&access()), Err(ProviderError::Unreachable));
    match refresh(&provider, &[]) {
        Err(RefreshError::NotSpent { cause: ProviderError::Unreachable, token }) => assert_eq!(token.expose(), REFRESH),
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn a_handshake_that_never_ends_gives_the_token_back() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://{}", mute.local_addr().unwrap());
    let timeouts = Timeouts { refresh: Duration::from_secs(20), ..SHORT };
    let begun = Instant::now();
    match refresh(&provider_at(&base, &base).with_timeouts(timeouts), &[]) {
        Err(RefreshError::NotSpent { cause: ProviderError::Unreachable, token }) => assert_eq!(token.expose(), REFRESH),
        other => panic!("{:?}", other.err()),
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_connection_that_ends_before_the_answer_leaves_the_token_in_doubt() {
    let double = Double::new(|_| {});
    let provider = double.provider();
    assert_eq!(provider.identify(&access()), Err(ProviderError::Unreachable));
    let refreshed = refresh(&provider, &[]);
    assert!(
        matches!(refreshed, Err(RefreshError::Unknown { cause: ProviderError::Unreachable })),
        "{:?}",
        refreshed.err()
    );
    assert_eq!(double.requests().len(), 2, "one each: a lost answer is never asked for again");
}

#[test]
fn half_an_answer_is_garbled_and_leaves_the_token_in_doubt() {
    let double = Double::new(|stream| {
        let half = &PAIR[..PAIR.len() / 2];
        let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{half}", PAIR.len());
    });
    let provider = double.provider();
    assert_eq!(provider.usage(&access()), Err(ProviderError::Garbled));
    let refreshed = refresh(&provider, &[]);
    assert!(matches!(refreshed, Err(RefreshError::Unknown { cause: ProviderError::Garbled })), "{:?}", refreshed.err());
    assert_eq!(double.requests().len(), 2);
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let double = Double::new(|_| thread::sleep(Duration::from_secs(30)));
    let provider = double.provider().with_timeouts(SHORT);
    let begun = Instant::now();
    assert_eq!(provider.identify(&access()), Err(ProviderError::TimedOut));
    let refreshed = refresh(&provider, &[]);
    assert!(
        matches!(refreshed, Err(RefreshError::Unknown { cause: ProviderError::TimedOut })),
        "{:?}",
        refreshed.err()
    );
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(double.requests().len(), 2);
}

#[test]
fn a_body_that_trickles_is_bounded_by_the_same_timeout() {
    let double = Double::new(|stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let provider = double.provider().with_timeouts(SHORT);
    assert_eq!(provider.usage(&access()), Err(ProviderError::TimedOut));
}

#[test]
fn an_endless_body_is_cut_off() {
    let double = Double::new(|stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n");
        while stream.write_all(&[b' '; 64 * 1024]).is_ok() {}
    });
    assert_eq!(double.provider().usage(&access()), Err(ProviderError::Garbled));
}

#[test]
fn a_redirect_is_not_followed() {
    let target = Double::answering("200 OK", PROFILE);
    let location = target.base();
    let double = Double::new(move |stream| {
        let _ = write!(stream, "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}/\r\ncontent-length: 0\r\n\r\n");
    });
    assert_eq!(double.provider().identify(&access()), Err(ProviderError::Refused { status: 307 }));
    assert!(target.requests().is_empty());
}

#[test]
fn throttling_and_html_are_no_verdict() {
    let throttled = Double::new(|stream| {
        let _ = write!(stream, "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n");
    });
    let answer = throttled.provider().usage(&access());
    assert_eq!(answer, Err(ProviderError::Throttled { retry_after_s: Some(0) }));
    let edge = Double::answering("403 Forbidden", "<html>error 1010</html>");
    match refresh(&edge.provider(), &[]) {
        Err(RefreshError::NotSpent { cause, token }) => {
            assert_eq!((cause, token.expose()), (ProviderError::Refused { status: 403 }, REFRESH));
        }
        other => panic!("{:?}", other.err()),
    }
    assert_eq!((throttled.requests().len(), edge.requests().len()), (1, 1));
}

#[test]
fn a_slow_answer_holds_up_nobody_else() {
    let slow = Double::new(|stream| {
        thread::sleep(Duration::from_secs(2));
        reply(stream, "200 OK", PAIR);
    });
    let fast = Double::answering("200 OK", PROFILE);
    let provider = provider_at(&fast.base(), &slow.base());
    thread::scope(|scope| {
        let refreshing = scope.spawn(|| refresh(&provider, &[]));
        thread::sleep(Duration::from_millis(100));
        let begun = Instant::now();
        assert!(provider.identify(&access()).is_ok());
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert!(!refreshing.is_finished(), "the refresh was still under way");
        assert!(refreshing.join().unwrap().is_ok());
    });
}

#[test]
fn a_provider_that_is_never_asked_starts_no_network() {
    let provider = provider_at("http://127.0.0.1:9", "http://127.0.0.1:9");
    assert!(provider.network.lock().unwrap().is_none());
}

#[test]
fn plain_http_is_spoken_only_on_this_machine() {
    for (base, loopback) in [
        ("http://127.0.0.1:8080", true),
        ("http://localhost:8080", true),
        ("http://[::1]:8080", true),
        ("https://api.anthropic.com", false),
        ("http://127.0.0.1.example.com", false),
        ("http://localhost@example.com", false),
        ("nonsense", false),
    ] {
        assert_eq!(is_loopback(base), loopback, "{base}");
    }
    let begun = Instant::now();
    let provider = provider_at("http://192.0.2.1", "http://192.0.2.1");
    assert_eq!(provider.identify(&access()), Err(ProviderError::Unreachable));
    assert!(begun.elapsed() < Duration::from_secs(2), "refused before anything is sent");
}

#[test]
fn no_token_is_shown_by_anything_that_carries_it() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    // For all threads, because the requests run on one of their own. Other tests write into it too, and may.
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let double = Double::answering("200 OK", PAIR);
    let provider = double.provider();
    assert!(provider.identify(&access()).is_err());
    assert!(refresh(&provider, &[]).is_ok());
    let value = bearer(&access()).unwrap();
    let written = String::from_utf8(log.0.lock().unwrap().clone()).unwrap() + &format!("{value:?}");
    assert!(written.contains("identify") && written.contains("refresh"), "{written}");
    assert!(!written.contains("sk-ant"), "{written}");
}

#[test]
fn a_token_that_no_header_can_carry_counts_as_refused() {
    let double = Double::answering("200 OK", PROFILE);
    let odd = AccessToken::new(format!("{ACCESS}\nx-evil: 1"));
    assert_eq!(double.provider().identify(&odd), Err(ProviderError::Unauthorized));
    assert!(double.requests().is_empty());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
