//! Which of two logins may be a rotation of the other. Presenting a spent refresh token ends the login that lives
//! (`docs/claude-code.md` §D5), so nobody presents one while anything that is stored may descend from it. Owns that judgement; what is done
//! about it is decided where a token is about to be spent: in `refresh`, `held` and `undo`.
//!
//! Evidence is the deadline, which a sign-in sets to the millisecond and no refresh moves (`docs/observed.md` §3), and what was saved
//! before what. Dates of ours are none: people set clocks, and saving the same tokens again renews a date.

use crate::credential::{Fingerprint, Live, Login};
use crate::envelope;
use crate::flow::FlowError;
use crate::identity::Identity;
use crate::ports::{FileName, Ports, StoreError};
use crate::time::Timestamp;
use crate::vault::{CredHeader, HeldHeader};

/// Whether a login with the deadline `newer` may be a rotation of one with the deadline `older`. An old client may drop a deadline that
/// it does not know; none is ever added by a refresh.
pub(crate) fn may_descend(newer: Option<Timestamp>, older: Option<Timestamp>) -> bool {
    newer.is_none() || newer == older
}

/// A login that is stored somewhere of ours.
pub(crate) struct Copy {
    pub fingerprint: Fingerprint,
    pub deadline: Option<Timestamp>,
    /// Whose it is; `None` for one that was put aside.
    identity: Option<Identity>,
}

/// Every stored login whose header can be read, setup-tokens left out: the newest of each profile, strays, generations, what was put aside.
pub(crate) fn copies(ports: &Ports) -> Result<Vec<Copy>, StoreError> {
    let mut copies = Vec::new();
    for name in ports.files.list()? {
        let Some(bytes) = ports.files.read(&name)? else { continue };
        let copy = match name {
            FileName::Cred(_) | FileName::Generation(..) => {
                envelope::header(&bytes).map(|CredHeader { fingerprint, deadline, identity, .. }| {
                    let is_token = identity.is_setup_token();
                    (Copy { fingerprint, deadline, identity: Some(identity) }, is_token)
                })
            }
            FileName::Held(_) => envelope::header(&bytes).map(|held: HeldHeader| {
                (Copy { fingerprint: held.fingerprint, deadline: held.deadline, identity: None }, held.setup_token)
            }),
            FileName::Roster | FileName::Journal | FileName::Told | FileName::Rotation | FileName::Bootstrap => {
                continue;
            }
        };
        // A setup-token is never rotated: nothing descends from it, and it from nothing.
        copies.extend(copy.ok().filter(|(_, is_token)| !is_token).map(|(copy, _)| copy));
    }
    Ok(copies)
}

/// What is stored when a login is put aside and may be its ancestor. Whatever is stored later may descend from it.
pub(crate) fn known_before(ports: &Ports, login: &Login) -> Result<Vec<Fingerprint>, StoreError> {
    let own = login.fingerprint();
    let ancestors = copies(ports)?.into_iter().filter(|copy| may_descend(login.deadline(), copy.deadline));
    Ok(ancestors.map(|copy| copy.fingerprint).filter(|fingerprint| *fingerprint != own).collect())
}

/// What has become of a login since it was put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// Nothing that is stored or live can descend from it.
    Newest,
    /// The live login may: whoever keeps watch will know.
    MaybeLive,
    /// Something that is stored may, and nobody will ever know.
    MaybeSpent,
    /// A later pair of its very sign-in is stored.
    Spent,
}

/// Judges a login that was put aside.
pub(crate) fn since_put_aside(ports: &Ports, login: &Login, header: &HeldHeader) -> Result<Since, FlowError> {
    let own = login.fingerprint();
    let is_later = |fingerprint: &Fingerprint| *fingerprint != own && !header.before.contains(fingerprint);
    let copies = copies(ports)?;
    // A saved login of the same sign-in tells whose it is, and then nothing of another account descends from it.
    let same_sign_in = |copy: &&Copy| copy.deadline.is_some() && copy.deadline == login.deadline();
    let owner = copies.iter().filter(same_sign_in).find_map(|copy| copy.identity.clone());
    let is_anothers = |copy: &Copy| owner.is_some() && copy.identity.is_some() && copy.identity != owner;
    let mut since = Since::Newest;
    if let Some(live) = live(ports)?
        && is_later(&live.fingerprint())
        && may_descend(live.deadline(), login.deadline())
        && !copies.iter().any(|copy| copy.fingerprint == live.fingerprint() && is_anothers(copy))
    {
        since = Since::MaybeLive;
    }
    for copy in &copies {
        if is_later(&copy.fingerprint) && may_descend(copy.deadline, login.deadline()) && !is_anothers(copy) {
            if copy.deadline.is_some() {
                return Ok(Since::Spent);
            }
            since = Since::MaybeSpent;
        }
    }
    Ok(since)
}

/// The live login, if it can be a rotation of anything.
fn live(ports: &Ports) -> Result<Option<Login>, FlowError> {
    let Some(document) = ports.live.read()? else { return Ok(None) };
    let login = Live::parse(&document).map_err(FlowError::LiveDamaged)?.into_login();
    Ok(login.filter(|login| !login.is_setup_token()))
}
