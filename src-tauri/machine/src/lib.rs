//! The adapters: everything that Signalbox asks of the machine it runs on. The only crate that touches disk, Keychain,
//! network and processes. Owns *how* a thing is read or written; *whether* and *when* is decided in `signalbox-core`.
//!
//! [`surroundings`] reads the environment once. [`assemble`] is the composition root that turns it into
//! [`signalbox_core::ports::Ports`] for this platform.

pub mod account_cache;
pub mod assemble;
pub mod browser;
pub mod claude;
pub mod clock;
pub mod data_folder;
pub mod database;
pub mod delegate;
pub mod doctor;
pub mod durable;
pub mod entropy;
pub mod feed;
pub mod history;
pub mod keychain;
pub mod live_file;
pub mod live_watch;
pub mod locks;
pub mod provider;
pub mod sessions;
pub mod settings;
pub mod signin;
pub mod statusline;
pub mod surroundings;
pub mod vault_key;
pub mod watch_lock;
pub mod watch_unit;
