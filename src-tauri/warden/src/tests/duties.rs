//! What the engine does without being asked: every verdict of a look, the minutes after a switch, and what it writes
//! down.

use signalbox_core::error::NextStep;
use signalbox_core::history;
use signalbox_core::ports::FileName;
use signalbox_core::sessions::Session;
use signalbox_core::time::SECOND;
use signalbox_core::{switch, vault};

use super::outside::by_command_line;
use super::*;

/// A pace in which nothing but what a test sends makes the engine look.
pub(super) fn asleep() -> Pace {
    let long = Duration::from_secs(3_600);
    Pace { poll: long, tick: long, mend_after: long, confirm_every: long, ..fast() }
}

fn idle(tricks: Tricks) -> Scene {
    Scene::as_wanted(tricks, |_, _| Habits::alone(asleep())).settled()
}

/// Waits for something that no face is told of.
pub(super) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn saved_is_live(world: &World, name: &str) -> bool {
    let ports = world.ports();
    let saved = vault::load_roster(&ports).ok().and_then(|roster| {
        let profile = roster.find(&alias(name))?.clone();
        vault::saved_fingerprint(&ports, &profile).ok()?
    });
    let live = ports.live.read().ok().flatten();
    let live = live.and_then(|document| match signalbox_core::credential::Live::parse(&document) {
        Ok(signalbox_core::credential::Live::Login(login)) => Some(login.fingerprint()),
        _ => None,
    });
    saved.is_some() && saved == live
}

fn asked(world: &World) -> usize {
    world.calls().iter().filter(|call| **call == "provider.identify").count()
}

fn sign_in(world: &World, account: &str) -> String {
    let now = Clock::now(world);
    let oauth = world.server(|server| server.sign_in(account, "org", now));
    format!(r#"{{"claudeAiOauth":{oauth},"mcpOAuth":{{}}}}"#)
}

pub(super) fn session(pid: u32) -> Session {
    Session {
        pid,
        folder: Some(format!("/home/u/p{pid}").into()),
        started_at: Some(Timestamp::from_ms(0)),
        version: None,
        entrypoint: Some("cli".to_owned()),
        pinned_by: None,
    }
}

/// Switches from `work` to `personal`, and lets a session bring `work` back three seconds later.
pub(super) fn revert(scene: &Scene) {
    let before = scene.world.live_text();
    scene.use_profile(1, "personal");
    scene.board("the switch", |board| board.acked_op == 1);
    scene.world.advance(3 * SECOND);
    scene.world.set_live(before);
}

#[test]
fn a_rotation_that_is_told_of_is_saved_at_once() {
    let scene = idle(Tricks::default());
    assert!(scene.world.claude_refreshes());
    scene.engine.send(Event::LoginChanged);
    wait_for("the rotation in the .cred", || saved_is_live(&scene.world, "work"));
    assert!(scene.world.history().contains(&history::Event::Rotated { alias: alias("work") }));
}

#[test]
fn a_rotation_that_nobody_tells_of_is_found_by_the_stamp() {
    let pace = Pace { poll: Duration::from_millis(20), ..asleep() };
    let scene = Scene::as_wanted(Tricks::default(), |_, _| Habits::alone(pace)).settled();
    assert!(scene.world.claude_refreshes());
    wait_for("the rotation in the .cred", || saved_is_live(&scene.world, "work"));
}

#[test]
fn a_write_in_the_middle_of_a_look_is_not_missed() {
    let scene = idle(Tricks::default());
    scene.tricks.identify.set(true);
    assert!(scene.world.claude_refreshes());
    scene.engine.send(Event::LoginChanged);
    std::thread::sleep(Duration::from_millis(50));
    assert!(scene.world.claude_refreshes());
    scene.engine.send(Event::LoginChanged);
    scene.tricks.identify.set(false);
    wait_for("the second rotation in the .cred", || saved_is_live(&scene.world, "work"));
}

#[test]
fn an_unchanged_login_costs_neither_a_request_nor_a_write() {
    let scene = idle(Tricks::default());
    let before = asked(&scene.world);
    for _ in 0..20 {
        scene.engine.send(Event::LoginChanged);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(asked(&scene.world), before);
}

#[test]
fn a_login_that_is_nobodys_is_not_asked_about_in_a_loop() {
    let tricks = Tricks::default();
    let pace = Pace { calm: Duration::from_millis(300), ..asleep() };
    let scene = Scene::as_wanted(tricks, |_, _| Habits::alone(pace)).settled();
    let guest = sign_in(&scene.world, "guest");
    scene.world.set_live(Some(guest.clone()));
    scene.engine.send(Event::LoginChanged);
    scene.board("the guest", |board| matches!(board.live, LiveState::Unregistered { .. }));
    let before = asked(&scene.world);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(900) {
        scene.world.set_live(Some(guest.clone()));
        scene.engine.send(Event::LoginChanged);
        std::thread::sleep(Duration::from_millis(3));
    }
    let again = asked(&scene.world) - before;
    assert!((1..=4).contains(&again), "asked {again} times in 0.9 s, with a calm of 0.3 s");
}

#[test]
fn what_cannot_be_resolved_is_asked_about_ever_more_seldom_and_overwrites_nothing() {
    let pace = Pace { poll: Duration::from_millis(5), look_again: Duration::from_millis(20), ..asleep() };
    let scene = Scene::as_wanted(Tricks::default(), |_, _| Habits::alone(pace)).settled();
    let before = scene.world.file(&FileName::Cred(alias("work")));
    scene.world.server(|server| server.down = Some(ProviderError::Unreachable));
    assert!(scene.world.claude_refreshes());
    scene.board("doubt", |board| board.live == LiveState::Unresolved);
    let first = asked(&scene.world);
    std::thread::sleep(Duration::from_millis(600));
    // 20, 40, 80, 160, 320 ms: four or five, where every poll would have made a hundred.
    let again = asked(&scene.world) - first;
    assert!((2..=7).contains(&again), "asked {again} times");
    assert_eq!(scene.world.file(&FileName::Cred(alias("work"))), before);
    scene.world.server(|server| server.down = None);
    wait_for("the rotation in the .cred", || saved_is_live(&scene.world, "work"));
}

#[test]
fn each_change_of_the_live_state_is_written_down_once() {
    let scene = Scene::begin().settled();
    let guest = sign_in(&scene.world, "guest");
    let husk = r#"{"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0}}"#.to_owned();
    let work = scene.world.live_text().expect("a login");
    type Expected = fn(&LiveState) -> bool;
    let cases: [(Option<String>, Expected); 6] = [
        (Some(guest), |live| matches!(live, LiveState::Unregistered { email: Some(_) })),
        (Some(work.clone()), |live| matches!(live, LiveState::Known { .. })),
        (Some(husk), |live| *live == LiveState::Husk),
        (Some(work), |live| matches!(live, LiveState::Known { .. })),
        (Some("{".to_owned()), |live| *live == LiveState::Unreadable),
        (None, |live| *live == LiveState::Absent),
    ];
    for (text, expected) in cases {
        scene.world.set_live(text);
        scene.board("what is live", |board| expected(&board.live));
        // Some more looks, which find the same.
        for _ in 0..3 {
            scene.board("another board", |_| true);
        }
    }
    scene.engine.send(Event::Quit);
    scene.until("the end", |seen| matches!(seen, Seen::Exit).then_some(()));
    let noted: Vec<_> = scene.world.history().into_iter().filter(is_of_the_watch).collect();
    let signed_out = |name: Option<&str>| history::Event::SignedOut { alias: name.map(alias) };
    assert_eq!(
        noted,
        [
            history::Event::WatchBegan,
            history::Event::Foreign { email: "guest@example.org".to_owned() },
            signed_out(Some("work")),
            history::Event::Unreadable,
            signed_out(Some("work")),
            history::Event::WatchEnded,
        ]
    );
}

pub(super) fn is_of_the_watch(event: &history::Event) -> bool {
    matches!(
        event,
        history::Event::WatchBegan
            | history::Event::WatchEnded
            | history::Event::Foreign { .. }
            | history::Event::SignedOut { .. }
            | history::Event::Unreadable
            | history::Event::Failed { .. }
    )
}

#[test]
fn what_was_so_before_the_start_is_not_written_down_again() {
    let begin = |world: &World| {
        let (tell, seen) = channel();
        let ports = Arc::new(world.ports());
        let engine = crate::start(ports, Box::new(Recorder(tell)), Habits::alone(fast())).expect("threads");
        Scene { world: world.clone(), tricks: Tricks::default(), engine, seen, logins: Default::default() }
    };
    let world = Scene::begin().settled().world;
    let guest = sign_in(&world, "guest");
    for _ in 0..2 {
        world.set_live(Some(guest.clone()));
        let scene = begin(&world);
        scene.board("the guest", |board| matches!(board.live, LiveState::Unregistered { email: Some(_) }));
        scene.engine.send(Event::Quit);
        scene.until("the end", |seen| matches!(seen, Seen::Exit).then_some(()));
    }
    let told = world.history().into_iter().filter(|event| matches!(event, history::Event::Foreign { .. })).count();
    assert_eq!(told, 1);
}

#[test]
fn a_choice_that_was_undone_is_said_with_the_session_that_did_it_and_one_click_restores_it() {
    let scene = Scene::begin().settled();
    scene.world.set_sessions(vec![session(4711)], Vec::new());
    revert(&scene);
    let board = scene.board("the reversion", |board| board.problem.is_some());
    let problem = board.problem.clone().expect("a problem");
    assert_eq!(problem.code, Code::Reverted);
    assert_eq!(problem.message, "Cannot keep personal live: the session in /home/u/p4711 (pid 4711) brought work back");
    assert_eq!(problem.next_step, NextStep::Restore { alias: alias("personal") });
    assert_eq!(active(&board), Some("work"), "the truth is shown");
    for _ in 0..5 {
        let board = scene.board("another board", |_| true);
        assert_eq!(board.problem.as_ref(), Some(&problem), "looking again does not take it away");
    }
    scene.use_profile(2, "personal");
    let board = scene.board("the choice", |board| board.acked_op == 2);
    assert_eq!((active(&board), &board.problem), (Some("personal"), &None));
}

#[test]
fn an_undone_choice_that_the_command_line_noticed_first_is_said_all_the_same() {
    let scene = idle(Tricks::default());
    revert(&scene);
    by_command_line(&scene, |ports| signalbox_core::sync::sync_live(ports).map(drop));
    scene.engine.send(Event::LoginChanged);
    let board = scene.board("the reversion", |board| board.problem.is_some());
    assert_eq!(board.problem.map(|problem| problem.next_step), Some(NextStep::Restore { alias: alias("personal") }));
}

#[test]
fn a_sign_in_to_a_third_account_ends_the_story_of_an_undone_choice() {
    let scene = Scene::begin().settled();
    revert(&scene);
    scene.board("the reversion", |board| board.problem.is_some());
    let guest = sign_in(&scene.world, "guest");
    scene.world.set_live(Some(guest));
    scene.board("the guest", |board| matches!(board.live, LiveState::Unregistered { .. }) && board.problem.is_none());
}

#[test]
fn where_the_settings_say_so_a_choice_is_restored_twice_and_then_only_said() {
    let habits = || Habits { restores: true, ..Habits::alone(fast()) };
    let scene = Scene::as_wanted(Tricks::default(), |_, _| habits()).settled();
    let before = scene.world.live_text();
    revert(&scene);
    for round in 1..=2 {
        let board = scene.board("the restoration", |board| {
            assert_eq!(board.problem, None, "round {round}: nobody has to do anything");
            board.notice.as_deref().is_some_and(|notice| notice.starts_with("personal is live again"))
        });
        assert_eq!(board.live, LiveState::Known { alias: alias("personal") });
        scene.board("the end of the notice", |board| board.notice.is_none());
        scene.world.set_live(before.clone());
    }
    let board = scene.board("the third time", |board| board.problem.is_some());
    assert_eq!(board.problem.map(|problem| problem.code), Some(Code::Reverted));
    let restored = history::Event::Restored { alias: alias("personal") };
    assert_eq!(scene.world.history().iter().filter(|event| **event == restored).count(), 2);
}

#[test]
fn after_a_switch_by_the_command_line_the_account_block_is_looked_after_too() {
    let scene = Scene::begin().settled();
    by_command_line(&scene, |ports| switch::use_profile(ports, &alias("personal")).map(drop));
    scene.board("the switch", |board| board.live == LiveState::Known { alias: alias("personal") });
    for _ in 0..2 {
        scene.world.set_cache(Some(block("work")));
        wait_for("the block to be mended", || !shows(&scene.world, "work"));
    }
}

#[test]
fn within_minutes_of_a_switch_a_write_of_the_account_file_is_looked_at_at_once() {
    let scene = idle(Tricks::default());
    scene.world.set_cache(Some(block("personal")));
    scene.engine.send(Event::AccountChanged);
    std::thread::sleep(Duration::from_millis(60));
    assert!(shows(&scene.world, "personal"), "without a switch it is none of our business");

    scene.use_profile(1, "personal");
    scene.board("the switch", |board| board.acked_op == 1);
    for _ in 0..3 {
        scene.world.set_cache(Some(block("work")));
        scene.engine.send(Event::AccountChanged);
        wait_for("the block to be mended", || !shows(&scene.world, "work"));
    }
}

#[test]
fn a_switch_of_long_ago_is_not_looked_after_any_more() {
    let scene = Scene::as_wanted(Tricks::default(), |world, _| {
        switch::use_profile(&world.ports(), &alias("personal")).expect("a switch");
        world.advance(11 * MINUTE);
        Habits::alone(asleep())
    })
    .settled();
    scene.world.set_cache(Some(block("work")));
    scene.engine.send(Event::AccountChanged);
    std::thread::sleep(Duration::from_millis(80));
    assert!(shows(&scene.world, "work"));
}

fn block(name: &str) -> String {
    format!(
        r#"{{"oauthAccount":{{"accountUuid":"{name}","organizationUuid":"org","emailAddress":"{name}@example.org"}}}}"#
    )
}

fn shows(world: &World, name: &str) -> bool {
    world.cache_text().is_some_and(|text| text.contains(&format!("{name}@example.org")))
}

#[test]
fn a_switch_that_failed_is_written_down() {
    let scene = Scene::begin().settled();
    scene.world.server(|server| server.revoke("personal"));
    scene.use_profile(1, "personal");
    scene.board("the problem", |board| board.acked_op == 1);
    let why = "the login of `personal` has ended; it has to be signed in again".to_owned();
    assert!(scene.world.history().contains(&history::Event::SwitchFailed { to: alias("personal"), why }));
}

#[test]
fn what_a_person_has_to_know_is_announced_once_where_somebody_can_be_told() {
    let habits = Habits { announces: true, ..Habits::alone(fast()) };
    let scene = Scene::as_wanted(Tricks::default(), |_, _| habits).settled();
    scene.world.set_live(None);
    let announced = scene.until("the announcement", |seen| match seen {
        Seen::Announced(announcement) => Some(announcement),
        _ => None,
    });
    assert_eq!(announced.title, "Claude Code is signed out of work");
    std::thread::sleep(Duration::from_millis(150));
    let again = scene.seen.try_iter().filter(|seen| matches!(seen, Seen::Announced(_))).count();
    assert_eq!(again, 0, "once is enough");
}

#[test]
fn nothing_is_announced_where_nobody_can_be_told() {
    let scene = Scene::begin().settled();
    scene.world.set_live(None);
    scene.board("the sign-out", |board| board.live == LiveState::Absent);
    std::thread::sleep(Duration::from_millis(150));
    assert!(!scene.seen.try_iter().any(|seen| matches!(seen, Seen::Announced(_))));
    assert_eq!(scene.world.file(&FileName::Told), None, "and nothing counts as told");
}
