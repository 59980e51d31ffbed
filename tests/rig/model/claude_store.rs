//! What Claude Code's processes read and write on the stage: the live store and `oauthAccount`. Each read-and-write is one
//! moment, because a process writes its store under `.storage-write.lock`. Owns which siblings a write keeps.

use serde_json::Value;
use signalbox_core::credential::AccessToken;
use signalbox_core::document::Document;
use signalbox_core::policy::RENEW_AHEAD_MS;
use signalbox_core::ports::LiveLogin as _;

use super::books::{self, Pair};
use super::stage::{MCP, Stage, Writer};

/// The login as a process has it in memory.
#[derive(Clone)]
pub(super) struct Cached {
    /// All of `claudeAiOauth`.
    pub login: Value,
    /// The store when it was read.
    pub stamp: String,
}

impl Cached {
    fn text(&self, member: &str) -> String {
        self.login[member].as_str().unwrap_or_default().to_owned()
    }

    pub fn access(&self) -> AccessToken {
        AccessToken::new(self.text("accessToken"))
    }

    pub fn refresh(&self) -> String {
        self.text("refreshToken")
    }

    /// Whether it is to be renewed before it is used.
    pub fn lapses(&self, now: i64) -> bool {
        self.login["expiresAt"].as_i64().unwrap_or_default() - now < RENEW_AHEAD_MS
    }

    pub fn pair(&self) -> Pair {
        books::pair_in(&self.login.to_string()).expect("a token of the pretended server")
    }
}

impl Stage {
    pub(super) fn changes_sibling(&mut self) {
        let Some(document) = self.document() else { return };
        self.written += 1;
        let raw = format!(r#"{{ "linear|7f" : {{"accessToken":"mcp-{}", "n": 1.50}} }}"#, self.written);
        self.puts(Some(document.with_member(MCP, Some(&raw)).expect("an object")));
        self.siblings.iter_mut().filter(|(name, _)| *name == MCP).for_each(|(_, sibling)| *sibling = Some(raw.clone()));
    }

    /// `oauthAccount` shows this account from now on, or none.
    pub fn shows(&mut self, account: Option<&str>) {
        let Some(document) = self.world.cache_text().and_then(|text| Document::from_text(text).ok()) else { return };
        let block = account.map(|account| {
            serde_json::json!({
                "accountUuid": account, "organizationUuid": format!("org-{account}"),
                "emailAddress": format!("{account}@example.org"), "profileFetchedAt": 5,
            })
            .to_string()
        });
        let document = document.with_member("oauthAccount", block.as_deref()).expect("an object");
        self.world.set_cache(Some(document.expose().to_owned()));
    }

    pub(super) fn stamp(&self) -> String {
        self.world.stamp().expect("a stamp").0
    }

    fn document(&self) -> Option<Document> {
        Document::from_text(self.world.live_text()?).ok()
    }

    /// The login in the store, if there is one that is no husk.
    pub(super) fn stored(&self) -> Option<Cached> {
        let login: Value = serde_json::from_str(self.document()?.member("claudeAiOauth")?).ok()?;
        let stored = Cached { login, stamp: self.stamp() };
        (!stored.text("accessToken").is_empty() && !stored.text("refreshToken").is_empty()).then_some(stored)
    }

    /// Changes the login in the store, and nothing beside it. A store that is gone or torn is written anew, without
    /// siblings.
    pub(super) fn writes(&mut self, login: &Value) {
        let document = self.document().unwrap_or_else(|| {
            self.siblings.iter_mut().for_each(|(_, raw)| *raw = None);
            Document::empty()
        });
        let document = document.with_member("claudeAiOauth", Some(&login.to_string())).expect("an object");
        self.puts(Some(document));
    }

    pub(super) fn puts(&mut self, document: Option<Document>) {
        self.world.set_live(document.map(|document| document.expose().to_owned()));
        self.written_by = Writer::Claude;
    }
}
