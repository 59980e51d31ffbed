//! Signing in by itself through the engine: who takes the steps, what a face is told meanwhile, and what a person's own turn changes. The
//! steps themselves are the core's, and tested there.

use signalbox_core::bootstrap::{Bootstrap, Choice};
use signalbox_core::history;
use signalbox_core::rotate::{Keep, LIMIT_MS};
use signalbox_core::vault;

use signalbox_core::time::HOUR;

use super::*;
use crate::rotation::{Taken, Turn};

/// The profile whose sign-in is due. A pretended person signs in to the organisation that is named after the account.
const WHO: &str = "solo";

/// `solo` is parked and has ended, and its window holds a session.
fn prepared(world: &World) {
    let ports = world.ports();
    let live = world.live_text();
    let now = Clock::now(world);
    let oauth = world.server(|server| server.sign_in(WHO, "org-solo", now));
    world.set_live(Some(format!(r#"{{"claudeAiOauth":{oauth}}}"#)));
    register::add_live(&ports, &alias(WHO), Consent::Given).expect("a profile");
    world.set_live(live);
    signalbox_core::sync::sync_live(&ports).expect("`work` is live again");
    world.server(|server| server.revoke(WHO));
    let mut roster = vault::load_roster(&ports).expect("a roster");
    roster.mark_login_needed(&alias(WHO), Some(now)).expect("a profile");
    vault::save_roster(&ports, &roster).expect("saved");
    world.window_holds_session(&roster.get(&alias(WHO)).expect("a profile").window());
    ports.preferences.set_terms(ports.preferences.terms().accepted_now(&*ports.clock)).expect("kept");
}

fn stands(board: &Board) -> Option<Bootstrap> {
    board.cards.iter().find(|card| card.alias == alias(WHO)).and_then(|card| card.bootstrap)
}

fn due(habits: impl FnOnce(&World) -> Habits) -> Scene {
    Scene::as_wanted(Tricks::default(), |world, _| {
        prepared(world);
        habits(world)
    })
}

fn ready() -> Scene {
    let scene = due(|_| Habits { announces: true, ..Habits::alone(fast()) });
    scene.board("the window", |board| stands(board) == Some(Bootstrap::Ready) && board.signing_in == Some(alias(WHO)));
    scene
}

#[test]
fn the_window_comes_up_and_the_login_is_kept_as_soon_as_the_person_clicked() {
    let scene = ready();
    let live = scene.world.live_text();
    scene.world.person_signs_in(WHO);
    let mut told = Vec::new();
    let board = scene.until("the login", |seen| match seen {
        Seen::Board(board) if stands(&board).is_none() && board.signing_in.is_none() => Some(*board),
        Seen::Announced(announcement) => {
            told.push(announcement);
            None
        }
        _ => None,
    });
    assert_eq!(told, [], "nobody is asked for what goes on by itself");
    assert_eq!((active(&board), board.notice.as_deref()), (Some("work"), Some("solo is signed in again.")));
    assert_eq!(scene.world.windows_opened().len(), 1);
    assert_eq!(scene.world.live_text(), live);
}

#[test]
fn before_the_terms_were_agreed_to_nothing_comes_up() {
    let scene = due(|world| {
        world.ports().preferences.set_terms(Default::default()).expect("kept");
        Habits { waits: true, ..Habits::alone(fast()) }
    });
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(scene.world.windows_opened(), Vec::<String>::new());
    let ports = scene.world.ports();
    ports.preferences.set_terms(ports.preferences.terms().accepted_now(&*ports.clock)).expect("kept");
    scene.engine.send(Event::Agreed);
    scene.board("the window", |board| stands(board) == Some(Bootstrap::Ready));
}

#[test]
fn a_guest_leaves_it_to_whoever_keeps_the_watch() {
    let scene = due(|_| Habits {
        watched_by: Box::new(|| Some("`signalbox watch` (pid 7)".to_owned())),
        announces: true,
        ..Habits::alone(fast())
    });
    let asked = scene.until("the nudge", |seen| match seen {
        Seen::Announced(announcement) => Some(announcement),
        _ => None,
    });
    assert_eq!(asked.title, "solo has to be signed in again", "as long as nobody looks after it");
    assert_eq!(scene.world.windows_opened(), Vec::<String>::new());
}

#[test]
fn it_is_told_once_that_it_has_stalled() {
    let scene = ready();
    let mut told = Vec::new();
    let mut signing_in = true;
    let end = Instant::now() + 3 * PATIENCE;
    while told.is_empty() {
        assert!(Instant::now() < end, "{:?}", scene.world.history());
        // Whatever is waited for, this is longer.
        scene.world.advance(if signing_in { LIMIT_MS + MINUTE } else { 4 * HOUR });
        let pause = Instant::now() + Duration::from_millis(100);
        while let Ok(seen) = scene.seen.recv_timeout(pause.saturating_duration_since(Instant::now())) {
            match seen {
                Seen::Board(board) => signing_in = board.signing_in.is_some(),
                Seen::Announced(announcement) => told.push(announcement),
                _ => {}
            }
        }
    }
    assert_eq!(told.iter().map(|each| each.title.as_str()).collect::<Vec<_>>(), ["The sign-in of solo has stalled"]);
    assert_eq!(scene.world.windows_opened().len(), 3);
    let began = |event: &&history::Event| matches!(event, history::Event::BootstrapBegan { .. });
    assert_eq!(scene.world.history().iter().filter(began).count(), 3);
}

#[test]
fn whoever_looks_at_the_new_login_decides_about_it() {
    let scene = ready();
    // No step between the sign-in and the question.
    scene.tricks.identify.set(true);
    let (reply, answer) = tokio::sync::oneshot::channel();
    scene.engine.send(Event::Turn { turn: Turn::Check, reply });
    scene.tricks.identify.set(false);
    let early = answer.blocking_recv().expect("an answer");
    assert!(early.is_err(), "nobody has signed in yet");
    scene.world.person_signs_in(WHO);
    std::thread::sleep(Duration::from_millis(200));
    let (reply, answer) = tokio::sync::oneshot::channel();
    scene.engine.send(Event::Turn { turn: Turn::Keep(Keep::AsAsked), reply });
    let kept = answer.blocking_recv().expect("an answer");
    assert!(matches!(kept, Ok(Taken::Kept(_))), "it waited for the person's yes: {kept:?}");
}

#[test]
fn a_page_that_is_pressed_makes_nobody_wait() {
    let scene = due(|world| {
        world.ports().preferences.set_bootstrap(Choice::Press { headless: false }).expect("kept");
        Habits::alone(fast())
    });
    scene.board("the press", |board| stands(board) == Some(Bootstrap::Ready));
    assert_eq!((scene.world.windows_pressed().len(), scene.world.windows_opened().len()), (1, 0));
}
