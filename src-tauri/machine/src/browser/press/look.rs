//! What is asked of the page, and the press itself: two small programs that run in a world of their own beside the page's
//! scripts, which can neither see nor change them. Owns their text; leaves judging the answer to `decide`.

use std::time::Instant;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::decide::{Facts, PressRules};
use super::wire::{Method, Silence, Wire};

/// The world's name. It hides nothing: a page may know that a program is there.
const WORLD: &str = "signalbox";

/// What both programs have in common: what can be seen, and what a button is called.
const COMMON: &str = r#"
const seen = e => {
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return box.width > 0 && box.height > 0 && style.visibility === "visible" && style.opacity !== "0";
};
const line = text => (text || "").replace(/\s+/g, " ").trim().slice(0, 200);
const name = e => line(e.innerText || e.value || e.getAttribute("aria-label") || e.title);
const all = query => Array.from(document.querySelectorAll(query));
const buttons = () => all("button, [role=button], input[type=submit], input[type=button], input[type=image]").filter(seen);
const usable = e => !e.disabled && e.getAttribute("aria-disabled") !== "true";
"#;

/// Looks, and changes nothing. No value of a field is read.
const LOOK: &str = r#"
const host = frame => { try { return new URL(frame.src).hostname || "?"; } catch { return "?"; } };
const challenge = /(^|\.)(cloudflare\.com|hcaptcha\.com|recaptcha\.net|arkoselabs\.com|funcaptcha\.com)$/;
const asks = frame => challenge.test(host(frame)) || /\/recaptcha\//.test(frame.src);
// Cloudflare puts a quiet script on ordinary pages too (/scripts/jsd/); that one asks nobody anything.
const marks = [
  ...all("[id^='cf-'], [class^='cf-'], [name^='cf-'], [id^='challenge-'], .cf-turnstile, .g-recaptcha, .h-captcha")
    .map(e => e.id || e.getAttribute("name") || e.className),
  ...all("script[src*='/cdn-cgi/challenge-platform/']").map(e => e.src).filter(src => !src.includes("/scripts/jsd/")),
  ...all("script[src*='challenges.cloudflare.com']").map(e => e.src),
  ...all("iframe").filter(asks).map(host),
];
const fields = "input:not([type=hidden]):not([type=submit]):not([type=button]):not([type=image]), textarea, select, "
  + "[contenteditable=''], [contenteditable=true], [role=textbox], [role=combobox], [role=checkbox], [role=switch]";
return {
  url: location.href,
  title: line(document.title),
  complete: document.readyState === "complete",
  headings: all("h1, h2, [role=heading]").filter(seen).map(e => line(e.innerText)),
  buttons: buttons().map(name),
  ready: buttons().filter(e => name(e) === wanted && usable(e)).length,
  inputs: all(fields).filter(seen).map(e => line(e.type || e.getAttribute("role") || e.localName)),
  frames: all("iframe, object, embed").filter(e => seen(e) || asks(e)).map(host),
  marks: marks.map(mark => line(String(mark))).slice(0, 10),
};
"#;

/// Presses the one button, if it is still the one, and nothing lies over it.
const PRESS: &str = r#"
const these = buttons().filter(e => name(e) === wanted && usable(e));
if (these.length !== 1 || location.href !== here) return false;
these[0].scrollIntoView({ block: "center", behavior: "instant" });
const box = these[0].getBoundingClientRect();
const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
if (!top || !these[0].contains(top)) return false;
these[0].click();
return true;
"#;

/// Why there is no page to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    Browser,
    SeveralPages,
}

/// A page that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    target: String,
    session: String,
}

/// The browser of a run, and whatever ends waiting for it.
pub struct Eyes<'a> {
    pub wire: &'a mut Wire,
    pub rules: &'a PressRules,
    pub until: Instant,
}

impl Eyes<'_> {
    /// The one page of the browser, which was `before` the last time; `None` before it is there, and after its window was closed.
    pub fn the_page(&mut self, before: Option<Seen>) -> Result<Option<Seen>, Gone> {
        let targets = match self.wire.call(None, Method::Targets, &json!({}), self.until) {
            Ok(targets) => targets,
            Err(Silence::Gone) => return Err(Gone::Browser),
            // It is busy, and the page may be there all the same.
            Err(Silence::Late | Silence::Refused) => return Ok(before),
        };
        let none = Vec::new();
        let pages: Vec<&str> = targets["targetInfos"]
            .as_array()
            .unwrap_or(&none)
            .iter()
            // Its own bars and panels are pages to a browser too.
            .filter(|target| target["type"] == "page" && !is_inside(target["url"].as_str().unwrap_or_default()))
            .filter_map(|target| target["targetId"].as_str())
            .collect();
        let target = match pages[..] {
            [] => return Ok(None),
            [one] => one,
            _ => return Err(Gone::SeveralPages),
        };
        if before.as_ref().is_some_and(|seen| seen.target == target) {
            return Ok(before);
        }
        let attached =
            self.wire.call(None, Method::Attach, &json!({ "targetId": target, "flatten": true }), self.until);
        let session = attached.ok().and_then(|attached| attached["sessionId"].as_str().map(str::to_owned));
        Ok(session.map(|session| Seen { target: target.to_owned(), session }))
    }

    /// What stands on the page now; `None` while it is between two pages.
    pub fn facts(&mut self, page: &Seen) -> Option<Facts> {
        self.evaluate(page, &[("wanted", &self.rules.button)], LOOK)
    }

    /// Presses the button; `false` if it is not there any more, or something lies over it.
    pub fn press(&mut self, page: &Seen, facts: &Facts) -> bool {
        self.evaluate(page, &[("wanted", &self.rules.button), ("here", &facts.url)], PRESS).unwrap_or(false)
    }

    fn evaluate<T: DeserializeOwned>(&mut self, page: &Seen, given: &[(&str, &str)], program: &str) -> Option<T> {
        let mut call =
            |method, parameters: Value| self.wire.call(Some(&page.session), method, &parameters, self.until).ok();
        let frame = call(Method::FrameTree, json!({}))?;
        let frame = frame["frameTree"]["frame"]["id"].as_str()?;
        let world = call(Method::IsolatedWorld, json!({ "frameId": frame, "worldName": WORLD }))?;
        let world = world["executionContextId"].as_i64()?;
        let given: String = given.iter().map(|(name, value)| format!("const {name} = {};\n", literal(value))).collect();
        let mut value = call(
            Method::Evaluate,
            json!({
                "expression": format!("(() => {{\n{given}{COMMON}{program}}})()"),
                "contextId": world,
                "returnByValue": true,
                // As if the person had clicked, so that the page may do what it may do then.
                "userGesture": true,
            }),
        )?;
        serde_json::from_value(value["result"]["value"].take()).ok()
    }
}

fn is_inside(url: &str) -> bool {
    ["chrome:", "chrome-extension:", "chrome-untrusted:", "devtools:", "edge:", "brave:"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
}

/// Text as JavaScript has it. JSON is a part of JavaScript.
fn literal(text: &str) -> Value {
    Value::from(text)
}
