//! `.claude.json` and its `oauthAccount`: one member changes, and no other byte.

use serde_json::Value;
use signalbox_core::account_cache::AccountBlock;
use signalbox_core::document::Document;

use crate::marker::{error_says_nothing, says_nothing, with_and_without};
use crate::oracle::{self, Member};

const BLOCK: &str = "oauthAccount";
const VALUES: [&str; 4] = [
    "null",
    "{}",
    "\"\\u00e9, \\\"}\"",
    "{ \"accountUuid\":\"a\",\"organizationUuid\":\"o\",\n \"emailAddress\":\"a@example.org\" }",
];
/// None of these is one JSON value, and each would damage the document it is put into, or smuggle a member in.
const NO_VALUES: [&str; 9] = ["", " ", "}", "1,\"x\":2", "1}{", "[1", "\"", "nul", "{\"a\":}"];

/// Setting a member changes its value alone; taking it out removes it and one comma; a new one comes last. All other bytes
/// stay, and what is not one JSON value is refused.
///
/// # Panics
/// When one of these does not hold.
pub fn claude_json_splice(bytes: &[u8]) {
    with_and_without(bytes, check);
}

fn check(bytes: &[u8]) {
    let document = match Document::parse(bytes.to_vec()) {
        Ok(document) => document,
        Err(why) => return error_says_nothing(&why),
    };
    let text = document.expose();
    let members = oracle::members(text);
    let mut names = vec![BLOCK.to_owned(), "a \"quoted\\\u{1}\" é name".to_owned()];
    names.extend([members.first(), members.last()].into_iter().flatten().map(|member| member.name(text)));
    for name in names {
        check_member(&document, &members, &name);
    }
    check_block(&document);
}

fn check_member(document: &Document, members: &[Member], name: &str) {
    let text = document.expose();
    let before = members.iter().find(|member| member.name(text) == name);
    let raw = before.map(|member| member.raw(text));
    assert_eq!(document.member(name), raw.filter(|raw| *raw != "null"), "a member is read as it is written");

    for value in VALUES {
        let spliced = document.with_member(name, Some(value)).expect("a value can be set");
        match before {
            Some(member) => check_replaced(text, member, value, spliced.expose()),
            None => check_appended(text, name, value, spliced.expose()),
        }
        assert_eq!(spliced.member(name), (value != "null").then_some(value));
        check_meaning(text, spliced.expose(), name, Some(value));
        let back = spliced.with_member(name, raw).expect("it can be set back");
        assert_eq!(back.expose(), text, "there and back again is the same text");
    }
    let without = document.with_member(name, None).expect("a member can be taken out");
    assert_eq!(without.member(name), None);
    check_taken_out(text, members, before, without.expose());
    check_meaning(text, without.expose(), name, None);
    for value in NO_VALUES {
        let why = document.with_member(name, Some(value)).expect_err("that is no value");
        error_says_nothing(&why);
    }
}

fn check_replaced(text: &str, member: &Member, value: &str, spliced: &str) {
    let (before, after) = (&text[..member.value.start], &text[member.value.end..]);
    assert_eq!(spliced, format!("{before}{value}{after}"));
}

/// Everything that was there is there, in one piece at either side of what came in.
fn check_appended(text: &str, name: &str, value: &str, spliced: &str) {
    let last = oracle::members(spliced).pop().expect("a member");
    assert_eq!((last.name(spliced).as_str(), last.raw(spliced)), (name, value), "a new member comes last");
    let before = &spliced[..last.key.start];
    let before = before.strip_suffix(',').unwrap_or(before);
    assert_eq!(text, format!("{before}{}", &spliced[last.value.end..]));
}

/// What is gone is the member, the comma that parted it from its neighbour, and blanks between them: no other byte.
fn check_taken_out(text: &str, members: &[Member], gone: Option<&Member>, without: &str) {
    let Some(gone) = gone else { return assert_eq!(without, text, "nothing was to be taken out") };
    let kept = text.bytes().zip(without.bytes()).take_while(|(a, b)| a == b).count();
    let removed = text.len() - without.len();
    // The removed piece begins somewhere in the common beginning; the tail after it has to be the same.
    let start = (0..=kept).rev().find(|start| text[start + removed..] == without[*start..] && *start <= gone.key.start);
    let start = start.expect("one piece was taken out");
    let piece = &text[start..start + removed];
    assert!(start + removed >= gone.value.end, "a part of the member is left");
    let (before, after) = (&text[start..gone.key.start], &text[gone.value.end..start + removed]);
    let commas = format!("{before}{after}").matches(',').count();
    assert_eq!(commas, usize::from(members.len() > 1), "{piece:?}");
    assert!(before.chars().chain(after.chars()).all(|c| c == ',' || c.is_ascii_whitespace()), "{piece:?}");
}

/// The same by what the JSON means, as far as `serde_json` can hold it.
fn check_meaning(text: &str, spliced: &str, name: &str, value: Option<&str>) {
    let (Ok(Value::Object(mut expected)), Ok(after)) =
        (serde_json::from_str(text), serde_json::from_str::<Value>(spliced))
    else {
        return;
    };
    match value {
        Some(value) => {
            expected.insert(name.to_owned(), serde_json::from_str(value).expect("a value"));
        }
        None => {
            expected.shift_remove(name);
        }
    }
    let Value::Object(after) = after else { panic!("it was an object") };
    assert!(expected.iter().eq(after.iter()), "another member changed, or its place");
}

fn check_block(document: &Document) {
    let block = AccountBlock::of(document);
    assert_eq!(block.is_some(), oracle::raw(document.expose(), BLOCK).is_some());
    let without = AccountBlock::take_out_of(document).expect("a block can be taken out");
    assert_eq!(AccountBlock::of(&without), None);
    let Some(block) = block else { return };
    says_nothing(&format!("{block:?}"));
    let raw = oracle::raw(document.expose(), BLOCK).expect("a block");
    if let Some(identity) = block.identity() {
        // Whoever it names is named in the block; half an identity is none.
        let value: Value = serde_json::from_str(raw).expect("it was read");
        assert_eq!(value["accountUuid"].as_str().map(str::trim), Some(identity.account()));
        assert_eq!(value["organizationUuid"].as_str().map(str::trim), Some(identity.organization()));
        assert!(!identity.account().is_empty() && !identity.organization().is_empty());
    }
    let elsewhere = Document::from_text("{\"numStartups\": 7 }\n".to_owned()).expect("an object");
    let installed = block.install_into(&elsewhere).expect("a block fits everywhere");
    assert_eq!(installed.expose(), format!("{{\"numStartups\": 7,\"oauthAccount\":{raw} }}\n"));
    assert_eq!(block.install_into(document).expect("its own place").expose(), document.expose());
    assert_eq!(AccountBlock::of(&installed), Some(block));
}
