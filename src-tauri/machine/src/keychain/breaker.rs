//! Keeps a Keychain that does not answer from being asked again and again. Owns when asking is allowed; leaves what
//! counts as *no answer* to `command`, and the person's click to whoever calls `reset`.

use std::sync::{Arc, Mutex, PoisonError};

use signalbox_core::ports::Clock;
use signalbox_core::time::{MINUTE, Timestamp};

/// How long nothing is asked after a dialog was left waiting or denied (`docs/macos.md` §3.3).
const PAUSE: i64 = 30 * MINUTE;

pub(super) struct Breaker {
    clock: Arc<dyn Clock>,
    opened: Mutex<Option<Timestamp>>,
}

impl Breaker {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, opened: Mutex::new(None) }
    }

    /// Whether the Keychain must be left alone. A clock that was set back closes it rather than prolonging the pause.
    pub(super) fn is_open(&self) -> bool {
        let opened = *self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.is_some_and(|at| (0..PAUSE).contains(&self.clock.now().since(at)))
    }

    pub(super) fn open(&self) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
    }

    pub(super) fn reset(&self) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
