//! The desk of the pretended week: seven profiles, the app, `watch` and the command line on one machine, the person at
//! it, and what its server tells. Owns how people and programs spend their time; what must come of it is `week`'s.

use std::collections::HashMap;

use signalbox_core::fakes::World;
use signalbox_core::feed::{self, Told};
use signalbox_core::identity::Identity;
use signalbox_core::poll::{self, Polled, Urgency};
use signalbox_core::ports::{Ports, Stamp};
use signalbox_core::profile::Alias;
use signalbox_core::switch;
use signalbox_core::sync;
use signalbox_core::time::{HOUR, MINUTE, SECOND, Timestamp};
use signalbox_core::usage::{Reading, Spend, Usage, Window, WindowKind};
use signalbox_core::vault;

use crate::scene::{Scene, alias};

pub const NAMES: [&str; 7] = ["p1", "p2", "p3", "p4", "p5", "p6", "p7"];
/// What the server lets through in any sixty minutes (`docs/claude-code.md` §F5).
pub const PROVIDERS_BUDGET: usize = 28;
/// How often the app looks. `watch` looks every sixth time.
pub const STEP: i64 = 10 * SECOND;
const AWAKE: i64 = 16 * HOUR;

/// Chances that are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.roll().is_multiple_of(times)
    }
}

fn mixed(account: &str, number: i64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let bytes = account.bytes().chain(number.to_le_bytes());
    bytes.fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)) >> 20
}

/// A window that fills evenly up to a height that is another each time; about every fourth is used up before its end.
fn filling(account: &str, kind: WindowKind, now: Timestamp) -> Window {
    let period = kind.period_ms();
    let shift = i64::try_from(mixed(account, period) % 600_000).expect("small") * 30;
    let number = (now.ms() + shift) / period;
    let elapsed = (now.ms() + shift) % period;
    let height = i64::try_from(mixed(account, number) % 130).expect("small");
    let percent = i32::try_from((height * elapsed / period).min(100)).expect("small");
    // Resets waver by a second or two.
    let resets_at = Timestamp::from_ms((number + 1) * period - shift + now.ms() / 1_000 % 3 * 1_000);
    Window { kind, percent: f64::from(percent), resets_at: Some(resets_at) }
}

/// What the server says of an account: every other one has a model's own window, every third pays beyond its plan.
pub fn usage_of(identity: &Identity, now: Timestamp) -> Usage {
    let account = identity.account();
    let mut kinds = vec![WindowKind::FiveHour, WindowKind::SevenDay];
    if account.ends_with(['1', '3', '5', '7']) {
        kinds.push(WindowKind::Model("Opus".to_owned()));
    }
    let spend = account.ends_with(['3', '6']).then(|| Spend {
        used_minor: 1_250.0,
        limit_minor: None,
        currency: "USD".to_owned(),
        exponent: 2,
        percent: None,
    });
    Usage { windows: kinds.into_iter().map(|kind| filling(account, kind, now)).collect(), spend }
}

/// The app or `watch`: what it last saw of the live login.
pub struct Program {
    pub ports: Ports,
    seen: Option<Stamp>,
}

impl Program {
    pub fn on(world: &World) -> Self {
        Self { ports: world.ports(), seen: None }
    }

    /// What the warden does. Failures go to a log and are no reason to stop: another of ours may hold the lock.
    pub fn round(&mut self, urgency: Urgency) {
        let stamp = self.ports.live.stamp().expect("readable");
        if self.seen.as_ref() != Some(&stamp) && sync::sync_live(&self.ports).is_ok() {
            self.seen = Some(stamp);
        }
        feed::take_in(&self.ports).expect("taken in");
        for alias in poll::due(&self.ports, urgency).expect("decided") {
            let _ = poll::read_usage(&self.ports, &alias, urgency);
        }
    }
}

/// What came of the refreshes that a person asked for.
#[derive(Clone, Copy, Default, Debug)]
pub struct Refreshes {
    pub served: usize,
    pub too_early: usize,
    /// Claude Code has yet to renew the live login. The server is not asked.
    pub lapsed: usize,
    pub failed: usize,
}

impl Refreshes {
    pub fn all(self) -> usize {
        self.served + self.too_early + self.lapsed + self.failed
    }
}

/// The machine, its programs, and the person at it.
pub struct Desk {
    pub scene: Scene,
    app: Program,
    watch: Program,
    cli: Ports,
    dice: Dice,
    statusline: bool,
    waited_ms: i64,
    pub refreshes: Refreshes,
    pub switches: Vec<(Timestamp, Alias)>,
}

impl Desk {
    pub fn new(statusline: bool) -> Self {
        let scene = NAMES.iter().fold(Scene::new(), |scene, name| scene.profile(name));
        scene.world.server(|server| server.usage_budget = Some(PROVIDERS_BUDGET));
        let (app, watch, cli) = (Program::on(&scene.world), Program::on(&scene.world), scene.world.ports());
        let switches = vec![(scene.now(), alias("p7"))];
        let dice = Dice(0x5eed_0004);
        Self { scene, app, watch, cli, dice, statusline, waited_ms: 0, refreshes: Refreshes::default(), switches }
    }

    /// Ten seconds of the machine; `at` is the time since it woke.
    pub fn step(&mut self, at: i64) {
        self.scene.world.advance(STEP);
        self.app.round(Urgency::Due);
        if at % MINUTE == 0 {
            self.watch.round(Urgency::Due);
        }
        if at % HOUR == 0 {
            self.scene.world.forget_the_past();
        }
    }

    fn wake(&mut self) {
        self.app.round(Urgency::Eager);
        self.watch.round(Urgency::Eager);
    }

    /// Somebody works with Claude Code: it renews its login where it must, and an answer comes every 20 seconds or so.
    pub fn claude_works(&mut self) {
        let text = self.scene.world.live_text().expect("signed in");
        let live: serde_json::Value = serde_json::from_str(&text).expect("an object");
        let expires_at = live["claudeAiOauth"]["expiresAt"].as_i64().expect("a time");
        if expires_at - self.scene.now().ms() < 5 * MINUTE {
            assert!(self.scene.world.claude_refreshes(), "Claude Code goes on");
        }
        if !self.statusline || !self.dice.once_in(2) {
            return;
        }
        self.waited_ms += 4 * SECOND;
        let identity = Identity::new(&self.scene.live_account().expect("known"), "any").expect("two names");
        let mut windows = usage_of(&identity, self.scene.now()).windows;
        windows.retain(|window| !matches!(window.kind, WindowKind::Model(_)));
        let session = Some("a session".to_owned());
        self.scene.world.hear(&Told { session, waited_ms: Some(self.waited_ms), windows, ..Told::default() });
    }

    /// A person presses Refresh in the app, or types `signalbox refresh`: all profiles.
    pub fn refresh(&mut self) {
        let ports = if self.dice.once_in(4) { &self.cli } else { &self.app.ports };
        for name in NAMES {
            let count = match poll::read_usage(ports, &alias(name), Urgency::Forced) {
                Ok(Polled::Read(_)) => &mut self.refreshes.served,
                Ok(Polled::NotYet { .. }) => &mut self.refreshes.too_early,
                Ok(Polled::ActiveExpired) => &mut self.refreshes.lapsed,
                Ok(Polled::Failed(_) | Polled::NotAllowed) | Err(_) => &mut self.refreshes.failed,
            };
            *count += 1;
        }
    }

    /// `signalbox use`, which reads the usage of what it made live.
    fn switch(&mut self) {
        let target = alias(NAMES[usize::try_from(self.dice.roll() % 7).expect("small")]);
        switch::use_profile(&self.cli, &target).expect("switched");
        let _ = poll::read_usage(&self.cli, &target, Urgency::Forced);
        self.switches.push((self.scene.now(), target));
    }

    /// Sixteen hours awake, of which two in three are work, and a night.
    pub fn day(&mut self) {
        self.wake();
        for at in (0..AWAKE).step_by(usize::try_from(STEP).expect("small")) {
            self.step(at);
            if at / HOUR % 3 != 2 && at % (2 * STEP) == 0 {
                self.claude_works();
            }
            // Every 15 minutes somebody looks, every half hour somebody presses, and one in four presses again.
            if self.dice.once_in(90) {
                self.app.round(Urgency::Eager);
            }
            if self.dice.once_in(180) {
                self.refresh();
                if self.dice.once_in(4) {
                    self.scene.world.advance(5 * SECOND);
                    self.refresh();
                }
            }
            if self.dice.once_in(1_152) {
                self.switch();
            }
        }
        self.scene.world.advance(8 * HOUR);
    }

    /// An hour of somebody who presses Refresh every minute, which is more than there is. Gives what came of it.
    pub fn impatient_hour(&mut self) -> Refreshes {
        let before = std::mem::take(&mut self.refreshes);
        for at in (0..HOUR).step_by(usize::try_from(STEP).expect("small")) {
            self.step(at);
            if at % MINUTE == 0 {
                self.claude_works();
                self.refresh();
            }
        }
        std::mem::replace(&mut self.refreshes, before)
    }

    pub fn asked(&self) -> HashMap<Identity, Vec<Timestamp>> {
        self.scene.world.server(|server| server.usage_asked.clone())
    }

    pub fn active_at(&self, at: Timestamp) -> &str {
        self.switches.iter().rev().find(|(since, _)| *since <= at).expect("one was live from the start").1.as_str()
    }

    pub fn reading(&self, name: &str) -> Option<Reading> {
        let roster = vault::load_roster(&self.cli).expect("a roster");
        let profile = roster.get(&alias(name)).expect("a profile");
        self.cli.readings.last(profile.identity()).expect("readable")
    }
}
