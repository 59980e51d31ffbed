//! The wire contract: the TypeScript that the page is compiled against is what the Rust types say now, and every command of
//! the page exists in the shell. `UPDATE=1 cargo test contract` writes the files anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use signalbox_core::board::Board;
use signalbox_core::history::Line;
use signalbox_core::plot::Plots;
use signalbox_core::rotate::{Found, Rotation};
use ts_rs::{Config, TS as _};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The TypeScript files of a folder by name. A final blank is of no interest.
fn sources(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("the folder of generated types");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).expect("readable").trim_end().to_owned())
    };
    entries.map(read).collect()
}

#[test]
fn the_generated_types_are_current() {
    let committed = root().join("ui/src/generated");
    let fresh = tempfile::tempdir().expect("a folder");
    let target = if std::env::var_os("UPDATE").is_some() { committed.as_path() } else { fresh.path() };
    let to_target = Config::new().with_out_dir(target);
    let exported = Board::export_all(&to_target).and_then(|()| Line::export_all(&to_target));
    let exported = exported.and_then(|()| Plots::export_all(&to_target));
    let exported = exported.and_then(|()| Rotation::export_all(&to_target));
    exported.and_then(|()| Found::export_all(&to_target)).expect("exported");
    assert_eq!(
        sources(&committed),
        sources(target),
        "ui/src/generated is not what the Rust types say: run `UPDATE=1 cargo test -p signalbox-tests contract`"
    );
}

/// The words that follow `marker` up to the next character that no command name has.
fn names_after<'a>(text: &'a str, marker: &str) -> Vec<&'a str> {
    let name = |rest: &'a str| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap_or("");
    text.split(marker).skip(1).map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn every_command_of_the_page_exists_in_the_shell_once() {
    let pages = ["ui/src/backend.ts", "ui/src/history/backend.ts", "ui/src/rotate/backend.ts"];
    let page = pages.map(|path| fs::read_to_string(root().join(path)).expect(path)).concat();
    let shell = fs::read_to_string(root().join("src-tauri/src/commands.rs")).expect("commands.rs");
    let mut asked: Vec<&str> = names_after(&page, "invoke(\"");
    let answers = ["Board", "Line[]", "Lines", "string | null", "Found", "Kept", "Means", "UnderWay | null", "Wanted"];
    for answer in answers {
        let marker = format!("invoke<{answer}>(\"");
        asked.extend(names_after(&page, &marker));
    }
    asked.sort_unstable();
    asked.dedup();
    let mut answered: Vec<&str> = names_after(&shell, "\npub fn ");
    answered.extend(names_after(&shell, "\npub async fn "));
    answered.sort_unstable();
    assert!(asked.len() >= 8, "the page asks for too little to be read right: {asked:?}");
    for name in &asked {
        assert!(answered.contains(name), "the page calls `{name}`, which commands.rs does not have");
    }
}
