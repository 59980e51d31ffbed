//! Claude Code's locks: left behind, from the future, in use, and files in their place.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use signalbox_tests::process::Running;

use super::{Ward, write};

fn touch(path: &Path, at: SystemTime) {
    File::open(path).and_then(|folder| folder.set_modified(at)).expect("touched");
}

fn ago(seconds: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(seconds)
}

fn ahead(seconds: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(seconds)
}

fn lock(ward: &Ward, name: &str, at: SystemTime) -> PathBuf {
    let path = ward.home().join(name);
    fs::create_dir(&path).expect("made");
    touch(&path, at);
    path
}

const LOCKS: [&str; 4] =
    [".claude/.oauth_refresh.lock", ".claude.lock", ".claude/.storage-write.lock", ".claude.json.lock"];

#[test]
fn a_lock_that_was_left_behind_is_removed_by_the_printed_command() {
    let ward = Ward::healthy();
    for name in LOCKS {
        let path = lock(&ward, name, ago(61));
        ward.cured_by_its_command("leftover-lock");
        assert!(!path.exists());
    }
}

#[test]
fn a_lock_from_the_future_is_removed_by_the_printed_command() {
    let ward = Ward::healthy();
    for name in LOCKS {
        lock(&ward, name, ahead(7_200));
        ward.cured_by_its_command("future-lock");
    }
}

#[test]
fn fix_removes_the_locks_that_nobody_touches_and_no_other() {
    let ward = Ward::healthy();
    let left = lock(&ward, LOCKS[0], ago(3_600));
    let future = lock(&ward, LOCKS[1], ahead(7_200));
    let used = lock(&ward, LOCKS[2], ago(61));
    let full = lock(&ward, LOCKS[3], ago(61));
    fs::write(full.join("file"), "").expect("written");
    touch(&full, ago(61));
    let done = std::sync::atomic::AtomicBool::new(false);
    let fixed = std::thread::scope(|scope| {
        // Its holder was asleep for a while, and goes on as it always does: every 5 s.
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(4));
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                touch(&used, SystemTime::now());
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let fixed = ward.fix();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        fixed
    });
    assert!(!left.exists() && !future.exists(), "nobody touched them");
    assert!(used.is_dir() && full.is_dir(), "one is in use, the other is no lock");
    let fate = |path: &Path| {
        let path = path.display().to_string();
        let of_it =
            |finding: &&serde_json::Value| finding["what"].as_str().expect("text").contains(&format!("{path} "));
        let finding = fixed.findings.iter().find(of_it).expect("a finding");
        (finding["mended"] == true, finding["notMended"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(fate(&left), (true, String::new()));
    assert_eq!(fate(&future), (true, String::new()));
    assert_eq!(fate(&used), (false, "somebody uses it: it was touched while it was watched".to_owned()));
    assert_eq!(fate(&full), (false, "directory not empty".to_owned()));
    assert!(!fixed.clean);
}

#[test]
fn a_lock_that_is_kept_alive_or_young_is_no_finding() {
    let ward = Ward::healthy();
    for (name, at) in LOCKS.into_iter().zip([ago(0), ago(55), ahead(30), ago(10)]) {
        lock(&ward, name, at);
    }
    assert!(ward.look().clean);
}

#[test]
fn a_lock_whose_recorded_owner_lives_is_no_finding() {
    let ward = Ward::healthy();
    lock(&ward, LOCKS[0], ago(90));
    let mut owner = Running::start(Command::new("sleep").arg("600").stdin(Stdio::null())).expect("sleep");
    let record = ward.home().join(".claude/.oauth_refresh.lock.owner");
    let stat = fs::read_to_string(format!("/proc/{}/stat", owner.pid())).expect("it runs");
    let start = stat.rsplit_once(')').expect("a name").1.split_whitespace().nth(19).expect("field 22").to_owned();
    write(&record, &format!(r#"{{"pid":{},"procStart":"{start}"}}"#, owner.pid()));
    assert!(ward.look().clean, "it was stopped for a while, and will go on");
    write(&record, &format!(r#"{{"pid":{},"procStart":"1"}}"#, owner.pid()));
    ward.look().only("leftover-lock");
    write(&record, &format!(r#"{{"pid":{},"procStart":"{start}"}}"#, owner.pid()));
    owner.kill();
    ward.look().only("leftover-lock");
}

#[test]
fn a_file_or_a_link_in_the_place_of_a_lock_is_moved_aside_by_the_printed_command() {
    let ward = Ward::healthy();
    for (name, link) in LOCKS.into_iter().zip([false, true, false, true]) {
        let path = ward.home().join(name);
        if link {
            std::os::unix::fs::symlink("/nowhere", &path).expect("linked");
        } else {
            write(&path, "");
        }
        assert_eq!(ward.fix().only("file-at-lock")["mended"], false, "it may be somebody's");
        ward.cured_by_its_command("file-at-lock");
        assert!(path.symlink_metadata().is_err());
    }
    ward.stage.signalbox(&["use", "personal"]).expect("a switch with free locks");
}
