//! Signing in apart from the live login: the unmodified `claude auth login` in a config folder of its own
//! (`docs/observed.md` §7). Owns the folders, `signin/<id>`: when one is made, who may look into it, and when it goes.
//! Leaves what lies in one to `signin/attempt`, its child to `signin/child`, whether the installed program can do it to
//! `signin/version`, and whose login it is and what becomes of it to the core.
//!
//! **A child that is given up is asked to end** (SIGTERM, which the real one obeys within 2 s) as long as it only waits for
//! the person: it holds no token that anybody has, and signing in renews none. It is never killed, and one that may have
//! stored a login is left to end by itself, a second later. Until it has gone its folder stays, hidden; whoever sees it gone
//! removes both the folder and what would outlive it.

mod attempt;
mod child;
mod terminal;
#[cfg(test)]
mod tests;
mod version;
mod words;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use signalbox_core::account_cache::AccountBlock;
use signalbox_core::document::Document;
use signalbox_core::ports::{Clock as _, Signin, SigninError, StoreError};
use signalbox_core::signin::{Ability, Progress, SigninId};
use signalbox_core::time::SECOND;

use crate::account_cache::ACCOUNT_BYTES_MAX;
use crate::claude::place::Place;
use crate::claude::{environment, folder, program, running};
use crate::clock::SystemClock;
use crate::data_folder::{self, DataFolder};
use crate::live_file::read_document;
use crate::surroundings::Surroundings;
use attempt::Attempt;
use child::Job;
use version::Known;

/// A child that ends at once is waited for this long; nobody shall wait for one that does not.
const END_WAIT: Duration = Duration::from_millis(30);
const END_STEP: Duration = Duration::from_millis(2);
/// How long a child that ended for want of a terminal counts as about to be started at one.
const RESTART_MS: i64 = 10 * SECOND;

/// Claude Code as the place where a person signs in.
pub struct ClaudeSignin {
    rooms: Arc<Rooms>,
    program: Option<PathBuf>,
    known: Known,
}

/// The folders, which the threads that wait for children know, too.
struct Rooms {
    surroundings: Surroundings,
    data: DataFolder,
    place: Arc<dyn Place>,
    /// Attempts whose child's end this process has seen: they are over whatever their record says.
    over: Mutex<HashSet<SigninId>>,
}

impl ClaudeSignin {
    /// `place`: where a Claude Code keeps the login of its config folder. `program`: the `claude` of the settings; without
    /// one it is looked for.
    pub fn new(
        surroundings: &Surroundings,
        data: &DataFolder,
        place: Arc<dyn Place>,
        program: Option<PathBuf>,
    ) -> Self {
        let (surroundings, data, over) = (surroundings.clone(), data.clone(), Mutex::default());
        Self { rooms: Arc::new(Rooms { surroundings, data, place, over }), program, known: Known::default() }
    }

    fn program(&self) -> Option<PathBuf> {
        program::find(self.program.as_deref(), &self.rooms.surroundings)
    }
}

impl Rooms {
    fn folder(&self, id: &SigninId) -> PathBuf {
        self.data.signin_folder().join(id.to_string())
    }

    /// The attempt, given up or not.
    fn any(&self, id: &SigninId) -> Result<Option<Attempt>, StoreError> {
        if !self.data.is_there()? || !data_folder::check(&self.data.signin_folder())? {
            return Ok(None);
        }
        Attempt::at(self.folder(id))
    }

    /// The attempt, if it was not given up.
    fn get(&self, id: &SigninId) -> Result<Option<Attempt>, StoreError> {
        Ok(self.any(id)?.filter(|attempt| !attempt.is_given_up()))
    }

    fn make(&self, id: &SigninId) -> Result<Attempt, StoreError> {
        self.data.ensure()?;
        data_folder::ensure(&self.data.signin_folder())?;
        Attempt::make(self.folder(id))
    }

    fn inside(&self, attempt: &Attempt) -> Result<Surroundings, StoreError> {
        environment::inside(&self.surroundings, attempt.folder())
    }

    fn is_running(&self, id: &SigninId, attempt: &Attempt) -> bool {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        !over && running::is_running(attempt.folder())
    }

    fn remove(&self, id: &SigninId, attempt: &Attempt) -> Result<(), StoreError> {
        folder::remove(attempt.folder(), &self.inside(attempt)?, &*self.place)?;
        self.over.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        Ok(())
    }

    /// The child of this attempt has ended, and was waited for.
    fn saw_the_end(&self, id: &SigninId) {
        self.over.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        if let Ok(Some(attempt)) = self.any(id)
            && attempt.is_given_up()
        {
            self.remove_later(id, &attempt);
        }
    }

    /// Removes what nobody asks for any more. What cannot be removed now is met again by the next look.
    fn remove_later(&self, id: &SigninId, attempt: &Attempt) {
        // Two of us may be at it.
        if let Err(error) = self.remove(id, attempt)
            && attempt.folder().exists()
        {
            tracing::warn!(%error, "a folder of a sign-in stays behind");
        }
    }
}

/// Asks a child to end that only waits for the person.
fn end(attempt: &Attempt) {
    let pid = running::process_of(attempt.folder()).filter(|_| !attempt.may_hold_a_login());
    if let Some(pid) = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        && let Err(error) = kill_process_group(pid, Signal::TERM)
    {
        tracing::debug!(%error, "a sign-in that was given up cannot be told to end");
    }
}

impl Signin for ClaudeSignin {
    fn ability(&self) -> Ability {
        match self.program() {
            Some(program) => self.known.ability(&program, self.rooms.surroundings.search_path.as_deref()),
            None => Ability::NotInstalled,
        }
    }

    fn start(&self, id: &SigninId, email: Option<&str>) -> Result<(), SigninError> {
        let program = self.program().ok_or(SigninError::NotInstalled)?;
        let made = self.rooms.make(id)?;
        let start = || {
            let real = self.rooms.inside(&made)?.config_dir();
            let attempt = Attempt::at(real)?.ok_or(SigninError::NotAsking)?;
            let search_path = self.rooms.surroundings.search_path.clone();
            let job = Job { program, attempt, search_path, email: email.map(str::to_owned) };
            let (rooms, id) = (Arc::clone(&self.rooms), id.clone());
            job.start(move || rooms.saw_the_end(&id))
        };
        start().inspect_err(|_| {
            // There was no child, so nothing lies there.
            self.rooms.remove_later(id, &made);
        })
    }

    fn answer(&self, id: &SigninId, code: &str) -> Result<(), SigninError> {
        let attempt = self.rooms.get(id)?.ok_or(SigninError::NotAsking)?;
        if !self.rooms.is_running(id, &attempt) {
            return Err(SigninError::NotAsking);
        }
        attempt.answer(code)
    }

    fn attempts(&self) -> Result<Vec<SigninId>, StoreError> {
        if !self.rooms.data.is_there()? {
            return Ok(Vec::new());
        }
        let mut ids = folder::list(&self.rooms.data.signin_folder(), SigninId::from_hex)?;
        ids.retain(|id| {
            // One that cannot be looked at is told of by whoever asks about it.
            let Ok(Some(attempt)) = Attempt::at(self.rooms.folder(id)) else { return true };
            if !attempt.is_given_up() {
                return true;
            }
            if self.rooms.is_running(id, &attempt) {
                // Whoever gave it up may have died before it could say so.
                end(&attempt);
            } else {
                self.rooms.remove_later(id, &attempt);
            }
            false
        });
        ids.sort();
        Ok(ids)
    }

    fn look(&self, id: &SigninId) -> Result<Progress, StoreError> {
        let Some(attempt) = self.rooms.get(id)? else { return Ok(Progress::Ended { said: None }) };
        if self.rooms.is_running(id, &attempt) {
            return Ok(attempt.page().map_or(Progress::Starting, |page| Progress::Waiting { page }));
        }
        let lately = |at| SystemClock.now().since(at) < RESTART_MS;
        if attempt.wants_terminal() && running::started_at(attempt.folder()).is_some_and(lately) {
            return Ok(Progress::Starting);
        }
        Ok(Progress::Ended { said: words::last_line(&attempt.said()) })
    }

    fn stored(&self, id: &SigninId) -> Result<Option<Document>, StoreError> {
        match self.rooms.get(id)? {
            Some(attempt) => self.rooms.place.read(&self.rooms.inside(&attempt)?, None),
            None => Ok(None),
        }
    }

    fn block(&self, id: &SigninId) -> Option<AccountBlock> {
        let attempt = self.rooms.get(id).ok()??;
        let state = read_document(&self.rooms.inside(&attempt).ok()?.account_file(), ACCOUNT_BYTES_MAX).ok()??;
        AccountBlock::of(&state)
    }

    fn discard(&self, id: &SigninId) -> Result<(), StoreError> {
        let Some(attempt) = self.rooms.any(id)? else { return Ok(()) };
        if self.rooms.is_running(id, &attempt) {
            attempt.give_up()?;
            end(&attempt);
            let deadline = Instant::now() + END_WAIT;
            while self.rooms.is_running(id, &attempt) {
                if Instant::now() > deadline {
                    return Ok(());
                }
                std::thread::sleep(END_STEP);
            }
        }
        match self.rooms.remove(id, &attempt) {
            // The thread that waited for the child was faster.
            Err(_) if !Path::exists(attempt.folder()) => Ok(()),
            removed => removed,
        }
    }
}
