//! Which Keychain item holds the login. Owns the naming rules of Claude Code (`docs/claude-code.md` §A1–A2); leaves the
//! environment, and which of its variables counts, to `surroundings`, and the item's contents to `command`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

use crate::surroundings::Surroundings;

/// The service name of the login when no config directory is chosen (`docs/claude-code.md` §A1).
const SERVICE: &str = "Claude Code-credentials";
/// The account name where the user's own name cannot be used (`docs/claude-code.md` §A1).
const FALLBACK_ACCOUNT: &str = "claude-code-user";

/// A generic password in the login keychain, by the two attributes that identify it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    service: String,
    account: String,
}

impl Item {
    /// An item by its names. The account is taken as it is; see [`account_of`] for Claude Code's rule.
    pub fn new(service: impl Into<String>, account: impl Into<String>) -> Self {
        Self { service: service.into(), account: account.into() }
    }

    /// The item in which Claude Code keeps its login in these surroundings.
    pub fn of_claude_code(surroundings: &Surroundings) -> Self {
        Self::new(service_name(surroundings.keychain_suffix_input()), account_of(surroundings))
    }

    pub fn service(&self) -> &str {
        &self.service
    }

    pub fn account(&self) -> &str {
        &self.account
    }

    /// The item in the words of an error. It is no path on disk, but it answers the same question: where?
    pub fn place(&self) -> PathBuf {
        PathBuf::from(format!("the Keychain item `{}`", self.service))
    }
}

/// A config directory gives the name a suffix, even the default directory when it is named explicitly.
fn service_name(folder: Option<&OsStr>) -> String {
    let Some(folder) = folder else {
        return SERVICE.to_owned();
    };
    // Node reads an environment variable that is not UTF-8 with replacement characters, and so does this.
    let normal: String = folder.to_string_lossy().nfc().collect();
    let hash = Sha256::digest(normal.as_bytes());
    let suffix: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{SERVICE}-{suffix}")
}

/// The account name of Claude Code's item, and of ours beside it: `$USER`, else the system's name for the user.
pub fn account_of(surroundings: &Surroundings) -> String {
    match &surroundings.user {
        Some(user) => account_name(user),
        None => system_user().map_or_else(|| FALLBACK_ACCOUNT.to_owned(), |user| account_name(&user)),
    }
}

/// A user name as an account name: a fixed name stands in for one with a character outside `[a-zA-Z0-9._-]`, such as a
/// single-sign-on name with an `@`.
fn account_name(user: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !user.is_empty() && user.chars().all(plain) { user.to_owned() } else { FALLBACK_ACCOUNT.to_owned() }
}

/// The name of the user in the system's database. `id` is asked because the database itself can only be read by `unsafe`
/// calls, and because this happens only where `$USER` is missing.
fn system_user() -> Option<String> {
    let answer = Command::new("/usr/bin/id").arg("-un").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let name = String::from_utf8(answer.stdout).ok()?;
    Some(name.trim().to_owned()).filter(|name| answer.status.success() && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn the_service_name_follows_the_config_directory() {
        // (CLAUDE_CONFIG_DIR, CLAUDE_SECURESTORAGE_CONFIG_DIR, suffix): the suffixes come from `shasum -a 256`.
        let table = [
            (None, None, ""),
            (Some(""), None, ""),
            (Some("/Users/me/.claude"), None, "-0bd83d07"),
            (Some("/Users/me/.claude-work"), None, "-1e91dd84"),
            (Some("~/.claude"), None, "-37e4f761"),
            // Composed and decomposed spelling of the same name are one directory.
            (Some("/Users/jos\u{e9}/.claude"), None, "-6ab0a63a"),
            (Some("/Users/jose\u{301}/.claude"), None, "-6ab0a63a"),
            (Some("/Users/me/.claude-work"), Some("/Users/me/.claude"), "-0bd83d07"),
            (Some("/Users/me/.claude-work"), Some(""), ""),
            (None, Some("/Users/me/.claude"), "-0bd83d07"),
        ];
        for (config, secure, suffix) in table {
            let mut surroundings = Surroundings::at_home("/Users/me");
            surroundings.user = Some("me".to_owned());
            surroundings.claude_config_dir = config.map(OsString::from);
            surroundings.claude_secure_storage_dir = secure.map(OsString::from);
            let expected = Item::new(format!("Claude Code-credentials{suffix}"), "me");
            assert_eq!(Item::of_claude_code(&surroundings), expected, "{config:?} {secure:?}");
        }
    }

    #[test]
    fn the_account_name_is_the_users_unless_it_is_odd() {
        let table = [
            ("me", "me"),
            ("a.b_c-9", "a.b_c-9"),
            ("", "claude-code-user"),
            ("me@example.com", "claude-code-user"),
            ("jos\u{e9}", "claude-code-user"),
            ("two words", "claude-code-user"),
            ("a\" -X \"00", "claude-code-user"),
            ("dom\\me", "claude-code-user"),
        ];
        for (user, expected) in table {
            let surroundings = Surroundings { user: Some(user.to_owned()), ..Surroundings::at_home("/Users/me") };
            assert_eq!(account_of(&surroundings), expected, "{user:?}");
        }
    }

    #[test]
    fn without_a_user_variable_the_system_is_asked() {
        let expected = system_user().expect("the tests run as somebody");
        assert_eq!(account_of(&Surroundings::at_home("/Users/me")), account_name(&expected));
    }
}
