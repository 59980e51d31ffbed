//! Whether the Claude Code that is installed can sign in apart from the live login. Owns asking it, the first version that
//! can, and for how long an answer counts.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use signalbox_core::signin::Ability;

use crate::claude::environment;

/// The first with `claude auth login`, where 2.1.39 took both words for a prompt; it has `--email`, too. Both were run and
/// looked at.
const FIRST: [u64; 3] = [2, 1, 40];
/// It takes half a second. A program that does not say its version in this time is not waited for.
const LIMIT: Duration = Duration::from_secs(5);
/// A program that stays the same file may lead to another one.
const COUNTS_FOR: Duration = Duration::from_secs(600);
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// What the program said, as long as it counts.
#[derive(Default)]
pub struct Known(Mutex<Option<Answer>>);

struct Answer {
    program: PathBuf,
    changed_at: Option<SystemTime>,
    asked_at: Instant,
    ability: Ability,
}

impl Known {
    /// What this program is able to; asked only where that is not known.
    pub fn ability(&self, program: &Path, search_path: Option<&OsStr>) -> Ability {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed_at = program.metadata().and_then(|metadata| metadata.modified()).ok();
        let counts = |answer: &&Answer| {
            answer.program == program && answer.changed_at == changed_at && answer.asked_at.elapsed() < COUNTS_FOR
        };
        if let Some(answer) = known.as_ref().filter(counts) {
            return answer.ability.clone();
        }
        let asked_at = Instant::now();
        let Some(ability) = ask(program, search_path) else {
            // The other way would touch the live login for nothing but a slow disk. If it is too old after all, its child
            // ends at once and says why.
            return Ability::Isolated;
        };
        *known = Some(Answer { program: program.to_owned(), changed_at, asked_at, ability: ability.clone() });
        ability
    }
}

/// `None`: it did not answer.
fn ask(program: &Path, search_path: Option<&OsStr>) -> Option<Ability> {
    let said = run(program, search_path, &["--version"])?;
    let version = said.split_whitespace().next().unwrap_or_default().to_owned();
    let able = match parse(&version) {
        Some(version) => version >= FIRST,
        // An unknown command is passed over, and the help is of the whole program then.
        None => run(program, search_path, &["auth", "--help"])?.lines().any(|line| line.trim().starts_with("login")),
    };
    Some(if able { Ability::Isolated } else { Ability::TooOld { version } })
}

/// `2.1.229` of `2.1.229 (Claude Code)`.
fn parse(version: &str) -> Option<[u64; 3]> {
    let mut numbers = version.split(['-', '+']).next()?.split('.').map(|number| number.parse().ok());
    let parsed = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(parsed)
}

/// What the program writes on its standard output. One that does not end in time is left to itself: it is nobody's to end.
fn run(program: &Path, search_path: Option<&OsStr>, arguments: &[&str]) -> Option<String> {
    let mut command = environment::bare(program, search_path);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let (tell, said) = mpsc::channel();
    let asking = std::thread::Builder::new().name("claude version".to_owned()).spawn(move || {
        let mut child = command.spawn().ok()?;
        let mut text = Vec::new();
        let read = child.stdout.take()?.take(ANSWER_BYTES_MAX).read_to_end(&mut text);
        child.wait().ok()?;
        read.ok()?;
        tell.send(String::from_utf8_lossy(&text).into_owned()).ok()
    });
    asking.ok()?;
    said.recv_timeout(LIMIT).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse("2.1.229"), Some([2, 1, 229]));
        assert_eq!(parse("2.1.40-beta.1"), Some(FIRST));
        assert!(parse("2.1.39") < Some(FIRST) && parse("2.1.100") > Some(FIRST) && parse("1.0.128") < Some(FIRST));
        for nothing in ["", "v2", "2.1", "2.1.x", "2.1.40.1"] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }
}
