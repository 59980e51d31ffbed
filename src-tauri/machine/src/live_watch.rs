//! Being told at once when Claude Code's login or its `oauthAccount` changes. Owns the file watch on Linux and its
//! debounce. Leaves what a change means to the warden, which compares the store's stamp every few seconds besides: a
//! watch that fails costs seconds and nothing else. Where the login lies in the Keychain there is no file, and the
//! stamp is all.

use crate::surroundings::Surroundings;

#[cfg(target_os = "linux")]
mod inotify;

/// What may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The live login.
    Login,
    /// The file with `oauthAccount`.
    Account,
}

/// A watch that ends when this is dropped.
#[derive(Debug)]
pub struct LiveWatch {
    // The thread at the other end sees it close.
    #[cfg(target_os = "linux")]
    _alive: Option<std::io::PipeWriter>,
}

/// Calls `tell` from a thread of its own, some 150 ms after a change. A watch that cannot begin is said in the log.
#[cfg(target_os = "linux")]
pub fn follow(surroundings: &Surroundings, tell: impl Fn(Changed) + Send + 'static) -> LiveWatch {
    match inotify::start(surroundings.clone(), tell) {
        Ok(alive) => LiveWatch { _alive: Some(alive) },
        Err(error) => {
            tracing::warn!(%error, "changes of the login will be noticed some seconds late");
            LiveWatch { _alive: None }
        }
    }
}

/// There is no file to watch: the Keychain item's attributes are compared by the warden (`docs/macos.md`).
#[cfg(not(target_os = "linux"))]
pub fn follow(_surroundings: &Surroundings, _tell: impl Fn(Changed) + Send + 'static) -> LiveWatch {
    LiveWatch {}
}
