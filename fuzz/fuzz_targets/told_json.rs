//! Runs `signalbox_properties::told_json` on whatever libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signalbox_properties::told_json(bytes));
