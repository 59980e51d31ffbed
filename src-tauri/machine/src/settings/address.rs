//! Which addresses may stand in for the provider's: loopback ones and nothing else, because whoever can set a variable
//! must not be able to have tokens sent to himself. Leaves where they are read from to the settings.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::SettingsError;

/// The replacement for one address: the variable's, else the file's. Both are checked, so that a bad one never hides.
pub(super) fn base(
    variable: &'static str,
    value: Option<&OsStr>,
    key: &'static str,
    from_file: Option<String>,
) -> Result<Option<String>, SettingsError> {
    let from_file = from_file.map(|text| loopback(key, &text)).transpose()?;
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(from_file) };
    let text = value.to_str().ok_or(SettingsError::NotLoopback { name: variable, why: "it is not UTF-8 text" })?;
    loopback(variable, text).map(Some)
}

/// Accepts `text` as a base address if it can only mean this machine. The answer is put together from the parsed parts,
/// so no later parser can read another host out of it.
pub(super) fn loopback(name: &'static str, text: &str) -> Result<String, SettingsError> {
    let refused = |why| SettingsError::NotLoopback { name, why };
    let url = reqwest::Url::parse(text).map_err(|_| refused("it is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return Err(refused("it holds a user name"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it holds more than an address"));
    }
    if !url.host_str().is_some_and(is_this_machine) {
        return Err(refused("it names another server"));
    }
    Ok(format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/')))
}

/// Whether a host, as a URL parser normalised it, is this machine. No name but `localhost` is looked at, because a name
/// means whatever a name server says.
fn is_this_machine(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback());
    }
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}
