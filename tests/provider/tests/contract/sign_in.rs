//! The browser's way to a code: sign-in, choice of organisation, consent, and what may stand in the way (§D1, observed §7).

use crate::browser::{Attempt, Browser, CODE_PAGE, parameter};
use crate::{Rig, START_MS, ok, send};
use provider_sim::{ConsentChange, Endpoint, Fault, FaultKind, LoginState, Organization, Outcome, challenge_of};
use serde_json::json;

#[tokio::test]
async fn a_new_browser_signs_in_consents_and_brings_the_client_a_code() {
    let rig = Rig::new();
    let attempt = Attempt { login_hint: Some("ada@work.example"), ..Attempt::new(0) };
    let browser = Browser::new(&rig);
    let sent_on = browser.get(&format!("/cai/oauth/authorize?{}", attempt.query())).await;
    assert_eq!(sent_on.status, 307);
    let page = browser.follow(sent_on).await;
    assert!(page.is("sign-in") && page.text.contains(r#"value="ada@work.example""#), "{}", page.text);
    let page = browser.sign_in(&attempt, "Ada@work.example ").await;
    assert!(page.is("consent"), "{}", page.text);
    assert!(page.text.contains("Claude Code would like to connect to your Claude chat account"));
    assert!(page.text.contains("ada@work.example") && page.text.contains(r#"id="authorize""#));
    let code = attempt.code_in(&browser.click(&attempt, "allow").await);
    assert_eq!(attempt.exchange(&rig, &code).await.0, 200);
    let answer = &rig.sim.authorizations()[0];
    assert_eq!((answer.account.as_str(), answer.auto, answer.shown), ("work", false, false));
    let again = browser.open(&Attempt::new(1)).await;
    assert!(again.is("consent"), "the browser is still signed in");
}

#[tokio::test]
async fn an_unknown_address_is_asked_again_and_never_echoed_as_markup() {
    let rig = Rig::new();
    let (browser, attempt) = (Browser::new(&rig), Attempt::new(0));
    let page = browser.sign_in(&attempt, "\"><script>alert(1)</script>@x.example").await;
    assert!(page.is("sign-in") && page.text.contains("sign-in-error"), "{}", page.text);
    assert!(!page.text.contains("<script>"), "{}", page.text);
    assert!(rig.sim.browser_sessions().is_empty());
}

#[tokio::test]
async fn somebody_with_two_organizations_chooses_one() {
    let rig = Rig::new();
    let (browser, attempt) = (Browser::new(&rig), Attempt::new(0));
    let page = browser.sign_in(&attempt, "ada@home.example").await;
    assert!(page.is("organization") && page.text.contains("Home") && page.text.contains("Lovelace Ltd"));
    assert_eq!(browser.click(&attempt, "allow").await.status, 303, "no organization, no code");
    let chosen = rig.sim.account("ada").unwrap().organizations[1].uuid.clone();
    let path = format!("/oauth/organization?{}", attempt.query());
    for wrong in ["", "another"] {
        let page = browser.post(&path, &[("organization", wrong)]).await;
        assert!(browser.follow(page).await.is("organization"), "{wrong}");
    }
    let page = browser.post(&path, &[("organization", &chosen)]).await;
    let page = browser.follow(page).await;
    assert!(page.is("consent") && page.text.contains("Lovelace Ltd"), "{}", page.text);
    let code = attempt.code_in(&browser.click(&attempt, "allow").await);
    assert_eq!(attempt.exchange(&rig, &code).await.1["organization"]["name"], "Lovelace Ltd");
}

#[tokio::test]
async fn two_browser_profiles_are_two_people_side_by_side() {
    let rig = Rig::new();
    rig.sim.add_account(provider_sim::Account::new("bob", "bob@x.example"));
    let (one, two, attempt) = (Browser::new(&rig), Browser::new(&rig), Attempt::new(0));
    one.sign_in(&attempt, "ada@work.example").await;
    assert!(two.open(&attempt).await.is("sign-in"), "the second profile knows nothing of the first");
    two.sign_in(&attempt, "bob@x.example").await;
    assert!(one.open(&attempt).await.text.contains("ada@work.example"));
    assert!(two.open(&attempt).await.text.contains("bob@x.example"));
    let page = one.get(&format!("/oauth/switch?{}", attempt.query())).await;
    assert!(one.follow(page).await.is("sign-in"));
    assert!(two.open(&attempt).await.is("consent"), "signing out of one leaves the other");
}

#[tokio::test]
async fn a_no_comes_back_as_access_denied_and_there_is_no_code() {
    let rig = Rig::new();
    let (browser, attempt) = (Browser::new(&rig), Attempt::new(0));
    browser.sign_in(&attempt, "ada@work.example").await;
    let target = browser.click(&attempt, "deny").await.location.unwrap();
    assert!(target.starts_with(attempt.redirect_uri), "{target}");
    assert_eq!(parameter(&target, "error").as_deref(), Some("access_denied"));
    assert_eq!((parameter(&target, "code"), parameter(&target, "state")), (None, Some(attempt.state.clone())));
    assert_eq!(rig.sim.authorizations()[0].outcome, Outcome::Denied);
    assert_eq!(browser.click(&attempt, "perhaps").await.status, 400);
    assert_eq!(Browser::new(&rig).click(&attempt, "allow").await.status, 303, "a stranger's click is no consent");
    assert_eq!(rig.sim.authorizations().len(), 1);
}

#[tokio::test]
async fn a_wrong_request_gets_a_page_that_names_the_parameter() {
    let rig = Rig::new();
    let browser = Browser::new(&rig);
    let good = Attempt::new(0).query();
    for (from, to, named) in [
        ("code_challenge_method=S256", "code_challenge_method=plain", "code_challenge_method"),
        ("response_type=code", "response_type=token", "response_type"),
        ("localhost%3A40123", "evil.example%3A40123", "redirect_uri"),
        ("&state=", "&status=", "state"),
    ] {
        assert!(good.contains(from));
        let page = browser.get(&format!("/oauth/authorize?{}", good.replace(from, to))).await;
        assert_eq!((page.status, page.location.as_deref()), (400, None), "{named}");
        assert!(page.is("error") && page.text.contains(named), "{}", page.text);
    }
    assert_eq!(browser.get("/oauth/authorize").await.status, 400);
}

#[tokio::test]
async fn a_code_for_hand_use_is_shown_with_its_state() {
    let rig = Rig::new();
    let (browser, long) = (Browser::new(&rig), Attempt { redirect_uri: CODE_PAGE, ..Attempt::new(0) });
    browser.sign_in(&long, "ada@work.example").await;
    let shown = browser.click(&long, "allow").await;
    let target = shown.location.clone().unwrap();
    assert!(target.starts_with("/oauth/code/callback?"), "{target}: a browser never leaves this machine");
    let code = parameter(&target, "code").unwrap();
    let page = browser.follow(shown).await;
    assert!(page.is("code") && page.text.contains(&format!("{code}#{}", long.state)), "{}", page.text);
    assert_eq!(long.exchange(&rig, &code).await.0, 200);
    let denied = browser.click(&long, "deny").await;
    assert!(browser.follow(denied).await.is("denied"));
    assert!(browser.get("/oauth/code/success?app=claude-code").await.is("success"));
}

#[tokio::test]
async fn the_short_form_leads_to_a_shown_code_with_the_challenge_as_its_state() {
    let rig = Rig::new();
    let browser = Browser::new(&rig);
    let long = Attempt { scope: "user:profile user:inference", ..Attempt::new(0) };
    assert!(browser.open(&long).await.is("sign-in"));
    let challenge = challenge_of(&long.verifier);
    let short = format!("z-{challenge}&login_hint=ada%40work.example");
    let page = browser.get(&format!("/oauth/authorize?{short}")).await;
    assert!(page.is("sign-in") && page.text.contains("ada@work.example"));
    browser.post(&format!("/oauth/sign-in?{short}"), &[("email", "ada@work.example")]).await;
    let shown = browser.post(&format!("/oauth/authorize?{short}"), &[("decision", "allow")]).await;
    let target = shown.location.unwrap();
    assert_eq!(parameter(&target, "state").as_deref(), Some(challenge.as_str()));
    let pasted = Attempt { redirect_uri: CODE_PAGE, state: challenge, ..long };
    let (status, body) = pasted.exchange(&rig, &parameter(&target, "code").unwrap()).await;
    assert_eq!((status, &body["scope"]), (200, &json!("user:profile user:inference")), "{body}");
}

#[tokio::test]
async fn a_challenge_may_stand_in_the_place_of_the_consent_page_only() {
    let rig = Rig::new();
    let (browser, attempt) = (Browser::new(&rig), Attempt::new(0));
    rig.sim.fault(Fault::once(Endpoint::Consent, FaultKind::Challenge));
    assert!(browser.open(&attempt).await.is("sign-in"));
    let page = browser.sign_in(&attempt, "ada@work.example").await;
    assert_eq!((page.status, page.challenged), (403, true));
    assert!(page.text.contains("Just a moment") && !page.text.contains("<form"));
    assert!(browser.open(&attempt).await.is("consent"));
    assert_eq!((rig.sim.count(Endpoint::Consent), rig.sim.count(Endpoint::Authorize)), (2, 3));
}

#[tokio::test]
async fn a_changed_consent_page_differs_where_it_says() {
    let rig = Rig::new();
    let (browser, attempt) = (Browser::new(&rig), Attempt::new(0));
    browser.sign_in(&attempt, "ada@work.example").await;
    let usual = browser.open(&attempt).await.text;
    let mut seen = vec![usual.clone()];
    for (name, change) in [
        ("renamed", ConsentChange::Renamed),
        ("moved", ConsentChange::Moved),
        ("confirm", ConsentChange::Confirm),
        ("reworded", ConsentChange::Reworded),
    ] {
        let fault = json!({ "endpoint": "consent", "kind": "consent_changed", "change": name, "times": 1 });
        ok(rig.http.post(rig.url("/admin/faults")).json(&fault)).await;
        let text = browser.open(&attempt).await.text;
        assert_eq!(text.contains(">Authorize</button>"), change != ConsentChange::Renamed, "{name}");
        assert_eq!(text.contains("would like to connect"), change != ConsentChange::Reworded, "{name}");
        assert_eq!(text.contains("form=\"consent-form\""), change == ConsentChange::Moved, "{name}");
        assert!(!seen.contains(&text), "{name}");
        seen.push(text);
    }
    assert_eq!(browser.open(&attempt).await.text, usual);
    let path = format!("/oauth/authorize?{}", attempt.query());
    let asked = browser.post(&path, &[("confirm", "asked"), ("decision", "allow")]).await;
    assert!(asked.is("confirm") && rig.sim.authorizations().is_empty());
    attempt.code_in(&browser.click(&attempt, "allow").await);
}

#[tokio::test]
async fn the_browser_may_turn_out_to_be_signed_in_as_somebody_else() {
    let rig = Rig::new();
    let (browser, attempt) = (Browser::new(&rig), Attempt::new(0));
    browser.sign_in(&attempt, "ada@work.example").await;
    let other = FaultKind::ConsentAs { account: "ada".into(), organization: Some("Home".into()) };
    rig.sim.fault(Fault::once(Endpoint::Consent, other));
    let page = browser.open(&attempt).await;
    assert!(page.is("consent") && page.text.contains("ada@home.example"), "{}", page.text);
    let code = attempt.code_in(&browser.click(&attempt, "allow").await);
    assert_eq!(attempt.exchange(&rig, &code).await.1["account"]["email_address"], "ada@home.example");
}

#[tokio::test]
async fn an_absent_person_consents_at_once_as_told_or_as_the_hint_says() {
    let rig = Rig::new();
    let admin = |body| send(rig.http.post(rig.url("/admin/auto-consent")).json(&body));
    assert_eq!(admin(json!({ "account": "nobody" })).await.0, 404);
    assert_eq!(admin(json!({ "account": "ada", "organization": "Lovelace Ltd" })).await.0, 200);
    let attempt = Attempt { login_hint: Some("ada@work.example"), ..Attempt::new(0) };
    let whose = async || {
        let (_, body) = attempt.exchange(&rig, &attempt.code_at_once(&rig).await).await;
        (body["account"]["email_address"].clone(), body["organization"]["name"].clone())
    };
    assert_eq!(whose().await, (json!("ada@home.example"), json!("Lovelace Ltd")));
    admin(json!({})).await;
    assert_eq!(whose().await.0, "ada@work.example");
    admin(json!({ "deny": true })).await;
    let denied = Browser::new(&rig).open(&attempt).await.location.unwrap();
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"));
    ok(rig.http.delete(rig.url("/admin/auto-consent"))).await;
    assert!(Browser::new(&rig).open(&attempt).await.is("sign-in"));
    let told = ok(rig.http.get(rig.url("/admin/authorizations"))).await;
    assert_eq!((&told["allowed"], &told["exchanged"], &told["denied"]), (&json!(2), &json!(2), &json!(1)));
}

#[tokio::test]
async fn a_browser_session_can_be_made_and_ended_from_outside() {
    let rig = Rig::new();
    let make = async |whose| ok(rig.http.post(rig.url("/admin/browser-sessions")).json(&whose)).await;
    let made = make(json!({ "account": "ada", "organization": "Home" })).await;
    let value = made["value"].as_str().unwrap();
    let browser = Browser::with_cookie(&rig, made["cookie"].as_str().unwrap(), value);
    assert!(browser.open(&Attempt::new(0)).await.is("consent"));
    assert!(browser.get("/login").await.text.contains("ada@home.example"));
    let listed = ok(rig.http.get(rig.url("/admin/browser-sessions"))).await;
    assert_eq!((&listed[0]["account"], &listed[0]["alive"]), (&json!("ada"), &json!(true)));
    assert!(!listed.to_string().contains(value));
    ok(rig.http.delete(rig.url("/admin/browser-sessions/1"))).await;
    assert!(browser.open(&Attempt::new(0)).await.is("sign-in") && browser.get("/login").await.is("sign-in"));
    assert_eq!(send(rig.http.delete(rig.url("/admin/browser-sessions/7"))).await.0, 404);
    make(json!({ "account": "work" })).await;
    ok(rig.http.delete(rig.url("/admin/browser-sessions"))).await;
    assert!(rig.sim.browser_sessions().iter().all(|session| !session.alive));
}

#[tokio::test]
async fn a_browser_session_ends_by_itself_and_no_login_ends_with_it() {
    let rig = Rig::new();
    ok(rig.http.post(rig.url("/admin/options")).json(&json!({ "session_life_s": 60 }))).await;
    let (browser, attempt) = (Browser::new(&rig), Attempt::new(0));
    browser.sign_in(&attempt, "ada@work.example").await;
    let code = attempt.code_in(&browser.click(&attempt, "allow").await);
    assert_eq!(attempt.exchange(&rig, &code).await.0, 200);
    assert_eq!(rig.sim.browser_sessions()[0].until_ms, START_MS + 60_000);
    rig.sim.advance_ms(60_000);
    assert!(browser.open(&attempt).await.is("sign-in"));
    let login = rig.sim.authorizations()[0].login.unwrap();
    assert_eq!(rig.sim.state(login), Some(LoginState::Alive));
}

#[tokio::test]
async fn a_page_holds_nothing_from_elsewhere_and_shows_names_as_text() {
    let rig = Rig::new();
    let strange = Organization::new("<b>Rock & Roll</b>", provider_sim::OrganizationType::ClaudeTeam);
    rig.sim.add_account(provider_sim::Account::new("rock", "rock@x.example").in_organizations(vec![strange]));
    let (browser, attempt) = (Browser::new(&rig), Attempt::new(0));
    let mut pages = vec![browser.open(&attempt).await];
    pages.push(browser.sign_in(&attempt, "rock@x.example").await);
    pages.push(browser.get("/oauth/code/callback?code=%3Cscript%3E&state=x").await);
    pages.push(browser.get("/oauth/code/success").await);
    assert!(pages[1].text.contains("&lt;b&gt;Rock &amp; Roll&lt;/b&gt;"), "{}", pages[1].text);
    for page in pages {
        for word in ["<script", "<link", "<img", "src=", "url(", "@import", "https://"] {
            assert!(!page.text.contains(word), "{word}: {}", page.text);
        }
    }
}
