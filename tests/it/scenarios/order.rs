//! The order in which a person puts the profiles.

use signalbox_core::register;

use crate::scene::{Scene, alias};

#[test]
fn profiles_stand_in_the_order_that_a_person_gave_them() {
    let scene = Scene::new().profile("a").profile("b").profile("c");
    let order = |scene: &Scene| {
        let roster = signalbox_core::vault::load_roster(&scene.ports).expect("a roster");
        roster.profiles().iter().map(|profile| profile.alias.to_string()).collect::<Vec<_>>()
    };
    register::reorder(&scene.ports, &["c", "gone", "a"].map(alias)).expect("put");
    assert_eq!(order(&scene), ["c", "a", "b"]);
    scene.world.unplan();
    register::reorder(&scene.ports, &["c", "a", "b"].map(alias)).expect("put");
    assert!(!scene.world.calls().contains(&"files.write"), "what stands there is not written again");
    assert_eq!(scene.live_account().as_deref(), Some("c"), "no login is touched");
    scene.check_nothing_lost(&["a", "b", "c"], &[], false, "after reordering");
}
