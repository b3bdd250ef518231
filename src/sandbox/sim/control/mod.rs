//! The control routes under `/_sim`: turn knobs, look behind the scenes, read the call log. Everything else on the
//! socket is AWS.

mod clusters;
mod entries;
mod principals;
mod settings;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::routing::{delete, get, post};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::cluster::ClusterKey;
use super::server::{Connection, Raw, Shared, serve};
use super::state::State as SimState;

/// What a control route answers: a document, or a status with what is wrong.
type Answer = Result<Value, (StatusCode, String)>;

/// Every route of the socket.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/_sim/config", get(settings::config).put(settings::set_config))
        .route("/_sim/clock", get(settings::clock).post(settings::set_clock))
        .route("/_sim/faults", get(settings::faults).post(settings::add_fault).delete(settings::clear_faults))
        .route("/_sim/faults/{id}", delete(settings::remove_fault))
        .route("/_sim/calls", get(settings::calls).delete(settings::clear_calls))
        .route("/_sim/keys", post(settings::add_key))
        .route("/_sim/clusters", get(clusters::all).post(clusters::add))
        .route("/_sim/clusters/{name}", post(clusters::change).delete(clusters::remove))
        .route("/_sim/entries", get(entries::all).put(entries::edit).delete(entries::remove))
        .route("/_sim/authorizer", get(entries::authorizer))
        .route("/_sim/principals", get(principals::all).put(principals::change))
        .fallback(aws)
        .with_state(shared)
}

async fn aws(
    State(shared): State<Shared>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    serve(shared, connection, Raw { method, uri, headers, body }).await
}

fn reply(answer: Answer) -> Response<Body> {
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err((status, message)) => (status, json!({ "error": message })),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn bad(message: impl Into<String>) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, message.into())
}

fn missing(message: impl Into<String>) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, message.into())
}

fn document<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, (StatusCode, String)> {
    // Read as an object first: a derived reader would take an array for a list of fields.
    let object: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
    serde_json::from_value(object.into()).map_err(|error| bad(error.to_string()))
}

/// Where a cluster is: name it, and the account and region if they are not the default ones.
#[derive(Debug, Default, serde::Deserialize)]
struct Place {
    account: Option<String>,
    region: Option<String>,
}

impl Place {
    fn key(self, state: &SimState, name: &str) -> Result<ClusterKey, (StatusCode, String)> {
        let key = ClusterKey {
            account: self.account.unwrap_or_else(|| state.keys.default_account.clone()),
            region: self.region.unwrap_or_else(|| state.keys.default_region.clone()),
            name: name.to_owned(),
        };
        if state.clusters.contains_key(&key) {
            Ok(key)
        } else {
            Err(missing(format!("no cluster {name} in account {} and region {}", key.account, key.region)))
        }
    }
}
