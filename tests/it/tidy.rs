//! The layout rules that a compiler does not know: headers, lengths, absent words. Owns no style beyond them; formatting and
//! lints have tools of their own.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines. A longer one wants to be two.
const LINES_MAX: usize = 450;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// Every file below the given folders with one of the given endings, but for what is generated or fetched.
fn files(folders: &[&str], endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["node_modules", "dist", "generated", "gen", "target"].contains(&name.as_str()) {
                open.extend(fs::read_dir(&path).expect("readable").map(|entry| entry.expect("an entry").path()));
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let shown = path.strip_prefix(root()).expect("below the root").display().to_string();
            found.push((shown, fs::read_to_string(&path).expect("text")));
        }
    }
    assert!(found.len() > 5, "nothing to read in {folders:?}");
    found
}

fn rust() -> Vec<(String, String)> {
    files(&["src-tauri", "tests"], &[".rs"])
}

/// Code that ships, without the tests that stand in it.
fn shipped() -> Vec<(String, String)> {
    let ships = |(path, _): &(String, String)| path.starts_with("src-tauri/") && !path.contains("tests");
    let cut = |(path, text): (String, String)| {
        let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
        (path, text[..end].to_owned())
    };
    rust().into_iter().filter(ships).map(cut).collect()
}

#[test]
fn every_rust_file_says_what_it_owns() {
    for (path, text) in rust() {
        assert!(text.starts_with("//! "), "{path} has no `//!` header");
    }
}

#[test]
fn no_file_grows_without_end() {
    let mut sources = rust();
    sources.extend(files(&["ui/src"], &[".ts", ".svelte", ".css"]));
    for (path, text) in sources {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines; {LINES_MAX} are enough");
    }
}

#[test]
fn nothing_is_left_over_and_no_test_is_switched_off() {
    for (path, text) in rust().into_iter().filter(|(path, _)| !path.ends_with("it/tidy.rs")) {
        for word in ["todo!(", "unimplemented!(", "dbg!(", "#[ignore"] {
            assert!(!text.contains(word), "{path} contains `{word}`");
        }
    }
}

#[test]
fn an_error_is_a_type_and_not_a_text() {
    for (path, text) in shipped() {
        assert!(!text.contains(", String>>") && !text.contains("Result<(), String>"), "{path} has a text for an error");
    }
}

#[test]
fn nothing_is_called_by_a_word_that_says_nothing() {
    for (path, text) in rust() {
        for word in ["Manager", "Helper", "Utils"] {
            let named =
                |kind: &str| text.lines().any(|line| line.trim_start().starts_with(kind) && line.contains(word));
            assert!(!["pub struct ", "struct ", "pub enum ", "pub trait "].into_iter().any(named), "{path}: `{word}`");
        }
        assert!(!path.ends_with("/utils.rs") && !path.ends_with("/helpers.rs"), "{path}");
    }
}

#[test]
fn unsafe_stands_only_in_the_macos_shell_and_every_block_is_argued() {
    for (path, text) in shipped() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            if !(code.contains("unsafe {") || code.contains("unsafe impl") || code.contains("unsafe fn")) {
                continue;
            }
            assert!(path.starts_with("src-tauri/src/macos/"), "{path}:{} is unsafe", at + 1);
            let above = &lines[at.saturating_sub(8)..at];
            assert!(above.iter().any(|line| line.contains("SAFETY")), "{path}:{} has no SAFETY argument", at + 1);
        }
    }
}

#[test]
fn the_core_touches_nothing_outside() {
    for (path, text) in shipped().into_iter().filter(|(path, _)| path.starts_with("src-tauri/core/")) {
        for word in ["std::fs", "std::env", "std::process", "std::net", "SystemTime::now", "Instant::now", "Utc::now"] {
            assert!(!text.contains(word), "{path} uses `{word}`");
        }
    }
}

#[test]
fn only_the_identity_gate_makes_a_proof() {
    for (path, text) in shipped().into_iter().filter(|(path, _)| !path.ends_with("core/src/identity.rs")) {
        assert!(!text.contains("Matched {"), "{path} makes a `Matched` of its own");
    }
}

#[test]
fn the_keychain_is_written_only_through_the_security_tool() {
    for (path, text) in shipped() {
        for word in
            ["set_generic_password", "add_generic_password", "SecItemAdd", "update_item", "delete_generic_password"]
        {
            assert!(!text.contains(word), "{path} writes to the Keychain with `{word}`");
        }
    }
}

#[test]
fn the_simulated_provider_is_linked_into_nothing_that_ships() {
    for manifest in ["core", "machine", "warden", "cli", "."] {
        let text = fs::read_to_string(root().join("src-tauri").join(manifest).join("Cargo.toml")).expect("a manifest");
        assert!(!text.contains("provider-sim"), "src-tauri/{manifest}/Cargo.toml names the simulated provider");
    }
}

#[test]
fn every_fact_that_the_code_cites_is_in_the_docs() {
    for page in ["claude-code.md", "observed.md", "macos.md"] {
        let text =
            fs::read_to_string(root().join("docs").join(page)).unwrap_or_else(|_| panic!("docs/{page} is missing"));
        let marker = format!("docs/{page}` §");
        for (path, source) in rust() {
            for cited in source.split(&marker).skip(1) {
                let section: String = cited.chars().take_while(char::is_ascii_alphanumeric).collect();
                let heading = |line: &str| {
                    line.starts_with('#') && line.trim_start_matches('#').trim_start().starts_with(&section)
                };
                assert!(
                    section.is_empty() || text.lines().any(heading),
                    "{path} cites docs/{page} §{section}, which is not there"
                );
            }
        }
    }
}
