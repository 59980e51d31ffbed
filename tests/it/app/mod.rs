//! End to end: the real app, on a desktop and in a home of its own, against the simulated provider. What a person clicks
//! is clicked over D-Bus or in the page; what has to be true afterwards is asked of the files and of the server, never of
//! the app alone. Every test has its own desk, so they may run side by side.
//!
//! They need the programs of this workspace built (`make build`), Xvfb, dbus-daemon and WebKitWebDriver. Whatever is
//! missing is a failure, never a skip.

mod board;
mod crash;
mod failure;
mod history;
mod past;
mod rotate;
mod terms;
mod told;
mod tray;

use anyhow::{Context, Result, ensure};
use provider_sim::{LoginState, SimOptions};
use signalbox_tests::app::App;
use signalbox_tests::claude::{Claude, Turn};
use signalbox_tests::desk::Desk;
use signalbox_tests::process::until;
use signalbox_tests::stage::{Profile, Stage};
use signalbox_tests::tray::Tray;

/// A desk with nothing on it but the app's world, the three profiles registered, `work` live.
struct Scene {
    // Ends before the desk that it is on.
    app: Option<App>,
    desk: Desk,
    stage: Stage,
    work: Profile,
    personal: Profile,
    side: Profile,
}

/// Plays a test, and says what the app said when it fails.
fn play(test: impl AsyncFnOnce(&mut Scene) -> Result<()>) {
    play_with(SimOptions::default(), test);
}

/// As [`play`], with a server of one's own liking.
fn play_with(options: SimOptions, test: impl AsyncFnOnce(&mut Scene) -> Result<()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let played = runtime.block_on(async {
        let mut scene = Scene::set(options).await?;
        let played = test(&mut scene).await;
        if played.is_err() {
            eprintln!("The app said:\n{}", scene.app.as_ref().map(App::log).unwrap_or_default());
            eprintln!("The server saw:");
            for request in scene.stage.sim.requests() {
                let (seq, whose) = (request.seq, request.account.unwrap_or_default());
                eprintln!(
                    "{seq:>4} {} {} {whose} {:?} {:?}",
                    request.method, request.path, request.status, request.faults
                );
            }
        }
        played
    });
    if let Err(error) = played {
        panic!("{error:#}");
    }
}

impl Scene {
    async fn set(options: SimOptions) -> Result<Self> {
        let desk = Desk::bare().await?;
        let stage = Stage::new(options)?;
        let [work, personal, side] = stage.seed_profiles()?;
        Ok(Self { app: None, desk, stage, work, personal, side })
    }

    /// Starts the app under a tray, and waits for its icon with the three profiles.
    async fn open_app(&mut self) -> Result<Tray> {
        self.desk.watch_tray().await?;
        self.start_app()?;
        self.tray().await
    }

    fn start_app(&mut self) -> Result<()> {
        self.app = Some(App::start(&self.desk, &self.stage.home)?);
        Ok(())
    }

    /// The newest icon, once its menu has a row for each profile.
    async fn tray(&self) -> Result<Tray> {
        let tray = Tray::find(&self.desk).await?;
        until("a row for each profile in the tray's menu", async || {
            let rows = tray.rows().await.ok()?;
            let has = |alias: &str| rows.iter().any(|row| row.names(alias) && row.ticked.is_some());
            [&self.work, &self.personal, &self.side].iter().all(|profile| has(&profile.alias)).then_some(())
        })
        .await?;
        Ok(tray)
    }

    fn app(&self) -> Result<&App> {
        self.app.as_ref().context("the app was not started")
    }

    /// Waits until the ticked row, and no other, is that of `profile`.
    async fn ticked(&self, tray: &Tray, profile: &Profile) -> Result<()> {
        until(&format!("the tick at {} alone", profile.alias), async || {
            let rows = tray.rows().await.ok()?;
            let ticked: Vec<_> = rows.iter().filter(|row| row.ticked == Some(true)).collect();
            (ticked.len() == 1 && ticked[0].names(&profile.alias)).then_some(())
        })
        .await
    }

    /// Waits until the live login is a usable one of `profile`, by the server's word, and `oauthAccount` is the whole block
    /// that Claude Code had written for it.
    async fn live(&self, profile: &Profile) -> Result<()> {
        until(&format!("a live login of {}", profile.alias), async || self.stage.live_is(&profile.alias).then_some(()))
            .await?;
        until(&format!("oauthAccount to be that of {}", profile.alias), async || {
            (self.stage.home.account().ok()? == profile.account).then_some(())
        })
        .await
    }

    /// Claude Code refreshes its login behind our back, because the server withdrew its access token. Returns the
    /// fingerprint of the pair that it has now.
    fn rotate_by_claude(&self, profile: &Profile) -> Result<String> {
        let sim = &self.stage.sim;
        let before = sim.refreshes(profile.login);
        ensure!(sim.withdraw_access(profile.login), "no such login");
        let turn = Claude::start(&self.stage.home)?.prompt("claude-opus-4");
        ensure!(turn == Turn::Answered, "Claude Code said {turn:?}");
        ensure!(sim.refreshes(profile.login) == before + 1, "Claude Code did not refresh");
        self.stage.newest_fingerprint(profile.login)
    }

    /// Nobody's refresh token was ever presented twice, and every login still works.
    fn nothing_is_lost(&self) -> Result<()> {
        for profile in [&self.work, &self.personal, &self.side] {
            let state = self.stage.sim.state(profile.login);
            ensure!(state == Some(LoginState::Alive), "the login of {} is {state:?}", profile.alias);
        }
        Ok(())
    }

    /// Waits until the saved login of `profile` is the newest pair that the server ever gave for it.
    async fn newest_is_saved(&self, profile: &Profile) -> Result<()> {
        until(&format!("the newest login of {} in its .cred", profile.alias), async || {
            let saved = self.stage.home.cred(&profile.alias).ok()?.fingerprint;
            (saved == self.stage.newest_fingerprint(profile.login).ok()?).then_some(())
        })
        .await
    }
}
