//! The service itself: is it there, can it work, what does it offer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use utoipa::openapi::ServerBuilder;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::extract::{JSON, json_response};
use super::openapi::PublicFailures;
use super::state::ApiState;
use crate::workflow::{Desk, StoreError};

/// How long Postgres may take to say that it is well.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Condition {
    /// `ok`, `ready`, `stopping` or `unavailable`.
    #[schema(example = "ready")]
    status: &'static str,
    /// What is missing, and what to do about it; null when nothing is.
    #[schema(example = json!(null))]
    detail: Option<&'static str>,
}

/// Whether the process is alive
///
/// Looks at nothing outside the process: restarting it would mend nothing there.
#[utoipa::path(get, path = "/livez", tag = "service", operation_id = "getLiveness", security(()),
    responses((status = 200, description = "It is", body = Condition), PublicFailures))]
pub(crate) async fn livez() -> Response {
    json_response(&Condition { status: "ok", detail: None })
}

/// Whether the service takes calls
///
/// Postgres takes writes and has this build's schema, and the process is not stopping. EKS is not asked: requests can be
/// filed and reviewed while it is away.
#[utoipa::path(get, path = "/readyz", tag = "service", operation_id = "getReadiness", security(()),
    responses(
        (status = 200, description = "It does", body = Condition),
        (status = 503, description = "It does not, for the reason given", body = Condition),
    ))]
pub(crate) async fn readyz(State(desk): State<Desk>, State(stop): State<CancellationToken>) -> Response {
    if stop.is_cancelled() {
        return not_ready("stopping", "the process is stopping; ask another replica");
    }
    match tokio::time::timeout(PATIENCE, desk.ready()).await {
        Ok(Ok(())) => json_response(&Condition { status: "ready", detail: None }),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            not_ready(
                "unavailable",
                match error {
                    StoreError::ReadOnly => "Postgres takes no writes; point database.url at the writer",
                    StoreError::Migration(_) => "the schema is older than this build; run `entryway migrate`",
                    _ => "Postgres cannot be asked; the log says why",
                },
            )
        }
        Err(_) => not_ready("unavailable", "Postgres takes longer than a second to answer"),
    }
}

fn not_ready(status: &'static str, detail: &'static str) -> Response {
    let mut answer = json_response(&Condition { status, detail: Some(detail) });
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer
}

/// Where to go from here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Welcome {
    /// `entryway`.
    #[schema(example = "entryway")]
    service: &'static str,
    /// The version of this build.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The API, to read and to try out.
    #[schema(example = "/docs")]
    documentation: &'static str,
    /// The OpenAPI document.
    #[schema(example = "/openapi.json")]
    openapi: &'static str,
    /// What each code means.
    #[schema(example = "/problems")]
    problems: &'static str,
}

/// Says where to go from here
#[utoipa::path(get, path = "/", tag = "service", operation_id = "getWelcome", security(()),
    responses((status = 200, description = "The ways in", body = Welcome), PublicFailures))]
pub(crate) async fn welcome() -> Response {
    json_response(&Welcome {
        service: "entryway",
        version: env!("CARGO_PKG_VERSION"),
        documentation: "/docs",
        openapi: "/openapi.json",
        problems: "/problems",
    })
}

/// The document as this installation hands it out: with the address that people reach it at. Written once, when it is first
/// asked for.
#[derive(Debug, Clone)]
pub(super) struct Handout {
    public_url: Arc<str>,
    text: Arc<OnceLock<Bytes>>,
}

impl Handout {
    pub(super) fn new(public_url: &str) -> Self {
        Self { public_url: public_url.into(), text: Arc::default() }
    }

    fn text(&self) -> Bytes {
        let write = || {
            let mut document = super::document();
            let here = ServerBuilder::new().url(&*self.public_url).description(Some("This installation"));
            document.servers = Some(vec![here.build()]);
            serde_json::to_vec(&document).expect("the document is JSON").into()
        };
        self.text.get_or_init(write).clone()
    }
}

/// Hands out this document
#[utoipa::path(get, path = "/openapi.json", tag = "service", operation_id = "getOpenApi", security(()),
    responses((status = 200, description = "This document (OpenAPI 3.1)", body = Object), PublicFailures))]
pub(crate) async fn openapi(State(handout): State<Handout>) -> Response {
    ([(CONTENT_TYPE, JSON), (CACHE_CONTROL, "no-cache")], handout.text()).into_response()
}

/// The API to read and to try out, from the binary alone: nothing is loaded from elsewhere. Its own copy of the document
/// names no server, so that it is tried out on the one the page came from, by whatever name it was called.
pub(super) fn docs() -> Router<ApiState> {
    const OWN_COPY: &str = "/docs/openapi.json";
    /// The page sets styles by itself and draws its icons from data URLs.
    const ITSELF: [(HeaderName, &str); 2] = [
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (CACHE_CONTROL, "no-cache"),
    ];
    let page = SwaggerUi::new("/docs")
        .url(OWN_COPY, super::document())
        .config(Config::new([OWN_COPY]).persist_authorization(false));
    Router::from(page).layer(middleware::map_response(async |answer: Response| (ITSELF, answer).into_response()))
}
