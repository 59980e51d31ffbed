//! Runs `signalbox_properties::security_output` on whatever libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signalbox_properties::security_output(bytes));
