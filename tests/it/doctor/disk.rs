//! Modes, owners and links, of our files and of `.credentials.json`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use super::{Ward, snapshot, write};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("opened");
}

/// What may be opened by mistake, and what it should be.
const PRIVATE: [(&str, u32, u32); 7] = [
    ("signalbox", 0o755, 0o700),
    ("signalbox/creds", 0o750, 0o700),
    ("signalbox/roster.json", 0o644, 0o600),
    ("signalbox/vault.key", 0o640, 0o600),
    ("signalbox/usage.db", 0o604, 0o600),
    ("signalbox/creds/work.cred", 0o666, 0o600),
    (".claude/.credentials.json", 0o644, 0o600),
];

#[test]
fn whatever_is_open_to_others_is_closed_by_the_printed_command() {
    for (name, opened, wanted) in PRIVATE {
        let ward = Ward::healthy();
        let path = ward.home().join(name);
        open(&path, opened);
        ward.cured_by_its_command("open-to-others");
        assert_eq!(mode(&path), wanted, "{name}");
    }
}

#[test]
fn fix_closes_everything_at_once_and_changes_no_byte() {
    let ward = Ward::healthy();
    let before = snapshot(ward.home());
    for (name, opened, _) in PRIVATE {
        open(&ward.home().join(name), opened);
    }
    let fixed = ward.fix();
    assert_eq!(fixed.of("open-to-others").len(), PRIVATE.len());
    assert!(fixed.clean && fixed.of("open-to-others").iter().all(|finding| finding["mended"] == true));
    assert_eq!(snapshot(ward.home()), before);
}

#[test]
fn a_linked_login_is_put_in_the_place_of_the_link_by_the_printed_command() {
    let ward = Ward::healthy();
    let (store, target) = (ward.stage.home.store(), ward.home().join("dot files.json"));
    fs::rename(&store, &target).expect("moved");
    symlink(&target, &store).expect("linked");
    assert_eq!(ward.fix().only("link")["mended"], false, "a person keeps it there for a reason");
    ward.cured_by_its_command("link");
    assert!(!store.is_symlink() && ward.stage.live_is("work"));
}

#[test]
fn a_link_among_our_files_is_removed_by_the_printed_command() {
    let ward = Ward::healthy();
    let path = ward.stage.home.data().join("told.json");
    symlink("/etc/hostname", &path).expect("linked");
    ward.cured_by_its_command("link");
    assert!(path.symlink_metadata().is_err());
}

#[test]
fn a_linked_data_folder_is_one_finding_and_its_files_come_back_by_the_printed_command() {
    let ward = Ward::healthy();
    let (data, elsewhere) = (ward.stage.home.data(), ward.home().join("elsewhere"));
    fs::rename(&data, &elsewhere).expect("moved");
    symlink(&elsewhere, &data).expect("linked");
    ward.cured_by_its_command("link");
    ward.stage.signalbox(&["use", "personal"]).expect("a switch with the old profiles");
}

#[test]
fn what_belongs_to_somebody_else_is_given_back_by_the_printed_command() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED what_belongs_to_somebody_else_is_given_back: only root can give a file away");
        return;
    }
    for name in [".claude/.credentials.json", "signalbox/vault.key"] {
        let ward = Ward::healthy();
        let path = ward.home().join(name);
        chown(&path, Some(65_534), None).expect("given away");
        let found = ward.look();
        let command = found.of("not-ours")[0]["command"].as_str().expect("a command").to_owned();
        // The home's user does not exist here, and whoever may give files back needs no `sudo`.
        let bin = ward.home().join("bin");
        write(&bin.join("sudo"), "#!/bin/sh\nexec \"$@\"\n");
        open(&bin.join("sudo"), 0o755);
        ward.run(&format!("PATH={}:$PATH; USER=$(id -un); {command}", bin.display()));
        assert!(ward.look().clean, "{command}");
    }
}
