//! The system calls of a program, as `strace` saw them: how many of which, and which of them changed a file or reached for the
//! network. Owns running `strace` and reading what it wrote; what is allowed is up to the figures.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use signalbox_tests::process::Running;

/// Calls that change what is on a disk, whatever they are called with.
const CHANGES: [&str; 26] = [
    "chmod",
    "chown",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fdatasync",
    "fsync",
    "ftruncate",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "symlink",
    "symlinkat",
    "sync",
    "syncfs",
    "truncate",
    "unlink",
    "unlinkat",
    "utimensat",
];
/// Calls that change a file if it is one that they are given.
const WRITES: [&str; 6] = ["pwrite64", "pwritev", "pwritev2", "write", "writev", "copy_file_range"];
const NETWORK: [&str; 6] = ["accept4", "bind", "connect", "sendmmsg", "sendmsg", "sendto"];

/// What was seen.
#[derive(Debug, Default)]
pub struct Trace {
    calls: BTreeMap<String, usize>,
    /// The lines of those that changed a file or made one.
    pub changes: Vec<String>,
    /// The lines of those that reached for the network.
    pub network: Vec<String>,
}

/// Traces a command from start to end. What counts are the calls between the first looks at the two places, which the
/// program looks at to say so.
pub fn whole(command: &Command, log: &Path, (from, to): (&str, &str)) -> Result<Trace> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-o"]).arg(log).arg(command.get_program()).args(command.get_args()).env_clear();
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let status = strace.stdout(Stdio::null()).status().context("Cannot run strace (`make install-deps` brings it)")?;
    if !status.success() {
        bail!("{command:?} failed under strace");
    }
    let text = std::fs::read_to_string(log)?;
    let (_, rest) = text.split_once(from).context("the traced program did not say where it begins")?;
    let (between, _) = rest.split_once(to).context("the traced program did not say where it ends")?;
    // The line that names the first place goes on, and the one that names the second has begun.
    let lines = between.lines().skip(1);
    let count = lines.clone().count().saturating_sub(1);
    Ok(Trace::read(lines.take(count)))
}

/// Watches a running process for a while.
pub fn of_process(pid: u32, span: Duration, log: &Path) -> Result<Trace> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-p", &pid.to_string(), "-o"]).arg(log);
    let running = Running::start(strace.stderr(Stdio::null()))?;
    std::thread::sleep(span);
    interrupt(running)?;
    Ok(Trace::read(std::fs::read_to_string(log)?.lines()))
}

/// Ends `strace` so that it lets go of what it watches and writes its last lines.
fn interrupt(mut strace: Running) -> Result<()> {
    let pid = i32::try_from(strace.pid()).ok().and_then(rustix::process::Pid::from_raw).context("no process number")?;
    if strace.ended().is_some() {
        bail!("strace could not watch the process: it is not allowed to here");
    }
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    strace.child().wait()?;
    Ok(())
}

impl Trace {
    fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut trace = Self::default();
        for line in lines {
            // `4711 openat(AT_FDCWD, "…", …) = 3`; the end of a call that another thread interrupted has no name.
            let (_, call) = line.trim_start().split_once(' ').unwrap_or(("", line));
            let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                continue;
            }
            *trace.calls.entry(name.to_owned()).or_default() += 1;
            let makes = name.starts_with("open") && arguments.contains("O_TRUNC");
            let writes_file = WRITES.contains(&name) && is_file(arguments);
            if CHANGES.contains(&name) || makes || writes_file {
                trace.changes.push(line.to_owned());
            } else if NETWORK.contains(&name) {
                trace.network.push(line.to_owned());
            }
        }
        trace
    }

    /// All calls together.
    pub fn total(&self) -> usize {
        self.calls.values().sum()
    }

    /// "openat 6, read 9, …".
    pub fn words(&self) -> String {
        let all: Vec<String> = self.calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
        all.join(", ")
    }
}

/// Whether the first argument, `5</home/…>` by strace's `-y`, is a file; a pipe or an event counter is not.
fn is_file(arguments: &str) -> bool {
    let first = arguments.split(',').next().unwrap_or_default();
    first.split_once('<').is_some_and(|(_, place)| place.starts_with('/') && !place.starts_with("/dev/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_a_file_or_asks_the_network_is_told_from_the_rest() {
        let lines = [
            r#"71 openat(AT_FDCWD</home>, "/home/roster.json", O_RDONLY|O_CLOEXEC) = 3</home/roster.json>"#,
            r#"71 write(4<anon_inode:[eventfd]>, "\1\0\0\0\0\0\0\0", 8) = 8"#,
            r#"72 write(5</home/usage.db>, "x", 1) = 1"#,
            r#"72 rename("/home/a", "/home/b") = 0"#,
            r#"72 <... futex resumed>) = 0"#,
            r#"72 connect(6<socket:[1]>, {sa_family=AF_INET}, 16) = 0"#,
            r#"72 openat(AT_FDCWD</home>, "x", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</home/x>"#,
        ];
        let trace = Trace::read(lines.into_iter());
        assert_eq!((trace.total(), trace.changes.len(), trace.network.len()), (6, 3, 1));
        assert_eq!(trace.words(), "connect 1, openat 2, rename 1, write 2");
    }
}
