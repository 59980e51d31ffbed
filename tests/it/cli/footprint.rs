//! What the program is made of while it runs: no library of a desktop, no thread or socket where none is needed. How quick and
//! how small it is, the benchmark measures.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use provider_sim::{Endpoint, Fault, FaultKind, SimOptions};
use signalbox_tests::process::{Running, program, until_blocking};
use signalbox_tests::stage::Stage;

const DESKTOP: [&str; 9] =
    ["libgtk", "libgdk", "libwebkit", "libjavascriptcore", "libX11", "libxcb", "libwayland", "libdbus", "libglib"];

#[test]
fn no_desktop_library_is_linked_or_loaded() {
    let binary = program("signalbox").expect("the program");
    let linked = Command::new("ldd").arg(&binary).output().expect("ldd");
    assert!(linked.status.success(), "ldd can tell");
    let linked = String::from_utf8_lossy(&linked.stdout).into_owned();

    let stage = Stage::new(SimOptions::default()).expect("a stage");
    stage.seed_profiles().expect("three profiles");
    stage.sim.clear_requests();
    stage.sim.fault(Fault::standing(Endpoint::Profile, FaultKind::SLOW));
    let mut command = stage.cli(&["use", "personal"]).expect("the program");
    let running = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null())).expect("started");
    // With a request under way, everything that a switch needs is loaded.
    until_blocking("a request", || (stage.sim.count(Endpoint::Profile) > 0).then_some(())).expect("a request");
    let loaded = fs::read_to_string(format!("/proc/{}/maps", running.pid())).expect("its maps");
    assert!(loaded.contains("/libc.so"), "these are the maps of a program that runs");
    for library in DESKTOP {
        assert!(!linked.contains(library), "{library} is linked:\n{linked}");
        assert!(!loaded.contains(library), "{library} is loaded:\n{loaded}");
    }
}

#[test]
fn list_starts_no_thread_and_opens_no_socket() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    stage.seed_profiles().expect("three profiles");
    let calls = stage.home.path().join("calls");
    let list = stage.cli(&["list"]).expect("the program");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-e", "trace=clone,clone3,fork,vfork,socket,connect,execve", "-o"]).arg(&calls);
    traced.arg(list.get_program()).args(list.get_args()).env_clear();
    traced.envs(list.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let status = traced
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .arg0("strace")
        .status()
        .expect("strace (`make install-deps`)");
    assert!(status.success(), "it ran");
    let calls = fs::read_to_string(calls).expect("the calls");
    assert_eq!(calls.lines().count(), 1, "nothing but its own start:\n{calls}");
    assert!(calls.contains("execve("), "{calls}");
}

#[test]
fn showing_something_writes_nothing() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    let show = || {
        for arguments in [&["list"][..], &["status"], &["log"], &["log", "--json"], &["completions", "bash"]] {
            stage.signalbox(arguments).expect("shown");
        }
    };
    show();
    assert!(!stage.home.data().exists(), "the data folder is not made to show that there is none");
    stage.seed_profiles().expect("three profiles");
    let state = || {
        let mut files: Vec<_> = [stage.home.data(), stage.home.data().join("creds"), stage.home.config()]
            .iter()
            .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), fs::read(path).expect("readable")))
            .collect();
        files.sort();
        files
    };
    let before = state();
    assert!(before.iter().any(|(path, _)| path.ends_with("events.jsonl")));
    show();
    assert_eq!(
        before.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        state().iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
    assert!(before == state(), "a file changed");
}
