//! What is particular to the history as a file: its mode, what it refuses, rotation, torn lines, and many writers at once.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use signalbox_core::profile::Alias;

use super::*;

struct Rig {
    folder: tempfile::TempDir,
    data: DataFolder,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::new(folder.path().join("data"));
        Self { folder, data }
    }

    fn log(&self) -> EventLog {
        EventLog::new(&self.data, "test")
    }

    fn path(&self) -> PathBuf {
        self.data.history_file()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).expect("a history")
    }
}

fn alias(text: &str) -> Alias {
    Alias::parse(text).expect("an alias")
}

fn added(number: usize) -> Event {
    Event::Added { alias: alias(&format!("a{number}")) }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

fn numbers(entries: &[Entry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| match &entry.event {
            Event::Added { alias } => alias.as_str().trim_start_matches('a').to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_line_is_json_with_a_version() {
    let rig = Rig::new();
    let event = Event::Switched { from: Some(alias("work")), to: alias("side"), unverified: None };
    rig.log().note(at(1_800_000_000_000), &event);
    let expected = concat!(
        r#"{"v":1,"at":1800000000000,"by":"test","event":"switched","from":"work","to":"side","unverified":null}"#,
        "\n"
    );
    assert_eq!(rig.text(), expected);
}

#[test]
fn reading_makes_nothing_and_writing_makes_everything_private() {
    let rig = Rig::new();
    assert_eq!(rig.log().recent(10), Ok(Vec::new()));
    assert!(!rig.folder.path().join("data").exists());
    rig.log().note(at(1), &added(1));
    let mode = |path: PathBuf| path.metadata().expect("it exists").permissions().mode() & 0o7777;
    assert_eq!((mode(rig.path()), mode(rig.folder.path().join("data"))), (0o600, 0o700));
    std::fs::set_permissions(rig.path(), Permissions::from_mode(0o644)).expect("opened");
    rig.log().note(at(2), &added(2));
    assert_eq!(mode(rig.path()), 0o600, "one that others may read is closed");
}

#[test]
fn half_a_line_costs_itself_and_no_other() {
    let rig = Rig::new();
    rig.log().note(at(1), &added(1));
    let whole = rig.text();
    std::fs::write(rig.path(), format!("{whole}{}", &whole[..whole.len() / 2])).expect("torn");
    assert_eq!(numbers(&rig.log().recent(10).expect("readable")), ["1"]);
    rig.log().note(at(2), &added(2));
    assert_eq!(numbers(&rig.log().recent(10).expect("readable")), ["1", "2"]);
    assert!(rig.text().ends_with('\n'));
}

#[test]
fn lines_that_make_no_sense_are_passed_over() {
    let rig = Rig::new();
    rig.log().note(at(1), &added(1));
    let nonsense: [&[u8]; 7] = [
        b"\n",
        b"not json\n",
        b"\xff\xfe\n",
        b"{}\n",
        b"{\"v\":1,\"at\":\"noon\",\"by\":\"x\",\"event\":\"added\",\"alias\":\"a\"}\n",
        b"{\"v\":1,\"at\":5,\"by\":\"x\",\"event\":\"added\",\"alias\":\"../..\"}\n",
        &[b'x'; 100_000],
    ];
    let mut bytes = std::fs::read(rig.path()).expect("a history");
    bytes.extend(nonsense.concat());
    std::fs::write(rig.path(), bytes).expect("written");
    rig.log().note(at(2), &added(2));
    assert_eq!(numbers(&rig.log().recent(10).expect("readable")), ["1", "2"]);
}

#[test]
fn what_a_newer_version_wrote_is_known_to_have_happened() {
    let rig = Rig::new();
    rig.log().note(at(1), &added(1));
    let newer = concat!(
        "{\"v\":1,\"at\":2,\"by\":\"app\",\"event\":\"teleported\",\"to\":\"mars\"}\n",
        "{\"v\":2,\"at\":3,\"by\":\"app\",\"event\":{\"added\":\"a\"}}\n"
    );
    std::fs::write(rig.path(), format!("{}{newer}", rig.text())).expect("written");
    let unknown = |at| Entry { at, by: "app".to_owned(), event: Event::Unknown };
    assert_eq!(rig.log().recent(2), Ok(vec![unknown(at(2)), unknown(at(3))]));
}

#[test]
fn a_full_file_goes_behind_a_new_one_and_only_one_is_kept() {
    let rig = Rig::new();
    let log = rig.log().rotated_at(1_000);
    for number in 0..100 {
        log.note(at(1), &added(number));
    }
    let sizes = [rig.path(), rig.data.old_history_file()].map(|path| path.metadata().expect("it exists").len());
    assert!(sizes.iter().all(|size| (1..=1_000).contains(size)), "{sizes:?}");
    assert_eq!(std::fs::read_dir(rig.folder.path().join("data")).expect("a folder").count(), 2);
    let recent = numbers(&log.recent(15).expect("readable"));
    assert_eq!(recent, (85..100).map(|number| number.to_string()).collect::<Vec<_>>(), "across both files");
    let all = numbers(&log.recent(1_000).expect("readable"));
    assert!(all.len() > 15 && all.ends_with(&recent), "{all:?}");
}

#[test]
fn a_file_that_cannot_be_rotated_is_written_all_the_same() {
    let rig = Rig::new();
    let log = rig.log().rotated_at(200);
    log.note(at(1), &added(1));
    std::fs::create_dir(rig.data.old_history_file()).expect("a folder in the way");
    for number in 2..9 {
        log.note(at(1), &added(number));
    }
    assert_eq!(rig.text().lines().count(), 8);
}

#[test]
fn of_a_huge_file_only_the_end_is_read() {
    let rig = Rig::new();
    rig.log().note(at(1), &added(1));
    let mut text = rig.text().repeat(usize::try_from(TAIL_BYTES).expect("small") / rig.text().len() + 100);
    text.push_str(&rig.text().replace("a1", "a2"));
    std::fs::write(rig.path(), &text).expect("written");
    let entries = rig.log().recent(usize::MAX).expect("readable");
    assert!(entries.len() < text.lines().count() && entries.len() > 1_000, "{}", entries.len());
    assert_eq!(numbers(&entries).last().map(String::as_str), Some("2"));
}

#[test]
fn many_writers_lose_no_line_though_they_rotate() {
    let rig = Rig::new();
    // Two files of this size hold everything that is written.
    let (writers, each) = (8, 50);
    std::thread::scope(|scope| {
        for writer in 0..writers {
            // Each opens the file anew for each line, as processes do.
            let log = rig.log().rotated_at(14_000);
            scope.spawn(move || (0..each).for_each(|line| log.note(at(1), &added(writer * 1_000 + line))));
        }
    });
    let mut seen = numbers(&rig.log().recent(10_000).expect("readable"));
    assert!(rig.data.old_history_file().is_file(), "it was rotated");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), writers * each);
}

#[test]
fn a_writer_that_was_stopped_delays_the_others_a_moment_and_no_more() {
    let rig = Rig::new();
    rig.log().note(at(1), &added(1));
    let stopped = open_to_append(&rig.path()).expect("opened");
    assert!(lock(&stopped));
    let began = Instant::now();
    rig.log().note(at(2), &added(2));
    assert!(began.elapsed() < LOCK_WAIT * 10, "{:?}", began.elapsed());
    assert_eq!(numbers(&rig.log().recent(10).expect("readable")), ["1", "2"]);
}

#[test]
fn a_link_a_folder_and_a_pipe_are_refused() {
    let rig = Rig::new();
    rig.data.ensure().expect("made");
    let elsewhere = rig.folder.path().join("elsewhere");
    std::fs::write(&elsewhere, "theirs").expect("written");
    symlink(&elsewhere, rig.path()).expect("linked");
    let error = rig.log().append(b"x\n").expect_err("a link");
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert!(rig.log().recent(1).is_err());
    // Noting it all the same stops nothing.
    rig.log().note(at(1), &added(1));
    assert_eq!(std::fs::read_to_string(&elsewhere).expect("it is there"), "theirs");
    std::fs::remove_file(rig.path()).expect("removed");
    std::fs::create_dir(rig.path()).expect("made");
    assert!(rig.log().append(b"x\n").is_err());
    assert!(rig.log().recent(1).is_err());
    std::fs::remove_dir(rig.path()).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(rig.path()).status().expect("mkfifo");
    assert!(made.success());
    assert!(rig.log().append(b"x\n").is_err());
    assert!(rig.log().recent(1).is_err());
}

#[test]
fn a_history_of_another_user_is_refused() {
    let rig = Rig::new();
    rig.log().note(at(1), &added(1));
    if !durable::tests::give_away(&rig.path()) {
        return;
    }
    let not_ours = StoreError::NotOurs { path: rig.path() };
    assert_eq!(rig.log().append(b"x\n"), Err(not_ours.clone()));
    assert_eq!(rig.log().recent(1), Err(not_ours));
}

#[test]
fn what_looks_like_a_token_stays_out() {
    let rig = Rig::new();
    let log = rig.log();
    log.note(at(1), &Event::SwitchFailed { to: alias("work"), why: "sk-ant-ort01-sim-secret was refused".to_owned() });
    log.note(at(2), &Event::SwitchFailed { to: alias("work"), why: "x".repeat(LINE_BYTES_MAX) });
    assert!(!rig.path().exists());
    log.note(at(3), &Event::SwitchFailed { to: alias("work"), why: "it is late".to_owned() });
    assert_eq!(rig.text().lines().count(), 1);
}
