//! What the `security` tool prints and what it is told (`docs/claude-code.md` §A3, §A4).

use signalbox_core::document::{Document, Malformed};
use signalbox_machine::keychain::value::{self, Existing, LINE_LIMIT};
use signalbox_machine::keychain::{Item, without_addresses};
use zeroize::Zeroizing;

use crate::marker::{error_says_nothing, number, says_nothing, with_and_without};

/// What the tool prints is read as the document that was stored, plain or in hex, whatever the letters' case; half of it is
/// refused. The line that stores a value means, to the tool, exactly the words that were meant, and never runs over.
/// A date reads the same wherever it stood in memory.
///
/// # Panics
/// When one of these does not hold.
pub fn security_output(bytes: &[u8]) {
    with_and_without(bytes, |bytes| {
        check_printed(bytes);
        check_line(bytes);
        check_date(bytes);
    });
}

fn read(output: &[u8]) -> Result<Document, Malformed> {
    value::document(value::printed(Zeroizing::new(output.to_vec())))
}

fn check_printed(bytes: &[u8]) {
    match read(bytes) {
        Err(why) => error_says_nothing(&why),
        Ok(document) => {
            says_nothing(&format!("{document:?}"));
            let text = document.expose().as_bytes();
            let value = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            assert!(text == value || value.eq_ignore_ascii_case(hex(text).as_bytes()), "it was not printed like that");
        }
    }
    let Ok(stored) = Document::parse(bytes.to_vec()) else { return };
    let digits = hex(bytes);
    for output in [bytes.to_vec(), digits.clone().into_bytes(), digits.to_uppercase().into_bytes()] {
        let found = read(&[&output[..], b"\n"].concat()).expect("what was stored can be read");
        assert_eq!(found.expose(), stored.expose());
    }
    // The tool died while it printed: an odd digit, or half of it.
    let half = number(bytes) % digits.len();
    if let Ok(found) = read(&digits.as_bytes()[..half]) {
        assert!(bytes[half / 2..].trim_ascii().is_empty(), "half a document was read as {found:?}");
    }
}

fn check_line(bytes: &[u8]) {
    let name = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]);
    let odd: String = name.chars().rev().collect();
    let digits = hex(bytes);
    for (service, account) in [("Claude Code-credentials", "me"), (name.as_ref(), odd.as_str())] {
        let item = Item::new(service, account);
        for (existing, update) in [(Existing::Replace, &["-U"][..]), (Existing::Keep, &[])] {
            let Some(line) = value::add_line(&item, bytes, existing) else {
                assert!(format!("{service}{account}").chars().any(char::is_control), "a name was refused");
                continue;
            };
            let mut expected = vec!["add-generic-password"];
            expected.extend(update);
            expected.extend(["-a", account, "-s", service, "-X", digits.as_str()]);
            assert_eq!(words(&line), expected, "the tool would read other words");
            assert!(!line.chars().any(char::is_control), "the line would end early");
            if existing == Existing::Replace {
                assert_eq!(bytes.len() <= value::room(&item), line.len() <= LINE_LIMIT);
            }
        }
    }
}

/// The words of a line as `security -i` splits it: blanks part them, double quotes join them, a backslash keeps the next
/// character as it is.
fn words(line: &str) -> Vec<String> {
    let (mut all, mut word, mut quoted) = (Vec::new(), None, false);
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => word.get_or_insert_with(String::new).extend(rest.next()),
            '"' => {
                quoted = !quoted;
                word.get_or_insert_with(String::new);
            }
            ' ' | '\t' if !quoted => all.extend(word.take()),
            c => word.get_or_insert_with(String::new).push(c),
        }
    }
    assert!(!quoted, "a quotation mark is left open");
    all.extend(word);
    all
}

fn check_date(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let date = without_addresses(&text);
    assert_eq!(without_addresses(&date), date, "it is settled");
    for address in ["0x7f8a", "[0x7fff80]"] {
        let there = without_addresses(&format!("{text} {address} {text}"));
        let elsewhere = without_addresses(&format!("{text} 0x1 {text}"));
        assert_eq!(there, elsewhere, "an address in memory made two dates of one");
    }
    let addresses = text.split_whitespace().filter(|word| word.contains("0x")).count();
    assert!(
        date.split_whitespace().count() + addresses >= text.split_whitespace().count(),
        "a part of the date is lost"
    );
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}
