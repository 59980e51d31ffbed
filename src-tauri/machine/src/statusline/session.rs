//! Which login the session uses that calls its statusline. Owns reading that from the environment, which is the
//! session's own; what counts as a pin is in `sessions::pins`.

use std::ffi::OsString;

use crate::sessions::pins;
use crate::surroundings::Surroundings;

/// Claude Code then takes the very variables out of its children's environment that would tell of a pin.
const SCRUBBED: &str = "CLAUDE_CODE_SUBPROCESS_ENV_SCRUB";
const ENTRYPOINT: &str = "CLAUDE_CODE_ENTRYPOINT";

/// The login of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uses {
    /// The live one, as far as can be told.
    LiveLogin,
    /// Nobody can tell.
    Unknown,
    /// Another one, by the name of what says so.
    Another(String),
}

/// Which login the session uses that started this program. `variable`: its environment.
pub fn uses(surroundings: &Surroundings, variable: impl Fn(&str) -> Option<OsString>) -> Uses {
    if let Some(pin) = surroundings.pins.first() {
        return Uses::Another(pin.clone());
    }
    if variable(ENTRYPOINT).is_some_and(|entrypoint| entrypoint == "claude-desktop") {
        return Uses::Another("Claude Desktop".to_owned());
    }
    if pins::federation(surroundings).is_some() {
        return Uses::Another("oidc_federation".to_owned());
    }
    let scrubbed = pins::Held::of(&variable(SCRUBBED).unwrap_or_default().to_string_lossy()).filled;
    if scrubbed { Uses::Unknown } else { Uses::LiveLogin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_session_without_a_login_of_its_own_uses_the_live_one() {
        let home = tempfile::tempdir().expect("a folder");
        let free = Surroundings::at_home(home.path());
        let pinned = Surroundings { pins: vec!["ANTHROPIC_API_KEY".to_owned()], ..free.clone() };
        let nothing = |_: &str| None;
        let only = |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then(|| value.into());
        assert_eq!(uses(&free, nothing), Uses::LiveLogin);
        assert_eq!(uses(&pinned, nothing), Uses::Another("ANTHROPIC_API_KEY".to_owned()));
        assert_eq!(uses(&free, only(ENTRYPOINT, "cli")), Uses::LiveLogin);
        assert_eq!(uses(&free, only(ENTRYPOINT, "claude-desktop")), Uses::Another("Claude Desktop".to_owned()));
        assert_eq!(uses(&free, only(SCRUBBED, "1")), Uses::Unknown);
        assert_eq!(uses(&free, only(SCRUBBED, "")), Uses::LiveLogin);
        let configs = home.path().join(".config/anthropic/configs");
        std::fs::create_dir_all(&configs).expect("made");
        let federates = r#"{"authentication":{"type":"oidc_federation"}}"#;
        std::fs::write(configs.join("default.json"), federates).expect("written");
        assert_eq!(uses(&free, nothing), Uses::Another("oidc_federation".to_owned()));
    }
}
