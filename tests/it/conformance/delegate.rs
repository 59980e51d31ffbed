//! What every `Delegate` promises: a login goes into a folder of its own, what Claude Code made of it can be read there
//! whatever became of us meanwhile, and no folder goes while its child may be at work.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use provider_sim::{Account, Endpoint, Fault as ServerFault, FaultKind, Server, Sim, SimOptions};
use signalbox_core::credential::{Fingerprint, Live, Login};
use signalbox_core::document::Document;
use signalbox_core::fakes::{Crash, Fault, World};
use signalbox_core::ports::{Delegate, DelegateError, Delegated, ProviderError};
use signalbox_core::time::HOUR;
use signalbox_machine::data_folder::DataFolder;
use signalbox_machine::delegate::{ClaudeCode, InFiles};
use signalbox_machine::surroundings::Surroundings;
use signalbox_tests::process::program;

/// A machine with a Claude Code, a server, and one login whose access token has lapsed.
pub trait Rig {
    fn delegate(&self) -> &dyn Delegate;
    /// The login, as it is parked.
    fn login(&self) -> Document;
    /// Whether the server honours a refresh token as the newest of a living login.
    fn is_alive(&self, refresh: &str) -> bool;
    fn end_the_login(&self);
    fn take_the_server_away(&self);
    /// A run that we do not see the end of: we die, or do not wait any longer.
    fn run_and_leave(&self, key: &Fingerprint, login: &Document);
    /// Waits until the child that was left has ended.
    fn let_the_child_end(&self);
}

/// The pretended Claude Code of the fakes.
struct FakeRig {
    world: World,
    login: String,
}

impl FakeRig {
    fn new() -> Self {
        let world = World::new();
        let now = signalbox_core::ports::Clock::now(&world);
        let login = world.server(|server| server.sign_in("a", "org-a", now));
        world.advance(9 * HOUR);
        Self { world, login }
    }
}

impl Rig for FakeRig {
    fn delegate(&self) -> &dyn Delegate {
        &self.world
    }

    fn login(&self) -> Document {
        document(&format!(r#"{{"claudeAiOauth":{}}}"#, self.login))
    }

    fn is_alive(&self, refresh: &str) -> bool {
        self.world.server(|server| server.is_alive(refresh))
    }

    fn end_the_login(&self) {
        self.world.server(|server| server.revoke("a"));
    }

    fn take_the_server_away(&self) {
        self.world.server(|server| server.down = Some(ProviderError::Unreachable));
    }

    fn run_and_leave(&self, key: &Fingerprint, login: &Document) {
        self.world.plan(0, Fault::Torn);
        let died = catch_unwind(AssertUnwindSafe(|| self.world.run(key, login, None)));
        assert!(died.is_err_and(|panic| panic.is::<Crash>()));
        self.world.unplan();
    }

    fn let_the_child_end(&self) {
        self.world.children_end();
    }
}

/// The simulated Claude Code as a process, against the simulated provider.
struct ProcessRig {
    home: tempfile::TempDir,
    sim: Sim,
    // Stops serving when dropped.
    _server: Server,
    engine: ClaudeCode,
    hasty: ClaudeCode,
    login: String,
    login_id: provider_sim::LoginId,
}

impl ProcessRig {
    fn new() -> Self {
        let sim = Sim::new(SimOptions::default());
        sim.add_account(Account::new("a", "a@example.org"));
        let tokens = sim.login("a", None).expect("an account");
        let mut login = tokens.claude_ai_oauth();
        login["expiresAt"] = 1_000.into();
        let server = Server::spawn(sim.clone()).expect("a server");
        let home = tempfile::tempdir().expect("a folder");
        let claude = put_script(
            home.path().join("claude"),
            &format!(
                "SIM_CLAUDE_API={0} SIM_CLAUDE_TOKEN={0} exec '{1}' \"$@\"",
                server.base_url,
                program("claude-sim").expect("built").display()
            ),
        );
        let surroundings =
            Surroundings { data_dir: Some(home.path().join("data").into()), ..Surroundings::at_home(home.path()) };
        let data = DataFolder::new(surroundings.data_folder());
        let engine = || ClaudeCode::new(&surroundings, &data, Box::new(InFiles), Some(claude.clone()));
        Self {
            engine: engine(),
            hasty: engine().with_patience(Duration::from_millis(1)),
            login: login.to_string(),
            login_id: tokens.login,
            home,
            sim,
            _server: server,
        }
    }
}

/// By another process: what this one has open for writing, a child that another test starts may have open too, and then
/// it cannot be executed.
pub(super) fn put_script(path: PathBuf, script: &str) -> PathBuf {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = writer.stdin.take().expect("a pipe");
    stdin.write_all(format!("#!/bin/sh\n{script}\n").as_bytes()).expect("written");
    drop(stdin);
    assert!(writer.wait().expect("ended").success());
    path
}

impl Rig for ProcessRig {
    fn delegate(&self) -> &dyn Delegate {
        &self.engine
    }

    fn login(&self) -> Document {
        document(&format!(r#"{{"claudeAiOauth":{}}}"#, self.login))
    }

    fn is_alive(&self, refresh: &str) -> bool {
        self.sim.is_alive(refresh)
    }

    fn end_the_login(&self) {
        assert!(self.sim.end_login(self.login_id));
    }

    fn take_the_server_away(&self) {
        self.sim.fault(ServerFault::standing(Endpoint::Any, FaultKind::CutBefore));
    }

    fn run_and_leave(&self, key: &Fingerprint, login: &Document) {
        self.sim.fault(ServerFault::once(Endpoint::Token, FaultKind::Delay { ms: 5_000 }));
        assert_eq!(self.hasty.run(key, login, None), Err(DelegateError::StillRunning));
    }

    fn let_the_child_end(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.engine.runs().expect("listed").iter().any(|run| run.running) {
            assert!(Instant::now() < deadline, "the child never ended in {}", self.home.path().display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

conformance!([
    before_a_run_there_is_nothing,
    a_lapsed_login_is_renewed_in_a_folder_of_its_own,
    a_dead_login_is_left_as_a_husk,
    without_a_server_the_login_is_what_it_was,
    a_child_that_was_left_goes_on_and_what_it_stores_is_found,
    one_login_is_never_given_to_two_children,
];
    fake = super::FakeRig::new(),
    process = super::ProcessRig::new(),
);

fn document(text: &str) -> Document {
    Document::from_text(text.to_owned()).expect("an object")
}

fn parse(document: &Document) -> Option<Login> {
    match Live::parse(document).expect("it makes sense") {
        Live::Login(login) => Some(login),
        Live::Husk => None,
        Live::Absent => panic!("no login at all"),
    }
}

fn key(rig: &dyn Rig) -> Fingerprint {
    parse(&rig.login()).expect("a login").fingerprint()
}

/// The refresh token that stands in a folder; `None` for a husk.
#[track_caller]
fn stored(rig: &dyn Rig) -> Option<String> {
    let document = rig.delegate().stored(&key(rig)).expect("readable").expect("something is stored");
    let (refresh, _) = parse(&document)?.into_spending().expect("it renews itself");
    Some(refresh.expose().to_owned())
}

#[track_caller]
fn assert_runs(rig: &dyn Rig, running: &[bool]) {
    let expected: Vec<_> = running.iter().map(|running| Delegated { key: key(rig), running: *running }).collect();
    assert_eq!(rig.delegate().runs(), Ok(expected));
}

fn before_a_run_there_is_nothing(rig: &dyn Rig) {
    assert_runs(rig, &[]);
    assert!(rig.delegate().stored(&key(rig)).expect("readable").is_none());
    assert_eq!(rig.delegate().usage(&key(rig)), None);
    assert_eq!(rig.delegate().discard(&key(rig)), Ok(()));
}

fn a_lapsed_login_is_renewed_in_a_folder_of_its_own(rig: &dyn Rig) {
    assert_eq!(rig.delegate().run(&key(rig), &rig.login(), None), Ok(()));
    assert_runs(rig, &[false]);
    assert!(rig.is_alive(&stored(rig).expect("a login")));
    assert_eq!(rig.delegate().discard(&key(rig)), Ok(()));
    before_a_run_there_is_nothing(rig);
}

fn a_dead_login_is_left_as_a_husk(rig: &dyn Rig) {
    rig.end_the_login();
    assert_eq!(rig.delegate().run(&key(rig), &rig.login(), None), Ok(()), "how it ended says nothing");
    assert_eq!(stored(rig), None);
}

fn without_a_server_the_login_is_what_it_was(rig: &dyn Rig) {
    rig.take_the_server_away();
    assert_eq!(rig.delegate().run(&key(rig), &rig.login(), None), Ok(()));
    assert!(rig.is_alive(&stored(rig).expect("a login")));
    let document = rig.delegate().stored(&key(rig)).expect("readable").expect("a document");
    assert_eq!(parse(&document).expect("a login").fingerprint(), key(rig));
}

fn a_child_that_was_left_goes_on_and_what_it_stores_is_found(rig: &dyn Rig) {
    rig.run_and_leave(&key(rig), &rig.login());
    assert_runs(rig, &[true]);
    rig.let_the_child_end();
    assert_runs(rig, &[false]);
    let refresh = stored(rig).expect("a login");
    assert!(rig.is_alive(&refresh));
    assert_ne!(parse(&rig.login()).and_then(|login| login.into_spending()).expect("it renews").0.expose(), refresh);
    assert_eq!(rig.delegate().discard(&key(rig)), Ok(()));
    assert_runs(rig, &[]);
}

fn one_login_is_never_given_to_two_children(rig: &dyn Rig) {
    rig.run_and_leave(&key(rig), &rig.login());
    assert_eq!(rig.delegate().run(&key(rig), &rig.login(), None), Err(DelegateError::StillRunning));
    rig.let_the_child_end();
    assert_eq!(rig.delegate().run(&key(rig), &rig.login(), None), Err(DelegateError::StillRunning));
    assert!(rig.is_alive(&stored(rig).expect("a login")), "what was stored is not written over");
}
