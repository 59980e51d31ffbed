//! Running Claude Code sessions, and pins: what makes one ignore the live login. Owns the types and what a switch may promise about them;
//! leaves finding them to the `Sessions` port and the words of a cure to `doctor`.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Code, NextStep, Problem};
use crate::profile::Alias;
use crate::time::Timestamp;

/// A Claude Code process that runs, as its own record tells (`docs/claude-code.md` §I1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub pid: u32,
    /// The folder it works in.
    pub folder: Option<PathBuf>,
    pub started_at: Option<Timestamp>,
    /// "2.1.330".
    pub version: Option<String>,
    /// "cli", "claude-vscode", "claude-desktop", "sdk-cli", "mcp".
    pub entrypoint: Option<String>,
    /// The name of what makes this one ignore the live login: a variable in its own environment, or a setting of its project.
    pub pinned_by: Option<String>,
}

impl Session {
    /// Whether a switch reaches it (`docs/claude-code.md` §E3): one that Claude Desktop hosts, or that is pinned, never follows.
    pub fn follows(&self) -> bool {
        self.pinned_by.is_none() && self.entrypoint.as_deref() != Some("claude-desktop")
    }

    /// Whether it may still hold what was live before `at`: it began before, or nobody knows when.
    pub fn may_hold_a_login_of(&self, at: Timestamp) -> bool {
        self.started_at.is_none_or(|started| started < at)
    }

    /// "the session in ~/p (pid 4711)".
    pub fn words(&self) -> String {
        match &self.folder {
            Some(folder) => format!("the session in {} (pid {})", folder.display(), self.pid),
            None => format!("the session with pid {}", self.pid),
        }
    }
}

/// Something that makes Claude Code ignore the live login (`docs/claude-code.md` §D8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// The variable or setting: `ANTHROPIC_API_KEY`, `apiKeyHelper`. Never its value.
    pub name: String,
    pub place: PinPlace,
}

/// Where a pin is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PinPlace {
    /// The environment from which Signalbox itself was started.
    Environment,
    /// A settings file of Claude Code's.
    Settings { path: PathBuf },
}

/// How a switch reaches the sessions that run, and what stands in its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// `None` when it could not be found out.
    pub sessions: Option<Vec<Session>>,
    pub pins: Vec<Pin>,
}

/// A list of sessions is not longer than this in a sentence.
const NAMED_MAX: usize = 3;

impl Pin {
    /// "`ANTHROPIC_API_KEY` is set in /home/ada/.claude/settings.json".
    pub fn words(&self) -> String {
        match &self.place {
            PinPlace::Environment => format!("`{}` is set in this environment", self.name),
            PinPlace::Settings { path } => format!("`{}` is set in {}", self.name, path.display()),
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> NextStep {
        let place = match &self.place {
            PinPlace::Environment => None,
            PinPlace::Settings { path } => Some(path.display().to_string()),
        };
        NextStep::RemovePin { name: self.name.clone(), place }
    }

    /// Whether it concerns one folder's sessions only, which know of it themselves.
    fn is_of_a_folder_of(&self, sessions: &[Session]) -> bool {
        let PinPlace::Settings { path } = &self.place else { return false };
        sessions.iter().filter_map(|session| session.folder.as_deref()).any(|folder| path.starts_with(folder))
    }
}

impl Reach {
    /// Which running sessions follow the switch, in whole sentences.
    pub fn words(&self) -> String {
        let Some(sessions) = &self.sessions else { return "Running sessions follow within 30 s.".to_owned() };
        let in_settings = |pin: &&Pin| matches!(pin.place, PinPlace::Settings { .. });
        let follow = sessions.iter().filter(|session| session.follows()).count();
        match (sessions.len(), follow) {
            (0, _) => "No session is running.".to_owned(),
            // Nobody can promise anything while the settings tell every session otherwise.
            (all, _) if self.pins.iter().filter(in_settings).any(|pin| !pin.is_of_a_folder_of(sessions)) => match all {
                1 => "1 session is running.".to_owned(),
                all => format!("{all} sessions are running."),
            },
            (1, 1) => "1 running session follows within 30 s.".to_owned(),
            (all, follow) if all == follow => format!("{all} running sessions follow within 30 s."),
            (1, 0) => format!("1 running session stays as it is: {}.", staying(sessions)),
            (all, 0) => format!("{all} running sessions stay as they are: {}.", staying(sessions)),
            (all, follow) => {
                let verb = if follow == 1 { "follows" } else { "follow" };
                let rest = if all - follow == 1 { "1 stays as it is" } else { "The others stay as they are" };
                format!("{follow} of {all} running sessions {verb} within 30 s. {rest}: {}.", staying(sessions))
            }
        }
    }

    /// That `alias` is live, and Claude Code ignores it; `None` where nothing is pinned.
    pub fn problem(&self, alias: &Alias) -> Option<Problem> {
        let first = self.pins.first()?;
        let pins: Vec<String> = self.pins.iter().map(Pin::words).collect();
        Some(Problem {
            code: Code::Pinned,
            message: format!("{alias} is live, but Claude Code does not use the live login: {}", pins.join("; ")),
            next_step: first.cure(),
            about: Some(alias.clone()),
        })
    }
}

/// The sessions that do not follow, each with its reason.
fn staying(sessions: &[Session]) -> String {
    let stay: Vec<&Session> = sessions.iter().filter(|session| !session.follows()).collect();
    let mut named: Vec<String> = stay
        .iter()
        .take(NAMED_MAX)
        .map(|session| match &session.pinned_by {
            Some(name) => format!("{} is pinned by `{name}`", session.words()),
            None => format!("{} belongs to Claude Desktop", session.words()),
        })
        .collect();
    if stay.len() > NAMED_MAX {
        named.push(format!("and {} more", stay.len() - NAMED_MAX));
    }
    named.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(pid: u32, pinned_by: Option<&str>) -> Session {
        Session {
            pid,
            folder: Some("/p".into()),
            started_at: None,
            version: None,
            entrypoint: None,
            pinned_by: pinned_by.map(str::to_owned),
        }
    }

    fn reach(sessions: Vec<Session>, pins: Vec<Pin>) -> String {
        Reach { sessions: Some(sessions), pins }.words()
    }

    fn pin(path: &str) -> Pin {
        Pin { name: "apiKeyHelper".to_owned(), place: PinPlace::Settings { path: path.into() } }
    }

    #[test]
    fn the_sentence_counts_who_follows_and_names_who_does_not() {
        let free = |pid| session(pid, None);
        let pinned = |pid| session(pid, Some("ANTHROPIC_API_KEY"));
        let named = |pid| format!("the session in /p (pid {pid}) is pinned by `ANTHROPIC_API_KEY`");
        assert_eq!(reach(vec![], vec![]), "No session is running.");
        assert_eq!(reach(vec![free(1)], vec![]), "1 running session follows within 30 s.");
        assert_eq!(reach(vec![free(1), free(2)], vec![]), "2 running sessions follow within 30 s.");
        assert_eq!(reach(vec![pinned(1)], vec![]), format!("1 running session stays as it is: {}.", named(1)));
        let both = format!("{}; {}", named(1), named(2));
        assert_eq!(reach(vec![pinned(1), pinned(2)], vec![]), format!("2 running sessions stay as they are: {both}."));
        assert_eq!(
            reach(vec![free(3), pinned(1)], vec![]),
            format!("1 of 2 running sessions follows within 30 s. 1 stays as it is: {}.", named(1))
        );
        let many = reach((1..=5).map(pinned).chain([free(9), free(8)]).collect(), vec![]);
        assert!(
            many.starts_with("2 of 7 running sessions follow within 30 s. The others stay as they are: "),
            "{many}"
        );
        assert!(many.ends_with("; and 2 more."), "{many}");
        assert_eq!(Reach::default().words(), "Running sessions follow within 30 s.");
        let desktop = Session { entrypoint: Some("claude-desktop".to_owned()), ..free(4) };
        assert!(reach(vec![desktop], vec![]).ends_with("(pid 4) belongs to Claude Desktop."));
    }

    #[test]
    fn nothing_is_promised_while_the_settings_pin_every_session() {
        let sessions = || vec![session(1, None), session(2, None)];
        assert_eq!(reach(sessions(), vec![pin("/home/.claude/settings.json")]), "2 sessions are running.");
        let of_the_folder = pin("/p/.claude/settings.json");
        assert_eq!(reach(sessions(), vec![of_the_folder]), "2 running sessions follow within 30 s.");
        let environment = Pin { name: "ANTHROPIC_API_KEY".to_owned(), place: PinPlace::Environment };
        assert_eq!(reach(sessions(), vec![environment]), "2 running sessions follow within 30 s.");
    }
}
