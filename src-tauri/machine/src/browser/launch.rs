//! Starts a browser so that it lives on by itself. Owns its arguments and its environment; leaves which browser and which
//! folder to the callers.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::BrowserError;
use super::installed::Opener;
use super::page::Page;
use crate::durable;

/// A browser that cannot open a window ends sooner. One that only hands the page to another that runs ends as soon, and
/// well.
const ENDS_AT_ONCE: Duration = Duration::from_millis(700);

/// Opens the page in a browser with a folder of its own; whether that browser has its sandbox.
pub fn open_own(
    program: &Path,
    folder: &Path,
    page: &Page,
    besides: &[(OsString, OsString)],
) -> Result<bool, BrowserError> {
    let mut command = command_own(program, folder, besides);
    command.arg("--new-window").arg(page.as_str());
    screen(&command)?;
    start(command, program, ENDS_AT_ONCE)?;
    Ok(is_sandboxed())
}

/// Opens the page in the browser of every day.
pub fn open_shared(opener: &Opener, page: &Page, besides: &[(OsString, OsString)]) -> Result<(), BrowserError> {
    let mut command = Command::new(&opener.program);
    detach(&mut command, besides);
    command.args(opener.arguments).arg(page.as_str());
    start(command, &opener.program, ENDS_AT_ONCE)
}

/// The browser with its folder and what every start of it has in common.
pub fn command_own(program: &Path, folder: &Path, besides: &[(OsString, OsString)]) -> Command {
    let mut command = Command::new(program);
    detach(&mut command, besides);
    let mut user_data = OsString::from("--user-data-dir=");
    user_data.push(folder);
    command.arg(user_data).args(["--no-first-run", "--no-default-browser-check"]);
    if !is_sandboxed() {
        tracing::warn!("this is root, for whom the browser starts only without its sandbox");
        command.arg("--no-sandbox");
    }
    command
}

/// Chromium refuses to start with its sandbox for root on Linux ("Running as root without --no-sandbox is not
/// supported"). Everybody else keeps it.
pub fn is_sandboxed() -> bool {
    !(cfg!(target_os = "linux") && rustix::process::geteuid().is_root())
}

/// An error where a window certainly cannot come up.
pub fn screen(command: &Command) -> Result<(), BrowserError> {
    let own = |name: &str| {
        let set = command.get_envs().find(|(each, _)| *each == name);
        set.map(|(_, value)| value.map(OsString::from))
    };
    is_there(own).then_some(()).ok_or(BrowserError::NoScreen)
}

/// Whether a window may come up in our environment with `besides` in it.
pub fn has_screen(besides: &[(OsString, OsString)]) -> bool {
    is_there(|name| besides.iter().rev().find(|(each, _)| each == name).map(|(_, value)| Some(value.clone())))
}

/// `own`: what stands in the place of our own variable, if something does.
fn is_there(own: impl Fn(&str) -> Option<Option<OsString>>) -> bool {
    let variable = |name| own(name).unwrap_or_else(|| std::env::var_os(name)).filter(|value| !value.is_empty());
    cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| variable(name).is_some())
}

/// In a group of its own it does not hear a Ctrl-C at our terminal, nor the terminal being closed. It gets none of the
/// variables that may hold a login, and what it says nobody reads.
fn detach(command: &mut Command, besides: &[(OsString, OsString)]) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).current_dir("/");
    for (name, _) in std::env::vars_os() {
        if is_taken_away(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command.envs(besides.iter().map(|(name, value)| (name, value)));
}

fn is_taken_away(name: &str) -> bool {
    ["ANTHROPIC_", "CLAUDE_", "SIGNALBOX_"].iter().any(|prefix| name.starts_with(prefix)) || name == "CLAUDECODE"
}

/// Starts it, and looks for as long as `patience` whether it ends with an error.
fn start(mut command: Command, program: &Path, patience: Duration) -> Result<(), BrowserError> {
    let failed = |why| BrowserError::NotStarted { program: program.to_owned(), why };
    let mut child = command.spawn().map_err(|error| failed(durable::why(&error)))?;
    tracing::debug!(pid = child.id(), program = %program.display(), "browser started");
    let (tell, ended) = mpsc::channel();
    // A thread waits for its end, however late: a child that nobody waits for stays in the process table and looks
    // alive. When we end first, the system waits for it.
    let waiting = std::thread::Builder::new().name("browser".to_owned()).spawn(move || {
        // Whoever listens may have gone.
        drop(tell.send(child.wait()));
    });
    waiting.map_err(|error| failed(durable::why(&error)))?;
    match ended.recv_timeout(patience) {
        Ok(Ok(status)) if !status.success() => Err(failed(format!("it ended at once ({status})"))),
        Ok(Err(error)) => Err(failed(durable::why(&error))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::time::Instant;

    use super::*;

    fn script(folder: &Path, text: &str) -> PathBuf {
        let program = folder.join("browser");
        std::fs::write(&program, format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
        program
    }

    fn on_a_screen() -> Vec<(OsString, OsString)> {
        vec![("DISPLAY".into(), ":none".into())]
    }

    fn page() -> Page {
        Page::parse("https://claude.ai/oauth/authorize?state=a%20b&x=$(id)").expect("a page")
    }

    fn read_in_the_end(path: &Path) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match std::fs::read_to_string(path) {
                Ok(text) if text.ends_with("end\n") => return text,
                _ => assert!(Instant::now() < deadline, "{} is not written", path.display()),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_browser_gets_its_folder_the_page_and_a_group_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = folder.path().join("said");
        let program = script(
            folder.path(),
            &format!(
                "{{ printf '%s\\n' \"$@\"; echo group $(($(cut -d' ' -f5 /proc/$$/stat) == $$)); echo end; }} > {}",
                said.display()
            ),
        );
        let sandboxed = open_own(&program, Path::new("/a b"), &page(), &on_a_screen()).expect("started");
        let said = read_in_the_end(&said);
        let mut arguments = vec!["--user-data-dir=/a b", "--no-first-run", "--no-default-browser-check"];
        if !sandboxed {
            arguments.push("--no-sandbox");
        }
        let address = "https://claude.ai/oauth/authorize?state=a%20b&x=$(id)";
        arguments.extend(["--new-window", address, "group 1", "end"]);
        assert_eq!(said.lines().collect::<Vec<_>>(), arguments);
    }

    #[test]
    fn the_sandbox_is_left_out_for_root_on_linux_alone() {
        let root = rustix::process::geteuid().is_root();
        let command = command_own(Path::new("/browser"), Path::new("/folder"), &[]);
        let without = command.get_args().any(|argument| argument == "--no-sandbox");
        assert_eq!(without, root && cfg!(target_os = "linux"));
    }

    #[test]
    fn a_browser_that_ends_at_once_was_opened_only_if_it_ends_well() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = Duration::from_secs(60);
        let program = script(folder.path(), "exit 3");
        let error = start(Command::new(&program), &program, long).expect_err("it ended");
        assert!(error.to_string().contains("ended at once (exit status: 3)"), "{error}");
        // It has handed the page to another that runs.
        let program = script(folder.path(), "exit 0");
        assert_eq!(start(Command::new(&program), &program, long), Ok(()));
        let gone = open_own(&folder.path().join("gone"), folder.path(), &page(), &on_a_screen());
        assert!(matches!(gone, Err(BrowserError::NotStarted { .. })));
    }

    #[test]
    fn without_a_screen_nothing_is_started() {
        let mut command = Command::new("browser");
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        assert_eq!(screen(&command), if cfg!(target_os = "macos") { Ok(()) } else { Err(BrowserError::NoScreen) });
        command.env("WAYLAND_DISPLAY", "wayland-0");
        assert_eq!(screen(&command), Ok(()));
    }

    #[test]
    fn no_variable_that_may_hold_a_login_is_passed_on() {
        for name in
            ["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR", "CLAUDECODE", "SIGNALBOX_API_BASE"]
        {
            assert!(is_taken_away(name), "{name}");
        }
        for name in ["HOME", "DISPLAY", "PATH", "HTTPS_PROXY", "DBUS_SESSION_BUS_ADDRESS"] {
            assert!(!is_taken_away(name), "{name}");
        }
    }

    #[test]
    fn the_browser_of_every_day_gets_the_page_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = folder.path().join("said");
        let program = script(folder.path(), &format!("{{ printf '%s\\n' \"$@\"; echo end; }} > {}", said.display()));
        let opener = Opener { program, arguments: &["-a", "Safari"] };
        open_shared(&opener, &page(), &[]).expect("started");
        let said = read_in_the_end(&said);
        assert_eq!(said.lines().take(3).collect::<Vec<_>>(), ["-a", "Safari", page().as_str()]);
    }
}
