//! The window that signs in, from each of the places that open it until a login is kept: what is saved is what the server gave last, and
//! nobody else's login is touched. Owns what its tests share; the window's page and the browser are the rig's.

mod cancel;
mod queue;
mod resume;

use std::fs;

use anyhow::{Context, Result, ensure};
use provider_sim::{Account, AutoConsent, LoginId, LoginState};
use signalbox_tests::process::{PATIENCE, until};
use signalbox_tests::stage::Profile;
use signalbox_tests::wizard::{Browser, Wizard, follow};

use super::{Scene, play};

/// Asks for what only the board may ask for.
const QUIT: &str = "const done = arguments[arguments.length - 1]; \
    window.__TAURI_INTERNALS__.invoke('quit').then(() => done('it did'), (refusal) => done(String(refusal)))";

/// The window, which is open or about to be.
async fn wizard(scene: &Scene) -> Result<Wizard> {
    Wizard::of(scene.app()?, &scene.desk).await
}

/// The same, opened from the tray for every login that is due.
async fn wizard_from_tray(scene: &Scene) -> Result<Wizard> {
    Wizard::from_tray(scene.app()?, &scene.desk).await
}

/// Whoever opens a page of the server is signed in as this account, or (`None`) as the one that is asked for.
fn the_browser_is_signed_in_as(scene: &Scene, account: Option<&str>) -> Result<()> {
    let auto = AutoConsent { account: account.map(str::to_owned), ..AutoConsent::default() };
    Ok(scene.stage.sim.auto_consent(Some(auto))?)
}

/// From the plan to the question whether it is the right login.
async fn signs_in(wizard: &Wizard, browser: &Browser) -> Result<()> {
    wizard.press("begin").await?;
    wizard.shows("browser").await?;
    follow(browser.sent_to().await?).await?;
    wizard.shows("confirm").await
}

/// Ends the login of a parked profile on the server, and lets Signalbox find out.
fn ends_the_login_of(scene: &Scene, profile: &Profile) -> Result<()> {
    ensure!(scene.stage.sim.end_login(profile.login), "no such login");
    // Whatever it says: what it says is another test's.
    scene.stage.ask_signalbox(&["refresh", &profile.alias])?;
    Ok(())
}

/// The newest login that the server ever gave to this account.
fn newest_login(scene: &Scene, account: &str) -> Result<LoginId> {
    let reports = scene.stage.sim.reports();
    let of_it = reports.into_iter().filter(|report| report.account == account).map(|report| report.login);
    of_it.max().context("nobody ever signed in to that account")
}

/// What the server gave last is what is saved for the profile, it is alive, and nothing of the sign-in is left.
async fn is_kept(scene: &Scene, alias: &str, account: &str) -> Result<LoginId> {
    let login = newest_login(scene, account)?;
    let state = scene.stage.sim.state(login);
    ensure!(state == Some(LoginState::Alive), "the new login of {alias} is {state:?}");
    until("the new login in the profile's .cred", async || {
        let saved = scene.stage.home.cred(alias).ok()?.fingerprint;
        (saved == scene.stage.newest_fingerprint(login).ok()?).then_some(())
    })
    .await?;
    nothing_is_left(scene).await?;
    Ok(login)
}

/// No folder of a sign-in, no note of one, no interrupted write.
async fn nothing_is_left(scene: &Scene) -> Result<()> {
    let data = scene.stage.home.data();
    let left = || {
        let folders = fs::read_dir(data.join("signin")).into_iter().flatten().flatten().map(|entry| entry.path());
        let notes = ["rotation.json", "journal.json"].map(|name| data.join(name));
        folders.chain(notes.into_iter().filter(|path| path.exists())).collect::<Vec<_>>()
    };
    let gone = until("the end of the sign-in", async || left().is_empty().then_some(())).await;
    gone.with_context(|| format!("after {} s there is still {:?}", PATIENCE.as_secs(), left()))
}

#[test]
fn a_login_that_has_ended_is_renewed_from_its_card() {
    play(async |scene| {
        let browser = Browser::of(&scene.stage.home)?;
        the_browser_is_signed_in_as(scene, None)?;
        ends_the_login_of(scene, &scene.side)?;
        let live = fs::read(scene.stage.home.store())?;
        let tray = scene.open_app().await?;
        let board = scene.app()?.open_board(&scene.desk, &tray).await?;
        board.pages.click(".card[data-alias=\"side\"] [data-action=\"sign-in\"]").await?;
        board.pages.detach().await?;
        let wizard = wizard(scene).await?;
        wizard.shows("plan").await?;
        wizard.says("Sign in to “side”").await?;
        // It may share the board's process, and still not what the board may ask for.
        let answer = wizard.pages.client.execute_async(QUIT, Vec::new()).await?;
        ensure!(answer.as_str().is_some_and(|text| text.contains("not allowed")), "it may end the app: {answer}");
        signs_in(&wizard, &browser).await?;
        wizard.says("hello@tinyfoundry.example").await?;
        ensure!(!wizard.pages.text().await?.contains("sk-ant"), "a token is in the window");
        wizard.press("keep").await?;
        wizard.shows("done").await?;
        wizard.says("“side” is renewed").await?;
        is_kept(scene, "side", "side").await?;
        ensure!(fs::read(scene.stage.home.store())? == live, "the live login changed");

        // The proof that it is worth something: the server takes it.
        wizard.press("switch").await?;
        wizard.says("It is live now").await?;
        until("the renewed login to be live", async || scene.stage.live_is("side").then_some(())).await?;
        ensure!(scene.stage.home.siblings_are_untouched()?, "a sibling changed");
        wizard.pages.detach().await
    });
}

#[test]
fn a_new_account_becomes_a_profile_from_the_tray() {
    play(async |scene| {
        let browser = Browser::of(&scene.stage.home)?;
        scene.stage.sim.add_account(Account::new("lab", "eve@example.net"));
        the_browser_is_signed_in_as(scene, Some("lab"))?;
        let live = fs::read(scene.stage.home.store())?;
        scene.open_app().await?;
        let wizard = wizard_from_tray(scene).await?;
        wizard.says("No login is due").await?;
        wizard.press("another").await?;
        wizard.says("Name of the new profile").await?;
        wizard.types("lab").await?;
        signs_in(&wizard, &browser).await?;
        wizard.says("eve@example.net").await?;
        wizard.press("keep").await?;
        wizard.shows("done").await?;
        wizard.says("“lab” is a profile now").await?;
        wizard.says("“work” is live, as before.").await?;
        is_kept(scene, "lab", "lab").await?;
        ensure!(fs::read(scene.stage.home.store())? == live, "the live login changed");
        wizard.is_closed_by_its_button(scene.app()?).await?;
        scene.tray().await?.click("lab").await?;
        until("the new profile to be live", async || scene.stage.live_is("lab").then_some(())).await?;
        scene.nothing_is_lost()
    });
}

#[test]
fn the_live_profile_is_renewed_from_its_menu_and_its_new_login_is_live() {
    play(async |scene| {
        let browser = Browser::of(&scene.stage.home)?;
        the_browser_is_signed_in_as(scene, None)?;
        let tray = scene.open_app().await?;
        let board = scene.app()?.open_board(&scene.desk, &tray).await?;
        board.pages.click(".card[data-alias=\"work\"] [data-action=\"more\"]").await?;
        board.pages.click("[data-action=\"renew\"]").await?;
        board.pages.detach().await?;
        let wizard = wizard(scene).await?;
        signs_in(&wizard, &browser).await?;
        wizard.says("Claude Code uses it from now on.").await?;
        ensure!(scene.stage.live_is("work"), "nothing is live before it is confirmed");
        wizard.press("keep").await?;
        wizard.shows("done").await?;
        let login = is_kept(scene, "work", "work").await?;
        let (access, _) = scene.stage.home.live_pair()?;
        ensure!(scene.stage.sim.owner(&access) == Some(login), "the live login is not the new one");
        ensure!(scene.stage.home.siblings_are_untouched()?, "a sibling changed");
        wizard.pages.detach().await
    });
}

#[test]
fn the_notification_that_a_login_has_ended_leads_to_that_very_login() {
    play(async |scene| {
        let browser = Browser::of(&scene.stage.home)?;
        the_browser_is_signed_in_as(scene, None)?;
        for profile in [&scene.personal, &scene.side] {
            ends_the_login_of(scene, profile)?;
        }
        scene.open_app().await?;
        let notification = scene.desk.notified("side has to be signed in again").await?;
        ensure!(scene.app()?.web_processes().is_empty(), "a window opened by itself");
        scene.desk.press(&notification, "Sign in").await?;
        let wizard = wizard(scene).await?;
        wizard.says("Sign in to “side”").await?;
        signs_in(&wizard, &browser).await?;
        wizard.says("You are signed in as “side”").await?;
        wizard.press("keep").await?;
        wizard.says("“side” is renewed").await?;
        is_kept(scene, "side", "side").await?;
        // The other notification is about the other one, also while the window is open.
        let notification = scene.desk.notified("personal has to be signed in again").await?;
        scene.desk.press(&notification, "Sign in").await?;
        wizard.says("Sign in to “personal”").await?;
        let told = scene.desk.notifications();
        ensure!(told.len() == 2, "told once each: {told:?}");
        wizard.pages.detach().await
    });
}
