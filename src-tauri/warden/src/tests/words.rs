//! The sentences of a notice, and going back to an earlier login.

use signalbox_core::error::NextStep;
use signalbox_core::ports::FileName;
use signalbox_core::sessions::{Pin, PinPlace, Session};
use signalbox_core::time::DAY;

use super::duties::session;
use super::*;

fn notice_with(sessions: &[(Option<&str>, Option<&str>)], pins: Vec<Pin>) -> Board {
    let scene = Scene::begin().settled();
    let sessions = (1..).zip(sessions).map(|(pid, (entrypoint, pinned_by))| Session {
        entrypoint: entrypoint.map(str::to_owned),
        pinned_by: pinned_by.map(str::to_owned),
        ..session(pid)
    });
    scene.world.set_sessions(sessions.collect(), pins);
    scene.use_profile(1, "personal");
    scene.board("the notice", |board| board.notice.is_some())
}

#[test]
fn a_notice_counts_the_sessions_that_follow_and_those_that_do_not() {
    let follows = (Some("cli"), None);
    let pinned = (Some("cli"), Some("ANTHROPIC_API_KEY"));
    let hosted = (Some("claude-desktop"), None);
    for (sessions, expected) in [
        (vec![], ""),
        (vec![follows], " 1 running session follows within 30 s."),
        (vec![follows, (None, None)], " 2 running sessions follow within 30 s."),
        (vec![follows, pinned], " 1 running session follows within 30 s. 1 is pinned and stays."),
        (vec![pinned, pinned, hosted], " 2 are pinned and stay. 1 belongs to Claude Desktop and stays."),
    ] {
        let board = notice_with(&sessions, Vec::new());
        assert_eq!(board.notice, Some(format!("Switched to personal; the server confirmed it.{expected}")));
        assert_eq!(board.problem, None);
    }
}

#[test]
fn a_pin_makes_the_result_a_warning_that_names_it_and_the_switch_stands() {
    let settings = PinPlace::Settings { path: "/home/u/.claude/settings.json".into() };
    let in_file = Pin { name: "apiKeyHelper".to_owned(), place: settings };
    let exported = Pin { name: "ANTHROPIC_API_KEY".to_owned(), place: PinPlace::Environment };
    let board = notice_with(&[(Some("cli"), None)], vec![in_file.clone()]);
    assert_eq!(active(&board), Some("personal"));
    assert_eq!(board.notice.as_deref(), Some("Switched to personal; the server confirmed it."), "nobody follows");
    let problem = board.problem.expect("a warning");
    assert_eq!(problem.code, Code::Pinned);
    assert_eq!(
        problem.message,
        "Cannot make Claude Code use personal: `apiKeyHelper` in /home/u/.claude/settings.json makes it ignore the \
         live login"
    );
    let place = Some("/home/u/.claude/settings.json".to_owned());
    assert_eq!(problem.next_step, NextStep::RemovePin { name: "apiKeyHelper".to_owned(), place });

    let problem = notice_with(&[], vec![exported, in_file]).problem.expect("a warning");
    assert!(problem.message.contains("`ANTHROPIC_API_KEY` in the environment makes it"), "{}", problem.message);
    assert!(problem.message.ends_with("what `signalbox doctor` shows besides (1)"), "{}", problem.message);
    assert_eq!(problem.next_step, NextStep::RemovePin { name: "ANTHROPIC_API_KEY".to_owned(), place: None });
}

/// `work` has an earlier login that still lives, from three days ago: a person signed in to it anew.
fn with_an_earlier_login() -> Scene {
    Scene::as_wanted(Tricks::default(), |world, _| {
        world.advance(3 * DAY);
        let now = Clock::now(world);
        let oauth = world.server(|server| server.sign_in("work", "org", now));
        world.set_live(Some(format!(r#"{{"claudeAiOauth":{oauth},"mcpOAuth":{{}}}}"#)));
        signalbox_core::sync::sync_live(&world.ports()).expect("the new login is saved");
        Habits::alone(fast())
    })
    .settled()
}

#[tokio::test]
async fn going_back_to_an_earlier_login_is_answered_and_said() {
    let scene = with_an_earlier_login();
    let newest = scene.world.live_text();
    scene.engine.edit(Edit::Undo { alias: alias("work") }).await.expect("it is brought back");
    let board = scene.board("the notice", |board| board.notice.is_some());
    assert_eq!(
        board.notice.as_deref(),
        Some("Brought back the login of work from 3 days ago; the server confirmed it.")
    );
    assert_ne!(scene.world.live_text(), newest, "it is live again");
    assert!(scene.world.file(&FileName::Cred(alias("work"))).is_some());
}

#[tokio::test]
async fn where_there_is_nothing_to_go_back_to_the_page_is_told_so() {
    let scene = Scene::begin().settled();
    let refused = scene.engine.edit(Edit::Undo { alias: alias("personal") }).await.expect_err("there is none");
    assert!(refused.message.starts_with("Cannot go back to an earlier login of personal: "), "{}", refused.message);
    assert_eq!(scene.engine.board().await.expect("a board").problem, None);
}
