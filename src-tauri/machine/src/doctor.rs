//! The doctor: looks at everything around the logins, and mends what is safe to mend. Owns the list of checks and their order;
//! each kind has a module of its own. Leaves what a finding means to `signalbox_core::doctor`.
//!
//! Looking changes nothing, and asks the provider one thing, the time, without a token. Mending never deletes a login, and
//! never writes Claude Code's.

mod around;
mod locks;
mod logins;
mod modes;

use std::time::Duration;

use signalbox_core::doctor::{self, Finding, LOCK_WATCHED_MS};
use signalbox_core::error::Doing;
use signalbox_core::flow::FlowError;
use signalbox_core::ports::{FileName, Ports};
use signalbox_core::recover;

use crate::settings::SettingsError;
use crate::surroundings::Surroundings;

/// Whom the doctor looks at.
#[derive(Clone, Copy)]
pub struct Patient<'a> {
    pub surroundings: &'a Surroundings,
    pub ports: &'a Ports,
    /// Why `settings.toml` could not be used; then the ports have what is built in, and the provider is not asked.
    pub settings: Option<&'a SettingsError>,
}

/// What came of looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// How many things were looked at.
    pub checks: usize,
}

/// What came of mending one finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mended {
    Done,
    Not { why: String },
}

type Check = fn(Patient<'_>) -> Vec<Finding>;

/// Modes come first: reading our folder closes it, as every command of Signalbox does.
const CHECKS: [Check; 13] = [
    modes::check,
    locks::check,
    around::pins,
    around::claude_settings,
    around::settings,
    logins::key,
    logins::saved,
    logins::live,
    logins::leftovers,
    around::usage,
    around::rivals,
    around::provider,
    around::watch,
];

/// Looks at everything.
pub fn examine(patient: Patient<'_>) -> Examination {
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(patient)).collect();
    doctor::sort(&mut findings);
    Examination { findings, checks: CHECKS.len() }
}

/// Mends what may be mended without asking. The answer stands at the place of its finding; `None`: left to a person.
pub fn fix(patient: Patient<'_>, findings: &[Finding]) -> Vec<Option<Mended>> {
    fix_watching(patient, findings, Duration::from_millis(LOCK_WATCHED_MS.unsigned_abs()))
}

/// The same with another time for which locks are watched. Only tests are less patient.
pub fn fix_watching(patient: Patient<'_>, findings: &[Finding], watched_for: Duration) -> Vec<Option<Mended>> {
    // All locks are watched at once, before anything else is touched.
    let mut unattended = locks::unattended(findings, watched_for);
    let mend = |finding: &Finding| match finding {
        Finding::Open { path, wanted, .. } => Some(modes::close(path, *wanted)),
        Finding::LeftoverLock { path, .. } | Finding::FutureLock { path, .. } => {
            Some(locks::remove(patient.ports, unattended.remove(path)))
        }
        Finding::Interrupted => Some(end_switch(patient.ports)),
        _ => None,
    };
    findings.iter().map(mend).collect()
}

/// Ends an interrupted switch, as the next flow would.
fn end_switch(ports: &Ports) -> Mended {
    let ended = recover::recover(ports).and_then(|_| Ok(ports.files.read(&FileName::Journal)?.is_none()));
    match ended {
        Ok(true) => Mended::Done,
        Ok(false) => Mended::Not { why: "the journal is still there".to_owned() },
        Err(error) => Mended::Not { why: sentence(&error) },
    }
}

fn sentence(error: &FlowError) -> String {
    error.problem(&Doing::Recover).message
}
