//! `signalbox add --setup-token`: a token that `claude setup-token` printed becomes a profile, or takes the place of the one that a
//! profile holds. Owns getting the token: from standard input, or typed where nobody can read it; never from an argument or a variable.

use std::io::{self, IsTerminal as _, Read as _};

use chrono::{DateTime, Local, NaiveDate, NaiveTime, TimeZone as _};
use serde_json::json;
use signalbox_core::board::Deadline;
use signalbox_core::error::{Code, Doing, NextStep};
use signalbox_core::flow::FlowError;
use signalbox_core::profile::Alias;
use signalbox_core::setup_token::{self, SetupToken, Told};
use signalbox_core::time::Timestamp;
use signalbox_core::{vault, words};

use crate::args::add::AddOptions;
use crate::commands::shown;
use crate::context::{Context, Report, while_doing};
use crate::exit::Failure;
use crate::{json, render};

/// More than this is no token, whatever it is.
const BYTES_MAX: u64 = 64 * 1024;

pub fn run(context: &Context, alias: &Alias, options: &AddOptions) -> Result<Report, Failure> {
    let doing = Doing::Add(alias.clone());
    let told = told(context, &doing, options)?;
    check_name(context, alias).map_err(while_doing(&doing))?;
    let token = SetupToken::parse(read(alias)?)
        .map_err(|why| Failure::flow(&FlowError::NotASetupToken { alias: alias.clone(), why }, &doing))?;
    let added = setup_token::add(&context.ports, alias, &token, &told).map_err(while_doing(&doing))?;
    let who = shown::account(&added.account);
    context.say(&match added.replaced {
        true => format!("Replaced the setup-token of {alias}: {who}.\n"),
        false => format!("Added {alias}: {who}.\n"),
    });
    context.say(&format!("{}\n", what_it_is(added.ends, context.now())));
    if added.is_live {
        context.say("It is the live login.\n");
    }
    Ok(Report::of(json::members(json!({
        "added": alias,
        "replaced": added.replaced,
        "setupToken": true,
        "label": added.account.email,
        "ends": added.ends,
        "isLive": added.is_live,
    }))))
}

/// A name that cannot be used is told before anybody pastes a token.
fn check_name(context: &Context, alias: &Alias) -> Result<(), FlowError> {
    let roster = vault::load_roster(&context.ports)?;
    Ok(setup_token::check_name(&roster, alias)?)
}

/// What follows from being a setup-token, in a sentence.
pub fn what_it_is(ends: Deadline, now: Timestamp) -> String {
    let length = words::length(ends.at.since(now));
    let day = Local.timestamp_millis_opt(ends.at.ms()).single();
    let day = day.map_or_else(String::new, |at| at.format(" on %Y-%m-%d").to_string());
    let ends = match ends.assumed {
        false => format!("its year ends{day}, in {length}"),
        true => format!("its year ends{day} at the latest; `--made` would say when"),
    };
    format!("It is a setup-token: it cannot renew itself, and {ends}.")
}

/// What the options say about a token.
pub fn told(context: &Context, doing: &Doing, options: &AddOptions) -> Result<Told, Failure> {
    let made = options.made.map(begin_of).transpose().map_err(|()| no_such_day(doing))?;
    if made.is_some_and(|made| made > context.now()) {
        return Err(no_such_day(doing));
    }
    Ok(Told { label: options.label.clone(), made })
}

fn begin_of(day: NaiveDate) -> Result<Timestamp, ()> {
    let at: DateTime<Local> = day.and_time(NaiveTime::MIN).and_local_timezone(Local).earliest().ok_or(())?;
    Ok(Timestamp::from_ms(at.timestamp_millis()))
}

fn no_such_day(doing: &Doing) -> Failure {
    let message = format!("Cannot {}: no token can have been made on a day that is still to come", doing.words());
    Failure::new(Code::Usage, message, NextStep::Retry).with_hint("`--made` takes the day as in 2026-05-14")
}

/// Asked for without an echo where a person sits there, and read to its end where something is piped in.
fn read(alias: &Alias) -> Result<String, Failure> {
    let cannot = |error: io::Error| {
        let message = format!("Cannot add {alias}: the token could not be read: {error}");
        Failure::new(Code::Usage, message, NextStep::NewToken { alias: alias.clone() })
    };
    if io::stdin().is_terminal() {
        render::complain("The token that `claude setup-token` printed (it is not shown): ");
        return rpassword::read_password().map_err(cannot);
    }
    let mut text = String::new();
    io::stdin().lock().take(BYTES_MAX).read_to_string(&mut text).map_err(cannot)?;
    Ok(text)
}
