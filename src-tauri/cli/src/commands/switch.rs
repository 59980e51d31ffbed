//! `signalbox use`: the switch, the sentence that proves it, and whom it reaches. Afterwards the target's usage is read past
//! the cache, which may fail without harm: the switch stands, and the last reading is shown with its age. It stands too where
//! a pin keeps Claude Code from using it.

use serde_json::{Value, json};
use signalbox_core::board::UsageView;
use signalbox_core::error::{Code, Doing};
use signalbox_core::flow::FlowError;
use signalbox_core::history::{self, Event};
use signalbox_core::identity::Account;
use signalbox_core::poll::{self, Polled, Urgency};
use signalbox_core::profile::Alias;
use signalbox_core::switch::{self, Proof, Remark, Used};
use signalbox_core::vault;

use super::shown;
use crate::context::{Context, Report};
use crate::exit::Failure;
use crate::json;
use crate::render::{self, meters};

pub fn run(context: &Context, alias: &Alias) -> Result<Report, Failure> {
    let used = switch::use_profile(&context.ports, alias).map_err(|error| failed(context, alias, &error))?;
    let account = account(context, alias);
    let who = account.as_ref().map(|of| shown::who(&of.email, of.identity.is_setup_token()));
    context.say(&format!("{}\n", sentence(&used, who.as_deref())));
    let remarks: Vec<String> = used.remarks.iter().map(remark).collect();
    for remark in &remarks {
        context.note(remark);
    }
    let usage = usage(context, &used);
    let unread = usage.is_none() && !used.already_active;
    let last = if unread { shown::last(&context.ports, alias, context.now()) } else { None };
    if let Some(shown) = usage.as_ref().or(last.as_ref()).filter(|usage| !usage.meters.is_empty()) {
        let now = context.now();
        let age = last.as_ref().map_or_else(String::new, |last| format!(" ({})", meters::age(last.read_at, now)));
        context.say(&format!("{}{age}\n", render::printable(&meters::all(shown, now))));
    }
    let members = json::members(json!({
        "used": used.alias,
        "email": account.map(|account| account.email),
        "from": used.from,
        "alreadyActive": used.already_active,
        "verified": matches!(used.proof, Proof::Verified | Proof::ByToken),
        "unverifiedBecause": because(&used.proof),
        "remarks": remarks,
        "sessions": shown::sessions(&used.reach),
        "pins": used.reach.pins,
        "usage": usage,
        "lastUsage": last,
    }));
    Ok(Report { failure: shown::pinned(alias, &used.reach), ..Report::of(members) })
}

/// A switch that did not happen is history too, unless what was typed makes no sense.
fn failed(context: &Context, alias: &Alias, error: &FlowError) -> Failure {
    let failure = Failure::flow(error, &Doing::Use(alias.clone()));
    if failure.problem.code != Code::Usage {
        history::note(&context.ports, &Event::SwitchFailed { to: alias.clone(), why: error.to_string() });
    }
    failure
}

fn sentence(used: &Used, email: Option<&str>) -> String {
    let alias = &used.alias;
    if used.already_active {
        return format!("{alias} is live already");
    }
    let to = email.map_or_else(|| alias.to_string(), |email| format!("{alias} ({})", render::printable(email)));
    let from = match &used.from {
        Some(from) if from != alias => format!("Switched from {from} to {to}"),
        _ => format!("Switched to {to}"),
    };
    let proof = match &used.proof {
        Proof::AsSaved => "unchanged since it was last confirmed by the server".to_owned(),
        Proof::ByToken => {
            "read back from the live login; it is the very setup-token that is saved, and the server is not asked \
                           about one"
                .to_owned()
        }
        Proof::Verified => "read back from the live login and confirmed by the server".to_owned(),
        Proof::Unverified(cause) => {
            format!("read back from the live login, but not confirmed by the server yet, because {cause}")
        }
    };
    format!("{from}: {proof}. {}", used.reach.words())
}

fn because(proof: &Proof) -> Value {
    match proof {
        Proof::Verified | Proof::AsSaved | Proof::ByToken => Value::Null,
        Proof::Unverified(cause) => cause.to_string().into(),
    }
}

fn remark(remark: &Remark) -> String {
    match remark {
        Remark::PutAside => "the login that was live could not be identified; it was put aside, encrypted, and \
                             `signalbox refresh` brings it home once the server answers"
            .to_owned(),
        Remark::AccountCache(error) => {
            format!("Claude Code may show the old account's name for a while: {error}")
        }
    }
}

fn account(context: &Context, alias: &Alias) -> Option<Account> {
    let roster = vault::load_roster(&context.ports).ok()?;
    Some(roster.find(alias)?.account.clone())
}

/// The target's usage now. A server that could not say whose the login is is not asked for more.
fn usage(context: &Context, used: &Used) -> Option<UsageView> {
    if used.already_active || used.proof != Proof::Verified {
        return None;
    }
    match poll::read_usage(&context.ports, &used.alias, Urgency::Forced) {
        Ok(Polled::Read(reading)) => {
            let roster = vault::load_roster(&context.ports).ok()?;
            let identity = roster.find(&used.alias)?.identity();
            Some(shown::view(&context.ports, identity, &reading, context.now()))
        }
        Ok(Polled::NotYet { .. } | Polled::Failed(_) | Polled::NotAllowed | Polled::ActiveExpired) => None,
        Err(error) => {
            tracing::debug!(%error, "no usage after the switch");
            None
        }
    }
}
