//! A program whose person has not agreed to the terms yet: it shows what is saved, and touches no login until they have.

use signalbox_core::error::NextStep;
use signalbox_core::history;

use super::duties::is_of_the_watch;
use super::*;

/// An engine that waits, over a world whose live login was written anew since it was saved.
fn waiting() -> (Scene, String) {
    let scene = Scene::as_wanted(Tricks::default(), |world, logins| {
        world.set_live(Some(logins[0].clone()));
        world.forget_the_past();
        Habits { waits: true, ..Habits::alone(fast()) }
    });
    let live = scene.logins[0].clone();
    (scene, live)
}

#[test]
fn before_the_person_agreed_what_is_saved_is_shown_and_nothing_is_asked_or_done() {
    let (scene, live) = waiting();
    scene.use_profile(1, "personal");
    scene.engine.send(Event::LoginChanged);
    scene.engine.send(Event::BoardOpened);
    scene.engine.send(Event::Refresh);
    // Long enough for many ticks and polls.
    std::thread::sleep(Duration::from_millis(200));
    let (reply, answer) = tokio::sync::oneshot::channel();
    scene.engine.send(Event::Show { reply });
    let board = answer.blocking_recv().expect("a board");
    assert_eq!(board.cards.len(), 2, "what is saved is shown");
    assert_eq!((&board.live, &board.switching), (&LiveState::Unresolved, &None), "{board:?}");
    assert!(board.cards.iter().all(|card| card.usage.is_none()), "{board:?}");
    assert_eq!(scene.world.live_text(), Some(live), "the live login is as it was");
    let touching = |call: &&str| {
        !["readings.", "samples.", "files.read", "files.list"].iter().any(|reads| call.starts_with(reads))
    };
    assert_eq!(scene.world.calls().into_iter().filter(touching).collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(scene.world.history().into_iter().filter(is_of_the_watch).collect::<Vec<_>>(), []);
}

#[test]
fn a_change_before_the_person_agreed_is_refused_with_the_reason() {
    let (scene, _) = waiting();
    let (reply, answer) = tokio::sync::oneshot::channel();
    scene.engine.send(Event::Edit { edit: Edit::Remove { alias: alias("work") }, reply });
    let problem = answer.blocking_recv().expect("an answer").expect_err("refused");
    assert_eq!(problem.message, "Cannot remove work: you have not agreed to the terms yet");
    assert_eq!((problem.code, problem.next_step), (Code::Usage, NextStep::Retry));
}

#[test]
fn from_the_moment_the_person_agrees_the_watch_is_kept() {
    let (scene, _) = waiting();
    scene.engine.send(Event::Agreed);
    let scene = scene.settled();
    scene.board("usage", |board| board.cards.iter().all(|card| card.usage.is_some()));
    scene.engine.send(Event::Agreed);
    scene.use_profile(7, "work");
    let board = scene.board("the switch", |board| board.acked_op == 7);
    assert_eq!(active(&board), Some("work"));
    let began = scene.world.history().iter().filter(|event| **event == history::Event::WatchBegan).count();
    assert_eq!(began, 1, "agreeing twice begins nothing twice");
}

#[test]
fn a_program_that_waits_can_be_quit() {
    let (scene, _) = waiting();
    scene.engine.send(Event::Quit);
    scene.until("the end", |seen| matches!(seen, Seen::Exit).then_some(()));
}
