//! The scenarios, in the order in which they run. Each has a world of its own; what all of them claim at the end, that
//! nothing left the machine, is claimed here.

mod delegated;
mod interactive;
mod refresh;
mod rotate;
mod sign_in;
mod status;

use anyhow::Result;

use crate::claims::Claims;
use crate::world::{Programs, World};

/// One scenario.
pub struct Scenario {
    /// What to call it in `--only`.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    run: fn(&World, &mut Claims) -> Result<()>,
}

/// Every scenario.
pub static ALL: [Scenario; 12] = [
    Scenario { name: "sign-in", about: "a sign-in in a folder of its own", run: sign_in::allowed },
    Scenario { name: "denied", about: "a sign-in to which the person says no", run: sign_in::denied },
    Scenario { name: "rotate-new", about: "rotate, for a new profile", run: rotate::a_new_profile },
    Scenario { name: "rotate-stale", about: "rotate, for a login that has ended", run: rotate::a_stale_profile },
    Scenario { name: "rotate-live", about: "rotate, for the live profile", run: rotate::the_live_profile },
    Scenario { name: "rotate-cancel", about: "rotate, and a change of mind", run: rotate::a_change_of_mind },
    Scenario { name: "status", about: "status after a switch", run: status::run },
    Scenario { name: "refresh", about: "a refresh after a switch", run: refresh::after_a_switch },
    Scenario { name: "lapsing", about: "a saved login that lapses soon", run: refresh::before_a_switch },
    Scenario { name: "refused", about: "a token the server takes no more, after a switch", run: refresh::refused },
    Scenario { name: "interactive", about: "a session that runs across a switch", run: interactive::run },
    Scenario { name: "delegated", about: "the client as the engine that renews", run: delegated::run },
];

impl Scenario {
    /// Runs it in a fresh world.
    pub fn play(&self, programs: &Programs, claims: &mut Claims) {
        claims.begin(self.about);
        let played = World::new(programs).and_then(|world| {
            let played = (self.run)(&world, claims);
            way_out(&world, claims);
            played
        });
        if let Err(error) = played {
            claims.broke_off(&error);
        }
    }
}

/// Who was asked for. A refused host is no failure of the client's: it is told, and nothing has left the machine.
fn way_out(world: &World, claims: &mut Claims) {
    let traffic = world.traffic();
    claims.that("whoever the client spoke to was the simulator", traffic.distrusted.is_empty(), &traffic);
    for (place, times) in &traffic.refused {
        println!("  note    {times} × {place}: answered 502");
    }
}
