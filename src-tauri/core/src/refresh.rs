//! Renewing a parked login. Owns the only place where a saved refresh token is spent, the choice of the engine, the order in which that is safe, and
//! vouching for a login before it goes live. Never touches the live login: that one is Claude Code's to renew, under
//! Claude Code's own lock.

use crate::account_cache::AccountBlock;
use crate::credential::Login;
use crate::delegate::{self, Delegation};
use crate::flow::FlowError;
use crate::held;
use crate::history::{self, Engine, Event};
use crate::identity::{self, Account, Identity};
use crate::policy::{self, EngineChoice};
use crate::ports::{OwnLock, Ports, ProviderError, RefreshError, StoreError};
use crate::profile::{Profile, Roster};
use crate::vault::{self, Opened};

/// How often writing a renewed pair is tried before it is given up. It exists nowhere else.
const SAVE_ATTEMPTS: u32 = 4;

/// What the server said about a parked login.
#[derive(Debug)]
pub enum Vouched {
    /// It is the profile's.
    Verified(Account),
    /// It is a setup-token, which is its own proof. The server was not asked.
    ByToken,
    /// The server could not be asked. Offline is not wrong.
    Unverified(ProviderError),
}

/// How a renewal ended.
pub(crate) enum Renewing {
    /// The new pair is on disk.
    Done(Box<Opened>),
    /// No new pair; the saved login is what it was.
    NotNow(ProviderError),
}

/// Opens a parked profile's login, renews it if it lapses within five minutes, and asks the server whose it is. A 401 earns
/// one refresh and one retry; a missing scope earns none. A setup-token is neither renewed nor asked about. `parked` is `Err` with the reason where it cannot be ruled out
/// that the login is live: then its refresh token is Claude Code's to spend, and is left alone.
pub(crate) fn vouch(
    ports: &Ports,
    own: &OwnLock,
    roster: &mut Roster,
    profile: &Profile,
    parked: Result<(), ProviderError>,
) -> Result<(Opened, Vouched), FlowError> {
    let mut opened = vault::open(ports, profile)?;
    if profile.identity().is_setup_token() {
        return match policy::has_ended(opened.header.ends, ports.clock.now()) {
            true => Err(FlowError::TokenEnded { alias: profile.alias.clone() }),
            false => Ok((opened, Vouched::ByToken)),
        };
    }
    delegate::check_not_out(ports, profile, &opened.header.fingerprint)?;
    held::check_newest(ports, profile, &opened.header)?;
    if let Err(cause) = parked {
        return unspent(ports, profile, opened, cause);
    }
    let mut renewed = false;
    if opened.header.renews && policy::expires_soon(opened.header.expires_at, ports.clock.now()) {
        match renew(ports, own, roster, profile, opened)? {
            Renewing::Done(fresh) => {
                opened = *fresh;
                renewed = true;
            }
            Renewing::NotNow(cause) => return Ok((vault::open(ports, profile)?, Vouched::Unverified(cause))),
        }
    }
    let mut answer = ports.provider.identify(opened.login.value().access());
    if answer == Err(ProviderError::Unauthorized) && !renewed {
        if !opened.header.renews {
            return Err(login_needed(ports, roster, profile)?);
        }
        match renew(ports, own, roster, profile, opened)? {
            Renewing::Done(fresh) => opened = *fresh,
            Renewing::NotNow(cause) => return Ok((vault::open(ports, profile)?, Vouched::Unverified(cause))),
        }
        renewed = true;
        answer = ports.provider.identify(opened.login.value().access());
    }
    match answer {
        Err(ProviderError::Unauthorized) if renewed => Err(FlowError::Refused { alias: profile.alias.clone() }),
        Ok(account) if account.identity == *profile.identity() => Ok((opened, Vouched::Verified(account))),
        Ok(account) => Err(FlowError::WrongAccount { alias: profile.alias.clone(), found: account.email }),
        Err(cause) => Ok((opened, Vouched::Unverified(cause))),
    }
}

/// Vouches without renewing. The server may still honour the access token as it is, and then the live login is no rotation of it.
fn unspent(
    ports: &Ports,
    profile: &Profile,
    opened: Opened,
    cause: ProviderError,
) -> Result<(Opened, Vouched), FlowError> {
    // A server that could not be asked about the live login is not asked again.
    if !matches!(cause, ProviderError::Unauthorized | ProviderError::MissingScope { .. }) {
        return Ok((opened, Vouched::Unverified(cause)));
    }
    match ports.provider.identify(opened.login.value().access()) {
        Ok(account) if account.identity == *profile.identity() => Ok((opened, Vouched::Verified(account))),
        Ok(account) => Err(FlowError::WrongAccount { alias: profile.alias.clone(), found: account.email }),
        Err(_) => Ok((opened, Vouched::Unverified(cause))),
    }
}

/// Renews a profile's parked login, and has the new pair on disk before anything else sees it. How often in a row nothing came of it is
/// remembered, so that a round of readings leaves it alone for longer and longer.
///
/// The saved login is written once more *before* the token is spent: if the disk is full or read-only, that fails while
/// nothing is lost yet.
pub(crate) fn renew(
    ports: &Ports,
    _own: &OwnLock,
    roster: &mut Roster,
    profile: &Profile,
    opened: Opened,
) -> Result<Renewing, FlowError> {
    delegate::check_not_out(ports, profile, &opened.header.fingerprint)?;
    let Opened { login, block, .. } = opened;
    vault::seal(ports, &login, block.as_ref())?;
    let (alias, identity) = (login.alias().clone(), login.identity().clone());
    let claim = |login| identity::inherit(login, alias.clone(), identity.clone());
    let spending = Spending { block: block.as_ref(), identity: Some(&identity) };
    let renewing =
        match spending.spend(ports, login.into_value(), claim, |login| vault::seal(ports, login, block.as_ref())) {
            Ok(Spent::Renewed { login, header, engine }) => {
                if profile.login_needed_since.is_some() {
                    roster.mark_login_needed(&profile.alias, None)?;
                    vault::save_roster(ports, roster)?;
                }
                history::note(ports, &Event::Renewed { alias: profile.alias.clone(), engine });
                Renewing::Done(Box::new(Opened { login, block, header }))
            }
            Ok(Spent::Dead) => return Err(login_needed(ports, roster, profile)?),
            Ok(Spent::NotNow(cause)) => Renewing::NotNow(cause),
            Ok(Spent::StillOut) => return Err(FlowError::BeingRenewed { alias: profile.alias.clone() }),
            Ok(Spent::AnotherAccount) => {
                let (alias, found) = (profile.alias.clone(), "another account".to_owned());
                return Err(FlowError::WrongAccount { alias, found });
            }
            Err(cause) => return Err(FlowError::RenewalLost { alias: profile.alias.clone(), cause }),
        };
    remember_failure(ports, profile, &renewing);
    Ok(renewing)
}

/// How spending a refresh token ended. `P` is the renewed login as its saver wants it, `H` what saving it gave.
pub(crate) enum Spent<P, H> {
    /// The new pair is on disk.
    Renewed { login: P, header: H, engine: Engine },
    /// The server will never honour it again.
    Dead,
    /// The login is what it was, or nobody knows.
    NotNow(ProviderError),
    /// A child is still at work on it.
    StillOut,
    /// The new pair is another account's; it was put aside.
    AnotherAccount,
}

/// The one place where a refresh token of ours is spent.
pub(crate) struct Spending<'a> {
    /// The account's `oauthAccount`, which spares Claude Code a request.
    pub block: Option<&'a AccountBlock>,
    /// Whose it is, where that is known.
    pub identity: Option<&'a Identity>,
}

impl Spending<'_> {
    /// Buys a new pair by the engine that the settings name, and saves it, more than once if need be: it exists nowhere else. An error is
    /// a pair that could not be saved.
    pub(crate) fn spend<P, H>(
        &self,
        ports: &Ports,
        login: Login,
        claim: impl Fn(Login) -> P,
        save: impl Fn(&P) -> Result<H, StoreError>,
    ) -> Result<Spent<P, H>, StoreError> {
        let (login, edge) = match ports.engine {
            EngineChoice::Delegated => (login, None),
            choice @ (EngineChoice::Direct | EngineChoice::Auto) => match self.ask(ports, login)? {
                Asked::New(login) => {
                    let login = claim(login);
                    let header = insist(|| save(&login))?;
                    return Ok(Spent::Renewed { login, header, engine: Engine::Direct });
                }
                Asked::Refused(cause, Some(login)) if choice == EngineChoice::Auto && is_the_edge(&cause) => {
                    (login, Some(cause))
                }
                Asked::Refused(cause, _) => return Ok(Spent::NotNow(cause)),
                Asked::Dead => return Ok(Spent::Dead),
                Asked::AnotherAccount => return Ok(Spent::AnotherAccount),
            },
        };
        let key = login.fingerprint();
        let outcome = match delegate::renew(ports, &login, self.block) {
            Delegation::New(login) => {
                let login = claim(login);
                let header = insist(|| save(&login))?;
                delegate::keep_usage(ports, self.identity, &key);
                Spent::Renewed { login, header, engine: Engine::Delegated }
            }
            Delegation::Dead => Spent::Dead,
            Delegation::StillOut => return Ok(Spent::StillOut),
            Delegation::Nothing { why } => Spent::NotNow(edge.unwrap_or(ProviderError::NotDelegated { why })),
        };
        // What stays behind is collected by the next flow, which finds it saved.
        let _collected_later: Result<(), StoreError> = ports.delegate.discard(&key);
        Ok(outcome)
    }

    /// The token endpoint.
    fn ask(&self, ports: &Ports, login: Login) -> Result<Asked, StoreError> {
        let Some((token, spent)) = login.into_spending() else { return Ok(Asked::Dead) };
        let renewal = match ports.provider.refresh(token, spent.scopes()) {
            Ok(renewal) => renewal,
            Err(RefreshError::Dead) => return Ok(Asked::Dead),
            Err(RefreshError::NotSpent { cause, token }) => return Ok(Asked::Refused(cause, spent.give_back(token))),
            Err(RefreshError::Unknown { cause }) => return Ok(Asked::Refused(cause, None)),
        };
        let same_lineage = self.identity.is_none_or(|identity| identity::same_lineage(identity, &renewal.renewed));
        let Ok(login) = spent.renew(renewal.renewed, renewal.kept) else { return Ok(Asked::Dead) };
        if same_lineage {
            return Ok(Asked::New(login));
        }
        // Whatever it is, it is a living login: nobody's `.cred`, but not to be dropped. Until it is identified the profile
        // waits for it, because the token in its `.cred` was just spent.
        insist(|| vault::hold(ports, &login, self.identity))?;
        Ok(Asked::AnotherAccount)
    }
}

/// What the token endpoint said.
enum Asked {
    New(Login),
    /// `Some`: the login, whose token was certainly not spent.
    Refused(ProviderError, Option<Login>),
    Dead,
    AnotherAccount,
}

/// An answer that is about who asks and how often, and no verdict on the token (`docs/claude-code.md` §D7).
fn is_the_edge(cause: &ProviderError) -> bool {
    matches!(cause, ProviderError::Refused { .. } | ProviderError::Throttled { .. })
}

/// Counts failures for the back-off; a success ends it. That nobody could be reached says nothing about this login.
fn remember_failure(ports: &Ports, profile: &Profile, renewing: &Renewing) {
    let identity = profile.identity();
    let before = ports.readings.back_off(identity).ok().flatten();
    let now = ports.clock.now();
    let next = match renewing {
        Renewing::Done(_) if before.is_none() => return,
        Renewing::Done(_) => None,
        Renewing::NotNow(ProviderError::Unreachable) => return,
        Renewing::NotNow(cause) => {
            let back_off = policy::back_off(before.map_or(0, |before| before.failures), cause, now);
            let (alias, why) = (profile.alias.clone(), cause.to_string());
            history::note(ports, &Event::RenewalPutOff { alias, until: back_off.until, why });
            Some(back_off)
        }
    };
    // Forgetting it means asking sooner, no more.
    let _asked_sooner = ports.readings.set_back_off(identity, next);
}

/// The new pair exists only in memory, so one failed write is not the end.
pub(crate) fn insist<T>(save: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let mut last = save();
    for _ in 1..SAVE_ATTEMPTS {
        if last.is_ok() {
            break;
        }
        last = save();
    }
    last
}

/// Records that a person has to sign in, and makes the error that says so.
pub(crate) fn login_needed(ports: &Ports, roster: &mut Roster, profile: &Profile) -> Result<FlowError, FlowError> {
    if roster.get(&profile.alias)?.login_needed_since.is_none() {
        history::note(ports, &Event::LoginNeeded { alias: profile.alias.clone() });
    }
    roster.mark_login_needed(&profile.alias, Some(ports.clock.now()))?;
    vault::save_roster(ports, roster)?;
    Ok(FlowError::LoginNeeded { alias: profile.alias.clone() })
}
