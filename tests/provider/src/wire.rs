//! The JSON bodies of the token and identity endpoints, and every error body. Owns their shape alone: who gets which is
//! decided in `answer.rs`, and the usage body has `usage_wire.rs`.

use crate::account::{Account, Organization, OrganizationType};
use crate::tokens::{AccessRefusal, GrantRefusal, Terms, Tokens};
use serde_json::{Value, json};

const CREATED: &str = "2024-10-22T07:21:47.099776Z";
const SUBSCRIBED: &str = "2026-01-16T18:22:42.826732Z";

/// A successful token answer (`docs/claude-code.md` §D3).
pub fn grant_body(tokens: &Tokens, now_ms: i64, terms: &Terms, whose: Option<(&Account, &Organization)>) -> Value {
    let mut body = json!({
        "token_type": "Bearer",
        "access_token": tokens.access_token,
        "expires_in": (tokens.expires_at_ms - now_ms) / 1_000,
        "scope": tokens.scopes.join(" "),
    });
    if let Some(refresh) = &tokens.refresh_token {
        body["refresh_token"] = json!(refresh);
    }
    if let Some(deadline) = tokens.refresh_expires_at_ms {
        body["refresh_token_expires_in"] = json!((deadline - now_ms) / 1_000);
    }
    if let Some((account, organization)) = whose.filter(|_| terms.identity_in_grant) {
        body["account"] = json!({ "uuid": account.uuid, "email_address": account.email });
        body["organization"] = json!({ "uuid": organization.uuid, "name": organization.name });
    }
    body
}

/// `GET /api/oauth/profile` (§F1): the token's own account and organisation.
pub fn profile_body(account: &Account, organization: &Organization) -> Value {
    let has = |plan| account.organizations.iter().any(|o| o.organization_type == plan);
    json!({
        "account": {
            "uuid": account.uuid,
            "full_name": account.full_name,
            "display_name": account.display_name,
            "email": account.email,
            "has_claude_max": has(OrganizationType::ClaudeMax),
            "has_claude_pro": has(OrganizationType::ClaudePro),
            "created_at": CREATED,
        },
        "organization": {
            "uuid": organization.uuid,
            "name": organization.name,
            "organization_type": organization.organization_type.as_str(),
            "billing_type": "stripe_subscription",
            "rate_limit_tier": organization.rate_limit_tier,
            "seat_tier": organization.seat_tier,
            "has_extra_usage_enabled": organization.has_extra_usage_enabled,
            "subscription_status": organization.subscription_status,
            "subscription_created_at": SUBSCRIBED,
        },
        "application": {
            "uuid": crate::random::uuid_for("application:claude-code"),
            "name": "Claude Code",
            "slug": "claude-code",
        },
    })
}

/// `GET /api/oauth/account` (§F2): the person with *all* organisations; it does not say which one the token is for.
pub fn account_body(account: &Account) -> Value {
    let memberships: Vec<Value> = account
        .organizations
        .iter()
        .map(|organization| {
            json!({
                "role": organization.role,
                "seat_tier": organization.seat_tier,
                "created_at": CREATED,
                "organization": {
                    "uuid": organization.uuid,
                    "name": organization.name,
                    "billing_type": "stripe_subscription",
                    "rate_limit_tier": organization.rate_limit_tier,
                    "capabilities": ["chat", organization.organization_type.as_str()],
                },
            })
        })
        .collect();
    json!({
        "uuid": account.uuid,
        "email_address": account.email,
        "full_name": account.full_name,
        "display_name": account.display_name,
        "created_at": CREATED,
        "memberships": memberships,
    })
}

/// `GET /api/oauth/claude_cli/roles` (§F3): the three members the client reads.
pub fn roles_body(organization: &Organization) -> Value {
    json!({
        "organization_role": organization.role,
        "workspace_role": null,
        "organization_name": organization.name,
    })
}

/// The `oauthAccount` block Claude Code keeps for this identity (§C): for rigs that write a `.claude.json`.
#[must_use]
pub fn oauth_account(account: &Account, organization: &Organization, fetched_at_ms: i64) -> Value {
    json!({
        "accountUuid": account.uuid,
        "emailAddress": account.email,
        "displayName": account.display_name,
        "fullName": account.full_name,
        "organizationUuid": organization.uuid,
        "organizationName": organization.name,
        "organizationType": organization.organization_type.as_str(),
        "organizationRole": organization.role,
        "workspaceRole": null,
        "organizationRateLimitTier": organization.rate_limit_tier,
        "userRateLimitTier": null,
        "seatTier": organization.seat_tier,
        "billingType": "stripe_subscription",
        "hasExtraUsageEnabled": organization.has_extra_usage_enabled,
        "accountCreatedAt": CREATED,
        "subscriptionCreatedAt": SUBSCRIBED,
        "profileFetchedAt": fetched_at_ms,
    })
}

/// The error envelope of the API host (§F4).
pub fn api_error(kind: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "type": kind, "message": message } })
}

/// Status and body of a refusal by the token endpoint (§D6).
pub fn grant_refusal(refusal: GrantRefusal) -> (u16, Value) {
    let oauth = |error: &str, why: &str| json!({ "error": error, "error_description": why });
    match refusal {
        GrantRefusal::Malformed => (400, api_error("invalid_request_error", "Invalid request format")),
        GrantRefusal::InvalidClient => (401, oauth("invalid_client", "Client authentication failed")),
        GrantRefusal::InvalidGrant => (400, oauth("invalid_grant", "Refresh token not found or invalid")),
        GrantRefusal::InvalidCode => (400, oauth("invalid_grant", "Authorization code not found or invalid")),
        GrantRefusal::InvalidScope => (400, oauth("invalid_scope", "Requested scope was not granted")),
    }
}

/// Status and body of a refusal of an access token (§F4).
pub fn access_refusal(refusal: AccessRefusal) -> (u16, Value) {
    let unauthorized = |message: &str| (401, api_error("authentication_error", message));
    match refusal {
        AccessRefusal::Missing => unauthorized("Authentication is required: no bearer token was sent"),
        AccessRefusal::Unknown => unauthorized("Invalid bearer token"),
        AccessRefusal::Expired => {
            unauthorized("OAuth token has expired. Please obtain a new token or refresh your existing token.")
        }
        AccessRefusal::Revoked => unauthorized("OAuth access token has been revoked"),
        AccessRefusal::Scope(needed) => {
            let message = format!("OAuth token does not meet scope requirement {needed}");
            let mut body = api_error("permission_error", &message);
            body["error"]["details"] = json!({ "error_visibility": "user_facing" });
            (403, body)
        }
    }
}

/// The body of a throttled answer (§F4).
pub fn rate_limited() -> Value {
    json!({ "error": { "message": "Rate limited. Please try again later.", "type": "rate_limit_error" } })
}

/// The body that usually comes with a status, for scripted faults.
pub fn body_for_status(status: u16) -> Value {
    match status {
        401 => access_refusal(AccessRefusal::Expired).1,
        403 => access_refusal(AccessRefusal::Scope("user:profile")).1,
        404 => api_error("not_found_error", "Not Found"),
        429 => rate_limited(),
        529 => api_error("overloaded_error", "Overloaded"),
        400..=499 => api_error("invalid_request_error", "Invalid request format"),
        _ => api_error("api_error", "Internal server error"),
    }
}

/// The page of an edge refusal (§D7): HTML, whatever the caller wanted.
pub const EDGE_PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>Just a moment...</title></head>\
<body><h1>Attention Required! | Cloudflare</h1><p>Error 1010: the owner of this website has banned your access based \
on your browser's signature.</p></body></html>\n";

/// The page by which an edge asks whether a person is there (§D6): no form that a program could answer.
pub const CHALLENGE_PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en-US\"><head><meta charset=\"utf-8\">\
<title>Just a moment...</title><style>body{font:16px system-ui,sans-serif;max-width:36em;margin:14vh auto}\
</style></head><body data-page=\"challenge\"><h1>Just a moment...</h1><p>Verifying that you are human. This may take a \
few seconds.</p><div id=\"challenge-stage\" role=\"status\">Waiting…</div></body></html>\n";

/// The same document with every value of another type: text for numbers, numbers for text, text for lists.
pub fn with_wrong_types(value: Value) -> Value {
    match value {
        Value::String(_) => json!(12_345),
        Value::Number(number) => json!(number.to_string()),
        Value::Bool(yes) => json!(if yes { "yes" } else { "no" }),
        Value::Array(_) => json!("a list was expected here"),
        Value::Object(members) => Value::Object(members.into_iter().map(|(k, v)| (k, with_wrong_types(v))).collect()),
        Value::Null => Value::Null,
    }
}
