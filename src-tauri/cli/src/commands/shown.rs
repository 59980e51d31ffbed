//! What `list`, `status` and `usage` show: the board of this moment, made without a request or a lock. Also the small words
//! about a profile that more than one command says.

use serde_json::Value;
use signalbox_core::board::{self, Activity, Board, Card, LiveState, UsageView};
use signalbox_core::error::Doing;
use signalbox_core::forecast;
use signalbox_core::identity::{Account, Identity};
use signalbox_core::meters;
use signalbox_core::ports::Ports;
use signalbox_core::profile::{Alias, Roster};
use signalbox_core::sessions::{Reach, Session};
use signalbox_core::time::Timestamp;
use signalbox_core::usage::Reading;
use signalbox_core::{feed, sync, vault, words};
use signalbox_machine::data_folder::DataFolder;
use signalbox_machine::watch_lock;

use crate::context::{Context, while_doing};
use crate::exit::Failure;
use crate::json;
use crate::render;

/// The board as far as this computer alone can tell. Its cards stand in the roster's order, whatever the app's window is set to: a
/// script counts on it.
pub fn board(context: &Context) -> Result<(Board, Roster), Failure> {
    let ports = &context.ports;
    let roster = vault::load_roster(ports).map_err(while_doing(&Doing::Show))?;
    let live = sync::glance(ports, &roster);
    let data = DataFolder::new(context.surroundings.data_folder());
    let watched_by = watch_lock::keeper(&data);
    if watched_by.is_none() {
        // Whoever watches takes in what the sessions were told; here nobody does. Without it the last reading stands.
        let _last_reading_stands = feed::take_in(ports);
    }
    let activity = Activity { watched_by, ..Activity::of_a_glance(live, context.now()) };
    let mut board = board::assemble(ports, &activity).map_err(while_doing(&Doing::Show))?;
    let place = |card: &Card| roster.profiles().iter().position(|profile| profile.alias == card.alias);
    board.cards.sort_by_key(place);
    Ok((board, roster))
}

/// A reading as meters, with the outlook that the samples of its own identity allow.
pub fn view(ports: &Ports, identity: &Identity, reading: &Reading, now: Timestamp) -> UsageView {
    // A forecast that cannot be had hides no number.
    let samples = ports.samples.since(identity, now.plus(-forecast::LOOKBACK_MS)).unwrap_or_default();
    meters::view(reading, &samples, now)
}

/// The last reading of a profile, however old. None where none can be had: then there is nothing to show besides what failed.
pub fn last(ports: &Ports, alias: &Alias, now: Timestamp) -> Option<UsageView> {
    let roster = vault::load_roster(ports).ok()?;
    let identity = roster.find(alias)?.identity();
    let reading = ports.readings.last(identity).ok().flatten()?;
    Some(view(ports, identity, &reading, now))
}

/// What stands where no usage was read.
pub fn unread(card: &Card) -> String {
    match card.setup_token {
        true => "A setup-token may not read usage; Claude Code's statusline tells some while it is live".to_owned(),
        false => format!("No usage read yet: `signalbox refresh {}` asks for it", card.alias),
    }
}

/// The e-mail; of a setup-token, what a person said and nobody can check.
pub fn who(email: &str, setup_token: bool) -> String {
    match (setup_token, email) {
        (false, email) => email.to_owned(),
        (true, "") => "a setup-token".to_owned(),
        (true, label) => format!("{label}, unverified"),
    }
}

/// "m.keller@example.org (Max 20×)".
pub fn account(account: &Account) -> String {
    let email = render::printable(&who(&account.email, account.identity.is_setup_token()));
    match &account.plan {
        Some(plan) => format!("{email} ({})", render::printable(plan)),
        None => email,
    }
}

/// The same sentence with a capital letter.
pub fn capital(text: &str) -> String {
    // An e-mail address is a name and stays as it is written.
    if text.split(' ').next().is_some_and(|word| word.contains('@')) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Who may have undone a switch, in a clause.
pub fn suspects(suspects: &[Session]) -> String {
    match suspects {
        [] => "something put its login back, and no session that began before the switch is there any more".to_owned(),
        [one] => format!("{}, which began before the switch, may have put its login back", one.words()),
        many => {
            let all: Vec<String> = many.iter().map(Session::words).collect();
            format!("one of these, which began before the switch, may have put its login back: {}", all.join("; "))
        }
    }
}

/// The running sessions for `--json`, and whether each follows; null where they could not be found out.
pub fn sessions(reach: &Reach) -> Value {
    let member = |session: &Session| {
        let mut member = json::value(session);
        member["follows"] = session.follows().into();
        member
    };
    reach.sessions.as_ref().map_or(Value::Null, |sessions| sessions.iter().map(member).collect())
}

/// That a pin keeps Claude Code from using the login that is live now, and the cure of each pin.
pub fn pinned(alias: &Alias, reach: &Reach) -> Option<Failure> {
    let problem = reach.problem(alias)?;
    let now = Timestamp::from_ms(0);
    let cures: Vec<String> = reach.pins.iter().map(|pin| words::hint(&pin.cure(), now)).collect();
    Some(Failure::from(problem).with_hint(cures.join("; ")))
}

/// What a person can do about a login that is not a profile's own, in one clause.
pub fn todo(live: &LiveState, no_profiles: bool) -> Option<&'static str> {
    match live {
        LiveState::Known { .. } => None,
        LiveState::Unregistered { .. } => Some("register it with `signalbox add <alias>`"),
        LiveState::Unresolved => Some("`signalbox refresh` asks the server whose it is"),
        LiveState::Husk | LiveState::Absent if no_profiles => {
            Some("sign in with `claude auth login`, then register that login with `signalbox add <alias>`")
        }
        LiveState::Husk | LiveState::Absent => Some("`signalbox use <alias>` signs in again with a saved login"),
        LiveState::Unreadable => Some("`signalbox refresh` says why"),
    }
}
