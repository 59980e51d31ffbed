//! The live login where there is no Keychain: `.credentials.json`. Owns reading and replacing the whole file so that a
//! running Claude Code sees it, and the lock that guards the rename. Leaves which of its members change to the core, and
//! Claude Code's refresh locks, which the caller has to hold, to `locks`.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use signalbox_core::document::{Digest, Document};
use signalbox_core::ports::{LiveLock, LiveLogin, Replaced, Stamp, StoreError};

use crate::data_folder::DataFolder;
use crate::durable::{self, Links, Mtime, PRIVATE_FILE};
use crate::locks::folder::Terms;
use crate::locks::notes::Notes;
use crate::locks::rename;
use crate::surroundings::Surroundings;

/// A login is 500 bytes long; with many MCP logins beside it 24 KB have been seen (`docs/claude-code.md` §A4).
pub const LOGIN_BYTES_MAX: u64 = 1024 * 1024;

/// The file `.credentials.json`.
#[derive(Clone, Debug)]
pub struct LiveFile {
    path: PathBuf,
    write_lock: PathBuf,
    notes: Notes,
    terms: Terms,
}

impl LiveFile {
    pub fn new(surroundings: &Surroundings) -> Self {
        Self {
            path: surroundings.credentials_file(),
            write_lock: surroundings.storage_write_lock(),
            notes: Notes::new(&DataFolder::new(surroundings.data_folder())),
            terms: rename::STORAGE,
        }
    }

    /// Writes if `condition` holds for what the file is under the lock.
    fn write_if(
        &self,
        new: &Document,
        condition: impl Fn(Result<Option<Document>, StoreError>) -> Result<bool, StoreError>,
    ) -> Result<Replaced, StoreError> {
        if durable::is_link(&self.path) {
            return Err(StoreError::Link { path: self.path.clone() });
        }
        if let Some(folder) = self.path.parent() {
            durable::make_folder(folder)?;
            durable::remove_leftovers(folder);
        }
        // Claude Code's start and its sign-in write under this lock alone. Held longer than a rename it makes a refresh
        // lose its tokens, so everything else has been done before.
        let _guard = rename::take(&self.write_lock, self.terms, &self.notes)?;
        if !condition(self.read())? {
            return Ok(Replaced::Changed);
        }
        durable::replace(&self.path, new.expose().as_bytes(), PRIVATE_FILE, Mtime::Changed)?;
        match self.read()? {
            Some(written) if written.digest() == new.digest() => Ok(Replaced::Done),
            _ => Err(StoreError::ReadBack { path: self.path.clone() }),
        }
    }
}

impl LiveLogin for LiveFile {
    fn read(&self) -> Result<Option<Document>, StoreError> {
        read_document(&self.path, LOGIN_BYTES_MAX)
    }

    fn replace(&self, _lock: &LiveLock, expected: Option<&Digest>, new: &Document) -> Result<Replaced, StoreError> {
        self.write_if(new, |current| Ok(current?.map(|document| document.digest()).as_ref() == expected))
    }

    fn replace_damaged(&self, _lock: &LiveLock, new: &Document) -> Result<(), StoreError> {
        let damaged = |current: Result<Option<Document>, StoreError>| match current {
            Err(StoreError::Malformed { .. }) => Ok(true),
            // A file that is gone is not damaged: somebody signed out.
            current => current.map(|_| false),
        };
        self.write_if(new, damaged).map(|_| ())
    }

    fn stamp(&self) -> Result<Stamp, StoreError> {
        stamp_of(&self.path)
    }
}

/// Reads a JSON file of Claude Code, through a link if it is one.
pub(crate) fn read_document(path: &Path, limit: u64) -> Result<Option<Document>, StoreError> {
    let Some(bytes) = durable::read(path, limit, Links::Follow)? else { return Ok(None) };
    Document::parse(bytes).map(Some).map_err(|why| StoreError::Malformed { path: path.to_owned(), why })
}

fn stamp_of(path: &Path) -> Result<Stamp, StoreError> {
    match path.metadata() {
        Ok(metadata) => {
            let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let nanos = modified.unwrap_or_default().as_nanos();
            Ok(Stamp(format!("{}:{nanos}:{}", metadata.ino(), metadata.len())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Stamp("absent".to_owned())),
        Err(error) => Err(StoreError::Unreadable { path: path.to_owned(), why: durable::why(&error) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_core::document::Malformed;
    use std::fs::{File, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, SystemTime};

    const A: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-a"},"mcpOAuth":{"x": 1.50}}"#;
    const B: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-b"},"mcpOAuth":{"x": 1.50}}"#;

    struct Place {
        home: tempfile::TempDir,
        live: LiveFile,
        lock: LiveLock,
    }

    impl Place {
        fn new() -> Self {
            let home = tempfile::tempdir().expect("a folder");
            let mut live = LiveFile::new(&Surroundings::at_home(home.path()));
            live.terms.wait = Duration::from_millis(60);
            Self { home, live, lock: LiveLock::held(Box::new(())) }
        }

        fn holding(text: impl AsRef<[u8]>) -> Self {
            let place = Self::new();
            durable::make_folder(&place.home.path().join(".claude")).expect("made");
            std::fs::write(&place.live.path, text).expect("written");
            place
        }

        fn replace(&self, expected: Option<&str>, new: &str) -> Result<Replaced, StoreError> {
            let expected = expected.map(|text| document(text).digest());
            self.live.replace(&self.lock, expected.as_ref(), &document(new))
        }

        fn text(&self) -> String {
            std::fs::read_to_string(&self.live.path).expect("read")
        }
    }

    fn document(text: &str) -> Document {
        Document::from_text(text.to_owned()).expect("an object")
    }

    fn age(path: &Path, age: Duration) {
        File::open(path).and_then(|file| file.set_modified(SystemTime::now() - age)).expect("set");
    }

    #[test]
    fn a_login_is_replaced_byte_for_byte_and_the_lock_is_gone_afterwards() {
        let place = Place::holding(A);
        assert_eq!(place.replace(Some(A), B), Ok(Replaced::Done));
        assert_eq!(place.text(), B);
        let left: Vec<_> = std::fs::read_dir(place.home.path().join(".claude")).expect("read").flatten().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn where_there_is_no_login_one_is_made_in_a_private_folder() {
        let place = Place::new();
        assert_eq!(place.live.read().map(|document| document.is_none()), Ok(true));
        assert_eq!(place.live.stamp(), Ok(Stamp("absent".to_owned())));
        assert_eq!(place.replace(None, A), Ok(Replaced::Done));
        let mode = |path: &Path| path.metadata().expect("it exists").permissions().mode() & 0o7777;
        assert_eq!(mode(&place.live.path), 0o600);
        assert_eq!(mode(&place.home.path().join(".claude")), 0o700);
    }

    #[test]
    fn what_somebody_else_wrote_is_not_replaced() {
        let place = Place::holding(B);
        assert_eq!(place.replace(Some(A), "{}"), Ok(Replaced::Changed));
        assert_eq!(place.replace(None, "{}"), Ok(Replaced::Changed));
        assert_eq!(place.text(), B);
        let place = Place::new();
        assert_eq!(place.replace(Some(A), "{}"), Ok(Replaced::Changed));
        assert!(!place.live.path.exists());
    }

    #[test]
    fn a_file_that_all_may_read_is_read_and_becomes_private_when_replaced() {
        let place = Place::holding(A);
        std::fs::set_permissions(&place.live.path, Permissions::from_mode(0o644)).expect("opened");
        assert_eq!(place.live.read().expect("read").expect("a login").expose(), A);
        assert_eq!(place.replace(Some(A), B), Ok(Replaced::Done));
        assert_eq!(place.live.path.metadata().expect("it exists").permissions().mode() & 0o7777, 0o600);
    }

    #[test]
    fn bad_files_are_errors_and_never_nothing() {
        let path = |place: &Place| place.live.path.clone();
        let huge = Place::holding(vec![b' '; 10_000_000]);
        let expected = StoreError::TooLarge { path: path(&huge), bytes: 10_000_000, limit: LOGIN_BYTES_MAX };
        assert_eq!(huge.live.read().err(), Some(expected));
        for (bytes, why) in [
            (&b""[..], Malformed::Empty),
            (b"{\"claudeAiOauth\":\"\xff\"}", Malformed::NotUtf8),
            (b"{\"claudeAiOauth\":", Malformed::NotJson { line: 1, column: 17 }),
            (b"[]", Malformed::NotAnObject),
        ] {
            let place = Place::holding(bytes);
            assert_eq!(place.live.read().err(), Some(StoreError::Malformed { path: path(&place), why: why.clone() }));
            assert!(place.replace(None, A).is_err(), "{why}");
            assert_eq!(std::fs::read(&place.live.path).expect("read"), bytes, "{why}: it stays as it is");
        }
    }

    #[test]
    fn a_link_is_read_but_not_replaced() {
        let place = Place::holding(A);
        let target = place.home.path().join("dotfiles.json");
        std::fs::rename(&place.live.path, &target).expect("moved");
        std::os::unix::fs::symlink(&target, &place.live.path).expect("linked");
        assert_eq!(place.live.read().expect("read").expect("a login").expose(), A);
        assert!(matches!(place.replace(Some(A), B), Err(StoreError::Link { .. })));
        assert_eq!(std::fs::read_to_string(&target).expect("read"), A);
    }

    #[test]
    fn a_file_of_another_user_is_neither_read_nor_replaced() {
        let place = Place::holding(A);
        if !durable::tests::give_away(&place.live.path) {
            return;
        }
        let expected = StoreError::NotOurs { path: place.live.path.clone() };
        assert_eq!(place.live.read().err(), Some(expected.clone()));
        assert_eq!(place.replace(Some(A), B), Err(expected));
        assert_eq!(place.text(), A);
    }

    #[test]
    fn only_a_damaged_file_is_replaced_by_what_stood_there_before() {
        let place = Place::holding(&A[..20]);
        assert_eq!(place.live.replace_damaged(&place.lock, &document(A)), Ok(()));
        assert_eq!(place.text(), A);
        assert_eq!(place.live.replace_damaged(&place.lock, &document(B)), Ok(()));
        assert_eq!(place.text(), A, "it is whole");
        std::fs::remove_file(&place.live.path).expect("removed");
        assert_eq!(place.live.replace_damaged(&place.lock, &document(B)), Ok(()));
        assert!(!place.live.path.exists(), "a login that was signed out stays signed out");
    }

    #[test]
    fn the_stamp_changes_with_every_replacement() {
        let place = Place::holding(A);
        let mut last = place.live.stamp().expect("a stamp");
        for (from, to) in [(A, B), (B, A), (A, B)] {
            assert_eq!(place.live.stamp().expect("a stamp"), last, "it stands still while nobody writes");
            place.replace(Some(from), to).expect("replaced");
            let stamp = place.live.stamp().expect("a stamp");
            assert_ne!(stamp, last);
            last = stamp;
        }
    }

    #[test]
    fn the_modification_time_is_later_even_when_the_clock_is_not() {
        let place = Place::holding(A);
        let old = SystemTime::now() + Duration::from_millis(500);
        File::open(&place.live.path).and_then(|file| file.set_modified(old)).expect("set");
        place.replace(Some(A), B).expect("replaced");
        assert!(place.live.path.metadata().and_then(|metadata| metadata.modified()).expect("a time") > old);
    }

    #[test]
    fn a_write_lock_of_claude_code_is_waited_for_and_taken_over_after_15_seconds_only() {
        let place = Place::holding(A);
        std::fs::create_dir(&place.live.write_lock).expect("made");
        age(&place.live.write_lock, Duration::from_secs(13));
        let error = place.replace(Some(A), B).expect_err("it is held");
        assert!(error.to_string().contains("Claude Code holds this lock"), "{error}");
        assert_eq!(place.text(), A);
        assert!(place.live.write_lock.exists(), "a lock that is not ours stays");
        age(&place.live.write_lock, Duration::from_secs(16));
        assert_eq!(place.replace(Some(A), B), Ok(Replaced::Done));
        assert!(!place.live.write_lock.exists());
    }

    #[test]
    fn a_file_in_the_place_of_the_write_lock_is_an_error_that_says_so() {
        let place = Place::holding(A);
        std::fs::write(&place.live.write_lock, "").expect("written");
        let error = place.replace(Some(A), B).expect_err("a file");
        assert!(error.to_string().contains(".storage-write.lock cannot be written: a file stands where"), "{error}");
        assert_eq!(place.text(), A);
        assert!(place.live.write_lock.is_file(), "it is not ours to remove");
    }
}
