//! The file form of everything secret that we keep: a line of JSON anyone may read, then a nonce, then XChaCha20-Poly1305
//! ciphertext with that line as associated data. Owns the bytes; leaves their meaning to `vault` and `journal`.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::document::Document;
use crate::ports::{Ports, StoreError};

/// The version of everything that is written in this form; it stands in each header.
pub const VERSION: u32 = 1;
const NONCE_BYTES: usize = 24;
/// An envelope is a header line and one credential document; more than this is no envelope of ours.
pub const ENVELOPE_BYTES_MAX: usize = 4 << 20;

/// Why an envelope cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("it is cut short")]
    Short,
    #[error("its header is damaged")]
    Header,
    #[error("a newer version of Signalbox made it")]
    FromTheFuture,
    #[error("it does not open with this computer's key, or was changed")]
    Sealed,
}

/// Encrypts `secret` under a readable `header`.
pub fn seal<H: Serialize>(ports: &Ports, header: &H, secret: &Document) -> Result<Vec<u8>, StoreError> {
    let key = ports.key.key()?;
    let mut nonce = [0; NONCE_BYTES];
    ports.entropy.fill(&mut nonce)?;
    let mut bytes = serde_json::to_vec(header).expect("a header is plain data");
    let sealed = cipher(&key)
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: secret.expose().as_bytes(), aad: &bytes })
        .expect("a document is far below the cipher's limit");
    bytes.push(b'\n');
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&sealed);
    Ok(bytes)
}

/// The header alone, without the key. Good for display and for telling versions apart, not as evidence.
pub fn header<H: DeserializeOwned>(bytes: &[u8]) -> Result<H, EnvelopeError> {
    let (line, _) = split(bytes)?;
    // A version field that is too high explains a header that cannot be read.
    if version(line).is_some_and(|version| version > u64::from(VERSION)) {
        return Err(EnvelopeError::FromTheFuture);
    }
    serde_json::from_slice(line).map_err(|_| EnvelopeError::Header)
}

/// Decrypts an envelope. The header that comes back is authentic.
pub fn open<H: DeserializeOwned>(key: &SecretBox<[u8; 32]>, bytes: &[u8]) -> Result<(H, Document), EnvelopeError> {
    let parsed = header(bytes)?;
    let (line, rest) = split(bytes)?;
    if rest.len() < NONCE_BYTES {
        return Err(EnvelopeError::Short);
    }
    let (nonce, sealed) = rest.split_at(NONCE_BYTES);
    let text = cipher(key)
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: line })
        .map_err(|_| EnvelopeError::Sealed)?;
    let document = Document::parse(text).map_err(|_| EnvelopeError::Sealed)?;
    Ok((parsed, document))
}

fn cipher(key: &SecretBox<[u8; 32]>) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose_secret().into())
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), EnvelopeError> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(EnvelopeError::Short)?;
    Ok((&bytes[..end], &bytes[end + 1..]))
}

/// The member `version` of a JSON object.
pub(crate) fn version(json: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(json).ok()?.get("version")?.as_u64()
}
