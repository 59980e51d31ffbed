//! Tests of the adapter over a private home: which settings files are looked at, and where a pin is found.

use super::*;

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

struct Place {
    home: tempfile::TempDir,
    surroundings: Surroundings,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let surroundings = Surroundings {
            managed_settings: home.path().join("managed"),
            current_dir: Some(home.path().join("project")),
            ..Surroundings::at_home(home.path())
        };
        Self { home, surroundings }
    }

    fn pins(&self) -> Vec<(String, String)> {
        let place = |pin: Pin| match pin.place {
            PinPlace::Environment => (pin.name, "environment".to_owned()),
            PinPlace::Settings { path } => {
                let path = path.strip_prefix(self.home.path()).expect("in the home").display().to_string();
                (pin.name, path)
            }
        };
        ClaudeSessions::new(&self.surroundings).pins().into_iter().map(place).collect()
    }
}

const PIN: &str = r#"{"env":{"ANTHROPIC_API_KEY":"sk-ant-api03-sim"}}"#;

#[test]
fn every_place_in_which_a_pin_may_stand_is_looked_at() {
    let mut place = Place::new();
    assert_eq!(place.pins(), []);
    let files = [
        "managed/managed-settings.json",
        "managed/managed-settings.d/10-team.json",
        ".claude/remote-settings.json",
        ".claude/settings.json",
        "project/.claude/settings.json",
        "project/.claude/settings.local.json",
    ];
    for file in files {
        write(&place.home.path().join(file), PIN);
    }
    write(&place.home.path().join("elsewhere/.claude/settings.json"), PIN);
    place.surroundings.pins = vec!["ANTHROPIC_AUTH_TOKEN".to_owned()];
    let mut expected = vec![("ANTHROPIC_AUTH_TOKEN".to_owned(), "environment".to_owned())];
    expected.extend(files.map(|file| ("ANTHROPIC_API_KEY".to_owned(), file.to_owned())));
    assert_eq!(place.pins(), expected);
}

#[test]
fn the_settings_of_the_home_folder_are_looked_at_once() {
    let mut place = Place::new();
    place.surroundings.current_dir = Some(place.home.path().to_owned());
    write(&place.home.path().join(".claude/settings.json"), PIN);
    assert_eq!(place.pins().len(), 1);
}

#[test]
fn a_config_folder_of_its_own_has_settings_of_its_own() {
    let mut place = Place::new();
    write(&place.home.path().join(".claude/settings.json"), PIN);
    place.surroundings.claude_config_dir = Some(place.home.path().join("other").into_os_string());
    assert_eq!(place.pins(), []);
    write(&place.home.path().join("other/settings.json"), r#"{"apiKeyHelper":"/bin/key"}"#);
    assert_eq!(place.pins(), [("apiKeyHelper".to_owned(), "other/settings.json".to_owned())]);
}

#[test]
fn broken_settings_hide_no_other_pin() {
    let place = Place::new();
    write(&place.home.path().join(".claude/settings.json"), "{");
    write(&place.home.path().join("project/.claude/settings.json"), PIN);
    assert_eq!(place.pins(), [("ANTHROPIC_API_KEY".to_owned(), "project/.claude/settings.json".to_owned())]);
}

#[test]
fn an_active_profile_that_federates_is_a_pin_and_another_is_not() {
    let place = Place::new();
    let folder = place.home.path().join(".config/anthropic");
    let federates = r#"{"authentication":{"type":"oidc_federation","federation_rule_id":"x"}}"#;
    write(&folder.join("configs/work.json"), federates);
    write(&folder.join("configs/default.json"), r#"{"authentication":{"type":"user_oauth"}}"#);
    assert_eq!(place.pins(), []);
    write(&folder.join("active_config"), "work\n");
    assert_eq!(place.pins(), [("oidc_federation".to_owned(), ".config/anthropic/configs/work.json".to_owned())]);
    write(&folder.join("active_config"), "../configs/work");
    assert_eq!(place.pins(), [], "no name of a profile");
}

#[test]
fn a_folder_without_records_has_no_sessions_and_an_unreadable_one_is_an_error() {
    let place = Place::new();
    let sessions = ClaudeSessions::new(&place.surroundings);
    assert_eq!(sessions.running(), Ok(Vec::new()));
    write(&place.home.path().join(".claude/sessions"), "a file");
    assert!(matches!(sessions.running(), Err(StoreError::Unreadable { .. })));
}

#[cfg(target_os = "linux")]
mod living {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A process that lives until dropped, with variables of its own.
    struct Living(Child);

    impl Living {
        fn with(variables: &[(&str, &str)]) -> Self {
            let mut command = Command::new("sleep");
            command.arg("600").env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
            Self(command.spawn().expect("sleep"))
        }
    }

    impl Drop for Living {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn record(place: &Place, pid: u32, rest: &str) {
        let text = format!(r#"{{"pid":{pid},"sessionId":"x","kind":"interactive"{rest}}}"#);
        write(&place.home.path().join(format!(".claude/sessions/{pid}.json")), &text);
    }

    #[test]
    fn a_session_says_where_it_works_and_what_pins_it() {
        let place = Place::new();
        let free = Living::with(&[]);
        let pinned = Living::with(&[("ANTHROPIC_API_KEY", "sk-ant-api03-sim")]);
        let folder = place.home.path().join("elsewhere");
        let cwd = format!(r#","cwd":{:?},"version":"2.1.330","entrypoint":"cli""#, folder.display().to_string());
        record(&place, free.0.id(), &cwd);
        record(&place, pinned.0.id(), "");
        let sessions = ClaudeSessions::new(&place.surroundings);
        let find = |pid: u32| {
            let running = sessions.running().expect("readable");
            assert_eq!(running.len(), 2);
            running.into_iter().find(|session| session.pid == pid).expect("it runs")
        };
        let seen = find(free.0.id());
        assert_eq!((seen.folder.as_deref(), seen.pinned_by.as_deref()), (Some(folder.as_path()), None));
        assert_eq!(seen.version.as_deref(), Some("2.1.330"));
        assert_eq!(find(pinned.0.id()).pinned_by.as_deref(), Some("ANTHROPIC_API_KEY"));

        write(&folder.join(".claude/settings.local.json"), r#"{"env":{"CLAUDE_CODE_USE_BEDROCK":"1"}}"#);
        assert_eq!(find(free.0.id()).pinned_by.as_deref(), Some("CLAUDE_CODE_USE_BEDROCK"), "its project does");
        let place_of_pin = "elsewhere/.claude/settings.local.json".to_owned();
        assert_eq!(place.pins(), [("CLAUDE_CODE_USE_BEDROCK".to_owned(), place_of_pin)]);
    }

    #[test]
    fn a_record_that_is_huge_broken_or_another_ones_counts_while_its_process_lives() {
        let place = Place::new();
        let sessions = ClaudeSessions::new(&place.surroundings);
        let living = Living::with(&[]);
        let pid = living.0.id();
        let path = place.home.path().join(format!(".claude/sessions/{pid}.json"));
        for text in ["{", "", &" ".repeat(70_000), r#"{"pid":1,"procStart":"1"}"#, r#"{"cwd":7}"#] {
            write(&path, text);
            let running = sessions.running().expect("readable");
            assert_eq!(running.len(), 1, "{:?}", text.get(..20));
            assert_eq!((running[0].pid, running[0].folder.as_deref()), (pid, None));
        }
        drop(living);
        assert_eq!(sessions.running(), Ok(Vec::new()), "a process that is gone runs no session");
    }

    #[test]
    fn a_number_that_is_used_again_is_no_session() {
        let place = Place::new();
        let living = Living::with(&[]);
        record(&place, living.0.id(), r#","procStart":"1","startedAt":1"#);
        assert_eq!(ClaudeSessions::new(&place.surroundings).running(), Ok(Vec::new()));
    }

    #[test]
    fn keys_and_legacy_records_are_left_alone() {
        let place = Place::new();
        let living = Living::with(&[]);
        let pid = living.0.id();
        let folder = place.home.path().join(".claude/sessions");
        write(&folder.join(format!("pid-{pid}.json")), "{}");
        // Opening a pipe for reading would hold an ordinary reader for ever.
        let key = folder.join(format!("{pid}.{}.key", "0a".repeat(32)));
        assert!(Command::new("mkfifo").arg(&key).status().expect("mkfifo").success());
        assert_eq!(ClaudeSessions::new(&place.surroundings).running(), Ok(Vec::new()));
    }
}
