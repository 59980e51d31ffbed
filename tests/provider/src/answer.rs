//! The endpoints, without HTTP: a [`Call`] goes in, a [`Reply`] comes out, and the state has changed as the rules say.
//! Sockets, delays and cuts belong to `routes.rs`; the rules themselves to the modules this one asks.

use crate::account::Identity;
use crate::call::{Body, Call, OAUTH_BETA, Reply};
use crate::fault::{Endpoint, FaultKind, RetryAfter};
use crate::state::State;
use crate::tokens::{AccessRefusal, GrantRefusal, LoginId};
use crate::{usage_wire, wire};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

struct Granted {
    login: LoginId,
    account: String,
    identity: Identity,
}

impl State {
    /// Processes a call under the fault that struck it (delays and cuts are the caller's to perform).
    pub(crate) fn serve(&mut self, call: &Call, fault: Option<&FaultKind>) -> Reply {
        let mut reply = match fault {
            Some(FaultKind::Html { status }) => Reply::html(*status),
            Some(FaultKind::Status { status, body, retry_after }) => {
                let body = body.clone().unwrap_or_else(|| wire::body_for_status(*status));
                let mut reply = Reply::json(*status, body);
                reply.headers.extend(retry_after.and_then(|form| self.retry_after(form)));
                reply
            }
            Some(FaultKind::Challenge) => Reply::challenge(),
            _ => self.answer(call, fault),
        };
        if fault == Some(&FaultKind::WrongTypes)
            && let Body::Json(value) = reply.body
        {
            reply.body = Body::Json(wire::with_wrong_types(value));
        }
        self.answers += 1;
        reply.headers.push(("request-id".into(), format!("req_sim_{:08}", self.answers)));
        reply.headers.push(("date".into(), http_date(self.now_ms())));
        if let Body::Json(Value::Object(body)) = &mut reply.body
            && body.contains_key("error")
            && body.contains_key("type")
        {
            body.insert("request_id".into(), json!(format!("req_sim_{:08}", self.answers)));
        }
        reply
    }

    fn answer(&mut self, call: &Call, fault: Option<&FaultKind>) -> Reply {
        if self.options.check_user_agent && call.is_refused_at_the_edge() {
            return Reply::html(403);
        }
        match call.endpoint() {
            Endpoint::Token | Endpoint::Exchange => {
                self.token(call).unwrap_or_else(|refusal| wire::grant_refusal(refusal).into())
            }
            Endpoint::Revoke => self.revoke(call).unwrap_or_else(|refusal| wire::grant_refusal(refusal).into()),
            Endpoint::Profile | Endpoint::Account | Endpoint::Roles => self.identity(call).unwrap_or_else(Reply::from),
            Endpoint::Usage => self.usage(call).unwrap_or_else(Reply::from),
            Endpoint::Messages => self.message(call).unwrap_or_else(Reply::from),
            Endpoint::Authorize | Endpoint::Consent | Endpoint::Decide | Endpoint::SignIn | Endpoint::CodePage => {
                self.browse(call, fault)
            }
            Endpoint::Other | Endpoint::Any => Reply::json(404, wire::body_for_status(404)),
        }
    }

    fn token(&mut self, call: &Call) -> Result<Reply, GrantRefusal> {
        let body = self.client_request(call)?;
        match body["grant_type"].as_str() {
            Some("refresh_token") => {}
            Some("authorization_code") => return self.exchange(&body),
            _ => return Err(GrantRefusal::Malformed),
        }
        let presented = body["refresh_token"].as_str().ok_or(GrantRefusal::Malformed)?;
        let scope = match &body["scope"] {
            Value::Null => None,
            Value::String(text) => Some(text.as_str()),
            _ => return Err(GrantRefusal::Malformed),
        };
        let now_ms = self.now_ms();
        let tokens = self.ledger.refresh(presented, scope, now_ms, &self.options.terms, &mut self.random)?;
        let seat = &tokens.seat;
        let whose = self.find(&seat.account, Some(&seat.identity.organization_uuid)).ok();
        Ok(Reply::json(200, wire::grant_body(&tokens, now_ms, &self.options.terms, whose)))
    }

    fn revoke(&mut self, call: &Call) -> Result<Reply, GrantRefusal> {
        let body = self.client_request(call)?;
        let token = body["token"].as_str().ok_or(GrantRefusal::Malformed)?;
        // An unknown token gets the same answer (RFC 7009 section 2.2).
        self.ledger.revoke_by_token(token);
        Ok(Reply::json(200, json!({})))
    }

    fn client_request(&self, call: &Call) -> Result<Value, GrantRefusal> {
        let body = call.json().filter(|body| call.is_json() && body.is_object()).ok_or(GrantRefusal::Malformed)?;
        let client = body["client_id"].as_str().filter(|id| !id.is_empty()).ok_or(GrantRefusal::Malformed)?;
        if client == self.options.client_id { Ok(body) } else { Err(GrantRefusal::InvalidClient) }
    }

    /// The identity behind an access token that has `scope`.
    fn granted(&self, bearer: Option<&str>, scope: &'static str) -> Result<Granted, AccessRefusal> {
        let token = bearer.filter(|token| !token.is_empty()).ok_or(AccessRefusal::Missing)?;
        let bearer = self.ledger.authenticate(token, self.now_ms())?;
        if !bearer.scopes.iter().any(|s| s == scope) {
            return Err(AccessRefusal::Scope(scope));
        }
        Ok(Granted {
            login: bearer.login,
            account: bearer.seat.account.clone(),
            identity: bearer.seat.identity.clone(),
        })
    }

    /// Who an access token speaks for, by the rules of the profile endpoint.
    pub(crate) fn whoami(&self, access: &str) -> Result<Identity, AccessRefusal> {
        self.granted(Some(access), "user:profile").map(|granted| granted.identity)
    }

    fn identity(&self, call: &Call) -> Result<Reply, AccessRefusal> {
        let granted = self.granted(call.bearer.as_deref(), "user:profile")?;
        let (account, organization) = self
            .find(&granted.account, Some(&granted.identity.organization_uuid))
            .map_err(|_| AccessRefusal::Revoked)?;
        Ok(Reply::json(
            200,
            match call.endpoint() {
                Endpoint::Account => wire::account_body(account),
                Endpoint::Roles => wire::roles_body(organization),
                _ => wire::profile_body(account, organization),
            },
        ))
    }

    fn usage(&mut self, call: &Call) -> Result<Reply, AccessRefusal> {
        let granted = self.granted(call.bearer.as_deref(), "user:profile")?;
        if !call.has_oauth_beta() {
            let message = format!("anthropic-beta: {OAUTH_BETA} is required for this endpoint");
            return Ok(Reply::json(400, wire::api_error("invalid_request_error", &message)));
        }
        if !self.budget.take(&granted.identity, self.options.usage_budget, self.now_ms()) {
            let mut reply = Reply::json(429, wire::rate_limited());
            reply.headers.extend(self.retry_after(self.options.retry_after));
            return Ok(reply);
        }
        let usage = self.rolled_usage(&granted.identity).clone();
        Ok(Reply::json(200, usage_wire::usage_body(&usage, self.options.reset_jitter_ms, &mut self.random)))
    }

    fn message(&mut self, call: &Call) -> Result<Reply, AccessRefusal> {
        let granted = self.granted(call.bearer.as_deref(), "user:inference")?;
        let Some(body) = call.json() else {
            return Ok(Reply::json(400, wire::api_error("invalid_request_error", "The body is not JSON")));
        };
        let model = body["model"].as_str().unwrap_or("claude-haiku-4-5").to_owned();
        let now_ms = self.now_ms();
        let usage = self.rolled_usage(&granted.identity);
        let stopped = usage.exhausted(&model).cloned();
        if stopped.is_none() {
            let burn = usage.burn;
            usage.burn(&model, burn, now_ms);
        }
        let headers = usage_wire::ratelimit_headers(usage, stopped.as_ref());
        let Some(window) = stopped else {
            let mut reply = Reply::json(200, message_body(&model, granted.login));
            reply.headers = headers;
            return Ok(reply);
        };
        let mut reply = Reply::json(429, wire::rate_limited());
        reply.headers = headers;
        let wait = window.resets_at_ms.map_or(0, |at| (at - now_ms).max(0) / 1_000);
        reply.headers.push(("retry-after".into(), wait.to_string()));
        Ok(reply)
    }

    fn retry_after(&self, form: RetryAfter) -> Option<(String, String)> {
        let value = match form {
            RetryAfter::Absent => return None,
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::HttpDate(seconds) => http_date(self.now_ms() + i64::from(seconds) * 1_000),
        };
        Some(("retry-after".into(), value))
    }
}

fn message_body(model: &str, login: LoginId) -> Value {
    json!({
        "id": format!("msg_sim_{}", login.0),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{ "type": "text", "text": "Simulated answer." }],
        "stop_reason": "end_turn",
        "usage": { "input_tokens": 1, "output_tokens": 1 },
    })
}

fn http_date(ms: i64) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
