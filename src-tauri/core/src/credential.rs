//! The login that Claude Code stores, read and changed without losing what we do not know. Owns the token types (moved,
//! never copied or shown), the three states of a live store and the account's own members in it. Leaves the machine-wide
//! siblings to `document`, and the question whose login it is to `identity`.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::document::{Document, Malformed};
use crate::time::Timestamp;

/// The member that holds the login (`docs/claude-code.md` §B).
const LOGIN_MEMBER: &str = "claudeAiOauth";
/// What a login needs to be asked whose it is, and how much is used; a setup-token never has it (`docs/claude-code.md` §D8).
const PROFILE_SCOPE: &str = "user:profile";
/// A sibling that belongs to the account, unlike all the others, which belong to the machine (`docs/claude-code.md` §B).
const DEVICE_MEMBER: &str = "trustedDeviceToken";

/// Shows who is asking, for some hours. Never printed, cloned or serialised.
pub struct AccessToken(SecretString);

impl AccessToken {
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text, for the `Authorization` header and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Buys one new pair of tokens, once. It is moved into the call that spends it, so it cannot be spent twice.
pub struct RefreshToken(SecretString);

impl RefreshToken {
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text, for the body of the refresh request and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A hash of a login's tokens: the same tokens have the same fingerprint, and nothing can be learnt from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Reads a fingerprint as it is displayed, for what is named by one.
    pub fn from_hex(text: &str) -> Option<Self> {
        let valid = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| Self(text.to_owned()))
    }
}

impl Fingerprint {
    /// Which no login has.
    pub(crate) fn of_nothing() -> Self {
        Self("0".repeat(32))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a live store holds.
pub enum Live {
    /// No login: the member is missing.
    Absent,
    /// A login that Claude Code emptied after a refused refresh (`docs/observed.md` §5). It never overwrites anything.
    Husk,
    Login(Login),
}

/// One login: the account's own members of a live store, unknown ones included.
pub struct Login {
    /// The text of `claudeAiOauth`, as it was stored.
    oauth: Document,
    /// The raw JSON of `trustedDeviceToken`.
    device: Option<SecretString>,
    access: AccessToken,
    refresh: Option<SecretString>,
    expires_at: Option<Timestamp>,
    deadline: Option<Timestamp>,
    scopes: Vec<String>,
}

/// What the token endpoint gave for a spent refresh token.
pub struct Renewed {
    pub access: AccessToken,
    /// Absent when the server keeps the old one valid (`docs/claude-code.md` §D3).
    pub refresh: Option<RefreshToken>,
    pub expires_at: Timestamp,
    /// The granted scopes, when the answer names them.
    pub scopes: Option<Vec<String>>,
    /// The account that the answer names, when it names one; it must not differ from the profile's.
    pub account_uuid: Option<String>,
}

/// The members of `claudeAiOauth` that mean something to us. Everything else stays in the text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OauthWire {
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_at: Option<f64>,
    #[serde(default)]
    refresh_token_expires_at: Option<f64>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
}

impl Live {
    /// The login, if there is one that holds tokens.
    pub fn into_login(self) -> Option<Login> {
        match self {
            Self::Login(login) => Some(login),
            Self::Absent | Self::Husk => None,
        }
    }

    /// Reads the login out of a live store's document.
    pub fn parse(document: &Document) -> Result<Self, Malformed> {
        let Some(raw) = document.member(LOGIN_MEMBER) else { return Ok(Self::Absent) };
        let oauth = Document::from_text(raw.to_owned()).map_err(|_| Malformed::WrongType(LOGIN_MEMBER))?;
        let device = document.member(DEVICE_MEMBER).map(|raw| SecretString::from(raw.to_owned()));
        match Login::from_parts(oauth, device)? {
            Some(login) => Ok(Self::Login(login)),
            None => Ok(Self::Husk),
        }
    }
}

impl Login {
    /// Puts a login together; `None` for a husk.
    fn from_parts(oauth: Document, device: Option<SecretString>) -> Result<Option<Self>, Malformed> {
        // serde_json would quote a value of the wrong type in its error, and that value may be a token.
        let wire: OauthWire = serde_json::from_str(oauth.expose()).map_err(|_| Malformed::WrongType(LOGIN_MEMBER))?;
        let Some(access) = wire.access_token.filter(|token| !token.is_empty()) else { return Ok(None) };
        Ok(Some(Self {
            access: AccessToken::new(access),
            refresh: wire.refresh_token.filter(|token| !token.is_empty()).map(SecretString::from),
            expires_at: wire.expires_at.filter(|ms| *ms > 0.0).map(epoch_ms),
            deadline: wire.refresh_token_expires_at.filter(|ms| *ms > 0.0).map(epoch_ms),
            scopes: wire.scopes.unwrap_or_default(),
            oauth,
            device,
        }))
    }

    pub fn access(&self) -> &AccessToken {
        &self.access
    }

    /// When the access token lapses; `None` for a setup-token, which has no expiry.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// When the login itself ends; refreshing does not move it (`docs/claude-code.md` §D4).
    pub fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// Whether both certainly come from one sign-in, so that one is a rotation of the other: the deadline is set then, to the
    /// millisecond, and no refresh moves it (`docs/observed.md` §3).
    pub fn is_of_the_same_sign_in(&self, other: &Self) -> bool {
        self.deadline.is_some() && self.deadline == other.deadline
    }

    /// The stored scopes, which a refresh asks for again.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Whether it can renew itself. A setup-token cannot.
    pub fn can_renew(&self) -> bool {
        self.refresh.is_some()
    }

    /// Whether it is a setup-token: it cannot renew itself, and the server may not be asked whose it is.
    pub fn is_setup_token(&self) -> bool {
        !self.can_renew() && !self.scopes.iter().any(|scope| scope == PROFILE_SCOPE)
    }

    /// A setup-token as Claude Code stores and reads one (`docs/claude-code.md` §B): no refresh token, no expiry.
    pub(crate) fn of_setup_token(token: &AccessToken) -> Self {
        let oauth = serde_json::json!({ "accessToken": token.expose(), "scopes": ["user:inference"] });
        let oauth = Document::from_text(oauth.to_string()).expect("it was written as an object");
        Self::from_parts(oauth, None).ok().flatten().expect("it was written as a login")
    }

    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(self.access.expose());
        hash.update([0]);
        hash.update(self.refresh.as_ref().map_or("", |token| token.expose_secret()));
        let bytes = hash.finalize();
        Fingerprint(bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Takes the login apart so that its refresh token can be spent. What is left can only become a renewed login.
    pub fn into_spending(self) -> Option<(RefreshToken, Spent)> {
        let refresh = RefreshToken(self.refresh?);
        Some((refresh, Spent { oauth: self.oauth, device: self.device, scopes: self.scopes }))
    }

    /// A live store's document with this login in place of the one it holds; the siblings stay byte for byte.
    pub fn install_into(&self, document: &Document) -> Result<Document, Malformed> {
        document
            .with_member(LOGIN_MEMBER, Some(self.oauth.expose()))?
            .with_member(DEVICE_MEMBER, self.device.as_ref().map(ExposeSecret::expose_secret))
    }

    /// The login as a document of its own, for the vault.
    pub fn to_document(&self) -> Result<Document, Malformed> {
        self.install_into(&Document::empty())
    }
}

/// A login whose refresh token is being spent.
pub struct Spent {
    oauth: Document,
    device: Option<SecretString>,
    scopes: Vec<String>,
}

impl Spent {
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The login as it was, for a token that came back unspent.
    pub fn give_back(self, _unspent: RefreshToken) -> Option<Login> {
        Login::from_parts(self.oauth, self.device).ok().flatten()
    }

    /// The login with its new pair; every other member stays. `previous_refresh` is given where the answer named no new one.
    pub fn renew(self, renewed: Renewed, previous_refresh: Option<RefreshToken>) -> Result<Login, Malformed> {
        let refresh = renewed.refresh.or(previous_refresh);
        let mut oauth = self
            .oauth
            .with_member("accessToken", Some(&json(renewed.access.expose())))?
            .with_member("expiresAt", Some(&renewed.expires_at.ms().to_string()))?;
        if let Some(refresh) = &refresh {
            oauth = oauth.with_member("refreshToken", Some(&json(refresh.expose())))?;
        }
        if let Some(scopes) = renewed.scopes {
            oauth = oauth.with_member("scopes", Some(&serde_json::Value::from(scopes).to_string()))?;
        }
        Login::from_parts(oauth, self.device)?.ok_or(Malformed::WrongType("accessToken"))
    }
}

/// The document with its login emptied, as Claude Code itself empties one (`docs/observed.md` §5). The member keeps its place, so that
/// installing the login again gives the same bytes.
pub(crate) fn emptied(document: &Document) -> Result<Document, Malformed> {
    document.with_member(LOGIN_MEMBER, Some(r#"{"accessToken":"","refreshToken":"","expiresAt":0}"#))
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds since 1970 fit an i64; f64 reads `1e12` and `12.0` alike"
)]
fn epoch_ms(ms: f64) -> Timestamp {
    Timestamp::from_ms(ms as i64)
}
