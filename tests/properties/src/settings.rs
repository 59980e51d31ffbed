//! `settings.toml`: whatever it says, tokens go to the provider or to this machine.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

use signalbox_machine::settings::{API, Settings, TOKEN};
use signalbox_machine::surroundings::Surroundings;

use crate::marker::{error_says_nothing, with_and_without};
use crate::place::folder;

/// The settings either are refused, with the file named, or name no server but the provider's own and this machine.
///
/// # Panics
/// When one of these does not hold.
pub fn settings_toml(bytes: &[u8]) {
    with_and_without(bytes, |bytes| {
        let home = folder();
        let path = home.path().join("settings.toml");
        std::fs::write(&path, bytes).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        let data_dir = Some(home.path().as_os_str().to_owned());
        let surroundings = Surroundings { data_dir, ..Surroundings::at_home(home.path()) };
        match Settings::load(&surroundings) {
            Err(why) => error_says_nothing(&why),
            Ok(settings) => {
                check_address(&settings.endpoints.api, API);
                check_address(&settings.endpoints.token, TOKEN);
            }
        }
    });
}

/// Reads an address by hand: the scheme, then a host that ends at the first character that may end one.
fn check_address(address: &str, provider: &str) {
    if address == provider {
        return;
    }
    let rest = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://")).expect("http or https");
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let authority = &rest[..end];
    assert!(!authority.contains('@') && !address.contains(['\\', '?', '#']), "{address}");
    assert!(!address.chars().any(|c| c.is_control() || c == ' '), "{address}");
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    assert!(local, "tokens would go to {address}");
}
