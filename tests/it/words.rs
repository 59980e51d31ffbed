//! Words that two languages say: the board's page has its own, because its ages tick without asking anybody. One table,
//! `ui/test/words.json`, which the page's tests read too.

use std::path::Path;

use serde::Deserialize;
use signalbox_core::board::{Badge, Deadline, Level, Reason};
use signalbox_core::time::Timestamp;
use signalbox_core::words;

#[derive(Deserialize)]
struct Table {
    deadlines: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    left_ms: i64,
    assumed: bool,
    words: String,
}

#[test]
fn the_core_and_the_page_say_the_same_of_a_deadline() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/test/words.json");
    let table: Table = serde_json::from_slice(&std::fs::read(path).expect("the table")).expect("its form");
    assert!(!table.deadlines.is_empty());
    let now = Timestamp::from_ms(1_800_000_000_000);
    for Case { left_ms, assumed, words } in table.deadlines {
        let at = now.plus(left_ms);
        assert_eq!(words::deadline(Deadline { at, assumed }, now), words);
        let badge = Badge { level: Level::Yellow, reason: Reason::DeadlineNear { at, assumed } };
        assert_eq!(words::badge(&badge, now), words, "and so does the badge");
    }
}
