//! The one view model that tray, board window and CLI render. Owns what may be shown; holds no secret and no
//! truth: it is rebuilt from roster, vault headers and last-known readings, never edited by a face.
//! Deliberately not here: how a face draws it, and the words for a length of time (`words`, and `format.ts` in the UI).

mod standing;

use serde::{Deserialize, Serialize};

use crate::bootstrap::{self, Bootstrap};
use crate::error::Problem;
use crate::flow::FlowError;
use crate::forecast;
use crate::meters;
use crate::policy::{self, Standing};
use crate::ports::Ports;
use crate::profile::{Alias, Profile};
use crate::time::Timestamp;
use crate::vault;
use crate::view::{Order, View};

pub(crate) use standing::standing;

/// Everything that a face of the app may show, at one moment.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// Grows by one with every published board; a face ignores a board older than the one it shows.
    pub rev: u32,
    /// When this board was made.
    pub now: Timestamp,
    /// The cards in the order that the person chose.
    pub cards: Vec<Card>,
    /// What Claude Code's own store holds at the moment, as far as it is known.
    pub live: LiveState,
    /// The switch that is under way.
    pub switching: Option<Switching>,
    /// The profile, old or new, that a guided sign-in is under way for.
    pub signing_in: Option<Alias>,
    /// The newest operation of a face that has ended, well or badly.
    pub acked_op: u32,
    /// Usage is being read right now.
    pub refreshing: bool,
    /// The last thing that went wrong and still matters.
    pub problem: Option<Problem>,
    /// What the last switch did, in one sentence, for as long as it is news and true.
    pub notice: Option<String>,
    /// Which other program keeps the watch, if this one does not.
    pub watched_by: Option<String>,
    /// How a person wants all this drawn.
    pub view: View,
}

/// A switch that has begun and not yet ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Switching {
    pub op: u32,
    pub alias: Alias,
}

/// What stands in Claude Code's own store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum LiveState {
    /// The login of the active profile.
    Known { alias: Alias },
    /// A login of an account that is no profile yet; `email` once the server has said whose it is.
    Unregistered { email: Option<String> },
    /// A login that changed since it was last identified, and the server could not be asked.
    Unresolved,
    /// Claude Code emptied the login after a refused refresh.
    Husk,
    /// Claude Code is signed out.
    Absent,
    /// The store exists but cannot be read.
    Unreadable,
}

/// One profile as a card.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// Says nothing, and stays the same when the profile is renamed.
    pub id: String,
    pub alias: Alias,
    /// Of a setup-token, whose it is as a person says; nobody can check it, and it may be empty.
    pub email: String,
    /// It holds a setup-token.
    pub setup_token: bool,
    /// "Max 20×", "Pro", "Team"; absent while unknown.
    pub plan: Option<String>,
    /// The organisation's name when it says more than the e-mail does.
    pub organization: Option<String>,
    pub active: bool,
    pub badge: Badge,
    /// The last good usage reading of this very identity, never another's.
    pub usage: Option<UsageView>,
    /// When the login has to be made anew, and whether that is known or assumed.
    pub deadline: Option<Deadline>,
    /// How many earlier generations of its login are kept.
    pub older: u32,
    /// How a sign-in that is due goes on by itself; absent where none is due, or where only a person can do it.
    pub bootstrap: Option<Bootstrap>,
    pub action: CardAction,
}

impl Card {
    /// Whether a person has to sign in: nothing else brings the profile back.
    pub fn needs_person(&self) -> bool {
        match self.bootstrap {
            Some(bootstrap) => !bootstrap.goes_on(),
            None => matches!(self.action, CardAction::SignIn | CardAction::NewToken),
        }
    }
}

/// The per-profile signal: a colour and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Badge {
    pub level: Level,
    pub reason: Reason,
}

/// Staleness colours of the badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Level {
    Green,
    Yellow,
    Red,
    Grey,
}

/// Why a badge has its colour. A face puts it into words with the age at the moment of drawing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Reason {
    /// "synced 12 s ago": the live login was last found to be this profile's.
    Synced { at: Timestamp },
    /// "unconfirmed": the live login changed and the server could not be asked yet.
    Unconfirmed,
    /// "signed out of Claude Code": the live login of the active profile is a husk or gone.
    SignedOut,
    /// "another account is live".
    Drifted,
    /// "login ends in 3 days"; `assumed` where the client recorded no deadline.
    DeadlineNear { at: Timestamp, assumed: bool },
    /// "checked 4 min ago": usage was read with this profile's login.
    Checked { at: Timestamp },
    /// "login needed": the grant ended or was refused for good.
    LoginNeeded,
    /// "cannot renew itself": a setup-token.
    CannotRenew,
    /// "never checked".
    NeverChecked,
    /// "saved login unreadable".
    Unreadable,
}

/// When the login has to be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Deadline {
    pub at: Timestamp,
    /// The client did not record a deadline, so seven days after the last sync are assumed; or nobody said when a setup-token was made.
    pub assumed: bool,
}

/// What the card's button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum CardAction {
    /// The active profile needs none.
    None,
    Switch,
    SignIn,
    /// Make a setup-token and hand it over, which only a terminal can do.
    NewToken,
}

/// A usage reading as meters.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    pub read_at: Timestamp,
    pub meters: Vec<Meter>,
    /// Which of the meters is nearest to its limit; absent where there is none.
    pub tightest: Option<u32>,
    /// What was paid beyond the plan.
    pub spend: Option<SpendView>,
}

impl UsageView {
    /// The meter nearest to its limit.
    pub fn tightest(&self) -> Option<&Meter> {
        self.meters.get(usize::try_from(self.tightest?).ok()?)
    }
}

/// What was paid beyond the plan, as money.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SpendView {
    /// "$5.41".
    pub used: String,
    /// "$20.00"; absent where none is set.
    pub limit: Option<String>,
    /// Of the limit, 0 to 100 and more.
    pub percent: Option<f64>,
}

/// One usage window as a bar.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Meter {
    /// "5-hour", "7-day", "Opus".
    pub label: String,
    /// "5h", "7d", "Opus".
    pub short: String,
    /// 0 to 100, and beyond when a plan was exceeded.
    pub percent: f64,
    /// Absent while the window has not started.
    pub resets_at: Option<Timestamp>,
    /// Length of the window in milliseconds, for the pace mark.
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub period_ms: Option<i64>,
    pub severity: Severity,
    /// Where it is going at the pace of late; absent while there is too little to judge by.
    pub outlook: Option<Outlook>,
}

/// Where a window is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outlook {
    /// "limit at 14:20 at this pace".
    Limit { at: Timestamp },
    /// "lasts until the reset".
    Lasts,
}

/// How close a window is to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    Normal,
    /// 80 % and more.
    Warning,
    /// 95 % and more.
    Critical,
}

/// What the running program knows and the disk does not.
#[derive(Clone, Debug)]
pub struct Activity {
    pub rev: u32,
    pub live: LiveState,
    /// When the live login was last found to be the active profile's.
    pub synced_at: Option<Timestamp>,
    pub switching: Option<Switching>,
    pub signing_in: Option<Alias>,
    pub acked_op: u32,
    pub refreshing: bool,
    pub problem: Option<Problem>,
    pub notice: Option<String>,
    pub watched_by: Option<String>,
    /// This program keeps the watch: what is due to be signed in, it begins.
    pub keeps_watch: bool,
}

impl Activity {
    /// Of a program that has looked at the live login once and does nothing else.
    pub fn of_a_glance(live: LiveState, now: Timestamp) -> Self {
        let synced_at = matches!(live, LiveState::Known { .. }).then_some(now);
        Self {
            rev: 0,
            live,
            synced_at,
            switching: None,
            signing_in: None,
            acked_op: 0,
            refreshing: false,
            problem: None,
            notice: None,
            watched_by: None,
            keeps_watch: false,
        }
    }
}

/// Makes the board out of what is saved and what the program knows.
pub fn assemble(ports: &Ports, activity: &Activity) -> Result<Board, FlowError> {
    let roster = vault::load_roster(ports)?;
    let now = ports.clock.now();
    let older = vault::count_generations(ports)?;
    let mut cards = Vec::with_capacity(roster.profiles().len());
    for profile in roster.profiles() {
        let active = roster.active().is_some_and(|active| active.alias == profile.alias);
        let older = older.get(&profile.alias.lower_case()).copied().unwrap_or(0);
        cards.push(card(ports, profile, active, older, activity, now)?);
    }
    let view = ports.preferences.view();
    if view.order == Order::Headroom {
        by_headroom(&mut cards);
    }
    Ok(Board {
        rev: activity.rev,
        now,
        cards,
        live: activity.live.clone(),
        switching: activity.switching.clone(),
        signing_in: activity.signing_in.clone(),
        acked_op: activity.acked_op,
        refreshing: activity.refreshing,
        problem: activity.problem.clone(),
        notice: activity.notice.clone(),
        watched_by: activity.watched_by.clone(),
        view,
    })
}

/// The most left first; whoever cannot be used, or was never read, comes last.
pub fn by_headroom(cards: &mut [Card]) {
    let used = |card: &Card| match card.action {
        CardAction::SignIn | CardAction::NewToken => f64::INFINITY,
        CardAction::None | CardAction::Switch => {
            card.usage.as_ref().and_then(UsageView::tightest).map_or(f64::MAX, |meter| meter.percent)
        }
    };
    cards.sort_by(|a, b| used(a).total_cmp(&used(b)));
}

fn card(
    ports: &Ports,
    profile: &Profile,
    active: bool,
    older: u32,
    activity: &Activity,
    now: Timestamp,
) -> Result<Card, FlowError> {
    // The reading is looked up by identity, so another account's can never be drawn here.
    // A reading that cannot be had, on a full disk for one, hides no card.
    let reading = ports.readings.last(profile.identity()).ok().flatten();
    let standing = Standing {
        usage_read_at: reading.as_ref().map(|reading| reading.read_at),
        synced_at: activity.synced_at,
        ..standing(ports, profile, active, &activity.live)
    };
    let bootstrap = bootstrap::of_card(ports, profile, &standing, activity.keeps_watch, now);
    let badge = policy::badge(&standing, now);
    let setup_token = profile.identity().is_setup_token();
    let action = match (&badge.reason, active) {
        (Reason::LoginNeeded | Reason::Unreadable, _) if setup_token => CardAction::NewToken,
        // The token is as good as ever: it only has to be installed again.
        (Reason::SignedOut, _) if setup_token => CardAction::Switch,
        (Reason::LoginNeeded | Reason::Unreadable | Reason::SignedOut, _) => CardAction::SignIn,
        (Reason::Drifted, true) | (_, false) => CardAction::Switch,
        (_, true) => CardAction::None,
    };
    let account = &profile.account;
    let usage = reading.map(|reading| {
        // A forecast that cannot be had hides no number.
        let samples = ports.samples.since(profile.identity(), now.plus(-forecast::LOOKBACK_MS)).unwrap_or_default();
        meters::view(&reading, &samples, now)
    });
    Ok(Card {
        id: profile.id(),
        alias: profile.alias.clone(),
        email: account.email.clone(),
        setup_token,
        plan: account.plan.clone(),
        organization: account.organization_name.clone().filter(|name| !name.contains(&account.email)),
        active,
        badge,
        usage,
        deadline: standing.deadline,
        older,
        bootstrap,
        action,
    })
}
