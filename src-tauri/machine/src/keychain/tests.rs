//! The Keychain adapter against the scripted double: the child, the breaker, the vault's secret and what is particular
//! to a login in the Keychain. What every `LiveLogin` promises is held in the conformance suite.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use signalbox_core::document::{Document, Malformed};
use signalbox_core::ports::{
    Clock, FileName, Files as _, LiveLock, LiveLogin as _, Replaced, StoreError, VaultKey as _,
};
use signalbox_core::time::{MINUTE, SECOND, Timestamp};

use super::scripted_security::ScriptedSecurity;
use super::{Attributes, Item, KeychainKey, KeychainLogin, KeychainSecret, Patience, Security};
use crate::data_folder::DataFolder;
use crate::surroundings::Surroundings;

const DOUBLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/doubles/security");
const SERVICE: &str = "Claude Code-credentials";
const OLD: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-old"}}"#;
const NEW: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-new"}}"#;

#[derive(Clone)]
struct HandClock(Arc<AtomicI64>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

/// The attributes of the item in the double's folder.
struct FolderAttributes(Arc<ScriptedSecurity>);

impl Attributes for FolderAttributes {
    fn modified(&self, item: &Item) -> Result<Option<String>, StoreError> {
        Ok(self.0.modified(item.service(), item.account()))
    }
}

struct Rig {
    double: Arc<ScriptedSecurity>,
    clock: HandClock,
    security: Arc<Security>,
    login: KeychainLogin,
    surroundings: Surroundings,
}

/// Hanging children are given up quickly; for all others a loaded machine gets time to start Python.
fn rig(patience: Duration) -> Rig {
    let double = Arc::new(ScriptedSecurity::new(DOUBLE));
    let clock = HandClock(Arc::new(AtomicI64::new(1_790_000_000_000)));
    let patience = Patience { read: patience, write: patience };
    let security = Arc::new(Security::at(double.program(), patience, Arc::new(clock.clone())));
    let home = double.folder().join("home");
    std::fs::create_dir_all(home.join(".claude")).expect("a home");
    let surroundings = Surroundings { user: Some("me".to_owned()), ..Surroundings::at_home(home) };
    let attributes = Box::new(FolderAttributes(Arc::clone(&double)));
    let login = KeychainLogin::new(Arc::clone(&security), &surroundings, attributes, Arc::new(clock.clone()));
    Rig { double, clock, security, login, surroundings }
}

const PATIENT: Duration = Duration::from_secs(30);
const HASTY: Duration = Duration::from_millis(300);

fn document(text: &str) -> Document {
    Document::from_text(text.to_owned()).expect("an object")
}

fn lock() -> LiveLock {
    LiveLock::held(Box::new(()))
}

#[test]
fn exit_statuses_are_told_apart_and_only_one_of_them_means_absent() {
    let rig = rig(PATIENT);
    let table = [
        (36, StoreError::KeychainLocked),
        (29, StoreError::KeychainLocked),
        (24, StoreError::KeychainLocked),
        (51, StoreError::KeychainDenied),
        (128, StoreError::KeychainDenied),
        (50, StoreError::KeychainMissing),
        (49, StoreError::KeychainMissing),
        (37, StoreError::KeychainMissing),
        (45, StoreError::KeychainFailed { status: 45 }),
        (1, StoreError::KeychainFailed { status: 1 }),
    ];
    rig.double.put(SERVICE, "me", OLD.as_bytes(), "");
    for (status, expected) in table {
        rig.double.behave(&format!("exit {status}"));
        assert_eq!(rig.login.read().expect_err("no value"), expected, "status {status}");
        rig.security.reset();
        let error = rig.login.replace(&lock(), Some(&document(OLD).digest()), &document(NEW));
        assert_eq!(error, Err(expected), "status {status}");
        rig.security.reset();
    }
    rig.double.behave("exit 44");
    assert!(rig.login.read().expect("the Keychain answered").is_none());
    assert_eq!(rig.double.value(SERVICE, "me").as_deref(), Some(OLD.as_bytes()));
}

#[test]
fn a_tool_that_is_not_there_is_a_failure_and_not_an_absent_login() {
    let clock = Arc::new(HandClock(Arc::default()));
    let security = Security::at("/nowhere/security".into(), Patience::default(), clock);
    let error = security.find(&Item::new(SERVICE, "me")).expect_err("nothing to run");
    assert_eq!(error, StoreError::KeychainFailed { status: 127 });
}

#[test]
fn a_dialog_is_given_up_and_nothing_is_asked_until_half_an_hour_or_a_click_later() {
    let rig = rig(HASTY);
    let read = || rig.login.read().expect_err("nobody answers");
    rig.double.behave("hang");
    let started = Instant::now();
    assert_eq!(read(), StoreError::KeychainUnanswered);
    assert!(started.elapsed() < Duration::from_secs(20), "it was waited for {:?}", started.elapsed());
    assert!(rig.security.is_resting());

    let runs = rig.double.runs();
    assert_eq!(read(), StoreError::KeychainUnanswered);
    assert_eq!(rig.login.replace(&lock(), None, &document(NEW)), Err(StoreError::KeychainUnanswered));
    rig.clock.0.fetch_add(30 * MINUTE - 1, Ordering::Relaxed);
    assert_eq!(read(), StoreError::KeychainUnanswered);
    assert_eq!(rig.double.runs(), runs, "no child was started");

    rig.clock.0.fetch_add(1, Ordering::Relaxed);
    assert!(!rig.security.is_resting(), "half an hour is over");
    assert_eq!(read(), StoreError::KeychainUnanswered);
    assert!(rig.security.is_resting(), "and it hung again");
    rig.security.reset();
    assert!(!rig.security.is_resting(), "the person clicked");
}

#[test]
fn a_clock_set_back_does_not_prolong_the_pause() {
    let rig = rig(HASTY);
    rig.double.behave("hang");
    rig.login.read().expect_err("nobody answers");
    rig.clock.0.fetch_sub(SECOND, Ordering::Relaxed);
    assert!(!rig.security.is_resting());
}

#[test]
fn a_refusal_rests_the_keychain_and_a_locked_one_does_not() {
    let rig = rig(PATIENT);
    for (status, rests) in [(36, false), (44, false), (1, false), (51, true), (128, true)] {
        rig.security.reset();
        rig.double.behave(&format!("exit {status}"));
        let _ = rig.login.read();
        assert_eq!(rig.security.is_resting(), rests, "status {status}");
    }
}

#[test]
fn a_write_that_hangs_is_given_up_and_the_storage_lock_is_let_go() {
    let rig = rig(Duration::from_secs(3));
    rig.double.put(SERVICE, "me", OLD.as_bytes(), "");
    rig.double.behave("hang-write");
    let outcome = rig.login.replace(&lock(), Some(&document(OLD).digest()), &document(NEW));
    assert_eq!(outcome, Err(StoreError::KeychainUnanswered));
    assert!(!rig.surroundings.storage_write_lock().exists());
}

#[test]
fn nothing_is_written_while_claude_code_writes() {
    let rig = rig(PATIENT);
    std::fs::create_dir(rig.surroundings.storage_write_lock()).expect("Claude Code's lock");
    let error = rig.login.replace(&lock(), None, &document(NEW)).expect_err("it is held");
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
    assert_eq!(rig.double.value(SERVICE, "me"), None);
    assert!(rig.surroundings.storage_write_lock().exists(), "the lock is still Claude Code's");
}

#[test]
fn the_tool_runs_once_at_a_time() {
    let rig = rig(PATIENT);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| rig.login.read().expect("an answer"));
        }
    });
    assert_eq!(rig.double.runs(), 4);
    assert!(!rig.double.overlapped());
}

#[test]
fn no_secret_stands_in_an_argument() {
    let rig = rig(PATIENT);
    rig.login.replace(&lock(), None, &document(NEW)).expect("it is stored");
    rig.login.read().expect("it is read");
    let hex: String = NEW.bytes().map(|byte| format!("{byte:02x}")).collect();
    let arguments = rig.double.arguments();
    assert!(!arguments.contains("sk-ant") && !arguments.contains(&hex[..16]), "{arguments}");
    assert!(arguments.contains("[\"-i\"]\n"), "the write went through standard input: {arguments}");
    let commands = rig.double.commands();
    assert_eq!(commands.lines().count(), 1, "{commands}");
    assert!(commands.contains(r#""add-generic-password", "options": ["-U", "-a", "-s", "-X"]"#), "{commands}");
}

#[test]
fn a_login_that_does_not_fit_on_a_line_is_refused_before_the_tool_is_run() {
    let rig = rig(PATIENT);
    let padded = |bytes: usize| document(&format!("{{\"pad\":\"{}\"}}", "x".repeat(bytes - 10)));
    let Err(StoreError::KeychainTooLong { bytes: 4000, limit }) = rig.login.replace(&lock(), None, &padded(4000))
    else {
        panic!("4000 bytes must not fit");
    };
    assert!((1900..2008).contains(&limit), "{limit} bytes");
    let error = StoreError::KeychainTooLong { bytes: limit + 1, limit };
    assert_eq!(rig.login.replace(&lock(), None, &padded(limit + 1)), Err(error));
    assert_eq!(rig.double.runs(), 0);
    assert_eq!(rig.login.replace(&lock(), None, &padded(limit)), Ok(Replaced::Done));
    assert_eq!(rig.double.value(SERVICE, "me").map(|value| value.len()), Some(limit));
}

#[test]
fn a_spaced_login_is_measured_and_stored_on_one_line() {
    let rig = rig(PATIENT);
    let spaced = document(&format!("{{{}\"a\" : \"b c\"\n}}", " \n".repeat(3000)));
    assert_eq!(rig.login.replace(&lock(), None, &spaced), Ok(Replaced::Done));
    assert_eq!(rig.double.value(SERVICE, "me").as_deref(), Some(br#"{"a":"b c"}"#.as_slice()));
    assert_eq!(rig.login.replace(&lock(), Some(&spaced.digest()), &document(NEW)), Ok(Replaced::Done));
}

#[test]
fn a_write_that_is_not_kept_is_noticed() {
    for behaviour in ["forget-write", "garble-write"] {
        let rig = rig(PATIENT);
        rig.double.put(SERVICE, "me", OLD.as_bytes(), "");
        rig.double.behave(behaviour);
        let error = rig.login.replace(&lock(), Some(&document(OLD).digest()), &document(NEW)).expect_err(behaviour);
        assert!(matches!(error, StoreError::ReadBack { .. } | StoreError::Malformed { .. }), "{behaviour}: {error}");
    }
}

#[test]
fn hex_output_is_read_as_the_login_it_is() {
    let rig = rig(PATIENT);
    for text in ["{\"name\":\"jos\u{e9}\"}", "{\n  \"a\": 1\n}", "{\"a\":\"\u{1f511}\"}"] {
        rig.double.put(SERVICE, "me", text.as_bytes(), "");
        assert_eq!(rig.login.read().expect("an answer").expect("a login").expose(), text);
    }
}

#[test]
fn a_value_without_end_is_not_read_to_its_end() {
    let rig = rig(PATIENT);
    rig.double.put(SERVICE, "me", &vec![b'x'; 10 * 1024 * 1024], "");
    let error = rig.login.read().expect_err("no login is that long");
    assert!(matches!(error, StoreError::TooLarge { bytes: 1_048_577..=1_048_578, limit: 1_048_576, .. }), "{error:?}");
}

/// The reason for refusing such a line (`docs/claude-code.md` §A4), and that the double shows it.
#[test]
fn the_tool_cuts_a_line_past_4096_bytes_stores_half_of_it_and_repeats_the_rest() {
    let rig = rig(PATIENT);
    let hex = |value: &str| value.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let feed = |line: &str| {
        let mut child = Command::new(rig.double.program())
            .arg("-i")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the double runs");
        child.stdin.take().expect("piped").write_all(line.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let line = |value: &str| format!("add-generic-password -U -a me -s x -X {}", hex(value));
    let fits = "a".repeat((4096 - line("").len()) / 2);
    assert_eq!(feed(&line(&fits)), (Some(0), String::new()));
    assert_eq!(rig.double.value("x", "me").as_deref(), Some(fits.as_bytes()));
    let long = format!("{fits}{}", "sk-ant-tail".repeat(2));
    let (status, said) = feed(&line(&long));
    assert_ne!(status, Some(0));
    assert!(said.contains(&hex("ant-tailsk-ant-tail")), "{said}");
    assert!(rig.double.value("x", "me").is_some_and(|value| value.len() < long.len()), "a part was stored");
}

#[test]
fn another_account_of_the_same_service_is_not_the_login() {
    let rig = rig(PATIENT);
    rig.double.put(SERVICE, "aaa", br#"{"mcpOAuth":{}}"#, "");
    assert!(rig.login.read().expect("an answer").is_none());
}

#[test]
fn the_old_file_beside_the_keychain_is_touched_and_never_changed_or_made() {
    let rig = rig(PATIENT);
    let file = rig.surroundings.credentials_file();
    rig.login.replace(&lock(), None, &document(OLD)).expect("it is stored");
    assert!(!file.exists());

    std::fs::write(&file, "stale").expect("a stale file");
    let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let opened = std::fs::File::options().append(true).open(&file).expect("it opens");
    opened.set_modified(long_ago).expect("it is made old");
    rig.login.replace(&lock(), Some(&document(NEW).digest()), &document(NEW)).expect("it answers");
    let modified = || std::fs::metadata(&file).and_then(|meta| meta.modified()).expect("a date");
    assert_eq!(modified(), long_ago, "a refused replace touches nothing");
    rig.login.replace(&lock(), Some(&document(OLD).digest()), &document(NEW)).expect("it is stored");
    assert!(modified() > long_ago);
    assert_eq!(std::fs::read_to_string(&file).expect("it is read"), "stale");
}

#[test]
fn a_stamp_settles_only_when_the_second_of_the_change_is_over() {
    let rig = rig(PATIENT);
    let stamp = || rig.login.stamp().expect("attributes");
    let absent = stamp();
    // The clock of this rig stands at 2026-09-21 14:13:20.
    rig.double.put(SERVICE, "me", OLD.as_bytes(), "2026-09-21 14:13:19 +0000");
    let first = stamp();
    assert_ne!(first, absent);
    rig.clock.0.fetch_add(300, Ordering::Relaxed);
    assert_ne!(stamp(), first, "a second change could have come within the same second");
    rig.clock.0.fetch_add(2 * SECOND, Ordering::Relaxed);
    let settled = stamp();
    rig.clock.0.fetch_add(MINUTE, Ordering::Relaxed);
    assert_eq!(stamp(), settled);
    assert_eq!(rig.double.runs(), 0, "no process was started for it");
}

#[test]
fn the_vaults_secret_is_made_once_and_never_overwritten() {
    let rig = rig(PATIENT);
    let item = Item::new("dev.signalbox.app.vault-key", "me");
    let secret = || KeychainSecret::new(Arc::clone(&rig.security), item.clone());
    let (ours, theirs) = (SecretString::from("0f".repeat(32)), SecretString::from("a1".repeat(32)));
    assert!(secret().read().expect("an answer").is_none());
    assert_eq!(secret().create(&theirs).expect("it is made").expose_secret(), theirs.expose_secret());
    assert_eq!(secret().create(&ours).expect("it is there").expose_secret(), theirs.expose_secret());
    let found = secret().read().expect("an answer").expect("a secret");
    assert_eq!(found.expose_secret(), theirs.expose_secret());
    assert!(!rig.double.arguments().contains("a1a1"), "{}", rig.double.arguments());
}

#[test]
fn a_damaged_secret_is_an_error_and_is_not_replaced() {
    let rig = rig(PATIENT);
    let item = Item::new("dev.signalbox.app.vault-key", "me");
    rig.double.put(item.service(), item.account(), b"a1a1", "");
    let secret = KeychainSecret::new(Arc::clone(&rig.security), item.clone());
    let damaged = StoreError::Malformed { path: item.place(), why: Malformed::WrongType("key") };
    assert_eq!(secret.read().expect_err("too short"), damaged);
    assert_eq!(secret.create(&SecretString::from("0f".repeat(32))).expect_err("still too short"), damaged);
    assert_eq!(rig.double.value(item.service(), item.account()).as_deref(), Some(b"a1a1".as_slice()));
}

#[test]
fn the_vaults_key_is_made_once_and_no_second_one_where_logins_are_saved() {
    let made = rig(PATIENT);
    let home = tempfile::tempdir().expect("a folder");
    let surroundings = Surroundings::at_home(home.path());
    let data = DataFolder::new(home.path().join("data"));
    let key = || KeychainKey::new(Arc::clone(&made.security), &surroundings, data.clone()).key();
    let first = *key().expect("made").expose_secret();
    assert_eq!(*key().expect("found").expose_secret(), first);
    let fresh = rig(PATIENT);
    let alias = signalbox_core::profile::Alias::parse("work").expect("an alias");
    data.write(&FileName::Cred(alias), b"sealed").expect("written");
    let missing = KeychainKey::new(Arc::clone(&fresh.security), &surroundings, data.clone()).key();
    assert!(matches!(missing, Err(StoreError::KeyLost { .. })), "a new key would orphan what is sealed");
}
