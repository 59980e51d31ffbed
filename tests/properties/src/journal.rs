//! The journal of a half-done switch, as a crash, a bad disk or another program may leave it.

use serde_json::value::RawValue;
use signalbox_core::document::Document;
use signalbox_core::envelope;
use signalbox_core::fakes::World;
use signalbox_core::journal;
use signalbox_core::ports::FileName;
use signalbox_core::profile::Alias;
use signalbox_core::recover::{self, Recovered};

use crate::marker::{MARKER, error_says_nothing, number, with_and_without};
use crate::scene::{Scene, fingerprint};

/// Whatever stands in the journal, `recover` never changes a live store that is whole, loses no login, presents no spent
/// token and leaves no entry open. What cannot be opened is kept. A live store that a write of ours had torn is put back
/// whole when the journal is ours.
///
/// # Panics
/// When one of these does not hold.
pub fn journal(bytes: &[u8]) {
    with_and_without(bytes, |bytes| {
        check_unreadable(bytes);
        check_damaged(bytes);
        check_authentic(bytes);
        check_torn_store(bytes);
    });
}

/// Bytes that nobody sealed.
fn check_unreadable(bytes: &[u8]) {
    let scene = Scene::new();
    scene.world.set_file(FileName::Journal, Some(bytes.to_vec()));
    let before = scene.live();
    match journal::unfinished(&scene.ports).expect("the file can be read") {
        Some(Err(why)) => error_says_nothing(&why),
        Some(Ok(_)) | None => panic!("a journal was made out of nothing"),
    }
    let recovered = recover::recover(&scene.ports).expect("it goes on");
    assert_eq!(recovered, Recovered::JournalUnreadable);
    settled(&scene, &before);
    assert!(is_kept(&scene.world, bytes), "a journal that cannot be opened was thrown away");
}

/// A journal of ours with one bit changed.
fn check_damaged(bytes: &[u8]) {
    let scene = Scene::new();
    begin(&scene);
    let mut journal = scene.world.file(&FileName::Journal).expect("a journal");
    let place = number(bytes) % journal.len();
    journal[place] ^= 1 << (bytes.len() % 8);
    scene.world.set_file(FileName::Journal, Some(journal.clone()));
    let before = scene.live();
    let recovered = recover::recover(&scene.ports).expect("it goes on");
    assert_eq!(recovered, Recovered::JournalUnreadable);
    settled(&scene, &before);
    assert!(is_kept(&scene.world, &journal));
}

/// A journal that opens, with a header and a document that we would not write: another version's, or a bug's.
fn check_authentic(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, rest) = text.split_once('\n').unwrap_or((&text, "{}"));
    let Ok(head) = serde_json::from_str::<&RawValue>(head) else { return };
    // A line break would end the header early, and the marker must not be shown in a header anyway.
    if head.get().contains(['\n', '\r']) || head.get().contains(MARKER) {
        return;
    }
    let secret = Document::from_text(rest.to_owned()).unwrap_or_else(|_| Document::empty());
    let scene = Scene::new();
    let sealed = envelope::seal(&scene.ports, &head, &secret).expect("sealed");
    scene.world.set_file(FileName::Journal, Some(sealed));
    let before = scene.live();
    recover::recover(&scene.ports).expect("it goes on");
    settled(&scene, &before);
}

/// Our own write died in the middle: any beginning of the new document stands in the live store.
fn check_torn_store(bytes: &[u8]) {
    let scene = Scene::new();
    begin(&scene);
    let before = scene.live();
    let torn = number(bytes) % (before.len() + 1);
    scene.world.set_live(Some(before[..torn].to_owned()));
    let recovered = recover::recover(&scene.ports).expect("it goes on");
    let whole = before[torn..].trim().is_empty();
    assert_eq!(recovered, if whole { Recovered::RolledBack } else { Recovered::PutBack });
    let before = if whole { before[..torn].to_owned() } else { before };
    settled(&scene, &before);
}

/// A switch from `b` to `a` that has only just begun.
fn begin(scene: &Scene) {
    let alias = |name| Alias::parse(name).expect("an alias");
    let live = scene.live();
    let outgoing = fingerprint(Some(live.clone()));
    let incoming = scene.world.server(|server| server.living_fingerprints("a").remove(0));
    let replaced = Document::from_text(live).expect("an object");
    let (from, to) = ((Some(alias("b")), outgoing), (alias("a"), incoming));
    journal::begin(&scene.ports, from, to, Some(&replaced)).expect("written");
}

/// The live store is `expected`, nothing is lost, nothing is open, and a second `recover` finds nothing to do.
fn settled(scene: &Scene, expected: &str) {
    assert_eq!(scene.live(), expected, "the live store changed");
    scene.check_nothing_lost();
    assert_eq!(scene.world.file(&FileName::Journal), None, "the journal is still open");
    assert_eq!(recover::recover(&scene.ports).expect("it goes on"), Recovered::Nothing);
    assert_eq!(scene.live(), expected);
    scene.check_nothing_lost();
}

/// Whether these very bytes lie among what was put aside.
fn is_kept(world: &World, bytes: &[u8]) -> bool {
    let held = world.ports().files.list().expect("readable");
    held.iter().any(|name| matches!(name, FileName::Held(_)) && world.file(name).as_deref() == Some(bytes))
}
