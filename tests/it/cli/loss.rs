//! No byte of a login may be lost, whatever was typed and whatever went wrong. Owns that check: what is compared right after
//! a run that failed, and what must work again once the trouble is over.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use provider_sim::LoginId;
use serde_json::Value;
use signalbox_tests::stage::Stage;

/// What stood there before.
pub struct Before {
    live: Option<Vec<u8>>,
    siblings: Option<Vec<(String, String)>>,
}

impl Before {
    pub fn of(stage: &Stage) -> Self {
        Self {
            live: fs::read(stage.home.store()).ok(),
            siblings: stage.home.live().ok().map(|live| live.besides("claudeAiOauth")),
        }
    }

    /// After a run that failed: the live file has the same bytes, or holds a whole other login.
    pub fn check_failed_run(&self, stage: &Stage) -> Result<()> {
        if fs::read(stage.home.store()).ok() == self.live {
            return Ok(());
        }
        let (access, refresh) =
            stage.home.live_pair().context("the live login is neither the old one nor a whole other")?;
        ensure!(stage.sim.owner(&access).is_some(), "the server does not know the live login");
        ensure!(stage.sim.owner(&access) == stage.sim.owner(&refresh), "the live login is put together of two");
        self.check_siblings(stage)
    }

    /// What belongs to the machine is as it was.
    pub fn check_siblings(&self, stage: &Stage) -> Result<()> {
        let Some(before) = &self.siblings else { return Ok(()) };
        ensure!(stage.home.live()?.besides("claudeAiOauth") == *before, "a sibling of the login changed");
        Ok(())
    }
}

/// With the trouble over: every login lives on the server, and `use` brings its newest tokens live.
pub fn check_all_usable(stage: &Stage, logins: &[(String, LoginId)]) -> Result<()> {
    keep_a_stray_login(stage)?;
    stage.signalbox(&["refresh"])?;
    for (account, login) in logins {
        let alias = alias_of(stage, account)?.with_context(|| format!("no profile is {account}'s any more"))?;
        let said = stage.ask_signalbox(&["use", &alias])?;
        ensure!(said.code == Some(0), "`use {alias}` fails afterwards:\n{}{}", said.out, said.err);
        let (_, refresh) = stage.home.live_pair()?;
        ensure!(stage.sim.owner(&refresh) == Some(*login), "`use {alias}` brings another login live");
        ensure!(stage.sim.is_alive(&refresh), "the login of {account} is dead: {:?}", stage.sim.state(*login));
        ensure!(stage.live_is(account), "`use {alias}` does not bring a usable login of {account} live");
    }
    Ok(())
}

/// A live login that is no profile stands in the way of every switch, by design. It is registered, as the hint says.
fn keep_a_stray_login(stage: &Stage) -> Result<()> {
    let Ok((access, _)) = stage.home.live_pair() else { return Ok(()) };
    let report = stage.sim.owner(&access).and_then(|login| stage.sim.report(login));
    let Some(report) = report else { bail!("the server does not know the live login") };
    if alias_of(stage, &report.account)?.is_none() {
        stage.signalbox(&["add", "stray", "--yes"])?;
    }
    Ok(())
}

/// The alias of an account's profile, as the program itself lists it.
pub fn alias_of(stage: &Stage, account: &str) -> Result<Option<String>> {
    let email = stage.sim.account(account).with_context(|| format!("no account {account}"))?.email;
    let listed: Value = serde_json::from_str(&stage.signalbox(&["list", "--json"])?.out)?;
    let profiles = listed["profiles"].as_array().context("a list")?;
    let found = profiles.iter().find(|profile| profile["email"] == email.as_str());
    Ok(found.and_then(|profile| profile["alias"].as_str()).map(str::to_owned))
}
