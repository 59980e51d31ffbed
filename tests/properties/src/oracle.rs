//! The members of a JSON object by the places where they stand, found by counting brackets. It shares nothing with
//! `signalbox_core::document`, which it is used to check. Takes a text that is known to be one JSON object.

use std::ops::Range;

/// One member: its name as it is written, quotation marks included, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub key: Range<usize>,
    pub value: Range<usize>,
}

impl Member {
    pub(crate) fn name(&self, text: &str) -> String {
        serde_json::from_str(&text[self.key.clone()]).expect("a member's name is a string")
    }

    pub(crate) fn raw<'a>(&self, text: &'a str) -> &'a str {
        &text[self.value.clone()]
    }
}

/// All members in their order.
pub(crate) fn members(text: &str) -> Vec<Member> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = blank(bytes, 0);
    assert_eq!(bytes[at], b'{', "no object");
    loop {
        at = blank(bytes, at + 1);
        if bytes[at] == b'}' {
            return found;
        }
        let key = at..string_end(bytes, at);
        at = blank(bytes, key.end);
        assert_eq!(bytes[at], b':', "no colon behind a name");
        let start = blank(bytes, at + 1);
        at = value_end(bytes, start);
        let written = text[start..at].trim_ascii_end().len();
        found.push(Member { key, value: start..start + written });
        if bytes[at] == b'}' {
            return found;
        }
    }
}

/// The names of all members.
pub(crate) fn names(text: &str) -> Vec<String> {
    members(text).iter().map(|member| member.name(text)).collect()
}

/// The member of that name.
pub(crate) fn member(text: &str, name: &str) -> Option<Member> {
    members(text).into_iter().find(|member| member.name(text) == name)
}

/// The raw text of a member; `None` when it is missing or `null`.
pub(crate) fn raw<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    member(text, name).map(|member| &text[member.value]).filter(|raw| *raw != "null")
}

/// A member that is a text.
pub(crate) fn string(text: &str, name: &str) -> Option<String> {
    serde_json::from_str(raw(text, name)?).ok()
}

/// What stands in a document besides the members of these names, each as it is written.
pub(crate) fn besides(text: &str, names: &[&str]) -> Vec<(String, String)> {
    let rest = members(text).into_iter().filter(|member| !names.contains(&member.name(text).as_str()));
    rest.map(|member| (text[member.key.clone()].to_owned(), member.raw(text).to_owned())).collect()
}

fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes[at], b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    at
}

/// Just behind the string that begins at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    assert_eq!(bytes[at], b'"', "no string");
    loop {
        at += 1;
        match bytes[at] {
            b'\\' => at += 1,
            b'"' => return at + 1,
            _ => {}
        }
    }
}

/// The comma or bracket that ends the value which begins at `at`.
fn value_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    loop {
        match bytes[at] {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
}
