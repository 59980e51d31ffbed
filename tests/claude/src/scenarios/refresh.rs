//! The real client refreshes a login that was switched to, and the real CLI saves what it got. Owns the question whether
//! anything is ever spent twice; the simulator keeps the ledger.

use std::time::Duration;

use anyhow::{Context, Result};
use provider_sim::{Endpoint, Logged, LoginState, SignIn, Tokens};

use crate::claims::Claims;
use crate::world::{World, fingerprint};

const HOUR_MS: i64 = 3_600_000;

/// What is live has less left than the client wants (300 s, `docs/observed.md` §3).
pub fn after_a_switch(world: &World, claims: &mut Claims) -> Result<()> {
    let [_, signed_in] = world.two_profiles(&SignIn::new("b", None))?;
    world.signalbox(&["use", "b"])?;
    world.live_lapses_in(Duration::from_secs(240))?;
    let before = world.requests(Endpoint::Token).len();
    prompt(world, claims)?;
    let refreshes = world.requests(Endpoint::Token).split_off(before);
    let by_client = refreshes.iter().all(is_client);
    claims.that("the client refreshed, once", refreshes.len() == 1 && by_client, &refreshes);
    let whose = refreshes.first().and_then(|request| request.account.as_deref());
    claims.same("it refreshed the login that was switched to", &whose, &Some("b"));
    saved_and_alive(world, claims, &signed_in)
}

/// A saved login that lapses soon is renewed by the switch itself, and the client takes what it finds.
pub fn before_a_switch(world: &World, claims: &mut Claims) -> Result<()> {
    let lapsing = SignIn { access_expires_in_s: Some(240), ..SignIn::new("b", None) };
    let [_, signed_in] = world.two_profiles(&lapsing)?;
    world.signalbox(&["use", "b"])?;
    prompt(world, claims)?;
    let refreshes = world.requests(Endpoint::Token);
    let by_us = refreshes.iter().all(|request| !is_client(request));
    claims.that("the switch renewed it, once, and the client did not", refreshes.len() == 1 && by_us, &refreshes);
    saved_and_alive(world, claims, &signed_in)
}

/// The server's clock has moved on: the client takes the token for good until it is told otherwise.
pub fn refused(world: &World, claims: &mut Claims) -> Result<()> {
    let [_, signed_in] = world.two_profiles(&SignIn::new("b", None))?;
    world.signalbox(&["use", "b"])?;
    world.sim.advance_ms(9 * HOUR_MS);
    prompt(world, claims)?;
    let told = world.requests(Endpoint::Messages).iter().any(|request| request.status == Some(401));
    claims.that("the client was told 401", told, world.requests(Endpoint::Messages).len());
    saved_and_alive(world, claims, &signed_in)
}

/// Whether the client's own HTTP library asked (`docs/observed.md` §1).
fn is_client(request: &Logged) -> bool {
    request.user_agent.as_deref().is_some_and(|agent| agent.starts_with("axios/"))
}

fn prompt(world: &World, claims: &mut Claims) -> Result<()> {
    let said = world.claude(&["-p", "hi"])?;
    claims.that("`claude -p hi` is answered", said.code == Some(0) && said.out.contains("Simulated answer."), &said);
    let answered = world.requests(Endpoint::Messages).into_iter().rfind(|request| request.status == Some(200));
    let whose = answered.and_then(|request| request.account);
    claims.same("the prompt went out as the person who was switched to", &whose.as_deref(), &Some("b"));
    Ok(())
}

/// After the client's refresh: Signalbox saves it, carries it through two switches, and the client still works with it.
fn saved_and_alive(world: &World, claims: &mut Claims, signed_in: &Tokens) -> Result<()> {
    let newest = world.sim.newest(signed_in.login).context("the login is gone")?;
    claims.that("the server rotated the login", newest.refresh() != signed_in.refresh(), &newest);
    world.signalbox(&["refresh"])?;
    claims.same("`signalbox refresh` saved the rotation", &world.saved("b")?, &fingerprint(&newest));
    world.signalbox(&["use", "a"])?;
    world.signalbox(&["use", "b"])?;
    prompt(world, claims)?;
    for report in world.sim.reports() {
        let sentence = format!("no login of {} was ended: no token was presented twice", report.account);
        claims.same(&sentence, &report.state, &LoginState::Alive);
    }
    Ok(())
}
