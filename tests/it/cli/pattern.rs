//! Expected output with placeholders: `[AGE]` (12 s, 4 min, 2 days), `[COUNTDOWN]` (52m, 1h56, 3d 4h), `[WHEN]` (a date
//! and a time), `[MS]` (a moment in milliseconds), `[N]` (a number), `[HOME]` (the private home), `[..]` (anything within a
//! line). Everything else is literal.

use regex::Regex;

const PLACEHOLDERS: [(&str, &str); 6] = [
    ("[AGE]", r"[0-9]+ (?:s|min|h|days?)"),
    ("[COUNTDOWN]", r"(?:[0-9]+m|[0-9]+h[0-9][0-9]|[0-9]+d [0-9]+h)"),
    ("[WHEN]", r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"),
    ("[MS]", r"[0-9]{13}"),
    ("[N]", r"[0-9]+(?:\.[0-9]+)?"),
    ("[..]", r"[^\n]*?"),
];

/// Whether `actual` is what `expected` says.
pub fn matches(expected: &str, actual: &str, home: &str) -> bool {
    let mut pattern = regex::escape(&expected.replace("[HOME]", home));
    for (placeholder, meaning) in PLACEHOLDERS {
        pattern = pattern.replace(&regex::escape(placeholder), meaning);
    }
    Regex::new(&format!("^{pattern}$")).expect("an escaped text is a pattern").is_match(actual)
}

#[test]
fn placeholders_stand_for_what_they_say_and_nothing_else() {
    assert!(matches("synced [AGE] ago [x]\n", "synced 12 s ago [x]\n", ""));
    assert!(!matches("synced [AGE] ago\n", "synced long ago\n", ""));
    assert!(matches("in [COUNTDOWN]\n", "in 3d 4h\n", ""));
    assert!(matches("[HOME]/x: [..]\n", "/tmp/a.b/x: anything\n", "/tmp/a.b"));
    assert!(!matches("[HOME]/x", "/tmp/aXb/x", "/tmp/a.b"));
    assert!(!matches("[..]\n", "one\ntwo\n", ""), "a placeholder ends with its line");
    assert!(!matches("", "something", ""));
}
