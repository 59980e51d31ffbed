//! The identity gate as a table: every kind of live store, every answer, every roster, and the verdict.

use signalbox_core::credential::{Live, Login};
use signalbox_core::document::Document;
use signalbox_core::identity::{self, Account, Gate, Identity, SavedToken};
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
        Gate::Earlier(alias) => format!("earlier token of {alias}"),
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

/// The setup-token of this number.
fn token(number: u32) -> Login {
    let text = format!(
        r#"{{"claudeAiOauth":{{"accessToken":"sk-ant-oat01-sim-token-{number}","scopes":["user:inference"]}}}}"#
    );
    live(&text).into_login().expect("it has a token")
}

#[test]
fn a_setup_token_is_known_by_itself_and_by_nobodys_word() {
    let mut roster = roster();
    for (name, number) in [("t", 1), ("u", 2)] {
        let account = Account { identity: Identity::of_setup_token(&[number; 16]), ..account("x", "o") };
        let added_at = Timestamp::from_ms(0);
        let profile = Profile { alias: alias(name), account, added_at, login_needed_since: None, window: None };
        roster.add(profile).expect("new");
    }
    let saved = || {
        let of = |name: &str, newest: u32, earlier: u32| SavedToken {
            newest: identity::claim_token(token(newest), roster.get(&alias(name)).expect("there")).expect("a token"),
            earlier: vec![token(earlier).fingerprint()],
        };
        vec![of("t", 1, 10), of("u", 2, 20)]
    };
    let mut and_u_active = roster.clone();
    and_u_active.mark_synced(&alias("u"), Timestamp::from_ms(1)).expect("known");
    for (number, roster, expected, because) in [
        (1, &roster, "moved to t", "the very token that is saved, while an account is live"),
        (2, &and_u_active, "adopt u", "the active profile's own"),
        (1, &and_u_active, "moved to t", "another's"),
        (10, &roster, "earlier token of t", "a person replaced it"),
        (20, &and_u_active, "earlier token of u", "a person replaced the active profile's"),
        (3, &roster, "foreign a setup-token", "nobody knows it"),
    ] {
        assert_eq!(verdict(&identity::gate_token(token(number), &saved(), roster)), expected, "{because}");
    }
    let gone = roster_without_active();
    assert_eq!(
        verdict(&identity::gate_token(token(1), &saved(), &gone)),
        "foreign a setup-token",
        "no profile any more"
    );
    assert_eq!(
        verdict(&identity::gate_token(token(1), &[], &roster)),
        "foreign a setup-token",
        "nothing can be compared"
    );
}

#[test]
fn a_setup_token_can_be_claimed_only_for_a_profile_that_holds_one() {
    let mut roster = roster();
    let account = Account { identity: Identity::of_setup_token(&[7; 16]), ..account("x", "o") };
    let (alias_of_it, added_at) = (alias("t"), Timestamp::from_ms(0));
    roster.add(Profile { alias: alias_of_it, account, added_at, login_needed_since: None, window: None }).expect("new");
    let get = |name: &str| roster.get(&alias(name)).expect("there");
    assert!(identity::claim_token(token(1), get("t")).is_some());
    assert!(identity::claim_token(token(1), get("a")).is_none(), "an account's profile holds no setup-token");
    assert!(identity::claim_token(login(), get("t")).is_none(), "a login that renews itself is no setup-token");
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
