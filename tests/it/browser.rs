//! Browser windows, in a real Chromium on a private screen, against the simulated sign-in: a window of a profile's own, and the
//! one button that may be pressed. What is decided about a page is a table beside the decision; here it is seen that
//! the real page is read rightly, and that what is left to the person really stands there. Who begins it unasked is in `watched`.

mod watched;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use provider_sim::{ConsentChange, Endpoint, Fault, FaultKind, SimOptions};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use signalbox_core::time::Timestamp;
use signalbox_machine::browser::press::{HandedOver, PressRules, Pressed, Reason, Task, Unknown, authorize};
use signalbox_machine::browser::{BrowserError, Browsers, Choice, Kind, Opened, Page, WindowKey};
use signalbox_machine::surroundings::Surroundings;
use signalbox_tests::desk::Desk;
use signalbox_tests::process::until_blocking;
use signalbox_tests::stage::Stage;

const STATE: &str = "sssssssssssssssssssssssssssssssssssssssssss";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Enough for a slow machine; a run that ends well or is handed over never takes as long.
const LIMIT: Duration = Duration::from_secs(240);

/// A screen, a server, and the browsers of one profile.
struct Scene {
    stage: Stage,
    browsers: Browsers,
    variables: HashMap<OsString, OsString>,
    key: WindowKey,
    /// Whoever waits for the answer, as `claude` does.
    port: u16,
    answers: Mutex<Receiver<String>>,
    // The screen goes last.
    _desk: Desk,
    _runtime: tokio::runtime::Runtime,
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A failed test must not leave a browser behind.
        self.close_window();
    }
}

impl Scene {
    fn new() -> Self {
        let chromium = Command::new("chromium").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(
            chromium.is_ok_and(|status| status.success()),
            "no chromium (`scripts/install-debian-packages browser`)"
        );
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let desk = runtime.block_on(Desk::bare()).expect("a screen");
        let stage = Stage::new(SimOptions::default()).expect("a stage");
        let home = stage.home.path();
        let mut variables: HashMap<OsString, OsString> = HashMap::from([
            ("HOME".into(), home.into()),
            ("DISPLAY".into(), desk.display.clone().into()),
            ("WAYLAND_DISPLAY".into(), OsString::new()),
            ("DBUS_SESSION_BUS_ADDRESS".into(), desk.bus_address.clone().into()),
        ]);
        for name in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            variables.insert(name.into(), home.join(name).into());
        }
        let browsers =
            Browsers::new(&surroundings(&stage), Choice::Own(Kind::Chromium)).with_variables(variables.clone());
        let key = WindowKey::parse("00112233445566778899aabbccddeeff").expect("a key");
        let (port, answers) = listen("<!doctype html><title>done</title>You can close this window.", &[]);
        Self { stage, browsers, variables, key, port, answers: Mutex::new(answers), _desk: desk, _runtime: runtime }
    }

    /// The same, with the browser signed in: the cookie is set by a page of this machine, as the sign-in page sets it.
    fn signed_in() -> Self {
        let scene = Self::new();
        scene.sign_the_window_in("work");
        scene
    }

    /// The profile's browser holds a session of this account, and it is noted.
    fn sign_the_window_in(&self, account: &str) {
        let session = self.stage.sim.browser_session(account, None).expect("a session");
        let cookie = format!("Set-Cookie: {}={}; Path=/; Max-Age=86400", session.cookie, session.value);
        let (port, asked) = listen("<!doctype html><title>in</title>", &[&cookie]);
        let page = Page::parse(&format!("http://127.0.0.1:{port}/")).expect("a page");
        assert_eq!(self.browsers.open(&self.key, &page), Ok(self.opened()));
        asked.recv_timeout(LIMIT).expect("the browser asked for the page");
        self.cookie_is_kept(&session.cookie);
        self.close_window();
        self.browsers.note_signed_in(&self.key, Kind::Chromium, Timestamp::from_ms(1)).expect("noted");
    }

    fn folder(&self) -> PathBuf {
        self.stage.home.data().join("browsers").join(self.key.as_str()).join("chromium")
    }

    /// A browser writes its cookies every thirty seconds, and not when it is told to end.
    fn cookie_is_kept(&self, name: &str) {
        let store = self.folder().join("Default/Cookies");
        let holds = |bytes: Vec<u8>| bytes.windows(name.len()).any(|part| part == name.as_bytes());
        let begun = Instant::now();
        while !std::fs::read(&store).is_ok_and(holds) {
            assert!(begun.elapsed() < LIMIT, "the browser keeps no cookie");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn opened(&self) -> Opened {
        Opened::Own { kind: Kind::Chromium, sandboxed: !rustix::process::geteuid().is_root() }
    }

    fn page(&self) -> Page {
        let address = format!(
            "{}/cai/oauth/authorize?code=true&client_id={}&response_type=code\
             &redirect_uri=http%3A%2F%2Flocalhost%3A{}%2Fcallback&scope=user%3Aprofile+user%3Ainference\
             &code_challenge={CHALLENGE}&code_challenge_method=S256&state={STATE}",
            self.stage.home.api_base(),
            provider_sim::CLIENT_ID,
            self.port
        );
        Page::parse(&address).expect("a page")
    }

    fn authorize(&self, headless: bool) -> Result<Pressed, HandedOver> {
        self.authorize_unless(headless, &|| false)
    }

    fn authorize_unless(&self, headless: bool, stop: &dyn Fn() -> bool) -> Result<Pressed, HandedOver> {
        let rules = PressRules { limit: LIMIT, ..PressRules::of_anthropic() };
        let task = Task { key: &self.key, page: &self.page(), rules: &rules, headless, stop };
        authorize(&self.browsers, &task)
    }

    /// The browser that uses the profile's folder. One that was ended by force leaves its mark behind.
    fn window(&self) -> Option<Pid> {
        self.marked().filter(|pid| test_kill_process(*pid).is_ok())
    }

    fn marked(&self) -> Option<Pid> {
        let holder = std::fs::read_link(self.folder().join("SingletonLock")).ok()?;
        let (_, pid) = holder.to_str()?.rsplit_once('-')?;
        Pid::from_raw(pid.parse().ok()?)
    }

    /// Closes the profile's browser as the end of a session does: it writes what it keeps, and goes.
    fn close_window(&self) {
        if let Some(pid) = self.window() {
            let _ = kill_process(pid, Signal::TERM);
            let _ = until_blocking("the browser to end", || self.window().is_none().then_some(()));
        }
    }

    fn nothing_was_allowed(&self) {
        assert_eq!(self.stage.sim.authorizations().len(), 0);
        let answers = self.answers.lock().expect("nobody panics holding it");
        assert!(answers.try_recv().is_err(), "nobody got an answer");
    }

    /// Handed over for this reason, and the page stands in an ordinary window.
    fn left_to_the_person(&self, handed: &Result<Pressed, HandedOver>, reason: Reason) {
        assert_eq!(*handed, Err(HandedOver { reason, window: Some(Ok(self.opened())) }));
        let pid = until_blocking("a window", || self.window()).expect("a window that stays");
        let folder = self.folder();
        let used =
            || (self.browsers.remove(&self.key) == Err(BrowserError::InUse { folder: folder.clone() })).then_some(());
        until_blocking("the folder to be in use", used).expect("in use");
        let arguments = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).expect("its arguments");
        let arguments = String::from_utf8_lossy(&arguments).into_owned();
        assert!(arguments.contains("--new-window") && !arguments.contains("remote-debugging"), "{arguments}");
        self.close_window();
    }
}

fn surroundings(stage: &Stage) -> Surroundings {
    let home = stage.home.path();
    let data_dir = Some(stage.home.data().into_os_string());
    let api_base = Some(stage.home.api_base().into());
    let token_base = Some(stage.home.token_base().into());
    let search_path = std::env::var_os("PATH");
    Surroundings { data_dir, api_base, token_base, search_path, ..Surroundings::at_home(home) }
}

/// Answers every request with one page, and tells the first line of each.
fn listen(page: &'static str, headers: &[&str]) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let (tell, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let (tell, headers) = (tell.clone(), headers.clone());
            // A browser opens connections ahead, on which nothing comes.
            std::thread::spawn(move || {
                if let Some(line) = answer(stream, page, &headers).filter(|line| !line.contains("favicon")) {
                    let _ = tell.send(line);
                }
            });
        }
    });
    (port, asked)
}

fn answer(mut stream: TcpStream, page: &str, headers: &str) -> Option<String> {
    let mut reader = BufReader::new(stream.try_clone().ok()?).take(65_536);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut line = String::from("-");
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line).ok()?;
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", page.len());
    write!(stream, "{head}{headers}Connection: close\r\n\r\n{page}").ok()?;
    (!first.is_empty()).then_some(first)
}

#[test]
fn the_one_button_of_the_known_page_is_pressed_and_whoever_asked_gets_the_answer() {
    let scene = Scene::signed_in();
    for headless in [false, true] {
        assert_eq!(scene.authorize(headless), Ok(Pressed { kind: Kind::Chromium }), "headless: {headless}");
        let answers = scene.answers.lock().expect("nobody panics holding it");
        let answer = answers.recv_timeout(LIMIT).expect("an answer");
        assert!(answer.starts_with("GET /callback?code=") && answer.contains(STATE), "{answer}");
        assert_eq!(scene.window(), None, "the window of the run is closed");
    }
    let given = scene.stage.sim.authorizations();
    assert_eq!(
        given.iter().map(|each| each.account.as_str()).collect::<Vec<_>>(),
        ["work", "work"],
        "once for each run"
    );
    assert_eq!(scene.browsers.signed_in_at(&scene.key), Ok(Some(Timestamp::from_ms(1))));
    assert_eq!(scene.browsers.remove(&scene.key), Ok(()));
    assert_eq!(scene.browsers.exists(&scene.key), Ok(false));
}

#[test]
fn a_challenge_and_every_changed_page_are_left_to_the_person_in_a_window_that_stays() {
    let scene = Scene::signed_in();
    let changed = |change| FaultKind::ConsentChanged { change };
    let unknown = |what| Reason::UnknownPage(what);
    let billing = "Claude Code wants to manage billing for your organization".to_owned();
    for (fault, reason) in [
        (FaultKind::Challenge, Reason::Challenge),
        (changed(ConsentChange::Renamed), unknown(Unknown::Button("Allow access".to_owned()))),
        (changed(ConsentChange::Reworded), unknown(Unknown::Heading(billing))),
    ] {
        scene.stage.sim.fault(Fault::standing(Endpoint::Consent, fault));
        scene.left_to_the_person(&scene.authorize(false), reason);
        scene.nothing_was_allowed();
        scene.stage.sim.clear_faults();
    }
}

#[test]
fn a_second_question_after_the_press_is_left_to_the_person() {
    let scene = Scene::signed_in();
    scene
        .stage
        .sim
        .fault(Fault::standing(Endpoint::Consent, FaultKind::ConsentChanged { change: ConsentChange::Confirm }));
    let question = Unknown::Heading("Are you sure?".to_owned());
    scene.left_to_the_person(&scene.authorize(true), Reason::UnknownPage(question));
    scene.nothing_was_allowed();
}

#[test]
fn nobody_is_signed_in_by_a_program() {
    let scene = Scene::new();
    scene.left_to_the_person(&scene.authorize(false), Reason::SignInWanted);
    scene.nothing_was_allowed();
}

#[test]
fn a_second_page_opens_in_the_window_that_is_there_and_a_window_of_the_person_is_not_taken() {
    let scene = Scene::signed_in();
    let (port, asked) = listen("<!doctype html><title>a page</title>", &[]);
    let page = |path| Page::parse(&format!("http://localhost:{port}/{path}")).expect("a page");
    let seen = |path: &str| {
        let line = asked.recv_timeout(LIMIT).expect("the page was asked for");
        assert!(line.starts_with(&format!("GET /{path} ")), "{line}");
    };
    assert_eq!(scene.browsers.open(&scene.key, &page("one")), Ok(scene.opened()));
    seen("one");
    let first = scene.window().expect("a browser");
    assert_eq!(scene.browsers.open(&scene.key, &page("two")), Ok(scene.opened()));
    seen("two");
    assert_eq!(scene.window(), Some(first), "the same browser");
    let handed = scene.authorize(false);
    assert_eq!(handed, Err(HandedOver { reason: Reason::WindowOpen, window: Some(Ok(scene.opened())) }));
    assert_eq!(scene.window(), Some(first), "still the same");
    scene.nothing_was_allowed();
}

#[test]
fn a_run_ends_with_signalbox_and_opens_nothing() {
    let scene = Scene::signed_in();
    scene.stage.sim.fault(Fault::standing(Endpoint::Consent, FaultKind::Delay { ms: 600_000 }));
    let handed = scene.authorize_unless(false, &|| scene.window().is_some());
    assert_eq!(handed, Err(HandedOver { reason: Reason::Stopped, window: None }));
    assert_eq!(scene.window(), None, "the browser of the run is gone");
}

#[test]
fn a_browser_that_the_person_closes_is_not_opened_again() {
    let scene = Scene::signed_in();
    scene.stage.sim.fault(Fault::standing(Endpoint::Consent, FaultKind::Delay { ms: 600_000 }));
    let handed = std::thread::scope(|scope| {
        let run = scope.spawn(|| scene.authorize(false));
        // Before it asks for a page it does not hear what it is told.
        let asked = || (scene.stage.sim.count(Endpoint::Authorize) > 0).then_some(());
        until_blocking("the browser of the run", asked).expect("a browser");
        scene.close_window();
        run.join().expect("it ended")
    });
    assert_eq!(handed, Err(HandedOver { reason: Reason::BrowserGone, window: None }));
    assert_eq!(scene.window(), None);
}
