//! Reading usage: which profile is due, and one reading. Owns renewing a parked login where its reading needs it, and
//! keeping the last good reading through every failure. Leaves when to ask to `schedule` and the answer's meaning to `usage`.

use crate::credential::Fingerprint;
use crate::flow::FlowError;
use crate::held;
use crate::identity::Identity;
use crate::policy::{self, BackOff};
use crate::ports::{Ports, ProviderError};
use crate::profile::{Alias, Profile};
use crate::recover;
use crate::refresh::{self, Renewing};
use crate::schedule::{self, Look};
use crate::sync::{self, Synced};
use crate::time::Timestamp;
use crate::usage::{Reading, Usage};
use crate::vault::{self, Opened, VaultError};

pub use crate::schedule::Urgency;

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
    /// A setup-token may not read usage: nobody was asked.
    NotAllowed,
    /// The active login's access token has lapsed. Claude Code renews it at its next use.
    ActiveExpired,
}

/// The profiles whose usage should be read now, and those that will be due in a moment where anybody is.
pub fn due(ports: &Ports, urgency: Urgency) -> Result<Vec<Alias>, FlowError> {
    let roster = vault::load_roster(ports)?;
    let now = ports.clock.now();
    let active = roster.active().map(|profile| profile.alias.clone());
    let (mut due, mut soon) = (Vec::new(), Vec::new());
    let may_read = |profile: &&Profile| profile.login_needed_since.is_none() && !profile.identity().is_setup_token();
    for profile in roster.profiles().iter().filter(may_read) {
        let (identity, active) = (profile.identity(), active.as_ref() == Some(&profile.alias));
        let reading = ports.readings.last(identity)?;
        let at = schedule::due_at(Look { active, identity, reading: reading.as_ref() }, urgency, now);
        if at > now.plus(schedule::TOGETHER_MS) || !may_be_read(ports, profile, active, urgency, now)? {
            continue;
        }
        if at <= now { due.push(profile.alias.clone()) } else { soon.push(profile.alias.clone()) }
    }
    if !due.is_empty() {
        due.append(&mut soon);
    }
    Ok(due)
}

/// Whether the books, and the renewal that a parked login may need first, allow a reading now.
fn may_be_read(
    ports: &Ports,
    profile: &Profile,
    active: bool,
    urgency: Urgency,
    now: Timestamp,
) -> Result<bool, FlowError> {
    if schedule::may_ask(&ports.readings.books(profile.identity(), now)?, urgency, now).is_err() {
        return Ok(false);
    }
    let waits = !active && ports.readings.back_off(profile.identity())?.is_some_and(|back_off| back_off.holds(now));
    // What cannot be read is not waited for: the reading itself says why.
    let header = vault::header(ports, &profile.alias).ok().flatten();
    Ok(!(waits && header.is_some_and(|header| policy::expires_soon(header.expires_at, now))))
}

/// Reads the usage of one profile with its own login.
pub fn read_usage(ports: &Ports, alias: &Alias, urgency: Urgency) -> Result<Polled, FlowError> {
    let roster = vault::load_roster(ports)?;
    let profile = roster.get(alias)?.clone();
    if profile.identity().is_setup_token() {
        return Ok(Polled::NotAllowed);
    }
    let active = roster.active().is_some_and(|active| active.alias == *alias);
    let now = ports.clock.now();
    if let Err(until) = schedule::may_ask(&ports.readings.books(profile.identity(), now)?, urgency, now) {
        return Ok(Polled::NotYet { until });
    }
    let opened = vault::open(ports, &profile)?;
    let identity = profile.identity();
    if active {
        if opened.header.expires_at.is_some_and(|at| at <= now) {
            return Ok(Polled::ActiveExpired);
        }
        let answer = match ask(ports, identity, &opened, urgency)? {
            Ok(answer) => answer,
            Err(until) => return Ok(Polled::NotYet { until }),
        };
        if answer == Err(ProviderError::Unauthorized) {
            doubt(ports, alias)?;
        }
        return record(ports, identity, answer);
    }
    let renews = opened.header.renews;
    let mut answer = match policy::expires_soon(opened.header.expires_at, now) && renews {
        // Not worth asking.
        true => Err(ProviderError::Unauthorized),
        false => match ask(ports, identity, &opened, urgency)? {
            Ok(answer) => answer,
            Err(until) => return Ok(Polled::NotYet { until }),
        },
    };
    // One renewal is due, whether before the question or after it: a fresh login that is refused is not renewed again.
    if answer == Err(ProviderError::Unauthorized) && renews {
        let waits = ports.readings.back_off(identity)?.filter(|back_off| back_off.holds(now));
        if let (Urgency::Due | Urgency::Eager, Some(BackOff { until, .. })) = (urgency, waits) {
            return Ok(Polled::NotYet { until });
        }
        let fresh = match renewed(ports, &profile, &opened.header.fingerprint)? {
            Ok(fresh) => fresh,
            Err(polled) => return Ok(polled),
        };
        // The refused question counts, but this one belongs to it.
        answer = match ask(ports, identity, &fresh, Urgency::Forced)? {
            Ok(answer) => answer,
            Err(until) => return Ok(Polled::NotYet { until }),
        };
    }
    record(ports, identity, answer)
}

/// Writes the request into the books that all programs share, and sends it. `Err`: another program was faster, or the budget is
/// used up.
fn ask(
    ports: &Ports,
    identity: &Identity,
    opened: &Opened,
    urgency: Urgency,
) -> Result<Result<Result<Usage, ProviderError>, Timestamp>, FlowError> {
    let now = ports.clock.now();
    let claimed = ports.readings.claim(identity, now, &|books| schedule::may_ask(books, urgency, now))?;
    Ok(claimed.map(|()| ports.provider.usage(opened.login.value().access())))
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

/// Keeps a good answer. A failure leaves the last reading as it is; what it cost stands in the books.
fn record(ports: &Ports, identity: &Identity, answer: Result<Usage, ProviderError>) -> Result<Polled, FlowError> {
    match answer {
        Ok(usage) => {
            let usage = match ports.readings.last(identity)? {
                Some(last) => usage.steadied(&last.usage),
                None => usage,
            };
            let reading = Reading::answered(usage, ports.clock.now());
            ports.readings.store(identity, &reading)?;
            Ok(Polled::Read(reading))
        }
        Err(cause) => failed(ports, identity, cause),
    }
}

/// Remembers when to ask again after an answer that does not count.
fn failed(ports: &Ports, identity: &Identity, cause: ProviderError) -> Result<Polled, FlowError> {
    if let ProviderError::Throttled { retry_after_s } = &cause {
        ports.readings.block(identity, schedule::open_again(*retry_after_s, ports.clock.now()))?;
    }
    Ok(Polled::Failed(cause))
}
