//! What a killed Signalbox leaves of Claude Code's locks: removed at once where it is proven to be ours, and left alone
//! where anything is missing from the proof.

use super::*;
use crate::locks::holder::{self, Holder};
use serde_json::{Value, json};

impl Place {
    fn storage(&self) -> PathBuf {
        self.home.path().join(".claude/.storage-write.lock")
    }

    fn record(&self) -> PathBuf {
        self.home.path().join(".claude/.oauth_refresh.lock.owner")
    }

    fn note(&self, of: &str) -> PathBuf {
        self.home.path().join("data/locks").join(format!("{of}.json"))
    }

    fn change_note(&self, of: &str, change: impl FnOnce(&mut Value)) {
        let mut note = read_json(&self.note(of));
        change(&mut note);
        std::fs::write(self.note(of), note.to_string()).expect("written");
    }

    /// Takes our lock, which is when leftovers are looked for.
    fn enter(&self) {
        drop(self.locks.own("test").expect("free"));
    }

    /// Both locks as a dead process left them, but for the real death.
    fn died_inside() -> (Self, Holder) {
        let place = Self::new();
        let own = place.locks.own("dies").expect("free");
        std::mem::forget(place.locks.live(&own).expect("free"));
        let dead = holder::tests::dead();
        for of in ["oauth_refresh.lock", "claude.lock"] {
            place.change_note(of, |note| note["holder"] = serde_json::to_value(&dead).expect("plain data"));
        }
        // Written anew, because without a machine id none is left.
        let record = json!({"pid": dead.pid, "procStart": dead.started});
        std::fs::write(place.record(), record.to_string()).expect("written");
        (place, dead)
    }

    #[track_caller]
    fn assert_left_alone(&self, why: &str) {
        let marks = || [self.refresh(), self.legacy()].map(|path| path.is_dir().then(|| modified(&path)));
        let before = marks();
        self.enter();
        assert_eq!(marks(), before, "{why}");
        assert!(matches!(self.live(), Err(LockError::ClaudeBusy { .. })), "{why}: it is waited for");
    }
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("it is there")).expect("JSON")
}

/// Not a test of its own: the process that is killed while it holds every lock.
#[test]
fn another_process_holds_all_locks() {
    let Some(home) = std::env::var_os(HOLD) else { return };
    let locks = MachineLocks::new(&at(Path::new(&home)), IMPATIENT);
    let own = locks.own("hold").expect("free");
    let _held = locks.live(&own).expect("free");
    let _storage = StorageLock::take(&locks.surroundings.storage_write_lock(), &locks.notes).expect("free");
    std::fs::write(Path::new(&home).join("ready"), "").expect("written");
    std::thread::sleep(60 * SECOND);
}

#[test]
fn what_a_killed_process_of_ours_left_is_gone_as_soon_as_the_next_one_holds_our_own_lock() {
    let place = Place::new();
    let mut other = hold_in_another_process(place.home.path(), "leftovers::another_process_holds_all_locks");
    let deadline = Instant::now() + 20 * SECOND;
    while !place.home.path().join("ready").exists() {
        assert!(Instant::now() < deadline, "the other process never took the locks");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(matches!(place.locks.own("use"), Err(LockError::Busy { .. })), "while it lives nobody comes near");
    // Reaped only afterwards: a zombie is as dead.
    other.kill().expect("killed");
    let left = [place.refresh(), place.legacy(), place.storage()];
    assert!(left.iter().all(|path| path.exists()), "{left:?}");
    let locks = MachineLocks::new(&at(place.home.path()), Patience { own_wait: 5 * SECOND, ..IMPATIENT });
    let own = locks.own("use").expect("the kernel freed it");
    for path in left {
        assert!(!path.exists(), "{}", path.display());
    }
    assert!(!place.record().exists(), "its record goes with them");
    assert_eq!(std::fs::read_dir(place.home.path().join("data/locks")).expect("read").count(), 0);
    drop(locks.live(&own).expect("free"));
    other.wait().expect("reaped");
}

#[test]
fn a_leftover_is_removed_with_its_record() {
    let (place, _) = Place::died_inside();
    place.enter();
    for path in [place.refresh(), place.legacy(), place.record(), place.note("oauth_refresh.lock")] {
        assert!(!path.exists(), "{}", path.display());
    }
}

#[test]
fn without_a_whole_proof_a_lock_is_waited_for() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 6] = [
        ("the holder lives", |note| note["holder"] = serde_json::to_value(Holder::this()).expect("plain data")),
        ("it is of another machine or start", |note| note["holder"]["place"] = "elsewhere".into()),
        ("it was another folder", |note| note["mark"]["inode"] = 7.into()),
        ("it was born at another time", |note| note["mark"]["born"]["nanos_since_epoch"] = 7.into()),
        ("it was touched since", |note| note["mark"]["modified"]["nanos_since_epoch"] = 7.into()),
        ("the file system keeps no birth times", |note| note["mark"]["born"] = Value::Null),
    ];
    for (why, change) in changes {
        let (place, _) = Place::died_inside();
        place.change_note("oauth_refresh.lock", change);
        place.change_note("claude.lock", change);
        place.assert_left_alone(why);
    }
    for (why, torn) in [("the note was never written", None), ("the note is torn", Some("{\"path\":\"/x"))] {
        let (place, _) = Place::died_inside();
        for of in ["oauth_refresh.lock", "claude.lock"] {
            std::fs::remove_file(place.note(of)).expect("removed");
            if let Some(text) = torn {
                std::fs::write(place.note(of), text).expect("written");
            }
        }
        place.assert_left_alone(why);
    }
}

#[test]
fn claude_codes_own_lock_at_the_place_of_our_leftover_is_left_alone() {
    let (place, _) = Place::died_inside();
    // Claude Code took both over, as it may, and holds them now.
    for path in [place.refresh(), place.legacy()] {
        std::fs::remove_dir(&path).and_then(|()| std::fs::create_dir(&path)).expect("taken over");
    }
    std::fs::write(place.record(), json!({"pid": 1, "procStart": "1"}).to_string()).expect("written");
    place.assert_left_alone("it is Claude Code's");
    assert_eq!(read_json(&place.record())["pid"], 1);
}

#[test]
fn another_data_folder_proves_nothing() {
    let (place, _) = Place::died_inside();
    let data_dir = Some(place.home.path().join("other").into_os_string());
    let other = MachineLocks::new(&Surroundings { data_dir, ..at(place.home.path()) }, IMPATIENT);
    let own = other.own("use").expect("a lock of its own");
    assert!(matches!(other.live(&own), Err(LockError::ClaudeBusy { .. })));
    assert!(place.refresh().is_dir() && place.legacy().is_dir());
}

#[test]
fn a_leftover_that_holds_something_stays() {
    let (place, _) = Place::died_inside();
    let kept = [place.refresh(), place.legacy()].map(|path| (modified(&path), path));
    for (touched, path) in &kept {
        std::fs::write(path.join("x"), "").expect("written");
        touch(path, *touched);
    }
    place.enter();
    assert!(kept.iter().all(|(_, path)| path.join("x").exists()));
}

#[test]
fn the_record_names_this_process_and_both_folders_and_is_gone_after_a_release() {
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    if machine.trim().is_empty() {
        eprintln!("SKIPPED: this machine has no id, and without one no record is left");
        return;
    }
    let place = Place::new();
    // The data folder has to be there for the notes.
    place.enter();
    let held = place.live().expect("free");
    let record = read_json(&place.record());
    let this = Holder::this().expect("known");
    assert_eq!((record["pid"].as_u64(), record["procStart"].as_str()), (Some(this.pid.into()), Some(&*this.started)));
    let born = |path: &Path| {
        let born = path.metadata().and_then(|metadata| metadata.created()).expect("a birth time");
        let born = born.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        born.as_secs() as f64 * 1e3 + f64::from(born.subsec_nanos()) / 1e6
    };
    // Reading JSON into a double may cost its last bit; that it is written to the last bit is held beside `owner::birthtime_ms`.
    let tells = |member: &str, path: &Path| record[member].as_f64().is_some_and(|ms| (ms - born(path)).abs() < 0.001);
    assert!(tells("lockBirthtimeMs", &place.refresh()) && tells("legacyLockBirthtimeMs", &place.legacy()), "{record}");
    let domain = format!("linux:{}:", machine.trim());
    assert!(record["pidDomain"].as_str().is_some_and(|text| text.starts_with(&domain)), "{record}");
    assert!(place.note("oauth_refresh.lock").is_file() && place.note("claude.lock").is_file());
    drop(held);
    let left: Vec<_> = std::fs::read_dir(place.home.path().join(".claude")).expect("read").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(std::fs::read_dir(place.home.path().join("data/locks")).expect("read").count(), 0);
}

#[test]
fn another_ones_record_is_not_removed_with_our_locks() {
    let place = Place::new();
    let held = place.live().expect("free");
    std::fs::write(place.record(), "{\"pid\":1}").expect("written");
    drop(held);
    assert_eq!(read_json(&place.record()), json!({"pid": 1}));
}
