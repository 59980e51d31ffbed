//! Finds the browsers that are installed. Owns their names, their places and their order; leaves starting them to
//! `launch`.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use serde::{Deserialize, Serialize};

use super::BrowserError;
use crate::surroundings::Surroundings;

/// A browser of the Chromium family, which takes a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Chrome,
    Chromium,
    Edge,
    Brave,
}

impl Kind {
    /// In the order in which they are looked for.
    pub const ALL: [Self; 4] = [Self::Chrome, Self::Chromium, Self::Edge, Self::Brave];

    /// Its name in the settings, and of its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Chromium => "chromium",
            Self::Edge => "edge",
            Self::Brave => "brave",
        }
    }

    /// Its name for people, which is that of its macOS bundle too.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Chrome => "Google Chrome",
            Self::Chromium => "Chromium",
            Self::Edge => "Microsoft Edge",
            Self::Brave => "Brave Browser",
        }
    }

    /// What its packages call it on Linux.
    const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Chrome => &["google-chrome", "google-chrome-stable"],
            Self::Chromium => &["chromium", "chromium-browser"],
            Self::Edge => &["microsoft-edge", "microsoft-edge-stable"],
            Self::Brave => &["brave-browser", "brave-browser-stable", "brave"],
        }
    }
}

/// Which browser a person wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The first of [`Kind::ALL`] that is installed, else the browser of every day.
    #[default]
    Any,
    /// This one and no other.
    Own(Kind),
    /// Safari, which has no folder for each profile. On macOS only.
    Safari,
    /// The browser of every day.
    Default,
}

impl Choice {
    /// Reads the word of a setting or an argument: `auto`, `chrome`, `chromium`, `edge`, `brave`, `safari` or `default`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Self::Any),
            "safari" => Some(Self::Safari),
            "default" => Some(Self::Default),
            _ => Kind::ALL.into_iter().find(|kind| kind.name() == word).map(Self::Own),
        }
    }

    /// The word that [`Choice::parse`] reads.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Any => "auto",
            Self::Own(kind) => kind.name(),
            Self::Safari => "safari",
            Self::Default => "default",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Own(Kind, PathBuf),
    /// The program that opens a page in the browser of every day or in Safari, with what stands before the address.
    Shared(Opener),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opener {
    pub program: PathBuf,
    pub arguments: &'static [&'static str],
}

/// Where browsers are looked for.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Folders with app bundles; `None` where there are no bundles.
    bundles: Option<Vec<PathBuf>>,
    search_path: Option<OsString>,
}

impl Places {
    pub fn of(surroundings: &Surroundings) -> Self {
        let bundles = || vec![PathBuf::from("/Applications"), surroundings.home.join("Applications")];
        Self { bundles: cfg!(target_os = "macos").then(bundles), search_path: surroundings.search_path.clone() }
    }

    pub fn find(&self, choice: Choice) -> Result<Found, BrowserError> {
        let own = |kind: Kind| self.program(kind).map(|program| Found::Own(kind, program));
        match choice {
            Choice::Any => match Kind::ALL.into_iter().find_map(own) {
                Some(found) => Ok(found),
                None => self.shared(false),
            },
            Choice::Own(kind) => own(kind).ok_or(BrowserError::NotInstalled { browser: kind.title() }),
            Choice::Safari => self.shared(true),
            Choice::Default => self.shared(false),
        }
    }

    fn program(&self, kind: Kind) -> Option<PathBuf> {
        if let Some(folders) = &self.bundles {
            // The program inside, because `open -a` hands a running browser the address and drops our arguments.
            let inside = format!("{0}.app/Contents/MacOS/{0}", kind.title());
            return folders.iter().map(|folder| folder.join(&inside)).find(|program| is_executable(program));
        }
        kind.programs().iter().find_map(|name| self.in_path(name).filter(|program| !is_confined(program)))
    }

    fn shared(&self, safari: bool) -> Result<Found, BrowserError> {
        if self.bundles.is_some() {
            let arguments: &[&str] = if safari { &["-a", "Safari"] } else { &[] };
            return Ok(Found::Shared(Opener { program: PathBuf::from("/usr/bin/open"), arguments }));
        }
        if safari {
            return Err(BrowserError::NotInstalled { browser: "Safari" });
        }
        let program = self.in_path("xdg-open");
        let program = program.ok_or(BrowserError::NotInstalled { browser: "a browser (and `xdg-open`)" })?;
        Ok(Found::Shared(Opener { program, arguments: &[] }))
    }

    fn in_path(&self, name: &str) -> Option<PathBuf> {
        let folders = std::env::split_paths(self.search_path.as_ref()?);
        // What a relative entry means hangs on the folder one happens to be in.
        folders
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|program| is_executable(program))
    }
}

fn is_executable(program: &Path) -> bool {
    program.is_file() && rustix::fs::access(program, Access::EXEC_OK).is_ok()
}

/// Whether it is a snap, which may not enter hidden folders such as `~/.local`, so it could not use a folder of ours.
/// Ubuntu's `chromium-browser` is a script that starts one.
fn is_confined(program: &Path) -> bool {
    let real = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    if real.starts_with("/snap") || real.file_name().is_some_and(|name| name == "snap") {
        return true;
    }
    let mut start = Vec::new();
    let read = File::open(&real).and_then(|file| file.take(8_192).read_to_end(&mut start));
    let script = read.is_ok() && start.starts_with(b"#!");
    script && start.windows(b"/snap/bin/".len()).any(|bytes| bytes == b"/snap/bin/")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn put(program: PathBuf, text: &str, mode: u32) -> PathBuf {
        std::fs::create_dir_all(program.parent().expect("a folder")).expect("made");
        std::fs::write(&program, text).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).expect("set");
        program
    }

    fn in_path(folder: &Path) -> Places {
        let search_path = std::env::join_paths([Path::new("relative"), folder]).expect("a path");
        Places { bundles: None, search_path: Some(search_path) }
    }

    #[test]
    fn the_first_one_installed_is_taken_and_a_choice_takes_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let places = in_path(folder.path());
        let brave = put(at("brave-browser"), "", 0o755);
        assert_eq!(places.find(Choice::Any), Ok(Found::Own(Kind::Brave, brave.clone())));
        put(at("google-chrome"), "", 0o644);
        let chromium = put(at("chromium"), "#!/bin/sh\nexec /usr/lib/chromium/chromium\n", 0o755);
        assert_eq!(places.find(Choice::Any), Ok(Found::Own(Kind::Chromium, chromium)));
        assert_eq!(places.find(Choice::Own(Kind::Brave)), Ok(Found::Own(Kind::Brave, brave)));
        let missing = places.find(Choice::Own(Kind::Edge)).expect_err("not installed");
        assert_eq!(missing.to_string(), "Microsoft Edge is not installed");
    }

    #[test]
    fn a_snap_cannot_use_a_folder_of_ours_and_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        put(folder.path().join("chromium-browser"), "#!/bin/sh\nexec /snap/bin/chromium \"$@\"\n", 0o755);
        let snap = put(folder.path().join("elsewhere/snap"), "", 0o755);
        std::os::unix::fs::symlink(snap, folder.path().join("chromium")).expect("linked");
        let opener = put(folder.path().join("xdg-open"), "", 0o755);
        let found = in_path(folder.path()).find(Choice::Any);
        assert_eq!(found, Ok(Found::Shared(Opener { program: opener, arguments: &[] })));
    }

    #[test]
    fn without_any_browser_it_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = in_path(folder.path());
        for choice in [Choice::Any, Choice::Default, Choice::Safari] {
            assert!(matches!(places.find(choice), Err(BrowserError::NotInstalled { .. })), "{choice:?}");
        }
    }

    #[test]
    fn on_macos_the_program_inside_a_bundle_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let (all, own) = (folder.path().join("Applications"), folder.path().join("home/Applications"));
        let places = Places { bundles: Some(vec![all, own.clone()]), search_path: None };
        let open = |arguments| Ok(Found::Shared(Opener { program: PathBuf::from("/usr/bin/open"), arguments }));
        assert_eq!(places.find(Choice::Any), open(&[]));
        assert_eq!(places.find(Choice::Safari), open(&["-a", "Safari"]));
        let edge = put(own.join("Microsoft Edge.app/Contents/MacOS/Microsoft Edge"), "", 0o755);
        assert_eq!(places.find(Choice::Any), Ok(Found::Own(Kind::Edge, edge)));
    }

    #[test]
    fn every_choice_has_a_word_of_its_own() {
        let own = Kind::ALL.map(Choice::Own);
        for choice in [Choice::Any, Choice::Safari, Choice::Default].into_iter().chain(own) {
            assert_eq!(Choice::parse(choice.word()), Some(choice));
        }
        assert_eq!(Choice::parse("Chrome"), None);
        assert_eq!(Choice::parse("firefox"), None);
    }
}
