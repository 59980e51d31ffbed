//! What a story is made of, in plain values that print readably. Owns no behaviour: `session` and `ours` act it out.

use std::fmt;

use signalbox_core::fakes::Fault;

/// The accounts that are profiles at the beginning, as many of them as the story says.
pub const REGISTERED: [&str; 3] = ["a", "b", "c"];
/// All accounts there are; the last two are nobody's profile.
pub const ACCOUNTS: [&str; 5] = ["a", "b", "c", "x", "y"];

/// One interleaving.
#[derive(Clone, PartialEq, Eq)]
pub struct Story {
    /// How many profiles there are at the beginning: `a`, `b` and so on, the last of them live.
    pub profiles: usize,
    /// The Claude Code processes, one to five.
    pub sessions: Vec<Version>,
    /// Parked logins are renewed by Claude Code alone, as a setting may say.
    pub delegated: bool,
    pub steps: Vec<Step>,
}

/// Which Claude Code a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 2.1.330: re-reads when the store changed, refreshes under its lock, keeps a login that was swapped in meanwhile
    /// and discards its own new pair then (`docs/observed.md` §3, §6).
    Current,
    /// One that keeps its login in memory until the access token lapses, refreshes without a lock, and writes what it
    /// got over whatever is live (`docs/claude-code.md` §E3, "severe").
    Old,
    /// The same, and it does not write down when the login ends, which it has never heard of.
    Oldest,
}

impl Version {
    /// Whether it refreshes without a lock and writes over anything.
    pub fn is_careless(self) -> bool {
        self != Self::Current
    }
}

/// One step of a story.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    Event(Event),
    Ours(Run),
}

/// A flow of ours, and what happens before its port calls.
#[derive(Clone, PartialEq, Eq)]
pub struct Run {
    pub flow: Flow,
    /// Each with the number of the port call before which it happens. A flow that makes fewer calls never gets there.
    pub besides: Vec<(u8, Beside)>,
}

/// What happens in between two port calls of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The call fails, or the process dies at it.
    Strike(Fault),
    /// From here on this process cannot write a file.
    DiskFull,
    Event(Event),
    /// Another process of ours runs a whole flow, or dies at one of its calls.
    Other(Flow, Option<(u8, Fault)>),
}

/// Something that happens in one moment, and not by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Session(usize, Act),
    Clock(Clock),
    Weather(Weather),
    /// The children of the delegated engine come to their end.
    ChildrenEnd,
}

/// What a Claude Code process does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The next small step of what it is doing; an idle one sends a prompt.
    Next,
    /// Small steps until it is idle again.
    Work,
    /// Small steps until the server's answer is in its memory, and nowhere else.
    Fetch,
    /// The server takes its refresh token, and the answer is lost on the way.
    AnswerLost,
    /// A person signs in to this account, over whatever is live.
    SignIn(usize),
    SignOut,
    /// It rewrites its store at a start though nothing was refreshed (`docs/observed.md` §2).
    Rewrite,
    /// It asks the server who it is, ...
    AskProfile,
    /// ... and writes the answer over `oauthAccount`, however late it comes (`docs/observed.md` §6).
    AnswerProfile,
    /// It signs in to an MCP server: a sibling of the login changes.
    Mcp,
    /// `kill -9`; another process takes its place. Its lock folder stays.
    Kill,
    /// A signal that it heeds: the lock goes with it, and so does a refresh in flight.
    Quit,
}

/// What the clock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    Second,
    Minute,
    /// Long enough for every access token to lapse.
    Night,
    Week,
    /// The clock is set back.
    Back,
}

/// What the provider is like from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fine,
    Unreachable,
    Throttled,
    Failing,
    /// Our refreshes succeed, and their answers are lost.
    AnswersLost,
    /// The edge turns our refreshes away; Claude Code's own still pass.
    EdgeRefuses,
    /// It does, and the child that refreshes for us takes longer than we wait.
    EdgeRefusesAndSlow,
    /// The server takes no access token that there is, though none has lapsed by our clock.
    AccessRefused,
}

/// A flow of ours. Profiles are meant by their place in the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Sync,
    /// The usage of every profile that is due, as the warden reads it.
    Round,
    /// The usage of one profile, because a person asks.
    Refresh(usize),
    Mend,
    Restore,
    Use(usize),
    Undo(usize),
    Add,
    Rename(usize),
    Remove(usize),
    Recover,
    /// What the warden does at each of its rounds: logins that were put aside, children that have ended.
    BringHome,
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = if self.delegated { "; the delegated engine" } else { "" };
        writeln!(f, "{} profiles, the last of them live; sessions: {:?}{engine}", self.profiles, self.sessions)?;
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>3}. {step:?}", number + 1)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => write!(f, "{event:?}"),
            Self::Ours(run) => {
                write!(f, "ours: {:?}", run.flow)?;
                for (at, beside) in &run.besides {
                    write!(f, "\n       before call {at}: {beside:?}")?;
                }
                Ok(())
            }
        }
    }
}
