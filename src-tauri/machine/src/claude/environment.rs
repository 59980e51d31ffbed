//! The environment of a child: what is taken away, what it is given, and where it finds itself. Owns the list of
//! variables; leaves the arguments and the standard streams to whoever starts it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use signalbox_core::ports::StoreError;

use crate::durable;
use crate::surroundings::Surroundings;

/// Claude Code's own variables are taken away, but for those that lead it through somebody's network, and the client to
/// which the tokens were issued. A list of what *is* passed on, because each pin of `docs/claude-code.md` §D8 makes it
/// ignore the login in its folder, and every release may bring another one.
const PASSED_ON: [&str; 6] = [
    "CLAUDE_CODE_OAUTH_CLIENT_ID",
    "CLAUDE_CODE_CERT_STORE",
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
    "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
    "CLAUDE_CODE_PROXY_RESOLVES_HOSTS",
];

/// Where Claude Code finds itself when `folder` is its config folder. The text of the path is what it hashes into the
/// name of a Keychain item, so it is absolute, real and without a slash at the end (`docs/claude-code.md` §A2).
pub fn inside(surroundings: &Surroundings, folder: &Path) -> Result<Surroundings, StoreError> {
    let real = folder.canonicalize();
    let real = real.map_err(|error| StoreError::Unreadable { path: folder.to_owned(), why: durable::why(&error) })?;
    Ok(Surroundings {
        claude_config_dir: Some(real.into_os_string()),
        claude_secure_storage_dir: None,
        ..surroundings.clone()
    })
}

/// `program` with its working folder and its environment, and no argument yet. `config`: the config folder, spelt as
/// the child shall spell it; `search_path`: `PATH`, where there is one.
pub fn command(program: &Path, config: &Path, search_path: Option<&OsStr>) -> Command {
    let mut command = bare(program, search_path);
    command.current_dir(config).env("CLAUDE_CONFIG_DIR", config);
    command
}

/// The same without a config folder of its own, for a question that needs none.
pub fn bare(program: &Path, search_path: Option<&OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if is_taken_away(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command.env("DISABLE_AUTOUPDATER", "1");
    if let Some(path) = search_path.and_then(|path| longer(path, program)) {
        command.env("PATH", path);
    }
    command
}

/// `PATH` with the program's own folder at its end: an older `claude` is a script for the `node` that lies beside it,
/// and an app that was not started from a shell has neither in its `PATH`.
fn longer(search_path: &OsStr, program: &Path) -> Option<OsString> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(search_path).collect();
    folders.extend(program.parent().map(PathBuf::from));
    std::env::join_paths(folders).ok()
}

fn is_taken_away(name: &str) -> bool {
    let theirs = ["ANTHROPIC_", "CLAUDE_"].iter().any(|prefix| name.starts_with(prefix)) || name == "CLAUDECODE";
    theirs && !PASSED_ON.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_taken_away_and_the_way_to_the_network_stays() {
        for pin in [
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CODE_USE_FOUNDRY",
            "CLAUDE_CODE_USE_MANTLE",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_PROFILE",
            "ANTHROPIC_FEDERATION_RULE_ID",
            "ANTHROPIC_ORGANIZATION_ID",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
            "CLAUDE_CODE_OAUTH_SCOPES",
            "CLAUDE_CODE_SIMPLE",
            "CLAUDE_SECURESTORAGE_CONFIG_DIR",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
            "CLAUDE_CONFIG_DIR",
            "CLAUDECODE",
        ] {
            assert!(is_taken_away(pin), "{pin}");
        }
        for kept in
            ["HTTPS_PROXY", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "CLAUDE_CODE_OAUTH_CLIENT_ID", "HOME", "USER"]
        {
            assert!(!is_taken_away(kept), "{kept}");
        }
    }
}
