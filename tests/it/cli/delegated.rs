//! Renewing by Claude Code, with the real program and the simulated client: where the provider's edge refuses us and
//! lets the client pass, and whatever happens to us while the client is at work.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use provider_sim::{Endpoint, Fault, FaultKind, SimOptions, Terms};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use signalbox_tests::process::{PATIENCE, Running};
use signalbox_tests::stage::{Profile, Said, Stage};

use super::loss;

const US: &str = "signalbox/";
const CLIENT: &str = "axios/";

/// `work` is live, `personal` is parked and its access token has lapsed; the edge refuses our refreshes and no one
/// else's.
struct Scene {
    stage: Stage,
    work: Profile,
    personal: Profile,
}

impl Scene {
    fn new() -> Self {
        let stage = Stage::new(SimOptions::default()).expect("a stage");
        // Within the five minutes in which a token is renewed before it is used.
        let short = Terms { access_life_ms: 120_000, ..Terms::default() };
        stage.sim.reconfigure(|options| options.terms = short);
        let personal = stage.seed("personal").expect("a profile");
        stage.sim.reconfigure(|options| options.terms = Terms::default());
        let work = stage.seed("work").expect("a profile");
        stage.sim.clear_requests();
        stage.sim.fault(Fault::standing(Endpoint::Token, FaultKind::Html { status: 403 }).for_agent(US));
        Self { stage, work, personal }
    }

    fn set(&self, settings: &str) {
        fs::write(self.stage.home.data().join("settings.toml"), settings).expect("written");
    }

    /// The token endpoint takes this long for the client's refresh.
    fn slow_client(&self, ms: u64) {
        self.stage.sim.fault(Fault::once(Endpoint::Token, FaultKind::Delay { ms }).for_agent(CLIENT));
    }

    fn requests(&self, endpoint: Endpoint, agent: &str) -> usize {
        let made = self.stage.sim.requests();
        let by = |agent: &str, by: &Option<String>| by.as_deref().is_some_and(|by| by.starts_with(agent));
        made.iter().filter(|made| made.endpoint == endpoint && by(agent, &made.user_agent)).count()
    }

    /// What lies where the engine has its config folders: the folders, and beside one the lock of a client at work.
    fn left(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.stage.home.data().join("delegated")) else { return Vec::new() };
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        self.left().into_iter().filter(|path| path.extension().is_none()).collect()
    }

    /// Starts `use personal`, and waits until the client it has started is on record. Gives the client's process
    /// number.
    fn begin(&self) -> (Running, u32) {
        let mut command = self.stage.cli(&["use", "personal"]).expect("the program");
        // In a group of its own, as a shell starts it.
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let running = Running::start(&mut command).expect("started");
        let client = wait_for("the client", || {
            let text = fs::read_to_string(self.folders().first()?.join("run.json")).ok()?;
            let record: Value = serde_json::from_str(&text).expect("a record");
            u32::try_from(record["pid"].as_u64()?).ok()
        });
        // It has asked the server, so a token is out.
        wait_for("its request", || (self.requests(Endpoint::Token, CLIENT) > 0).then_some(()));
        (running, client)
    }

    fn check(&self, said: &Said) {
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
        assert!(!said.out.contains("not confirmed"), "{}", said.out);
        assert!(self.stage.live_is("personal"));
        assert_eq!(self.stage.sim.refreshes(self.personal.login), 1, "one renewal, whoever saw its end");
        assert_eq!(self.left(), Vec::<PathBuf>::new(), "no copy of the login is left");
        self.stage.sim.clear_faults();
        let logins = [("work".to_owned(), self.work.login), ("personal".to_owned(), self.personal.login)];
        loss::check_all_usable(&self.stage, &logins).expect("every login is usable");
    }
}

#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn where_the_edge_refuses_us_a_lapsed_login_is_renewed_by_claude_code_and_switched_to() {
    let scene = Scene::new();
    let said = scene.stage.ask_signalbox(&["use", "personal"]).expect("it runs");
    assert_eq!(scene.requests(Endpoint::Token, US), 1, "ours came first, once");
    assert_eq!(scene.requests(Endpoint::Token, CLIENT), 1);
    assert_eq!(scene.requests(Endpoint::Profile, "claude-code/"), 0, "with the whole saved block no profile is needed");
    assert_eq!(scene.requests(Endpoint::Messages, ""), 0, "no model was asked");
    scene.check(&said);
}

#[test]
fn a_login_whose_access_token_is_refused_early_is_renewed_that_way_too() {
    let scene = Scene::new();
    scene.stage.sim.clear_faults();
    scene.stage.signalbox(&["use", "personal"]).expect("used");
    scene.stage.signalbox(&["use", "work"]).expect("used");
    let before = scene.stage.sim.refreshes(scene.personal.login);
    scene.stage.sim.withdraw_access(scene.personal.login);
    scene.stage.sim.fault(Fault::standing(Endpoint::Token, FaultKind::Html { status: 403 }).for_agent(US));
    let said = scene.stage.signalbox(&["use", "personal"]).expect("used");
    assert!(!said.out.contains("not confirmed"), "{}", said.out);
    assert!(scene.stage.live_is("personal"));
    assert_eq!(scene.stage.sim.refreshes(scene.personal.login), before + 1);
}

#[test]
fn a_client_that_takes_five_seconds_is_waited_for() {
    let scene = Scene::new();
    scene.slow_client(5_000);
    let begun = Instant::now();
    let said = scene.stage.ask_signalbox(&["use", "personal"]).expect("it runs");
    assert!(begun.elapsed() >= Duration::from_secs(5));
    scene.check(&said);
}

#[test]
fn a_client_outlives_our_death_and_what_it_stored_is_brought_home() {
    let scene = Scene::new();
    scene.slow_client(5_000);
    let (mut running, client) = scene.begin();
    running.kill();
    no_token_of_the_client_is_seen(client);
    // While it is at work nobody spends its token a second time, and nobody takes its folder away.
    let said = scene.stage.ask_signalbox(&["use", "personal"]).expect("it runs");
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.err.contains("renew"), "{}", said.err);
    assert!(scene.stage.live_is("work"));
    assert_eq!(scene.folders().len(), 1);
    wait_for("its end", || (scene.stage.sim.refreshes(scene.personal.login) == 1).then_some(()));
    wait_for("its end", || fs::read_to_string(format!("/proc/{client}/stat")).is_err().then_some(()));
    let said = scene.stage.ask_signalbox(&["use", "personal"]).expect("it runs");
    scene.check(&said);
}

/// In its arguments, in its environment.
fn no_token_of_the_client_is_seen(pid: u32) {
    for place in ["cmdline", "environ"] {
        let shown = fs::read(format!("/proc/{pid}/{place}")).expect("it runs");
        assert!(!shown.is_empty(), "{place} says nothing");
        assert!(!String::from_utf8_lossy(&shown).contains("sk-ant-"), "a token stands in {place}");
    }
}

#[test]
fn a_ctrl_c_at_our_terminal_does_not_reach_the_client() {
    let scene = Scene::new();
    scene.slow_client(6_000);
    let (mut running, client) = scene.begin();
    let group = Pid::from_raw(i32::try_from(running.pid()).expect("a number")).expect("a process");
    kill_process_group(group, Signal::INT).expect("interrupted");
    assert_eq!(running.child().wait().expect("an end").code(), None, "the interrupt ended us");
    wait_for("its end", || fs::read_to_string(format!("/proc/{client}/stat")).is_err().then_some(()));
    let said = scene.stage.ask_signalbox(&["use", "personal"]).expect("it runs");
    scene.check(&said);
}

#[test]
fn the_engine_of_the_settings_is_the_only_one() {
    let scene = Scene::new();
    scene.set("[renewal]\nengine = \"direct\"\n");
    let said = scene.stage.signalbox(&["use", "personal"]).expect("switched");
    assert!(said.out.contains("not confirmed"), "{}", said.out);
    assert_eq!((scene.requests(Endpoint::Token, US), scene.requests(Endpoint::Token, CLIENT)), (1, 0));

    let scene = Scene::new();
    scene.set("[renewal]\nengine = \"delegated\"\n");
    let said = scene.stage.ask_signalbox(&["use", "personal"]).expect("it runs");
    assert_eq!((scene.requests(Endpoint::Token, US), scene.requests(Endpoint::Token, CLIENT)), (0, 1));
    scene.check(&said);
}

#[test]
fn without_claude_code_the_edge_has_the_last_word_and_nothing_is_lost() {
    let scene = Scene::new();
    scene.set("[claude]\nprogram = \"/gone/claude\"\n");
    let said = scene.stage.signalbox(&["use", "personal"]).expect("switched");
    assert!(said.out.contains("the server's edge refused"), "{}", said.out);
    assert_eq!(scene.left(), Vec::<PathBuf>::new());
    scene.stage.sim.clear_faults();
    let logins = [("work".to_owned(), scene.work.login), ("personal".to_owned(), scene.personal.login)];
    loss::check_all_usable(&scene.stage, &logins).expect("every login is usable");
}
