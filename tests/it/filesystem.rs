//! Faults of a real file system, with a kernel in them: a disk that is full or fills up in the middle, one that turns
//! read-only in the middle, and the order of what is made durable (`trace`). That every single read and write may fail,
//! with EIO or anything else, and the process die before, after and inside it, is shown over ports: `Fault::Error` and
//! its neighbours in `crash_sweep`.

mod trace;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use provider_sim::{Endpoint, Fault, FaultKind, LoginId, SimOptions};
use signalbox_tests::process::{Running, until_blocking};
use signalbox_tests::stage::{Profile, Stage};

use crate::cli::loss;

/// A small disk of its own, gone when dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None`, and a loud line, where only root may mount.
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).expect("a folder");
        let disk = Self(at.to_owned());
        if mount(&["-t", "tmpfs", "-o", "size=512k,mode=0700", "signalbox-test"], at) {
            return Some(disk);
        }
        std::mem::forget(disk);
        eprintln!("SKIPPED: nobody may mount here the small disk that this test spoils; as root it can be");
        None
    }

    /// A disk in the place of a folder that holds something already.
    fn over(folder: &Path) -> Option<Self> {
        let aside = folder.with_extension("aside");
        fs::rename(folder, &aside).expect("moved aside");
        let disk = Self::mount(folder);
        if disk.is_some() {
            for entry in fs::read_dir(&aside).expect("read").flatten() {
                let copied = Command::new("cp").arg("-a").arg(entry.path()).arg(folder).status();
                assert!(copied.is_ok_and(|status| status.success()), "{entry:?}");
            }
        }
        disk
    }

    /// Writes until nothing more fits, then gives `free` bytes back; returns the file that takes the room.
    fn fill(&self, free: u64) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = fs::File::create(&path).expect("a file");
        while file.write_all(&[0; 4096]).is_ok() {}
        let taken = file.metadata().expect("it is there").len();
        file.set_len(taken.saturating_sub(free)).expect("shrunk");
        path
    }

    fn turn(&self, how: &str) {
        assert!(mount(&["-o", &format!("remount,{how}")], &self.0), "the disk cannot be made {how}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because a program that was killed may not be gone yet.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    Command::new("mount").args(arguments).arg(at).output().is_ok_and(|output| output.status.success())
}

fn logins(profiles: &[Profile]) -> Vec<(String, LoginId)> {
    profiles.iter().map(|profile| (profile.alias.clone(), profile.login)).collect()
}

/// The live login's access token was withdrawn too, and only Claude Code renews that; here it is told to.
fn renew_live(stage: &Stage) {
    let (_, refresh) = stage.home.live_pair().expect("a pair");
    let renewed = stage.sim.refresh(&refresh).expect("alive");
    stage.home.sign_in(&stage.sim, &renewed).expect("written");
}

#[test]
fn on_a_full_disk_nothing_is_spent_and_nothing_is_lost() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    let Some(disk) = Disk::mount(&stage.home.data()) else { return };
    let profiles = stage.seed_profiles().expect("three profiles");
    for profile in &profiles {
        stage.sim.withdraw_access(profile.login);
    }
    let filler = disk.fill(0);
    let before = loss::Before::of(&stage);
    for arguments in [&["use", "personal"][..], &["refresh", "personal"], &["rename", "personal", "other"]] {
        let said = stage.ask_signalbox(arguments).expect("it runs");
        assert_eq!(said.code, Some(1), "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains("the disk is full"), "{arguments:?}: {}", said.err);
        assert!(said.err.contains("hint: make room on the disk that holds "), "{arguments:?}: {}", said.err);
        before.check_failed_run(&stage).expect("the live login is whole");
    }
    for profile in &profiles {
        let (alias, spent) = (&profile.alias, stage.sim.refreshes(profile.login));
        assert_eq!(spent, 0, "{alias}: no token was spent that could not be saved");
    }
    fs::remove_file(filler).expect("removed");
    renew_live(&stage);
    loss::check_all_usable(&stage, &logins(&profiles)).expect("every login is usable");
}

#[test]
fn a_disk_that_fills_up_at_any_point_of_a_switch_loses_nothing() {
    // From no room at all to enough: somewhere in between lies every write of a switch, with and without a renewal of
    // the target, whose new pair must find the room that the old one takes.
    let (mut failed, mut succeeded) = (0, 0);
    for (pages, renewed) in (0..14).flat_map(|pages| [(pages, false), (pages, true)]) {
        let stage = Stage::new(SimOptions::default()).expect("a stage");
        let Some(disk) = Disk::mount(&stage.home.data()) else { return };
        let profiles = stage.seed_profiles().expect("three profiles");
        // The outgoing login has to be saved first.
        renew_live(&stage);
        if renewed {
            stage.sim.withdraw_access(profiles[1].login);
        }
        let filler = disk.fill(pages * 4096);
        let before = loss::Before::of(&stage);
        let said = stage.ask_signalbox(&["use", "personal"]).expect("it runs");
        let story = format!("{pages} pages free, renewed {renewed}: {said:?}");
        match said.code {
            Some(0) => succeeded += 1,
            Some(1) => failed += 1,
            _ => panic!("{story}"),
        }
        before.check_failed_run(&stage).unwrap_or_else(|why| panic!("{why:#}: {story}"));
        fs::remove_file(filler).expect("removed");
        loss::check_all_usable(&stage, &logins(&profiles)).unwrap_or_else(|why| panic!("{why:#}: {story}"));
    }
    assert!(failed >= 6 && succeeded >= 2, "{failed} switches failed, {succeeded} succeeded");
}

#[test]
fn a_data_folder_that_turns_read_only_is_named_and_nothing_is_spent() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    let Some(disk) = Disk::mount(&stage.home.data()) else { return };
    let profiles = stage.seed_profiles().expect("three profiles");
    for profile in &profiles {
        stage.sim.withdraw_access(profile.login);
    }
    disk.turn("ro");
    let before = loss::Before::of(&stage);
    for arguments in [&["use", "personal"][..], &["refresh", "personal"], &["remove", "personal", "--yes"]] {
        let said = stage.ask_signalbox(arguments).expect("it runs");
        assert_eq!(said.code, Some(1), "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.to_lowercase().contains("read-only"), "{arguments:?}: {}", said.err);
        before.check_failed_run(&stage).expect("the live login is whole");
    }
    stage.signalbox(&["list"]).expect("looking needs no writing");
    for profile in &profiles {
        assert_eq!(stage.sim.refreshes(profile.login), 0, "{}: nothing was spent", profile.alias);
    }
    disk.turn("rw");
    renew_live(&stage);
    loss::check_all_usable(&stage, &logins(&profiles)).expect("every login is usable");
}

#[test]
fn claude_codes_folder_that_turns_read_only_in_the_middle_of_a_switch_stops_it_and_loses_nothing() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    let profiles = stage.seed_profiles().expect("three profiles");
    let Some(disk) = Disk::over(&stage.home.config()) else { return };
    let before = loss::Before::of(&stage);
    let asked = stage.sim.count(Endpoint::Profile);
    stage.sim.fault(Fault::once(Endpoint::Profile, FaultKind::Delay { ms: 400 }));
    let mut command = stage.cli(&["use", "personal"]).expect("the program");
    let mut running = Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped())).expect("started");
    // The target is being vouched for: everything was read, nothing is written yet.
    until_blocking("the question to the server", || (stage.sim.count(Endpoint::Profile) > asked).then_some(()))
        .expect("asked");
    disk.turn("ro");
    let status = running.child().wait().expect("an end");
    let mut said = String::new();
    let pipe = running.child().stderr.as_mut().expect("a pipe");
    std::io::Read::read_to_string(pipe, &mut said).expect("text");
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.to_lowercase().contains("read-only"), "{said}");
    before.check_failed_run(&stage).expect("the live login is whole");
    disk.turn("rw");
    loss::check_all_usable(&stage, &logins(&profiles)).expect("every login is usable");
}
