//! One step of the bootstrap, taken again and again by whoever keeps the watch: begins the next sign-in that is due, brings its page up,
//! and keeps the login once it is there. Owns what a failure means; every step may be the last one of a program that dies, and the next
//! one goes on from what is written down.

use crate::board::{self, LiveState};
use crate::flow::FlowError;
use crate::history::{self, Event};
use crate::policy::Standing;
use crate::ports::Ports;
use crate::profile::{Profile, Roster};
use crate::rotate::{self, Finished, Fits, Keep, Rotation, Step};
use crate::time::{MINUTE, Timestamp};
use crate::vault;

use super::{Attempt, Book, Bootstrap, Case, Choice, Shown, allowed, is_due, mark, next_attempt, standing};

/// What waits for the server is asked about again after this long.
const ASK_AGAIN_MS: i64 = MINUTE;
/// What waits for its turn is written down as looked after this often.
const STILL_HERE_MS: i64 = 10 * MINUTE;

/// What a step brought.
#[derive(Debug)]
pub enum Stepped {
    /// Nothing changed that a face shows.
    Nothing,
    /// A sign-in began, its page came up, or an attempt failed.
    Moved,
    /// A login was kept.
    Kept(Box<Finished>),
}

/// Takes one step. `live`: what stands in Claude Code's own store, as far as this program knows. `stop`: whether the program is about to
/// end; asked while a page is waited for.
pub fn step(ports: &Ports, live: &LiveState, stop: &dyn Fn() -> bool) -> Result<Stepped, FlowError> {
    let now = ports.clock.now();
    let roster = vault::load_roster(ports)?;
    let book = Book::load(ports)?;
    let mut walk = Walk { ports, live, stop, now, roster, book };
    match rotate::look(ports)? {
        // A person signs in, to whomever: everything else waits.
        Some(rotation) if !rotation.unasked => Ok(Stepped::Nothing),
        Some(rotation) => walk.go_on(&rotation),
        None => walk.begin(),
    }
}

struct Walk<'a> {
    ports: &'a Ports,
    live: &'a LiveState,
    stop: &'a dyn Fn() -> bool,
    now: Timestamp,
    roster: Roster,
    book: Book,
}

/// A profile, and which of its sign-ins that were due one after the other is meant.
type Due = (Profile, Timestamp);

impl Walk<'_> {
    fn standing(&self, profile: &Profile) -> Standing {
        let active = self.roster.active().is_some_and(|active| active.alias == profile.alias);
        board::standing(self.ports, profile, active, self.live)
    }

    /// When this profile's login is due: its mark.
    fn due(&self, profile: &Profile) -> Option<Timestamp> {
        let standing = self.standing(profile);
        is_due(&standing, self.now).then(|| mark(&standing))
    }

    fn save(&mut self) -> Result<(), FlowError> {
        Ok(self.book.save(self.ports, &self.roster)?)
    }

    /// Counts what ended without us, and begins the first sign-in that is due.
    fn begin(&mut self) -> Result<Stepped, FlowError> {
        let profiles = self.roster.profiles().to_vec();
        let due: Vec<Due> =
            profiles.into_iter().filter_map(|profile| self.due(&profile).map(|mark| (profile, mark))).collect();
        let gone = due
            .iter()
            .position(|(profile, mark)| self.book.of(profile, *mark).is_some_and(|tried| tried.attempt.is_some()));
        if let Some(at) = gone {
            return self.failed(&due[at], "nobody finished it");
        }
        let allowed = allowed(self.ports);
        let mut first = None;
        let mut changed = false;
        for (profile, mark) in due {
            let able = Some(self.ports.windows.holds_session(&profile.window()));
            let tried = self.book.of(&profile, mark);
            let stands = standing(Case { allowed, able, tried }, self.now);
            if stands != Some(Bootstrap::Due) {
                // Nobody shall wait for what will not come.
                changed |= stands.is_none() && self.book.remove(&profile);
                continue;
            }
            let tried = self.book.entry(&profile, mark, self.now);
            let may = tried.may_begin(self.now);
            if may && first.is_none() {
                first = Some((profile, mark));
            } else if may && self.now.since(tried.next) > STILL_HERE_MS {
                tried.next = self.now;
                changed = true;
            }
        }
        match first {
            Some(due) => self.sign_in(&due),
            None if changed => self.save().map(|()| Stepped::Moved),
            None => Ok(Stepped::Nothing),
        }
    }

    fn sign_in(&mut self, due: &Due) -> Result<Stepped, FlowError> {
        match rotate::begin_unasked(self.ports, &due.0.alias) {
            Ok(rotation) => {
                let attempt = Attempt { begun_at: rotation.begun_at, shown: Shown::NotYet, ask_at: None };
                self.note(due, &rotation, attempt)
            }
            // Somebody else was faster, or holds a lock for a moment.
            Err(FlowError::SigninUnderWay { .. } | FlowError::Lock(_)) => Ok(Stepped::Nothing),
            Err(error) => self.failed(due, &error.to_string()),
        }
    }

    /// Goes on with the sign-in that is under way, also where another program of ours began it and died.
    fn go_on(&mut self, rotation: &Rotation) -> Result<Stepped, FlowError> {
        let profile = self.roster.profiles().iter().find(|profile| profile.window() == rotation.window).cloned();
        let standing = profile.as_ref().map(|profile| self.standing(profile));
        let (Some(profile), Some(standing)) = (profile, standing) else {
            rotate::cancel_unasked(self.ports)?;
            return Ok(Stepped::Moved);
        };
        // A login that is there is kept, whatever became of the wish for it; nobody else holds it.
        if rotation.step != Step::SignedIn {
            if standing.unreadable {
                return Ok(Stepped::Nothing);
            }
            if !is_due(&standing, self.now) || !allowed(self.ports) {
                rotate::cancel_unasked(self.ports)?;
                return Ok(Stepped::Moved);
            }
        }
        let due = (profile, mark(&standing));
        let now = self.now;
        let tried = self.book.entry(&due.0, due.1, now);
        let known = tried.attempt.filter(|attempt| attempt.begun_at == rotation.begun_at);
        let attempt = known.unwrap_or(Attempt { begun_at: rotation.begun_at, shown: Shown::NotYet, ask_at: None });
        match &rotation.step {
            Step::Browser { page } if attempt.shown != Shown::Open => self.show(&due, rotation, page, attempt),
            Step::SignedIn if attempt.ask_at.is_none_or(|at| now >= at) => self.confirm(&due, rotation, attempt),
            Step::Failed { said } => {
                let said = said.as_ref().map_or_else(String::new, |said| format!(" (\u{201c}{said}\u{201d})"));
                self.failed(&due, &format!("Claude Code ended without a login{said}"))
            }
            Step::Browser { .. } | Step::SignedIn | Step::Starting | Step::Terminal => Ok(Stepped::Nothing),
        }
    }

    /// Brings the page up. It is pressed at most once in each attempt: after a death in the middle the click is the person's.
    fn show(&mut self, due: &Due, rotation: &Rotation, page: &str, attempt: Attempt) -> Result<Stepped, FlowError> {
        let (windows, window) = (&self.ports.windows, &rotation.window);
        let presses = match self.ports.preferences.bootstrap() {
            Choice::Press { headless } if attempt.shown == Shown::NotYet => Some(headless),
            Choice::Press { .. } | Choice::Ready | Choice::Off => None,
        };
        let Some(headless) = presses else {
            if let Err(error) = windows.open(window, page) {
                return self.failed(due, &error.to_string());
            }
            return self.note(due, rotation, Attempt { shown: Shown::Open, ..attempt });
        };
        self.note(due, rotation, Attempt { shown: Shown::Pressing, ..attempt })?;
        let alias = due.0.alias.clone();
        match self.ports.windows.press(window, page, headless, self.stop) {
            Ok(()) => history::note(self.ports, &Event::ConsentPressed { alias }),
            // The next program brings it up once more.
            Err(_) if (self.stop)() => return Ok(Stepped::Nothing),
            Err(left) => {
                history::note(self.ports, &Event::ConsentLeft { alias, why: left.why });
                if left.signed_out {
                    self.forget_session(due);
                }
                if let Err(error) = left.window {
                    return self.failed(due, &error.to_string());
                }
            }
        }
        self.note(due, rotation, Attempt { shown: Shown::Open, ..attempt })
    }

    fn note(&mut self, due: &Due, rotation: &Rotation, attempt: Attempt) -> Result<Stepped, FlowError> {
        let tried = self.book.entry(&due.0, due.1, self.now);
        (tried.attempt, tried.next) = (Some(attempt), rotation.until);
        self.save().map(|()| Stepped::Moved)
    }

    /// The window turned out to hold no session, or another account's.
    fn forget_session(&mut self, due: &Due) {
        self.book.entry(&due.0, due.1, self.now).signed_out = true;
        if let Err(error) = self.ports.windows.forget_session(&due.0.window()) {
            tracing::info!(%error, "it was not noted that the profile's browser is signed out");
        }
    }

    /// Keeps the login, if it is the one that was asked for.
    fn confirm(&mut self, due: &Due, rotation: &Rotation, attempt: Attempt) -> Result<Stepped, FlowError> {
        let kept = rotate::check(self.ports).and_then(|found| match found.fits {
            Fits::Yes => rotate::finish(self.ports, &Keep::AsAsked).map(Ok),
            Fits::Another { .. } | Fits::AnotherProfile { .. } => Ok(Err(found.email)),
        });
        match kept {
            Ok(Ok(finished)) => {
                if let Err(error) = self.ports.windows.note_session(&due.0.window(), self.now) {
                    tracing::info!(%error, "it was not noted that the profile's browser is signed in");
                }
                Ok(Stepped::Kept(Box::new(finished)))
            }
            Ok(Err(email)) => {
                self.forget_session(due);
                self.stalled(due, &format!("its window is signed in as {email}"))
            }
            // A person was faster.
            Err(FlowError::NoSignin | FlowError::NotSignedInYet { .. }) => Ok(Stepped::Nothing),
            Err(error @ FlowError::Refused { .. }) => self.failed(due, &error.to_string()),
            // The login is safe where it is, and waits for a day.
            Err(error) => {
                tracing::info!(%error, "a login that was made by itself is not kept yet");
                let ask_at = Some(self.now.plus(ASK_AGAIN_MS));
                self.note(due, rotation, Attempt { ask_at, ..attempt })?;
                Ok(Stepped::Nothing)
            }
        }
    }

    /// Counts a failure. After the last one the person is asked.
    fn failed(&mut self, due: &Due, why: &str) -> Result<Stepped, FlowError> {
        rotate::cancel_unasked(self.ports)?;
        let now = self.now;
        let tried = self.book.entry(&due.0, due.1, now);
        let failures = tried.failures.saturating_add(1);
        let Some(next) = next_attempt(failures, now) else { return self.stalled(due, why) };
        (tried.failures, tried.next, tried.attempt) = (failures, next, None);
        self.save()?;
        let (alias, why) = (due.0.alias.clone(), why.to_owned());
        history::note(self.ports, &Event::BootstrapFailed { alias, until: next, why });
        Ok(Stepped::Moved)
    }

    fn stalled(&mut self, due: &Due, why: &str) -> Result<Stepped, FlowError> {
        rotate::cancel_unasked(self.ports)?;
        let now = self.now;
        let tried = self.book.entry(&due.0, due.1, now);
        (tried.failures, tried.stalled_at, tried.attempt) = (tried.failures.saturating_add(1), Some(now), None);
        self.save()?;
        let (alias, why) = (due.0.alias.clone(), why.to_owned());
        history::note(self.ports, &Event::BootstrapStalled { alias, why });
        Ok(Stepped::Moved)
    }
}
