//! Made-up inputs: documents as they really look, the same with something changed, and noise. Shrinks towards few changes and
//! short texts.

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use signalbox_properties::MARKER;

/// What stands in the formats that we read: cutting and pasting these reaches further than single bytes.
const PIECES: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\n",
    " ",
    "\t",
    "\0",
    "null",
    "true",
    "-1",
    "0",
    "1e400",
    "1.50",
    "18446744073709551616",
    "\"\"",
    "{}",
    "\\u0041",
    "\\ud800",
    "\u{feff}",
    "é",
    "\u{1f511}",
    "=",
    "#",
    "[provider]",
    "'",
    "accessToken",
    "refreshToken",
    "claudeAiOauth",
    "oauthAccount",
    "resets_at",
    "\"version\":2",
    "0x7f",
    "@",
    "\\\"",
    MARKER,
];
const NAMES: [&str; 16] = [
    "claudeAiOauth",
    "trustedDeviceToken",
    "oauthAccount",
    "mcpOAuth",
    "numStartups",
    "pluginSecrets",
    "accessToken",
    "refreshToken",
    "expiresAt",
    "scopes",
    "accountUuid",
    "organizationUuid",
    "",
    "a\\\"b",
    "\\u00e9",
    "later",
];
const BLANKS: [&str; 5] = ["", " ", "\n  ", "\t", "\r\n"];

/// The inputs that a property begins with.
pub fn seeds(property: &str) -> Vec<Vec<u8>> {
    let folder = super::root().join("tests/properties/seeds").join(property);
    let files = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut paths: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("readable")).collect()
}

/// One change to an input.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Insert(Index, String),
    Remove(Index, usize),
    Repeat(Index, usize, Index),
    Cut(Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |index: &Index| index.index(bytes.len() + 1);
        match self {
            Self::Flip(at, bit) => {
                let at = place(at);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
            Self::Insert(at, piece) => {
                let at = place(at);
                bytes.splice(at..at, piece.bytes());
            }
            Self::Remove(at, length) => {
                let at = place(at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Self::Repeat(from, length, to) => {
                let (from, to) = (place(from), place(to));
                let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
                bytes.splice(to..to, piece);
            }
            Self::Cut(at) => bytes.truncate(place(at)),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        4 => (at(), select(&PIECES[..])).prop_map(|(at, piece)| Change::Insert(at, piece.to_owned())),
        2 => (at(), 1..12_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        2 => (at(), 1..40_usize, at()).prop_map(|(from, length, to)| Change::Repeat(from, length, to)),
        1 => at().prop_map(Change::Cut),
    ]
}

/// Whole inputs, some with changes, and a little noise.
fn disturbed(whole: impl Strategy<Value = Vec<u8>> + 'static) -> BoxedStrategy<Vec<u8>> {
    let changes = prop_oneof![Just(Vec::new()), vec(change(), 1..4)];
    let changed = (whole, changes).prop_map(|(mut bytes, changes)| {
        changes.iter().for_each(|change| change.apply(&mut bytes));
        bytes
    });
    let noise = vec(any::<u8>(), 0..80);
    prop_oneof![12 => changed, 1 => noise].boxed()
}

fn seed(property: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    select(seeds(property))
}

/// JSON as a person or a program may write it, blanks and all.
fn value() -> BoxedStrategy<String> {
    let text = prop_oneof![
        "[a-z,{}\\[\\]: ]{0,12}".prop_map(|text| format!("\"{text}\"")),
        select(vec!["\"\\\\\\\"\"", "\"\\u00e9\"", "\"\\n\"", "\"é\""]).prop_map(str::to_owned),
        Just(format!("\"{MARKER}\"")),
    ];
    let number = select(vec!["0", "-1", "1.50", "1e3", "1800000000000", "12345678901234567890123"]);
    let leaf = prop_oneof![
        4 => text,
        2 => number.prop_map(str::to_owned),
        1 => select(vec!["null", "true", "false"]).prop_map(str::to_owned),
    ];
    let inner = |value: BoxedStrategy<String>| {
        prop_oneof![
            (vec(value.clone(), 0..4), blank()).prop_map(|(all, blank)| format!("[{blank}{}]", all.join(","))),
            object_of(value),
        ]
    };
    leaf.prop_recursive(3, 12, 4, inner).boxed()
}

fn object_of(value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let names = subsequence(NAMES.to_vec(), 0..6).prop_shuffle();
    let members = (names, vec((blank(), value, blank()), 6));
    (members, blank()).prop_map(|((names, values), last)| object(&names, &values, last)).boxed()
}

fn object(names: &[&str], values: &[(&str, String, &str)], last: &str) -> String {
    let member = |(name, (a, value, b)): (&&str, &(&str, String, &str))| format!("{a}\"{name}\"{b}:{a}{value}{b}");
    let members: Vec<String> = names.iter().zip(values).map(member).collect();
    format!("{{{}{last}}}{last}", members.join(","))
}

fn blank() -> impl Strategy<Value = &'static str> {
    select(&BLANKS[..])
}

/// Any JSON object.
fn object_text() -> BoxedStrategy<Vec<u8>> {
    object_of(value()).prop_map(String::into_bytes).boxed()
}

/// Members that are there more often than not, each with values that are right more often than not.
fn with_members(members: Vec<(&'static str, BoxedStrategy<String>)>) -> BoxedStrategy<String> {
    let each = members.into_iter().map(|(name, right)| {
        let value = prop_oneof![14 => right, 1 => value(), 1 => Just("null".to_owned())];
        proptest::option::weighted(0.9, value).prop_map(move |value| value.map(|value| format!("\"{name}\":{value}")))
    });
    let each: Vec<_> = each.collect();
    (each, blank(), blank())
        .prop_map(|(members, a, b)| {
            let members: Vec<String> = members.into_iter().flatten().collect();
            format!("{{{a}{}{b}}}", members.join(&format!("{b},{a}")))
        })
        .boxed()
}

fn one_of(values: &[&str]) -> BoxedStrategy<String> {
    select(values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>()).boxed()
}

fn token() -> BoxedStrategy<String> {
    prop_oneof![
        Just(format!("\"{MARKER}\"")),
        "[a-zA-Z0-9-]{1,20}".prop_map(|text| format!("\"sk-ant-oat01-sim-{text}\"")),
        one_of(&["\"\"", "\" \"", "\"\\u0000\"", "\"a\\\"b\""]),
    ]
    .boxed()
}

/// Claude Code's credential store.
pub fn credentials() -> BoxedStrategy<Vec<u8>> {
    let time = one_of(&["0", "1800000000000", "1800000000000.0", "1e12", "-5", "1e300"]);
    let login = with_members(vec![
        ("accessToken", token()),
        ("refreshToken", token()),
        ("expiresAt", time.clone()),
        ("refreshTokenExpiresAt", time),
        ("scopes", one_of(&["[]", "[\"user:inference\"]", "[ \"a\" ,\"\" ]"])),
        ("later", value()),
    ]);
    let store = with_members(vec![
        ("mcpOAuth", value()),
        ("claudeAiOauth", login),
        ("trustedDeviceToken", token()),
        ("zzz", value()),
    ]);
    let whole = prop_oneof![3 => store.prop_map(String::into_bytes), 1 => seed("credential_blob")];
    disturbed(whole)
}

/// JSON objects of any kind.
pub fn documents() -> BoxedStrategy<Vec<u8>> {
    disturbed(prop_oneof![3 => object_text(), 1 => seed("claude_json_splice"), 1 => seed("cred_envelope")])
}

/// A journal's header and the document behind it.
pub fn journals() -> BoxedStrategy<Vec<u8>> {
    let alias = || one_of(&["\"a\"", "\"b\"", "\"c\"", "\"../x\"", "\"\""]);
    let print = || one_of(&["\"00112233445566778899aabbccddeeff\"", "\"\"", "\"x\""]);
    let entry = with_members(vec![
        ("version", one_of(&["1", "1", "1", "0", "2"])),
        ("from", alias()),
        ("to", alias()),
        ("outgoing", print()),
        ("incoming", print()),
        ("begun_at", one_of(&["0", "1800000000000", "-1"])),
        ("had_document", one_of(&["true", "false"])),
    ]);
    let made = (entry, credentials()).prop_map(|(head, rest)| {
        let head = head.replace(['\n', '\r'], " ");
        [head.as_bytes(), b"\n", &rest[..]].concat()
    });
    disturbed(prop_oneof![3 => made, 1 => seed("journal")])
}

/// The provider's usage answer.
pub fn usage() -> BoxedStrategy<Vec<u8>> {
    let percent = || {
        prop_oneof![
            (0.0..120.0_f64).prop_map(|p| format!("{p}")),
            one_of(&["0", "100", "-1", "1e308", "79.9999", "\"7\""])
        ]
    };
    let moment = || {
        let all = [
            "\"2027-01-15T08:00:00Z\"",
            "\"2027-01-15T10:00:00.5+02:00\"",
            "\"9999-12-31T23:59:60Z\"",
            "\"soon\"",
            "0",
        ];
        one_of(&all)
    };
    let flat = move || with_members(vec![("utilization", percent().boxed()), ("resets_at", moment())]);
    let name = one_of(&["\"Opus\"", "\"Fable\"", "\" Sonnet \"", "\"\"", "\"5-hour\""]);
    let scope = with_members(vec![("model", with_members(vec![("display_name", name)]))]);
    let limit = with_members(vec![
        ("kind", one_of(&["\"session\"", "\"weekly_all\"", "\"weekly_scoped\"", "\"weekly_scoped\"", "\"new\""])),
        ("percent", percent().boxed()),
        ("resets_at", moment()),
        ("scope", scope),
    ]);
    let limits = vec(limit, 0..5).prop_map(|all| format!("[{}]", all.join(" , "))).boxed();
    let answer = with_members(vec![
        ("five_hour", flat()),
        ("seven_day", flat()),
        ("seven_day_opus", flat()),
        ("seven_day_sonnet", flat()),
        ("limits", limits),
    ]);
    disturbed(prop_oneof![4 => answer.prop_map(String::into_bytes), 1 => seed("usage_json")])
}

/// What Claude Code tells its statusline.
pub fn statusline() -> BoxedStrategy<Vec<u8>> {
    let number = || {
        let odd = ["0", "100", "-1", "1e308", "1795302965", "9223372036854775807", "\"7\"", "null"];
        prop_oneof![(0_u32..2_000_000).prop_map(|n| n.to_string()), one_of(&odd)].boxed()
    };
    let window = move || with_members(vec![("used_percentage", number()), ("resets_at", number())]);
    let limits = with_members(vec![("five_hour", window()), ("seven_day", window()), ("later", value())]);
    let cost = with_members(vec![("total_cost_usd", number()), ("total_api_duration_ms", number())]);
    let told = with_members(vec![
        ("session_id", one_of(&["\"s\"", "\"\"", "7"])),
        ("model", with_members(vec![("display_name", one_of(&["\"Opus 4.8\"", "\"\\u001b[2J\"", "{}"]))])),
        ("cost", cost),
        ("rate_limits", limits),
        ("later", value()),
    ]);
    disturbed(prop_oneof![4 => told.prop_map(String::into_bytes), 1 => seed("statusline_json")])
}

/// What the `security` tool may print.
pub fn security() -> BoxedStrategy<Vec<u8>> {
    let hex = object_text().prop_map(|bytes| bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect());
    disturbed(prop_oneof![3 => object_text(), 2 => hex, 2 => seed("security_output")])
}

/// The lines of a property's seeds, in any order.
pub fn lines(property: &str) -> BoxedStrategy<Vec<u8>> {
    let all: Vec<Vec<u8>> = seeds(property)
        .iter()
        .flat_map(|seed| seed.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
        .collect();
    let mixed = vec(select(all), 0..8).prop_map(|lines| lines.join(&b'\n'));
    disturbed(prop_oneof![mixed, seed(property)])
}

/// Claude Code's record of a session, under the number of this very process.
pub fn records() -> BoxedStrategy<Vec<u8>> {
    let own = std::process::id().to_string();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let start = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19)).unwrap_or("1").to_owned();
    let record = with_members(vec![
        ("pid", one_of(&[own.as_str(), own.as_str(), "4711", "-1"])),
        ("cwd", one_of(&["\"/home/ada\"", "\"\"", "\"relative\\u0000\""])),
        ("startedAt", one_of(&["4102444800000", "1795000000000", "0", "-9223372036854775808", "1.5"])),
        ("procStart", one_of(&[&format!("\"{start}\""), &format!("\"{start}\""), "\"1\"", "\"\""])),
        ("version", one_of(&["\"2.1.330\"", "\"\""])),
        ("entrypoint", one_of(&["\"cli\"", "\"claude-desktop\""])),
        ("later", value()),
    ]);
    disturbed(prop_oneof![3 => record.prop_map(String::into_bytes), 1 => seed("session_record")])
}

/// What was told before.
pub fn told() -> BoxedStrategy<Vec<u8>> {
    let entry = with_members(vec![
        ("what", one_of(&["\"ends-soon\"", "\"ends-now\"", "\"login-needed\"", "\"moved\"", "\"later\""])),
        ("of", one_of(&["\"a\"", "\"b\"", "\"\"", "\"0011223344556677\""])),
        ("mark", one_of(&["0", "1802592000000", "-1", "9223372036854775807"])),
        ("at", one_of(&["0", "1802500000000", "-9223372036854775808"])),
    ]);
    let list = vec(entry, 0..5).prop_map(|all| format!("[{}]", all.join(" ,")).into_bytes());
    disturbed(prop_oneof![3 => list, 1 => seed("told_json")])
}

/// A settings file of Claude Code's.
pub fn claude_settings() -> BoxedStrategy<Vec<u8>> {
    let set = || one_of(&["\"\"", "\"0\"", "\"1\"", "\"x\"", "\" \"", &format!("\"{MARKER}\"")]);
    let variables =
        ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK", "DEBUG"];
    let settings = with_members(vec![
        ("env", with_members(variables.into_iter().map(|name| (name, set())).collect())),
        ("apiKeyHelper", set()),
        ("forceLoginMethod", one_of(&["\"claudeai\"", "\"\""])),
        ("permissions", value()),
    ]);
    disturbed(prop_oneof![3 => settings.prop_map(String::into_bytes), 1 => seed("claude_settings")])
}
