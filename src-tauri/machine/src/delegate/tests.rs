//! The delegated engine with shell scripts for children. What every `Delegate` promises is held in the conformance
//! suite; the simulated Claude Code takes part in the tests of the whole program.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use signalbox_core::credential::{Live, Login};
use signalbox_core::usage::WindowKind;

use super::*;
use crate::claude::scripted;
use crate::clock::SystemClock;
use crate::keychain::Security;
use crate::keychain::scripted_security::ScriptedSecurity;

const PUT_IN: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-a","refreshToken":"sk-ant-ort01-sim-a"}}"#;
const BOUGHT: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-b","refreshToken":"sk-ant-ort01-sim-b"}}"#;
const STATE: &str = r#"{"oauthAccount":{"accountUuid":"u-1","organizationUuid":"o-1"}}"#;
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

struct Rig {
    home: tempfile::TempDir,
    surroundings: Surroundings,
    key: Fingerprint,
}

impl Rig {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let data_dir = Some(home.path().join("data").into_os_string());
        let surroundings = Surroundings { data_dir, ..Surroundings::at_home(home.path()) };
        Self { home, surroundings, key: login(PUT_IN).fingerprint() }
    }

    /// The engine, with a child that runs `script`.
    fn engine(&self, script: &str) -> ClaudeCode {
        let program = self.home.path().join("claude");
        scripted::put(&program, script);
        self.engine_of(program)
    }

    fn engine_of(&self, program: PathBuf) -> ClaudeCode {
        let data = DataFolder::new(self.surroundings.data_folder());
        ClaudeCode::new(&self.surroundings, &data, Box::new(InFiles), Some(program)).with_patience(LONG)
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("data/delegated").join(self.key.to_string())
    }

    fn left(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.home.path().join("data/delegated")).expect("read");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

fn document(text: &str) -> Document {
    Document::from_text(text.to_owned()).expect("an object")
}

fn login(text: &str) -> Login {
    match Live::parse(&document(text)) {
        Ok(Live::Login(login)) => login,
        _ => panic!("no login"),
    }
}

fn text(stored: Result<Option<Document>, StoreError>) -> Option<String> {
    stored.expect("readable").map(|document| document.expose().to_owned())
}

fn store(text: &str) -> String {
    format!("cat >.credentials.json <<'END'\n{text}\nEND")
}

#[test]
fn the_child_finds_the_login_where_claude_code_keeps_it_and_no_token_anywhere_else() {
    let rig = Rig::new();
    let script = "env >seen.env; printf '%s\\n' \"$@\" >seen.args; pwd -P >seen.pwd; echo $$ >seen.pid";
    let engine = rig.engine(&format!("{script}; ps -o pgid= -p $$ >seen.group"));
    let block = AccountBlock::of(&document(STATE)).expect("a block");
    assert_eq!(engine.run(&rig.key, &document(PUT_IN), Some(&block)), Ok(()));
    let seen = |name: &str| std::fs::read_to_string(rig.folder().join(name)).expect("seen");
    let folder = rig.folder().canonicalize().expect("a real path").display().to_string();
    assert_eq!(seen("seen.args"), "-p\n/usage\n--no-session-persistence\n");
    assert_eq!(seen("seen.pwd").trim(), folder);
    assert_eq!(seen("seen.group").trim(), seen("seen.pid").trim(), "a Ctrl-C at our terminal does not reach it");
    let environment = seen("seen.env");
    assert!(environment.lines().any(|line| line == format!("CLAUDE_CONFIG_DIR={folder}")), "{environment}");
    assert!(environment.lines().any(|line| line == "DISABLE_AUTOUPDATER=1"), "{environment}");
    assert!(!environment.contains("sk-ant-"), "{environment}");
    assert_eq!(text(engine.stored(&rig.key)).as_deref(), Some(PUT_IN));
    assert_eq!(seen(".claude.json"), STATE);
    let mode = |path: &Path| path.metadata().expect("it exists").permissions().mode() & 0o7777;
    for private in [".credentials.json", ".claude.json", "run.json"] {
        assert_eq!(mode(&rig.folder().join(private)), 0o600, "{private}");
    }
    for folder in [rig.folder(), rig.home.path().join("data/delegated")] {
        assert_eq!(mode(&folder), 0o700);
    }
    assert!(!seen("run.json").contains("sk-ant-"));
}

#[test]
fn what_the_child_stored_and_read_is_read_back_and_goes_without_a_trace() {
    let rig = Rig::new();
    let usage = r#"{"cachedUsageUtilization":{"fetchedAtMs":1795000000000,"accountUuid":"u-1",
        "utilization":{"five_hour":{"utilization":48.0,"resets_at":null}}}}"#;
    // However it exits, and however much it says.
    let script =
        format!("{}\ncat >.claude.json <<'END'\n{usage}\nEND\nseq 200000; seq 200000 >&2; exit 1", store(BOUGHT));
    let engine = rig.engine(&script);
    assert_eq!(engine.usage(&rig.key), None);
    assert_eq!(text(engine.stored(&rig.key)), None);
    assert_eq!(engine.run(&rig.key, &document(PUT_IN), None), Ok(()));
    assert_eq!(engine.runs(), Ok(vec![Delegated { key: rig.key.clone(), running: false }]));
    assert_eq!(text(engine.stored(&rig.key)).as_deref(), Some(format!("{BOUGHT}\n").as_str()));
    let (account, reading) = engine.usage(&rig.key).expect("a reading");
    assert_eq!((account.as_str(), reading.read_at), ("u-1", Timestamp::from_ms(1_795_000_000_000)));
    assert_eq!(reading.usage.windows[0].kind, WindowKind::FiveHour);
    assert_eq!(engine.discard(&rig.key), Ok(()));
    assert_eq!(engine.runs(), Ok(Vec::new()));
    assert_eq!(rig.left(), Vec::<PathBuf>::new());
    assert_eq!(engine.discard(&rig.key), Ok(()), "what is gone is gone");
}

#[test]
fn a_child_that_takes_long_is_left_to_itself_and_its_folder_stays_until_it_has_ended() {
    let rig = Rig::new();
    let script = format!("while [ ! -e go ]; do sleep 0.02; done; {}", store(BOUGHT));
    let engine = rig.engine(&script).with_patience(SHORT);
    let locks = |wait| MachineLocks::new(&rig.surroundings, Patience { own_wait: wait, ..Patience::default() });
    let own = locks(LONG).own("renewing").expect("free");
    assert_eq!(engine.run(&rig.key, &document(PUT_IN), None), Err(DelegateError::StillRunning));
    drop(own);
    drop(locks(Duration::ZERO).own("another").expect("the child has not inherited our lock"));
    // Another process of ours sees the same, from the record alone.
    let other = rig.engine_of(rig.home.path().join("claude"));
    for engine in [&engine, &other] {
        assert_eq!(engine.runs(), Ok(vec![Delegated { key: rig.key.clone(), running: true }]));
        let error = engine.discard(&rig.key).expect_err("it may be at work");
        assert!(error.to_string().ends_with("Claude Code may still be at work there"), "{error}");
        let again = engine.run(&rig.key, &document(PUT_IN), None);
        assert_eq!(again, Err(DelegateError::StillRunning), "one token is never given to two");
    }
    assert_eq!(text(other.stored(&rig.key)).as_deref(), Some(PUT_IN));
    std::fs::write(rig.folder().join("go"), "").expect("written");
    let deadline = Instant::now() + LONG;
    while other.runs().expect("runs")[0].running {
        assert!(Instant::now() < deadline, "it never ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(text(other.stored(&rig.key)).as_deref(), Some(format!("{BOUGHT}\n").as_str()));
    assert_eq!(other.discard(&rig.key), Ok(()));
    assert_eq!(rig.left(), Vec::<PathBuf>::new());
}

#[test]
fn a_run_that_came_to_an_end_under_our_eyes_is_over_even_if_it_is_not_on_record() {
    let rig = Rig::new();
    // Once it is on record it takes that away, and keeps it from being written anew.
    let engine = rig.engine("while [ ! -e run.json ]; do sleep 0.01; done; rm -f run.json; mkdir run.json");
    assert_eq!(engine.run(&rig.key, &document(PUT_IN), None), Ok(()));
    assert_eq!(engine.runs(), Ok(vec![Delegated { key: rig.key.clone(), running: false }]));
    let other = rig.engine_of(rig.home.path().join("claude"));
    assert_eq!(other.runs(), Ok(vec![Delegated { key: rig.key.clone(), running: true }]), "who cannot know waits");
    assert_eq!(engine.discard(&rig.key), Ok(()));
}

#[test]
fn without_claude_code_nothing_is_made() {
    let rig = Rig::new();
    let engine = rig.engine_of(rig.home.path().join("gone"));
    assert_eq!(engine.run(&rig.key, &document(PUT_IN), None), Err(DelegateError::NotInstalled));
    assert_eq!(engine.runs(), Ok(Vec::new()));
    assert!(!rig.home.path().join("data").exists());
}

#[test]
fn a_child_that_could_not_be_started_leaves_nothing_behind() {
    let rig = Rig::new();
    let engine = rig.engine("");
    let program = rig.home.path().join("claude");
    assert!(Command::new("sed").args(["-i", "1s,.*,#!/gone/sh,"]).arg(&program).status().expect("sed").success());
    let outcome = engine.run(&rig.key, &document(PUT_IN), None);
    assert!(matches!(outcome, Err(DelegateError::NotStarted { .. })), "{outcome:?}");
    assert_eq!(rig.left(), Vec::<PathBuf>::new());
}

#[test]
fn a_folder_that_exists_is_never_written_over() {
    let rig = Rig::new();
    let engine = rig.engine("exit 0");
    data_folder::ensure(&rig.home.path().join("data")).expect("made");
    durable::make_folder(&rig.folder()).expect("made");
    std::fs::write(rig.folder().join(".credentials.json"), BOUGHT).expect("written");
    assert_eq!(engine.run(&rig.key, &document(PUT_IN), None), Err(DelegateError::StillRunning));
    assert_eq!(text(engine.stored(&rig.key)).as_deref(), Some(BOUGHT));
}

#[test]
fn what_a_crash_leaves_half_removed_goes_at_the_next_look_and_is_no_run() {
    let rig = Rig::new();
    let engine = rig.engine("exit 0");
    let delegated = rig.home.path().join("data/delegated");
    let going = delegated.join(format!("{}.gone", rig.key));
    durable::make_folder(&going.join("plugins")).expect("made");
    std::fs::write(going.join(".credentials.json"), BOUGHT).expect("written");
    for foreign in ["notes", "0123", "ABCDEF0123456789ABCDEF0123456789"] {
        durable::make_folder(&delegated.join(foreign)).expect("made");
    }
    std::fs::write(delegated.join("0".repeat(32)), "a file").expect("written");
    assert_eq!(engine.runs(), Ok(Vec::new()));
    assert!(!going.exists());
    assert_eq!(rig.left().len(), 4, "what is not ours stays");
    // A crash after the login was put there leaves Claude Code's lock beside the folder.
    assert_eq!(engine.run(&rig.key, &document(PUT_IN), None), Ok(()));
    std::fs::create_dir(delegated.join(format!("{}.lock", rig.key))).expect("made");
    assert_eq!(engine.discard(&rig.key), Ok(()));
    assert_eq!(rig.left().len(), 4);
}

#[test]
fn links_are_refused() {
    let rig = Rig::new();
    let engine = rig.engine("exit 0");
    let elsewhere = rig.home.path().join("elsewhere");
    durable::make_folder(&elsewhere).expect("made");
    std::fs::write(elsewhere.join(".credentials.json"), BOUGHT).expect("written");
    durable::make_folder(&rig.home.path().join("data/delegated")).expect("made");
    std::os::unix::fs::symlink(&elsewhere, rig.folder()).expect("linked");
    let outcome = engine.run(&rig.key, &document(PUT_IN), None);
    assert!(matches!(outcome, Err(DelegateError::Store(_))), "{outcome:?}");
    assert!(engine.stored(&rig.key).is_err());
    assert!(engine.discard(&rig.key).is_err());
    assert_eq!(engine.runs(), Ok(Vec::new()));
    assert_eq!(std::fs::read_to_string(elsewhere.join(".credentials.json")).expect("read"), BOUGHT);
    std::fs::remove_file(rig.folder()).expect("removed");
    std::fs::remove_dir(rig.home.path().join("data/delegated")).expect("removed");
    std::os::unix::fs::symlink(&elsewhere, rig.home.path().join("data/delegated")).expect("linked");
    assert!(engine.run(&rig.key, &document(PUT_IN), None).is_err());
    assert!(engine.runs().is_err());
}

#[test]
fn in_the_keychain_the_login_has_an_item_named_after_its_folder() {
    let rig = Rig::new();
    let double = ScriptedSecurity::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/doubles/security"));
    let patience = crate::keychain::Patience { read: LONG, write: LONG };
    let clock = Arc::new(SystemClock);
    let security = Arc::new(Security::at(double.program(), patience, clock.clone()));
    let place = InKeychain::new(security, clock);
    let folder = rig.home.path().join("config");
    durable::make_folder(&folder).expect("made");
    let inside = rig.engine("").inside(&folder).expect("it exists");
    let inside = Surroundings { user: Some("me".to_owned()), ..inside };
    let lock = signalbox_core::ports::LiveLock::held(Box::new(()));
    let item = crate::keychain::Item::of_claude_code(&inside);
    assert!(item.service().starts_with("Claude Code-credentials-"), "{}", item.service());
    let live = b"the live login";
    double.put("Claude Code-credentials", "me", live, "2026-11-21 10:00:00 +0000");

    assert_eq!(text(place.read(&inside, Some(&rig.key))), None);
    assert_eq!(place.login(&inside).replace(&lock, None, &document(PUT_IN)), Ok(Replaced::Done));
    assert_eq!(double.value(item.service(), "me").as_deref(), Some(PUT_IN.as_bytes()));
    assert_eq!(text(place.read(&inside, Some(&rig.key))).as_deref(), Some(PUT_IN));
    // The child could not write to the Keychain, and used a file.
    let file = folder.join(".credentials.json");
    std::fs::write(&file, BOUGHT).expect("written");
    assert_eq!(text(place.read(&inside, Some(&rig.key))).as_deref(), Some(BOUGHT));
    // It could: whatever else lies there is older.
    double.put(item.service(), "me", BOUGHT.as_bytes(), "2026-11-21 10:00:01 +0000");
    std::fs::write(&file, PUT_IN).expect("written");
    assert_eq!(text(place.read(&inside, Some(&rig.key))).as_deref(), Some(BOUGHT));

    assert_eq!(place.forget(&inside), Ok(()));
    assert_eq!(double.value(item.service(), "me"), None);
    assert_eq!(place.forget(&inside), Ok(()), "what is gone is gone");
    assert_eq!(double.value("Claude Code-credentials", "me").as_deref(), Some(&live[..]), "the live login stays");
}
