//! The pages of the browser's side: plain HTML with stable ids, without scripts and without anything from elsewhere.
//! Owns how they look and what they say; which of them is shown is decided in `../authorize.rs`.
//!
//! | page (`<body data-page>`) | what a test finds in it |
//! |---|---|
//! | `sign-in` | form `#sign-in-form`, `#email`, button `#continue`, `#sign-in-error` |
//! | `organization` | form `#organization-form`, radio buttons `name=organization`, button `#continue` |
//! | `consent` | `#consent-form`, buttons `#authorize`, `#deny`, `#account-email`, `#account-organization`, `#scopes`, `#switch-account` |
//! | `confirm` | form `#confirm-form`, button `#confirm` |
//! | `code` | `#code` with `code#state` |
//! | `denied`, `success`, `signed-in`, `error` | `#title`, `#detail` |

use super::request::{Request, Wrong};
use crate::account::{Account, Organization, OrganizationType};
use crate::call::{Body, Reply};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How a consent page may differ from the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentChange {
    /// The button says "Allow access", and its id is `allow-access`.
    Renamed,
    /// The buttons stand outside the form, in the other order.
    Moved,
    /// The click is answered with a second question.
    Confirm,
    /// It asks for something else: access to the organisation's billing.
    Reworded,
}

const STYLE: &str = include_str!("pages.css");

fn page(status: u16, name: &str, title: &str, content: &Markup) -> Reply {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Claude (simulated)" }
                style { (PreEscaped(STYLE)) }
            }
            body data-page=(name) {
                header { span.mark aria-hidden="true" {} "Claude" span.tag { "simulated" } }
                main { (content) }
                footer { "A simulated page. No account is real, and nothing leaves this machine." }
            }
        }
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![
        header("cache-control", "no-store"),
        header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
        header("referrer-policy", "no-referrer"),
    ];
    Reply { status, headers, body: Body::Html(page.into_string().into()) }
}

fn notice(status: u16, name: &str, title: &str, detail: &str) -> Reply {
    page(status, name, title, &html! { h1 #title { (title) } p #detail { (detail) } })
}

fn action(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Why there is nothing to consent to.
pub fn error(wrong: &Wrong) -> Reply {
    notice(400, "error", "Invalid request format", &format!("{} {}", wrong.parameter, wrong.why))
}

/// Asks who it is. `query` is the authorize request to come back to; none: the page stands alone.
pub fn sign_in(query: &str, email: &str, refused: Option<&str>) -> Reply {
    let content = html! {
        h1 #title { "Sign in" }
        p { "Continue with your e-mail address." }
        form #sign-in-form method="post" action=(action("/oauth/sign-in", query)) {
            label for="email" { "E-mail" }
            input #email type="email" name="email" value=(email) required autofocus autocomplete="username";
            @if let Some(why) = refused { p.refused #sign-in-error role="alert" { (why) } }
            button.primary #continue type="submit" { "Continue" }
        }
    };
    page(200, "sign-in", "Sign in", &content)
}

/// Asks for which organisation.
pub fn choose_organization(query: &str, account: &Account) -> Reply {
    let content = html! {
        h1 #title { "Choose an organization" }
        p { "Signed in as " strong #account-email { (account.email) } }
        form #organization-form method="post" action=(action("/oauth/organization", query)) {
            fieldset {
                legend { "Organization" }
                @for (at, organization) in account.organizations.iter().enumerate() {
                    label.choice {
                        input type="radio" name="organization" value=(organization.uuid) checked[at == 0];
                        span { strong { (organization.name) } small { (plan(organization)) } }
                    }
                }
            }
            button.primary #continue type="submit" { "Continue" }
        }
        a #switch-account href=(action("/oauth/switch", query)) { "Switch account" }
    };
    page(200, "organization", "Choose an organization", &content)
}

/// Asks whether the client may.
pub fn consent(
    query: &str,
    asked: &Request,
    account: &Account,
    organization: &Organization,
    change: Option<ConsentChange>,
) -> Reply {
    let heading = match change {
        Some(ConsentChange::Reworded) => "Claude Code wants to manage billing for your organization",
        _ => "Claude Code would like to connect to your Claude chat account",
    };
    let outside = (change == Some(ConsentChange::Moved)).then_some("consent-form");
    let (id, label) = match change {
        Some(ConsentChange::Renamed) => ("allow-access", "Allow access"),
        _ => ("authorize", "Authorize"),
    };
    let allow = html! {
        button.primary id=(id) type="submit" name="decision" value="allow" form=[outside] { (label) }
    };
    let deny = html! { button #deny type="submit" name="decision" value="deny" form=[outside] { "Decline" } };
    let content = html! {
        h1 #title { (heading) }
        div.person {
            strong #account-email { (account.email) }
            span #account-organization { (organization.name) " · " (plan(organization)) }
        }
        p { "It will be able to:" }
        ul #scopes {
            @if change == Some(ConsentChange::Reworded) { li { "Change how your organization is billed" } }
            @for sentence in sentences(&asked.scopes) { li { (sentence) } }
        }
        form #consent-form method="post" action=(action("/oauth/authorize", query)) {
            @if change == Some(ConsentChange::Confirm) { input type="hidden" name="confirm" value="asked"; }
            @if outside.is_none() { div.choices { (allow) (deny) } }
        }
        @if outside.is_some() { aside.choices { (deny) (allow) } }
        a #switch-account href=(action("/oauth/switch", query)) { "Switch account" }
    };
    page(200, "consent", "Connect Claude Code", &content)
}

/// Asks a second time ([`ConsentChange::Confirm`]).
pub fn confirm(query: &str) -> Reply {
    let content = html! {
        h1 #title { "Are you sure?" }
        p { "Claude Code will be able to act for you on this computer." }
        form #confirm-form method="post" action=(action("/oauth/authorize", query)) {
            div.choices {
                button.primary #confirm type="submit" name="decision" value="allow" { "Yes, continue" }
                button #deny type="submit" name="decision" value="deny" { "Cancel" }
            }
        }
    };
    page(200, "confirm", "Are you sure?", &content)
}

/// Shows the code for pasting, or that there is none.
pub fn code(query: &HashMap<String, String>) -> Reply {
    let (Some(code), Some(state)) = (query.get("code"), query.get("state")) else {
        let why = query.get("error_description").map_or("The answer holds no code.", String::as_str);
        return notice(200, "denied", "Not authorized", why);
    };
    let content = html! {
        h1 #title { "Authentication code" }
        p { "Paste this into Claude Code:" }
        output.code #code { (code) "#" (state) }
    };
    page(200, "code", "Authentication code", &content)
}

/// What the client shows in the browser at the end.
pub fn success() -> Reply {
    notice(200, "success", "You're all set", "Claude Code is connected. You can close this window.")
}

/// Who is signed in here.
pub fn signed_in(account: &Account) -> Reply {
    let content = html! {
        h1 #title { "You are signed in" }
        p #detail { "As " strong #account-email { (account.email) } "." }
        a #switch-account href="/oauth/switch" { "Switch account" }
    };
    page(200, "signed-in", "You are signed in", &content)
}

fn plan(organization: &Organization) -> &'static str {
    match organization.organization_type {
        OrganizationType::ClaudeMax => "Max plan",
        OrganizationType::ClaudePro => "Pro plan",
        OrganizationType::ClaudeTeam => "Team plan",
        OrganizationType::ClaudeEnterprise => "Enterprise plan",
    }
}

/// What the scopes mean, each sentence once.
fn sentences(scopes: &[String]) -> Vec<&'static str> {
    let meaning = |scope: &str| match scope {
        "user:profile" => "Access your profile information",
        "user:inference" => "Use your Claude subscription",
        "org:create_api_key" => "Create API keys on your behalf",
        "user:sessions:claude_code" => "Keep your Claude Code sessions",
        "user:mcp_servers" => "Use your connected servers",
        "user:file_upload" => "Upload files on your behalf",
        "user:plugins" => "Use your plugins",
        _ => "Read and store settings of your account",
    };
    let mut said: Vec<&'static str> = Vec::new();
    for sentence in scopes.iter().map(|scope| meaning(scope)) {
        if !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    said
}
