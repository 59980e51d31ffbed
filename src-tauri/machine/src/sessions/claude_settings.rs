//! The settings files of Claude Code. Owns where they lie, and reading of each what concerns a login: pins and forced logins.
//! They are never written. Values of variables are not kept, because they may be secrets.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::pins::{self, Held};
use crate::durable;

/// People keep long lists of permissions in them.
const SETTINGS_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// At most this many pieces of managed settings are looked at.
const PIECES_MAX: usize = 256;
/// Settings by which an organisation says which logins Claude Code may use at all.
const FORCED: [&str; 2] = ["forceLoginMethod", "forceLoginOrgUUID"];

/// What a settings file says about logins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Names of what outranks the stored login.
    pub pins: Vec<String>,
    /// Which of [`FORCED`] are set.
    pub forced: Vec<&'static str>,
}

/// Why a settings file says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("it cannot be read: {why}")]
    Unreadable { why: String },
    /// It never quotes what it could not read.
    #[error("it is no valid JSON (line {line})")]
    Broken { line: usize },
}

/// Managed settings below `folder`: `managed-settings.json`, then the pieces in `managed-settings.d` by name.
pub fn managed(folder: &Path) -> Vec<PathBuf> {
    let mut pieces: Vec<PathBuf> = std::fs::read_dir(folder.join("managed-settings.d"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .take(PIECES_MAX)
        .collect();
    pieces.sort();
    pieces.insert(0, folder.join("managed-settings.json"));
    pieces
}

/// The settings of the project in a folder. Claude Code looks in the folder in which it was started (cc#74023, cc#55973), and
/// newer versions in the root of the repository as well.
pub fn of_project(folder: &Path) -> Vec<PathBuf> {
    let root = folder.ancestors().find(|folder| folder.join(".git").exists()).filter(|root| *root != folder);
    let in_folder = |folder: &Path| ["settings.json", "settings.local.json"].map(|n| folder.join(".claude").join(n));
    std::iter::once(folder).chain(root).flat_map(in_folder).collect()
}

/// Reads a settings file; `Ok(None)` when there is none.
pub fn read(path: &Path) -> Result<Option<Found>, Unread> {
    let bytes =
        read_file(path, SETTINGS_BYTES_MAX).map_err(|error| Unread::Unreadable { why: durable::why(&error) })?;
    let Some(bytes) = bytes.map(Zeroizing::new) else { return Ok(None) };
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    // Claude Code leaves an empty file behind now and then, and takes it for no settings.
    if text.trim_ascii().is_empty() {
        return Ok(Some(Found::default()));
    }
    let members: HashMap<String, &RawValue> =
        serde_json::from_slice(text).map_err(|error| Unread::Broken { line: error.line() })?;
    let held = |name: &str| members.get(name).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let filled = |name: &str| held(name).is_some_and(|value| value.0.filled);
    let variables: HashMap<String, Value> =
        members.get("env").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let mut pins = pins::among(|name| variables.get(name).map(|value| value.0));
    pins.extend(filled("apiKeyHelper").then(|| "apiKeyHelper".to_owned()));
    Ok(Some(Found { pins, forced: FORCED.into_iter().filter(|name| filled(name)).collect() }))
}

/// Reads a file that need not be ours: managed settings are root's. `Ok(None)` only when it does not exist.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    // Without NONBLOCK a named pipe at the path would hold the program for ever.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file: File = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        // A file where a folder should be, as when a project has a file named `.claude`.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other("it is too long to be right"));
    }
    Ok(Some(bytes))
}

/// A JSON value, of which only [`Held`] is kept.
#[derive(Clone, Copy, Debug)]
struct Value(Held);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Held;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_str<E>(self, value: &str) -> Result<Held, E> {
        Ok(Held::of(value))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Held, E> {
        Ok(Held::of(if value { "true" } else { "false" }))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Held, E> {
        Ok(Held::of(if value == 0 { "0" } else { "1" }))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Held, E> {
        Ok(Held::of(if value == 0 { "0" } else { "1" }))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Held, E> {
        Ok(Held::of(if value == 0.0 { "0" } else { "1" }))
    }

    fn visit_unit<E>(self) -> Result<Held, E> {
        Ok(Held::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Held, A::Error> {
        let mut any = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            any = true;
        }
        Ok(if any { Held::of("1") } else { Held::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Held, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Held::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<Option<Found>, Unread> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.json");
        std::fs::write(&path, text).expect("written");
        read(&path)
    }

    fn pins_in(text: &str) -> Vec<String> {
        found(text).expect("readable").expect("there").pins
    }

    #[test]
    fn variables_and_the_key_helper_are_pins_in_a_settings_file() {
        let text = r#"{"env":{"ANTHROPIC_API_KEY":"sk-ant-api03-sim","CLAUDE_CODE_USE_VERTEX":1,"X":{"a":1}},
            "apiKeyHelper":"/bin/key","forceLoginOrgUUID":["a"],"permissions":{"allow":["Bash(ls)"]}}"#;
        let found = found(text).expect("readable").expect("there");
        assert_eq!(found.pins, ["CLAUDE_CODE_USE_VERTEX", "ANTHROPIC_API_KEY", "apiKeyHelper"]);
        assert_eq!(found.forced, ["forceLoginOrgUUID"]);
    }

    #[test]
    fn what_is_switched_off_or_empty_is_no_pin() {
        for text in [
            "{}",
            "",
            "\u{feff}{}",
            r#"{"env":{"CLAUDE_CODE_USE_BEDROCK":"0","ANTHROPIC_API_KEY":"","CLAUDE_CODE_SIMPLE":false},"apiKeyHelper":null}"#,
            r#"{"env":null}"#,
            r#"{"env":["ANTHROPIC_API_KEY"],"apiKeyHelper":""}"#,
            r#"{"env":{"ANTHROPIC_BASE_URL":"http://127.0.0.1"},"primaryApiKey":"x"}"#,
        ] {
            assert!(pins_in(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_broken_file_is_told_by_its_line_and_never_quoted() {
        let broken = found("{\n  \"env\": {\"ANTHROPIC_API_KEY\": \"sk-ant-api03-sim\",}\n}").expect_err("broken");
        assert_eq!(broken, Unread::Broken { line: 2 });
        assert_eq!(broken.to_string(), "it is no valid JSON (line 2)");
        assert_eq!(found("[1]").expect_err("no object"), Unread::Broken { line: 1 });
    }

    #[test]
    fn what_is_no_file_is_unreadable_and_does_not_hang() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(&folder.path().join("none")), Ok(None));
        assert!(matches!(read(folder.path()), Err(Unread::Unreadable { .. })));
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        assert!(matches!(read(&pipe), Err(Unread::Unreadable { .. })));
    }

    #[test]
    fn a_projects_settings_lie_in_its_folder_and_in_the_root_of_its_repository() {
        let home = tempfile::tempdir().expect("a folder");
        let inner = home.path().join("repo/packages/app");
        std::fs::create_dir_all(&inner).expect("made");
        assert_eq!(of_project(&inner).len(), 2);
        std::fs::create_dir(home.path().join("repo/.git")).expect("made");
        let files = of_project(&inner);
        assert_eq!(files.len(), 4);
        assert_eq!(files[0], inner.join(".claude/settings.json"));
        assert_eq!(files[3], home.path().join("repo/.claude/settings.local.json"));
        assert_eq!(of_project(&home.path().join("repo")).len(), 2, "the root itself comes once");
    }

    #[test]
    fn managed_settings_come_with_their_pieces_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let pieces = folder.path().join("managed-settings.d");
        std::fs::create_dir(&pieces).expect("made");
        for name in ["20-b.json", "10-a.json", "notes.txt"] {
            std::fs::write(pieces.join(name), "{}").expect("written");
        }
        let names: Vec<_> = managed(folder.path()).iter().map(|p| p.file_name().expect("a name").to_owned()).collect();
        assert_eq!(names, ["managed-settings.json", "10-a.json", "20-b.json"]);
    }
}
