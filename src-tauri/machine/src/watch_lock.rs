//! One warden at a time: `flock` on `watch.lock` in the data folder. Owns who keeps the watch, and finding out who
//! does; the kernel frees the lock when the holder dies. Leaves what a second one may still do to the warden.
//!
//! Trying in vain writes nothing, so a guest may try at every tick. The file is never removed, because then two
//! programs could each hold the lock on a file of that name.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use signalbox_core::ports::StoreError;

use crate::data_folder::DataFolder;
use crate::durable;

/// The longest holder line that is read, in bytes.
const HOLDER_BYTES_MAX: u64 = 120;

/// The watch, held or wanted by this program. It is given up on drop.
#[derive(Debug)]
pub struct WatchLock {
    data: DataFolder,
    who: &'static str,
    held: Option<File>,
}

/// Who keeps the watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watch {
    Ours,
    /// Another program: "the app (pid 4711)".
    Others {
        holder: String,
    },
}

impl WatchLock {
    /// `who`: this program as it is named to others: "the app", "`signalbox watch`".
    pub fn new(data: DataFolder, who: &'static str) -> Self {
        Self { data, who, held: None }
    }

    /// Takes the watch if nobody keeps it. Once taken it stays ours, and asking again costs nothing.
    pub fn take(&mut self) -> Result<Watch, StoreError> {
        if self.held.is_some() {
            return Ok(Watch::Ours);
        }
        self.data.ensure()?;
        let path = self.data.watch_lock_file();
        let mut file = open(&path)?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Ok(Watch::Others { holder: holder(&file) }),
                Err(error) => return Err(unwritable(&path, &error.into())),
            }
        }
        // The line is a courtesy to whoever comes second: on a full disk the lock holds without it.
        let signed = file.set_len(0).and_then(|()| writeln!(file, "pid {}, {}", std::process::id(), self.who));
        if let Err(error) = signed {
            tracing::debug!(%error, "the lock does not say who keeps the watch");
        }
        self.held = Some(file);
        Ok(Watch::Ours)
    }

    /// For the warden: who else keeps the watch, `None` once it is ours. Where that cannot be found out it is ours as
    /// well, because two wardens only do some work twice.
    pub fn into_question(mut self) -> Box<dyn FnMut() -> Option<String> + Send> {
        Box::new(move || match self.take() {
            Ok(Watch::Ours) => None,
            Ok(Watch::Others { holder }) => Some(holder),
            Err(error) => {
                tracing::warn!(%error, "nobody can tell whether another Signalbox keeps the watch");
                None
            }
        })
    }
}

/// Who keeps the watch right now, if anybody does. Takes no lock that lasts, writes nothing and makes nothing.
pub fn keeper(data: &DataFolder) -> Option<String> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    let file = options.open(data.watch_lock_file()).ok()?;
    // Two who ask at once do not take each other for the keeper.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(Errno::WOULDBLOCK) => Some(holder(&file)),
        _ => None,
    }
}

impl Drop for WatchLock {
    fn drop(&mut self) {
        if let Some(file) = &self.held {
            // An empty file tells whoever opens it in the next instant that the last holder is gone.
            let _ = file.set_len(0);
        }
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(durable::PRIVATE_FILE);
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    let file = options.open(path).map_err(|error| {
        if durable::is_link(path) { StoreError::Link { path: path.to_owned() } } else { unwritable(path, &error) }
    })?;
    let metadata = file.metadata().map_err(|error| unwritable(path, &error))?;
    durable::check_owner(path, &metadata)?;
    Ok(file)
}

fn unwritable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unwritable { path: PathBuf::from(path), why: durable::why(error) }
}

/// Who holds the lock, in words, as far as the file tells.
fn holder(file: &File) -> String {
    let mut line = Vec::new();
    let read = file.take(HOLDER_BYTES_MAX).read_to_end(&mut line);
    let line = String::from_utf8_lossy(&line);
    match line.trim_end().strip_prefix("pid ").and_then(|line| line.split_once(", ")) {
        Some((pid, who)) if read.is_ok() && pid.bytes().all(|byte| byte.is_ascii_digit()) => {
            let who: String = who.chars().filter(|c| !c.is_control()).collect();
            format!("{who} (pid {pid})")
        }
        _ => "another Signalbox".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(home: &tempfile::TempDir, who: &'static str) -> WatchLock {
        WatchLock::new(DataFolder::new(home.path().join("data")), who)
    }

    #[test]
    fn the_second_learns_who_keeps_the_watch_and_takes_it_over_when_the_first_is_gone() {
        let home = tempfile::tempdir().expect("a folder");
        let (mut first, mut second) = (lock(&home, "the app"), lock(&home, "`signalbox watch`"));
        assert_eq!(first.take(), Ok(Watch::Ours));
        let holder = format!("the app (pid {})", std::process::id());
        assert_eq!(second.take(), Ok(Watch::Others { holder }));
        assert_eq!(first.take(), Ok(Watch::Ours), "once taken it stays");
        drop(first);
        assert_eq!(second.take(), Ok(Watch::Ours));
    }

    #[test]
    fn trying_in_vain_changes_nothing_on_disk() {
        let home = tempfile::tempdir().expect("a folder");
        let (mut first, mut second) = (lock(&home, "the app"), lock(&home, "`signalbox watch`"));
        first.take().expect("taken");
        let path = home.path().join("data/watch.lock");
        let state = || {
            let metadata = path.metadata().expect("it exists");
            (std::fs::read_to_string(&path).expect("read"), metadata.modified().expect("a time"))
        };
        let before = state();
        assert_eq!(before.0, format!("pid {}, the app\n", std::process::id()));
        for _ in 0..3 {
            assert!(matches!(second.take(), Ok(Watch::Others { .. })));
        }
        assert_eq!(state(), before);
    }

    #[test]
    fn a_holder_that_says_nonsense_is_another_signalbox() {
        let home = tempfile::tempdir().expect("a folder");
        let (mut first, mut second) = (lock(&home, "the app"), lock(&home, "the app"));
        first.take().expect("taken");
        for line in ["", "pid x, the app\n", "\u{1b}[2J\n"] {
            std::fs::write(home.path().join("data/watch.lock"), line).expect("written");
            assert_eq!(second.take(), Ok(Watch::Others { holder: "another Signalbox".to_owned() }));
        }
    }

    #[test]
    fn asking_who_keeps_the_watch_takes_and_makes_nothing() {
        let home = tempfile::tempdir().expect("a folder");
        let data = DataFolder::new(home.path().join("data"));
        assert_eq!(keeper(&data), None);
        assert!(!home.path().join("data").exists());
        let mut first = lock(&home, "the app");
        first.take().expect("taken");
        let expected = format!("the app (pid {})", std::process::id());
        assert_eq!(keeper(&data), Some(expected.clone()));
        assert_eq!(keeper(&data), Some(expected), "asking again changes nothing");
        drop(first);
        assert_eq!(keeper(&data), None);
        assert_eq!(lock(&home, "`signalbox watch`").take(), Ok(Watch::Ours), "it is free for whoever wants it");
    }

    #[test]
    fn a_link_in_its_place_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(home.path().join("data")).expect("made");
        let path = home.path().join("data/watch.lock");
        std::os::unix::fs::symlink("/dev/null", &path).expect("linked");
        assert_eq!(lock(&home, "the app").take(), Err(StoreError::Link { path }));
    }
}
