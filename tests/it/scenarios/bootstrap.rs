//! Signing in by itself: the window that comes up, the person who clicks or does not, the wrong account in it, somebody else's sign-in,
//! and a program that dies in the middle. When each step is due is a table (`it/bootstrap.rs`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use signalbox_core::board::{self, Activity, Card, LiveState, Reason};
use signalbox_core::bootstrap::{self, Bootstrap, Choice, Stepped};
use signalbox_core::episodes::{Action, Teller};
use signalbox_core::fakes::Fault;
use signalbox_core::flow::FlowError;
use signalbox_core::history::Event;
use signalbox_core::ports::{FileName, Left, WindowError};
use signalbox_core::recover;
use signalbox_core::rotate::{self, Keep, LIMIT_MS};
use signalbox_core::sync;
use signalbox_core::time::{DAY, HOUR, MINUTE};
use signalbox_core::vault;

use super::mishaps::{comes_online, goes_offline};
use crate::scene::{Scene, alias};

/// `a` is parked and its login has ended, `b` is live; both have a window of their own that holds a session.
fn due() -> Scene {
    let scene = Scene::new().profile("a").profile("b");
    scene.ports.preferences.set_terms(scene.ports.preferences.terms().accepted_now(&*scene.ports.clock)).expect("kept");
    for name in ["a", "b"] {
        scene.world.window_holds_session(&window(&scene, name));
    }
    ends(&scene, "a");
    scene
}

fn window(scene: &Scene, name: &str) -> String {
    vault::load_roster(&scene.ports).expect("a roster").get(&alias(name)).expect("a profile").window()
}

/// The server refuses this profile's login for good.
fn ends(scene: &Scene, name: &str) {
    scene.world.server(|server| server.revoke(name));
    let mut roster = vault::load_roster(&scene.ports).expect("a roster");
    roster.mark_login_needed(&alias(name), Some(scene.now())).expect("a profile");
    vault::save_roster(&scene.ports, &roster).expect("saved");
}

fn activity(scene: &Scene, keeps_watch: bool) -> Activity {
    let live = sync::glance(&scene.ports, &vault::load_roster(&scene.ports).expect("a roster"));
    Activity { keeps_watch, ..Activity::of_a_glance(live, scene.now()) }
}

/// The card of whoever keeps the watch.
fn card(scene: &Scene, name: &str) -> Card {
    card_of(scene, name, true)
}

fn card_of(scene: &Scene, name: &str, keeps_watch: bool) -> Card {
    let board = board::assemble(&scene.ports, &activity(scene, keeps_watch)).expect("a board");
    board.cards.into_iter().find(|card| card.alias == alias(name)).expect("a card")
}

fn step(scene: &Scene) -> Result<Stepped, FlowError> {
    bootstrap::step(&scene.ports, &activity(scene, true).live, &|| false)
}

/// Steps until nothing moves any more; whether a login was kept.
#[track_caller]
fn steps(scene: &Scene) -> bool {
    for _ in 0..20 {
        match step(scene).expect("a step") {
            Stepped::Nothing => return false,
            Stepped::Moved => {}
            Stepped::Kept(finished) => {
                assert!(!finished.is_new);
                return true;
            }
        }
    }
    panic!("it never comes to rest");
}

/// A sign-in that nobody finishes, as whoever keeps the watch sees it.
fn nobody_clicks(scene: &Scene) {
    assert!(!steps(scene));
    scene.world.advance(LIMIT_MS + MINUTE);
    rotate::cancel(&scene.ports).expect("out of time");
    assert!(!steps(scene));
}

fn failures(scene: &Scene) -> usize {
    scene.world.history().iter().filter(|event| matches!(event, Event::BootstrapFailed { .. })).count()
}

fn is_stalled(card: &Card) -> bool {
    matches!(card.bootstrap, Some(Bootstrap::Stalled { .. }))
}

#[test]
fn the_window_comes_up_by_itself_and_one_click_finishes() {
    let scene = due();
    let live = scene.world.live_text();
    assert_eq!(card(&scene, "a").bootstrap, Some(Bootstrap::Due));
    assert!(!steps(&scene));
    assert_eq!(scene.world.windows_opened(), [window(&scene, "a")]);
    assert_eq!(scene.world.signin_email().as_deref(), Some("a@example.org"), "the account is preset");
    for keeps_watch in [true, false] {
        let card = card_of(&scene, "a", keeps_watch);
        assert_eq!((card.bootstrap, card.needs_person()), (Some(Bootstrap::Ready), false), "{keeps_watch}");
    }
    assert!(!steps(&scene), "it waits, and nothing comes up twice");
    scene.world.person_signs_in("a");
    assert!(steps(&scene), "kept without another click");
    assert_eq!(card(&scene, "a").bootstrap, None);
    assert_eq!(scene.world.windows_opened().len(), 1);
    assert_eq!(scene.world.file(&FileName::Bootstrap), None);
    assert_eq!(scene.world.signin_texts(), Vec::<String>::new(), "the login is in one place");
    assert_eq!(scene.world.live_text(), live, "the live login is untouched");
    let events = scene.world.history();
    let [.., began, ended] = &events[..] else { panic!("{events:?}") };
    assert_eq!([began, ended], [&Event::BootstrapBegan { alias: alias("a") }, &Event::SignedIn { alias: alias("a") }]);
    scene.check_nothing_lost(&["a", "b"], &[], false, "afterwards");
}

#[test]
fn a_live_login_that_ends_within_days_is_renewed_in_its_place() {
    let scene = due();
    scene.world.signs_in(Some("a"));
    assert!(steps(&scene));
    scene.world.signs_in(None);
    scene.ports.windows.forget_session(&window(&scene, "a")).expect("only the live one can be renewed by itself");
    scene.world.advance(26 * DAY);
    assert_eq!(card(&scene, "b").bootstrap, Some(Bootstrap::Due));
    let before = scene.live_fingerprint();
    assert!(!steps(&scene));
    scene.world.person_signs_in("b");
    assert!(steps(&scene));
    assert_eq!(scene.live_account().as_deref(), Some("b"));
    assert_ne!(scene.live_fingerprint(), before, "the new login is live");
}

#[test]
fn nothing_begins_where_it_is_not_allowed_or_not_possible() {
    let nothing = |scene: &Scene, why: &str| {
        assert!(!steps(scene), "{why}");
        assert_eq!(rotate::look(&scene.ports).expect("looked"), None, "{why}");
        let card = card(scene, "a");
        assert_eq!((card.bootstrap, card.needs_person()), (None, true), "{why}: the person is asked");
    };
    let scene = due();
    scene.ports.preferences.set_terms(Default::default()).expect("kept");
    nothing(&scene, "the terms were not agreed to");
    let scene = due();
    scene.ports.preferences.set_bootstrap(Choice::Off).expect("kept");
    nothing(&scene, "it is switched off");
    let scene = due();
    scene.world.set_screen(false);
    nothing(&scene, "there is no screen");
    let scene = due();
    scene.ports.windows.forget_session(&window(&scene, "a")).expect("forgotten");
    nothing(&scene, "no window holds a session");
}

#[test]
fn an_attempt_that_nobody_finishes_is_repeated_ever_later_and_the_third_stalls() {
    let scene = due();
    nobody_clicks(&scene);
    assert_eq!((failures(&scene), card(&scene, "a").bootstrap), (1, Some(Bootstrap::Due)));
    scene.world.advance(29 * MINUTE);
    assert!(!steps(&scene));
    assert_eq!(scene.world.windows_opened().len(), 1, "not yet");
    scene.world.advance(2 * MINUTE);
    nobody_clicks(&scene);
    scene.world.advance(3 * HOUR);
    nobody_clicks(&scene);
    assert_eq!((failures(&scene), scene.world.windows_opened().len()), (2, 3));
    assert!(scene.world.history().iter().any(|event| matches!(event, Event::BootstrapStalled { .. })));
    for keeps_watch in [true, false] {
        let card = card_of(&scene, "a", keeps_watch);
        assert!(is_stalled(&card) && card.needs_person(), "{card:?}");
    }
    scene.world.advance(2 * DAY);
    assert!(!steps(&scene));
    assert_eq!(scene.world.windows_opened().len(), 3, "it is the person's now");
    // The person signs in, and the next time begins anew.
    rotate::begin(&scene.ports, &alias("a"), None).expect("begun");
    scene.world.person_signs_in("a");
    rotate::finish(&scene.ports, &Keep::AsAsked).expect("kept");
    assert_eq!(scene.world.file(&FileName::Bootstrap), None);
    ends(&scene, "a");
    assert_eq!(card(&scene, "a").bootstrap, Some(Bootstrap::Due));
}

#[test]
fn a_stalled_sign_in_is_told_once_and_what_goes_on_by_itself_not_at_all() {
    let scene = due();
    let mut teller = Teller::default();
    let mut told = |scene: &Scene| {
        let board = board::assemble(&scene.ports, &activity(scene, true)).expect("a board");
        teller.due(&scene.ports, &board)
    };
    assert_eq!(told(&scene), [], "its window comes up");
    for _ in 0..3 {
        nobody_clicks(&scene);
        scene.world.advance(3 * HOUR);
    }
    let announced = told(&scene);
    let [stalled] = &announced[..] else { panic!("{announced:?}") };
    assert_eq!(stalled.title, "The sign-in of a has stalled");
    assert_eq!(stalled.action, Action::SignIn(alias("a")));
    assert_eq!(told(&scene), []);
    let board = board::assemble(&scene.ports, &activity(&scene, true)).expect("a board");
    assert_eq!(Teller::default().due(&scene.ports, &board), [], "nor by the next program");
}

#[test]
fn a_person_is_told_once_where_no_bootstrap_is_possible_any_more() {
    let scene = due();
    let mut teller = Teller::default();
    let mut titles = |scene: &Scene| {
        let board = board::assemble(&scene.ports, &activity(scene, true)).expect("a board");
        teller.due(&scene.ports, &board).into_iter().map(|each| each.title).collect::<Vec<_>>()
    };
    assert_eq!(titles(&scene), Vec::<String>::new());
    scene.world.set_screen(false);
    assert_eq!(titles(&scene), ["a has to be signed in again"]);
    scene.world.set_screen(true);
    assert_eq!(titles(&scene), Vec::<String>::new());
}

#[test]
fn somebody_else_in_the_window_is_kept_for_nobody_and_the_person_is_asked() {
    let scene = due();
    assert!(!steps(&scene));
    scene.world.person_signs_in("d");
    assert!(!steps(&scene));
    assert!(is_stalled(&card(&scene, "a")));
    assert!(!scene.ports.windows.holds_session(&window(&scene, "a")), "that session is not its own");
    assert_eq!(scene.world.signin_texts(), Vec::<String>::new());
    let why = "its window is signed in as d@example.org".to_owned();
    assert_eq!(scene.world.history().last(), Some(&Event::BootstrapStalled { alias: alias("a"), why }));
    assert_eq!(vault::load_roster(&scene.ports).expect("a roster").profiles().len(), 2);
}

#[test]
fn it_waits_for_a_persons_sign_in_and_gives_way_to_one() {
    let scene = due();
    rotate::begin(&scene.ports, &alias("c"), None).expect("begun");
    assert!(!steps(&scene));
    assert_eq!(scene.world.windows_opened(), Vec::<String>::new());
    rotate::cancel(&scene.ports).expect("cancelled");
    assert!(!steps(&scene));
    assert_eq!(scene.world.windows_opened().len(), 1);
    // Now a person begins one.
    let begun = rotate::begin(&scene.ports, &alias("c"), None).expect("a person goes first");
    assert!(!begun.rotation.unasked);
    assert!(!steps(&scene));
    rotate::cancel(&scene.ports).expect("cancelled");
    assert!(!steps(&scene));
    assert_eq!(failures(&scene), 1, "it counts as an attempt that nobody finished");
}

#[test]
fn a_sign_in_that_a_person_takes_over_is_kept_by_nobody_else() {
    let scene = due();
    assert!(!steps(&scene));
    assert!(rotate::look(&scene.ports).expect("looked").is_some_and(|rotation| rotation.unasked));
    let resumed = rotate::resume(&scene.ports).expect("resumed").expect("it is under way");
    assert!(!resumed.rotation.unasked);
    scene.world.person_signs_in("a");
    assert!(!steps(&scene));
    assert!(rotate::finish(&scene.ports, &Keep::AsAsked).is_ok_and(|finished| finished.alias == alias("a")));
    assert_eq!(card(&scene, "a").bootstrap, None);
}

#[test]
fn a_browser_that_does_not_start_and_a_claude_that_fails_are_failures() {
    let scene = due();
    scene.world.break_browsers(Some("it ended at once"));
    assert!(!steps(&scene));
    let why = |scene: &Scene| match scene.world.history().last() {
        Some(Event::BootstrapFailed { why, .. }) => why.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(why(&scene), "no window of its own came up: it ended at once");
    assert_eq!(rotate::look(&scene.ports).expect("looked"), None, "and the sign-in is given up");
    scene.world.break_browsers(None);
    scene.world.advance(31 * MINUTE);
    assert!(!steps(&scene));
    scene.world.sign_in_fails();
    assert!(!steps(&scene));
    assert_eq!(why(&scene), "Claude Code ended without a login (\u{201c}No authorization code received\u{201d})");
    assert_eq!(failures(&scene), 2);
}

#[test]
fn a_login_that_the_server_cannot_name_yet_is_kept_later() {
    let scene = due();
    assert!(!steps(&scene));
    scene.world.person_signs_in("a");
    goes_offline(&scene);
    assert!(!steps(&scene));
    comes_online(&scene);
    assert!(!steps(&scene), "the server is not asked at every step");
    scene.world.advance(2 * MINUTE);
    assert!(steps(&scene));
    assert_eq!(failures(&scene), 0);
}

#[test]
fn a_program_that_dies_at_any_call_is_followed_by_one_that_goes_on() {
    for choice in [Choice::Ready, Choice::Press { headless: false }] {
        let begin = || {
            let scene = due();
            scene.ports.preferences.set_bootstrap(choice).expect("kept");
            scene
        };
        let undisturbed = begin();
        assert!(struck_and_taken_up(&undisturbed, usize::MAX, Fault::Error));
        let calls = undisturbed.world.calls().len();
        assert!(calls > 40, "{calls}");
        for at in 0..calls {
            for fault in [Fault::CrashBefore, Fault::CrashAfter, Fault::Torn, Fault::Error] {
                let (story, scene) = (format!("{choice:?}, call {at}, {fault:?}"), begin());
                assert!(struck_and_taken_up(&scene, at, fault), "{story}: {:?}", scene.world.history());
                recover::recover(&scene.ports).expect("recovered");
                assert_eq!(card(&scene, "a").bootstrap, None, "{story}");
                assert_eq!(scene.world.signin_texts(), Vec::<String>::new(), "{story}: a login is in two places");
                scene.check_nothing_lost(&["a", "b"], &[], false, &story);
            }
        }
    }
}

/// Takes steps until the profile is signed in. Call number `at` of the first program goes wrong; the next one goes on.
fn struck_and_taken_up(scene: &Scene, at: usize, fault: Fault) -> bool {
    crate::crash_sweep::silence_crashes();
    scene.world.plan(at, fault);
    let mut struck = false;
    for round in 0..60 {
        let step = || bootstrap::step(&scene.ports, &LiveState::Unresolved, &|| false);
        let stepped = catch_unwind(AssertUnwindSafe(step));
        if matches!(stepped, Ok(Ok(Stepped::Kept(_)))) {
            return true;
        }
        // An error may also have been counted as a failure.
        if !struck && (!matches!(stepped, Ok(Ok(_))) || round == 8) {
            struck = true;
            scene.world.unplan();
            // What the dead one held is taken over.
            scene.world.advance(61_000);
        }
        // Before the strike only the steps themselves may call anything.
        let up = match struck {
            true => card(scene, "a").bootstrap == Some(Bootstrap::Ready),
            false => !(scene.world.windows_opened().is_empty() && scene.world.windows_pressed().is_empty()),
        };
        if up && scene.world.waits_for_a_sign_in() {
            scene.world.person_signs_in("a");
        } else if struck && card(scene, "a").badge.reason != Reason::LoginNeeded {
            return true;
        } else if struck && round % 10 == 9 {
            scene.world.advance(HOUR);
        }
    }
    false
}

#[test]
fn signalbox_presses_only_where_the_person_has_set_it_and_then_once() {
    let scene = due();
    assert!(!steps(&scene));
    assert_eq!(scene.world.windows_pressed(), Vec::<String>::new());

    let scene = due();
    scene.ports.preferences.set_bootstrap(Choice::Press { headless: false }).expect("kept");
    assert!(!steps(&scene));
    assert_eq!(scene.world.windows_pressed(), [window(&scene, "a")]);
    assert_eq!(scene.world.windows_opened(), Vec::<String>::new());
    scene.world.person_signs_in("a");
    assert!(steps(&scene));
    assert!(scene.world.history().contains(&Event::ConsentPressed { alias: alias("a") }));
}

#[test]
fn what_is_left_to_the_person_stays_open_for_them() {
    let scene = due();
    scene.ports.preferences.set_bootstrap(Choice::Press { headless: true }).expect("kept");
    let left = Left { why: "the page asks whether a person is there".to_owned(), signed_out: false, window: Ok(()) };
    scene.world.leave_presses(Some(left.clone()));
    assert!(!steps(&scene));
    assert_eq!(card(&scene, "a").bootstrap, Some(Bootstrap::Ready));
    assert!(scene.world.history().contains(&Event::ConsentLeft { alias: alias("a"), why: left.why.clone() }));
    scene.world.person_signs_in("a");
    assert!(steps(&scene));

    let scene = due();
    scene.ports.preferences.set_bootstrap(Choice::Press { headless: false }).expect("kept");
    let window = Err(WindowError { why: "the browser was closed".to_owned() });
    scene.world.leave_presses(Some(Left { window, ..left }));
    assert!(!steps(&scene));
    assert_eq!(failures(&scene), 1, "without a window nobody can finish");
}

#[test]
fn a_window_that_asks_to_sign_in_is_forgotten_and_the_person_asked() {
    let scene = due();
    scene.ports.preferences.set_bootstrap(Choice::Press { headless: false }).expect("kept");
    let why = "the page asks to sign in".to_owned();
    scene.world.leave_presses(Some(Left { why, signed_out: true, window: Ok(()) }));
    assert!(!steps(&scene));
    assert!(!scene.ports.windows.holds_session(&window(&scene, "a")));
    for keeps_watch in [true, false] {
        let card = card_of(&scene, "a", keeps_watch);
        assert_eq!((card.bootstrap, card.needs_person()), (None, true), "{keeps_watch}");
    }
    // Whoever signs in in that window has done all there is to do.
    scene.world.person_signs_in("a");
    assert!(steps(&scene));
    assert!(scene.ports.windows.holds_session(&window(&scene, "a")), "and it is known again");
}
