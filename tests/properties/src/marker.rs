//! The mark of a secret: put into an input, and looked for in everything that is said about it.

/// Looks like a refresh token, and stands nowhere in Signalbox.
pub const MARKER: &str = "sk-ant-ort01-sim-Z9q4XwPq7Rk2";

/// How many characters of a secret in a row count as quoting it.
const QUOTED: usize = 8;

/// Runs a check on an input as it is, and on the same input with the marker at the beginning of one of its strings.
pub(crate) fn with_and_without(bytes: &[u8], check: impl Fn(&[u8])) {
    check(bytes);
    check(&planted(bytes));
}

/// The input with the marker behind one of its quotation marks, or at its end.
fn planted(bytes: &[u8]) -> Vec<u8> {
    let quotes: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'"').collect();
    let at = match quotes.len() {
        0 => bytes.len(),
        many => quotes[number(bytes) % many] + 1,
    };
    [&bytes[..at], MARKER.as_bytes(), &bytes[at..]].concat()
}

/// A number that depends on every byte of an input, for the choices that an input makes.
pub(crate) fn number(bytes: &[u8]) -> usize {
    // FNV-1a: the choice has to be the same on every run.
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    usize::try_from(hash >> 33).expect("31 bits")
}

/// Panics if a text quotes the marker, or a good part of it.
#[track_caller]
pub(crate) fn says_nothing(text: &str) {
    for from in 0..=MARKER.len() - QUOTED {
        let part = &MARKER[from..from + QUOTED];
        assert!(!text.contains(part), "a secret is quoted: {text}");
    }
}

/// Panics if an error quotes the marker, to a person or to a log.
#[track_caller]
pub(crate) fn error_says_nothing(error: &impl std::error::Error) {
    says_nothing(&error.to_string());
    says_nothing(&format!("{error:?}"));
    let mut source = error.source();
    while let Some(cause) = source {
        says_nothing(&cause.to_string());
        source = cause.source();
    }
}
