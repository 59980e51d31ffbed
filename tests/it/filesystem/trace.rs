//! The order in which one real switch makes things durable, read from its system calls: every file of ours and both of
//! Claude Code's are written beside their place, synced, renamed, and their folder synced, before anything relies on
//! them.

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use provider_sim::SimOptions;
use regex::Regex;
use signalbox_tests::stage::Stage;

/// What was done to the file system, in the order in which it took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Deed {
    Create(PathBuf),
    Write(PathBuf),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
    Mkdir(PathBuf),
    Rmdir(PathBuf),
}

/// The deeds of one run, and where to look for the home's files in them.
struct Trace {
    deeds: Vec<Deed>,
    home: PathBuf,
}

/// Runs the program under strace; `None`, and a loud line, where nobody may trace.
fn trace(stage: &Stage, arguments: &[&str]) -> Option<Trace> {
    let log = stage.home.path().join("calls");
    let told = stage.cli(arguments).expect("the program");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-y", "-s", "0", "-e", "signal=none", "-e"]);
    traced.arg(
        "trace=openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir",
    );
    traced.arg("-o").arg(&log).arg(told.get_program()).args(told.get_args()).env_clear();
    traced.envs(told.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = traced.arg0("strace").stdin(Stdio::null()).output().expect("strace (`make install-deps`)");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("PTRACE") || said.contains("ptrace") {
        eprintln!("SKIPPED: nobody may trace system calls here: {said}");
        return None;
    }
    assert!(output.status.success(), "{said}");
    let calls = fs::read_to_string(&log).expect("the calls");
    let deeds = whole_lines(&calls).iter().filter_map(|line| deed(line)).collect();
    Some(Trace { deeds, home: stage.home.path().to_owned() })
}

/// One line for each call, at the place where it returned; the number of the thread is taken off. Calls of two threads
/// may be torn apart in the log.
fn whole_lines(log: &str) -> Vec<String> {
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut lines = Vec::new();
    for line in log.lines() {
        let (pid, call) = line.split_once(' ').unwrap_or(("", line));
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(pid, start);
        } else if let Some((_, rest)) = call.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            lines.push(format!("{}{rest}", begun.remove(pid).unwrap_or_default()));
        } else {
            lines.push(call.to_owned());
        }
    }
    lines
}

/// What a call did; `None` for one that failed or changed nothing.
fn deed(line: &str) -> Option<Deed> {
    let (call, result) = line.rsplit_once(" = ")?;
    if result.starts_with("-1") {
        return None;
    }
    let (name, arguments) = call.split_once('(')?;
    let quoted = Regex::new("\"([^\"]*)\"").expect("a pattern");
    let paths: Vec<PathBuf> = quoted.captures_iter(arguments).map(|found| PathBuf::from(&found[1])).collect();
    let opened = || Some(PathBuf::from(arguments.split_once('<')?.1.split_once('>')?.0));
    let first = || paths.first().cloned();
    Some(match name {
        "openat" if arguments.contains("O_CREAT") => Deed::Create(first()?),
        "write" | "pwrite64" => Deed::Write(opened()?),
        "fsync" | "fdatasync" => Deed::Sync(opened()?),
        "rename" | "renameat" | "renameat2" => Deed::Rename(first()?, paths.get(1)?.clone()),
        "unlinkat" if arguments.contains("AT_REMOVEDIR") => Deed::Rmdir(first()?),
        "unlink" | "unlinkat" => Deed::Unlink(first()?),
        "mkdir" | "mkdirat" => Deed::Mkdir(first()?),
        "rmdir" => Deed::Rmdir(first()?),
        _ => return None,
    })
}

impl Trace {
    /// The only place of a deed.
    #[track_caller]
    fn at(&self, deed: &Deed) -> usize {
        let all: Vec<usize> = (0..self.deeds.len()).filter(|at| self.deeds[*at] == *deed).collect();
        assert_eq!(all.len(), 1, "{deed:?} in\n{self}");
        all[0]
    }

    /// The places at which something was renamed to `name`.
    fn renames(&self, name: &str) -> Vec<usize> {
        let target = self.home.join(name);
        let is_it = |deed: &Deed| matches!(deed, Deed::Rename(_, to) if *to == target);
        (0..self.deeds.len()).filter(|at| is_it(&self.deeds[*at])).collect()
    }

    #[track_caller]
    fn rename(&self, name: &str) -> usize {
        let all = self.renames(name);
        assert_eq!(all.len(), 1, "renames to {name} in\n{self}");
        all[0]
    }

    /// Where the folder of `name` was synced next after `at`.
    #[track_caller]
    fn folder_synced(&self, name: &str, at: usize) -> usize {
        let target = self.home.join(name);
        let folder = target.parent().expect("a folder").to_owned();
        let next = self.deeds[at..].iter().position(|deed| *deed == Deed::Sync(folder.clone()));
        at + next.unwrap_or_else(|| panic!("the folder of {name} is not synced after {at} in\n{self}"))
    }

    /// A temporary file beside the target, wholly written, synced, renamed, its folder synced before anything else of
    /// ours is renamed or removed.
    #[track_caller]
    fn check_durable(&self, renamed: usize) {
        let Deed::Rename(from, to) = &self.deeds[renamed] else { panic!("no rename") };
        assert_eq!(from.parent(), to.parent(), "it is written beside its place");
        let find = |wanted: Deed| self.deeds[..renamed].iter().rposition(|deed| *deed == wanted);
        let created = find(Deed::Create(from.clone()));
        let written = find(Deed::Write(from.clone()));
        let synced = find(Deed::Sync(from.clone()));
        assert!(created < written && written < synced && created.is_some(), "{} in\n{self}", to.display());
        let folder = Deed::Sync(to.parent().expect("a folder").to_owned());
        let next = self.deeds[renamed + 1..].iter().find(|deed| **deed == folder || self.relies(deed));
        assert_eq!(next, Some(&folder), "after the rename to {} in\n{self}", to.display());
    }

    /// Whether a deed changes a name that matters. The record beside Claude Code's lock and the notes of locks do not:
    /// one that is lost proves nothing.
    fn relies(&self, deed: &Deed) -> bool {
        let of_a_lock = |path: &Path| {
            path.starts_with(self.home.join("signalbox/locks")) || path.ends_with(".oauth_refresh.lock.owner")
        };
        match deed {
            Deed::Rename(_, path) | Deed::Unlink(path) => path.starts_with(&self.home) && !of_a_lock(path),
            _ => false,
        }
    }
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.deeds.iter().enumerate().try_for_each(|(at, deed)| writeln!(f, "{at:>4} {deed:?}"))
    }
}

#[test]
fn a_switch_makes_each_step_durable_before_the_next_one_relies_on_it() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    let profiles = stage.seed_profiles().expect("three profiles");
    // Claude Code has rotated the live login, and the target has to be renewed first.
    let (_, refresh) = stage.home.live_pair().expect("a pair");
    stage.home.sign_in(&stage.sim, &stage.sim.refresh(&refresh).expect("alive")).expect("written");
    stage.sim.withdraw_access(profiles[1].login);
    let Some(trace) = trace(&stage, &["use", "personal"]) else { return };
    assert!(stage.live_is("personal"));

    for at in 0..trace.deeds.len() {
        if matches!(trace.deeds[at], Deed::Rename(..)) && trace.relies(&trace.deeds[at]) {
            trace.check_durable(at);
        }
    }
    let (outgoing, target) = ("signalbox/creds/work.cred", "signalbox/creds/personal.cred");
    let journal = trace.rename("signalbox/journal.json");
    let live = trace.rename(".claude/.credentials.json");
    let shown = trace.rename(".claude.json");
    let closed = trace.at(&Deed::Unlink(stage.home.data().join("journal.json")));
    for saved in [outgoing, target] {
        let last = *trace.renames(saved).first().expect("it is saved");
        assert!(
            trace.folder_synced(saved, last) < live,
            "{saved} is durable before the live login is replaced:\n{trace}"
        );
    }
    let begun = trace.folder_synced("signalbox/journal.json", journal);
    assert!(begun < live, "the journal is durable before the live login is replaced:\n{trace}");
    let landed = trace.folder_synced(".claude/.credentials.json", live);
    assert!(live < shown && landed < closed, "the live login is durable before the journal goes:\n{trace}");
    let roster = trace.renames("signalbox/roster.json").into_iter().rfind(|at| *at < closed).expect("a roster");
    assert!(live < roster, "the roster follows the live login:\n{trace}");
    assert!(trace.folder_synced("signalbox/roster.json", roster) < closed, "the roster is durable first:\n{trace}");
    trace.folder_synced("signalbox/journal.json", closed);

    // Every lock is there before what it guards, and gone after it.
    let lock = |name: &str| {
        let path = stage.home.path().canonicalize().expect("a home").join(name);
        (trace.at(&Deed::Mkdir(path.clone())), trace.at(&Deed::Rmdir(path)))
    };
    let (refresh, legacy, storage) =
        (lock(".claude/.oauth_refresh.lock"), lock(".claude.lock"), lock(".claude/.storage-write.lock"));
    assert!(refresh.0 < legacy.0 && legacy.0 < storage.0 && storage.0 < live, "{trace}");
    assert!(landed < storage.1 && storage.1 < legacy.1 && legacy.1 < refresh.1, "{trace}");
    let guarded = trace.deeds[storage.0..storage.1].iter().filter(|deed| matches!(deed, Deed::Rename(..))).count();
    assert_eq!(guarded, 1, "the storage lock is held for one rename:\n{trace}");
}

#[test]
fn the_log_is_read_as_it_is_written() {
    let log = "7 fsync(3</h/a> <unfinished ...>\n8 openat(AT_FDCWD, \"/h/b\", O_WRONLY|O_CREAT|O_EXCL, 0600) = 4</h/b>\n\
               7 <... fsync resumed>)              = 0\n7 rename(\"/h/a\", \"/h/c\") = 0\n\
               7 mkdir(\"/h/d\", 0777)               = -1 EEXIST (File exists)\n7 unlink(\"/h/c\")  = 0\n";
    let deeds: Vec<_> = whole_lines(log).iter().filter_map(|line| deed(line)).collect();
    let path = PathBuf::from;
    let expected = [
        Deed::Create(path("/h/b")),
        Deed::Sync(path("/h/a")),
        Deed::Rename(path("/h/a"), path("/h/c")),
        Deed::Unlink(path("/h/c")),
    ];
    assert_eq!(deeds, expected);
}
