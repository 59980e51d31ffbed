//! A JSON object file that belongs to Claude Code, changed one member at a time. Owns the splice: every byte outside
//! the member that is replaced stays as it was (design invariant 6), so MCP logins, plugin secrets and members of
//! versions yet to come survive. Leaves the meaning of the members to `credential` and `account_cache`.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// The text of one JSON object. It may hold tokens, so it has no `Clone`, no `Display`, and `Debug` hides it.
pub struct Document {
    text: SecretString,
}

/// SHA-256 of a document's bytes: tells whether two readings are the same without keeping either.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest([u8; 32]);

/// Why bytes are no document. Says where, never what stands there: the text may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it is empty")]
    Empty,
    #[error("it is not UTF-8 text")]
    NotUtf8,
    #[error("it is not valid JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("it holds JSON, but not an object")]
    NotAnObject,
    #[error("its member `{0}` is there twice")]
    Twice(String),
    #[error("its member `{0}` has the wrong type")]
    WrongType(&'static str),
}

impl Document {
    /// Reads bytes as one JSON object.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let text = String::from_utf8(bytes).map_err(|_| Malformed::NotUtf8)?;
        Self::from_text(text)
    }

    /// Reads text as one JSON object.
    pub fn from_text(text: String) -> Result<Self, Malformed> {
        if text.trim().is_empty() {
            return Err(Malformed::Empty);
        }
        members(&text)?;
        Ok(Self { text: SecretString::from(text) })
    }

    /// An object without members.
    pub fn empty() -> Self {
        Self { text: SecretString::from("{}".to_owned()) }
    }

    /// The text, for the adapter that writes it and for the vault that encrypts it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.expose().as_bytes()).into())
    }

    /// The raw JSON of a member, or `None` when it is missing or `null`.
    pub fn member(&self, name: &str) -> Option<&str> {
        let all = members(self.expose()).ok()?;
        all.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.get()).filter(|raw| *raw != "null")
    }

    /// The same document with one member set to `value` (raw JSON) or taken out. Every other byte stays. A `value` that is
    /// not exactly one JSON value is refused: it could bring further members with it.
    pub fn with_member(&self, name: &str, value: Option<&str>) -> Result<Self, Malformed> {
        if let Some(value) = value {
            serde_json::from_str::<&RawValue>(value).map_err(|error| not_json(&error))?;
        }
        let text = self.expose();
        let all = members(text)?;
        let spliced = match (all.iter().position(|(key, _)| key == name), value) {
            (Some(at), Some(value)) => {
                let (start, end) = span(text, all[at].1);
                format!("{}{value}{}", &text[..start], &text[end..])
            }
            (Some(at), None) => without(text, &all, at),
            (None, Some(value)) => with_appended(text, &all, name, value),
            (None, None) => text.to_owned(),
        };
        Self::from_text(spliced)
    }

    /// The same JSON on one line. `security -w` prints a value with line breaks as hex (`docs/claude-code.md` §A4),
    /// and pretty-printed items have been corrupted, so the Keychain gets this form.
    pub fn compact(&self) -> Self {
        let mut out = String::with_capacity(self.expose().len());
        let (mut in_string, mut escaped) = (false, false);
        for c in self.expose().chars() {
            if in_string {
                in_string = escaped || c != '"';
                escaped = c == '\\' && !escaped;
                out.push(c);
            } else if !c.is_ascii_whitespace() {
                in_string = c == '"';
                out.push(c);
            }
        }
        Self { text: SecretString::from(out) }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes)", self.expose().len())
    }
}

/// The members of a JSON object in order, with the exact text of each value.
fn members(text: &str) -> Result<Vec<(String, &RawValue)>, Malformed> {
    let parsed: Members<'_> = serde_json::from_str(text)
        .map_err(|error| if error.is_data() { Malformed::NotAnObject } else { not_json(&error) })?;
    let mut seen = std::collections::HashSet::with_capacity(parsed.0.len());
    for (key, _) in &parsed.0 {
        if !seen.insert(key.as_str()) {
            return Err(Malformed::Twice(shown(key)));
        }
    }
    Ok(parsed.0)
}

fn not_json(error: &serde_json::Error) -> Malformed {
    Malformed::NotJson { line: error.line(), column: error.column() }
}

/// A member's name in an error. One that is no plain word is not shown: in a damaged document it may be a token.
fn shown(name: &str) -> String {
    let plain = name.len() <= 40 && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    if plain { name.to_owned() } else { "…".to_owned() }
}

/// An object as an ordered list, because a map would lose the order and the duplicates.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry::<String, &'de RawValue>()? {
                    all.push(entry);
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Where `value`, which was borrowed from `text`, stands in it.
fn span(text: &str, value: &RawValue) -> (usize, usize) {
    let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
    (start, start + value.get().len())
}

fn without(text: &str, all: &[(String, &RawValue)], at: usize) -> String {
    let (_, end) = span(text, all[at].1);
    if at > 0 {
        let (_, previous_end) = span(text, all[at - 1].1);
        return format!("{}{}", &text[..previous_end], &text[end..]);
    }
    let open = text.find('{').map_or(0, |i| i + 1);
    let rest = if all.len() > 1 { text[end..].find(',').map_or(end, |i| end + i + 1) } else { end };
    format!("{}{}", &text[..open], &text[rest..])
}

fn with_appended(text: &str, all: &[(String, &RawValue)], name: &str, value: &str) -> String {
    let key = serde_json::Value::from(name);
    let (at, comma) = match all.last() {
        Some((_, last)) => (span(text, last).1, ","),
        None => (text.find('{').map_or(0, |i| i + 1), ""),
    };
    format!("{}{comma}{key}:{value}{}", &text[..at], &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, value: Option<&str>, expected: &str) {
        let document = Document::from_text(text.to_owned()).expect("an object");
        let spliced = document.with_member("a", value).expect("still an object");
        assert_eq!(spliced.expose(), expected);
    }

    #[test]
    fn a_splice_changes_one_value_and_no_other_byte() {
        check(r#"{"a":1}"#, Some("2"), r#"{"a":2}"#);
        check(
            "{ \"b\" : 1e400 ,\n\t\"a\" : {\"x\":[1, 2]} , \"c\":\"\\u00e9\" }\n",
            Some("{}"),
            "{ \"b\" : 1e400 ,\n\t\"a\" : {} , \"c\":\"\\u00e9\" }\n",
        );
        check(r#"{"b":{"a":1},"a":0}"#, Some("9"), r#"{"b":{"a":1},"a":9}"#);
    }

    #[test]
    fn a_missing_member_is_appended() {
        check("{}", Some("1"), r#"{"a":1}"#);
        check("{\n}", Some("1"), "{\"a\":1\n}");
        check(r#"{"b": 1 }"#, Some("2"), r#"{"b": 1,"a":2 }"#);
    }

    #[test]
    fn a_member_is_taken_out_with_its_comma() {
        check(r#"{"a":1}"#, None, "{}");
        check(r#"{"a":1, "b":2}"#, None, r#"{ "b":2}"#);
        check(r#"{"b":2, "a":"x,y"}"#, None, r#"{"b":2}"#);
        check(r#"{"b":2, "a":1, "c":3}"#, None, r#"{"b":2, "c":3}"#);
        check(r#"{"b":2}"#, None, r#"{"b":2}"#);
    }

    #[test]
    fn what_is_no_object_is_refused_without_quoting_it() {
        let parse = |text: &str| Document::from_text(text.to_owned()).expect_err("no object");
        assert_eq!(parse(""), Malformed::Empty);
        assert_eq!(parse("[1]"), Malformed::NotAnObject);
        assert_eq!(parse("{\"a\":"), Malformed::NotJson { line: 1, column: 5 });
        assert_eq!(parse(r#"{"a":1,"a":2}"#), Malformed::Twice("a".to_owned()));
        assert_eq!(Document::parse(vec![0xff, 0xfe]).expect_err("no text"), Malformed::NotUtf8);
        assert!(!parse("{\"accessToken\": sk-ant-secret").to_string().contains("sk-ant"));
        assert_eq!(parse(r#"{"sk-ant-1":1,"sk-ant-1":2}"#), Malformed::Twice("…".to_owned()));
    }

    #[test]
    fn what_is_not_one_value_is_not_put_into_a_document() {
        let document = Document::from_text(r#"{"a":1}"#.to_owned()).expect("an object");
        for value in ["", "1,\"x\":2", "1}{", "[1"] {
            assert!(document.with_member("a", Some(value)).is_err(), "{value}");
            assert!(document.with_member("new", Some(value)).is_err(), "{value}");
        }
    }

    #[test]
    fn compacting_drops_white_space_outside_strings_only() {
        let document =
            Document::from_text("{\n \"a b\" : \"c \\\" d\" , \"e\" : [ 1 , 2 ]\n}".to_owned()).expect("an object");
        assert_eq!(document.compact().expose(), r#"{"a b":"c \" d","e":[1,2]}"#);
    }
}
