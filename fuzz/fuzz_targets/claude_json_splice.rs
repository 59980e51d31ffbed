//! Runs `signalbox_properties::claude_json_splice` on whatever libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signalbox_properties::claude_json_splice(bytes));
