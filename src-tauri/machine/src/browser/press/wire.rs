//! The wire to the browser of a run: a pair of sockets that only this process and the browser hold, and the calls that go through it. Owns
//! both; leaves what is asked to `look`, and what follows from it to `press`.
//!
//! A browser could also listen on a port (`--remote-debugging-port`), but then every process of this computer could reach into a signed-in
//! session for as long as its window is open, and every page could try. The pair of sockets (`--remote-debugging-pipe`) has no address,
//! and the browser ends when it closes, so a run that dies takes its browser along.
//!
//! Six calls are made, one after the other, and none that reads a cookie, a request or what is typed: those are not even turned on, so
//! none of them is ever on the wire.

use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt as _, FdMapping};
use serde_json::{Value, json};

/// Where a browser looks for its wire: it reads from one and writes to the other.
const BROWSER_READS: i32 = 3;
const BROWSER_WRITES: i32 = 4;
/// No answer to these calls is longer.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What ends a message, in both directions.
const END: u8 = 0;

/// What may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks the browser to close itself, as a person does.
    Close,
    /// Which pages are open.
    Targets,
    Attach,
    FrameTree,
    IsolatedWorld,
    Evaluate,
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Close => "Browser.close",
            Self::Targets => "Target.getTargets",
            Self::Attach => "Target.attachToTarget",
            Self::FrameTree => "Page.getFrameTree",
            Self::IsolatedWorld => "Page.createIsolatedWorld",
            Self::Evaluate => "Runtime.evaluate",
        }
    }
}

/// Why a call brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The browser has gone.
    Gone,
    /// It does not answer in time.
    Late,
    /// It says no: there is no such page any more, mostly.
    Refused,
}

/// Our end.
#[derive(Debug)]
pub struct Wire {
    ours: UnixStream,
    /// What came after the last whole message.
    heard: Vec<u8>,
    calls: u64,
}

impl Wire {
    /// Starts a browser at the other end.
    pub fn start(mut command: Command) -> io::Result<(Child, Self)> {
        let (ours, theirs) = UnixStream::pair()?;
        let reads = FdMapping { parent_fd: OwnedFd::from(theirs.try_clone()?), child_fd: BROWSER_READS };
        let writes = FdMapping { parent_fd: OwnedFd::from(theirs), child_fd: BROWSER_WRITES };
        command.fd_mappings(vec![reads, writes]).map_err(io::Error::other)?;
        let child = command.arg("--remote-debugging-pipe").spawn()?;
        // With the command our copies of their end are gone, and its end is ours to notice.
        drop(command);
        Ok((child, Self::over(ours)))
    }

    fn over(ours: UnixStream) -> Self {
        Self { ours, heard: Vec::new(), calls: 0 }
    }

    /// Makes one call and waits for its answer. `session`: the page that it is about; without one, the browser.
    pub fn call(
        &mut self,
        session: Option<&str>,
        method: Method,
        parameters: &Value,
        until: Instant,
    ) -> Result<Value, Silence> {
        self.calls += 1;
        let id = self.calls;
        let mut call = json!({ "id": id, "method": method.name(), "params": parameters });
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        let mut bytes = call.to_string().into_bytes();
        bytes.push(END);
        self.ours.write_all(&bytes).map_err(|_| Silence::Gone)?;
        loop {
            let mut said = self.next(until)?;
            if said["id"] == id {
                return if said.get("error").is_some() { Err(Silence::Refused) } else { Ok(said["result"].take()) };
            }
            // What it tells unasked, or answers to a call that was not waited for.
        }
    }

    /// The next whole message.
    fn next(&mut self, until: Instant) -> Result<Value, Silence> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == END) {
                let message: Vec<u8> = self.heard.drain(..=end).take(end).collect();
                return serde_json::from_slice(&message).map_err(|_| Silence::Gone);
            }
            if self.heard.len() > ANSWER_BYTES_MAX {
                return Err(Silence::Gone);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left < Duration::from_millis(1) {
                return Err(Silence::Late);
            }
            self.ours.set_read_timeout(Some(left)).map_err(|_| Silence::Gone)?;
            let mut chunk = [0; 16 * 1024];
            match self.ours.read(&mut chunk) {
                Ok(0) => return Err(Silence::Gone),
                Ok(read) => self.heard.extend_from_slice(&chunk[..read]),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Err(Silence::Late);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Silence::Gone),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    fn pair() -> (Wire, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (Wire::over(ours), theirs)
    }

    #[test]
    fn an_answer_is_found_among_what_is_said_unasked_and_in_pieces() {
        let (mut wire, mut theirs) = pair();
        let browser = std::thread::spawn(move || {
            let mut heard = [0; 512];
            let read = theirs.read(&mut heard).expect("a call");
            for piece in ["{\"method\":\"x\"}\0{\"id\":7,\"result\":{}}\0{\"id\":1,\"re", "sult\":{\"a\":2}}\0{\"me"] {
                theirs.write_all(piece.as_bytes()).expect("written");
                std::thread::sleep(Duration::from_millis(5));
            }
            (String::from_utf8(heard[..read].to_vec()).expect("text"), theirs)
        });
        let answer = wire.call(Some("S"), Method::FrameTree, &json!({}), Instant::now() + LONG);
        assert_eq!(answer, Ok(json!({ "a": 2 })));
        let (said, _theirs) = browser.join().expect("it ended");
        assert!(said.ends_with('\0'), "{said:?}");
        let said: Value = serde_json::from_str(said.trim_end_matches('\0')).expect("a call");
        let expected = json!({ "id": 1, "method": "Page.getFrameTree", "params": {}, "sessionId": "S" });
        assert_eq!(said, expected);
    }

    #[test]
    fn a_browser_that_is_silent_or_gone_or_says_no_is_told_apart() {
        let (mut wire, mut theirs) = pair();
        assert_eq!(wire.call(None, Method::Targets, &json!({}), Instant::now() + SOON), Err(Silence::Late));
        theirs.write_all(b"{\"id\":2,\"error\":{\"code\":-32000,\"message\":\"no\"}}\0").expect("written");
        assert_eq!(wire.call(None, Method::Targets, &json!({}), Instant::now() + LONG), Err(Silence::Refused));
        theirs.write_all(b"nonsense\0").expect("written");
        assert_eq!(wire.call(None, Method::Targets, &json!({}), Instant::now() + LONG), Err(Silence::Gone));
        drop(theirs);
        assert_eq!(wire.call(None, Method::Targets, &json!({}), Instant::now() + LONG), Err(Silence::Gone));
    }

    #[test]
    fn nothing_that_reads_cookies_requests_or_keys_can_be_called() {
        use Method::{Attach, Close, Evaluate, FrameTree, IsolatedWorld, Targets};
        for method in [Close, Targets, Attach, FrameTree, IsolatedWorld, Evaluate] {
            let domain = method.name().split('.').next().unwrap_or_default();
            assert!(["Browser", "Target", "Page", "Runtime"].contains(&domain), "{}", method.name());
            assert!(!method.name().contains("Cookie") && !method.name().ends_with("enable"), "{}", method.name());
        }
    }
}
