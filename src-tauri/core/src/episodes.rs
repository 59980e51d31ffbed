//! What a person is told without having asked, once per episode: a login that ends soon or has ended, a live login that changed
//! behind Signalbox's back, and a window that fills. Owns what an episode is, when it is over, and `told.json`, by which a new
//! start does not tell everything anew; what goes on with logins is in `logins`, with windows in `windows`, each with its words.
//! Leaves showing it to the faces, and what stands on the board to `board`.

mod logins;
mod windows;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::board::{Board, Card, LiveState, Reason};
use crate::bootstrap::Bootstrap;
use crate::error::Code;
use crate::history::Event;
use crate::ports::{FileName, Ports};
use crate::profile::Alias;
use crate::time::{DAY, HOUR, Timestamp};

use logins::undone;
use windows::Level;
pub use windows::Notices;

/// More than so many at once, after a long absence, are told as one.
const SINGLY_MAX: usize = 3;
/// A deadline that moved by less is the same one. A new sign-in moves it by weeks.
const SAME_DEADLINE_MS: i64 = DAY;
/// A switch outside Signalbox is news for this long after it was noticed.
const NEWS_MS: i64 = HOUR;
/// How many of the newest events are searched for it.
const EVENTS: usize = 50;

/// Something to tell a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub title: String,
    /// Whole sentences.
    pub body: String,
    pub action: Action,
}

/// What the button of an announcement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Show how to sign in to this profile.
    SignIn(Alias),
    /// Show the board.
    Show,
    /// Make this profile live again.
    Restore(Alias),
}

/// Remembers what was told. One for each program that can reach a person: what a program without a face "tells" is not told.
#[derive(Default)]
pub struct Teller {
    notices: Notices,
    /// What `told.json` holds; read once, because nobody else writes it.
    told: Option<Vec<Told>>,
    /// The live profile on the last board, if it had one.
    live: Option<String>,
}

/// An episode that a person was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    what: What,
    /// Whose: a card's id, or a digest.
    of: String,
    /// Which of several of the same kind: the deadline, or when it began.
    mark: Timestamp,
    at: Timestamp,
    /// Of a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    /// A known deadline within five days.
    EndsSoon,
    /// A known deadline within a day.
    EndsNow,
    /// An assumed deadline within a day.
    MayEnd,
    LoginNeeded,
    /// Signing it in by itself was given up; `mark` is when.
    Stalled,
    SignedOut,
    /// An account that is no profile is live.
    Foreign,
    /// Another profile became live outside Signalbox.
    Moved,
    /// A switch was undone.
    Reverted,
    /// A window has reached a threshold; `mark` is its reset.
    Reached,
    /// A window that had reached one has reset.
    Reset,
}

/// Something that goes on, and what to say about it.
struct Episode {
    what: What,
    of: String,
    mark: Timestamp,
    level: Option<Level>,
    announcement: Announcement,
}

impl Teller {
    /// Tells of usage as `notices` say.
    pub fn new(notices: Notices) -> Self {
        Self { notices, ..Self::default() }
    }

    /// What has to be told now. Whatever comes back is remembered as told; at most one write, and none when nothing changed.
    /// That it cannot be written is no reason to tell anything twice in one run.
    pub fn due(&mut self, ports: &Ports, board: &Board) -> Vec<Announcement> {
        // Without cards there is nobody to tell of, or the list of profiles could not be read: nothing is over, then.
        if board.cards.is_empty() {
            return Vec::new();
        }
        let mut going_on = logins::episodes(board);
        going_on.extend(self.moved(ports, board));
        going_on.extend(windows::episodes(ports, board, &self.notices));
        let told = self.told.get_or_insert_with(|| load(ports));
        let before = told.clone();
        told.retain(|told| !told.is_over(board));
        let reset = windows::resets(told, board, &self.notices);
        let fresh: Vec<_> =
            going_on.into_iter().filter(|episode| !told.iter().any(|told| told.covers(episode))).collect();
        told.extend(fresh.iter().map(|episode| Told {
            what: episode.what,
            of: episode.of.clone(),
            mark: episode.mark,
            at: board.now,
            level: episode.level.clone(),
        }));
        if *told != before {
            save(ports, told);
        }
        let untold = fresh.into_iter().filter(|episode| !episode.was_just_said(board));
        gathered(untold.map(|episode| episode.announcement).chain(reset).collect())
    }

    /// A switch outside Signalbox. The board does not say who switched, the history does; it is asked only after the live
    /// profile changed.
    fn moved(&mut self, ports: &Ports, board: &Board) -> Option<Episode> {
        let LiveState::Known { alias } = &board.live else { return None };
        let card = board.cards.iter().find(|card| card.alias == *alias)?;
        if self.live.as_ref() == Some(&card.id) {
            return None;
        }
        self.live = Some(card.id.clone());
        let recent = ports.history.recent(EVENTS).ok()?;
        let last = recent.iter().rev().find(|entry| {
            let switches = matches!(
                entry.event,
                Event::Switched { .. }
                    | Event::SwitchedOutside { .. }
                    | Event::Reverted { .. }
                    | Event::Restored { .. }
                    | Event::Completed { .. }
                    | Event::RolledBack
            );
            switches
        })?;
        let Event::SwitchedOutside { from: Some(from), to, rival } = &last.event else { return None };
        let age = board.now.since(last.at);
        // A clock that was set back makes it come from the future.
        (from != to && to == alias && age.abs() < NEWS_MS).then(|| Episode {
            what: What::Moved,
            of: card.id.clone(),
            mark: last.at,
            level: None,
            announcement: Announcement {
                title: format!("{to} is live now"),
                body: if *rival {
                    format!("Another program put a saved copy of it in the place of {from}. Both logins are saved.")
                } else {
                    format!("It took the place of {from} outside Signalbox. Both logins are saved.")
                },
                action: Action::Show,
            },
        })
    }
}

impl Episode {
    /// Whether it is what a person was told a moment ago, as the answer to a click.
    fn was_just_said(&self, board: &Board) -> bool {
        let Some(problem) = &board.problem else { return false };
        let Action::SignIn(alias) = &self.announcement.action else { return false };
        self.what == What::LoginNeeded && problem.code == Code::LoginNeeded && problem.about.as_ref() == Some(alias)
    }
}

impl Told {
    fn covers(&self, episode: &Episode) -> bool {
        if let (Some(told), Some(level)) = (&self.level, &episode.level) {
            return self.of == episode.of && told.covers(level) && windows::is_one(self.mark, episode.mark);
        }
        let same_kind = self.what == episode.what
            // Whoever heard that it is a day is not told that it is five, should the clock be set back.
            || (self.what == What::EndsNow && episode.what == What::EndsSoon);
        same_kind && self.of == episode.of && self.is_at(episode.mark)
    }

    fn is_at(&self, mark: Timestamp) -> bool {
        self.mark.since(mark).abs() < SAME_DEADLINE_MS
    }

    /// Whether it is certainly over, so that the next one of its kind is told again. What cannot be known at the moment is not.
    fn is_over(&self, board: &Board) -> bool {
        let doubtful = matches!(board.live, LiveState::Unresolved | LiveState::Unreadable);
        match self.what {
            What::Foreign => match &board.live {
                LiveState::Unregistered { email } => email.as_ref().is_some_and(|email| digest(email) != self.of),
                _ => !doubtful,
            },
            What::Reverted => undone(board).is_none_or(|card| card.id != self.of),
            _ => match board.cards.iter().find(|card| card.id == self.of) {
                Some(card) => self.is_over_for(card, board.now, doubtful),
                None => true,
            },
        }
    }

    fn is_over_for(&self, card: &Card, now: Timestamp, doubtful: bool) -> bool {
        if card.badge.reason == Reason::Unreadable {
            return false;
        }
        let same_sign_in = card.deadline.is_some_and(|deadline| self.is_at(deadline.at));
        match self.what {
            What::EndsSoon | What::EndsNow | What::MayEnd => !same_sign_in,
            // A deadline that had passed passes again when the clock was set back; a refusal that is over is over.
            What::LoginNeeded => card.badge.reason != Reason::LoginNeeded && !(same_sign_in && self.at >= self.mark),
            What::Stalled => match card.bootstrap {
                Some(bootstrap) => bootstrap != Bootstrap::Stalled { since: self.mark },
                // It was switched off, or could not be read at the moment.
                None => !matches!(card.badge.reason, Reason::LoginNeeded | Reason::DeadlineNear { .. }),
            },
            What::SignedOut => card.badge.reason != Reason::SignedOut && !doubtful,
            What::Moved => !card.active && !doubtful,
            What::Reached | What::Reset => windows::is_over(self, card, now),
            // They belong to no card.
            What::Foreign | What::Reverted => false,
        }
    }
}

fn gathered(announcements: Vec<Announcement>) -> Vec<Announcement> {
    if announcements.len() <= SINGLY_MAX {
        return announcements;
    }
    let titles: Vec<_> = announcements.iter().map(|each| format!("{}.", each.title)).collect();
    let title = format!("{} things about your logins", announcements.len());
    vec![Announcement { title, body: titles.join("\n"), action: Action::Show }]
}

/// A file that makes no sense is no reason to stop, and costs one repetition at most.
fn load(ports: &Ports) -> Vec<Told> {
    let bytes = match ports.files.read(&FileName::Told) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(error) => {
            tracing::info!(%error, "what was told before is not known");
            return Vec::new();
        }
    };
    // One by one, so that what another version told leaves the rest as it is.
    let entries: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap_or_default();
    entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect()
}

fn save(ports: &Ports, told: &[Told]) {
    let bytes = serde_json::to_vec(told).expect("plain data has a JSON form");
    if let Err(error) = ports.files.write(&FileName::Told, &bytes) {
        tracing::info!(%error, "what was told cannot be written down");
    }
}

/// For what must be recognised and need not be known.
fn digest(text: &str) -> String {
    Sha256::digest(text)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
