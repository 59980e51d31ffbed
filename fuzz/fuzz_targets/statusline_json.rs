//! Runs `signalbox_properties::statusline_json` on whatever libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signalbox_properties::statusline_json(bytes));
