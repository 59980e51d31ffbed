//! The real CLI leads through a sign-in that the real client does: a new profile, one whose login has ended, the live one, and a change of
//! mind. Owns what has to be true afterwards; what the client itself does in its folder is `sign_in`'s.

use anyhow::{Context as _, Result};
use provider_sim::{AutoConsent, Endpoint, LoginState, SignIn, Tokens};

use crate::claims::Claims;
use crate::person::{Person, follow};
use crate::run::until;
use crate::world::{PEOPLE, World, fingerprint, own_files};

/// An account that is no profile yet.
pub fn a_new_profile(world: &World, claims: &mut Claims) -> Result<()> {
    world.sign_in(&SignIn::new("a", None))?;
    world.signalbox(&["add", "a", "--yes"])?;
    let before = own_files(world)?;
    world.sim.auto_consent(Some(AutoConsent { account: Some("b".to_owned()), ..AutoConsent::default() }))?;
    signs_in(world, claims, "b", None, "b is a profile now")?;
    claims.same("nothing changed in ~/.claude and ~/.claude.json", &own_files(world)?, &before);
    is_kept(world, claims, "b")?;
    is_good_after_a_switch(world, claims)
}

/// A profile whose login the server has ended.
pub fn a_stale_profile(world: &World, claims: &mut Claims) -> Result<()> {
    let [_, stale] = world.two_profiles(&SignIn::new("b", None))?;
    world.sim.end_login(stale.login);
    let before = own_files(world)?;
    // Nobody but the e-mail that is preset says who signs in.
    world.sim.auto_consent(Some(AutoConsent::default()))?;
    signs_in(world, claims, "b", Some(PEOPLE[1].1), "b has a new login")?;
    claims.same("nothing changed in ~/.claude and ~/.claude.json", &own_files(world)?, &before);
    let login = is_kept(world, claims, "b")?;
    claims.that("it is another login than the one that had ended", login.login != stale.login, &login);
    is_good_after_a_switch(world, claims)
}

/// The very profile that is live: its new login takes the place of the old one, and the client goes on with it.
pub fn the_live_profile(world: &World, claims: &mut Claims) -> Result<()> {
    let [old, _] = world.two_profiles(&SignIn::new("b", None))?;
    world.sim.auto_consent(Some(AutoConsent::default()))?;
    signs_in(world, claims, "a", Some(PEOPLE[0].1), "a has a new login, and it is live")?;
    let new = is_kept(world, claims, "a")?;
    claims.that("it is another login than before", new.login != old.login, &new);
    let live = world.live()?["accessToken"].as_str().and_then(|token| world.sim.owner(token));
    claims.same("it is the live one", &live, &Some(new.login));
    answers_as(world, claims, "a")
}

/// The person changes their mind while the client waits for the browser.
pub fn a_change_of_mind(world: &World, claims: &mut Claims) -> Result<()> {
    world.two_profiles(&SignIn::new("b", None))?;
    let before = own_files(world)?;
    let person = Person::sitting_at(world)?;
    let rotate = world.start(world.signalbox_command(&["rotate", "b", "--window", "default"]))?;
    person.sent_to()?;
    claims.that("while the client waits there is a folder of its own", attempts(world) == 1, attempts(world));
    rotate.interrupt()?;
    let said = rotate.end()?;
    let gave_up = said.code == Some(1) && said.err.contains("you gave it up; the live login is what it was before");
    claims.that("it says that it was given up", gave_up, &said);
    claims.same("nothing changed in ~/.claude and ~/.claude.json", &own_files(world)?, &before);
    // The client takes a moment to end; whoever looks next clears away behind it.
    let gone = until("the folder of the sign-in to go", || {
        world.signalbox(&["refresh"]).ok()?;
        (attempts(world) == 0).then_some(())
    });
    claims.that("the client ended, and its folder is gone", gone.is_ok(), &gone);
    claims.that("no note of it is left", !world.path("signalbox/rotation.json").exists(), ());
    claims.that("no code was exchanged", world.requests(Endpoint::Exchange).is_empty(), ());
    claims.that("nothing was revoked", world.requests(Endpoint::Revoke).is_empty(), ());
    for report in world.sim.reports() {
        claims.same(&format!("the login of {} is alive", report.account), &report.state, &LoginState::Alive);
    }
    answers_as(world, claims, "a")
}

/// `rotate`, with a person who follows the page in the browser of every day.
fn signs_in(world: &World, claims: &mut Claims, alias: &str, preset: Option<&str>, ends: &str) -> Result<()> {
    let person = Person::sitting_at(world)?;
    let rotate = world.start(world.signalbox_command(&["rotate", alias, "--window", "default"]))?;
    let address = person.sent_to()?;
    claims.same("the authorize page of claude.com is opened", &address.host_str(), &Some("claude.com"));
    let hint = address.query_pairs().find_map(|(name, value)| (name == "login_hint").then(|| value.into_owned()));
    claims.same("the account that is asked for is preset", &hint.as_deref(), &preset);
    follow(&address, world)?;
    let said = rotate.end()?;
    claims.that(&format!("it says \"{ends}\""), said.code == Some(0) && said.out.contains(ends), &said);
    Ok(())
}

/// The newest login of the account is the one that is saved, it is in no other place, and nobody spent anything of it.
fn is_kept(world: &World, claims: &mut Claims, account: &str) -> Result<Tokens> {
    let reports = world.sim.reports().into_iter().filter(|report| report.account == account);
    let newest = reports.max_by_key(|report| report.login).context("nobody signed in")?;
    claims.same("the new login is alive at the server", &newest.state, &LoginState::Alive);
    claims.same("nobody has refreshed it", &newest.refreshes, &0);
    let tokens = world.sim.newest(newest.login).context("no tokens")?;
    claims.same("it is what is saved for the profile", &world.saved(account)?, &fingerprint(&tokens));
    claims.same("the folder it was made in is gone", &attempts(world), &0);
    claims.that("no note of the sign-in is left", !world.path("signalbox/rotation.json").exists(), ());
    claims.that("nothing was revoked", world.requests(Endpoint::Revoke).is_empty(), ());
    Ok(tokens)
}

fn is_good_after_a_switch(world: &World, claims: &mut Claims) -> Result<()> {
    world.signalbox(&["use", "b"])?;
    answers_as(world, claims, "b")
}

/// The client is answered, as this account.
fn answers_as(world: &World, claims: &mut Claims, account: &str) -> Result<()> {
    let said = world.claude(&["-p", "hi"])?;
    claims.that("`claude -p hi` is answered", said.code == Some(0) && said.out.contains("Simulated answer."), &said);
    let answered = world.requests(Endpoint::Messages).into_iter().rfind(|request| request.status == Some(200));
    let whose = answered.and_then(|request| request.account);
    claims.same("it went out as that account", &whose.as_deref(), &Some(account));
    Ok(())
}

/// How many folders of sign-ins there are.
fn attempts(world: &World) -> usize {
    std::fs::read_dir(world.path("signalbox/signin")).map_or(0, Iterator::count)
}
