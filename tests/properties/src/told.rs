//! `told.json`: whatever stands in it, nobody is told anything twice, and rubbish keeps nobody from being told.

use signalbox_core::board::{self, Activity, LiveState};
use signalbox_core::episodes::{Announcement, Teller};
use signalbox_core::ports::FileName;
use signalbox_core::profile::Alias;
use signalbox_core::time::{DAY, HOUR};

use crate::marker::{says_nothing, with_and_without};
use crate::scene::Scene;

/// A file that is no list counts as empty. What it says to have been told is not told again, nor is what was told just now,
/// whichever program begins next; and nothing of the file is shown.
///
/// # Panics
/// When one of these does not hold.
pub fn told_json(bytes: &[u8]) {
    with_and_without(bytes, |bytes| {
        let scene = Scene::new();
        // Both logins end within a day.
        scene.world.advance(29 * DAY + 12 * HOUR);
        let of_nothing = due(&scene);
        assert!(!of_nothing.is_empty(), "a login that ends tomorrow is told of");
        scene.world.set_file(FileName::Told, Some(bytes.to_vec()));
        let of_bytes = due(&scene);
        for announcement in &of_bytes {
            says_nothing(&format!("{announcement:?}"));
        }
        assert!(of_bytes.iter().all(|announcement| of_nothing.contains(announcement)), "something was made up");
        if serde_json::from_slice::<Vec<serde_json::Value>>(bytes).is_err() {
            assert_eq!(of_bytes, of_nothing, "rubbish silenced something");
        }
        assert_eq!(due(&scene), [], "it was told twice");
        scene.world.advance(HOUR);
        assert_eq!(due(&scene), [], "it was told again an hour later");
    });
}

/// What a program that has just begun has to tell.
fn due(scene: &Scene) -> Vec<Announcement> {
    let live = LiveState::Known { alias: Alias::parse("b").expect("an alias") };
    let activity = Activity::of_a_glance(live, scene.ports.clock.now());
    let board = board::assemble(&scene.ports, &activity).expect("a board");
    Teller::default().due(&scene.ports, &board)
}
