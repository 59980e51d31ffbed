//! Episodes of logins: one that ends soon or has ended, a sign-out, an account that is no profile, a switch that was undone. Owns
//! when there is one, and its words; leaves when it is over to the parent.

use crate::board::{Board, Card, Deadline, LiveState, Reason};
use crate::bootstrap::Bootstrap;
use crate::error::{Code, NextStep};
use crate::policy;
use crate::profile::Alias;
use crate::time::{DAY, Timestamp};
use crate::view::Hides;
use crate::words;

use super::{Action, Announcement, Episode, What, digest};

/// Everything that goes on, as far as the board tells.
pub(super) fn episodes(board: &Board) -> Vec<Episode> {
    let mut episodes: Vec<_> = board.cards.iter().filter_map(|card| of_card(card, board)).collect();
    episodes.extend(reverted(board));
    episodes.extend(foreign(board));
    episodes
}

fn of_card(card: &Card, board: &Board) -> Option<Episode> {
    let alias = &card.alias;
    let mark = card.deadline.map_or(Timestamp::from_ms(0), |deadline| deadline.at);
    let episode = |what, title: String, body: String, action| {
        let announcement = Announcement { title, body, action };
        Some(Episode { what, of: card.id.clone(), mark, level: None, announcement })
    };
    match (&card.badge.reason, &board.live) {
        (Reason::LoginNeeded, _) if card.setup_token => episode(
            What::LoginNeeded,
            format!("{alias} needs a new setup-token"),
            format!("Its year is over. {}", how_to_replace(alias)),
            Action::Show,
        ),
        // Its window comes up by itself, which is word enough.
        _ if card.bootstrap.is_some_and(Bootstrap::goes_on) => None,
        _ if card.bootstrap.is_some() => stalled(card),
        (Reason::LoginNeeded, _) => episode(
            What::LoginNeeded,
            format!("{alias} has to be signed in again"),
            "Its login has ended. The other profiles are not affected.".to_owned(),
            Action::SignIn(alias.clone()),
        ),
        (Reason::SignedOut, live) => episode(
            What::SignedOut,
            match live {
                LiveState::Husk => format!("Claude Code lost the login of {alias}"),
                _ => format!("Claude Code is signed out of {alias}"),
            },
            "Sign in again, or switch to another profile.".to_owned(),
            Action::SignIn(alias.clone()),
        ),
        (Reason::Unreadable, _) => None,
        _ => {
            let deadline = card.deadline?;
            let (what, title, body, action) = ends(card, deadline, board.now)?;
            episode(what, title, body, action)
        }
    }
}

/// It was tried in vain to sign the profile in by itself.
fn stalled(card: &Card) -> Option<Episode> {
    let (Some(Bootstrap::Stalled { since }), alias) = (card.bootstrap, &card.alias) else { return None };
    Some(Episode {
        what: What::Stalled,
        of: card.id.clone(),
        mark: since,
        level: None,
        announcement: Announcement {
            title: format!("The sign-in of {alias} has stalled"),
            body: "Its own window did not bring it back, and is not opened again by itself. Sign in to it yourself."
                .to_owned(),
            action: Action::SignIn(alias.clone()),
        },
    })
}

/// The nearest of the two moments before a deadline, if it has come.
fn ends(card: &Card, deadline: Deadline, now: Timestamp) -> Option<(What, String, String, Action)> {
    let alias = &card.alias;
    let left = deadline.at.since(now);
    let length = words::length(left);
    match left {
        // Nobody said when it was made: it ends by then at the latest, and the card says so.
        _ if deadline.assumed && card.setup_token => None,
        // What is only assumed to have ended may well live; the badge says so, and there is nothing to hurry for.
        ..=0 => None,
        _ if deadline.assumed => (left < DAY).then(|| {
            (
                What::MayEnd,
                format!("The login of {alias} may end in about {length}"),
                "Nothing says when it ends; this is assumed, because it was not renewed for days. Switch to it to make sure."
                    .to_owned(),
                Action::Show,
            )
        }),
        _ if left < policy::DEADLINE_NEAR_MS && card.setup_token => Some((
            if left < DAY { What::EndsNow } else { What::EndsSoon },
            format!("The setup-token {alias} ends in {length}"),
            how_to_replace(alias),
            Action::Show,
        )),
        _ if left < policy::DEADLINE_NEAR_MS => Some((
            if left < DAY { What::EndsNow } else { What::EndsSoon },
            format!("The login of {alias} ends in {length}"),
            "Sign in to it once more before then, and nothing is interrupted.".to_owned(),
            Action::SignIn(alias.clone()),
        )),
        _ => None,
    }
}

/// In a terminal, because no token may pass through a window.
fn how_to_replace(alias: &Alias) -> String {
    format!(
        "Make one with \u{201c}claude setup-token\u{201d}, and hand it to \u{201c}signalbox add {alias} --setup-token\u{201d}."
    )
}

fn foreign(board: &Board) -> Option<Episode> {
    // Without an active profile nothing was displaced: it is a first sign-in, or its profile was removed.
    let active = board.cards.iter().find(|card| card.active)?;
    let LiveState::Unregistered { email: Some(email) } = &board.live else { return None };
    Some(Episode {
        what: What::Foreign,
        of: digest(email),
        mark: Timestamp::from_ms(0),
        level: None,
        announcement: Announcement {
            title: match board.view.hides {
                Hides::Always => "An account is live that is no profile yet".to_owned(),
                Hides::WhileShared | Hides::Never => format!("{email} is live, which is no profile yet"),
            },
            body: format!(
                "Somebody signed in outside Signalbox. Add it on the board to keep it. The login of {} is saved.",
                active.alias
            ),
            action: Action::Show,
        },
    })
}

fn reverted(board: &Board) -> Option<Episode> {
    let (problem, card) = (board.problem.as_ref()?, undone(board)?);
    // Backticks are for terminals.
    let message = problem.message.replace('`', "");
    Some(Episode {
        what: What::Reverted,
        of: card.id.clone(),
        mark: Timestamp::from_ms(0),
        level: None,
        announcement: Announcement {
            title: format!("The switch to {} was undone", card.alias),
            body: if message.ends_with('.') { message } else { format!("{message}.") },
            action: Action::Restore(card.alias.clone()),
        },
    })
}

/// The profile that a person chose and that is not live any more.
pub(super) fn undone(board: &Board) -> Option<&Card> {
    let problem = board.problem.as_ref().filter(|problem| problem.code == Code::Reverted)?;
    let NextStep::Restore { alias } = &problem.next_step else { return None };
    board.cards.iter().find(|card| card.alias == *alias)
}
