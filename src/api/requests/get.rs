//! `GET /v1/requests/{id}`, now or when something has happened.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::ETAG;
use axum::response::Response;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::caller::Authenticated;
use super::super::extract::{Parameters, PathId, json_response};
use super::super::live::{Live, Watch};
use super::super::openapi::{CallerHeaders, FindFailures};
use super::super::problem::Problem;
use super::super::views::{RequestView, State as StateName};
use super::{list, reply};
use crate::domain::duration::{self, DurationError};
use crate::domain::identity::Caller;
use crate::domain::states::RequestState;
use crate::workflow::standing::Details;
use crate::workflow::{Desk, WorkflowError};

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Shows a request
///
/// With `wait` the answer is held until the state changes, or with `until` as well, until that state is reached or can no
/// longer be without somebody asking for it: `failed` ends the wait for anything else. Either way the answer is the
/// request as it is then.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "requests", operation_id = "getRequest",
    params(CallerHeaders,
        ("id" = Uuid, Path, description = "The request", example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1"),
        ("wait" = Option<String>, Query, description = "How long to wait at most, up to 60 s", example = "1s"),
        ("until" = Option<StateName>, Query, description = "Which state to wait for; needs `wait`", example = "active")),
    responses(
        (status = 200, description = "The request", body = RequestView,
            headers(("ETag" = String, description = "Its version"))),
        FindFailures,
    ))]
pub(crate) async fn get(
    State(desk): State<Desk>,
    State(live): State<Live>,
    State(stop): State<CancellationToken>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let waits = parameters.has("wait");
    let wait = parameters.one("wait", wait);
    let until = parameters.one("until", list::state);
    if until.is_some() && !waits {
        parameters.wrong("until", "needs wait, such as wait=30s");
    }
    parameters.end()?;
    let details = match wait {
        None => desk.get(&caller, id).await?,
        Some(wait) => {
            let held = Held { desk: &desk, watch: &live.watch, caller: &caller, id, until };
            held.until(&stop, Instant::now() + wait).await?
        }
    };
    let mut answer = json_response(&RequestView::from(&details));
    let etag = HeaderValue::try_from(reply::etag(&details)).map_err(Problem::internal)?;
    answer.headers_mut().insert(ETAG, etag);
    Ok(answer)
}

fn wait(text: &str) -> Result<Duration, String> {
    let wait = match duration::parse(text) {
        Ok(wait) => wait.to_std().map_err(|error| error.to_string())?,
        Err(DurationError::Zero) => Duration::ZERO,
        Err(error) => return Err(error.to_string()),
    };
    if wait > LONGEST_WAIT { Err("is longer than 60s; ask again after that".to_owned()) } else { Ok(wait) }
}

/// A call that is held until something happens to a request.
struct Held<'a> {
    desk: &'a Desk,
    watch: &'a Watch,
    caller: &'a Caller,
    id: Uuid,
    until: Option<RequestState>,
}

impl Held<'_> {
    /// The request once it is what is waited for, when `deadline` has come, or when the process stops. Meanwhile nothing is asked
    /// for this call alone.
    async fn until(&self, stop: &CancellationToken, deadline: Instant) -> Result<Details, WorkflowError> {
        // Before the first look, so that no change falls between the two.
        let mut following = self.watch.follow(self.id);
        let arrived_in = self.watch.glance(self.desk, self.caller, self.id).await?;
        let is_over = |state| self.is_over(arrived_in, state);
        let mut holds = Instant::now() < deadline && !is_over(arrived_in);
        loop {
            if holds {
                tokio::select! {
                    () = following.seen_in(is_over) => {}
                    () = stop.cancelled() => holds = false,
                    () = tokio::time::sleep_until(deadline) => holds = false,
                }
            }
            // Also when nothing came: it may have been reviewed, and stayed where it is.
            let details = self.watch.look(self.desk, self.caller, self.id).await?;
            if !holds || is_over(details.request.state) {
                return Ok(details);
            }
        }
    }

    fn is_over(&self, arrived_in: RequestState, state: RequestState) -> bool {
        match self.until {
            None => state != arrived_in,
            Some(target) => state == target || !state.can_reach_unasked(target),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_are_read_and_bounded() {
        assert_eq!(wait("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(wait("PT1M"), Ok(LONGEST_WAIT));
        assert_eq!(wait("0s"), Ok(Duration::ZERO));
        assert!(wait("61s").is_err() && wait("-1s").is_err() && wait("30").is_err());
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest(text in prop_oneof!["\\PC{0,20}", "P?T?[0-9]{1,6}[smhSMH]"]) {
            if let Ok(wait) = wait(&text) {
                prop_assert!(wait <= LONGEST_WAIT);
            }
        }
    }
}
