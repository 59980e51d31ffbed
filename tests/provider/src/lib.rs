//! The simulated Anthropic server: sign-in pages, single-use refresh tokens, identity, usage, and faults on purpose.
//!
//! It owns a *model* of the server, for tests and demos, and is never linked into the app or the CLI. One listener
//! plays every host (`api.anthropic.com`, `platform.claude.com`, `claude.com` and `claude.ai`). Nothing it does proves
//! what the real server does: a test that passes here shows that Signalbox copes with the rules below, and the rules are as
//! good as their sources.
//!
//! ```
//! use provider_sim::{Account, LoginState, RevokedWhy, Sim, SimOptions};
//!
//! let sim = Sim::new(SimOptions::frozen_at(1_795_000_000_000));
//! sim.add_account(Account::new("work", "ada@work.example"));
//! let first = sim.login("work", None)?;
//! let second = sim.refresh(first.refresh()).expect("the first use of a token");
//! assert!(!sim.access_is_alive(&first.access_token));
//! assert!(sim.refresh(first.refresh()).is_err());
//! assert_eq!(sim.state(first.login), Some(LoginState::Revoked { why: RevokedWhy::Reuse }));
//! assert!(!sim.is_alive(second.refresh()));
//! # Ok::<(), provider_sim::UnknownIdentity>(())
//! ```
//!
//! Over HTTP: [`Server::spawn`] (synchronous callers) or [`Server::start`] (async), then `server.base_url` for every
//! host. In another process: the program `provider-sim`, and its admin API under `/admin`.
//!
//! # The rules, and where they come from
//!
//! Sections are those of `docs/claude-code.md`, or of `docs/observed.md` where it says so.
//!
//! | rule | source |
//! |---|---|
//! | `POST /v1/oauth/token` reads JSON; `client_id` is needed, `scope` is not; anything else is 400 "Invalid request format" | §D2, §D6 |
//! | a wrong client id is `invalid_client`, no verdict on the token | §D6 |
//! | a refresh token works once; the old pair dies at once | §D5 |
//! | a spent refresh token revokes the whole login, and is answered `invalid_grant` | §D5, §D6 |
//! | the access token lives 8 h (`expires_in`), the login 30 days from sign-in, which no refresh extends | §D4 |
//! | an answer may name no refresh token; then the old one stays valid | §D3 |
//! | a request may ask for scopes that were never granted; the answer's `scope` names those that were | observed §1 |
//! | `POST /v1/oauth/token/revoke` ends the login | §D5, observed §1 |
//! | profile: the token's own identity; account: all organisations; roles: three members | §F1, §F2, §F3 |
//! | 401 for expired and for revoked tokens, each with its own words; 403 `permission_error` without `user:profile` | §F4 |
//! | usage needs `anthropic-beta: oauth-2025-04-20`; the profile does not | §F, observed §1 |
//! | usage has flat windows, `limits[]`, nulls, values over 100, reset times that wander by up to 2 s | §G |
//! | 28 usage requests per identity in a trailing hour, then 429 with `Retry-After: 3600`; refused ones do not count | §F5 |
//! | `Retry-After` may be absent, 0, seconds | §F4 |
//! | no User-Agent, or a library's own: 403 and an HTML page | §D7 |
//! | a setup-token: one year, no refresh token, `user:inference` only | §D8 |
//! | claude.com sends the browser on with 307; a request without `code=true` or with a short `state` is "Invalid request format" | §D1 |
//! | answers go to `http://localhost:<any port>/callback`, or to the page that shows `code#state` | §D1, observed §7 |
//! | the short form `z-<challenge>` ends on that page, with the challenge as `state` | observed §7 |
//! | `login_hint` fills in the e-mail address | observed §7 |
//! | PKCE with S256; a code is exchanged with `redirect_uri`, `code_verifier` and `state` | §D1, §D3, RFC 7636 |
//! | the answer to an exchange names account and organisation | §D3 |
//! | an edge may put a challenge page before any page: "Just a moment", 403 | §D6 |
//! | model answers carry `anthropic-ratelimit-unified-*` headers | §G |
//!
//! # What is assumed, because no source says
//!
//! * A usage request without the beta header gets 400; an unknown access token gets 401 "Invalid bearer token".
//! * An access token outlives the login deadline until its own expiry. A login that is past its deadline is *expired*,
//!   not *revoked*, even when a spent token is presented then.
//! * Any token a login ever had ends it at the revocation endpoint. There is no grace period for a spent token.
//! * A `scope` that names nothing granted is 400 `invalid_scope`. A narrower `scope` narrows that access token only.
//! * `expires_in` in a request is ignored (the client sends it when it imports a login).
//! * After a reset the five-hour window is not started (null) until the next request; weekly windows go on.
//! * `severity` is `warning` from 80 and `critical` from 100; the fullest such limit `is_active`.
//! * `expires_in` in an exchange is heeded only without `user:profile` among the scopes: that is how a setup-token is asked for.
//! * A code lives ten minutes. Whoever presents it spends it, also in vain; a second use does not end the login it became.
//!   Its refusal is `invalid_grant`, whatever the cause.
//! * A browser is signed in by the cookie `sessionKey` for 28 days. No password is asked. Somebody with several
//!   organisations chooses one after the sign-in. Signing a browser out ends no login.
//! * The words and the ids of every page, and that the click is a form post. `cf-mitigated: challenge` marks a challenge.
//! * The short form asks for what the long form with the same challenge asked for, else for everything.
//! * The budget is kept per identity. Which library agents the edge refuses is a guess at the usual ones.
//!
//! # The map
//!
//! `clock`, `random` · `account` (who), `tokens` + `ledger` (the grant rules), `usage` + `budget` (what is used, how
//! often it may be asked) · `wire`, `usage_wire` (JSON) · `state`, `call`, `answer` (the endpoints without HTTP), `sim` (the
//! handle), `seed` · `authorize` (browsers: `request`, `session`, `codes`, `pages`; its admin calls and faults are listed
//! there) · `fault`, `log` · `line`, `routes`, `admin`, `server` (HTTP).

mod account;
mod admin;
mod answer;
mod authorize;
mod budget;
mod call;
mod clock;
mod fault;
mod ledger;
mod line;
mod log;
mod random;
mod routes;
mod seed;
mod server;
mod sim;
mod state;
mod tokens;
mod usage;
mod usage_wire;
mod wire;

pub use account::{Account, Identity, Organization, OrganizationType};
pub use authorize::{
    Authorization, AutoConsent, BrowserSession, CodeRefusal, ConsentChange, Outcome, SessionReport, challenge_of,
};
pub use call::{Body, Call, OAUTH_BETA, Reply};
pub use clock::Clock;
pub use fault::{Endpoint, Fault, FaultKind, RetryAfter};
pub use log::Logged;
pub use random::fingerprint;
pub use seed::{Seed, SeedUsage, SignIn, plant};
pub use server::Server;
pub use sim::Sim;
pub use state::{CLIENT_ID, SimOptions, UnknownIdentity};
pub use tokens::{
    AccessRefusal, FULL_SCOPES, GrantRefusal, LoginId, LoginReport, LoginState, RevokedWhy, SETUP_TOKEN_SCOPES, Seat,
    Terms, Tokens,
};
pub use usage::{Burn, Usage, UsageStyle, Window, WindowKind};
pub use wire::oauth_account;
