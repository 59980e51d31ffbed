//! Standard input, as Claude Code or anybody else feeds it to a statusline. Owns how much of it is read, and for how
//! long.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};

/// More cannot be right: Claude Code tells some kilobytes.
pub const BYTES_MAX: usize = 1024 * 1024;
/// How long is waited for the whole of it.
pub const PATIENCE: Duration = Duration::from_secs(1);
const CHUNK: usize = 16 * 1024;

/// What was read.
#[derive(Debug, Default)]
pub struct Input {
    pub bytes: Vec<u8>,
    /// The end was seen.
    pub whole: bool,
}

/// Reads standard input to its end, to [`BYTES_MAX`] or until [`PATIENCE`] is over. What cannot be read is as if it had
/// ended.
pub fn of_stdin() -> Input {
    from(&io::stdin(), PATIENCE)
}

fn from(source: &impl AsFd, patience: Duration) -> Input {
    let until = Instant::now() + patience;
    let mut input = Input { bytes: Vec::with_capacity(CHUNK), whole: false };
    let mut chunk = [0; CHUNK];
    while input.bytes.len() <= BYTES_MAX && is_ready(source, until) {
        match read(source, &mut chunk) {
            Ok(0) => {
                input.whole = true;
                break;
            }
            Ok(bytes) => input.bytes.extend_from_slice(&chunk[..bytes]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => {
                tracing::debug!(%error, "cannot read standard input");
                break;
            }
        }
    }
    input
}

/// Waits for something to read. `false`: time is over.
fn is_ready(source: &impl AsFd, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(left) = Timespec::try_from(left) else { return false };
        match poll(&mut [PollFd::new(source, PollFlags::IN)], Some(&left)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(Errno::INTR) => {}
            // What cannot be waited for is read at once.
            Err(_) => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn everything_is_read_to_its_end() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(b"{\"a\":1}").expect("written");
        drop(writer);
        let input = from(&reader, PATIENCE);
        assert_eq!((input.bytes.as_slice(), input.whole), (&b"{\"a\":1}"[..], true));
    }

    #[test]
    fn an_input_that_never_ends_is_not_waited_for() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(b"{").expect("written");
        let begun = Instant::now();
        let input = from(&reader, Duration::from_millis(50));
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert_eq!((input.bytes.as_slice(), input.whole), (&b"{"[..], false));
        drop(writer);
    }

    #[test]
    fn a_huge_input_is_left_unread() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        let feeding = std::thread::spawn(move || writer.write_all(&vec![b' '; 3 * BYTES_MAX]));
        let input = from(&reader, Duration::from_secs(30));
        assert!(input.bytes.len() > BYTES_MAX && input.bytes.len() <= BYTES_MAX + CHUNK, "{}", input.bytes.len());
        assert!(!input.whole);
        drop(reader);
        assert!(feeding.join().expect("no panic").is_err(), "the rest found nobody to read it");
    }
}
