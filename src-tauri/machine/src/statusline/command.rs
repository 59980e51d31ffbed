//! The command that stands in Claude Code's settings: this program, and the statusline command that it wraps. Owns
//! writing it for a shell and knowing it again; leaves putting it there to `setup`.

use std::path::Path;

/// Our command, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatuslineCommand {
    /// The program, by its whole path.
    pub program: String,
    /// The command whose output stands beside ours.
    pub wrap: Option<String>,
    pub format: Option<String>,
    /// Where the wrapped output stands, as `--place` takes it.
    pub place: Option<String>,
}

/// A word that no shell can be given: it holds a NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no shell command can hold a NUL character")]
pub struct Unquotable;

impl StatuslineCommand {
    /// Reads a command line; `None` where it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = shlex::split(text)?.into_iter();
        let program =
            words.next().filter(|word| Path::new(word).file_name().is_some_and(|name| name == "signalbox"))?;
        words.next().filter(|word| word == "statusline")?;
        let mut command = Self { program, ..Self::default() };
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, words.next()),
            };
            match name.as_str() {
                "--wrap" => command.wrap = value,
                "--format" => command.format = value,
                "--place" => command.place = value,
                // Somebody made more of it, a pipe for one.
                _ => return None,
            }
        }
        Some(command)
    }

    /// As one line for a shell.
    pub fn text(&self) -> Result<String, Unquotable> {
        let mut words = vec![self.program.as_str(), "statusline"];
        let options = [("--format", &self.format), ("--place", &self.place), ("--wrap", &self.wrap)];
        for (name, value) in options {
            words.extend(value.as_deref().into_iter().flat_map(|value| [name, value]));
        }
        shlex::try_join(words).map_err(|_| Unquotable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(program: &str, wrap: Option<&str>) -> StatuslineCommand {
        StatuslineCommand { program: program.to_owned(), wrap: wrap.map(str::to_owned), ..StatuslineCommand::default() }
    }

    #[test]
    fn a_command_is_known_again_whatever_it_wraps() {
        for wrap in ["~/bin/line.sh", "jq -r '.model.display_name'", "a 'b' \"c\" $d `e` \\ \n é", "--wrap", ""] {
            let command =
                StatuslineCommand { format: Some("{profile} it's".to_owned()), ..ours("/a b/signalbox", Some(wrap)) };
            assert_eq!(StatuslineCommand::parse(&command.text().expect("no NUL")), Some(command), "{wrap}");
        }
        assert_eq!(ours("/usr/bin/signalbox", None).text().as_deref(), Ok("/usr/bin/signalbox statusline"));
        assert_eq!(ours("/x/signalbox", Some("a\0b")).text(), Err(Unquotable));
    }

    #[test]
    fn another_command_is_not_ours() {
        for text in [
            "",
            "ccstatusline",
            "/usr/bin/signalbox list",
            "signalbox",
            "echo signalbox statusline",
            "signalbox statusline | tr a b",
            "signalbox statusline 'unfinished",
        ] {
            assert_eq!(StatuslineCommand::parse(text), None, "{text}");
        }
        assert_eq!(StatuslineCommand::parse("signalbox statusline --wrap=x"), Some(ours("signalbox", Some("x"))));
    }
}
