//! What the Rotate wizard asks for: from the plan to a kept login, the wrong account, a change of mind, and where its page opens.

use serde_json::{Value, json};
use signalbox_core::ports::Clock;
use signalbox_machine::browser::{BrowserError, Page as WebPage, WindowKey};
use tauri::Listener as _;

use super::Page;
use crate::rotate_window::{self, OpensPages, Place, Wanted};

/// A browser that opens nothing.
pub struct NoBrowser;

impl OpensPages for NoBrowser {
    fn own(&self) -> Option<&'static str> {
        Some("No Browser")
    }
    fn open(&self, key: Option<&WindowKey>, _page: &WebPage) -> Result<Place, BrowserError> {
        Ok(if key.is_some() { Place::Own } else { Place::Shared })
    }
    fn note_signed_in(&self, _key: &WindowKey, _clock: &dyn Clock) {}
    fn forget(&self, _key: &WindowKey) -> Result<(), BrowserError> {
        Ok(())
    }
}

fn begins(page: &Page, alias: &str) {
    assert_eq!(page.invoke("begin_sign_in", json!({"alias": alias, "place": "shared"})), Ok(Value::Null));
}

fn under_way(page: &Page) -> Value {
    page.invoke("sign_in_under_way", json!({})).expect("a look")
}

#[test]
fn the_page_leads_from_the_plan_to_a_new_profile() {
    let page = Page::open();
    assert_eq!(under_way(&page), Value::Null);
    let means = page.invoke("sign_in_means", json!({})).expect("means");
    assert_eq!(means, json!({"ability": {"kind": "isolated"}, "own": "No Browser", "presses": null}));
    begins(&page, "lab");
    page.published("the sign-in", |board| board["signingIn"] == "lab");
    let waiting = under_way(&page);
    assert_eq!(
        (&waiting["alias"], &waiting["email"], &waiting["way"]),
        (&json!("lab"), &Value::Null, &json!("isolated"))
    );
    assert_eq!(waiting["step"]["kind"], "browser");
    assert!(waiting["until"].as_i64() > waiting["begunAt"].as_i64(), "{waiting}");

    page.world.person_signs_in("lab");
    assert_eq!(under_way(&page)["step"], json!({"kind": "signedIn"}));
    let found = page.invoke("check_sign_in", json!({})).expect("a login");
    assert_eq!((&found["email"], &found["fits"]), (&json!("lab@example.org"), &json!({"kind": "yes"})));
    let kept = page.invoke("keep_sign_in", json!({"keep": {"kind": "asAsked"}})).expect("kept");
    assert_eq!((&kept["alias"], &kept["isNew"], &kept["isLive"]), (&json!("lab"), &json!(true), &json!(false)));
    assert!(kept["deadline"].is_i64(), "{kept}");
    assert_eq!(under_way(&page), Value::Null);
    page.published("the profile", |board| board["cards"][0]["alias"] == "lab" && board["signingIn"].is_null());
}

#[test]
fn somebody_else_is_kept_under_a_new_name_or_signs_in_once_more() {
    let page = Page::open();
    assert_eq!(page.invoke("add_profile", json!({"alias": "work", "force": false})), Ok(Value::Null));
    begins(&page, "work");
    page.world.person_signs_in("bob");
    let found = page.invoke("check_sign_in", json!({})).expect("a login");
    assert_eq!(found["fits"], json!({"kind": "another", "expected": "ada@example.org"}));
    let refused = page.invoke("keep_sign_in", json!({"keep": {"kind": "asAsked"}})).expect_err("somebody else");
    assert_eq!(refused["code"], "wrongAccount", "{refused}");
    let refused = page.invoke("keep_sign_in", json!({"keep": {"kind": "asNew", "alias": "../etc"}}));
    assert_eq!(refused.expect_err("no alias")["code"], "usage");

    assert_eq!(page.invoke("sign_in_again", json!({"place": "own"})), Ok(Value::Null));
    assert_eq!(under_way(&page)["step"]["kind"], "browser");
    page.world.person_signs_in("bob");
    let kept = page.invoke("keep_sign_in", json!({"keep": {"kind": "asNew", "alias": "bob"}})).expect("kept");
    assert_eq!((&kept["alias"], &kept["email"]), (&json!("bob"), &json!("bob@example.org")));
}

#[test]
fn a_sign_in_that_is_given_up_leaves_everything_as_it_was() {
    let page = Page::open();
    let live = page.world.live_text();
    page.world.claude_is_old();
    let means = page.invoke("sign_in_means", json!({})).expect("means");
    assert_eq!(means["ability"], json!({"kind": "tooOld", "version": "1.0.60"}));
    assert_eq!(page.invoke("add_profile", json!({"alias": "work", "force": false})), Ok(Value::Null));
    begins(&page, "lab");
    assert_eq!(under_way(&page)["step"], json!({"kind": "terminal"}));
    assert_ne!(page.world.live_text(), live);
    assert_eq!(page.invoke("cancel_sign_in", json!({})), Ok(Value::Null));
    assert_eq!(page.world.live_text(), live);
    assert_eq!(under_way(&page), Value::Null);
}

#[test]
fn an_odd_address_is_opened_nowhere_and_the_page_is_told() {
    let page = Page::open();
    begins(&page, "lab");
    // The pretended Claude Code names a page of example.org.
    let problem = page.invoke("open_sign_in_page", json!({"place": "shared"})).expect_err("refused");
    assert_eq!(
        problem["message"],
        "Cannot open the page: this address is not opened: it is no page of Anthropic's sign-in"
    );
    let waiting = under_way(&page);
    assert_eq!((&waiting["opened"], &waiting["trouble"]), (&Value::Null, &problem), "a reopened window says it too");
}

#[test]
fn a_code_is_handed_over() {
    let page = Page::open();
    begins(&page, "lab");
    // The pretended Claude Code takes the account's name for a code.
    assert_eq!(page.invoke("answer_sign_in", json!({"code": "lab"})), Ok(Value::Null));
    assert_eq!(under_way(&page)["step"]["kind"], "signedIn");
    let problem = page.invoke("answer_sign_in", json!({"code": "lab"})).expect_err("nobody asks any more");
    assert_eq!(problem["about"], "lab");
}

#[test]
fn without_a_sign_in_every_step_is_refused_with_a_sentence() {
    let page = Page::open();
    for (command, arguments) in [
        ("check_sign_in", json!({})),
        ("keep_sign_in", json!({"keep": {"kind": "forItsOwner"}})),
        ("sign_in_again", json!({"place": "shared"})),
        ("answer_sign_in", json!({"code": "x"})),
        ("open_sign_in_page", json!({"place": "own"})),
    ] {
        let problem = page.invoke(command, arguments).expect_err(command);
        let message = problem["message"].as_str().expect("a sentence");
        assert!(message.starts_with("Cannot ") && message.ends_with("no sign-in is under way"), "{command}: {message}");
    }
    for arguments in [
        json!({"alias": "lab"}),
        json!({"alias": "../etc", "place": "shared"}),
        json!({"alias": "lab", "place": "moon"}),
    ] {
        assert!(page.invoke("begin_sign_in", arguments.clone()).is_err(), "{arguments}");
    }
}

#[test]
fn the_window_knows_what_it_was_opened_for_and_tells_an_open_page_of_a_new_wish() {
    let page = Page::open();
    assert_eq!(page.invoke("rotate_wanted", json!({})), Ok(json!({"alias": null, "due": false, "passed": []})));
    assert_eq!(page.invoke("open_rotate", json!({"alias": "work", "due": false})), Ok(Value::Null));
    assert_eq!(page.invoke("rotate_wanted", json!({})), Ok(json!({"alias": "work", "due": false, "passed": []})));
    let (sender, told) = std::sync::mpsc::channel();
    page.app.listen_any("rotate-wanted", move |_| {
        // The test may have seen enough.
        let _ = sender.send(());
    });
    rotate_window::open(page.app.handle(), Wanted::all_that_are_due());
    told.recv_timeout(std::time::Duration::from_secs(10)).expect("the page is told to ask");
    assert_eq!(page.invoke("remember_passed", json!({"passed": ["work"]})), Ok(Value::Null));
    let opened = json!({"alias": null, "due": true, "passed": ["work"]});
    assert_eq!(page.invoke("rotate_wanted", json!({})), Ok(opened), "a window that is opened later goes on");
    assert!(page.invoke("remember_passed", json!({"passed": ["../etc"]})).is_err());
    assert_eq!(page.invoke("close_rotate", json!({})), Ok(Value::Null));
    assert!(page.invoke("open_rotate", json!({"alias": "../etc", "due": false})).is_err());
}
