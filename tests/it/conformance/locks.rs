//! What every `Locks` promises: one holder at a time, free again after a drop, and no way round Claude Code.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use signalbox_core::fakes::World;
use signalbox_core::ports::{Clock as _, LiveLock, LockError, Locks, OwnLock};
use signalbox_machine::locks::folder::Terms;
use signalbox_machine::locks::{LIVE_STALE_AFTER, MachineLocks, Patience};
use signalbox_machine::surroundings::Surroundings;

/// Locks, and what Claude Code does to them.
pub trait Rig {
    fn locks(&self) -> &dyn Locks;
    /// The locks as another process has them.
    fn other(&self) -> &dyn Locks;
    /// Claude Code begins to refresh.
    fn claude_locks(&self);
    /// Claude Code has refreshed.
    fn claude_unlocks(&self);
    /// Whether Claude Code would find a lock in its way.
    fn is_in_claudes_way(&self) -> bool;
}

/// The pretended locks, with a login that Claude Code could refresh.
pub struct FakeRig {
    world: World,
    claude: Mutex<Option<LiveLock>>,
}

impl FakeRig {
    fn new() -> Self {
        let world = World::new();
        let now = world.now();
        let login = world.server(|server| server.sign_in("ada", "lab", now));
        world.set_live(Some(format!("{{\"claudeAiOauth\":{login}}}")));
        Self { world, claude: Mutex::new(None) }
    }
}

impl Rig for FakeRig {
    fn locks(&self) -> &dyn Locks {
        &self.world
    }

    fn other(&self) -> &dyn Locks {
        &self.world
    }

    fn claude_locks(&self) {
        // To the fake it makes no difference who holds the folder.
        let lock = self.world.live(&OwnLock::held(Box::new(()))).expect("the lock is free");
        *self.claude.lock().expect("no panic") = Some(lock);
    }

    fn claude_unlocks(&self) {
        self.claude.lock().expect("no panic").take().expect("the lock is still Claude Code's");
    }

    fn is_in_claudes_way(&self) -> bool {
        !self.world.claude_refreshes()
    }
}

/// The locks of a machine whose home is a temporary folder.
pub struct MachineRig {
    locks: MachineLocks,
    other: MachineLocks,
    refresh: PathBuf,
    legacy: PathBuf,
    // Removes the folder when dropped.
    _home: tempfile::TempDir,
}

impl MachineRig {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let data_dir = Some(home.path().join("data").into_os_string());
        let surroundings = Surroundings { data_dir, ..Surroundings::at_home(home.path()) };
        std::fs::create_dir(home.path().join(".claude")).expect("Claude Code's folder");
        let wait = Duration::from_millis(80);
        let step = Duration::from_millis(5);
        let live = Terms { stale_after: LIVE_STALE_AFTER, watched_for: Duration::ZERO, wait, step };
        let open = || MachineLocks::new(&surroundings, Patience { own_wait: wait, live });
        Self {
            locks: open(),
            other: open(),
            refresh: surroundings.refresh_lock(),
            legacy: surroundings.legacy_refresh_lock().expect("the folder exists"),
            _home: home,
        }
    }
}

impl Rig for MachineRig {
    fn locks(&self) -> &dyn Locks {
        &self.locks
    }

    fn other(&self) -> &dyn Locks {
        &self.other
    }

    fn claude_locks(&self) {
        std::fs::create_dir(&self.refresh).expect("the lock is free");
    }

    fn claude_unlocks(&self) {
        std::fs::remove_dir(&self.refresh).expect("the lock is still Claude Code's");
    }

    fn is_in_claudes_way(&self) -> bool {
        self.refresh.exists() || self.legacy.exists()
    }
}

conformance!([
    our_own_lock_has_one_holder_at_a_time_and_says_that_it_is_held,
    our_own_lock_is_free_again_after_a_drop,
    our_own_lock_is_not_in_claude_codes_way,
    claude_codes_lock_has_one_holder_at_a_time,
    claude_codes_lock_is_free_again_after_a_drop_and_leaves_nothing_behind,
    giving_back_claude_codes_lock_keeps_our_own,
    claude_code_at_work_is_not_disturbed,
    whoever_takes_our_own_lock_leaves_claude_codes_alone,
];
    fake = super::FakeRig::new(),
    machine = super::MachineRig::new(),
);

fn our_own_lock_has_one_holder_at_a_time_and_says_that_it_is_held(rig: &dyn Rig) {
    let held = rig.locks().own("switch").expect("it is free");
    for locks in [rig.locks(), rig.other()] {
        let Err(LockError::Busy { holder }) = locks.own("refresh") else { panic!("it is held") };
        assert!(!holder.is_empty());
    }
    drop(held);
}

fn our_own_lock_is_free_again_after_a_drop(rig: &dyn Rig) {
    for _ in 0..3 {
        drop(rig.locks().own("switch").expect("it is free"));
        drop(rig.other().own("switch").expect("it is free"));
    }
}

fn our_own_lock_is_not_in_claude_codes_way(rig: &dyn Rig) {
    let _own = rig.locks().own("switch").expect("it is free");
    assert!(!rig.is_in_claudes_way());
}

fn claude_codes_lock_has_one_holder_at_a_time(rig: &dyn Rig) {
    let own = rig.locks().own("switch").expect("it is free");
    let _live = rig.locks().live(&own).expect("it is free");
    assert!(rig.is_in_claudes_way());
    // Our own lock excludes a second Signalbox; this asks what happens where it does not, as in another data folder.
    let Err(error) = rig.other().live(&own) else { panic!("it is held") };
    assert!(matches!(error, LockError::ClaudeBusy { .. }), "{error}");
    assert!(rig.is_in_claudes_way(), "and the holder still has it");
}

fn claude_codes_lock_is_free_again_after_a_drop_and_leaves_nothing_behind(rig: &dyn Rig) {
    let own = rig.locks().own("switch").expect("it is free");
    for _ in 0..3 {
        drop(rig.locks().live(&own).expect("it is free"));
        assert!(!rig.is_in_claudes_way());
    }
}

fn giving_back_claude_codes_lock_keeps_our_own(rig: &dyn Rig) {
    let own = rig.locks().own("switch").expect("it is free");
    drop(rig.locks().live(&own).expect("it is free"));
    assert!(matches!(rig.other().own("refresh"), Err(LockError::Busy { .. })));
}

fn claude_code_at_work_is_not_disturbed(rig: &dyn Rig) {
    let own = rig.locks().own("switch").expect("it is free");
    rig.claude_locks();
    let Err(error) = rig.locks().live(&own) else { panic!("Claude Code holds it") };
    assert!(matches!(error, LockError::ClaudeBusy { .. }), "{error}");
    assert!(rig.is_in_claudes_way());
    rig.claude_unlocks();
    assert!(!rig.is_in_claudes_way(), "no second lock was left behind");
    rig.locks().live(&own).expect("Claude Code is done");
}

fn whoever_takes_our_own_lock_leaves_claude_codes_alone(rig: &dyn Rig) {
    // Before that, locks of ours have come and gone.
    let own = rig.locks().own("switch").expect("it is free");
    drop(rig.locks().live(&own).expect("it is free"));
    drop(own);
    rig.claude_locks();
    for locks in [rig.locks(), rig.other()] {
        drop(locks.own("switch").expect("it is free"));
        assert!(rig.is_in_claudes_way(), "it still holds its lock");
    }
    rig.claude_unlocks();
}
