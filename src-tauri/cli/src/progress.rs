//! Says what is being waited for when it takes longer than a second. Owns the wait and the words; it stands around the
//! ports that may take long, so that no flow has to know about it.

use std::collections::HashSet;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signalbox_core::account_cache::AccountBlock;
use signalbox_core::credential::{AccessToken, Fingerprint, RefreshToken};
use signalbox_core::document::Document;
use signalbox_core::identity::Account;
use signalbox_core::ports::{
    Delegate, DelegateError, Delegated, LiveLock, LockError, Locks, OwnLock, Ports, Provider, ProviderError,
    RefreshError, Renewal, RotationLock, StoreError,
};
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Reading, Usage};

use crate::render;

/// A person who has waited this long wants to know what for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same ports, which say on standard error what they wait for.
pub fn watched(ports: Ports) -> Ports {
    let said = Arc::new(Said::default());
    Ports {
        provider: Box::new(Watched { inner: ports.provider, said: Arc::clone(&said) }),
        locks: Box::new(Watched { inner: ports.locks, said: Arc::clone(&said) }),
        delegate: Box::new(Watched { inner: ports.delegate, said }),
        ..ports
    }
}

struct Watched<P: ?Sized> {
    inner: Box<P>,
    said: Arc<Said>,
}

/// What was said already. Each thing is said once in a run.
#[derive(Default)]
struct Said(Mutex<HashSet<&'static str>>);

impl Said {
    fn during<T>(self: &Arc<Self>, what: &'static str, act: impl FnOnce() -> T) -> T {
        let (done, ended) = mpsc::channel::<()>();
        let said = Arc::clone(self);
        // Without a thread the wait is silent, which harms nobody.
        let _watcher = std::thread::Builder::new().spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                said.say(what);
            }
        });
        let outcome = act();
        drop(done);
        outcome
    }

    fn say(&self, what: &'static str) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what) {
            render::complain(&format!("waiting for {what} …\n"));
        }
    }
}

impl Provider for Watched<dyn Provider> {
    fn identify(&self, token: &AccessToken) -> Result<Account, ProviderError> {
        self.said.during("the server to say whose the login is", || self.inner.identify(token))
    }

    fn refresh(&self, token: RefreshToken, scopes: &[String]) -> Result<Renewal, RefreshError> {
        self.said.during("the server to renew a login", || self.inner.refresh(token, scopes))
    }

    fn usage(&self, token: &AccessToken) -> Result<Usage, ProviderError> {
        self.said.during("the server to tell the usage", || self.inner.usage(token))
    }

    fn time(&self) -> Result<Timestamp, ProviderError> {
        self.said.during("the server to tell the time", || self.inner.time())
    }
}

impl Locks for Watched<dyn Locks> {
    fn own(&self, purpose: &str) -> Result<OwnLock, LockError> {
        self.said.during("another Signalbox to finish", || self.inner.own(purpose))
    }

    fn live(&self, own: &OwnLock) -> Result<LiveLock, LockError> {
        self.said.during("Claude Code to finish with its login", || self.inner.live(own))
    }

    /// Never waits.
    fn rotation(&self) -> Result<Option<RotationLock>, LockError> {
        self.inner.rotation()
    }
}

impl Delegate for Watched<dyn Delegate> {
    fn run(&self, key: &Fingerprint, login: &Document, block: Option<&AccountBlock>) -> Result<(), DelegateError> {
        self.said.during("Claude Code to renew a login", || self.inner.run(key, login, block))
    }

    fn runs(&self) -> Result<Vec<Delegated>, StoreError> {
        self.inner.runs()
    }

    fn stored(&self, key: &Fingerprint) -> Result<Option<Document>, StoreError> {
        self.inner.stored(key)
    }

    fn usage(&self, key: &Fingerprint) -> Option<(String, Reading)> {
        self.inner.usage(key)
    }

    fn discard(&self, key: &Fingerprint) -> Result<(), StoreError> {
        self.inner.discard(key)
    }
}
