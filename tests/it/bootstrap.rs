//! The decisions of the bootstrap as tables: when a sign-in is due, when the next attempt is, and when a person is asked.

use signalbox_core::board::Deadline;
use signalbox_core::bootstrap::{self, Attempt, Bootstrap, Case, FAILURES_MAX, Shown, Tried};
use signalbox_core::policy::{LiveStanding, Standing};
use signalbox_core::time::{DAY, HOUR, MINUTE, Timestamp};

const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);

fn ends_in(ms: i64, assumed: bool) -> Standing {
    Standing { renews: true, deadline: Some(Deadline { at: NOW.plus(ms), assumed }), ..Standing::default() }
}

#[test]
fn a_sign_in_is_due_when_the_login_has_ended_or_is_known_to_end_within_days() {
    let active = |live| Standing { active: true, live, ..ends_in(DAY, false) };
    let refused = |standing| Standing { login_needed: true, ..standing };
    for (standing, due, because) in [
        (ends_in(6 * DAY, false), false, "there is time"),
        (ends_in(5 * DAY - 1, false), true, "it ends within five days"),
        (ends_in(-DAY, false), true, "it has ended"),
        (ends_in(-DAY, true), false, "that is only assumed"),
        (refused(ends_in(20 * DAY, false)), true, "the server refused it for good"),
        (refused(Standing::default()), true, "and it could not renew itself"),
        (Standing { renews: false, ..ends_in(-DAY, false) }, false, "a setup-token ends when it ends"),
        (Standing { unreadable: true, ..ends_in(-DAY, false) }, false, "nobody knows what it is"),
        (active(LiveStanding::Mine), true, "the live login ends soon"),
        (active(LiveStanding::Unconfirmed), true, "nothing speaks against it"),
        (active(LiveStanding::SignedOut), false, "somebody may have signed out on purpose"),
        (active(LiveStanding::Drifted), false, "somebody may have signed in as another on purpose"),
        (
            refused(Standing { active: true, ..ends_in(20 * DAY, false) }),
            false,
            "only Claude Code knows of the live one",
        ),
    ] {
        assert_eq!(bootstrap::is_due(&standing, NOW), due, "{because}");
    }
}

#[test]
fn attempts_come_ever_later_and_then_not_at_all() {
    let pauses: Vec<_> =
        (0..=5).map(|failures| bootstrap::next_attempt(failures, NOW).map(|at| at.since(NOW))).collect();
    assert_eq!(pauses, [Some(0), Some(30 * MINUTE), Some(3 * HOUR), None, None, None]);
    assert_eq!(FAILURES_MAX, 3);
}

fn tried(change: impl FnOnce(&mut Tried)) -> Tried {
    let text = r#"{"of":"0123456789abcdef","mark":1,"failures":1,"next":1800000000000}"#;
    let mut tried = serde_json::from_str(text).expect("what stands in the file");
    change(&mut tried);
    tried
}

#[test]
fn a_person_is_asked_where_no_bootstrap_is_possible_or_it_has_stalled() {
    let next = |ms| tried(|tried| tried.next = NOW.plus(ms));
    let attempt = |shown| tried(|tried| tried.attempt = Some(Attempt { begun_at: NOW, shown, ask_at: None }));
    let stalled = tried(|tried| tried.stalled_at = Some(NOW.plus(-HOUR)));
    let signed_out = tried(|tried| tried.signed_out = true);
    let is_stalled = Some(Bootstrap::Stalled { since: NOW.plus(-HOUR) });
    let (due, ready) = (Some(Bootstrap::Due), Some(Bootstrap::Ready));
    for (allowed, able, tried, expected, because) in [
        (true, Some(true), None, due, "its window holds a session"),
        (true, Some(false), None, None, "it holds none, or there is no screen"),
        (true, None, None, None, "nobody looks after it"),
        (false, Some(true), None, None, "it is switched off, or the terms were not agreed to"),
        (false, Some(true), Some(stalled.clone()), None, "and what was before counts no more"),
        (true, Some(true), Some(next(3 * HOUR)), due, "it is tried again later"),
        (true, None, Some(next(3 * HOUR)), due, "another program tries it again later"),
        (true, None, Some(next(-30 * MINUTE)), due, "another program is about to"),
        (true, None, Some(next(-31 * MINUTE)), None, "the other program is gone"),
        (true, None, Some(next(3 * HOUR + 1)), None, "a clock was set back"),
        (true, Some(true), Some(attempt(Shown::NotYet)), due, "its page is on its way"),
        (true, Some(true), Some(attempt(Shown::Pressing)), due, "it is being pressed"),
        (true, Some(true), Some(attempt(Shown::Open)), ready, "its page is up"),
        (true, None, Some(attempt(Shown::Open)), ready, "another program brought it up"),
        (true, Some(false), Some(attempt(Shown::Open)), None, "the window turned out to be signed out"),
        (true, None, Some(signed_out.clone()), None, "so another program says"),
        (true, Some(true), Some(signed_out), due, "and now it holds a session again"),
        (true, Some(true), Some(stalled.clone()), is_stalled, "it was tried in vain"),
        (true, None, Some(stalled.clone()), is_stalled, "so another program says"),
        (true, Some(false), Some(stalled), is_stalled, "whatever else there is"),
    ] {
        let case = Case { allowed, able, tried: tried.as_ref() };
        assert_eq!(bootstrap::standing(case, NOW), expected, "{because}");
    }
}
