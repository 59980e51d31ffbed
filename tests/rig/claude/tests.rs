//! Holds the simulated Claude Code to what `docs/observed.md` says of the real one. A simulation that were kinder than
//! the real client would make every test above it worthless.

use std::time::Duration;

use provider_sim::{Endpoint, Fault, FaultKind, LoginState, SimOptions, Terms};

use super::{Claude, Place, Turn, usage_command};
use crate::stage::Stage;

const MODEL: &str = "claude-opus-4";

fn stage() -> Stage {
    Stage::new(SimOptions::default()).expect("a stage")
}

/// Tokens that are within the client's five minutes from the start.
fn short_lived() -> Stage {
    let terms = Terms { access_life_ms: 120_000, ..Terms::default() };
    Stage::new(SimOptions { terms, ..SimOptions::default() }).expect("a stage")
}

#[test]
fn a_valid_login_is_used_without_a_refresh_and_burns_usage() {
    let stage = stage();
    let login = stage.sign_in("work").expect("signed in").login;
    let before = stage.sim.usage("work", None).expect("usage").windows[0].utilization;
    let mut claude = Claude::start(&stage.home).expect("a session");
    assert_eq!(claude.prompt(MODEL), Turn::Answered);
    assert_eq!(stage.sim.refreshes(login), 0);
    assert!(stage.sim.usage("work", None).expect("usage").windows[0].utilization > before);
}

#[test]
fn a_login_with_less_than_five_minutes_left_is_refreshed_and_the_siblings_stay_byte_for_byte() {
    let stage = short_lived();
    let login = stage.sign_in("work").expect("signed in").login;
    let before = stage.home.live().expect("a store").besides("claudeAiOauth");
    let deadline =
        stage.home.live().expect("a store").value("claudeAiOauth").expect("a login")["refreshTokenExpiresAt"].clone();
    assert_eq!(Claude::start(&stage.home).expect("a session").prompt(MODEL), Turn::Answered);
    assert_eq!(stage.sim.refreshes(login), 1);
    assert!(stage.live_is("work"));
    let after = stage.home.live().expect("a store");
    assert_eq!(after.besides("claudeAiOauth"), before);
    assert_eq!(after.value("claudeAiOauth").expect("a login")["refreshTokenExpiresAt"], deadline);
    assert_eq!(stage.sim.count(Endpoint::Profile), 0, "a complete oauthAccount needs no profile");
}

#[test]
fn unknown_members_inside_the_login_are_dropped_by_a_refresh() {
    let stage = short_lived();
    stage.sign_in("work").expect("signed in");
    let mut store = stage.home.live().expect("a store");
    let mut login = store.value("claudeAiOauth").expect("a login");
    login["futureTokenKind"] = "x".into();
    store.set("claudeAiOauth", &login);
    super::write_credentials(&stage.home.config(), &store.text()).expect("written");
    assert_eq!(Claude::start(&stage.home).expect("a session").prompt(MODEL), Turn::Answered);
    let login = stage.home.live().expect("a store").value("claudeAiOauth").expect("a login");
    assert!(login.get("futureTokenKind").is_none());
    assert!(login.get("accountUuid").is_some());
}

#[test]
fn four_sessions_with_an_expired_token_refresh_it_once_between_them() {
    let stage = short_lived();
    let login = stage.sign_in("work").expect("signed in").login;
    stage.sim.reconfigure(|options| options.terms = Terms::default());
    stage.sim.fault(Fault::once(Endpoint::Token, FaultKind::Delay { ms: 300 }));
    let turns: Vec<Turn> = std::thread::scope(|scope| {
        let sessions: Vec<_> =
            (0..4).map(|_| scope.spawn(|| Claude::start(&stage.home).expect("a session").prompt(MODEL))).collect();
        sessions.into_iter().map(|session| session.join().expect("a turn")).collect()
    });
    assert_eq!(turns, vec![Turn::Answered; 4]);
    assert_eq!(stage.sim.refreshes(login), 1);
    assert_eq!(stage.sim.state(login), Some(LoginState::Alive));
}

#[test]
fn a_withdrawn_token_earns_one_refresh_and_one_retry() {
    let stage = stage();
    let login = stage.sign_in("work").expect("signed in").login;
    assert!(stage.sim.withdraw_access(login));
    assert_eq!(Claude::start(&stage.home).expect("a session").prompt(MODEL), Turn::Answered);
    assert_eq!((stage.sim.refreshes(login), stage.sim.count(Endpoint::Messages)), (1, 2));
}

#[test]
fn a_dead_login_is_emptied_and_keeps_its_deadline_and_its_plan() {
    let stage = stage();
    let login = stage.sign_in("work").expect("signed in").login;
    let account = stage.home.account().expect("an account");
    assert!(stage.sim.end_login(login));
    let mut claude = Claude::start(&stage.home).expect("a session");
    assert_eq!(claude.prompt(MODEL), Turn::LoggedOut);
    let husk = stage.home.live().expect("a store").value("claudeAiOauth").expect("a husk");
    assert_eq!((&husk["accessToken"], &husk["refreshToken"], &husk["expiresAt"]), (&"".into(), &"".into(), &0.into()));
    assert!(husk["refreshTokenExpiresAt"].is_i64() && husk["subscriptionType"] == "max");
    assert_eq!(stage.home.account().expect("an account"), account);
    assert_eq!(claude.prompt(MODEL), Turn::LoggedOut);
}

#[test]
fn anything_but_invalid_grant_leaves_the_file_as_it_is() {
    let stage = short_lived();
    stage.sign_in("work").expect("signed in");
    let before = std::fs::read(stage.home.store()).expect("a store");
    for kind in [
        FaultKind::Html { status: 403 },
        FaultKind::CutBefore,
        FaultKind::Status { status: 429, body: None, retry_after: None },
    ] {
        stage.sim.fault(Fault::once(Endpoint::Token, kind));
        assert!(matches!(Claude::start(&stage.home).expect("a session").prompt(MODEL), Turn::Failed(_)));
        assert_eq!(std::fs::read(stage.home.store()).expect("a store"), before);
    }
}

#[test]
fn a_login_swapped_under_a_running_session_is_used_at_the_next_prompt() {
    let stage = stage();
    stage.sign_in("work").expect("signed in");
    let mut claude = Claude::start(&stage.home).expect("a session");
    assert_eq!(claude.prompt(MODEL), Turn::Answered);
    // The kernel stamps files by a clock that ticks every 4 to 10 ms, and an equal time goes unnoticed.
    std::thread::sleep(std::time::Duration::from_millis(20));
    stage.sign_in("personal").expect("signed in");
    assert_eq!(claude.prompt(MODEL), Turn::Answered);
    let asked: Vec<_> = stage.sim.requests().into_iter().filter_map(|request| request.account).collect();
    assert_eq!(asked, ["work", "personal"]);
}

#[test]
fn a_swap_that_keeps_the_mtime_goes_unnoticed() {
    let stage = stage();
    stage.sign_in("work").expect("signed in");
    let mut claude = Claude::start(&stage.home).expect("a session");
    assert_eq!(claude.prompt(MODEL), Turn::Answered);
    let touched = std::fs::metadata(stage.home.store()).and_then(|data| data.modified()).expect("a time");
    stage.sign_in("personal").expect("signed in");
    let file = std::fs::File::options().write(true).open(stage.home.store()).expect("a store");
    file.set_modified(touched).expect("the old time");
    assert_eq!(claude.prompt(MODEL), Turn::Answered);
    assert_eq!(stage.sim.requests().last().and_then(|request| request.account.clone()).as_deref(), Some("work"));
}

#[test]
fn a_refresh_in_flight_while_another_login_is_renamed_in_without_a_lock_throws_its_own_pair_away() {
    let stage = short_lived();
    let login = stage.sign_in("work").expect("signed in").login;
    stage.sim.fault(Fault::once(Endpoint::Token, FaultKind::DelayAnswer { ms: 400 }));
    std::thread::scope(|scope| {
        let session = scope.spawn(|| Claude::start(&stage.home).expect("a session").prompt(MODEL));
        crate::process::until_blocking("the refresh", || (stage.sim.refreshes(login) == 1).then_some(()))
            .expect("it began");
        stage.sign_in("personal").expect("signed in");
        session.join().expect("a turn");
    });
    // This is the loss that a switcher avoids by taking the refresh lock: personal is live, and work's newest pair is
    // gone.
    assert!(stage.live_is("personal"));
}

#[test]
fn a_session_that_meets_a_held_refresh_lock_waits_and_then_uses_what_stands_there() {
    let stage = short_lived();
    stage.sign_in("work").expect("signed in");
    let lock = stage.home.config().join(".oauth_refresh.lock");
    std::fs::create_dir(&lock).expect("a lock");
    std::thread::scope(|scope| {
        let session = scope.spawn(|| Claude::start(&stage.home).expect("a session").prompt(MODEL));
        std::thread::sleep(Duration::from_millis(300));
        stage.sim.reconfigure(|options| options.terms = Terms::default());
        stage.sign_in("personal").expect("signed in");
        std::fs::remove_dir(&lock).expect("released");
        assert_eq!(session.join().expect("a turn"), Turn::Answered);
    });
    assert_eq!(stage.sim.count(Endpoint::Token), 0, "what it found there was fresh");
    assert!(stage.live_is("personal"));
}

#[test]
fn a_missing_account_block_is_filled_in_by_the_next_refresh() {
    let stage = short_lived();
    let tokens = stage.sign_in("work").expect("signed in");
    let mut state = stage.home.settings().expect("settings");
    state.set("oauthAccount", &serde_json::Value::Null);
    std::fs::write(stage.home.state(), state.text()).expect("written");
    assert_eq!(Claude::start(&stage.home).expect("a session").prompt(MODEL), Turn::Answered);
    assert_eq!(stage.sim.count(Endpoint::Profile), 1);
    assert_eq!(stage.home.account().expect("an account")["accountUuid"], tokens.seat.identity.account_uuid);
}

/// `cachedUsageUtilization`, as the usage command leaves it.
fn cached(stage: &Stage) -> serde_json::Value {
    stage.home.settings().expect("settings").value("cachedUsageUtilization").unwrap_or_default()
}

#[test]
fn the_usage_command_renews_a_lapsing_login_reads_usage_once_a_minute_and_asks_no_model() {
    let stage = short_lived();
    let login = stage.sign_in("work").expect("signed in").login;
    stage.sim.reconfigure(|options| options.terms = Terms::default());
    usage_command(&Place::of(&stage.home)).expect("it ran");
    assert_eq!((stage.sim.refreshes(login), stage.sim.count(Endpoint::Usage)), (1, 1));
    assert!(stage.live_is("work"));
    let kept = cached(&stage);
    assert_eq!(kept["accountUuid"], stage.home.account().expect("a block")["accountUuid"]);
    assert_eq!(kept["utilization"]["five_hour"]["utilization"], 71.0);
    usage_command(&Place::of(&stage.home)).expect("it ran");
    assert_eq!((stage.sim.refreshes(login), stage.sim.count(Endpoint::Usage)), (1, 1));
    assert_eq!(stage.sim.count(Endpoint::Messages), 0);
    let left = std::fs::read_dir(stage.home.config().join("sessions")).expect("read").count();
    assert_eq!(left, 0, "its session record went with it");
}

#[test]
fn a_refused_usage_request_earns_the_usage_command_one_refresh() {
    let stage = stage();
    let login = stage.sign_in("work").expect("signed in").login;
    stage.sim.withdraw_access(login);
    usage_command(&Place::of(&stage.home)).expect("it ran");
    assert_eq!((stage.sim.refreshes(login), stage.sim.count(Endpoint::Usage)), (1, 2));
    assert!(stage.live_is("work") && cached(&stage).is_object());
}

#[test]
fn the_usage_command_asks_six_times_and_leaves_the_login_as_it_was() {
    let stage = short_lived();
    let login = stage.sign_in("work").expect("signed in").login;
    stage.sim.fault(Fault::standing(Endpoint::Token, FaultKind::Html { status: 403 }));
    let before = stage.home.live().expect("a store").text();
    usage_command(&Place::of(&stage.home)).expect("it ran");
    assert_eq!((stage.sim.count(Endpoint::Token), stage.sim.count(Endpoint::Usage)), (6, 0));
    assert_eq!(stage.home.live().expect("a store").text(), before);
    assert_eq!(stage.sim.state(login), Some(LoginState::Alive));
}

#[test]
fn under_a_pin_the_usage_command_leaves_the_login_alone_and_without_needless_traffic_it_only_renews() {
    let stage = short_lived();
    let login = stage.sign_in("work").expect("signed in").login;
    usage_command(&Place { pinned: true, ..Place::of(&stage.home) }).expect("it ran");
    assert_eq!(stage.sim.requests().len(), 0);
    stage.sim.reconfigure(|options| options.terms = Terms::default());
    usage_command(&Place { quiet: true, ..Place::of(&stage.home) }).expect("it ran");
    assert_eq!((stage.sim.refreshes(login), stage.sim.count(Endpoint::Usage)), (1, 0));
}
