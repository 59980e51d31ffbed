//! A guided sign-in through the engine: what the board says of it, who holds a live login that is set aside and for how long, and how
//! it ends when the person, the time or the program does. The steps themselves are the core's, and tested there.

use signalbox_core::rotate::{Keep, LIMIT_MS, Way};

use super::*;
use crate::rotation::{Taken, Turn};

impl Scene {
    fn turn(&self, turn: Turn) -> Result<Taken, Problem> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.engine.send(Event::Turn { turn, reply });
        answer.blocking_recv().expect("an answer")
    }

    #[track_caller]
    fn begins(&self, name: &str, way: Way) {
        let begun = self.turn(Turn::Begin { alias: alias(name), way: Some(way) });
        assert!(matches!(begun, Ok(Taken::Plain)), "{begun:?}");
        self.board("the sign-in on the board", |board| board.signing_in == Some(alias(name)));
    }

    /// Nobody guides a sign-in for which the live login is set aside.
    fn is_free(&self) -> bool {
        self.world.ports().locks.rotation().expect("looked").is_some()
    }
}

#[test]
fn the_board_says_whose_sign_in_is_under_way_until_it_is_confirmed() {
    let scene = Scene::begin().settled();
    let live = scene.world.live_text();
    scene.begins("third", Way::Isolated);
    let early = scene.turn(Turn::Keep(Keep::AsAsked)).expect_err("nobody has signed in");
    assert_eq!(early.message, "Cannot sign in to third: nobody has signed in for `third` yet");
    scene.world.person_signs_in("third");
    let found = scene.turn(Turn::Check).expect("a login");
    assert!(matches!(&found, Taken::Found(found) if found.email == "third@example.org"), "{found:?}");
    let kept = scene.turn(Turn::Keep(Keep::AsAsked)).expect("kept");
    assert!(matches!(&kept, Taken::Kept(kept) if kept.is_new && !kept.is_live), "{kept:?}");
    let board = scene.board("a board without it", |board| board.signing_in.is_none());
    assert_eq!((board.cards.len(), active(&board)), (3, Some("work")), "{board:?}");
    scene.board("its usage", |board| board.cards.iter().all(|card| card.usage.is_some()));
    assert_eq!(scene.world.live_text(), live);
}

#[test]
fn a_renewed_live_login_is_live_on_the_board() {
    let scene = Scene::as_wanted(Tricks::default(), |world, _| {
        let now = Clock::now(world);
        // The organisation that a pretended person signs in to.
        let oauth = world.server(|server| server.sign_in("solo", "org-solo", now));
        world.set_live(Some(format!(r#"{{"claudeAiOauth":{oauth}}}"#)));
        register::add_live(&world.ports(), &alias("solo"), Consent::Given).expect("a profile");
        Habits::alone(fast())
    });
    let scene = scene.settled();
    scene.world.signs_in(Some("solo"));
    let before = scene.world.live_text();
    scene.begins("solo", Way::Isolated);
    let kept = scene.turn(Turn::Keep(Keep::AsAsked)).expect("kept");
    assert!(matches!(&kept, Taken::Kept(kept) if kept.is_live && !kept.is_new), "{kept:?}");
    assert_ne!(scene.world.live_text(), before);
    let known = LiveState::Known { alias: alias("solo") };
    scene.board("the login", |board| board.signing_in.is_none() && board.live == known);
}

#[test]
fn a_live_login_that_is_set_aside_is_held_until_the_sign_in_is_given_up() {
    let scene = Scene::begin().settled();
    let live = scene.world.live_text();
    scene.begins("personal", Way::Classic);
    assert_ne!(scene.world.live_text(), live);
    assert!(!scene.is_free(), "nobody else may put it back meanwhile");
    let ended = scene.turn(Turn::Cancel);
    assert!(matches!(ended, Ok(Taken::Plain)), "{ended:?}");
    assert_eq!(scene.world.live_text(), live, "byte for byte");
    scene.board("a board without it", |board| board.signing_in.is_none());
    assert!(scene.is_free());
}

#[test]
fn nobody_is_told_of_a_sign_out_that_is_part_of_a_sign_in() {
    let scene =
        Scene::as_wanted(Tricks::default(), |_, _| Habits { announces: true, ..Habits::alone(fast()) }).settled();
    scene.begins("personal", Way::Classic);
    scene.engine.send(Event::LoginChanged);
    scene.board("an empty store", |board| board.live == LiveState::Husk);
    assert!(matches!(scene.turn(Turn::Cancel), Ok(Taken::Plain)));
    let mut told = Vec::new();
    scene.until("the login on the board", |seen| match seen {
        Seen::Board(board) => matches!(board.live, LiveState::Known { .. }).then_some(()),
        Seen::Announced(announcement) => {
            told.push(announcement);
            None
        }
        _ => None,
    });
    assert_eq!(told, []);
    let signed_out =
        |event: &signalbox_core::history::Event| matches!(event, signalbox_core::history::Event::SignedOut { .. });
    assert!(!scene.world.history().iter().any(signed_out), "{:?}", scene.world.history());

    // And a real one is told.
    scene.world.set_live(None);
    scene.engine.send(Event::LoginChanged);
    scene.until("the announcement", |seen| matches!(seen, Seen::Announced(_)).then_some(()));
}

#[test]
fn quitting_puts_the_live_login_back_first() {
    let scene = Scene::begin().settled();
    let live = scene.world.live_text();
    scene.begins("personal", Way::Classic);
    scene.engine.send(Event::Quit);
    scene.until("the exit", |seen| matches!(seen, Seen::Exit).then_some(()));
    assert_eq!(scene.world.live_text(), live);
}

#[test]
fn a_sign_in_that_takes_too_long_is_given_up() {
    for way in [Way::Isolated, Way::Classic] {
        let scene = Scene::begin().settled();
        let live = scene.world.live_text();
        scene.begins("third", way);
        scene.world.advance(LIMIT_MS - MINUTE);
        scene.board("another board", |board| board.signing_in.is_some());
        scene.world.advance(2 * MINUTE);
        scene.board("a board without it", |board| board.signing_in.is_none());
        assert_eq!(scene.world.live_text(), live, "{way:?}");
        assert!(scene.is_free(), "{way:?}");
    }
}

#[test]
fn a_login_that_waits_for_its_yes_is_not_given_up() {
    let scene = Scene::begin().settled();
    scene.begins("third", Way::Isolated);
    scene.world.person_signs_in("third");
    scene.world.advance(LIMIT_MS + MINUTE);
    // Long enough for many looks.
    std::thread::sleep(Duration::from_millis(200));
    let kept = scene.turn(Turn::Keep(Keep::AsNew(alias("third"))));
    assert!(matches!(kept, Ok(Taken::Kept(_))), "{kept:?}");
}

#[test]
fn a_sign_in_of_another_program_is_on_the_board_and_goes_with_it() {
    let scene = Scene::begin().settled();
    let ports = scene.world.ports();
    signalbox_core::rotate::begin(&ports, &alias("third"), None).expect("begun");
    scene.board("the sign-in", |board| board.signing_in == Some(alias("third")));
    signalbox_core::rotate::cancel(&ports).expect("given up");
    scene.board("a board without it", |board| board.signing_in.is_none());
}

#[test]
fn a_turn_without_a_sign_in_says_so() {
    let scene = Scene::begin().settled();
    let problem = scene.turn(Turn::Check).expect_err("there is none");
    assert_eq!(problem.message, "Cannot finish what was interrupted: no sign-in is under way");
    assert!(matches!(scene.turn(Turn::Cancel), Ok(Taken::Plain)), "nothing to give up is no fault");
}

#[test]
fn a_second_sign_in_is_refused_while_one_is_under_way() {
    let scene = Scene::begin().settled();
    scene.begins("third", Way::Isolated);
    let problem = scene.turn(Turn::Begin { alias: alias("fourth"), way: None }).expect_err("one at a time");
    assert_eq!(problem.code, Code::Busy);
    scene.board("the first one", |board| board.signing_in == Some(alias("third")));
}
