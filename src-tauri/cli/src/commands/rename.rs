//! `signalbox rename`: another alias for a profile. The login and everything known about it stay.

use serde_json::json;
use signalbox_core::error::Doing;
use signalbox_core::profile::Alias;
use signalbox_core::{recover, register};

use crate::context::{Context, Report, while_doing};
use crate::exit::Failure;
use crate::json;

pub fn run(context: &Context, from: &Alias, to: &Alias) -> Result<Report, Failure> {
    let doing = Doing::Rename(from.clone());
    recover::recover(&context.ports).map_err(while_doing(&doing))?;
    register::rename(&context.ports, from, to).map_err(|error| Failure::flow(&error, &doing))?;
    context.say(&format!("Renamed {from} to {to}.\n"));
    Ok(Report::of(json::members(json!({ "renamed": { "from": from, "to": to } }))))
}
