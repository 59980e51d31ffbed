//! What others do meanwhile: Claude Code with its own login, and the command line with the profiles.

use signalbox_core::board::Reason;
use signalbox_core::{error::NextStep, flow::FlowError, switch};

use super::*;

/// Does what the command line would do. It waits for the lock, which the fakes do not.
pub(super) fn by_command_line(scene: &Scene, act: impl Fn(&Ports) -> Result<(), FlowError>) {
    let end = Instant::now() + PATIENCE;
    while let Err(error) = act(&scene.world.ports()) {
        assert!(matches!(error, FlowError::Lock(_)) && Instant::now() < end, "{error}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_sign_in_with_another_profiles_account_is_followed() {
    let scene = Scene::begin().settled();
    scene.world.set_live(Some(scene.logins[0].clone()));
    let board = scene.board("the other profile", |board| board.notice.is_some());
    assert_eq!(active(&board), Some("personal"));
    assert_eq!(board.notice.as_deref(), Some("personal is live now: it was switched outside Signalbox."));
}

#[test]
fn a_switch_by_the_command_line_takes_the_old_notice_away_and_is_no_alarm() {
    let scene = Scene::begin().settled();
    scene.use_profile(1, "personal");
    scene.board("the switch", |board| board.acked_op == 1);
    by_command_line(&scene, |ports| switch::use_profile(ports, &alias("work")).map(drop));
    let board = scene.board("the switch outside", |board| {
        let drifted = board.cards.iter().any(|card| card.badge.reason == Reason::Drifted);
        assert!(!drifted, "nobody else's account is live: {board:?}");
        board.live == LiveState::Known { alias: alias("work") }
    });
    assert_eq!(active(&board), Some("work"));
    assert_eq!(board.notice.as_deref(), Some("work is live now: it was switched outside this program."));
}

#[test]
fn a_notice_about_a_profile_that_is_not_live_any_more_goes_away() {
    let scene = Scene::begin().settled();
    scene.use_profile(1, "personal");
    scene.board("the notice", |board| board.notice.is_some());
    scene.world.set_live(None);
    let board = scene.board("the sign-out", |board| board.live == LiveState::Absent);
    assert_eq!(board.notice, None);
}

#[test]
fn a_rename_by_the_command_line_is_no_switch() {
    let scene = Scene::begin().settled();
    by_command_line(&scene, |ports| register::rename(ports, &alias("work"), &alias("job")).map(drop));
    let board = scene.board("the new name", |board| board.live == LiveState::Known { alias: alias("job") });
    assert_eq!((active(&board), &board.notice), (Some("job"), &None));
}

#[tokio::test]
async fn what_is_shown_follows_a_profile_to_its_new_name_and_forgets_one_that_is_gone() {
    let scene = Scene::begin().settled();
    scene.world.server(|server| server.revoke("personal"));
    scene.use_profile(1, "personal");
    let board = scene.board("the problem", |board| board.acked_op == 1);
    let sign_in = NextStep::SignIn { alias: alias("personal") };
    assert_eq!(board.problem.map(|problem| problem.next_step), Some(sign_in));
    scene.engine.edit(Edit::Remove { alias: alias("personal") }).await.expect("it is removed");
    assert_eq!(scene.engine.board().await.expect("a board").problem, None);

    scene.engine.edit(Edit::Rename { from: alias("work"), to: alias("job") }).await.expect("it is renamed");
    let board = scene.engine.board().await.expect("a board");
    assert_eq!((board.live, board.notice), (LiveState::Known { alias: alias("job") }, None));
}
