//! The identity gate as a table: every kind of live store, every answer, every roster, and the verdict.

use signalbox_core::credential::{Live, Login};
use signalbox_core::document::Document;
use signalbox_core::identity::{self, Account, Gate, Identity};
use signalbox_core::ports::ProviderError;
use signalbox_core::profile::{Profile, Roster};
use signalbox_core::time::Timestamp;

use crate::scene::alias;

fn live(text: &str) -> Live {
    Live::parse(&Document::from_text(text.to_owned()).expect("an object")).expect("readable")
}

fn login() -> Login {
    match live(r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-1","refreshToken":"sk-ant-ort01-sim-1"}}"#) {
        Live::Login(login) => login,
        Live::Absent | Live::Husk => unreachable!("it has tokens"),
    }
}

fn account(name: &str, organization: &str) -> Account {
    let identity = Identity::new(name, organization).expect("two names");
    Account { identity, email: format!("{name}@example.org"), plan: None, organization_name: None }
}

/// Profiles `a` and `b` in organisation `o`, and `a2`: the same person as `a` in another organisation.
fn roster_without_active() -> Roster {
    let mut roster = Roster::new();
    for (name, person, organization) in [("a", "a", "o"), ("b", "b", "o"), ("a2", "a", "o2")] {
        let profile = Profile {
            alias: alias(name),
            account: account(person, organization),
            added_at: Timestamp::from_ms(0),
            login_needed_since: None,
            window: None,
        };
        roster.add(profile).expect("new");
    }
    roster
}

/// The same, and `a` is active.
fn roster() -> Roster {
    let mut roster = roster_without_active();
    roster.mark_synced(&alias("a"), Timestamp::from_ms(1)).expect("known");
    roster
}

fn verdict(gate: &Gate) -> String {
    match gate {
        Gate::Adopt(matched, _) => format!("adopt {}", matched.alias()),
        Gate::Moved(matched, _) => format!("moved to {}", matched.alias()),
        Gate::Foreign(account, _) => format!("foreign {}", account.email),
        Gate::Unresolved(cause, _) => format!("unresolved: {cause:?}"),
        Gate::Unchanged => "unchanged".to_owned(),
        Gate::Husk => "husk".to_owned(),
        Gate::Absent => "absent".to_owned(),
    }
}

#[test]
fn the_bytes_alone_decide_what_needs_no_server() {
    let known = login().fingerprint();
    for (text, saved, expected, because) in [
        ("{}", None, "absent", "there is no login member"),
        (r#"{"claudeAiOauth":null,"mcpOAuth":{}}"#, None, "absent", "null is no login"),
        (
            r#"{"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0}}"#,
            None,
            "husk",
            "Claude Code emptied it",
        ),
        (r#"{"claudeAiOauth":{"scopes":[]}}"#, None, "husk", "an object without a token is no login"),
        (r#"{"claudeAiOauth":{"accessToken":"","refreshToken":"x"}}"#, Some(&known), "husk", "half a login is none"),
        (
            r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-1","refreshToken":"sk-ant-ort01-sim-1","expiresAt":5}}"#,
            Some(&known),
            "unchanged",
            "the same tokens, whatever else changed",
        ),
        (
            r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-1","refreshToken":"sk-ant-ort01-sim-1"}}"#,
            None,
            "ask",
            "nothing is saved to compare with",
        ),
        (
            r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-1","refreshToken":"sk-ant-ort01-sim-2"}}"#,
            Some(&known),
            "ask",
            "one of the two changed",
        ),
        (
            r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-sim-1"}}"#,
            Some(&known),
            "ask",
            "a setup-token is a login of its own",
        ),
    ] {
        let found = match identity::look(live(text), saved) {
            Ok(gate) => verdict(&gate),
            Err(_) => "ask".to_owned(),
        };
        assert_eq!(found, expected, "{because}");
    }
}

#[test]
fn the_servers_answer_decides_the_rest() {
    for (answer, expected, because) in [
        (Ok(account("a", "o")), "adopt a", "it is the active profile's"),
        (Ok(account("b", "o")), "moved to b", "someone switched outside"),
        (Ok(account("a", "o2")), "moved to a2", "the same person in another organisation is another profile"),
        (Ok(account("a", "o3")), "foreign a@example.org", "an e-mail is no identity"),
        (Ok(account("c", "o")), "foreign c@example.org", "nobody knows it"),
        (Err(ProviderError::Unauthorized), "unresolved: Unauthorized", "a refused token says nothing about its owner"),
        (Err(ProviderError::Unreachable), "unresolved: Unreachable", "offline is not wrong"),
        (Err(ProviderError::Garbled), "unresolved: Garbled", "nonsense is no answer"),
        (
            Err(ProviderError::Refused { status: 403 }),
            "unresolved: Refused { status: 403 }",
            "the edge is not the server",
        ),
    ] {
        assert_eq!(verdict(&identity::gate(login(), answer, &roster())), expected, "{because}");
    }
}

#[test]
fn without_an_active_profile_a_known_login_moves_there() {
    let roster = roster_without_active();
    assert_eq!(verdict(&identity::gate(login(), Ok(account("a", "o")), &roster)), "moved to a");
}

#[test]
fn an_identity_needs_both_parts() {
    for (account, organization) in [("", "o"), ("a", ""), (" ", "o"), ("a", "\t")] {
        assert_eq!(Identity::new(account, organization), None);
    }
}

#[test]
fn a_login_can_be_claimed_only_for_its_own_account() {
    let roster = roster();
    let profile = roster.get(&alias("a")).expect("there");
    assert!(identity::claim(login(), &account("a", "o"), profile).is_some());
    assert!(identity::claim(login(), &account("a", "o2"), profile).is_none());
}

#[test]
fn plans_have_the_names_that_people_use() {
    for (organization_type, tier, expected) in [
        (Some("claude_max"), Some("default_claude_max_20x"), Some("Max 20×")),
        (Some("claude_max"), Some("default_claude_max_5x"), Some("Max 5×")),
        (Some("claude_max"), Some("default_claude_ai"), Some("Max")),
        (Some("claude_pro"), None, Some("Pro")),
        (Some("claude_team"), Some("x"), Some("Team")),
        (Some("claude_of_the_future"), None, None),
        (None, Some("default_claude_max_20x"), None),
    ] {
        assert_eq!(identity::plan_label(organization_type, tier).as_deref(), expected);
    }
}
