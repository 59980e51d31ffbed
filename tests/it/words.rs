//! Words that two languages say: the board's page has its own, because its ages tick without asking anybody. One table,
//! `ui/test/words.json`, which the page's tests read too.

use std::path::Path;

use serde::Deserialize;
use signalbox_core::board::{self, Activity, Badge, Card, Deadline, Level, LiveState, Reason};
use signalbox_core::bootstrap::Bootstrap;
use signalbox_core::time::{DAY, Timestamp};
use signalbox_core::words;

use crate::scene::Scene;

#[derive(Deserialize)]
struct Table {
    deadlines: Vec<Case>,
    standings: Vec<Stands>,
}

#[derive(Deserialize)]
struct Stands {
    ended: bool,
    bootstrap: Option<String>,
    words: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    left_ms: i64,
    assumed: bool,
    words: String,
}

fn table() -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/test/words.json");
    serde_json::from_slice(&std::fs::read(path).expect("the table")).expect("its form")
}

/// A card of a world in which a login has ended.
fn card() -> Card {
    let scene = Scene::new().profile("a");
    let activity = Activity::of_a_glance(LiveState::Absent, scene.now());
    board::assemble(&scene.ports, &activity).expect("a board").cards.remove(0)
}

#[test]
fn the_core_and_the_page_say_the_same_of_how_a_profile_stands() {
    let now = Timestamp::from_ms(1_800_000_000_000);
    let since = now;
    for Stands { ended, bootstrap, words } in table().standings {
        let reason =
            if ended { Reason::LoginNeeded } else { Reason::DeadlineNear { at: now.plus(DAY), assumed: false } };
        let bootstrap = match bootstrap.as_deref() {
            Some("due") => Some(Bootstrap::Due),
            Some("ready") => Some(Bootstrap::Ready),
            Some("stalled") => Some(Bootstrap::Stalled { since }),
            other => {
                assert_eq!(other, None);
                None
            }
        };
        let card = Card { badge: Badge { level: Level::Red, reason }, bootstrap, ..card() };
        assert_eq!(words::standing(&card, now), words);
    }
}

#[test]
fn the_core_and_the_page_say_the_same_of_a_deadline() {
    let table = table();
    assert!(!table.deadlines.is_empty());
    let now = Timestamp::from_ms(1_800_000_000_000);
    for Case { left_ms, assumed, words } in table.deadlines {
        let at = now.plus(left_ms);
        assert_eq!(words::deadline(Deadline { at, assumed }, now), words);
        let badge = Badge { level: Level::Yellow, reason: Reason::DeadlineNear { at, assumed } };
        assert_eq!(words::badge(&badge, now), words, "and so does the badge");
    }
}
