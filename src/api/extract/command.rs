//! What every call that changes something brings: who asks, whether to do it once, and its body.

use axum::RequestExt;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request};

use super::super::caller::Authenticated;
use super::super::problem::Problem;
use super::super::state::ApiState;
use super::idempotency;
use super::json::{self, Body, TakenBody};
use crate::domain::identity::Caller;
use crate::workflow::standing::Details;
use crate::workflow::{Key, Once, Rendered};

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
        let bytes = Body::from_request(Request::from_parts(parts, body), state).await.map_err(json::unreadable)?;
        let key = idempotency::key(&head.headers, &caller, &head.method, route.as_str(), &head.uri, &bytes)?;
        let body = json::parse(&head.headers, &bytes)?;
        Ok(Self { caller, body, key })
    }
}
