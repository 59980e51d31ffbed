//! `oauthAccount`, the block in `.claude.json` from which Claude Code shows who is signed in. Owns reading it out of the
//! document, telling whose it is, and putting a saved one back whole: with a complete block Claude Code's next refresh
//! needs no profile call, which shortens the window in which a rotation can be lost (`docs/observed.md` §3 and §14).
//! It is a cache and never evidence: what decides is the server's word (`identity`).

use std::fmt;

use serde_json::Value;

use crate::document::{Document, Malformed};
use crate::identity::Identity;

const BLOCK_MEMBER: &str = "oauthAccount";

/// One whole `oauthAccount` as Claude Code wrote it. Holds no token that we know of; `Debug` hides it all the same.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountBlock {
    raw: String,
}

impl fmt::Debug for AccountBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountBlock({} bytes)", self.raw.len())
    }
}

impl AccountBlock {
    /// The block of a `.claude.json`.
    pub fn of(document: &Document) -> Option<Self> {
        document.member(BLOCK_MEMBER).map(|raw| Self { raw: raw.to_owned() })
    }

    /// Whose block it is.
    pub fn identity(&self) -> Option<Identity> {
        let block: Value = serde_json::from_str(&self.raw).ok()?;
        Identity::new(block.get("accountUuid")?.as_str()?, block.get("organizationUuid")?.as_str()?)
    }

    /// The e-mail that it shows.
    pub fn email(&self) -> Option<String> {
        let block: Value = serde_json::from_str(&self.raw).ok()?;
        Some(block.get("emailAddress")?.as_str()?.to_owned())
    }

    /// A `.claude.json` with this block in place of its own, every other byte kept.
    pub fn install_into(&self, document: &Document) -> Result<Document, Malformed> {
        document.with_member(BLOCK_MEMBER, Some(&self.raw))
    }

    /// A `.claude.json` without a block: Claude Code fills it in again at its next start (`docs/observed.md` §14).
    pub fn take_out_of(document: &Document) -> Result<Document, Malformed> {
        document.with_member(BLOCK_MEMBER, None)
    }
}
