//! Finds the `claude` that a person has. Owns the places and their order; leaves starting it to its callers.

use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::surroundings::Surroundings;

const NAME: &str = "claude";

/// Where the installers put it, below the home folder (`docs/claude-code.md` §I). A program that was not started from a
/// shell has a `PATH` without these.
const AT_HOME: [&str; 4] = [".local/bin", ".npm-global/bin", ".claude/local", ".bun/bin"];
/// The same for the whole machine: npm's global folder with Homebrew's Node.js, with the installer's, and with a
/// distribution's.
const FOR_ALL: [&str; 3] = ["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"];

/// The program of the settings, and only that if there is one; else the first `claude` in `PATH`, then in the places of
/// the installers. `None` where none can be executed.
pub fn find(from_settings: Option<&Path>, surroundings: &Surroundings) -> Option<PathBuf> {
    if let Some(program) = from_settings {
        return Some(program.to_owned()).filter(|program| is_executable(program));
    }
    let path = surroundings.search_path.as_deref().map(std::env::split_paths);
    // What a relative entry means hangs on the folder one happens to be in.
    let in_path = path.into_iter().flatten().filter(|folder| folder.is_absolute());
    let at_home = AT_HOME.iter().map(|folder| surroundings.home.join(folder));
    let for_all = FOR_ALL.iter().map(PathBuf::from);
    in_path.chain(at_home).chain(for_all).map(|folder| folder.join(NAME)).find(|program| is_executable(program))
}

fn is_executable(program: &Path) -> bool {
    program.is_file() && rustix::fs::access(program, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn put(program: PathBuf, mode: u32) -> PathBuf {
        std::fs::create_dir_all(program.parent().expect("a folder")).expect("made");
        std::fs::write(&program, "#!/bin/sh\n").expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).expect("set");
        program
    }

    #[test]
    fn the_first_claude_that_can_be_executed_counts() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |path: &str| home.path().join(path);
        let search_path = std::env::join_paths([PathBuf::from("bin"), at("a"), at("b")]).expect("a path");
        let surroundings = Surroundings { search_path: Some(search_path), ..Surroundings::at_home(home.path()) };
        let installed = put(at(".local/bin/claude"), 0o755);
        assert_eq!(find(None, &surroundings), Some(installed));
        put(at("a/claude"), 0o644);
        let in_path = put(at("b/claude"), 0o755);
        assert_eq!(find(None, &surroundings), Some(in_path));
        std::fs::remove_file(at("a/claude")).expect("removed");
        std::fs::create_dir(at("a/claude")).expect("made");
        assert_eq!(find(None, &surroundings), Some(at("b/claude")), "a folder is no program");
    }

    #[test]
    fn what_the_settings_name_is_taken_or_nothing() {
        let home = tempfile::tempdir().expect("a folder");
        let surroundings = Surroundings::at_home(home.path());
        put(home.path().join(".local/bin/claude"), 0o755);
        let mine = put(home.path().join("mine"), 0o755);
        assert_eq!(find(Some(&mine), &surroundings), Some(mine));
        assert_eq!(find(Some(&home.path().join("gone")), &surroundings), None, "another one would be a surprise");
    }

    #[test]
    fn without_a_search_path_the_places_of_the_installers_are_looked_at() {
        let home = tempfile::tempdir().expect("a folder");
        for folder in AT_HOME.iter().rev() {
            let program = put(home.path().join(folder).join("claude"), 0o755);
            assert_eq!(find(None, &Surroundings::at_home(home.path())), Some(program));
        }
    }
}
