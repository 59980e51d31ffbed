//! `signalbox add`: registers the live login; a setup-token that is handed over is `token`'s. Where the live account changed outside Signalbox it says what that may have
//! done to the active profile's saved login, and goes on only after a yes.

mod token;

use serde_json::json;
use signalbox_core::error::Doing;
use signalbox_core::flow::FlowError;
use signalbox_core::profile::Alias;
use signalbox_core::register::{self, Added, Consent};
use signalbox_core::words;

use super::shown;
use crate::args::add::AddOptions;
use crate::context::{Context, Report};
use crate::exit::Failure;
use crate::json;
use crate::render;

pub fn run(context: &Context, alias: &Alias, options: &AddOptions) -> Result<Report, Failure> {
    if options.setup_token {
        return token::run(context, alias, options);
    }
    let doing = Doing::Add(alias.clone());
    let consent = if options.yes { Consent::Given } else { Consent::Ask };
    let told = token::told(context, &doing, options)?;
    let added = match register::add_live_as(&context.ports, alias, consent, &told) {
        Err(drifted @ FlowError::Drifted { .. }) if context.can_ask() => {
            agreed(context, &Failure::flow(&drifted, &doing), &drifted)?;
            register::add_live_as(&context.ports, alias, Consent::Given, &told)
        }
        outcome => outcome,
    };
    let Added { account, drifted_from, token_ends } = added.map_err(|error| Failure::flow(&error, &doing))?;
    context.say(&format!("Added {alias}: {}.\n", shown::account(&account)));
    match token_ends {
        Some(ends) => context.say(&format!("{}\n", token::what_it_is(ends, context.now()))),
        None if told.made.is_some() || told.label.is_some() => {
            context.note("`--made` and `--label` are for setup-tokens, and this is none: the server says whose it is");
        }
        None => {}
    }
    if let Some(from) = &drifted_from {
        context.note(&format!(
            "the login of `{from}` was live before; `signalbox use {from}` switches back, and says so if that login has ended"
        ));
    }
    Ok(Report::of(json::members(json!({
        "added": alias,
        "email": account.email,
        "plan": account.plan,
        "organization": account.organization_name,
        "driftedFrom": drifted_from,
        "setupToken": token_ends.is_some(),
        "ends": token_ends,
    }))))
}

/// Says what happened and asks whether to go on all the same.
fn agreed(context: &Context, failure: &Failure, drifted: &FlowError) -> Result<(), Failure> {
    let what = shown::capital(&drifted.to_string());
    let hint = words::hint(&failure.problem.next_step, context.now());
    render::complain(&format!("{}\n\nhint: {hint}\n\n", render::printable(&what)));
    if context.ask("Go on?") {
        return Ok(());
    }
    Err(Failure::from(signalbox_core::error::Problem {
        message: format!(
            "Cannot add {}: you said no; the live login is not registered, and nothing was changed",
            failure.problem.about.as_ref().map_or("it", Alias::as_str)
        ),
        ..(*failure.problem).clone()
    }))
}
