//! The folder of one attempt. It is Claude Code's config folder, and holds what ties the child to us besides: the opener
//! that `BROWSER` names and the page that it was called with, the pipe through which a code is handed over, and what the
//! child said. Owns these files and that nobody else can read them; leaves the record of the process to `claude/running`,
//! and what the words mean to `words`.
//!
//! The pipe has a name, so that another process of ours than the one that began can answer; what goes through it is never
//! on the disk.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::sys::stat::Mode;
use rustix::fs::OFlags;
use signalbox_core::ports::{SigninError, StoreError};

use super::words;
use crate::data_folder;
use crate::durable::{self, Links, Mtime, PRIVATE_FILE, PRIVATE_FOLDER};

const OPENER: &str = "opener";
const PAGE: &str = "page";
const ANSWER: &str = "answer";
const SAID: &str = "said";
/// Marks an attempt that was given up while its child was alive. The folder keeps its name meanwhile: a child that stores
/// something would only make it anew.
const GIVEN_UP: &str = "given-up";
/// Marks an attempt whose child was started once more, at a terminal.
const AT_TERMINAL: &str = "at-terminal";

/// The faces open the page, so this only tells which one. It finds its place by its own name, which is a whole path; the
/// rename makes that nobody reads half an address.
const OPENER_SCRIPT: &str =
    "#!/bin/sh\numask 077\npage=${0%/*}/page\nprintf '%s\\n' \"$1\" >\"$page.$$\" && mv -f \"$page.$$\" \"$page\"\n";
const OPENER_MODE: u32 = 0o700;

const PAGE_BYTES_MAX: u64 = 16 * 1024;
/// Of what the child said only the end counts.
const SAID_BYTES_MAX: u64 = 64 * 1024;
/// Codes have some 90 characters, and so much goes through a pipe in one piece.
const CODE_BYTES_MAX: usize = 500;
/// The browser is called within the second in which the address is printed. That one counts only where no call came
/// within this time after it.
const UNOPENED: Duration = Duration::from_millis(1500);
/// The same for a child that never stops talking, from the beginning of the attempt.
const UNOPENED_AT_ALL: Duration = Duration::from_secs(15);

/// One attempt that has a folder.
#[derive(Clone, Debug)]
pub struct Attempt {
    folder: PathBuf,
}

impl Attempt {
    /// The one in this folder; an error if that is a link or somebody else's, `None` if there is none.
    pub fn at(folder: PathBuf) -> Result<Option<Self>, StoreError> {
        Ok(data_folder::check(&folder)?.then_some(Self { folder }))
    }

    /// Makes the folder and what the child needs in it. A folder of that name must not exist.
    pub fn make(folder: PathBuf) -> Result<Self, StoreError> {
        let unwritable = |error: std::io::Error| durable::write_error(&folder, &error);
        DirBuilder::new().mode(PRIVATE_FOLDER).create(&folder).map_err(unwritable)?;
        data_folder::check(&folder)?;
        let attempt = Self { folder };
        let furnished = attempt.furnish();
        if furnished.is_err() {
            let _ = std::fs::remove_dir_all(&attempt.folder);
        }
        furnished.map(|()| attempt)
    }

    fn furnish(&self) -> Result<(), StoreError> {
        durable::replace(&self.opener(), OPENER_SCRIPT.as_bytes(), OPENER_MODE, Mtime::Any)?;
        durable::replace(&self.folder.join(SAID), &[], PRIVATE_FILE, Mtime::Any)?;
        let pipe = self.folder.join(ANSWER);
        let made = nix::unistd::mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR);
        made.map_err(|error| durable::write_error(&pipe, &error.into()))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What belongs into `BROWSER`.
    pub fn opener(&self) -> PathBuf {
        self.folder.join(OPENER)
    }

    /// The pipe, for a child that never sees the end of it: whoever has it open for both holds its other end, too.
    pub fn answers(&self) -> std::io::Result<File> {
        OpenOptions::new().read(true).write(true).custom_flags(no_links(OFlags::empty())).open(self.folder.join(ANSWER))
    }

    /// Where the child's words go. Each writer puts its own at the end.
    pub fn said_file(&self) -> std::io::Result<File> {
        OpenOptions::new().append(true).custom_flags(no_links(OFlags::empty())).open(self.folder.join(SAID))
    }

    /// Hands a code over. Blanks and line breaks come from where it was copied.
    pub fn answer(&self, code: &str) -> Result<(), SigninError> {
        let mut code: Vec<u8> = code.bytes().filter(u8::is_ascii_graphic).collect();
        if code.is_empty() || code.len() > CODE_BYTES_MAX {
            return Err(SigninError::NotAsking);
        }
        code.push(b'\n');
        // Without a reader this fails at once instead of waiting for one.
        let flags = no_links(OFlags::NONBLOCK);
        let pipe = OpenOptions::new().write(true).custom_flags(flags).open(self.folder.join(ANSWER));
        let mut pipe = pipe.map_err(|_| SigninError::NotAsking)?;
        if !pipe.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo()) {
            return Err(SigninError::NotAsking);
        }
        pipe.write_all(&code).map_err(|_| SigninError::NotAsking)
    }

    /// The page that a person is to open, once the child has named one.
    pub fn page(&self) -> Option<String> {
        let named = durable::read(&self.folder.join(PAGE), PAGE_BYTES_MAX, Links::Refuse).ok().flatten();
        named.and_then(|bytes| words::page(std::str::from_utf8(&bytes).ok()?)).or_else(|| self.printed_page())
    }

    fn printed_page(&self) -> Option<String> {
        let younger = |name: &str, than: Duration| {
            let written = self.folder.join(name).symlink_metadata().and_then(|metadata| metadata.modified());
            // A time in the future is from before the clock was set back.
            written.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < than))
        };
        if younger(SAID, UNOPENED) && younger(OPENER, UNOPENED_AT_ALL) {
            return None;
        }
        words::printed_page(&self.said())
    }

    /// The end of what the child said.
    pub fn said(&self) -> String {
        let read = || {
            let mut file = durable::open(&self.folder.join(SAID), Links::Refuse).ok()??;
            let length = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(SAID_BYTES_MAX))).ok()?;
            let mut bytes = Vec::new();
            file.take(SAID_BYTES_MAX).read_to_end(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }

    /// Whether a login may lie here, or be on its way: told from the files alone, in no time.
    pub fn may_hold_a_login(&self) -> bool {
        let block =
            || std::fs::read_to_string(self.folder.join(".claude.json")).is_ok_and(|t| t.contains("oauthAccount"));
        exists(&self.folder.join(".credentials.json")) || block()
    }

    /// After a crash of the machine the mark may be missing, but then the child is dead.
    pub fn give_up(&self) -> Result<(), StoreError> {
        durable::replace_unsynced(&self.folder.join(GIVEN_UP), &[], PRIVATE_FILE)
    }

    pub fn is_given_up(&self) -> bool {
        exists(&self.folder.join(GIVEN_UP))
    }

    pub fn note_terminal(&self) -> Result<(), StoreError> {
        durable::replace_unsynced(&self.folder.join(AT_TERMINAL), &[], PRIVATE_FILE)
    }

    /// Whether its child ended for want of a terminal, and was not started at one yet.
    pub fn wants_terminal(&self) -> bool {
        !exists(&self.folder.join(AT_TERMINAL)) && words::wants_terminal(&self.said())
    }
}

/// What cannot be looked at counts as being there.
fn exists(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
}

fn no_links(flags: OFlags) -> i32 {
    (flags | OFlags::NOFOLLOW).bits().cast_signed()
}
