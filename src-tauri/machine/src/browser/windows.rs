//! The windows of profiles as the core asks for them (the port `Windows`). Owns whether one can come up in which its account was signed
//! in: the note says in which browser that was, that browser is installed, and there is a screen. Leaves opening it to the parent, and
//! pressing to `press`.

use std::ffi::OsString;

use signalbox_core::ports::{Left, StoreError, WindowError, Windows};
use signalbox_core::time::Timestamp;

use super::press::{self, HandedOver, PressRules, Reason, Task};
use super::{BrowserError, Browsers, Choice, Page, SignedIn, WindowKey, launch};
use crate::surroundings::Surroundings;

/// The windows of this machine.
pub struct ProfileWindows {
    surroundings: Surroundings,
    /// What a browser's environment has besides ours. Tests put their screen here.
    besides: Vec<(OsString, OsString)>,
    rules: PressRules,
}

impl ProfileWindows {
    /// Reads nothing and starts nothing yet.
    pub fn new(surroundings: &Surroundings) -> Self {
        Self { surroundings: surroundings.clone(), besides: Vec::new(), rules: PressRules::of_anthropic() }
    }

    /// As [`Browsers::with_variables`].
    #[must_use]
    pub fn with_variables(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        self.besides.extend(variables);
        self
    }

    fn browsers(&self, choice: Choice) -> Browsers {
        Browsers::new(&self.surroundings, choice).with_variables(self.besides.clone())
    }

    fn signed_in(&self, key: &WindowKey) -> Result<Option<SignedIn>, BrowserError> {
        self.browsers(Choice::Default).signed_in(key)
    }

    /// The browser in which the account was signed in.
    fn of_session(&self, window: &str) -> Option<(WindowKey, Browsers)> {
        let key = WindowKey::parse(window).ok()?;
        let signed_in =
            self.signed_in(&key).inspect_err(|error| tracing::debug!(%error, "no session is known")).ok()??;
        let browsers = self.browsers(Choice::Own(signed_in.kind));
        browsers.kind().ok()??;
        Some((key, browsers))
    }

    /// The same, and the address. An odd one, which came from Claude Code, is opened nowhere and not repeated.
    fn to_open(&self, window: &str, page: &str) -> Result<(WindowKey, Browsers, Page), WindowError> {
        let page = Page::parse(page).map_err(|error| WindowError { why: error.to_string() })?;
        let gone = || WindowError { why: "the browser in which it was signed in is gone".to_owned() };
        let (key, browsers) = self.of_session(window).ok_or_else(gone)?;
        Ok((key, browsers, page))
    }
}

impl Windows for ProfileWindows {
    fn holds_session(&self, window: &str) -> bool {
        launch::has_screen(&self.besides) && self.of_session(window).is_some()
    }

    fn open(&self, window: &str, page: &str) -> Result<(), WindowError> {
        let (key, browsers, page) = self.to_open(window, page)?;
        match browsers.open(&key, &page) {
            Ok(_) => Ok(()),
            Err(error) => Err(WindowError { why: error.to_string() }),
        }
    }

    fn press(&self, window: &str, page: &str, headless: bool, stop: &dyn Fn() -> bool) -> Result<(), Left> {
        let (key, browsers, page) = self.to_open(window, page).map_err(|error| {
            let why = error.to_string();
            Left { why, signed_out: false, window: Err(error) }
        })?;
        let task = Task { key: &key, page: &page, rules: &self.rules, headless, stop };
        match press::authorize(&browsers, &task) {
            Ok(_) => Ok(()),
            Err(HandedOver { reason, window }) => {
                let why = reason.to_string();
                let window = match window {
                    Some(opened) => opened.map(drop).map_err(|error| WindowError { why: error.to_string() }),
                    None => Err(WindowError { why: why.clone() }),
                };
                Err(Left { why, signed_out: reason == Reason::SignInWanted, window })
            }
        }
    }

    fn note_session(&self, window: &str, at: Timestamp) -> Result<(), StoreError> {
        let Ok(key) = WindowKey::parse(window) else { return Ok(()) };
        let known = self.signed_in(&key).ok().flatten().map(|signed_in| signed_in.kind);
        let first = || self.browsers(Choice::Any).kind().ok().flatten();
        match known.or_else(first) {
            Some(kind) => self.browsers(Choice::Any).folders.note_signed_in(&key, SignedIn { kind, at }),
            None => Ok(()),
        }
    }

    fn forget_session(&self, window: &str) -> Result<(), StoreError> {
        WindowKey::parse(window).map_or(Ok(()), |key| self.browsers(Choice::Any).folders.forget_signed_in(&key))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Kind;
    use super::*;

    const WINDOW: &str = "0123456789abcdef";

    /// A computer with a Chromium, and windows on a screen.
    fn windows() -> (tempfile::TempDir, ProfileWindows) {
        let home = tempfile::tempdir().expect("a folder");
        let program = home.path().join("chromium");
        std::fs::write(&program, "#!/bin/sh\nexit 0\n").expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
        let search_path = Some(home.path().as_os_str().to_owned());
        let surroundings = Surroundings { search_path, ..Surroundings::at_home(home.path()) };
        let windows = ProfileWindows::new(&surroundings);
        (home, windows.with_variables([("DISPLAY".into(), ":none".into()), ("WAYLAND_DISPLAY".into(), "".into())]))
    }

    fn note(windows: &ProfileWindows, kind: Kind) {
        let key = WindowKey::parse(WINDOW).expect("a key");
        windows.browsers(Choice::Any).note_signed_in(&key, kind, Timestamp::from_ms(1)).expect("noted");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_session_needs_a_note_its_browser_and_a_screen() {
        let (home, windows) = windows();
        assert!(!windows.holds_session(WINDOW), "nobody has signed in there");
        assert!(!home.path().join(".local").exists(), "and nothing is made by asking");
        note(&windows, Kind::Brave);
        assert!(!windows.holds_session(WINDOW), "that browser is not installed any more");
        note(&windows, Kind::Chromium);
        assert!(windows.holds_session(WINDOW));
        let nowhere = [("DISPLAY".into(), "".into())];
        let windows = windows.with_variables(nowhere);
        assert!(!windows.holds_session(WINDOW), "there is no screen");
        assert!(!windows.holds_session("../../x"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_session_is_noted_in_the_browser_where_it_was_and_forgotten() {
        let (_home, windows) = windows();
        windows.note_session(WINDOW, Timestamp::from_ms(7)).expect("noted");
        assert!(windows.holds_session(WINDOW), "in the first browser that there is");
        windows.forget_session(WINDOW).expect("forgotten");
        assert!(!windows.holds_session(WINDOW));
    }

    #[test]
    fn an_address_that_is_none_of_anthropics_comes_up_nowhere() {
        let (_home, windows) = windows();
        for page in ["https://example.com/oauth/authorize", "file:///etc/passwd", ""] {
            let error = windows.open(WINDOW, page).expect_err(page);
            assert!(
                error.to_string().starts_with("no window of its own came up: this address is not opened"),
                "{error}"
            );
            let left = windows.press(WINDOW, page, false, &|| false).expect_err(page);
            assert_eq!((left.signed_out, left.window), (false, Err(error)));
        }
    }
}
