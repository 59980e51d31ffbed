//! How a program wants its warden: its sense of time, what it may do unasked, and what it waits for. Owns the choices and their
//! defaults; what each brings about is in the engine.

use std::time::Duration;

use signalbox_core::episodes::Notices;

/// The engine's sense of time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often the live store's stamp is compared, where no file watch was quicker.
    pub poll: Duration,
    /// How often usage that is due is read, the watch is asked for, and a board is made although nothing happened.
    pub tick: Duration,
    /// A look that settled nothing is repeated after this, then after twice as long, and so on.
    pub look_again: Duration,
    /// How soon after a look that settled nothing another write of the live login is worth a question to the server.
    pub calm: Duration,
    /// How long after a switch a session may still write the old account's `oauthAccount` (`docs/observed.md` §14).
    pub mend_after: Duration,
    /// How often a settled live login is read although its stamp did not change: a Keychain's counts whole seconds,
    /// so a second write within one of them cannot be seen.
    pub confirm_every: Duration,
    /// How long a notice is news.
    pub notice_for: Duration,
    /// The machine slept if between two polls the wall clock went on by so much more than this program did.
    pub slept: Duration,
    /// How long after waking the network may take to come back.
    pub after_wake: Duration,
    /// How long quitting waits for work in flight. A spent refresh token must not lose its answer.
    pub leave_within: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(5),
            tick: Duration::from_secs(10),
            look_again: Duration::from_secs(10),
            calm: Duration::from_secs(2),
            mend_after: Duration::from_secs(5),
            confirm_every: Duration::from_secs(300),
            notice_for: Duration::from_secs(30),
            slept: Duration::from_secs(30),
            after_wake: Duration::from_secs(2),
            leave_within: Duration::from_secs(70),
        }
    }
}

impl Pace {
    /// Where nobody looks at badges that age.
    pub fn without_a_screen() -> Self {
        Self { tick: Duration::from_secs(60), ..Self::default() }
    }
}

/// Says who else keeps the watch. `None`: this program does, and from then on it is not asked again.
pub type WatchedBy = Box<dyn FnMut() -> Option<String> + Send>;

/// How this program wants its warden.
pub struct Habits {
    pub pace: Pace,
    /// A choice that something undid is made live again without asking, as often as the core allows.
    pub restores: bool,
    /// A person can be told something unasked.
    pub announces: bool,
    /// Of which usage.
    pub notices: Notices,
    /// Asked at the start, and at every tick until the watch is this program's. While another keeps it this one is a
    /// *guest*: it shows everything and does what a person asks for, but begins nothing by itself.
    pub watched_by: WatchedBy,
    /// The person has not agreed to the terms yet. Until [`super::Event::Agreed`] nothing begins: what is saved is shown, and no login is
    /// read, renewed or switched.
    pub waits: bool,
}

impl Habits {
    /// Of the only program there is, which asks before it does anything and announces nothing.
    pub fn alone(pace: Pace) -> Self {
        let watched_by = Box::new(|| None);
        Self { pace, restores: false, announces: false, notices: Notices::default(), watched_by, waits: false }
    }
}
