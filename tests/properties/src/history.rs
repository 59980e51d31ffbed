//! `events.jsonl`: a history that anything may have been done to.

use std::os::unix::fs::PermissionsExt as _;

use signalbox_core::history::{Entry, Event};
use signalbox_core::ports::History as _;
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use signalbox_machine::data_folder::DataFolder;
use signalbox_machine::history::EventLog;

use crate::marker::MARKER;
use crate::place::folder;

/// Lines that make no sense are left out, all others keep their order, and a new event always gets a line of its own, whatever
/// the file ended with; one that holds a token gets none. Every entry can be shown, and written and read again.
///
/// # Panics
/// When one of these does not hold.
pub fn events_jsonl(bytes: &[u8]) {
    let home = folder();
    let data = DataFolder::new(home.path().join("data"));
    data.ensure().expect("a data folder");
    let path = data.history_file();
    std::fs::write(&path, bytes).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");

    let log = EventLog::new(&data, "test");
    let before = log.recent(usize::MAX).expect("whatever stands there, the history can be read");
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    assert!(before.len() <= lines, "an entry was made out of nothing");
    for entry in &before {
        check_entry(entry);
    }
    let few = before.len().min(2);
    assert_eq!(log.recent(2).expect("readable"), before[before.len() - few..], "the newest ones, oldest first");

    let event = Event::Rotated { alias: Alias::parse("work").expect("an alias") };
    let at = Timestamp::from_ms(1_800_000_000_000);
    log.note(at, &event);
    let after = log.recent(usize::MAX).expect("readable");
    assert_eq!(after.last(), Some(&Entry { at, by: "test".to_owned(), event }), "a new event was lost");
    assert_eq!(after[..after.len() - 1], before, "an older event was changed");

    log.note(at, &Event::Failed { at: format!("refresh {MARKER}") });
    assert_eq!(log.recent(usize::MAX).expect("readable"), after, "a token was written down");
}

fn check_entry(entry: &Entry) {
    let line = entry.line();
    assert!(!line.text.is_empty());
    serde_json::to_string(&line).expect("a line is plain data");
    if entry.event != Event::Unknown {
        let text = serde_json::to_string(entry).expect("an entry is plain data");
        assert_eq!(serde_json::from_str::<Entry>(&text).ok().as_ref(), Some(entry), "{text}");
    }
}
