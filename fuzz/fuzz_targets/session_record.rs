//! Runs `signalbox_properties::session_record` on whatever libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signalbox_properties::session_record(bytes));
