//! A small builder of pretended worlds for scenarios and sweeps, and the invariants of design section 4 as one check.
//! Owns no rule of its own: everything is set up through the real flows.

use signalbox_core::credential::{Fingerprint, Live};
use signalbox_core::document::Document;
use signalbox_core::fakes::World;
use signalbox_core::flow::FlowError;
use signalbox_core::ports::{FileName, Ports};
use signalbox_core::profile::Alias;
use signalbox_core::register::{self, Consent};
use signalbox_core::setup_token::{self, AddedToken, SetupToken, Told};
use signalbox_core::time::Timestamp;
use signalbox_core::vault::{self, generations};

/// What belongs to the machine in a live store, and must survive every switch byte for byte.
pub const SIBLINGS: &str = r#""mcpOAuth": { "linear|7f" : {"accessToken":"mcp-1", "n": 1.50} },"later":[ 1,2 ]"#;

pub struct Scene {
    pub world: World,
    pub ports: Ports,
}

pub fn alias(text: &str) -> Alias {
    Alias::parse(text).expect("an alias")
}

/// As [`Scene::sign_in`], for whoever acts in between.
pub fn sign_in(world: &World, account: &str) {
    let now = world.ports().clock.now();
    let login = world.server(|server| server.sign_in(account, &format!("org-{account}"), now));
    world.set_live(Some(format!("{{\n  {SIBLINGS},\n  \"claudeAiOauth\": {login}\n}}\n")));
    show(world, account);
}

fn show(world: &World, account: &str) {
    world.set_cache(Some(format!(
        r#"{{"numStartups": 7, "oauthAccount": {{"accountUuid":"{account}","organizationUuid":"org-{account}","emailAddress":"{account}@example.org","profileFetchedAt":5}}, "tips": [ ]}}"#
    )));
}

/// Hands a setup-token over for this profile.
pub fn add_token(ports: &Ports, name: &str, token: &str) -> Result<AddedToken, FlowError> {
    let token = SetupToken::parse(token.to_owned()).expect("it looks like one");
    let told = Told { label: Some(name.to_owned()), made: None };
    setup_token::add(ports, &alias(name), &token, &told)
}

impl Scene {
    pub fn new() -> Self {
        let world = World::new();
        let ports = world.ports();
        Self { world, ports }
    }

    /// Someone signs in to this account in Claude Code, over whatever was live.
    pub fn sign_in(&self, account: &str) {
        sign_in(&self.world, account);
    }

    /// `oauthAccount` shows this account.
    pub fn show(&self, account: &str) {
        show(&self.world, account);
    }

    /// Signs in to an account and registers it under the same name.
    pub fn profile(self, name: &str) -> Self {
        self.sign_in(name);
        register::add_live(&self.ports, &alias(name), Consent::Given).expect("registered");
        self
    }

    /// Registers a setup-token of this account under the same name, without touching what is live.
    pub fn token(self, name: &str) -> Self {
        let token = self.make_token(name);
        add_token(&self.ports, name, &token).expect("registered");
        self
    }

    /// `claude setup-token`: prints a token, and stores nothing.
    pub fn make_token(&self, account: &str) -> String {
        let now = self.now();
        self.world.server(|server| server.setup_token(account, now))
    }

    /// Another tool puts a setup-token into the live store.
    pub fn set_live_token(&self, token: &str) {
        let slot = format!(r#"{{"accessToken":"{token}","scopes":["user:inference"]}}"#);
        self.world.set_live(Some(format!("{{\n  {SIBLINGS},\n  \"claudeAiOauth\": {slot}\n}}\n")));
    }

    /// How often the server was asked about a setup-token.
    pub fn asked_of_tokens(&self) -> usize {
        self.world.server(|server| server.asked_of_tokens)
    }

    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The account whose login is live, if it can be told from the tokens.
    pub fn live_account(&self) -> Option<String> {
        let text = self.world.live_text()?;
        let live: serde_json::Value = serde_json::from_str(&text).ok()?;
        let access = live["claudeAiOauth"]["accessToken"].as_str()?.to_owned();
        self.world.server(|server| server.owner(&access).map(|identity| identity.account().to_owned()))
    }

    /// The account that `oauthAccount` shows.
    pub fn shown_account(&self) -> Option<String> {
        let cache: serde_json::Value = serde_json::from_str(&self.world.cache_text()?).ok()?;
        Some(cache["oauthAccount"]["accountUuid"].as_str()?.to_owned())
    }

    pub fn live_fingerprint(&self) -> Option<Fingerprint> {
        let document = Document::from_text(self.world.live_text()?).ok()?;
        match Live::parse(&document).ok()? {
            Live::Login(login) => Some(login.fingerprint()),
            Live::Absent | Live::Husk => None,
        }
    }

    /// Every login that we could still give back: the live one, the saved ones with their generations, those put aside.
    pub fn obtainable(&self) -> Vec<Fingerprint> {
        let mut all = Vec::from_iter(self.live_fingerprint());
        for profile in vault::load_roster(&self.ports).expect("a roster").profiles() {
            if let Ok(opened) = vault::open(&self.ports, profile) {
                all.push(opened.login.value().fingerprint());
            }
            for number in generations::numbers(&self.ports, &profile.alias).expect("the generations") {
                if let Ok(opened) = generations::open(&self.ports, profile, number) {
                    all.push(opened.login.value().fingerprint());
                }
            }
        }
        for text in self.world.signin_texts() {
            let document = Document::from_text(text).expect("an object");
            all.extend(Live::parse(&document).ok().and_then(Live::into_login).map(|login| login.fingerprint()));
        }
        all.extend(vault::held(&self.ports).expect("the held logins").into_iter().map(|held| held.login.fingerprint()));
        all
    }

    /// The invariants that hold after any flow, and after any crash and `recover`. `lost` names accounts whose newest pair
    /// fell into the documented window: the server rotated, and the process died before it could write. `window`: that may
    /// have happened, so that presenting the last token we have is the only way to find out.
    #[track_caller]
    pub fn check_nothing_lost(&self, accounts: &[&str], lost: &[&str], window: bool, story: &str) {
        let obtainable = self.obtainable();
        for account in accounts.iter().filter(|account| !lost.contains(account)) {
            for living in self.world.server(|server| server.living_fingerprints(account)) {
                assert!(obtainable.contains(&living), "{story}: a living login of {account} is nowhere");
            }
        }
        let reuses = self.world.server(|server| server.reuses);
        assert!(reuses == 0 || window, "{story}: a spent refresh token was presented");
        self.check_creds(story);
        let live = self.world.live_text().unwrap_or_default();
        assert!(live.contains(SIBLINGS), "{story}: the siblings changed: {live}");
        let document = Document::from_text(live).unwrap_or_else(|why| panic!("{story}: the live store is torn: {why}"));
        assert!(Live::parse(&document).is_ok(), "{story}: the live login is torn");
        let cache = self.world.cache_text().unwrap_or_default();
        // A setup-token has no `oauthAccount`: it was taken out, and comes back behind the others.
        let whole = cache.ends_with(r#""tips": [ ]}"#) || cache.contains(r#""tips": [ ],"oauthAccount":{"#);
        assert!(cache.starts_with(r#"{"numStartups": 7, "#) && whole, "{story}: {cache}");
        assert!(self.world.file(&FileName::Journal).is_none(), "{story}: the journal is still open");
    }

    /// Every `.cred` holds tokens of its own profile's account.
    #[track_caller]
    fn check_creds(&self, story: &str) {
        for profile in vault::load_roster(&self.ports).expect("a roster").profiles() {
            let Ok(opened) = vault::open(&self.ports, profile) else { continue };
            let access = opened.login.value().access().expose().to_owned();
            if profile.identity().is_setup_token() {
                let is_one = self.world.server(|server| server.is_setup_token(&access));
                assert!(is_one, "{story}: `{}` holds no setup-token", profile.alias);
                continue;
            }
            let owner = self.world.server(|server| server.owner(&access).cloned());
            assert_eq!(owner.as_ref(), Some(profile.identity()), "{story}: `{}` holds another's tokens", profile.alias);
        }
    }
}
