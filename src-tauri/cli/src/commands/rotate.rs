//! `signalbox rotate`: signs in to a profile, new or old, without stranding the login that is live. Owns who is signed in to and in which
//! order; being led through one sign-in is `guide`'s, what is typed meanwhile is `typed`'s.

mod guide;
mod typed;

use serde_json::json;
use signalbox_core::error::{Code, Doing, NextStep};
use signalbox_core::profile::Alias;
use signalbox_core::rotate::{self, Finished};
use signalbox_core::{recover, words};

use super::login;
use crate::args::RotateOptions;
use crate::context::{Context, Report, alias, while_doing};
use crate::exit::Failure;
use crate::json;

pub fn run(context: &Context, options: &RotateOptions) -> Result<Report, Failure> {
    let keep_as = options.keep_as.as_deref().map(alias).transpose()?;
    // What a dead process left is put back before anything else is set aside.
    recover::recover(&context.ports).map_err(while_doing(&Doing::Recover))?;
    if options.cancel {
        return cancel(context);
    }
    let wanted = match (&options.alias, options.due) {
        (Some(text), _) => vec![alias(text)?],
        (None, true) => due(context)?,
        (None, false) => return Err(nobody_named(context)),
    };
    if wanted.is_empty() {
        context.say("No profile needs to be signed in.\n");
    }
    let mut signed_in = Vec::with_capacity(wanted.len());
    for alias in &wanted {
        match guide::through(context, options, keep_as.as_ref(), alias) {
            Ok(finished) => signed_in.push(finished),
            Err(failure) => return Ok(Report { failure: Some(failure), ..report(&signed_in) }),
        }
    }
    Ok(report(&signed_in))
}

/// Everybody whom a sign-in brings back. What a setup-token needs is said.
fn due(context: &Context) -> Result<Vec<Alias>, Failure> {
    let (tokens, due): (Vec<_>, Vec<_>) = login::needed(context)?.into_iter().partition(|card| card.setup_token);
    for card in tokens {
        context.note(&format!("{} needs a new setup-token: {}", card.alias, words::new_token(&card.alias)));
    }
    Ok(due.into_iter().map(|card| card.alias).collect())
}

fn report(signed_in: &[Finished]) -> Report {
    let each = signed_in.iter().map(|finished| {
        json!({
            "alias": finished.alias,
            "email": finished.account.email,
            "plan": finished.account.plan,
            "organization": finished.account.organization_name,
            "deadline": finished.deadline,
            "isNew": finished.is_new,
            "isLive": finished.is_live,
        })
    });
    Report::of(json::members(json!({ "signedIn": each.collect::<Vec<_>>() })))
}

fn cancel(context: &Context) -> Result<Report, Failure> {
    let cancelled = rotate::cancel(&context.ports).map_err(while_doing(&Doing::CancelSignIn))?;
    match &cancelled {
        Some(alias) => context.say(&format!("Gave up signing in to {alias}. The live login is what it was before.\n")),
        None => context.say("No sign-in is under way.\n"),
    }
    Ok(Report::of(json::members(json!({ "cancelled": cancelled }))))
}

fn nobody_named(context: &Context) -> Failure {
    let under_way = rotate::look(&context.ports).ok().flatten();
    let hint = match under_way {
        Some(rotation) => format!(
            "`signalbox rotate {}` goes on with the sign-in that is under way; `signalbox rotate --cancel` gives it up",
            rotation.alias
        ),
        None => "name a profile, old or new, or add `--due` for every one that needs it".to_owned(),
    };
    Failure::new(Code::Usage, "Cannot sign in: no profile is named".to_owned(), NextStep::ListProfiles).with_hint(hint)
}
