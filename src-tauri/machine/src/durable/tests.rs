//! Tests of `durable`: what stands on the disk after a write that worked, and after one that did not.

use super::*;

/// Says that a test could not run, past the harness, which would swallow it.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}

/// Makes something another user's; `false` where that cannot be done.
pub(crate) fn give_away(path: &Path) -> bool {
    let given = std::os::unix::fs::chown(path, Some(1), None).is_ok();
    if !given {
        skipped("only root can give a file away");
    }
    given
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn mode_of(path: &Path) -> u32 {
    path.metadata().expect("it exists").permissions().mode() & 0o7777
}

#[test]
fn a_file_is_replaced_with_exactly_the_mode_asked_for_and_nothing_is_left_beside_it() {
    let folder = folder();
    let path = folder.path().join("file");
    std::fs::write(&path, "old").expect("written");
    std::fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("set");
    replace(&path, b"new", PRIVATE_FILE, Mtime::Any).expect("replaced");
    assert_eq!(std::fs::read(&path).expect("read"), b"new");
    assert_eq!(mode_of(&path), 0o600);
    replace(&path, b"newer", 0o644, Mtime::Any).expect("replaced");
    assert_eq!(mode_of(&path), 0o644);
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn the_modification_time_changes_at_every_write_and_never_runs_ahead() {
    let folder = folder();
    let path = folder.path().join("file");
    std::fs::write(&path, "0").expect("written");
    let mut last = path.metadata().and_then(|m| m.modified()).expect("a time");
    for i in 1..60 {
        replace(&path, i.to_string().as_bytes(), PRIVATE_FILE, Mtime::Changed).expect("replaced");
        let now = path.metadata().and_then(|m| m.modified()).expect("a time");
        assert!(now.duration_since(last).expect("later") >= MTIME_APART, "write {i}");
        last = now;
    }
    let ahead = last.duration_since(SystemTime::now()).unwrap_or_default();
    assert!(ahead < Duration::from_secs(1), "{ahead:?} ahead of the clock");
}

#[test]
fn a_modification_time_equal_to_the_old_one_is_moved_on_by_milliseconds() {
    let folder = folder();
    let path = folder.path().join("file");
    std::fs::write(&path, "0").expect("written");
    // Just ahead of the clock, so that the new file's own time would be at or before it.
    let old = SystemTime::now() + Duration::from_millis(500);
    File::options().write(true).open(&path).and_then(|f| f.set_modified(old)).expect("set");
    replace(&path, b"1", PRIVATE_FILE, Mtime::Changed).expect("replaced");
    assert_eq!(path.metadata().and_then(|m| m.modified()).expect("a time"), old + MTIME_STEP);
}

#[test]
fn a_modification_time_far_in_the_future_is_not_carried_on() {
    let folder = folder();
    let path = folder.path().join("file");
    std::fs::write(&path, "0").expect("written");
    let old = SystemTime::now() + Duration::from_secs(86_400);
    File::options().write(true).open(&path).and_then(|f| f.set_modified(old)).expect("set");
    replace(&path, b"1", PRIVATE_FILE, Mtime::Changed).expect("replaced");
    let new = path.metadata().and_then(|m| m.modified()).expect("a time");
    assert!(new <= SystemTime::now());
}

#[test]
fn only_one_of_many_creators_wins_and_all_read_its_bytes() {
    let folder = folder();
    let path = folder.path().join("key");
    let winners: Vec<bool> = std::thread::scope(|scope| {
        let path = &path;
        let threads: Vec<_> =
            (0..8).map(|i| scope.spawn(move || create(path, &[i; 32], PRIVATE_FILE).expect("no error"))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(winners.iter().filter(|won| **won).count(), 1);
    let bytes = std::fs::read(&path).expect("read");
    let winner = winners.iter().position(|won| *won).expect("a winner");
    assert_eq!(bytes, [u8::try_from(winner).expect("small"); 32]);
    assert_eq!(names(folder.path()), ["key"]);
}

#[test]
fn a_full_disk_is_told_apart_and_leaves_the_old_file() {
    let folder = folder();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(&disk)
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        skipped("a full disk cannot be made here, because nothing can be mounted");
        return;
    }
    let path = disk.join("file");
    replace(&path, b"old", PRIVATE_FILE, Mtime::Any).expect("there is room");
    let outcome = replace(&path, &vec![b'x'; 1 << 20], PRIVATE_FILE, Mtime::Any);
    let (kept, names) = (std::fs::read(&path), names(&disk));
    let unmounted = std::process::Command::new("umount").arg(&disk).status().expect("umount runs");
    assert_eq!(outcome, Err(StoreError::Full { path }));
    assert_eq!(kept.expect("read"), b"old");
    assert_eq!(names, ["file"], "no temporary file stays behind");
    assert!(unmounted.success());
}

#[test]
fn a_folder_in_the_way_is_an_error_and_leaves_no_temporary_file() {
    let folder = folder();
    let path = folder.path().join("file");
    std::fs::create_dir(&path).expect("a folder");
    let error = replace(&path, b"new", PRIVATE_FILE, Mtime::Any).expect_err("a folder");
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error:?}");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn only_a_regular_file_of_ours_within_the_limit_is_read() {
    let folder = folder();
    let path = folder.path().join("file");
    assert_eq!(read(&path, 4, Links::Refuse), Ok(None));
    std::fs::write(&path, "1234").expect("written");
    assert_eq!(read(&path, 4, Links::Refuse), Ok(Some(b"1234".to_vec())));
    assert_eq!(read(&path, 3, Links::Refuse), Err(StoreError::TooLarge { path: path.clone(), bytes: 4, limit: 3 }));
    let error = read(folder.path(), 4, Links::Refuse).expect_err("a folder");
    assert!(error.to_string().ends_with("it is a folder"), "{error}");
    let error = read(&path.join("below"), 4, Links::Refuse).expect_err("below a file");
    assert!(matches!(error, StoreError::Unreadable { .. }), "a file in the place of a folder is not *nothing*");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let error = read(&pipe, 4, Links::Follow).expect_err("a pipe");
    assert!(error.to_string().ends_with("it is not a regular file"), "{error}");
}

#[test]
fn a_link_is_followed_only_where_that_is_asked_for_and_a_dead_one_is_not_nothing() {
    let folder = folder();
    let (path, link) = (folder.path().join("file"), folder.path().join("link"));
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    for links in [Links::Follow, Links::Refuse] {
        assert!(matches!(read(&link, 4, links), Err(StoreError::Unreadable { .. })), "a link to nowhere, {links:?}");
    }
    std::fs::write(&path, "1234").expect("written");
    assert_eq!(read(&link, 4, Links::Follow), Ok(Some(b"1234".to_vec())));
    let error = read(&link, 4, Links::Refuse).expect_err("a link");
    assert!(error.to_string().ends_with("it is a symbolic link"), "{error}");
}

#[test]
fn a_file_of_another_user_is_refused() {
    let folder = folder();
    let path = folder.path().join("file");
    std::fs::write(&path, "1234").expect("written");
    if !give_away(&path) {
        return;
    }
    assert_eq!(read(&path, 4, Links::Follow), Err(StoreError::NotOurs { path }));
}

#[test]
fn what_a_crash_left_is_removed_and_a_write_in_progress_is_not() {
    let folder = folder();
    let target = folder.path().join(".credentials.json");
    let crashed = Temporary::write(&target, b"secret", PRIVATE_FILE).expect("written");
    let old = SystemTime::now() - LEFTOVER_AGE - Duration::from_secs(1);
    crashed.file.set_modified(old).expect("set");
    crashed.keep();
    let in_progress = Temporary::write(&target, b"secret", PRIVATE_FILE).expect("written");
    let theirs =
        [".foreign.tmp", ".signalbox-notes", ".bash.signalbox-0123456789abcdeg", "x.signalbox-0123456789abcdef"];
    for name in theirs {
        let file = std::fs::File::create(folder.path().join(name)).expect("made");
        file.set_modified(old).expect("set");
    }
    remove_leftovers(folder.path());
    let in_progress_name = in_progress.path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut expected: Vec<_> = theirs.map(str::to_owned).into_iter().chain([in_progress_name]).collect();
    expected.sort();
    assert_eq!(names(folder.path()), expected);
}
