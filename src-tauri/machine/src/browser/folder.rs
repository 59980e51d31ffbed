//! The folders of browser windows: `browsers/<key>/<browser>` in the data folder, which that browser fills as it likes, and
//! the note `signed-in.json` beside it. Owns their names, their rules (0700, no link, this user's), whether a browser
//! uses one, and removing them. What a browser keeps in its folder is not looked at, but for the lock by which it marks
//! the folder as used.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use signalbox_core::document::Malformed;
use signalbox_core::ports::StoreError;
use signalbox_core::time::Timestamp;

use super::BrowserError;
use super::installed::Kind;
use crate::data_folder;
use crate::durable::{self, Links, Mtime, PRIVATE_FILE};
use crate::sessions::process;

const FOLDER: &str = "browsers";
const NOTE: &str = "signed-in.json";
const NOTE_BYTES_MAX: u64 = 4_096;
/// Fewer digits could be guessed or repeat themselves.
const KEY_CHARS_MIN: usize = 16;
/// A SHA-256 has as many.
const KEY_CHARS_MAX: usize = 64;

/// Names the window of a profile: hexadecimal digits that stay the same when the profile is renamed, such as a hash of its
/// identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WindowKey(String);

/// The text cannot name a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a browser window is named by 16 to 64 hexadecimal digits in lower case")]
pub struct NoKey;

impl WindowKey {
    /// # Errors
    /// For anything but 16 to 64 hexadecimal digits in lower case: it becomes the name of a folder that is removed later.
    pub fn parse(text: &str) -> Result<Self, NoKey> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let right = (KEY_CHARS_MIN..=KEY_CHARS_MAX).contains(&text.len()) && text.bytes().all(digit);
        right.then(|| Self(text.to_owned())).ok_or(NoKey)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A sign-in that went through a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The browser in which it was. Another one has a folder of its own, and no session.
    #[serde(rename = "browser")]
    pub kind: Kind,
    pub at: Timestamp,
}

/// All the folders.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    data: PathBuf,
}

impl Folders {
    pub fn new(data: &Path) -> Self {
        // Without a slash at the end, behind which a link would go unnoticed.
        Self { data: data.components().collect() }
    }

    fn of(&self, key: &WindowKey) -> PathBuf {
        self.data.join(FOLDER).join(key.as_str())
    }

    /// Makes the folder that the browser is given, if need be.
    pub fn ensure(&self, key: &WindowKey, kind: Kind) -> Result<PathBuf, StoreError> {
        let folder = self.of(key).join(kind.name());
        for each in [&self.data, &self.data.join(FOLDER), &self.of(key), &folder] {
            data_folder::ensure(each)?;
        }
        Ok(folder)
    }

    pub fn exists(&self, key: &WindowKey) -> Result<bool, StoreError> {
        for each in [&self.data, &self.data.join(FOLDER), &self.of(key)] {
            if !data_folder::check(each)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn remove(&self, key: &WindowKey) -> Result<(), BrowserError> {
        if !self.exists(key)? {
            return Ok(());
        }
        let folder = self.of(key);
        for kind in Kind::ALL {
            let folder = folder.join(kind.name());
            // A link is removed as a link, and what it leads to is not asked about.
            if !durable::is_link(&folder) {
                check_unused(&folder)?;
            }
        }
        // The note goes first: what is left of an interrupted removal holds no session that anybody counts on.
        self.forget_signed_in(key)?;
        match std::fs::remove_dir_all(&folder) {
            Ok(()) => Ok(durable::sync_folder_of(&folder)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(durable::write_error(&folder, &error).into()),
        }
    }

    pub fn note_signed_in(&self, key: &WindowKey, signed_in: SignedIn) -> Result<(), StoreError> {
        self.ensure(key, signed_in.kind)?;
        let note = serde_json::to_vec(&signed_in).expect("a word and a number");
        durable::replace(&self.of(key).join(NOTE), &note, PRIVATE_FILE, Mtime::Any)
    }

    /// `None` too when the folder of the browser is gone: then the session went with it.
    pub fn signed_in(&self, key: &WindowKey) -> Result<Option<SignedIn>, StoreError> {
        if !self.exists(key)? {
            return Ok(None);
        }
        let path = self.of(key).join(NOTE);
        let Some(note) = durable::read(&path, NOTE_BYTES_MAX, Links::Refuse)? else { return Ok(None) };
        let signed_in: SignedIn = serde_json::from_slice(&note).map_err(|error| {
            let why = Malformed::NotJson { line: error.line(), column: error.column() };
            StoreError::Malformed { path, why }
        })?;
        Ok(data_folder::check(&self.of(key).join(signed_in.kind.name()))?.then_some(signed_in))
    }

    pub fn forget_signed_in(&self, key: &WindowKey) -> Result<(), StoreError> {
        if !self.exists(key)? {
            return Ok(());
        }
        durable::remove(&self.of(key).join(NOTE))
    }
}

/// An error unless certainly no browser uses the folder. A browser marks its folder with the link `SingletonLock`, which
/// leads to `<host>-<process>`, and listens behind the link `SingletonSocket`: that is how it finds itself when it is
/// started twice, on Linux and on macOS. A crash leaves both behind.
pub(super) fn check_unused(folder: &Path) -> Result<(), BrowserError> {
    let lock = folder.join("SingletonLock");
    let holder = match std::fs::read_link(&lock) {
        Ok(holder) => holder,
        Err(error) if error.kind() == ErrorKind::NotFound || error.kind() == ErrorKind::NotADirectory => return Ok(()),
        Err(error) => return Err(StoreError::Unreadable { path: lock, why: durable::why(&error) }.into()),
    };
    let used = || Err(BrowserError::InUse { folder: folder.to_owned() });
    let holder = holder.to_string_lossy();
    // The name of a host may hold hyphens itself.
    let Some((host, pid)) = holder.rsplit_once('-') else { return used() };
    let Ok(pid) = pid.parse::<u32>() else { return used() };
    if host != rustix::system::uname().nodename().to_string_lossy() {
        return Err(BrowserError::InUseElsewhere { folder: folder.to_owned(), host: host.to_owned() });
    }
    if !process::is_still(pid, None, None) {
        return Ok(());
    }
    // The number may have been given to another process since.
    let Ok(socket) = std::fs::read_link(folder.join("SingletonSocket")) else { return used() };
    match UnixStream::connect(folder.join(socket)) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(()),
        _ => used(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn key() -> WindowKey {
        WindowKey::parse("0123456789abcdef").expect("a key")
    }

    fn folders() -> (tempfile::TempDir, Folders) {
        let home = tempfile::tempdir().expect("a folder");
        let folders = Folders::new(&home.path().join("data/"));
        (home, folders)
    }

    fn host() -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    #[test]
    fn a_key_is_made_of_hexadecimal_digits_and_cannot_leave_its_folder() {
        for key in [
            "",
            "..",
            "0123456789abcde",
            "0123456789abcdeg",
            "0123456789ABCDEF",
            "../../../../../../x",
            &"a".repeat(65),
        ] {
            assert_eq!(WindowKey::parse(key), Err(NoKey), "{key}");
        }
        assert!(WindowKey::parse(&"a".repeat(64)).is_ok());
    }

    #[test]
    fn folders_are_private_and_nothing_is_made_by_asking() {
        let (home, folders) = folders();
        assert_eq!(folders.exists(&key()), Ok(false));
        assert_eq!(folders.signed_in(&key()), Ok(None));
        assert_eq!(folders.remove(&key()), Ok(()));
        assert!(!home.path().join("data").exists());
        let folder = folders.ensure(&key(), Kind::Brave).expect("made");
        assert_eq!(folder, home.path().join("data/browsers/0123456789abcdef/brave"));
        for each in folder.ancestors().take(4) {
            assert_eq!(each.metadata().expect("it exists").permissions().mode() & 0o777, 0o700, "{}", each.display());
        }
        assert_eq!(folders.exists(&key()), Ok(true));
    }

    #[test]
    fn a_link_in_the_place_of_a_folder_is_refused() {
        for linked in
            ["data", "data/browsers", "data/browsers/0123456789abcdef", "data/browsers/0123456789abcdef/chrome"]
        {
            let (home, folders) = folders();
            let elsewhere = home.path().join("elsewhere");
            std::fs::create_dir(&elsewhere).expect("made");
            let link = home.path().join(linked);
            std::fs::create_dir_all(link.parent().expect("a folder")).expect("made");
            symlink(&elsewhere, &link).expect("linked");
            let error = folders.ensure(&key(), Kind::Chrome).expect_err("a link");
            assert!(error.to_string().contains("symbolic link"), "{linked}: {error}");
            assert_eq!(std::fs::read_dir(&elsewhere).expect("read").count(), 0, "{linked}");
        }
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let (_home, folders) = folders();
        let folder = folders.ensure(&key(), Kind::Chrome).expect("made");
        if !durable::tests::give_away(&folder) {
            return;
        }
        assert_eq!(folders.ensure(&key(), Kind::Chrome), Err(StoreError::NotOurs { path: folder }));
    }

    #[test]
    fn the_note_says_when_and_where_and_goes_with_the_folder() {
        let (home, folders) = folders();
        let signed_in = SignedIn { kind: Kind::Edge, at: Timestamp::from_ms(1_800_000_000_000) };
        folders.note_signed_in(&key(), signed_in).expect("noted");
        let note = home.path().join("data/browsers/0123456789abcdef/signed-in.json");
        assert_eq!(std::fs::read_to_string(&note).expect("read"), r#"{"browser":"edge","at":1800000000000}"#);
        assert_eq!(folders.signed_in(&key()), Ok(Some(signed_in)));
        std::fs::remove_dir(note.with_file_name("edge")).expect("removed");
        assert_eq!(folders.signed_in(&key()), Ok(None), "the session went with the folder");
        folders.note_signed_in(&key(), signed_in).expect("noted");
        folders.forget_signed_in(&key()).expect("forgotten");
        assert_eq!(folders.signed_in(&key()), Ok(None));
        folders.note_signed_in(&key(), signed_in).expect("noted");
        folders.remove(&key()).expect("removed");
        assert_eq!(folders.exists(&key()), Ok(false));
    }

    #[test]
    fn a_damaged_note_is_an_error_and_not_a_missing_session() {
        let (home, folders) = folders();
        folders.ensure(&key(), Kind::Chrome).expect("made");
        std::fs::write(home.path().join("data/browsers/0123456789abcdef/signed-in.json"), "{\"at\":").expect("written");
        assert!(matches!(folders.signed_in(&key()), Err(StoreError::Malformed { .. })));
    }

    #[test]
    fn a_folder_that_a_browser_uses_is_not_removed() {
        let (home, folders) = folders();
        let folder = folders.ensure(&key(), Kind::Chrome).expect("made");
        std::fs::write(folder.join("Cookies"), "theirs").expect("written");
        symlink(format!("{}-{}", host(), std::process::id()), folder.join("SingletonLock")).expect("linked");
        let socket = home.path().join("socket");
        let listener = UnixListener::bind(&socket).expect("listening");
        symlink(&socket, folder.join("SingletonSocket")).expect("linked");
        assert_eq!(folders.remove(&key()), Err(BrowserError::InUse { folder: folder.clone() }));
        assert!(folder.join("Cookies").is_file());
        // The browser crashed, and its number is another process's now.
        drop(listener);
        assert_eq!(folders.remove(&key()), Ok(()));
        assert!(!folder.exists());
    }

    #[test]
    fn the_lock_of_a_browser_that_is_dead_does_not_count_and_one_of_another_machine_does() {
        let (_home, folders) = folders();
        let folder = folders.ensure(&key(), Kind::Chrome).expect("made");
        let mut child = std::process::Command::new("true").spawn().expect("started");
        child.wait().expect("ended");
        let lock = folder.join("SingletonLock");
        symlink(format!("{}-{}", host(), child.id()), &lock).expect("linked");
        assert_eq!(check_unused(&folder), Ok(()));
        for (holder, host) in [("my-other-host-1", "my-other-host"), ("-1", "")] {
            std::fs::remove_file(&lock).expect("removed");
            symlink(holder, &lock).expect("linked");
            let error = BrowserError::InUseElsewhere { folder: folder.clone(), host: host.to_owned() };
            assert_eq!(folders.remove(&key()), Err(error));
        }
        std::fs::remove_file(&lock).expect("removed");
        symlink("nonsense", &lock).expect("linked");
        assert_eq!(folders.remove(&key()), Err(BrowserError::InUse { folder }), "in doubt it is used");
    }

    #[test]
    fn what_a_link_in_the_folder_leads_to_stays() {
        let (home, folders) = folders();
        let folder = folders.ensure(&key(), Kind::Chrome).expect("made");
        let theirs = home.path().join("theirs");
        std::fs::create_dir(&theirs).expect("made");
        std::fs::write(theirs.join("file"), "1").expect("written");
        symlink(&theirs, folder.join("link")).expect("linked");
        symlink(&theirs, folder.with_file_name("edge")).expect("linked");
        folders.remove(&key()).expect("removed");
        assert!(theirs.join("file").is_file());
    }
}
