//! The JSON that `--json` prints. Owns the envelope and its schema number; the cards are `signalbox_core::board`'s, the
//! errors `signalbox_core::error`'s, in the very form in which the app's own window gets them.

use serde::Serialize;
use serde_json::{Map, Value, json};
use signalbox_core::error::Problem;

/// Grows when a member changes its meaning or goes away. New members do not count.
const SCHEMA: u32 = 1;

/// A result with the schema number in front.
pub fn object(members: Map<String, Value>) -> String {
    let mut whole = Map::new();
    whole.insert("schema".to_owned(), SCHEMA.into());
    whole.extend(members);
    text(&Value::Object(whole))
}

/// One event as a whole object on a line of its own.
pub fn line(members: Map<String, Value>) -> String {
    let mut whole = Map::new();
    whole.insert("schema".to_owned(), SCHEMA.into());
    whole.extend(members);
    format!("{}\n", Value::Object(whole))
}

/// A failure as a whole object.
pub fn error(problem: &Problem, hint: &str) -> String {
    object(Map::from_iter([("error".to_owned(), error_member(problem, hint))]))
}

/// A failure as a member: the problem as every face shows it, and the hint in words.
pub fn error_member(problem: &Problem, hint: &str) -> Value {
    let mut member = value(problem);
    member["hint"] = json!(hint);
    member
}

/// Plain data as a JSON value.
pub fn value(data: &impl Serialize) -> Value {
    serde_json::to_value(data).expect("plain data is JSON")
}

/// The members of an object that `json!` made.
pub fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

fn text(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a JSON value is JSON");
    text.push('\n');
    text
}
