//! What Claude Code leaves on disk about its sessions and settings: it may be another version's, half written, or anybody's.

use std::path::Path;

use serde::de::IgnoredAny;
use serde_json::Value;
use signalbox_core::ports::Sessions as _;
use signalbox_core::sessions::{PinPlace, Session};
use signalbox_machine::sessions::{ClaudeSessions, claude_settings};
use signalbox_machine::surroundings::Surroundings;

use crate::marker::{error_says_nothing, says_nothing, with_and_without};
use crate::oracle;
use crate::place::folder;

/// No kernel gives a process a number as high as this.
const NOBODY: u32 = 2_000_000_000;

/// A record under the number of a process that runs counts as that session, unless it says plainly that it is another
/// one's; a record under the number of no process never counts. One that cannot be read counts, and tells nothing.
///
/// # Panics
/// When one of these does not hold.
pub fn session_record(bytes: &[u8]) {
    let own = std::process::id();
    let found = running(&[(own, bytes), (NOBODY, bytes)]);
    assert!(found.iter().all(|session| session.pid == own), "a process that is not there was found");
    if serde_json::from_slice::<IgnoredAny>(bytes).is_err() {
        let told = found.first().expect("a record that tells nothing hides no session");
        assert_eq!((&told.version, told.started_at), (&None, None), "something was made up");
    }
    // What `Value` cannot hold (a lone surrogate in some member) says nothing about the members that are read.
    let Ok(record) = serde_json::from_slice::<Value>(bytes) else { return };
    let ours = match &record["pid"] {
        Value::Null => true,
        pid => pid.as_u64() == Some(u64::from(own)),
    };
    let said = |name: &str| record[name].as_str().filter(|_| ours);
    let Some(session) = found.first() else {
        assert!(ours && record.is_object(), "a record that tells nothing hides a session");
        let another = said("procStart").is_some_and(|start| start != own_start());
        return assert!(another || record["startedAt"].is_i64(), "a session was overlooked");
    };
    assert_eq!(found.len(), 1);
    for (told, name) in [(&session.version, "version"), (&session.entrypoint, "entrypoint")] {
        assert!(told.is_none() || told.as_deref() == said(name), "{name} was made up");
    }
    assert!(session.folder.is_none() || session.folder.as_deref() == said("cwd").map(Path::new));
    assert!(session.started_at.is_none_or(|at| Some(at.ms()) == record["startedAt"].as_i64()));
    // Where nothing of it can be doubted it is told.
    if let Some(start) = said("procStart").filter(|start| !start.is_empty() && is_plain(bytes, &record)) {
        assert_eq!(start, own_start(), "the number was used again, and the session is another's");
        assert_eq!(session.version.as_deref(), said("version"));
    }
}

/// Whether every member that is read is there once, and has the type that Claude Code gives it.
fn is_plain(bytes: &[u8], record: &Value) -> bool {
    let names = str::from_utf8(bytes).map(oracle::names).unwrap_or_default();
    let once = names.iter().all(|name| names.iter().filter(|other| *other == name).count() == 1);
    let text = |name: &str| record[name].is_null() || record[name].is_string();
    once && ["cwd", "procStart", "version", "entrypoint"].into_iter().all(text)
        && (record["startedAt"].is_null() || record["startedAt"].is_i64())
}

/// The sessions that are found where these records lie.
fn running(records: &[(u32, &[u8])]) -> Vec<Session> {
    let home = folder();
    let sessions = home.path().join(".claude/sessions");
    std::fs::create_dir_all(&sessions).expect("made");
    for (pid, bytes) in records {
        std::fs::write(sessions.join(format!("{pid}.json")), bytes).expect("written");
    }
    ClaudeSessions::new(&Surroundings::at_home(home.path())).running().expect("the folder can be read")
}

/// When this process began, as field 22 of its own record in `/proc` has it. Reckoned from behind: the name of a test or a
/// fuzz target holds no bracket.
fn own_start() -> String {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let (_, fields) = stat.split_once(") ").expect("a name in brackets");
    fields.split(' ').nth(19).expect("22 fields").to_owned()
}

/// Whatever a settings file of Claude Code's says, only names of pins come out of it, never a value; and a pin that it sets is
/// found.
///
/// # Panics
/// When one of these does not hold.
pub fn claude_settings(bytes: &[u8]) {
    with_and_without(bytes, |bytes| {
        let home = folder();
        let path = home.path().join(".claude/settings.json");
        std::fs::create_dir(home.path().join(".claude")).expect("made");
        std::fs::write(&path, bytes).expect("written");
        let surroundings =
            Surroundings { managed_settings: home.path().join("managed"), ..Surroundings::at_home(home.path()) };
        let in_file = PinPlace::Settings { path: path.clone() };
        let pins = ClaudeSessions::new(&surroundings).pins();
        assert!(pins.iter().all(|pin| pin.place == in_file), "a pin was found where none is");
        match claude_settings::read(&path) {
            Err(why) => {
                error_says_nothing(&why);
                assert!(pins.is_empty());
            }
            Ok(found) => {
                let found = found.expect("the file exists");
                says_nothing(&format!("{found:?}"));
                assert!(pins.iter().map(|pin| &pin.name).eq(&found.pins));
                check_pins(bytes, &found.pins);
            }
        }
    });
}

fn check_pins(bytes: &[u8], pins: &[String]) {
    let Ok(settings) = serde_json::from_slice::<Value>(bytes) else { return };
    let is_set = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    if is_set(&settings["apiKeyHelper"]) {
        assert!(pins.iter().any(|pin| pin == "apiKeyHelper"));
    }
    // A single odd variable makes Claude Code refuse the file; what is left of it is not ours to say.
    let Some(variables) = settings["env"].as_object().filter(|all| all.values().all(Value::is_string)) else { return };
    for name in ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"] {
        let set = variables.get(name).is_some_and(is_set);
        assert_eq!(pins.iter().any(|pin| pin == name), set, "{name}");
    }
}
