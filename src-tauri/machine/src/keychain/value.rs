//! How a value looks on its way into and out of the `security` tool. Owns the hex and quoting rules of
//! `docs/claude-code.md` §A3–A4 as pure functions; leaves running the tool to `command`.

use signalbox_core::document::{Document, Malformed};
use zeroize::{Zeroize as _, Zeroizing};

use super::Item;

/// The longest line that `security -i` takes, without its newline, is 4096 bytes; this stays a little below, as other
/// careful writers do, because one byte more destroys a login (`docs/claude-code.md` §A4).
pub const LINE_LIMIT: usize = 4032;

/// What is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Update it in place (`-U`): the item is never missing, and its access list stays.
    Replace,
    /// Leave it and say so.
    Keep,
}

/// The value in what `find-generic-password -w` printed: everything but the one newline that the tool adds.
pub fn printed(mut output: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if output.last() == Some(&b'\n') {
        output.pop();
    }
    output
}

/// A printed value as a document. The tool prints hex when the value is not plain printable text, so hex that decodes to
/// an object is taken for one; hex by itself is never an object, so this cannot mistake one for the other.
pub fn document(mut printed: Zeroizing<Vec<u8>>) -> Result<Document, Malformed> {
    if let Some(mut bytes) = from_hex(&printed)
        && let Ok(document) = Document::parse(std::mem::take(&mut *bytes))
    {
        return Ok(document);
    }
    Document::parse(std::mem::take(&mut *printed))
}

/// The one line of `security -i` that stores `value`; `None` when a name holds a character that cannot stand in it.
/// No `-T` and no `-A`: they would change who may read the item.
pub fn add_line(item: &Item, value: &[u8], existing: Existing) -> Option<Zeroizing<String>> {
    let update = match existing {
        Existing::Replace => "-U ",
        Existing::Keep => "",
    };
    let head =
        format!("add-generic-password {update}-a {} -s {} -X \"", quoted(item.account())?, quoted(item.service())?);
    // Exactly as long as it gets, because a string that grows leaves copies of the secret behind.
    let mut line = Zeroizing::new(String::with_capacity(head.len() + 2 * value.len() + 1));
    line.push_str(&head);
    for byte in value {
        for nibble in [byte >> 4, byte & 0xf] {
            line.push(char::from_digit(u32::from(nibble), 16).expect("a nibble is below 16"));
        }
    }
    line.push('"');
    Some(line)
}

/// The longest value, in bytes, of which [`add_line`] makes a line within [`LINE_LIMIT`].
pub fn room(item: &Item) -> usize {
    let head = add_line(item, b"", Existing::Replace).map_or(LINE_LIMIT, |line| line.len());
    LINE_LIMIT.saturating_sub(head) / 2
}

/// A word in double quotes, as the tool's own line parser reads it: a backslash keeps the next character as it is.
fn quoted(word: &str) -> Option<String> {
    if word.chars().any(char::is_control) {
        return None;
    }
    Some(format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
}

fn from_hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.chunks_exact(2) {
        match (char::from(pair[0]).to_digit(16), char::from(pair[1]).to_digit(16)) {
            (Some(high), Some(low)) => bytes.push(u8::try_from(high << 4 | low).expect("two nibbles are a byte")),
            _ => {
                bytes.zeroize();
                return None;
            }
        }
    }
    Some(Zeroizing::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &[u8]) -> Result<String, Malformed> {
        document(printed(Zeroizing::new(output.to_vec()))).map(|document| document.expose().to_owned())
    }

    #[test]
    fn exactly_one_newline_belongs_to_the_tool() {
        for (output, value) in [("a\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", ""), ("", ""), (" a \n", " a ")] {
            assert_eq!(*printed(Zeroizing::new(output.as_bytes().to_vec())), value.as_bytes(), "{output:?}");
        }
    }

    #[test]
    fn hex_output_is_read_as_the_document_it_encodes() {
        // `{"a":1}` and `{"é":"\n"}` in hex, in either case of letters.
        assert_eq!(read(b"{\"a\":1}\n").as_deref(), Ok("{\"a\":1}"));
        assert_eq!(read(b"7b2261223a317d\n").as_deref(), Ok("{\"a\":1}"));
        assert_eq!(read(b"7B2261223A317D\n").as_deref(), Ok("{\"a\":1}"));
        assert_eq!(read("{\"é\":1}\n".as_bytes()).as_deref(), Ok("{\"é\":1}"));
    }

    #[test]
    fn what_is_neither_a_document_nor_the_hex_of_one_is_malformed() {
        assert_eq!(read(b"\n"), Err(Malformed::Empty));
        // A cut login: an odd number of digits, and half a document.
        for cut in ["7b2261223a317\n", "7b2261\n", "1234\n"] {
            assert_eq!(read(cut.as_bytes()), Err(Malformed::NotAnObject), "{cut}");
        }
        assert_eq!(read(b"\xff\xfe\n"), Err(Malformed::NotUtf8));
    }

    #[test]
    fn a_line_quotes_its_names_and_encodes_its_value() {
        let line = |service: &str, account: &str, existing| {
            add_line(&Item::new(service, account), b"{}\xc3", existing).map(|line| line.to_string())
        };
        let expected = r#"add-generic-password -U -a "me" -s "Claude Code-credentials" -X "7b7dc3""#;
        assert_eq!(line("Claude Code-credentials", "me", Existing::Replace).as_deref(), Some(expected));
        let expected = r#"add-generic-password -a "a\\b" -s "say \"x\"" -X "7b7dc3""#;
        assert_eq!(line("say \"x\"", "a\\b", Existing::Keep).as_deref(), Some(expected));
        assert_eq!(line("two\nlines", "me", Existing::Replace), None);
    }

    #[test]
    fn the_room_is_what_still_fits_on_a_line() {
        let item = Item::new("Claude Code-credentials", "me");
        let length = |value: usize| add_line(&item, &vec![b'x'; value], Existing::Replace).map_or(0, |line| line.len());
        assert!(length(room(&item)) <= LINE_LIMIT && length(room(&item) + 1) > LINE_LIMIT);
    }
}
