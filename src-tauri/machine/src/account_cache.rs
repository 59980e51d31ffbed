//! The file with `oauthAccount`, `.claude.json`. Owns reading and replacing the whole of it under Claude Code's advisory
//! lock; leaves which member changes to the core. Claude Code rewrites this file many times a minute, and goes on without
//! the lock when it cannot have it; we do not, because a lost update here is somebody's settings.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use signalbox_core::document::{Digest, Document};
use signalbox_core::ports::{AccountCache, LiveLock, Replaced, StoreError};

use crate::data_folder::DataFolder;
use crate::durable::{self, Mtime};
use crate::live_file::read_document;
use crate::locks::folder::Terms;
use crate::locks::notes::Notes;
use crate::locks::rename;
use crate::surroundings::Surroundings;

/// The file grows with every project; some tens of megabytes have been seen.
pub const ACCOUNT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The file `.claude.json`.
#[derive(Clone, Debug)]
pub struct AccountFile {
    surroundings: Surroundings,
    notes: Notes,
    terms: Terms,
}

impl AccountFile {
    pub fn new(surroundings: &Surroundings) -> Self {
        let notes = Notes::new(&DataFolder::new(surroundings.data_folder()));
        Self { surroundings: surroundings.clone(), notes, terms: rename::ACCOUNT }
    }

    /// Looked up at each call, because a legacy file may come or go while the app runs.
    fn path(&self) -> PathBuf {
        self.surroundings.account_file()
    }
}

impl AccountCache for AccountFile {
    fn read(&self) -> Result<Option<Document>, StoreError> {
        read_document(&self.path(), ACCOUNT_BYTES_MAX)
    }

    fn replace(&self, _lock: &LiveLock, expected: &Digest, new: &Document) -> Result<Replaced, StoreError> {
        let path = self.path();
        if durable::is_link(&path) {
            return Err(StoreError::Link { path });
        }
        if !path.exists() {
            return Ok(Replaced::Changed);
        }
        path.parent().into_iter().for_each(durable::remove_leftovers);
        let _guard = rename::take(&self.surroundings.account_lock(), self.terms, &self.notes)?;
        let current = read_document(&path, ACCOUNT_BYTES_MAX)?.map(|document| document.digest());
        if current.as_ref() != Some(expected) {
            return Ok(Replaced::Changed);
        }
        let metadata = path.metadata();
        let mode =
            metadata.map_err(|error| StoreError::Unreadable { path: path.clone(), why: durable::why(&error) })?;
        durable::replace(&path, new.expose().as_bytes(), mode.permissions().mode() & 0o777, Mtime::Changed)?;
        match read_document(&path, ACCOUNT_BYTES_MAX)? {
            Some(written) if written.digest() == new.digest() => Ok(Replaced::Done),
            _ => Err(StoreError::ReadBack { path }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, Permissions};
    use std::path::Path;
    use std::time::{Duration, Instant, SystemTime};

    const OLD: &str =
        "{\n  \"numStartups\": 7,\n  \"oauthAccount\": {\"emailAddress\": \"a@example.com\"},\n  \"x\": 1e400\n}\n";

    fn place(text: Option<&str>) -> (tempfile::TempDir, AccountFile, PathBuf) {
        let home = tempfile::tempdir().expect("a folder");
        let mut cache = AccountFile::new(&Surroundings::at_home(home.path()));
        cache.terms.wait = Duration::from_millis(60);
        let path = home.path().join(".claude.json");
        if let Some(text) = text {
            std::fs::write(&path, text).expect("written");
        }
        (home, cache, path)
    }

    fn document(text: &str) -> Document {
        Document::from_text(text.to_owned()).expect("an object")
    }

    fn lock() -> LiveLock {
        LiveLock::held(Box::new(()))
    }

    fn names(folder: &Path) -> usize {
        std::fs::read_dir(folder).expect("read").count()
    }

    #[test]
    fn one_member_changes_and_mode_and_every_other_byte_stay() {
        let (home, cache, path) = place(Some(OLD));
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
        let read = cache.read().expect("read").expect("it is there");
        let new = read.with_member("oauthAccount", Some("{\"emailAddress\":\"b@example.com\"}")).expect("an object");
        assert_eq!(cache.replace(&lock(), &read.digest(), &new), Ok(Replaced::Done));
        let expected = OLD.replace("{\"emailAddress\": \"a@example.com\"}", "{\"emailAddress\":\"b@example.com\"}");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), expected);
        assert_eq!(path.metadata().expect("it exists").permissions().mode() & 0o7777, 0o640);
        assert_eq!(names(home.path()), 1, "neither lock nor temporary file stays behind");
    }

    #[test]
    fn the_file_is_never_made() {
        let (home, cache, _path) = place(None);
        assert_eq!(cache.read().map(|document| document.is_none()), Ok(true));
        assert_eq!(cache.replace(&lock(), &document(OLD).digest(), &document("{}")), Ok(Replaced::Changed));
        assert_eq!(names(home.path()), 0);
    }

    #[test]
    fn what_claude_code_wrote_in_between_is_kept() {
        let (_home, cache, path) = place(Some(OLD));
        let read = cache.read().expect("read").expect("it is there");
        std::fs::write(&path, "{\"numStartups\":8}").expect("written");
        assert_eq!(cache.replace(&lock(), &read.digest(), &document("{}")), Ok(Replaced::Changed));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "{\"numStartups\":8}");
    }

    #[test]
    fn without_the_lock_nothing_is_written_and_after_ten_seconds_it_is_taken_over() {
        let (home, cache, path) = place(Some(OLD));
        let folder = home.path().join(".claude.json.lock");
        std::fs::create_dir(&folder).expect("made");
        let digest = document(OLD).digest();
        let started = Instant::now();
        assert!(cache.replace(&lock(), &digest, &document("{}")).is_err());
        assert!(started.elapsed() >= cache.terms.wait, "it is waited for");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), OLD);
        let old = SystemTime::now() - Duration::from_secs(11);
        File::open(&folder).and_then(|folder| folder.set_modified(old)).expect("set");
        assert_eq!(cache.replace(&lock(), &digest, &document("{}")), Ok(Replaced::Done));
        assert!(!folder.exists());
    }

    #[test]
    fn a_file_that_does_not_parse_is_left_alone() {
        let (_home, cache, path) = place(Some("{\"numStartups\":"));
        assert!(matches!(cache.read(), Err(StoreError::Malformed { .. })));
        assert!(cache.replace(&lock(), &document(OLD).digest(), &document("{}")).is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "{\"numStartups\":");
    }

    #[test]
    fn a_linked_file_is_read_and_not_replaced() {
        let (home, cache, path) = place(None);
        let target = home.path().join("dotfiles.json");
        std::fs::write(&target, OLD).expect("written");
        std::os::unix::fs::symlink(&target, &path).expect("linked");
        assert_eq!(cache.read().expect("read").expect("it is there").expose(), OLD);
        let refused = cache.replace(&lock(), &document(OLD).digest(), &document("{}"));
        assert_eq!(refused, Err(StoreError::Link { path }));
    }
}
