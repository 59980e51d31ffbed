//! The admin API under `/admin`: everything a test may say to the [`Sim`] handle, as JSON over HTTP, for callers in
//! another process. It has no authentication, because the server listens on loopback only and holds nothing real.

use crate::account::Account;
use crate::fault::{Fault, RetryAfter};
use crate::seed::{SeedUsage, SignIn};
use crate::sim::Sim;
use crate::state::UnknownIdentity;
use crate::tokens::LoginId;
use crate::usage::Burn;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) type Answer = Result<Json<Value>, Refusal>;

/// The routes, without the `/admin` prefix.
pub fn routes() -> Router<Sim> {
    Router::new()
        .route("/state", get(state))
        .route("/account", post(add_account))
        .route("/login", post(sign_in))
        .route("/login/{id}", get(report))
        .route("/login/{id}/newest", get(newest))
        .route("/login/{id}/end", post(end))
        .route("/login/{id}/withdraw-access", post(withdraw_access))
        .route("/alive", post(alive))
        .route("/clock", get(clock).post(set_clock))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/usage", get(usage).post(set_usage))
        .route("/burn", post(burn))
        .route("/options", post(set_options))
        .route("/requests", get(requests).delete(clear_requests))
        .merge(crate::authorize::admin::routes())
}

async fn state(State(sim): State<Sim>) -> Json<Value> {
    Json(json!({
        "now_ms": sim.now_ms(),
        "accounts": sim.accounts(),
        "logins": sim.reports(),
        "faults": sim.with(|s| s.faults.waiting().to_vec()),
        "requests": sim.requests().len(),
    }))
}

async fn add_account(State(sim): State<Sim>, body: Body<Account>) -> Answer {
    Ok(Json(json!(sim.add_account(body?.0))))
}

async fn sign_in(State(sim): State<Sim>, body: Body<SignIn>) -> Answer {
    let tokens = sim.sign_in(&body?.0)?;
    let mut answer = json!(tokens);
    answer["claude_ai_oauth"] = tokens.claude_ai_oauth();
    answer["oauth_account"] = sim.with(|s| {
        let seat = &tokens.seat;
        let (account, organization) = s.find(&seat.account, Some(&seat.identity.organization_uuid))?;
        Ok::<_, UnknownIdentity>(crate::wire::oauth_account(account, organization, s.now_ms()))
    })?;
    Ok(Json(answer))
}

async fn report(State(sim): State<Sim>, Path(id): Path<u32>) -> Answer {
    Ok(Json(json!(sim.report(LoginId(id)).ok_or(NO_LOGIN)?)))
}

async fn newest(State(sim): State<Sim>, Path(id): Path<u32>) -> Answer {
    Ok(Json(json!(sim.newest(LoginId(id)).ok_or(NO_LOGIN)?)))
}

async fn end(State(sim): State<Sim>, Path(id): Path<u32>) -> Answer {
    if sim.end_login(LoginId(id)) { done() } else { Err(NO_LOGIN) }
}

async fn withdraw_access(State(sim): State<Sim>, Path(id): Path<u32>) -> Answer {
    if sim.withdraw_access(LoginId(id)) { done() } else { Err(NO_LOGIN) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alive {
    refresh_token: String,
}

async fn alive(State(sim): State<Sim>, body: Body<Alive>) -> Answer {
    let token = body?.0.refresh_token;
    Ok(Json(json!({ "alive": sim.is_alive(&token), "login": sim.owner(&token) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetClock {
    #[serde(default)]
    advance_ms: i64,
    frozen: Option<bool>,
}

async fn clock(State(sim): State<Sim>) -> Json<Value> {
    sim.with(|s| Json(json!({ "now_ms": s.now_ms(), "frozen": s.options.clock.is_frozen() })))
}

async fn set_clock(State(sim): State<Sim>, body: Body<SetClock>) -> Answer {
    let wish = body?.0;
    sim.advance_ms(wish.advance_ms);
    sim.reconfigure(|options| match wish.frozen {
        Some(true) => options.clock.freeze(),
        Some(false) => options.clock.resume(),
        None => {}
    });
    Ok(clock(State(sim)).await)
}

async fn faults(State(sim): State<Sim>) -> Json<Value> {
    sim.with(|s| Json(json!(s.faults.waiting())))
}

async fn add_fault(State(sim): State<Sim>, body: Body<Fault>) -> Answer {
    sim.fault(body?.0);
    Ok(faults(State(sim)).await)
}

async fn clear_faults(State(sim): State<Sim>) -> Answer {
    sim.clear_faults();
    done()
}

#[derive(Deserialize)]
struct Whose {
    account: String,
    organization: Option<String>,
}

async fn usage(State(sim): State<Sim>, Query(whose): Query<Whose>) -> Answer {
    Ok(Json(json!(sim.usage(&whose.account, whose.organization.as_deref())?)))
}

async fn set_usage(State(sim): State<Sim>, body: Body<SeedUsage>) -> Answer {
    let entry = body?.0;
    sim.set_usage(&entry.account, entry.organization.as_deref(), entry.usage)?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BurnWish {
    account: String,
    organization: Option<String>,
    #[serde(default)]
    model: String,
    #[serde(default)]
    burn: Burn,
}

async fn burn(State(sim): State<Sim>, body: Body<BurnWish>) -> Answer {
    let wish = body?.0;
    let organization = wish.organization.as_deref();
    sim.burn(&wish.account, organization, &wish.model, wish.burn)?;
    Ok(Json(json!(sim.usage(&wish.account, organization)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionsWish {
    access_life_s: Option<i64>,
    login_life_s: Option<i64>,
    code_life_s: Option<i64>,
    session_life_s: Option<i64>,
    omit_refresh_token: Option<bool>,
    identity_in_grant: Option<bool>,
    usage_budget: Option<u32>,
    retry_after: Option<RetryAfter>,
    reset_jitter_ms: Option<u64>,
    check_user_agent: Option<bool>,
}

async fn set_options(State(sim): State<Sim>, body: Body<OptionsWish>) -> Answer {
    let wish = body?.0;
    sim.reconfigure(|options| {
        put(&mut options.terms.access_life_ms, wish.access_life_s.map(|s| s * 1_000));
        put(&mut options.terms.login_life_ms, wish.login_life_s.map(|s| s * 1_000));
        put(&mut options.terms.code_life_ms, wish.code_life_s.map(|s| s * 1_000));
        put(&mut options.terms.session_life_ms, wish.session_life_s.map(|s| s * 1_000));
        put(&mut options.terms.omit_refresh_token, wish.omit_refresh_token);
        put(&mut options.terms.identity_in_grant, wish.identity_in_grant);
        put(&mut options.usage_budget, wish.usage_budget.map(Some));
        put(&mut options.retry_after, wish.retry_after);
        put(&mut options.reset_jitter_ms, wish.reset_jitter_ms);
        put(&mut options.check_user_agent, wish.check_user_agent);
    });
    done()
}

fn put<T>(slot: &mut T, wish: Option<T>) {
    if let Some(value) = wish {
        *slot = value;
    }
}

async fn requests(State(sim): State<Sim>) -> Json<Value> {
    Json(json!(sim.requests()))
}

async fn clear_requests(State(sim): State<Sim>) -> Answer {
    sim.clear_requests();
    done()
}

pub(crate) fn done() -> Answer {
    Ok(Json(json!({ "done": true })))
}

/// The body as JSON, or why it is not. Kept as a `Result` so that a refusal is JSON too.
pub(crate) type Body<T> = Result<Json<T>, JsonRejection>;

/// Why an admin request was refused.
pub(crate) enum Refusal {
    Missing(String),
    Malformed(JsonRejection),
    NoLogin,
}

const NO_LOGIN: Refusal = Refusal::NoLogin;

impl From<UnknownIdentity> for Refusal {
    fn from(unknown: UnknownIdentity) -> Self {
        Self::Missing(unknown.to_string())
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::Malformed(rejection)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Self::Missing(why) => (StatusCode::NOT_FOUND, why),
            Self::Malformed(rejection) => (StatusCode::BAD_REQUEST, rejection.body_text()),
            Self::NoLogin => (StatusCode::NOT_FOUND, "there is no login with this number".to_owned()),
        };
        (status, Json(json!({ "error": why }))).into_response()
    }
}
