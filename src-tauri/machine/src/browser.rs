//! Windows in which a person signs in: one of a browser's own for each profile, so that several accounts stay signed in
//! side by side and the browser of every day is left alone. Owns which browser is taken, what it is given, and the
//! folders (`docs/browser-windows.md`). Leaves to the caller which page is opened and what a profile is called: a window
//! knows only a [`WindowKey`].
//!
//! Nothing in here reads what a browser keeps. Whether a profile's browser is signed in is known from a note that
//! Signalbox writes after a sign-in that went through it.

pub mod folder;
pub mod installed;
mod launch;
pub mod page;
pub mod press;
pub mod windows;

use std::ffi::OsString;
use std::path::PathBuf;

use signalbox_core::ports::StoreError;
use signalbox_core::time::Timestamp;

pub use folder::{SignedIn, WindowKey};
pub use installed::{Choice, Kind};
pub use page::Page;

use crate::surroundings::Surroundings;
use folder::Folders;
use installed::{Found, Places};

/// What went wrong with a window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrowserError {
    #[error("{browser} is not installed")]
    NotInstalled { browser: &'static str },
    #[error("{program} cannot be started: {why}")]
    NotStarted { program: PathBuf, why: String },
    #[error("there is no screen to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set")]
    NoScreen,
    /// Its folder cannot be removed now.
    #[error("a browser window still uses {folder}")]
    InUse { folder: PathBuf },
    /// The lock of the folder was taken on a machine of another name, where nobody here can look.
    #[error("{folder} is in use by a browser on {host}")]
    InUseElsewhere { folder: PathBuf, host: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BrowserError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotInstalled { .. } => "install it, or choose another browser in the settings",
            Self::NotStarted { .. } => {
                "start the browser by hand to see what it says, or choose another one in the settings"
            }
            Self::NoScreen => "open the address that was printed in a browser on another machine",
            Self::InUse { .. } => "close the windows of this profile's browser, and try again",
            Self::InUseElsewhere { .. } => {
                "close that browser; if there is none, remove the file SingletonLock from the folder"
            }
            Self::Store(_) => "see to the folder, and try again",
        }
    }
}

/// Where a page was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// In the profile's own browser.
    Own {
        kind: Kind,
        /// `false`: the browser runs without its sandbox, because it refuses to start with it for root.
        sandboxed: bool,
    },
    /// In the browser of every day, which all profiles share.
    Shared,
}

/// The browsers of this machine, and the folders that profiles have in them.
#[derive(Clone, Debug)]
pub struct Browsers {
    folders: Folders,
    places: Places,
    choice: Choice,
    /// What a browser's environment has besides ours. Tests put their screen here.
    besides: Vec<(OsString, OsString)>,
}

impl Browsers {
    /// Reads nothing and starts nothing yet.
    pub fn new(surroundings: &Surroundings, choice: Choice) -> Self {
        Self {
            folders: Folders::new(&surroundings.data_folder()),
            places: Places::of(surroundings),
            choice,
            besides: Vec::new(),
        }
    }

    /// The same with another environment for what is started: `variables` come on top of ours.
    #[must_use]
    pub fn with_variables(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        self.besides.extend(variables);
        self
    }

    /// Opens a page in a window of the profile, and does not wait for it to be closed: the window lives on when Signalbox
    /// ends. A browser that already runs for this profile opens one more window.
    ///
    /// # Errors
    /// When the chosen browser is not installed or ends at once, and when the folder is not this user's own.
    pub fn open(&self, key: &WindowKey, page: &Page) -> Result<Opened, BrowserError> {
        match self.places.find(self.choice)? {
            Found::Own(kind, program) => {
                let folder = self.folders.ensure(key, kind)?;
                let sandboxed = launch::open_own(&program, &folder, page, &self.besides)?;
                Ok(Opened::Own { kind, sandboxed })
            }
            Found::Shared(opener) => {
                launch::open_shared(&opener, page, &self.besides)?;
                Ok(Opened::Shared)
            }
        }
    }

    /// The browser that would be taken now; `None` for the browser of every day.
    ///
    /// # Errors
    /// When the chosen one is not installed.
    pub fn kind(&self) -> Result<Option<Kind>, BrowserError> {
        Ok(match self.places.find(self.choice)? {
            Found::Own(kind, _) => Some(kind),
            Found::Shared(_) => None,
        })
    }

    /// Whether the profile has a browser folder.
    ///
    /// # Errors
    /// When something stands there that is no folder of this user.
    pub fn exists(&self, key: &WindowKey) -> Result<bool, BrowserError> {
        Ok(self.folders.exists(key)?)
    }

    /// Removes the profile's browser folder with everything that its browsers keep in it, signed-in sessions too. One
    /// that does not exist is no error.
    ///
    /// # Errors
    /// [`BrowserError::InUse`] while a browser runs with it: nothing is removed then.
    pub fn remove(&self, key: &WindowKey) -> Result<(), BrowserError> {
        self.folders.remove(key)
    }

    /// Notes that a sign-in through the profile's window has just succeeded.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn note_signed_in(&self, key: &WindowKey, kind: Kind, at: Timestamp) -> Result<(), BrowserError> {
        Ok(self.folders.note_signed_in(key, SignedIn { kind, at })?)
    }

    /// When a sign-in through the profile's window last succeeded, and in which browser. It says that there *was* a
    /// session; whether the provider still honours it, only a sign-in tells.
    ///
    /// # Errors
    /// When the note cannot be read, or makes no sense.
    pub fn signed_in(&self, key: &WindowKey) -> Result<Option<SignedIn>, BrowserError> {
        Ok(self.folders.signed_in(key)?)
    }

    /// When a sign-in through the profile's window last succeeded.
    ///
    /// # Errors
    /// As [`Browsers::signed_in`].
    pub fn signed_in_at(&self, key: &WindowKey) -> Result<Option<Timestamp>, BrowserError> {
        Ok(self.signed_in(key)?.map(|signed_in| signed_in.at))
    }

    /// Forgets that a session was there: its window asked to sign in.
    ///
    /// # Errors
    /// When the note cannot be removed.
    pub fn forget_signed_in(&self, key: &WindowKey) -> Result<(), BrowserError> {
        Ok(self.folders.forget_signed_in(key)?)
    }
}
