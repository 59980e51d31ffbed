//! The provider's endpoints over HTTP: turns a request into a [`Call`], performs the delays and cuts its faults ask for,
//! and writes the [`Reply`] out. Every rule about *what* is answered is in `answer.rs`.

use crate::call::{Body as ReplyBody, Call, Reply};
use crate::fault::FaultKind;
use crate::line::Line;
use crate::sim::Sim;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use std::time::Duration;

/// A larger request body is read as empty; no client of this protocol comes near.
const BODY_LIMIT: usize = 4 << 20;

/// Answers any request outside `/admin`.
pub async fn provider(
    State(sim): State<Sim>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let call = read(request).await;
    let arrival = sim.arrive(&call);
    let struck = &arrival.struck;
    if let Some(FaultKind::Delay { ms }) = struck.delay {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    if struck.fault == Some(FaultKind::CutBefore) {
        return cut(&line);
    }
    let reply = sim.serve(&arrival, &call);
    if let Some(FaultKind::DelayAnswer { ms }) = struck.delay {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let (kind, text) = match &reply.body {
        ReplyBody::Json(value) => ("application/json", value.to_string()),
        ReplyBody::Html(page) => ("text/html; charset=UTF-8", page.clone().into_owned()),
    };
    match &struck.fault {
        Some(FaultKind::CutAfter) => return cut(&line),
        Some(FaultKind::HalfBody) => line.cut_in_body(text.len() / 2),
        _ => sim.delivered(&arrival),
    }
    respond(&reply, kind, text)
}

async fn read(request: Request) -> Call {
    let (head, body) = request.into_parts();
    let text = |name| header_text(&head.headers, name);
    Call {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        cookie: text("cookie"),
        user_agent: text("user-agent"),
        content_type: text("content-type"),
        bearer: text("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned)),
        beta: text("anthropic-beta"),
        body: to_bytes(body, BODY_LIMIT).await.unwrap_or_default().to_vec(),
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The line is dead before this reaches it: the answer only makes the server notice.
fn cut(line: &Line) -> Response<Body> {
    line.cut();
    Response::new(Body::empty())
}

fn respond(reply: &Reply, kind: &str, text: String) -> Response<Body> {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, kind);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(text)).unwrap_or_else(|_| Response::new(Body::empty()))
}
