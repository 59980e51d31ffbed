//! Signing in apart from the live login: the words that the `Signin` port and the flow of `rotate` share. Owns what an attempt is
//! called, how far it can be and what the installed Claude Code is able to; leaves running it to the port, and what becomes of the
//! login to `rotate`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ports::{Ports, StoreError};

/// One attempt to sign in, named at random: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigninId(String);

impl SigninId {
    /// A name that no attempt had before.
    pub fn new(ports: &Ports) -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        ports.entropy.fill(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Reads a name as it is displayed, for a folder that bears it.
    pub fn from_hex(text: &str) -> Option<Self> {
        let valid = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for SigninId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the installed Claude Code can sign in apart from the live login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ability {
    /// `claude auth login` works in a config folder of its own.
    Isolated,
    /// There is a Claude Code, which has no `auth login` yet.
    TooOld {
        version: String,
    },
    NotInstalled,
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Claude Code has not asked for a browser yet.
    Starting,
    /// It waits for a person who signs in on this page. The address holds no token, only what ties the answer to this attempt.
    Waiting { page: String },
    /// It ended. Whether it stored a login is for `stored` to say; `said` is its last line, which may tell why there is none.
    Ended { said: Option<String> },
}
