//! The stage of a story: the pretended world, the Claude Code processes on it, and what is written down of both. Owns
//! the events that happen beside us, except what a process does (`session`).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signalbox_core::document::Document;
use signalbox_core::fakes::World;
use signalbox_core::policy::EngineChoice;
use signalbox_core::ports::{Ports, ProviderError};
use signalbox_core::profile::{Alias, Profile};
use signalbox_core::register::{self, Consent};
use signalbox_core::sessions::Session as Record;
use signalbox_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use signalbox_core::vault;

use super::books::{self, Kept, Known, Pair, Tally, Window};
use super::naive::Naive;
use super::session::Session;
use super::story::{Clock, Event, REGISTERED, Story, Version, Weather};

/// The sibling that no switch may touch.
pub const SIBLING: &str = "later";
/// The sibling that Claude Code changes when it signs in to an MCP server.
pub const MCP: &str = "mcpOAuth";
const SIBLINGS: &str = r#""mcpOAuth": { "linear|7f" : {"accessToken":"mcp-1", "n": 1.50} },"later":[ 1,2 ]"#;
/// Longer than an untouched lock folder is respected.
pub const STALE_MS: i64 = 61 * SECOND;

/// Who wrote the live store last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    Claude,
    Us,
}

/// Who keeps the logins of this story.
pub enum Keeper {
    Signalbox,
    /// The switcher of the seed's first day.
    Naive(Naive),
}

pub struct Stage {
    pub world: World,
    /// For looks of the story's own, which count as nobody's calls.
    pub ports: Ports,
    pub sessions: Vec<Session>,
    /// The process that holds Claude Code's refresh lock and lives.
    pub holder: Option<usize>,
    /// Living pairs that nobody holds, and why that is nobody's fault.
    pub lost: BTreeMap<Pair, Window>,
    pub written_by: Writer,
    /// Pairs that careless processes bought, which no lock could keep them from, and whatever came of them.
    pub careless: HashSet<Pair>,
    /// What the siblings in the live store have to be, raw; `None` for one that is not there.
    pub siblings: [(&'static str, Option<String>); 2],
    /// The answers to our refreshes are lost at the moment.
    pub answers_lost: bool,
    /// The latest moment that the clock has shown.
    pub latest: Timestamp,
    pub keeper: Keeper,
    /// The next call of the innermost flow renames one of Claude Code's files.
    pub renames: bool,
    /// How many flows of ours are under way.
    pub under_way: usize,
    /// How many profiles there were at the beginning.
    pub profiles: usize,
    pub names: u32,
    pub tally: Tally,
    /// What broke a rule, in words.
    pub broken: Option<String>,
    /// What happened, for reading; only where somebody reads it.
    pub diary: Option<Vec<String>>,
    pub written: u32,
}

/// A stage that a flow and those who act in between its calls share. One thread: the lock is never waited for.
pub type Shared = Arc<Mutex<Stage>>;

pub fn lock(stage: &Shared) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn alias(text: &str) -> Alias {
    Alias::parse(text).expect("an alias")
}

impl Stage {
    /// The profiles of a story, each signed in and registered in turn.
    pub fn set(story: &Story, keeper: Keeper, diary: bool) -> Self {
        let world = World::new();
        let ports = world.ports();
        let now = ports.clock.now();
        let siblings = [(MCP, None), (SIBLING, None)];
        let mut stage = Self {
            sessions: story.sessions.iter().map(|version| Session::new(*version)).collect(),
            world,
            ports,
            holder: None,
            lost: BTreeMap::new(),
            written_by: Writer::Claude,
            careless: HashSet::new(),
            siblings,
            answers_lost: false,
            latest: now,
            keeper,
            renames: false,
            under_way: 0,
            profiles: story.profiles,
            names: 0,
            tally: Tally { stories: 1, ..Tally::default() },
            broken: None,
            diary: diary.then(Vec::new),
            written: 0,
        };
        stage.world.set_engine(if story.delegated { EngineChoice::Delegated } else { EngineChoice::Auto });
        stage.world.set_live(Some(format!("{{\n  {SIBLINGS}\n}}\n")));
        stage.learn_siblings();
        stage.world.set_cache(Some(r#"{"numStartups": 7, "tips": [ ]}"#.to_owned()));
        stage.world.set_sessions(records(&story.sessions, now), Vec::new());
        for name in &REGISTERED[..story.profiles] {
            stage.signs_in(name);
            stage.shows(Some(name));
            match &mut stage.keeper {
                Keeper::Naive(naive) => naive.add(&stage.world, name),
                Keeper::Signalbox => {
                    register::add_live(&stage.ports, &alias(name), Consent::Given).expect("registered");
                }
            }
        }
        // All of them have been at work before the story begins.
        (0..stage.sessions.len()).for_each(|who| stage.works(who));
        stage
    }

    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(diary) = &mut self.diary {
            diary.push(what());
        }
    }

    /// A rule is broken. The first one is what the story is about.
    pub fn breaks(&mut self, what: String) {
        self.note(|| format!("BROKEN: {what}"));
        self.broken.get_or_insert(what);
    }

    pub fn happens(&mut self, event: Event) {
        self.note(|| format!("  {event:?}"));
        match event {
            Event::Session(who, act) => self.acts(who % self.sessions.len(), act),
            Event::Clock(clock) => self.clock(clock),
            Event::Weather(weather) => self.weather(weather),
            Event::ChildrenEnd => self.children_end(),
        }
    }

    fn clock(&mut self, clock: Clock) {
        let ms = match clock {
            Clock::Second => SECOND,
            Clock::Minute => MINUTE + SECOND,
            Clock::Night => 9 * HOUR,
            Clock::Week => 7 * DAY,
            Clock::Back => -HOUR,
        };
        // The machine may sleep while we hold Claude Code's locks, but not between our last look at them and the
        // rename.
        let ms = if self.world.holds_live_lock() && self.renames { ms.clamp(-SECOND, SECOND) } else { ms };
        self.advance(ms);
    }

    pub fn advance(&mut self, ms: i64) {
        self.world.advance(ms);
        self.latest = self.latest.max(self.now());
        // A holder that lives touches its lock every five seconds (`docs/observed.md` §3).
        if self.holder.is_some() {
            self.world.claude_touches_its_lock();
        }
    }

    pub fn weather(&mut self, weather: Weather) {
        let now = self.now();
        self.answers_lost = weather == Weather::AnswersLost;
        self.world.server(|server| {
            server.down = match weather {
                Weather::Unreachable => Some(ProviderError::Unreachable),
                Weather::Throttled => Some(ProviderError::Throttled { retry_after_s: Some(600) }),
                Weather::Failing => Some(ProviderError::Failed { status: 500 }),
                _ => None,
            };
            server.lose_answers = weather == Weather::AnswersLost;
            server.edge_refuses = matches!(weather, Weather::EdgeRefuses | Weather::EdgeRefusesAndSlow);
            server.slow_children = weather == Weather::EdgeRefusesAndSlow;
            if weather == Weather::AccessRefused {
                server.expire_access(now);
            }
        });
    }

    /// The children of the delegated engine end; what they renew must be parked.
    pub fn children_end(&mut self) {
        let (before, live) = (self.known(), self.live_pair());
        self.world.children_end();
        let after = self.known();
        for (before, after) in before.iter().zip(&after) {
            if after.newest != before.newest && live.is_some_and(|live| live.login == after.newest.login) {
                self.breaks(format!("a child of ours renewed the live login {:?}", before.newest));
            }
            let stolen = self.careless.contains(&after.newest);
            if before.alive && !after.alive && !stolen && self.is_at_hand(after.newest) {
                self.breaks(format!("a child of ours presented a spent token, and {:?} was at hand", after.newest));
            }
        }
    }

    /// The profiles that there are.
    pub fn roster(&self) -> Vec<Profile> {
        vault::load_roster(&self.ports).expect("a roster").profiles().to_vec()
    }

    /// Profile number `at`, counted round; `None` when there is none.
    pub fn profile(&self, at: usize) -> Option<Profile> {
        let roster = self.roster();
        (!roster.is_empty()).then(|| roster[at % roster.len()].clone())
    }

    /// A name that no profile has had.
    pub fn new_name(&mut self, stem: &str) -> Alias {
        self.names += 1;
        alias(&format!("{stem}{}", self.names))
    }

    pub fn known(&self) -> Vec<Known> {
        books::known(&self.world, &self.ports)
    }

    pub fn account_of(&self, login: usize) -> String {
        books::account_of(&self.world, &self.ports, login)
    }

    /// The pair that is live.
    pub fn live_pair(&self) -> Option<Pair> {
        books::pair_in(&self.world.live_text()?)
    }

    /// Whether this is a pair that the server honours.
    pub fn lives(&self, pair: Pair) -> bool {
        self.known().get(pair.login).is_some_and(|known| known.alive && known.newest == pair)
    }

    /// Whether we have this pair, which must be the newest of its login.
    pub fn is_kept(&self, pair: Pair) -> bool {
        let fingerprint = books::fingerprint(&self.world, &self.ports, pair.login);
        match &self.keeper {
            // The journal of a switch under way goes with it.
            Keeper::Signalbox => Kept::look(&self.ports, self.under_way == 0).holds(pair, &fingerprint),
            Keeper::Naive(naive) => naive.holds(pair),
        }
    }

    /// Whether we have this pair or could read it out of the live store.
    pub fn is_at_hand(&self, pair: Pair) -> bool {
        self.live_pair() == Some(pair) || self.is_kept(pair)
    }

    /// Where a pair that lives is nowhere any more, somebody lost it.
    pub fn loses(&mut self, pair: Pair, window: Window) {
        if self.lives(pair) && !self.is_at_hand(pair) {
            self.note(|| format!("    lost: {pair:?}, {window:?}"));
            self.lost.insert(pair, window);
        }
    }

    /// The siblings in the live store are what they have to be from now on.
    pub fn learn_siblings(&mut self) {
        let document = self.world.live_text().and_then(|text| Document::from_text(text).ok());
        for (name, raw) in &mut self.siblings {
            *raw = document.as_ref().and_then(|document| document.member(name)).map(str::to_owned);
        }
    }
}

/// The records of the processes, which all began before any switch.
fn records(versions: &[Version], now: Timestamp) -> Vec<Record> {
    let of = |(number, version): (usize, &Version)| Record {
        pid: 1_000 + u32::try_from(number).expect("five at most"),
        folder: None,
        started_at: Some(now),
        version: Some(if version.is_careless() { "2.1.200" } else { "2.1.330" }.to_owned()),
        entrypoint: Some("cli".to_owned()),
        pinned_by: None,
    };
    versions.iter().enumerate().map(of).collect()
}
