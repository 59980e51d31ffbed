//! Which addresses a window may be sent to: the pages of a sign-in at Anthropic, and this machine. Owns that list; leaves
//! opening them to `launch`.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// The hosts of a sign-in (`docs/observed.md` §7).
pub const HOSTS: [&str; 3] = ["claude.com", "claude.ai", "platform.claude.com"];
/// No address of a sign-in is longer; the longest one seen has about 800 characters.
const CHARS_MAX: usize = 8_192;

/// An address that may be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page(Url);

/// The address is none that Signalbox opens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this address is not opened: {why}")]
pub struct Refused {
    why: &'static str,
}

impl Page {
    /// Accepts `https` on [`HOSTS`], and `http` and `https` on a loopback address. What is handed on is put together from
    /// the parsed parts, so no browser can read another host out of it, or an option.
    ///
    /// # Errors
    /// For everything else. The error does not repeat the address.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let refused = |why| Err(Refused { why });
        if text.len() > CHARS_MAX {
            return refused("it is too long");
        }
        let Ok(url) = Url::parse(text) else { return refused("it makes no sense") };
        if !url.username().is_empty() || url.password().is_some() {
            return refused("it holds a user name");
        }
        let Some(host) = url.host_str() else { return refused("it names no server") };
        match url.scheme() {
            "http" | "https" if is_this_machine(host) => Ok(Self(url)),
            "https" if HOSTS.contains(&host) && url.port().is_none() => Ok(Self(url)),
            "http" | "https" => refused("it is no page of Anthropic's sign-in"),
            _ => refused("it is no web page"),
        }
    }

    /// The address, as it is handed to a browser.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

/// Whether a host, as a URL parser normalised it, is this machine. No name but `localhost` is looked at, because a name
/// means whatever a name server says.
pub(super) fn is_this_machine(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback());
    }
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_sign_in_and_of_this_machine_are_opened() {
        for address in [
            "https://claude.com/cai/oauth/authorize?code=true&state=abc",
            "https://claude.ai/oauth/authorize?z-abc",
            "https://platform.claude.com/oauth/authorize",
            "HTTPS://CLAUDE.AI:443/login",
            "http://localhost:54545/callback",
            "http://127.0.0.1:8080/oauth/authorize",
            "http://[::1]:8080/",
            "https://127.0.0.1/",
        ] {
            assert!(Page::parse(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for address in [
            "",
            "claude.ai",
            "http://claude.ai/",
            "https://claude.ai.example.com/",
            "https://evil.claude.ai/",
            "https://example.com/?claude.ai",
            "https://claude.ai@example.com/",
            "https://user@claude.ai/",
            "https://claude.ai:8443/",
            "https://claude.ai./",
            "https://localhost.example.com/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "chrome://settings",
            "--gpu-launcher=sh",
            "ftp://localhost/",
        ] {
            assert!(Page::parse(address).is_err(), "{address}");
        }
        assert!(Page::parse(&format!("https://claude.ai/?{}", "x".repeat(CHARS_MAX))).is_err());
    }

    #[test]
    fn a_refusal_does_not_repeat_the_address() {
        let error = Page::parse("https://example.com/?code=secret").expect_err("another server");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
