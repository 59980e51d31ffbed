//! A request and an answer, reduced to what the rules look at. Owns their shape and the edge's view of an agent; what is
//! answered is decided in `answer.rs`, how it travels in `routes.rs`.

use crate::fault::Endpoint;
use crate::tokens::AccessRefusal;
use crate::wire;
use serde_json::Value;
use std::borrow::Cow;

/// The beta header that the usage endpoint wants (`docs/claude-code.md` §F, `docs/observed.md` §1).
pub const OAUTH_BETA: &str = "oauth-2025-04-20";

/// What a library sends when its user names no agent (lower case, as prefixes).
const LIBRARY_AGENTS: [&str; 17] = [
    "reqwest",
    "hyper",
    "ureq",
    "curl",
    "wget",
    "python",
    "httpx",
    "aiohttp",
    "go-http-client",
    "node",
    "undici",
    "okhttp",
    "java",
    "apache-httpclient",
    "libwww-perl",
    "ruby",
    "deno",
];

/// A request, reduced to what the rules look at.
#[derive(Clone, Default)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query, without its question mark.
    pub query: Option<String>,
    /// The `Cookie` header.
    pub cookie: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The token of `Authorization: Bearer …`.
    pub bearer: Option<String>,
    /// The `anthropic-beta` header.
    pub beta: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Call {
    /// The endpoint it goes to.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::of(&self.method, &self.path)
    }

    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(crate) fn query(&self) -> &str {
        self.query.as_deref().unwrap_or_default()
    }

    /// A field of a form that was sent as the body.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let fields = url::form_urlencoded::parse(&self.body);
        fields.into_owned().find_map(|(field, value)| (field == name).then_some(value))
    }

    pub(crate) fn is_json(&self) -> bool {
        self.content_type.as_deref().is_some_and(|kind| kind.to_lowercase().starts_with("application/json"))
    }

    pub(crate) fn has_oauth_beta(&self) -> bool {
        self.beta.as_deref().unwrap_or_default().split(',').any(|value| value.trim() == OAUTH_BETA)
    }

    pub(crate) fn is_refused_at_the_edge(&self) -> bool {
        let agent = self.user_agent.as_deref().unwrap_or_default().trim().to_lowercase();
        agent.is_empty() || LIBRARY_AGENTS.iter().any(|library| agent.starts_with(library))
    }
}

/// An answer. It may carry tokens, so it has no `Debug`.
#[derive(Clone, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers besides the content type, lower-case names.
    pub headers: Vec<(String, String)>,
    /// JSON, or an HTML page.
    pub body: Body,
}

/// The body of a [`Reply`].
#[derive(Clone, PartialEq)]
pub enum Body {
    /// `application/json`
    Json(Value),
    /// `text/html`
    Html(Cow<'static, str>),
}

impl Reply {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(body) }
    }

    pub(crate) fn html(status: u16) -> Self {
        Self { status, headers: vec![("server".into(), "cloudflare".into())], body: Body::Html(wire::EDGE_PAGE.into()) }
    }

    /// Sends a browser on.
    pub(crate) fn redirect(status: u16, target: &str) -> Self {
        let headers = vec![("location".into(), target.to_owned()), ("cache-control".into(), "no-store".into())];
        Self { status, headers, body: Body::Html("".into()) }
    }

    /// The page by which an edge asks whether a person is there.
    pub(crate) fn challenge() -> Self {
        let headers = vec![("server".into(), "cloudflare".into()), ("cf-mitigated".into(), "challenge".into())];
        Self { status: 403, headers, body: Body::Html(wire::CHALLENGE_PAGE.into()) }
    }

    /// The JSON of the answer; `None` for a page.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match &self.body {
            Body::Json(value) => Some(value),
            Body::Html(_) => None,
        }
    }
}

impl From<(u16, Value)> for Reply {
    fn from((status, body): (u16, Value)) -> Self {
        Self::json(status, body)
    }
}

impl From<AccessRefusal> for Reply {
    fn from(refusal: AccessRefusal) -> Self {
        wire::access_refusal(refusal).into()
    }
}
