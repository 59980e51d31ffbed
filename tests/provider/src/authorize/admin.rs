//! The admin calls about browsers: auto-consent, sessions, answers given. They are listed in `../authorize.rs`.

use super::{AutoConsent, Outcome};
use crate::admin::{Answer, Body, Refusal, done};
use crate::sim::Sim;
use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

/// The routes, without the `/admin` prefix.
pub fn routes() -> Router<Sim> {
    Router::new()
        .route("/auto-consent", post(set_auto_consent).delete(clear_auto_consent))
        .route("/browser-sessions", get(sessions).post(add_session).delete(end_sessions))
        .route("/browser-sessions/{number}", delete(end_session))
        .route("/authorizations", get(authorizations))
}

async fn set_auto_consent(State(sim): State<Sim>, body: Body<AutoConsent>) -> Answer {
    sim.auto_consent(Some(body?.0))?;
    done()
}

async fn clear_auto_consent(State(sim): State<Sim>) -> Answer {
    sim.auto_consent(None)?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    account: String,
    organization: Option<String>,
}

async fn add_session(State(sim): State<Sim>, body: Body<Whose>) -> Answer {
    let whose = body?.0;
    Ok(Json(json!(sim.browser_session(&whose.account, whose.organization.as_deref())?)))
}

async fn sessions(State(sim): State<Sim>) -> Json<Value> {
    Json(json!(sim.browser_sessions()))
}

async fn end_sessions(State(sim): State<Sim>) -> Answer {
    sim.end_browser_session(None);
    done()
}

async fn end_session(State(sim): State<Sim>, Path(number): Path<u32>) -> Answer {
    if sim.end_browser_session(Some(number)) {
        done()
    } else {
        Err(Refusal::Missing("there is no browser session with this number".to_owned()))
    }
}

async fn authorizations(State(sim): State<Sim>) -> Json<Value> {
    let list = sim.authorizations();
    let count = |outcome| list.iter().filter(|answer| answer.outcome == outcome).count();
    Json(json!({
        "allowed": list.len() - count(Outcome::Denied),
        "denied": count(Outcome::Denied),
        "exchanged": count(Outcome::Exchanged),
        "refused": count(Outcome::Refused),
        "waiting": count(Outcome::Waiting),
        "list": list,
    }))
}
