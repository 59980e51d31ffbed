//! What every `Sessions` promises: the sessions that run and no other, and the pins that are set.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use signalbox_core::fakes::World;
use signalbox_core::ports::Sessions;
use signalbox_core::sessions::{Pin, PinPlace, Session};
use signalbox_machine::sessions::ClaudeSessions;
use signalbox_machine::surroundings::Surroundings;
use signalbox_tests::process::Running;

/// A computer on which sessions begin and end, and pins are set.
pub struct Rig {
    sessions: Box<dyn Sessions>,
    computer: Computer,
}

enum Computer {
    Fake(World, Mutex<(Vec<Session>, Vec<Pin>)>),
    Real { home: tempfile::TempDir, living: Mutex<Vec<Running>> },
}

impl Rig {
    fn fake() -> Self {
        let world = World::new();
        let computer = Computer::Fake(world.clone(), Mutex::default());
        Self { sessions: Box::new(world), computer }
    }

    fn real() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let surroundings =
            Surroundings { managed_settings: home.path().join("managed"), ..Surroundings::at_home(home.path()) };
        let sessions = Box::new(ClaudeSessions::new(&surroundings));
        Self { sessions, computer: Computer::Real { home, living: Mutex::default() } }
    }

    /// A session begins in the folder `notes`. Its process number.
    fn begin(&self) -> u32 {
        match &self.computer {
            Computer::Fake(world, state) => {
                let mut state = state.lock().expect("no panic");
                let pid = 4711 + u32::try_from(state.0.len()).expect("few");
                state.0.push(Session {
                    pid,
                    folder: Some(self.folder()),
                    started_at: None,
                    version: Some("2.1.330".to_owned()),
                    entrypoint: Some("cli".to_owned()),
                    pinned_by: None,
                });
                world.set_sessions(state.0.clone(), state.1.clone());
                pid
            }
            Computer::Real { home, living } => {
                let mut command = Command::new("sleep");
                command.arg("600").env_clear().env("PATH", std::env::var("PATH").unwrap_or_default());
                let running = Running::start(command.stdin(Stdio::null())).expect("sleep");
                let pid = running.pid();
                living.lock().expect("no panic").push(running);
                let records = home.path().join(".claude/sessions");
                std::fs::create_dir_all(&records).expect("made");
                let record = serde_json::json!({
                    "pid": pid, "cwd": self.folder(), "version": "2.1.330", "entrypoint": "cli", "kind": "interactive",
                });
                std::fs::write(records.join(format!("{pid}.json")), record.to_string()).expect("written");
                pid
            }
        }
    }

    /// A session is killed: its record stays.
    fn kill(&self, pid: u32) {
        match &self.computer {
            Computer::Fake(world, state) => {
                let mut state = state.lock().expect("no panic");
                state.0.retain(|session| session.pid != pid);
                world.set_sessions(state.0.clone(), state.1.clone());
            }
            Computer::Real { living, .. } => {
                living.lock().expect("no panic").retain_mut(|running| {
                    if running.pid() == pid {
                        running.kill();
                    }
                    running.pid() != pid
                });
            }
        }
    }

    /// `ANTHROPIC_API_KEY` is set in the person's settings. Where that is.
    fn pin(&self) -> PathBuf {
        match &self.computer {
            Computer::Fake(world, state) => {
                let path = PathBuf::from("(memory)/settings.json");
                let mut state = state.lock().expect("no panic");
                let place = PinPlace::Settings { path: path.clone() };
                state.1.push(Pin { name: "ANTHROPIC_API_KEY".to_owned(), place });
                world.set_sessions(state.0.clone(), state.1.clone());
                path
            }
            Computer::Real { home, .. } => {
                let path = home.path().join(".claude/settings.json");
                std::fs::create_dir_all(home.path().join(".claude")).expect("made");
                std::fs::write(&path, r#"{"env":{"ANTHROPIC_API_KEY":"sk-ant-api03-sim"}}"#).expect("written");
                path
            }
        }
    }

    fn folder(&self) -> PathBuf {
        match &self.computer {
            Computer::Fake(..) => PathBuf::from("(memory)/notes"),
            Computer::Real { home, .. } => home.path().join("notes"),
        }
    }

    fn pids(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = self.sessions.running().expect("readable").iter().map(|session| session.pid).collect();
        pids.sort_unstable();
        pids
    }
}

conformance!([
    at_first_nothing_runs_and_nothing_pins,
    a_session_is_told_with_where_it_works_and_follows_a_switch,
    a_session_that_was_killed_is_not_told,
    a_pin_is_told_by_name_and_place_and_never_by_value,
    asking_twice_says_the_same,
];
    fake = super::Rig::fake(),
    real = super::Rig::real(),
);

fn at_first_nothing_runs_and_nothing_pins(rig: &Rig) {
    assert_eq!(rig.sessions.running(), Ok(Vec::new()));
    assert_eq!(rig.sessions.pins(), Vec::new());
}

fn a_session_is_told_with_where_it_works_and_follows_a_switch(rig: &Rig) {
    let pid = rig.begin();
    let running = rig.sessions.running().expect("readable");
    assert_eq!(running.len(), 1);
    assert_eq!((running[0].pid, running[0].folder.clone()), (pid, Some(rig.folder())));
    assert_eq!(running[0].version.as_deref(), Some("2.1.330"));
    assert!(running[0].follows());
}

fn a_session_that_was_killed_is_not_told(rig: &Rig) {
    let (first, second) = (rig.begin(), rig.begin());
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(rig.pids(), both);
    rig.kill(first);
    assert_eq!(rig.pids(), [second]);
}

fn a_pin_is_told_by_name_and_place_and_never_by_value(rig: &Rig) {
    let path = rig.pin();
    let pins = rig.sessions.pins();
    assert_eq!(pins, [Pin { name: "ANTHROPIC_API_KEY".to_owned(), place: PinPlace::Settings { path } }]);
    assert!(!format!("{pins:?}").contains("sk-ant"));
}

fn asking_twice_says_the_same(rig: &Rig) {
    rig.begin();
    rig.pin();
    assert_eq!(rig.sessions.running(), rig.sessions.running());
    assert_eq!(rig.sessions.pins(), rig.sessions.pins());
}
