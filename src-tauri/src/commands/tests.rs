//! The page's side of the border: every command over Tauri's own IPC, with the names and arguments that the page uses,
//! against an engine over the core's fakes.

mod history;
mod permissions;
mod rotate;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_core::board::Board;
use signalbox_core::episodes::Announcement;
use signalbox_core::error::Problem;
use signalbox_core::fakes::World;
use signalbox_core::ports::Clock;
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use tauri::ipc::{CallbackFn, InvokeResponseBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder, mock_context, noop_assets};
use tauri::webview::InvokeRequest;
use tauri::{App, AppHandle, Listener, Manager, WebviewWindow, WebviewWindowBuilder};

use signalbox_warden::{self as engine, Faces, Habits, Pace};

use crate::board_window::{self, BoardWindow};
use crate::faces::tell_the_page;
use crate::rotate_window::RotateWindow;

/// The page is the only face: a tray needs a real main thread.
struct PageAlone(AppHandle<MockRuntime>);

impl Faces for PageAlone {
    fn show(&self, board: &Board) {
        tell_the_page(&self.0, board);
    }
    fn switch_failed(&self, _alias: &Alias, _problem: &Problem, _now: Timestamp) {}
    fn announce(&self, _announcement: &Announcement) {}
    fn leaving(&self) {}
    fn exit(&self) {}
}

/// A command as a page of ours sends it.
fn request(command: &str, arguments: Value) -> InvokeRequest {
    InvokeRequest {
        cmd: command.to_owned(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: "tauri://localhost".parse().expect("an address"),
        body: arguments.into(),
        headers: tauri::http::HeaderMap::new(),
        invoke_key: INVOKE_KEY.to_owned(),
    }
}

/// An app without a screen; its live login is `ada`'s, and nobody is registered.
struct Page {
    app: App<MockRuntime>,
    window: WebviewWindow<MockRuntime>,
    world: World,
    boards: Receiver<Value>,
}

impl Page {
    fn open() -> Self {
        let world = World::new();
        let now = Clock::now(&world);
        let oauth = world.server(|server| server.sign_in("ada", "org", now));
        world.set_live(Some(format!(r#"{{"claudeAiOauth":{oauth}}}"#)));
        let app = mock_builder()
            .manage(BoardWindow::new(Duration::from_secs(60)))
            .manage(RotateWindow::new(Box::new(rotate::NoBrowser)))
            .invoke_handler(crate::commands!())
            .build(mock_context(noop_assets()))
            .expect("an app");
        let (sender, boards) = channel();
        app.listen_any("board", move |event| {
            // A test that has seen enough does not listen any more.
            let _ = sender.send(serde_json::from_str(event.payload()).expect("JSON"));
        });
        let window = WebviewWindowBuilder::new(&app, board_window::LABEL, tauri::WebviewUrl::default());
        let window = window.build().expect("a window");
        let habits = Habits::alone(Pace { tick: Duration::from_millis(20), ..Pace::default() });
        let faces = Box::new(PageAlone(app.handle().clone()));
        let ports = Arc::new(world.ports());
        app.manage(Arc::clone(&ports));
        app.manage(engine::start(ports, faces, habits).expect("the engine's threads"));
        Self { app, window, world, boards }
    }

    fn invoke(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        get_ipc_response(&self.window, request(command, arguments))
            .map(|body: InvokeResponseBody| body.deserialize().expect("JSON"))
    }

    fn published(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let board = self.boards.recv_timeout(Duration::from_secs(10));
            let board = board.unwrap_or_else(|_| panic!("waited in vain for {what}"));
            if wanted(&board) {
                return board;
            }
        }
    }
}

#[test]
fn the_page_adds_renames_uses_and_removes_a_profile() {
    let page = Page::open();
    assert_eq!(page.invoke("add_profile", json!({"alias": "work", "force": false})), Ok(Value::Null));
    let board = page.invoke("board", json!({})).expect("a board");
    assert_eq!(board["cards"][0]["alias"], "work");
    assert_eq!(board["cards"][0]["email"], "ada@example.org");
    assert_eq!(board["cards"][0]["active"], true);

    assert_eq!(page.invoke("rename_profile", json!({"from": "work", "to": "job"})), Ok(Value::Null));
    assert_eq!(page.invoke("use_profile", json!({"op": 7, "alias": "job"})), Ok(Value::Null));
    let switching = page.published("the switch", |board| board["switching"]["op"] == 7);
    assert!(switching["rev"].as_u64() > board["rev"].as_u64(), "boards are numbered");
    let acknowledged = page.published("the acknowledgement", |board| board["ackedOp"] == 7);
    assert_eq!(acknowledged["switching"], Value::Null);
    assert_eq!(acknowledged["cards"][0]["alias"], "job");

    assert_eq!(page.invoke("refresh", json!({})), Ok(Value::Null));
    page.published("a reading", |board| board["cards"][0]["usage"] != Value::Null);
    assert_eq!(page.invoke("remove_profile", json!({"alias": "job"})), Ok(Value::Null));
    page.published("an empty board", |board| board["cards"] == json!([]));
}

#[test]
fn the_next_window_brings_its_page_the_board_that_was_published_last() {
    let page = Page::open();
    assert_eq!(page.invoke("add_profile", json!({"alias": "work", "force": false})), Ok(Value::Null));
    let board = page.published("the profile", |board| board["cards"][0]["alias"] == "work");
    let script = page.app.state::<BoardWindow>().first_board();
    let quoted =
        script.strip_prefix("window.__SIGNALBOX_BOARD__ = JSON.parse(").and_then(|rest| rest.strip_suffix(");"));
    let json: String = serde_json::from_str(quoted.expect("one assignment")).expect("a string");
    let brought: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(brought["cards"][0]["alias"], "work");
    assert!(brought["rev"].as_u64() >= board["rev"].as_u64(), "none but a newer one");
    assert_eq!(BoardWindow::new(Duration::ZERO).first_board(), "", "before the first one the page asks");
}

#[test]
fn a_refusal_is_a_problem_with_a_next_step() {
    let page = Page::open();
    for (command, arguments) in [
        ("add_profile", json!({"alias": "../etc", "force": true})),
        ("use_profile", json!({"op": 1, "alias": ""})),
        ("rename_profile", json!({"from": "nobody", "to": "somebody"})),
        ("remove_profile", json!({"alias": "nobody"})),
        ("undo", json!({"alias": "nobody"})),
    ] {
        let problem = page.invoke(command, arguments).expect_err(command);
        assert_eq!(problem["code"], "usage", "{command}: {problem}");
        let message = problem["message"].as_str().expect("a sentence");
        assert!(message.starts_with("Cannot "), "{command}: {message}");
        assert!(problem["nextStep"]["kind"].is_string(), "{command}: {problem}");
    }
    assert!(page.invoke("use_profile", json!({"op": 1})).is_err(), "a missing argument");
}

#[test]
fn a_switch_that_fails_is_on_the_board_until_it_is_dismissed() {
    let page = Page::open();
    assert_eq!(page.invoke("use_profile", json!({"op": 3, "alias": "nobody"})), Ok(Value::Null), "it has begun");
    let board = page.published("the end", |board| board["ackedOp"] == 3);
    assert_eq!(board["problem"]["message"], "Cannot switch to nobody: there is no profile `nobody`");
    assert_eq!(page.invoke("dismiss_problem", json!({})), Ok(Value::Null));
    page.published("a board without it", |board| board["problem"] == Value::Null);
}

#[test]
fn undo_without_an_earlier_login_says_so_and_what_to_do() {
    let page = Page::open();
    assert_eq!(page.invoke("add_profile", json!({"alias": "work", "force": false})), Ok(Value::Null));
    let problem = page.invoke("undo", json!({"alias": "work"})).expect_err("there is none");
    let message = "Cannot go back to an earlier login of work: no earlier login of `work` lives any more";
    assert_eq!(problem["message"], message);
    assert_eq!(problem["nextStep"], json!({"kind": "signIn", "alias": "work"}));
}

#[test]
fn recent_activity_is_what_happened_newest_first() {
    let page = Page::open();
    let events = |page: &Page| {
        let lines = page.invoke("recent_activity", json!({})).expect("a list");
        let texts =
            lines.as_array().expect("a list").iter().map(|line| line["text"].as_str().expect("words").to_owned());
        texts.filter(|text| text.contains("work") || text.contains("job")).collect::<Vec<_>>()
    };
    assert_eq!(events(&page), Vec::<String>::new());
    assert_eq!(page.invoke("add_profile", json!({"alias": "work", "force": false})), Ok(Value::Null));
    assert_eq!(page.invoke("rename_profile", json!({"from": "work", "to": "job"})), Ok(Value::Null));
    assert_eq!(events(&page), ["renamed work to job", "added work"]);
    let lines = page.invoke("recent_activity", json!({})).expect("a list");
    assert!(lines[0]["at"].is_i64() && lines[0]["by"].is_string() && lines[0]["trouble"] == false, "{lines}");
}

#[test]
fn the_window_commands_take_what_the_page_sends() {
    let page = Page::open();
    assert_eq!(page.invoke("fit_board", json!({"height": 412.5})), Ok(Value::Null));
    assert_eq!(page.invoke("close_board", json!({})), Ok(Value::Null));
    assert!(page.invoke("fit_board", json!({})).is_err(), "a missing height");
}

#[test]
fn the_page_chooses_how_the_board_is_drawn() {
    let page = Page::open();
    let view = json!({"order": "headroom", "compact": true, "shows": "left", "resets": "clock", "hides": "always"});
    assert_eq!(page.invoke("set_view", json!({"view": view})), Ok(Value::Null));
    assert_eq!(page.invoke("board", json!({})).expect("a board")["view"], view);
    assert!(page.invoke("set_view", json!({"view": {"order": "colour"}})).is_err());
}

#[test]
fn the_page_puts_profiles_into_an_order() {
    let page = Page::open();
    assert_eq!(page.invoke("add_profile", json!({"alias": "work", "force": false})), Ok(Value::Null));
    assert_eq!(page.invoke("reorder", json!({"aliases": ["gone", "work"]})), Ok(Value::Null));
    let problem = page.invoke("reorder", json!({"aliases": ["../etc"]})).expect_err("no alias");
    assert_eq!(problem["code"], "usage");
}
