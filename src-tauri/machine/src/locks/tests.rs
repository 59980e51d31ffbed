//! Tests of the locks, against the rules of `docs/claude-code.md` §E1 and `docs/observed.md` §3.

#[cfg(target_os = "linux")]
mod leftovers;

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use super::*;

/// Set for the copy of this program that holds a lock while a test looks on.
const HOLD: &str = "SIGNALBOX_TEST_HOLD_OWN_LOCK_IN";

const IMPATIENT: Patience = Patience {
    own_wait: Duration::from_millis(80),
    live: Terms {
        stale_after: LIVE_STALE_AFTER,
        watched_for: Duration::ZERO,
        wait: Duration::from_millis(80),
        step: Duration::from_millis(5),
    },
};

struct Place {
    home: tempfile::TempDir,
    locks: MachineLocks,
}

impl Place {
    fn with(patience: Patience) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let locks = MachineLocks::new(&at(home.path()), patience);
        Self { home, locks }
    }

    fn new() -> Self {
        Self::with(IMPATIENT)
    }

    fn refresh(&self) -> PathBuf {
        self.home.path().join(".claude/.oauth_refresh.lock")
    }

    fn legacy(&self) -> PathBuf {
        self.home.path().canonicalize().expect("a real path").join(".claude.lock")
    }

    fn live(&self) -> Result<LiveLock, LockError> {
        self.locks.live(&OwnLock::held(Box::new(())))
    }

    /// Puts a lock of somebody else there, last touched `age` ago.
    fn foreign(&self, path: &Path, age: Duration) {
        durable::make_folder(&self.home.path().join(".claude")).expect("made");
        std::fs::create_dir(path).expect("made");
        touch(path, SystemTime::now() - age);
    }
}

/// Surroundings whose data folder lies in the test's home on every platform.
fn at(home: &Path) -> Surroundings {
    Surroundings { data_dir: Some(home.join("data").into_os_string()), ..Surroundings::at_home(home) }
}

fn touch(path: &Path, at: SystemTime) {
    File::open(path).and_then(|folder| folder.set_modified(at)).expect("touched");
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().and_then(|metadata| metadata.modified()).expect("it is there")
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn both_locks_are_folders_while_held_and_gone_afterwards() {
    let place = Place::new();
    let held = place.live().expect("free");
    assert!(place.refresh().is_dir() && place.legacy().is_dir());
    assert!(modified(&place.refresh()) <= SystemTime::now(), "never from the future");
    assert!(matches!(place.live(), Err(LockError::ClaudeBusy { .. })));
    drop(held);
    assert!(!place.refresh().exists() && !place.legacy().exists());
    place.live().expect("free again");
}

#[test]
fn a_panic_releases_both_locks() {
    let place = Place::new();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _held = place.live().expect("free");
        std::panic::resume_unwind(Box::new("a bug"));
    }));
    assert!(outcome.is_err());
    assert!(!place.refresh().exists() && !place.legacy().exists());
}

#[test]
fn a_lock_is_taken_over_after_sixty_seconds_and_not_before() {
    for second in [false, true] {
        let place = Place::new();
        let path = if second { place.legacy() } else { place.refresh() };
        place.foreign(&path, 57 * SECOND);
        let touched = modified(&path);
        match place.live() {
            Err(LockError::ClaudeBusy { path: held, stale_at }) => {
                assert_eq!(held.file_name(), path.file_name());
                assert_eq!(stale_at, crate::clock::timestamp(touched + 60 * SECOND));
            }
            _ => panic!("{} is held", path.display()),
        }
        assert_eq!(modified(&path), touched, "it was left alone");
        assert!(
            path == place.refresh() || !place.refresh().exists(),
            "the first is given back when the second is held"
        );
        touch(&path, SystemTime::now() - 61 * SECOND);
        let held = place.live().expect("nobody keeps it alive");
        assert!(modified(&path) > SystemTime::now() - 10 * SECOND, "it has our time now");
        drop(held);
        assert!(!path.exists());
    }
}

#[test]
fn an_old_lock_that_is_touched_while_we_watch_is_not_taken_over() {
    let mut patience = IMPATIENT;
    patience.live.watched_for = Duration::from_millis(150);
    patience.live.wait = Duration::from_millis(600);
    let place = Place::with(patience);
    place.foreign(&place.refresh(), 3_600 * SECOND);
    // The machine woke up: the lock is an hour old, and its holder goes on touching it.
    let refused = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(60));
            touch(&place.refresh(), SystemTime::now());
        });
        place.live().map(|_| ())
    });
    assert!(matches!(refused, Err(LockError::ClaudeBusy { .. })), "{refused:?}");
    touch(&place.refresh(), SystemTime::now() - 3_600 * SECOND);
    let started = Instant::now();
    place.live().expect("nobody touches it any more");
    assert!(started.elapsed() >= patience.live.watched_for);
}

#[test]
fn a_lock_from_the_future_is_held() {
    let place = Place::new();
    place.foreign(&place.refresh(), Duration::ZERO);
    let future = SystemTime::now() + 7_200 * SECOND;
    touch(&place.refresh(), future);
    let Err(LockError::ClaudeBusy { stale_at, .. }) = place.live() else { panic!("it is held") };
    assert_eq!(stale_at, crate::clock::timestamp(future + 60 * SECOND));
    assert!(place.refresh().is_dir());
}

#[test]
fn a_file_or_a_link_in_the_place_of_a_lock_is_named_and_left() {
    for (second, link) in [(false, false), (true, false), (false, true), (true, true)] {
        let place = Place::new();
        durable::make_folder(&place.home.path().join(".claude")).expect("made");
        let path = if second { place.legacy() } else { place.refresh() };
        if link {
            std::os::unix::fs::symlink(place.home.path(), &path).expect("linked");
        } else {
            std::fs::write(&path, "").expect("written");
        }
        match place.live() {
            Err(LockError::NotADirectory { path: named }) => assert_eq!(named.file_name(), path.file_name()),
            _ => panic!("{} is no folder", path.display()),
        }
        assert!(path.symlink_metadata().is_ok(), "it is not ours to remove");
        assert!(!second || !place.refresh().exists(), "the first lock is given back");
    }
}

#[test]
fn a_lock_that_was_taken_over_is_not_released_by_its_former_holder() {
    let place = Place::new();
    let held = place.live().expect("free");
    std::fs::remove_dir(place.refresh()).expect("taken over");
    std::fs::create_dir(place.refresh()).expect("taken over");
    touch(&place.refresh(), SystemTime::now() + SECOND);
    drop(held);
    assert!(place.refresh().is_dir(), "it is another's");
    assert!(!place.legacy().exists(), "this one was ours");
}

#[test]
fn waiting_ends_when_the_holder_is_done() {
    let mut patience = IMPATIENT;
    patience.live.wait = 10 * SECOND;
    let place = Place::with(patience);
    place.foreign(&place.refresh(), Duration::ZERO);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(60));
            std::fs::remove_dir(place.refresh()).expect("released");
        });
        place.live().expect("free in the end");
    });
}

#[test]
fn only_one_thread_at_a_time_holds_claude_codes_locks() {
    let mut patience = IMPATIENT;
    patience.live.wait = 20 * SECOND;
    patience.live.step = Duration::from_millis(1);
    let place = Place::with(patience);
    let inside = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let _held = place.live().expect("free in the end");
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::sleep(Duration::from_millis(2));
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
}

#[test]
fn our_own_lock_excludes_other_threads_and_says_who_holds_it() {
    let place = Place::new();
    let held = place.locks.own("use").expect("free");
    let expected = LockError::Busy { holder: format!("pid {}, `use`", std::process::id()) };
    assert_eq!(place.locks.own("refresh").err(), Some(expected));
    drop(held);
    let again = place.locks.own("refresh").expect("free again");
    let file = place.home.path().join("data/signalbox.lock");
    assert_eq!(std::fs::read_to_string(&file).expect("read"), format!("{} refresh\n", std::process::id()));
    drop(again);
    assert_eq!(std::fs::read_to_string(&file).expect("read"), "");
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("it is there").permissions());
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn our_own_lock_is_waited_for() {
    let mut patience = IMPATIENT;
    patience.own_wait = 10 * SECOND;
    let place = Place::with(patience);
    let inside = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let _held = place.locks.own("test").expect("free in the end");
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::sleep(Duration::from_millis(2));
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
}

#[test]
fn our_own_lock_excludes_other_processes_and_is_free_when_they_are_killed() {
    let place = Place::new();
    let file = place.home.path().join("data/signalbox.lock");
    let mut other = hold_in_another_process(place.home.path(), "another_process_holds_our_own_lock");
    let deadline = Instant::now() + 20 * SECOND;
    while std::fs::read_to_string(&file).unwrap_or_default().is_empty() {
        assert!(Instant::now() < deadline, "the other process never took the lock");
        std::thread::sleep(Duration::from_millis(5));
    }
    let expected = LockError::Busy { holder: format!("pid {}, `hold`", other.id()) };
    let refused = place.locks.own("use").err();
    other.kill().and_then(|()| other.wait()).expect("killed");
    assert_eq!(refused, Some(expected));
    let _held = place.locks.own("u").expect("the kernel freed it");
    let line = std::fs::read_to_string(&file).expect("read");
    assert_eq!(line, format!("{} u\n", std::process::id()), "nothing is left of the killed holder's line");
}

fn hold_in_another_process(home: &Path, what: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &format!("locks::tests::{what}"), "--nocapture"])
        .env(HOLD, home)
        .stdout(Stdio::null())
        .spawn()
        .expect("started")
}

/// Not a test of its own: the other process of the test above.
#[test]
fn another_process_holds_our_own_lock() {
    let Some(home) = std::env::var_os(HOLD) else { return };
    let locks = MachineLocks::new(&at(Path::new(&home)), IMPATIENT);
    let _held = locks.own("hold").expect("free");
    std::thread::sleep(60 * SECOND);
}

#[test]
fn a_linked_lock_file_is_refused() {
    let place = Place::new();
    place.locks.data.ensure().expect("made");
    let file = place.home.path().join("data/signalbox.lock");
    std::os::unix::fs::symlink(place.home.path().join("elsewhere"), &file).expect("linked");
    let expected = LockError::Failed { path: file, why: "it is a symbolic link".to_owned() };
    assert_eq!(place.locks.own("use").err(), Some(expected));
}

#[test]
fn a_missing_credential_folder_is_made_private() {
    let place = Place::new();
    let _held = place.live().expect("free");
    let metadata = place.home.path().join(".claude").metadata().expect("made");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777, 0o700);
}
