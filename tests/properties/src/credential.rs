//! Claude Code's credential store: read, installed, renewed.

use sha2::{Digest as _, Sha256};
use signalbox_core::credential::{AccessToken, Live, Login, RefreshToken, Renewed};
use signalbox_core::document::Document;
use signalbox_core::time::Timestamp;

use crate::marker::{error_says_nothing, says_nothing, with_and_without};
use crate::oracle;

const LOGIN: &str = "claudeAiOauth";
const DEVICE: &str = "trustedDeviceToken";
/// Another machine's store, with forms that a careless rewrite would change.
const HOST: &str = "{ \"mcpOAuth\" : {\"x|1\": {\"n\": 1.50e0}},\n\t\"claudeAiOauth\":{\"accessToken\":\"old\"},\"later\": [ 1 ,2 ] }\n";

/// A credential store is read as what it is, its login survives every way through us byte for byte, a renewal changes the
/// pair and nothing else, and what Claude Code emptied never becomes a login again.
///
/// # Panics
/// When one of these does not hold.
pub fn credential_blob(bytes: &[u8]) {
    with_and_without(bytes, check);
}

fn check(bytes: &[u8]) {
    let document = match Document::parse(bytes.to_vec()) {
        Ok(document) => document,
        Err(why) => return error_says_nothing(&why),
    };
    assert_eq!(document.expose().as_bytes(), bytes, "a document is what was read");
    says_nothing(&format!("{document:?}"));
    let text = document.expose();
    match Live::parse(&document) {
        Err(why) => error_says_nothing(&why),
        Ok(Live::Absent) => assert_eq!(oracle::raw(text, LOGIN), None, "a login was overlooked"),
        Ok(Live::Husk) => {
            let oauth = oracle::raw(text, LOGIN).expect("a husk is an emptied login");
            assert_eq!(oracle::string(oauth, "accessToken").unwrap_or_default(), "", "a login was taken for a husk");
            assert!(matches!(Live::parse(&document.compact()), Ok(Live::Husk)), "a husk came to life");
        }
        Ok(Live::Login(login)) => check_login(&document, &login),
    }
}

fn check_login(document: &Document, login: &Login) {
    let text = document.expose();
    let oauth = oracle::raw(text, LOGIN).expect("a login came out of its member");
    let (access, refresh) = (oracle::string(oauth, "accessToken"), oracle::string(oauth, "refreshToken"));
    assert_eq!(Some(login.access().expose()), access.as_deref());
    assert_ne!(access.as_deref(), Some(""), "a husk was taken for a login");
    let refresh = refresh.unwrap_or_default();
    assert_eq!(login.can_renew(), !refresh.is_empty());
    let pair = format!("{}\0{refresh}", access.unwrap_or_default());
    let hash: String = Sha256::digest(pair).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(login.fingerprint().to_string(), hash);

    check_installed(document, login, HOST);
    check_installed(document, login, text);
    check_installed(document, login, "{}");
    let compact = read(&document.compact()).expect("the same on one line");
    assert!(same(&compact, login) && !document.compact().expose().contains(['\n', '\r']));
    check_emptied(document, oauth);
    check_renewed(document, oauth, &refresh);
}

/// The login stands in another store as it stood in its own, and everything else there is as it was.
fn check_installed(document: &Document, login: &Login, host: &str) {
    let host = Document::from_text(host.to_owned()).expect("an object");
    let installed = login.install_into(&host).expect("a login can be installed anywhere");
    let (from, to) = (document.expose(), installed.expose());
    assert_eq!(oracle::raw(to, LOGIN), oracle::raw(from, LOGIN));
    assert_eq!(oracle::raw(to, DEVICE), oracle::raw(from, DEVICE));
    assert_eq!(oracle::besides(to, &[LOGIN, DEVICE]), oracle::besides(host.expose(), &[LOGIN, DEVICE]));
    assert!(same(&read(&installed).expect("the same login"), login));
}

/// What Claude Code leaves after a refused refresh (`docs/observed.md` §5) is a husk, whatever stood in the login.
fn check_emptied(document: &Document, oauth: &str) {
    let oauth = Document::from_text(oauth.to_owned()).expect("an object");
    let emptied = oauth.with_member("accessToken", Some("\"\"")).expect("an object");
    let store = document.with_member(LOGIN, Some(emptied.expose())).expect("an object");
    assert!(matches!(Live::parse(&store), Ok(Live::Husk)), "an emptied login is no husk");
}

fn check_renewed(document: &Document, oauth: &str, refresh: &str) {
    for new_refresh in [Some("sk-ant-ort01-sim-new"), None] {
        let login = read(document).expect("read a moment ago");
        let deadline = login.deadline();
        let Some((token, spent)) = login.into_spending() else {
            return assert_eq!(refresh, "", "a refresh token was lost");
        };
        assert_eq!(token.expose(), refresh);
        // Where the answer names no new token, the old one stays valid.
        let kept = new_refresh.is_none().then_some(token);
        let renewed = spent.renew(renewed("sk-ant-oat01-sim-new", new_refresh), kept).expect("a renewed login");
        assert_eq!(renewed.access().expose(), "sk-ant-oat01-sim-new");
        assert_eq!(renewed.expires_at(), Some(Timestamp::from_ms(1_800_000_000_000)));
        assert_eq!(renewed.deadline(), deadline, "refreshing does not move the deadline");
        let stored = renewed.to_document().expect("an object");
        let after = oracle::raw(stored.expose(), LOGIN).expect("the login");
        let expected = new_refresh.map_or_else(|| refresh.to_owned(), str::to_owned);
        assert_eq!(oracle::string(after, "refreshToken"), Some(expected));
        let changed = ["accessToken", "refreshToken", "expiresAt"];
        assert_eq!(oracle::besides(after, &changed), oracle::besides(oauth, &changed));
    }
    let (_, spent) = read(document).expect("read a moment ago").into_spending().expect("it has a refresh token");
    let why = spent.renew(renewed("", None), None).err().expect("an answer without a token is no login");
    error_says_nothing(&why);
}

fn renewed(access: &str, refresh: Option<&str>) -> Renewed {
    Renewed {
        access: AccessToken::new(access.to_owned()),
        refresh: refresh.map(|token| RefreshToken::new(token.to_owned())),
        expires_at: Timestamp::from_ms(1_800_000_000_000),
        scopes: None,
        account_uuid: None,
    }
}

fn read(document: &Document) -> Option<Login> {
    match Live::parse(document) {
        Ok(Live::Login(login)) => Some(login),
        _ => None,
    }
}

fn same(one: &Login, other: &Login) -> bool {
    let parts = |login: &Login| {
        (login.fingerprint(), login.expires_at(), login.deadline(), login.scopes().to_vec(), login.can_renew())
    };
    parts(one) == parts(other)
}
