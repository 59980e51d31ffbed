//! What a person asks for: in which order the faces are told, and that nothing holds up a click.

use super::*;

#[test]
fn a_click_says_switching_before_the_switch_begins() {
    let scene = Scene::begin().settled();
    scene.tricks.identify.set(true);
    scene.use_profile(5, "personal");
    let board = scene.board("switching", |board| board.switching.is_some());
    assert_eq!(
        board.switching.as_ref().map(|switching| (switching.op, switching.alias.as_str())),
        Some((5, "personal"))
    );
    assert_eq!((board.acked_op, active(&board)), (0, Some("work")), "nothing has happened yet");

    scene.tricks.identify.set(false);
    let board = scene.board("the acknowledgement", |board| board.acked_op == 5);
    assert_eq!((active(&board), &board.switching), (Some("personal"), &None));
    assert_eq!(board.notice.as_deref(), Some("Switched to personal; the server confirmed it."));
    assert_eq!(board.problem, None);
}

#[test]
fn after_a_switch_the_targets_usage_is_read_at_once() {
    let scene = Scene::begin().settled();
    let read_at = |board: &Board, name: &str| {
        board
            .cards
            .iter()
            .find(|card| card.alias.as_str() == name)
            .and_then(|card| card.usage.as_ref().map(|u| u.read_at))
    };
    let first = scene.board("the first readings", |board| read_at(board, "personal").is_some());
    scene.world.advance(1_000);
    scene.use_profile(1, "personal");
    scene.board("a newer reading", |board| read_at(board, "personal") > read_at(&first, "personal"));
}

#[test]
fn a_failed_switch_leaves_all_as_it_was_and_says_so() {
    let scene = Scene::begin().settled();
    scene.world.server(|server| server.revoke("personal"));
    scene.use_profile(3, "personal");
    let (target, problem) = scene.until("the notification", |seen| match seen {
        Seen::SwitchFailed(alias, problem) => Some((alias, problem)),
        _ => None,
    });
    assert_eq!((target.as_str(), problem.code), ("personal", Code::LoginNeeded));
    let board = scene.board("the acknowledgement", |board| board.acked_op == 3);
    assert_eq!((active(&board), &board.switching), (Some("work"), &None));
    assert_eq!(board.problem, Some(problem), "the board says what the notification said");
    assert_eq!(board.notice, None);

    scene.engine.send(Event::DismissProblem);
    scene.board("the problem is dismissed", |board| board.problem.is_none());
}

#[test]
fn a_refresh_that_failed_is_no_problem_any_more_once_one_works() {
    let scene = Scene::begin().settled();
    scene.board("the first readings", |board| !board.refreshing && board.cards.iter().all(|card| card.usage.is_some()));
    scene.tricks.usage_fails.store(true, Ordering::SeqCst);
    scene.engine.send(Event::Refresh);
    let board = scene.board("the problem", |board| board.problem.is_some());
    let message = board.problem.map(|problem| problem.message).unwrap_or_default();
    assert!(message.starts_with("Cannot refresh "), "{message}");
    scene.tricks.usage_fails.store(false, Ordering::SeqCst);
    scene.board("the end of the refresh", |board| !board.refreshing);
    scene.world.advance(10 * MINUTE);
    scene.engine.send(Event::Refresh);
    scene.board("a board without the problem", |board| board.problem.is_none());
}

#[test]
fn a_notice_is_news_only_for_a_while() {
    let scene = Scene::begin().settled();
    scene.use_profile(1, "personal");
    scene.board("the notice", |board| board.notice.is_some());
    let board = scene.board("a board without it", |board| board.notice.is_none());
    assert_eq!(active(&board), Some("personal"));
}

#[test]
fn a_panic_in_a_flow_is_survived() {
    let scene = Scene::begin().settled();
    scene.tricks.identify_panics.store(true, Ordering::SeqCst);
    scene.use_profile(1, "personal");
    let board = scene.board("the acknowledgement", |board| board.acked_op == 1);
    let problem = board.problem.expect("a problem");
    assert_eq!(problem.code, Code::Internal);
    assert_eq!(problem.message, "Cannot switch to personal: Signalbox itself failed");
    assert_eq!(active_after_retry(&scene), Some("personal".to_owned()), "the next click works");
}

#[test]
fn a_panic_in_the_engines_own_thread_is_survived() {
    let scene = Scene::begin().settled();
    scene.tricks.clock_panics.store(true, Ordering::SeqCst);
    scene.board("our own fault", |board| board.problem.as_ref().is_some_and(|problem| problem.code == Code::Internal));
    assert_eq!(active_after_retry(&scene), Some("personal".to_owned()));
}

#[test]
fn usage_that_comes_slowly_does_not_hold_up_a_click() {
    let tricks = Tricks::default();
    tricks.usage.set(true);
    let scene = Scene::with(tricks).settled();
    let asking = scene.board("a round of readings", |board| board.refreshing);
    assert!(asking.cards.iter().all(|card| card.usage.is_none()), "the provider has not answered");
    scene.use_profile(1, "personal");
    let board = scene.board("the switch", |board| board.acked_op == 1);
    assert_eq!(active(&board), Some("personal"));
    assert!(board.refreshing, "the provider still has not answered");
    scene.tricks.usage.set(false);
    let board = scene.board("the readings", |board| !board.refreshing);
    assert!(board.cards.iter().all(|card| card.usage.is_some()));
}

#[test]
fn while_the_live_login_is_damaged_a_dismissed_problem_stays_dismissed() {
    let scene = Scene::begin().settled();
    scene.world.set_live(Some("{".to_owned()));
    let board = scene.board("the problem", |board| board.problem.is_some());
    assert_eq!(board.live, LiveState::Unreadable);
    scene.engine.send(Event::DismissProblem);
    scene.board("the problem is dismissed", |board| board.problem.is_none());
    for _ in 0..5 {
        let board = scene.board("another board", |_| true);
        assert_eq!(board.problem, None, "looking again finds the same");
    }
    scene.world.set_live(Some(scene.logins[1].clone()));
    scene.board("recovery", |board| matches!(board.live, LiveState::Known { .. }));
}

#[test]
fn a_foreign_account_block_is_mended_soon_after_a_switch() {
    let block = |name: &str| {
        format!(
            r#"{{"oauthAccount":{{"accountUuid":"{name}","organizationUuid":"org","emailAddress":"{name}@example.org"}}}}"#
        )
    };
    let scene = Scene::begin().settled();
    scene.use_profile(1, "personal");
    scene.board("the switch", |board| board.acked_op == 1);
    scene.world.set_cache(Some(block("work")));
    let end = Instant::now() + PATIENCE;
    while scene.world.cache_text().is_some_and(|text| text.contains("work@example.org")) {
        assert!(Instant::now() < end, "the old account's block is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn quitting_waits_for_a_switch_in_flight() {
    let scene = Scene::begin().settled();
    scene.tricks.identify.set(true);
    scene.use_profile(1, "personal");
    scene.board("switching", |board| board.switching.is_some());
    scene.engine.send(Event::Quit);
    scene.until("the farewell", |seen| matches!(seen, Seen::Leaving).then_some(()));
    scene.use_profile(2, "work");
    std::thread::sleep(Duration::from_millis(60));
    let exits = scene.seen.try_iter().filter(|seen| matches!(seen, Seen::Exit)).count();
    assert_eq!(exits, 0, "the switch is not over");
    scene.tricks.identify.set(false);
    let mut acknowledged = false;
    scene.until("the end", |seen| match seen {
        Seen::Board(board) => {
            acknowledged |= board.acked_op == 1;
            assert!(board.switching.is_none_or(|switching| switching.op == 1), "nothing new begins");
            None
        }
        Seen::Exit => Some(()),
        Seen::SwitchFailed(..) | Seen::Announced(_) | Seen::Leaving => None,
    });
    assert!(acknowledged, "the switch ended first");
}

#[tokio::test]
async fn a_change_of_the_list_is_answered() {
    let scene = Scene::begin().settled();
    let rename = |from: &str, to: &str| scene.engine.edit(Edit::Rename { from: alias(from), to: alias(to) });
    assert_eq!(rename("personal", "home").await, Ok(()));
    let refused = rename("work", "home").await.expect_err("the name is taken");
    assert_eq!(refused.code, Code::Usage);
    let board = scene.engine.board().await.expect("a board");
    let names: Vec<_> = board.cards.iter().map(|card| card.alias.as_str()).collect();
    assert_eq!(names, ["home", "work"]);
    assert_eq!(board.problem, None, "the page that was refused shows it itself");
}
