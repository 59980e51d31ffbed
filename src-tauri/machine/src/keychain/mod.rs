//! The Keychain through `/usr/bin/security`, the tool by which Claude Code itself reads and writes its login
//! (`docs/claude-code.md` §A3). Owns how an item is named, asked for, written and watched; leaves *whether* to do so to
//! the flows, and what stands inside the login to `signalbox_core::credential`.
//!
//! **Why a child and not Security.framework.** An item written by a native call is stamped with the writer's code
//! signature, after which Claude Code's own `security` is met with a password dialog at every read; the damage outlives
//! the program that did it (`docs/claude-code.md` §A5). Only attributes are asked natively, which never prompts.
//!
//! **Why a long login is refused.** `security -i` takes one line of 4096 bytes; past that it stores the first half and
//! runs the rest as a command (§A4). Claude Code then puts the secret in the argument list, where every process of the
//! machine can read it for as long as the child lives. Signalbox never does: no token in an argument list. A document
//! that does not fit when compacted and hex-encoded (about 1,970 bytes; a login alone is 500, each MCP login adds to it)
//! gets [`StoreError::KeychainTooLong`] before anything is written. Its machine-wide siblings are not ours to drop.
//!
//! **Why a breaker.** While a dialog waits, each further child waits too, and they pile up (`docs/macos.md` §3.3). After
//! one that did not answer, or a refusal, nothing is asked until the person clicks or half an hour has passed.
//!
//! The module compiles and is tested on every platform, against a scripted double of the tool; the native query of the
//! attributes alone is for macOS.
//!
//! [`StoreError::KeychainTooLong`]: signalbox_core::ports::StoreError::KeychainTooLong

mod attributes;
mod breaker;
mod command;
mod item;
mod key;
mod login;
mod secret;
pub mod value;

#[cfg(test)]
#[path = "../../../../tests/doubles/scripted_security.rs"]
pub(crate) mod scripted_security;
#[cfg(test)]
mod tests;

#[cfg(target_os = "macos")]
pub use attributes::NativeAttributes;
pub use attributes::{Attributes, without_addresses};
pub use command::{Patience, Security};
pub use item::{Item, account_of};
pub use key::KeychainKey;
pub use login::KeychainLogin;
pub use secret::KeychainSecret;
