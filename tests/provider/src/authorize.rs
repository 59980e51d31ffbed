//! The browser side of sign-in: authorize, sign-in and consent pages, and the exchange of a code for tokens. Owns the steps
//! from one to the next; what is asked is `request.rs`, who is signed in `session.rs`, what a code is worth `codes.rs`,
//! what a page looks like `pages.rs`, the admin calls `admin.rs`.
//!
//! # Pages and endpoints
//!
//! | path | what |
//! |---|---|
//! | `GET /cai/oauth/authorize?…` | 307 to `/oauth/authorize?…` (claude.com sends the browser on to claude.ai) |
//! | `GET /oauth/authorize?…` | long form or `z-<challenge>`: sign-in, choice of organisation, consent, or an error (400) |
//! | `POST /oauth/sign-in?…` | `email=`: sets the session cookie, back to the authorize page |
//! | `POST /oauth/organization?…` | `organization=<uuid>`: chooses, back to the authorize page |
//! | `POST /oauth/authorize?…` | `decision=allow` or `deny`: 302 with `code` and `state`, or `error=access_denied` |
//! | `GET /oauth/switch?…` | ends the session, back to the authorize page |
//! | `GET /login` | the sign-in page on its own |
//! | `GET /oauth/code/callback` | shows `code#state` for pasting |
//! | `GET /oauth/code/success` | what the client shows at the end |
//! | `POST /v1/oauth/token` | `authorization_code`: `code`, `redirect_uri`, `client_id`, `code_verifier`, `state`, maybe `expires_in` |
//!
//! A host plays no part: the whole of claude.com, claude.ai and platform.claude.com is one listener. The answer to a
//! `redirect_uri` of `https://platform.claude.com/oauth/code/callback` goes to the same path of this server.
//!
//! # Admin calls
//!
//! | call (JSON) | effect |
//! |---|---|
//! | `POST /admin/auto-consent {}` | nobody is asked any more: both paths answer 302 at once, as `login_hint`, else as the first |
//! | `… {"account":"ada","organization":"Home"}` | as this one, whatever `login_hint` says (organisation: uuid, name, or absent) |
//! | `… {"deny":true}` | answers `error=access_denied` |
//! | `DELETE /admin/auto-consent` | people are asked again |
//! | `POST /admin/browser-sessions {"account":"ada","organization":"Home"}` | signs in: `{number, cookie, value}` (name and value) |
//! | `GET /admin/browser-sessions` | who is signed in, without cookies |
//! | `DELETE /admin/browser-sessions` or `…/{number}` | signs out all, or one |
//! | `GET /admin/authorizations` | `{allowed, denied, exchanged, refused, waiting, list}`: every answer given, without codes |
//! | `POST /admin/options {"code_life_s":60,"session_life_s":60}` | lifetimes |
//!
//! In the same process: [`Sim::auto_consent`], [`Sim::browser_session`], [`Sim::browser_sessions`],
//! [`Sim::authorizations`], [`SimOptions`](crate::SimOptions).
//!
//! # Faults
//!
//! As all others (`POST /admin/faults`, [`Sim::fault`]), with these endpoints and kinds:
//!
//! | endpoint | strikes |
//! |---|---|
//! | `exchange` | the exchange of a code only; `token` strikes it and every refresh |
//! | `consent` | the showing of a consent page only; `authorize` strikes it and every other `GET` of an authorize page |
//! | `decide` | the click on a consent page |
//! | `sign_in` | sign-in, choice of organisation, switch, `/login` |
//!
//! | kind | what |
//! |---|---|
//! | `{"endpoint":"consent","kind":"challenge"}` | "Just a moment…", 403, `cf-mitigated: challenge` |
//! | `{"endpoint":"consent","kind":"consent_changed","change":"renamed"}` | also `moved`, `confirm` (a second question), `reworded` |
//! | `{"endpoint":"consent","kind":"consent_as","account":"work"}` | the browser turns out to be signed in as somebody else |
//! | `{"endpoint":"exchange","kind":"delay","ms":8000}` | a slow exchange; `delay_answer`, `status`, `cut_after` … as everywhere |

pub mod admin;
mod codes;
mod handle;
mod pages;
mod request;
mod session;

pub use codes::{Authorization, CodeRefusal, Outcome, challenge_of};
pub use pages::ConsentChange;
pub use session::{BrowserSession, SessionReport};

use crate::call::{Call, Reply};
use crate::fault::{Endpoint, FaultKind};
use crate::state::{State, UnknownIdentity};
use crate::tokens::{GrantRefusal, Seat};
use crate::wire;
use codes::{Codes, Presented};
use request::{Request, Wrong};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use session::{COOKIE, Person, Sessions};
use std::collections::HashMap;
use url::form_urlencoded;

/// Answers authorize pages without asking anybody: the person of a test who clicks at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoConsent {
    /// The account's key; absent: the one whose e-mail is the `login_hint`, else the first.
    pub account: Option<String>,
    /// The organisation's uuid or name; absent: the first one.
    pub organization: Option<String>,
    /// Says no instead.
    pub deny: bool,
}

/// What the server remembers of browsers.
#[derive(Default)]
pub(crate) struct Browsers {
    pub(crate) codes: Codes,
    pub(crate) sessions: Sessions,
    pub(crate) auto: Option<AutoConsent>,
    /// The long forms seen so far by challenge, from which a short form takes what it does not say.
    seen: HashMap<String, Request>,
}

impl State {
    /// The endpoint of a call, finer than its path: a consent page among authorize pages, an exchange among token requests.
    pub(crate) fn endpoint(&self, call: &Call) -> Endpoint {
        match call.endpoint() {
            Endpoint::Token if grant_type(call).as_deref() == Some("authorization_code") => Endpoint::Exchange,
            Endpoint::Authorize if self.shows_consent(call) => Endpoint::Consent,
            endpoint => endpoint,
        }
    }

    fn shows_consent(&self, call: &Call) -> bool {
        let signed_in = || self.browsers.sessions.person(call.cookie.as_deref(), self.now_ms());
        call.path == "/oauth/authorize"
            && self.browsers.auto.is_none()
            && self.asked(call).is_ok()
            && signed_in().is_some_and(|person| self.sole_seat(person).is_some())
    }

    /// The account key behind a code or a session cookie, for the log.
    pub(crate) fn account_behind(&self, call: &Call, body: Option<&Value>) -> Option<String> {
        let of_code = || self.browsers.codes.account_of(body?["code"].as_str()?);
        let of_cookie = || Some(self.browsers.sessions.person(call.cookie.as_deref(), self.now_ms())?.account.as_str());
        of_code().or_else(of_cookie).map(str::to_owned)
    }

    /// Answers a page of the browser's side.
    pub(crate) fn browse(&mut self, call: &Call, fault: Option<&FaultKind>) -> Reply {
        let pairs: HashMap<String, String> = form_urlencoded::parse(call.query().as_bytes()).into_owned().collect();
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/oauth/code/callback") => return pages::code(&pairs),
            ("GET", "/oauth/code/success") => return pages::success(),
            ("POST", "/oauth/sign-in") => return self.sign_in_browser(call),
            ("POST", "/oauth/organization") => return self.choose_organization(call),
            ("GET", "/login") => return self.login_page(call, &pairs),
            ("GET", "/oauth/switch") => {
                self.browsers.sessions.sign_out(call.cookie.as_deref(), self.now_ms());
                return back(call);
            }
            _ => {}
        }
        let asked = match self.asked(call) {
            Ok(asked) => asked,
            Err(wrong) => return pages::error(&wrong),
        };
        if !asked.shows_code() {
            self.browsers.seen.insert(asked.challenge.clone(), asked.clone());
        }
        if call.method == "POST" {
            return self.decide(call, &asked);
        }
        match self.auto_seat(&asked) {
            Some((seat, false)) => self.allow(&asked, seat, true),
            Some((seat, true)) => self.deny(&asked, &seat, true),
            None if call.path == "/cai/oauth/authorize" => {
                Reply::redirect(307, &format!("/oauth/authorize?{}", call.query()))
            }
            None => self.authorize_page(call, &asked, fault),
        }
    }

    fn asked(&self, call: &Call) -> Result<Request, Wrong> {
        Request::read(call.query(), &self.options.client_id, &self.browsers.seen)
    }

    /// Whom the absent person would sign in as, and whether they say no.
    fn auto_seat(&self, asked: &Request) -> Option<(Seat, bool)> {
        let auto = self.browsers.auto.as_ref()?;
        let hinted = || self.accounts.values().find(|account| Some(&account.email) == asked.login_hint.as_ref());
        let by_itself = || Some(hinted().or_else(|| self.accounts.values().next())?.key.clone());
        let key = auto.account.clone().or_else(by_itself)?;
        Some((self.seat(&key, auto.organization.as_deref()).ok()?, auto.deny))
    }

    /// The sign-in page, the choice of organisation, or the consent page.
    fn authorize_page(&mut self, call: &Call, asked: &Request, fault: Option<&FaultKind>) -> Reply {
        let (cookies, now_ms) = (call.cookie.as_deref(), self.now_ms());
        if let Some(FaultKind::ConsentAs { account, organization }) = fault
            && let Ok(seat) = self.seat(account, organization.as_deref())
        {
            let person = Person { account: seat.account, organization: Some(seat.identity.organization_uuid) };
            self.browsers.sessions.become_person(cookies, now_ms, person);
        }
        let Some(person) = self.browsers.sessions.person(cookies, now_ms) else {
            return pages::sign_in(call.query(), asked.login_hint.as_deref().unwrap_or_default(), None);
        };
        let Some(account) = self.accounts.get(&person.account) else {
            return pages::sign_in(call.query(), "", None);
        };
        let organization = self.sole_seat(person).and_then(|seat| {
            account.organizations.iter().find(|organization| organization.uuid == seat.identity.organization_uuid)
        });
        let Some(organization) = organization else {
            return pages::choose_organization(call.query(), account);
        };
        let change = match fault {
            Some(FaultKind::ConsentChanged { change }) => Some(*change),
            _ => None,
        };
        pages::consent(call.query(), asked, account, organization, change)
    }

    /// The seat of somebody who has chosen an organisation, or has only one.
    fn sole_seat(&self, person: &Person) -> Option<Seat> {
        let account = self.accounts.get(&person.account)?;
        match &person.organization {
            None if account.organizations.len() > 1 => None,
            chosen => self.seat(&person.account, chosen.as_deref()).ok(),
        }
    }

    fn decide(&mut self, call: &Call, asked: &Request) -> Reply {
        let seat = self.browsers.sessions.person(call.cookie.as_deref(), self.now_ms());
        let Some(seat) = seat.cloned().and_then(|person| self.sole_seat(&person)) else {
            return back(call);
        };
        match (call.form("decision").as_deref(), call.form("confirm")) {
            (Some("deny"), _) => self.deny(asked, &seat, false),
            (Some("allow"), Some(_)) => pages::confirm(call.query()),
            (Some("allow"), None) => self.allow(asked, seat, false),
            _ => pages::error(&Wrong { parameter: "decision", why: "must be allow or deny" }),
        }
    }

    fn allow(&mut self, asked: &Request, seat: Seat, auto: bool) -> Reply {
        let times = (self.now_ms(), self.options.terms.code_life_ms);
        let code = self.browsers.codes.allow(asked, seat, auto, times, &mut self.random);
        Reply::redirect(302, &asked.answered(&[("code", &code)]))
    }

    fn deny(&mut self, asked: &Request, seat: &Seat, auto: bool) -> Reply {
        self.browsers.codes.deny(asked, seat, auto, self.now_ms());
        let why = [("error", "access_denied"), ("error_description", "The person said no")];
        Reply::redirect(302, &asked.answered(&why))
    }

    fn sign_in_browser(&mut self, call: &Call) -> Reply {
        let email = call.form("email").unwrap_or_default();
        let wanted = email.trim().to_lowercase();
        let Some(account) = self.accounts.values().find(|account| account.email.to_lowercase() == wanted) else {
            return pages::sign_in(call.query(), &email, Some("There is no account with this e-mail address."));
        };
        let person = Person { account: account.key.clone(), organization: None };
        let value = self.open_session(person).value;
        let mut reply = back(call);
        // Kept on disk by the browser, so that a profile is still signed in when its window opens again.
        let seconds = self.options.terms.session_life_ms / 1_000;
        let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax");
        reply.headers.push(("set-cookie".into(), cookie));
        reply
    }

    fn open_session(&mut self, person: Person) -> BrowserSession {
        let until_ms = self.now_ms() + self.options.terms.session_life_ms;
        self.browsers.sessions.open(person, until_ms, &mut self.random)
    }

    pub(crate) fn browser_session(
        &mut self,
        account: &str,
        organization: Option<&str>,
    ) -> Result<BrowserSession, UnknownIdentity> {
        let seat = self.seat(account, organization)?;
        let chosen = organization.map(|_| seat.identity.organization_uuid);
        Ok(self.open_session(Person { account: seat.account, organization: chosen }))
    }

    fn choose_organization(&mut self, call: &Call) -> Reply {
        let (cookies, now_ms) = (call.cookie.as_deref(), self.now_ms());
        let chosen = call.form("organization").unwrap_or_default();
        let seat =
            self.browsers.sessions.person(cookies, now_ms).map(|person| self.seat(&person.account, Some(&chosen)));
        if let Some(Ok(seat)) = seat {
            let person = Person { account: seat.account, organization: Some(seat.identity.organization_uuid) };
            self.browsers.sessions.become_person(cookies, now_ms, person);
        }
        back(call)
    }

    fn login_page(&self, call: &Call, query: &HashMap<String, String>) -> Reply {
        let person = self.browsers.sessions.person(call.cookie.as_deref(), self.now_ms());
        match person.and_then(|person| self.accounts.get(&person.account)) {
            Some(account) => pages::signed_in(account),
            None => pages::sign_in("", query.get("login_hint").map_or("", String::as_str), None),
        }
    }

    /// Exchanges a code for a login, or for a setup-token where the client asked for a long life without the right to read
    /// the profile (`docs/observed.md` §1, `docs/claude-code.md` §D3 and §D8).
    pub(crate) fn exchange(&mut self, body: &Value) -> Result<Reply, GrantRefusal> {
        let member = |name: &str| body[name].as_str().filter(|text| !text.is_empty()).ok_or(GrantRefusal::Malformed);
        let presented = Presented {
            code: member("code")?,
            redirect_uri: member("redirect_uri")?,
            verifier: member("code_verifier")?,
            state: member("state")?,
        };
        let wanted_ms = match &body["expires_in"] {
            Value::Null => None,
            value => Some(value.as_i64().filter(|s| *s > 0).ok_or(GrantRefusal::Malformed)?.saturating_mul(1_000)),
        };
        let now_ms = self.now_ms();
        let worth = self.browsers.codes.take(presented, now_ms).map_err(|_| GrantRefusal::InvalidCode)?;
        let mut terms = self.options.terms.clone();
        let setup_ms = wanted_ms.filter(|_| !worth.scopes.iter().any(|scope| scope == "user:profile"));
        let (seat, scopes) = (worth.seat.clone(), &worth.scopes);
        let tokens = if let Some(life_ms) = setup_ms {
            terms.setup_token_life_ms = terms.setup_token_life_ms.min(life_ms);
            self.ledger.open_setup_token(seat, scopes, now_ms, &terms, &mut self.random)
        } else {
            self.ledger.open(seat, scopes, now_ms, &terms, &mut self.random)
        };
        self.browsers.codes.became(&worth, tokens.login);
        terms.identity_in_grant = true;
        let whose = self.find(&tokens.seat.account, Some(&tokens.seat.identity.organization_uuid)).ok();
        Ok(Reply::json(200, wire::grant_body(&tokens, now_ms, &terms, whose)))
    }
}

/// The `grant_type` of a token request.
pub(crate) fn grant_type(call: &Call) -> Option<String> {
    call.json()?["grant_type"].as_str().map(str::to_owned)
}

/// Back to the authorize page of the same request, or to the sign-in page where there is none.
fn back(call: &Call) -> Reply {
    let target = match call.query() {
        "" => "/login".to_owned(),
        query => format!("/oauth/authorize?{query}"),
    };
    Reply::redirect(303, &target)
}
