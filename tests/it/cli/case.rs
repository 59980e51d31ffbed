//! A case of the command line as data: what is given, what is typed, what has to come of it. Owns the form of the files in
//! `tests/cmd`; what a fixture does to the private home is in `runner`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use provider_sim::Fault;
use serde::Deserialize;

use super::readings::Past;

/// One file in `tests/cmd`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The file's name: the sentence.
    #[serde(skip)]
    pub name: String,
    #[serde(default)]
    pub given: Given,
    /// Typed one after the other.
    pub run: Vec<Run>,
    #[serde(default)]
    pub then: Then,
}

/// What stands there before anything is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// Accounts that are registered under their own names; the first one is live in the end.
    pub profiles: Vec<String>,
    /// What was read of each of them before, oldest first.
    pub readings: Vec<Past>,
    /// Signed in outside Signalbox afterwards.
    pub sign_in: Option<String>,
    /// Claude Code has refreshed the live login since it was saved.
    pub rotated: bool,
    /// Profiles whose login the server has ended.
    pub ended: Vec<String>,
    /// Profiles whose access token the server refuses before its time; a refresh still works.
    pub withdrawn: Vec<String>,
    /// What became of the live login's file.
    pub live: Option<Live>,
    /// Files of the data folder that hold something else now.
    pub files: BTreeMap<String, String>,
    /// Files of Claude Code's config folder besides its login.
    pub claude_files: BTreeMap<String, String>,
    /// Claude Code sessions that run all the while.
    pub sessions: Vec<Session>,
    /// No server answers.
    pub provider_down: bool,
    /// What the server does wrong.
    pub faults: Vec<Fault>,
    /// Variables besides the usual ones.
    pub env: BTreeMap<String, String>,
}

/// One running session.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// What hosts it; a terminal where nothing is said.
    pub entrypoint: Option<String>,
    /// Variables in its own environment.
    pub env: BTreeMap<String, String>,
}

/// What may become of `.credentials.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Live {
    /// Claude Code emptied its login.
    Husk,
    /// Claude Code is signed out; the siblings stay.
    SignedOut,
    /// The file is gone.
    Missing,
    /// It holds nothing.
    Empty,
    /// It ends in the middle.
    Malformed,
    /// It is 10 MB long.
    Huge,
    NotUtf8,
    /// A folder stands in its place.
    Folder,
    /// It belongs to another user.
    Foreign,
    /// It is a link into a dotfiles folder.
    Link,
    /// Everybody may read it.
    WorldReadable,
}

/// One command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// What is typed after `signalbox`, split at spaces.
    pub args: String,
    /// What comes on standard input; nothing where nothing is said.
    #[serde(default)]
    pub stdin: String,
    /// The exit status.
    #[serde(default)]
    pub status: i32,
    /// Standard output, exactly, but for placeholders (see `pattern`).
    #[serde(default)]
    pub stdout: String,
    /// Standard error, likewise.
    #[serde(default)]
    pub stderr: String,
    /// The command that the hint names is run, and then the same arguments succeed.
    #[serde(default)]
    pub hint_mends: bool,
}

/// What has to be true in the end, besides that nothing was lost.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Then {
    /// The account whose login is live, by the server's own word.
    pub live: Option<String>,
    /// The account that Claude Code shows.
    pub shown: Option<String>,
    /// The mode of the live login's file, in octal.
    pub live_mode: Option<String>,
    /// How many requests reached the server.
    pub requests: Option<usize>,
    /// Profiles whose login is gone, by what was given or typed and not by a fault of ours.
    pub gone: Vec<String>,
}

/// Every case there is, in the order of their names.
pub fn all() -> Result<Vec<Case>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    let cases: Vec<Case> = paths.iter().map(|path| read(path)).collect::<Result<_>>()?;
    ensure!(!cases.is_empty(), "there are no cases in {}", folder().display());
    Ok(cases)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cmd")
}

fn read(path: &Path) -> Result<Case> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut case: Case = toml::from_str(&text).with_context(|| path.display().to_string())?;
    case.name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    ensure!(path.extension().is_some_and(|end| end == "toml"), "{} is no case", path.display());
    Ok(case)
}
