//! The page of a sign-in, in a browser. Owns when it is opened unasked, what is remembered of that, and the seam behind which browsers
//! are; leaves which addresses may be opened, and how, to `signalbox_machine::browser`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use signalbox_core::error::{Code, NextStep, Problem};
use signalbox_core::ports::{Clock, Ports};
use signalbox_core::profile::Alias;
use signalbox_core::rotate::{self, Rotation, Step};
use signalbox_core::vault;
use signalbox_machine::browser::{BrowserError, Browsers, Choice, Opened, Page, WindowKey};
use signalbox_machine::surroundings::Surroundings;
use tauri::{AppHandle, Manager, Runtime};

use super::{Opening, RotateWindow};

/// How often it is looked whether Claude Code has named the page by now.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A Claude Code that has not asked for a browser by then will not; the window offers to open the page should it still come.
const NAMED_WITHIN: Duration = Duration::from_secs(60);

/// Where the page of a sign-in opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// In the browser of every day.
    Shared,
    /// In a window that is this profile's own.
    Own,
}

/// Opens pages.
pub trait OpensPages: Send + Sync {
    /// The browser that can give a profile a window of its own, as people call it.
    fn own(&self) -> Option<&'static str>;
    /// Opens a page and does not wait for it to be closed. `key`: whose own window; without it the browser of every day. Gives back
    /// where it opened.
    fn open(&self, key: Option<&WindowKey>, page: &Page) -> Result<Place, BrowserError>;
    /// A sign-in through the profile's own window has just succeeded.
    fn note_signed_in(&self, key: &WindowKey, clock: &dyn Clock);
    /// Removes what the browser of a window keeps: its profile is gone.
    fn forget(&self, key: &WindowKey) -> Result<(), BrowserError>;
}

/// The browsers of this machine.
pub struct OwnBrowsers {
    own: Browsers,
    shared: Browsers,
}

impl OwnBrowsers {
    pub fn new(surroundings: &Surroundings) -> Self {
        let of = |choice| Browsers::new(surroundings, choice);
        Self { own: of(Choice::Any), shared: of(Choice::Default) }
    }
}

impl OpensPages for OwnBrowsers {
    fn own(&self) -> Option<&'static str> {
        Some(self.own.kind().ok()??.title())
    }

    fn open(&self, key: Option<&WindowKey>, page: &Page) -> Result<Place, BrowserError> {
        let opened = match key {
            Some(key) => self.own.open(key, page)?,
            // It has no folder, and needs no name.
            None => self.shared.open(&nobodys(), page)?,
        };
        Ok(match opened {
            Opened::Own { .. } => Place::Own,
            Opened::Shared => Place::Shared,
        })
    }

    fn note_signed_in(&self, key: &WindowKey, clock: &dyn Clock) {
        let noted = match self.own.kind() {
            Ok(Some(kind)) => self.own.note_signed_in(key, kind, clock.now()),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::info!(%error, "it was not noted that the profile's browser is signed in");
        }
    }

    fn forget(&self, key: &WindowKey) -> Result<(), BrowserError> {
        self.own.remove(key)
    }
}

fn nobodys() -> WindowKey {
    WindowKey::parse("0000000000000000").expect("hexadecimal digits")
}

/// Opens the page as soon as Claude Code has named it, and remembers what became of that.
pub fn open_when_named<R: Runtime>(app: AppHandle<R>, place: Place) {
    tauri::async_runtime::spawn(async move {
        let end = tokio::time::Instant::now() + NAMED_WITHIN;
        while tokio::time::Instant::now() < end {
            let looking = app.clone();
            let waits = tauri::async_runtime::spawn_blocking(move || opened_if_named(&looking, place)).await;
            if !waits.unwrap_or(false) {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
}

/// `true`: it is not named yet.
fn opened_if_named<R: Runtime>(app: &AppHandle<R>, place: Place) -> bool {
    let ports = app.state::<Arc<Ports>>();
    match rotate::look(&ports) {
        Ok(Some(rotation)) if rotation.step == Step::Starting => true,
        Ok(Some(rotation)) => {
            if app.state::<RotateWindow>().is_first_to_open(&rotation)
                && let Err(problem) = open_of(app, &rotation, place)
            {
                tracing::info!(problem.message, "the page of a sign-in was not opened");
            }
            false
        }
        Ok(None) => false,
        // It may be readable the next time.
        Err(_) => true,
    }
}

/// Opens the page of this sign-in, if it has one at the moment, and remembers what became of that.
pub fn open_of<R: Runtime>(app: &AppHandle<R>, rotation: &Rotation, place: Place) -> Result<(), Problem> {
    let Step::Browser { page } = &rotation.step else { return Ok(()) };
    let window = app.state::<RotateWindow>();
    let opened = open(&window, rotation, page, place);
    let remembered = Opening {
        page: page.clone(),
        window: rotation.window.clone(),
        opened: opened.as_ref().ok().copied(),
        trouble: opened.as_ref().err().cloned(),
    };
    *window.opening() = remembered;
    opened.map(drop)
}

impl RotateWindow {
    /// Whether nobody has begun to open the page of this sign-in, which from here on somebody has. Whoever waits for the page of a
    /// sign-in that was given up may not have looked since, and then meets the page of the next.
    fn is_first_to_open(&self, rotation: &Rotation) -> bool {
        let Step::Browser { page } = &rotation.step else { return false };
        let mut opening = self.opening();
        let is_first = opening.page != *page;
        if is_first {
            *opening = Opening { page: page.clone(), window: rotation.window.clone(), ..Opening::default() };
        }
        is_first
    }

    /// Removes what the browser of a removed profile's own window keeps. `own`: as [`own_window`] had it before.
    pub fn forget(&self, own: Option<&WindowKey>, alias: &Alias) -> Result<(), Problem> {
        let Some(own) = own else { return Ok(()) };
        self.pages.forget(own).map_err(|error| Problem {
            code: Code::Store,
            message: format!(
                "Cannot forget the browser window of {alias}, which is removed: {error}; {}",
                error.hint()
            ),
            next_step: NextStep::Retry,
            about: None,
        })
    }
}

/// The window that is this profile's own.
pub fn own_window(ports: &Ports, alias: &Alias) -> Option<WindowKey> {
    let roster = vault::load_roster(ports).ok()?;
    WindowKey::parse(&roster.find(alias)?.window()).ok()
}

fn open(window: &RotateWindow, rotation: &Rotation, page: &str, place: Place) -> Result<Place, Problem> {
    let about = Some(rotation.alias.clone());
    let cannot = |code, why: String, next_step| {
        let message = format!("Cannot open the page: {why}");
        Problem { code, message, next_step, about: about.clone() }
    };
    // The address came from Claude Code. It is not logged, and an odd one is opened nowhere.
    let page = Page::parse(page).map_err(|error| cannot(Code::Provider, error.to_string(), NextStep::ReportBug))?;
    let key = match place {
        Place::Own => WindowKey::parse(&rotation.window).ok(),
        Place::Shared => None,
    };
    window
        .pages
        .open(key.as_ref(), &page)
        .map_err(|error| cannot(Code::Store, format!("{error}; {}", error.hint()), NextStep::Retry))
}

/// The sign-in succeeded. Where it went through the profile's own window, the next one needs a click alone.
pub fn note_signed_in<R: Runtime>(app: &AppHandle<R>) {
    let window = app.state::<RotateWindow>();
    let opening = std::mem::take(&mut *window.opening());
    if opening.opened != Some(Place::Own) {
        return;
    }
    if let Ok(key) = WindowKey::parse(&opening.window) {
        window.pages.note_signed_in(&key, app.state::<Arc<Ports>>().clock.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use signalbox_core::rotate::Way;
    use signalbox_core::time::Timestamp;

    use super::*;

    /// Whose window, and which page.
    type Opened = (Option<WindowKey>, String);

    /// A browser that opens what it is given, where `broken` does not say otherwise.
    struct Pretended {
        broken: bool,
        opened: Arc<Mutex<Vec<Opened>>>,
    }

    impl OpensPages for Pretended {
        fn own(&self) -> Option<&'static str> {
            None
        }
        fn open(&self, key: Option<&WindowKey>, page: &Page) -> Result<Place, BrowserError> {
            if self.broken {
                return Err(BrowserError::NoScreen);
            }
            self.opened.lock().expect("nobody panics holding it").push((key.cloned(), page.as_str().to_owned()));
            Ok(if key.is_some() { Place::Own } else { Place::Shared })
        }
        fn note_signed_in(&self, _key: &WindowKey, _clock: &dyn Clock) {}
        fn forget(&self, key: &WindowKey) -> Result<(), BrowserError> {
            match self.broken {
                true => Err(BrowserError::InUse { folder: key.as_str().into() }),
                false => Ok(()),
            }
        }
    }

    const PAGE: &str = "https://claude.ai/oauth/authorize?state=made-up";

    fn rotation() -> Rotation {
        let at = Timestamp::from_ms(0);
        Rotation {
            alias: Alias::parse("work").expect("an alias"),
            email: None,
            way: Way::Isolated,
            begun_at: at,
            until: at,
            unasked: false,
            window: "0123456789abcdef".to_owned(),
            step: Step::Browser { page: PAGE.to_owned() },
        }
    }

    #[test]
    fn a_page_opens_where_the_person_wants_it() {
        let opened = Arc::default();
        let window = RotateWindow::new(Box::new(Pretended { broken: false, opened: Arc::clone(&opened) }));
        for place in [Place::Shared, Place::Own] {
            assert_eq!(open(&window, &rotation(), PAGE, place), Ok(place));
        }
        let own = WindowKey::parse("0123456789abcdef").expect("a name");
        let expected = vec![(None, PAGE.to_owned()), (Some(own), PAGE.to_owned())];
        assert_eq!(*opened.lock().expect("nobody panics holding it"), expected);
    }

    #[test]
    fn two_who_wait_for_the_same_page_open_it_once() {
        let window = RotateWindow::new(Box::new(Pretended { broken: false, opened: Arc::default() }));
        let of = |step| Rotation { step, ..rotation() };
        assert!(!window.is_first_to_open(&of(Step::Starting)));
        assert_eq!([(); 2].map(|()| window.is_first_to_open(&rotation())), [true, false]);
        let next = of(Step::Browser { page: format!("{PAGE}-too") });
        assert_eq!([(); 2].map(|()| window.is_first_to_open(&next)), [true, false]);
    }

    #[test]
    fn a_removed_profile_whose_window_is_still_open_is_told_of() {
        let pretended = |broken| RotateWindow::new(Box::new(Pretended { broken, opened: Arc::default() }));
        let (own, alias) = (WindowKey::parse("0123456789abcdef").ok(), rotation().alias);
        assert_eq!(pretended(false).forget(own.as_ref(), &alias), Ok(()));
        assert_eq!(pretended(true).forget(None, &alias), Ok(()));
        let problem = pretended(true).forget(own.as_ref(), &alias).expect_err("a browser uses it");
        assert!(problem.message.starts_with("Cannot forget the browser window of work, which is removed:"));
    }

    #[test]
    fn a_browser_that_does_not_start_is_a_problem_with_a_next_step() {
        let window = RotateWindow::new(Box::new(Pretended { broken: true, opened: Arc::default() }));
        let problem = open(&window, &rotation(), PAGE, Place::Shared).expect_err("there is no screen");
        assert!(problem.message.starts_with("Cannot open the page: there is no screen"), "{}", problem.message);
        assert_eq!((problem.next_step, problem.about), (NextStep::Retry, Some(rotation().alias)));
    }
}
