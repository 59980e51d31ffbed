//! What the History window asks for: lines of usage, and files that it may not make of anything.

use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_core::view::Hides;
use tauri::Listener as _;
use tauri::ipc::{CallbackFn, InvokeBody, InvokeResponseBody};
use tauri::test::{INVOKE_KEY, get_ipc_response};
use tauri::webview::InvokeRequest;

use super::Page;
use crate::history_window;

/// A call whose body are bytes, as the page sends a picture.
fn send_bytes(page: &Page, command: &str, bytes: Vec<u8>) -> Result<Value, Value> {
    let request = InvokeRequest {
        cmd: command.to_owned(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: "tauri://localhost".parse().expect("an address"),
        body: InvokeBody::Raw(bytes),
        headers: tauri::http::HeaderMap::new(),
        invoke_key: INVOKE_KEY.to_owned(),
    };
    get_ipc_response(&page.window, request).map(|body: InvokeResponseBody| body.deserialize().expect("JSON"))
}

#[test]
fn the_lines_of_a_profile_are_there_once_its_usage_was_read() {
    let page = Page::open();
    let lines = |page: &Page| page.invoke("usage_history", json!({"days": 7})).expect("lines");
    assert_eq!(lines(&page)["profiles"], json!([]));
    assert_eq!(page.invoke("add_profile", json!({"alias": "work", "force": false})), Ok(Value::Null));
    assert_eq!(page.invoke("refresh", json!({})), Ok(Value::Null));
    let board = page.published("a reading", |board| board["cards"][0]["usage"] != Value::Null);

    let plots = lines(&page);
    let profile = &plots["profiles"][0];
    assert_eq!((&profile["alias"], &profile["active"]), (&json!("work"), &json!(true)));
    assert_eq!(profile["id"], board["cards"][0]["id"], "it is the card's");
    let point = &profile["series"][0]["points"][0];
    assert!(point[0].is_i64() && point[1].is_f64(), "{plots}");
    assert!(plots["from"].as_i64() < point[0].as_i64() && point[0].as_i64() <= plots["until"].as_i64(), "{plots}");
}

#[test]
fn where_numbers_are_hidden_no_line_leaves_the_app() {
    let page = Page::open();
    let lines = || page.invoke("usage_history", json!({"days": 7})).expect("lines");
    assert_eq!(page.invoke("add_profile", json!({"alias": "work", "force": false})), Ok(Value::Null));
    assert_eq!(page.invoke("refresh", json!({})), Ok(Value::Null));
    page.published("a reading", |board| board["cards"][0]["usage"] != Value::Null);
    for (hides, hidden) in [("always", true), ("whileShared", false), ("always", true), ("never", false)] {
        let view = json!({"hides": hides});
        assert_eq!(page.invoke("set_view", json!({"view": view})), Ok(Value::Null));
        let past = lines();
        assert_eq!(past["hidden"], hidden, "{hides}: {past}");
        assert_eq!(past["profiles"][0]["alias"], "work", "names stay");
        assert_eq!(past["profiles"][0]["series"] == json!([]), hidden, "{hides}: {past}");
    }
}

#[test]
fn the_page_is_told_what_is_hidden_from_now_on() {
    let page = Page::open();
    let (sender, told) = channel();
    page.app.listen_any("hides", move |event| {
        // The test may have seen enough.
        let _ = sender.send(event.payload().to_owned());
    });
    history_window::tell_hides(page.app.handle(), Hides::Always);
    assert_eq!(told.recv_timeout(Duration::from_secs(10)).as_deref(), Ok("\"always\""));
}

#[test]
fn a_time_for_which_nothing_is_kept_is_refused() {
    let page = Page::open();
    let wanted = |days: u32| json!({"wanted": {"days": days, "profiles": []}});
    for days in [0, 2, 91, u32::MAX] {
        for (command, arguments) in [("usage_history", json!({"days": days})), ("export_history", wanted(days))] {
            let problem = page.invoke(command, arguments).expect_err(command);
            assert_eq!(problem["code"], "usage", "{command}, {days} days: {problem}");
            let message = problem["message"].as_str().expect("a sentence");
            assert!(message.starts_with("Cannot ") && message.contains("1, 7, 30, 90"), "{message}");
        }
    }
    for arguments in [json!({}), json!({"days": -1}), json!({"days": 7.5}), json!({"days": "7"})] {
        assert!(page.invoke("usage_history", arguments.clone()).is_err(), "{arguments}");
    }
}

#[test]
fn only_a_picture_is_saved_as_a_picture() {
    let page = Page::open();
    let junk: [(&str, Vec<u8>); 3] = [
        ("nothing", Vec::new()),
        ("a page", b"<script>".to_vec()),
        ("too much", [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; 17 * 1024 * 1024]].concat()),
    ];
    for (what, bytes) in junk {
        let problem = send_bytes(&page, "save_picture", bytes).expect_err(what);
        assert_eq!(problem["code"], "usage", "{what}: {problem}");
    }
    let problem = page.invoke("save_picture", json!({"path": "/etc/passwd"})).expect_err("no bytes");
    assert_eq!(problem["message"], "Cannot save the picture: it is no picture");
}

#[test]
fn without_its_window_nobody_is_asked_where_to_save() {
    let page = Page::open();
    let wanted = json!({"wanted": {"days": 1, "profiles": ["of-nobody"]}});
    assert_eq!(page.invoke("export_history", wanted), Ok(Value::Null));
}
