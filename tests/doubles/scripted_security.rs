//! A folder in which the double of `/usr/bin/security` runs: what it holds, how it misbehaves, and what it saw. Owns the
//! folder's layout on the Rust side; the behaviour itself is in `security`, beside this file. Included by the unit tests
//! of the Keychain adapter and by the conformance suite.

use std::path::{Path, PathBuf};

/// The double's folder, removed on drop.
pub struct ScriptedSecurity {
    folder: tempfile::TempDir,
}

#[allow(dead_code, reason = "two test binaries include this file, and neither needs all of it")]
impl ScriptedSecurity {
    /// An empty Keychain. `double` is the path of the script.
    pub fn new(double: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // A link rather than a copy: a file that was just written cannot always be run in a process with many threads.
        std::os::unix::fs::symlink(double, folder.path().join("security")).expect("a link to the double");
        Self { folder }
    }

    /// What to run in place of the real tool.
    pub fn program(&self) -> PathBuf {
        self.folder.path().join("security")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One line as the double's `misbehave` documents it; empty for none.
    pub fn behave(&self, line: &str) {
        std::fs::write(self.folder.path().join("behaviour"), line).expect("the behaviour is written");
    }

    /// The stored bytes of an item.
    pub fn value(&self, service: &str, account: &str) -> Option<Vec<u8>> {
        std::fs::read(self.item(service, account).join("value")).ok()
    }

    /// Stores bytes as another program would.
    pub fn put(&self, service: &str, account: &str, value: &[u8], modified: &str) {
        let item = self.item(service, account);
        std::fs::create_dir_all(&item).expect("the item's folder");
        for (name, bytes) in [("value", value), ("mdat", modified.as_bytes()), ("cdat", modified.as_bytes())] {
            std::fs::write(item.join(name), bytes).expect("the item is written");
        }
    }

    /// The modification date as Security.framework describes it: whole seconds.
    pub fn modified(&self, service: &str, account: &str) -> Option<String> {
        std::fs::read_to_string(self.item(service, account).join("mdat")).ok()
    }

    /// Every argument list that the double was run with, one JSON line each.
    pub fn arguments(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("argv.log")).unwrap_or_default()
    }

    /// Every command of `-i`, with its option names and no values, one JSON line each.
    pub fn commands(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("commands.log")).unwrap_or_default()
    }

    /// How often it was run.
    pub fn runs(&self) -> usize {
        self.arguments().lines().count()
    }

    /// Whether two runs were ever alive at once.
    pub fn overlapped(&self) -> bool {
        self.folder.path().join("overlap").exists()
    }

    fn item(&self, service: &str, account: &str) -> PathBuf {
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        self.folder.path().join("items").join(format!("{}.{}", hex(service), hex(account)))
    }
}
