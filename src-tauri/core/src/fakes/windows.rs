//! The pretended browser windows: which of them hold a session, what was opened in them, and how a press ends.

use std::collections::HashSet;

use crate::ports::{self, Left, StoreError, WindowError};
use crate::time::Timestamp;

use super::World;
use super::stores::unwritable;

/// All of them.
#[derive(Default)]
pub(super) struct Windows {
    sessions: HashSet<String>,
    /// Which page came up in which, in an ordinary window.
    opened: Vec<(String, String)>,
    pressed: Vec<String>,
    no_screen: bool,
    /// Why no browser starts.
    broken: Option<String>,
    /// What becomes of a press that does not succeed.
    leaves: Option<Left>,
}

impl World {
    /// A sign-in through this window succeeded once.
    pub fn window_holds_session(&self, window: &str) {
        self.lock().windows.sessions.insert(window.to_owned());
    }

    pub fn set_screen(&self, there: bool) {
        self.lock().windows.no_screen = !there;
    }

    /// No browser starts from now on.
    pub fn break_browsers(&self, why: Option<&str>) {
        self.lock().windows.broken = why.map(str::to_owned);
    }

    /// How a press ends from now on; `None`: well.
    pub fn leave_presses(&self, leaves: Option<Left>) {
        self.lock().windows.leaves = leaves;
    }

    /// The windows in which a page came up for a person, one after the other.
    pub fn windows_opened(&self) -> Vec<String> {
        self.lock().windows.opened.iter().map(|(window, _)| window.clone()).collect()
    }

    /// The windows in which Signalbox pressed, or tried to.
    pub fn windows_pressed(&self) -> Vec<String> {
        self.lock().windows.pressed.clone()
    }
}

impl ports::Windows for World {
    fn holds_session(&self, window: &str) -> bool {
        let state = self.lock();
        !state.windows.no_screen && state.windows.sessions.contains(window)
    }

    fn open(&self, window: &str, page: &str) -> Result<(), WindowError> {
        let failed = || WindowError { why: "a planned fault".to_owned() };
        self.step("windows.open", failed, |state, _| {
            if let Some(why) = &state.windows.broken {
                return Err(WindowError { why: why.clone() });
            }
            state.windows.opened.push((window.to_owned(), page.to_owned()));
            Ok(())
        })
    }

    fn press(&self, window: &str, _page: &str, _headless: bool, _stop: &dyn Fn() -> bool) -> Result<(), Left> {
        let failed = || Left { why: "a planned fault".to_owned(), signed_out: false, window: Ok(()) };
        self.step("windows.press", failed, |state, _| {
            state.windows.pressed.push(window.to_owned());
            state.windows.leaves.clone().map_or(Ok(()), Err)
        })
    }

    fn note_session(&self, window: &str, _at: Timestamp) -> Result<(), StoreError> {
        self.step("windows.note_session", unwritable, |state, _| {
            state.windows.sessions.insert(window.to_owned());
            Ok(())
        })
    }

    fn forget_session(&self, window: &str) -> Result<(), StoreError> {
        self.step("windows.forget_session", unwritable, |state, _| {
            state.windows.sessions.remove(window);
            Ok(())
        })
    }
}
