//! Whether the Authorize button of a page may be pressed: a pure decision about what stands on it. Owns what is known of
//! the consent page; leaves looking at it to `look`, and pressing and handing over to `press`.
//!
//! The rule is the reverse of recognising what is wrong: a page is pressed only if everything on it is known. Whatever
//! else comes, today or after a change at Anthropic, is handed to the person.

use reqwest::Url;
use serde::Deserialize;

use super::{Reason, Unknown};
use crate::browser::page::{HOSTS, Page, is_this_machine};

/// What stands on a page, as a person would see it. Nothing else is ever asked of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Its address.
    pub url: String,
    pub title: String,
    /// It is loaded.
    pub complete: bool,
    /// The headings, in their order.
    pub headings: Vec<String>,
    /// The names of the buttons that can be seen.
    pub buttons: Vec<String>,
    /// How many of them are called Authorize and can be pressed now.
    pub ready: usize,
    /// The kinds of the fields that can be seen.
    pub inputs: Vec<String>,
    /// The hosts of the frames that can be seen, and of those of known challenges even if not.
    pub frames: Vec<String>,
    /// What a challenge leaves in a page.
    pub marks: Vec<String>,
}

/// What is known of the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PressRules {
    /// Where it lies besides a loopback address that was opened as such: host and path.
    pub places: Vec<(String, String)>,
    /// Its heading.
    pub headings: Vec<String>,
    /// The button, and no other.
    pub button: String,
    /// Other buttons that may stand there.
    pub others: Vec<String>,
    /// How long a whole run may take.
    pub limit: std::time::Duration,
}

/// A minute is enough for a slow line, and short enough for somebody who waits.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

impl PressRules {
    /// Anthropic's page as it was reported in 2026: "Claude Code would like to connect to your Claude chat account", with
    /// *Authorize* and *Decline*. `claude.com/cai/oauth/authorize` leads to the one on `claude.ai`.
    pub fn of_anthropic() -> Self {
        let place = |host: &str, path: &str| (host.to_owned(), path.to_owned());
        Self {
            places: vec![place("claude.ai", "/oauth/authorize"), place("claude.com", "/cai/oauth/authorize")],
            headings: vec!["Claude Code would like to connect to your Claude chat account".to_owned()],
            button: "Authorize".to_owned(),
            others: vec!["Decline".to_owned()],
            limit: LIMIT,
        }
    }
}

/// What to do about a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the consent page, whole.
    Press,
    /// It is on its way, and nothing on it is unknown.
    Wait,
    HandOver(Reason),
}

/// What to do about a page after the press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    Consented,
    Wait,
    HandOver(Reason),
    HandOverIfItStays(Reason),
}

/// The parameters that make a request this one. All that were opened have to be there still, and alike.
const SAME: [&str; 6] = ["client_id", "redirect_uri", "state", "code_challenge", "scope", "response_type"];
/// The titles of Cloudflare's pages.
const CHALLENGE_TITLES: [&str; 4] =
    ["just a moment", "attention required", "checking your browser", "verify you are human"];
/// Whose frames ask whether one is human.
const CHALLENGE_FRAMES: [&str; 5] =
    ["cloudflare.com", "hcaptcha.com", "recaptcha.net", "arkoselabs.com", "funcaptcha.com"];
const SIGN_IN_PATHS: [&str; 5] = ["/login", "/sign-in", "/signin", "/magic-link", "/sso"];
const SIGN_IN_INPUTS: [&str; 2] = ["email", "password"];

/// Judges a page that came up when `opened` was.
pub fn decide(facts: &Facts, opened: &Page, rules: &PressRules) -> Verdict {
    let hand_over = |reason| Verdict::HandOver(reason);
    let unknown = |what| hand_over(Reason::UnknownPage(what));
    if is_challenge(facts) {
        return hand_over(Reason::Challenge);
    }
    let Ok(url) = Url::parse(&facts.url) else { return unknown(Unknown::Place(String::new())) };
    if url.scheme() == "about" {
        return Verdict::Wait;
    }
    if url.scheme() == "chrome-error" {
        return unknown(Unknown::NotReached);
    }
    if wants_sign_in(&url, facts, rules) {
        return hand_over(Reason::SignInWanted);
    }
    if !is_known_place(&url, opened, rules) {
        return unknown(Unknown::Place(url.host_str().unwrap_or_default().to_owned()));
    }
    if !is_same_request(&url, opened) || !leads_back(opened) {
        return unknown(Unknown::AnotherRequest);
    }
    if let Some(input) = facts.inputs.first() {
        return unknown(Unknown::Field(input.clone()));
    }
    if let Some(host) = facts.frames.first() {
        return unknown(Unknown::Frame(host.clone()));
    }
    if let Some(heading) = facts.headings.iter().find(|heading| !rules.headings.contains(heading)) {
        return unknown(Unknown::Heading(heading.clone()));
    }
    let other = |name: &&String| **name != rules.button && !rules.others.contains(name);
    if let Some(button) = facts.buttons.iter().find(other) {
        return unknown(Unknown::Button(button.clone()));
    }
    let named = facts.buttons.iter().filter(|name| **name == rules.button).count();
    if named > 1 || facts.headings.len() > 1 {
        return unknown(Unknown::Twice);
    }
    // A page that builds itself has some of it for a moment, and some pages have a button that wakes up late.
    let whole = facts.complete && facts.headings.len() == 1 && named == 1 && facts.ready == 1;
    if whole { Verdict::Press } else { Verdict::Wait }
}

/// Whether the address, after the press, is where a consent leads: back to whoever asked, or to the page that says so.
fn has_consented(url: &str, opened: &Page) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let back = parameter(opened.url(), "redirect_uri").and_then(|text| Url::parse(&text).ok());
    let same_place = |back: &Url| back.origin() == url.origin() && back.path() == url.path();
    // The simulated provider: all of it is one server.
    let theirs = match opened.url().host_str() {
        Some(host) if is_this_machine(host) => url.origin() == opened.url().origin(),
        _ => url.host_str() == Some("platform.claude.com") && url.scheme() == "https",
    };
    back.as_ref().is_some_and(same_place) || (theirs && url.path() == "/oauth/code/success")
}

/// Judges the page after the press: what would have been handed over before it still is, and nothing is pressed again.
pub fn decide_after(facts: &Facts, opened: &Page, rules: &PressRules) -> After {
    if facts.complete && has_consented(&facts.url, opened) {
        return After::Consented;
    }
    match decide(facts, opened, rules) {
        Verdict::HandOver(Reason::Challenge) => After::HandOver(Reason::Challenge),
        // A page that leads on says something else for a moment.
        Verdict::HandOver(reason) => After::HandOverIfItStays(reason),
        Verdict::Press | Verdict::Wait => After::Wait,
    }
}

/// Whether a page asks if one is human.
fn is_challenge(facts: &Facts) -> bool {
    let title = facts.title.trim().to_lowercase();
    let framed = |host: &String| {
        CHALLENGE_FRAMES
            .iter()
            .any(|each| host == each || host.strip_suffix(each).is_some_and(|rest| rest.ends_with('.')))
    };
    CHALLENGE_TITLES.iter().any(|each| title.starts_with(each))
        || !facts.marks.is_empty()
        || facts.frames.iter().any(framed)
}

fn wants_sign_in(url: &Url, facts: &Facts, rules: &PressRules) -> bool {
    let host = url.host_str().unwrap_or_default();
    let theirs = HOSTS.contains(&host) || is_this_machine(host) || rules.places.iter().any(|(each, _)| each == host);
    let path = url.path();
    let below = |each: &&str| path == *each || path.strip_prefix(*each).is_some_and(|rest| rest.starts_with('/'));
    theirs
        && (SIGN_IN_PATHS.iter().any(below)
            || facts.inputs.iter().any(|input| SIGN_IN_INPUTS.contains(&input.as_str())))
}

fn is_known_place(url: &Url, opened: &Page, rules: &PressRules) -> bool {
    let opened = opened.url();
    if opened.host_str().is_some_and(is_this_machine) {
        // The simulated provider: all of it is one server, and the paths are the real ones.
        return url.origin() == opened.origin() && rules.places.iter().any(|(_, path)| url.path() == path);
    }
    let here = |(host, path): &(String, String)| url.host_str() == Some(host) && url.path() == path;
    url.scheme() == "https" && url.port().is_none() && rules.places.iter().any(here)
}

/// The button answers the request that stands in the address; it has to be the one that was opened.
fn is_same_request(url: &Url, opened: &Page) -> bool {
    let alike = |name: &str| parameter(url, name) == parameter(opened.url(), name);
    parameter(opened.url(), "state").is_some() && SAME.iter().all(|name| alike(name))
}

/// Whether the consent goes to a program on this machine, or to Anthropic's page that shows a code.
fn leads_back(opened: &Page) -> bool {
    let back = parameter(opened.url(), "redirect_uri").and_then(|text| Page::parse(&text).ok());
    back.is_some_and(|back| {
        back.url().host_str().is_some_and(|host| is_this_machine(host) || host == "platform.claude.com")
    })
}

/// The value of a parameter; `None` where it is not there, or there twice.
fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut values = url.query_pairs().filter(|(each, _)| each == name).map(|(_, value)| value.into_owned());
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests;
