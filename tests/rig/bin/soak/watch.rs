//! The real `signalbox watch` in a private home: Claude Code rotates the live login again and again, the real command
//! line switches, and after each rotation the saved login must be the newest.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use provider_sim::SimOptions;
use signalbox_tests::claude::{Claude, Turn};
use signalbox_tests::process::Running;
use signalbox_tests::stage::{PROFILES, Profile, Stage};

use crate::gauge::Gauge;

/// Between two events.
const PAUSE: Duration = Duration::from_millis(2_500);
/// How long a rotation may take to be saved on a machine that is busy with the other parts.
const SAVED_WITHIN: Duration = Duration::from_secs(20);

pub struct Watched {
    stage: Stage,
    profiles: [Profile; 3],
    claude: Claude,
    watch: Running,
    gauge: Gauge,
    live: usize,
    next: Instant,
    /// A rotation that is not saved yet: whose, which, since when.
    unsaved: Option<(String, Instant)>,
    switches: u64,
    rotations: u64,
}

impl Watched {
    pub fn start() -> Result<Self> {
        let stage = Stage::new(SimOptions { usage_budget: None, ..SimOptions::default() })?;
        let profiles = stage.seed_profiles()?;
        let claude = Claude::start(&stage.home)?;
        let mut command = stage.cli(&["watch"])?;
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        let watch = Running::start(&mut command)?;
        let gauge = Gauge::new(watch.pid());
        let next = Instant::now() + PAUSE;
        Ok(Self { stage, profiles, claude, watch, gauge, live: 0, next, unsaved: None, switches: 0, rotations: 0 })
    }

    pub fn gauge(&mut self) -> &mut Gauge {
        &mut self.gauge
    }

    pub fn switches(&self) -> u64 {
        self.switches
    }

    pub fn rotations(&self) -> u64 {
        self.rotations
    }

    pub fn look(&mut self) -> Result<()> {
        if let Some(status) = self.watch.ended() {
            anyhow::bail!("`signalbox watch` ended ({status})");
        }
        self.gauge.look().context("`signalbox watch`")
    }

    /// The next event, if it is time: a rotation, or every fourth time a switch.
    pub fn act(&mut self) -> Result<()> {
        if let Some((newest, since)) = &self.unsaved {
            let saved = self.stage.home.cred(PROFILES[self.live]).is_ok_and(|head| head.fingerprint == *newest);
            ensure!(saved || since.elapsed() < SAVED_WITHIN, "a rotation of {} was not saved", PROFILES[self.live]);
            if saved {
                self.unsaved = None;
            }
        }
        if Instant::now() < self.next || self.unsaved.is_some() {
            return Ok(());
        }
        self.next = Instant::now() + PAUSE;
        if (self.rotations + self.switches) % 4 == 3 { self.switch() } else { self.rotate() }
    }

    fn switch(&mut self) -> Result<()> {
        self.live = (self.live + 1) % PROFILES.len();
        self.stage.signalbox(&["use", PROFILES[self.live]])?;
        self.switches += 1;
        ensure!(self.stage.live_is(PROFILES[self.live]), "{} is not live after a switch", PROFILES[self.live]);
        Ok(())
    }

    fn rotate(&mut self) -> Result<()> {
        let login = self.profiles[self.live].login;
        ensure!(self.stage.sim.withdraw_access(login), "the login of {} has ended", PROFILES[self.live]);
        let turn = self.claude.prompt("claude-opus-4");
        // Hours of questions use a plan up; the login was renewed before the model said so.
        ensure!(
            matches!(turn, Turn::Answered | Turn::Limited),
            "Claude Code could not renew {}: {turn:?}",
            PROFILES[self.live]
        );
        self.unsaved = Some((self.stage.newest_fingerprint(login)?, Instant::now()));
        self.rotations += 1;
        Ok(())
    }

    /// Every login lives, and can be made live.
    pub fn ends_well(&mut self) -> Result<()> {
        for alias in PROFILES {
            self.stage.signalbox(&["use", alias])?;
            ensure!(self.stage.live_is(alias), "{alias} is not live after the last switch");
        }
        Ok(())
    }
}
