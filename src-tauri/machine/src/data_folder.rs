//! Our own files in the data folder: where each one lies, and that nobody else can get at them. Owns the folder's rules
//! (0700, no link, this user's) and the file names; leaves the writing itself to `durable`, and what stands in the files
//! to the core.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use signalbox_core::ports::{FileName, Files, StoreError};
use signalbox_core::profile::Alias;

use crate::durable::{self, Links, Mtime, PRIVATE_FILE, PRIVATE_FOLDER};

/// No file of ours is longer: a roster of 2,000 profiles takes about 2 MB.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Longest hash that names a held file.
const HASH_CHARS_MAX: usize = 64;

const CREDS: &str = "creds";
const CRED_SUFFIX: &str = ".cred";
const HELD: &str = "held";
const HELD_SUFFIX: &str = ".held";

/// The data folder. It is made when something is first written.
#[derive(Clone, Debug)]
pub struct DataFolder {
    path: PathBuf,
}

impl DataFolder {
    pub fn new(path: impl AsRef<Path>) -> Self {
        // Without a slash at the end, behind which a link would go unnoticed.
        Self { path: path.as_ref().components().collect() }
    }

    /// The file of our own lock.
    pub fn lock_file(&self) -> PathBuf {
        self.path.join("signalbox.lock")
    }

    /// Where is noted which of Claude Code's locks we hold.
    pub fn lock_notes_folder(&self) -> PathBuf {
        self.path.join("locks")
    }

    /// The file of the vault key, where there is no Keychain.
    pub fn key_file(&self) -> PathBuf {
        self.path.join("vault.key")
    }

    /// What was done and why.
    pub fn history_file(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// What was done before that.
    pub fn old_history_file(&self) -> PathBuf {
        self.path.join("events.1.jsonl")
    }

    /// Where the delegated engine has its config folders.
    pub fn delegated_folder(&self) -> PathBuf {
        self.path.join("delegated")
    }

    /// Where signing in has its config folders.
    pub fn signin_folder(&self) -> PathBuf {
        self.path.join("signin")
    }

    /// The lock of whoever guides a sign-in for which the live login is set aside.
    pub fn rotation_lock_file(&self) -> PathBuf {
        self.path.join("rotation.lock")
    }

    /// The lock of whoever keeps the watch.
    pub fn watch_lock_file(&self) -> PathBuf {
        self.path.join("watch.lock")
    }

    /// The database of readings.
    pub fn readings_file(&self) -> PathBuf {
        self.path.join("usage.db")
    }

    /// Makes the folder if need be, and makes sure that it is ours alone.
    pub fn ensure(&self) -> Result<(), StoreError> {
        ensure(&self.path)
    }

    /// Whether the folder exists; it has to be ours then. Makes nothing.
    pub fn is_there(&self) -> Result<bool, StoreError> {
        check(&self.path)
    }

    fn file(&self, name: &FileName) -> Result<PathBuf, StoreError> {
        Ok(match name {
            FileName::Roster => self.path.join("roster.json"),
            FileName::Journal => self.path.join("journal.json"),
            // In lower case, so that two aliases that differ in case only share a file on every file system.
            FileName::Cred(alias) => self.path.join(CREDS).join(format!("{}{CRED_SUFFIX}", alias.lower_case())),
            FileName::Generation(alias, number) => {
                self.path.join(CREDS).join(format!("{}{CRED_SUFFIX}.{number}", alias.lower_case()))
            }
            FileName::Told => self.path.join("told.json"),
            FileName::Rotation => self.path.join("rotation.json"),
            FileName::Bootstrap => self.path.join("bootstrap.json"),
            FileName::Held(hash) if is_hash(hash) => self.path.join(HELD).join(format!("{hash}{HELD_SUFFIX}")),
            FileName::Held(_) => {
                let why = "a held file is named by a hash in hexadecimal digits".to_owned();
                return Err(StoreError::Unwritable { path: self.path.join(HELD), why });
            }
        })
    }

    /// Whether the data folder exists, and the sub-folder of `file` too if it lies in one. Both have to be ours.
    fn exists_for(&self, file: &Path) -> Result<bool, StoreError> {
        let folder = file.parent().unwrap_or(&self.path);
        Ok(check(&self.path)? && (folder == self.path || check(folder)?))
    }

    fn list_in(&self, folder: &str, name: impl Fn(&str) -> Option<FileName>) -> Result<Vec<FileName>, StoreError> {
        let folder = self.path.join(folder);
        if !check(&folder)? {
            return Ok(Vec::new());
        }
        durable::remove_leftovers(&folder);
        let unreadable = |error| StoreError::Unreadable { path: folder.clone(), why: durable::why(&error) };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let is_file = entry.file_type().map_err(unreadable)?.is_file();
            if let Some(name) = entry.file_name().to_str().and_then(&name).filter(|_| is_file) {
                names.push(name);
            }
        }
        Ok(names)
    }
}

impl Files for DataFolder {
    fn read(&self, name: &FileName) -> Result<Option<Vec<u8>>, StoreError> {
        let file = self.file(name)?;
        if !self.exists_for(&file)? {
            return Ok(None);
        }
        durable::read(&file, FILE_BYTES_MAX, Links::Refuse)
    }

    fn write(&self, name: &FileName, bytes: &[u8]) -> Result<(), StoreError> {
        let file = self.file(name)?;
        ensure(&self.path)?;
        if let Some(folder) = file.parent().filter(|folder| *folder != self.path) {
            ensure(folder)?;
        }
        durable::replace(&file, bytes, PRIVATE_FILE, Mtime::Any)
    }

    fn remove(&self, name: &FileName) -> Result<(), StoreError> {
        let file = self.file(name)?;
        if !self.exists_for(&file)? {
            return Ok(());
        }
        durable::remove(&file)
    }

    fn place(&self, name: &FileName) -> PathBuf {
        // A name that no file of ours may have is told as the folder that would hold it.
        self.file(name).unwrap_or_else(|_| self.path.clone())
    }

    fn list(&self) -> Result<Vec<FileName>, StoreError> {
        if !check(&self.path)? {
            return Ok(Vec::new());
        }
        durable::remove_leftovers(&self.path);
        let mut names = self.list_in(CREDS, |name| {
            // A name in another case is not ours: reading it would open a different file.
            let lower = |alias| Alias::parse(alias).ok().filter(|alias| *alias == alias.lower_case());
            if let Some(alias) = name.strip_suffix(CRED_SUFFIX) {
                return lower(alias).map(FileName::Cred);
            }
            let (cred, number) = name.rsplit_once('.')?;
            let canonical = number.parse::<u64>().ok().filter(|parsed| parsed.to_string() == number)?;
            Some(FileName::Generation(lower(cred.strip_suffix(CRED_SUFFIX)?)?, canonical))
        })?;
        names.extend(self.list_in(HELD, |name| {
            let hash = name.strip_suffix(HELD_SUFFIX)?;
            is_hash(hash).then(|| FileName::Held(hash.to_owned()))
        })?);
        Ok(names)
    }
}

fn is_hash(text: &str) -> bool {
    (1..=HASH_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Makes a folder of ours below the data folder if need be, under the same rules.
pub(crate) fn ensure(folder: &Path) -> Result<(), StoreError> {
    if check(folder)? {
        return Ok(());
    }
    durable::make_folder(folder)?;
    check(folder).map(|_| ())
}

/// Whether the folder exists; an error unless it is a real folder of this user. One that others may
/// enter is closed.
pub(crate) fn check(folder: &Path) -> Result<bool, StoreError> {
    let refused = |why: &str| StoreError::Unreadable { path: folder.to_owned(), why: why.to_owned() };
    let metadata = match folder.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(refused(&durable::why(&error))),
    };
    if metadata.is_symlink() {
        return Err(refused("it is a symbolic link, and Signalbox keeps its files only in a folder of its own"));
    }
    if !metadata.is_dir() {
        return Err(refused("it is not a folder"));
    }
    durable::check_owner(folder, &metadata)?;
    let mode = metadata.permissions().mode();
    if mode & 0o002 != 0 {
        // Most likely a shared place such as /tmp, which is not ours to close.
        return Err(refused("everybody may write in it, and Signalbox keeps its files only in a folder of its own"));
    }
    if mode & 0o077 != 0 {
        let closed = std::fs::set_permissions(folder, Permissions::from_mode(PRIVATE_FOLDER));
        closed.map_err(|error| durable::write_error(folder, &error))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(text: &str) -> Alias {
        Alias::parse(text).expect("an alias")
    }

    fn mode_of(path: &Path) -> u32 {
        path.metadata().expect("it exists").permissions().mode() & 0o7777
    }

    fn folder() -> (tempfile::TempDir, DataFolder) {
        let home = tempfile::tempdir().expect("a folder");
        let data = DataFolder::new(home.path().join("a/signalbox/"));
        (home, data)
    }

    #[test]
    fn folders_are_made_at_the_first_write_and_everything_is_private() {
        let (home, data) = folder();
        assert_eq!(data.read(&FileName::Roster), Ok(None));
        assert_eq!(data.list(), Ok(Vec::new()));
        assert!(!home.path().join("a").exists(), "reading makes nothing");
        let names =
            [FileName::Roster, FileName::Journal, FileName::Cred(alias("work")), FileName::Held("0af".to_owned())];
        for name in &names {
            data.write(name, b"bytes").expect("written");
            assert_eq!(data.read(name), Ok(Some(b"bytes".to_vec())));
        }
        let root = home.path().join("a/signalbox");
        for folder in ["", "creds", "held"] {
            assert_eq!(mode_of(&root.join(folder)), 0o700, "{folder}");
        }
        for file in ["roster.json", "journal.json", "creds/work.cred", "held/0af.held"] {
            assert_eq!(mode_of(&root.join(file)), 0o600, "{file}");
        }
    }

    #[test]
    fn only_cred_and_held_files_are_listed() {
        let (home, data) = folder();
        data.write(&FileName::Roster, b"{}").expect("written");
        data.write(&FileName::Cred(alias("work")), b"1").expect("written");
        data.write(&FileName::Held("ab12".to_owned()), b"2").expect("written");
        let creds = home.path().join("a/signalbox/creds");
        for foreign in ["notes.txt", ".cred", "-x.cred", ".DS_Store", "work.cred.bak"] {
            std::fs::write(creds.join(foreign), "?").expect("written");
        }
        std::fs::create_dir(creds.join("folder.cred")).expect("made");
        std::os::unix::fs::symlink("work.cred", creds.join("link.cred")).expect("linked");
        let listed = data.list().expect("listed");
        assert_eq!(listed, [FileName::Cred(alias("work")), FileName::Held("ab12".to_owned())]);
    }

    #[test]
    fn aliases_that_differ_in_case_only_share_a_file() {
        let (home, data) = folder();
        data.write(&FileName::Cred(alias("Work")), b"1").expect("written");
        assert!(home.path().join("a/signalbox/creds/work.cred").is_file());
        assert_eq!(data.read(&FileName::Cred(alias("wORK"))), Ok(Some(b"1".to_vec())));
        assert_eq!(data.list(), Ok(vec![FileName::Cred(alias("work"))]));
        std::fs::write(home.path().join("a/signalbox/creds/Side.cred"), "?").expect("written");
        assert_eq!(data.list(), Ok(vec![FileName::Cred(alias("work"))]), "a foreign name is left out");
    }

    #[test]
    fn removing_what_is_not_there_is_no_error() {
        let (_home, data) = folder();
        let name = FileName::Cred(alias("work"));
        assert_eq!(data.remove(&name), Ok(()));
        data.write(&name, b"1").expect("written");
        assert_eq!(data.remove(&name), Ok(()));
        assert_eq!(data.remove(&name), Ok(()));
        assert_eq!(data.read(&name), Ok(None));
    }

    #[test]
    fn a_held_file_cannot_leave_its_folder() {
        let (_home, data) = folder();
        for name in ["", "..", "../../x", "a/b", "xyz", &"a".repeat(65)] {
            let name = FileName::Held(name.to_owned());
            assert!(matches!(data.write(&name, b"1"), Err(StoreError::Unwritable { .. })), "{name:?}");
            assert!(data.read(&name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_linked_folder_or_file_is_refused() {
        let (home, data) = folder();
        let elsewhere = home.path().join("elsewhere");
        std::fs::create_dir_all(&elsewhere).expect("made");
        std::fs::create_dir_all(home.path().join("a")).expect("made");
        std::os::unix::fs::symlink(&elsewhere, home.path().join("a/signalbox")).expect("linked");
        let name = FileName::Cred(alias("work"));
        for refused in [data.ensure(), data.write(&name, b"1"), data.read(&name).map(|_| ()), data.list().map(|_| ())] {
            let error = refused.expect_err("a link");
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        assert_eq!(std::fs::read_dir(&elsewhere).expect("read").count(), 0);
        std::fs::remove_file(home.path().join("a/signalbox")).expect("removed");
        data.ensure().expect("made");
        std::os::unix::fs::symlink(&elsewhere, home.path().join("a/signalbox/creds")).expect("linked");
        assert!(data.write(&name, b"1").is_err());
        std::fs::write(elsewhere.join("r"), "{}").expect("written");
        std::os::unix::fs::symlink(elsewhere.join("r"), home.path().join("a/signalbox/roster.json")).expect("linked");
        assert!(data.read(&FileName::Roster).is_err());
    }

    #[test]
    fn a_folder_that_others_may_enter_is_closed() {
        let (home, data) = folder();
        data.ensure().expect("made");
        let root = home.path().join("a/signalbox");
        std::fs::set_permissions(&root, Permissions::from_mode(0o755)).expect("opened");
        data.ensure().expect("ours");
        assert_eq!(mode_of(&root), 0o700);
    }

    #[test]
    fn a_shared_folder_is_refused_and_left_as_it_is() {
        let (home, data) = folder();
        data.ensure().expect("made");
        let root = home.path().join("a/signalbox");
        std::fs::set_permissions(&root, Permissions::from_mode(0o1777)).expect("opened");
        let error = data.write(&FileName::Roster, b"{}").expect_err("shared");
        assert!(error.to_string().contains("everybody may write in it"), "{error}");
        assert_eq!(mode_of(&root), 0o1777);
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let (home, data) = folder();
        data.ensure().expect("made");
        let root = home.path().join("a/signalbox");
        if !durable::tests::give_away(&root) {
            return;
        }
        assert_eq!(data.write(&FileName::Roster, b"{}"), Err(StoreError::NotOurs { path: root }));
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_not_nothing() {
        let (home, data) = folder();
        std::fs::create_dir(home.path().join("a")).expect("made");
        std::fs::write(home.path().join("a/signalbox"), "").expect("written");
        assert!(data.read(&FileName::Roster).is_err());
        assert!(data.write(&FileName::Roster, b"{}").is_err());
    }
}
