//! What every call that changes something brings: who asks, whether to do it once, and its body.

use std::time::Duration;

use axum::RequestExt;
use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request};
use axum::http::StatusCode;
use tokio::time::sleep;

use super::super::caller::Authenticated;
use super::super::lanes::Place;
use super::super::problem::{Code, Problem};
use super::super::state::ApiState;
use super::idempotency;
use super::json::{self, LONGEST_BODY, TakenBody};
use crate::domain::identity::Caller;
use crate::workflow::standing::Details;
use crate::workflow::{Key, Once, Rendered};

/// How long a body may take: some 4 KiB a second for the longest one.
const BODY: Duration = Duration::from_secs(15);
/// How long it may still take once the process stops.
const LAST_BODY: Duration = Duration::from_secs(1);

/// A call with a body. The caller is known before a byte of the body is read.
#[derive(Debug)]
pub(crate) struct Command<T> {
    /// Who asks.
    pub(crate) caller: Caller,
    /// The body.
    pub(crate) body: T,
    key: Option<Key>,
}

impl<T> Command<T> {
    /// The `Idempotency-Key` of the call.
    pub(crate) fn key(&self) -> Option<Key> {
        self.key.clone()
    }

    /// The caller's wish that this happens once, answered as `render` says.
    pub(crate) fn once<'a>(&self, render: &'a (dyn Fn(&[Details]) -> Rendered + Send + Sync)) -> Option<Once<'a>> {
        self.key.clone().map(|key| Once { key, render })
    }
}

impl<T: TakenBody> FromRequest<ApiState> for Command<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &ApiState) -> Result<Self, Problem> {
        let Authenticated(caller) = request.extract_parts_with_state(state).await?;
        let (mut parts, body) = request.into_parts();
        let route = MatchedPath::from_request_parts(&mut parts, state).await.map_err(Problem::internal)?;
        let head = parts.clone();
        let place = head.extensions.get::<Place>();
        if let Some(place) = place {
            place.leave();
        }
        let bytes = read(Request::from_parts(parts, body), state).await?;
        place.map_or(Ok(()), Place::come_back)?;
        let key = idempotency::key(&head.headers, &caller, &head.method, route.as_str(), &head.uri, &bytes)?;
        let body = json::parse(&head.headers, &bytes)?;
        Ok(Self { caller, body, key })
    }
}

/// Reads the body, unless it says by itself that it is too long, or takes too long.
async fn read(request: Request, state: &ApiState) -> Result<Bytes, Problem> {
    let most = u64::try_from(LONGEST_BODY).unwrap_or(u64::MAX);
    if request.body().size_hint().lower() > most {
        return Err(Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let stopping = async {
        state.stop.cancelled().await;
        sleep(LAST_BODY).await;
    };
    tokio::select! {
        bytes = Bytes::from_request(request, state) => bytes.map_err(json::unreadable),
        () = sleep(BODY) => Err(Problem::new(Code::RequestTimeout, "the body took too long; send the call again")),
        () = stopping => Err(Problem::unavailable("the process stops, and the body was still coming in")),
    }
}
