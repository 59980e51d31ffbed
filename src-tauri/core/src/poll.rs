//! Reading usage: which profile is due, and one reading. Owns renewing a parked login where its reading needs it, and
//! keeping the last good reading through every failure. Leaves the schedule to `policy` and the answer's meaning to `usage`.

use crate::credential::Fingerprint;
use crate::flow::FlowError;
use crate::held;
use crate::identity::Identity;
use crate::policy;
use crate::ports::{Ports, ProviderError};
use crate::profile::{Alias, Profile};
use crate::recover;
use crate::refresh::{self, Renewing};
use crate::sync::{self, Synced};
use crate::time::Timestamp;
use crate::usage::{Reading, Usage};
use crate::vault::{self, Opened, VaultError};

/// Whether the throttle of our own applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Only if the schedule says so.
    Due,
    /// A person asked, or a switch just happened: only the server's own word holds it back.
    Forced,
}

/// What a reading came to.
#[derive(Debug)]
pub enum Polled {
    Read(Reading),
    /// It is too early; the last reading stands.
    NotYet {
        until: Timestamp,
    },
    /// No answer that counts; the last reading stands.
    Failed(ProviderError),
    /// The active login's access token has lapsed. Claude Code renews it at its next use.
    ActiveExpired,
}

/// The profiles whose usage should be read now.
pub fn due(ports: &Ports) -> Result<Vec<Alias>, FlowError> {
    let roster = vault::load_roster(ports)?;
    let now = ports.clock.now();
    let active = roster.active().map(|profile| profile.alias.clone());
    let mut due = Vec::new();
    for profile in roster.profiles().iter().filter(|profile| profile.login_needed_since.is_none()) {
        let last = ports.readings.last(profile.identity())?.map(|reading| reading.read_at);
        let next = ports.readings.next_allowed(profile.identity())?;
        if policy::usage_due(active.as_ref() == Some(&profile.alias), last, next, now) {
            due.push(profile.alias.clone());
        }
    }
    Ok(due)
}

/// Reads the usage of one profile with its own login.
pub fn read_usage(ports: &Ports, alias: &Alias, urgency: Urgency) -> Result<Polled, FlowError> {
    let roster = vault::load_roster(ports)?;
    let profile = roster.get(alias)?.clone();
    let active = roster.active().is_some_and(|active| active.alias == *alias);
    let now = ports.clock.now();
    if let Some(until) = ports.readings.next_allowed(profile.identity())?.filter(|until| now < *until) {
        // A person may ask within our own floor, but not within a block that the server set.
        let ours = until.since(now) <= policy::USAGE_FLOOR_MS;
        if urgency == Urgency::Due || !ours {
            return Ok(Polled::NotYet { until });
        }
    }
    let opened = vault::open(ports, &profile)?;
    let lapsed = opened.header.expires_at.is_some_and(|at| at <= now);
    if active {
        if lapsed {
            return Ok(Polled::ActiveExpired);
        }
        let answer = ports.provider.usage(opened.login.value().access());
        if answer == Err(ProviderError::Unauthorized) {
            doubt(ports, alias)?;
        }
        return record(ports, profile.identity(), answer);
    }
    let renews = opened.header.renews;
    let waits =
        ports.readings.back_off(profile.identity())?.map(|back_off| back_off.until).filter(|until| now < *until);
    let seen = &opened.header.fingerprint;
    let mut answer = match policy::expires_soon(opened.header.expires_at, now) && renews {
        // Not worth asking.
        true => Err(ProviderError::Unauthorized),
        false => ports.provider.usage(opened.login.value().access()),
    };
    // One renewal is due, whether before the question or after it: a fresh login that is refused is not renewed again.
    if answer == Err(ProviderError::Unauthorized) && renews {
        if let (Urgency::Due, Some(until)) = (urgency, waits) {
            ports.readings.set_next_allowed(profile.identity(), until)?;
            return Ok(Polled::NotYet { until });
        }
        answer = match renewed(ports, &profile, seen)? {
            Ok(fresh) => ports.provider.usage(fresh.login.value().access()),
            Err(polled) => return Ok(polled),
        };
    }
    record(ports, profile.identity(), answer)
}

/// The server refuses the live login's token. Only Claude Code may renew it; until then nobody should be told that all is
/// well, and the next look asks the server again.
fn doubt(ports: &Ports, alias: &Alias) -> Result<(), FlowError> {
    let _own = recover::enter(ports, "refresh")?;
    let mut roster = vault::load_roster(ports)?;
    if roster.is_confirmed() && roster.active().is_some_and(|active| active.alias == *alias) {
        roster.mark_unconfirmed(alias)?;
        vault::save_roster(ports, &roster)?;
    }
    Ok(())
}

/// Renews a parked login under our lock, unless it turns out to be live. `seen`: the tokens that are too old; where others
/// are saved by now, another Signalbox was faster, and its pair is given.
fn renewed(ports: &Ports, profile: &Profile, seen: &Fingerprint) -> Result<Result<Opened, Polled>, FlowError> {
    let own = recover::enter(ports, "refresh")?;
    let mut roster = vault::load_roster(ports)?;
    let saved = vault::header(ports, &profile.alias)?.ok_or_else(|| VaultError::Missing(profile.alias.clone()))?;
    held::check_newest(ports, profile, &saved)?;
    // Another tool may have made it live, and Claude Code have rotated it since: what is saved would be spent then. So
    // nothing is renewed while nobody knows whose the live login is.
    if let Synced::Unresolved { cause, .. } = sync::sync_locked(ports, &own, &mut roster)? {
        return failed(ports, profile.identity(), cause).map(Err);
    }
    let profile = roster.get(&profile.alias)?.clone();
    if roster.active().is_some_and(|active| active.alias == profile.alias) {
        return Ok(Err(Polled::ActiveExpired));
    }
    let opened = vault::open(ports, &profile)?;
    if opened.header.fingerprint != *seen {
        return Ok(Ok(opened));
    }
    match refresh::renew(ports, &own, &mut roster, &profile, opened)? {
        Renewing::Done(opened) => Ok(Ok(*opened)),
        Renewing::NotNow(cause) => failed(ports, profile.identity(), cause).map(Err),
    }
}

/// Keeps a good answer, and remembers when the next request is welcome. A failure leaves the last reading as it is.
fn record(ports: &Ports, identity: &Identity, answer: Result<Usage, ProviderError>) -> Result<Polled, FlowError> {
    let now = ports.clock.now();
    match answer {
        Ok(usage) => {
            let reading = Reading { usage, read_at: now };
            ports.readings.store(identity, &reading)?;
            ports.readings.set_next_allowed(identity, policy::allowed_after_answer(now))?;
            Ok(Polled::Read(reading))
        }
        Err(cause) => failed(ports, identity, cause),
    }
}

/// Remembers when to ask again after an answer that does not count.
fn failed(ports: &Ports, identity: &Identity, cause: ProviderError) -> Result<Polled, FlowError> {
    let now = ports.clock.now();
    let until = match &cause {
        ProviderError::Throttled { retry_after_s } => policy::allowed_after_throttle(*retry_after_s, now),
        _ => policy::allowed_after_failure(now),
    };
    ports.readings.set_next_allowed(identity, until)?;
    Ok(Polled::Failed(cause))
}
