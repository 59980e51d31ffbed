//! Several logins that are due, one after the other: who was renewed or skipped is not asked about again, also by a window that was closed
//! and opened anew, until nobody is left.

use anyhow::{Result, ensure};
use provider_sim::{Account, LoginState};
use signalbox_tests::wizard::Browser;

use super::{
    Scene, ends_the_login_of, is_kept, nothing_is_left, play, signs_in, the_browser_is_signed_in_as, wizard_from_tray,
};

/// A fourth profile, and three logins that are due: the live one is not.
fn three_are_due(scene: &Scene) -> Result<()> {
    scene.stage.sim.add_account(Account::new("lab", "eve@example.net"));
    let lab = scene.stage.seed("lab")?;
    scene.stage.signalbox(&["use", "work"])?;
    for profile in [&scene.personal, &scene.side, &lab] {
        ends_the_login_of(scene, profile)?;
    }
    Ok(())
}

#[test]
fn all_due_logins_are_renewed_one_after_the_other_and_a_skipped_one_stays_skipped() {
    play(async |scene| {
        let browser = Browser::of(&scene.stage.home)?;
        the_browser_is_signed_in_as(scene, None)?;
        three_are_due(scene)?;
        scene.open_app().await?;
        let wizard = wizard_from_tray(scene).await?;
        wizard.says("Renew 3 logins").await?;
        wizard.says("Begin with “personal”").await?;
        signs_in(&wizard, &browser).await?;
        wizard.says("1 of 3").await?;
        wizard.press("keep").await?;
        wizard.says("“personal” is renewed").await?;
        wizard.says("2 more logins are due.").await?;
        is_kept(scene, "personal", "personal").await?;

        // The second one is skipped.
        wizard.press("next").await?;
        wizard.shows("browser").await?;
        wizard.says("2 of 3").await?;
        wizard.says("hello@tinyfoundry.example").await?;
        browser.sent_to().await?;
        wizard.press("cancel").await?;
        wizard.press("cancel-sign-in").await?;
        wizard.shows("over").await?;
        wizard.says("One more login is due.").await?;
        nothing_is_left(scene).await?;
        wizard.closes(scene.app()?).await?;

        let wizard = wizard_from_tray(scene).await?;
        wizard.shows("plan").await?;
        wizard.says("Sign in to “lab”").await?;
        ensure!(!wizard.pages.text().await?.contains("side"), "the skipped one is asked about again");
        signs_in(&wizard, &browser).await?;
        wizard.says("3 of 3").await?;
        wizard.press("keep").await?;
        wizard.says("“lab” is renewed").await?;
        is_kept(scene, "lab", "lab").await?;
        ensure!(!wizard.pages.text().await?.contains("due"), "nobody is left in this queue");
        wizard.closes(scene.app()?).await?;

        // The next queue begins with whoever is due, however that came about.
        let wizard = wizard_from_tray(scene).await?;
        wizard.says("Sign in to “side”").await?;
        signs_in(&wizard, &browser).await?;
        wizard.press("keep").await?;
        wizard.says("“side” is renewed").await?;
        is_kept(scene, "side", "side").await?;
        ensure!(scene.stage.sim.state(scene.work.login) == Some(LoginState::Alive), "the live login was lost");
        ensure!(scene.stage.live_is("work"), "the live login changed");
        wizard.pages.detach().await
    });
}
