//! Reproducible randomness, and one-way names for secrets. Owns the generator behind fake tokens and the fingerprints
//! that stand for a token in a log; it is not meant to be unpredictable to anybody.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

/// SplitMix64: one word of state, the same sequence for the same seed.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that repeats itself for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator that differs from run to run.
    #[must_use]
    pub fn fresh() -> Self {
        Self { state: RandomState::new().hash_one("provider-sim") }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 up to and including `most`.
    pub fn up_to(&mut self, most: u64) -> u64 {
        if most == u64::MAX { self.next_u64() } else { self.next_u64() % (most + 1) }
    }

    /// A fake authorization code: `sim-code-<32 hex>`. It is unlike a token, so that a search for tokens passes it by.
    pub fn code(&mut self) -> String {
        format!("sim-code-{:016x}{:016x}", self.next_u64(), self.next_u64())
    }

    /// A fake token: `sk-ant-<kind>-sim-<account>-<32 hex>`.
    pub fn token(&mut self, kind: &str, account: &str) -> String {
        format!("sk-ant-{kind}-sim-{account}-{:016x}{:016x}", self.next_u64(), self.next_u64())
    }
}

/// The first 12 hex digits of the SHA-256 of a token: enough to tell tokens apart in a log, useless as a token.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes())[..6])
}

/// A uuid-shaped name that is always the same for the same text.
#[must_use]
pub fn uuid_for(text: &str) -> String {
    let h = hex(&Sha256::digest(text.as_bytes())[..16]);
    format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..32])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let (mut a, mut b) = (Random::seeded(7), Random::seeded(7));
        assert_eq!(a.token("oat01", "work"), b.token("oat01", "work"));
        assert_ne!(a.token("oat01", "work"), a.token("oat01", "work"));
    }

    #[test]
    fn a_fingerprint_tells_tokens_apart_without_showing_them() {
        let token = "sk-ant-oat01-sim-work-0123456789abcdef";
        assert_eq!(fingerprint(token).len(), 12);
        assert_ne!(fingerprint(token), fingerprint("sk-ant-oat01-sim-work-0123456789abcdee"));
        assert!(!token.contains(&fingerprint(token)));
    }

    #[test]
    fn a_derived_uuid_has_the_shape_of_one() {
        let uuid = uuid_for("account:work");
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(uuid, uuid_for("account:work"));
    }
}
