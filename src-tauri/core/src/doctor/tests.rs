//! Tests over one of every finding.

use super::*;
use crate::error::{Code, NextStep};

fn now() -> Timestamp {
    Timestamp::from_ms(1_800_000_000_000)
}

/// One of each, in the order of the type.
fn every() -> Vec<Finding> {
    let path = || PathBuf::from("/h/a b/x");
    let alias = || Alias::parse("work").expect("an alias");
    let pin = |place| Pin { name: "ANTHROPIC_API_KEY".to_owned(), place };
    let problem = Problem {
        code: Code::Store,
        message: "Cannot show the profiles: it is damaged".to_owned(),
        next_step: NextStep::Run { command: "mv a b".to_owned() },
        about: None,
    };
    let broken = |what| Finding::Broken { what, problem: problem.clone() };
    vec![
        Finding::Pin(pin(PinPlace::Environment)),
        Finding::Pin(pin(PinPlace::Settings { path: path() })),
        Finding::SessionPinned { pid: 4711, name: "ANTHROPIC_API_KEY".to_owned() },
        Finding::ForcedLogin { name: "forceLoginOrgUUID".to_owned(), path: path() },
        Finding::ClaudeSettings { path: path(), why: "it is no valid JSON (line 2)".to_owned() },
        Finding::OtherStore { variable: "CLAUDE_CONFIG_DIR", store: "/c/.credentials.json".to_owned() },
        Finding::StaleFile { path: path() },
        Finding::LeftoverLock { path: path(), age_ms: 61 * SECOND },
        Finding::FutureLock { path: path(), ahead_ms: DAY },
        Finding::FileAtLock { path: path() },
        Finding::Open { path: path(), mode: 0o644, wanted: 0o600 },
        Finding::NotOurs { path: path() },
        Finding::Link { path: path(), whose: LinkOf::ClaudeCode },
        Finding::Link { path: path(), whose: LinkOf::DataFolder },
        Finding::Link { path: path(), whose: LinkOf::OurFile },
        Finding::Rivals { times: 1, last_at: now().plus(-MINUTE) },
        Finding::Rivals { times: 3, last_at: now().plus(-MINUTE) },
        Finding::ClockSkew { ahead_ms: 2 * MINUTE },
        Finding::ClockSkew { ahead_ms: -2 * DAY },
        Finding::Unreachable { cause: ProviderError::Unreachable },
        Finding::Unreachable { cause: ProviderError::Refused { status: 403 } },
        Finding::Interrupted,
        Finding::PutAside { count: 1 },
        Finding::PutAside { count: 2 },
        Finding::AsideBroken { path: path() },
        broken(Broken::Live),
        broken(Broken::Roster),
        broken(Broken::Saved),
        broken(Broken::Key),
        broken(Broken::Files),
        Finding::OlderBroken { path: path(), alias: alias() },
        Finding::Settings { why: "settings.toml is damaged".to_owned(), unset: None },
        Finding::Settings {
            why: "it may only name this machine".to_owned(),
            unset: Some("SIGNALBOX_API_BASE".to_owned()),
        },
        Finding::SignedOut { profiles: 0 },
        Finding::SignedOut { profiles: 2 },
        Finding::Unregistered { email: None },
        Finding::Unregistered { email: Some("a@example.org".to_owned()) },
        Finding::Unsaved,
        Finding::LoginNeeded { alias: alias(), setup_token: false },
        Finding::LoginNeeded { alias: alias(), setup_token: true },
        Finding::DeadlineNear { alias: alias(), at: now().plus(DAY), assumed: false, setup_token: false },
        Finding::DeadlineNear { alias: alias(), at: now().plus(DAY), assumed: false, setup_token: true },
        Finding::DeadlineNear { alias: alias(), at: now().plus(DAY), assumed: true, setup_token: false },
        Finding::UsageDamaged { path: path() },
        Finding::Unwatched,
        Finding::Unchecked { what: "the sessions", why: "it is a file".to_owned() },
    ]
}

#[test]
fn every_finding_says_what_it_is_and_why_it_matters_in_a_clause() {
    for finding in every() {
        for text in [finding.what(now()), finding.why()] {
            assert!(!text.is_empty() && !text.ends_with('.') && !text.contains("  "), "{finding:?}: {text}");
        }
    }
}

#[test]
fn whatever_counts_has_a_cure_and_whatever_is_mended_has_a_command() {
    for finding in every() {
        let cure = finding.cure(now());
        assert!(cure.is_some() || finding.severity() == Severity::Note, "{finding:?} has no cure");
        if let Some(Cure { text, command }) = cure {
            assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
            assert!(command.as_ref().is_none_or(|command| text.contains(&format!("`{command}`"))), "{text}");
            assert!(!finding.mendable() || command.is_some(), "{finding:?}");
        }
    }
}

#[test]
fn a_command_can_be_pasted_whatever_a_path_is_called() {
    let open = Finding::Open { path: "/h/it's $HOME".into(), mode: 0o644, wanted: 0o600 };
    let command = open.cure(now()).and_then(|cure| cure.command);
    assert_eq!(command.as_deref(), Some(r"chmod 600 '/h/it'\''s $HOME'"));
}

#[test]
fn kinds_tell_findings_apart() {
    let findings = every();
    let mut kinds: Vec<_> = findings.iter().map(Finding::kind).collect();
    kinds.dedup();
    let together = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), together, "two different findings have one name");
    assert_eq!(kinds.len(), 34);
}

#[test]
fn nothing_that_could_cost_a_login_is_mended_unasked() {
    for finding in every().into_iter().filter(Finding::mendable) {
        let command = finding.cure(now()).and_then(|cure| cure.command).expect("a command");
        let first = command.split(' ').next().expect("a word");
        assert!(["rmdir", "chmod", "signalbox"].contains(&first), "{command}");
    }
}

#[test]
fn severity_grows_with_the_skew_and_with_the_rivals() {
    let skew = |minutes| Finding::ClockSkew { ahead_ms: minutes * MINUTE }.severity();
    assert_eq!([skew(2), skew(-5), skew(6), skew(-6)].map(|s| s == Severity::Wrong), [false, false, true, true]);
    let rivals = |times| Finding::Rivals { times, last_at: now() };
    assert_eq!(
        [1, 2, 3].map(|times| rivals(times).severity()),
        [Severity::Warning, Severity::Warning, Severity::Wrong]
    );
    assert_ne!(rivals(1).why(), rivals(3).why());
}

#[test]
fn the_worst_comes_first_and_notes_do_not_count() {
    let mut findings = vec![Finding::Unwatched, Finding::PutAside { count: 1 }, Finding::Interrupted];
    assert!(!is_clean(&findings));
    sort(&mut findings);
    assert_eq!(
        findings.iter().map(Finding::kind).collect::<Vec<_>>(),
        ["interrupted-switch", "put-aside", "unwatched"]
    );
    assert!(is_clean(&[Finding::Unwatched, Finding::Unsaved]) && is_clean(&[]));
}
