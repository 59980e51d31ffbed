//! A pretended machine with two profiles, `a` parked and `b` live, and what must still be there after anything.

use signalbox_core::credential::{Fingerprint, Live};
use signalbox_core::document::Document;
use signalbox_core::fakes::World;
use signalbox_core::ports::Ports;
use signalbox_core::profile::Alias;
use signalbox_core::register::{self, Consent};
use signalbox_core::vault;

pub(crate) struct Scene {
    pub world: World,
    pub ports: Ports,
}

impl Scene {
    /// Both are registered through the real flow. Claude Code has rotated `b` since it was saved: the newest login is live
    /// and nowhere else, so it is the one that can be lost.
    pub(crate) fn new() -> Self {
        let world = World::new();
        let ports = world.ports();
        for name in ["a", "b"] {
            let now = ports.clock.now();
            let login = world.server(|server| server.sign_in(name, "org", now));
            world.set_live(Some(format!("{{ \"mcpOAuth\": {{\"n\": 1.50}},\n\"claudeAiOauth\": {login} }}\n")));
            let alias = Alias::parse(name).expect("an alias");
            register::add_live(&ports, &alias, Consent::Given).expect("registered");
        }
        assert!(world.claude_refreshes(), "the live login can be rotated");
        Self { world, ports }
    }

    pub(crate) fn live(&self) -> String {
        self.world.live_text().expect("a live store")
    }

    /// Every login that the server honours is live, saved or put aside, and no spent token was presented.
    #[track_caller]
    pub(crate) fn check_nothing_lost(&self) {
        let mut kept = Vec::from_iter(fingerprint(self.world.live_text()));
        for profile in vault::load_roster(&self.ports).expect("a roster").profiles() {
            kept.extend(vault::saved_fingerprint(&self.ports, profile).expect("readable"));
        }
        kept.extend(vault::held(&self.ports).expect("readable").iter().map(|held| held.login.fingerprint()));
        for name in ["a", "b"] {
            for living in self.world.server(|server| server.living_fingerprints(name)) {
                assert!(kept.contains(&living), "a living login of {name} is nowhere");
            }
            assert_eq!(self.world.server(|server| server.living(name)), 1, "the login of {name} has ended");
        }
        assert_eq!(self.world.server(|server| server.reuses), 0, "a spent token was presented");
    }
}

/// The fingerprint of the login in a live store.
pub(crate) fn fingerprint(text: Option<String>) -> Option<Fingerprint> {
    match Live::parse(&Document::from_text(text?).ok()?).ok()? {
        Live::Login(login) => Some(login.fingerprint()),
        Live::Absent | Live::Husk => None,
    }
}
