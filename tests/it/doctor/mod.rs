//! The doctor, by the real program in a private home: every finding is provoked, found, and mended by the very command that the
//! doctor prints, or by `--fix` where it may. Owns the ward in which that happens; what the output looks like is in
//! `tests/cmd/doctor_*`.
//!
//! The cures that only a Mac or an administrator can carry out (the clock, the Keychain) are not run; their findings are.

mod around;
mod disk;
mod locks;
mod logins;

use std::path::Path;
use std::process::Command;

use provider_sim::SimOptions;
use serde_json::Value;
use signalbox_core::ports::Ports;
use signalbox_machine::assemble;
use signalbox_machine::surroundings::Surroundings;
use signalbox_tests::process::program;
use signalbox_tests::stage::Stage;

/// A scene with a patient.
struct Ward {
    stage: Stage,
    /// Variables that are set besides the usual ones.
    variables: Vec<(String, String)>,
}

/// What the doctor said.
struct Diagnosis {
    status: Option<i32>,
    clean: bool,
    findings: Vec<Value>,
}

impl Diagnosis {
    fn kinds(&self) -> Vec<&str> {
        let kinds = self.findings.iter().map(|finding| finding["kind"].as_str().expect("a kind"));
        kinds.filter(|kind| *kind != "unwatched").collect()
    }

    fn of(&self, kind: &str) -> Vec<&Value> {
        self.findings.iter().filter(|finding| finding["kind"] == kind).collect()
    }

    fn only(&self, kind: &str) -> &Value {
        assert_eq!(self.kinds(), [kind], "{:#?}", self.findings);
        self.of(kind)[0]
    }
}

impl Ward {
    /// Nobody is signed in.
    fn empty() -> Self {
        Self::with_options(SimOptions::default())
    }

    fn with_options(options: SimOptions) -> Self {
        Self { stage: Stage::new(options).expect("a stage"), variables: Vec::new() }
    }

    /// Two profiles, `work` live.
    fn healthy() -> Self {
        let ward = Self::empty();
        for alias in ["work", "personal"] {
            ward.stage.seed(alias).expect("a profile");
        }
        ward.stage.signalbox(&["use", "work"]).expect("a switch");
        ward
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn home(&self) -> &Path {
        self.stage.home.path()
    }

    /// Looks, and checks what holds for every diagnosis.
    fn look(&self) -> Diagnosis {
        self.ask(&["doctor", "--json"])
    }

    fn fix(&self) -> Diagnosis {
        self.ask(&["doctor", "--fix", "--json"])
    }

    fn ask(&self, arguments: &[&str]) -> Diagnosis {
        let mut cli = self.stage.cli(arguments).expect("the program");
        let output = cli.envs(self.variables.iter().cloned()).output().expect("a run");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!text.contains("sk-ant-"), "it shows a token: {text}");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let clean = answer["clean"].as_bool().expect("a verdict");
        assert_eq!(output.status.code(), Some(i32::from(!clean)), "the status says what the verdict says: {answer:#}");
        let findings = answer["findings"].as_array().expect("findings").clone();
        Diagnosis { status: output.status.code(), clean, findings }
    }

    /// Looks, finds exactly one finding, runs its printed command to the letter, and looks again: nothing counts any more.
    fn cured_by_its_command(&self, kind: &str) {
        let command = self.look().only(kind)["command"].as_str().expect("a command").to_owned();
        self.run(&command);
        let after = self.look();
        assert!(after.clean && after.of(kind).is_empty(), "`{command}` mends nothing: {:#?}", after.findings);
    }

    /// Runs a command as a person would, in a shell that finds `signalbox`.
    fn run(&self, command: &str) {
        let beside = program("signalbox").expect("the program");
        let beside = beside.parent().expect("a folder").display();
        let path = format!("{beside}:{}", std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).env_clear().envs(self.stage.home.environment()).env("PATH", path);
        let output = shell.output().expect("a shell");
        assert!(output.status.success(), "`{command}` fails: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// `--fix` mends the one finding, says so, and a second look finds nothing that counts.
    fn cured_by_fix(&self, kind: &str) {
        let before = self.look();
        assert_eq!(before.only(kind)["mendable"], true);
        let fixed = self.fix();
        let finding = fixed.only(kind);
        assert!(finding["mended"] == true && fixed.clean, "{finding:#}");
        assert!(self.look().of(kind).is_empty(), "it was said to be mended");
    }

    /// The ports of this home, for what no command does.
    fn ports(&self) -> Ports {
        let text = |text: &str| Some(text.into());
        let surroundings = Surroundings {
            data_dir: Some(self.stage.home.data().into_os_string()),
            api_base: text(self.stage.home.api_base()),
            token_base: text(self.stage.home.token_base()),
            ..Surroundings::at_home(self.home())
        };
        assemble::ports(&surroundings, "cli").expect("ports")
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

#[test]
fn a_healthy_home_is_clean_and_looking_changes_nothing() {
    let ward = Ward::healthy();
    let before = snapshot(ward.home());
    let requests = ward.stage.sim.requests().len();
    let found = ward.look();
    assert!(found.clean && found.kinds().is_empty(), "{:#?}", found.findings);
    assert_eq!(found.status, Some(0));
    assert_eq!(ward.stage.sim.requests().len(), requests + 1, "one request, for the time");
    assert_eq!(snapshot(ward.home()), before);
}

#[test]
fn a_new_computer_is_clean_and_nothing_is_made() {
    let ward = Ward::empty();
    assert!(ward.look().kinds().is_empty());
    assert!(!ward.stage.home.data().exists());
}

/// Every file below a folder, with its mode and what it holds. The database of readings may be opened, which moves its own
/// helpers.
fn snapshot(folder: &Path) -> Vec<(String, u32, Vec<u8>)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let metadata = path.symlink_metadata().expect("it is there");
        let mode = metadata.permissions().mode();
        let name = path.display().to_string();
        if metadata.is_dir() {
            files.push((name, mode, Vec::new()));
            files.extend(snapshot(&path));
        } else if !name.ends_with("-shm") && !name.ends_with("-wal") {
            files.push((name, mode, std::fs::read(&path).unwrap_or_default()));
        }
    }
    files.sort();
    files
}
