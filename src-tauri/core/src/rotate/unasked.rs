//! A sign-in that nobody asked for: the bootstrap's, apart from the live login. Owns that a person goes before it, and takes it over by
//! touching it; leaves its steps to the parent, and when one begins to `bootstrap`.

use crate::flow::FlowError;
use crate::ports::{OwnLock, Ports};
use crate::profile::{Alias, Roster};

use super::record::{self, Record};
use super::{Rotation, Step, Way, isolated};

/// Begins one that nobody asked for, apart from the live login.
pub(crate) fn begin_unasked(ports: &Ports, alias: &Alias) -> Result<Rotation, FlowError> {
    super::begin_as(ports, alias, Some(Way::Isolated), true).map(|begun| begun.rotation)
}

/// A person takes over what began by itself: from then on nothing is kept without their yes.
pub fn adopt(ports: &Ports) -> Result<(), FlowError> {
    match record::load(ports)? {
        Some(record) if record.unasked => Ok(record::write(ports, &Record { unasked: false, ..record })?),
        Some(_) | None => Ok(()),
    }
}

/// Makes way for a sign-in that begins, or says whose is under way. A person goes before what began by itself, unless that has brought a
/// login already.
pub(super) fn make_way(ports: &Ports, own: &OwnLock, roster: &mut Roster, unasked: bool) -> Result<(), FlowError> {
    let Some(other) = record::load(ports)? else { return Ok(()) };
    if unasked || !other.unasked || matches!(isolated::step(ports, &other)?, Step::SignedIn) {
        return Err(FlowError::SigninUnderWay { alias: other.alias });
    }
    super::give_up(ports, own, roster, &other)
}

/// Gives up one that nobody asked for. A person's goes on.
pub(crate) fn cancel_unasked(ports: &Ports) -> Result<Option<Alias>, FlowError> {
    match record::load(ports)?.filter(|record| record.unasked) {
        Some(record) => super::cancel_attempt(ports, &record.id),
        None => Ok(None),
    }
}
