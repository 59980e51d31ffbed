//! A session at a terminal goes on across a switch, as the other person, without being started anew. Owns typing two
//! prompts; who sent them is the simulator's word.

use std::time::Duration;

use anyhow::{Context, Result};
use provider_sim::{Endpoint, Fault, FaultKind, LoginState, SignIn};

use crate::claims::Claims;
use crate::run::until;
use crate::terminal::Terminal;
use crate::world::{PEOPLE, World, read_json};

/// So long no request came: the client has done what it does behind a prompt.
const QUIET: Duration = Duration::from_secs(3);

pub fn run(world: &World, claims: &mut Claims) -> Result<()> {
    world.two_profiles(&SignIn::new("b", None))?;
    let mut session = Terminal::open(world)?;
    session.wait_for("an empty prompt", |text| text.lines().any(|line| line.trim() == "❯"))?;
    session.say("Hello from the first person")?;
    let first = answered(world).with_context(|| session.text())?;
    claims.same("the first prompt goes out as a", &first, &vec!["a".to_owned()]);
    session.wait_for("the answer", |text| text.contains("Simulated answer."))?;

    quiet(world);
    let said = world.signalbox(&["use", "b"])?;
    claims.that(
        "the switch tells of the session that follows",
        said.out.contains("1 running session follows"),
        &said.out,
    );
    quiet(world);
    world.sim.clear_requests();
    session.say("Hello from the second person")?;
    let second = answered(world).with_context(|| session.text())?;
    claims.same("the next prompt goes out as b, and none as a", &second, &vec!["b".to_owned()]);
    claims.that("the session was not started anew", !session.has_ended(), ());

    quiet(world);
    let account = read_json(&world.state_file())?["oauthAccount"]["emailAddress"].take();
    claims.same("the client has not written the first person's name back", &account.as_str(), &Some(PEOPLE[1].1));
    while_an_answer_is_under_way(world, &session, claims)?;
    let status = session.leave()?;
    claims.that("the session ends as ever", status.success(), status);
    Ok(())
}

fn while_an_answer_is_under_way(world: &World, session: &Terminal, claims: &mut Claims) -> Result<()> {
    world.sim.clear_requests();
    world.sim.fault(Fault::once(Endpoint::Messages, FaultKind::DelayAnswer { ms: 4_000 }));
    session.say("Hello while the person changes")?;
    until("a model request", || (!world.requests(Endpoint::Messages).is_empty()).then_some(()))?;
    world.signalbox(&["use", "a"])?;
    answered(world).with_context(|| session.text())?;
    world.sim.clear_requests();
    session.say("Hello from the first person again")?;
    let third = answered(world).with_context(|| session.text())?;
    claims.same("after a switch during an answer the next prompt goes out as a", &third, &vec!["a".to_owned()]);
    for report in world.sim.reports() {
        claims.same(&format!("the login of {} is alive", report.account), &report.state, &LoginState::Alive);
    }
    Ok(())
}

/// Waits for an answered prompt; says who sent model requests until it was quiet again.
fn answered(world: &World) -> Result<Vec<String>> {
    until("a model request that is answered", || {
        world.requests(Endpoint::Messages).into_iter().any(|request| request.status == Some(200)).then_some(())
    })?;
    quiet(world);
    let mut senders: Vec<String> =
        world.requests(Endpoint::Messages).into_iter().map(|r| r.account.unwrap_or_default()).collect();
    senders.sort();
    senders.dedup();
    Ok(senders)
}

fn quiet(world: &World) {
    let mut seen = usize::MAX;
    while seen != world.sim.requests().len() {
        seen = world.sim.requests().len();
        std::thread::sleep(QUIET);
    }
}
