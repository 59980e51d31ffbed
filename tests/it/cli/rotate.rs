//! `signalbox rotate` with the real program, the simulated client and the simulated provider's pages: a new profile, somebody else, a
//! change of mind, a death in between; and that no token shows anywhere but where Claude Code keeps it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};

use provider_sim::{AutoConsent, SimOptions};
use rustix::process::{Pid, Signal, kill_process};
use signalbox_tests::claude::visit;
use signalbox_tests::process::until_blocking;
use signalbox_tests::stage::Stage;

/// How every token begins.
const TOKEN: &[u8] = b"sk-ant-";

/// A `rotate` that runs.
struct Guided {
    child: Child,
    out: BufReader<ChildStdout>,
    said: String,
}

impl Guided {
    fn begin(stage: &Stage, arguments: &[&str]) -> Self {
        let mut command = stage.cli(&[&["rotate"], arguments].concat()).expect("the program");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, out, said: String::new() }
    }

    /// Waits until it says this, and gives back the line.
    #[track_caller]
    fn says(&mut self, what: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).expect("its output");
            self.said.push_str(&line);
            assert!(read > 0, "it ended without {what}:\n{}", self.said);
            if line.contains(what) {
                return line;
            }
        }
    }

    fn page(&mut self) -> String {
        self.says("http://").trim().to_owned()
    }

    fn is_sent(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("sent");
    }

    /// Everything that it said, and how it ended.
    fn ends(mut self) -> (String, Option<i32>) {
        self.out.read_to_string(&mut self.said).expect("its output");
        let status = self.child.wait().expect("an end");
        let mut err = String::new();
        self.child.stderr.take().expect("its errors").read_to_string(&mut err).expect("text");
        (self.said + &err, status.code())
    }
}

fn stage() -> Stage {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    stage.seed("work").expect("a profile");
    stage
}

/// Whoever opens the page signs in as this account.
fn is(stage: &Stage, account: &str) {
    let auto = AutoConsent { account: Some(account.to_owned()), ..AutoConsent::default() };
    stage.sim.auto_consent(Some(auto)).expect("an account");
}

fn live(stage: &Stage) -> Vec<u8> {
    fs::read(stage.home.store()).expect("a live store")
}

#[track_caller]
fn no_folder_is_left(stage: &Stage) {
    let folder = stage.home.data().join("signin");
    until_blocking("the folder of the sign-in to go", || {
        // The child that was told to end is waited for by whoever looks next.
        stage.signalbox(&["refresh"]).expect("a look");
        let left = fs::read_dir(&folder).map_or(0, Iterator::count);
        (left == 0).then_some(())
    })
    .expect("gone");
}

#[test]
fn a_new_profile_is_signed_in_and_the_live_login_stays_as_it_is() {
    let stage = stage();
    let untouched = live(&stage);
    is(&stage, "personal");
    let mut guided = Guided::begin(&stage, &["personal", "--window", "none"]);
    let page = guided.page();
    let (status, text) = visit(&page).expect("a way through the pages");
    assert_eq!(status, 200, "{text}");
    let (said, status) = guided.ends();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("personal is a profile now"), "{said}");
    assert_eq!(live(&stage), untouched);
    no_folder_is_left(&stage);
    stage.signalbox(&["use", "personal"]).expect("it can be used");
    assert!(stage.live_is("personal"));
}

#[test]
fn no_token_shows_anywhere_while_somebody_signs_in() {
    let stage = stage();
    is(&stage, "personal");
    let mut guided = Guided::begin(&stage, &["personal", "--window", "none"]);
    let page = guided.page();
    let waiting = shown(&stage);
    assert_eq!(waiting, [stage.home.store()], "while it waits");
    visit(&page).expect("a way through the pages");
    // From here on the new login lies in its folder for a moment, which is Claude Code's own store.
    let folder = stage.home.data().join("signin");
    while guided.child.try_wait().expect("a look").is_none() {
        for path in shown(&stage) {
            let theirs = path.starts_with(&folder) && path.ends_with(".credentials.json");
            assert!(path == stage.home.store() || theirs, "{} holds a token", path.display());
        }
    }
    assert_eq!(guided.ends().1, Some(0));
    assert_eq!(shown(&stage), [stage.home.store()], "in the end");
}

/// Where a token can be read: files below the home, and processes that say one in their arguments or environment.
fn shown(stage: &Stage) -> Vec<PathBuf> {
    let mut found = Vec::new();
    look_through(stage.home.path(), &mut found);
    // The processes of this home: what other tests start is theirs.
    let home = stage.home.path().as_os_str().as_encoded_bytes().to_vec();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let [cmdline, environ] = ["cmdline", "environ"].map(|name| process.path().join(name));
        let [said, known] = [&cmdline, &environ].map(|path| fs::read(path).unwrap_or_default());
        let ours = |bytes: &[u8]| bytes.windows(home.len()).any(|window| window == home);
        if !ours(&said) && !ours(&known) {
            continue;
        }
        found.extend(holds_token(&said).then_some(cmdline));
        found.extend(holds_token(&known).then_some(environ));
    }
    found
}

fn look_through(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // A file that is gone by now shows nothing, and a pipe with nobody at its end would keep us waiting.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            look_through(&entry.path(), found);
        } else if kind.is_file() && holds_token(&fs::read(entry.path()).unwrap_or_default()) {
            found.push(entry.path());
        }
    }
}

fn holds_token(bytes: &[u8]) -> bool {
    bytes.windows(TOKEN.len()).any(|window| window == TOKEN)
}

#[test]
fn somebody_else_is_caught_and_kept_only_when_asked_to() {
    let stage = stage();
    stage.seed("side").expect("a profile");
    is(&stage, "personal");
    let mut guided = Guided::begin(&stage, &["work", "--window", "none"]);
    visit(&guided.page()).expect("a way through the pages");
    let (said, status) = guided.ends();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("Cannot sign in to work: you signed in as ada@example.org, and work is"), "{said}");
    assert!(said.contains("`signalbox rotate work --keep-as NAME` keeps that login"), "{said}");
    let kept = stage.signalbox(&["rotate", "work", "--keep-as", "personal", "--json"]).expect("kept");
    let kept: serde_json::Value = serde_json::from_str(&kept.out).expect("JSON");
    assert_eq!((&kept["signedIn"][0]["alias"], &kept["signedIn"][0]["isNew"]), (&"personal".into(), &true.into()));
    assert!(stage.live_is("side"));
    no_folder_is_left(&stage);
}

#[test]
fn a_change_of_mind_leaves_everything_as_it_was() {
    let stage = stage();
    let untouched = live(&stage);
    let mut guided = Guided::begin(&stage, &["personal", "--window", "none"]);
    guided.page();
    guided.is_sent(Signal::INT);
    let (said, status) = guided.ends();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("you gave it up; the live login is what it was before"), "{said}");
    assert_eq!(live(&stage), untouched);
    no_folder_is_left(&stage);
    let nothing = stage.signalbox(&["rotate", "--cancel"]).expect("nothing to do");
    assert_eq!(nothing.out, "No sign-in is under way.\n");
}

#[test]
fn after_a_death_the_same_sign_in_goes_on() {
    let stage = stage();
    is(&stage, "personal");
    let mut guided = Guided::begin(&stage, &["personal", "--window", "none"]);
    let page = guided.page();
    guided.is_sent(Signal::KILL);
    guided.ends();
    let mut again = Guided::begin(&stage, &["personal", "--window", "none"]);
    assert_eq!(again.page(), page, "the child went on");
    visit(&page).expect("a way through the pages");
    let (said, status) = again.ends();
    assert_eq!(status, Some(0), "{said}");
    no_folder_is_left(&stage);
}

mod classic {
    use super::*;

    /// A Claude Code that knows no `auth login`.
    fn old() -> Stage {
        let stage = stage();
        stage.claude_does_first("export SIM_CLAUDE_VERSION=1.0.60").expect("another program");
        stage
    }

    fn begun(stage: &Stage) -> Guided {
        let mut guided = Guided::begin(stage, &["personal"]);
        guided.says("type `/login` there");
        assert!(!holds_token(&live(stage)), "no stray process can rotate it");
        guided
    }

    #[test]
    fn who_signs_in_is_live_and_who_was_live_is_parked() {
        let stage = old();
        let guided = begun(&stage);
        let refused = stage.ask_signalbox(&["use", "work"]).expect("a run");
        assert_eq!(refused.code, Some(1));
        assert!(refused.err.contains("a sign-in for `personal` is under way"), "{}", refused.err);
        stage.sign_in("personal").expect("signed in with /login");
        let (said, status) = guided.ends();
        assert_eq!(status, Some(0), "{said}");
        assert!(said.contains("personal is a profile now, and live"), "{said}");
        stage.signalbox(&["use", "work"]).expect("it was parked");
        assert!(stage.live_is("work"));
    }

    #[test]
    fn a_change_of_mind_puts_the_same_bytes_back() {
        let stage = old();
        let untouched = live(&stage);
        let guided = begun(&stage);
        guided.is_sent(Signal::INT);
        let (said, status) = guided.ends();
        assert_eq!(status, Some(1), "{said}");
        assert_eq!(live(&stage), untouched);
    }

    #[test]
    fn after_a_death_the_next_command_puts_the_login_back() {
        let stage = old();
        let guided = begun(&stage);
        guided.is_sent(Signal::KILL);
        guided.ends();
        stage.signalbox(&["refresh"]).expect("a look");
        assert!(stage.live_is("work"));
    }
}
