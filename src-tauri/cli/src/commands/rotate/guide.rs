//! Leads a person through one sign-in: says what will happen, opens the page, waits, shows who signed in, and keeps the login or gives it
//! up. Owns the words and the questions; every step is a flow of `signalbox_core::rotate`.

use std::cell::Cell;
use std::time::Duration;

use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::profile::Alias;
use signalbox_core::rotate::{self, Begun, Finished, Fits, Found, Keep, Rotation, Step, Way};
use signalbox_core::time::Timestamp;
use signalbox_core::words;
use signalbox_machine::browser::folder::NoKey;
use signalbox_machine::browser::page::Refused;
use signalbox_machine::browser::{BrowserError, Browsers, Choice, Opened, Page, WindowKey};

use super::typed::{Heard, Typed};
use crate::args::{RotateOptions, Window};
use crate::context::{Context, while_doing};
use crate::exit::Failure;

/// How often the sign-in is looked at.
const PAUSE: Duration = Duration::from_millis(250);

/// One sign-in from beginning to end.
pub fn through(
    context: &Context,
    options: &RotateOptions,
    keep_as: Option<&Alias>,
    alias: &Alias,
) -> Result<Finished, Failure> {
    let doing = Doing::SignIn(alias.clone());
    let typed = Typed::new(context.can_ask()).map_err(|error| {
        let message = format!("Cannot {}: {error}", doing.words());
        Failure::new(Code::Internal, message, NextStep::ReportBug)
    })?;
    // For as long as it is held nobody takes the live login back.
    let Begun { rotation, guard: _guard } = begun(context, options, alias).map_err(while_doing(&doing))?;
    let guide = Guide { context, options, keep_as, alias, doing: &doing, in_own_window: Cell::new(false) };
    guide.introduce(&rotation);
    guide.until_it_ends(rotation, typed)
}

/// Begins, or goes on with what was begun for this profile.
fn begun(context: &Context, options: &RotateOptions, alias: &Alias) -> Result<Begun, FlowError> {
    if let Some(begun) = rotate::resume(&context.ports)?
        && begun.rotation.alias == *alias
    {
        return Ok(begun);
    }
    rotate::begin(&context.ports, alias, options.classic.then_some(Way::Classic))
}

struct Guide<'a> {
    context: &'a Context,
    options: &'a RotateOptions,
    keep_as: Option<&'a Alias>,
    alias: &'a Alias,
    doing: &'a Doing,
    /// The page was opened in the profile's own window.
    in_own_window: Cell<bool>,
}

/// What a person made up his mind to.
enum Choose {
    Keep(Keep),
    Again,
    Cancel,
}

impl Guide<'_> {
    fn introduce(&self, rotation: &Rotation) {
        let (alias, context) = (self.alias, self.context);
        let whom = rotation.email.as_ref().map_or_else(String::new, |email| format!(" ({email})"));
        context.say(&match rotation.way {
            Way::Isolated => format!(
                "Signing in to {alias}{whom}. Claude Code does it in a folder of its own; the live login stays as it is.\n"
            ),
            Way::Classic => format!(
                "Signing in to {alias}{whom}. The live login is saved and set aside: until this ends Claude Code is signed out.\n\
                 Run `claude` in another terminal, and type `/login` there. Never `/logout`: it ends a login for good.\n"
            ),
        });
    }

    fn until_it_ends(&self, mut rotation: Rotation, mut typed: Typed) -> Result<Finished, Failure> {
        let mut shown = None;
        loop {
            match &rotation.step {
                Step::Browser { page } if shown.as_ref() != Some(page) => {
                    self.open(&rotation, page, rotation.until);
                    shown = Some(page.clone());
                }
                Step::SignedIn => match self.decide(&mut typed)? {
                    Choose::Keep(keep) => return self.finish(&keep, &rotation.window),
                    Choose::Cancel => return Err(self.give_up("you gave it up")?),
                    Choose::Again => {
                        rotation = rotate::again(&self.context.ports).map_err(while_doing(self.doing))?;
                        continue;
                    }
                },
                Step::Failed { said } => {
                    let said = said.as_ref().map_or_else(String::new, |said| format!(" (\u{201c}{said}\u{201d})"));
                    return Err(self.give_up(&format!("Claude Code ended without a login{said}"))?);
                }
                Step::Browser { .. } | Step::Starting | Step::Terminal => {}
            }
            if self.context.now() > rotation.until {
                return Err(self.give_up("nobody signed in in time")?);
            }
            match typed.listen(Some(PAUSE)) {
                Heard::Stop => return Err(self.give_up("you gave it up")?),
                Heard::Line(code) if code.is_empty() => {}
                Heard::Line(code) => {
                    if let Err(error) = rotate::answer(&self.context.ports, &code) {
                        self.context.note(&format!("that code was not taken: {error}"));
                    }
                }
                Heard::Nothing => {}
            }
            rotation = match rotate::look(&self.context.ports).map_err(while_doing(self.doing))? {
                Some(rotation) => rotation,
                None => return Err(self.problem("it was given up elsewhere", NextStep::Retry)),
            };
        }
    }

    /// Opens the page, and says where it is for whoever sits at another computer.
    fn open(&self, rotation: &Rotation, page: &str, until: Timestamp) {
        let opened = match self.options.window {
            Window::None => false,
            window => match open_in(self.context, window, &rotation.window, page) {
                Ok(own) => {
                    self.in_own_window.set(own);
                    true
                }
                Err(why) => {
                    self.context.note(&format!("no browser was opened: {why}"));
                    false
                }
            },
        };
        let first = if opened { "The page is open in your browser; it is" } else { "Open this page in a browser:" };
        let left = words::length(until.since(self.context.now()));
        self.context.say(&format!("{first}\n  {page}\nWaiting for {left}. Ctrl-C gives up.\n"));
        if self.context.can_ask() {
            self.context.say("If the browser runs on another computer, paste the code that it shows here.\n");
        }
    }

    /// Shows who signed in, and finds out what to do with it.
    fn decide(&self, typed: &mut Typed) -> Result<Choose, Failure> {
        let found = rotate::check(&self.context.ports).map_err(while_doing(self.doing))?;
        self.context.say(&format!("Signed in as {}.\n", who(&found, self.context.now())));
        let keep_as = self.keep_as.map(|name| Keep::AsNew(name.clone()));
        match &found.fits {
            Fits::Yes => Ok(Choose::Keep(Keep::AsAsked)),
            Fits::AnotherProfile { alias } if self.keep_as == Some(alias) => Ok(Choose::Keep(Keep::ForItsOwner)),
            Fits::Another { .. } if keep_as.is_some() => Ok(Choose::Keep(keep_as.expect("looked at just now"))),
            fits if self.context.can_ask() => self.ask(&found, fits, typed),
            fits => Err(self.wrong_account(&found, fits)),
        }
    }

    fn ask(&self, found: &Found, fits: &Fits, typed: &mut Typed) -> Result<Choose, Failure> {
        let keep = match fits {
            Fits::AnotherProfile { alias } => format!("k  keep it for {alias}, whose account it is"),
            Fits::Another { .. } | Fits::Yes => "k  keep it as a new profile".to_owned(),
        };
        self.context.say(&format!(
            "That is not the account that was asked for: {}.\n  {keep}\n  t  try again\n  c  cancel\n",
            expected(fits, self.alias)
        ));
        loop {
            match typed.listen(None) {
                Heard::Line(answer) => match (answer.as_str(), fits) {
                    ("k", Fits::AnotherProfile { .. }) => return Ok(Choose::Keep(Keep::ForItsOwner)),
                    ("k", _) => return self.name(found, typed),
                    ("t", _) => return Ok(Choose::Again),
                    ("c", _) => return Ok(Choose::Cancel),
                    _ => self.context.say("Type k, t or c.\n"),
                },
                Heard::Stop => return Ok(Choose::Cancel),
                Heard::Nothing => {}
            }
        }
    }

    fn name(&self, found: &Found, typed: &mut Typed) -> Result<Choose, Failure> {
        self.context.say(&format!("A name for {}:\n", found.email));
        loop {
            match typed.listen(None) {
                Heard::Line(text) => match Alias::parse(&text) {
                    Ok(alias) => return Ok(Choose::Keep(Keep::AsNew(alias))),
                    Err(error) => self.context.say(&format!("{error}\n")),
                },
                Heard::Stop => return Ok(Choose::Cancel),
                Heard::Nothing => {}
            }
        }
    }

    fn finish(&self, keep: &Keep, window: &str) -> Result<Finished, Failure> {
        let finished = rotate::finish(&self.context.ports, keep).map_err(while_doing(self.doing))?;
        // Whose session that window holds is known only of the account that was asked for.
        if self.in_own_window.get()
            && *keep == Keep::AsAsked
            && let Err(error) = self.context.ports.windows.note_session(window, self.context.now())
        {
            tracing::info!(%error, "it was not noted that the profile's browser is signed in");
        }
        let alias = &finished.alias;
        self.context.say(&match (finished.is_new, finished.is_live) {
            (true, true) => format!("{alias} is a profile now, and live.\n"),
            (true, false) => format!("{alias} is a profile now; `signalbox use {alias}` switches to it.\n"),
            (false, true) => format!("{alias} has a new login, and it is live.\n"),
            (false, false) => format!("{alias} has a new login; `signalbox use {alias}` switches to it.\n"),
        });
        Ok(finished)
    }

    /// Gives the sign-in up, and makes the failure that says why.
    fn give_up(&self, why: &str) -> Result<Failure, Failure> {
        rotate::cancel(&self.context.ports).map_err(while_doing(&Doing::CancelSignIn))?;
        Ok(self
            .problem(&format!("{why}; the live login is what it was before"), NextStep::Retry)
            .with_hint(format!("`signalbox rotate {}` begins anew", self.alias)))
    }

    fn wrong_account(&self, found: &Found, fits: &Fits) -> Failure {
        let why = format!("you signed in as {}, and {}", found.email, expected(fits, self.alias));
        let name = match fits {
            Fits::AnotherProfile { alias } => alias.to_string(),
            Fits::Another { .. } | Fits::Yes => "NAME".to_owned(),
        };
        let failure = self.problem(&why, NextStep::SignIn { alias: self.alias.clone() });
        failure.with_hint(format!(
            "`signalbox rotate {} --keep-as {name}` keeps that login, `signalbox rotate --cancel` gives it up",
            self.alias
        ))
    }

    fn problem(&self, why: &str, next_step: NextStep) -> Failure {
        let message = format!("Cannot {}: {why}", self.doing.words());
        Failure::from(Problem { code: Code::LoginNeeded, message, next_step, about: Some(self.alias.clone()) })
    }
}

fn expected(fits: &Fits, alias: &Alias) -> String {
    match fits {
        Fits::Another { expected } => format!("{alias} is {expected}"),
        Fits::AnotherProfile { alias } => format!("that account is the profile {alias}"),
        Fits::Yes => format!("it is {alias}"),
    }
}

fn who(found: &Found, now: Timestamp) -> String {
    let plan = found.plan.as_ref().map_or_else(String::new, |plan| format!(" ({plan})"));
    let ends =
        found.deadline.map_or_else(String::new, |at| format!("; this login ends in {}", words::length(at.since(now))));
    format!("{}{plan}{ends}", found.email)
}

/// Opens a page in the profile's own window or in the browser of every day. `true`: in its own.
fn open_in(context: &Context, window: Window, key: &str, page: &str) -> Result<bool, NotOpened> {
    let (page, key) = (Page::parse(page)?, WindowKey::parse(key)?);
    let own = Browsers::new(&context.surroundings, Choice::Any);
    // Whoever has a window of his own wants to be signed in there.
    let choice = match window {
        Window::Own => Choice::Any,
        Window::Auto if own.exists(&key).unwrap_or(false) => Choice::Any,
        Window::Auto | Window::Default | Window::None => Choice::Default,
    };
    let opened = Browsers::new(&context.surroundings, choice).open(&key, &page)?;
    Ok(matches!(opened, Opened::Own { .. }))
}

/// Why a page was not opened.
#[derive(Debug, thiserror::Error)]
enum NotOpened {
    #[error(transparent)]
    Page(#[from] Refused),
    #[error(transparent)]
    Window(#[from] NoKey),
    #[error("{0}; {hint}", hint = .0.hint())]
    Browser(#[from] BrowserError),
}
