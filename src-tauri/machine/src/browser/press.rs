//! Presses the Authorize button of the consent page in a profile's own browser: only where the person has asked for it, and
//! only on a page of which everything is known. Owns one such run; leaves the decision to `decide`, what is read from the
//! page to `look`, and the wire to the browser to `wire`. Never fills a form, never signs in, never passes a challenge,
//! never hides from the page that a program is there, and reads nothing but what stands on that one page.
//!
//! **Handing over.** The browser of a run obeys whoever holds its wire, so it does not outlive the run. When the person
//! has to take over, it is closed and the same page comes up in an ordinary window of the same profile, without any
//! wire: a challenge can be passed there, and nobody else on this machine can reach into it.

pub mod decide;
mod look;
mod wire;

use std::fmt;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::json;

use super::installed::Found;
use super::{BrowserError, Browsers, Kind, Opened, Page, WindowKey, folder, launch};
use crate::durable;
pub use decide::PressRules;
use decide::{After, Facts, Verdict};
use look::{Eyes, Gone, Seen};
use wire::{Method, Wire};

/// How often the page is looked at. Long enough for a person to see what happens.
const PACE: Duration = Duration::from_millis(250);
/// How long an unknown page may stand after the press before it counts as the last one.
const LEADING_ON: Duration = Duration::from_secs(3);
/// How long a browser has to answer one call. A loaded one may take seconds.
const ANSWERING: Duration = Duration::from_secs(20);
/// How long a browser has to close itself. It writes its sessions to the disk meanwhile.
const CLOSING: Duration = Duration::from_secs(10);

/// The button was pressed, and the page went on to where a consent leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// The browser it was in.
    pub kind: Kind,
}

/// The person has to take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOver {
    pub reason: Reason,
    /// The window in which the page waits; `None` after [`Reason::BrowserGone`], because the person has closed it.
    pub window: Option<Result<Opened, BrowserError>>,
}

/// Why nothing was pressed, or nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("the page asks whether a person is there")]
    Challenge,
    #[error("the page asks to sign in")]
    SignInWanted,
    #[error("the page is not the one that is known: {0}")]
    UnknownPage(Unknown),
    #[error("the browser was closed")]
    BrowserGone,
    #[error("the page did not come up in time")]
    TimedOut,
    /// Pressed once; it is not pressed again.
    #[error("the button was pressed, and the page did not go on")]
    NothingFollowed,
    #[error("Signalbox was about to end")]
    Stopped,
    /// A window of this profile is open already, and it is not taken from the person.
    #[error("a window of this profile is already open")]
    WindowOpen,
    /// The browser of every day has no buttons for us.
    #[error("there is no browser in which Signalbox could press it")]
    NoOwnBrowser,
    #[error("the browser cannot be used: {0}")]
    Failed(BrowserError),
}

/// What on a page is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It lies elsewhere; the host alone, because an address may hold a code.
    Place(String),
    /// It is about another request than the one that was opened.
    AnotherRequest,
    Heading(String),
    Button(String),
    Field(String),
    Frame(String),
    /// Two headings, or two buttons of that name.
    Twice,
    /// More than one page is open in the browser.
    SeveralPages,
    /// The browser shows an error of its own instead.
    NotReached,
    /// It changed between the last look and the press.
    Changed,
}

/// No text of a page is repeated at greater length.
const SHOWN_CHARS_MAX: usize = 80;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| {
            let visible = text.chars().map(|char| if char.is_control() { ' ' } else { char });
            visible.take(SHOWN_CHARS_MAX).collect::<String>()
        };
        match self {
            Self::Place(host) => write!(f, "it lies on \"{}\"", short(host)),
            Self::AnotherRequest => f.write_str("it is about another request"),
            Self::Heading(text) => write!(f, "its heading is \"{}\"", short(text)),
            Self::Button(name) => write!(f, "it has a button \"{}\"", short(name)),
            Self::Field(kind) => write!(f, "it has a field ({})", short(kind)),
            Self::Frame(host) => write!(f, "it shows a frame of \"{}\"", short(host)),
            Self::Twice => f.write_str("it has a heading or the button twice"),
            Self::SeveralPages => f.write_str("more than one page is open"),
            Self::NotReached => f.write_str("it could not be reached"),
            Self::Changed => f.write_str("it changed at the last moment"),
        }
    }
}

/// One press: whose window, which page, what is known of it.
pub struct Task<'a> {
    pub key: &'a WindowKey,
    pub page: &'a Page,
    pub rules: &'a PressRules,
    /// Without a window until something has to be handed over. Only for a person who has set it.
    pub headless: bool,
    /// Whether Signalbox is about to end.
    pub stop: &'a dyn Fn() -> bool,
}

/// Opens the page in a window of the profile's own browser and presses its Authorize button, if everything on it is as the rules say.
/// Waits until the page has gone on, at most [`PressRules::limit`], and closes the window then. Whatever is in doubt is handed to the
/// person at once, in a window that stays.
///
/// # Errors
/// [`HandedOver`], with the reason and the window.
pub fn authorize(browsers: &Browsers, task: &Task<'_>) -> Result<Pressed, HandedOver> {
    let reason = match run(browsers, task) {
        Ok(pressed) => return Ok(pressed),
        Err(reason) => reason,
    };
    tracing::info!(%reason, "the consent page is left to the person");
    let opens = !matches!(reason, Reason::BrowserGone | Reason::Stopped);
    let window = opens.then(|| browsers.open(task.key, task.page));
    Err(HandedOver { reason, window })
}

fn run(browsers: &Browsers, task: &Task<'_>) -> Result<Pressed, Reason> {
    let found = browsers.places.find(browsers.choice).map_err(Reason::Failed)?;
    let Found::Own(kind, program) = found else { return Err(Reason::NoOwnBrowser) };
    let folder = browsers.folders.ensure(task.key, kind).map_err(|error| Reason::Failed(error.into()))?;
    match folder::check_unused(&folder) {
        Ok(()) => {}
        Err(BrowserError::InUse { .. }) => return Err(Reason::WindowOpen),
        Err(error) => return Err(Reason::Failed(error)),
    }
    let mut command = launch::command_own(&program, &folder, &browsers.besides);
    if task.headless {
        command.arg("--headless");
    } else {
        launch::screen(&command).map_err(Reason::Failed)?;
    }
    command.arg("--new-window").arg(task.page.as_str());
    let (mut child, mut wire) = Wire::start(command).map_err(|error| {
        Reason::Failed(BrowserError::NotStarted { program: program.clone(), why: durable::why(&error) })
    })?;
    let until = Instant::now() + task.rules.limit;
    let outcome = Run { task, until, pressed: false }.on(&mut wire, &mut child);
    // In time or not, it is asked to close, so that it writes its sessions to the disk.
    let _ = wire.call(None, Method::Close, &json!({}), Instant::now() + CLOSING);
    drop(wire);
    bury(&mut child);
    outcome.map(|()| Pressed { kind })
}

/// Waits for the end of a browser that was asked to close. One that does not is ended: it is ours, and no person works in
/// it.
fn bury(child: &mut Child) {
    let deadline = Instant::now() + CLOSING;
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            _ => return,
        }
    }
    tracing::warn!(pid = child.id(), "the browser does not close, and is ended");
    let _ = child.kill();
    let _ = child.wait();
}

/// One run, once the browser is started.
struct Run<'a> {
    task: &'a Task<'a>,
    until: Instant,
    pressed: bool,
}

impl Run<'_> {
    /// Waits for the consent page, presses it, and waits for what follows.
    fn on(&mut self, wire: &mut Wire, child: &mut Child) -> Result<(), Reason> {
        let mut looks = Looks { wire, child, run_until: self.until, stop: self.task.stop, page: None };
        let (task, mut before) = (self.task, None::<Facts>);
        loop {
            let (page, facts) = self.next(&mut looks)?;
            match decide::decide(&facts, task.page, task.rules) {
                Verdict::Wait => before = None,
                Verdict::HandOver(reason) => return Err(reason),
                // Twice the same: it has come to rest.
                Verdict::Press if before.as_ref() == Some(&facts) => {
                    if !looks.eyes(task.rules).press(&page, &facts) {
                        return Err(Reason::UnknownPage(Unknown::Changed));
                    }
                    self.pressed = true;
                    return self.follow(&mut looks);
                }
                Verdict::Press => before = Some(facts),
            }
        }
    }

    fn follow(&mut self, looks: &mut Looks<'_>) -> Result<(), Reason> {
        let mut strange: Option<(Reason, Instant)> = None;
        loop {
            let (_, facts) = self.next(looks)?;
            match decide::decide_after(&facts, self.task.page, self.task.rules) {
                After::Consented => return Ok(()),
                After::Wait => strange = None,
                After::HandOver(reason) => return Err(reason),
                After::HandOverIfItStays(reason) => match &strange {
                    Some((same, since)) if *same == reason => {
                        if since.elapsed() >= LEADING_ON {
                            return Err(reason);
                        }
                    }
                    _ => strange = Some((reason, Instant::now())),
                },
            }
        }
    }

    fn next(&self, looks: &mut Looks<'_>) -> Result<(Seen, Facts), Reason> {
        let late = if self.pressed { Reason::NothingFollowed } else { Reason::TimedOut };
        looks.next(self.task.rules, late)
    }
}

/// Looks at the page again and again.
struct Looks<'a> {
    wire: &'a mut Wire,
    child: &'a mut Child,
    run_until: Instant,
    stop: &'a dyn Fn() -> bool,
    /// There was a page already.
    page: Option<Seen>,
}

impl Looks<'_> {
    fn eyes<'b>(&'b mut self, rules: &'b PressRules) -> Eyes<'b> {
        Eyes { wire: &mut *self.wire, rules, until: self.run_until.min(Instant::now() + ANSWERING) }
    }

    /// `late`: what to say where the time is over.
    fn next(&mut self, rules: &PressRules, late: Reason) -> Result<(Seen, Facts), Reason> {
        loop {
            std::thread::sleep(PACE);
            if (self.stop)() {
                return Err(Reason::Stopped);
            }
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Err(Reason::BrowserGone);
            }
            if Instant::now() >= self.run_until {
                return Err(late);
            }
            let before = self.page.clone();
            let page = match self.eyes(rules).the_page(before) {
                Ok(Some(page)) => page,
                // The window was closed. On macOS the browser stays.
                Ok(None) if self.page.is_some() => return Err(Reason::BrowserGone),
                Ok(None) => continue,
                Err(Gone::SeveralPages) => return Err(Reason::UnknownPage(Unknown::SeveralPages)),
                Err(Gone::Browser) => return Err(Reason::BrowserGone),
            };
            self.page = Some(page.clone());
            // On its way from one page to the next it has nothing to show.
            if let Some(facts) = self.eyes(rules).facts(&page) {
                return Ok((page, facts));
            }
        }
    }
}
