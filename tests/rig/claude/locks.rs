//! The locks of the simulated Claude Code: directories, made with mkdir, touched while held, stolen when stale
//! (`docs/observed.md` §3). Owns waiting and stealing; what is done under a lock is up to the caller.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::now_ms;

const STALE_AFTER: Duration = Duration::from_secs(60);
const TOUCH_EVERY: Duration = Duration::from_secs(5);
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A holder that keeps touching its lock is waited for this long in all.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// A holder that does not is given up on after so many tries.
const TRIES_UNTOUCHED: u32 = 8;

/// Both locks of a refresh, with the owner record beside them.
pub struct RefreshLock {
    owner: PathBuf,
    // Released in this order: the legacy lock was taken last.
    _legacy: Directory,
    _refresh: Directory,
}

impl RefreshLock {
    /// Takes `.oauth_refresh.lock`, then `realpath(config).lock`, and leaves the owner record.
    ///
    /// # Errors
    /// When another process holds one of them and does not let go.
    pub fn take(config: &Path) -> io::Result<Self> {
        let refresh = config.join(".oauth_refresh.lock");
        let owner = config.join(".oauth_refresh.lock.owner");
        let mut legacy = config.canonicalize()?.into_os_string();
        legacy.push(".lock");
        let legacy = PathBuf::from(legacy);
        let held = Directory::take(refresh.clone(), || {
            let dead = holder_is_dead(&owner, &refresh);
            if dead {
                // All that the dead holder left goes at once, as the client was seen to do.
                let _ = fs::remove_dir(&legacy);
                let _ = fs::remove_dir(&refresh);
                let _ = fs::remove_file(&owner);
            }
            dead
        })?;
        let held_legacy = Directory::take(legacy.clone(), || false)?;
        write_owner(&owner, &refresh, &legacy)?;
        Ok(Self { owner, _legacy: held_legacy, _refresh: held })
    }
}

impl Drop for RefreshLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.owner);
    }
}

/// A lock directory, kept fresh by a thread until it is dropped.
struct Directory {
    path: PathBuf,
    stop: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Directory {
    /// `abandoned`: asked after a round of tries at a lock that nobody touched; `true` when a dead holder's was
    /// removed.
    fn take(path: PathBuf, abandoned: impl Fn() -> bool) -> io::Result<Self> {
        let begun = Instant::now();
        let (mut seen, mut untouched) = (None, 0);
        loop {
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self::kept_fresh(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            let Ok(touched) = fs::metadata(&path).and_then(|data| data.modified()) else { continue };
            untouched = if seen == Some(touched) { untouched + 1 } else { 0 };
            seen = Some(touched);
            let old = SystemTime::now().duration_since(touched).unwrap_or_default() > STALE_AFTER;
            if old {
                // Somebody else may steal it first; the mkdir above decides.
                let _ = fs::remove_dir(&path);
                continue;
            }
            if untouched >= TRIES_UNTOUCHED && abandoned() {
                continue;
            }
            if untouched >= TRIES_UNTOUCHED || begun.elapsed() > GIVE_UP_AFTER {
                return Err(io::Error::other(
                    "Failed to refresh OAuth token: another Claude Code process is refreshing it or exited mid-refresh.",
                ));
            }
            std::thread::sleep(RETRY_AFTER);
        }
    }

    fn kept_fresh(path: PathBuf) -> Self {
        let (stop, stopped) = mpsc::channel();
        let touched = path.clone();
        let toucher = std::thread::spawn(move || {
            while stopped.recv_timeout(TOUCH_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                // A directory that is gone was stolen; the thief keeps it fresh now.
                let _ = fs::File::open(&touched).and_then(|folder| folder.set_modified(SystemTime::now()));
            }
        });
        Self { path, stop: Some((stop, toucher)) }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Some((stop, toucher)) = self.stop.take() {
            drop(stop);
            let _ = toucher.join();
        }
        let _ = fs::remove_dir(&self.path);
    }
}

/// `.storage-write.lock`, for the milliseconds of a rename: three rounds of 11 tries in about 7.5 s, stale after 15 s.
pub struct StorageLock(PathBuf);

impl StorageLock {
    /// Takes it.
    ///
    /// # Errors
    /// When another process holds it for too long.
    pub fn take(config: &Path) -> io::Result<Self> {
        let path = config.join(".storage-write.lock");
        let mut wait = Duration::from_millis(100);
        for attempt in 1..=33 {
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            let touched = fs::metadata(&path).and_then(|data| data.modified()).unwrap_or_else(|_| SystemTime::now());
            if SystemTime::now().duration_since(touched).unwrap_or_default() > Duration::from_secs(15) {
                let _ = fs::remove_dir(&path);
                continue;
            }
            std::thread::sleep(wait);
            wait = if attempt % 11 == 0 { Duration::from_millis(100) } else { (wait * 2).min(Duration::from_secs(1)) };
        }
        Err(io::Error::other("the credential store is locked by another process"))
    }
}

impl Drop for StorageLock {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Field 22 of `/proc/<pid>/stat`: when a process was started, in clock ticks since boot. `None` where there is no
/// `/proc`.
pub fn process_start(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain spaces; the fields after it are counted from its end.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
}

fn write_owner(owner: &Path, refresh: &Path, legacy: &Path) -> io::Result<()> {
    let pid = std::process::id();
    let record = json!({
        "pid": pid,
        "procStart": process_start(pid),
        "pidDomain": "linux:sim:pid:[0]",
        "pidSpace": "sim#pid:[0]",
        "lockBirthtimeMs": birth_ms(refresh),
        "legacyLockBirthtimeMs": birth_ms(legacy),
    });
    let temporary = owner.with_extension(format!("tmp.{pid}.{:08x}", now_ms() & 0xffff_ffff));
    fs::write(&temporary, record.to_string())?;
    fs::rename(&temporary, owner)
}

fn holder_is_dead(owner: &Path, lock: &Path) -> bool {
    let Some(record) = fs::read_to_string(owner).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok()) else {
        return false;
    };
    let Some(pid) = record["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()) else { return false };
    // Compared to the last bit, as the client does (`docs/observed.md` §3).
    let same = birth_ms(lock).is_some_and(|born| record["lockBirthtimeMs"].as_f64() == Some(born));
    same && process_start(pid).as_deref() != record["procStart"].as_str()
}

/// JavaScript's `birthtimeMs`: a double with a fraction.
fn birth_ms(path: &Path) -> Option<f64> {
    let born = fs::metadata(path).and_then(|data| data.created()).ok()?;
    let born = born.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(born.as_secs()).as_secs_f64() * 1e3 + f64::from(born.subsec_nanos()) / 1e6)
}
