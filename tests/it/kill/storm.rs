//! The weather of the kill test: who switches where, who is killed when, which access tokens lapse, when Claude Code
//! prompts. Owns the programs while they run; what has to be true afterwards is asked of `audit`.

use std::process::Stdio;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use provider_sim::{Endpoint, Fault, FaultKind, Logged, SimOptions, Terms};
use serde_json::Value;
use signalbox_core::recover;
use signalbox_tests::app::App;
use signalbox_tests::claude::{Claude, Turn};
use signalbox_tests::desk::Desk;
use signalbox_tests::process::{Running, until};
use signalbox_tests::stage::{PROFILES, Profile, Stage};
use signalbox_tests::tray::Tray;

use super::Figures;
use super::audit::Audit;
use crate::cli::loss;

/// Access tokens that live this long are renewed before every use.
const SHORT_LIFE_MS: i64 = 120_000;

/// A generator of numbers that look random (SplitMix64), so that a seed tells a storm.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll().is_multiple_of(sides)
    }

    fn alias(&mut self) -> &'static str {
        PROFILES[usize::try_from(self.roll() % 3).expect("three")]
    }

    fn within(&mut self, span: Duration) -> Duration {
        Duration::from_nanos(self.roll() % u64::try_from(span.as_nanos()).expect("not for ever").max(1))
    }
}

/// Something that is done at a moment of a round.
#[derive(Debug)]
enum Deed {
    Start(usize, &'static str),
    Kill(usize),
    Click(&'static str),
    KillApp,
}

pub struct Storm {
    // Ends before the desk that it is on.
    app: App,
    tray: Arc<Tray>,
    desk: Desk,
    stage: Stage,
    profiles: [Profile; 3],
    audit: Audit,
    dice: Dice,
    /// How long a switch takes that nobody disturbs.
    pace: Duration,
    figures: Figures,
    /// The last successful refresh of each login since the last look.
    renewals: [Option<Logged>; 3],
    /// Whoever was killed in this round.
    dead: Vec<u32>,
    /// Whether somebody was killed in this round, and in the one before.
    killed: [bool; 2],
    /// The deeds of this round, and the requests that were counted in it and in the one before, for a failure.
    deeds: Vec<(Duration, Deed)>,
    counted: [Vec<Logged>; 2],
}

impl Storm {
    pub async fn gather(seed: u64) -> Result<Self> {
        let desk = Desk::bare().await?;
        desk.watch_tray().await?;
        let stage = Stage::new(SimOptions { usage_budget: None, ..SimOptions::default() })?;
        let profiles = stage.seed_profiles()?;
        let mut paces = Vec::new();
        for alias in ["personal", "side", "work"] {
            let began = Instant::now();
            stage.signalbox(&["use", alias])?;
            paces.push(began.elapsed());
        }
        let pace = paces.into_iter().max().unwrap_or_default();
        let (app, tray) = start_app(&desk, &stage).await?;
        let (audit, dice) = (Audit::of(&stage)?, Dice(seed));
        let (figures, deeds) = (Figures::default(), Vec::new());
        let (renewals, dead, killed, counted) = (Default::default(), Vec::new(), [false; 2], Default::default());
        Ok(Self {
            app,
            tray,
            desk,
            stage,
            profiles,
            audit,
            dice,
            pace,
            figures,
            renewals,
            dead,
            killed,
            deeds,
            counted,
        })
    }

    /// What the last round was.
    pub fn story(&self) -> String {
        let uncounted = self.stage.sim.requests();
        let last: Vec<String> = self
            .counted
            .iter()
            .flatten()
            .chain(&uncounted)
            .map(|r| {
                let (account, agent) = (r.account.as_deref().unwrap_or("-"), r.user_agent.as_deref().unwrap_or("-"));
                let spent = r.refresh_fingerprint.as_deref().unwrap_or("-");
                let answer = format!("{:?} delivered {} {:?}", r.status, r.delivered, r.faults);
                format!("{} {} {} {account} {spent} {answer} {agent}", r.seq, r.at_ms, r.path)
            })
            .collect();
        let log = self.app.log();
        let tail = log.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
        let killed = self.killed;
        format!("{:?}\n{:?}, killed {killed:?}\n{}\nThe app said:\n{tail}", self.figures, self.deeds, last.join("\n"))
    }

    pub async fn round(&mut self) -> Result<()> {
        self.lapse();
        self.plan();
        self.killed = [false, self.killed[0]];
        self.dead.clear();
        let claude = self.dice.one_in(2).then(|| self.dice.within(self.pace)).map(|after| self.prompt(after));
        let app_killed = self.act()?;
        self.settle(claude)?;
        if app_killed {
            (self.app, self.tray) = start_app(&self.desk, &self.stage).await?;
        }
        self.figures.rounds += 1;
        Ok(())
    }

    /// Access tokens lapse: withdrawn by the server, or so short-lived that they are renewed before every use.
    fn lapse(&mut self) {
        let access_life_ms = if self.dice.one_in(4) { SHORT_LIFE_MS } else { Terms::default().access_life_ms };
        self.stage.sim.reconfigure(|options| options.terms.access_life_ms = access_life_ms);
        for profile in &self.profiles {
            if self.dice.one_in(3) {
                self.stage.sim.withdraw_access(profile.login);
            }
        }
        // Now and then an answer takes its time after the server has rotated: whoever does not wait for Claude Code's
        // lock then loses.
        self.stage.sim.clear_faults();
        if self.dice.one_in(4) {
            let ms = self.dice.roll() % 120;
            self.stage.sim.fault(Fault::standing(Endpoint::Token, FaultKind::DelayAnswer { ms }));
        }
    }

    /// Two command lines, and now and then a click; each is killed somewhere between its first instant and its usual
    /// end, except in a lull.
    fn plan(&mut self) {
        self.deeds.clear();
        let lull = self.dice.one_in(10);
        for number in 0..2 {
            let start = self.dice.within(self.pace / 4);
            self.deeds.push((start, Deed::Start(number, self.dice.alias())));
            if !lull && !self.dice.one_in(8) {
                self.deeds.push((start + self.dice.within(self.pace), Deed::Kill(number)));
            }
        }
        if self.dice.one_in(2) {
            self.deeds.push((self.dice.within(self.pace / 2), Deed::Click(self.dice.alias())));
        }
        if !lull && self.dice.one_in(16) {
            self.deeds.push((self.dice.within(self.pace * 3 / 2), Deed::KillApp));
        }
        self.deeds.sort_by_key(|(at, _)| *at);
    }

    /// Claude Code asks its model a little later, and renews its login if it has to.
    fn prompt(&self, after: Duration) -> JoinHandle<std::io::Result<Turn>> {
        let home = self.stage.home.path().to_owned();
        let (api, token) = (self.stage.home.api_base().to_owned(), self.stage.home.token_base().to_owned());
        std::thread::spawn(move || {
            std::thread::sleep(after);
            Ok(Claude::start_at(&home, &api, &token)?.prompt("claude-opus-4"))
        })
    }

    /// Claude Code asks its model now, and gets an answer.
    fn answer(&self) -> Result<()> {
        let turn = self.prompt(Duration::ZERO).join().map_err(|_| anyhow::anyhow!("Claude Code panicked"))??;
        ensure!(matches!(turn, Turn::Answered | Turn::Limited), "Claude Code said {turn:?}");
        Ok(())
    }

    /// Does what was planned. `true`: the app is dead.
    fn act(&mut self) -> Result<bool> {
        let (began, mut clis, mut app_killed) = (Instant::now(), [None, None], false);
        for (at, deed) in &self.deeds {
            std::thread::sleep(at.saturating_sub(began.elapsed()));
            match deed {
                Deed::Start(number, alias) => {
                    let mut command = self.stage.cli(&["use", alias])?;
                    clis[*number] = Some(Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped()))?);
                }
                Deed::Kill(number) => {
                    let Some(cli) = &mut clis[*number] else { continue };
                    let running = cli.ended().is_none();
                    cli.kill();
                    self.figures.killed_cli += u64::from(running);
                    self.killed[0] |= running;
                    self.dead.push(cli.pid());
                }
                Deed::Click(alias) => {
                    let (tray, alias) = (Arc::clone(&self.tray), *alias);
                    // An app that is dead or busy does not answer; then nothing is clicked.
                    tokio::spawn(async move { tray.click(alias).await.ok() });
                }
                Deed::KillApp => {
                    self.app.running.kill();
                    self.figures.killed_app += 1;
                    (self.killed[0], app_killed) = (true, true);
                    self.dead.push(self.app.running.pid());
                }
            }
        }
        for mut cli in clis.into_iter().flatten() {
            match cli.child().wait()?.code() {
                Some(0) => self.figures.succeeded += 1,
                Some(1) => {
                    let said = std::io::read_to_string(cli.child().stderr.take().context("a pipe")?)?;
                    *self.figures.refused.entry(said.lines().next().unwrap_or_default().to_owned()).or_default() += 1;
                }
                None => {}
                Some(code) => bail!("`signalbox use` ended with {code}"),
            }
        }
        Ok(app_killed)
    }

    /// Lets everybody come to rest, and judges.
    fn settle(&mut self, claude: Option<JoinHandle<std::io::Result<Turn>>>) -> Result<()> {
        self.figures.leftovers_proven += self.audit.noted_by(&self.dead) as u64;
        // What the dead left goes first, or Claude Code would wait for it.
        drop(self.audit.enter()?);
        if let Some(claude) = claude {
            let turn = claude.join().map_err(|_| anyhow::anyhow!("Claude Code panicked"))??;
            ensure!(turn != Turn::LoggedOut, "Claude Code found itself signed out");
        }
        Audit::let_the_server_settle(&self.stage);
        let own = self.audit.enter()?;
        self.figures.leftovers_unproven += self.audit.outwait(&own)?;
        let finding = self.audit.look(&own, &self.stage, &self.profiles)?;
        drop(own);
        finding.note(&mut self.figures);
        self.count_refreshes();
        for lost in finding.lost {
            let Profile { alias, login, .. } = &self.profiles[lost];
            let state = self.stage.sim.state(*login);
            // The pair that is gone was bought by one of ours, with a token that was still saved, and somebody was
            // killed.
            let bought = self.renewals[lost].as_ref().filter(|bought| !is_claudes(bought));
            let is_window = bought.is_some_and(|bought| self.was_still_saved(bought, &finding.refresh_tokens));
            ensure!(
                self.killed != [false, false] && is_window,
                "the login of {alias} is lost ({state:?}), and not by a kill during its renewal: {:?}, with {:?} kept",
                self.renewals[lost],
                finding.refresh_tokens
            );
            self.figures.windows += 1;
            self.sign_in_again(lost).with_context(|| format!("after the window of {}", self.profiles[lost].alias))?;
        }
        Ok(())
    }

    /// Whether the token that bought a pair stayed saved until somebody else looked: we see it, or another of ours found it put aside,
    /// asked with it, and threw it away when the server called it spent.
    fn was_still_saved(&self, bought: &Logged, kept: &[String]) -> bool {
        let Some(spent) = &bought.refresh_fingerprint else { return false };
        let thrown_away = self.counted.iter().flatten().any(|request| {
            let refused = request.endpoint == Endpoint::Token && request.status == Some(400);
            let with_it = request.seq > bought.seq && request.refresh_fingerprint.as_ref() == Some(spent);
            refused && with_it && !is_claudes(request)
        });
        kept.contains(spent) || thrown_away
    }

    fn count_refreshes(&mut self) {
        let requests = self.stage.sim.requests();
        self.stage.sim.clear_requests();
        self.renewals = Default::default();
        self.counted = [std::mem::take(&mut self.counted[1]), requests.clone()];
        let is_refresh = |request: &Logged| request.endpoint == Endpoint::Token && request.status == Some(200);
        for refresh in requests.into_iter().filter(is_refresh) {
            let counted = if is_claudes(&refresh) { &mut self.figures.rotated } else { &mut self.figures.renewed };
            *counted += 1;
            if let Some(whose) = self.profiles.iter().position(|profile| Some(profile.login) == refresh.login) {
                self.renewals[whose] = Some(refresh);
            }
        }
    }

    /// The window has to be shown; then the person signs in again, and the storm goes on.
    fn sign_in_again(&mut self, lost: usize) -> Result<()> {
        let alias = self.profiles[lost].alias.clone();
        // While nobody can say whose the live login is, a parked one is not tried either: it might be the same. So
        // Claude Code first renews what is live.
        self.answer()?;
        let said = self.stage.ask_signalbox(&["use", &alias])?;
        ensure!(said.code == Some(1), "it is used as if nothing were wrong: {}{}", said.out, said.err);
        ensure!(
            self.badge(&alias)? == "loginNeeded",
            "it does not say that a login is needed: {}{}",
            said.out,
            said.err
        );
        self.profiles[lost].login = self.stage.sign_in(&alias)?.login;
        self.stage.signalbox(&["refresh"])?;
        ensure!(self.badge(&alias)? != "loginNeeded", "it still says that a login is needed");
        Ok(())
    }

    /// Why the card of a profile has the badge that it has.
    fn badge(&self, alias: &str) -> Result<String> {
        let listed: Value = serde_json::from_str(&self.stage.signalbox(&["list", "--json"])?.out)?;
        let profiles = listed["profiles"].as_array().context("a list")?;
        let card = profiles.iter().find(|card| card["alias"] == alias).context("no such card")?;
        Ok(card["badge"]["reason"]["kind"].as_str().unwrap_or_default().to_owned())
    }

    /// Calm again: what is half done is ended, and every login can be used.
    pub fn end(mut self) -> Result<Figures> {
        self.app.running.kill();
        // The live access token may have been withdrawn in the last round: that is Claude Code's to renew, never ours.
        self.answer()?;
        recover::recover(self.audit.ports()).context("the last recovery")?;
        let own = self.audit.enter()?;
        let finding = self.audit.look(&own, &self.stage, &self.profiles)?;
        drop(own);
        ensure!(finding.lost.is_empty() && !finding.journal_open, "something is left half done");
        self.stage.sim.reconfigure(|options| options.terms = Terms::default());
        let logins: Vec<_> = self.profiles.iter().map(|profile| (profile.alias.clone(), profile.login)).collect();
        loss::check_all_usable(&self.stage, &logins)?;
        Ok(self.figures)
    }
}

/// Whether Claude Code sent this request to the token endpoint (`docs/observed.md` §1).
fn is_claudes(request: &Logged) -> bool {
    request.user_agent.as_deref().is_some_and(|agent| agent.starts_with("axios"))
}

/// Starts the app, and waits until its menu can be clicked.
async fn start_app(desk: &Desk, stage: &Stage) -> Result<(App, Arc<Tray>)> {
    let app = App::start(desk, &stage.home)?;
    let tray = Tray::find(desk).await?;
    until("the profiles in the tray's menu", async || {
        let rows = tray.rows().await.ok()?;
        PROFILES.iter().all(|alias| rows.iter().any(|row| row.names(alias))).then_some(())
    })
    .await?;
    Ok((app, Arc::new(tray)))
}
