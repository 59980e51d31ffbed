//! A change of mind at every step of a sign-in, in both ways: the live login is what it was before, byte for byte, and nothing of the
//! sign-in is left.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use provider_sim::{Account, Endpoint, Fault, FaultKind};
use signalbox_tests::home::CredHead;
use signalbox_tests::process::until;
use signalbox_tests::wizard::{Browser, Wizard, follow};

use super::{
    Scene, ends_the_login_of, newest_login, nothing_is_left, play, the_browser_is_signed_in_as, wizard_from_tray,
};

/// What a change of mind must not change.
#[derive(PartialEq, Eq)]
struct Before {
    store: Vec<u8>,
    state: Vec<u8>,
    saved: Vec<CredHead>,
}

impl Before {
    fn of(scene: &Scene) -> Result<Self> {
        let home = &scene.stage.home;
        let saved = [&scene.work, &scene.personal, &scene.side].map(|profile| home.cred(&profile.alias));
        let saved = saved.into_iter().collect::<Result<_>>()?;
        Ok(Self { store: fs::read(home.store())?, state: fs::read(home.state())?, saved })
    }

    async fn is_now(&self, scene: &Scene, step: &str) -> Result<()> {
        nothing_is_left(scene).await.with_context(|| format!("given up {step}"))?;
        let now = Self::of(scene)?;
        ensure!(now.store == self.store, "given up {step}, the live login is another one");
        ensure!(now.state == self.state, "given up {step}, .claude.json is another one");
        ensure!(now.saved == self.saved, "given up {step}, a saved login is another one: {:?}", now.saved);
        ensure!(scene.stage.live_is("work"), "given up {step}, the server takes the live login no more");
        ensure!(scene.stage.sim.count(Endpoint::Revoke) == 0, "given up {step}, a login was revoked");
        Ok(())
    }
}

/// Gives the sign-in up, which is asked about first.
async fn gives_it_up(wizard: &Wizard) -> Result<()> {
    wizard.press("cancel").await?;
    wizard.says("Cancel this sign-in?").await?;
    wizard.press("cancel-sign-in").await?;
    wizard.shows("over").await?;
    wizard.says("Nothing was changed").await
}

/// The same, after which everything is as before, and another sign-in may begin.
async fn gives_it_up_and_nothing_has_changed(
    scene: &Scene,
    wizard: &Wizard,
    before: &Before,
    step: &str,
) -> Result<()> {
    gives_it_up(wizard).await.with_context(|| format!("given up {step}"))?;
    before.is_now(scene, step).await?;
    wizard.press("start-over").await?;
    wizard.shows("plan").await
}

/// On the plan nothing has begun, so there is nothing to ask about.
async fn closes_the_plan(scene: &Scene, before: &Before) -> Result<()> {
    let wizard = wizard_from_tray(scene).await?;
    wizard.shows("plan").await?;
    wizard.is_closed_by_its_button(scene.app()?).await?;
    before.is_now(scene, "before it began").await
}

/// The login of `side` has ended, and the browser is signed in as whoever its page asks for.
async fn opens_the_app_with_a_login_to_renew(scene: &mut Scene) -> Result<(Browser, Before)> {
    let browser = Browser::of(&scene.stage.home)?;
    the_browser_is_signed_in_as(scene, None)?;
    ends_the_login_of(scene, &scene.side)?;
    let before = Before::of(scene)?;
    scene.open_app().await?;
    Ok((browser, before))
}

#[test]
fn a_sign_in_apart_is_given_up_at_any_step_and_nothing_has_changed() {
    play(async |scene| {
        let (browser, before) = opens_the_app_with_a_login_to_renew(scene).await?;
        closes_the_plan(scene, &before).await?;

        let wizard = wizard_from_tray(scene).await?;
        wizard.shows("plan").await?;
        scene.stage.claude_does_first("while [ -e \"$HOME/holds\" ]; do sleep 0.1; done")?;
        fs::write(scene.stage.home.path().join("holds"), "")?;
        wizard.press("begin").await?;
        wizard.shows("starting").await?;
        gives_it_up_and_nothing_has_changed(scene, &wizard, &before, "while Claude Code starts").await?;
        fs::remove_file(scene.stage.home.path().join("holds"))?;

        wizard.press("begin").await?;
        wizard.shows("browser").await?;
        browser.sent_to().await?;
        gives_it_up_and_nothing_has_changed(scene, &wizard, &before, "while the browser is awaited").await?;
        // Whoever waited for the page of the sign-in before this one must not open this one's besides.
        ensure!(!browser.was_sent_anywhere(), "the page of one sign-in was opened twice");

        wizard.press("begin").await?;
        follow(browser.sent_to().await?).await?;
        wizard.shows("confirm").await?;
        gives_it_up_and_nothing_has_changed(scene, &wizard, &before, "at the confirmation").await?;

        scene.stage.sim.add_account(Account::new("lab", "eve@example.net"));
        the_browser_is_signed_in_as(scene, Some("lab"))?;
        wizard.press("begin").await?;
        follow(browser.sent_to().await?).await?;
        wizard.shows("wrong").await?;
        wizard.says("eve@example.net").await?;
        gives_it_up_and_nothing_has_changed(scene, &wizard, &before, "with another account").await?;

        fs::write(scene.stage.home.path().join("login-mood"), "fails")?;
        wizard.press("begin").await?;
        wizard.shows("failed").await?;
        gives_it_up_and_nothing_has_changed(scene, &wizard, &before, "after Claude Code had failed").await?;
        wizard.pages.detach().await
    });
}

#[test]
fn a_sign_in_with_a_code_or_without_an_answer_is_given_up_and_nothing_has_changed() {
    play(async |scene| {
        let (browser, before) = opens_the_app_with_a_login_to_renew(scene).await?;
        let wizard = wizard_from_tray(scene).await?;
        let sim = &scene.stage.sim;

        // Where the browser is not opened the page shows a code.
        fs::write(scene.stage.home.path().join("login-mood"), "never-opens")?;
        wizard.press("begin").await?;
        let code = code_on(browser.sent_to().await?).await?;
        wizard.pages.click("summary").await?;
        wizard.types(&code).await?;
        gives_it_up_and_nothing_has_changed(scene, &wizard, &before, "with a code that is typed and not sent").await?;

        // Claude Code is left to finish what it has begun, and what came of it is thrown away.
        wizard.press("begin").await?;
        let code = code_on(browser.sent_to().await?).await?;
        sim.fault(Fault::once(Endpoint::Exchange, FaultKind::DelayAnswer { ms: 1_500 }));
        wizard.pages.click("summary").await?;
        wizard.types(&code).await?;
        let asked = sim.count(Endpoint::Exchange);
        wizard.press("send-code").await?;
        until("the exchange of the code", async || (sim.count(Endpoint::Exchange) > asked).then_some(())).await?;
        gives_it_up_and_nothing_has_changed(scene, &wizard, &before, "while the code is exchanged").await?;
        fs::remove_file(scene.stage.home.path().join("login-mood"))?;

        wizard.press("begin").await?;
        let page = browser.sent_to().await?;
        sim.fault(Fault::standing(Endpoint::Profile, FaultKind::Html { status: 503 }).for_agent("signalbox"));
        follow(page).await?;
        wizard.says("It is not known yet whose login this is").await?;
        gives_it_up_and_nothing_has_changed(scene, &wizard, &before, "when nobody could say whose login it is").await?;
        sim.clear_faults();
        wizard.pages.detach().await
    });
}

/// What the page at the end says to paste.
async fn code_on(page: String) -> Result<String> {
    let text = follow(page).await?;
    let (_, code) = text.split_once("id=\"code\">").with_context(|| format!("no code: {text}"))?;
    Ok(code.split('<').next().unwrap_or_default().to_owned())
}

#[test]
fn a_sign_in_while_the_live_login_is_set_aside_is_given_up_at_any_step_and_it_is_back() {
    play(async |scene| {
        scene.stage.sim.add_account(Account::new("lab", "eve@example.net"));
        ends_the_login_of(scene, &scene.side)?;
        scene.stage.claude_does_first("export SIM_CLAUDE_VERSION=1.0.60")?;
        let before = Before::of(scene)?;
        scene.open_app().await?;
        closes_the_plan(scene, &before).await?;

        let wizard = wizard_from_tray(scene).await?;
        wizard.says("Claude Code is signed out meanwhile").await?;
        let begins = async |account: Option<&str>, page: &str| {
            wizard.press("begin").await?;
            wizard.shows("terminal").await?;
            ensure!(scene.stage.home.live_pair().is_err(), "a stray process could rotate the live login");
            if let Some(account) = account {
                scene.stage.sign_in(account)?;
            }
            wizard.shows(page).await
        };
        for (account, page, step) in
            [(None, "terminal", "while /login is awaited"), (Some("lab"), "wrong", "with another account")]
        {
            begins(account, page).await?;
            gives_it_up_and_nothing_has_changed(scene, &wizard, &before, step).await?;
        }
        // Whose profile there is gets the login that was signed in to before the change of mind: it would be stranded otherwise.
        begins(Some("side"), "confirm").await?;
        gives_it_up(&wizard).await?;
        let saved = scene.stage.home.cred("side")?;
        ensure!(saved.fingerprint == scene.stage.newest_fingerprint(newest_login(scene, "side")?)?, "it is stranded");
        let before = Before { saved: Before::of(scene)?.saved, ..before };
        before.is_now(scene, "at the confirmation").await?;
        wizard.pages.detach().await
    });
}
