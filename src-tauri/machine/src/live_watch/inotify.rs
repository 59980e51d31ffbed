//! The file watch: inotify on the two *folders*, because both files are replaced by renames. Owns arming it, also
//! where a folder does not exist yet or is taken away and made anew, and gathering what happens within a moment into
//! one word.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::{PipeReader, PipeWriter};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;

use super::Changed;
use crate::surroundings::Surroundings;

/// What happens within this of the first event is one change.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// How soon a watch that could not be armed is tried again.
const RETRY: Duration = Duration::from_secs(60);
/// Room for some dozens of events; what does not fit is read the next time.
const EVENT_BYTES: usize = 4096;

/// Starts the thread. It ends when what is given back is dropped.
pub(super) fn start(
    surroundings: Surroundings,
    tell: impl Fn(Changed) + Send + 'static,
) -> std::io::Result<PipeWriter> {
    let (end, alive) = std::io::pipe()?;
    // The first arming is done here, so that nothing is missed between the start and the first event.
    let armed = Armed::new(&surroundings);
    let thread = Thread { surroundings, tell, end };
    std::thread::Builder::new().name("live-watch".to_owned()).spawn(move || thread.run(armed))?;
    Ok(alive)
}

struct Thread<T> {
    surroundings: Surroundings,
    tell: T,
    end: PipeReader,
}

impl<T: Fn(Changed)> Thread<T> {
    fn run(self, first: Result<Armed, Errno>) {
        let mut said = false;
        let mut armed = first;
        loop {
            let rearm_after = match armed {
                Ok(armed) => {
                    said = false;
                    match self.watch(&armed) {
                        Flow::Rearm => DEBOUNCE,
                        Flow::End => return,
                    }
                }
                Err(error) => {
                    if !said {
                        let limit = matches!(error, Errno::MFILE | Errno::NOSPC);
                        let hint = if limit { "; `sysctl fs.inotify` shows the system's limits" } else { "" };
                        tracing::warn!(
                            %error,
                            "cannot watch Claude Code's files, so they are compared every few seconds{hint}"
                        );
                        said = true;
                    }
                    RETRY
                }
            };
            if self.ends_within(rearm_after) {
                return;
            }
            armed = Armed::new(&self.surroundings);
            // Whatever happened while nobody watched.
            (self.tell)(Changed::Login);
            (self.tell)(Changed::Account);
        }
    }

    /// Whether this thread is to end, asked for as long as `wait`.
    fn ends_within(&self, wait: Duration) -> bool {
        let mut fds = [PollFd::new(&self.end, PollFlags::IN)];
        let deadline = Instant::now() + wait;
        loop {
            match poll(&mut fds, Some(&timespec(deadline.saturating_duration_since(Instant::now())))) {
                Ok(ready) => return ready > 0,
                Err(Errno::INTR) => {}
                Err(_) => return true,
            }
        }
    }

    /// Until the watch has to be armed anew, or to end.
    fn watch(&self, armed: &Armed) -> Flow {
        let mut pending = Pending::default();
        loop {
            let wait = pending.due_in(Instant::now()).map(timespec);
            let mut fds = [PollFd::new(&self.end, PollFlags::IN), PollFd::new(&armed.fd, PollFlags::IN)];
            match poll(&mut fds, wait.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return Flow::End,
            }
            if !fds[0].revents().is_empty() {
                return Flow::End;
            }
            let happened = armed.drain();
            if happened.rearm {
                return Flow::Rearm;
            }
            pending.add(&happened, Instant::now());
            for changed in pending.take_due(Instant::now()) {
                (self.tell)(changed);
            }
        }
    }
}

fn timespec(span: Duration) -> Timespec {
    // A span of ours is a minute at most. One more nanosecond than asked for, so that nobody wakes just too early.
    let span = span + Duration::from_nanos(1);
    Timespec { tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX), tv_nsec: span.subsec_nanos().into() }
}

enum Flow {
    Rearm,
    End,
}

/// What was seen and not yet told.
#[derive(Default)]
struct Pending {
    since: Option<Instant>,
    login: bool,
    account: bool,
}

impl Pending {
    fn add(&mut self, happened: &Happened, now: Instant) {
        self.login |= happened.login;
        self.account |= happened.account;
        if self.login || self.account {
            self.since.get_or_insert(now);
        }
    }

    fn due_in(&self, now: Instant) -> Option<Duration> {
        self.since.map(|since| (since + DEBOUNCE).saturating_duration_since(now))
    }

    fn take_due(&mut self, now: Instant) -> Vec<Changed> {
        if self.since.is_none_or(|since| now < since + DEBOUNCE) {
            return Vec::new();
        }
        let all = [(self.login, Changed::Login), (self.account, Changed::Account)];
        *self = Self::default();
        all.into_iter().filter(|(seen, _)| *seen).map(|(_, changed)| changed).collect()
    }
}

#[derive(Default)]
struct Happened {
    login: bool,
    account: bool,
    rearm: bool,
}

/// What a name in a watched folder means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Changed(Changed),
    /// A folder on the way to a file came to be.
    Way,
}

/// Watches on the folders, or on the nearest ones that exist.
struct Armed {
    fd: OwnedFd,
    meanings: HashMap<i32, Vec<(OsString, Meaning)>>,
}

impl Armed {
    fn new(surroundings: &Surroundings) -> Result<Self, Errno> {
        loop {
            let fd = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            let mut armed = Self { fd, meanings: HashMap::new() };
            let login = WatchFlags::CREATE | WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::DELETE;
            let account = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO;
            let ways = [
                armed.follow(&surroundings.credentials_file(), login, Changed::Login)?,
                armed.follow(&surroundings.account_file(), account, Changed::Account)?,
            ];
            // A folder that came to be while we looked is not waited for.
            if !ways.into_iter().flatten().any(|way| way.is_dir()) {
                return Ok(armed);
            }
        }
    }

    /// Watches the folder of `file`; where there is none, the nearest one above it for the next step of the way,
    /// which is given back.
    fn follow(&mut self, file: &Path, flags: WatchFlags, changed: Changed) -> Result<Option<PathBuf>, Errno> {
        // The same folder is one watch, which then has to tell of both files.
        const ALWAYS: WatchFlags =
            WatchFlags::MASK_ADD.union(WatchFlags::ONLYDIR).union(WatchFlags::DELETE_SELF).union(WatchFlags::MOVE_SELF);
        let (mut wanted, mut flags, mut meaning) = (file.to_owned(), flags, Meaning::Changed(changed));
        while let (Some(folder), Some(name)) = (wanted.parent(), wanted.file_name()) {
            match add_watch(&self.fd, folder, flags | ALWAYS) {
                Ok(watch) => {
                    self.meanings.entry(watch).or_default().push((name.to_owned(), meaning));
                    return Ok((meaning == Meaning::Way).then_some(wanted));
                }
                Err(Errno::NOENT | Errno::NOTDIR) => {
                    (flags, meaning) = (WatchFlags::CREATE | WatchFlags::MOVED_TO, Meaning::Way);
                    wanted = folder.to_owned();
                }
                Err(error) => return Err(error),
            }
        }
        Err(Errno::NOENT)
    }

    /// Everything that has happened.
    fn drain(&self) -> Happened {
        let mut happened = Happened::default();
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut reader = Reader::new(&self.fd, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(Errno::WOULDBLOCK) => return happened,
                Err(_) => return Happened { rearm: true, ..happened },
            };
            // The folder is gone or elsewhere, or there was too much to keep: begin again.
            let lost = ReadFlags::IGNORED
                | ReadFlags::DELETE_SELF
                | ReadFlags::MOVE_SELF
                | ReadFlags::UNMOUNT
                | ReadFlags::QUEUE_OVERFLOW;
            happened.rearm |= event.events().intersects(lost);
            let name = OsStr::from_bytes(event.file_name().map_or(b"", |name| name.to_bytes()));
            for (wanted, meaning) in self.meanings.get(&event.wd()).into_iter().flatten() {
                if wanted == name {
                    match meaning {
                        Meaning::Changed(Changed::Login) => happened.login = true,
                        Meaning::Changed(Changed::Account) => happened.account = true,
                        Meaning::Way => happened.rearm = true,
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
