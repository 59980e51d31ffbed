//! A person's own statusline command, run as Claude Code would run it. Owns its input, its output and its end; leaves
//! where its output stands to the caller. One mark is added to its environment, so that a command which calls us again gets our line alone.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::input::Input;

/// Set in the environment of a wrapped command.
pub const INSIDE: &str = "SIGNALBOX_STATUSLINE_INSIDE";
/// A command that takes longer is stopped. Claude Code itself waits for nobody who is slow.
pub const LIMIT: Duration = Duration::from_secs(2);
/// A line or two are shown; more than this is not even read.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Runs `command` with what came on standard input, and gives what it printed until it ended or `limit` was over.
/// Nothing, where it cannot be started.
pub fn output(command: &str, input: Input, limit: Duration) -> Vec<u8> {
    let until = Instant::now() + limit;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).env(INSIDE, "1");
    let mut child = match shell.spawn() {
        Ok(child) => child,
        Err(error) => {
            tracing::debug!(%error, "cannot run the wrapped statusline command");
            return Vec::new();
        }
    };
    feed(&mut child, input);
    let mut output = Vec::new();
    if let Some(chunks) = chunks(&mut child) {
        loop {
            match chunks.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(chunk) if output.len() < OUTPUT_BYTES_MAX => output.extend(chunk),
                Err(RecvTimeoutError::Disconnected) => {
                    // It closes its output a moment before it ends, and what it left running is its own affair.
                    while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    break;
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => break,
            }
        }
    }
    end(&mut child);
    output.truncate(OUTPUT_BYTES_MAX);
    output
}

/// Writes its input from a thread of its own: it may print before it reads, or never read at all.
fn feed(child: &mut Child, input: Input) {
    let Some(mut pipe) = child.stdin.take() else { return };
    std::thread::spawn(move || {
        let written = pipe.write_all(&input.bytes);
        if written.is_ok() && !input.whole {
            let _ = io::copy(&mut io::stdin(), &mut pipe);
        }
    });
}

fn chunks(child: &mut Child) -> Option<Receiver<Vec<u8>>> {
    let mut pipe = child.stdout.take()?;
    let (chunks, received) = channel();
    std::thread::spawn(move || {
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(bytes @ 1..) = pipe.read(&mut chunk) {
            if chunks.send(chunk[..bytes].to_vec()).is_err() {
                break;
            }
        }
    });
    Some(received)
}

/// Whatever it started ends with it.
fn end(child: &mut Child) {
    if !matches!(child.try_wait(), Ok(Some(_)))
        && let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
    {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(command: &str, input: &[u8], limit: Duration) -> String {
        let input = Input { bytes: input.to_vec(), whole: true };
        String::from_utf8(output(command, input, limit)).expect("text")
    }

    #[test]
    fn a_command_gets_the_input_and_its_output_comes_back() {
        assert_eq!(ran("cat; printf ' %s' \"$((1 + 1))\"", b"told", Duration::from_secs(30)), "told 2");
    }

    #[test]
    fn one_that_fails_or_reads_nothing_is_no_trouble() {
        let much = vec![b'x'; 200_000];
        assert_eq!(ran("echo some; exit 3", &much, Duration::from_secs(30)), "some\n");
        assert_eq!(ran("/nowhere/at-all 2>/dev/null", b"", Duration::from_secs(30)), "");
    }

    #[test]
    fn one_that_hangs_is_stopped_and_what_it_printed_counts() {
        let begun = Instant::now();
        assert_eq!(ran("echo early; sleep 60; echo late", b"", Duration::from_millis(300)), "early\n");
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }

    #[test]
    fn what_a_command_leaves_running_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let late = folder.path().join("late");
        let command = format!("(sleep 0.3; touch '{}') >/dev/null 2>&1 & echo line", late.display());
        for _ in 0..20 {
            assert_eq!(ran(&command, b"", Duration::from_secs(30)), "line\n");
        }
        let begun = Instant::now();
        while !late.exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it was stopped with the command");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn one_that_prints_without_end_is_cut() {
        assert_eq!(ran("yes", b"", Duration::from_secs(30)).len(), OUTPUT_BYTES_MAX);
    }
}
