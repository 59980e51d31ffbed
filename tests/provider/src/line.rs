//! A loopback listener whose connections can be cut on command: at once, or in the middle of a body. Owns bytes on a
//! socket and nothing else; which request deserves a cut is decided in `routes.rs`.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const HEAD_END: &[u8] = b"\r\n\r\n";

#[derive(Debug, Clone, Copy)]
enum Cut {
    Open,
    /// No further byte goes out.
    Now,
    /// The head goes out, then `left` bytes of the body. `matched` counts how much of [`HEAD_END`] was seen.
    InBody {
        matched: usize,
        left: usize,
    },
}

/// A handle on one connection, for cutting it.
#[derive(Debug, Clone)]
pub struct Line {
    cut: Arc<Mutex<Cut>>,
}

impl Line {
    fn new() -> Self {
        Self { cut: Arc::new(Mutex::new(Cut::Open)) }
    }

    /// Sends nothing more: the caller sees the connection close without an answer.
    pub fn cut(&self) {
        self.set(Cut::Now);
    }

    /// Sends the next head and `bytes` of its body, then closes.
    pub fn cut_in_body(&self, bytes: usize) {
        self.set(Cut::InBody { matched: 0, left: bytes });
    }

    fn set(&self, cut: Cut) {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    /// How many of these bytes may still go out.
    fn allowed(&self, bytes: &[u8]) -> usize {
        let mut cut = *self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.iter().take_while(|byte| pass(&mut cut, **byte)).count()
    }

    /// Notes that these bytes went out.
    fn sent(&self, bytes: &[u8]) {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            pass(&mut cut, *byte);
        }
    }
}

/// Whether `byte` may pass; moves the state on if so.
fn pass(cut: &mut Cut, byte: u8) -> bool {
    match cut {
        Cut::Open => true,
        Cut::Now => false,
        Cut::InBody { matched, left } if *matched == HEAD_END.len() => {
            let may = *left > 0;
            *left = left.saturating_sub(1);
            may
        }
        Cut::InBody { matched, .. } => {
            *matched = match byte {
                _ if byte == HEAD_END[*matched] => *matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            true
        }
    }
}

/// A TCP connection with its [`Line`].
#[derive(Debug)]
pub struct CutStream {
    inner: TcpStream,
    line: Line,
}

impl AsyncRead for CutStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let allowed = self.line.allowed(buf);
        if allowed == 0 && !buf.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, &buf[..allowed]);
        if let Poll::Ready(Ok(count)) = &written {
            self.line.sent(&buf[..*count]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A TCP listener that hands out [`CutStream`]s.
#[derive(Debug)]
pub struct CutListener(pub TcpListener);

impl Listener for CutListener {
    type Io = CutStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CutStream, SocketAddr) {
        let (inner, from) = Listener::accept(&mut self.0).await;
        // Small answers at once: a client's timing must not depend on Nagle's algorithm. Without it they only come later.
        let _ = inner.set_nodelay(true);
        (CutStream { inner, line: Line::new() }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, CutListener>> for Line {
    fn connect_info(stream: IncomingStream<'_, CutListener>) -> Self {
        stream.io().line.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_line_lets_everything_pass_and_a_cut_one_nothing() {
        let line = Line::new();
        assert_eq!(line.allowed(b"HTTP/1.1 200 OK"), 15);
        line.cut();
        assert_eq!(line.allowed(b"HTTP/1.1 200 OK"), 0);
    }

    #[test]
    fn a_cut_in_the_body_counts_after_the_head_even_across_writes() {
        let line = Line::new();
        line.cut_in_body(3);
        let first = b"HTTP/1.1 200 OK\r\nx: y\r\n\r";
        assert_eq!(line.allowed(first), first.len());
        line.sent(first);
        assert_eq!(line.allowed(b"\nabcdef"), 4);
        line.sent(b"\nabc");
        assert_eq!(line.allowed(b"def"), 0);
    }
}
