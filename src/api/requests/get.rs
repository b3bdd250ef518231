//! `GET /v1/requests/{id}`, now or when something has happened.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::ETAG;
use axum::response::Response;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::caller::Authenticated;
use super::super::extract::{Parameters, PathId, json_response};
use super::super::openapi::{CallerHeaders, FindFailures};
use super::super::problem::Problem;
use super::super::views::{RequestView, State as StateName};
use super::{list, reply};
use crate::domain::duration::{self, DurationError};
use crate::domain::identity::Caller;
use crate::domain::states::RequestState;
use crate::workflow::standing::Details;
use crate::workflow::{Desk, Notice, WorkflowError};

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often to look without having heard anything: notices may be lost between replicas.
const LOOK_EVERY: Duration = Duration::from_secs(2);

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
    // Listening starts before the first look, so that no change falls between the two.
    let mut notices = desk.notices();
    let mut details = desk.get(&caller, id).await?;
    if let Some(wait) = wait {
        let watch = Watch { desk: &desk, caller: &caller, stop: &stop, arrived_in: details.request.state, until };
        details = watch.follow(details, &mut notices, Instant::now() + wait).await?;
    }
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

/// Somebody waits for something to happen to a request.
struct Watch<'a> {
    desk: &'a Desk,
    caller: &'a Caller,
    stop: &'a CancellationToken,
    arrived_in: RequestState,
    until: Option<RequestState>,
}

impl Watch<'_> {
    /// The request once it is what is waited for, when `deadline` has come, or when the process stops.
    async fn follow(
        &self,
        mut details: Details,
        notices: &mut Receiver<Notice>,
        deadline: Instant,
    ) -> Result<Details, WorkflowError> {
        while !self.is_over(details.request.state) {
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep_until(deadline) => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = heard_of(details.request.id, notices) => {}
            }
            details = self.desk.get(self.caller, details.request.id).await?;
        }
        Ok(details)
    }

    fn is_over(&self, state: RequestState) -> bool {
        match self.until {
            None => state != self.arrived_in,
            Some(target) => state == target || !state.can_reach_unasked(target),
        }
    }
}

/// Waits for a notice that may be about request `id`.
async fn heard_of(id: Uuid, notices: &mut Receiver<Notice>) {
    loop {
        match notices.recv().await {
            Ok(Notice::Changed(changed)) if changed != id => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::sync::broadcast;

    use super::*;

    #[test]
    fn waits_are_read_and_bounded() {
        assert_eq!(wait("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(wait("PT1M"), Ok(LONGEST_WAIT));
        assert_eq!(wait("0s"), Ok(Duration::ZERO));
        assert!(wait("61s").is_err() && wait("-1s").is_err() && wait("30").is_err());
    }

    #[tokio::test]
    async fn only_notices_that_may_concern_it_wake_a_watch() {
        let (id, other) = (Uuid::now_v7(), Uuid::now_v7());
        let (send, mut notices) = broadcast::channel(1);
        for (last, why) in [(Notice::Changed(id), "its own"), (Notice::Resync, "some were missed")] {
            send.send(last).expect("a receiver");
            heard_of(id, &mut notices).await;
            assert!(notices.try_recv().is_err(), "{why}");
        }
        send.send(Notice::Changed(other)).expect("a receiver");
        let mut listening = std::pin::pin!(heard_of(id, &mut notices));
        let quiet = tokio::time::timeout(Duration::ZERO, listening.as_mut()).await;
        assert!(quiet.is_err(), "another request's notice is passed over");
        for _ in 0..2 {
            send.send(Notice::Changed(other)).expect("a receiver");
        }
        listening.await;
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
