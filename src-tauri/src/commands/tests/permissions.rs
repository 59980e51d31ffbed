//! Which window's page may call what: the access control list that is built into the app, held against the calls that stand
//! in the pages' own sources. What a command does is no question here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tauri::test::{MockRuntime, get_ipc_response, mock_builder};
use tauri::{App, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

use super::request;
use crate::{board_window, history_window, rotate_window};

/// Holds the macro that lists every command.
const COMMANDS: &str = include_str!("../../commands.rs");
const UI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/src");
/// The folders of the pages that are not the board's.
const OTHERS: [&str; 2] = ["history", "rotate"];

/// Each window with the folder of its page.
const PAGES: [(&str, Option<&str>); 3] =
    [(board_window::LABEL, None), (history_window::LABEL, Some("history")), (rotate_window::LABEL, Some("rotate"))];

/// An app with the real list, in which every command that may be called succeeds.
fn app() -> App<MockRuntime> {
    mock_builder()
        .invoke_handler(|invoke| {
            invoke.resolver.resolve(());
            true
        })
        .build(crate::context())
        .expect("an app")
}

fn window(app: &App<MockRuntime>, label: &str) -> WebviewWindow<MockRuntime> {
    WebviewWindowBuilder::new(app, label, WebviewUrl::default()).build().expect("a window")
}

fn call(window: &WebviewWindow<MockRuntime>, command: &str, arguments: Value) -> Result<(), String> {
    get_ipc_response(window, request(command, arguments)).map(|_| ()).map_err(|refusal| refusal.to_string())
}

/// Every command that the macro lists.
fn commands() -> BTreeSet<String> {
    let listed = COMMANDS.split("$crate::commands::").skip(1);
    listed.filter_map(|rest| rest.split_once(',')).map(|(name, _)| name.to_owned()).collect()
}

/// The sources of a page: those of its own folder, or, for the board's page, those outside all such folders.
fn sources(folder: Option<&str>) -> String {
    let mut text = String::new();
    let mut open = vec![Path::new(UI).to_owned()];
    while let Some(path) = open.pop() {
        let below = path.strip_prefix(UI).expect("below it");
        let other = OTHERS.into_iter().find(|other| below.starts_with(other));
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("readable").map(|entry| entry.expect("an entry").path()));
        } else if other == folder {
            text.push_str(&fs::read_to_string(&path).expect("text"));
        }
    }
    text
}

/// The names in calls such as `invoke("refresh")` and `invoke<Board>("board")`.
fn called(sources: &str) -> BTreeSet<String> {
    let after = sources.split("invoke").skip(1);
    let named = after.filter_map(|rest| {
        let start = rest.find("(\"")?;
        let between = &rest[..start];
        let is_call = between.is_empty() || (between.starts_with('<') && between.ends_with('>'));
        is_call.then(|| rest[start + 2..].split('"').next()).flatten()
    });
    named.map(str::to_owned).collect()
}

#[test]
fn each_page_may_call_the_commands_that_it_calls_and_no_other() {
    let app = app();
    let all = commands();
    let mut used = BTreeSet::new();
    for (label, folder) in PAGES {
        let window = window(&app, label);
        let its_own = called(&sources(folder));
        assert!(its_own.len() > 3, "the calls of `{label}` are not found: {its_own:?}");
        assert!(its_own.is_subset(&all), "`{label}` calls what is no command: {:?}", its_own.difference(&all));
        for command in &all {
            let answer = call(&window, command, json!({}));
            assert_eq!(answer.is_ok(), its_own.contains(command), "`{label}` and `{command}`: {answer:?}");
        }
        used.extend(its_own);
    }
    assert_eq!(used, all, "a command that no page calls");
}

#[test]
fn a_window_of_another_name_may_call_nothing() {
    let app = app();
    let stranger = window(&app, "stranger");
    for command in commands() {
        assert!(call(&stranger, &command, json!({})).is_err(), "{command}");
    }
}

#[test]
fn the_pages_may_ask_nothing_of_tauri_but_to_listen() {
    let app = app();
    for (label, _) in PAGES {
        let window = window(&app, label);
        let listen = json!({"event": "board", "target": {"kind": "Any"}, "handler": 1});
        assert_eq!(call(&window, "plugin:event|listen", listen), Ok(()), "{label}");
        for (command, arguments) in [
            ("plugin:event|emit", json!({"event": "board", "payload": null})),
            ("plugin:window|close", json!({"label": label})),
            ("plugin:webview|create_webview_window", json!({"options": {"label": "new"}})),
            ("plugin:app|version", json!({})),
        ] {
            let refusal = call(&window, command, arguments).expect_err(command);
            assert!(refusal.contains("not allowed"), "{label}, {command}: {refusal}");
        }
    }
}
