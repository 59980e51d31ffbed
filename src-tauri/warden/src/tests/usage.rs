//! When usage is read and taken in: what a statusline told, a wish in the middle of a round, waking, and making room.

use signalbox_core::feed::Report;
use signalbox_core::time::{DAY, HOUR, SECOND};
use signalbox_core::usage::{Window, WindowKind};

use super::duties::{asleep, wait_for};
use super::*;

fn calls(scene: &Scene, name: &str) -> usize {
    scene.world.calls().iter().filter(|call| **call == name).count()
}

fn percent(board: &Board, name: &str) -> Option<f64> {
    let card = board.cards.iter().find(|card| card.alias.as_str() == name)?;
    card.usage.as_ref()?.meters.first().map(|meter| meter.percent)
}

/// An engine that polls and does nothing else by itself, after its first round.
fn polling() -> Scene {
    let pace = Pace { poll: Duration::from_millis(20), slept: Duration::from_secs(30), ..asleep() };
    let scene = Scene::as_wanted(Tricks::default(), |_, _| Habits::alone(pace)).settled();
    scene.board("the first usage", |board| {
        !board.refreshing && ["work", "personal"].iter().all(|name| percent(board, name).is_some())
    });
    scene
}

#[test]
fn what_a_statusline_told_is_on_the_board_within_a_poll_and_nobody_is_asked() {
    let scene = polling();
    scene.world.advance(20 * SECOND);
    std::thread::sleep(Duration::from_millis(60));
    scene.world.advance(25 * SECOND);
    let before = calls(&scene, "provider.usage");
    let window =
        Window { kind: WindowKind::FiveHour, percent: 64.0, resets_at: Some(Clock::now(&scene.world).plus(HOUR)) };
    scene.world.reports(Report { at: Clock::now(&scene.world), took_ms: 800, windows: vec![window] });
    scene.board("the number", |board| percent(board, "work") == Some(64.0));
    assert_eq!(calls(&scene, "provider.usage"), before);
    let taken_in = calls(&scene, "feed.reports");
    std::thread::sleep(Duration::from_millis(120));
    assert_eq!(calls(&scene, "feed.reports"), taken_in, "what told nothing new is not read again");
}

#[test]
fn a_wish_in_the_middle_of_a_round_is_not_lost_and_several_are_one() {
    let scene = Scene::as_wanted(Tricks::default(), |_, _| Habits::alone(asleep())).settled();
    scene.board("the first usage", |board| !board.refreshing && percent(board, "work").is_some());
    scene.world.advance(HOUR);
    let before = calls(&scene, "feed.reports");
    scene.tricks.usage.set(true);
    scene.engine.send(Event::BoardOpened);
    wait_for("the round", || calls(&scene, "feed.reports") == before + 1);
    for _ in 0..3 {
        scene.engine.send(Event::BoardOpened);
    }
    std::thread::sleep(Duration::from_millis(40));
    assert_eq!(calls(&scene, "feed.reports"), before + 1, "one after the other");
    scene.tricks.usage.set(false);
    wait_for("the next round", || calls(&scene, "feed.reports") == before + 2);
    std::thread::sleep(Duration::from_millis(80));
    assert_eq!(calls(&scene, "feed.reports"), before + 2);
}

#[test]
fn after_waking_usage_is_read_that_is_not_due_yet() {
    let scene = polling();
    let before = calls(&scene, "provider.usage");
    scene.world.advance(-DAY);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(calls(&scene, "provider.usage"), before, "a clock that was set back is no sleep");
    scene.world.advance(DAY);
    wait_for("the round after waking", || calls(&scene, "feed.reports") > 1);
    assert_eq!(calls(&scene, "provider.usage"), before, "nothing is older than the floor");
    // Past the floor, and before anybody is due.
    scene.world.advance(4 * MINUTE);
    wait_for("both readings", || calls(&scene, "provider.usage") == before + 2);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(calls(&scene, "provider.usage"), before + 2, "once for each waking");
}

#[test]
fn old_samples_are_made_fewer_once_a_day() {
    let scene = Scene::begin().settled();
    wait_for("the first time", || calls(&scene, "samples.thin") == 1);
    for _ in 0..3 {
        let before = calls(&scene, "provider.usage");
        scene.world.advance(HOUR);
        wait_for("another round", || calls(&scene, "provider.usage") > before);
    }
    assert_eq!(calls(&scene, "samples.thin"), 1);
    scene.world.advance(DAY);
    wait_for("the next day", || calls(&scene, "samples.thin") == 2);
}
