//! The real client signs in in a config folder of its own, while the person's own login stays as it is. Owns what must
//! be found there afterwards (`docs/observed.md` §7) and what must not have changed elsewhere.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use provider_sim::{AutoConsent, Endpoint, FULL_SCOPES, LoginState, SignIn};
use serde_json::json;

use crate::claims::Claims;
use crate::person::{Person, follow};
use crate::world::{PEOPLE, World, own_files, read_json};

/// The person says yes.
pub fn allowed(world: &World, claims: &mut Claims) -> Result<()> {
    let own = world.sign_in(&SignIn::new("a", None))?;
    let before = own_files(world)?;
    let folder = world.path("isolated");
    let person = Person::sitting_at(world)?;
    world.sim.auto_consent(Some(AutoConsent { account: Some("b".to_owned()), ..AutoConsent::default() }))?;

    let mut command = world.claude_command(&["auth", "login"]);
    command.env("CLAUDE_CONFIG_DIR", &folder).env("BROWSER", person.opener());
    let login = world.start(command)?;
    let address = person.sent_to()?;
    claims.same("the client opens the authorize page of claude.com", &address.host_str(), &Some("claude.com"));
    let scope = address.query_pairs().find_map(|(name, value)| (name == "scope").then(|| value.into_owned()));
    claims.same("it asks for the scopes of a full login", &scope, &Some(FULL_SCOPES.join(" ")));
    let visited = follow(&address, world)?;
    let called_back = visited.iter().any(|page| page.place == "localhost/callback");
    claims.that("the way leads back to the client's own port", called_back, &visited);
    let said = login.end()?;
    claims.that(
        "it says that the login was successful",
        said.code == Some(0) && said.out.contains("Login successful"),
        &said,
    );

    let stored = read_json(&folder.join(".credentials.json"))?["claudeAiOauth"].take();
    let account = read_json(&folder.join(".claude.json"))?["oauthAccount"].take();
    let expected = world.sim.account("b").map(|b| (b.uuid.clone(), b.organizations[0].uuid.clone()));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let named = Some((text(&stored["accountUuid"]), text(&stored["organizationUuid"])));
    claims.same("the stored login names its account and organization", &named, &expected);
    claims.same("beside it stands the name of who signed in", &account["emailAddress"], &json!(PEOPLE[1].1));
    let there = stored["refreshTokenExpiresAt"].is_i64() && stored["expiresAt"].is_i64();
    claims.that("it has both dates", there, stored.as_object().map(|members| members.keys().collect::<Vec<_>>()));
    let mode = std::fs::metadata(folder.join(".credentials.json"))?.permissions().mode() & 0o777;
    claims.same("only the person may read it", &mode, &0o600);
    let owner = world.sim.owner(&text(&stored["refreshToken"])).and_then(|login| world.sim.report(login));
    let owner = owner.map(|report| (report.account, report.state));
    claims.same("its refresh token is alive at the server", &owner, &Some(("b".to_owned(), LoginState::Alive)));

    claims.same("nothing changed in ~/.claude and ~/.claude.json", &own_files(world)?, &before);
    claims.same("the person's own login is alive", &world.sim.state(own.login), &Some(LoginState::Alive));
    claims.that("nothing was revoked", world.requests(Endpoint::Revoke).is_empty(), ());
    Ok(())
}

/// The person says no in the browser: nothing is stored, and nothing of the person's own changes.
pub fn denied(world: &World, claims: &mut Claims) -> Result<()> {
    world.sign_in(&SignIn::new("a", None))?;
    let before = own_files(world)?;
    let folder = world.path("isolated");
    let person = Person::sitting_at(world)?;
    world.sim.auto_consent(Some(AutoConsent { deny: true, ..AutoConsent::default() }))?;
    let mut command = world.claude_command(&["auth", "login"]);
    command.env("CLAUDE_CONFIG_DIR", &folder).env("BROWSER", person.opener());
    let login = world.start(command)?;
    follow(&person.sent_to()?, world)?;
    let said = login.end()?;
    claims.that("it ends by itself, with a status that says so", said.code == Some(1), &said);
    claims.that("no login is stored", !folder.join(".credentials.json").exists(), ());
    claims.that("no code was exchanged", world.requests(Endpoint::Exchange).is_empty(), ());
    claims.same("nothing changed in ~/.claude and ~/.claude.json", &own_files(world)?, &before);
    Ok(())
}
