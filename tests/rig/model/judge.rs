//! Telling a story to its end, and judging it: the invariants of a login's life. Owns what has to hold after the
//! disturbance is over: nothing lost but what fell into a documented window, everything under its own identity, every
//! profile usable or telling that a login is needed.

use std::sync::{Arc, Mutex, Once, PoisonError};

use signalbox_core::credential::Live;
use signalbox_core::document::Document;
use signalbox_core::error::{Code, Doing};
use signalbox_core::fakes::Crash;
use signalbox_core::flow::FlowError;
use signalbox_core::ports::FileName;
use signalbox_core::profile::Profile;
use signalbox_core::sync::Synced;
use signalbox_core::vault::{self, Opened, VaultError, generations};

use super::books::{self, Kept, Known, Pair, Tally};
use super::ours::{self, Outcome};
use super::session::Session;
use super::stage::{Keeper, STALE_MS, Shared, Stage, lock};
use super::story::{Flow, Run, Step, Story, Version, Weather};

/// A story at its end.
pub struct Told {
    pub tally: Tally,
    /// The rule that was broken, in words.
    pub broken: Option<String>,
    /// What happened, line by line, where it was asked for.
    pub diary: Vec<String>,
}

/// Keeps pretended deaths off the terminal; any other panic is still shown.
pub fn silence_crashes() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let standard = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Crash>() {
                standard(info);
            }
        }));
    });
}

/// Tells a story: what happens in it, then the mending, then the judgement. `diary`: write down what happened.
pub fn tell(story: &Story, diary: bool) -> Told {
    let stage = Arc::new(Mutex::new(Stage::set(story, Keeper::Signalbox, diary)));
    let go_on = |stage: &Shared| lock(stage).broken.is_none();
    for (number, step) in story.steps.iter().enumerate() {
        lock(&stage).note(|| format!("{}.", number + 1));
        match step {
            Step::Event(event) => lock(&stage).happens(*event),
            Step::Ours(flow) => {
                ours::run(&stage, flow);
            }
        }
        if !go_on(&stage) {
            break;
        }
    }
    for last in [mend, check, count, use_every_profile, check] {
        if go_on(&stage) {
            last(&stage);
        }
    }
    let stage = Arc::into_inner(stage).expect("no flow runs any more");
    let mut stage = stage.into_inner().unwrap_or_else(PoisonError::into_inner);
    stage.adds_up();
    Told { tally: stage.tally, broken: stage.broken, diary: stage.diary.unwrap_or_default() }
}

/// The disturbance ends: the server is back, every process comes to the end of what it does, lock folders go stale,
/// Claude Code is used once, Signalbox starts once.
fn mend(shared: &Shared) {
    {
        let mut stage = lock(shared);
        stage.note(|| "mending".to_owned());
        stage.weather(Weather::Fine);
        let missing = stage.latest.since(stage.now());
        stage.advance(missing + STALE_MS);
        stage.sessions.push(Session::new(Version::Current));
        let holder = stage.holder;
        let others = (0..stage.sessions.len()).filter(|who| Some(*who) != holder);
        for who in holder.into_iter().chain(others.collect::<Vec<_>>()) {
            stage.finishes(who);
        }
        stage.children_end();
        stage.advance(STALE_MS);
        let newest = stage.sessions.len() - 1;
        stage.works(newest);
    }
    for flow in [Flow::Recover, Flow::Sync] {
        if let Outcome::Failed(error) = calmly(shared, flow) {
            lock(shared).breaks(format!("{flow:?} failed when all was well again: {error}"));
        }
        // Now that the store is whole again, Claude Code can renew what has lapsed.
        let mut stage = lock(shared);
        let newest = stage.sessions.len() - 1;
        stage.works(newest);
    }
}

fn calmly(stage: &Shared, flow: Flow) -> Outcome {
    ours::run(stage, &Run { flow, besides: Vec::new() })
}

/// What an undisturbed look at the live login must have brought.
pub fn synced(stage: &mut Stage, synced: &Synced) {
    let roster = vault::load_roster(&stage.ports).expect("a roster");
    let Some(live) = stage.live_pair() else { return };
    let registered = |stage: &Stage| {
        let account = stage.account_of(live.login);
        roster.profiles().iter().find(|profile| profile.identity().account() == account).cloned()
    };
    match synced {
        Synced::Unchanged { alias } | Synced::Saved { alias } | Synced::Moved { to: alias, .. } => {
            let profile = registered(stage).filter(|profile| profile.alias == *alias);
            let saved = vault::header(&stage.ports, alias).ok().flatten().map(|header| header.fingerprint);
            let newest = stage.known()[live.login].newest == live;
            let right = saved == Some(books::fingerprint(&stage.world, &stage.ports, live.login));
            if profile.is_none() || (newest && !right) {
                stage.breaks(format!("{live:?} is live, and after {synced:?} it is not saved under its own profile"));
            }
        }
        Synced::Foreign { .. } if registered(stage).is_some() => {
            stage.breaks(format!("{live:?} is a profile's, and was taken for a stranger's"));
        }
        _ => {}
    }
}

impl Stage {
    /// A process comes to the end of what it does, and begins nothing new.
    fn finishes(&mut self, who: usize) {
        if !self.is_idle(who) {
            self.works(who);
        }
    }

    /// Whether the books allow that nobody has this living login.
    fn is_excused(&self, known: &[Known], login: &Known, kept: &Kept) -> bool {
        if self.lost.contains_key(&login.newest) {
            return true;
        }
        // Somebody signed in to the account once more, and that sign-in is the profile's.
        let account = self.account_of(login.newest.login);
        let is_a_profile = self.roster().iter().any(|profile| profile.identity().account() == account);
        is_a_profile
            && known.iter().skip(login.newest.login + 1).any(|later| {
                later.alive
                    && self.account_of(later.newest.login) == account
                    && kept.holds(later.newest, &books::fingerprint(&self.world, &self.ports, later.newest.login))
            })
    }

    fn check_nothing_lost(&mut self) {
        let (known, live, kept) = (self.known(), self.live_pair(), Kept::look(&self.ports, true));
        for login in known.iter().filter(|login| login.alive && Some(login.newest) != live) {
            let fingerprint = books::fingerprint(&self.world, &self.ports, login.newest.login);
            if !kept.holds(login.newest, &fingerprint) && !self.is_excused(&known, login, &kept) {
                let account = self.account_of(login.newest.login);
                self.breaks(format!("{:?}, a living login of {account}, is nowhere", login.newest));
            }
        }
    }

    /// Every saved login opens, and holds tokens of its own profile's account.
    fn check_identities(&mut self) {
        let mut seen = std::collections::HashMap::new();
        for profile in self.roster() {
            let numbers = generations::numbers(&self.ports, &profile.alias).expect("listed");
            let older = numbers.into_iter().map(|number| generations::open(&self.ports, &profile, number));
            let all: Vec<_> = std::iter::once(vault::open(&self.ports, &profile)).chain(older).collect();
            for opened in all {
                match opened {
                    Ok(opened) => self.check_identity(&profile, &opened, &mut seen),
                    Err(VaultError::Missing(_)) => {}
                    Err(error) => self.breaks(format!("a saved login of {} cannot be opened: {error}", profile.alias)),
                }
            }
        }
    }

    fn check_identity(
        &mut self,
        profile: &Profile,
        opened: &Opened,
        seen: &mut std::collections::HashMap<String, String>,
    ) {
        let access = opened.login.value().access().expose().to_owned();
        let owner = self.world.server(|server| server.owner(&access).cloned());
        if owner.as_ref() != Some(profile.identity()) {
            self.breaks(format!("`{}` holds another account's tokens", profile.alias));
        }
        if let Some(other) = seen.insert(access, profile.alias.to_string())
            && other != profile.alias.as_str()
        {
            self.breaks(format!("`{other}` and `{}` hold the same tokens", profile.alias));
        }
    }

    fn check_stores(&mut self) {
        let document = self.world.live_text().map(Document::from_text);
        match &document {
            Some(Ok(document)) if Live::parse(document).is_ok() => {}
            Some(_) => self.breaks("the live login is torn".to_owned()),
            None => {}
        }
        let document = document.and_then(Result::ok);
        for (name, expected) in self.siblings.clone() {
            let found = document.as_ref().and_then(|document| document.member(name)).map(str::to_owned);
            if found != expected {
                self.breaks(format!("the sibling {name} changed from {expected:?} to {found:?}"));
            }
        }
        let cache = self.world.cache_text().and_then(|text| Document::from_text(text).ok());
        let member = |name| cache.as_ref().and_then(|cache| cache.member(name));
        if (member("numStartups"), member("tips")) != (Some("7"), Some("[ ]")) {
            self.breaks("`.claude.json` changed beside `oauthAccount`".to_owned());
        }
        if self.world.file(&FileName::Journal).is_some() {
            self.breaks("the journal is still open".to_owned());
        }
        if self.ports.delegate.runs().is_ok_and(|runs| !runs.is_empty()) {
            self.breaks("a folder of the delegated engine was left behind".to_owned());
        }
    }

    /// Whether a switch to this profile has no reason to fail: what is saved of it, or live, is honoured.
    fn should_be_usable(&self, profile: &Profile) -> bool {
        let saved = vault::header(&self.ports, &profile.alias).ok().flatten().map(|header| header.fingerprint);
        self.known().iter().filter(|known| known.alive).any(|known| {
            let mine = self.account_of(known.newest.login) == profile.identity().account();
            let fingerprint = books::fingerprint(&self.world, &self.ports, known.newest.login);
            mine && (saved.as_ref() == Some(&fingerprint) || self.live_pair() == Some(known.newest))
        })
    }

    fn adds_up(&mut self) {
        for window in self.lost.values() {
            *self.tally.windows.entry(*window).or_default() += 1;
        }
        self.tally.with_loss = u64::from(self.lost.values().any(|window| window.is_missed()));
    }
}

fn count(shared: &Shared) {
    let mut stage = lock(shared);
    // What seemed lost and was found is not lost.
    let found: Vec<Pair> =
        stage.lost.keys().filter(|pair| stage.lives(**pair) && stage.is_at_hand(**pair)).copied().collect();
    stage.lost.retain(|pair, _| !found.contains(pair));
    for event in stage.world.history() {
        let name = format!("{event:?}").split([' ', '(']).next().unwrap_or_default().to_owned();
        *stage.tally.events.entry(name).or_default() += 1;
    }
    stage.tally.logins_lost = stage.lost_logins().len() as u64;
}

fn check(shared: &Shared) {
    let mut stage = lock(shared);
    stage.check_nothing_lost();
    stage.check_identities();
    stage.check_stores();
}

/// Every profile can be made live, or says that a login is needed.
fn use_every_profile(shared: &Shared) {
    let live_is_a_strangers = {
        let stage = lock(shared);
        let account = stage.live_pair().filter(|pair| stage.lives(*pair)).map(|pair| stage.account_of(pair.login));
        account.is_some_and(|account| stage.roster().iter().all(|profile| profile.identity().account() != account))
    };
    if live_is_a_strangers && let Outcome::Failed(error) = calmly(shared, Flow::Add) {
        lock(shared).breaks(format!("the live login cannot be added: {error}"));
    }
    let profiles = lock(shared).roster();
    for (at, profile) in profiles.iter().enumerate() {
        let expected = lock(shared).should_be_usable(profile);
        match calmly(shared, Flow::Use(at)) {
            Outcome::Done => lock(shared).tally.usable += 1,
            Outcome::Failed(error) => told(&mut lock(shared), profile, expected, &error),
            Outcome::Died | Outcome::NotRun => {}
        }
        lock(shared).advance(STALE_MS);
    }
}

/// A switch that failed must have had a reason, and have said so on the card.
fn told(stage: &mut Stage, profile: &Profile, expected: bool, error: &FlowError) {
    stage.tally.told += 1;
    let code = error.problem(&Doing::Use(profile.alias.clone())).code;
    let shown = stage.roster().iter().any(|now| now.alias == profile.alias && now.login_needed_since.is_some());
    if expected {
        stage.breaks(format!("`{}` has a living login and cannot be used: {error}", profile.alias));
    } else if code != Code::LoginNeeded || !(shown || matches!(error, FlowError::Vault(VaultError::Missing(_)))) {
        stage.breaks(format!("`{}` cannot be used, and does not say that a login is needed: {error}", profile.alias));
    }
}
