//! Every shape of settings file that people have, before and after.

use super::*;
use std::fs;

const COMMAND: &str = "/usr/bin/signalbox statusline";

struct Home {
    surroundings: Surroundings,
    // Removes the folder when dropped.
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let surroundings = Surroundings::at_home(folder.path());
        fs::create_dir(folder.path().join(".claude")).expect("made");
        Self { surroundings, folder }
    }

    fn with(text: &str) -> Self {
        let home = Self::new();
        fs::write(home.file(), text).expect("written");
        home
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(".claude/settings.json")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("a file")
    }

    fn settings(&self) -> UserSettings {
        UserSettings::read(&self.surroundings).expect("readable settings")
    }
}

/// Installs twice and takes out twice: `between` is what stands there in between, and in the end every byte is as before.
#[track_caller]
fn check(before: &str, between: &str) {
    let home = Home::with(before);
    let installed = home.settings().install(COMMAND).expect("installed");
    assert!(installed.changed);
    assert_eq!(home.text(), between);
    let backup = installed.backup.expect("a backup");
    assert_eq!(fs::read_to_string(&backup).expect("a backup"), before);
    assert!(matches!(home.settings().present(), Present::Ours(_)));
    assert!(!home.settings().install(COMMAND).expect("installed").changed, "once is enough");
    assert_eq!(home.text(), between);
    assert!(home.settings().uninstall().expect("taken out").changed);
    assert_eq!(home.text(), before);
    assert!(!home.settings().uninstall().expect("nothing to take out").changed);
}

#[test]
fn only_the_statusline_changes_and_goes_again_without_a_trace() {
    check(
        "{\n  \"model\": \"opus\",\n  \"permissions\": { \"allow\": [ \"Bash(ls:*)\" ] }\n}\n",
        "{\n  \"model\": \"opus\",\n  \"permissions\": { \"allow\": [ \"Bash(ls:*)\" ] },\n  \"statusLine\": {\"type\":\"command\",\"command\":\"/usr/bin/signalbox statusline\"}\n}\n",
    );
    check(
        "{\"n\":1.50,\"x\":{\"statusLine\":2}}",
        "{\"n\":1.50,\"x\":{\"statusLine\":2},\"statusLine\":{\"type\":\"command\",\"command\":\"/usr/bin/signalbox statusline\"}}",
    );
    check(
        "\u{feff}{\r\n\t\"é\": \"\\u00e9\"\r\n}",
        "\u{feff}{\r\n\t\"é\": \"\\u00e9\",\r\n\t\"statusLine\": {\"type\":\"command\",\"command\":\"/usr/bin/signalbox statusline\"}\r\n}",
    );
}

#[test]
fn somebody_elses_entry_keeps_its_other_members_and_comes_back_byte_for_byte() {
    check(
        "{ \"statusLine\" : { \"type\" : \"command\", \"padding\": 0, \"command\":\"~/line.sh\" } , \"z\":1}",
        "{ \"statusLine\" : { \"type\" : \"command\", \"padding\": 0, \"command\":\"/usr/bin/signalbox statusline\" } , \"z\":1}",
    );
    let ours = r#"{"type":"command","command":"/usr/bin/signalbox statusline"}"#;
    check(r#"{"statusLine": null, "z":1}"#, &format!(r#"{{"statusLine": {ours}, "z":1}}"#));
    check(r#"{"statusLine": "odd", "z":1}"#, &format!(r#"{{"statusLine": {ours}, "z":1}}"#));
}

#[test]
fn an_existing_command_is_told_so_that_it_can_be_wrapped() {
    let home = Home::with(r#"{"statusLine":{"type":"command","command":"ccline --x 'y z'"}}"#);
    assert_eq!(home.settings().present(), Present::Foreign { command: Some("ccline --x 'y z'".to_owned()) });
    let odd = Home::with(r#"{"statusLine":{"type":"later"}}"#);
    assert_eq!(odd.settings().present(), Present::Foreign { command: None });
    assert_eq!(Home::with("{}").settings().present(), Present::Nothing);
    assert_eq!(Home::with(" \n").settings().present(), Present::Nothing);
}

#[test]
fn without_notes_the_wrapped_command_itself_is_put_back() {
    let home = Home::with(r#"{"statusLine":{"type":"command","padding":2,"command":"ccline"}}"#);
    let before = home.text();
    home.settings().install("/usr/bin/signalbox statusline --wrap ccline").expect("installed");
    fs::remove_dir_all(home.surroundings.data_folder()).expect("the notes are gone");
    assert!(home.settings().uninstall().expect("taken out").changed);
    assert_eq!(home.text(), before);
}

#[test]
fn installing_anew_does_not_forget_what_stood_there_at_first() {
    let before = r#"{"statusLine":{"type":"command","command":"ccline"}}"#;
    let home = Home::with(before);
    home.settings().install("/old/signalbox statusline --wrap ccline").expect("installed");
    home.settings().install("/new/signalbox statusline --wrap ccline").expect("moved");
    home.settings().uninstall().expect("taken out");
    assert_eq!(home.text(), before);
}

#[test]
fn a_missing_file_is_made_private() {
    let home = Home::new();
    assert_eq!(home.settings().install(COMMAND).expect("installed"), Outcome { changed: true, backup: None });
    let expected = "{\n  \"statusLine\": {\"type\":\"command\",\"command\":\"/usr/bin/signalbox statusline\"}\n}\n";
    assert_eq!(home.text(), expected);
    assert_eq!(home.file().metadata().expect("a file").permissions().mode() & 0o7777, 0o600);
    home.settings().uninstall().expect("taken out");
    assert_eq!(home.text(), "{\n}\n");
}

#[test]
fn a_link_stays_one_and_the_mode_stays_too() {
    let home = Home::new();
    let target = home.folder.path().join("dotfiles.json");
    fs::write(&target, "{\"a\":1}").expect("written");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).expect("set");
    std::os::unix::fs::symlink("../dotfiles.json", home.file()).expect("a link");
    home.settings().install(COMMAND).expect("installed");
    assert!(home.file().is_symlink());
    assert!(fs::read_to_string(&target).expect("a file").contains("signalbox statusline"));
    assert_eq!(target.metadata().expect("a file").permissions().mode() & 0o7777, 0o640);
    assert_eq!(home.file().read_link().expect("a link"), Path::new("../dotfiles.json"));
}

#[test]
fn what_cannot_be_changed_safely_is_left_alone() {
    for text in ["{\n  \"a\": 1,\n}\n", "[1]", "{\"a\":1} // mine", "{\"a\":1,\"a\":2}"] {
        let home = Home::with(text);
        let error = UserSettings::read(&home.surroundings).err().expect("refused");
        assert!(matches!(error, StoreError::Malformed { .. }), "{text}: {error}");
        assert_eq!(home.text(), text);
    }
    let home = Home::with("{\n  \"a\": 1,\n}\n");
    let error = UserSettings::read(&home.surroundings).err().expect("refused").to_string();
    assert!(error.contains("line 3"), "{error}");

    let home = Home::with("{}");
    fs::set_permissions(home.file(), fs::Permissions::from_mode(0o444)).expect("set");
    let error = home.settings().install(COMMAND).expect_err("protected").to_string();
    assert!(error.ends_with("it is write-protected"), "{error}");
    assert_eq!(home.text(), "{}");

    let home = Home::new();
    std::os::unix::fs::symlink("/nowhere/at-all", home.file()).expect("a link");
    let error = UserSettings::read(&home.surroundings).err().expect("refused").to_string();
    assert!(error.contains("a symbolic link to something that is not there"), "{error}");
}

#[test]
fn what_another_program_wrote_meanwhile_is_not_lost() {
    let home = Home::with("{\"a\":1}");
    let settings = home.settings();
    fs::write(home.file(), "{\"a\":2}").expect("written");
    assert!(settings.install(COMMAND).is_err());
    assert_eq!(home.text(), "{\"a\":2}");
}

#[test]
fn somebody_elses_command_is_not_taken_out() {
    let text = r#"{"statusLine":{"type":"command","command":"ccline"}}"#;
    let home = Home::with(text);
    assert_eq!(home.settings().uninstall(), Ok(Outcome { changed: false, backup: None }));
    assert_eq!(home.text(), text);
}
