//! What has to hold for every input that comes from outside, one function for each kind of input. Each takes any bytes at all and
//! panics when its property is broken. `tests/it/properties.rs` runs them a bounded number of times in `make test`,
//! `fuzz/` runs them without end under cargo-fuzz. Owns the properties, the oracles they are held against, and the
//! inputs to begin with (`seeds/`); leaves making up inputs to the two runners.
//!
//! Two things hold everywhere and are not said again: no input makes a parser panic, and no error and no `Debug` text
//! quotes an input that it could not read, because that input may be a token.

mod credential;
mod envelope;
mod history;
mod journal;
mod marker;
mod oracle;
mod place;
mod scene;
mod security;
mod sessions;
mod settings;
mod splice;
mod statusline;
mod told;
mod usage;

pub use credential::credential_blob;
pub use envelope::{cred_envelope, every_corruption};
pub use history::events_jsonl;
pub use journal::journal;
pub use marker::MARKER;
pub use security::security_output;
pub use sessions::{claude_settings, session_record};
pub use settings::settings_toml;
pub use splice::claude_json_splice;
pub use statusline::statusline_json;
pub use told::told_json;
pub use usage::usage_json;

/// A property over any bytes. Panics when it is broken.
pub type Property = fn(&[u8]);

/// Every property by its name, which is also the name of its fuzz target and of its folder in `seeds/`.
pub const ALL: [(&str, Property); 12] = [
    ("claude_json_splice", claude_json_splice),
    ("claude_settings", claude_settings),
    ("cred_envelope", cred_envelope),
    ("credential_blob", credential_blob),
    ("events_jsonl", events_jsonl),
    ("journal", journal),
    ("security_output", security_output),
    ("session_record", session_record),
    ("settings_toml", settings_toml),
    ("statusline_json", statusline_json),
    ("told_json", told_json),
    ("usage_json", usage_json),
];
