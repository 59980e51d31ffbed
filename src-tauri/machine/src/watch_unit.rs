//! `signalbox watch` as a service of the person's own session: a systemd user unit, or a launchd agent. Owns where
//! the unit lies, bringing it in and taking it out, and which of the surroundings it carries over; its text is in
//! `text`. Doing it twice does the same as doing it once. Never becomes root, and never writes a secret down.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use signalbox_core::ports::StoreError;

use crate::durable::{self, Links, Mtime};
use crate::surroundings::Surroundings;

mod text;

/// The name of the systemd unit.
pub const UNIT: &str = "signalbox-watch.service";
/// The label of the launchd agent.
pub const AGENT: &str = "dev.signalbox.watch";

/// Everybody may read it, as is usual for units.
const MODE: u32 = 0o644;
const UNIT_BYTES_MAX: u64 = 64 * 1024;
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// Why there is no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A service is started elsewhere, and would mean another folder.
    #[error("{name} is a relative path, and a service is started in another folder")]
    Relative { name: &'static str },
    /// A line of a unit cannot hold it.
    #[error("{name} holds a character that no service can be given")]
    Unwritable { name: &'static str },
    /// The system's own tool did not do it.
    #[error("`{command}` failed: {why}")]
    Refused { command: String, why: String },
}

/// What was brought in or taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The unit's file.
    pub file: PathBuf,
    /// It was not like this before.
    pub changed: bool,
    /// Not empty where the system's tool is missing: what has to be run by hand.
    pub by_hand: Vec<String>,
}

/// Where units lie and which tool knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Systemd,
    Launchd,
}

impl Kind {
    fn of_this_platform() -> Self {
        if cfg!(target_os = "macos") { Self::Launchd } else { Self::Systemd }
    }

    fn file(self, surroundings: &Surroundings) -> PathBuf {
        let home = &surroundings.home;
        match self {
            Self::Launchd => home.join(format!("Library/LaunchAgents/{AGENT}.plist")),
            Self::Systemd => {
                // The XDG specification tells programs to ignore a relative path.
                let config = surroundings.xdg_config_home.as_ref().map(PathBuf::from).filter(|path| path.is_absolute());
                config.unwrap_or_else(|| home.join(".config")).join("systemd/user").join(UNIT)
            }
        }
    }

    /// What makes the system start it, now and at every login.
    fn starting(self, file: &Path, changed: bool) -> Vec<Call> {
        match self {
            Self::Systemd if !changed => vec![Call::of(&["systemctl", "--user", "enable", "--now", UNIT])],
            Self::Systemd => vec![
                Call::of(&["systemctl", "--user", "daemon-reload"]),
                Call::of(&["systemctl", "--user", "enable", UNIT]),
                // Starts it, or starts it anew with what has changed.
                Call::of(&["systemctl", "--user", "restart", UNIT]),
            ],
            Self::Launchd => vec![
                // An agent that is there already cannot be brought in; that there is none yet is no failure.
                Call::may_fail(&["launchctl", "bootout", &agent()]),
                // It is gone some moments after it was told to go, and until then a new one is refused.
                Call::patient(&["launchctl", "bootstrap", &domain(), &file.display().to_string()]),
            ],
        }
    }

    fn stopping(self) -> Vec<Call> {
        match self {
            Self::Systemd => vec![Call::of(&["systemctl", "--user", "disable", "--now", UNIT])],
            Self::Launchd => vec![Call::may_fail(&["launchctl", "bootout", &agent()])],
        }
    }

    fn after_removal(self) -> Vec<Call> {
        match self {
            Self::Systemd => vec![Call::of(&["systemctl", "--user", "daemon-reload"])],
            Self::Launchd => Vec::new(),
        }
    }
}

fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

fn agent() -> String {
    format!("{}/{AGENT}", domain())
}

/// Brings the service in and starts it. `binary`: the absolute path of `signalbox`.
pub fn install(surroundings: &Surroundings, binary: &Path) -> Result<Outcome, UnitError> {
    let kind = Kind::of_this_platform();
    let file = kind.file(surroundings);
    let environment = carried(surroundings)?;
    let path = PathBuf::from(writable("the path of the program", binary.as_os_str())?);
    let text = match kind {
        Kind::Systemd => text::systemd(&path, &environment),
        Kind::Launchd => text::launchd(AGENT, &path, &environment, &surroundings.home),
    };
    let changed = durable::read(&file, UNIT_BYTES_MAX, Links::Follow)?.as_deref() != Some(text.as_bytes());
    if changed {
        if durable::is_link(&file) {
            return Err(StoreError::Link { path: file }.into());
        }
        if let Some(folder) = file.parent() {
            durable::make_folder(folder)?;
        }
        durable::replace(&file, text.as_bytes(), MODE, Mtime::Any)?;
    }
    let by_hand = run_all(&kind.starting(&file, changed))?;
    Ok(Outcome { file, changed, by_hand })
}

/// Stops the service and takes it out. That there is none is no failure.
pub fn uninstall(surroundings: &Surroundings) -> Result<Outcome, UnitError> {
    let kind = Kind::of_this_platform();
    let file = kind.file(surroundings);
    if file.symlink_metadata().is_err() {
        return Ok(Outcome { file, changed: false, by_hand: Vec::new() });
    }
    let mut by_hand = run_all(&kind.stopping())?;
    durable::remove(&file)?;
    by_hand.extend(run_all(&kind.after_removal())?);
    Ok(Outcome { file, changed: true, by_hand })
}

/// What the service has to know of these surroundings: folders, and where programs are found. Nothing here is a secret.
fn carried(surroundings: &Surroundings) -> Result<Vec<(&'static str, String)>, UnitError> {
    let folders = [
        ("CLAUDE_CONFIG_DIR", &surroundings.claude_config_dir),
        ("CLAUDE_SECURESTORAGE_CONFIG_DIR", &surroundings.claude_secure_storage_dir),
        ("SIGNALBOX_DATA_DIR", &surroundings.data_dir),
        ("XDG_DATA_HOME", &surroundings.xdg_data_home),
    ];
    let mut carried = Vec::new();
    for (name, value) in folders {
        let Some(value) = value else { continue };
        // Defined but empty means the default place (`docs/observed.md` §3), and so it does for the service.
        if !value.is_empty() && !Path::new(value).is_absolute() {
            return Err(UnitError::Relative { name });
        }
        carried.push((name, writable(name, value)?));
    }
    if let Some(id) = &surroundings.oauth_client_id {
        carried.push(("CLAUDE_CODE_OAUTH_CLIENT_ID", writable("CLAUDE_CODE_OAUTH_CLIENT_ID", id.as_ref())?));
    }
    // A service's own is short, and `claude` may have to be found.
    if let Some(path) = surroundings.search_path.as_ref().filter(|path| !path.is_empty()) {
        carried.push(("PATH", writable("PATH", path)?));
    }
    Ok(carried)
}

fn writable(name: &'static str, value: &std::ffi::OsStr) -> Result<String, UnitError> {
    let value = value.to_str().filter(|value| !value.chars().any(char::is_control));
    value.map(str::to_owned).ok_or(UnitError::Unwritable { name })
}

/// A call of the system's tool.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    words: Vec<OsString>,
    may_fail: bool,
    tries: u32,
}

impl Call {
    fn of(words: &[&str]) -> Self {
        Self { words: words.iter().map(OsString::from).collect(), may_fail: false, tries: 1 }
    }

    fn patient(words: &[&str]) -> Self {
        Self { tries: TRIES, ..Self::of(words) }
    }

    /// Runs it until it succeeds, or as often as it may be tried.
    fn output(&self) -> std::io::Result<Output> {
        let (program, arguments) = self.words.split_first().expect("a call has a program");
        let mut left = self.tries;
        loop {
            let output = Command::new(program).args(arguments).output()?;
            left -= 1;
            if output.status.success() || left == 0 {
                return Ok(output);
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }

    fn may_fail(words: &[&str]) -> Self {
        Self { may_fail: true, ..Self::of(words) }
    }

    fn shown(&self) -> String {
        self.words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}

/// Runs all of them; gives back what is left to be run by hand where there is no such tool.
fn run_all(calls: &[Call]) -> Result<Vec<String>, UnitError> {
    for (at, call) in calls.iter().enumerate() {
        let refused = |why: String| UnitError::Refused { command: call.shown(), why };
        match call.output() {
            Ok(output) if output.status.success() || call.may_fail => {}
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).trim().lines().next().map(str::to_owned);
                return Err(refused(said.unwrap_or_else(|| output.status.to_string())));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(calls[at..].iter().filter(|call| !call.may_fail).map(Call::shown).collect());
            }
            Err(error) => return Err(refused(durable::why(&error))),
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_and_where_programs_are_is_carried_over() {
        let surroundings = Surroundings {
            claude_config_dir: Some("/c".into()),
            claude_secure_storage_dir: Some("".into()),
            data_dir: Some("/d".into()),
            api_base: Some("http://127.0.0.1:1".into()),
            search_path: Some("/usr/bin:/opt/claude".into()),
            pins: vec!["ANTHROPIC_API_KEY".to_owned()],
            ..Surroundings::at_home("/home/u")
        };
        let carried = carried(&surroundings).expect("all of it can be written");
        let expected = [
            ("CLAUDE_CONFIG_DIR", "/c"),
            ("CLAUDE_SECURESTORAGE_CONFIG_DIR", ""),
            ("SIGNALBOX_DATA_DIR", "/d"),
            ("PATH", "/usr/bin:/opt/claude"),
        ];
        assert_eq!(carried, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn what_would_mean_another_folder_there_is_refused() {
        let home = Surroundings::at_home("/home/u");
        let relative = Surroundings { data_dir: Some("data".into()), ..home.clone() };
        assert_eq!(carried(&relative), Err(UnitError::Relative { name: "SIGNALBOX_DATA_DIR" }));
        let odd = Surroundings { claude_config_dir: Some("/c\nExecStart=/bin/sh".into()), ..home };
        assert_eq!(carried(&odd), Err(UnitError::Unwritable { name: "CLAUDE_CONFIG_DIR" }));
    }

    #[test]
    fn a_unit_lies_where_the_system_looks_for_it() {
        let home = Surroundings::at_home("/home/u");
        let file = |kind: Kind, surroundings: &Surroundings| kind.file(surroundings).display().to_string();
        assert_eq!(file(Kind::Systemd, &home), "/home/u/.config/systemd/user/signalbox-watch.service");
        assert_eq!(file(Kind::Launchd, &home), "/home/u/Library/LaunchAgents/dev.signalbox.watch.plist");
        let moved = Surroundings { xdg_config_home: Some("/x".into()), ..home.clone() };
        assert_eq!(file(Kind::Systemd, &moved), "/x/systemd/user/signalbox-watch.service");
        let relative = Surroundings { xdg_config_home: Some("x".into()), ..home };
        assert_eq!(file(Kind::Systemd, &relative), "/home/u/.config/systemd/user/signalbox-watch.service");
    }

    #[test]
    fn without_the_tool_it_is_said_what_to_run() {
        let calls = [
            Call::may_fail(&["no-such-tool-of-any-system", "a"]),
            Call::of(&["no-such-tool-of-any-system", "b", "c d"]),
        ];
        assert_eq!(run_all(&calls), Ok(vec!["no-such-tool-of-any-system b c d".to_owned()]));
        assert_eq!(run_all(&[Call::of(&["true"]), Call::may_fail(&["false"])]), Ok(Vec::new()));
        let failed = run_all(&[Call::of(&["sh", "-c", "echo 'no bus' >&2; exit 1"]), Call::of(&["true"])]);
        assert!(matches!(&failed, Err(UnitError::Refused { why, .. }) if why == "no bus"), "{failed:?}");
    }

    #[test]
    fn on_a_mac_the_agent_is_brought_in_anew_each_time() {
        let calls = Kind::Launchd.starting(Path::new("/a.plist"), false);
        let shown: Vec<String> = calls.iter().map(Call::shown).collect();
        let uid = rustix::process::getuid().as_raw();
        let bootout = format!("launchctl bootout gui/{uid}/dev.signalbox.watch");
        assert_eq!(shown, [bootout, format!("launchctl bootstrap gui/{uid} /a.plist")]);
        assert_eq!((calls[0].may_fail, calls[1].may_fail), (true, false));
    }
}
