//! The guided login: a new profile comes to be, or a stale one lives again, without stranding the login that is live. Owns the steps that
//! a person is led through, and what becomes of the login that a sign-in brought; `record` keeps what is under way through a crash.
//! Two ways lead there. `isolated`: the unmodified `claude auth login` in a config folder of its own, and the live login is never touched.
//! `classic`, where Claude Code is too old for that: the live login is set aside, the person signs in with `/login`, and on cancel the
//! very same login is put back. Leaves opening a browser, waiting and asking to the faces.
//!
//! A sign-in takes minutes, so no lock of ours is held meanwhile: each step is a flow of its own, and what it found is written down.

mod classic;
mod isolated;
mod keep;
mod record;
mod unasked;

use serde::{Deserialize, Serialize};

use crate::account_cache::AccountBlock;
use crate::bootstrap;
use crate::credential::Login;
use crate::flow::FlowError;
use crate::history::{self, Event};
use crate::identity::{self, Account, Matched};
use crate::ports::{OwnLock, Ports, ProviderError, RotationLock};
use crate::profile::{Alias, Profile, Roster};
use crate::recover;
use crate::setup_token;
use crate::signin::{Ability, SigninId};
use crate::time::{DAY, MINUTE, Timestamp};
use crate::vault;

use isolated::Fate;
use keep::{check_free, fits, owner};
use record::{Expected, Record};
pub use unasked::adopt;
pub(crate) use unasked::{begin_unasked, cancel_unasked};

/// How long a person may take to sign in.
pub const LIMIT_MS: i64 = 15 * MINUTE;
/// How long a new login waits in its folder for the person's yes.
const KEPT_MS: i64 = DAY;

/// How the person signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// Apart from the live login, in a config folder of its own.
    Isolated,
    /// In Claude Code itself, while the live login is set aside.
    Classic,
}

/// The sign-in that is under way, as faces show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The profile that it is for.
    pub alias: Alias,
    /// The browser window that is this profile's own: hexadecimal digits that outlive a rename.
    pub window: String,
    /// Who has to sign in; `None`: a new profile, for whoever does.
    pub email: Option<String>,
    pub way: Way,
    pub begun_at: Timestamp,
    /// When it is given up.
    pub until: Timestamp,
    /// Nobody asked for it: it is a bootstrap's, which keeps the login by itself.
    pub unasked: bool,
    pub step: Step,
}

/// How far the sign-in is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// Claude Code has not asked for a browser yet.
    Starting,
    /// The person signs in on this page. It holds no token.
    Browser { page: String },
    /// The person signs in with `/login` in Claude Code.
    Terminal,
    /// There is a login; [`check`] says whose.
    SignedIn,
    /// It ended without a login. `said`: the last line of Claude Code's.
    Failed { said: Option<String> },
}

/// Whose login a sign-in brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Found {
    pub email: String,
    pub plan: Option<String>,
    pub organization: Option<String>,
    /// When the login ends, if Claude Code recorded it.
    pub deadline: Option<Timestamp>,
    pub fits: Fits,
}

/// Whether it is the login that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Fits {
    Yes,
    /// Another account's, which is no profile yet: it may become one.
    Another {
        expected: String,
    },
    /// Another profile's, whose login it may renew.
    AnotherProfile {
        alias: Alias,
    },
}

/// For whom a new login is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For the profile that was asked for; anybody else's is refused.
    AsAsked,
    /// As a new profile of this name, whoever signed in.
    AsNew(Alias),
    /// For the profile whose account it turned out to be.
    ForItsOwner,
}

/// A sign-in that began.
pub struct Begun {
    pub rotation: Rotation,
    /// For as long as this is held nobody takes the live login back; `None` where it was not set aside.
    pub guard: Option<RotationLock>,
}

/// A sign-in that was confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub alias: Alias,
    pub account: Account,
    pub deadline: Option<Timestamp>,
    /// There was no such profile before.
    pub is_new: bool,
    /// It is the live login now.
    pub is_live: bool,
}

/// Begins a sign-in for this profile, or for a new one of that name. The live login's newest tokens are saved first. `way`: where it is
/// `None`, the one that the installed Claude Code is able to.
pub fn begin(ports: &Ports, alias: &Alias, way: Option<Way>) -> Result<Begun, FlowError> {
    begin_as(ports, alias, way, false)
}

fn begin_as(ports: &Ports, alias: &Alias, way: Option<Way>, unasked: bool) -> Result<Begun, FlowError> {
    let own = recover::enter(ports, "sign in")?;
    let mut roster = vault::load_roster(ports)?;
    setup_token::refuse(&roster, alias)?;
    settle(ports, &own, &mut roster)?;
    unasked::make_way(ports, &own, &mut roster, unasked)?;
    let expects = match roster.find(alias) {
        Some(profile) => Some(Expected::of(&profile.account)),
        None => {
            check_free(&roster, alias)?;
            None
        }
    };
    let way = match (way, ports.signin.ability()) {
        (_, Ability::NotInstalled) => return Err(FlowError::ClaudeCodeMissing),
        (Some(Way::Isolated), Ability::TooOld { version }) => return Err(FlowError::ClaudeCodeTooOld { version }),
        (None, Ability::TooOld { .. }) => Way::Classic,
        (None, Ability::Isolated) => Way::Isolated,
        (Some(way), _) => way,
    };
    let record = Record { unasked, ..Record::new(ports, alias, expects, way)? };
    let guard = match way {
        Way::Isolated => isolated::begin(ports, &own, &mut roster, &record).map(|()| None),
        Way::Classic => classic::begin(ports, &own, &mut roster, &record).map(Some),
    };
    let guard = match guard {
        Ok(guard) => guard,
        Err(error) => {
            drop(own);
            // What it began already is undone; should that fail too, the next flow does it.
            let _undone_later = cancel_attempt(ports, &record.id);
            return Err(error);
        }
    };
    let alias = alias.clone();
    history::note(ports, &if unasked { Event::BootstrapBegan { alias } } else { Event::SigninBegan { alias } });
    Ok(Begun { rotation: rotation(ports, &record)?, guard })
}

/// Goes on with what is under way, for another process than the one that began it. It is a person's from then on.
pub fn resume(ports: &Ports) -> Result<Option<Begun>, FlowError> {
    adopt(ports)?;
    let Some(record) = record::load(ports)? else { return Ok(None) };
    let busy = || FlowError::SigninUnderWay { alias: record.alias.clone() };
    let guard = match record.way {
        Way::Isolated => None,
        Way::Classic => Some(ports.locks.rotation()?.ok_or_else(busy)?),
    };
    Ok(Some(Begun { rotation: rotation(ports, &record)?, guard }))
}

/// What is under way, if anything is. No lock, no request, no write.
pub fn look(ports: &Ports) -> Result<Option<Rotation>, FlowError> {
    let Some(record) = record::load(ports)? else { return Ok(None) };
    rotation(ports, &record).map(Some)
}

fn rotation(ports: &Ports, record: &Record) -> Result<Rotation, FlowError> {
    let step = match record.way {
        Way::Isolated => isolated::step(ports, record)?,
        Way::Classic => classic::step(ports, record)?,
    };
    Ok(Rotation {
        alias: record.alias.clone(),
        window: window(ports, record)?,
        email: record.expects.as_ref().map(|expected| expected.email.clone()),
        way: record.way,
        begun_at: record.begun_at,
        until: record.begun_at.plus(LIMIT_MS),
        unasked: record.unasked,
        step,
    })
}

fn window(ports: &Ports, record: &Record) -> Result<String, FlowError> {
    let Some(expected) = &record.expects else { return Ok(record.id.to_string()) };
    let roster = vault::load_roster(ports)?;
    Ok(roster.by_identity(&expected.identity).map_or_else(|| record.id.to_string(), Profile::window))
}

/// Hands over the code that a person copied from the page.
pub fn answer(ports: &Ports, code: &str) -> Result<(), FlowError> {
    let record = record::load(ports)?.ok_or(FlowError::NoSignin)?;
    Ok(ports.signin.answer(&record.id, code)?)
}

/// Asks the server whose login the sign-in brought. Changes nothing.
pub fn check(ports: &Ports) -> Result<Found, FlowError> {
    let record = record::load(ports)?.ok_or(FlowError::NoSignin)?;
    let (login, _) = fetch(ports, &record)?;
    let account = identify(ports, &record, &login)?;
    let roster = vault::load_roster(ports)?;
    let deadline = login.deadline();
    let fits = fits(&roster, &record, &account);
    let Account { email, plan, organization_name: organization, .. } = account;
    Ok(Found { email, plan, organization, deadline, fits })
}

/// The login that the sign-in brought, and the `oauthAccount` beside it.
fn fetch(ports: &Ports, record: &Record) -> Result<(Login, Option<AccountBlock>), FlowError> {
    let found = match record.way {
        Way::Isolated => isolated::fetch(ports, record)?,
        Way::Classic => classic::fetch(ports, record)?,
    };
    found.ok_or_else(|| FlowError::NotSignedInYet { alias: record.alias.clone() })
}

fn identify(ports: &Ports, record: &Record, login: &Login) -> Result<Account, FlowError> {
    ports.provider.identify(login.access()).map_err(|cause| match cause {
        ProviderError::Unauthorized => FlowError::Refused { alias: record.alias.clone() },
        cause => FlowError::Unidentified { cause },
    })
}

/// Keeps the login that the sign-in brought, after the server has said once more whose it is, and ends the sign-in. Where it is of the
/// live profile, it becomes the live login.
pub fn finish(ports: &Ports, keep: &Keep) -> Result<Finished, FlowError> {
    let own = recover::enter(ports, "sign in")?;
    let record = record::load(ports)?.ok_or(FlowError::NoSignin)?;
    let mut roster = vault::load_roster(ports)?;
    let (login, block) = fetch(ports, &record)?;
    let account = identify(ports, &record, &login)?;
    let (profile, is_new) = owner(ports, &roster, &record, &account, keep)?;
    let deadline = login.deadline();
    let block = block.filter(|block| block.identity().as_ref() == Some(&account.identity));
    let login = identity::claim(login, &account, &profile).expect("the profile was found by this very account");
    if is_new {
        roster.add(profile.clone())?;
    }
    let new = New { login, block, account: account.clone() };
    let is_live = match record.way {
        Way::Isolated => isolated::finish(ports, &own, &mut roster, &record, new)?,
        Way::Classic => classic::finish(ports, &mut roster, &new)?,
    };
    record::remove(ports)?;
    // What was tried before is over; at worst the next attempt comes later.
    let _forgotten_later = bootstrap::forget(ports, &roster, &profile);
    // It only means that it may be renewed sooner.
    let _asked_later = ports.readings.set_back_off(&account.identity, None);
    history::note(ports, &Event::SignedIn { alias: profile.alias.clone() });
    Ok(Finished { alias: profile.alias, account, deadline, is_new, is_live })
}

/// A new login, and whose it is.
struct New {
    login: Matched<Login>,
    block: Option<AccountBlock>,
    account: Account,
}

/// Lets the person sign in once more, as somebody else.
pub fn again(ports: &Ports) -> Result<Rotation, FlowError> {
    let own = recover::enter(ports, "sign in")?;
    let record = record::load(ports)?.ok_or(FlowError::NoSignin)?;
    let record = match record.way {
        Way::Isolated => isolated::again(ports, record)?,
        Way::Classic => classic::again(ports, &own, &mut vault::load_roster(ports)?, record)?,
    };
    rotation(ports, &record)
}

/// Gives the sign-in up: the live login is what it was before. `None`: nothing is under way.
pub fn cancel(ports: &Ports) -> Result<Option<Alias>, FlowError> {
    match record::load(ports)? {
        Some(record) => cancel_attempt(ports, &record.id),
        None => Ok(None),
    }
}

fn cancel_attempt(ports: &Ports, id: &SigninId) -> Result<Option<Alias>, FlowError> {
    let own = recover::enter(ports, "cancel")?;
    let Some(record) = record::load(ports)?.filter(|record| record.id == *id) else { return Ok(None) };
    let mut roster = vault::load_roster(ports)?;
    give_up(ports, &own, &mut roster, &record)?;
    Ok(Some(record.alias))
}

fn give_up(ports: &Ports, own: &OwnLock, roster: &mut Roster, record: &Record) -> Result<(), FlowError> {
    match record.way {
        Way::Isolated => ports.signin.discard(&record.id)?,
        Way::Classic => classic::put_back(ports, own, roster, record)?,
    }
    record::remove(ports)?;
    history::note(ports, &Event::SigninGivenUp { alias: record.alias.clone() });
    Ok(())
}

/// Ends what a dead process left: a live login that is set aside is put back, and what is confirmed already is cleared away. A sign-in
/// that somebody guides, or that a person may come back to, goes on.
pub(crate) fn settle(ports: &Ports, own: &OwnLock, roster: &mut Roster) -> Result<(), FlowError> {
    let Some(record) = record::load(ports)? else { return isolated::sweep(ports, None) };
    match record.way {
        Way::Classic => {
            let Some(_guard) = ports.locks.rotation()? else { return Ok(()) };
            give_up(ports, own, roster, &record)
        }
        Way::Isolated => {
            isolated::sweep(ports, Some(&record.id))?;
            match isolated::fate(ports, roster, &record)? {
                Fate::Open => Ok(()),
                Fate::Over => give_up(ports, own, roster, &record),
                Fate::Done => {
                    ports.signin.discard(&record.id)?;
                    Ok(record::remove(ports)?)
                }
            }
        }
    }
}

/// For a flow that would touch the live login while it is set aside: stops it, or puts the login back first where its guide is dead.
pub(crate) fn check_not_set_aside(ports: &Ports, own: &OwnLock, roster: &mut Roster) -> Result<(), FlowError> {
    let Some(record) = record::load(ports)?.filter(|record| record.way == Way::Classic) else { return Ok(()) };
    let Some(_guard) = ports.locks.rotation()? else {
        return Err(FlowError::SigninUnderWay { alias: record.alias });
    };
    give_up(ports, own, roster, &record)
}
