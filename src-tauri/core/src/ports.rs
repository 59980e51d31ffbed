//! Everything the flows ask of the world, as narrow traits in domain words. Owns the traits, the proof-of-lock types and
//! the errors of the outside; the adapters are in `signalbox-machine`, the in-memory ones in `fakes`, and one
//! conformance suite holds both to the same contract. Every call blocks: a flow is straight-line code on its own thread.

mod trouble;

use std::path::PathBuf;

use chrono::{FixedOffset, Offset as _, Utc};

use crate::account_cache::AccountBlock;
use crate::bootstrap;
use crate::credential::{AccessToken, Fingerprint, RefreshToken, Renewed};
use crate::document::{Digest, Document};
use crate::feed::Report;
use crate::history::{Entry, Event};
use crate::identity::{Account, Identity};
use crate::policy::{BackOff, EngineChoice};
use crate::profile::Alias;
use crate::schedule::Books;
use crate::sessions::{Pin, Session};
use crate::signin::{Ability, Progress, SigninId};
use crate::terms::Terms;
use crate::time::Timestamp;
use crate::usage::{Reading, Sample, Usage};
use crate::view::View;

pub use trouble::{DelegateError, LockError, ProviderError, RefreshError, SigninError, StoreError, WindowError};

/// The world as the flows see it.
pub struct Ports {
    pub live: Box<dyn LiveLogin>,
    pub account_cache: Box<dyn AccountCache>,
    pub files: Box<dyn Files>,
    pub key: Box<dyn VaultKey>,
    pub provider: Box<dyn Provider>,
    pub locks: Box<dyn Locks>,
    pub clock: Box<dyn Clock>,
    pub entropy: Box<dyn Entropy>,
    pub readings: Box<dyn Readings>,
    pub samples: Box<dyn Samples>,
    pub feed: Box<dyn Feed>,
    pub preferences: Box<dyn Preferences>,
    pub sessions: Box<dyn Sessions>,
    pub delegate: Box<dyn Delegate>,
    pub signin: Box<dyn Signin>,
    pub windows: Box<dyn Windows>,
    pub history: Box<dyn History>,
    /// Which engine renews parked logins: the one setting that flows look at.
    pub engine: EngineChoice,
}

/// Claude Code's credential store: the Keychain item on macOS, `.credentials.json` elsewhere.
pub trait LiveLogin: Send + Sync {
    /// The whole document; `Ok(None)` only when there is certainly none. *Unreadable* is an error, never *empty*.
    fn read(&self) -> Result<Option<Document>, StoreError>;

    /// Replaces the whole document if it still is what the caller read (`expected`; `None`: there was none), reads it
    /// back and compares. The change must be visible to running sessions (a changed mtime on a file).
    fn replace(&self, lock: &LiveLock, expected: Option<&Digest>, new: &Document) -> Result<Replaced, StoreError>;

    /// Replaces a store that no longer holds a document, by what stood there before it was damaged. Does nothing where a
    /// document is found after all, or where nothing is: then somebody signed out.
    fn replace_damaged(&self, lock: &LiveLock, new: &Document) -> Result<(), StoreError>;

    /// A person asked for it: a store that stopped asking after a dialog went unanswered may ask again.
    fn ask_again(&self) {}

    /// Something that changes whenever the store does, read without reading a secret and without starting a process.
    fn stamp(&self) -> Result<Stamp, StoreError>;
}

/// `oauthAccount` in `.claude.json`: what Claude Code shows about the login, a cache and never the truth.
pub trait AccountCache: Send + Sync {
    /// The whole file; `Ok(None)` when it does not exist.
    fn read(&self) -> Result<Option<Document>, StoreError>;

    /// As [`LiveLogin::replace`]. Never creates the file: Claude Code does that at its first start.
    fn replace(&self, lock: &LiveLock, expected: &Digest, new: &Document) -> Result<Replaced, StoreError>;
}

/// How a compare-and-swap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    Done,
    /// Somebody else wrote in between; nothing was changed.
    Changed,
}

/// Changes whenever a store does. Two equal stamps mean: nothing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(pub String);

/// Our own files in the data folder. Every write is atomic and durable: temporary file, 0600, fsync, rename, fsync of the
/// folder.
pub trait Files: Send + Sync {
    /// `Ok(None)` only when the file does not exist.
    fn read(&self, name: &FileName) -> Result<Option<Vec<u8>>, StoreError>;
    fn write(&self, name: &FileName, bytes: &[u8]) -> Result<(), StoreError>;
    /// Removes a file; one that does not exist is no error.
    fn remove(&self, name: &FileName) -> Result<(), StoreError>;
    /// Where a file lies, for a message.
    fn place(&self, name: &FileName) -> PathBuf;
    /// The `.cred` files, their older generations and the held files that exist, in no particular order. A foreign file in
    /// the folder is left out.
    fn list(&self) -> Result<Vec<FileName>, StoreError>;
}

/// The files we own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileName {
    Roster,
    Journal,
    /// `creds/<alias>.cred`
    Cred(Alias),
    /// `creds/<alias>.cred.<number>`: an older generation.
    Generation(Alias, u64),
    /// `told.json`: which episodes a person was told of.
    Told,
    /// `rotation.json`: the guided sign-in that is under way.
    Rotation,
    /// `bootstrap.json`: what was tried to sign profiles in by themselves.
    Bootstrap,
    /// `held/<hash>.held`, named by hexadecimal digits: a login that was put aside because nobody could say whose it is, or
    /// a journal that could not be opened.
    Held(String),
}

/// The key of the vault: 32 random bytes, made at first use.
pub trait VaultKey: Send + Sync {
    fn key(&self) -> Result<secrecy::SecretBox<[u8; 32]>, StoreError>;
}

/// The provider's three questions.
pub trait Provider: Send + Sync {
    /// Whose token is this? (`GET /api/oauth/profile`)
    fn identify(&self, token: &AccessToken) -> Result<Account, ProviderError>;
    /// Spends a refresh token. It is moved in and given back only inside [`RefreshError::NotSpent`].
    fn refresh(&self, token: RefreshToken, scopes: &[String]) -> Result<Renewal, RefreshError>;
    /// How much of the plan is used? (`GET /api/oauth/usage`)
    fn usage(&self, token: &AccessToken) -> Result<Usage, ProviderError>;
    /// What time is it there? Asked without a token; any answer of the API's will do, for its `Date` header.
    fn time(&self) -> Result<Timestamp, ProviderError>;
}

/// A successful refresh.
pub struct Renewal {
    pub renewed: Renewed,
    /// The token that was presented, when the answer named no new one: then it stays valid (`docs/claude-code.md` §D3).
    pub kept: Option<RefreshToken>,
}

/// Locks. Both proof types release on drop.
pub trait Locks: Send + Sync {
    /// Our own lock file: the app, the CLI and a second copy exclude each other. `purpose` is shown to whoever waits.
    /// It may be held across the network, because Claude Code never waits for it.
    fn own(&self, purpose: &str) -> Result<OwnLock, LockError>;
    /// Claude Code's `.oauth_refresh.lock`, then its legacy lock. Held for milliseconds of local work, never across the
    /// network or a child.
    fn live(&self, own: &OwnLock) -> Result<LiveLock, LockError>;
    /// Held for as long as the live login is set aside for a sign-in, by the process that guides the person; the kernel gives it back
    /// when that dies. `None`: another process guides one.
    fn rotation(&self) -> Result<Option<RotationLock>, LockError>;
}

/// Proof that no other process guides a sign-in for which the live login is set aside.
pub struct RotationLock {
    _guard: Box<dyn Send + Sync>,
}

impl RotationLock {
    /// Only an adapter of `Locks` makes one; `guard` releases the lock when dropped.
    pub fn held(guard: Box<dyn Send + Sync>) -> Self {
        Self { _guard: guard }
    }
}

/// Proof that our own lock is held.
pub struct OwnLock {
    _guard: Box<dyn Send + Sync>,
}

/// Proof that the live login may be touched (design invariant 2).
pub struct LiveLock {
    guard: Box<dyn LiveGuard>,
}

/// What releases Claude Code's locks when dropped.
pub trait LiveGuard: Send + Sync {
    /// Whether they are still ours, and young enough that nobody may take them over. A machine that slept while they were held has lost
    /// them.
    fn is_ours(&self) -> bool;
}

/// For a store that nobody else can touch.
impl LiveGuard for () {
    fn is_ours(&self) -> bool {
        true
    }
}

impl OwnLock {
    /// Only an adapter of `Locks` makes one; `guard` releases the lock when dropped.
    pub fn held(guard: Box<dyn Send + Sync>) -> Self {
        Self { _guard: guard }
    }
}

impl LiveLock {
    /// Only an adapter of `Locks` makes one; `guard` releases the locks when dropped.
    pub fn held(guard: Box<dyn LiveGuard>) -> Self {
        Self { guard }
    }

    /// See [`LiveGuard::is_ours`]. Asked right before the live login is replaced.
    pub fn is_ours(&self) -> bool {
        self.guard.is_ours()
    }
}

/// The wall clock.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// The time zone of the person, as it is at that moment.
    fn zone(&self, _at: Timestamp) -> FixedOffset {
        Utc.fix()
    }
}

/// Random bytes for the nonces of the vault.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError>;
}

/// Last-known usage per identity, and when it was and may be asked for. Shared by the app, the CLI and `signalbox watch`.
pub trait Readings: Send + Sync {
    fn last(&self, identity: &Identity) -> Result<Option<Reading>, StoreError>;
    /// Keeps the reading as the last one, and its windows as samples.
    fn store(&self, identity: &Identity, reading: &Reading) -> Result<(), StoreError>;
    /// The requests of the hour before `now`, by whichever program, and the server's own word.
    fn books(&self, identity: &Identity, now: Timestamp) -> Result<Books, StoreError>;
    /// Writes a request at `now` into the books if `may` allows it after looking at them. Looking and writing are one step: of
    /// two programs that ask at once, one sees the other's request. `Ok(Err(until))`: `may` said no.
    fn claim(
        &self,
        identity: &Identity,
        now: Timestamp,
        may: &dyn Fn(&Books) -> Result<(), Timestamp>,
    ) -> Result<Result<(), Timestamp>, StoreError>;
    /// The server wants to be left alone until then. The later of two moments stays, so that two programs cannot shorten
    /// each other's wait, unless it lies further ahead than any block may.
    fn block(&self, identity: &Identity, until: Timestamp) -> Result<(), StoreError>;
    /// How long renewing this identity's parked login is put off after failures; `None` when nothing failed.
    fn back_off(&self, identity: &Identity) -> Result<Option<BackOff>, StoreError>;
    /// `None`: a renewal succeeded.
    fn set_back_off(&self, identity: &Identity, back_off: Option<BackOff>) -> Result<(), StoreError>;
    /// Forgets an identity that is no profile any more, its samples included.
    fn forget(&self, identity: &Identity) -> Result<(), StoreError>;
}

/// What usage was: a row for each window of each reading, for plots and forecasts.
pub trait Samples: Send + Sync {
    /// The samples of one identity from `since` on, oldest first. What stood still is told as [`crate::stretch`] has it: at both ends,
    /// and every ten minutes between them; every hour where more than two days are asked for.
    fn since(&self, identity: &Identity, since: Timestamp) -> Result<Vec<Sample>, StoreError>;
    /// Makes room: of samples older than 90 days one in an hour and window stays, and none older than two years. Ages are counted from
    /// the newest sample. Does nothing when it was done within a day; otherwise it may take seconds, and holds up nobody else.
    fn thin(&self, now: Timestamp) -> Result<(), StoreError>;
}

/// What `signalbox statusline` was told by Claude Code, one report for each session.
pub trait Feed: Send + Sync {
    /// The newest report of each session, in no particular order. What makes no sense is left out.
    fn reports(&self) -> Result<Vec<Report>, StoreError>;
    /// Changes with every report, and costs next to nothing. `None`: there was none yet.
    fn stamp(&self) -> Option<Stamp>;
    /// Removes the reports from before `at`.
    fn forget_before(&self, at: Timestamp) -> Result<(), StoreError>;
}

/// What a person chose in a face and wants to find again.
pub trait Preferences: Send + Sync {
    /// What cannot be read stands as if nothing had been chosen.
    fn view(&self) -> View;
    fn set_view(&self, view: View) -> Result<(), StoreError>;
    /// What they have seen of `docs/terms.md`; what cannot be read counts as not seen.
    fn terms(&self) -> Terms;
    /// Kept through a crash and a power cut.
    fn set_terms(&self, terms: Terms) -> Result<(), StoreError>;
    /// What Signalbox does about a login that is due; while that cannot be read it does nothing.
    fn bootstrap(&self) -> bootstrap::Choice;
    fn set_bootstrap(&self, choice: bootstrap::Choice) -> Result<(), StoreError>;
}

/// The browser windows that are profiles' own (docs/browser-windows.md). `window`: as [`crate::profile::Profile::window`] names it.
pub trait Windows: Send + Sync {
    /// Whether one can come up now in which the account was signed in when it was last used. Whether the provider still honours that,
    /// only a sign-in tells.
    fn holds_session(&self, window: &str) -> bool;
    /// Opens a page, and does not wait for it to be closed.
    fn open(&self, window: &str, page: &str) -> Result<(), WindowError>;
    /// Opens the page of a consent and presses *Authorize*, if everything on it is known; takes a minute at most, and less once
    /// `stop` says so. `headless`: without a window, until something is left to the person. An error means that nothing was pressed, or that
    /// nothing came of it.
    fn press(&self, window: &str, page: &str, headless: bool, stop: &dyn Fn() -> bool) -> Result<(), Left>;
    /// A sign-in through this window has just succeeded.
    fn note_session(&self, window: &str, at: Timestamp) -> Result<(), StoreError>;
    /// It holds no session of its profile any more.
    fn forget_session(&self, window: &str) -> Result<(), StoreError>;
}

/// A page that Signalbox was to press, and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Half a sentence.
    pub why: String,
    /// The page asked to sign in.
    pub signed_out: bool,
    /// Whether it waits for the person in an ordinary window now.
    pub window: Result<(), WindowError>,
}

/// The Claude Code processes of this user, and whatever makes one ignore the live login.
pub trait Sessions: Send + Sync {
    /// The sessions that really run: a record whose process is gone, or is another one by now, does not count. One whose record
    /// cannot be read does, as *maybe running*.
    fn running(&self) -> Result<Vec<Session>, StoreError>;
    /// The pins in the environment and in the settings files that Claude Code reads. What cannot be read is passed over.
    fn pins(&self) -> Vec<Pin>;
}

/// The unmodified Claude Code as an engine that renews a parked login (`docs/observed.md` §7). Each run has a config folder of its own,
/// named by the fingerprint of the login that went in; the folder outlives a crash of ours, because the only copy of a
/// renewed login may lie in it.
pub trait Delegate: Send + Sync {
    /// Puts the login into a new folder, and lets `claude -p /usage` run there to its end. It is never stopped; after two
    /// minutes it is left to itself ([`DelegateError::StillRunning`]). How it exited says nothing: look at [`Delegate::stored`].
    fn run(&self, key: &Fingerprint, login: &Document, block: Option<&AccountBlock>) -> Result<(), DelegateError>;
    /// The folders that there are, and whether a process of theirs may still be at work.
    fn runs(&self) -> Result<Vec<Delegated>, StoreError>;
    /// The credential document in a folder; `None` when there is none.
    fn stored(&self, key: &Fingerprint) -> Result<Option<Document>, StoreError>;
    /// The usage answer that the run left, if it brought one (`cachedUsageUtilization`), and whose it is.
    fn usage(&self, key: &Fingerprint) -> Option<(String, Reading)>;
    /// Removes a folder and everything in it.
    fn discard(&self, key: &Fingerprint) -> Result<(), StoreError>;
}

/// One run of the delegated engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegated {
    /// The login that went in.
    pub key: Fingerprint,
    pub running: bool,
}

/// The unmodified `claude auth login` in a config folder of its own (`docs/observed.md` §7). The folder outlives a crash of ours,
/// because the only copy of a new login may lie in it.
pub trait Signin: Send + Sync {
    /// Asks the installed program, at most once in a while.
    fn ability(&self) -> Ability;
    /// Makes the folder and starts the child there, which goes on by itself. `email` presets the account. An error means that there
    /// is neither.
    fn start(&self, id: &SigninId, email: Option<&str>) -> Result<(), SigninError>;
    /// Hands the child the code that a person copied from the page, where the browser runs on another computer.
    fn answer(&self, id: &SigninId, code: &str) -> Result<(), SigninError>;
    /// The attempts that were started and not discarded.
    fn attempts(&self) -> Result<Vec<SigninId>, StoreError>;
    /// How far it is; cheap enough to be asked several times a second. An attempt that does not exist has ended.
    fn look(&self, id: &SigninId) -> Result<Progress, StoreError>;
    /// The credential document that the child stored; `None` while there is none.
    fn stored(&self, id: &SigninId) -> Result<Option<Document>, StoreError>;
    /// The `oauthAccount` that the child stored beside it.
    fn block(&self, id: &SigninId) -> Option<AccountBlock>;
    /// Gives an attempt up and removes what it stored, at once if its child has ended. One that still waits for the person is ended
    /// first, without keeping the caller waiting; its folder goes when it has gone, by the next process of ours if need be.
    fn discard(&self, id: &SigninId) -> Result<(), StoreError>;
}

/// What was done and why, for people: `events.jsonl`. Never holds a secret.
pub trait History: Send + Sync {
    /// Appends. A history that cannot be written stops nothing: the adapter logs why.
    fn note(&self, at: Timestamp, event: &Event);
    /// The newest entries, oldest first. Lines that make no sense are left out.
    fn recent(&self, most: usize) -> Result<Vec<Entry>, StoreError>;
}
