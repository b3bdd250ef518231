//! The REST API. Every route is on this screen; each is one function in the file of its group, documented where it is
//! written, and checked in the same order: who calls, what about, what they say.

mod access_policies;
mod auth;
mod bearer;
mod caller;
mod clusters;
mod cursor;
mod entries;
mod events;
mod extract;
mod front;
mod lanes;
mod listen;
mod live;
mod me;
mod metrics;
mod openapi;
mod problem;
mod rates;
mod repair;
mod requests;
mod revocations;
mod service;
mod slack;
mod state;
mod stream;
mod turned_away;
mod views;
mod webhooks;
pub(crate) mod wire;

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use auth::{TokenEntry, TokenTable};
pub use listen::serve;
pub use live::Rhythm;
pub use metrics::{figures_alone, keep_counting};
pub use rates::Rates;
pub use slack::Slack;
pub use state::ApiState;
pub use webhooks::WebhookEntry;

use problem::{Code, Problem};

fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(requests::submit, requests::list))
        .routes(routes!(requests::get))
        .routes(routes!(requests::review))
        .routes(routes!(requests::withdraw))
        .routes(routes!(requests::revoke))
        .routes(routes!(requests::relinquish))
        .routes(routes!(requests::retry))
        .routes(routes!(requests::extend))
        .routes(routes!(requests::timeline))
        .routes(routes!(revocations::revoke_all))
        .routes(routes!(clusters::list))
        .routes(routes!(clusters::get))
        .routes(routes!(entries::list))
        .routes(routes!(entries::get))
        .routes(routes!(repair::repair))
        .routes(routes!(events::list))
        .routes(routes!(live::stream))
        .routes(routes!(webhooks::list))
        .routes(routes!(webhooks::replay))
        .routes(routes!(access_policies::list))
        .routes(routes!(me::me))
        .routes(routes!(slack::command))
        .routes(routes!(slack::interaction))
        .routes(routes!(slack::show_link, slack::confirm_link))
        .routes(routes!(slack::unlink))
        .routes(routes!(problem::index))
        .routes(routes!(problem::explain))
        .routes(routes!(service::livez))
        .routes(routes!(service::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(service::openapi))
        .routes(routes!(service::welcome))
}

/// The OpenAPI document of the API.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = routes().into_openapi();
    openapi::finish(&mut document);
    document
}

/// The API.
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes().split_for_parts();
    behind_the_front(router.merge(service::docs()).fallback(async || Problem::no_such_path()), state)
}

/// What a process without the API answers: whether it is well, and how things are.
pub fn probes(state: ApiState) -> Router {
    let (router, _) = OpenApiRouter::new()
        .routes(routes!(service::livez))
        .routes(routes!(service::readyz))
        .routes(routes!(metrics::metrics))
        .split_for_parts();
    let only = "this process works and has no API; it answers /livez, /readyz and /metrics";
    behind_the_front(router.fallback(async move || Problem::new(Code::NotFound, only)), state)
}

/// A call passes the layers from the top down, its answer from the bottom up.
fn behind_the_front(router: Router<ApiState>, state: ApiState) -> Router {
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn(front::receive))
        .layer(middleware::map_response(front::harden))
        .layer(CatchPanicLayer::custom(front::panicked))
        .layer(middleware::from_fn_with_state(state.lanes.clone(), lanes::admit))
        .layer(middleware::from_fn(rates::tell))
        .layer(DefaultBodyLimit::max(extract::LONGEST_BODY));
    router.layer(layers).with_state(state)
}
