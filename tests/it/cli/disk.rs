//! A data folder on a disk that is really full. That every single write may fail is shown elsewhere, over ports; this is
//! the one with a kernel in it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use provider_sim::SimOptions;
use signalbox_tests::stage::Stage;

use super::loss;

/// A small disk of its own, gone when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=512k,mode=0700", "signalbox-test"]).arg(at);
        mount.output().is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    /// Writes until nothing more fits; returns the file that takes the room.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = fs::File::create(&path).expect("a file");
        while file.write_all(&[0; 4096]).is_ok() {}
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because a program that was killed may not be gone yet.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_nothing_is_spent_and_nothing_is_lost() {
    let stage = Stage::new(SimOptions::default()).expect("a stage");
    let Some(disk) = Disk::mount(&stage.home.data()) else {
        eprintln!("SKIPPED: only root can mount the small disk that this test fills");
        return;
    };
    let profiles = stage.seed_profiles().expect("three profiles");
    for profile in &profiles {
        stage.sim.withdraw_access(profile.login);
    }
    let filler = disk.fill();
    let before = loss::Before::of(&stage);
    for arguments in [&["use", "personal"][..], &["refresh", "personal"], &["rename", "personal", "other"]] {
        let said = stage.ask_signalbox(arguments).expect("it runs");
        assert_eq!(said.code, Some(1), "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains("the disk is full"), "{arguments:?}: {}", said.err);
        assert!(said.err.contains("hint: make room on the disk that holds "), "{arguments:?}: {}", said.err);
        before.check_failed_run(&stage).expect("the live login is whole");
    }
    for profile in &profiles {
        assert_eq!(
            stage.sim.refreshes(profile.login),
            0,
            "{}: no token was spent that could not be saved",
            profile.alias
        );
    }
    fs::remove_file(filler).expect("removed");
    let logins: Vec<_> = profiles.iter().map(|profile| (profile.alias.clone(), profile.login)).collect();
    // The live one was withdrawn too, and only Claude Code renews that; here it is told to.
    let (_, refresh) = stage.home.live_pair().expect("a pair");
    let renewed = stage.sim.refresh(&refresh).expect("alive");
    stage.home.sign_in(&stage.sim, &renewed).expect("written");
    loss::check_all_usable(&stage, &logins).expect("every login is usable");
}
