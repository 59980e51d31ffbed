//! What a person may set, and what is refused.

use super::address::loopback;
use super::*;

fn with_file(text: &str) -> (tempfile::TempDir, Surroundings) {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("settings.toml"), text).expect("a file");
    let data_dir = Some(home.path().as_os_str().to_owned());
    let surroundings = Surroundings { data_dir, ..Surroundings::at_home(home.path()) };
    (home, surroundings)
}

#[test]
fn only_loopback_addresses_may_replace_the_provider() {
    let accepted = [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://127.8.9.10", "https://127.8.9.10"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("http://localhost:1234/base/", "http://localhost:1234/base"),
        ("HTTP://LOCALHOST:1", "http://localhost:1"),
        ("http://0x7f.1:80", "http://127.0.0.1"),
    ];
    for (text, expected) in accepted {
        assert_eq!(loopback("X", text).as_deref(), Ok(expected), "{text}");
    }
    let refused = [
        "https://api.anthropic.com",
        "http://127.0.0.1@evil.example",
        "http://127.0.0.1:80@evil.example/",
        "http://user:secret@127.0.0.1",
        "http://@127.0.0.1",
        "http://localhost.evil.example",
        "http://evil.localhost",
        "http://localhost.",
        "http://127.0.0.1.evil.example",
        "http://evil.example#127.0.0.1",
        "http://127.0.0.1#@evil.example",
        "http://127.0.0.1\\@evil.example",
        "http://evil.example\\@127.0.0.1",
        "http://127.0.0.1/?next=evil.example",
        "http://128.0.0.1",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::ffff:127.0.0.1]",
        "http://[fe80::1]",
        "file:///etc/passwd",
        "ftp://127.0.0.1",
        "unix:/tmp/socket",
        "127.0.0.1:8080",
        "localhost:8080",
        "//127.0.0.1",
        "http://",
        "",
    ];
    for text in refused {
        let error = loopback("SIGNALBOX_API_BASE", text).expect_err(text);
        assert!(error.to_string().contains("SIGNALBOX_API_BASE"), "{text}: the error names the variable");
        assert!(!error.to_string().contains("secret"), "{text}: the error does not repeat the address");
    }
}

#[test]
fn without_a_file_the_real_servers_are_asked() {
    let home = tempfile::tempdir().expect("a folder");
    let settings = Settings::load(&Surroundings::at_home(home.path())).expect("settings");
    assert_eq!(settings.endpoints, Endpoints { api: API.to_owned(), token: TOKEN.to_owned() });
    assert_eq!(settings.board_keep_open, Duration::from_secs(60));
}

#[test]
fn the_environment_beats_the_file() {
    let text = "[provider]\napi_base = \"http://127.0.0.1:1\"\ntoken_base = \"http://127.0.0.1:2\"\n[board]\nkeep_open_s = 5\n";
    let (_home, mut surroundings) = with_file(text);
    surroundings.api_base = Some("http://[::1]:3".into());
    surroundings.token_base = Some("".into());
    let settings = Settings::load(&surroundings).expect("settings");
    assert_eq!(settings.endpoints.api, "http://[::1]:3");
    assert_eq!(settings.endpoints.token, "http://127.0.0.1:2", "an empty variable is no variable");
    assert_eq!(settings.board_keep_open, Duration::from_secs(5));
}

#[test]
fn an_address_elsewhere_in_the_file_is_refused_even_when_the_environment_replaces_it() {
    let (_home, mut surroundings) = with_file("[provider]\ntoken_base = \"https://evil.example\"\n");
    surroundings.token_base = Some("http://127.0.0.1:1".into());
    let error = Settings::load(&surroundings).expect_err("refused");
    assert!(error.to_string().starts_with("provider.token_base"), "{error}");
}

#[test]
fn unknown_settings_are_ignored() {
    let (_home, surroundings) = with_file("later = 1\n[board]\ncolour = \"blue\"\n[auto]\nx = 1\n");
    assert_eq!(Settings::load(&surroundings).map(|s| s.board_keep_open), Ok(KEEP_OPEN));
}

#[test]
fn broken_settings_are_an_error_with_its_line() {
    let (_home, surroundings) = with_file("[board]\nkeep_open_s = 5\nkeep_open_s = = 6\n");
    let Err(SettingsError::Broken { line, .. }) = Settings::load(&surroundings) else { panic!("it is broken") };
    assert_eq!(line, 3);
    let (_home, surroundings) = with_file("[board]\nkeep_open_s = \"long\"\n");
    let error = Settings::load(&surroundings).expect_err("it is no number");
    assert!(error.to_string().contains("`board.keep_open_s` has to be 0 to 86400 seconds"), "{error}");
}

#[test]
fn what_is_not_set_is_the_careful_choice() {
    let home = tempfile::tempdir().expect("a folder");
    let settings = Settings::load(&Surroundings::at_home(home.path())).expect("settings");
    assert_eq!((settings.engine, settings.restore), (EngineChoice::Auto, Restore::Ask));
    assert_eq!(settings.claude_program, None);
}

#[test]
fn choices_are_taken_by_name() {
    for (text, engine) in
        [("auto", EngineChoice::Auto), ("direct", EngineChoice::Direct), ("delegated", EngineChoice::Delegated)]
    {
        let (_home, surroundings) = with_file(&format!("[renewal]\nengine = \"{text}\"\n"));
        assert_eq!(Settings::load(&surroundings).map(|s| s.engine), Ok(engine));
    }
    for (text, restore) in [("ask", Restore::Ask), ("auto", Restore::Auto)] {
        let (_home, surroundings) = with_file(&format!("[watch]\nrestore = \"{text}\"\n"));
        assert_eq!(Settings::load(&surroundings).map(|s| s.restore), Ok(restore));
    }
}

#[test]
fn the_program_of_claude_code_is_a_whole_path_or_one_below_the_home_folder() {
    let (home, surroundings) = with_file("[claude]\nprogram = \"/opt/claude\"\n");
    let program = |surroundings| Settings::load(surroundings).map(|s| s.claude_program);
    assert_eq!(program(&surroundings), Ok(Some(PathBuf::from("/opt/claude"))));
    std::fs::write(home.path().join("settings.toml"), "[claude]\nprogram = \"~/bin/claude\"\n").expect("written");
    assert_eq!(program(&surroundings), Ok(Some(home.path().join("bin/claude"))));
}

#[test]
fn the_menu_bar_and_the_notices_are_set_by_name() {
    let (_home, surroundings) = with_file(
        "[menu_bar]\nstyle = \"countdown\"\nwindow = \"both\"\n[notify]\nthresholds = [100, 50, 1]\nreset = false\n",
    );
    let settings = Settings::load(&surroundings).expect("settings");
    let menu_bar = MenuBar { style: MenuBarStyle::Countdown, window: MenuBarWindow::Both };
    assert_eq!(settings.menu_bar, menu_bar);
    assert_eq!(settings.notices, Notices { thresholds: vec![100, 50, 1], resets: false });
    let (_home, surroundings) = with_file("[notify]\nthresholds = []\n");
    assert_eq!(Settings::load(&surroundings).map(|s| s.notices), Ok(Notices { thresholds: vec![], resets: true }));
    let (_home, surroundings) = with_file("");
    let settings = Settings::load(&surroundings).expect("settings");
    assert_eq!((settings.menu_bar, settings.notices.thresholds), (MenuBar::default(), vec![80, 95]));
}

#[test]
fn a_choice_that_does_not_exist_is_an_error_that_names_those_that_do() {
    for (text, expected) in [
        ("[renewal]\nengine = \"fast\"\n", r#"`renewal.engine` has to be "auto", "direct" or "delegated""#),
        ("[renewal]\nengine = 1\n", r#"`renewal.engine` has to be "auto", "direct" or "delegated""#),
        ("[watch]\nrestore = true\n", r#"`watch.restore` has to be "ask" or "auto""#),
        ("[claude]\nprogram = \"claude\"\n", "`claude.program` has to be a whole path in quotes"),
        ("[bootstrap]\nmode = \"on\"\n", r#"`bootstrap.mode` has to be "off", "ready" or "press""#),
        ("[bootstrap]\nmode = true\n", r#"`bootstrap.mode` has to be "off", "ready" or "press""#),
        ("[bootstrap]\nheadless = 1\n", "`bootstrap.headless` has to be true or false"),
        ("[claude]\nprogram = 7\n", "`claude.program` has to be a whole path in quotes"),
        ("renewal = 1\n", "`renewal` has to be a table"),
        ("[board]\norder = \"name\"\n", r#"`board.order` has to be "hand" or "headroom""#),
        ("[board]\ncompact = 1\n", "`board.compact` has to be true or false"),
        ("[board]\nhides = false\n", r#"`board.hides` has to be "while-shared", "always" or "never""#),
        ("[menu_bar]\nstyle = \"text\"\n", r#"`menu_bar.style` has to be "icon", "percent", "bars" or "countdown""#),
        ("[menu_bar]\nwindow = \"opus\"\n", r#"`menu_bar.window` has to be "tightest", "5h", "7d" or "both""#),
        ("[notify]\nthresholds = [0]\n", "`notify.thresholds` has to be at most five whole numbers from 1 to 100"),
        ("[notify]\nthresholds = [101]\n", "at most five whole numbers from 1 to 100"),
        ("[notify]\nthresholds = [80.5]\n", "at most five whole numbers from 1 to 100"),
        ("[notify]\nthresholds = [1, 2, 3, 4, 5, 6]\n", "at most five whole numbers from 1 to 100"),
        ("[notify]\nthresholds = 80\n", "at most five whole numbers from 1 to 100"),
        ("[notify]\nreset = \"yes\"\n", "`notify.reset` has to be true or false"),
        ("[terms]\nversion = 1.5\n", "`terms.version` has to be a whole number"),
        ("[terms]\npointed_at = -1\n", "`terms.pointed_at` has to be a whole number"),
        ("[terms]\naccepted = 2026-11-22\n", r#"`terms.accepted` has to be a day such as "2026-11-22""#),
    ] {
        let (_home, surroundings) = with_file(text);
        let error = Settings::load(&surroundings).expect_err(text);
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}
