//! The real client as the engine that renews a parked login: `claude -p /usage` in a folder of its own, started by the
//! real CLI. Owns what has to be true afterwards; how it is run is the product's affair.

use anyhow::{Context, Result};
use provider_sim::{Endpoint, LoginState, SignIn};

use crate::claims::Claims;
use crate::world::{World, fingerprint};

pub fn run(world: &World, claims: &mut Claims) -> Result<()> {
    let lapsing = SignIn { access_expires_in_s: Some(60), ..SignIn::new("b", None) };
    let [_, signed_in] = world.two_profiles(&lapsing)?;
    let live = std::fs::read(world.store())?;
    std::fs::write(world.path("signalbox/settings.toml"), "[renewal]\nengine = \"delegated\"\n")?;
    let said = world.signalbox(&["refresh", "b"])?;

    let newest = world.sim.newest(signed_in.login).context("the login is gone")?;
    claims.that("the parked login was renewed", newest.refresh() != signed_in.refresh(), (&newest, &said));
    let agents: Vec<String> = world.requests(Endpoint::Token).into_iter().filter_map(|r| r.user_agent).collect();
    let by_client = agents.len() == 1 && agents.iter().all(|agent| agent.starts_with("axios/"));
    claims.that("the client renewed it, once, and we did not", by_client, &agents);
    claims.same("the new pair is saved", &world.saved("b")?, &fingerprint(&newest));
    claims.that("no model request was made", world.requests(Endpoint::Messages).is_empty(), ());
    claims.that("the live login was not touched", std::fs::read(world.store())? == live, ());
    let left = std::fs::read_dir(world.path("signalbox/delegated")).map_or(0, Iterator::count);
    claims.same("the folder it was renewed in is gone", &left, &0);
    world.signalbox(&["use", "b"])?;
    let said = world.claude(&["-p", "hi"])?;
    claims.that("the client works with it after a switch", said.code == Some(0), &said);
    for report in world.sim.reports() {
        claims.same(&format!("the login of {} is alive", report.account), &report.state, &LoginState::Alive);
    }
    Ok(())
}
