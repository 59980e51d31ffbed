//! The decision about a page as a table: what stands on it, and what is done about it.

use super::*;

const OPENED: &str = "https://claude.com/cai/oauth/authorize?code=true&client_id=c&response_type=code&\
    redirect_uri=http%3A%2F%2Flocalhost%3A54545%2Fcallback&scope=user%3Aprofile&code_challenge=x&state=s";

fn opened() -> Page {
    Page::parse(OPENED).expect("a page")
}

/// The consent page as it is known.
fn consent() -> Facts {
    Facts {
        url: OPENED.replace("https://claude.com/cai/", "https://claude.ai/"),
        title: "Claude".to_owned(),
        complete: true,
        headings: vec!["Claude Code would like to connect to your Claude chat account".to_owned()],
        buttons: vec!["Authorize".to_owned(), "Decline".to_owned()],
        ready: 1,
        ..Facts::default()
    }
}

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = consent();
    change(&mut facts);
    facts
}

fn judged(facts: &Facts) -> Verdict {
    decide(facts, &opened(), &PressRules::of_anthropic())
}

fn unknown(what: Unknown) -> Verdict {
    Verdict::HandOver(Reason::UnknownPage(what))
}

fn add(list: fn(&mut Facts) -> &mut Vec<String>, text: &str) -> Facts {
    with(|facts| list(facts).push(text.to_owned()))
}

#[test]
fn the_known_page_is_pressed() {
    assert_eq!(judged(&consent()), Verdict::Press);
    assert_eq!(judged(&with(|facts| facts.buttons.truncate(1))), Verdict::Press, "without a way to decline");
    assert_eq!(judged(&with(|facts| facts.url = OPENED.to_owned())), Verdict::Press, "where it was opened");
}

#[test]
fn a_page_on_its_way_is_waited_for() {
    for (why, facts) in [
        ("nothing yet", with(|facts| facts.url = "about:blank".to_owned())),
        ("still loading", with(|facts| facts.complete = false)),
        ("empty", with(|facts| *facts = Facts { url: facts.url.clone(), complete: true, ..Facts::default() })),
        ("no button yet", with(|facts| facts.buttons.clear())),
        ("no heading yet", with(|facts| facts.headings.clear())),
        ("the button sleeps", with(|facts| facts.ready = 0)),
    ] {
        assert_eq!(judged(&facts), Verdict::Wait, "{why}");
    }
}

#[test]
fn a_challenge_is_handed_over_whatever_else_stands_there() {
    for (why, facts) in [
        ("title", with(|facts| facts.title = "Just a moment...".to_owned())),
        ("another title", with(|facts| facts.title = "Attention Required! | Cloudflare".to_owned())),
        ("mark", add(|facts| &mut facts.marks, "cf-turnstile-response")),
        ("frame", add(|facts| &mut facts.frames, "challenges.cloudflare.com")),
        ("captcha", add(|facts| &mut facts.frames, "newassets.hcaptcha.com")),
        ("while loading", with(|facts| (facts.title, facts.complete) = ("Just a moment...".to_owned(), false))),
        (
            "elsewhere",
            with(|facts| (facts.title, facts.url) = ("Just a moment...".to_owned(), "https://x.y/".to_owned())),
        ),
    ] {
        assert_eq!(judged(&facts), Verdict::HandOver(Reason::Challenge), "{why}");
    }
}

#[test]
fn a_page_that_wants_a_sign_in_is_handed_over() {
    for (why, facts) in [
        ("its place", with(|facts| facts.url = "https://claude.ai/login?returnTo=%2Foauth".to_owned())),
        ("below it", with(|facts| facts.url = "https://claude.ai/login/google".to_owned())),
        ("a field for e-mail", add(|facts| &mut facts.inputs, "email")),
        ("a field for a password", add(|facts| &mut facts.inputs, "password")),
    ] {
        assert_eq!(judged(&facts), Verdict::HandOver(Reason::SignInWanted), "{why}");
    }
}

#[test]
fn a_page_at_another_place_is_unknown() {
    for (host, url) in [
        ("claude.ai", "https://claude.ai/new"),
        ("claude.ai", "http://claude.ai/oauth/authorize?state=s"),
        ("claude.ai", "https://claude.ai:8443/oauth/authorize?state=s"),
        ("claude.ai.example.com", "https://claude.ai.example.com/oauth/authorize?state=s"),
        ("accounts.google.com", "https://accounts.google.com/login"),
        ("localhost", "http://localhost:54545/oauth/authorize?state=s"),
        ("", "data:text/html,x"),
        ("", "nonsense"),
    ] {
        assert_eq!(
            judged(&with(|facts| facts.url = url.to_owned())),
            unknown(Unknown::Place(host.to_owned())),
            "{url}"
        );
    }
    let unreached = with(|facts| facts.url = "chrome-error://chromewebdata/".to_owned());
    assert_eq!(judged(&unreached), unknown(Unknown::NotReached));
}

#[test]
fn a_page_about_another_request_is_unknown() {
    for (from, to) in [
        ("state=s", "state=t"),
        ("&state=s", ""),
        ("&state=s", "&state=s&state=s"),
        ("54545", "54546"),
        ("client_id=c", "client_id=d"),
        ("user%3Aprofile", "user%3Aprofile+org%3Aadmin"),
        ("code_challenge=x", "code_challenge=y"),
    ] {
        let facts = with(|facts| facts.url = facts.url.replace(from, to));
        assert_eq!(judged(&facts), unknown(Unknown::AnotherRequest), "{from} → {to}");
    }
}

#[test]
fn a_request_that_leads_to_another_machine_is_never_pressed() {
    for back in ["https%3A%2F%2Fexample.com%2F", "http%3A%2F%2Fclaude.ai%2F", "x", ""] {
        let opened = OPENED.replace("http%3A%2F%2Flocalhost%3A54545%2Fcallback", back);
        let facts = with(|facts| facts.url = opened.clone());
        let judged = decide(&facts, &Page::parse(&opened).expect("a page"), &PressRules::of_anthropic());
        assert_eq!(judged, unknown(Unknown::AnotherRequest), "{back}");
    }
}

#[test]
fn whatever_is_new_on_the_page_is_unknown() {
    let text = || "Pick an organization".to_owned();
    for (facts, what) in [
        (add(|facts| &mut facts.headings, &text()), Unknown::Heading(text())),
        (add(|facts| &mut facts.buttons, &text()), Unknown::Button(text())),
        (add(|facts| &mut facts.inputs, "checkbox"), Unknown::Field("checkbox".to_owned())),
        (add(|facts| &mut facts.inputs, "select-one"), Unknown::Field("select-one".to_owned())),
        (add(|facts| &mut facts.frames, "example.com"), Unknown::Frame("example.com".to_owned())),
        (with(|facts| facts.headings[0] = text()), Unknown::Heading(text())),
        (with(|facts| facts.buttons[0] = "authorize".to_owned()), Unknown::Button("authorize".to_owned())),
        (with(|facts| facts.buttons[0] = "Authorize all".to_owned()), Unknown::Button("Authorize all".to_owned())),
        (add(|facts| &mut facts.buttons, ""), Unknown::Button(String::new())),
        (add(|facts| &mut facts.buttons, "Authorize"), Unknown::Twice),
        (with(|facts| facts.headings.push(facts.headings[0].clone())), Unknown::Twice),
    ] {
        assert_eq!(judged(&facts), unknown(what), "{facts:?}");
        // It is unknown at once, and not only when the page has come to rest.
        assert_eq!(judged(&Facts { complete: false, ..facts.clone() }), judged(&facts));
    }
}

#[test]
fn a_simulated_page_is_known_only_where_it_was_opened() {
    let at = |port: u16| OPENED.replace("https://claude.com/cai/", &format!("http://127.0.0.1:{port}/"));
    let opened = Page::parse(&at(8080)).expect("a page");
    let judged = |port| decide(&with(|facts| facts.url = at(port)), &opened, &PressRules::of_anthropic());
    assert_eq!(judged(8080), Verdict::Press);
    assert_eq!(judged(8081), unknown(Unknown::Place("127.0.0.1".to_owned())));
}

#[test]
fn a_consent_leads_back_to_who_asked_or_to_the_page_that_says_so() {
    for (url, consented) in [
        ("http://localhost:54545/callback?code=x&state=s", true),
        ("https://platform.claude.com/oauth/code/success?app=claude-code", true),
        ("http://localhost:54545/", false),
        ("http://localhost:1/callback", false),
        ("http://platform.claude.com/oauth/code/success", false),
        ("https://platform.claude.com/oauth/code/success/x", false),
        ("https://example.com/oauth/code/success", false),
        ("chrome-error://chromewebdata/", false),
        (OPENED, false),
        ("", false),
    ] {
        assert_eq!(has_consented(url, &opened()), consented, "{url}");
    }
}

#[test]
fn what_a_page_says_is_repeated_shortly_and_on_one_line() {
    let long = Unknown::Heading(format!("a\n\u{1b}[31m{}", "x".repeat(1_000))).to_string();
    assert!(long.len() < 120 && !long.contains(['\n', '\u{1b}']), "{long:?}");
}

#[test]
fn after_the_press_nothing_is_pressed_again() {
    let after = |facts: &Facts| decide_after(facts, &opened(), &PressRules::of_anthropic());
    assert_eq!(after(&consent()), After::Wait, "it has not gone on yet");
    let done = with(|facts| facts.url = "http://localhost:54545/callback?code=x&state=s".to_owned());
    assert_eq!(after(&done), After::Consented);
    assert_eq!(after(&Facts { complete: false, ..done }), After::HandOverIfItStays(place("localhost")));
    let challenge = with(|facts| facts.title = "Just a moment...".to_owned());
    assert_eq!(after(&challenge), After::HandOver(Reason::Challenge));
    let second = with(|facts| facts.headings[0] = "Are you sure?".to_owned());
    let heading = Reason::UnknownPage(Unknown::Heading("Are you sure?".to_owned()));
    assert_eq!(after(&second), After::HandOverIfItStays(heading));
}

fn place(host: &str) -> Reason {
    Reason::UnknownPage(Unknown::Place(host.to_owned()))
}
