//! A program that is a guest because another one keeps the watch: what it still shows, what it leaves alone, and how
//! it takes over.

use signalbox_core::error::NextStep;
use signalbox_core::history;
use signalbox_core::sync;

use super::duties::{is_of_the_watch, revert, session, wait_for};
use super::*;

/// A guest for as long as this says so.
fn guest() -> (Scene, Arc<AtomicBool>) {
    let held = Arc::new(AtomicBool::new(true));
    let other = Arc::clone(&held);
    let habits = Habits {
        restores: true,
        watched_by: Box::new(move || other.load(Ordering::SeqCst).then(|| "`signalbox watch` (pid 7)".to_owned())),
        ..Habits::alone(fast())
    };
    (Scene::as_wanted(Tricks::default(), |_, _| habits).settled(), held)
}

#[test]
fn a_guest_says_who_keeps_the_watch_and_switches_all_the_same() {
    let (scene, _held) = guest();
    let board = scene.board("the holder", |_| true);
    assert_eq!(board.watched_by.as_deref(), Some("`signalbox watch` (pid 7)"));
    scene.use_profile(1, "personal");
    let board = scene.board("the switch", |board| board.acked_op == 1);
    assert_eq!(active(&board), Some("personal"));
    scene.board("usage that somebody waits for", |board| {
        board.cards.iter().any(|card| card.alias.as_str() == "personal" && card.usage.is_some())
    });
}

#[test]
fn a_guest_reads_no_usage_by_itself_and_writes_nothing_of_the_watch_down() {
    let (scene, _held) = guest();
    scene.world.set_live(None);
    scene.board("the sign-out", |board| board.live == LiveState::Absent);
    std::thread::sleep(Duration::from_millis(150));
    let board = scene.board("another board", |_| true);
    assert!(board.cards.iter().all(|card| card.usage.is_none()), "{board:?}");
    assert_eq!(scene.world.history().into_iter().filter(is_of_the_watch).collect::<Vec<_>>(), []);
}

#[test]
fn a_guest_whose_board_is_opened_asks_without_waiting_for_the_other() {
    let (scene, _held) = guest();
    scene.engine.send(Event::BoardOpened);
    scene.board("usage", |board| board.cards.iter().all(|card| card.usage.is_some()));
}

#[test]
fn when_the_other_is_gone_the_guest_takes_over() {
    let (scene, held) = guest();
    held.store(false, Ordering::SeqCst);
    scene.board("nobody else", |board| board.watched_by.is_none());
    scene.board("usage", |board| board.cards.iter().all(|card| card.usage.is_some()));
    wait_for("the note", || scene.world.history().contains(&history::Event::WatchBegan));
    held.store(true, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(60));
    let board = scene.board("another board", |_| true);
    assert_eq!(board.watched_by, None, "what is taken is kept");
}

#[test]
fn a_guest_follows_what_the_other_saves_without_asking_anybody() {
    let (scene, _held) = guest();
    assert!(scene.world.claude_refreshes());
    // The other one is quick, as it is told of every write.
    sync_as_the_other(&scene);
    let asked = || scene.world.calls().iter().filter(|call| **call == "provider.identify").count();
    let before = asked();
    scene.board("what is live", |board| board.live == LiveState::Known { alias: alias("work") });
    assert_eq!(asked(), before);
}

fn sync_as_the_other(scene: &Scene) {
    super::outside::by_command_line(scene, |ports| sync::sync_live(ports).map(drop));
}

#[test]
fn a_guest_looks_for_itself_where_nobody_settles_it() {
    let (scene, _held) = guest();
    assert!(scene.world.claude_refreshes());
    scene.board("doubt", |board| board.live == LiveState::Unresolved);
    scene.board("certainty", |board| board.live == LiveState::Known { alias: alias("work") });
    assert!(scene.world.history().contains(&history::Event::Rotated { alias: alias("work") }));
}

#[test]
fn a_guest_shows_an_undone_choice_that_the_other_noticed_and_restores_nothing() {
    let (scene, _held) = guest();
    scene.world.set_sessions(vec![session(1), session(2)], Vec::new());
    revert(&scene);
    sync_as_the_other(&scene);
    let board = scene.board("the reversion", |board| board.problem.is_some());
    let problem = board.problem.expect("a problem");
    assert_eq!(
        problem.message,
        "Cannot keep personal live: one of these brought work back: the session in /home/u/p1 (pid 1), the session in \
         /home/u/p2 (pid 2)"
    );
    assert_eq!(problem.next_step, NextStep::Restore { alias: alias("personal") });
    std::thread::sleep(Duration::from_millis(150));
    assert!(!scene.world.history().iter().any(|event| matches!(event, history::Event::Restored { .. })));
}
