//! What every `Signin` promises: a person signs in apart from the live login, what was stored can be read whatever became
//! of us meanwhile, and what was given up is gone. What only the simulated Claude Code can do is in
//! `signin_moods`.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_sim::{Account, AutoConsent, Server, Sim, SimOptions};
use signalbox_core::credential::{Live, Login};
use signalbox_core::fakes::World;
use signalbox_core::ports::{Signin, SigninError};
use signalbox_core::signin::{Ability, Progress, SigninId};
use signalbox_machine::data_folder::DataFolder;
use signalbox_machine::delegate::InFiles;
use signalbox_machine::signin::ClaudeSignin;
use signalbox_machine::surroundings::Surroundings;
use signalbox_tests::claude::visit;
use signalbox_tests::process::{program, until_blocking};

use super::delegate::put_script;

/// A machine with a Claude Code, a browser, and the people `a` and `b`.
pub trait Rig {
    fn signin(&self) -> &dyn Signin;
    /// Another process of ours.
    fn other(&self) -> &dyn Signin;
    /// Somebody signs in on the page of this attempt.
    fn signs_in(&self, id: &SigninId, account: &str);
    /// Somebody opens that page, and says no.
    fn refuses(&self, id: &SigninId);
    /// Somebody signs in on another machine, and copies the code that is shown there.
    fn code(&self, id: &SigninId, account: &str) -> String;
    /// Whether the server honours a refresh token as the newest of a living login.
    fn is_alive(&self, refresh: &str) -> bool;
    /// The server's own word for this account.
    fn uuid(&self, account: &str) -> String;
}

/// The pretended Claude Code of the fakes.
struct FakeRig(World);

impl Rig for FakeRig {
    fn signin(&self) -> &dyn Signin {
        &self.0
    }

    fn other(&self) -> &dyn Signin {
        &self.0
    }

    fn signs_in(&self, _id: &SigninId, account: &str) {
        self.0.person_signs_in(account);
    }

    fn refuses(&self, _id: &SigninId) {
        self.0.sign_in_fails();
    }

    fn code(&self, _id: &SigninId, account: &str) -> String {
        account.to_owned()
    }

    fn is_alive(&self, refresh: &str) -> bool {
        self.0.server(|server| server.is_alive(refresh))
    }

    fn uuid(&self, account: &str) -> String {
        account.to_owned()
    }
}

/// The simulated Claude Code as a process, against the simulated provider.
pub(super) struct ProcessRig {
    pub(super) home: tempfile::TempDir,
    pub(super) sim: Sim,
    // Stops serving when dropped.
    _server: Server,
    pub(super) signin: ClaudeSignin,
    pub(super) other: ClaudeSignin,
}

impl ProcessRig {
    pub(super) fn new() -> Self {
        Self::in_mood("")
    }

    pub(super) fn in_mood(mood: &str) -> Self {
        let sim = Sim::new(SimOptions::default());
        for account in ["a", "b"] {
            sim.add_account(Account::new(account, &format!("{account}@example.org")));
        }
        let server = Server::spawn(sim.clone()).expect("a server");
        let home = tempfile::tempdir().expect("a folder");
        let claude = put_script(
            home.path().join("claude"),
            &format!(
                "export SIM_CLAUDE_API={0} SIM_CLAUDE_TOKEN={0} SIM_CLAUDE_LOGIN={mood} HOME='{1}'\nexec '{2}' \"$@\"",
                server.base_url,
                home.path().display(),
                program("claude-sim").expect("built").display()
            ),
        );
        let surroundings =
            Surroundings { data_dir: Some(home.path().join("the data").into()), ..Surroundings::at_home(home.path()) };
        let data = DataFolder::new(surroundings.data_folder());
        let signin = || ClaudeSignin::new(&surroundings, &data, Arc::new(InFiles), Some(claude.clone()));
        Self { signin: signin(), other: signin(), home, sim, _server: server }
    }

    pub(super) fn consents(&self, account: &str, deny: bool) {
        let auto = AutoConsent { account: Some(account.to_owned()), deny, ..AutoConsent::default() };
        self.sim.auto_consent(Some(auto)).expect("an account");
    }

    pub(super) fn folder(&self, id: &SigninId) -> PathBuf {
        self.home.path().join("the data/signin").join(id.to_string())
    }

    /// Waits until an attempt has left no trace.
    pub(super) fn is_gone(&self, id: &SigninId) {
        until_blocking("the folder to go", || {
            assert_eq!(self.other.attempts(), Ok(Vec::new()));
            (!self.folder(id).exists()).then_some(())
        })
        .expect("gone");
    }
}

impl Rig for ProcessRig {
    fn signin(&self) -> &dyn Signin {
        &self.signin
    }

    fn other(&self) -> &dyn Signin {
        &self.other
    }

    fn signs_in(&self, id: &SigninId, account: &str) {
        self.consents(account, false);
        let (status, text) = visit(&page(self, id)).expect("a way through the pages");
        assert_eq!(status, 200, "{text}");
    }

    fn refuses(&self, id: &SigninId) {
        self.consents("a", true);
        let (status, text) = visit(&page(self, id)).expect("a way through the pages");
        assert_eq!((status, text.as_str()), (400, "Authorization code not found"));
    }

    fn code(&self, id: &SigninId, account: &str) -> String {
        self.consents(account, false);
        page(self, id);
        let said = fs::read_to_string(self.folder(id).join("said")).expect("it said something");
        let short = said.split_whitespace().find(|word| word.contains("/oauth/authorize?z-")).expect("an address");
        let (_, text) = visit(short).expect("a way to the code");
        let code = text.split("id=\"code\">").nth(1).and_then(|rest| rest.split('<').next());
        code.expect("a code is shown").to_owned()
    }

    fn is_alive(&self, refresh: &str) -> bool {
        self.sim.is_alive(refresh)
    }

    fn uuid(&self, account: &str) -> String {
        self.sim.account(account).expect("an account").uuid
    }
}

conformance!([
    before_a_start_there_is_nothing,
    the_installed_claude_code_can_do_it,
    who_signs_in_leaves_a_living_login_and_says_who_it_is,
    a_code_that_was_copied_does_the_same,
    who_says_no_leaves_no_login_and_a_reason,
    another_process_finds_the_attempt_and_may_end_it,
    what_was_given_up_is_hidden_at_once_and_takes_no_code,
    a_login_goes_with_its_folder,
    two_attempts_know_nothing_of_each_other,
];
    fake = super::FakeRig(signalbox_core::fakes::World::new()),
    process = super::ProcessRig::new(),
);

pub(super) fn id(number: u8) -> SigninId {
    SigninId::from_hex(&format!("{number:032x}")).expect("an id")
}

/// The page of an attempt, as soon as there is one.
#[track_caller]
pub(super) fn page(rig: &dyn Rig, id: &SigninId) -> String {
    let looked = until_blocking("a page", || match rig.signin().look(id).expect("looked") {
        Progress::Waiting { page } => Some(page),
        Progress::Starting => None,
        ended @ Progress::Ended { .. } => panic!("{ended:?}"),
    });
    looked.expect("a page")
}

#[track_caller]
pub(super) fn end_of(signin: &dyn Signin, id: &SigninId) -> Option<String> {
    let looked = until_blocking("the end", || match signin.look(id).expect("looked") {
        Progress::Ended { said } => Some(said),
        _ => None,
    });
    looked.expect("an end")
}

#[track_caller]
pub(super) fn stored(signin: &dyn Signin, id: &SigninId) -> Option<Login> {
    let document = signin.stored(id).expect("readable")?;
    match Live::parse(&document).expect("it makes sense") {
        Live::Login(login) => Some(login),
        _ => None,
    }
}

/// That the login of `account` lies in the folder, and is the newest of its sign-in.
#[track_caller]
pub(super) fn assert_signed_in(rig: &dyn Rig, signin: &dyn Signin, id: &SigninId, account: &str) {
    let (refresh, _) = stored(signin, id).expect("a login").into_spending().expect("it renews itself");
    assert!(rig.is_alive(refresh.expose()));
    let identity = signin.block(id).expect("a block").identity().expect("an identity");
    assert_eq!(identity.account(), rig.uuid(account));
}

fn before_a_start_there_is_nothing(rig: &dyn Rig) {
    assert_eq!(rig.signin().attempts(), Ok(Vec::new()));
    assert_eq!(rig.signin().look(&id(1)), Ok(Progress::Ended { said: None }));
    assert!(stored(rig.signin(), &id(1)).is_none() && rig.signin().block(&id(1)).is_none());
    assert_eq!(rig.signin().answer(&id(1), "a"), Err(SigninError::NotAsking));
    assert_eq!(rig.signin().discard(&id(1)), Ok(()));
}

fn the_installed_claude_code_can_do_it(rig: &dyn Rig) {
    assert_eq!(rig.signin().ability(), Ability::Isolated);
}

fn who_signs_in_leaves_a_living_login_and_says_who_it_is(rig: &dyn Rig) {
    rig.signin().start(&id(1), Some("a@example.org")).expect("started");
    assert!(page(rig, &id(1)).starts_with("http"));
    assert!(stored(rig.signin(), &id(1)).is_none());
    rig.signs_in(&id(1), "a");
    end_of(rig.signin(), &id(1));
    assert_signed_in(rig, rig.signin(), &id(1), "a");
}

fn a_code_that_was_copied_does_the_same(rig: &dyn Rig) {
    rig.signin().start(&id(1), None).expect("started");
    let code = rig.code(&id(1), "b");
    assert_eq!(rig.other().answer(&id(1), &code), Ok(()));
    end_of(rig.signin(), &id(1));
    assert_signed_in(rig, rig.signin(), &id(1), "b");
    assert_eq!(rig.signin().answer(&id(1), &code), Err(SigninError::NotAsking));
}

fn who_says_no_leaves_no_login_and_a_reason(rig: &dyn Rig) {
    rig.signin().start(&id(1), None).expect("started");
    page(rig, &id(1));
    rig.refuses(&id(1));
    let said = end_of(rig.signin(), &id(1)).expect("a reason");
    assert!(said.ends_with("No authorization code received"), "{said}");
    assert!(stored(rig.signin(), &id(1)).is_none() && rig.signin().block(&id(1)).is_none());
    assert_eq!(rig.signin().attempts(), Ok(vec![id(1)]), "it stays until it is discarded");
}

fn another_process_finds_the_attempt_and_may_end_it(rig: &dyn Rig) {
    rig.signin().start(&id(1), None).expect("started");
    let seen = page(rig, &id(1));
    assert_eq!(rig.other().attempts(), Ok(vec![id(1)]));
    assert_eq!(rig.other().look(&id(1)), Ok(Progress::Waiting { page: seen }));
    rig.signs_in(&id(1), "a");
    end_of(rig.other(), &id(1));
    assert_signed_in(rig, rig.other(), &id(1), "a");
    assert_eq!(rig.other().discard(&id(1)), Ok(()));
    assert_eq!(rig.signin().attempts(), Ok(Vec::new()));
}

fn what_was_given_up_is_hidden_at_once_and_takes_no_code(rig: &dyn Rig) {
    rig.signin().start(&id(1), None).expect("started");
    page(rig, &id(1));
    let begun = Instant::now();
    assert_eq!(rig.signin().discard(&id(1)), Ok(()));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    before_a_start_there_is_nothing(rig);
}

fn a_login_goes_with_its_folder(rig: &dyn Rig) {
    rig.signin().start(&id(1), None).expect("started");
    page(rig, &id(1));
    rig.signs_in(&id(1), "a");
    end_of(rig.signin(), &id(1));
    assert_eq!(rig.signin().discard(&id(1)), Ok(()));
    before_a_start_there_is_nothing(rig);
}

fn two_attempts_know_nothing_of_each_other(rig: &dyn Rig) {
    rig.signin().start(&id(1), None).expect("started");
    page(rig, &id(1));
    rig.signs_in(&id(1), "a");
    end_of(rig.signin(), &id(1));
    rig.signin().start(&id(2), None).expect("started");
    page(rig, &id(2));
    assert_eq!(rig.signin().attempts(), Ok(vec![id(1), id(2)]));
    assert!(stored(rig.signin(), &id(2)).is_none());
    assert_eq!(rig.signin().discard(&id(2)), Ok(()));
    assert_eq!(rig.signin().attempts(), Ok(vec![id(1)]));
    assert_signed_in(rig, rig.signin(), &id(1), "a");
}
