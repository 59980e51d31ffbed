//! The switcher of the seed's first day, told the same stories: it keeps a snapshot of each login, and a switch copies
//! one into the live store, refreshed first if it has lapsed. No look at what was live before, no locks, no identity,
//! whole files. It is the control: a model in which *it* loses nothing proves nothing. Owns also the one measure by
//! which both are compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use signalbox_core::fakes::World;
use signalbox_core::policy::RENEW_AHEAD_MS;
use signalbox_core::ports::{Clock as _, Provider as _};

use super::books::{self, Known, Pair};
use super::judge;
use super::session::Session;
use super::stage::{Keeper, STALE_MS, Stage, Writer};
use super::story::{Beside, Event, Flow, REGISTERED, Run, Step, Story, Version, Weather};

/// Which switcher a story is told with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switcher {
    /// Signalbox, which looks when a person runs it, or when the story says so.
    Signalbox,
    /// The same with the warden at work: it looks after everything that happens between two of our flows.
    Watched,
    /// As published: the snapshot of a login is never looked at again until it is used.
    FirstDay,
    /// The same, but each switch first copies the outgoing live login into the snapshot of the account that it last
    /// installed.
    CopiesOnSwitch,
}

/// The snapshots, by account.
pub struct Naive {
    saved: BTreeMap<String, String>,
    active: Option<String>,
    copies: bool,
}

/// A switch as small steps; something may happen before each.
const STEPS: u8 = 4;

impl Naive {
    pub fn new(copies: bool) -> Self {
        Self { saved: BTreeMap::new(), active: None, copies }
    }

    /// Keeps what is live as this account's.
    pub fn add(&mut self, world: &World, account: &str) {
        self.active = Some(account.to_owned());
        self.saved.extend(world.live_text().map(|text| (account.to_owned(), text)));
    }

    pub fn holds(&self, pair: Pair) -> bool {
        self.saved.values().any(|text| books::pair_in(text) == Some(pair))
    }

    /// One step of a switch; `false` ends it.
    fn step(&mut self, world: &World, account: &str, step: u8) -> bool {
        match step {
            0 => {
                if let (true, Some(active), Some(live)) = (self.copies, self.active.clone(), world.live_text()) {
                    self.saved.insert(active, live);
                }
                true
            }
            1 => self.renew(world, account),
            2 => {
                world.set_live(self.saved.get(account).cloned());
                self.active = Some(account.to_owned());
                true
            }
            _ => false,
        }
    }

    /// Refreshes a snapshot that has lapsed. `false`: the server says that it is dead.
    fn renew(&mut self, world: &World, account: &str) -> bool {
        let Some(text) = self.saved.get(account) else { return false };
        let Ok(mut document) = serde_json::from_str::<Value>(text) else { return false };
        let login = &mut document["claudeAiOauth"];
        let now = world.now();
        let lapses = login["expiresAt"].as_i64().is_some_and(|at| at - now.ms() < RENEW_AHEAD_MS);
        let (true, Some(token)) = (lapses && world.time().is_ok(), login["refreshToken"].as_str()) else { return true };
        let (rotated, lost) = world.server(|server| (server.rotate(token, now), server.lose_answers));
        let Some((access, refresh, expires_at)) = rotated else { return false };
        if !lost {
            login["accessToken"] = access.into();
            login["refreshToken"] = refresh.into();
            login["expiresAt"] = expires_at.ms().into();
            self.saved.insert(account.to_owned(), document.to_string());
        }
        true
    }
}

impl Stage {
    /// A switch by the naive switcher, with what happens in between. Its deaths and its full disks are left out.
    fn naive_use(&mut self, account: &str, mut besides: Vec<(u8, Beside)>) {
        besides.sort_by_key(|(at, _)| at % STEPS);
        let mut goes_on = true;
        for step in 0..STEPS {
            for (_, beside) in besides.iter().filter(|(at, _)| at % STEPS == step) {
                self.naive_beside(beside);
            }
            let world = self.world.clone();
            if let Keeper::Naive(naive) = &mut self.keeper {
                goes_on = goes_on && naive.step(&world, account, step);
            }
            self.written_by = Writer::Claude;
        }
    }

    fn naive_beside(&mut self, beside: &Beside) {
        match beside {
            Beside::Event(event) => self.happens(*event),
            Beside::Other(flow, _) => self.naive_flow(*flow, Vec::new()),
            Beside::Strike(_) | Beside::DiskFull => {}
        }
    }

    fn naive_flow(&mut self, flow: Flow, besides: Vec<(u8, Beside)>) {
        match flow {
            Flow::Use(at) => {
                let account = REGISTERED[at % self.profiles];
                self.naive_use(account, besides);
            }
            _ => besides.iter().for_each(|(_, beside)| self.naive_beside(beside)),
        }
    }

    /// The measure: logins of the story's profiles that were ended by a spent token, or live and are nowhere; unless a
    /// later sign-in of the account is at hand.
    pub fn lost_logins(&self) -> BTreeSet<usize> {
        let known = self.known();
        let of_a_profile =
            |login: &Known| REGISTERED[..self.profiles].contains(&self.account_of(login.newest.login).as_str());
        let at_hand = |login: &Known| login.alive && self.is_at_hand(login.newest);
        let superseded = |login: &Known| {
            let account = self.account_of(login.newest.login);
            let mut later = known.iter().skip(login.newest.login + 1);
            later.any(|later| at_hand(later) && self.account_of(later.newest.login) == account)
        };
        let ended = |login: &Known| self.world.server(|server| server.was_reused(login.newest.login));
        let lost = known.iter().filter(|login| of_a_profile(login));
        let lost = lost.filter(|login| ended(login) || (login.alive && !at_hand(login)));
        lost.filter(|login| !superseded(login)).map(|login| login.newest.login).collect()
    }
}

/// Tells a story with one of the switchers, and counts the logins that it lost, in whatever window.
pub fn logins_lost(story: &Story, switcher: Switcher) -> u64 {
    let copies = match switcher {
        Switcher::Signalbox => return judge::tell(story, false).tally.logins_lost,
        Switcher::Watched => return judge::tell(&watched(story), false).tally.logins_lost,
        Switcher::FirstDay => false,
        Switcher::CopiesOnSwitch => true,
    };
    let mut stage = Stage::set(story, Keeper::Naive(Naive::new(copies)), false);
    for step in &story.steps {
        match step {
            Step::Event(event) => stage.happens(*event),
            Step::Ours(Run { flow, besides }) => stage.naive_flow(*flow, besides.clone()),
        }
    }
    stage.happens(Event::Weather(Weather::Fine));
    stage.advance(STALE_MS);
    stage.sessions.push(Session::new(Version::Current));
    for who in 0..stage.sessions.len() {
        stage.works(who);
    }
    stage.lost_logins().len() as u64
}

/// The story with a look at the live login after each event, as the warden's file watch brings it about.
fn watched(story: &Story) -> Story {
    let look = || Step::Ours(Run { flow: Flow::Sync, besides: Vec::new() });
    let with_look = |step: &Step| match step {
        Step::Event(_) => vec![step.clone(), look()],
        Step::Ours(_) => vec![step.clone()],
    };
    Story { steps: story.steps.iter().flat_map(with_look).collect(), ..story.clone() }
}

/// The story without what a person gives up on purpose.
#[must_use]
pub fn without_removals(mut story: Story) -> Story {
    let kept = |flow: Flow| if matches!(flow, Flow::Remove(_)) { Flow::Sync } else { flow };
    for step in &mut story.steps {
        let Step::Ours(run) = step else { continue };
        run.flow = kept(run.flow);
        for (_, beside) in &mut run.besides {
            if let Beside::Other(flow, _) = beside {
                *flow = kept(*flow);
            }
        }
    }
    story
}
