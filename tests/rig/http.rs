//! The smallest HTTP client that can talk to the simulated server: one request, one connection, loopback only. It is here
//! so that the simulated Claude Code shares no code with the product's own HTTP adapter.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// One request.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Such as `http://127.0.0.1:4711`.
    pub base: &'a str,
    /// Such as `/v1/oauth/token`.
    pub path: &'a str,
    /// The `User-Agent`.
    pub agent: &'a str,
    /// The bearer token.
    pub bearer: Option<&'a str>,
    /// The JSON body.
    pub body: Option<Value>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, if it is JSON.
    pub json: Option<Value>,
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// When there is no connection, it ends early, or nothing comes for 60 s.
pub fn send(request: &Request<'_>) -> io::Result<Answer> {
    let address = request.base.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    if !stream.peer_addr()?.ip().is_loopback() {
        return Err(io::Error::other("the simulated client talks to loopback only"));
    }
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n", request.method, request.path);
    head += &format!("user-agent: {}\r\naccept: application/json\r\n", request.agent);
    if let Some(token) = request.bearer {
        head += &format!("authorization: Bearer {token}\r\nanthropic-beta: oauth-2025-04-20\r\n");
    }
    if request.body.is_some() {
        head += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let announced = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    // An answer shorter than announced was cut on its way: no answer at all.
    (announced.is_none_or(|length| body.len() >= length))
        .then(|| Answer { status, json: serde_json::from_str(body).ok() })
}
