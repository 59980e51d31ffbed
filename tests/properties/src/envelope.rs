//! The `.cred` envelope: what was sealed opens to the same, and nothing else opens.

use secrecy::SecretBox;
use serde::{Deserialize, Serialize};
use signalbox_core::document::Document;
use signalbox_core::envelope::{self, EnvelopeError};
use signalbox_core::fakes::World;
use signalbox_core::identity::{Account, Identity};
use signalbox_core::ports::{FileName, Ports};
use signalbox_core::profile::{Alias, Profile};
use signalbox_core::time::Timestamp;
use signalbox_core::vault::{self, generations};

use crate::marker::{MARKER, error_says_nothing, number, with_and_without};

/// How many places of one envelope are corrupted; [`every_corruption`] takes all of them.
const PLACES: usize = 24;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    version: u32,
    alias: String,
    numbers: Vec<u8>,
}

/// Whatever is sealed opens to the same, header and secret; with another key, with one bit changed anywhere, cut short,
/// made longer, or under another header it does not. Bytes that were not sealed never open.
///
/// # Panics
/// When one of these does not hold.
pub fn cred_envelope(bytes: &[u8]) {
    with_and_without(bytes, |bytes| {
        check_foreign(bytes);
        let (sealed, key) = check_sealed(bytes);
        let mut choice = number(bytes);
        for _ in 0..PLACES {
            choice = choice.wrapping_mul(0x5851_f42d).wrapping_add(0x1405_7b7e) & 0x7fff_ffff;
            refuse_flipped(&sealed, &key, choice % sealed.len(), 1 << (choice >> 16 & 7));
        }
        for length in [0, sealed.len() / 2, sealed.len() - 1, choice % sealed.len()] {
            refuse(&sealed[..length], &key, "it was cut short");
        }
        refuse(&[&sealed[..], b"\n"].concat(), &key, "it was made longer");
    });
}

/// Every bit of every byte of one envelope, one at a time.
///
/// # Panics
/// When one of them opens.
pub fn every_corruption(bytes: &[u8]) {
    let (sealed, key) = check_sealed(bytes);
    for place in 0..sealed.len() {
        for bit in 0..8 {
            refuse_flipped(&sealed, &key, place, 1 << bit);
        }
    }
}

/// Bytes that nobody sealed: never opened, and no trouble for whoever lists the vault.
fn check_foreign(bytes: &[u8]) {
    let world = World::new();
    let ports = world.ports();
    let alias = Alias::parse("work").expect("an alias");
    refuse(bytes, &key(&ports), "nobody sealed it");
    for name in [FileName::Cred(alias.clone()), FileName::Generation(alias.clone(), 3), FileName::Held("00".to_owned())]
    {
        world.set_file(name, Some(bytes.to_vec()));
    }
    let profile = profile(&alias);
    for opened in [vault::open(&ports, &profile), generations::open(&ports, &profile, 3)] {
        error_says_nothing(&opened.err().expect("nobody sealed it"));
    }
    assert_eq!(
        vault::saved_fingerprint(&ports, &profile).expect("it can be read"),
        None,
        "a ruined login counts as saved"
    );
    if let Err(why) = vault::header(&ports, &alias) {
        error_says_nothing(&why);
    }
    assert!(vault::held(&ports).expect("the folder can be read").is_empty());
    assert!(vault::stray(&ports, &alias).expect("the folder can be read").is_none());
    assert_eq!(world.file(&FileName::Held("00".to_owned())).as_deref(), Some(bytes), "it is left as it is");
}

fn profile(alias: &Alias) -> Profile {
    let identity = Identity::new("a", "o").expect("an identity");
    let account = Account { identity, email: String::new(), plan: None, organization_name: None };
    Profile { alias: alias.clone(), account, added_at: Timestamp::from_ms(0), login_needed_since: None, window: None }
}

fn check_sealed(bytes: &[u8]) -> (Vec<u8>, SecretBox<[u8; 32]>) {
    let world = World::new();
    let ports = world.ports();
    let header = Header {
        version: envelope::VERSION,
        alias: String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).replace(MARKER, ""),
        numbers: bytes.iter().copied().take(5).collect(),
    };
    // An input that is no document becomes the token in one.
    let secret = Document::parse(bytes.to_vec()).unwrap_or_else(|_| {
        let token = serde_json::Value::from(String::from_utf8_lossy(bytes));
        Document::from_text(format!("{{\"claudeAiOauth\":{{\"accessToken\":{token}}}}}")).expect("an object")
    });
    let sealed = envelope::seal(&ports, &header, &secret).expect("sealed");
    let key = key(&ports);
    let (opened, document) = envelope::open::<Header>(&key, &sealed).expect("what was sealed opens");
    assert_eq!((&opened, document.expose()), (&header, secret.expose()));
    assert_eq!(envelope::header::<Header>(&sealed).as_ref(), Ok(&header));

    let again = envelope::seal(&ports, &header, &secret).expect("sealed");
    assert_ne!(sealed, again, "a nonce was used twice");
    let window = 12.min(secret.expose().len());
    let beginning = &secret.expose().as_bytes()[..window];
    let head = sealed.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    assert!(!sealed[head..].windows(window).any(|part| part == beginning), "the secret can be read");
    let other = SecretBox::new(Box::new([8; 32]));
    refuse(&sealed, &other, "it is another key's");
    check_other_header(&sealed[head..], &header, &key);
    (sealed, key)
}

/// The header is part of what was sealed: the same secret under another one is refused, one from the future by name.
fn check_other_header(rest: &[u8], header: &Header, key: &SecretBox<[u8; 32]>) {
    let under = |header: &Header| [&serde_json::to_vec(header).expect("plain data")[..], b"\n", rest].concat();
    let numbers = [&header.numbers[..], &[7]].concat();
    let other = Header { version: header.version, alias: header.alias.clone(), numbers };
    refuse(&under(&other), key, "its header was exchanged");
    let future = Header { version: header.version + 1, ..other };
    assert_eq!(envelope::open::<Header>(key, &under(&future)).err(), Some(EnvelopeError::FromTheFuture));
}

fn refuse_flipped(sealed: &[u8], key: &SecretBox<[u8; 32]>, place: usize, bits: u8) {
    let mut changed = sealed.to_vec();
    changed[place] ^= bits;
    refuse(&changed, key, &format!("byte {place} was changed by {bits:#x}"));
}

#[track_caller]
fn refuse(bytes: &[u8], key: &SecretBox<[u8; 32]>, why: &str) {
    match envelope::open::<Header>(key, bytes) {
        Ok(_) => panic!("it opened although {why}"),
        Err(error) => error_says_nothing(&error),
    }
}

fn key(ports: &Ports) -> SecretBox<[u8; 32]> {
    ports.key.key().expect("a key")
}
