//! The file watch on real folders: what is told, what is not, and folders that come and go.

use super::*;
use std::fs;
use std::sync::mpsc::{Receiver, channel};

use crate::live_watch::{LiveWatch, follow};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(5);
/// Long enough for a debounce to pass.
const QUIET: Duration = Duration::from_millis(400);

struct Scene {
    home: tempfile::TempDir,
    heard: Receiver<Changed>,
    _watch: LiveWatch,
}

impl Scene {
    fn with_config(exists: bool) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        if exists {
            fs::create_dir(home.path().join(".claude")).expect("made");
        }
        let (tell, heard) = channel();
        let watch = follow(&Surroundings::at_home(home.path()), move |changed| {
            // A test that has heard enough does not listen any more.
            let _ = tell.send(changed);
        });
        Self { home, heard, _watch: watch }
    }

    fn config(&self) -> PathBuf {
        self.home.path().join(".claude")
    }

    /// As Claude Code writes: a temporary file, then a rename.
    fn rename_in(&self, file: &Path) {
        let temporary = file.with_extension("tmp-1");
        fs::write(&temporary, "{}").expect("written");
        fs::rename(&temporary, file).expect("renamed");
    }

    fn write_login(&self) {
        self.rename_in(&self.config().join(".credentials.json"));
    }

    fn hears(&self, changed: Changed) {
        let end = Instant::now() + PATIENCE;
        loop {
            let heard = self.heard.recv_timeout(end.saturating_duration_since(Instant::now()));
            if heard.unwrap_or_else(|_| panic!("waited in vain for {changed:?}")) == changed {
                return;
            }
        }
    }

    fn hears_nothing(&self) {
        let heard = self.heard.recv_timeout(QUIET);
        assert!(heard.is_err(), "{heard:?}");
    }
}

#[test]
fn a_rename_over_the_login_is_told_once_and_soon() {
    let scene = Scene::with_config(true);
    let begun = Instant::now();
    for _ in 0..5 {
        scene.write_login();
    }
    scene.hears(Changed::Login);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    scene.hears_nothing();
}

#[test]
fn a_login_written_in_place_and_one_taken_away_are_told() {
    let scene = Scene::with_config(true);
    fs::write(scene.config().join(".credentials.json"), "{}").expect("written");
    scene.hears(Changed::Login);
    fs::remove_file(scene.config().join(".credentials.json")).expect("removed");
    scene.hears(Changed::Login);
}

#[test]
fn other_files_and_reading_are_no_change() {
    let scene = Scene::with_config(true);
    scene.write_login();
    scene.hears(Changed::Login);
    fs::write(scene.config().join("history.jsonl"), "{}").expect("written");
    fs::create_dir(scene.config().join(".oauth_refresh.lock")).expect("made");
    fs::write(scene.home.path().join(".claude.json.tmp"), "{}").expect("written");
    fs::read(scene.config().join(".credentials.json")).expect("read");
    scene.hears_nothing();
}

#[test]
fn the_account_file_is_told_apart_from_the_login() {
    let scene = Scene::with_config(true);
    scene.rename_in(&scene.home.path().join(".claude.json"));
    assert_eq!(scene.heard.recv_timeout(PATIENCE), Ok(Changed::Account));
    scene.hears_nothing();
}

#[test]
fn a_folder_that_comes_later_is_watched_then() {
    let scene = Scene::with_config(false);
    fs::create_dir(scene.config()).expect("made");
    scene.write_login();
    scene.hears(Changed::Login);
    while scene.heard.recv_timeout(QUIET).is_ok() {}
    scene.write_login();
    scene.hears(Changed::Login);
}

#[test]
fn a_folder_that_is_taken_away_and_made_anew_is_watched_again() {
    let scene = Scene::with_config(true);
    scene.write_login();
    scene.hears(Changed::Login);
    fs::remove_dir_all(scene.config()).expect("removed");
    scene.hears(Changed::Login);
    while scene.heard.recv_timeout(QUIET).is_ok() {}
    fs::create_dir(scene.config()).expect("made");
    scene.write_login();
    scene.hears(Changed::Login);
    while scene.heard.recv_timeout(QUIET).is_ok() {}
    scene.write_login();
    scene.hears(Changed::Login);
}

#[test]
fn a_folder_far_away_from_anything_is_waited_for_step_by_step() {
    let home = tempfile::tempdir().expect("a folder");
    let config = home.path().join("a/b/c");
    let dir = Some(config.clone().into_os_string());
    let surroundings = Surroundings { claude_config_dir: dir, ..Surroundings::at_home(home.path()) };
    let (tell, heard) = channel();
    let _watch = follow(&surroundings, move |changed| {
        let _ = tell.send(changed);
    });
    fs::create_dir_all(&config).expect("made");
    while heard.recv_timeout(QUIET).is_ok() {}
    // With a config folder of its own both files lie in it.
    fs::write(config.join(".claude.json"), "{}").expect("written");
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Changed::Account));
    fs::write(config.join(".credentials.json"), "{}").expect("written");
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Changed::Login));
}

#[test]
fn a_file_in_the_place_of_the_folder_keeps_nobody_busy() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join(".claude"), "a file").expect("written");
    let armed = Armed::new(&Surroundings::at_home(home.path())).expect("the folder above is watched");
    assert_eq!(armed.meanings.len(), 1);
}

#[test]
fn the_thread_ends_with_its_watch() {
    let home = tempfile::tempdir().expect("a folder");
    let (tell, heard) = channel();
    let watch = follow(&Surroundings::at_home(home.path()), move |changed| {
        let _ = tell.send(changed);
    });
    drop(watch);
    // The thread owned the sender.
    assert_eq!(heard.recv_timeout(PATIENCE), Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
}
