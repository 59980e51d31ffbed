//! Stories of reading usage: on whose card it is drawn, and what a reading may do to a parked login.

use std::sync::Mutex;

use signalbox_core::board::{self, Reason};
use signalbox_core::error::Code;
use signalbox_core::fakes::World;
use signalbox_core::policy::BackOff;
use signalbox_core::poll::{self, Polled, Urgency};
use signalbox_core::ports::{LiveLock, LockError, Locks, OwnLock, Ports, ProviderError, RotationLock};
use signalbox_core::schedule;
use signalbox_core::switch;
use signalbox_core::sync;
use signalbox_core::time::{DAY, HOUR, MINUTE};
use signalbox_core::vault;

use super::{a_put_back_by_another_tool, code_of, glance, switch_to};
use crate::scene::{Scene, alias};

#[test]
fn usage_is_drawn_only_on_the_card_of_its_own_account() {
    let scene = Scene::new().profile("a").profile("b");
    for name in ["a", "b"] {
        let polled = poll::read_usage(&scene.ports, &alias(name), Urgency::Forced).expect("asked");
        assert!(matches!(polled, Polled::Read(_)));
    }
    let shown = |scene: &Scene| {
        let board = board::assemble(&scene.ports, &glance(scene)).expect("a board");
        board.cards.iter().map(|card| card.usage.as_ref().expect("read").meters[0].percent).collect::<Vec<_>>()
    };
    // The pretended server gives each account a number of its own: the sum of its name's letters.
    assert_eq!(shown(&scene), [97.0, 98.0]);
    switch_to(&scene, "a").expect("switched");
    assert_eq!(shown(&scene), [97.0, 98.0]);
}

#[test]
fn a_failed_reading_keeps_the_last_one_and_a_throttle_is_remembered() {
    let scene = Scene::new().profile("a");
    poll::read_usage(&scene.ports, &alias("a"), Urgency::Forced).expect("asked");
    scene.world.advance(10 * MINUTE);
    assert_eq!(poll::due(&scene.ports, Urgency::Due).expect("decided"), [alias("a")]);
    scene.world.server(|server| server.down = Some(ProviderError::Throttled { retry_after_s: Some(3600) }));
    poll::read_usage(&scene.ports, &alias("a"), Urgency::Due).expect("asked");
    assert!(poll::due(&scene.ports, Urgency::Due).expect("decided").is_empty());
    scene.world.unplan();
    let again = poll::read_usage(&scene.ports, &alias("a"), Urgency::Forced).expect("not asked");
    assert!(matches!(again, Polled::NotYet { .. }), "even a person cannot ask within the server's own block");
    assert!(!scene.world.calls().contains(&"provider.usage"));
    let board = board::assemble(&scene.ports, &glance(&scene)).expect("a board");
    assert!(board.cards[0].usage.is_some(), "the last reading still stands");
}

#[test]
fn the_live_login_is_never_renewed_by_us() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(9 * HOUR);
    let before = scene.world.server(|server| server.refreshes);
    let polled = poll::read_usage(&scene.ports, &alias("b"), Urgency::Forced).expect("not asked");
    assert!(matches!(polled, Polled::ActiveExpired));
    sync::sync_live(&scene.ports).expect("looked");
    assert_eq!(scene.world.server(|server| server.refreshes), before);
}

#[test]
fn a_lost_answer_to_a_refresh_is_shown_as_a_login_that_is_needed() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    scene.world.server(|server| server.lose_answers = true);
    poll::read_usage(&scene.ports, &alias("a"), Urgency::Forced).expect("no answer is no failure");
    scene.world.server(|server| server.lose_answers = false);
    assert_eq!(code_of(switch_to(&scene, "a")), Code::LoginNeeded);
    let board = board::assemble(&scene.ports, &glance(&scene)).expect("a board");
    assert_eq!(board.cards[0].badge.reason, Reason::LoginNeeded);
    // Signing in again in Claude Code is all it takes.
    scene.sign_in("a");
    sync::sync_live(&scene.ports).expect("looked");
    let board = board::assemble(&scene.ports, &glance(&scene)).expect("a board");
    assert!(board.cards[0].active && !matches!(board.cards[0].badge.reason, Reason::LoginNeeded));
}

#[test]
fn a_login_that_another_tool_made_live_is_not_renewed_behind_its_back() {
    let scene = a_put_back_by_another_tool();
    scene.world.advance(9 * HOUR);
    let polled = poll::read_usage(&scene.ports, &alias("a"), Urgency::Forced).expect("no failure");
    assert!(matches!(polled, Polled::Failed(ProviderError::Unauthorized)), "{polled:?}");
    scene.check_nothing_lost(&["a"], &[], false, "after polling");
}

#[test]
fn a_pair_that_another_signalbox_bought_meanwhile_is_used_and_not_renewed_again() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    sync::sync_live(&scene.ports).expect("looked");
    let mut late = scene.world.ports();
    late.locks = Box::new(Overtaken { world: scene.world.clone(), once: Mutex::new(Some(scene.world.ports())) });
    scene.world.unplan();
    let polled = poll::read_usage(&late, &alias("a"), Urgency::Forced).expect("read");
    assert!(matches!(polled, Polled::Read(_)), "{polled:?}");
    let refreshes = scene.world.calls().iter().filter(|call| **call == "provider.refresh").count();
    assert_eq!(refreshes, 1);
}

/// Locks that are had only after another Signalbox has read the usage of `a`.
struct Overtaken {
    world: World,
    once: Mutex<Option<Ports>>,
}

impl Locks for Overtaken {
    fn own(&self, purpose: &str) -> Result<OwnLock, LockError> {
        if let Some(faster) = self.once.lock().expect("no panic").take() {
            poll::read_usage(&faster, &alias("a"), Urgency::Forced).expect("read");
        }
        self.world.own(purpose)
    }

    fn live(&self, own: &OwnLock) -> Result<LiveLock, LockError> {
        self.world.live(own)
    }

    fn rotation(&self) -> Result<Option<RotationLock>, LockError> {
        self.world.rotation()
    }
}

#[test]
fn usage_that_is_refused_even_with_a_fresh_login_is_not_asked_with_a_fresher_one() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(9 * HOUR);
    assert!(scene.world.claude_refreshes());
    sync::sync_live(&scene.ports).expect("looked");
    scene.world.server(|server| server.refuse_access_of = Some("a".to_owned()));
    scene.world.unplan();
    let polled = poll::read_usage(&scene.ports, &alias("a"), Urgency::Forced).expect("no failure");
    assert!(matches!(polled, Polled::Failed(ProviderError::Unauthorized)), "{polled:?}");
    let refreshes = scene.world.calls().iter().filter(|call| **call == "provider.refresh").count();
    assert_eq!(refreshes, 1);
}

#[test]
fn a_reading_that_arrives_after_a_switch_is_drawn_on_the_card_of_the_account_it_was_asked_for() {
    let scene = Scene::new().profile("a").profile("b");
    let mut switched = false;
    scene.world.interject(Some(Box::new(move |world, call| {
        if call == "provider.usage" && !switched {
            switched = true;
            switch::use_profile(&world.ports(), &alias("a")).expect("switched while the question is under way");
        }
        None
    })));
    poll::read_usage(&scene.ports, &alias("b"), Urgency::Forced).expect("read");
    scene.world.interject(None);
    assert_eq!(scene.live_account().as_deref(), Some("a"));
    let board = board::assemble(&scene.ports, &glance(&scene)).expect("a board");
    let percents: Vec<_> =
        board.cards.iter().map(|card| card.usage.as_ref().map(|usage| usage.meters[0].percent)).collect();
    assert_eq!(percents, [None, Some(98.0)]);
}

#[test]
fn a_person_may_ask_past_the_floor_but_not_past_the_budget() {
    let scene = Scene::new().profile("a");
    let ask = |urgency| poll::read_usage(&scene.ports, &alias("a"), urgency).expect("no failure");
    for number in 0..schedule::BUDGET {
        assert!(matches!(ask(Urgency::Forced), Polled::Read(_)), "question {number} of an hour");
        assert!(matches!(ask(Urgency::Due), Polled::NotYet { .. }), "nothing that nobody asked for comes so soon");
        scene.world.advance(MINUTE);
    }
    let Polled::NotYet { until } = ask(Urgency::Forced) else { panic!("the budget is used up") };
    assert_eq!(until.since(scene.now()), HOUR - i64::try_from(schedule::BUDGET).expect("few") * MINUTE);
    scene.world.advance(until.since(scene.now()));
    assert!(matches!(ask(Urgency::Forced), Polled::Read(_)), "one question has aged out");
}

#[test]
fn resets_that_waver_are_one_and_the_same() {
    let scene = Scene::new().profile("a");
    let read = || match poll::read_usage(&scene.ports, &alias("a"), Urgency::Forced).expect("asked") {
        Polled::Read(reading) => reading.usage.windows[0].resets_at.expect("it has begun"),
        polled => panic!("{polled:?}"),
    };
    // The pretended server's reset is always an hour off, so a later answer names a later one.
    let first = read();
    scene.world.advance(1_700);
    assert_eq!(read(), first);
    scene.world.advance(2 * MINUTE);
    assert_eq!(read().since(first), 1_700 + 2 * MINUTE, "a new window is no wavering");
}

#[test]
fn a_block_from_before_the_clock_was_set_back_does_not_hide_a_later_one() {
    let scene = Scene::new().profile("a");
    let ask = || poll::read_usage(&scene.ports, &alias("a"), Urgency::Due).expect("no failure");
    scene.world.advance(DAY);
    assert!(scene.world.claude_refreshes());
    sync::sync_live(&scene.ports).expect("saved");
    scene.world.server(|server| server.down = Some(ProviderError::Throttled { retry_after_s: Some(3600) }));
    assert!(matches!(ask(), Polled::Failed(ProviderError::Throttled { .. })));
    scene.world.advance(-DAY);
    assert!(matches!(ask(), Polled::Failed(ProviderError::Throttled { .. })), "a block that long is none");
    for _ in 0..10 {
        scene.world.advance(6 * MINUTE);
        assert!(matches!(ask(), Polled::NotYet { .. }));
    }
}

#[test]
fn a_renewal_that_was_put_off_by_a_clock_that_ran_ahead_is_not_waited_for() {
    let scene = Scene::new().profile("a").profile("b");
    scene.world.advance(9 * HOUR);
    let a = vault::load_roster(&scene.ports).expect("a roster").get(&alias("a")).expect("a profile").identity().clone();
    let ahead = BackOff { failures: 1, until: scene.now().plus(300 * DAY) };
    scene.ports.readings.set_back_off(&a, Some(ahead)).expect("kept");
    assert!(poll::due(&scene.ports, Urgency::Due).expect("decided").contains(&alias("a")));
    assert!(matches!(poll::read_usage(&scene.ports, &alias("a"), Urgency::Due), Ok(Polled::Read(_))));
}
