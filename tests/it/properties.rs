//! The properties of `signalbox-properties`, run a bounded number of times with made-up inputs: valid ones, valid ones with
//! a few bytes changed, and noise. Owns how often and with which seed; the inputs are made in `inputs`, and what has to
//! hold is in the crate. `make fuzz` runs the same properties without end.
//!
//! `SIGNALBOX_SEED=<number>` repeats a run, `SIGNALBOX_CASES=<number>` makes it longer. An input that broke a property is
//! written to `target/properties/`; put into `tests/properties/seeds/<property>/` it is tried in every later run.

mod inputs;

use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use signalbox_core::credential::Live;
use signalbox_core::document::Document;
use signalbox_core::usage::Usage;
use signalbox_properties::{ALL, Property};

/// How many inputs each property is tried with.
const CASES: u32 = 20_000;
/// At least this share of them has to get past the front door, or the property is tried on noise alone.
const REACHED_PERCENT: u32 = 15;

#[test]
fn a_login_survives_every_way_through_us_and_a_husk_never_becomes_one() {
    hold("credential_blob", CASES, inputs::credentials(), |bytes| {
        let live = Document::parse(bytes.to_vec()).ok().map(|document| Live::parse(&document));
        matches!(live, Some(Ok(Live::Login(_))))
    });
}

#[test]
fn a_splice_changes_one_member_and_no_other_byte_whatever_the_document() {
    hold("claude_json_splice", CASES, inputs::documents(), |bytes| Document::parse(bytes.to_vec()).is_ok());
}

#[test]
fn what_was_sealed_opens_to_the_same_and_nothing_else_opens() {
    hold("cred_envelope", CASES / 4, inputs::documents(), |bytes| Document::parse(bytes.to_vec()).is_ok());
}

#[test]
fn no_bit_of_an_envelope_can_be_changed() {
    for bytes in inputs::seeds("cred_envelope") {
        signalbox_properties::every_corruption(&bytes);
    }
}

#[test]
fn whatever_stands_in_the_journal_recover_loses_no_login() {
    hold("journal", CASES / 10, inputs::journals(), |bytes| !bytes.is_empty());
}

#[test]
fn any_usage_answer_becomes_sane_meters() {
    hold("usage_json", CASES, inputs::usage(), |bytes| {
        let usage = serde_json::from_slice(bytes).ok().and_then(|answer| Usage::parse(&answer));
        usage.is_some_and(|usage| !usage.windows.is_empty())
    });
}

#[test]
fn whatever_the_statusline_is_told_becomes_sane_numbers_and_no_answer_seems_later_than_it_is() {
    hold("statusline_json", CASES, inputs::statusline(), |bytes| {
        signalbox_core::feed::Told::parse(bytes).is_some_and(|told| !told.windows.is_empty())
    });
}

#[test]
fn what_the_security_tool_prints_is_read_as_what_was_stored() {
    hold("security_output", CASES / 2, inputs::security(), |bytes| Document::parse(bytes.to_vec()).is_ok());
}

#[test]
fn a_history_survives_whatever_was_done_to_its_file() {
    let has_line = |bytes: &[u8]| bytes.windows(9).any(|part| part == b"\"event\":\"");
    hold("events_jsonl", CASES / 4, inputs::lines("events_jsonl"), has_line);
}

#[test]
fn nobody_is_told_anything_twice_whatever_stands_in_the_file() {
    let is_list = |bytes: &[u8]| serde_json::from_slice::<Vec<serde_json::Value>>(bytes).is_ok();
    hold("told_json", CASES / 10, inputs::told(), is_list);
}

#[test]
fn no_settings_send_tokens_anywhere_but_to_the_provider_or_to_this_machine() {
    let is_toml = |bytes: &[u8]| str::from_utf8(bytes).is_ok_and(|text| text.parse::<toml::Table>().is_ok());
    hold("settings_toml", CASES / 2, inputs::lines("settings_toml"), is_toml);
}

#[test]
fn a_session_record_hides_no_session_and_makes_none_up() {
    let is_object = |bytes: &[u8]| serde_json::from_slice::<serde_json::Map<_, _>>(bytes).is_ok();
    hold("session_record", CASES / 4, inputs::records(), is_object);
}

#[test]
fn the_settings_of_claude_code_tell_the_names_of_pins_and_no_value() {
    let is_object = |bytes: &[u8]| serde_json::from_slice::<serde_json::Map<_, _>>(bytes).is_ok();
    hold("claude_settings", CASES / 4, inputs::claude_settings(), is_object);
}

#[test]
fn every_property_has_a_fuzz_target_and_inputs_to_begin_with() {
    let root = root();
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).expect("the fuzz targets' manifest");
    let own = fs::read_to_string(root.join("tests/it/properties.rs")).expect("this file");
    for (name, _) in ALL {
        let target = fs::read_to_string(root.join(format!("fuzz/fuzz_targets/{name}.rs"))).expect(name);
        assert!(
            target.contains(&format!("signalbox_properties::{name}(")),
            "the fuzz target {name} runs another property"
        );
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml does not name {name}");
        assert!(own.contains(&format!("hold(\"{name}\",")), "{name} is run by no test");
        assert!(inputs::seeds(name).len() >= 5, "{name} has too few inputs to begin with");
    }
}

/// Runs a property over its seeds, then over made-up inputs. `reaches`: whether an input gets past the parser's front door.
fn hold(name: &str, cases: u32, strategy: impl Strategy<Value = Vec<u8>>, reaches: fn(&[u8]) -> bool) {
    let (_, property) = ALL.into_iter().find(|(known, _)| *known == name).expect("a property");
    for bytes in inputs::seeds(name) {
        try_one(name, property, &bytes);
    }
    let cases = number("SIGNALBOX_CASES").map_or(cases, |cases| u32::try_from(cases).unwrap_or(u32::MAX));
    // The same inputs in every run; the fuzzers try ever new ones.
    let seed = number("SIGNALBOX_SEED").unwrap_or(1);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_le_bytes().repeat(4));
    let reached = AtomicU32::new(0);
    let begun = Instant::now();
    let outcome = TestRunner::new_with_rng(config, random).run(&strategy, |bytes| {
        reached.fetch_add(u32::from(reaches(&bytes)), Ordering::Relaxed);
        property(&bytes);
        Ok(())
    });
    let reached = reached.into_inner();
    match outcome {
        Err(TestError::Fail(why, bytes)) => {
            let kept = keep(name, &bytes);
            let shown = bytes.escape_ascii();
            panic!(
                "{name} is broken: {why}\n  input: {shown}\n  kept in {}\n  repeat: SIGNALBOX_SEED={seed}",
                kept.display()
            );
        }
        Err(TestError::Abort(why)) => panic!("{name} could not be tried: {why} (SIGNALBOX_SEED={seed})"),
        Ok(()) => {}
    }
    println!(
        "{name}: {cases} inputs in {:.1} s, {reached} past the front door, seed {seed}",
        begun.elapsed().as_secs_f64()
    );
    let enough = u64::from(reached) * 100 >= u64::from(cases) * u64::from(REACHED_PERCENT);
    assert!(enough, "{name}: only {reached} of {cases} inputs were more than noise (SIGNALBOX_SEED={seed})");
}

fn try_one(name: &str, property: Property, bytes: &[u8]) {
    if std::panic::catch_unwind(AssertUnwindSafe(|| property(bytes))).is_err() {
        panic!("{name} is broken by a seed: {}", bytes.escape_ascii());
    }
}

/// Writes an input that broke a property to where it can be taken from.
fn keep(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = root().join("target/properties");
    let path =
        folder.join(format!("{name}-{:08x}", bytes.iter().fold(7_u32, |sum, b| sum.wrapping_mul(31) ^ u32::from(*b))));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, bytes));
    written.expect("the input can be kept");
    path
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} has to be a number")))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}
