//! Our own faults: the engine goes on, says so, and mends first what may have been left half done.

use signalbox_core::history;

use super::*;

/// How often everything that a crash may leave was looked for: `recover` alone lists the files of the vault.
fn recoveries(scene: &Scene) -> usize {
    let calls = scene.world.calls();
    calls.windows(2).filter(|pair| pair[0] == "delegate.runs" && pair[1] == "files.read").count()
}

fn failures(scene: &Scene) -> Vec<String> {
    let failed = |event| match event {
        history::Event::Failed { at } => Some(at),
        _ => None,
    };
    scene.world.history().into_iter().filter_map(failed).collect()
}

fn until_failures(scene: &Scene, expected: &[&str]) {
    let end = Instant::now() + PATIENCE;
    while failures(scene) != expected {
        assert!(Instant::now() < end, "{:?} instead of {expected:?}", failures(scene));
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn after_a_panic_in_a_flow_recover_runs_and_the_fault_is_written_down() {
    let scene = Scene::begin().settled();
    let before = recoveries(&scene);
    scene.tricks.identify_panics.store(true, Ordering::SeqCst);
    scene.use_profile(1, "personal");
    let board = scene.board("the acknowledgement", |board| board.acked_op == 1);
    assert_eq!(board.problem.map(|problem| problem.code), Some(Code::Internal));
    until_failures(&scene, &["switch to personal"]);
    let end = Instant::now() + PATIENCE;
    while recoveries(&scene) == before {
        assert!(Instant::now() < end, "nothing was recovered");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(active_after_retry(&scene), Some("personal".to_owned()), "the next click works");
}

#[test]
fn after_a_panic_in_the_engines_own_thread_recover_runs_and_the_fault_is_written_down() {
    let scene = Scene::begin().settled();
    scene.tricks.clock_panics.store(true, Ordering::SeqCst);
    scene.board("our own fault", |board| board.problem.as_ref().is_some_and(|problem| problem.code == Code::Internal));
    until_failures(&scene, &["show the profiles"]);
    assert_eq!(active_after_retry(&scene), Some("personal".to_owned()));
}

#[test]
fn a_panic_while_usage_is_read_is_said_although_nobody_asked() {
    let scene = Scene::begin().settled();
    scene.board("the first readings", |board| !board.refreshing && board.cards.iter().all(|card| card.usage.is_some()));
    scene.tricks.usage_panics.store(true, Ordering::SeqCst);
    scene.world.advance(30 * MINUTE);
    let board = scene.board("our own fault", |board| board.problem.is_some());
    assert_eq!(board.problem.map(|problem| problem.code), Some(Code::Internal));
    scene.board("the round goes on", |board| {
        !board.refreshing && board.cards.iter().filter(|card| card.usage.is_some()).count() == 2
    });
}

#[test]
fn fault_upon_fault_does_not_keep_it_busy_with_mending() {
    let scene = Scene::begin().settled();
    for op in 1..=20 {
        scene.tricks.identify_panics.store(true, Ordering::SeqCst);
        scene.use_profile(op, "personal");
        scene.board("the acknowledgement", |board| board.acked_op == op);
    }
    std::thread::sleep(Duration::from_millis(200));
    let written = failures(&scene).len();
    assert!((1..=8).contains(&written), "{written} lines for twenty faults in a moment");
    scene.tricks.identify_panics.store(false, Ordering::SeqCst);
    scene.use_profile(99, "personal");
    let board = scene.board("a switch", |board| board.acked_op == 99);
    assert_eq!(active(&board), Some("personal"));
}
