//! Random bytes from the operating system. Owns nothing but the call; what they are used for is decided in
//! `signalbox-core`.

use signalbox_core::ports::{Entropy, StoreError};

/// The system's source of random bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError> {
        getrandom::fill(bytes).map_err(|_| StoreError::NoEntropy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fills_differ() {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        SystemEntropy.fill(&mut first).expect("random bytes");
        SystemEntropy.fill(&mut second).expect("random bytes");
        assert_ne!(first, second);
        assert_ne!(first, [0; 32]);
    }
}
