//! What a person is told without having asked: each episode once, a new one anew, and nothing twice because of a new start,
//! another name, or a clock that was set back.

use signalbox_core::board::{self, Activity, Board, LiveState};
use signalbox_core::episodes::{Action, Announcement, Teller};
use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::fakes::Fault;
use signalbox_core::ports::FileName;
use signalbox_core::register::{self, Consent};
use signalbox_core::time::{DAY, HOUR, MINUTE};
use signalbox_core::{switch, sync};

use crate::scene::{Scene, alias};

/// A scene with somebody who tells.
struct Told {
    scene: Scene,
    teller: Teller,
}

impl Told {
    fn by(scene: Scene) -> Self {
        Self { scene, teller: Teller::default() }
    }

    /// The board as a program that has just looked shows it.
    fn board(&self) -> Board {
        let live = sync::sync_live(&self.scene.ports).expect("looked").live_state();
        let activity = Activity::of_a_glance(live, self.scene.now());
        board::assemble(&self.scene.ports, &activity).expect("a board")
    }

    fn due_on(&mut self, board: &Board) -> Vec<Announcement> {
        self.teller.due(&self.scene.ports, board)
    }

    fn due(&mut self) -> Vec<Announcement> {
        let board = self.board();
        self.due_on(&board)
    }

    fn titles(&mut self) -> Vec<String> {
        self.due().into_iter().map(|each| each.title).collect()
    }

    fn after(&mut self, ms: i64) -> Vec<String> {
        self.scene.world.advance(ms);
        self.titles()
    }

    /// The program ends, and another one begins.
    fn starts_anew(&mut self) {
        self.teller = Teller::default();
    }
}

const NOTHING: [&str; 0] = [];

/// `b` is live; `a` is parked, and its login ends in thirty days.
fn two() -> Told {
    Told::by(Scene::new().profile("a").profile("b"))
}

/// The sign-in to `b` is made anew and seen, so that only `a` is of interest.
fn renew_b(told: &Told) {
    told.scene.sign_in("b");
    told.board();
}

#[test]
fn a_deadline_is_told_five_days_and_one_day_before_and_no_more() {
    let mut told = two();
    assert_eq!(told.after(24 * DAY), NOTHING);
    renew_b(&told);
    assert_eq!(told.after(DAY + HOUR), ["The login of a ends in 4 days"]);
    assert_eq!(told.titles(), NOTHING, "told once");
    assert_eq!(told.after(2 * DAY), NOTHING);
    assert_eq!(told.after(2 * DAY), ["The login of a ends in 23 h"]);
    assert_eq!(told.after(HOUR), NOTHING);
    assert_eq!(told.due_on(&told.board()), []);
}

#[test]
fn whoever_comes_back_on_the_last_day_is_told_once() {
    let mut told = two();
    told.scene.world.advance(27 * DAY);
    renew_b(&told);
    assert_eq!(told.after(2 * DAY + HOUR), ["The login of a ends in 23 h"]);
    assert_eq!(told.titles(), NOTHING);
}

#[test]
fn a_new_sign_in_is_a_new_episode() {
    let mut told = two();
    told.scene.world.advance(24 * DAY);
    renew_b(&told);
    assert_eq!(told.after(2 * DAY), ["The login of a ends in 4 days"]);
    told.scene.sign_in("a");
    told.due();
    told.scene.sign_in("b");
    told.due();
    assert_eq!(told.after(20 * DAY), NOTHING);
    renew_b(&told);
    assert_eq!(told.after(6 * DAY), ["The login of a ends in 4 days"]);
}

#[test]
fn an_assumed_deadline_is_told_a_day_before_and_called_what_it_is() {
    let scene = Scene::new();
    scene.sign_in("a");
    let signed_in = scene.world.live_text().expect("a login");
    let ends = signed_in.split("\"refreshTokenExpiresAt\":").nth(1).expect("a deadline");
    let digits: String = ends.chars().take_while(char::is_ascii_digit).collect();
    scene.world.set_live(Some(signed_in.replace(&format!("\"refreshTokenExpiresAt\":{digits}"), "\"later\":0")));
    register::add_live(&scene.ports, &alias("a"), Consent::Given).expect("registered");
    let mut told = Told::by(scene.profile("b"));
    assert_eq!(told.after(5 * DAY), NOTHING, "a known one would not have been told either");
    told.scene.world.advance(DAY + HOUR);
    let due = told.due();
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!(due[0].title, "The login of a may end in about 23 h");
    assert!(due[0].body.contains("assumed"), "{due:?}");
    assert_eq!(due[0].action, Action::Show, "nobody has to sign in because of an assumption");
    assert_eq!(told.after(2 * DAY), NOTHING, "what is only assumed to have ended may well live");
}

#[test]
fn a_login_that_ended_is_told_once_and_again_when_it_ends_again() {
    let mut told = two();
    told.scene.world.server(|server| server.revoke("a"));
    assert_eq!(told.titles(), NOTHING, "nobody knows yet");
    switch::use_profile(&told.scene.ports, &alias("a")).expect_err("it is dead");
    let due = told.due();
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!(due[0].title, "a has to be signed in again");
    assert_eq!(due[0].action, Action::SignIn(alias("a")));
    assert_eq!(told.after(3 * DAY), NOTHING);

    told.scene.sign_in("a");
    told.due();
    told.scene.sign_in("b");
    told.due();
    told.scene.world.server(|server| server.revoke("a"));
    switch::use_profile(&told.scene.ports, &alias("a")).expect_err("it is dead again");
    assert_eq!(told.titles(), ["a has to be signed in again"]);
}

#[test]
fn whoever_clicked_and_was_refused_is_not_told_again() {
    let mut told = two();
    told.scene.world.server(|server| server.revoke("a"));
    let error = switch::use_profile(&told.scene.ports, &alias("a")).expect_err("it is dead");
    let problem = error.problem(&Doing::Use(alias("a")));
    let board = Board { problem: Some(problem), ..told.board() };
    assert_eq!(told.due_on(&board), []);
    assert_eq!(told.after(DAY), NOTHING, "nor later, when the answer is gone from the board");
}

#[test]
fn a_refusal_that_the_server_takes_back_is_over() {
    let mut told = two();
    told.scene.world.server(|server| server.refuse_access_of = Some("a".to_owned()));
    let mut board = told.board();
    board.cards[0].badge.reason = board::Reason::LoginNeeded;
    assert_eq!(told.due_on(&board).len(), 1);
    assert_eq!(told.titles(), NOTHING, "the badge is well again, with the same deadline");
    assert_eq!(told.due_on(&board).len(), 1, "and this is another refusal");
}

#[test]
fn an_account_that_is_no_profile_is_told_when_it_becomes_live() {
    let mut told = two();
    told.scene.sign_in("stranger");
    let due = told.due();
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!(due[0].title, "stranger@example.org is live, which is no profile yet");
    assert!(due[0].body.contains("The login of b is saved"), "{due:?}");
    assert_eq!(told.titles(), NOTHING);
    told.scene.sign_in("somebody");
    assert_eq!(told.titles(), ["somebody@example.org is live, which is no profile yet"]);
    let written = told.scene.world.file(&FileName::Told).expect("written");
    assert!(!String::from_utf8_lossy(&written).contains('@'), "no account is named in the file");
}

#[test]
fn the_first_login_of_all_and_one_whose_profile_was_removed_are_no_news() {
    let mut told = Told::by(Scene::new());
    told.scene.sign_in("a");
    assert_eq!(told.titles(), NOTHING);
    let mut told = two();
    register::remove(&told.scene.ports, &alias("b")).expect("removed");
    assert_eq!(told.titles(), NOTHING, "whoever removed it knows");
}

#[test]
fn a_profile_that_goes_live_outside_is_told_and_a_switch_of_ours_is_not() {
    let mut told = two();
    told.due();
    switch::use_profile(&told.scene.ports, &alias("a")).expect("switched");
    assert_eq!(told.titles(), NOTHING, "a person did that with Signalbox");
    told.scene.sign_in("b");
    let due = told.due();
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!((due[0].title.as_str(), &due[0].action), ("b is live now", &Action::Show));
    assert!(due[0].body.contains("the place of a outside Signalbox"), "{due:?}");
    assert_eq!(told.titles(), NOTHING);
    told.starts_anew();
    assert_eq!(told.titles(), NOTHING, "it was told before the new start");
    told.scene.sign_in("a");
    assert_eq!(told.titles(), ["a is live now"]);
}

#[test]
fn what_moved_long_before_the_first_look_is_no_news() {
    let mut told = two();
    told.scene.sign_in("a");
    told.board();
    told.scene.world.advance(3 * HOUR);
    assert_eq!(told.titles(), NOTHING);
}

#[test]
fn signing_out_and_a_lost_login_are_told_with_the_way_back_in() {
    let mut told = two();
    told.scene.world.set_live(Some(format!("{{ {} }}", crate::scene::SIBLINGS)));
    let due = told.due();
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!(due[0].title, "Claude Code is signed out of b");
    assert_eq!(due[0].action, Action::SignIn(alias("b")));
    assert_eq!(told.after(DAY), NOTHING);
    told.scene.sign_in("b");
    assert_eq!(told.titles(), NOTHING);
    let husk = r#""claudeAiOauth": {"accessToken":"","refreshToken":"","expiresAt":0}"#;
    told.scene.world.set_live(Some(format!("{{ {}, {husk} }}", crate::scene::SIBLINGS)));
    assert_eq!(told.titles(), ["Claude Code lost the login of b"]);
}

/// The board after the engine found that the switch to `wanted` was undone.
fn undone(told: &Told, wanted: &str) -> Board {
    let problem = Problem {
        code: Code::Reverted,
        message: format!("Cannot keep {wanted} live: a session brought `b` back"),
        next_step: NextStep::Restore { alias: alias(wanted) },
        about: Some(alias(wanted)),
    };
    Board { problem: Some(problem), ..told.board() }
}

#[test]
fn a_switch_that_was_undone_is_told_with_a_button_that_restores_it() {
    let mut told = two();
    let board = undone(&told, "a");
    let due = told.due_on(&board);
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!(due[0].title, "The switch to a was undone");
    assert_eq!(due[0].action, Action::Restore(alias("a")));
    assert_eq!(due[0].body, "Cannot keep a live: a session brought b back.");
    assert_eq!(told.due_on(&board), []);
    assert_eq!(told.titles(), NOTHING, "it is over");
    assert_eq!(told.due_on(&board).len(), 1, "undone once more");
}

#[test]
fn what_cannot_be_known_right_now_is_not_over() {
    let mut told = two();
    told.scene.sign_in("stranger");
    told.due();
    for live in [LiveState::Unresolved, LiveState::Unreadable, LiveState::Unregistered { email: None }] {
        let board = Board { live, ..told.board() };
        assert_eq!(told.due_on(&board), []);
    }
    assert_eq!(told.titles(), NOTHING);
    let nothing = Board { cards: Vec::new(), ..told.board() };
    assert_eq!(told.due_on(&nothing), [], "the list of profiles could not be read");
    assert_eq!(told.titles(), NOTHING);
}

#[test]
fn neither_another_name_nor_a_new_start_tells_anything_again() {
    let mut told = two();
    told.scene.world.advance(24 * DAY);
    renew_b(&told);
    assert_eq!(told.after(2 * DAY).len(), 1);
    register::rename(&told.scene.ports, &alias("a"), &alias("job")).expect("renamed");
    assert_eq!(told.titles(), NOTHING);
    told.starts_anew();
    assert_eq!(told.titles(), NOTHING);
    assert_eq!(told.after(3 * DAY + HOUR), ["The login of job ends in 23 h"]);
}

#[test]
fn a_clock_that_is_set_back_tells_nothing_again() {
    let mut told = two();
    told.scene.world.advance(24 * DAY);
    renew_b(&told);
    assert_eq!(told.after(2 * DAY).len(), 1);
    assert_eq!(told.after(3 * DAY + HOUR).len(), 1);
    assert_eq!(told.after(2 * DAY), ["a has to be signed in again"], "the deadline has passed");
    for back in [2 * DAY, 2 * DAY, 10 * DAY] {
        assert_eq!(told.after(-back), NOTHING);
        told.starts_anew();
        assert_eq!(told.titles(), NOTHING);
    }
    assert_eq!(told.after(14 * DAY), NOTHING, "and the way forward is the same episode");
}

#[test]
fn many_at_once_are_told_as_one() {
    let scene = ["a", "b", "c", "d", "e"].into_iter().fold(Scene::new(), Scene::profile);
    let mut told = Told::by(scene);
    told.scene.world.advance(27 * DAY);
    let due = told.due();
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!((due[0].title.as_str(), &due[0].action), ("5 things about your logins", &Action::Show));
    assert_eq!(due[0].body.lines().count(), 5, "{due:?}");
    assert_eq!(told.titles(), NOTHING, "and all of them count as told");
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let mut told = two();
    told.due();
    assert_eq!(told.scene.world.file(&FileName::Told), None, "there was nothing to tell");
    told.scene.world.advance(26 * DAY);
    let board = told.board();
    told.scene.world.unplan();
    told.due_on(&board);
    let writes = |told: &Told| told.scene.world.calls().iter().filter(|call| **call == "files.write").count();
    assert_eq!(writes(&told), 1);
    for _ in 0..100 {
        told.due_on(&board);
    }
    assert_eq!(writes(&told), 1);
    let reads = told.scene.world.calls().iter().filter(|call| **call == "files.read").count();
    assert_eq!(reads, 0, "and what was told is read once");
}

#[test]
fn a_file_that_makes_no_sense_costs_one_repetition_and_no_storm() {
    for damage in ["", "{", "[1, {\"what\": \"later\"}, null]", "\u{0}"] {
        let mut told = two();
        told.scene.world.advance(26 * DAY);
        told.scene.world.set_file(FileName::Told, Some(damage.as_bytes().to_vec()));
        assert_eq!(told.titles().len(), 2, "{damage:?}");
        assert_eq!(told.after(MINUTE), NOTHING);
        told.starts_anew();
        assert_eq!(told.titles(), NOTHING, "it was written anew");
    }
}

#[test]
fn on_a_full_disk_everything_is_told_once_all_the_same() {
    let mut told = two();
    told.scene.world.advance(26 * DAY);
    let board = told.board();
    // The file is read first, and the write is the second call.
    told.scene.world.plan(1, Fault::Error);
    assert_eq!(told.due_on(&board).len(), 2);
    assert_eq!(told.scene.world.calls().last(), Some(&"files.write"), "the fault struck the write");
    assert_eq!(told.scene.world.file(&FileName::Told), None, "it could not be written");
    assert_eq!(told.due_on(&board), [], "what was told is remembered");
}
