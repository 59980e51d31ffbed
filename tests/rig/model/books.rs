//! The books of a story: which pair of tokens is the newest of which login, where copies of it are, and which pairs
//! were lost by whom. Owns telling one loss from another; leaves what may be lost to `judge`.

use std::collections::{BTreeMap, HashSet};

use signalbox_core::credential::{Fingerprint, Live};
use signalbox_core::document::Document;
use signalbox_core::envelope;
use signalbox_core::fakes::World;
use signalbox_core::journal;
use signalbox_core::ports::{FileName, Ports};
use signalbox_core::vault::{CredHeader, HeldHeader};

/// One pair of tokens: the `turn`th of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    pub login: usize,
    pub turn: u32,
}

/// How a pair of tokens that the server honours came to be held by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// The server took our token, and its answer never arrived.
    OurAnswerLost,
    /// We died after the answer arrived and before it was on disk.
    OurDeath,
    /// The answer arrived, and no write succeeded.
    OurDisk,
    /// The answer to Claude Code was lost.
    ClaudeAnswerLost,
    /// A Claude Code process died with the answer in its memory.
    ClaudeDied,
    /// Claude Code discarded the answer, because another of its processes had signed in or out meanwhile.
    ClaudeDiscarded,
    /// Claude Code replaced or removed a login that nobody had had the time to save.
    ClaudeReplaced,
    /// The same with a login that is no profile's, which nobody was asked to save.
    Stranger,
    /// A person removed the profile.
    Removed,
}

impl Window {
    /// Whether it is ours to answer for.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::OurAnswerLost | Self::OurDeath | Self::OurDisk)
    }

    /// Whether somebody misses the login: not the one who removed its profile, or never made it one.
    pub fn is_missed(self) -> bool {
        !matches!(self, Self::Stranger | Self::Removed)
    }
}

/// What stories came to, added up.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub stories: u64,
    /// Port calls of ours.
    pub calls: u64,
    pub flows: u64,
    /// Flows that died.
    pub deaths: u64,
    /// What happened between two calls of a flow.
    pub interjections: u64,
    /// Logins that were lost, by the window in which it happened.
    pub windows: BTreeMap<Window, u64>,
    /// What our flows wrote down in the stories, by the name of the event.
    pub events: BTreeMap<String, u64>,
    /// Stories in which a login was lost that somebody misses, in whatever window.
    pub with_loss: u64,
    /// Logins of the first profiles that were lost, in whatever window (`naive` says how they are counted).
    pub logins_lost: u64,
    /// Profiles that were usable in the end, and that told that a login is needed.
    pub usable: u64,
    pub told: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.stories += other.stories;
        self.calls += other.calls;
        self.flows += other.flows;
        self.deaths += other.deaths;
        self.interjections += other.interjections;
        self.with_loss += other.with_loss;
        self.logins_lost += other.logins_lost;
        self.usable += other.usable;
        self.told += other.told;
        for (event, times) in &other.events {
            *self.events.entry(event.clone()).or_default() += times;
        }
        for (window, times) in &other.windows {
            *self.windows.entry(*window).or_default() += times;
        }
    }

    /// Logins lost in windows that are ours.
    pub fn ours(&self) -> u64 {
        self.windows.iter().filter(|(window, _)| window.is_ours()).map(|(_, times)| times).sum()
    }
}

/// The pair that this text holds, by its refresh token.
pub fn pair_in(text: &str) -> Option<Pair> {
    let (_, rest) = text.split_once("sk-ant-ort01-fake-")?;
    let name = rest.split('"').next()?;
    let (login, turn) = name.split_once('-')?;
    Some(Pair { login: login.parse().ok()?, turn: turn.parse().ok()? })
}

/// What the server knows of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub newest: Pair,
    pub alive: bool,
}

/// Every login there ever was, in the order of the sign-ins.
pub fn known(world: &World, ports: &Ports) -> Vec<Known> {
    let now = ports.clock.now();
    let of = |pair: signalbox_core::fakes::Pair<'_>| Known {
        newest: Pair { login: pair.id, turn: pair.turn },
        alive: pair.alive,
    };
    world.server(|server| server.pairs(now).map(of).collect())
}

/// The account of a login.
pub fn account_of(world: &World, ports: &Ports, login: usize) -> String {
    let now = ports.clock.now();
    world.server(|server| server.pairs(now).nth(login).expect("a login").identity.account().to_owned())
}

/// The fingerprint under which the newest pair of a login would be saved.
pub fn fingerprint(world: &World, ports: &Ports, login: usize) -> Fingerprint {
    let now = ports.clock.now();
    let text = world.server(|server| {
        let pair = server.pairs(now).nth(login).expect("a login");
        format!(r#"{{"claudeAiOauth":{{"accessToken":"{}","refreshToken":"{}"}}}}"#, pair.access, pair.refresh)
    });
    let document = Document::from_text(text).expect("an object");
    let Ok(Live::Login(login)) = Live::parse(&document) else { unreachable!("a login was just written") };
    login.fingerprint()
}

/// Which tokens we keep, by what stands at the head of our files: saved, in an older generation, put aside, replaced by
/// a switch that is not settled; and in the folders of the delegated engine.
pub struct Kept {
    fingerprints: HashSet<Fingerprint>,
    delegated: Vec<Pair>,
}

impl Kept {
    /// `journal`: a switch that is not settled counts.
    pub fn look(ports: &Ports, journal: bool) -> Self {
        let mut fingerprints = HashSet::new();
        let read = |name: &FileName| ports.files.read(name).expect("readable");
        for name in ports.files.list().expect("listed") {
            let Some(bytes) = read(&name) else { continue };
            let header = match &name {
                FileName::Held(_) => envelope::header::<HeldHeader>(&bytes).map(|header| header.fingerprint),
                _ => envelope::header::<CredHeader>(&bytes).map(|header| header.fingerprint),
            };
            fingerprints.extend(header.ok());
        }
        if let Some(bytes) = read(&FileName::Journal).filter(|_| journal) {
            let entry = envelope::header::<journal::Entry>(&bytes).ok();
            fingerprints.extend(entry.and_then(|entry| entry.outgoing));
        }
        let mut delegated = Vec::new();
        for run in ports.delegate.runs().expect("listed") {
            let stored = ports.delegate.stored(&run.key).expect("readable");
            delegated.extend(stored.and_then(|document| pair_in(document.expose())));
        }
        Self { fingerprints, delegated }
    }

    pub fn holds(&self, pair: Pair, fingerprint: &Fingerprint) -> bool {
        self.fingerprints.contains(fingerprint) || self.delegated.contains(&pair)
    }
}
