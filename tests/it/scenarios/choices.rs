//! A person's choice is what is restored and told of, and nothing else is: neither an undo that died, nor a session
//! that writes its own login back late, nor a choice that the person has since taken back. The restoring itself is told
//! in `reverted`.

use signalbox_core::fakes::Fault;
use signalbox_core::history::Event;
use signalbox_core::recover::{self, Recovered};
use signalbox_core::sync::{self, Synced};
use signalbox_core::time::MINUTE;
use signalbox_core::{switch, undo, vault};

use super::mishaps::dies_at;
use super::switch_to;
use super::undo::signed_in_twice;
use crate::scene::{Scene, alias};

#[test]
fn whoever_chooses_what_came_back_is_not_overruled_by_a_restore() {
    let scene = Scene::new().profile("a").profile("b");
    let back = scene.world.live_text();
    switch_to(&scene, "a").expect("switched");
    scene.world.advance(MINUTE);
    scene.world.set_live(back);
    assert!(matches!(sync::sync_live(&scene.ports).expect("a look"), Synced::Reverted { .. }));
    assert!(switch_to(&scene, "b").expect("so be it").already_active);
    assert!(switch::restore(&scene.ports).expect("no failure").is_none(), "b is what the person wants now");
    assert_eq!(scene.live_account().as_deref(), Some("b"));
}

#[test]
fn an_old_session_that_rotates_its_own_login_late_is_not_called_a_rivals_copy() {
    let scene = Scene::new().profile("a").profile("b");
    let old = scene.world.live_text();
    switch_to(&scene, "a").expect("switched");
    scene.world.advance(11 * MINUTE);
    scene.world.set_live(old);
    assert!(scene.world.claude_refreshes());
    sync::sync_live(&scene.ports).expect("a look");
    let told = Event::SwitchedOutside { from: Some(alias("a")), to: alias("b"), rival: false };
    assert_eq!(scene.world.history().last(), Some(&told));
}

#[test]
fn an_undo_that_died_does_not_take_the_place_of_the_last_choice() {
    let scene = signed_in_twice();
    switch_to(&scene, "b").expect("switched");
    switch_to(&scene, "a").expect("and back");
    let choice = || vault::load_roster(&scene.ports).expect("a roster").last_switch().cloned();
    let before = choice();
    assert!(before.is_some());
    dies_at(&scene, "live.replace", 1, Fault::CrashAfter, || undo::undo(&scene.ports, &alias("a")));
    scene.world.advance(2 * MINUTE);
    assert_eq!(recover::recover(&scene.ports).expect("recovered"), Recovered::Finished { alias: alias("a") });
    assert_eq!(choice(), before);
}
