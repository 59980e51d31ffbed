//! Signing in with shell scripts for children. What every `Signin` promises is held in the conformance suite, with the
//! simulated Claude Code; here is what only this adapter has: its files, its signals, and what a child may do wrong.

mod giving_up;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::*;
use crate::claude::place::{InFiles, InKeychain};
use crate::claude::scripted;
use crate::keychain::scripted_security::ScriptedSecurity;
use crate::keychain::{Item, Security};

const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-a","refreshToken":"sk-ant-ort01-sim-a"}}"#;
const PAGE: &str = "https://claude.ai/oauth/authorize?code=true&state=cql-Vsxzm0l2";
/// How the child of most stories begins, as the real one does.
const ASK: &str = "printf 'Opening browser to sign in…\\nPaste code here if prompted > '\n\"$BROWSER\" \"$PAGE\"";
const LONG: Duration = Duration::from_secs(60);

struct Rig {
    home: tempfile::TempDir,
    surroundings: Surroundings,
    place: Arc<dyn Place>,
}

impl Rig {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        // With a blank in it, as on macOS.
        let data_dir = Some(home.path().join("the data").into_os_string());
        let user = Some("me".to_owned());
        let surroundings = Surroundings { data_dir, user, ..Surroundings::at_home(home.path()) };
        Self { home, surroundings, place: Arc::new(InFiles) }
    }

    /// Signing in, with a child that runs `script`.
    fn signin(&self, script: &str) -> ClaudeSignin {
        let program = self.home.path().join("claude");
        scripted::put(&program, &format!("PAGE='{PAGE}'\n{script}"));
        self.again()
    }

    /// Another process of ours, as far as the adapter can tell.
    fn again(&self) -> ClaudeSignin {
        let data = DataFolder::new(self.surroundings.data_folder());
        ClaudeSignin::new(&self.surroundings, &data, Arc::clone(&self.place), Some(self.home.path().join("claude")))
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("the data/signin").join(id().to_string())
    }

    fn seen(&self, name: &str) -> String {
        let path = self.folder().join(name);
        until("the child", || std::fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n')))
    }

    fn left(&self) -> usize {
        std::fs::read_dir(self.home.path().join("the data/signin")).expect("read").count()
    }
}

fn id() -> SigninId {
    SigninId::from_hex(&"0f".repeat(16)).expect("an id")
}

fn store(text: &str) -> String {
    format!("cat >\"$CLAUDE_CONFIG_DIR/.credentials.json\" <<'END'\n{text}\nEND")
}

#[track_caller]
fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[track_caller]
fn page(signin: &ClaudeSignin) -> String {
    until("a page", || match signin.look(&id()).expect("looked") {
        Progress::Waiting { page } => Some(page),
        Progress::Starting => None,
        ended @ Progress::Ended { .. } => panic!("{ended:?}"),
    })
}

#[track_caller]
fn end_of(signin: &ClaudeSignin) -> Option<String> {
    until("the end", || match signin.look(&id()).expect("looked") {
        Progress::Ended { said } => Some(said),
        _ => None,
    })
}

#[test]
fn the_child_gets_a_private_folder_an_opener_and_a_pipe_and_no_token_anywhere() {
    let rig = Rig::new();
    let note = "env >seen.env; printf '%s\\n' \"$@\" >seen.args; pwd -P >seen.pwd; echo $$ >seen.pid";
    let signin =
        rig.signin(&format!("{note}; ps -o pgid= -p $$ >seen.group; {ASK}; read code; echo \"$code\" >seen.code"));
    assert_eq!(signin.attempts(), Ok(Vec::new()));
    signin.start(&id(), Some("ada@example.org")).expect("started");
    assert_eq!(page(&signin), PAGE);
    let folder = rig.folder().canonicalize().expect("a real path").display().to_string();
    assert_eq!(rig.seen("seen.args"), "auth\nlogin\n--email\nada@example.org\n");
    assert_eq!(rig.seen("seen.pwd").trim(), folder);
    assert_eq!(
        rig.seen("seen.group").trim(),
        rig.seen("seen.pid").trim(),
        "a Ctrl-C at our terminal does not reach it"
    );
    let environment = rig.seen("seen.env");
    for line in
        [format!("CLAUDE_CONFIG_DIR={folder}"), format!("BROWSER={folder}/opener"), "DISABLE_AUTOUPDATER=1".to_owned()]
    {
        assert!(environment.lines().any(|seen| seen == line), "{line} is not in {environment}");
    }
    let mode = |path: PathBuf| path.symlink_metadata().expect("it exists").permissions().mode() & 0o7777;
    assert_eq!((mode(rig.folder()), mode(rig.home.path().join("the data/signin"))), (0o700, 0o700));
    for private in ["run.json", "page", "answer", "said"] {
        assert_eq!(mode(rig.folder().join(private)), 0o600, "{private}");
    }
    assert_eq!(mode(rig.folder().join("opener")), 0o700);
    // Somebody else answers, with what was around the code where it was copied.
    assert_eq!(rig.again().answer(&id(), " abc#\n def "), Ok(()));
    assert_eq!(rig.seen("seen.code"), "abc#def\n");
    end_of(&signin);
    assert_eq!(signin.answer(&id(), "abc#def"), Err(SigninError::NotAsking));
    assert_eq!(signin.discard(&id()), Ok(()));
    assert_eq!(rig.left(), 0);
}

#[test]
fn a_code_that_cannot_be_one_is_not_handed_over() {
    let rig = Rig::new();
    let signin = rig.signin(&format!("{ASK}; read code; exit 0"));
    assert_eq!(signin.answer(&id(), "abc#def"), Err(SigninError::NotAsking), "there is nobody");
    signin.start(&id(), None).expect("started");
    page(&signin);
    for nothing in ["", " \n\t", &"a".repeat(4096)] {
        assert_eq!(signin.answer(&id(), nothing), Err(SigninError::NotAsking));
    }
    assert!(matches!(signin.look(&id()), Ok(Progress::Waiting { .. })));
    signin.discard(&id()).expect("given up");
}

#[test]
fn an_address_that_is_only_printed_counts_after_a_while() {
    let rig = Rig::new();
    let visit = "printf 'If the browser didn\\047t open, visit:\\n%s\\nPaste code here if prompted > ' \"$PAGE\"";
    let signin = rig.signin(&format!("{visit}; read code; exit 0"));
    signin.start(&id(), None).expect("started");
    assert_eq!(page(&signin), PAGE);
    assert_eq!(signin.answer(&id(), "abc#def"), Ok(()));
    assert_eq!(end_of(&signin), None);
}

#[test]
fn only_a_browser_address_is_passed_on() {
    let rig = Rig::new();
    let signin = rig.signin("\"$BROWSER\" 'file:///etc/passwd'; echo >called; read code");
    signin.start(&id(), None).expect("started");
    rig.seen("called");
    assert_eq!(signin.look(&id()), Ok(Progress::Starting));
    signin.discard(&id()).expect("given up");
}

#[test]
fn a_child_that_gives_up_says_why_without_a_secret() {
    let rig = Rig::new();
    let signin = rig.signin(&format!("{ASK}; echo \"Couldn't log in: sk-ant-oat01-sim-a was refused\" >&2; exit 1"));
    signin.start(&id(), None).expect("started");
    assert_eq!(end_of(&signin).as_deref(), Some("Couldn't log in: … was refused"));
    assert_eq!(signin.stored(&id()).expect("readable").map(|document| document.expose().to_owned()), None);
    let rest = rig.signin("seq 200000; echo done");
    signin.discard(&id()).expect("removed");
    rest.start(&id(), None).expect("started");
    assert_eq!(end_of(&rest).as_deref(), Some("done"), "however much it says");
}

#[test]
fn a_killed_child_has_ended_and_another_process_sees_the_same() {
    let rig = Rig::new();
    let signin = rig.signin(&format!("{ASK}; kill -9 $$"));
    signin.start(&id(), None).expect("started");
    assert_eq!(end_of(&signin), None);
    assert_eq!(end_of(&rig.again()), None);
    assert_eq!(rig.again().attempts(), Ok(vec![id()]));
    assert_eq!(rig.again().discard(&id()), Ok(()));
    assert_eq!(rig.left(), 0);
}

#[test]
fn a_child_that_wants_a_terminal_gets_one() {
    let rig = Rig::new();
    let script =
        "if [ ! -t 0 ] || [ ! -t 1 ]; then echo 'Raw mode is not supported on process.stdin' >&2; exit 1; fi\n";
    let signin = rig.signin(&format!("{script}{ASK}; read code; echo \"$code\" >seen.code; echo \"I heard $code\""));
    signin.start(&id(), None).expect("started");
    assert_eq!(page(&signin), PAGE);
    assert_eq!(rig.again().answer(&id(), "abc#def"), Ok(()));
    assert_eq!(rig.seen("seen.code"), "abc#def\n");
    end_of(&signin);
    let said = std::fs::read_to_string(rig.folder().join("said")).expect("kept");
    assert!(said.contains("Opening browser") && !said.contains("abc#def"), "{said}");
    assert_eq!(signin.discard(&id()), Ok(()));
    assert_eq!(rig.left(), 0);
}

#[test]
fn a_child_at_a_terminal_is_given_up_like_any_other() {
    let rig = Rig::new();
    let signin = rig.signin(&format!("[ -t 0 ] || {{ echo 'stdin is not a terminal'; exit 1; }}; {ASK}; read code"));
    signin.start(&id(), None).expect("started");
    page(&signin);
    assert_eq!(signin.discard(&id()), Ok(()));
    until("the folder to go", || (rig.left() == 0).then_some(()));
}

#[test]
fn one_that_no_terminal_helps_has_ended() {
    let rig = Rig::new();
    let signin = rig.signin("echo x >>tries; echo 'not a tty'; exit 1");
    signin.start(&id(), None).expect("started");
    assert_eq!(end_of(&signin).as_deref(), Some("not a tty"));
    assert_eq!(rig.seen("tries"), "x\nx\n");
}

#[test]
fn without_a_child_nothing_is_left() {
    let rig = Rig::new();
    let none = rig.again();
    assert_eq!(none.ability(), Ability::NotInstalled);
    assert_eq!(none.start(&id(), None), Err(SigninError::NotInstalled));
    assert!(!rig.home.path().join("the data").exists());
    let signin = rig.signin("");
    let program = rig.home.path().join("claude");
    assert!(Command::new("sed").args(["-i", "1s,.*,#!/gone/sh,"]).arg(&program).status().expect("sed").success());
    assert!(matches!(signin.start(&id(), None), Err(SigninError::NotStarted { .. })));
    assert_eq!(rig.left(), 0);
}

#[test]
fn a_folder_that_exists_is_never_used_again_and_links_are_refused() {
    let rig = Rig::new();
    let signin = rig.signin("exit 0");
    signin.start(&id(), None).expect("started");
    end_of(&signin);
    assert!(matches!(signin.start(&id(), None), Err(SigninError::Store(_))));
    assert_eq!(signin.attempts(), Ok(vec![id()]), "the one that was there stays");
    signin.discard(&id()).expect("removed");
    let elsewhere = rig.home.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("made");
    std::fs::write(elsewhere.join(".credentials.json"), LOGIN).expect("written");
    std::os::unix::fs::symlink(&elsewhere, rig.folder()).expect("linked");
    assert_eq!(signin.attempts(), Ok(Vec::new()));
    assert!(signin.stored(&id()).is_err() && signin.discard(&id()).is_err() && signin.look(&id()).is_err());
    assert!(elsewhere.join(".credentials.json").exists());
}

#[test]
fn an_address_that_could_be_an_option_is_left_out() {
    let rig = Rig::new();
    for odd in ["--console", "ada", "a da@example.org"] {
        let signin = rig.signin("printf '%s\\n' \"$@\" >seen.args");
        signin.start(&id(), Some(odd)).expect("started");
        end_of(&signin);
        assert_eq!(rig.seen("seen.args"), "auth\nlogin\n", "{odd}");
        signin.discard(&id()).expect("removed");
    }
}

#[test]
fn the_installed_version_decides_and_is_asked_once() {
    let version =
        |text: &str| format!("echo \"$@\" >>\"${{0%/*}}/asked\"; [ \"$1\" = --version ] && echo '{text}' || echo");
    let too_old = |version: &str| Ability::TooOld { version: version.to_owned() };
    for (text, ability) in [
        ("2.1.229 (Claude Code)", Ability::Isolated),
        ("2.1.40 (Claude Code)", Ability::Isolated),
        ("2.1.39 (Claude Code)", too_old("2.1.39")),
        ("1.0.60 (Claude Code)", too_old("1.0.60")),
        ("unknown", too_old("unknown")),
    ] {
        let rig = Rig::new();
        let signin = rig.signin(&version(text));
        assert_eq!((signin.ability(), signin.ability()), (ability.clone(), ability), "{text}");
        let asked = std::fs::read_to_string(rig.home.path().join("asked")).expect("asked");
        assert_eq!(asked.matches("--version").count(), 1);
    }
    let rig = Rig::new();
    let signin = rig.signin("[ \"$1\" = auth ] && printf 'Commands:\\n  login [options]\\n' || echo a fork");
    assert_eq!(signin.ability(), Ability::Isolated, "its help tells");
}

#[test]
fn in_the_keychain_the_item_of_the_folder_goes_with_it() {
    let double = ScriptedSecurity::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/doubles/security"));
    let patience = crate::keychain::Patience { read: LONG, write: LONG };
    let clock = Arc::new(SystemClock);
    let security = Arc::new(Security::at(double.program(), patience, clock.clone()));
    let rig = Rig { place: Arc::new(InKeychain::new(security, clock)), ..Rig::new() };
    let signin = rig.signin(&format!("{ASK}; read code"));
    signin.start(&id(), None).expect("started");
    page(&signin);
    let inside = environment::inside(&rig.surroundings, &rig.folder()).expect("it exists");
    let item = Item::of_claude_code(&inside);
    assert!(item.service().starts_with("Claude Code-credentials-"), "{}", item.service());
    let live = b"the live login";
    double.put("Claude Code-credentials", "me", live, "2026-11-21 10:00:00 +0000");
    assert_eq!(signin.stored(&id()).map(|stored| stored.is_none()), Ok(true));
    double.put(item.service(), "me", LOGIN.as_bytes(), "2026-11-21 10:00:01 +0000");
    signin.answer(&id(), "abc#def").expect("handed over");
    end_of(&signin);
    assert_eq!(signin.stored(&id()).expect("readable").expect("a login").expose(), LOGIN);
    assert_eq!(signin.discard(&id()), Ok(()));
    assert_eq!((double.value(item.service(), "me"), rig.left()), (None, 0));
    assert_eq!(double.value("Claude Code-credentials", "me").as_deref(), Some(&live[..]), "the live login stays");
}
