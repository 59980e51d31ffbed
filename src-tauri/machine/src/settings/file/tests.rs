//! What is particular to choices that stand in a file which a person writes, too.

use std::os::unix::fs::PermissionsExt as _;

use signalbox_core::view::{Hides, Order, Resets, Shows};

use super::*;

struct Home {
    folder: tempfile::TempDir,
    file: SettingsFile,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = Some(folder.path().join("data").into_os_string());
        let surroundings = Surroundings { data_dir, ..Surroundings::at_home(folder.path()) };
        Self { file: SettingsFile::new(&surroundings), folder }
    }

    fn with(text: &str) -> Self {
        let home = Self::new();
        home.file.folder.ensure().expect("a data folder");
        home.write(text);
        home
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.file.path, text).expect("written");
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.file.path).expect("a file")
    }
}

const HEADROOM: View = View {
    order: Order::Headroom,
    compact: false,
    shows: Shows::Used,
    resets: Resets::Countdown,
    hides: Hides::WhileShared,
};

#[test]
fn every_other_key_and_every_comment_stays() {
    let before = "# mine\nlater = 1  # kept\n\n[watch]\nrestore = \"auto\"\n\n[board] # the window\nkeep_open_s=5 # s\n\
                  order   =   \"hand\"   # as I like it\n\n[auto]\nx = [1,\n  2] # two\n";
    let home = Home::with(before);
    home.file.set_view(View { compact: true, ..HEADROOM }).expect("written");
    assert_eq!(
        home.text(),
        before
            .replace("\"hand\"   # as", "\"headroom\"   # as")
            .replace("as I like it\n", "as I like it\ncompact = true\n")
    );
}

#[test]
fn a_file_is_made_where_there_is_none_and_holds_what_is_not_as_built_in() {
    let home = Home::new();
    home.file.set_view(View::default()).expect("nothing to write");
    assert!(!home.folder.path().join("data").exists(), "nothing was chosen");
    home.file.set_view(HEADROOM).expect("written");
    assert_eq!(home.text(), "[board]\norder = \"headroom\"\n");
    let mode = home.file.path.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, PRIVATE_FILE);
    home.file.set_view(View { hides: Hides::Always, ..View::default() }).expect("written");
    assert_eq!(home.text(), "[board]\norder = \"hand\"\nhides = \"always\"\n");
}

#[test]
fn a_section_is_added_below_what_stands_there() {
    let home = Home::with("[watch]\nrestore = \"ask\"");
    home.file.set_view(HEADROOM).expect("written");
    assert_eq!(home.text(), "[watch]\nrestore = \"ask\"\n\n[board]\norder = \"headroom\"\n");
}

#[test]
fn sections_that_are_written_in_other_ways_are_understood() {
    for (before, expected) in [
        ("board = { keep_open_s = 5 }\n", "board = { keep_open_s = 5 , order = \"headroom\" }\n"),
        ("board.keep_open_s = 5\n", "board.keep_open_s = 5\nboard.order = \"headroom\"\n"),
        ("[board]\norder = 'hand'\n", "[board]\norder = \"headroom\"\n"),
        ("[board]\norder = 7\n", "[board]\norder = \"headroom\"\n"),
    ] {
        let home = Home::with(before);
        home.file.set_view(HEADROOM).expect("written");
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(squeezed(&home.text()), squeezed(expected));
        assert_eq!(home.file.view(), HEADROOM, "{before}");
    }
}

#[test]
fn a_file_that_makes_no_sense_is_left_as_it_is_and_the_line_is_named() {
    for (before, expected) in [
        ("[board]\nkeep_open_s = = 6\n", "(line 2)"),
        ("# fine\n\n[board\n", "(line 3)"),
        ("board = 1\n", "`board` in it is no table"),
    ] {
        let home = Home::with(before);
        let error = home.file.set_view(HEADROOM).expect_err(before).to_string();
        assert!(error.contains("settings.toml cannot be written: ") && error.contains(expected), "{error}");
        assert_eq!(home.text(), before);
        assert_eq!(home.file.view(), View::default(), "as if nothing had been chosen");
    }
    let home = Home::with("");
    std::fs::write(&home.file.path, b"[board]\n\xff").expect("written");
    let error = home.file.set_view(HEADROOM).expect_err("no text").to_string();
    assert!(error.ends_with("line 2 of it is not UTF-8 text"), "{error}");
}

#[test]
fn a_link_in_its_place_is_neither_followed_nor_replaced() {
    let home = Home::with("");
    let elsewhere = home.folder.path().join("elsewhere.toml");
    std::fs::write(&elsewhere, "[board]\norder = \"headroom\"\n").expect("written");
    std::fs::remove_file(&home.file.path).expect("removed");
    std::os::unix::fs::symlink(&elsewhere, &home.file.path).expect("a link");
    assert_eq!(home.file.view(), View::default());
    home.file.set_view(View { compact: true, ..HEADROOM }).expect_err("refused");
    assert!(home.file.path.is_symlink());
}

#[test]
fn a_change_by_hand_is_seen_by_the_next_board() {
    let home = Home::with("[board]\norder = \"hand\"\n");
    assert_eq!(home.file.view().order, Order::Hand);
    home.write("[board]\norder = \"headroom\"\n");
    assert_eq!(home.file.view().order, Order::Headroom);
    std::fs::remove_file(&home.file.path).expect("removed");
    assert_eq!(home.file.view(), View::default());
}

#[test]
fn the_file_is_read_only_when_it_changed() {
    let home = Home::with("[board]\norder = \"headroom\"\n");
    assert_eq!(home.file.view(), HEADROOM);
    // What the file does not say shows whether it is read.
    let stamp = home.file.stamp();
    let view = View { compact: true, ..HEADROOM };
    *home.file.last() = Some((stamp, Chosen { view, ..Chosen::default() }));
    for _ in 0..3 {
        assert!(home.file.view().compact, "what is remembered is believed");
    }
}

#[test]
fn what_was_seen_of_the_terms_has_a_section_of_its_own_that_a_person_can_take_out() {
    let home = Home::with("[board]\norder = \"headroom\" # mine\n");
    let on = "2026-11-22".parse().expect("a day");
    let accepted = Some(signalbox_core::terms::Acceptance { version: 1, on });
    home.file.set_terms(Terms { accepted, pointed_at: Some(1) }).expect("written");
    let board = "[board]\norder = \"headroom\" # mine\n";
    let all = format!("{board}\n[terms]\nversion = 1\naccepted = \"2026-11-22\"\npointed_at = 1\n");
    assert_eq!(home.text(), all);
    assert_eq!(home.file.view(), HEADROOM);
    home.file.set_terms(Terms::default()).expect("written");
    assert_eq!(home.text(), format!("{board}\n[terms]\n"));
    home.write(board);
    assert_eq!(home.file.terms(), Terms::default());
}

#[test]
fn a_slip_elsewhere_does_not_make_the_app_ask_anew_and_one_in_the_record_does() {
    let terms = |text: &str| Home::with(text).file.terms();
    let record = "[terms]\nversion = 1\naccepted = \"2026-11-22\"\n";
    assert!(terms(&format!("[board]\ncompact = 7\n{record}")).accepted.is_some());
    for slip in ["accepted = \"2026-11-32\"", "accepted = true", "accepted = \"\""] {
        assert_eq!(terms(&record.replace("accepted = \"2026-11-22\"", slip)).accepted, None, "{slip}");
    }
    for slip in ["", "version = -1", "version = \"1\"", "version = 4294967296"] {
        assert_eq!(terms(&record.replace("version = 1", slip)).accepted, None, "{slip}");
    }
}

#[test]
fn a_file_that_makes_no_sense_lets_nothing_happen_by_itself() {
    let home = Home::with("[bootstrap]\nmode = \"press\"\n");
    assert_eq!(home.file.bootstrap(), Choice::Press { headless: false });
    home.write("[bootstrap]\nmode = \"press\"\n\n[watch]\nrestore = 7\n");
    assert_eq!(home.file.bootstrap(), Choice::Off);
}
