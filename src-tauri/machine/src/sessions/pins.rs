//! What makes Claude Code ignore its stored login (`docs/claude-code.md` §D8). Owns the list of variables, and finding them
//! in an environment, ours or a session's. Only names leave this module, never a value: most of the values are secrets.
//!
//! What is not found: a gateway session, whose place is not known, and settings that an organisation delivers as a macOS
//! configuration profile.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::claude_settings::read_file;
use crate::surroundings::Surroundings;

/// When a variable counts as set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// It holds anything at all.
    Filled,
    /// It is a switch, and on.
    On,
    /// It holds something, and so does this other one.
    With(&'static str),
}

/// The variables that outrank the stored login, the strongest first.
const VARIABLES: [(&str, Counts); 13] = [
    ("CLAUDE_CODE_SIMPLE", Counts::On),
    ("CLAUDE_CODE_USE_GATEWAY", Counts::On),
    ("CLAUDE_CODE_USE_BEDROCK", Counts::On),
    ("CLAUDE_CODE_USE_VERTEX", Counts::On),
    ("CLAUDE_CODE_USE_FOUNDRY", Counts::On),
    ("CLAUDE_CODE_USE_MANTLE", Counts::On),
    ("CLAUDE_CODE_USE_ANTHROPIC_AWS", Counts::On),
    ("CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD", Counts::On),
    ("ANTHROPIC_AUTH_TOKEN", Counts::Filled),
    ("ANTHROPIC_API_KEY", Counts::Filled),
    ("CLAUDE_CODE_OAUTH_TOKEN", Counts::Filled),
    ("ANTHROPIC_PROFILE", Counts::Filled),
    ("ANTHROPIC_FEDERATION_RULE_ID", Counts::With("ANTHROPIC_ORGANIZATION_ID")),
];

/// The longest environment of a session that is looked at, in bytes.
const ENVIRONMENT_BYTES_MAX: u64 = 1024 * 1024;
const PROFILE_BYTES_MAX: u64 = 256 * 1024;

/// How a variable is set, without what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub filled: bool,
    on: bool,
}

impl Held {
    pub fn of(value: &str) -> Self {
        let value = value.trim();
        let off = ["", "0", "false", "no", "off"].iter().any(|off| value.eq_ignore_ascii_case(off));
        Self { filled: !value.is_empty(), on: !off }
    }
}

/// The pins among variables, by what `held` says of each name.
pub fn among(held: impl Fn(&str) -> Option<Held>) -> Vec<String> {
    let held = |name: &str| held(name).unwrap_or_default();
    let counts = |(name, counts): &(&str, Counts)| match counts {
        Counts::Filled => held(name).filled,
        Counts::On => held(name).on,
        Counts::With(other) => held(name).filled && held(other).filled,
    };
    VARIABLES.iter().filter(|entry| counts(entry)).map(|(name, _)| (*name).to_owned()).collect()
}

/// The pins in our own environment.
pub fn of_environment() -> Vec<String> {
    among(|name| std::env::var_os(name).map(|value| Held::of(&value.to_string_lossy())))
}

/// The strongest pin in the environment of a running process, where the system shows it: on Linux, for one's own.
pub fn of_process(pid: u32) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let file = std::fs::File::open(format!("/proc/{pid}/environ")).ok()?;
    // Of its final size from the start, because growing would leave copies of other programs' secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
    file.take(ENVIRONMENT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    strongest_in(&bytes)
}

fn strongest_in(environment: &[u8]) -> Option<String> {
    let mut held = BTreeMap::new();
    for variable in environment.split(|byte| *byte == 0) {
        let Some(at) = variable.iter().position(|byte| *byte == b'=') else { continue };
        let Ok(name) = std::str::from_utf8(&variable[..at]) else { continue };
        let value = std::str::from_utf8(&variable[at + 1..]);
        held.insert(name, value.map_or(Held { filled: true, on: true }, Held::of));
    }
    among(|name| held.get(name).copied()).into_iter().next()
}

/// The file of the active Anthropic profile, if that one federates: then its credential outranks the stored login. Which
/// profile is active: `ANTHROPIC_PROFILE`, a pin of its own, else what the file `active_config` says, else `default`.
pub fn federation(surroundings: &Surroundings) -> Option<std::path::PathBuf> {
    #[derive(Deserialize)]
    struct Profile {
        authentication: Authentication,
    }
    #[derive(Deserialize)]
    struct Authentication {
        #[serde(rename = "type")]
        kind: String,
    }
    let folder = surroundings.anthropic_folder();
    let active = read_file(&folder.join("active_config"), PROFILE_BYTES_MAX).ok().flatten();
    let active = active.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let name = if active.trim().is_empty() { "default" } else { active.trim() };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !name.chars().all(plain) || name.starts_with('.') {
        return None;
    }
    let path = folder.join("configs").join(format!("{name}.json"));
    let bytes = Zeroizing::new(read_file(&path, PROFILE_BYTES_MAX).ok().flatten()?);
    let profile: Profile = serde_json::from_slice(&bytes).ok()?;
    (profile.authentication.kind == "oidc_federation").then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_pins_only_when_it_is_on() {
        let with = |value: &'static str| among(|name| (name == "CLAUDE_CODE_USE_BEDROCK").then(|| Held::of(value)));
        for off in ["", "0", "false", "FALSE", "no", "off", " "] {
            assert!(with(off).is_empty(), "{off:?}");
        }
        for on in ["1", "true", "yes", "on", "2"] {
            assert_eq!(with(on), ["CLAUDE_CODE_USE_BEDROCK"], "{on:?}");
        }
    }

    #[test]
    fn a_key_pins_whatever_it_holds_and_an_empty_one_does_not() {
        let with = |value: &'static str| among(|name| (name == "ANTHROPIC_API_KEY").then(|| Held::of(value)));
        assert_eq!(with("0"), ["ANTHROPIC_API_KEY"]);
        assert!(with("").is_empty());
    }

    #[test]
    fn federation_takes_both_of_its_variables() {
        let with = |names: &[&str]| among(|name| names.contains(&name).then(|| Held::of("x")));
        assert!(with(&["ANTHROPIC_FEDERATION_RULE_ID"]).is_empty());
        assert!(with(&["ANTHROPIC_ORGANIZATION_ID"]).is_empty());
        let both = with(&["ANTHROPIC_ORGANIZATION_ID", "ANTHROPIC_FEDERATION_RULE_ID"]);
        assert_eq!(both, ["ANTHROPIC_FEDERATION_RULE_ID"]);
    }

    #[test]
    fn the_strongest_pin_of_an_environment_is_named_and_its_value_is_not() {
        let environment = b"A=1\0CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-sim-x\0=\0odd\0ANTHROPIC_AUTH_TOKEN=\xff\xfe\0";
        assert_eq!(strongest_in(environment).as_deref(), Some("ANTHROPIC_AUTH_TOKEN"));
        assert_eq!(strongest_in(b"ANTHROPIC_API_KEY=\0CLAUDE_CODE_SIMPLE=0\0"), None);
        assert_eq!(strongest_in(b""), None);
    }
}
