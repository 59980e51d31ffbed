//! Whether a process lives, and whether it still is the one that left a record: numbers are used again. Owns asking the
//! system; leaves what a record says to its callers.

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use signalbox_core::time::Timestamp;

/// A process may seem to have begun this much after its own record, in milliseconds: clocks are read in another order.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const SLACK_MS: i64 = 2_000;

/// Whether there is a process of this number. One that belongs to somebody else counts.
pub fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

/// Whether the process of this number is still the one that was recorded. `proc_start` is the record's own word
/// (`docs/observed.md` §9), `started_at` the moment at which it was made. What cannot be found out counts as yes:
/// nobody may take a living session for a dead one.
pub fn is_still(pid: u32, proc_start: Option<&str>, started_at: Option<Timestamp>) -> bool {
    exists(pid) && !platform::is_another(pid, proc_start, started_at)
}

/// When a process was started, in the system's own words, which no change of the clock alters (`docs/observed.md` §9);
/// `None` where it cannot be told.
pub fn start_of(pid: u32) -> Option<String> {
    platform::start_of(pid)
}

#[cfg(target_os = "linux")]
mod platform {
    use rustix::time::{ClockId, clock_gettime};
    use signalbox_core::ports::Clock as _;
    use signalbox_core::time::Timestamp;

    use super::SLACK_MS;
    use crate::clock::SystemClock;

    /// Certainly not the recorded one: it is dead and only waits to be buried, or it began at another time.
    pub fn is_another(pid: u32, proc_start: Option<&str>, started_at: Option<Timestamp>) -> bool {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        let Some((state, ticks)) = state_and_start(&stat) else { return false };
        if matches!(state, "Z" | "X") {
            return true;
        }
        match (proc_start, started_at) {
            (Some(recorded), _) => recorded != ticks,
            (None, Some(recorded)) => began(ticks).is_some_and(|at| at.since(recorded) > SLACK_MS),
            (None, None) => false,
        }
    }

    pub fn start_of(pid: u32) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(state_and_start(&stat)?.1.to_owned())
    }

    /// Fields 3 and 22 of `/proc/<pid>/stat`. The second field is the program's name and may hold anything, blanks and
    /// brackets too, so counting begins behind its last bracket.
    pub fn state_and_start(stat: &str) -> Option<(&str, &str)> {
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
        Some((fields.next()?, fields.nth(18)?))
    }

    /// When a process began that says so in clock ticks since the machine did.
    fn began(ticks: &str) -> Option<Timestamp> {
        let ticks: u64 = ticks.parse().ok()?;
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let after_boot = i64::try_from(ticks.saturating_mul(1_000) / per_second).ok()?;
        let up = clock_gettime(ClockId::Boottime);
        let up = up.tv_sec.checked_mul(1_000)?.checked_add(up.tv_nsec / 1_000_000)?;
        Some(SystemClock.now().plus(after_boot.checked_sub(up)?))
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use signalbox_core::time::Timestamp;
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

    use super::SLACK_MS;

    /// The kernel's date of it is compared with that of the record instead.
    pub fn start_of(_pid: u32) -> Option<String> {
        None
    }

    /// Certainly not the recorded one: it began after the record was made. What `procStart` means here is unknown
    /// (`docs/claude-code.md` §K), so it is not looked at.
    pub fn is_another(pid: u32, _proc_start: Option<&str>, started_at: Option<Timestamp>) -> bool {
        let Some(recorded) = started_at else { return false };
        let pid = Pid::from_u32(pid);
        let mut system = System::new();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
        let Some(process) = system.process(pid) else { return false };
        let Ok(seconds) = i64::try_from(process.start_time()) else { return false };
        // A process of somebody else may not tell; then it says 1970.
        seconds > 0 && Timestamp::from_ms(seconds.saturating_mul(1_000)).since(recorded) > SLACK_MS
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod platform {
    use signalbox_core::time::Timestamp;

    /// Unknown here.
    pub fn start_of(_pid: u32) -> Option<String> {
        None
    }

    /// Unknown here.
    pub fn is_another(_pid: u32, _proc_start: Option<&str>, _started_at: Option<Timestamp>) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use signalbox_core::ports::Clock as _;
    use signalbox_core::time::SECOND;

    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn counting_fields_begins_behind_a_name_with_brackets() {
        let stat = "7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 424242 20 21";
        assert_eq!(platform::state_and_start(stat), Some(("S", "424242")));
        assert_eq!(platform::state_and_start("7 (cut) S 1 2"), None);
    }

    #[test]
    fn this_process_is_the_one_that_it_says_it_is_and_no_other() {
        let pid = std::process::id();
        let start = start_of(pid).expect("it runs");
        let now = SystemClock.now();
        assert!(is_still(pid, Some(&start), None));
        assert!(!is_still(pid, Some("1"), Some(now)), "its own word decides");
        assert!(is_still(pid, None, Some(now)), "it began before now");
        assert!(!is_still(pid, None, Some(now.plus(-30 * 24 * 3_600 * SECOND))), "it did not run last month");
        assert!(is_still(pid, None, None), "what nobody can tell counts");
    }

    #[test]
    fn the_beginning_is_told_to_within_two_seconds() {
        let before = SystemClock.now();
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().expect("sleep");
        let pid = child.id();
        assert!(is_still(pid, None, Some(before)));
        assert!(!is_still(pid, None, Some(before.plus(-4 * SECOND))));
        child.kill().expect("killed");
        // Dead, and not waited for yet: a process in the table, but no session.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while is_still(pid, None, None) {
            assert!(std::time::Instant::now() < deadline, "a dead process still counts");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child.wait().expect("an end");
        assert!(!exists(pid));
    }

    #[test]
    fn a_process_of_somebody_else_exists() {
        assert!(exists(1));
        assert!(!exists(0) && !exists(u32::MAX));
    }
}
