//! `signalbox watch` that signs a profile in by itself, with the real programs: the simulated `claude auth login`, a real Chromium on a
//! private screen, the simulated provider's pages. Whether Signalbox presses or a person clicks, and what a killed watch leaves.

use std::process::Stdio;

use provider_sim::AutoConsent;
use signalbox_core::ports::Ports;
use signalbox_core::profile::Alias;
use signalbox_core::rotate::{self, Step};
use signalbox_core::vault;
use signalbox_machine::assemble;
use signalbox_tests::claude::visit;
use signalbox_tests::process::Running;

use super::*;

/// The profile whose login has ended.
const WHO: &str = "personal";

/// As the log has it.
const BEGAN: &str = "Began to sign in to personal by itself";

/// `work` is live, the login of `personal` has ended, and its own window is signed in.
struct Due {
    scene: Scene,
    ports: Ports,
}

impl Due {
    fn new(mode: &str) -> Self {
        let mut scene = Scene::new();
        let stage = &scene.stage;
        let login = stage.seed(WHO).expect("a profile").login;
        stage.seed("work").expect("a profile");
        assert!(stage.sim.end_login(login) && stage.sim.withdraw_access(login));
        let refused = stage.ask_signalbox(&["refresh", WHO]).expect("it ran");
        assert!(refused.err.contains("has ended"), "{refused:?}");
        stage.home.agree_to_terms().expect("agreed");
        let settings = stage.home.data().join("settings.toml");
        let text = std::fs::read_to_string(&settings).expect("settings");
        std::fs::write(&settings, format!("{text}\n[bootstrap]\nmode = \"{mode}\"\n")).expect("written");
        let ports = assemble::ports(&surroundings(stage), "test").expect("ports");
        let roster = vault::load_roster(&ports).expect("a roster");
        let profile = roster.get(&Alias::parse(WHO).expect("an alias")).expect("a profile");
        scene.key = WindowKey::parse(&profile.window()).expect("a key");
        scene.sign_the_window_in(WHO);
        Self { scene, ports }
    }

    fn watch(&self) -> Running {
        let mut command = self.scene.stage.cli(&["watch"]).expect("the program");
        command.envs(&self.scene.variables).stdout(Stdio::null()).stderr(Stdio::inherit());
        Running::start(&mut command).expect("a watch")
    }

    /// The page of the sign-in, once its window is open.
    fn page(&self) -> String {
        until_blocking("a window with the page", || {
            let rotation = rotate::look(&self.ports).ok()??;
            let shown = self.log().contains(BEGAN) && self.scene.window().is_some();
            match rotation.step {
                Step::Browser { page } if shown && rotation.unasked => Some(page),
                _ => None,
            }
        })
        .expect("it came up by itself")
    }

    fn log(&self) -> String {
        self.scene.stage.signalbox(&["log"]).expect("a log").out
    }

    fn is_signed_in(&self) {
        until_blocking("the login", || {
            let said = self.scene.stage.signalbox(&["login", "--needed", "--json"]).expect("it ran").out;
            let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
            let roster = vault::load_roster(&self.ports).expect("a roster");
            let profile = roster.get(&Alias::parse(WHO).expect("an alias")).expect("a profile");
            let nobody = |who: &str| said[who].as_array().is_some_and(Vec::is_empty);
            (profile.login_needed_since.is_none() && nobody("needed") && nobody("byItself")).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}:\n{}", self.log()));
    }
}

#[test]
fn the_watch_presses_where_the_person_has_set_it_and_the_profile_lives_again() {
    let due = Due::new("press");
    let _watch = due.watch();
    due.is_signed_in();
    let given = due.scene.stage.sim.authorizations();
    assert_eq!(given.iter().map(|each| each.account.as_str()).collect::<Vec<_>>(), [WHO]);
    assert!(due.log().contains("Pressed Authorize for personal, as the settings say"), "{}", due.log());
    assert_eq!(due.scene.window(), None, "the window of the run is closed");
}

#[test]
fn a_killed_watch_is_followed_by_one_that_waits_for_the_same_click() {
    let due = Due::new("ready");
    let mut watch = due.watch();
    let page = due.page();
    watch.kill();
    drop(watch);
    let window = due.scene.window().expect("the window outlives the watch");
    let _watch = due.watch();
    assert_eq!(due.page(), page, "the same attempt");
    assert_eq!(due.scene.stage.sim.authorizations().len(), 0, "nobody has clicked yet");
    // The person clicks.
    let account = Some(WHO.to_owned());
    due.scene.stage.sim.auto_consent(Some(AutoConsent { account, ..AutoConsent::default() })).expect("an account");
    let (status, _) = visit(&page).expect("the page");
    assert!(status < 400, "{status}");
    due.is_signed_in();
    assert_eq!(due.scene.window(), Some(window), "no second window came up");
    assert_eq!(due.log().matches(BEGAN).count(), 1);
}
