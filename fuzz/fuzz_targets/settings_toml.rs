//! Runs `signalbox_properties::settings_toml` on whatever libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signalbox_properties::settings_toml(bytes));
