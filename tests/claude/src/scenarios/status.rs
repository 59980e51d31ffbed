//! After a switch by the real CLI, the real client says who it is. Owns that alone; that tokens survive it is `refresh`.

use anyhow::Result;
use provider_sim::SignIn;
use serde_json::json;

use crate::claims::Claims;
use crate::world::{PEOPLE, World, read_json};

pub fn run(world: &World, claims: &mut Claims) -> Result<()> {
    world.two_profiles(&SignIn::new("b", None))?;
    let machine = read_json(&world.store())?["mcpOAuth"].take();
    for (alias, email) in [PEOPLE[0], PEOPLE[1], PEOPLE[0]] {
        world.signalbox(&["use", alias])?;
        let said = world.claude(&["auth", "status"])?;
        let status = said.json()?;
        claims.same(
            &format!("after `use {alias}`, `claude auth status` shows {email}"),
            &status["email"],
            &json!(email),
        );
        claims.that(
            "it is logged in, and says so with status 0",
            status["loggedIn"] == true && said.code == Some(0),
            &said,
        );
        let account = world.sim.account(alias).map(|account| account.organizations[0].uuid.clone());
        claims.same("it names the organization of that login", &status["orgId"].as_str().map(str::to_owned), &account);
        let owner = world.live()?["accessToken"].as_str().and_then(|token| world.sim.owner(token));
        let owner = owner.and_then(|login| world.sim.report(login)).map(|report| report.account);
        claims.same("the live token is that person's at the server", &owner.as_deref(), &Some(alias));
    }
    let now = read_json(&world.store())?["mcpOAuth"].take();
    claims.same("what belongs to the machine came through every switch", &now, &machine);
    Ok(())
}
