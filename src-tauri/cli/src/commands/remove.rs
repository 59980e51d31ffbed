//! `signalbox remove`: forgets a profile. Says what that means before it asks, because a saved login that was deleted comes
//! back only by a new sign-in.

use serde_json::json;
use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::profile::{Alias, Profile};
use signalbox_core::register::{self, Removed};
use signalbox_core::{recover, vault};
use signalbox_machine::browser::{Browsers, Choice, WindowKey};

use super::shown;
use crate::context::{Context, Report, while_doing};
use crate::exit::Failure;
use crate::json;

pub fn run(context: &Context, alias: &Alias, yes: bool) -> Result<Report, Failure> {
    let doing = Doing::Remove(alias.clone());
    let roster = vault::load_roster(&context.ports).map_err(while_doing(&doing))?;
    let profile = roster.get(alias).map_err(while_doing(&doing))?;
    if !yes {
        agreed(context, profile)?;
    }
    recover::recover(&context.ports).map_err(while_doing(&doing))?;
    let Removed { account, was_active, window } =
        register::remove(&context.ports, alias).map_err(|error| Failure::flow(&error, &doing))?;
    context.say(&format!("Removed {alias}: {}.\n", shown::account(&account)));
    if was_active {
        context.note("its login is still the live one; Claude Code stays signed in");
    }
    let window = WindowKey::parse(&window).expect("it is made of hexadecimal digits");
    if let Err(error) = Browsers::new(&context.surroundings, Choice::Any).remove(&window) {
        context.note(&format!("its browser window's folder stays: {error}; {}", error.hint()));
    }
    Ok(Report::of(json::members(json!({ "removed": alias, "email": account.email, "wasActive": was_active }))))
}

fn agreed(context: &Context, profile: &Profile) -> Result<(), Failure> {
    let (alias, whose) = (&profile.alias, shown::who(&profile.account.email, profile.identity().is_setup_token()));
    let refused = |why: &str| {
        let problem = Problem {
            code: Code::Confirmation,
            message: format!("Cannot remove {alias}: {why}"),
            next_step: NextStep::Confirm,
            about: Some(alias.clone()),
        };
        Failure::from(problem).with_hint("`--yes` goes on without asking")
    };
    if !context.can_ask() {
        return Err(refused("this deletes its saved login on this computer, and nobody is here to say yes"));
    }
    let question = format!(
        "This deletes the saved login of {alias} ({whose}) on this computer. The account itself is not touched, and a login \
         that is live stays live. Its own browser window, if it has one, is forgotten too. To use {alias} again you would sign in anew. Remove it?"
    );
    if context.ask(&question) { Ok(()) } else { Err(refused("you said no; its saved login is kept")) }
}
