//! `signalbox login`: a browser window of a profile's own, in which its account stays signed in beside the others; and the profiles that
//! only a person can bring back. Owns saying so; leaves the windows to `signalbox_machine::browser`, and the sign-in to `rotate`.

use serde_json::json;
use signalbox_core::board::{self, Activity, Card, CardAction, Reason};
use signalbox_core::bootstrap::{Bootstrap, Choice as ByItself, PRESS_WARNING};
use signalbox_core::error::{Code, Doing, NextStep};
use signalbox_core::profile::Alias;
use signalbox_core::{sync, vault, words};
use signalbox_machine::browser::{Browsers, Choice, Opened, Page, WindowKey};

use super::shown;
use crate::args::{LoginOptions, Mode};
use crate::context::{Context, Report, alias, while_doing};
use crate::exit::Failure;
use crate::json;

/// Where a person signs in to the provider; Claude Code's own sign-in begins there too (`docs/observed.md` §7).
const PAGE: &str = "https://claude.ai/login";

/// Where the warning is told at length.
const TERMS: &str = "https://github.com/signalbox-app/signalbox/blob/main/docs/terms.md";

pub fn run(context: &Context, options: &LoginOptions) -> Result<Report, Failure> {
    match (&options.alias, options.by_itself) {
        (Some(text), _) => open(context, &alias(text)?),
        (None, Some(mode)) => choose(context, mode, options.yes),
        (None, None) => say_who(context),
    }
}

/// Chooses what is done about a login that is due.
fn choose(context: &Context, mode: Mode, yes: bool) -> Result<Report, Failure> {
    let doing = Doing::Choose;
    let preferences = &context.ports.preferences;
    let choice = match (mode, preferences.bootstrap()) {
        (Mode::Off, _) => ByItself::Off,
        (Mode::Ready, _) => ByItself::Ready,
        // Whether there is a window is nobody's choice but theirs who write it into the file.
        (Mode::Press, before @ ByItself::Press { .. }) => before,
        (Mode::Press, ByItself::Off | ByItself::Ready) => ByItself::Press { headless: false },
    };
    if mode == Mode::Press {
        context.note(&format!("{PRESS_WARNING} Read {TERMS}"));
        let agreed = yes || (context.can_ask() && context.ask("Press it all the same?"));
        if !agreed {
            let message = format!("Cannot {}: it needs your yes", doing.words());
            let hint = "add `--yes` once you have read that; `ready` leaves the click to you";
            return Err(Failure::new(Code::Confirmation, message, NextStep::Confirm).with_hint(hint));
        }
    }
    preferences.set_bootstrap(choice).map_err(while_doing(&doing))?;
    context.say(match mode {
        Mode::Off => "Nothing is signed in by itself any more: you are asked.\n",
        Mode::Ready => "The window of a profile comes up when its sign-in is due; the click is yours.\n",
        Mode::Press => "The window of a profile comes up when its sign-in is due, and Authorize is pressed for you.\n",
    });
    if mode != Mode::Off && !preferences.terms().are_accepted() {
        context.note("it begins once you have agreed to the terms in the app");
    }
    Ok(Report::of(json::members(json!({ "mode": mode.word() }))))
}

fn open(context: &Context, alias: &Alias) -> Result<Report, Failure> {
    let doing = Doing::SignIn(alias.clone());
    let roster = vault::load_roster(&context.ports).map_err(while_doing(&doing))?;
    let profile = roster.get(alias).map_err(while_doing(&doing))?;
    let key = WindowKey::parse(&profile.window()).expect("it is made of hexadecimal digits");
    let page = Page::parse(PAGE).expect("a page of Anthropic's sign-in");
    let opened = Browsers::new(&context.surroundings, Choice::Any).open(&key, &page).map_err(|error| {
        let message = format!("Cannot open a window for {alias}: {error}");
        Failure::new(Code::Store, message, NextStep::Retry).with_hint(error.hint())
    })?;
    let (own, kind) = match opened {
        Opened::Own { kind, .. } => (true, Some(kind.name())),
        Opened::Shared => (false, None),
    };
    context.say(&match kind {
        Some(kind) => format!(
            "A window of {kind} is open that is {alias}\u{2019}s own. Sign in to {} there; it stays signed in beside the others.\n",
            profile.account.email
        ),
        None => format!("Your browser is open. Sign in to {} there.\n", profile.account.email),
    });
    context.say(&match profile.identity().is_setup_token() {
        true => format!("A setup-token is made in a terminal: {}.\n", words::new_token(alias)),
        false => format!("`signalbox rotate {alias}` renews its login, with one click in that window.\n"),
    });
    Ok(Report::of(json::members(json!({ "alias": alias, "ownWindow": own, "browser": kind }))))
}

/// The profiles that only a person can bring back, in the order of the board.
pub fn needed(context: &Context) -> Result<Vec<Card>, Failure> {
    let mut cards = cards(context)?;
    cards.retain(Card::needs_person);
    Ok(cards)
}

fn cards(context: &Context) -> Result<Vec<Card>, Failure> {
    let roster = vault::load_roster(&context.ports).map_err(while_doing(&Doing::Show))?;
    let live = sync::glance(&context.ports, &roster);
    let board = board::assemble(&context.ports, &Activity::of_a_glance(live, context.now()));
    Ok(board.map_err(while_doing(&Doing::Show))?.cards)
}

fn say_who(context: &Context) -> Result<Report, Failure> {
    let (needed, others): (Vec<_>, Vec<_>) = cards(context)?.into_iter().partition(Card::needs_person);
    if needed.is_empty() {
        context.say("No profile needs to be signed in.\n");
    }
    for card in &needed {
        let (alias, who) = (&card.alias, shown::who(&card.email, card.setup_token));
        let how = match card.action {
            CardAction::NewToken => words::new_token(alias),
            _ => format!("`signalbox rotate {alias}`"),
        };
        context.say(&format!("{alias}  {who}  {}; {how}\n", why(card)));
    }
    let by_itself: Vec<_> = others.iter().filter(|card| card.bootstrap.is_some()).collect();
    for card in &by_itself {
        let what = match card.bootstrap {
            Some(Bootstrap::Ready) => "its window is open: click Authorize there",
            _ => "its window will come up by itself",
        };
        context.say(&format!("{}  {}  {what}\n", card.alias, card.email));
    }
    let each = needed.iter().map(|card| {
        json!({ "alias": card.alias, "email": card.email, "setupToken": card.setup_token, "because": why(card) })
    });
    let by_itself = by_itself.iter().map(|card| json!({ "alias": card.alias, "bootstrap": card.bootstrap }));
    Ok(Report::of(json::members(json!({
        "needed": each.collect::<Vec<_>>(),
        "byItself": by_itself.collect::<Vec<_>>(),
    }))))
}

fn why(card: &Card) -> &'static str {
    match card.badge.reason {
        _ if card.bootstrap.is_some() => "its own window did not bring it back",
        Reason::Unreadable => "its saved login cannot be read",
        _ if card.setup_token => "its year is over",
        Reason::SignedOut => "Claude Code is signed out of it",
        _ => "its login has ended",
    }
}
