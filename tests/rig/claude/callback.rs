//! The way from the browser back to `claude auth login`: a listener on loopback (`docs/observed.md` §7), and beside it the
//! simplest of browsers, which follows the way from the client's address to its end. Owns the two ends of that connection;
//! what a code is worth is `login.rs`'s.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::time::Duration;

const BROWSER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const PATIENCE: Duration = Duration::from_secs(60);

/// A code, and whoever waits for what becomes of it.
pub struct Came {
    pub code: Option<String>,
    /// Where the code was shown, if not sent here.
    pub redirect_uri: Option<String>,
    /// Its state, if it is not the one of the address.
    pub state: Option<String>,
    browser: Option<TcpStream>,
}

impl Came {
    pub fn pasted(code: &str, page: &str, state: &str) -> Self {
        let [code, redirect_uri, state] = [code, page, state].map(|text| Some(text.to_owned()));
        Self { code, redirect_uri, state, browser: None }
    }

    /// Answers the browser, if there is one.
    pub fn answer(mut self, status: u16, location: Option<&str>, body: &str) {
        if let Some(browser) = &mut self.browser {
            reply(browser, status, location, body);
        }
    }
}

fn reply(browser: &mut TcpStream, status: u16, location: Option<&str>, body: &str) {
    let location = location.map(|page| format!("location: {page}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} _\r\n{location}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // A browser that has gone hears nothing.
    let _ = browser.write_all((head + body).as_bytes());
}

/// The listener.
pub struct Listener(TcpListener);

impl Listener {
    pub fn open() -> io::Result<Self> {
        TcpListener::bind("127.0.0.1:0").map(Self)
    }

    pub fn port(&self) -> io::Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// Tells of everybody who comes with this state, until nobody listens any more.
    pub fn listen(&self, state: &str, tell: &Sender<Came>) {
        for mut browser in self.0.incoming().flatten() {
            let Some(target) = target(&browser) else { continue };
            let Some(query) = target.strip_prefix("/callback?") else {
                reply(&mut browser, 404, None, "");
                continue;
            };
            let value = |name: &str| {
                let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
                pair.map(str::to_owned)
            };
            if value("state").as_deref() != Some(state) {
                reply(&mut browser, 400, None, "Invalid state parameter");
                continue;
            }
            let came = Came { code: value("code"), redirect_uri: None, state: None, browser: Some(browser) };
            if tell.send(came).is_err() {
                return;
            }
        }
    }
}

/// The target of the request line; the rest of the head is read and passed over.
fn target(browser: &TcpStream) -> Option<String> {
    browser.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut lines = BufReader::new(browser).lines();
    let target = lines.next()?.ok()?.split_whitespace().nth(1)?.to_owned();
    lines.map_while(Result::ok).find(String::is_empty)?;
    Some(target)
}

/// Opens a page as a browser without scripts does, and goes wherever it is sent. The status and the text of the last page.
///
/// # Errors
/// When a page is not on this machine, cannot be had, or the way has no end.
pub fn visit(page: &str) -> io::Result<(u16, String)> {
    let mut page = page.to_owned();
    for _ in 0..12 {
        let rest = page.strip_prefix("http://").ok_or_else(|| io::Error::other("only plain loopback is followed"))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut stream = TcpStream::connect(host)?;
        if !stream.peer_addr()?.ip().is_loopback() {
            return Err(io::Error::other("this browser stays on loopback"));
        }
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!(
            "GET /{path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {BROWSER_AGENT}\r\naccept: text/html\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.ok_or(io::ErrorKind::InvalidData)?;
        let location = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
        });
        match location.filter(|_| (300..400).contains(&status)) {
            Some(next) if next.starts_with('/') => page = format!("http://{host}{next}"),
            Some(next) => page = next,
            None => return Ok((status, body.to_owned())),
        }
    }
    Err(io::Error::other("the pages lead in a circle"))
}
