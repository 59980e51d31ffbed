//! A week of the app, the command line and `watch` together, over one pretended server that keeps the provider's
//! budget, and what each kind of 429 does to them. The people and programs are `desk`'s; the schedule itself is told as
//! tables in `schedule`.

mod desk;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use signalbox_core::fakes::World;
use signalbox_core::poll::Urgency;
use signalbox_core::ports::ProviderError;
use signalbox_core::schedule;
use signalbox_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use signalbox_core::usage::Reading;

use desk::{Desk, Dice, NAMES, PROVIDERS_BUDGET, Program, STEP, usage_of};

const DAYS: usize = 7;

/// The most requests that lie within one such stretch of time.
fn most_within(asked: &[Timestamp], ms: i64) -> usize {
    let ends = asked.iter().enumerate();
    let counts = ends.map(|(index, at)| asked[..=index].iter().rev().take_while(|past| at.since(**past) < ms).count());
    counts.max().unwrap_or(0)
}

/// Between two steps of one program another comes round: just before it writes a request into the books, now and then.
fn let_programs_overtake_each_other(world: &World, urgency: Urgency) -> Arc<AtomicBool> {
    let happened = Arc::new(AtomicBool::new(false));
    let (told, state) = (Arc::clone(&happened), Mutex::new((Dice(0x5eed_0005), Program::on(world))));
    world.interject(Some(Box::new(move |_, call| {
        let mut state = state.lock().expect("no panic");
        if call == "readings.claim" && state.0.once_in(8) {
            told.store(true, Ordering::Relaxed);
            state.1.round(urgency);
        }
        None
    })));
    happened
}

/// Lives through a week and checks the budget. Gives how many requests there were, and those for the active profile.
fn live_through_a_week(statusline: bool) -> (usize, usize) {
    let mut desk = Desk::new(statusline);
    desk.scene.world.server(|server| server.tells = Some(usage_of));
    let overtaken = let_programs_overtake_each_other(&desk.scene.world, Urgency::Eager);
    let began = desk.scene.now();
    for _ in 0..DAYS {
        desk.day();
    }
    let in_the_week = desk.asked();
    // Now every last request is fought over.
    let fought_over = let_programs_overtake_each_other(&desk.scene.world, Urgency::Forced);
    let impatient = desk.impatient_hour();
    desk.scene.world.interject(None);
    for happened in [overtaken, fought_over] {
        assert!(happened.load(Ordering::Relaxed), "no program ever came in between");
    }
    let with = if statusline { "with" } else { "without" };
    assert_eq!(desk.scene.world.server(|server| server.throttled), 0, "{with}: the server had enough");
    let all = desk.asked();
    assert_eq!((in_the_week.len(), all.len()), (NAMES.len(), NAMES.len()));
    let (mut total, mut of_active) = (0, 0);
    for name in NAMES {
        let (identity, asked) = in_the_week.iter().find(|(identity, _)| identity.account() == name).expect("asked for");
        let most = most_within(&all[identity], HOUR);
        assert!(most <= PROVIDERS_BUDGET, "{with}: {name} was asked for {most} times within an hour");
        let mut days = [0; DAYS];
        for at in asked {
            days[usize::try_from(at.since(began) / DAY).expect("after the beginning").min(DAYS - 1)] += 1;
        }
        let most = most_within(asked, HOUR);
        let active = asked.iter().filter(|at| desk.active_at(**at) == name).count();
        println!(
            "{with} the statusline: {name}: {days:?} a day, {active} of them active; at most {most} within an hour"
        );
        total += asked.len();
        of_active += active;
    }
    let refreshes = desk.refreshes;
    println!("{with} the statusline: {refreshes:?}, in an impatient hour {impatient:?}");
    println!("{with} the statusline: {} switches", desk.switches.len() - 1);
    assert!(impatient.too_early > 0 && impatient.failed == 0, "{with}: the budget was never used up: {impatient:?}");
    let all = refreshes.all();
    assert!(all > 1_000 && refreshes.served * 100 >= all * 95, "{with}: {refreshes:?}");
    desk.scene.check_nothing_lost(&NAMES, &[], false, with);
    (total, of_active)
}

#[test]
fn a_week_of_three_programs_stays_inside_the_budget_of_every_identity() {
    let (without, with) = std::thread::scope(|scope| {
        let without = scope.spawn(|| live_through_a_week(false));
        (without.join(), live_through_a_week(true))
    });
    let without = without.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    println!(
        "requests of all profiles in a week, and for the active one: {without:?} without the statusline, {with:?} with"
    );
    assert!(with.0 < without.0 && with.1 * 4 < without.1 * 3, "what is told need not be asked for");
}

/// What the server does to everybody's questions for usage.
struct Script {
    name: &'static str,
    retry_after_s: Option<u64>,
    /// How often it begins, for how long, and how long it lets questions through in between.
    times: usize,
    blocks_ms: i64,
    lets_ms: i64,
    /// How long after a refusal nobody asks again.
    waits_ms: i64,
}

/// A parked profile's interval with its jitter, and a step of each program.
const USUAL_MS: i64 = schedule::PARKED_MS + schedule::PARKED_MS / 10 + MINUTE + STEP;

const SCRIPTS: [Script; 6] = [
    Script { name: "none", retry_after_s: None, times: 1, blocks_ms: 20 * MINUTE, lets_ms: HOUR, waits_ms: 6 * MINUTE },
    Script { name: "0", retry_after_s: Some(0), times: 1, blocks_ms: 20 * MINUTE, lets_ms: HOUR, waits_ms: 6 * MINUTE },
    Script { name: "30 s", retry_after_s: Some(30), times: 1, blocks_ms: HOUR, lets_ms: HOUR, waits_ms: 180 * SECOND },
    Script {
        name: "an hour",
        retry_after_s: Some(3_600),
        times: 1,
        blocks_ms: HOUR,
        lets_ms: 2 * HOUR,
        waits_ms: 75 * MINUTE,
    },
    Script {
        name: "flapping",
        retry_after_s: Some(30),
        times: 20,
        blocks_ms: 7 * MINUTE,
        lets_ms: 16 * MINUTE,
        waits_ms: 180 * SECOND,
    },
    Script { name: "for ever", retry_after_s: None, times: 1, blocks_ms: 26 * HOUR, lets_ms: 0, waits_ms: 6 * MINUTE },
];

/// Every program at work for a while; what else happens in each step is told.
fn for_a_while(desk: &mut Desk, ms: i64, mut also: impl FnMut(&mut Desk, i64)) {
    for at in (0..ms).step_by(usize::try_from(STEP).expect("small")) {
        desk.step(at);
        if at % MINUTE == 0 {
            desk.claude_works();
        }
        also(desk, at);
    }
}

fn readings(desk: &Desk) -> Vec<Reading> {
    NAMES.iter().map(|name| desk.reading(name).expect("it was read once, and stands")).collect()
}

/// Blocks everybody once, and lets them through again. Gives how long after the block the last reading came back.
fn live_through_a_block(desk: &mut Desk, script: &Script) -> i64 {
    let refused = ProviderError::Throttled { retry_after_s: script.retry_after_s };
    desk.scene.world.server(|server| server.usage_down = Some(refused));
    let (last, before) = (readings(desk), desk.refreshes);
    for_a_while(desk, script.blocks_ms, |desk, at| {
        // Even a person cannot ask within a block, and pressing does not hurt.
        if script.times == 1 && at % (10 * MINUTE) == 5 * MINUTE {
            desk.refresh();
        }
        if at % MINUTE == 0 {
            assert_eq!(readings(desk), last, "{}: the last good readings stand", script.name);
        }
    });
    assert_eq!(desk.refreshes.served, before.served, "{}: nothing is made up", script.name);
    desk.scene.world.server(|server| server.usage_down = None);
    let lifted = desk.scene.now();
    let mut back: Vec<Option<Timestamp>> = vec![None; NAMES.len()];
    for_a_while(desk, script.lets_ms, |desk, _| {
        for (name, back) in NAMES.iter().zip(&mut back) {
            let reading = desk.reading(name).expect("it stands");
            *back = back.or_else(|| Some(reading.read_at).filter(|at| *at > lifted));
        }
    });
    if script.lets_ms == 0 {
        return 0;
    }
    let latest = back.iter().zip(NAMES).map(|(back, name)| {
        let after = back.unwrap_or_else(|| panic!("{}: {name} is never read again", script.name)).since(lifted);
        assert!(after <= script.waits_ms.max(USUAL_MS), "{}: {name} is back only after {after} ms", script.name);
        after
    });
    latest.max().expect("seven")
}

#[test]
fn after_every_kind_of_429_readings_come_back_without_a_burst() {
    for script in SCRIPTS {
        let mut desk = Desk::new(false);
        for_a_while(&mut desk, HOUR, |_, _| {});
        let began = desk.scene.now();
        let back: Vec<_> = (0..script.times).map(|_| live_through_a_block(&mut desk, &script)).collect();
        let mut most = 0;
        for (identity, asked) in desk.asked() {
            let since = asked.iter().position(|at| *at > began).expect("it was asked for at all");
            for two in asked[since.saturating_sub(1)..].windows(2) {
                let apart = two[1].since(two[0]);
                assert!(apart >= schedule::FLOOR_MS, "{}: {identity:?} was asked for after {apart} ms", script.name);
            }
            let within = most_within(&asked, HOUR);
            assert!(within <= PROVIDERS_BUDGET - schedule::RESERVE, "{}: {within} within an hour", script.name);
            most = most.max(within);
        }
        // A block that never ends has nothing after it.
        let back = back.iter().max().filter(|_| script.lets_ms > 0).map(|ms| ms / SECOND);
        println!(
            "{}: back {back:?} s after the block at the latest, at most {most} requests within an hour",
            script.name
        );
        assert_eq!(desk.scene.world.server(|server| server.throttled), 0);
        desk.scene.check_nothing_lost(&NAMES, &[], false, script.name);
    }
}
