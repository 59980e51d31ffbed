//! A folder for inputs that are read from a file.

use std::path::Path;

use tempfile::TempDir;

/// A new folder, in memory where the system has a place for that: what is tried is reading, thousands of times, and no disk.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}
