//! Who holds a lock: one process, named so that it can be told from every other, and whether it is dead. Owns what is
//! asked of the system for that; leaves what follows from a death to `notes` and `owner`.
//!
//! All of it comes from `/proc`, so only Linux has an answer. On macOS nobody is ever proven dead, and every lock is
//! waited for: what Claude Code's `procStart` means there is unknown (`docs/observed.md` §13), and the `security` tool
//! that a dead Signalbox had started may still be about to write.

use std::io::ErrorKind;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// A process on one machine, since one start of that machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    /// When it was started: field 22 of `/proc/<pid>/stat`, as in Claude Code's `procStart` (`docs/observed.md` §9).
    pub started: String,
    /// Where the number means something: machine, its start, and the namespace of process numbers. Two holders of
    /// different places say nothing about each other.
    pub place: String,
}

impl Holder {
    /// This process; `None` where the system does not say enough.
    pub fn this() -> Option<&'static Self> {
        static THIS: OnceLock<Option<Holder>> = OnceLock::new();
        let look = || {
            let pid = std::process::id();
            Some(Self { pid, started: started(pid)?, place: place()? })
        };
        THIS.get_or_init(look).as_ref()
    }

    /// Whether it is certainly dead. A holder of another place never is: nobody here can tell.
    pub fn is_dead(&self) -> bool {
        if place().is_none_or(|here| here != self.place) {
            return false;
        }
        match stat(self.pid) {
            // A zombie does nothing any more, and another start is another process.
            Ok(stat) => {
                fields(&stat).is_some_and(|(state, started)| matches!(state, "Z" | "X") || started != self.started)
            }
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }
}

/// The name of this machine on the network.
pub fn host() -> Option<String> {
    Some(std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned())
}

/// The namespace of process numbers, as `pid:[4026531836]`.
pub fn namespace() -> Option<String> {
    Some(std::fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned())
}

/// Where the numbers of processes mean something: machine, its start, and their namespace. The start of the machine
/// tells apart two that were copied from one image, too.
pub fn place() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("{} {} {}", host()?, boot.trim(), namespace()?))
}

fn started(pid: u32) -> Option<String> {
    fields(&stat(pid).ok()?).map(|(_, started)| started.to_owned())
}

fn stat(pid: u32) -> std::io::Result<String> {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
}

/// State and start (fields 3 and 22) of a line of `/proc/<pid>/stat`. The name before them may hold spaces and
/// brackets.
fn fields(stat: &str) -> Option<(&str, &str)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?, fields.nth(18)?))
}

#[cfg(all(test, target_os = "linux"))]
pub(super) mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// A process that has died and was reaped.
    pub fn dead() -> Holder {
        let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().expect("started");
        let pid = child.id();
        let holder = Holder { pid, started: started(pid).expect("it runs"), ..Holder::this().expect("known").clone() };
        assert!(!holder.is_dead(), "it runs");
        child.kill().and_then(|()| child.wait()).expect("killed");
        holder
    }

    #[test]
    fn this_process_lives_and_one_that_was_reaped_does_not() {
        assert!(!Holder::this().expect("known").is_dead());
        assert!(dead().is_dead());
    }

    #[test]
    fn nobody_is_known_to_be_dead_at_another_place() {
        for place in ["", "elsewhere", "elsewhere 0 pid:[1]"] {
            assert!(!Holder { place: place.to_owned(), ..dead() }.is_dead(), "{place}");
        }
    }

    #[test]
    fn a_number_that_another_process_has_now_and_a_zombie_count_as_dead() {
        let this = Holder::this().expect("known");
        assert!(Holder { started: "1".to_owned(), ..this.clone() }.is_dead());
        let mut child = Command::new("true").spawn().expect("started");
        let zombie = Holder { pid: child.id(), started: started(child.id()).expect("it runs"), ..this.clone() };
        while started(zombie.pid).is_some() && !zombie.is_dead() {
            std::thread::yield_now();
        }
        assert!(zombie.is_dead());
        child.wait().expect("reaped");
    }

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_confuse_the_fields() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 1212902 9 9";
        assert_eq!(fields(stat), Some(("S", "1212902")));
    }
}
