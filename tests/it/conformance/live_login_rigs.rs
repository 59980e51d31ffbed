//! The stores over which `live_login` runs: where they lie, how another program would write to them, and how they become
//! unreadable. Owns no contract.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use signalbox_core::fakes::{Fault, World};
use signalbox_core::ports::{Clock, LiveLock, LiveLogin, Locks as _, StoreError};
use signalbox_core::time::Timestamp;
use signalbox_machine::keychain::{Attributes, Item, KeychainLogin, Patience, Security};
use signalbox_machine::live_file::LiveFile;
use signalbox_machine::surroundings::Surroundings;

use super::live_login::Rig;

#[path = "../../doubles/scripted_security.rs"]
mod scripted_security;
use scripted_security::ScriptedSecurity;

/// The pretended store of the fakes.
pub struct FakeRig {
    world: World,
}

impl FakeRig {
    pub fn new() -> Self {
        Self { world: World::new() }
    }
}

impl Rig for FakeRig {
    fn store(&self) -> &dyn LiveLogin {
        &self.world
    }

    fn other(&self) -> &dyn LiveLogin {
        &self.world
    }

    fn lock(&self) -> LiveLock {
        let own = self.world.own("conformance").expect("our own lock is free");
        self.world.live(&own).expect("Claude Code's lock is free")
    }

    fn put(&self, bytes: &[u8]) {
        self.world.set_live(Some(String::from_utf8_lossy(bytes).into_owned()));
    }

    fn raw(&self) -> Option<Vec<u8>> {
        self.world.live_text().map(String::into_bytes)
    }

    fn make_unreadable(&self) {
        self.world.plan(0, Fault::Error);
    }

    fn wait(&self) {
        self.world.advance(3_000);
    }
}

/// `.credentials.json` in a folder of its own.
pub struct FileRig {
    home: tempfile::TempDir,
    store: LiveFile,
    other: LiveFile,
}

impl FileRig {
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(home.path().join(".claude")).expect("Claude Code's folder");
        let surroundings = Surroundings::at_home(home.path());
        Self { store: LiveFile::new(&surroundings), other: LiveFile::new(&surroundings), home }
    }

    fn path(&self) -> PathBuf {
        self.home.path().join(".claude/.credentials.json")
    }
}

impl Rig for FileRig {
    fn store(&self) -> &dyn LiveLogin {
        &self.store
    }

    fn other(&self) -> &dyn LiveLogin {
        &self.other
    }

    /// As Claude Code does: another file under the same name (`docs/observed.md` §2).
    fn put(&self, bytes: &[u8]) {
        let temporary = self.path().with_extension("json.tmp.0a0a0a0a");
        std::fs::write(&temporary, bytes).expect("it is written");
        std::fs::rename(&temporary, self.path()).expect("it is renamed");
    }

    fn raw(&self) -> Option<Vec<u8>> {
        std::fs::read(self.path()).ok()
    }

    /// A folder in its place, because root may read every file.
    fn make_unreadable(&self) {
        if self.path().is_file() {
            std::fs::remove_file(self.path()).expect("it was there");
            std::fs::create_dir(self.path()).expect("a folder");
        }
    }

    fn wait(&self) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The Keychain, played by the double of `/usr/bin/security`.
pub struct KeychainRig {
    double: Arc<ScriptedSecurity>,
    item: Item,
    clock: Arc<HandClock>,
    store: KeychainLogin,
    other: KeychainLogin,
}

impl KeychainRig {
    pub fn new() -> Self {
        let double = Arc::new(ScriptedSecurity::new(concat!(env!("CARGO_MANIFEST_DIR"), "/doubles/security")));
        let home = double.folder().join("home");
        std::fs::create_dir_all(home.join(".claude")).expect("Claude Code's folder");
        let surroundings = Surroundings { user: Some("me".to_owned()), ..Surroundings::at_home(home) };
        let clock = Arc::new(HandClock::at_system_time());
        // Starting Python takes a while on a loaded machine; what hangs is tested beside the adapter.
        let patience = Patience { read: Duration::from_secs(60), write: Duration::from_secs(60) };
        let login = || {
            // Each has its own, as two processes do.
            let security = Security::at(double.program(), patience, clock.clone());
            let attributes = Box::new(FolderAttributes(Arc::clone(&double)));
            KeychainLogin::new(Arc::new(security), &surroundings, attributes, clock.clone())
        };
        let (store, other) = (login(), login());
        Self { item: Item::of_claude_code(&surroundings), store, other, clock, double }
    }
}

impl Rig for KeychainRig {
    fn store(&self) -> &dyn LiveLogin {
        &self.store
    }

    fn other(&self) -> &dyn LiveLogin {
        &self.other
    }

    fn put(&self, bytes: &[u8]) {
        let at = chrono::DateTime::from_timestamp_millis(self.clock.now().ms()).expect("a date");
        let modified = at.format("%Y-%m-%d %H:%M:%S +0000").to_string();
        self.double.put(self.item.service(), self.item.account(), bytes, &modified);
    }

    fn raw(&self) -> Option<Vec<u8>> {
        self.double.value(self.item.service(), self.item.account())
    }

    /// Locked, as over SSH.
    fn make_unreadable(&self) {
        self.double.behave("exit 36");
    }

    /// The double lives by the system's clock, which may have run ahead of this one.
    fn wait(&self) {
        self.clock.0.fetch_add(600_000, Ordering::Relaxed);
    }
}

/// A clock that goes on only by hand, from the time of the double's own clock.
struct HandClock(AtomicI64);

impl HandClock {
    fn at_system_time() -> Self {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a time after 1970");
        Self(AtomicI64::new(i64::try_from(now.as_millis()).expect("a time that fits")))
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

/// The attributes that Security.framework would show.
struct FolderAttributes(Arc<ScriptedSecurity>);

impl Attributes for FolderAttributes {
    fn modified(&self, item: &Item) -> Result<Option<String>, StoreError> {
        Ok(self.0.modified(item.service(), item.account()))
    }
}
